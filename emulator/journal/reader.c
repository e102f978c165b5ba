/*
 * Opening a journal: the first line (first_line.c), then every block is read
 * and its checksum compared, and where each phone's blocks lie is kept.
 * cursor.c takes the records apart.
 */
#include "emulator/journal/reader.h"
#include "emulator/plan/printable.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct block {
	uint64_t offset, first_event;
	uint32_t phone; /* index in phones */
	uint32_t length, events;
};

struct journal_reader {
	char *path;
	int file;
	uint64_t size;
	struct journal_info info;
	struct journal_phone *phones;
	uint32_t phone_room;
	uint32_t ended;       /* phones whose PHONE_END was read */
	struct block *blocks; /* of events, in the file's order until sorted by phone */
	uint32_t block_count, block_room;
	uint32_t *first_block; /* one a phone, in blocks */
	uint8_t *payload;
};

int journal_refuse(const struct journal_reader *reader, uint64_t offset, struct journal_error *error,
		   const char *format, ...)
{
	int at = snprintf(error->line, sizeof(error->line), "%.200s: offset %" PRIu64 ": ", reader->path,
			  offset);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->line + at, sizeof(error->line) - (size_t)at, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int no_memory(const struct journal_reader *reader, struct journal_error *error)
{
	snprintf(error->line, sizeof(error->line), "%.200s: no memory for it", reader->path);
	return -ENOMEM;
}

/* Exactly `length` bytes, or what is wrong. */
static int read_at(struct journal_reader *reader, uint64_t offset, void *bytes, size_t length,
		   struct journal_error *error)
{
	size_t at = 0;

	while (at < length) {
		ssize_t got = pread(reader->file, (uint8_t *)bytes + at, length - at, (off_t)(offset + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return journal_refuse(reader, offset, error, "cannot be read: %s", strerror(errno));
		if (got == 0)
			return journal_refuse(
				reader, offset + at, error,
				"ends here; %zu more bytes were expected: the file was cut short, or the run "
				"did not end in order",
				length - at);
		at += (size_t)got;
	}
	return 0;
}

/* ---------------------------------------------------------- first line */

/* Its length with the newline in *length, its digest in *digest. */
static int read_line(struct journal_reader *reader, uint64_t *length, uint64_t *digest,
		     struct journal_error *error)
{
	size_t most = reader->size < JOURNAL_LINE_MAX ? (size_t)reader->size : JOURNAL_LINE_MAX;
	char *text = (char *)reader->payload, *newline;
	int result = read_at(reader, 0, text, most, error);

	if (result)
		return result;
	newline = memchr(text, '\n', most);
	if (!newline || text[0] != '{' || memchr(text, '\0', (size_t)(newline - text)))
		return journal_refuse(reader, 0, error,
				      "is no journal: a line of JSON was expected, with \"format\": \"%s\"",
				      JOURNAL_FORMAT);
	*length = (uint64_t)(newline - text) + 1;
	*digest = XXH3_64bits(text, (size_t)*length);
	*newline = '\0';
	return journal_take_line(reader, &reader->info, text, error);
}

/* -------------------------------------------------------------- blocks */

struct header {
	uint32_t type, phone, sequence, length, events;
	uint64_t first_event, checksum;
	uint8_t bytes[JOURNAL_HEADER_BYTES];
};

static int read_header(struct journal_reader *reader, uint64_t offset, struct header *header,
		       struct journal_error *error)
{
	struct journal_cursor cursor = { .bytes = header->bytes, .end = JOURNAL_HEADER_BYTES };
	int result = read_at(reader, offset, header->bytes, sizeof(header->bytes), error);
	uint32_t magic;

	if (result)
		return result;
	magic = (uint32_t)journal_get(&cursor, 4);
	header->type = (uint32_t)journal_get(&cursor, 4);
	header->phone = (uint32_t)journal_get(&cursor, 4);
	header->sequence = (uint32_t)journal_get(&cursor, 4);
	header->length = (uint32_t)journal_get(&cursor, 4);
	header->events = (uint32_t)journal_get(&cursor, 4);
	header->first_event = journal_get(&cursor, 8);
	header->checksum = journal_get(&cursor, 8);
	if (magic != JOURNAL_MAGIC)
		return journal_refuse(reader, offset, error,
				      "%08" PRIx32 " stands where a block's %08x was expected", magic,
				      JOURNAL_MAGIC);
	if (header->length > JOURNAL_PAYLOAD_MAX)
		return journal_refuse(reader, offset + 16, error,
				      "a block of %" PRIu32 " bytes; at most %d were expected",
				      header->length, JOURNAL_PAYLOAD_MAX);
	return 0;
}

static int read_payload(struct journal_reader *reader, uint64_t offset, const struct header *header,
			uint8_t *payload, struct journal_error *error)
{
	int result = read_at(reader, offset + JOURNAL_HEADER_BYTES, payload, header->length, error);

	if (result)
		return result;
	if (journal_checksum(header->bytes, payload, header->length) != header->checksum)
		return journal_refuse(
			reader, offset, error,
			"the block's checksum is not that of its bytes: the file is damaged between here and "
			"offset %" PRIu64,
			offset + JOURNAL_HEADER_BYTES + header->length);
	return 0;
}

static bool get_name(struct journal_cursor *cursor, char *text, size_t size)
{
	uint32_t length = (uint32_t)journal_get(cursor, 1);
	char name[UINT8_MAX + 1] = "";

	if (cursor->error || cursor->end - cursor->at < length || length >= sizeof(name))
		return false;
	memcpy(name, cursor->bytes + cursor->at, length);
	cursor->at += length;
	return strlen(name) == length && journal_is_clean(name) && printable(name, text, size);
}

static int take_phone(struct journal_reader *reader, uint64_t offset, const struct header *header,
		      struct journal_error *error)
{
	struct journal_cursor cursor = { .bytes = reader->payload, .end = header->length };
	struct journal_phone *phone;
	uint32_t count = reader->info.phone_count;

	if (count && reader->phones[count - 1].number >= header->phone)
		return journal_refuse(reader, offset, error,
				      "phone %" PRIu32 " after phone %" PRIu32
				      ": ascending numbers were expected",
				      header->phone, reader->phones[count - 1].number);
	if (reader->block_count)
		return journal_refuse(reader, offset, error, "a phone was expected before all events");
	if (count == reader->phone_room) {
		uint32_t room = count ? count * 2 : 64;

		phone = realloc(reader->phones, room * sizeof(*phone));
		if (!phone)
			return no_memory(reader, error);
		reader->phones = phone;
		reader->phone_room = room;
	}
	phone = &reader->phones[count];
	memset(phone, 0, sizeof(*phone));
	phone->number = header->phone;
	phone->address = (uint32_t)journal_get(&cursor, 4);
	if (!get_name(&cursor, phone->name, sizeof(phone->name)) ||
	    !get_name(&cursor, phone->site, sizeof(phone->site)) ||
	    !get_name(&cursor, phone->subnet, sizeof(phone->subnet)) ||
	    !get_name(&cursor, phone->model, sizeof(phone->model)) || cursor.at != cursor.end ||
	    !phone->name[0])
		return journal_refuse(reader, offset, error,
				      "a phone's address, name, site, subnet and model were expected");
	reader->info.phone_count++;
	reader->info.phones = reader->phones;
	return 0;
}

static int by_number(const void *key, const void *element)
{
	uint32_t number = *(const uint32_t *)key, other = ((const struct journal_phone *)element)->number;

	return number < other ? -1 : number > other;
}

static struct journal_phone *find_phone(struct journal_reader *reader, uint32_t number)
{
	return reader->phones ? bsearch(&number, reader->phones, reader->info.phone_count,
					sizeof(*reader->phones), by_number)
			      : NULL;
}

static int take_events(struct journal_reader *reader, uint64_t offset, const struct header *header,
		       struct journal_error *error)
{
	struct journal_phone *phone = find_phone(reader, header->phone);
	struct block *block;

	if (!phone)
		return journal_refuse(reader, offset, error,
				      "events of phone %" PRIu32 ", which the file does not name",
				      header->phone);
	if (header->sequence != phone->blocks || header->first_event != phone->events + 1 || !header->length)
		return journal_refuse(reader, offset, error,
				      "%s: block %" PRIu32 " from event %" PRIu64 "; block %" PRIu32
				      " from event %" PRIu64 " was expected",
				      phone->name, header->sequence, header->first_event, phone->blocks,
				      phone->events + 1);
	if (reader->ended)
		return journal_refuse(reader, offset, error, "events after the phones' ends");
	if (reader->block_count == reader->block_room) {
		uint32_t room = reader->block_room ? reader->block_room * 2 : 256;

		block = realloc(reader->blocks, room * sizeof(*block));
		if (!block)
			return no_memory(reader, error);
		reader->blocks = block;
		reader->block_room = room;
	}
	reader->blocks[reader->block_count++] = (struct block){ .offset = offset,
								.first_event = header->first_event,
								.phone = (uint32_t)(phone - reader->phones),
								.length = header->length,
								.events = header->events };
	phone->blocks++;
	phone->events += header->events;
	phone->entered = phone->events;
	return 0;
}

static int take_phone_end(struct journal_reader *reader, uint64_t offset, const struct header *header,
			  struct journal_error *error)
{
	struct journal_cursor cursor = { .bytes = reader->payload, .end = header->length };
	struct journal_phone *phone = find_phone(reader, header->phone);
	uint64_t entered = journal_get(&cursor, 8);

	if (!phone || phone - reader->phones != (ptrdiff_t)reader->ended || cursor.error ||
	    cursor.at != cursor.end)
		return journal_refuse(reader, offset, error, "the end of phone %" PRIu32 " was expected",
				      reader->ended < reader->info.phone_count
					      ? reader->phones[reader->ended].number
					      : JOURNAL_NO_PHONE);
	if (entered < phone->events)
		return journal_refuse(reader, offset, error,
				      "%s: %" PRIu64 " events; at least the %" PRIu64 " before were expected",
				      phone->name, entered, phone->events);
	phone->entered = entered;
	reader->ended++;
	return 0;
}

static int take_end(struct journal_reader *reader, uint64_t offset, const struct header *header,
		    uint32_t blocks, struct journal_error *error)
{
	struct journal_cursor cursor = { .bytes = reader->payload, .end = header->length };
	uint64_t cut = journal_get(&cursor, 8);
	bool whole = true;

	if (cursor.error || cursor.at != cursor.end || cut >= JOURNAL_CUTS)
		return journal_refuse(reader, offset, error,
				      "the reason why the journal ends was expected, 0 to %d",
				      JOURNAL_CUTS - 1);
	if (header->sequence != blocks || reader->ended != reader->info.phone_count)
		return journal_refuse(reader, offset, error,
				      "%" PRIu32 " blocks and %" PRIu32
				      " phones came before the end; %" PRIu32 " and %" PRIu32
				      " were expected",
				      blocks, reader->ended, header->sequence, reader->info.phone_count);
	for (uint32_t i = 0; i < reader->info.phone_count; i++)
		whole &= reader->phones[i].events == reader->phones[i].entered;
	if (!whole && cut == JOURNAL_WHOLE)
		return journal_refuse(reader, offset, error,
				      "events are missing from a journal that calls itself whole");
	reader->info.cut = (enum journal_cut)cut;
	if (offset + JOURNAL_HEADER_BYTES + header->length != reader->size)
		return journal_refuse(reader, offset + JOURNAL_HEADER_BYTES + header->length, error,
				      "bytes after the end");
	return 0;
}

static int take_block(struct journal_reader *reader, uint64_t offset, const struct header *header,
		      uint32_t number, uint64_t line_digest, struct journal_error *error)
{
	struct journal_cursor cursor = { .bytes = reader->payload, .end = header->length };

	if ((header->type == JOURNAL_BLOCK_LINE) != (number == 0))
		return journal_refuse(reader, offset, error,
				      "block %" PRIu32 " of type %" PRIu32
				      ": the first and no other was expected to check the first line",
				      number, header->type);
	switch (header->type) {
	case JOURNAL_BLOCK_LINE:
		if (journal_get(&cursor, 8) != line_digest || cursor.error)
			return journal_refuse(reader, 0, error, "the first line is damaged");
		return 0;
	case JOURNAL_BLOCK_PHONE:
		return take_phone(reader, offset, header, error);
	case JOURNAL_BLOCK_EVENTS:
		return take_events(reader, offset, header, error);
	case JOURNAL_BLOCK_PHONE_END:
		return take_phone_end(reader, offset, header, error);
	case JOURNAL_BLOCK_END:
		return take_end(reader, offset, header, number, error);
	default:
		return journal_refuse(reader, offset + 4, error,
				      "a block of type %" PRIu32 "; 1 to %d were expected", header->type,
				      JOURNAL_BLOCK_END);
	}
}

static int read_blocks(struct journal_reader *reader, uint64_t offset, uint64_t line_digest,
		       struct journal_error *error)
{
	struct header header;
	uint32_t number = 0;

	do {
		int result = read_header(reader, offset, &header, error);

		if (!result)
			result = read_payload(reader, offset, &header, reader->payload, error);
		if (!result)
			result = take_block(reader, offset, &header, number++, line_digest, error);
		if (result)
			return result;
		offset += JOURNAL_HEADER_BYTES + header.length;
	} while (header.type != JOURNAL_BLOCK_END);
	return 0;
}

static int by_phone(const void *a, const void *b)
{
	const struct block *left = a, *right = b;

	if (left->phone != right->phone)
		return left->phone < right->phone ? -1 : 1;
	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static int index_blocks(struct journal_reader *reader, struct journal_error *error)
{
	uint32_t at = 0;

	reader->first_block = calloc((size_t)reader->info.phone_count + 1, sizeof(*reader->first_block));
	if (!reader->first_block)
		return no_memory(reader, error);
	if (reader->block_count)
		qsort(reader->blocks, reader->block_count, sizeof(*reader->blocks), by_phone);
	for (uint32_t i = 0; i < reader->info.phone_count; i++) {
		reader->first_block[i] = at;
		at += reader->phones[i].blocks;
	}
	return 0;
}

static int open_file(struct journal_reader *reader, struct journal_error *error)
{
	struct stat status;

	reader->file = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (reader->file < 0 || fstat(reader->file, &status) < 0) {
		int result = -errno;

		snprintf(error->line, sizeof(error->line), "%.200s: %s", reader->path, strerror(-result));
		return result;
	}
	if (!S_ISREG(status.st_mode)) {
		snprintf(error->line, sizeof(error->line), "%.200s: is no file; a journal was expected",
			 reader->path);
		return -EINVAL;
	}
	reader->size = (uint64_t)status.st_size;
	reader->info.bytes = reader->size;
	if (reader->size)
		return 0;
	return journal_refuse(reader, 0, error, "is empty; a journal was expected");
}

int journal_open(const char *path, bool partial, struct journal_reader **reader, struct journal_error *error)
{
	struct journal_reader *opened = calloc(1, sizeof(*opened));
	uint64_t line = 0, digest = 0;
	int result = -ENOMEM;

	*reader = NULL;
	error->line[0] = '\0';
	if (opened) {
		opened->file = -1;
		opened->path = strdup(path);
		opened->payload = malloc(JOURNAL_PAYLOAD_MAX);
	}
	if (!opened || !opened->path || !opened->payload) {
		snprintf(error->line, sizeof(error->line), "%.200s: no memory for it", path);
		journal_reader_free(opened);
		return result;
	}
	result = open_file(opened, error);
	if (!result)
		result = read_line(opened, &line, &digest, error);
	if (!result) {
		result = read_blocks(opened, line, digest, error);
		if (result == -EINVAL && partial && opened->info.phone_count) {
			opened->info.broken_off = true;
			result = 0;
		}
	}
	if (!result)
		result = index_blocks(opened, error);
	if (result) {
		journal_reader_free(opened);
		return result;
	}
	*reader = opened;
	return 0;
}

int journal_read_block(struct journal_reader *reader, uint32_t phone, uint32_t number, uint8_t *payload,
		       struct journal_place *place, struct journal_error *error)
{
	const struct block *block = &reader->blocks[reader->first_block[phone] + number];
	struct header header;
	int result = read_header(reader, block->offset, &header, error);

	if (!result && header.length != block->length)
		result = journal_refuse(reader, block->offset, error, "the file changes while it is read");
	if (!result)
		result = read_payload(reader, block->offset, &header, payload, error);
	*place = (struct journal_place){ .offset = block->offset,
					 .first_event = block->first_event,
					 .length = block->length,
					 .events = block->events };
	return result;
}

const struct journal_info *journal_info(const struct journal_reader *reader)
{
	return &reader->info;
}

void journal_reader_free(struct journal_reader *reader)
{
	if (!reader)
		return;
	if (reader->file >= 0)
		close(reader->file);
	free(reader->path);
	free(reader->phones);
	free(reader->blocks);
	free(reader->first_block);
	free(reader->payload);
	free(reader);
}
