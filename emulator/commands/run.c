/*
 * pfs-fleet run: makes the fleet of a scenario and upgrades it, by PFS, in the
 * traditional way, or both, and reports. Where the run is scaled down or sped
 * up, the same scenario at full size is worked out in virtual time beside it,
 * so that nobody takes the small figures for the real ones.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "emulator/commands/arguments.h"
#include "emulator/commands/commands.h"
#include "emulator/commands/find_speed.h"
#include "emulator/commands/folder.h"
#include "emulator/commands/host_limits.h"
#include "emulator/commands/interrupt.h"
#include "emulator/commands/jobs.h"
#include "emulator/processors.h"
#include "emulator/report/report.h"
#include "emulator/scenario/scenario.h"
#include "emulator/scenario/units.h"
#include "emulator/world.h"

#define CONSOLE_PHONES_MAX 10000 /* --console auto: a larger fleet writes none */

enum console { CONSOLE_AUTO, CONSOLE_ALL, CONSOLE_NONE };

struct options {
	const char *scenario, *out;
	enum console console;
	struct argument_modes modes;
	bool sim, json, quiet, journal, find_speed;
	const char *journal_phones;  /* as written, or NULL: all */
	uint64_t journal_bytes_max;
	bool has_journal_size;
	uint8_t *journal_chosen;     /* one a phone, or NULL: all */
	const char *workers_text;    /* as it was said, or NULL */
	uint32_t workers;            /* 0: not said */
	struct scenario_overrides overrides;
};

enum {
	OPT_ENGINE = 256,
	OPT_MODE,
	OPT_SEED,
	OPT_SPEED,
	OPT_FIND_SPEED,
	OPT_OUT,
	OPT_JSON,
	OPT_WORKERS,
	OPT_CONSOLE,
	OPT_JOURNAL,
	OPT_JOURNAL_SIZE
};

static const struct argp_option option_table[] = {
	{ "engine", OPT_ENGINE, "ENGINE", 0,
	  "netns: namespaces on the real kernel (default); sim: virtual time", 0 },
	{ "mode", OPT_MODE, "MODE", 0, "pfs, traditional or both (default)", 0 },
	{ "seed", OPT_SEED, "N", 0, "Seed of every draw, instead of the scenario's", 0 },
	{ "speed", OPT_SPEED, "X", 0, "World's clock against real time, instead of the scenario's", 0 },
	{ "find-speed", OPT_FIND_SPEED, NULL, 0,
	  "Where the host cannot hold the speed, run again at lower ones to find the highest that it holds", 0 },
	{ "out", OPT_OUT, "DIR", 0, "The run's folder; must be new or empty (default: results/runs/...)", 0 },
	{ "workers", OPT_WORKERS, "N", 0,
	  "Threads. netns: to spread the phones over, by switch, 1 to 16 (default: one a core where phones are many, or as "
	  "many as descriptors take); sim: for modes and sites, 1 to 256 (default: one a core)",
	  0 },
	{ "console", OPT_CONSOLE, "WHICH", 0,
	  "Console logs: all, none, or auto (default): all of up to 10,000 phones, none of more", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print the summary instead of the table", 0 },
	{ "journal", OPT_JOURNAL, "PHONES", OPTION_ARG_OPTIONAL,
	  "Keep every event of these phones for replay: names, addresses, ranges A..B of them, SITE, "
	  "SITE/SUBNET, with commas between (default: all)",
	  0 },
	{ "journal-size", OPT_JOURNAL_SIZE, "SIZE", 0, "Cut a journal that grows past this (default: 256MiB)", 0 },
	{ "quiet", 'q', NULL, 0, "No progress", 0 },
	{ 0 }
};

static void parse_journal_size(struct options *options, const char *argument, struct argp_state *state)
{
	char units[64];

	if (units_parse(argument, units_size, &options->journal_bytes_max) == UNITS_OK && options->journal_bytes_max)
		return;
	units_names(units_size, units, sizeof(units));
	argp_error(state, "--journal-size: \"%s\": not a size above 0, with %s", argument, units);
}

static int parse_console(const char *text, enum console *console)
{
	static const char *const names[] = { "auto", "all", "none" };

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0) {
			*console = (enum console)i;
			return 0;
		}
	return -EINVAL;
}

