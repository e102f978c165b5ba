/*
 * What `pfs-fleet gate` does once it knows what it is asked: plans how often to
 * run, makes the runs, and stops as soon as it knows. What is judged, and how, is
 * in gate/; here is which runs it is judged by.
 */
#ifndef FLEET_COMMANDS_GATE_WORK_H
#define FLEET_COMMANDS_GATE_WORK_H

#include <signal.h>

#include "emulator/commands/folder.h"
#include "emulator/gate/gate.h"
#include "emulator/scenario/scenario.h"

#define GATE_RUNS_MAX 30 /* for a baseline, or pairs: so many times the pairs asked for are made at most */

/* What is asked. */
struct gate_options {
	const char *scenario, *out, *baseline, *against, *mode;
	bool sim, update, json, quiet;
	uint32_t runs, workers; /* 0: not said */
	const char *workers_text; /* as it was said, or NULL */
	uint64_t effect_ppm;
	struct scenario_overrides overrides;
};

/* What one call works with. Zero what is not given. */
struct gate_work {
	/* given */
	const struct gate_options *options;
	const struct plan *plan;
	const char *folder;                  /* of the whole gate */
	char scenario[FOLDER_PATH_MAX + 32]; /* what the runs are given */
	const volatile sig_atomic_t *stop;
	/* found */
	struct gate_result result;
	struct gate_figures *figures; /* one a run that counts; of pairs the other build's, then this one's */
	uint32_t attempts;            /* runs or pairs begun */
	uint32_t failed_alone_count,
		failed_alone[GATE_SAMPLES_MAX]; /* pairs in which this build's run alone failed */
	int status; /* an enum fleet_exit where nothing can be judged, else -1, as given */
};

/*
 * Runs the scenario until it can be judged: by its own gates and held to a
 * baseline (which may be written instead), or pair by pair beside another build.
 * Fills result; where status is no longer -1 there is nothing to judge, and stderr
 * has said why.
 */
void gate_work(struct gate_work *work);
/* Removes from the folder what was made there, and nothing else; and the folder, where it is empty then. */
void gate_work_abandon(const struct gate_work *work);
void gate_work_deinit(struct gate_work *work);

#endif
