/*
 * pfs-fleet plan: whether an upgrade fits its window, before anybody dares it.
 * A question in one line, or a scenario, is worked out in virtual time on all
 * cores; what was worked out once is kept (emulator/capacity/).
 */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "emulator/capacity/answer.h"
#include "emulator/capacity/show.h"
#include "emulator/commands/commands.h"
#include "emulator/commands/folder.h"
#include "emulator/scenario/scenario.h"

#define WORKERS_MAX 256

struct options {
	const char *scenario, *out;
	bool phones, models, subnets, wan, rtt; /* said */
	bool json, quiet, no_cache, seed;
	uint32_t workers;
	struct question question;
	struct answer_options answer;
};

static volatile sig_atomic_t stop;

enum {
	OPT_PHONES = 256,
	OPT_MODELS,
	OPT_SUBNETS,
	OPT_WAN,
	OPT_RTT,
	OPT_WINDOW,
	OPT_RESET,
	OPT_SEEDS,
	OPT_SEED,
	OPT_THOROUGH,
	OPT_WORKERS,
	OPT_OUT,
	OPT_JSON,
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
	{ "seeds", OPT_SEEDS, "N", 0,
	  "Seeds of each mode (default: 5 by PFS, and in the traditional way as many as are quick)", 0 },
	{ "seed", OPT_SEED, "N", 0, "The first seed (default: 1, or the scenario's)", 0 },
	{ "thorough", OPT_THOROUGH, NULL, 0, "Simulate each point at which the answer changes, however long it takes", 0 },
	{ "workers", OPT_WORKERS, "N", 0, "Threads, 1 to 256 (default: one a core)", 0 },
	{ "out", OPT_OUT, "DIR", 0, "Also write plan.json and the scenario there; must be new or empty", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print JSON instead of the table", 0 },
	{ "no-cache", OPT_NO_CACHE, NULL, 0, "Work everything out, and keep nothing", 0 },
	{ "quiet", 'q', NULL, 0, "No progress", 0 },
	{ 0 }
};

static int parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno || *text < '0' || *text > '9' || *end || *number < least || *number > most ? -EINVAL : 0;
}

static uint64_t number_of(struct argp_state *state, const char *name, const char *text, uint64_t least, uint64_t most)
{
	uint64_t number = 0;

	if (parse_number(text, least, most, &number) < 0)
		argp_error(state, "--%s: \"%s\": not a whole number from %llu to %llu", name, text,
			   (unsigned long long)least, (unsigned long long)most);
	return number;
}

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
	default:
		*name = "reset";
		return question_parse_reset(argument, &setting->reset, error);
	}
}

/* A question is a scenario, or a line that has all it takes. */
static void check_whole(struct options *options, struct argp_state *state)
{
	struct question_setting *setting = &options->question.setting;

	if (!options->question.window_us)
		argp_error(state, "--window: missing: in how much time has the upgrade to be done?");
	if (options->scenario) {
		if (options->phones || options->models || options->subnets)
			argp_error(state, "--%s: \"%s\" has phones, models and subnets of its own",
				   options->phones ? "phones" : options->models ? "models" : "subnets", options->scenario);
		return;
	}
	if (!options->phones || !options->models || !options->wan || !options->rtt)
		argp_error(state, "--%s: missing: a question has --phones, --models, --wan, --rtt and --window, or a SCENARIO",
			   !options->phones ? "phones" : !options->models ? "models" : !options->wan ? "wan" : "rtt");
	if (!options->subnets)
		setting->subnets = 1;
	if (!setting->reset.said)
		setting->reset.said = true;
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
		if (parse_fleet(options, key, argument, &name, error) < 0)
			argp_error(state, "--%s: %s", name, error);
		return 0;
	case OPT_SEEDS:
		options->answer.seeds = (uint32_t)number_of(state, "seeds", argument, 1, ANSWER_SEEDS_MAX);
		return 0;
	case OPT_SEED:
		options->seed = true;
		options->question.seed = number_of(state, "seed", argument, 0, UINT64_MAX - 1 - ANSWER_SEEDS_MAX);
		return 0;
	case OPT_THOROUGH:
		options->answer.thorough = true;
		return 0;
	case OPT_WORKERS:
		options->workers = (uint32_t)number_of(state, "workers", argument, 1, WORKERS_MAX);
		return 0;
	case OPT_OUT:
		options->out = argument;
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	case OPT_NO_CACHE:
		options->no_cache = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state, "one scenario at a time: \"%s\" is one too many", argument);
		options->scenario = argument;
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

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* The first one ends the work, and what is done is kept; the second one ends the program. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static uint32_t cores(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online < 1 ? 1 : online > WORKERS_MAX ? WORKERS_MAX : (uint32_t)online;
}

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

