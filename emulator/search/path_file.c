/*
 * A path as a file: JSON, one object an event, each with the words in which it is shown, so that the file can be
 * read, and a path be gone along by what happened where a changed core numbers things otherwise. A file may come
 * from anywhere: each value is checked before it is used.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/search/path.h"
#include "emulator/search/state.h"

static const char *const kinds[] = { "",       "packet", "loss", "handshake", "frame",
				     "timer",  "server", "give-up", "kill",   "time" };
static const char *const draws[SEARCH_VARIANTS] = { "least", "middle", "greatest" };

#define KINDS (sizeof(kinds) / sizeof(*kinds))
_Static_assert(KINDS == KIND_ADVANCE + 1, "each kind has a name");

/* --------------------------------------------------------------- writing */

static void add_event(cJSON *events, const struct search_path_event *one)
{
	cJSON *event = cJSON_CreateObject();

	cJSON_AddStringToObject(event, "what", one->what);
	cJSON_AddStringToObject(event, "kind", kinds[one->event.kind]);
	if (one->event.kind != KIND_ADVANCE)
		cJSON_AddNumberToObject(event, "index", one->event.index);
	if (one->event.target)
		cJSON_AddNumberToObject(event, "target", one->event.target);
	if (one->event.variant)
		cJSON_AddStringToObject(event, "draw", draws[one->event.variant]);
	cJSON_AddItemToArray(events, event);
}

char *search_path_text(const struct search_path *path)
{
	cJSON *document = cJSON_CreateObject(), *events;
	char *text;

	cJSON_AddStringToObject(document, "format", SEARCH_PATH_FORMAT);
	cJSON_AddNumberToObject(document, "phones", path->phones);
	cJSON_AddNumberToObject(document, "files", path->files);
	cJSON_AddNumberToObject(document, "drops", path->drops);
	cJSON_AddNumberToObject(document, "kills", path->kills);
	cJSON_AddNumberToObject(document, "order", path->order);
	if (path->planted)
		cJSON_AddTrueToObject(document, "planted");
	cJSON_AddStringToObject(document, "broken", path->broken);
	events = cJSON_AddArrayToObject(document, "events");
	for (uint32_t i = 0; i < path->count; i++)
		add_event(events, &path->events[i]);
	text = cJSON_Print(document);
	cJSON_Delete(document);
	return text;
}

/* --------------------------------------------------------------- reading */

struct reading {
	const char *file;
	char *error;
	size_t error_size;
	char place[48]; /* "" or "events[12]." */
};

__attribute__((format(printf, 3, 4))) static int fail(const struct reading *reading, const char *name,
						      const char *format, ...)
{
	va_list arguments;
	char what[256];

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(reading->error, reading->error_size, "%s: %s%s%s%s", reading->file, reading->place, name,
		 *name || *reading->place ? ": " : "", what);
	return -EINVAL;
}

/* A whole number; where `needed` is not, it may be missing and is 0 then. */
static int read_number(const struct reading *reading, const cJSON *object, const char *name, bool needed,
		       uint32_t least, uint32_t most, uint32_t *number)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	*number = 0;
	if (!item && !needed)
		return 0;
	if (!item)
		return fail(reading, name, "is missing: a number from %u to %u", least, most);
	if (!cJSON_IsNumber(item) || item->valuedouble < least || item->valuedouble > most ||
	    item->valuedouble != (double)(uint32_t)item->valuedouble)
		return fail(reading, name, "expected a whole number from %u to %u", least, most);
	*number = (uint32_t)item->valuedouble;
	return 0;
}

/* One word of a list; its place there in *number. */
static int read_word(const struct reading *reading, const cJSON *object, const char *name,
		     const char *const *words, size_t count, uint8_t *number)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	char list[160] = "";
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		if (cJSON_IsString(item) && *words[i] && !strcmp(item->valuestring, words[i])) {
			*number = (uint8_t)i;
			return 0;
		}
		if (*words[i])
			length += (size_t)snprintf(list + length, sizeof(list) - length, "%s\"%s\"",
						   length ? ", " : "", words[i]);
	}
	return fail(reading, name, "expected one of %s", list);
}

/* What is shown to people as it stands. NULL where it is not that. */
static const char *printable(const cJSON *object, const char *name, size_t size)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	if (!text || strlen(text) >= size)
		return NULL;
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			return NULL;
	return text;
}

