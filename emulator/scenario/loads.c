/*
 * The .loads format as docs/protocol.md describes it (documented by public
 * provisioning repositories). The header is signed and opaque, its length is
 * not written anywhere that is known; but it ends in the file's own name, and
 * the rest is text. So the header ends at the first place where the own name
 * stands and nothing but text follows. The names come from whoever made the
 * folder: a name with a path in it would make the server and the phones open
 * other files, so it is refused by name and not repaired.
 */
#include "emulator/scenario/loads.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Bytes of a header at least: the own name behind something binary, so that the text is told apart. */
#define HEADER_MIN 16

static bool text_byte(uint8_t byte)
{
	return (byte >= 0x20 && byte < 0x7f) || byte == '\r' || byte == '\n' || byte == '\t';
}

static bool all_text(const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!text_byte(data[i]))
			return false;
	}
	return true;
}

/* Where the text begins, or length + 1 where no header ends in the own name. */
static size_t find_text(const char *own_name, const uint8_t *data, size_t length)
{
	size_t name_length = strlen(own_name);
	/* From the first of the bytes behind which all is text; found once, from the end. */
	size_t text_from = length;

	while (text_from && text_byte(data[text_from - 1]))
		text_from--;
	if (!text_from)
		return 0;
	for (size_t i = 0; name_length && i + name_length <= length; i++) {
		if (strncasecmp((const char *)data + i, own_name, name_length) != 0)
			continue;
		size_t end = i + name_length;
		while (end < length && !data[end])
			end++; /* the name may be padded */
		if (end >= text_from)
			return end;
	}
	return length + 1;
}

const char *loads_name_fault(const char *name, size_t length)
{
	if (!length)
		return "is empty";
	if (memchr(name, '/', length) || memchr(name, '\\', length))
		return "has a path in it";
	if ((length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.'))
		return "is a folder";
	if (length >= PFS_NAME_MAX)
		return "is too long, at most 47 characters are taken";
	if (!all_text((const uint8_t *)name, length) || memchr(name, '\t', length))
		return "has a character that is not printable";
	return NULL;
}

_Static_assert(PFS_NAME_MAX == 48, "loads_name_fault says the longest name");

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int take_name(const char *own_name, const char *name, size_t length, struct loads *loads,
		     char *why, size_t why_size)
{
	const char *fault = loads_name_fault(name, length);

	if (!fault && length == strlen(own_name) && strncasecmp(name, own_name, length) == 0)
		fault = "is the index itself";
	for (uint32_t i = 0; !fault && i < loads->count; i++) {
		if (strlen(loads->names[i]) == length && strncasecmp(loads->names[i], name, length) == 0)
			fault = "is named twice";
	}
	if (!fault && loads->count == LOADS_NAMES_MAX)
		fault = "is one too many, 7 files beside the index are taken";
	if (fault) {
		snprintf(why, why_size, "\"%.*s\" %s", length < 60 ? (int)length : 60, name, fault);
		return -EINVAL;
	}
	memset(loads->names[loads->count], 0, PFS_NAME_MAX);
	memcpy(loads->names[loads->count++], name, length);
	return 0;
}

_Static_assert(LOADS_NAMES_MAX == 7, "take_name says how many");

int loads_parse(const char *own_name, const uint8_t *data, size_t length, struct loads *loads,
		char *why, size_t why_size)
{
	size_t at = find_text(own_name, data, length);

	memset(loads, 0, sizeof(*loads));
	if (at > length) {
		snprintf(why, why_size, "no header that ends in the file's own name, %s, with text behind it",
			 own_name);
		return -EINVAL;
	}
	loads->header_bytes = at;
	while (at < length) {
		const char *line = (const char *)data + at;
		const char *feed = memchr(line, '\n', length - at);
		size_t size = feed ? (size_t)(feed - line) : length - at;
		at += size + 1;
		while (size && blank(*line)) {
			line++;
			size--;
		}
		while (size && blank(line[size - 1]))
			size--;
		if (!size || *line == '#')
			continue;
		int r = take_name(own_name, line, size, loads, why, why_size);
		if (r < 0)
			return r;
	}
	if (!loads->count) {
		snprintf(why, why_size, "names no file");
		return -EINVAL;
	}
	return 0;
}

/* splitmix64: one multiplication chain a word, any word by itself, passes as noise. */
static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

void loads_fill(uint64_t key, uint8_t *data, size_t size)
{
	for (uint64_t word = 1; size; word++) {
		/* The same bytes on any machine. */
		uint64_t value = htole64(mix(key + word * UINT64_C(0x9e3779b97f4a7c15)));
		size_t part = size < sizeof(value) ? size : sizeof(value);
		memcpy(data, &value, part);
		data += part;
		size -= part;
	}
}

int loads_compose(const char *own_name, const char *const *names, uint32_t count, uint64_t key,
		  uint8_t *data, size_t size)
{
	char text[LOADS_NAMES_MAX * (PFS_NAME_MAX + 2) + 128];
	size_t name_length = strlen(own_name);
	int length = snprintf(text, sizeof(text), "\r\n# load file\r\n# %u images\r\n", count);

	for (uint32_t i = 0; i < count; i++) {
		length += snprintf(text + length, sizeof(text) - (size_t)length, "%s\r\n", names[i]);
		if ((size_t)length >= sizeof(text))
			return -EINVAL;
	}
	if (size < (size_t)length + name_length + HEADER_MIN)
		return -EINVAL;
	size_t header = size - (size_t)length - name_length;
	loads_fill(key, data, header);
	/* A byte that no text has, right before the name: the parser cannot mistake the header for text. */
	data[header - 1] = 0;
	memcpy(data + header, own_name, name_length);
	memcpy(data + header + name_length, text, (size_t)length);
	return 0;
}