/* Both files, or a line on stderr that says why not. */
static int write_folder(const char *out_dir, const struct question *question, const char *json)
{
	char error[QUESTION_ERROR_MAX];
	char *scenario = question_text(question, &question->setting, question->seed, error);
	int r = scenario ? folder_write(out_dir, "scenario.json", scenario) : -ENOMEM;

	free(scenario);
	return r < 0 ? r : folder_write(out_dir, "plan.json", json);
}

static int show(const struct options *options, const struct answer *answer, const struct pool *pool, const char *out_dir)
{
	char *json = show_json(show_answer_json(answer));
	int status = fit_status(answer);

	if (!json) {
		fprintf(stderr, "pfs-fleet: no memory for the answer\n");
		return FLEET_EXIT_HOST;
	}
	if (options->json) {
		fputs(json, stdout);
	} else {
		show_answer(answer, stdout);
		printf("\n%llu runs simulated, %llu had been kept\n", (unsigned long long)pool->simulated,
		       (unsigned long long)pool->from_cache);
	}
	if (out_dir && write_folder(out_dir, &options->question, json) < 0)
		status = FLEET_EXIT_HOST;
	free(json);
	return status;
}

static void tell_cache(const struct pool *pool)
{
	if (pool->cache_error)
		fprintf(stderr, "pfs-fleet: results cannot be kept in %s: %s\n", pool->cache->folder,
			strerror(-pool->cache_error));
}

static int ask(struct options *options, const char *out_dir)
{
	struct cache cache = { 0 };
	struct answer answer;
	char engine[CACHE_ENGINE_MAX], error[QUESTION_ERROR_MAX];
	int status = FLEET_EXIT_HOST, r;

	cache_engine(engine);
	if (!options->no_cache && cache_open(&cache, engine) < 0 && !options->quiet)
		fprintf(stderr, "pfs-fleet: nothing is kept: neither XDG_CACHE_HOME nor HOME names a folder\n");
	struct pool pool = {
		.cache = &cache,
		.path = options->scenario ? options->scenario : "plan",
		.identity = options->question.folders,
		.workers = options->workers ? options->workers : cores(),
		.stop = &stop,
		.quiet = options->quiet,
	};
	r = answer_work_out(&answer, &options->question, &options->answer, &pool, error);
	tell_cache(&pool);
	if (r == 0) {
		status = show(options, &answer, &pool, out_dir);
		if (pool.cache_error && status == FLEET_EXIT_GOOD)
			status = FLEET_EXIT_HOST;
	} else if (r == -EINTR) {
		fprintf(stderr, "pfs-fleet: interrupted; %llu runs are kept, and the same command goes on from there\n",
			(unsigned long long)(pool.simulated + pool.from_cache));
		status = FLEET_EXIT_INCONCLUSIVE;
	} else if (r == -EINVAL) {
		fprintf(stderr, "pfs-fleet: %s\n", error);
		status = FLEET_EXIT_USAGE;
	} else {
		fprintf(stderr, "pfs-fleet: %s\n", strerror(-r));
	}
	answer_deinit(&answer);
	return status;
}

int command_plan(int argc, char **argv)
{
	struct options options = { 0 };
	char out_dir[FOLDER_PATH_MAX];
	int status = FLEET_EXIT_USAGE;

	question_init(&options.question);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if ((!options.scenario || take_scenario(&options) == 0) &&
	    (!options.out || folder_make(options.out, "plan", 0, out_dir) == 0)) {
		catch_signals();
		status = ask(&options, options.out ? out_dir : NULL);
		if (options.out)
			rmdir(out_dir); /* where nothing was written to it */
	}
	question_deinit(&options.question);
	return status;
}
