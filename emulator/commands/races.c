/*
 * pfs-fleet races: campaigns of fleets and faults drawn from a range of seeds,
 * in virtual time on all cores. The first case of what breaks is shrunk and
 * written down; the work is in emulator/races, here is the command line.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/commands/cases.h"
#include "emulator/commands/commands.h"
#include "emulator/commands/exhaustive.h"
#include "emulator/processors.h"
#include "emulator/races/races.h"
#include "emulator/scenario/scenario.h"

#define PHONES_DEFAULT_MIN 2
#define PHONES_DEFAULT_MAX 20
#define PHONES_MOST 2000
#define WORKERS_MOST 1024
#define SEED_MOST (UINT64_MAX - 1) /* the scenario format has no larger one */

static volatile sig_atomic_t stop;

struct options {
	struct race_settings settings;
	const char *scenario, *phones, *faults;
	bool has_seeds;
};

enum { OPT_PHONES = 256, OPT_SEEDS, OPT_SCENARIO, OPT_FAULTS, OPT_WORKERS, OPT_OUT, OPT_SABOTAGE, OPT_EXHAUSTIVE };

static const struct argp_option option_table[] = {
	{ "phones", OPT_PHONES, "N[..M]", 0, "Phones a fleet, drawn from N to M (default 2..20)", 0 },
	{ "seeds", OPT_SEEDS, "A..B", 0, "Seeds, both ends included; one fleet and its faults each", 0 },
	{ "scenario", OPT_SCENARIO, "FILE", 0,
	  "The fleet of this scenario instead of a drawn one; faults are added to its own", 0 },
	{ "faults", OPT_FAULTS, "LIST", 0,
	  "Kinds of fault to draw from, with commas between; all (default) or none. 'help' lists them", 0 },
	{ "workers", OPT_WORKERS, "N", 0, "Worker processes (default: one a core); the result is the same",
	  0 },
	{ "out", OPT_OUT, "DIR", 0, "Where the smallest cases go (default " CASES_OUT_DEFAULT ")", 0 },
	{ "exhaustive", OPT_EXHAUSTIVE, NULL, 0,
	  "All behaviours of a fleet of 2 to 4 phones instead; 'races --exhaustive --help' tells its options", 0 },
	{ "quiet", 'q', NULL, 0, "No progress", 0 },
	/* For the tests: a world that breaks a promise, so that it is seen to be found. */
	{ "sabotage", OPT_SABOTAGE, "NAME", OPTION_HIDDEN, NULL, 0 },
	{ 0 }
};

static int parse_number(const char *text, char **end, uint64_t *number)
{
	errno = 0;
	*number = strtoull(text, end, 10);
	if (*end == text || *text < '0' || *text > '9')
		return -EINVAL;
	return errno ? -ERANGE : 0;
}

/* "A..B" or "A" alone, as far as `most`. Says what is wrong with it, and ends the program. */
static void parse_range(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *first,
			uint64_t *last, struct argp_state *state)
{
	char *end;
	int error = parse_number(text, &end, first);

	*last = *first;
	if (!error && *end)
		error = strncmp(end, "..", 2) ? -EINVAL : parse_number(end + 2, &end, last);
	if (error == -EINVAL || (!error && *end))
		argp_error(state, "--%s: \"%s\": not a whole number or a range A..B of them", option, text);
	if (error || *first < least || *last > most)
		argp_error(state, "--%s: \"%s\": not from %" PRIu64 " to %" PRIu64, option, text, least, most);
	if (*last < *first)
		argp_error(state, "--%s: \"%s\": the range ends before it begins", option, text);
}

static void parse_phones(struct options *options, const char *argument, struct argp_state *state)
{
	uint64_t first, last;

	parse_range("phones", argument, 1, PHONES_MOST, &first, &last, state);
	options->phones = argument;
	options->settings.phones_min = (uint32_t)first;
	options->settings.phones_max = (uint32_t)last;
}

static void parse_seeds(struct options *options, const char *argument, struct argp_state *state)
{
	parse_range("seeds", argument, 0, SEED_MOST, &options->settings.seed_first,
		    &options->settings.seed_last, state);
	options->has_seeds = true;
}

static void list_faults(void)
{
	const char *name;

	for (uint32_t i = 0; (name = race_fault_name(i)); i++)
		puts(name);
	exit(FLEET_EXIT_GOOD);
}

static void parse_faults(struct options *options, const char *argument, struct argp_state *state)
{
	const char *bad;
	int length;

	if (strcmp(argument, "help") == 0)
		list_faults();
	if (race_faults_parse(argument, &options->settings.faults, &bad, &length) < 0)
		argp_error(state, "--faults: \"%.*s\": no such fault; '--faults help' lists them", length,
			   bad);
	options->faults = argument;
}

