/*
 * Election campaigns: a fleet and its faults are drawn from a seed, run in
 * virtual time and held to the invariants (emulator/sim/invariants.c). A case
 * is a scenario, as JSON, from the first draw to the smallest that still fails:
 * so what a campaign finds is run by `pfs-fleet run` as it is.
 */
#ifndef FLEET_RACES_H
#define FLEET_RACES_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "emulator/world.h"

#define RACE_FAULTS_MAX 64 /* kinds that can be told apart in a mask */

struct race_settings {
	uint32_t phones_min, phones_max;
	uint64_t seed_first, seed_last;
	uint64_t faults; /* mask of kinds, by number in the table of kinds */
	uint32_t workers;
	uint32_t files;      /* with base: of its largest firmware set */
	const char *base;    /* scenario to put seed and faults into, as JSON; NULL: the fleet is drawn too */
	const char *out_dir; /* smallest cases go there */
	/* Writes a file there. 0, or a negative errno with a line on stderr. */
	int (*save)(const char *out_dir, const char *name, const char *text);
	const char *command; /* the command line but --seeds, for the line that replays a seed */
	enum world_sabotage sabotage;
	bool quiet;
	/* Signals that came (SIGINT, SIGTERM), counted by the caller's handler: 1 ends the campaign, 2 its shrinking too. */
	const volatile sig_atomic_t *stop;
};

/* What became of one case. Plain: it goes through a pipe. */
struct race_outcome {
	uint64_t seed;
	uint64_t events, phone_us; /* phone_us: scenario time, summed over the phones */
	struct world_coverage coverage;
	uint32_t faults;           /* that the case has, struck or not */
	char broken[128];          /* invariant, or how the program ended; "" all held */
	char phone[20], other[20]; /* whom it concerns; "" nobody in particular */
	uint64_t at_us;
	bool crashed;
};

/* ---- draw.c ---- */

const char *race_fault_name(uint32_t number); /* NULL past the end */
/* "kill,crash", "all" or "none". 0, or -EINVAL: *bad and *length say which word is not known. */
int race_faults_parse(const char *list, uint64_t *faults, const char **bad, int *length);
/* The scenario of a seed, JSON, to be freed; NULL where memory lacks. */
char *race_draw(const struct race_settings *settings, uint64_t seed);

/* ---- attempt.c ---- */

typedef void (*race_tap)(void *context, const struct plan *plan, uint32_t phone, uint64_t now_us,
			 const struct pfs_trace *trace);
typedef void (*race_fault_seen)(void *context, uint64_t at_us, const char *text);
struct race_listener {
	race_tap tap;
	race_fault_seen fault; /* after the run, in order */
	void *context;
};

/*
 * Runs a case in this process. listener may be NULL. Returns 0 whether or not
 * the invariants held, or a negative errno with a line on stderr: the scenario
 * is bad, memory lacks.
 */
int race_run(const char *scenario, enum world_sabotage sabotage, const struct race_listener *listener,
	     bool quiet, struct race_outcome *outcome);
/*
 * The same in a process of its own: a case that crashes has an outcome too. -EINTR where
 * *stop reached 2 meanwhile: that process is ended.
 */
int race_run_apart(const char *scenario, enum world_sabotage sabotage, const volatile sig_atomic_t *stop,
		   struct race_outcome *outcome);
/*
 * Waits until there is something to be read. Only here do SIGINT and SIGTERM, which a
 * campaign blocks, come through, so that none comes between a look at *stop and the wait. Returns
 * 0, or -EINTR once *stop is as much as `enough`.
 */
int race_await(int fd, const volatile sig_atomic_t *stop, int enough);
/* In a new child: it is not to outlive its parent, however that ends. */
void race_child_bind(pid_t parent);

/* ---- shrink.c ---- */

struct race_shrunk {
	char *scenario; /* JSON, to be freed */
	struct race_outcome outcome;
	uint32_t attempts, phones, faults;
};
/*
 * Takes away phones, faults and time until nothing more can go while the same
 * invariant breaks; the scenario's seed may be another one in the end, the
 * outcome's is the case's. Returns 0, or a negative errno: -EINTR where *stop reached 2.
 */
int race_shrink(const char *scenario, const struct race_settings *settings, const struct race_outcome *outcome,
		struct race_shrunk *shrunk);

/* ---- diagram.c ---- */

/* The case's messages as a Mermaid sequence diagram and as plain text; both to be freed. 0 or negative errno.
 */
int race_diagram(const char *scenario, enum world_sabotage sabotage, char **mermaid, char **text);

/* ---- coverage.c ---- */

void race_coverage_add(struct world_coverage *sum, const struct world_coverage *more);
/* seeds: how many it was added up from. */
void race_coverage_print(const struct world_coverage *coverage, uint64_t seeds, FILE *stream);
/* Why the pair cannot be, or NULL where it can. */
const char *race_impossible(enum pfs_state state, enum pfs_event_kind kind);

/* ---- campaign.c ---- */

/*
 * Runs all seeds, until *stop; results on stdout, progress on stderr. Returns the number of failures, or a
 * negative errno.
 */
int64_t race_campaign(const struct race_settings *settings);

#endif
