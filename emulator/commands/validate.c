/*
 * See validate.h. A netns run is this program's own `run` in a process of its
 * own: it needs a process without threads for its user namespace, and what
 * goes wrong there takes nothing with it. Its summary is read.
 */
#include "emulator/commands/validate.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/capacity/bound.h"
#include "emulator/capacity/show.h"
#include "emulator/capacity/sketch.h"
#include "emulator/commands/commands.h"
#include "emulator/report/json.h"
#include "emulator/report/report.h"

#define PHONES_MAX 40           /* of a line: what a small machine does at that speed without being late */
#define SCENARIO_PHONES_MAX 1000
#define SPEED_MILLI 2000
#define TRADITIONAL_US UINT64_C(60000000) /* scenario time that the traditional way may take, by the bound */
#define SUMMARY_BYTES_MAX (16u << 20)
#define PATH_SIZE 4096

/* ------------------------------------------------------------------ choice */

static struct validate_point *add(struct validation *validation, const struct question_setting *setting, const char *what)
{
	struct validate_point *point = &validation->points[validation->count++];

	*point = (struct validate_point){ .setting = *setting };
	snprintf(point->what, sizeof(point->what), "%s", what);
	return point;
}

void validate_choose_answer(struct validation *validation, const struct answer *answer, uint32_t wanted)
{
	const struct question *question = answer->question;
	const struct question_setting *setting = &question->setting;

	validation->count = 0;
	add(validation, setting, "the fleet itself");
	if (validation->count < wanted && answer->phones.holds)
		add(validation, setting, "where PFS begins to save time")->setting.phones = answer->phones.holds;
	if (validation->count < wanted && answer->traditional.rate.holds)
		answer_set_rate(question, &add(validation, setting, "smallest WAN, traditional")->setting,
				answer->traditional.rate.holds);
	if (validation->count < wanted && answer->pfs.rate.holds)
		answer_set_rate(question, &add(validation, setting, "smallest WAN, PFS")->setting, answer->pfs.rate.holds);
}

void validate_choose_sweep(struct validation *validation, const struct sweep *sweep, uint32_t wanted)
{
	uint32_t count = wanted < sweep->point_count ? wanted : sweep->point_count;
	char what[64];

	validation->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = count > 1 ? (uint32_t)((uint64_t)i * (sweep->point_count - 1) / (count - 1)) : 0;
		snprintf(what, sizeof(what), "point %u of %u", number + 1, sweep->point_count);
		add(validation, &sweep->points[number].setting, what);
	}
}

/* ------------------------------------------------------------------- scale */

/* So many phones, and so much of the firmware, that both ways take about a minute of scenario time. */
static int scale_down(const struct question *question, struct validate_point *point, char error[QUESTION_ERROR_MAX])
{
	struct question scaled = *question;
	struct capacity_bound bound;
	struct sketch sketch;
	int r;

	if (question->model_count && point->setting.phones > PHONES_MAX)
		point->setting.phones = PHONES_MAX;
	if (!question->model_count && point->setting.phones > SCENARIO_PHONES_MAX) {
		snprintf(error, QUESTION_ERROR_MAX, "--validate: %s has %llu phones: expected at most %d", question->path,
			 (unsigned long long)point->setting.phones, SCENARIO_PHONES_MAX);
		return -EINVAL;
	}
	scaled.setting = point->setting;
	r = sketch_begin(&sketch, &scaled, error);
	if (r == 0)
		r = capacity_bound(sketch.plan, true, &bound);
	if (r == 0 && bound.total_us > TRADITIONAL_US) {
		uint64_t ppm = sketch.plan->scale_ppm * TRADITIONAL_US / bound.total_us;
		point->setting.scale_ppm = ppm ? ppm : 1;
	}
	sketch_end(&sketch);
	point->setting.speed_milli = SPEED_MILLI;
	return r;
}

/* ---------------------------------------------------------- in namespaces */

static uint64_t microseconds(const cJSON *object, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(value) ? (uint64_t)llround(value->valuedouble * 1e6) : 0;
}

static void take_run(const cJSON *run, struct validate_point *point)
{
	const cJSON *mode = cJSON_GetObjectItemCaseSensitive(run, "mode");
	const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(run, "wan"), "bytes_down");
	struct validate_mode *to = cJSON_IsString(mode) && strcmp(mode->valuestring, "pfs") == 0 ? &point->pfs
											      : &point->traditional;

	to->netns_us = microseconds(run, "duration_s");
	to->netns_bytes = cJSON_IsNumber(bytes) ? (uint64_t)bytes->valuedouble : 0;
}

