/*
 * A path as a file: JSON, one object an event, each with the words in which it is shown, so that the file can be
 * read, and a path be gone along by what happened where a changed core numbers things otherwise. A file may come
 * from anywhere: each value is checked before it is used, as strictly as a scenario's and by the same reader.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/document.h"
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

static const char *const path_members[] = { "format", "phones",  "files",  "drops",  "kills",
					    "order",  "planted", "broken", "events", NULL };
static const char *const event_members[] = { "what", "kind", "index", "target", "draw", NULL };

/* An object, and of its members none that is not known: a typing error is no default. */
static int check_members(struct document *document, const cJSON *object, const char *const *known)
{
	const cJSON *member;

	if (!cJSON_IsObject(object))
		return document_fail(document, object, "expected an object");
	cJSON_ArrayForEach(member, object)
	{
		char list[160] = "";
		bool found = false;

		for (size_t i = 0, length = 0; known[i]; i++) {
			found |= strcmp(member->string, known[i]) == 0;
			length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", i ? ", " : "", known[i]);
		}
		if (!found)
			return document_fail(document, member, "unknown field, known here: %s", list);
	}
	return 0;
}

/* A whole number; where `needed` is not, it may be missing and is 0 then. */
static int read_number(struct document *document, const cJSON *object, const char *name, bool needed, uint32_t least,
		       uint32_t most, uint32_t *number)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	*number = 0;
	if (!item && !needed)
		return 0;
	if (!item)
		return document_fail_missing(document, object, name, "expected a whole number from %u to %u", least, most);
	if (!cJSON_IsNumber(item) || item->valuedouble < least || item->valuedouble > most ||
	    item->valuedouble != (double)(uint32_t)item->valuedouble)
		return document_fail(document, item, "expected a whole number from %u to %u", least, most);
	*number = (uint32_t)item->valuedouble;
	return 0;
}

/* One word of a list; its place there in *number. */
static int read_word(struct document *document, const cJSON *object, const char *name, const char *const *words,
		     size_t count, uint8_t *number)
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
	if (!item)
		return document_fail_missing(document, object, name, "expected one of %s", list);
	return document_fail(document, item, "expected one of %s", list);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* What is shown to people as it stands, copied. */
static int read_shown(struct document *document, const cJSON *object, const char *name, char *text, size_t size)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!item)
		return document_fail_missing(document, object, name, "expected less than %zu octets of printable ASCII",
					     size);
	if (!cJSON_IsString(item) || strlen(item->valuestring) >= size || !is_printable(item->valuestring))
		return document_fail(document, item, "expected less than %zu octets of printable ASCII", size);
	strcpy(text, item->valuestring);
	return 0;
}

static int read_event(struct document *document, const cJSON *object, struct search_path_event *one)
{
	uint32_t index, target;
	int r = check_members(document, object, event_members);

	if (r == 0)
		r = read_shown(document, object, "what", one->what, sizeof(one->what));
	if (r == 0)
		r = read_word(document, object, "kind", kinds, KINDS, &one->event.kind);
	if (r == 0 && cJSON_GetObjectItemCaseSensitive(object, "draw"))
		r = read_word(document, object, "draw", draws, SEARCH_VARIANTS, &one->event.variant);
	if (r == 0)
		r = read_number(document, object, "index", one->event.kind != KIND_ADVANCE, 0, UINT8_MAX, &index);
	if (r == 0)
		r = read_number(document, object, "target", false, 0, UINT8_MAX, &target);
	if (r < 0)
		return r;
	one->event.index = (uint8_t)index;
	one->event.target = (uint8_t)target;
	return 0;
}

static int read_events(struct document *document, struct search_path *path)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(document->root, "events"), *one;
	uint32_t count = cJSON_IsArray(list) ? (uint32_t)cJSON_GetArraySize(list) : 0;

	if (!list)
		return document_fail_missing(document, document->root, "events", "expected an array of 1 to %u",
					     SEARCH_PATH_EVENTS_MAX);
	if (!count || count > SEARCH_PATH_EVENTS_MAX)
		return document_fail(document, list, "expected an array of 1 to %u", SEARCH_PATH_EVENTS_MAX);
	path->events = calloc(count, sizeof(*path->events));
	if (!path->events)
		return document_fail_memory(document);
	cJSON_ArrayForEach(one, list)
	{
		int r = read_event(document, one, &path->events[path->count++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_planted(struct document *document, struct search_path *path)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(document->root, "planted");

	if (item && !cJSON_IsBool(item))
		return document_fail(document, item, "expected true or false");
	path->planted = cJSON_IsTrue(item);
	return 0;
}

static int read_document(struct document *document, struct search_path *path)
{
	const cJSON *root = document->root, *format = cJSON_GetObjectItemCaseSensitive(root, "format");
	int r;

	/* First of all: what another format has is not unknown but another's. */
	if (!format)
		return document_fail_missing(document, root, "format", "expected \"%s\"", SEARCH_PATH_FORMAT);
	if (!cJSON_IsString(format) || strcmp(format->valuestring, SEARCH_PATH_FORMAT) != 0)
		return document_fail(document, format, "expected \"%s\"", SEARCH_PATH_FORMAT);
	r = check_members(document, root, path_members);
	if (r == 0)
		r = read_number(document, root, "phones", true, SEARCH_PHONES_MIN, SEARCH_PHONES_MAX, &path->phones);
	if (r == 0)
		r = read_number(document, root, "files", true, 1, SEARCH_FILES_MAX, &path->files);
	if (r == 0)
		r = read_number(document, root, "drops", true, 0, SEARCH_DROPS_MAX, &path->drops);
	if (r == 0)
		r = read_number(document, root, "kills", true, 0,
				path->phones <= SEARCH_KILLS_MAX ? path->phones - 1 : SEARCH_KILLS_MAX, &path->kills);
	if (r == 0)
		r = read_number(document, root, "order", true, 1, search_orders(path->phones), &path->order);
	if (r == 0)
		r = read_planted(document, path);
	if (r == 0)
		r = read_shown(document, root, "broken", path->broken, sizeof(path->broken));
	return r < 0 ? r : read_events(document, path);
}

/* The whole file, to be freed; NULL with the error told. */
static char *slurp(const char *file, size_t *size, struct scenario_error *error)
{
	FILE *stream = fopen(file, "re");
	char *text = stream ? malloc(SEARCH_PATH_BYTES_MAX + 1) : NULL;
	const char *why = NULL;

	if (!text) {
		why = strerror(errno);
	} else {
		*size = fread(text, 1, SEARCH_PATH_BYTES_MAX + 1, stream);
		if (ferror(stream))
			why = strerror(errno);
		else if (*size > SEARCH_PATH_BYTES_MAX)
			why = "is no path: more than 4 MiB";
	}
	if (stream)
		fclose(stream);
	if (!why)
		return text;
	snprintf(error->line, sizeof(error->line), "%s: %s", file, why);
	free(text);
	return NULL;
}

int search_path_load(const char *file, struct search_path *path, char *error, size_t error_size)
{
	struct scenario_error line = { 0 };
	struct document document;
	size_t size = 0;
	char *text = slurp(file, &size, &line);
	int r = -EINVAL;

	*path = (struct search_path){ 0 };
	if (text) {
		r = document_open(&document, file, text, size, &line);
		if (r == 0)
			r = read_document(&document, path);
		document_close(&document);
	}
	free(text);
	if (r < 0) {
		search_path_deinit(path);
		snprintf(error, error_size, "%s", line.line);
	}
	return r;
}
