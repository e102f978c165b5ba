/*
 * The file of a baseline: JSON with a figure a line, so that a change of it
 * reads well in a review. Strict when it is read, as a scenario is: a file that
 * was cut or edited by hand is an error with its place, never a quieter gate.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/gate/gate.h"

#define FILE_BYTES_MAX (16u << 20)

static int __attribute__((format(printf, 4, 5))) fail(const char *path, char *error, size_t size,
						      const char *format, ...)
{
	va_list arguments;
	size_t at = (size_t)snprintf(error, size, "%s: ", path);

	va_start(arguments, format);
	if (at < size)
		vsnprintf(error + at, size - at, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* ------------------------------------------------------------- read */

static int read_text(const char *path, char **text, size_t *length, char *error, size_t size)
{
	FILE *file = fopen(path, "re");

	*text = NULL;
	if (!file)
		return fail(path, error, size, "cannot be read: %s%s", strerror(errno),
			    errno == ENOENT ? "; --update writes it" : "");
	*text = malloc(FILE_BYTES_MAX + 1);
	if (!*text) {
		fclose(file);
		fail(path, error, size, "out of memory");
		return -ENOMEM;
	}
	errno = 0;
	*length = fread(*text, 1, FILE_BYTES_MAX + 1, file);
	int why = ferror(file) ? errno : 0;
	fclose(file);
	if (why)
		return fail(path, error, size, "cannot be read: %s", strerror(why));
	if (*length > FILE_BYTES_MAX)
		return fail(path, error, size, "larger than 16 MiB, this is no baseline");
	(*text)[*length] = '\0';
	return 0;
}

static int take_text(const char *path, const cJSON *root, const char *name, char *to, size_t room, char *error,
		     size_t size)
{
	const cJSON *node = cJSON_GetObjectItemCaseSensitive(root, name);

	if (!node)
		return fail(path, error, size, "%s: missing: required here", name);
	if (!cJSON_IsString(node) || strlen(node->valuestring) >= room) {
		char *shown = cJSON_PrintUnformatted(node);

		fail(path, error, size, "%s: %.60s: must be a string of at most %zu characters", name,
		     shown ? shown : "?", room - 1);
		cJSON_free(shown);
		return -EINVAL;
	}
	snprintf(to, room, "%s", node->valuestring);
	return 0;
}

static int take_number(const char *path, const cJSON *root, const char *name, double least, double most, double *number,
		       char *error, size_t size)
{
	const cJSON *node = cJSON_GetObjectItemCaseSensitive(root, name);

	if (!node)
		return fail(path, error, size, "%s: missing: required here", name);
	if (!cJSON_IsNumber(node) || !(node->valuedouble >= least) || node->valuedouble > most) {
		char *shown = cJSON_PrintUnformatted(node);

		fail(path, error, size, "%s: %.60s: must be a number, %.0f to %.0f", name, shown ? shown : "?", least, most);
		cJSON_free(shown);
		return -EINVAL;
	}
	*number = node->valuedouble;
	return 0;
}

static int check_value(const char *path, const char *part, const cJSON *item, bool list, char *error, size_t size)
{
	struct figure_place place;
	char known[300], *shown;
	const char *expected = NULL;

	if (figure_find(item->string, &place, known, sizeof(known)) < 0)
		return fail(path, error, size, "%s.%s: no such figure in the summary, known here: %s", part,
			    item->string, known);
	if (list && !cJSON_IsArray(item))
		expected = "must be a list of numbers";
	for (const cJSON *one = list ? item->child : item; !expected && one; one = list ? one->next : NULL) {
		bool good = place.figure->kind == FIGURE_TEXT ? cJSON_IsString(one) || cJSON_IsNull(one)
			    : place.figure->kind == FIGURE_FLAG ? cJSON_IsBool(one)
								: cJSON_IsNumber(one) || (!list && cJSON_IsNull(one));
		if (!good)
			expected = place.figure->kind == FIGURE_TEXT   ? "must be a string"
				   : place.figure->kind == FIGURE_FLAG ? "must be true or false"
				   : list			       ? "must be a list of numbers"
								       : "must be a number";
	}
	if (list && !expected && cJSON_GetArraySize(item) > GATE_SAMPLES_MAX)
		expected = "has too many values";
	if (!expected)
		return 0;
	shown = cJSON_PrintUnformatted(item);
	fail(path, error, size, "%s.%s: %.60s: %s", part, item->string, shown ? shown : "?", expected);
	cJSON_free(shown);
	return -EINVAL;
}

