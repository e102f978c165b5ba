/*
 * pfs-fleet plan: whether an upgrade fits its window, before anybody dares it.
 * A question in one line, or a scenario, is worked out in virtual time on all
 * cores; what was worked out once is kept (emulator/capacity/).
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "emulator/capacity/answer.h"
#include "emulator/capacity/show.h"
#include "emulator/capacity/sweep_show.h"
#include "emulator/commands/arguments.h"
#include "emulator/commands/commands.h"
#include "emulator/commands/folder.h"
#include "emulator/commands/host_limits.h"
#include "emulator/commands/interrupt.h"
#include "emulator/commands/validate.h"
#include "emulator/processors.h"
#include "emulator/scenario/scenario.h"

#define WORKERS_MAX 256
#define OUT_NAME_MAX 256

struct options {
	const char *scenario, *out;
	bool phones, models, subnets, wan, rtt; /* said */
	bool json, csv, quiet, no_cache, seed;
	uint32_t workers, validate; /* validate: points; 0: none */
	struct validation validation;
	struct question question;
	struct sweep sweep;
	struct answer_options answer;
};

enum {
	OPT_PHONES = 256,
	OPT_MODELS,
	OPT_SUBNETS,
	OPT_WAN,
	OPT_RTT,
	OPT_WINDOW,
	OPT_RESET,
	OPT_WHAT_IF,
	OPT_SWEEP,
	OPT_SEEDS,
	OPT_SEED,
	OPT_THOROUGH,
	OPT_WORKERS,
	OPT_OUT,
	OPT_JSON,
	OPT_CSV,
	OPT_VALIDATE,
	OPT_NO_CACHE
};