/* At the end: the engine may have been named after it. */
static void take_workers(struct options *options, struct argp_state *state)
{
	if (options->workers_text)
		options->workers = argument_workers(state, options->workers_text, options->sim);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_ENGINE:
		options->sim = argument_engine(state, argument);
		return 0;
	case OPT_MODE:
		options->modes = argument_modes(state, argument);
		return 0;
	case OPT_SEED:
		argument_seed(state, argument, &options->overrides);
		return 0;
	case OPT_SPEED:
		argument_speed(state, argument, &options->overrides);
		return 0;
	case OPT_FIND_SPEED:
		options->find_speed = true;
		return 0;
	case OPT_OUT:
		options->out = argument;
		return 0;
	case OPT_WORKERS:
		options->workers_text = argument;
		return 0;
	case OPT_CONSOLE:
		if (parse_console(argument, &options->console) < 0)
			argp_error(state, "--console: \"%s\": use auto, all or none", argument);
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	case OPT_JOURNAL:
		options->journal = true;
		options->journal_phones = argument;
		return 0;
	case OPT_JOURNAL_SIZE:
		parse_journal_size(options, argument, state);
		options->has_journal_size = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		options->scenario = argument_scenario(state, argument);
		return 0;
	case ARGP_KEY_END:
		if (options->has_journal_size && !options->journal)
			argp_error(state, "--journal-size is of a journal: it needs --journal");
		take_workers(options, state);
		if (options->find_speed && options->sim)
			argp_error(state, "--find-speed: virtual time holds any speed");
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which SCENARIO?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	option_table,
	parse_option,
	"SCENARIO",
	"Makes the fleet of SCENARIO and upgrades it.\v"
	"Exit status: 0 good; 1 the fleet or an expectation failed; 2 usage or a bad scenario; "
	"3 inconclusive or interrupted; 4 the host lacks something.",
	NULL,
	NULL,
	NULL
};

/* A core broke an assertion of its own: the journal has the event that did it. */
static void on_abort(int number)
{
	(void)number;
	jobs_rescue();
}

/* The first one ends the run with what there is; the second one ends the program. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_abort, .sa_flags = (int)SA_RESETHAND };

	interrupt_catch(NULL);
	sigemptyset(&action.sa_mask);
	sigaction(SIGABRT, &action, NULL);
}

static struct report_run report_of(const struct one_run *run)
{
	return (struct report_run){ .result = run->result, .world = &run->world };
}

struct side_runs {
	struct plan *plan;
	struct one_run pfs, traditional;
	struct report_side side;
};

static uint64_t stretched(uint64_t limit_us, uint32_t scale_ppm)
{
	return limit_us < UINT64_MAX / 1000000 ? limit_us * 1000000 / scale_ppm : limit_us;
}

static void fill_jobs(const struct options *options, const struct plan *plan, bool sim, struct one_run *pfs,
		      struct one_run *traditional, struct job jobs[2])
{
	/* What was said for the real kernel says nothing about virtual time beside it. */
	uint32_t workers = sim != options->sim || (sim && !options->workers) ? processors(SIM_WORKERS_MAX) : options->workers;

	for (int i = 0; i < 2; i++)
		jobs[i] = (struct job){ .plan = plan,
					.sim = sim,
					.traditional = i == 1,
					.wanted = i == 1 ? options->modes.traditional : options->modes.pfs,
					.quiet = options->quiet,
					.workers = workers,
					.stop = &interrupt,
					.label = i == 1 ? "traditional" : "PFS",
					.run = i == 1 ? traditional : pfs };
}

/* False where the full size could not be worked out, or nobody waits for it any more. */
static bool run_side(const struct options *options, const struct plan *plan, struct side_runs *side)
{
	struct scenario_overrides overrides = options->overrides;
	struct scenario_error error;

	overrides.scale_ppm = 1000000;
	if (scenario_load(options->scenario, &overrides, &side->plan, &error) < 0) {
		fprintf(stderr, "pfs-fleet: the full size cannot be worked out: %s\n", error.line);
		return false;
	}
	/* The scenario's limit is meant for its own size; what a fleet waits for besides bytes does not grow.
	 */
	side->plan->time_limit_us = stretched(side->plan->time_limit_us, plan->scale_ppm);
	struct job jobs[2];
	fill_jobs(options, side->plan, true, &side->pfs, &side->traditional, jobs);
	jobs[0].label = "full size, PFS";
	jobs[1].label = "full size, traditional";
	jobs_run(jobs);
	if (jobs[0].error || jobs[1].error)
		return false;
	side->side = (struct report_side){ .plan = side->plan,
					   .pfs = report_of(&side->pfs),
					   .traditional = report_of(&side->traditional) };
	return !interrupt;
}

