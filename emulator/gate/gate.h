/*
 * Gates over whole runs: what `pfs-fleet gate` does with the summaries that
 * `pfs-fleet run` wrote. It makes its runs as processes of their own, this
 * program's or another build's, so that both are measured in the same way and
 * nothing of one run is left in the next.
 *
 *   runner   one run as a process, and its summary
 *   figures  a summary as a flat list of figures
 *   stats    bootstrap intervals, always with the same seed
 *   baseline figures kept in a file, and a run held to them
 *   against  this build and another one in turn, judged pair by pair
 *   lines    what was judged; text, Markdown, JUnit, JSON
 */
#ifndef FLEET_GATE_H
#define FLEET_GATE_H

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "emulator/plan/plan.h"

/* ---- lines: what was judged ---- */

enum gate_outcome { GATE_PASS, GATE_FAIL, GATE_INCONCLUSIVE, GATE_SKIPPED };

enum gate_kind { GATE_KIND_SCENARIO, GATE_KIND_BASELINE, GATE_KIND_AGAINST };

/* One line: every one has its limit and its value, as text for people and for files. */
struct gate_line {
	enum gate_kind kind;
	enum gate_outcome outcome;
	char *name, *limit, *value;
	char *note; /* or NULL */
};

struct gate_result {
	const char *scenario;      /* its name */
	const char *engine;        /* "netns" or "sim" */
	uint64_t seed;
	uint32_t runs;             /* that counted */
	uint32_t runs_untrusted;   /* that were inconclusive by themselves and were made again */
	enum gate_outcome outcome; /* worked out by gate_conclude() */
	char why[512];             /* of an inconclusive one; "" */
	uint32_t count, room;
	struct gate_line *lines;
	bool memory_short;         /* lines are missing: nothing of it is to be believed */
	double took_s;             /* real time */
};

/* Adds a line; the texts are copied. note may be NULL. */
void gate_add(struct gate_result *result, enum gate_kind kind, enum gate_outcome outcome, const char *name,
	      const char *limit, const char *value, const char *note);
/* Fail where a line fails, else inconclusive where one is or something was said in why, else pass. */
void gate_conclude(struct gate_result *result);
void gate_free(struct gate_result *result);

const char *gate_outcome_name(enum gate_outcome outcome); /* "pass", "fail", "inconclusive", "skipped" */
const char *gate_kind_name(enum gate_kind kind);          /* "scenario", "baseline", "against" */

/* For people, on a terminal: all lines that do not pass and, of those that do, at most `passed_max` of a kind. */
int gate_print(const struct gate_result *result, uint32_t passed_max, FILE *stream);

/* Each returns a text that the caller frees; NULL where memory lacks. */
char *gate_json(const struct gate_result *result);
char *gate_markdown(const struct gate_result *result);
char *gate_junit(const struct gate_result *result);

/* ---- runner: one run as a process ---- */

#define GATE_ERROR_MAX 2048

struct gate_job {
	const char *program;       /* path; NULL: this one */
	const char *scenario, *mode, *out; /* out: the run's folder, new; its table is written beside it, OUT.txt */
	bool sim;
	uint64_t seed;
	uint32_t speed_milli, workers; /* workers 0: not said */
	const volatile sig_atomic_t *stop;
};

struct gate_run {
	int status;                /* exit status of the run; negative errno: it could not be begun */
	int ended_by;              /* signal, or 0 */
	cJSON *summary;            /* or NULL */
	char error[GATE_ERROR_MAX]; /* what it said on its standard error */
	char said[GATE_ERROR_MAX];  /* where it left no summary: the end of its table */
};

/* Runs it and waits. Where `stop` becomes true the run is told to end, too. Release with gate_run_free(). */
void gate_run_make(const struct gate_job *job, struct gate_run *run);
void gate_run_free(struct gate_run *run);

/* For the handler of a signal: hands it on to the run that is under way, if any. */
void gate_run_signal(int number);

/*
 * Whether a program is a pfs-fleet that runs here, and says so within the time.
 * Returns 0 and its version's line, or -EINVAL with the reason in `text`.
 */
int gate_program_check(const char *program, uint32_t limit_ms, char *text, size_t size);

/* ---- figures: a summary as a list ---- */

