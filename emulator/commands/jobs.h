/*
 * One fleet upgraded once, and both ways of it: records, journals, progress and
 * the world are brought together here. Times of virtual time are the same
 * whether the two modes are run one after the other or side by side.
 */
#ifndef FLEET_COMMANDS_JOBS_H
#define FLEET_COMMANDS_JOBS_H

#include <signal.h>

#include "emulator/commands/folder.h"
#include "emulator/journal/journal.h"
#include "emulator/world.h"

/* What came of a run; zeroed where none was made. */
struct one_run {
	struct record *record; /* to be freed with record_free() */
	struct world_report world;
	const struct run_result *result; /* NULL: it could not be made */
	struct journal_result journal;
	char journal_path[FOLDER_PATH_MAX + 32]; /* "": none was kept */
	struct progress *progress;
	const char *label;
	bool quiet, violated;
};

/* What is to be run. */
struct job {
	const struct plan *plan;
	bool wanted, sim, traditional, quiet;
	bool console;         /* console logs, where there is a folder */
	const char *out_dir;  /* or NULL */
	const char *label;    /* for the progress */
	uint32_t workers;     /* netns: 0: as many as are worth it (plan_workers_wanted()), or as many as it takes; sim: at least 1 */
	bool journal;         /* where there is a folder */
	uint64_t journal_bytes_max;
	const uint8_t *journal_chosen; /* one a phone, or NULL: all */
	const volatile sig_atomic_t *stop;
	struct one_run *run;
	int error; /* a negative errno where the host lacks something (said on stderr) */
};

/*
 * Runs the PFS job and the traditional one, those that are wanted, one after
 * the other; in virtual time side by side where one alone would leave workers
 * without work. The second one is not begun where the first one was stopped or
 * could not be made.
 */
void jobs_run(struct job jobs[2]);

/* For a handler of SIGABRT: journal_rescue() for the run of this thread. */
void jobs_rescue(void);

#endif
