/* See read.h. */
#include "emulator/page/read.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX (1024ll * 1024 * 1024)

void read_fail(const struct at *at, int status, const char *what)
{
	struct reader *reader = at->reader;
	char *value = at->json ? cJSON_PrintUnformatted(at->json) : NULL;

	if (!reader->status) {
		reader->status = status;
		snprintf(reader->error->line, sizeof(reader->error->line), "%.200s: %s%s%.60s%s%s%s", reader->path,
			 at->path, *at->path ? ": " : "", value ? value : "", value && strlen(value) > 60 ? "..." : "",
			 value ? ": " : "", what);
	}
	cJSON_free(value);
}

static int fail_file(struct reader *reader, int status, const char *what)
{
	snprintf(reader->error->line, sizeof(reader->error->line), "%.400s: %s", reader->path, what);
	reader->status = status;
	return status;
}

static int slurp(struct reader *reader)
{
	FILE *file = fopen(reader->path, "re");
	struct stat status;
	size_t size;

	if (!file)
		return errno == ENOENT || errno == ENOTDIR ? -ENOENT : fail_file(reader, -errno, strerror(errno));
	if (fstat(fileno(file), &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX) {
		fclose(file);
		return fail_file(reader, -EINVAL, "is no file of a run");
	}
	size = (size_t)status.st_size;
	reader->text = malloc(size + 1);
	if (!reader->text || fread(reader->text, 1, size, file) != size) {
		int error = reader->text ? (errno ? errno : EIO) : ENOMEM;

		fclose(file);
		return fail_file(reader, -error, strerror(error));
	}
	fclose(file);
	reader->text[size] = '\0';
	return 0;
}

/* Where it went wrong, in words: a file that ends in the middle is the common case. */
static int fail_parse(struct reader *reader, const char *end)
{
	size_t length = strlen(reader->text);
	unsigned long line = 1;
	char what[120];

	if (!length)
		return fail_file(reader, -EINVAL, "is empty: the run was ended before it was written");
	for (const char *c = reader->text; c < end; c++)
		line += *c == '\n';
	/* cJSON stops a little before the end where a value is cut in two. */
	if (!end || strlen(end) <= 1 || !strchr(end, '\n') )
		snprintf(what, sizeof(what), "ends in the middle, in line %lu after %zu bytes: it is not whole", line, length);
	else
		snprintf(what, sizeof(what), "line %lu: is not JSON", line);
	return fail_file(reader, -EINVAL, what);
}

int read_open(const char *folder, const char *name, struct reader *reader, struct page_error *error)
{
	const char *end = NULL;
	int status;

	*reader = (struct reader){ .error = error };
	error->line[0] = '\0';
	if (asprintf(&reader->path, "%s/%s", folder, name) < 0) {
		reader->path = NULL;
		return -ENOMEM;
	}
	status = slurp(reader);
	if (status)
		return status;
	reader->json = cJSON_ParseWithOpts(reader->text, &end, 1);
	if (!reader->json)
		return fail_parse(reader, end);
	if (!cJSON_IsObject(reader->json))
		return fail_file(reader, -EINVAL, "holds no JSON object");
	return 0;
}

void read_close(struct reader *reader)
{
	cJSON_Delete(reader->json);
	free(reader->text);
	free(reader->path);
	*reader = (struct reader){ 0 };
}

struct at read_root(struct reader *reader)
{
	return (struct at){ .reader = reader, .json = reader->json };
}

struct at read_member(const struct at *at, const char *name)
{
	struct at member = { .reader = at->reader, .json = cJSON_GetObjectItemCaseSensitive(at->json, name) };

	snprintf(member.path, sizeof(member.path), "%.80s%s%.30s", at->path, *at->path ? "." : "", name);
	return member;
}

struct at read_item(const struct at *array, const cJSON *item, size_t index)
{
	struct at at = { .reader = array->reader, .json = item };

	snprintf(at.path, sizeof(at.path), "%.90s[%zu]", array->path, index);
	return at;
}

static bool is_none(const struct at *at)
{
	return !at->json || cJSON_IsNull(at->json);
}

/* A double holds them to 2^53; a run of so many bytes is none of ours. */
static uint64_t count_of(const struct at *at)
{
	if (!cJSON_IsNumber(at->json) || at->json->valuedouble < 0 || at->json->valuedouble > 9007199254740992.0 ||
	    at->json->valuedouble != floor(at->json->valuedouble)) {
		read_fail(at, -EINVAL, at->json ? "expected a whole number, 0 or more" : "is missing");
		return 0;
	}
	return (uint64_t)at->json->valuedouble;
}

uint64_t read_count(const struct at *object, const char *name)
{
	struct at at = read_member(object, name);

	return count_of(&at);
}

uint64_t read_count_or(const struct at *object, const char *name, uint64_t none)
{
	struct at at = read_member(object, name);

	return is_none(&at) ? none : count_of(&at);
}

double read_number_or(const struct at *object, const char *name, double none)
{
	struct at at = read_member(object, name);

	if (is_none(&at))
		return none;
	if (cJSON_IsNumber(at.json) && at.json->valuedouble >= 0 && at.json->valuedouble <= 1e12)
		return at.json->valuedouble;
	read_fail(&at, -EINVAL, "expected a number, 0 or more");
	return 0;
}

static const char *string_of(const struct at *at)
{
	if (cJSON_IsString(at->json))
		return at->json->valuestring;
	read_fail(at, -EINVAL, at->json ? "expected a string" : "is missing");
	return "";
}

const char *read_string(const struct at *object, const char *name)
{
	struct at at = read_member(object, name);

	return string_of(&at);
}

const char *read_string_or(const struct at *object, const char *name, const char *none)
{
	struct at at = read_member(object, name);

	return is_none(&at) ? none : string_of(&at);
}

bool read_bool_or(const struct at *object, const char *name, bool none)
{
	struct at at = read_member(object, name);

	if (!is_none(&at) && !cJSON_IsBool(at.json))
		read_fail(&at, -EINVAL, "expected true or false");
	return is_none(&at) ? none : cJSON_IsTrue(at.json);
}

const cJSON *read_array(const struct at *object, const char *name, struct at *array, size_t *count)
{
	*array = read_member(object, name);
	*count = 0;
	if (is_none(array))
		return NULL;
	if (!cJSON_IsArray(array->json)) {
		read_fail(array, -EINVAL, "expected an array");
		return NULL;
	}
	*count = (size_t)cJSON_GetArraySize(array->json);
	return array->json->child;
}

double read_cell(const struct at *row, int column, double least, double most, double none)
{
	const cJSON *cell = cJSON_GetArrayItem(row->json, column);
	char what[80];

	if (cJSON_IsNull(cell) && !isnan(none))
		return none;
	if (cJSON_IsNumber(cell) && cell->valuedouble >= least && cell->valuedouble <= most)
		return cell->valuedouble;
	snprintf(what, sizeof(what), "column %d: expected a number from %.0f to %.0f", column, least, most);
	read_fail(row, -EINVAL, what);
	return least;
}

const char *read_cell_string(const struct at *row, int column)
{
	const cJSON *cell = cJSON_GetArrayItem(row->json, column);

	return cJSON_IsString(cell) ? cell->valuestring : NULL;
}
