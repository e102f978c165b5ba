/*
 * A run held to what is kept of earlier ones. What does not depend on chance is
 * compared exactly: in virtual time every count and every name, in the netns
 * world those that the scenario alone decides. Times, and in the netns world
 * bytes, are compared by their intervals.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "emulator/gate/gate.h"

#define HIERARCHIES_KEPT 50 /* of a fleet with more, the first ones: the totals have the rest */

/* ------------------------------------------------------------- identity */

/* A set in a folder is told by its name: where the folder stands differs from machine to machine. */
static void strip_folders(cJSON *node)
{
	for (cJSON *child = node->child; child; child = child->next) {
		strip_folders(child);
		if (!cJSON_IsString(child) || strncmp(child->valuestring, "folder:", 7) != 0)
			continue;
		const char *slash = strrchr(child->valuestring, '/');
		if (slash)
			memmove(child->valuestring + 7, slash + 1, strlen(slash + 1) + 1);
	}
}

void gate_identify(const struct plan *plan, bool sim, const char *mode, struct gate_identity *identity)
{
	/* What is judged apart, or says nothing about the fleet. */
	static const char *const apart[] = { "$schema", "name", "description", "seed", "speed", "gates", "expect" };
	cJSON *root = cJSON_Parse(plan->text);

	*identity = (struct gate_identity){ .seed = plan->seed, .speed_milli = sim ? 1000 : plan->speed_milli };
	snprintf(identity->scenario, sizeof(identity->scenario), "%s", plan->name);
	snprintf(identity->engine, sizeof(identity->engine), "%s", sim ? "sim" : "netns");
	snprintf(identity->mode, sizeof(identity->mode), "%s", mode);
	for (size_t i = 0; root && i < sizeof(apart) / sizeof(*apart); i++)
		cJSON_DeleteItemFromObjectCaseSensitive(root, apart[i]);
	if (root)
		strip_folders(root);
	char *text = root ? cJSON_PrintUnformatted(root) : NULL;
	snprintf(identity->digest, sizeof(identity->digest), "%016" PRIx64,
		 (uint64_t)(text ? XXH3_64bits(text, strlen(text)) : 0));
	cJSON_free(text);
	cJSON_Delete(root);
}

/* ------------------------------------------------------------- made of runs */

static bool is_exact(const struct gate_figure *figure, bool sim)
{
	/* Whose hierarchy it is the scenario says, and that has a digest. */
	if (figure->kind == FIGURE_TEXT && figure->change == FIGURE_FIXED)
		return false;
	return figure->change == FIGURE_FIXED || (sim && figure->change == FIGURE_DRAWN);
}

/* Where longer or more is worse, whatever the kernel's own order was. */
static bool is_measured(const struct gate_figure *figure, bool sim)
{
	/* Waits and the way down a tree change with its shape: its ends say it. */
	if (figure->hierarchy >= 0 && strstr(figure->path, ".spread_s"))
		return sim;
	return figure->change == FIGURE_TIMED || (!sim && figure->kind == FIGURE_BYTES && figure->hierarchy < 0);
}

static cJSON *value_json(const struct gate_figure *figure)
{
	if (!figure->has_value)
		return cJSON_CreateNull();
	if (figure->kind == FIGURE_TEXT)
		return cJSON_CreateString(figure->text);
	if (figure->kind == FIGURE_FLAG)
		return cJSON_CreateBool(figure->number != 0);
	return cJSON_CreateRaw(figure->text);
}

static int add_samples(cJSON *measured, const char *path, const struct gate_figures *runs, uint32_t count)
{
	cJSON *list = cJSON_AddArrayToObject(measured, path);

	for (uint32_t i = 0; list && i < count; i++) {
		const struct gate_figure *figure = gate_figures_find(&runs[i], path);

		if (figure && figure->has_value)
			cJSON_AddItemToArray(list, value_json(figure));
	}
	return list ? 0 : -ENOMEM;
}

int gate_baseline_make(const struct gate_identity *of, const struct gate_figures *runs, uint32_t count,
		       struct gate_baseline *baseline)
{
	bool sim = strcmp(of->engine, "sim") == 0;
	int r = 0;