static int exit_status(const struct report *report)
{
	switch (report->verdict) {
	case REPORT_PASS:
		return FLEET_EXIT_GOOD;
	case REPORT_FAIL:
		return FLEET_EXIT_FAILED;
	case REPORT_INCONCLUSIVE:
		break;
	}
	return FLEET_EXIT_INCONCLUSIVE;
}

static bool write_detail(const struct report *report)
{
	char *detail = report_detail(report);
	bool written = detail && folder_write(report->out_dir, "detail.json", detail) == 0;

	if (!detail)
		fprintf(stderr, "pfs-fleet: no memory for detail.json\n");
	free(detail);
	return written;
}

static int print_report(const struct options *options, const struct report *report)
{
	char *summary = report_summary(report);
	int status = exit_status(report);
	bool written;

	if (!summary) {
		fprintf(stderr, "pfs-fleet: no memory for the summary\n");
		return FLEET_EXIT_FAILED;
	}
	/* The line that says why names the file; what stands on the screen is then all there is. */
	written = folder_write(report->out_dir, "summary.json", summary) == 0;
	/* Only `report` misses it. */
	written &= write_detail(report);
	if (!written)
		status = FLEET_EXIT_HOST;
	if (options->json)
		fputs(summary, stdout);
	else if (report_table(report, stdout) == 0 && written)
		printf("results: %s\n", report->out_dir);
	free(summary);
	return status;
}

/* Below the table: where a journal is, and whether all is in it. */
static void tell_journal(const struct one_run *run)
{
	const struct journal_result *journal = &run->journal;

	if (!run->result || !*run->journal_path)
		return;
	printf("journal: %s: %.1f kB, %" PRIu64 " events of %" PRIu32 " phones", run->journal_path,
	       (double)journal->bytes / 1e3, journal->events, journal->phones);
	if (journal->cut)
		printf("; cut (%s), the last %" PRIu64 " are not in it", journal_cut_name(journal->cut),
		       journal->events_lost);
	printf("\n");
}

/* A log is a file a phone, and some 20 KB. */
static bool writes_console(const struct options *options, const struct plan *plan)
{
	return options->console == CONSOLE_ALL ||
	       (options->console == CONSOLE_AUTO && plan->phone_count <= CONSOLE_PHONES_MAX);
}

/* Something in the run's folder is not whole, which was said when it happened. */
static bool is_cut(const struct one_run *run)
{
	return run->journal.disk_error || (run->result && run->result->disk_error);
}

/*
 * The runs were too fast for this host, and it is to be found out what is not.
 * What they said of it is replaced by what was found, in each that could not be trusted.
 */
static int look_for_speed(const struct options *options, const struct plan *plan, const struct job jobs[2])
{
	struct one_run *runs[] = { jobs[0].run, jobs[1].run };
	struct find_speed search = { .scenario = options->scenario,
				     .overrides = options->overrides,
				     .jobs = jobs,
				     .too_fast_milli = plan->speed_milli,
				     .quiet = options->quiet,
				     .stop = &interrupt };
	uint32_t held, not_held;
	int error;

	for (int i = 0; i < 2; i++)
		if (runs[i]->world.speed_held_milli &&
		    (!search.held_milli || runs[i]->world.speed_held_milli < search.held_milli))
			search.held_milli = runs[i]->world.speed_held_milli;
	if (!search.held_milli)
		return 0;
	error = find_speed(&search, &held, &not_held);
	for (int i = 0; i < 2 && held; i++) {
		if (!runs[i]->world.inconclusive)
			continue;
		runs[i]->world.speed_held_milli = held;
		runs[i]->world.speed_not_held_milli = not_held;
	}
	return error;
}

