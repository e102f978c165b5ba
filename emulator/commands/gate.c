/*
 * pfs-fleet gate: runs a scenario and says pass, fail or inconclusive: by the
 * gates that it carries, held to a baseline, or beside another build. It plans
 * how often to run and stops as soon as it knows; what is judged, and how, is in
 * gate/.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "emulator/commands/commands.h"
#include "emulator/commands/folder.h"
#include "emulator/commands/gate_files.h"
#include "emulator/gate/gate.h"
#include "emulator/scenario/scenario.h"
#include "emulator/scenario/units.h"

#define RUNS_DEFAULT 5         /* in the netns world; virtual time gives the same each time */
#define PAIRS_MORE 3           /* so many times the pairs asked for at most, where the first ones do not decide */
#define EFFECT_DEFAULT_PPM 10000
#define RESOLUTION_REAL_S 0.002 /* what a host does to a time for nothing: the netns world tells no less apart */
#define LINES_SHOWN 30         /* of those that pass, of a kind */
#define WORKERS_MAX 256

struct options {
	const char *scenario, *out, *baseline, *against, *mode;
	bool sim, update, json, quiet;
	uint32_t runs, workers;
	uint64_t effect_ppm;
	struct scenario_overrides overrides;
};

/* What one call works with. */
struct work {
	const struct options *options;
	const struct plan *plan;
	const char *folder;        /* of the whole gate */
	char scenario[FOLDER_PATH_MAX + 32]; /* what the runs are given */
	struct gate_result result;
	struct gate_figures *figures; /* one a run that counts; of pairs the other build's, then this one's */
	uint32_t attempts;         /* runs or pairs begun */
	uint32_t failed_alone_count, failed_alone[GATE_SAMPLES_MAX]; /* pairs in which this build's run alone failed */
	int status;                /* an enum fleet_exit where nothing can be judged, else -1 */
};

static volatile sig_atomic_t stop;

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
	{ "workers", OPT_WORKERS, "N", 0, "Threads of each run", 0 },
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

static uint64_t parse_number(const char *text, uint64_t most, const char *option, struct argp_state *state)
{
	char *end;

	errno = 0;
	uint64_t number = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || number > most)
		argp_error(state, "%s: \"%s\": not a whole number to %" PRIu64, option, text, most);
	return number;
}