	*baseline = (struct gate_baseline){ .of = *of, .runs = count, .root = cJSON_CreateObject() };
	snprintf(baseline->program, sizeof(baseline->program), "pfs-fleet %s", FLEET_VERSION);
	baseline->exact = cJSON_AddObjectToObject(baseline->root, "exact");
	baseline->measured = cJSON_AddObjectToObject(baseline->root, "measured");
	if (!baseline->exact || !baseline->measured)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < runs[0].count; i++) {
		const struct gate_figure *figure = &runs[0].items[i];

		if (figure->hierarchy >= HIERARCHIES_KEPT)
			continue;
		if (is_exact(figure, sim))
			r = cJSON_AddItemToObject(baseline->exact, figure->path, value_json(figure)) ? 0 : -ENOMEM;
		else if (is_measured(figure, sim))
			r = add_samples(baseline->measured, figure->path, runs, count);
	}
	return r;
}

void gate_baseline_free(struct gate_baseline *baseline)
{
	cJSON_Delete(baseline->root);
	*baseline = (struct gate_baseline){ 0 };
}

/* ------------------------------------------------------------- held to */

static void value_text(const char *path, const cJSON *value, char *text, size_t size)
{
	struct figure_place place;
	char known[8];

	if (cJSON_IsString(value))
		snprintf(text, size, "%s", value->valuestring);
	else if (cJSON_IsBool(value))
		snprintf(text, size, "%s", cJSON_IsTrue(value) ? "true" : "false");
	else if (cJSON_IsRaw(value))
		snprintf(text, size, "%s", value->valuestring);
	else if (cJSON_IsNumber(value))
		snprintf(text, size, "%.15g", value->valuedouble);
	else
		snprintf(text, size, "none");
	/* A time to read and not to calculate with. */
	if ((cJSON_IsRaw(value) || cJSON_IsNumber(value)) && figure_find(path, &place, known, sizeof(known)) == 0 &&
	    place.figure->kind == FIGURE_SECONDS)
		gate_value_text(FIGURE_SECONDS, strtod(text, NULL), text, size);
}

/* Made now, a number is raw text; read from a file it is a number. */
static bool number_of(const cJSON *value, double *number)
{
	if (cJSON_IsRaw(value))
		*number = strtod(value->valuestring, NULL);
	else if (cJSON_IsNumber(value))
		*number = value->valuedouble;
	else
		return false;
	return true;
}

static bool same_value(const cJSON *a, const cJSON *b)
{
	double x, y;

	if (number_of(a, &x) && number_of(b, &y))
		return x == y;
	if (cJSON_IsString(a) && cJSON_IsString(b))
		return strcmp(a->valuestring, b->valuestring) == 0;
	return (cJSON_IsNull(a) && cJSON_IsNull(b)) || (cJSON_IsBool(a) && cJSON_IsBool(b) && cJSON_IsTrue(a) == cJSON_IsTrue(b));
}

static void judge_exact(const cJSON *then, const cJSON *now, struct gate_result *result)
{
	char limit[120], value[120];
	const cJSON *item;

	cJSON_ArrayForEach(item, then) {
		const cJSON *other = cJSON_GetObjectItemCaseSensitive(now, item->string);

		snprintf(limit, sizeof(limit), "exactly ");
		value_text(item->string, item, limit + 8, sizeof(limit) - 8);
		value_text(item->string, other, value, sizeof(value));
		gate_add(result, GATE_KIND_BASELINE, other && same_value(item, other) ? GATE_PASS : GATE_FAIL,
			 item->string, limit, other ? value : "is not there", NULL);
	}
}

/* What a baseline has not, nobody holds: that is no pass. */
static void judge_unknown(const cJSON *then, const cJSON *now, struct gate_result *result)
{
	const cJSON *item;
	char value[120];

	cJSON_ArrayForEach(item, now) {
		if (cJSON_GetObjectItemCaseSensitive(then, item->string))
			continue;
		value_text(item->string, cJSON_IsArray(item) ? item->child : item, value, sizeof(value));
		gate_add(result, GATE_KIND_BASELINE, GATE_FAIL, item->string, "not in the baseline", value, NULL);
	}
}

static uint32_t samples(const cJSON *list, double *values)
{
	const cJSON *item;
	uint32_t count = 0;

	cJSON_ArrayForEach(item, list)
		if (count < GATE_SAMPLES_MAX && number_of(item, &values[count]))
			count++;
	return count;
}

static void judge_measured(const cJSON *then, const cJSON *now, double effect, double resolution_s,
			   struct gate_result *result)
{
	double before[GATE_SAMPLES_MAX], after[GATE_SAMPLES_MAX];
	char limit[160], value[160], text[60], known[8];
	const char *path = then->string;
	struct figure_place place;
	uint32_t n = samples(then, before), m = samples(now, after);
	bool known_figure = figure_find(path, &place, known, sizeof(known)) == 0;