static int run_modes(const struct options *options, const struct plan *plan, const char *out_dir,
		     time_t started_at)
{
	struct one_run pfs = { 0 }, traditional = { 0 };
	struct side_runs side = { 0 };
	int status = FLEET_EXIT_HOST;
	bool broken, nothing_ran;
	struct job jobs[2];

	fill_jobs(options, plan, options->sim, &pfs, &traditional, jobs);
	for (int i = 0; i < 2; i++) {
		jobs[i].out_dir = out_dir;
		jobs[i].console = writes_console(options, plan);
		jobs[i].journal = options->journal;
		jobs[i].journal_bytes_max = options->journal_bytes_max;
		jobs[i].journal_chosen = options->journal_chosen;
	}
	jobs_run(jobs);
	if (jobs[0].error)
		goto out;
	broken = jobs[1].error;
	/* Nothing to tell of; else what the first run found is worth its time. */
	if (broken && !pfs.result)
		goto out;

	struct report report = {
		.plan = plan,
		.engine = options->sim ? "sim" : "netns",
		.out_dir = out_dir,
		.started_at = started_at,
		.pfs = report_of(&pfs),
		.traditional = report_of(&traditional),
	};
	bool interrupted = interrupt || broken;
	if (options->find_speed && !interrupted && look_for_speed(options, plan, jobs) < 0)
		fprintf(stderr, "pfs-fleet: the highest speed that holds was not found\n");
	if (report_is_reduced(&report) && !interrupted && run_side(options, plan, &side))
		report.side = &side.side;
	report_judge(&report);
	if (broken) {
		report.interrupted = true;
		report.verdict = REPORT_INCONCLUSIVE;
		fprintf(stderr, "pfs-fleet: the traditional run could not be made; the results are the PFS run's alone\n");
	}
	status = print_report(options, &report);
	if (!options->json) {
		tell_journal(&pfs);
		tell_journal(&traditional);
	}
	if (is_cut(&pfs) || is_cut(&traditional))
		status = FLEET_EXIT_HOST;
	/* An invariant that does not hold (it stands on stderr): nothing that was counted until then is good. */
	if (pfs.violated || traditional.violated)
		status = FLEET_EXIT_FAILED;
	/* The folder has the results in it: it stays, and the status still says what happened. */
	if (broken)
		status = FLEET_EXIT_HOST;
out:
	nothing_ran = !pfs.result && !traditional.result;
	record_free(pfs.record);
	record_free(traditional.record);
	record_free(side.pfs.record);
	record_free(side.traditional.record);
	plan_free(side.plan);
	if (nothing_ran)
		folder_abandon(out_dir);
	return status;
}

/* Whose events are to be kept. False: no such phones (said on stderr), or no memory. */
static bool choose_journal(struct options *options, const struct plan *plan)
{
	char error[512];

	if (!options->journal_phones)
		return true;
	options->journal_chosen = calloc(plan->phone_count, 1);
	if (!options->journal_chosen) {
		fprintf(stderr, "pfs-fleet: no memory for the journal\n");
		return false;
	}
	if (journal_choose(plan, options->journal_phones, options->journal_chosen, error, sizeof(error)) == 0)
		return true;
	fprintf(stderr, "pfs-fleet: --journal: %s\n", error);
	return false;
}

/* Better no run than one in which a fault silently did not happen. */
static bool can_carry_out(const char *scenario, const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->fault_count; i++) {
		if (!plan_fault_virtual_only(plan->faults[i].kind))
			continue;
		fprintf(stderr, "%s: faults[%u].kind: \"%s\": happens in virtual time only, use --engine sim\n",
			scenario, plan->faults[i].entry, plan_fault_name(plan->faults[i].kind));
		return false;
	}
	return true;
}

int command_run(int argc, char **argv)
{
	struct options options = {
		.modes = { .pfs = true, .traditional = true }, .journal_bytes_max = JOURNAL_BYTES_MAX_DEFAULT
	};
	struct scenario_error error;
	char out_dir[FOLDER_PATH_MAX];
	time_t started_at = time(NULL);
	struct plan *plan;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (scenario_load(options.scenario, &options.overrides, &plan, &error) < 0) {
		fprintf(stderr, "%s\n", error.line);
		return FLEET_EXIT_USAGE;
	}
	if ((!options.sim && !can_carry_out(options.scenario, plan)) || !choose_journal(&options, plan)) {
		free(options.journal_chosen);
		plan_free(plan);
		return FLEET_EXIT_USAGE;
	}
	if (!options.sim && !limits_allow(plan, options.workers)) {
		free(options.journal_chosen);
		plan_free(plan);
		return FLEET_EXIT_HOST;
	}
	if (!options.quiet && options.console == CONSOLE_AUTO && !writes_console(&options, plan))
		fprintf(stderr, "pfs-fleet: no console logs of more than %d phones; --console all writes them\n",
			CONSOLE_PHONES_MAX);
	int status = FLEET_EXIT_USAGE;
	if (folder_make(options.out, plan->name, started_at, out_dir) == 0) {
		if (folder_write(out_dir, "scenario.json", plan->text) == 0) {
			catch_signals();
			/* This thread publishes views; it never reads one, so it stays off-line. */
			rcu_register_thread();
			rcu_thread_offline();
			status = run_modes(&options, plan, out_dir, started_at);
			rcu_unregister_thread();
		} else {
			status = FLEET_EXIT_HOST;
			folder_abandon(out_dir);
		}
	}
	free(options.journal_chosen);
	plan_free(plan);
	return status;
}
