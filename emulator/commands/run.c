/*
 * pfs-fleet run: makes the fleet of a scenario and upgrades it, by PFS, in the
 * traditional way, or both, and reports. Where the run is scaled down or sped
 * up, the same scenario at full size is worked out in virtual time beside it,
 * so that nobody takes the small figures for the real ones.
 */
#include <argp.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "emulator/commands/commands.h"
#include "emulator/commands/folder.h"
#include "emulator/commands/host_limits.h"
#include "emulator/commands/progress.h"
#include "emulator/report/report.h"
#include "emulator/scenario/scenario.h"
#include "emulator/world.h"

#define CONSOLE_PHONES_MAX 10000 /* --console auto: a larger fleet writes none */
#define WORKERS_MAX 256

enum console { CONSOLE_AUTO, CONSOLE_ALL, CONSOLE_NONE };

struct options {
	const char *scenario, *out;
	bool sim, pfs, traditional, json, quiet;
	enum console console;
	uint32_t workers;
	struct scenario_overrides overrides;
};

/* One fleet upgraded once. */
struct one_run {
	struct record *record;
	struct world_report world;
	const struct run_result *result;
	struct progress *progress;
	const char *label;
	bool quiet, violated;
};

static volatile sig_atomic_t stop;

enum { OPT_ENGINE = 256, OPT_MODE, OPT_SEED, OPT_SPEED, OPT_OUT, OPT_JSON, OPT_WORKERS, OPT_CONSOLE };

static const struct argp_option option_table[] = {
	{ "engine", OPT_ENGINE, "ENGINE", 0,
	  "netns: namespaces on the real kernel (default); sim: virtual time", 0 },
	{ "mode", OPT_MODE, "MODE", 0, "pfs, traditional or both (default)", 0 },
	{ "seed", OPT_SEED, "N", 0, "Seed of every draw, instead of the scenario's", 0 },
	{ "speed", OPT_SPEED, "X", 0, "World's clock against real time, instead of the scenario's", 0 },
	{ "out", OPT_OUT, "DIR", 0, "The run's folder; must be new or empty (default: results/runs/...)", 0 },
	{ "workers", OPT_WORKERS, "N", 0,
	  "Virtual time: threads for modes and sites (default: one a core); changes no result", 0 },
	{ "console", OPT_CONSOLE, "WHICH", 0,
	  "Console logs: all, none, or auto (default): all of up to 10,000 phones, none of more", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print the summary instead of the table", 0 },
	{ "quiet", 'q', NULL, 0, "No progress", 0 },
	{ 0 }
};

static int parse_seed(const char *text, uint64_t *seed)
{
	char *end;

	errno = 0;
	*seed = strtoull(text, &end, 10);
	/* UINT64_MAX stands for "not said" in a scenario, which is to take what this takes. */
	return errno || *text < '0' || *text > '9' || *end || *seed == UINT64_MAX ? -EINVAL : 0;
}

static int parse_workers(const char *text, uint32_t *workers)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < 1 || value > WORKERS_MAX)
		return -EINVAL;
	*workers = (uint32_t)value;
	return 0;
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

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPT_ENGINE:
		options->sim = strcmp(argument, "sim") == 0;
		if (!options->sim && strcmp(argument, "netns") != 0)
			argp_error(state, "--engine: \"%s\": use netns or sim", argument);
		return 0;
	case OPT_MODE:
		options->pfs = strcmp(argument, "traditional") != 0;
		options->traditional = strcmp(argument, "pfs") != 0;
		if (options->pfs && options->traditional && strcmp(argument, "both") != 0)
			argp_error(state, "--mode: \"%s\": use pfs, traditional or both", argument);
		return 0;
	case OPT_SEED:
		options->overrides.has_seed = true;
		if (parse_seed(argument, &options->overrides.seed) < 0)
			argp_error(state, "--seed: \"%s\": not a whole number from 0 to 2^64 - 2", argument);
		return 0;
	case OPT_SPEED:
		if (scenario_parse_speed(argument, &options->overrides.speed_milli) < 0)
			argp_error(state, "--speed: \"%s\": not a number from 0.01 to 1000", argument);
		return 0;
	case OPT_OUT:
		options->out = argument;
		return 0;
	case OPT_WORKERS:
		if (parse_workers(argument, &options->workers) < 0)
			argp_error(state, "--workers: \"%s\": not a whole number from 1 to %d", argument,
				   WORKERS_MAX);
		return 0;
	case OPT_CONSOLE:
		if (parse_console(argument, &options->console) < 0)
			argp_error(state, "--console: \"%s\": use auto, all or none", argument);
		return 0;
	case OPT_JSON:
		options->json = true;
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state, "one scenario at a time: \"%s\" is one too many", argument);
		options->scenario = argument;
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

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* The first one ends the run with what there is; the second one ends the program. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void begin_progress(void *context)
{
	struct one_run *run = context;

	if (!run->progress && !run->quiet)
		run->progress = progress_start(run->record, run->label);
}