	if (!known_figure || !n || !m) {
		/* It never came then, or never came now: the same is good, else it is a change. */
		gate_add(result, GATE_KIND_BASELINE, !n && !m ? GATE_PASS : GATE_FAIL, path, n ? "a value" : "none",
			 m ? "a value" : "none", NULL);
		return;
	}
	struct gate_interval change = gate_bootstrap_difference(before, n, after, m);
	struct gate_interval was = gate_bootstrap(before, n);
	double matters = effect * fabs(was.middle);
	double noise = fmax(gate_noise(before, n), gate_noise(after, m));

	if (place.figure->kind == FIGURE_SECONDS && matters < resolution_s)
		matters = resolution_s;
	gate_value_text(place.figure->kind, was.middle, text, sizeof(text));
	size_t at = (size_t)snprintf(limit, sizeof(limit), "%s + ", text);
	gate_value_text(place.figure->kind, matters, text, sizeof(text));
	snprintf(limit + at, sizeof(limit) - at, "%s", text);
	gate_value_text(place.figure->kind, was.middle + change.middle, text, sizeof(text));
	at = (size_t)snprintf(value, sizeof(value), "%s", text);
	if (n > 1 || m > 1) {
		gate_value_text(place.figure->kind, was.middle + change.low, text, sizeof(text));
		at += (size_t)snprintf(value + at, sizeof(value) - at, " [%s to ", text);
		gate_value_text(place.figure->kind, was.middle + change.high, text, sizeof(text));
		snprintf(value + at, sizeof(value) - at, "%s]", text);
	}
	gate_add(result, GATE_KIND_BASELINE, gate_judge_change(&change, matters, noise), path, limit, value,
		 change.high < -matters ? "better; --update keeps it" : NULL);
}

void gate_baseline_judge(const struct gate_baseline *then, const struct gate_baseline *now, double effect,
			 double resolution_s, struct gate_result *result)
{
	const cJSON *item;

	judge_exact(then->exact, now->exact, result);
	judge_unknown(then->exact, now->exact, result);
	judge_unknown(then->measured, now->measured, result);
	cJSON_ArrayForEach(item, then->measured)
		judge_measured(item, cJSON_GetObjectItemCaseSensitive(now->measured, item->string), effect,
			       resolution_s, result);
}

/* A list in one line: "12.345, 12.347". */
static void list_text(const char *path, const cJSON *value, char *text, size_t size)
{
	const cJSON *item;
	size_t at = 0;

	if (!cJSON_IsArray(value)) {
		value_text(path, value, text, size);
		return;
	}
	text[0] = '\0';
	cJSON_ArrayForEach(item, value) {
		if (at + 40 > size)
			break;
		at += (size_t)snprintf(text + at, size - at, "%s", at ? ", " : "");
		value_text(path, item, text + at, size - at);
		at += strlen(text + at);
	}
}

static bool same_list(const cJSON *a, const cJSON *b)
{
	if (!cJSON_IsArray(a) || !cJSON_IsArray(b))
		return same_value(a, b);
	for (a = a->child, b = b->child; a && b; a = a->next, b = b->next)
		if (!same_value(a, b))
			return false;
	return !a && !b;
}

static uint32_t changes(const cJSON *then, const cJSON *now, FILE *stream)
{
	char before[400], after[400];
	uint32_t count = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, now) {
		const cJSON *old = cJSON_GetObjectItemCaseSensitive(then, item->string);

		if (old && same_list(old, item))
			continue;
		count++;
		list_text(item->string, item, after, sizeof(after));
		if (old)
			list_text(item->string, old, before, sizeof(before));
		fprintf(stream, "%s %s: %s%s%s\n", old ? "changed" : "new    ", item->string, old ? before : "",
			old ? " -> " : "", after);
	}
	cJSON_ArrayForEach(item, then) {
		if (cJSON_GetObjectItemCaseSensitive(now, item->string))
			continue;
		count++;
		list_text(item->string, item, before, sizeof(before));
		fprintf(stream, "gone    %s: %s\n", item->string, before);
	}
	return count;
}

uint32_t gate_baseline_changes(const struct gate_baseline *then, const struct gate_baseline *now, FILE *stream)
{
	return changes(then ? then->exact : NULL, now->exact, stream) +
	       changes(then ? then->measured : NULL, now->measured, stream);
}
