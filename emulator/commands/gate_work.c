/* See gate_work.h. */
#include "emulator/commands/gate_work.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "emulator/commands/commands.h"
#include "emulator/commands/output.h"

#define RUNS_DEFAULT 5         /* in the netns world; virtual time gives the same each time */
#define PAIRS_MORE 3           /* so many times the pairs asked for at most, where the first ones do not decide */
#define RESOLUTION_REAL_S 0.002 /* what a host does to a time for nothing: the netns world tells no less apart */
#define VERSION_MS 10000       /* in which another program says its version; a run may take as long as it takes */

_Static_assert(GATE_RUNS_MAX * PAIRS_MORE <= GATE_SAMPLES_MAX, "there is room for every pair");

static void __attribute__((format(printf, 2, 3))) doubt(struct gate_work *work, const char *format, ...)
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

/* With these a run ends that leaves a summary. */
static bool ends_whole(int status)
{
	return status == FLEET_EXIT_GOOD || status == FLEET_EXIT_FAILED || status == FLEET_EXIT_INCONCLUSIVE;
}

/* Makes a run and hands out its summary, which the caller deletes. MADE_NONE: the gate ends, said why. */
static enum made make_run(struct gate_work *work, const char *program, const char *name, cJSON **summary)
{
	const struct gate_options *options = work->options;
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
		.stop = work->stop,
	};
	if (!options->quiet)
		fprintf(stderr, "pfs-fleet gate: %s\n", name);
	gate_run_make(&job, &run);
	*summary = run.summary;
	if (*work->stop) {
		doubt(work, "interrupted");
		return MADE_NONE;
	}
	if (run.summary && run.status == 3)
		return MADE_UNTRUSTED;
	if (run.summary)
		return MADE_GOOD;
	if (run.said[0])
		fprintf(stderr, "pfs-fleet: the last lines of %s.txt:\n%s\n", name, run.said);
	if (run.error[0])
		fprintf(stderr, "%s\n", run.error);
	if (run.ended_by)
		fprintf(stderr, "pfs-fleet: %s was ended by signal %d (%s)\n", name, run.ended_by, strsignal(run.ended_by));
	else if (run.status < 0)
		fprintf(stderr, "pfs-fleet: %s could not be begun: %s\n", name, strerror(-run.status));
	else if (!run.error[0] || (run.status != FLEET_EXIT_USAGE && run.status != FLEET_EXIT_HOST))
		fprintf(stderr, "pfs-fleet: %s ended with status %d and %s\n", name, run.status,
			run.error[0] || run.said[0] || ends_whole(run.status) ? "left no summary" : "said nothing");
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
static void doubt_run(struct gate_work *work, const cJSON *summary)
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
static void take_gates(struct gate_work *work, const cJSON *summary, bool trusted)
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

static uint32_t runs_wanted(const struct gate_options *options)
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
static void make_runs(struct gate_work *work)
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

static double resolution_s(const struct gate_work *work)
{
	return work->options->sim ? 0 : RESOLUTION_REAL_S * work->plan->speed_milli / 1000.0;
}

/* Writes the file, and says what is other than before. */
static void update_baseline(struct gate_work *work, const struct gate_baseline *then, const struct gate_baseline *now)
{
	const char *path = work->options->baseline;
	FILE *stream = work->options->json ? stderr : stdout;
	uint32_t changes, failed = 0;
	int error = output_write(path, true, gate_baseline_put, now);

	if (error) {
		fprintf(stderr, "pfs-fleet: cannot write %s: %s\n", path, strerror(-error));
		work->status = FLEET_EXIT_HOST;
		return;
	}
	changes = then ? gate_baseline_changes(then, now, stream) : 0;
	if (then)
		fprintf(stream, "%s: %u figure%s changed\n", path, changes, changes == 1 ? "" : "s");
	else
		fprintf(stream, "%s: new, %d exact figures and %d measured ones\n", path,
			cJSON_GetArraySize(now->exact), cJSON_GetArraySize(now->measured));
	for (uint32_t i = 0; i < work->result.count; i++)
		failed += work->result.lines[i].outcome == GATE_FAIL;
	if (failed)
		fprintf(stream, "%s: written, although %u gate%s of the scenario fail%s: it says what is, not what should be\n",
			path, failed, failed == 1 ? "" : "s", failed == 1 ? "s" : "");
}

