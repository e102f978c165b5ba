/*
 * Loading a scenario: text to document, document to spec (tables.c), spec to
 * plan (build.h). The plan carries the scenario as run, with what the command
 * line changed worked into it, so that the run's folder can say how to have the
 * same run again.
 */
#include "emulator/scenario/scenario.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/build.h"
#include "emulator/scenario/firmware.h"
#include "emulator/scenario/units.h"

#define SCENARIO_BYTES_MAX (4u << 20)
#define SEED_NUMBER_MAX UINT64_C(999999999999999) /* cJSON prints 15 digits for sure */

int scenario_parse_speed(const char *text, uint32_t *speed_milli)
{
	uint64_t milli;

	if (units_parse(text, units_plain_milli, &milli) != UNITS_OK || milli < 10 || milli > 1000000)
		return -EINVAL;
	*speed_milli = (uint32_t)milli;
	return 0;
}

/* The name without folder and ".json", with what a name may not have replaced. */
static void name_from_path(const char *path, char *name)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t length = strlen(base);

	if (length > 5 && strcmp(base + length - 5, ".json") == 0)
		length -= 5;
	length = length < PLAN_NAME_MAX ? length : PLAN_NAME_MAX - 1;
	memset(name, 0, PLAN_NAME_MAX);
	for (size_t i = 0; i < length; i++) {
		char c = base[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
		name[i] = letter || (i && (c == '.' || c == '-' || c == ' ')) ? c : '_';
	}
	if (!name[0])
		name[0] = '_';
}

static bool put(cJSON *object, const char *name, cJSON *value)
{
	if (!value)
		return false;
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (cJSON_AddItemToObject(object, name, value))
		return true;
	cJSON_Delete(value);
	return false;
}

/* A number in the text only where it is read back as the same one. */
static bool put_seed(cJSON *root, uint64_t seed)
{
	char text[24];

	if (seed <= SEED_NUMBER_MAX)
		return put(root, "seed", cJSON_CreateNumber((double)seed));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)seed);
	return put(root, "seed", cJSON_CreateString(text));
}

/* Works the command line's values into the document itself: it is checked and kept as if it had said so. */
static int apply_overrides(struct document *document, const struct scenario_overrides *overrides)
{
	char text[24];
	bool good = true;

	if (!overrides)
		return 0;
	if (overrides->has_seed)
		good = put_seed(document->root, overrides->seed);
	if (overrides->speed_milli)
		good = good && put(document->root, "speed", cJSON_CreateNumber(overrides->speed_milli / 1000.0));
	if (overrides->scale_ppm) {
		snprintf(text, sizeof(text), "%u/1000000", overrides->scale_ppm);
		good = good && put(document->root, "scale",
				   cJSON_CreateString(overrides->scale_ppm == 1000000 ? "1" : text));
	}
	return good ? 0 : document_fail_memory(document);
}

static int build_head(struct build *build)
{
	const struct spec_scenario *spec = build->spec;
	struct plan *plan = build->plan;

	if (spec->name) {
		int r = build_name(build, spec->node, "name", spec->name, plan->name);
		if (r < 0)
			return r;
	} else {
		name_from_path(build->document->path, plan->name);
	}
	plan->path = strdup(build->document->path);
	if (!plan->path)
		return document_fail_memory(build->document);
	plan->seed = spec->seed;
	plan->speed_milli = (uint32_t)spec->speed;
	plan->scale_ppm = (uint32_t)spec->scale;
	plan->time_limit_us = spec->time_limit;
	return 0;
}

