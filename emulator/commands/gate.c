/*
 * pfs-fleet gate: runs a scenario and says pass, fail or inconclusive: by the
 * gates that it carries, held to a baseline, or beside another build. Here is
 * what is asked and what is answered; gate_work.c makes the runs, and what is
 * judged, and how, is in gate/.
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "emulator/commands/arguments.h"
#include "emulator/commands/commands.h"
#include "emulator/commands/folder.h"
#include "emulator/commands/gate_files.h"
#include "emulator/commands/gate_work.h"
#include "emulator/commands/interrupt.h"
#include "emulator/scenario/units.h"

#define EFFECT_DEFAULT_PPM 10000
#define LINES_SHOWN 30         /* of those that pass, of a kind */

enum {
	OPT_ENGINE = 256,
	OPT_MODE,
	OPT_SEED,
	OPT_SPEED,
	OPT_OUT,
	OPT_WORKERS,
	OPT_BASELINE,
	OPT_UPDATE,
	OPT_AGAINST,
	OPT_RUNS,
	OPT_EFFECT,
	OPT_JSON
};

static const struct argp_option option_table[] = {
	{ "engine", OPT_ENGINE, "ENGINE", 0, "netns (default) or sim, as for run", 0 },
	{ "mode", OPT_MODE, "MODE", 0, "pfs, traditional or both (default)", 0 },
	{ "seed", OPT_SEED, "N", 0, "Seed of every draw, instead of the scenario's", 0 },
	{ "speed", OPT_SPEED, "X", 0, "World's clock against real time, instead of the scenario's", 0 },
	{ "out", OPT_OUT, "DIR", 0, "Folder of the verdict and of all runs; must be new or empty", 0 },
	{ "workers", OPT_WORKERS, "N", 0, "Threads of each run, as for run", 0 },
	{ "baseline", OPT_BASELINE, "FILE", 0, "Hold the runs to this baseline", 0 },
	{ "update", OPT_UPDATE, NULL, 0, "Write the baseline, and show what changed in it", 0 },
	{ "against", OPT_AGAINST, "PROGRAM", 0, "Hold this build to another pfs-fleet, pair by pair", 0 },
	{ "runs", OPT_RUNS, "N", 0,
	  "Runs for a baseline, or pairs, 1 to 30 (default: 5; in virtual time 1, since all are the same)", 0 },
	{ "effect", OPT_EFFECT, "SHARE", 0, "Smallest change of a time that matters (default: 1%)", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print the verdict as JSON", 0 },
	{ "quiet", 'q', NULL, 0, "No progress", 0 },
	{ 0 }
};

/* At the end: the engine may have been named after the workers. */
static void check_options(struct gate_options *options, struct argp_state *state)
{
	if (options->workers_text)
		options->workers = argument_workers(state, options->workers_text, options->sim);
	if (options->update && !options->baseline)
		argp_error(state, "--update: which file? give --baseline FILE too");
	if (options->against && options->baseline)
		argp_error(state, "--against and --baseline are two questions, ask one");
	if (!options->scenario)
		argp_error(state, "which SCENARIO?");
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct gate_options *options = state->input;

	switch (key) {
	case OPT_ENGINE:
		options->sim = argument_engine(state, argument);
		return 0;
	case OPT_MODE:
		argument_modes(state, argument);
		options->mode = argument;
		return 0;
	case OPT_SEED:
		argument_seed(state, argument, &options->overrides);
		return 0;
	case OPT_SPEED:
		argument_speed(state, argument, &options->overrides);
		return 0;
	case OPT_OUT:
		options->out = argument;
		return 0;
	case OPT_WORKERS:
		options->workers_text = argument;
		return 0;
	case OPT_BASELINE:
		options->baseline = argument;
		return 0;
	case OPT_UPDATE:
		options->update = true;
		return 0;
	case OPT_AGAINST:
		options->against = argument;
		return 0;
	case OPT_RUNS:
		options->runs = (uint32_t)argument_number(state, "runs", argument, 1, GATE_RUNS_MAX);
		return 0;
	case OPT_EFFECT:
		if (units_parse(argument, units_share, &options->effect_ppm) != UNITS_OK || !options->effect_ppm ||
		    options->effect_ppm > 1000000)
			argp_error(state, "--effect: \"%s\": not a share above 0%% to 100%%, such as 2%%", argument);
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		options->scenario = argument_scenario(state, argument);
		return 0;
	case ARGP_KEY_END:
		check_options(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	option_table,
	parse_option,
	"SCENARIO",
	"Runs SCENARIO and judges it: by its gates, held to a baseline, or beside another build.\v"
	"Exit status: 0 pass; 1 fail; 2 usage, a bad scenario or a bad baseline; 3 inconclusive or interrupted; "
	"4 the host lacks something.",
	NULL,
	NULL,
	NULL
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ------------------------------------------------------------- the command */

/* *kept: the verdict is in the folder, with the runs that it came of. */
static int conclude(struct gate_work *work, double began_s, bool *kept)
{
	static const int statuses[] = { [GATE_PASS] = FLEET_EXIT_GOOD,
					[GATE_FAIL] = FLEET_EXIT_FAILED,
					[GATE_INCONCLUSIVE] = FLEET_EXIT_INCONCLUSIVE,
					[GATE_SKIPPED] = FLEET_EXIT_INCONCLUSIVE };

	*kept = false;
	if (work->status >= 0)
		return work->status;
	work->result.took_s = now_s() - began_s;
	gate_conclude(&work->result);
	int status = statuses[work->result.outcome];
	*kept = gate_files_write(work->folder, &work->result) == 0;
	if (gate_files_append(&work->result) < 0 || !*kept)
		status = FLEET_EXIT_HOST;
	if (work->options->json) {
		char *text = gate_json(&work->result);

		fputs(text ? text : "", stdout);
		free(text);
	} else if (gate_print(&work->result, LINES_SHOWN, stdout) == 0 && *kept) {
		printf("results: %s\n", work->folder);
	}
	return status;
}

int command_gate(int argc, char **argv)
{
	struct gate_options options = { .mode = "both", .effect_ppm = EFFECT_DEFAULT_PPM };
	struct scenario_error error;
	char folder[FOLDER_PATH_MAX];
	struct plan *plan;
	int status = FLEET_EXIT_USAGE;
	bool kept;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (scenario_load(options.scenario, &options.overrides, &plan, &error) < 0) {
		fprintf(stderr, "%s\n", error.line);
		return FLEET_EXIT_USAGE;
	}
	struct gate_work work = { .options = &options, .plan = plan, .folder = folder, .stop = &interrupt, .status = -1 };
	double began_s = now_s();
	work.result.scenario = plan->name;
	work.result.engine = options.sim ? "sim" : "netns";
	work.result.seed = plan->seed;
	if (strlen(options.scenario) < sizeof(work.scenario) &&
	    folder_make(options.out, plan->name, time(NULL), folder) == 0) {
		strcpy(work.scenario, options.scenario);
		interrupt_catch(gate_run_signal);
		gate_work(&work);
		status = conclude(&work, began_s, &kept);
		/* Else the same command would end with 2 the next time, for a folder that is not empty. */
		if (!kept) {
			gate_files_abandon(folder);
			gate_work_abandon(&work);
		}
	}
	gate_work_deinit(&work);
	plan_free(plan);
	return status;
}