/* The baseline is read before anything is run: what is wrong with it is not to be learned an hour later. */
static bool read_baseline(struct gate_work *work, const struct gate_identity *now, struct gate_baseline *then, bool *known)
{
	const char *path = work->options->baseline;
	char error[1024];
	struct stat status;

	*known = false;
	*then = (struct gate_baseline){ 0 };
	if (!path)
		return true;
	/* From a pipe or a device nothing is to be read that an update could differ from. */
	if (work->options->update && stat(path, &status) == 0 && !S_ISREG(status.st_mode))
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

static void judge_baseline(struct gate_work *work, const struct gate_identity *identity, const struct gate_baseline *then,
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

static void gate_by_itself(struct gate_work *work)
{
	struct gate_identity identity;
	struct gate_baseline then;
	bool known;

	gate_identify(work->plan, work->options->sim, work->options->mode, &identity);
	if (!read_baseline(work, &identity, &then, &known)) {
		gate_baseline_free(&then);
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
static bool write_plain_scenario(struct gate_work *work)
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
static void compare_verdicts(struct gate_work *work, const cJSON *other, const cJSON *this)
{
	if (strcmp(string_of(this, "verdict"), "fail") == 0 && strcmp(string_of(other, "verdict"), "fail") != 0)
		work->failed_alone[work->failed_alone_count++] = work->attempts;
}

/* False: no more pairs can be made. `used` counts those that count. */
static bool make_pair(struct gate_work *work, uint32_t *used)
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
static enum gate_outcome judge_pairs(struct gate_work *work, uint32_t used, uint32_t wanted)
{
	struct gate_result *result = &work->result;
	char name[48];

	gate_free(result);
	for (uint32_t i = 0; i < work->failed_alone_count; i++) {
		snprintf(name, sizeof(name), "verdict of pair %u", work->failed_alone[i]);
		gate_add(result, GATE_KIND_AGAINST, GATE_FAIL, name, "pass", "fail", "see the run's table");
	}
	gate_against_judge(work->figures, work->figures + GATE_SAMPLES_MAX, used, wanted, work->options->sim,
			   (double)work->options->effect_ppm / 1e6, resolution_s(work), result);
	gate_conclude(result);
	return result->outcome;
}

static void gate_against(struct gate_work *work)
{
	uint32_t wanted = work->options->runs ? work->options->runs : work->options->sim ? 1 : RUNS_DEFAULT;
	uint32_t most = work->options->sim ? wanted : wanted * PAIRS_MORE, used = 0;
	char said[512];

	if (gate_program_check(work->options->against, VERSION_MS, said, sizeof(said)) < 0) {
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
		if (used >= wanted && used > before && judge_pairs(work, used, wanted) != GATE_INCONCLUSIVE)
			break;
		if (!used && work->result.runs_untrusted >= wanted)
			break;
	}
	if (work->status >= 0)
		return;
	if (used < wanted && !work->result.why[0])
		doubt(work, "%u pairs can be trusted, %u are needed", used, wanted);
	judge_pairs(work, used, wanted);
}

/* ------------------------------------------------------------- both */

void gate_work(struct gate_work *work)
{
	if (work->options->against)
		gate_against(work);
	else
		gate_by_itself(work);
}

/* A run's folder, which was new and so has nothing in it but the run's, and its table. */
static void abandon_run(const struct gate_work *work, const char *kind, uint32_t number, const char *which)
{
	char name[40];

	snprintf(name, sizeof(name), "%s-%u%s", kind, number, which);
	folder_remove(work->folder, name);
	snprintf(name, sizeof(name), "%s-%u%s.txt", kind, number, which);
	folder_remove(work->folder, name);
}

void gate_work_abandon(const struct gate_work *work)
{
	for (uint32_t i = 1; i <= work->attempts; i++) {
		abandon_run(work, work->options->against ? "pair" : "run", i, work->options->against ? "-other" : "");
		if (work->options->against)
			abandon_run(work, "pair", i, "-this");
	}
	folder_abandon(work->folder);
}

void gate_work_deinit(struct gate_work *work)
{
	uint32_t count = work->options->against ? 2 * GATE_SAMPLES_MAX : work->result.runs;

	for (uint32_t i = 0; work->figures && i < count; i++)
		gate_figures_free(&work->figures[i]);
	free(work->figures);
	gate_free(&work->result);
}