/* What is to be run, and what came of it. */
struct job {
	const struct plan *plan;
	bool sim, traditional, quiet, wanted, console;
	const char *out_dir; /* or NULL */
	const char *label;
	uint32_t workers;
	struct one_run *run;
	int error; /* a negative errno where the host lacks something (said on stderr) */
};

static void run_once(struct job *job)
{
	struct one_run *run = job->run;

	*run = (struct one_run){ .label = job->label, .quiet = job->quiet };
	/* Virtual time has no day: its logs are to be the same for a seed. */
	run->record =
		record_new(job->plan, job->traditional, job->console ? job->out_dir : NULL,
			   job->sim ? 0 : (int64_t)time(NULL));
	if (!run->record) {
		job->error = -errno;
		fprintf(stderr, "pfs-fleet: cannot start the record: %s\n", strerror(-job->error));
		return;
	}
	struct world_options options = {
		.plan = job->plan,
		.record = run->record,
		.traditional = job->traditional,
		.out_dir = job->out_dir,
		.stop = &stop,
		.started = begin_progress,
		.started_context = run,
		.workers = job->workers,
	};
	if (job->sim)
		begin_progress(run);
	int result = job->sim ? sim_world_run(&options, &run->world) : netns_world_run(&options, &run->world);
	progress_stop(run->progress);
	run->progress = NULL;
	if (result < 0 && result != -EPROTO) {
		job->error = result;
		return;
	}
	run->violated = result < 0;
	run->result =
		record_finish(run->record, record_now(run->record), stop && !record_all_ended(run->record));
}

static void *run_apart(void *context)
{
	run_once(context);
	return NULL;
}

/* Both at the same time, the first one in a thread of its own. False where there is none to be had. */
static bool run_side_by_side(struct job jobs[2])
{
	uint32_t workers = jobs[0].workers;
	sigset_t all, before;
	pthread_t thread;

	jobs[0].workers = (workers + 1) / 2;
	jobs[1].workers = workers / 2;
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&thread, NULL, run_apart, &jobs[0]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		jobs[0].workers = jobs[1].workers = workers;
		return false;
	}
	run_once(&jobs[1]);
	pthread_join(thread, NULL);
	return true;
}

/*
 * The modes that are wanted, one after the other; in virtual time side by side
 * where one alone would leave workers without work. The second one is not begun
 * where the first one was stopped or could not be made.
 */
