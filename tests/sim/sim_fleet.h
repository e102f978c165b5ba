/*
 * A fleet in virtual time out of one filled-in struct: the plan is built in
 * memory, run, and everything that came out is there to be looked at. What is
 * zero in the spec has the default that stands beside it.
 */
#ifndef TESTS_SIM_SIM_FLEET_H
#define TESTS_SIM_SIM_FLEET_H

#include "emulator/world.h"

typedef void (*sim_fleet_tap)(void *context, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace);

struct sim_fleet_spec {
	uint32_t phones;      /* of the fleet; dealt out to the subnets evenly */
	uint32_t models;      /* 1; phone i of a subnet has model i modulo this; all share one firmware set */
	uint32_t subnets;     /* 1 */
	bool one_switch;      /* all subnets on one switch, with limited broadcast; else a switch each */
	uint32_t without_pfs; /* the first so many phones have it disabled */
	bool traditional;
	bool unwatched;       /* hosts that are no phones: only what the world itself promises is checked */
	uint64_t seed;
	uint64_t spread_us;            /* resets are drawn from 0 to this; 0: all at once */
	uint32_t files;                /* 2 */
	uint64_t sizes[PFS_FILES_MAX]; /* 652 for the index, 200,000 for each component */
	uint64_t wan_bps;              /* 1,536,000 */
	uint32_t wan_delay_us;         /* 15,000 one way */
	uint64_t wan_queue_bytes;      /* 64 KiB */
	uint32_t wan_loss_ppm;
	uint32_t lan_delay_us;           /* 50 one way */
	uint64_t port_bps;               /* 100,000,000 */
	uint32_t serving_max;            /* 500 */
	uint64_t time_limit_us;          /* a day */
	const struct plan_fault *faults; /* use sim_fleet_fault() */
	uint32_t fault_count;
	struct plan_what_if what_if;       /* what the phones do */
	const volatile sig_atomic_t *stop; /* NULL */
	struct world_coverage *coverage;   /* NULL */
	sim_fleet_tap tap;
	void *tap_context;
	const char *journal;               /* NULL; else the file that it is kept in, which must not be there */
	uint64_t journal_bytes_max;        /* the default */
	const uint8_t *journal_chosen;     /* NULL: all */
};

struct sim_fleet {
	int error;                       /* of sim_world_run */
	const struct run_result *result; /* NULL where error */
	struct world_report report;
	struct journal_result journal;
	uint64_t trace_hash; /* of every trace record with its phone and time, in order */
	uint64_t trace_count;
	double real_s;
	struct plan *plan;
	struct record *record;
	const struct sim_fleet_spec *spec;
};

/* A fault on any site, subnet, model and file, for good; the caller changes what it wants. */
struct plan_fault sim_fleet_fault(enum plan_fault_kind kind, enum plan_role role, enum plan_phase phase,
				  uint32_t at_percent);

/* Builds, runs, works out the result. Aborts where memory lacks. */
void sim_fleet_run(const struct sim_fleet_spec *spec, struct sim_fleet *fleet);
void sim_fleet_done(struct sim_fleet *fleet);

#endif