static int read_event(struct reading *reading, const cJSON *object, struct search_path_event *one)
{
	const char *what = printable(object, "what", sizeof(one->what));
	uint32_t index, target;
	int r;

	if (!cJSON_IsObject(object))
		return fail(reading, "", "expected an object");
	if (!what)
		return fail(reading, "what", "expected less than %zu octets of printable ASCII", sizeof(one->what));
	strcpy(one->what, what);
	r = read_word(reading, object, "kind", kinds, KINDS, &one->event.kind);
	if (r == 0 && cJSON_GetObjectItemCaseSensitive(object, "draw"))
		r = read_word(reading, object, "draw", draws, SEARCH_VARIANTS, &one->event.variant);
	if (r == 0)
		r = read_number(reading, object, "index", one->event.kind != KIND_ADVANCE, 0, UINT8_MAX, &index);
	if (r == 0)
		r = read_number(reading, object, "target", false, 0, UINT8_MAX, &target);
	if (r < 0)
		return r;
	one->event.index = (uint8_t)index;
	one->event.target = (uint8_t)target;
	return 0;
}

static int read_events(struct reading *reading, const cJSON *list, struct search_path *path)
{
	uint32_t count = cJSON_IsArray(list) ? (uint32_t)cJSON_GetArraySize(list) : 0;
	const cJSON *one;

	if (!count || count > SEARCH_PATH_EVENTS_MAX)
		return fail(reading, "events", "expected an array of 1 to %u", SEARCH_PATH_EVENTS_MAX);
	path->events = calloc(count, sizeof(*path->events));
	if (!path->events)
		return -ENOMEM;
	cJSON_ArrayForEach(one, list)
	{
		snprintf(reading->place, sizeof(reading->place), "events[%u].", path->count);
		int r = read_event(reading, one, &path->events[path->count++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_document(struct reading *reading, const cJSON *document, struct search_path *path)
{
	const char *format = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "format"));
	const char *broken = printable(document, "broken", sizeof(path->broken));
	int r = 0;

	if (!format || strcmp(format, SEARCH_PATH_FORMAT) != 0)
		return fail(reading, "format", "expected \"%s\"", SEARCH_PATH_FORMAT);
	r = read_number(reading, document, "phones", true, SEARCH_PHONES_MIN, SEARCH_PHONES_MAX, &path->phones);
	if (r == 0)
		r = read_number(reading, document, "files", true, 1, SEARCH_FILES_MAX, &path->files);
	if (r == 0)
		r = read_number(reading, document, "drops", true, 0, SEARCH_DROPS_MAX, &path->drops);
	if (r == 0)
		r = read_number(reading, document, "kills", true, 0,
				path->phones <= SEARCH_KILLS_MAX ? path->phones - 1 : SEARCH_KILLS_MAX,
				&path->kills);
	if (r == 0)
		r = read_number(reading, document, "order", true, 1, search_orders(path->phones), &path->order);
	if (r < 0)
		return r;
	if (!broken)
		return fail(reading, "broken", "expected less than %zu octets of printable ASCII",
			    sizeof(path->broken));
	path->planted = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(document, "planted"));
	snprintf(path->broken, sizeof(path->broken), "%s", broken);
	return read_events(reading, cJSON_GetObjectItemCaseSensitive(document, "events"), path);
}

/* The whole file, to be freed; NULL with the error told. */
static char *slurp(const struct reading *reading)
{
	FILE *stream = fopen(reading->file, "re");
	char *text = stream ? malloc(SEARCH_PATH_BYTES_MAX + 1) : NULL;
	size_t size;

	if (!text) {
		fail(reading, "", "%s", strerror(errno));
	} else {
		size = fread(text, 1, SEARCH_PATH_BYTES_MAX + 1, stream);
		if (ferror(stream) || size > SEARCH_PATH_BYTES_MAX) {
			fail(reading, "", "%s", ferror(stream) ? strerror(errno) : "is no path: more than 4 MiB");
			free(text);
			text = NULL;
		} else {
			text[size] = '\0';
		}
	}
	if (stream)
		fclose(stream);
	return text;
}

int search_path_load(const char *file, struct search_path *path, char *error, size_t error_size)
{
	struct reading reading = { .file = file, .error = error, .error_size = error_size };
	char *text = slurp(&reading);
	cJSON *document;
	int r;

	*path = (struct search_path){ 0 };
	if (!text)
		return -EINVAL;
	document = cJSON_Parse(text);
	r = document ? read_document(&reading, document, path) : fail(&reading, "", "is not JSON");
	cJSON_Delete(document);
	free(text);
	if (r < 0)
		search_path_deinit(path);
	if (r == -ENOMEM)
		fail(&reading, "", "no memory");
	return r;
}