static void check_options(const struct options *options, struct argp_state *state)
{
	if (options->update && !options->baseline)
		argp_error(state, "--update: which file? give --baseline FILE too");
	if (options->against && options->baseline)
		argp_error(state, "--against and --baseline are two questions, ask one");
	if (!options->scenario)
		argp_error(state, "which SCENARIO?");
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
		options->mode = argument;
		if (strcmp(argument, "pfs") && strcmp(argument, "traditional") && strcmp(argument, "both"))
			argp_error(state, "--mode: \"%s\": use pfs, traditional or both", argument);
		return 0;
	case OPT_SEED:
		options->overrides.has_seed = true;
		options->overrides.seed = parse_number(argument, UINT64_MAX - 1, "--seed", state);
		return 0;
	case OPT_SPEED:
		if (scenario_parse_speed(argument, &options->overrides.speed_milli) < 0)
			argp_error(state, "--speed: \"%s\": not a number from 0.01 to 1000", argument);
		return 0;
	case OPT_OUT:
		options->out = argument;
		return 0;
	case OPT_WORKERS:
		options->workers = (uint32_t)parse_number(argument, WORKERS_MAX, "--workers", state);
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
		options->runs = (uint32_t)parse_number(argument, GATE_SAMPLES_MAX / PAIRS_MORE - 3, "--runs", state);
		if (!options->runs)
			argp_error(state, "--runs: \"%s\": not a whole number from 1 to 30", argument);
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
		if (state->arg_num > 0)
			argp_error(state, "one scenario at a time: \"%s\" is one too many", argument);
		options->scenario = argument;
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

static void on_signal(int number)
{
	stop = 1;
	gate_run_signal(number);
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void __attribute__((format(printf, 2, 3))) doubt(struct work *work, const char *format, ...)
{
	size_t at = strlen(work->result.why);
	va_list arguments;

	if (at && at + 3 < sizeof(work->result.why)) {
		strcpy(work->result.why + at, "; ");
		at += 2;
	}
	va_start(arguments, format);
	vsnprintf(work->result.why + at, sizeof(work->result.why) - at, format, arguments);
	va_end(arguments);
}

/* ------------------------------------------------------------- one run */

enum made { MADE_GOOD, MADE_UNTRUSTED, MADE_NONE };

/* Makes a run and hands out its summary, which the caller deletes. MADE_NONE: the gate ends, said why. */
static enum made make_run(struct work *work, const char *program, const char *name, cJSON **summary)
{
	const struct options *options = work->options;
	char out[FOLDER_PATH_MAX + 64];
	struct gate_run run;

	snprintf(out, sizeof(out), "%s/%s", work->folder, name);
	const struct gate_job job = {
		.program = program,
		.scenario = work->scenario,
		.mode = options->mode,
		.out = out,
		.sim = options->sim,
		.seed = work->plan->seed,
		.speed_milli = work->plan->speed_milli,
		.workers = options->workers,
		.stop = &stop,
	};
	if (!options->quiet)
		fprintf(stderr, "pfs-fleet gate: %s\n", name);
	gate_run_make(&job, &run);
	*summary = run.summary;
	if (stop) {
		doubt(work, "interrupted");
		return MADE_NONE;
	}
	if (run.summary && run.status == 3)
		return MADE_UNTRUSTED;
	if (run.summary)
		return MADE_GOOD;
	if (run.error[0])
		fprintf(stderr, "%s\n", run.error);
	if (run.ended_by)
		fprintf(stderr, "pfs-fleet: %s was ended by signal %d (%s)\n", name, run.ended_by, strsignal(run.ended_by));
	else if (run.status < 0)
		fprintf(stderr, "pfs-fleet: %s could not be begun: %s\n", name, strerror(-run.status));
	else if (run.status == 0 || run.status == 1 || run.status == 3)
		fprintf(stderr, "pfs-fleet: %s ended with status %d and left no summary\n", name, run.status);
	/* What the run said of itself is what the gate says; one that died is no verdict about the fleet. */
	work->status = run.status == 2 || run.status == 4 ? run.status : program ? FLEET_EXIT_USAGE : FLEET_EXIT_HOST;
	return MADE_NONE;
}

static const char *string_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text ? text : "";
}

/* Why a run cannot be trusted, in its own words. */
static void doubt_run(struct work *work, const cJSON *summary)
{
	const cJSON *fidelity = cJSON_GetObjectItemCaseSensitive(summary, "fidelity");
	const char *reasons = string_of(fidelity, "reasons");

	if (!work->result.why[0])
		doubt(work, "the runs cannot be trusted: %.400s", *reasons ? reasons : "interrupted");
}

/* ------------------------------------------------------------- the scenario's own gates */

static void json_text(const cJSON *value, char *text, size_t size)
{
	char *printed = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);

	snprintf(text, size, "%s",
		 cJSON_IsString(value) ? value->valuestring : !printed || cJSON_IsNull(value) ? "none" : printed);
	cJSON_free(printed);
}

static enum gate_outcome outcome_named(const char *verdict, bool trusted)
{
	if (strcmp(verdict, "skipped") == 0)
		return GATE_SKIPPED;
	if (!trusted)
		return GATE_INCONCLUSIVE;
	return strcmp(verdict, "pass") == 0 ? GATE_PASS : GATE_FAIL;
}

/* A limit and its value for people, in the figure's unit. */
static void gate_texts(const cJSON *gate, char *limit, char *value, size_t size)
{
	const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(gate, "limit");
	const cJSON *got = cJSON_GetObjectItemCaseSensitive(gate, "value");
	struct figure_place place;
	char known[8], text[100];

	if (*string_of(gate, "written"))
		snprintf(text, sizeof(text), "%s", string_of(gate, "written"));
	else
		json_text(wanted, text, sizeof(text));
	snprintf(limit, size, "%s %s", string_of(gate, "relation"), text);
	json_text(got, value, size);
	if (cJSON_IsNumber(got) && figure_find(string_of(gate, "name"), &place, known, sizeof(known)) == 0)
		gate_value_text(place.figure->kind, got->valuedouble, value, size);
}