/* What the summary says of itself. */
static void take_summary(const char *text, int status, struct validate_point *point)
{
	cJSON *summary = cJSON_Parse(text), *run;
	const cJSON *reasons = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(summary, "fidelity"), "reasons");

	cJSON_ArrayForEach(run, cJSON_GetObjectItemCaseSensitive(summary, "runs"))
		take_run(run, point);
	if (status == FLEET_EXIT_INCONCLUSIVE) {
		point->verdict = VALIDATE_INCONCLUSIVE;
		snprintf(point->why, sizeof(point->why), "%s",
			 cJSON_IsString(reasons) ? reasons->valuestring : "the host was too busy to be believed");
	} else if (status || !point->pfs.netns_us || !point->traditional.netns_us) {
		point->verdict = VALIDATE_FAILED;
		snprintf(point->why, sizeof(point->why), "the run ended with status %d", status);
	}
	cJSON_Delete(summary);
}

static char *read_all(int descriptor)
{
	char *text = malloc(SUMMARY_BYTES_MAX);
	size_t length = 0;
	ssize_t got;

	while (text && length < SUMMARY_BYTES_MAX - 1) {
		got = read(descriptor, text + length, SUMMARY_BYTES_MAX - 1 - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	if (text)
		text[length] = '\0';
	return text;
}

static void become_run(int output, const char *out_dir, const char *scenario)
{
	char *const arguments[] = { (char *)"pfs-fleet", (char *)"run", (char *)"--engine", (char *)"netns",
				    (char *)"--quiet",	 (char *)"--json", (char *)"--console", (char *)"none",
				    (char *)"--out",	 (char *)out_dir, (char *)scenario, NULL };

	if (dup2(output, STDOUT_FILENO) >= 0)
		execv("/proc/self/exe", arguments);
	_exit(FLEET_EXIT_HOST);
}

/* Returns the exit status of the run, or a negative errno; *summary is the caller's. */
static int run_apart(const char *out_dir, const char *scenario, char **summary)
{
	int ends[2], status;
	pid_t child;

	*summary = NULL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		become_run(ends[1], out_dir, scenario);
	close(ends[1]);
	if (child > 0)
		*summary = read_all(ends[0]);
	close(ends[0]);
	if (child < 0)
		return -EAGAIN;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : FLEET_EXIT_HOST;
}

static int write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	int r = file ? 0 : -errno;

	if (file && fputs(text, file) < 0)
		r = -errno;
	if (file && fclose(file) != 0 && r == 0)
		r = -errno;
	return r;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	if (remove(path) < 0)
		fprintf(stderr, "pfs-fleet: %s is left: %s\n", path, strerror(errno));
	return 0;
}

static int run_netns(const char *text, struct validate_point *point, char error[QUESTION_ERROR_MAX])
{
	const char *base = getenv("TMPDIR");
	char folder[PATH_SIZE], scenario[PATH_SIZE + 32], out_dir[PATH_SIZE + 32], *summary = NULL;
	int r;

	snprintf(folder, sizeof(folder), "%s/pfs-plan-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(folder)) {
		r = -errno;
		snprintf(error, QUESTION_ERROR_MAX, "--validate: cannot make %.300s: %s", folder, strerror(-r));
		return r;
	}
	snprintf(scenario, sizeof(scenario), "%s/scenario.json", folder);
	snprintf(out_dir, sizeof(out_dir), "%s/out", folder);
	r = write_file(scenario, text);
	if (r == 0)
		r = run_apart(out_dir, scenario, &summary);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	if (r >= 0 && summary)
		take_summary(summary, r, point);
	else
		snprintf(error, QUESTION_ERROR_MAX, "--validate: the run could not be made: %s", strerror(r < 0 ? -r : ENOMEM));
	free(summary);
	return r < 0 ? r : 0;
}

/* --------------------------------------------------------------------- both */

static int run_sim(const char *text, struct validate_point *point, struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	struct runs runs = { 0 };
	int r = runs_add(&runs, strdup(text), false, 1);

	if (r == 0)
		r = runs_add(&runs, strdup(text), true, 1);
	if (r == 0)
		r = answer_go(pool, &runs, error);
	if (r == 0) {
		point->pfs.sim_us = runs.list[0].outcome.duration_us;
		point->pfs.sim_bytes = runs.list[0].outcome.wan_bytes_down;
		point->traditional.sim_us = runs.list[1].outcome.duration_us;
		point->traditional.sim_bytes = runs.list[1].outcome.wan_bytes_down;
	}
	runs_free(&runs);
	return r;
}

int validate_run(struct validation *validation, const struct question *question, struct pool *pool,
		 char error[QUESTION_ERROR_MAX])
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < validation->count; i++) {
		struct validate_point *point = &validation->points[i];
		char *text = NULL;
		error[0] = '\0';
		r = scale_down(question, point, error);
		if (r == 0)
			text = question_text(question, &point->setting, question->seed, error);
		if (r == 0 && !text)
			r = *error ? -EINVAL : -ENOMEM;
		if (r == 0)
			r = run_sim(text, point, pool, error);
		if (r == 0 && !pool->quiet)
			fprintf(stderr, "validation: %u of %u in network namespaces, some minutes\n", i + 1, validation->count);
		if (r == 0)
			r = run_netns(text, point, error);
		if (r == 0 && *pool->stop)
			r = -EINTR;
		free(text);
	}
	return r;
}