static const struct argp_option option_table[] = {
	{ "phones", OPT_PHONES, "N", 0, "Phones in all", 0 },
	{ "models", OPT_MODELS, "MODEL:PERCENT,...", 0, "Models and their shares, which add up to 100", 0 },
	{ "subnets", OPT_SUBNETS, "N", 0, "Subnets that the phones are dealt out to (default: 1)", 0 },
	{ "wan", OPT_WAN, "RATE", 0, "Rate of the WAN, both ways, as 1.536mbit; of a scenario: of each site's", 0 },
	{ "rtt", OPT_RTT, "TIME", 0, "Round trip of the WAN, as 30ms; likewise", 0 },
	{ "window", OPT_WINDOW, "TIME", 0, "In which the upgrade has to be done, as 8h", 0 },
	{ "reset", OPT_RESET, "PATTERN", 0,
	  "mass (default, all at once), mass:SPREAD, or staggered:WINDOW; instead of a scenario's", 0 },
	{ "what-if", OPT_WHAT_IF, "KNOB", 0,
	  "What real phones do not do, and marked so wherever it shows: fan-out=1 to fan-out=4 children a phone (they take 2); waits=10% to waits=100% of each wait of an election; forward-early, before a file is complete", 0 },
	{ "sweep", OPT_SWEEP, "AXIS=VALUES", 0,
	  "Ask for each of these values of phones, subnets, wan, rtt, reset, fan-out or waits: A,B,C, or FROM..TO:COUNT; for each "
	  "combination where it is said more than once",
	  0 },
	{ "seeds", OPT_SEEDS, "N", 0,
	  "Seeds of each mode (default: 5 by PFS, and in the traditional way as many as are quick; of a sweep 5)", 0 },
	{ "seed", OPT_SEED, "N", 0, "The first seed (default: 1, or the scenario's)", 0 },
	{ "thorough", OPT_THOROUGH, NULL, 0, "Simulate each point at which the answer changes, however long it takes", 0 },
	{ "validate", OPT_VALIDATE, "POINTS", OPTION_ARG_OPTIONAL,
	  "Run so many points (3) again in network namespaces, scaled where they must be, beside the same in virtual time", 0 },
	{ "workers", OPT_WORKERS, "N", 0, "Threads, 1 to 256 (default: one a core)", 0 },
	{ "out", OPT_OUT, "DIR", 0, "Also write plan.json and scenario.json there, of a sweep points.csv and plots besides; must be new or empty", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print JSON instead of the table", 0 },
	{ "csv", OPT_CSV, NULL, 0, "Print a sweep as CSV", 0 },
	{ "no-cache", OPT_NO_CACHE, NULL, 0, "Work everything out, and keep nothing", 0 },
	{ "quiet", 'q', NULL, 0, "No progress", 0 },
	{ 0 }
};

/* What makes the fleet. Returns 0, or -EINVAL with a sentence. */
static int parse_fleet(struct options *options, int key, const char *argument, const char **name, char *error)
{
	struct question_setting *setting = &options->question.setting;

	switch (key) {
	case OPT_PHONES:
		*name = "phones";
		options->phones = true;
		return question_parse_phones(argument, &setting->phones, error);
	case OPT_MODELS:
		*name = "models";
		options->models = true;
		return question_parse_models(argument, &options->question, error);
	case OPT_SUBNETS:
		*name = "subnets";
		options->subnets = true;
		return question_parse_subnets(argument, &setting->subnets, error);
	case OPT_WAN:
		*name = "wan";
		options->wan = true;
		return question_parse_wan(argument, &setting->wan_bps, error);
	case OPT_RTT:
		*name = "rtt";
		options->rtt = true;
		return question_parse_rtt(argument, &setting->rtt_us, error);
	case OPT_WINDOW:
		*name = "window";
		return question_parse_window(argument, &options->question.window_us, error);
	case OPT_WHAT_IF:
		*name = "what-if";
		return question_parse_what_if(argument, setting, error);
	default:
		*name = "reset";
		return question_parse_reset(argument, &setting->reset, error);
	}
}

/* A setting that the line says, or that is swept. */
static bool is_said(const struct options *options, bool said, enum sweep_kind kind)
{
	return said || sweep_has(&options->sweep, kind);
}

static void check_line(struct options *options, struct argp_state *state)
{
	struct question_setting *setting = &options->question.setting;
	const char *missing = !is_said(options, options->phones, SWEEP_PHONES) ? "phones"
			      : !options->models				? "models"
			      : !is_said(options, options->wan, SWEEP_WAN)	? "wan"
			      : !is_said(options, options->rtt, SWEEP_RTT)	? "rtt"
										: NULL;

	if (missing)
		argp_error(state, "--%s: missing: a question has --phones, --models, --wan, --rtt and --window, or a SCENARIO",
			   missing);
	if (!options->subnets)
		setting->subnets = 1;
	if (!setting->reset.said)
		setting->reset.said = true;
}

/* A question is a scenario, or a line that has all it takes. */
static void check_whole(struct options *options, struct argp_state *state)
{
	const struct sweep *sweep = &options->sweep;

	if (!options->question.window_us && !sweep->axis_count)
		argp_error(state, "--window: missing: in how much time has the upgrade to be done?");
	if (options->csv && !sweep->axis_count)
		argp_error(state, "--csv: is for --sweep; use --json");
	if (options->csv && options->json)
		argp_error(state, "--csv: not with --json");
	if (!options->scenario)
		check_line(options, state);
	else if (options->phones || options->models || options->subnets)
		argp_error(state, "--%s: \"%s\" has phones, models and subnets of its own",
			   options->phones ? "phones" : options->models ? "models" : "subnets", options->scenario);
	else if (sweep_has(sweep, SWEEP_PHONES) || sweep_has(sweep, SWEEP_SUBNETS))
		argp_error(state, "--sweep: \"%s\" has phones and subnets of its own", options->scenario);
	if (sweep->axis_count)
		sweep_first(sweep, &options->question.setting);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;
	char error[QUESTION_ERROR_MAX];
	const char *name;

	switch (key) {
	case OPT_PHONES:
	case OPT_MODELS:
	case OPT_SUBNETS:
	case OPT_WAN:
	case OPT_RTT:
	case OPT_WINDOW:
	case OPT_RESET:
	case OPT_WHAT_IF:
		if (parse_fleet(options, key, argument, &name, error) < 0)
			argp_error(state, "--%s: %s", name, error);
		return 0;
	case OPT_SEEDS:
		options->answer.seeds = (uint32_t)argument_number(state, "seeds", argument, 1, ANSWER_SEEDS_MAX);
		return 0;
	case OPT_SEED:
		options->seed = true;
		options->question.seed = argument_number(state, "seed", argument, 0, UINT64_MAX - 1 - ANSWER_SEEDS_MAX);
		return 0;
	case OPT_THOROUGH:
		options->answer.thorough = true;
		return 0;
	case OPT_WORKERS:
		options->workers = (uint32_t)argument_number(state, "workers", argument, 1, WORKERS_MAX);
		return 0;
	case OPT_OUT:
		options->out = argument;
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	case OPT_VALIDATE:
		options->validate = argument ? (uint32_t)argument_number(state, "validate", argument, 1, VALIDATE_POINTS_MAX)
					     : VALIDATE_POINTS;
		return 0;
	case OPT_CSV:
		options->csv = true;
		return 0;
	case OPT_SWEEP:
		if (options->sweep.axis_count == SWEEP_KINDS || sweep_parse(argument, &options->sweep, error) < 0)
			argp_error(state, "--sweep: %s", options->sweep.axis_count == SWEEP_KINDS ? "each axis once" : error);
		return 0;
	case OPT_NO_CACHE:
		options->no_cache = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		options->scenario = argument_scenario(state, argument);
		return 0;
	case ARGP_KEY_END:
		check_whole(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	option_table,
	parse_option,
	"--window TIME [SCENARIO]",
	"Says whether the upgrade of a fleet fits its window, by PFS and in the traditional way.\v"
	"Exit status: 0 it fits by PFS; 1 it does not; 2 usage or a bad scenario; "
	"3 some seeds fit and some do not, or interrupted; 4 what was to be written could not be.",
	NULL,
	NULL,
	NULL
};

static int take_scenario(struct options *options)
{
	const struct question asked = options->question;
	struct question *question = &options->question;
	struct scenario_error error;

	if (question_take_scenario(question, options->scenario, &error) < 0) {
		fprintf(stderr, "%s\n", error.line);
		return -EINVAL;
	}
	if (options->wan) {
		question->setting.wan_bps = asked.setting.wan_bps;
		question->limited = true;
	}
	if (options->rtt)
		question->setting.rtt_us = asked.setting.rtt_us;
	question->setting.reset = asked.setting.reset;
	if (asked.setting.fan_out != QUESTION_UNSAID)
		question->setting.fan_out = asked.setting.fan_out;
	if (asked.setting.waits_percent != QUESTION_UNSAID)
		question->setting.waits_percent = asked.setting.waits_percent;
	if (asked.setting.forward_early != QUESTION_UNSAID)
		question->setting.forward_early = asked.setting.forward_early;
	if (options->seed)
		question->seed = asked.seed;
	return 0;
}

static int fit_status(const struct answer *answer)
{
	switch (answer->pfs.fit) {
	case ANSWER_FITS:
		return FLEET_EXIT_GOOD;
	case ANSWER_FITS_NOT:
		return FLEET_EXIT_FAILED;
	case ANSWER_UNSURE:
		break;
	}
	return FLEET_EXIT_INCONCLUSIVE;
}

/* Where the answer goes, and what is there of it: all, or nothing that would be in the way of the next try. */
struct out {
	char folder[FOLDER_PATH_MAX];
	uint32_t count;
	char names[SWEEP_PLOTS_MAX + 4][OUT_NAME_MAX];
};

static int out_write(struct out *out, const char *name, const char *text)
{
	int r = folder_write(out->folder, name, text);

	if (r == 0 && out->count < sizeof(out->names) / sizeof(out->names[0]))
		snprintf(out->names[out->count++], OUT_NAME_MAX, "%s", name);
	return r;
}

static void out_abandon(struct out *out)
{
	while (out->count)
		folder_remove(out->folder, out->names[--out->count]);
}

/* The scenario of the question itself, or a line on stderr that says why not. */
static int write_scenario(struct out *out, const struct question *question)
{
	char error[QUESTION_ERROR_MAX];
	char *scenario = question_text(question, &question->setting, question->seed, error);
	int r = scenario ? out_write(out, "scenario.json", scenario) : -ENOMEM;

	free(scenario);
	return r;
}

static void tell_runs(const struct pool *pool)
{
	printf("\n%llu runs simulated, %llu had been kept\n", (unsigned long long)pool->simulated,
	       (unsigned long long)pool->from_cache);
}

static int no_memory(void)
{
	fprintf(stderr, "pfs-fleet: no memory for the answer\n");
	return FLEET_EXIT_HOST;
}

/* What was measured stands beside what was worked out. */
static cJSON *with_validation(const struct options *options, cJSON *json)
{
	if (options->validate)
		cJSON_AddItemToObject(json, "validation", validate_json(&options->validation));
	return json;
}

/* Where a deviation was asked for and not seen, nothing is sure. */
static int with_validity(const struct options *options, int status)
{
	return options->validate && status != FLEET_EXIT_FAILED && !validate_whole(&options->validation)
		       ? FLEET_EXIT_INCONCLUSIVE
		       : status;
}

static int show(const struct options *options, const struct answer *answer, const struct pool *pool, struct out *out)
{
	char *json = show_json(with_validation(options, show_answer_json(answer)));
	int status = with_validity(options, fit_status(answer));

	if (!json)
		return no_memory();
	if (options->json) {
		fputs(json, stdout);
	} else {
		show_answer(answer, stdout);
		if (options->validate)
			validate_show(&options->validation, stdout);
		tell_runs(pool);
	}
	if (out && (write_scenario(out, &options->question) < 0 || out_write(out, "plan.json", json) < 0)) {
		out_abandon(out);
		status = FLEET_EXIT_HOST;
	}
	free(json);
	return status;
}

/* ------------------------------------------------------------------ sweeps */

/* All fit: good. Without a window it is enough that all phones are upgraded. */
static int sweep_status(const struct sweep *sweep)
{
	int status = FLEET_EXIT_GOOD;

	for (uint32_t i = 0; i < sweep->point_count; i++) {
		if (sweep->points[i].pfs.fit == ANSWER_FITS_NOT)
			return FLEET_EXIT_FAILED;
		if (sweep->points[i].pfs.fit == ANSWER_UNSURE)
			status = FLEET_EXIT_INCONCLUSIVE;
	}
	return status;
}

static int put_plot(void *context, const char *name, const char *svg)
{
	return out_write(context, name, svg);
}

/* Everything that a sweep leaves; a negative errno (said on stderr) where a file could not be written. */
static int write_sweep(const struct options *options, struct out *out, const char *json, const char *csv)
{
	uint32_t left = 0;
	int r = out_write(out, "plan.json", json);

	if (r == 0)
		r = out_write(out, "points.csv", csv);
	uint32_t before = out->count;
	if (r == 0)
		r = sweep_plots(&options->sweep, put_plot, out, &left);
	if (r == 0 && out->count == before)
		fprintf(stderr, "pfs-fleet: no plots: none of the axes is of numbers, with two or more of them\n");
	if (left)
		fprintf(stderr, "pfs-fleet: %u plots are left out; a sweep has up to %d\n", left, SWEEP_PLOTS_MAX);
	return r;
}

static int show_sweep(const struct options *options, const struct pool *pool, struct out *out)
{
	char *json = show_json(with_validation(options, sweep_json(&options->sweep))), *csv = sweep_csv(&options->sweep);
	int status = with_validity(options, sweep_status(&options->sweep));

	if (!json || !csv) {
		status = no_memory();
	} else if (options->json || options->csv) {
		fputs(options->json ? json : csv, stdout);
	} else {
		sweep_table(&options->sweep, stdout);
		if (options->validate)
			validate_show(&options->validation, stdout);
		tell_runs(pool);
	}
	if (json && csv && out && write_sweep(options, out, json, csv) < 0) {
		out_abandon(out);
		status = FLEET_EXIT_HOST;
	}
	free(json);
	free(csv);
	return status;
}

static void tell_cache(const struct pool *pool)
{
	if (pool->cache_error)
		fprintf(stderr, "pfs-fleet: results cannot be kept in %s: %s\n", pool->cache->folder,
			strerror(-pool->cache_error));
}

/* Returns 0, or what was in the way, with a sentence where it is -EINVAL. */
static int work_out(struct options *options, struct pool *pool, struct out *out, int *status, char *error)
{
	struct answer answer;
	int r;

	if (options->sweep.axis_count) {
		options->sweep.seeds = options->answer.seeds ? options->answer.seeds : SWEEP_SEEDS;
		r = sweep_work_out(&options->sweep, &options->question, pool, error);
		if (r == 0 && options->validate) {
			validate_choose_sweep(&options->validation, &options->sweep, options->validate);
			r = validate_run(&options->validation, &options->question, pool, error);
		}
		if (r == 0)
			*status = show_sweep(options, pool, out);
		sweep_deinit(&options->sweep);
		return r;
	}
	r = answer_work_out(&answer, &options->question, &options->answer, pool, error);
	if (r == 0 && options->validate) {
		validate_choose_answer(&options->validation, &answer, options->validate);
		r = validate_run(&options->validation, &options->question, pool, error);
	}
	if (r == 0)
		*status = show(options, &answer, pool, out);
	answer_deinit(&answer);
	return r;
}

static int ask(struct options *options, struct out *out)
{
	struct cache cache = { 0 };
	char engine[CACHE_ENGINE_MAX], error[QUESTION_ERROR_MAX];
	int status = FLEET_EXIT_HOST, r;

	cache_engine(engine);
	if (!options->no_cache && cache_open(&cache, engine) < 0 && !options->quiet)
		fprintf(stderr, "pfs-fleet: nothing is kept: neither XDG_CACHE_HOME nor HOME names a folder\n");
	struct pool pool = {
		.cache = &cache,
		.path = options->scenario ? options->scenario : "plan",
		.identity = options->question.folders,
		.workers = options->workers ? options->workers : processors(WORKERS_MAX),
		.stop = &interrupt,
		.quiet = options->quiet,
		.memory_bytes = limits_memory(),
	};
	r = work_out(options, &pool, out, &status, error);
	tell_cache(&pool);
	if (r == 0 && pool.cache_error && status == FLEET_EXIT_GOOD)
		return FLEET_EXIT_HOST;
	if (r == 0)
		return status;
	if (r == -EINTR) {
		if (!*cache.folder || pool.cache_error)
			fprintf(stderr, "pfs-fleet: interrupted; nothing of it is kept\n");
		else
			fprintf(stderr, "pfs-fleet: interrupted; %llu runs are kept, and the same command goes on from there\n",
				(unsigned long long)(pool.simulated + pool.from_cache));
		return FLEET_EXIT_INCONCLUSIVE;
	}
	fprintf(stderr, "pfs-fleet: %s\n", r == -EINVAL ? error : strerror(-r));
	return r == -EINVAL && !pool.host_lacks ? FLEET_EXIT_USAGE : FLEET_EXIT_HOST;
}

int command_plan(int argc, char **argv)
{
	struct options options = { 0 };
	struct out out = { .count = 0 };
	int status = FLEET_EXIT_USAGE;

	question_init(&options.question);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if ((!options.scenario || take_scenario(&options) == 0) &&
	    (!options.out || folder_make(options.out, "plan", 0, out.folder) == 0)) {
		interrupt_catch(NULL);
		status = ask(&options, options.out ? &out : NULL);
		if (options.out)
			rmdir(out.folder); /* where nothing was written to it */
	}
	question_deinit(&options.question);
	return status;
}
