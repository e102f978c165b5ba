/* See journal_tools.h. */
#include "tests/journal/journal_tools.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void journal_replay_all(const char *path, const struct replay_options *options, struct journal_sum *sum)
{
	static const struct replay_options plain;
	struct journal_reader *reader;
	struct journal_error error;

	memset(sum, 0, sizeof(*sum));
	ck_assert_msg(journal_open(path, false, &reader, &error) == 0, "%s", error.line);
	const struct journal_info *info = journal_info(reader);
	sum->phones = info->phone_count;
	sum->cut = info->cut;
	for (uint32_t i = 0; i < info->phone_count; i++) {
		struct replay_result result;

		ck_assert_msg(replay_phone(reader, i, options ? options : &plain, &result, &error) == 0, "%s",
			      error.line);
		sum->events += result.events;
		sum->entered += info->phones[i].entered;
		sum->boots += result.boots;
		sum->traces += result.traces;
		if (!result.differs)
			continue;
		sum->differing++;
		sum->difference = result.difference;
		strcpy(sum->phone, info->phones[i].name);
	}
	journal_reader_free(reader);
}

bool journal_find(const char *path, journal_wanted_fn wanted, struct journal_item *item, char name[64])
{
	struct journal_reader *reader;
	struct journal_error error;
	bool found = false;

	ck_assert_msg(journal_open(path, false, &reader, &error) == 0, "%s", error.line);
	const struct journal_info *info = journal_info(reader);
	for (uint32_t i = 0; i < info->phone_count && !found; i++) {
		struct journal_phone_cursor *cursor = journal_cursor_new(reader, i);

		ck_assert_ptr_nonnull(cursor);
		while (!found && journal_next(cursor, item, &error) > 0)
			found = wanted(item);
		strcpy(name, info->phones[i].name);
		item->event.data = NULL; /* was the cursor's */
		journal_cursor_free(cursor);
	}
	journal_reader_free(reader);
	return found;
}

static uint32_t number_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

void journal_mend(uint8_t *bytes, size_t size)
{
	const uint8_t *newline = memchr(bytes, '\n', size);
	size_t at = newline ? (size_t)(newline - bytes) + 1 : size;

	while (size - at >= JOURNAL_HEADER_BYTES) {
		uint8_t *header = bytes + at, *payload = header + JOURNAL_HEADER_BYTES;
		uint32_t length = number_at(header + 16);

		if (length > size - at - JOURNAL_HEADER_BYTES)
			return;
		if (number_at(header + 4) == JOURNAL_BLOCK_LINE && length == 8)
			journal_put(payload, XXH3_64bits(bytes, (size_t)(newline - bytes) + 1), 8);
		journal_put(header + JOURNAL_CHECKED_BYTES, journal_checksum(header, payload, length), 8);
		at += JOURNAL_HEADER_BYTES + length;
	}
}

void journal_flip(const char *path, uint64_t offset, uint8_t bits)
{
	FILE *file = fopen(path, "r+be");
	uint8_t *bytes;
	long size;

	ck_assert_ptr_nonnull(file);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	ck_assert_uint_lt(offset, (uint64_t)size);
	bytes = malloc((size_t)size);
	ck_assert_ptr_nonnull(bytes);
	rewind(file);
	ck_assert_uint_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
	bytes[offset] ^= bits;
	journal_mend(bytes, (size_t)size);
	rewind(file);
	ck_assert_uint_eq(fwrite(bytes, 1, (size_t)size, file), (size_t)size);
	fclose(file);
	free(bytes);
}