static void parse_sabotage(struct options *options, const char *argument, struct argp_state *state)
{
	if (strcmp(argument, "verified-lies") == 0)
		options->settings.sabotage = WORLD_SABOTAGE_VERIFIED_LIES;
	else if (strcmp(argument, "alive-lost") == 0)
		options->settings.sabotage = WORLD_SABOTAGE_ALIVE_LOST;
	else
		argp_error(state, "--sabotage: \"%s\": use verified-lies or alive-lost", argument);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;
	uint64_t number;
	char *end;

	switch (key) {
	case OPT_PHONES:
		parse_phones(options, argument, state);
		return 0;
	case OPT_SEEDS:
		parse_seeds(options, argument, state);
		return 0;
	case OPT_SCENARIO:
		options->scenario = argument;
		return 0;
	case OPT_FAULTS:
		parse_faults(options, argument, state);
		return 0;
	case OPT_WORKERS:
		if (parse_number(argument, &end, &number) < 0 || *end || number < 1 || number > WORKERS_MOST)
			argp_error(state, "--workers: \"%s\": not a whole number from 1 to %d", argument,
				   WORKERS_MOST);
		options->settings.workers = (uint32_t)number;
		return 0;
	case OPT_OUT:
		options->settings.out_dir = argument;
		return 0;
	case 'q':
		options->settings.quiet = true;
		return 0;
	case OPT_SABOTAGE:
		parse_sabotage(options, argument, state);
		return 0;
	case OPT_EXHAUSTIVE: /* written in full it does not get here */
		argp_error(state, "--exhaustive is to be written in full");
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\" is one too many: a scenario goes with --scenario", argument);
		return 0;
	case ARGP_KEY_END:
		if (!options->has_seeds)
			argp_error(state, "which --seeds A..B?");
		if (options->scenario && options->phones)
			argp_error(state, "--phones does not go with --scenario, which has its own");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = { option_table,
				    parse_option,
				    NULL,
				    "Draws a fleet and its faults from each seed, upgrades it in virtual "
				    "time and checks what must always hold. "
				    "The first case of each invariant that breaks, of up to three, is shrunk and written as a "
				    "scenario for 'pfs-fleet run --engine sim' with its sequence "
				    "diagram.\v"
				    "SIGINT and SIGTERM end the campaign with the results so far; the second one ends "
				    "shrinking too.\n\n"
				    "Exit status: 0 all held; 1 something broke; 2 usage or a bad scenario; 3 "
				    "interrupted before anything broke; 4 what "
				    "was found could not be written.",
				    NULL,
				    NULL,
				    NULL };

static char *command_line(const struct options *options)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	fputs("pfs-fleet races", stream);
	if (options->scenario) {
		fputs(" --scenario ", stream);
		cases_quote_path(stream, options->scenario);
	} else {
		fprintf(stream, " --phones %u..%u", options->settings.phones_min,
			options->settings.phones_max);
	}
	if (options->faults)
		fprintf(stream, " --faults %s", options->faults);
	if (options->settings.sabotage)
		fprintf(stream, " --sabotage %s",
			options->settings.sabotage == WORLD_SABOTAGE_VERIFIED_LIES ? "verified-lies"
										   : "alive-lost");
	return fclose(stream) == 0 ? text : NULL;
}

static void on_signal(int number)
{
	(void)number;
	if (stop < 2)
		stop = stop + 1;
}

/* Workers inherit it, and take no notice: whoever gave them their work ends them. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static int run_campaign(struct options *options)
{
	struct race_settings *settings = &options->settings;
	char *command = command_line(options);

	if (!command) {
		fprintf(stderr, "pfs-fleet: no memory\n");
		return FLEET_EXIT_HOST;
	}
	settings->command = command;
	int64_t failures = race_campaign(settings);
	free(command);
	if (failures < 0)
		fprintf(stderr, "pfs-fleet: the campaign stopped: %s\n", strerror((int)-failures));
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "pfs-fleet: cannot write to the standard output: %s\n", strerror(errno));
		return FLEET_EXIT_HOST;
	}
	if (failures < 0)
		return failures == -EINVAL ? FLEET_EXIT_USAGE : FLEET_EXIT_HOST;
	if (failures == 0 && stop)
		return FLEET_EXIT_INCONCLUSIVE;
	return failures == 0 ? FLEET_EXIT_GOOD : FLEET_EXIT_FAILED;
}

static int run_with_folder(struct options *options)
{
	struct cases cases;

	if (cases_open(&cases, options->settings.out_dir) < 0)
		return FLEET_EXIT_USAGE;
	options->settings.out_dir = cases.path;
	int status = run_campaign(options);
	cases_close(&cases);
	return status;
}

int command_races(int argc, char **argv)
{
	/* Another work with options of its own. */
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--exhaustive"))
			return exhaustive_main(argc, argv);

	struct options options = { .settings = { .phones_min = PHONES_DEFAULT_MIN,
						 .phones_max = PHONES_DEFAULT_MAX,
						 .faults = UINT64_MAX,
						 .out_dir = CASES_OUT_DEFAULT,
						 .save = folder_write,
						 .stop = &stop } };
	struct scenario_error error;
	struct plan *plan = NULL;

	options.settings.workers = processors(WORKERS_MOST);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (options.scenario) {
		if (scenario_load(options.scenario, NULL, &plan, &error) < 0) {
			fprintf(stderr, "%s\n", error.line);
			return FLEET_EXIT_USAGE;
		}
		options.settings.base = plan->text;
		for (uint32_t i = 0; i < plan->phone_count; i++)
			if (plan_phone_firmware(plan, i)->file_count > options.settings.files)
				options.settings.files = plan_phone_firmware(plan, i)->file_count;
	}
	catch_signals();
	int status = run_with_folder(&options);
	plan_free(plan);
	return status;
}
