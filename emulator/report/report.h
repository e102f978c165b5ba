/*
 * The report: one or two runs of a scenario judged, written as summary.json
 * and laid side by side in a table. It only reads: plan, results and what the
 * worlds say of themselves.
 */
#ifndef FLEET_REPORT_H
#define FLEET_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "emulator/plan/plan.h"
#include "emulator/record/record.h"
#include "emulator/world.h"

#define REPORT_SCHEMA "pfs-fleet/summary/1"
/* Those of judge.c, twice; each item of the scenario's trace both ways; five of each hierarchies item. */
#define REPORT_CHECKS_MAX (16 + 2 * PLAN_EXPECT_TRACES_MAX + 5 * PLAN_EXPECT_HIERARCHIES_MAX)

/* Long arrays of summary.json end there; their totals and counts by reason do not. */
#define REPORT_HIERARCHIES_MAX 1000
#define REPORT_DIRECTS_MAX 1000
#define REPORT_FAILURES_MAX 200
#define REPORT_FAULTS_MAX 200

struct report_run {
	const struct run_result *result;  /* NULL: this mode was not run */
	const struct world_report *world;
};

enum report_verdict { REPORT_PASS, REPORT_FAIL, REPORT_INCONCLUSIVE };

/* The same scenario at full size in virtual time, beside a run that is scaled or sped. */
struct report_side {
	const struct plan *plan;
	struct report_run pfs, traditional;
};

enum report_relation { REPORT_AT_MOST, REPORT_AT_LEAST, REPORT_EXACTLY };

/* Something that a run must hold: an expectation of the scenario, or what goes without saying. */
struct report_check {
	const char *name;            /* as in the scenario's expect, or one of judge.c's own; held by it or the plan */
	bool traditional;            /* of which run */
	bool expected;               /* the scenario says so */
	enum report_relation relation;
	uint64_t limit, value;       /* PLAN_UNSET: none */
	bool phone;                  /* they are phones, by their numbers in the plan */
	bool holds;
};

enum report_gate_verdict { REPORT_GATE_PASS, REPORT_GATE_FAIL, REPORT_GATE_SKIPPED };

#define REPORT_GATES_MAX 128 /* two of each field that an object of a scenario may have */
#define REPORT_VALUE_MAX 80

/* A gate of the scenario, judged. */
struct report_gate {
	const struct plan_gate *gate;
	enum report_gate_verdict verdict; /* skipped: the mode that it asks about was not run */
	bool has_value;              /* false: the figure has none (a time that never came) */
	char value[REPORT_VALUE_MAX]; /* as in the summary; of a text without its quotes */
};

/* Filled by the caller down to `side`; the rest by report_judge(). */
struct report {
	const struct plan *plan;
	const char *engine;          /* "netns" or "sim" */
	const char *out_dir;         /* for the host part; may be NULL */
	time_t started_at;           /* wall clock, for the host part */
	struct report_run pfs, traditional;
	const struct report_side *side; /* NULL: none */

	enum report_verdict verdict;
	bool interrupted;
	uint32_t check_count;
	struct report_check checks[REPORT_CHECKS_MAX];
	uint32_t gate_count;
	struct report_gate gates[REPORT_GATES_MAX];
};

/*
 * Evaluates the checks, the scenario's gates and the verdict: inconclusive where
 * a world says that its measurements cannot be trusted or the run was
 * interrupted; else fail where a check or a gate does not hold; else pass. Where
 * an invariant was broken, also at full size, it is fail whatever else there is.
 */
void report_judge(struct report *report);

/* True where the figures are not those of the scenario at full size and real speed. */
bool report_is_reduced(const struct report *report);

const char *report_verdict_name(enum report_verdict verdict);
const char *report_gate_verdict_name(enum report_gate_verdict verdict); /* "pass", "fail", "skipped" */
const char *report_relation_name(enum plan_relation relation);          /* "max", "min", "equal" */

/* summary.json, ends in a line feed; the caller frees it. NULL where memory lacks. */
char *report_summary(const struct report *report);

/*
 * detail.json, for a report: whom each phone had each file from, when each was
 * done, what the WAN carried when, what went wrong; the latter and the trees
 * where the record kept them (record_keep_copies()). The caller frees it. NULL
 * where memory lacks.
 */
#define REPORT_DETAIL_SCHEMA "pfs-fleet/detail/1"
#define REPORT_DETAIL_PHONES_MAX 10000 /* of a larger fleet there are no rows of single phones */
char *report_detail(const struct report *report);

/* The table for people. Returns 0, or a negative errno of the stream. */
int report_table(const struct report *report, FILE *stream);

/* ---- units for people; each fills `text` and returns it ---- */

struct report_text {
	char text[40];
};
struct report_text report_bytes(uint64_t bytes);       /* "999 B", "12.3 kB", "4.56 MB" */
struct report_text report_duration(uint64_t time_us);  /* "12.3 s", "3:05 min", "2:03:15 h"; "-" for never */
struct report_text report_count(uint64_t count);       /* "1,234,567" */

#endif