static void run_jobs(struct job jobs[2])
{
	bool both = jobs[0].wanted && jobs[1].wanted;

	if (both && jobs[0].sim && jobs[0].workers > 1 &&
	    (sim_world_parts(jobs[0].plan, false) < jobs[0].workers ||
	     sim_world_parts(jobs[1].plan, true) < jobs[1].workers) &&
	    run_side_by_side(jobs))
		return;
	if (jobs[0].wanted)
		run_once(&jobs[0]);
	if (jobs[1].wanted && !stop && !(jobs[0].wanted && jobs[0].error))
		run_once(&jobs[1]);
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
	struct job jobs[2] = {
		{ .plan = side->plan, .label = "full size, PFS", .run = &side->pfs, .wanted = options->pfs },
		{ .plan = side->plan, .label = "full size, traditional", .run = &side->traditional,
		  .traditional = true, .wanted = options->traditional },
	};
	for (int i = 0; i < 2; i++) {
		jobs[i].sim = true;
		jobs[i].quiet = options->quiet;
		jobs[i].workers = options->workers;
	}
	run_jobs(jobs);
	if (jobs[0].error || jobs[1].error)
		return false;
	side->side = (struct report_side){ .plan = side->plan,
					   .pfs = report_of(&side->pfs),
					   .traditional = report_of(&side->traditional) };
	return !stop;
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
	if (!written)
		status = FLEET_EXIT_HOST;
	if (options->json)
		fputs(summary, stdout);
	else if (report_table(report, stdout) == 0 && written)
		printf("results: %s\n", report->out_dir);
	free(summary);
	return status;
}

/* A log is some 20 KB and a file a phone. */
static bool writes_console(const struct options *options, const struct plan *plan)
{
	return options->console == CONSOLE_ALL ||
	       (options->console == CONSOLE_AUTO && plan->phone_count <= CONSOLE_PHONES_MAX);
}

static bool logs_cut(const struct one_run *run)
{
	return run->result && run->result->disk_error;
}

static int run_modes(const struct options *options, const struct plan *plan, const char *out_dir,
		     time_t started_at)
{
	struct one_run pfs = { 0 }, traditional = { 0 };
	struct side_runs side = { 0 };
	int status = FLEET_EXIT_HOST;
	bool broken, nothing_ran;
	struct job jobs[2] = {
		{ .plan = plan, .label = "PFS", .run = &pfs, .wanted = options->pfs },
		{ .plan = plan, .label = "traditional", .run = &traditional, .traditional = true,
		  .wanted = options->traditional },
	};

	for (int i = 0; i < 2; i++) {
		jobs[i].sim = options->sim;
		jobs[i].quiet = options->quiet;
		jobs[i].workers = options->workers;
		jobs[i].out_dir = out_dir;
		jobs[i].console = writes_console(options, plan);
	}
	run_jobs(jobs);
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
	bool interrupted = stop || broken;
	if (report_is_reduced(&report) && !interrupted && run_side(options, plan, &side))
		report.side = &side.side;
	report_judge(&report);
	if (broken) {
		report.interrupted = true;
		report.verdict = REPORT_INCONCLUSIVE;
		fprintf(stderr, "pfs-fleet: the traditional run could not be made; the results are the PFS run's alone\n");
	}
	status = print_report(options, &report);
	/* They ended early, which was said when it happened. */
	if (logs_cut(&pfs) || logs_cut(&traditional))
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

/* Better no run than one in which a fault silently did not happen. */
static bool can_carry_out(const char *scenario, const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->fault_count; i++) {
		if (!plan_fault_virtual_only(plan->faults[i].kind))
			continue;
		fprintf(stderr, "%s: faults[%u].kind: \"%s\": happens in virtual time only, use --engine sim\n",
			scenario, i, plan_fault_name(plan->faults[i].kind));
		return false;
	}
	return true;
}

int command_run(int argc, char **argv)
{
	struct options options = { .pfs = true, .traditional = true };
	struct scenario_error error;
	char out_dir[FOLDER_PATH_MAX];
	time_t started_at = time(NULL);
	struct plan *plan;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (scenario_load(options.scenario, &options.overrides, &plan, &error) < 0) {
		fprintf(stderr, "%s\n", error.line);
		return FLEET_EXIT_USAGE;
	}
	if (!options.sim && !can_carry_out(options.scenario, plan)) {
		plan_free(plan);
		return FLEET_EXIT_USAGE;
	}
	if (!options.sim && !limits_allow(plan)) {
		plan_free(plan);
		return FLEET_EXIT_HOST;
	}
	if (!options.workers) {
		long cores = sysconf(_SC_NPROCESSORS_ONLN);
		options.workers = cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : (uint32_t)cores;
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
	plan_free(plan);
	return status;
}