/* Relative folders become absolute: the text may be read again from another folder. */
static bool anchor_folders(const struct plan *plan, cJSON *node)
{
	char beside[PATH_MAX], whole[PATH_MAX];
	size_t prefix = strlen(FIRMWARE_FOLDER_PREFIX);

	for (cJSON *child = node->child; child; child = child->next) {
		bool names_set = child->string && (!strcmp(child->string, "firmware") || !strcmp(child->string, "set"));
		if (!anchor_folders(plan, child))
			return false;
		if (!names_set || !cJSON_IsString(child) || strncmp(child->valuestring, FIRMWARE_FOLDER_PREFIX, prefix))
			continue;
		/* One that no phone takes need not be there: it stays as written. */
		char *real = build_folder_path(plan, child->valuestring, beside, sizeof(beside)) < 0 ? NULL
											      : realpath(beside, NULL);
		if (!real || strlen(real) >= sizeof(whole) - prefix) {
			free(real);
			continue;
		}
		memcpy(whole, FIRMWARE_FOLDER_PREFIX, prefix);
		strcpy(whole + prefix, real);
		free(real);
		if (!cJSON_SetValuestring(child, whole))
			return false;
	}
	return true;
}

/* Last of all: what the spec borrowed from the document is not looked at any more. */
static int build_text(struct build *build)
{
	if (!anchor_folders(build->plan, build->document->root))
		return document_fail_memory(build->document);
	if (build->plan->seed > SEED_NUMBER_MAX && !put_seed(build->document->root, build->plan->seed))
		return document_fail_memory(build->document);
	build->plan->text = cJSON_Print(build->document->root);
	return build->plan->text ? 0 : document_fail_memory(build->document);
}

static int build_plan(struct document *document, const struct spec_scenario *spec, struct plan *plan)
{
	static int (*const steps[])(struct build *) = {
		build_head,	build_models, build_profiles,	  build_sites,	build_phones, build_bulk,
		build_settings, build_headquarters, build_resets, build_what_if, build_faults,
		build_expect,	build_gates,  build_text,
	};
	struct build build = {.document = document, .spec = spec, .plan = plan};

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		int r = steps[i](&build);
		if (r < 0)
			return r;
	}
	return plan_finish(plan) < 0 ? document_fail_memory(document) : 0;
}

int scenario_load_text(const char *path, const char *text, size_t length,
		       const struct scenario_overrides *overrides, struct plan **plan,
		       struct scenario_error *error)
{
	struct document document;
	struct spec_scenario spec = {0};
	int r;

	*plan = NULL;
	error->line[0] = '\0';
	r = document_open(&document, path, text, length, error);
	if (r == 0)
		r = apply_overrides(&document, overrides);
	if (r == 0)
		r = fields_read(&document, &scenario_table, document.root, &spec);
	if (r == 0) {
		*plan = calloc(1, sizeof(**plan));
		r = *plan ? build_plan(&document, &spec, *plan) : document_fail_memory(&document);
	}
	document_close(&document);
	assert(r == 0 || error->line[0]);
	if (r < 0) {
		plan_free(*plan);
		*plan = NULL;
	}
	return r;
}

static int fail_file(struct scenario_error *error, const char *path, const char *what)
{
	snprintf(error->line, sizeof(error->line), "%s: cannot be read: %s", path, what);
	return -EINVAL;
}

int scenario_load(const char *path, const struct scenario_overrides *overrides, struct plan **plan,
		  struct scenario_error *error)
{
	FILE *file = fopen(path, "re");
	size_t length;
	char *text;
	int r;

	*plan = NULL;
	if (!file)
		return fail_file(error, path, strerror(errno));
	text = malloc(SCENARIO_BYTES_MAX + 1);
	if (!text) {
		fclose(file);
		snprintf(error->line, sizeof(error->line), "%s: out of memory", path);
		return -ENOMEM;
	}
	errno = 0;
	length = fread(text, 1, SCENARIO_BYTES_MAX + 1, file);
	if (ferror(file))
		r = fail_file(error, path, strerror(errno));
	else if (length > SCENARIO_BYTES_MAX)
		r = fail_file(error, path, "larger than 4 MiB, this is no scenario");
	else
		r = scenario_load_text(path, text, length, overrides, plan, error);
	free(text);
	fclose(file);
	return r;
}