bool validate_whole(const struct validation *validation)
{
	for (uint32_t i = 0; i < validation->count; i++)
		if (validation->points[i].verdict != VALIDATE_MEASURED)
			return false;
	return true;
}

/* ---------------------------------------------------------------------- show */

static double deviation(uint64_t netns, uint64_t sim)
{
	return sim ? (double)netns / (double)sim - 1 : NAN;
}

static void show_mode(const char *name, const struct validate_mode *mode, FILE *stream)
{
	fprintf(stream, "    %-12s time %s, virtual %s: %+.2f %%; WAN %s, virtual %s: %+.2f %%\n", name,
		report_duration(mode->netns_us).text, report_duration(mode->sim_us).text,
		100 * deviation(mode->netns_us, mode->sim_us), report_bytes(mode->netns_bytes).text,
		report_bytes(mode->sim_bytes).text, 100 * deviation(mode->netns_bytes, mode->sim_bytes));
}

void validate_show(const struct validation *validation, FILE *stream)
{
	fputs("\nThe same in network namespaces, both worlds scaled alike:\n", stream);
	for (uint32_t i = 0; i < validation->count; i++) {
		const struct validate_point *point = &validation->points[i];
		struct plan_what_if what_if = question_what_if(&point->setting);
		char text[PLAN_WHAT_IF_MAX];
		fprintf(stream, "  %s: %s phones", point->what, report_count(point->setting.phones).text);
		if (point->setting.wan_bps != QUESTION_UNSAID)
			fprintf(stream, ", %s", show_rate(point->setting.wan_bps).text);
		if (point->setting.scale_ppm != QUESTION_UNSAID)
			fprintf(stream, ", firmware 1/%.0f", 1e6 / (double)point->setting.scale_ppm);
		if (plan_is_what_if(&what_if))
			fprintf(stream, ", %s", plan_what_if_text(&what_if, text));
		fputs("\n", stream);
		if (point->verdict != VALIDATE_MEASURED)
			fprintf(stream, "    %s: %s\n", point->verdict == VALIDATE_INCONCLUSIVE ? "INCONCLUSIVE" : "FAILED",
				point->why);
		if (point->verdict != VALIDATE_FAILED) {
			show_mode("PFS", &point->pfs, stream);
			show_mode("traditional", &point->traditional, stream);
		}
	}
}

static cJSON *mode_json(const struct validate_mode *mode)
{
	cJSON *object = cJSON_CreateObject();

	json_seconds(object, "netns_s", mode->netns_us);
	json_seconds(object, "sim_s", mode->sim_us);
	json_ratio(object, "time_deviation", deviation(mode->netns_us, mode->sim_us));
	json_u64(object, "netns_bytes_down", mode->netns_bytes);
	json_u64(object, "sim_bytes_down", mode->sim_bytes);
	json_ratio(object, "bytes_deviation", deviation(mode->netns_bytes, mode->sim_bytes));
	return object;
}

cJSON *validate_json(const struct validation *validation)
{
	static const char *const verdicts[] = { "measured", "inconclusive", "failed" };
	cJSON *array = cJSON_CreateArray();

	for (uint32_t i = 0; i < validation->count; i++) {
		const struct validate_point *point = &validation->points[i];
		cJSON *object = cJSON_CreateObject();
		cJSON_AddStringToObject(object, "point", point->what);
		cJSON_AddItemToObject(object, "setting", show_setting_json(&point->setting));
		json_ratio(object, "scale",
			   point->setting.scale_ppm == QUESTION_UNSAID ? 1 : (double)point->setting.scale_ppm / 1e6);
		cJSON_AddStringToObject(object, "verdict", verdicts[point->verdict]);
		if (*point->why)
			cJSON_AddStringToObject(object, "why", point->why);
		cJSON_AddItemToObject(object, "pfs", mode_json(&point->pfs));
		cJSON_AddItemToObject(object, "traditional", mode_json(&point->traditional));
		cJSON_AddItemToArray(array, object);
	}
	return array;
}