/* Of several runs each has to hold: the line of the first is worsened by those after it. */
static void take_gates(struct work *work, const cJSON *summary, bool trusted)
{
	struct gate_result *result = &work->result;
	const cJSON *gate;
	uint32_t number = 0;

	cJSON_ArrayForEach(gate, cJSON_GetObjectItemCaseSensitive(summary, "gates")) {
		enum gate_outcome outcome = outcome_named(string_of(gate, "verdict"), trusted);
		char limit[140], value[140];

		gate_texts(gate, limit, value, sizeof(limit));
		if (number >= result->count) {
			gate_add(result, GATE_KIND_SCENARIO, outcome, string_of(gate, "name"), limit, value, NULL);
		} else if (outcome == GATE_FAIL && result->lines[number].outcome != GATE_FAIL) {
			char *copy = strdup(value);

			result->memory_short |= !copy;
			free(result->lines[number].value);
			result->lines[number].value = copy ? copy : strdup("");
			result->lines[number].outcome = outcome;
		}
		number++;
	}
	/* A run fails for what no gate says, too: kernel bytes that are short, logs that are cut. */
	if (trusted && strcmp(string_of(summary, "verdict"), "fail") == 0) {
		bool told = false;

		for (uint32_t i = 0; i < result->count; i++)
			told |= result->lines[i].outcome == GATE_FAIL;
		if (!told)
			gate_add(result, GATE_KIND_SCENARIO, GATE_FAIL, "verdict", "pass", "fail",
				 "see the run's table");
	}
}

/* ------------------------------------------------------------- runs, and a baseline */

static uint32_t runs_wanted(const struct options *options)
{
	if (options->runs)
		return options->runs;
	if (options->sim)
		return 1;
	return options->baseline ? RUNS_DEFAULT : 1;
}

/*
 * Makes runs until enough count, or as many again could not be trusted. In the
 * netns world alone: virtual time is always trusted.
 */
static void make_runs(struct work *work)
{
	uint32_t wanted = runs_wanted(work->options);
	cJSON *last_bad = NULL;

	work->figures = calloc(wanted, sizeof(*work->figures));
	while (work->figures && work->result.runs < wanted && work->result.runs_untrusted < wanted) {
		char name[32];
		cJSON *summary;

		snprintf(name, sizeof(name), "run-%u", ++work->attempts);
		enum made made = make_run(work, NULL, name, &summary);
		if (made == MADE_GOOD) {
			take_gates(work, summary, true);
			if (gate_figures_read(summary, &work->figures[work->result.runs++]) < 0)
				work->result.memory_short = true;
			cJSON_Delete(summary);
			continue;
		}
		if (made == MADE_NONE) {
			cJSON_Delete(summary);
			break;
		}
		work->result.runs_untrusted++;
		cJSON_Delete(last_bad);
		last_bad = summary;
	}
	if (work->status < 0 && !work->result.why[0] && work->result.runs < wanted && last_bad)
		doubt_run(work, last_bad);
	/* Nothing that counts: the lines say at least what was seen. */
	if (!work->result.count && last_bad)
		take_gates(work, last_bad, false);
	cJSON_Delete(last_bad);
	work->result.memory_short |= !work->figures;
}

static double resolution_s(const struct work *work)
{
	return work->options->sim ? 0 : RESOLUTION_REAL_S * work->plan->speed_milli / 1000.0;
}

/* Writes the file, and says what is other than before. */
static void update_baseline(struct work *work, const struct gate_baseline *then, const struct gate_baseline *now)
{
	const char *path = work->options->baseline;
	FILE *stream = work->options->json ? stderr : stdout;
	uint32_t changes;

	if (gate_baseline_write(path, now) < 0) {
		work->status = FLEET_EXIT_HOST;
		return;
	}
	changes = then ? gate_baseline_changes(then, now, stream) : 0;
	if (then)
		fprintf(stream, "%s: %u figure%s changed\n", path, changes, changes == 1 ? "" : "s");
	else
		fprintf(stream, "%s: new, %d exact figures and %d measured ones\n", path,
			cJSON_GetArraySize(now->exact), cJSON_GetArraySize(now->measured));
}

/* The baseline is read before anything is run: what is wrong with it is not to be learned an hour later. */
static bool read_baseline(struct work *work, const struct gate_identity *now, struct gate_baseline *then, bool *known)
{
	const char *path = work->options->baseline;
	char error[1024];

	*known = false;
	*then = (struct gate_baseline){ 0 };
	if (!path)
		return true;
	/* One that is not to be read any more is what an update is for. */
	int r = gate_baseline_read(path, then, error, sizeof(error));
	*known = r == 0;
	if (work->options->update)
		return true;
	if (r == 0)
		r = gate_baseline_fits(path, then, now, error, sizeof(error));
	if (r == 0)
		return true;
	fprintf(stderr, "%s\n", error);
	return false;
}

