/*
 * Reading JSON with comments, and error lines that name the place.
 *
 * cJSON does the parsing. Three things it does not do are done here, because a
 * scenario is strict: comments become spaces (never fewer characters, so that
 * an offset in the cleaned text is the same place in the user's file);
 * a member given twice is found; and text that cJSON would let through or cut
 * short without a word (a NUL, raw control characters in strings, numbers as
 * "01") is refused before it gets there.
 */
#include "emulator/scenario/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/plan/printable.h"

#define VALUE_SHOWN_MAX 60 /* characters of a value in an error line */
#define OBJECT_FIELDS_MAX 64 /* no table has as many; keeps the search for duplicates short */

struct document_chunk {
	struct document_chunk *next;
	max_align_t data[];
};

void *document_alloc(struct document *document, size_t count, size_t size)
{
	struct document_chunk *chunk = NULL;
	size_t bytes;

	if (!__builtin_mul_overflow(count, size, &bytes) &&
	    !__builtin_add_overflow(bytes, sizeof(*chunk), &bytes))
		chunk = calloc(1, bytes);
	if (!chunk)
		return NULL;
	chunk->next = document->chunks;
	document->chunks = chunk;
	return chunk->data;
}

void document_close(struct document *document)
{
	for (struct document_chunk *chunk = document->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	cJSON_Delete(document->root);
	document->chunks = NULL;
	document->root = NULL;
}

/* ------------------------------------------------------------- errors */

/* A bounded line; what does not fit is left out. */
struct line {
	char *text;
	size_t size, length;
};

/* Names and values are the file's, and JSON may have any octets in them: none reaches the terminal as it is. */
static void line_addv(struct line *line, const char *format, va_list arguments)
{
	char text[sizeof(((struct scenario_error *)NULL)->line)];

	vsnprintf(text, sizeof(text), format, arguments);
	printable(text, line->text + line->length, line->size - line->length);
	line->length += strlen(line->text + line->length);
}

static void __attribute__((format(printf, 2, 3))) line_add(struct line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line_addv(line, format, arguments);
	va_end(arguments);
}

static struct line line_begin(struct document *document)
{
	struct line line = {document->error->line, sizeof(document->error->line), 0};

	line_add(&line, "%s: ", document->path);
	return line;
}

static bool plain_key(const char *key)
{
	if (!*key)
		return false;
	for (; *key; key++) {
		if (!((*key >= 'a' && *key <= 'z') || (*key >= 'A' && *key <= 'Z') ||
		      (*key >= '0' && *key <= '9') || *key == '_' || *key == '$' || *key == '-'))
			return false;
	}
	return true;
}

static void add_key(struct line *line, const char *key, bool first)
{
	if (plain_key(key)) {
		line_add(line, "%s%s", first ? "" : ".", key);
		return;
	}
	/* Quoted as JSON would, so that no control character reaches a terminal. */
	cJSON *quoted = cJSON_CreateString(key);
	char *text = quoted ? cJSON_PrintUnformatted(quoted) : NULL;
	line_add(line, "[%s]", text ? text : "?");
	cJSON_free(text);
	cJSON_Delete(quoted);
}

/* Finds target below node and writes the way to it; scenarios are small, so the search is no cost. */
static bool add_path(struct line *line, const cJSON *node, const cJSON *target, bool first)
{
	size_t before = line->length;
	unsigned int index = 0;

	if (node == target)
		return true;
	for (const cJSON *child = node->child; child; child = child->next, index++) {
		if (cJSON_IsArray(node))
			line_add(line, "[%u]", index);
		else
			add_key(line, child->string, first);
		if (add_path(line, child, target, false))
			return true;
		line->length = before;
		line->text[before] = '\0';
	}
	return false;
}

static void add_value(struct line *line, const cJSON *node)
{
	char *text = cJSON_PrintUnformatted(node);
	size_t length = text ? strlen(text) : 0, cut = length;

	if (length > VALUE_SHOWN_MAX) {
		cut = VALUE_SHOWN_MAX;
		while (cut && ((unsigned char)text[cut] & 0xc0) == 0x80)
			cut--; /* not in the middle of a UTF-8 character */
	}
	line_add(line, "%.*s%s: ", (int)cut, text ? text : "", cut < length ? "..." : "");
	cJSON_free(text);
}

int document_fail(struct document *document, const cJSON *node, const char *format, ...)
{
	struct line line = line_begin(document);
	va_list arguments;

	if (node && node != document->root) {
		add_path(&line, document->root, node, true);
		line_add(&line, ": ");
		add_value(&line, node);
	}
	va_start(arguments, format);
	line_addv(&line, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int document_fail_missing(struct document *document, const cJSON *object, const char *name,
			  const char *format, ...)
{
	struct line line = line_begin(document);
	va_list arguments;

	add_path(&line, document->root, object, true);
	add_key(&line, name, object == document->root);
	line_add(&line, ": missing: ");
	va_start(arguments, format);
	line_addv(&line, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int document_fail_memory(struct document *document)
{
	snprintf(document->error->line, sizeof(document->error->line), "%s: out of memory", document->path);
	return -ENOMEM;
}

const cJSON *document_member(const cJSON *object, const char *name)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);

	return member ? member : object;
}

/* ------------------------------------------------------------- text */

static int fail_at(struct document *document, const char *text, size_t offset, const char *expected)
{
	unsigned int row = 1, column = 1;
	struct line line = line_begin(document);

	for (size_t i = 0; i < offset; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		row += text[i] == '\n';
	}
	line_add(&line, "line %u, column %u: %s", row, column, expected);
	return -EINVAL;
}

/* Blanks the comment at text[at]; the offset behind it, or 0 where it has no end. */
static size_t blank_comment(char *text, size_t at, size_t length)
{
	bool block = text[at + 1] == '*';
	const char *close = block ? memmem(text + at + 2, length - at - 2, "*/", 2)
				  : memchr(text + at, '\n', length - at);
	size_t end = length;

	if (!close && block)
		return 0;
	if (close)
		end = (size_t)(close - text) + (block ? 2 : 0);
	memset(text + at, ' ', end - at);
	return end;
}

/* Checks a string that opens at text[at]; the offset behind it, or 0 with *bad and *why set. */
static size_t check_string(const char *text, size_t at, size_t length, size_t *bad, const char **why)
{
	for (size_t i = at + 1; i < length; i++) {
		*bad = i;
		if (text[i] == '"')
			return i + 1;
		if ((unsigned char)text[i] < 0x20) {
			*why = text[i] == '\n' ? "a string without its closing quote"
					       : "a control character in a string, write it as \\u00XX";
			return 0;
		}
		if (text[i] != '\\')
			continue;
		if (length - i >= 6 && strncmp(text + i, "\\u0000", 6) == 0) {
			*why = "\\u0000 in a string";
			return 0;
		}
		i++;
	}
	*bad = at;
	*why = "a string without its closing quote";
	return 0;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 8259 section 6; cJSON takes whatever strtod does. */
static size_t check_number(const char *text, size_t at, size_t length)
{
	size_t i = at, digits;

	if (text[i] == '-')
		i++;
	if (i < length && text[i] == '0')
		i++;
	else {
		for (digits = i; i < length && digit(text[i]);)
			i++;
		if (i == digits)
			return 0;
	}
	if (i < length && text[i] == '.') {
		for (digits = ++i; i < length && digit(text[i]);)
			i++;
		if (i == digits)
			return 0;
	}
	if (i < length && (text[i] == 'e' || text[i] == 'E')) {
		i++;
		if (i < length && (text[i] == '+' || text[i] == '-'))
			i++;
		for (digits = i; i < length && digit(text[i]);)
			i++;
		if (i == digits)
			return 0;
	}
	bool more = i < length && (digit(text[i]) || text[i] == '.' || text[i] == '+' || text[i] == '-');
	return more ? 0 : i;
}

/* One pass over the text: comments become spaces, and what cJSON would not refuse is refused. */
static int clean(struct document *document, const char *original, char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t next = i + 1, bad = i;
		const char *why = "not a number of JSON";
		if (text[i] == '/' && i + 1 < length && (text[i + 1] == '/' || text[i + 1] == '*')) {
			next = blank_comment(text, i, length);
			why = "a comment without its end, */";
		} else if (text[i] == '"') {
			next = check_string(text, i, length, &bad, &why);
		} else if (digit(text[i]) || text[i] == '-') {
			next = check_number(text, i, length);
		} else if (!text[i]) {
			next = 0;
			why = "a NUL byte, this is not a text";
		}
		if (!next)
			return fail_at(document, original, bad, why);
		i = next;
	}
	return 0;
}

static int find_duplicates(struct document *document, const cJSON *node)
{
	if (cJSON_IsObject(node) && cJSON_GetArraySize(node) > OBJECT_FIELDS_MAX)
		return document_fail(document, node, "has %d fields, no object of a scenario has so many",
				     cJSON_GetArraySize(node));
	for (const cJSON *child = node->child; child; child = child->next) {
		for (const cJSON *other = node->child; cJSON_IsObject(node) && other != child; other = other->next) {
			if (strcmp(other->string, child->string) == 0)
				return document_fail(document, child, "given twice, leave one");
		}
		int r = find_duplicates(document, child);
		if (r < 0)
			return r;
	}
	return 0;
}

int document_open(struct document *document, const char *path, const char *text, size_t length,
		  struct scenario_error *error)
{
	const char *end = NULL;
	char *copy;
	int r;

	*document = (struct document){.path = path, .error = error};
	copy = document_alloc(document, length + 1, 1);
	if (!copy)
		return document_fail_memory(document);
	memcpy(copy, text, length);
	r = clean(document, text, copy, length);
	if (r < 0)
		return r;
	document->root = cJSON_ParseWithLengthOpts(copy, length + 1, &end, true);
	if (!document->root)
		return fail_at(document, text, end && end >= copy ? (size_t)(end - copy) : 0,
			       "not JSON here or just before: a comma, bracket or quote is missing or too many");
	if (!cJSON_IsObject(document->root))
		return document_fail(document, NULL, "must be an object, { ... }");
	return find_duplicates(document, document->root);
}