static int take_part(const char *path, const char *part, bool list, struct gate_baseline *baseline, cJSON **to,
		     char *error, size_t size)
{
	const cJSON *item;

	*to = cJSON_GetObjectItemCaseSensitive(baseline->root, part);
	if (!cJSON_IsObject(*to))
		return fail(path, error, size, "%s: %s: must be an object, { ... }", part,
			    *to ? "of another type" : "missing");
	cJSON_ArrayForEach(item, *to) {
		int r = check_value(path, part, item, list, error, size);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_all(const char *path, struct gate_baseline *baseline, char *error, size_t size)
{
	struct gate_identity *of = &baseline->of;
	const cJSON *root = baseline->root;
	char schema[64], seed[32], *end;
	double number;
	int r = take_text(path, root, "schema", schema, sizeof(schema), error, size);

	if (r == 0 && strcmp(schema, GATE_BASELINE_SCHEMA) != 0)
		return fail(path, error, size, "schema: \"%s\": this program reads \"%s\"; --update writes it anew",
			    schema, GATE_BASELINE_SCHEMA);
	if (r == 0)
		r = take_text(path, root, "scenario", of->scenario, sizeof(of->scenario), error, size);
	if (r == 0)
		r = take_text(path, root, "digest", of->digest, sizeof(of->digest), error, size);
	if (r == 0)
		r = take_text(path, root, "engine", of->engine, sizeof(of->engine), error, size);
	if (r == 0)
		r = take_text(path, root, "mode", of->mode, sizeof(of->mode), error, size);
	if (r == 0)
		r = take_text(path, root, "program", baseline->program, sizeof(baseline->program), error, size);
	if (r == 0)
		r = take_text(path, root, "seed", seed, sizeof(seed), error, size);
	if (r < 0)
		return r;
	errno = 0;
	of->seed = strtoull(seed, &end, 10);
	if (errno || *seed < '0' || *seed > '9' || *end)
		return fail(path, error, size, "seed: \"%s\": must be a string of digits", seed);
	r = take_number(path, root, "speed", 0, 1000, &number, error, size);
	of->speed_milli = r == 0 ? (uint32_t)(number * 1000 + 0.5) : 0;
	if (r == 0)
		r = take_number(path, root, "runs", 1, GATE_SAMPLES_MAX, &number, error, size);
	baseline->runs = r == 0 ? (uint32_t)number : 0;
	if (r == 0)
		r = take_part(path, "exact", false, baseline, &baseline->exact, error, size);
	return r == 0 ? take_part(path, "measured", true, baseline, &baseline->measured, error, size) : r;
}

int gate_baseline_read(const char *path, struct gate_baseline *baseline, char *error, size_t size)
{
	const char *end = NULL;
	size_t length = 0;
	char *text;

	*baseline = (struct gate_baseline){ 0 };
	int r = read_text(path, &text, &length, error, size);
	if (r == 0) {
		/* With its NUL: a file with more behind the object, or with NULs in it, is none. */
		baseline->root = cJSON_ParseWithLengthOpts(text, length + 1, &end, true);
		if (!baseline->root || strlen(text) != length)
			r = fail(path, error, size, "byte %zu: not JSON here: the file is cut or damaged; --update writes it anew",
				 end ? (size_t)(end - text) : 0);
		else if (!cJSON_IsObject(baseline->root))
			r = fail(path, error, size, "must be an object, { ... }");
	}
	free(text);
	if (r == 0)
		r = take_all(path, baseline, error, size);
	if (r < 0)
		gate_baseline_free(baseline);
	return r;
}

int gate_baseline_fits(const char *path, const struct gate_baseline *baseline, const struct gate_identity *now,
		       char *error, size_t size)
{
	const struct gate_identity *of = &baseline->of;

	if (strcmp(of->scenario, now->scenario) != 0)
		return fail(path, error, size, "scenario: \"%s\": this is a run of \"%s\"", of->scenario, now->scenario);
	if (strcmp(of->engine, now->engine) != 0)
		return fail(path, error, size, "engine: \"%s\": this is a run in \"%s\"", of->engine, now->engine);
	if (strcmp(of->mode, now->mode) != 0)
		return fail(path, error, size, "mode: \"%s\": this is a run of \"%s\"", of->mode, now->mode);
	if (of->seed != now->seed)
		return fail(path, error, size, "seed: %" PRIu64 ": this is a run of seed %" PRIu64, of->seed, now->seed);
	if (of->speed_milli != now->speed_milli)
		return fail(path, error, size, "speed: %g: this is a run at speed %g", of->speed_milli / 1e3,
			    now->speed_milli / 1e3);
	if (strcmp(of->digest, now->digest) != 0)
		return fail(path, error, size,
			    "digest: \"%s\": the scenario says something else by now (\"%s\"); --update takes it",
			    of->digest, now->digest);
	return 0;
}

/* ------------------------------------------------------------- written */

/* False where memory lacks. */
static bool put_part(FILE *file, const char *name, const cJSON *part, bool last)
{
	const cJSON *item;
	bool good = true;

	fprintf(file, "\t\"%s\": {", name);
	cJSON_ArrayForEach(item, part) {
		cJSON *key = cJSON_CreateString(item->string);
		char *key_text = key ? cJSON_PrintUnformatted(key) : NULL, *value = cJSON_PrintUnformatted(item);

		fprintf(file, "\n\t\t%s: %s%s", key_text ? key_text : "", value ? value : "", item->next ? "," : "");
		good = good && key_text && value;
		cJSON_free(key_text);
		cJSON_free(value);
		cJSON_Delete(key);
	}
	fprintf(file, "\n\t}%s\n", last ? "" : ",");
	return good;
}

int gate_baseline_put(const void *context, FILE *file)
{
	const struct gate_baseline *baseline = context;
	const struct gate_identity *of = &baseline->of;

	fprintf(file, "{\n\t\"schema\": \"%s\",\n\t\"scenario\": \"%s\",\n\t\"digest\": \"%s\",\n", GATE_BASELINE_SCHEMA,
		of->scenario, of->digest);
	fprintf(file, "\t\"engine\": \"%s\",\n\t\"mode\": \"%s\",\n\t\"seed\": \"%" PRIu64 "\",\n\t\"speed\": %g,\n",
		of->engine, of->mode, of->seed, of->speed_milli / 1e3);
	fprintf(file, "\t\"program\": \"%s\",\n\t\"runs\": %u,\n", baseline->program, baseline->runs);
	bool good = put_part(file, "exact", baseline->exact, false);
	good = put_part(file, "measured", baseline->measured, true) && good;
	fputs("}\n", file);
	return good ? 0 : -ENOMEM;
}