static void judge_baseline(struct work *work, const struct gate_identity *identity, const struct gate_baseline *then,
			   bool known)
{
	struct gate_baseline now;

	if (!work->options->baseline || work->result.runs < runs_wanted(work->options))
		return;
	if (gate_baseline_make(identity, work->figures, work->result.runs, &now) < 0)
		work->result.memory_short = true;
	else if (!work->options->update)
		gate_baseline_judge(then, &now, (double)work->options->effect_ppm / 1e6, resolution_s(work),
				    &work->result);
	else
		update_baseline(work, known ? then : NULL, &now);
	gate_baseline_free(&now);
}

static void gate_by_itself(struct work *work)
{
	struct gate_identity identity;
	struct gate_baseline then;
	bool known;

	gate_identify(work->plan, work->options->sim, work->options->mode, &identity);
	if (!read_baseline(work, &identity, &then, &known)) {
		work->status = FLEET_EXIT_USAGE;
		return;
	}
	make_runs(work);
	if (work->status < 0)
		judge_baseline(work, &identity, &then, known);
	gate_baseline_free(&then);
}

/* ------------------------------------------------------------- pairs */

/* The other build may not know gates yet, and this one's verdict about them is not asked for here. */
static bool write_plain_scenario(struct work *work)
{
	cJSON *root = cJSON_Parse(work->plan->text);
	char *text = NULL;

	cJSON_DeleteItemFromObjectCaseSensitive(root, "gates");
	/* It may have had its name from its file. */
	if (root && !cJSON_HasObjectItem(root, "name"))
		cJSON_AddStringToObject(root, "name", work->plan->name);
	text = root ? cJSON_Print(root) : NULL;
	snprintf(work->scenario, sizeof(work->scenario), "%s/scenario.json", work->folder);
	if (!text)
		fprintf(stderr, "pfs-fleet: no memory for the scenario\n");
	bool good = text && folder_write(work->folder, "scenario.json", text) == 0;
	cJSON_free(text);
	cJSON_Delete(root);
	return good;
}

/* A run that failed is the builds' difference where one alone did. */
static void compare_verdicts(struct work *work, const cJSON *other, const cJSON *this)
{
	if (strcmp(string_of(this, "verdict"), "fail") == 0 && strcmp(string_of(other, "verdict"), "fail") != 0)
		work->failed_alone[work->failed_alone_count++] = work->attempts;
}

/* False: no more pairs can be made. `used` counts those that count. */
static bool make_pair(struct work *work, uint32_t *used)
{
	cJSON *summaries[2] = { NULL, NULL };
	enum made made[2] = { MADE_NONE, MADE_NONE };
	char name[40];

	work->attempts++;
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "pair-%u-%s", work->attempts, i ? "this" : "other");
		made[i] = make_run(work, i ? NULL : work->options->against, name, &summaries[i]);
		if (made[i] != MADE_GOOD)
			break;
	}
	if (made[0] == MADE_GOOD && made[1] == MADE_GOOD) {
		compare_verdicts(work, summaries[0], summaries[1]);
		for (int i = 0; i < 2; i++)
			if (gate_figures_read(summaries[i], &work->figures[(uint32_t)i * GATE_SAMPLES_MAX + *used]) < 0)
				work->result.memory_short = true;
		++*used;
		work->result.runs += 2;
	} else if (made[0] == MADE_UNTRUSTED || made[1] == MADE_UNTRUSTED) {
		work->result.runs_untrusted++;
	}
	bool more = made[0] == MADE_UNTRUSTED || made[1] == MADE_UNTRUSTED ||
		    (made[0] == MADE_GOOD && made[1] == MADE_GOOD);
	if (more && made[made[0] == MADE_GOOD] == MADE_UNTRUSTED && !*used && work->attempts >= 3)
		doubt_run(work, summaries[made[0] == MADE_GOOD]);
	cJSON_Delete(summaries[0]);
	cJSON_Delete(summaries[1]);
	return more;
}

/* What all pairs so far say. */
static enum gate_outcome judge_pairs(struct work *work, uint32_t used)
{
	struct gate_result *result = &work->result;
	char name[48];