struct gate_figure {
	char path[FIGURE_PATH_MAX]; /* "pfs.hierarchies[3].confirmed_s" */
	enum figure_kind kind;
	enum figure_change change;
	int32_t hierarchy;         /* number, or -1 */
	bool has_value;
	double number;             /* of a flag 0 or 1 */
	char text[80];             /* the value as the summary has it */
};

struct gate_figures {
	uint32_t count;
	struct gate_figure *items;
};

/* All figures of the runs, their hierarchies and the comparison. Returns 0 or -ENOMEM. */
int gate_figures_read(const cJSON *summary, struct gate_figures *figures);
const struct gate_figure *gate_figures_find(const struct gate_figures *figures, const char *path);
void gate_figures_free(struct gate_figures *figures);

/* A value for people, in its unit: "3.00 MB", "12.3 s". */
void gate_value_text(enum figure_kind kind, double number, char *text, size_t size);

/* ---- stats ---- */

/* Level of all intervals: what lies outside of them is left to chance once in a hundred. */
#define GATE_LEVEL 0.99

struct gate_interval {
	double low, middle, high; /* middle: the median itself */
};

/* Of the median of n values (1 to GATE_SAMPLES_MAX), by 4,000 resamples. */
#define GATE_SAMPLES_MAX 100
struct gate_interval gate_bootstrap(const double *values, uint32_t n);
/* Of the difference of two medians, b's less a's, each resampled for itself. */
struct gate_interval gate_bootstrap_difference(const double *a, uint32_t a_count, const double *b, uint32_t b_count);

/* By how much runs of one build differ among themselves: their spread, by the median of their deviations. */
double gate_noise(const double *values, uint32_t n);
/*
 * What an interval of a change says where more is worse: fail where all of it is
 * beyond the smallest change that matters, and its middle is beyond three times
 * the noise; pass where none of it is beyond what matters.
 */
enum gate_outcome gate_judge_change(const struct gate_interval *change, double matters, double noise);

/* ---- baseline ---- */

#define GATE_BASELINE_SCHEMA "pfs-fleet/baseline/1"

/* What a baseline is of. */
struct gate_identity {
	char scenario[PLAN_NAME_MAX];
	char digest[20];           /* of what the scenario says, gates, expectations and words for people apart */
	char engine[8], mode[16];
	uint64_t seed;
	uint32_t speed_milli;
};

void gate_identify(const struct plan *plan, bool sim, const char *mode, struct gate_identity *identity);

struct gate_baseline {
	struct gate_identity of;
	char program[64];
	uint32_t runs;
	cJSON *exact, *measured;   /* path to value; path to a list of values, one a run */
	cJSON *root;
};

/* What several runs of one scenario come to. Returns 0 or -ENOMEM. */
int gate_baseline_make(const struct gate_identity *of, const struct gate_figures *runs, uint32_t count,
		       struct gate_baseline *baseline);
/*
 * Reads a file. Returns 0, or -EINVAL or -ENOMEM with one line in `error` that
 * names the file, the place, the value and what was expected.
 */
int gate_baseline_read(const char *path, struct gate_baseline *baseline, char *error, size_t size);
/* Whether it is of this scenario, engine, seed and so on: as above. */
int gate_baseline_fits(const char *path, const struct gate_baseline *baseline, const struct gate_identity *now,
		       char *error, size_t size);
/* Puts it on a stream, as its file has it; `baseline` is a struct gate_baseline. Returns 0 or -ENOMEM. */
int gate_baseline_put(const void *baseline, FILE *stream);
void gate_baseline_free(struct gate_baseline *baseline);

/*
 * Holds `now` to `then`: counts that do not depend on chance exactly, times and
 * bytes by their intervals; `effect` is the smallest change that matters, a
 * share, and `resolution_s` what no time is told apart below.
 */
void gate_baseline_judge(const struct gate_baseline *then, const struct gate_baseline *now, double effect,
			 double resolution_s, struct gate_result *result);
/* What an update changes, a line each; returns how many. then NULL: there was none. */
uint32_t gate_baseline_changes(const struct gate_baseline *then, const struct gate_baseline *now, FILE *stream);

/* ---- against ---- */

/*
 * Judges pairs, a[i] of the other build beside b[i] of this one; wanted: so many were asked for, and in the netns world
 * nothing that is measured is judged by fewer (or by fewer than five).
 */
void gate_against_judge(const struct gate_figures *a, const struct gate_figures *b, uint32_t pairs, uint32_t wanted,
			bool sim, double effect, double resolution_s, struct gate_result *result);

#endif
