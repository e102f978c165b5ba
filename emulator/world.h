/*
 * What the two worlds have in common: they take a plan and a record, run the
 * fleet in one mode, and say how far their result can be trusted. The netns
 * world is the real kernel, the sim world virtual time; neither includes from
 * the other.
 */
#ifndef FLEET_WORLD_H
#define FLEET_WORLD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/journal/journal.h"
#include "emulator/plan/plan.h"
#include "emulator/record/record.h"

/* Faults of the virtual-time world's own making, so that a test sees the invariants catch them. */
enum world_sabotage {
	WORLD_SABOTAGE_NONE,
	WORLD_SABOTAGE_VERIFIED_LIES, /* each verification says that the file is good */
	WORLD_SABOTAGE_ALIVE_LOST     /* no sign of life from a parent arrives */
};

/* How often each (state, event) pair of pfs-core was met. */
struct world_coverage {
	uint64_t met[PFS_STATES][PFS_EV_KINDS];
};

/* A promise that was broken: it ended the run. */
struct world_violation {
	char invariant[96]; /* "" none */
	uint64_t at_us;
	uint32_t phone, other; /* the same where it concerns one phone alone */
};

struct world_options {
	const struct plan *plan;
	struct record *record;
	struct journal *journal;          /* of what enters the phones; or NULL */
	bool traditional;
	const char *out_dir;              /* the run's folder, or NULL */
	/*
	 * Threads. netns: that the phones are spread over; 0: as many as are worth it, or as many as it takes.
	 * Virtual time: for sites that share nothing; 0: the caller's alone. With
	 * more than none the tap and coverage there are called for from all of them.
	 */
	uint32_t workers;
	const volatile sig_atomic_t *stop; /* becomes 1: end with partial results; may be NULL */
	/*
	 * Called once, as soon as the process may have more than one thread: the
	 * netns world must enter its user namespace before. The sim world need not
	 * call it. May be NULL.
	 */
	void (*started)(void *context);
	void *started_context;
	/* Sees every trace record of every phone as it happens, for tests; may be NULL. */
	void (*tap)(void *context, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace);
	void *tap_context;
	/* Virtual time only. */
	bool together;                   /* one event queue for all sites, whatever they share: for tests */
	struct world_coverage *coverage; /* added to; may be NULL */
	enum world_sabotage sabotage;
	bool unwatched;                  /* the fleet's invariants are not looked at: for hosts that are no phones */
	bool quiet;                      /* a violation stands in the report alone, not on stderr */
};

/* Fidelity (DESIGN point 9) and setup of a run; what a world has not is zero. */
struct world_report {
	bool inconclusive;
	char reasons[256];                /* why, "; " between */
	uint32_t speed_held_milli;        /* a speed at which the limits would have held; 0: they held */
	uint32_t speed_not_held_milli;    /* not 0: the above was found by runs, and this is the lowest that did not hold */
	uint32_t limits_used_percent;     /* how near timer lag or relay lateness came to its limit, the nearer one */
	uint64_t timer_lag_p50_us, timer_lag_p99_us, timer_lag_max_us; /* scenario time */
	uint64_t start_late_max_us;       /* how long behind its reset the latest phone began, scenario time; not judged */
	uint64_t timer_smallest_us;       /* smallest protocol timer in use */
	uint64_t relay_late_p50_us, relay_late_p99_us, relay_late_max_us; /* left uncorrected at the worst site, scenario time */
	uint64_t relay_round_trip_us;     /* that site's, which it is measured by; 0: no site has one, nothing is judged */
	uint64_t relay_corrections;
	uint64_t drops;                   /* packets dropped that the scenario did not drop */
	uint64_t arp_frames;              /* ARP requests that came to the switches' bridges */
	uint64_t tcp_retransmits;
	double cpu_busy;                  /* of one core, 0 to cores */
	double steal;                     /* fraction of the run's CPU time */
	double up_s, down_s;              /* real time */
	uint64_t rss_bytes, kernel_bytes; /* the process's own at its highest; the kernel's at the end */
	uint32_t workers;
	uint64_t descriptors_peak;        /* of all tables; a worker has one of its own */
	uint64_t descriptors_table_peak;  /* of the fullest table, which the host's limit is for */
	uint64_t rx_bytes_min;            /* smallest eth0 rx_bytes of an upgraded phone, from the kernel */
	uint64_t rx_short;                /* upgraded phones whose rx_bytes is below their set's size */
	uint64_t installed_damaged;       /* times that a phone called itself upgraded with bytes that are not the plan's */
	uint64_t events;                  /* sim: events handled */
	uint64_t wakeups;                 /* netns: times that the workers' loops came round */
	uint64_t shortages;               /* netns: times that no descriptor was left for a socket */
	uint32_t faults_not_struck;       /* of the scenario's faults in this mode: found no target */
	uint64_t ended_us;                /* scenario time at the end, for record_finish() */
	bool interrupted;                 /* *stop ended it */
	struct world_violation violation; /* sim: where the run returned -EPROTO */
};

/*
 * Runs the plan to its end (all phones ended, time limit, or stop). Returns 0,
 * or a negative errno where the host lacks something, with a line on stderr
 * that says what to do (exit 4). The sim world returns -EPROTO where an
 * invariant was broken: report->violation says which.
 */
int netns_world_run(const struct world_options *options, struct world_report *report);
int sim_world_run(const struct world_options *options, struct world_report *report);

/* How many parts of a run share nothing that needs one event queue: at most so many workers have work. */
uint32_t sim_world_parts(const struct plan *plan, bool traditional);

#endif