	gate_free(result);
	for (uint32_t i = 0; i < work->failed_alone_count; i++) {
		snprintf(name, sizeof(name), "verdict of pair %u", work->failed_alone[i]);
		gate_add(result, GATE_KIND_AGAINST, GATE_FAIL, name, "pass", "fail", "see the run's table");
	}
	gate_against_judge(work->figures, work->figures + GATE_SAMPLES_MAX, used, work->options->sim,
			   (double)work->options->effect_ppm / 1e6, resolution_s(work), result);
	gate_conclude(result);
	return result->outcome;
}

static void gate_against(struct work *work)
{
	uint32_t wanted = work->options->runs ? work->options->runs : work->options->sim ? 1 : RUNS_DEFAULT;
	uint32_t most = work->options->sim ? wanted : wanted * PAIRS_MORE, used = 0;
	char said[512];

	if (gate_program_check(work->options->against, said, sizeof(said)) < 0) {
		fprintf(stderr, "pfs-fleet: --against: %s\n", said);
		work->status = FLEET_EXIT_USAGE;
		return;
	}
	work->figures = calloc(2 * GATE_SAMPLES_MAX, sizeof(*work->figures));
	if (!work->figures || !write_plain_scenario(work)) {
		work->status = FLEET_EXIT_HOST;
		return;
	}
	while (used < most && work->result.runs_untrusted < most) {
		uint32_t before = used;

		if (!make_pair(work, &used))
			break;
		/* Enough and clear, or a host so busy that none of the first ones counts. */
		if (used >= wanted && used > before && judge_pairs(work, used) != GATE_INCONCLUSIVE)
			break;
		if (!used && work->result.runs_untrusted >= wanted)
			break;
	}
	if (work->status >= 0)
		return;
	if (used < wanted && !work->result.why[0])
		doubt(work, "%u pairs can be trusted, %u are needed", used, wanted);
	judge_pairs(work, used);
}

/* ------------------------------------------------------------- the command */

static int conclude(struct work *work, double began_s)
{
	static const int statuses[] = { [GATE_PASS] = FLEET_EXIT_GOOD,
					[GATE_FAIL] = FLEET_EXIT_FAILED,
					[GATE_INCONCLUSIVE] = FLEET_EXIT_INCONCLUSIVE,
					[GATE_SKIPPED] = FLEET_EXIT_INCONCLUSIVE };

	if (work->status >= 0)
		return work->status;
	work->result.took_s = now_s() - began_s;
	gate_conclude(&work->result);
	int status = statuses[work->result.outcome];
	if (gate_files_write(work->folder, &work->result) < 0)
		status = FLEET_EXIT_HOST;
	if (work->options->json) {
		char *text = gate_json(&work->result);

		fputs(text ? text : "", stdout);
		free(text);
	} else if (gate_print(&work->result, LINES_SHOWN, stdout) == 0) {
		printf("results: %s\n", work->folder);
	}
	return status;
}

int command_gate(int argc, char **argv)
{
	struct options options = { .mode = "both", .effect_ppm = EFFECT_DEFAULT_PPM };
	struct scenario_error error;
	char folder[FOLDER_PATH_MAX];
	struct plan *plan;
	int status = FLEET_EXIT_USAGE;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (scenario_load(options.scenario, &options.overrides, &plan, &error) < 0) {
		fprintf(stderr, "%s\n", error.line);
		return FLEET_EXIT_USAGE;
	}
	struct work work = { .options = &options, .plan = plan, .folder = folder, .status = -1 };
	double began_s = now_s();
	work.result.scenario = plan->name;
	work.result.engine = options.sim ? "sim" : "netns";
	work.result.seed = plan->seed;
	if (strlen(options.scenario) < sizeof(work.scenario) &&
	    folder_make(options.out, plan->name, time(NULL), folder) == 0) {
		strcpy(work.scenario, options.scenario);
		catch_signals();
		if (options.against)
			gate_against(&work);
		else
			gate_by_itself(&work);
		status = conclude(&work, began_s);
		if (work.status >= 0)
			folder_abandon(folder);
	}
	for (uint32_t i = 0; work.figures && i < (options.against ? 2 * GATE_SAMPLES_MAX : work.result.runs); i++)
		gate_figures_free(&work.figures[i]);
	free(work.figures);
	gate_free(&work.result);
	plan_free(plan);
	return status;
}
