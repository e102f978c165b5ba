/*
 * The records of one phone, one after the other, out of its blocks. Whatever
 * the bytes are, what comes out is an event as pfs.h allows it: fields in their
 * ranges, time that never goes back, a start at each boot and nowhere else, data
 * that can be read to its end. What depends on the phone's state, replay.c looks
 * at.
 */
#include "emulator/journal/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct journal_phone_cursor {
	struct journal_reader *reader;
	uint32_t phone, next_block;
	struct journal_place place;
	struct journal_cursor records;
	uint32_t block_events;      /* read of this block */
	uint64_t number;            /* events read */
	uint64_t last_us, floor_us; /* the record before; the event before, of this boot */
	bool booted, started;
	/* a run that is open */
	uint8_t run; /* its code, or 0 */
	uint32_t left, conn, address, length;
	uint16_t port, next_tftp;
	uint8_t *payload, *data;
	size_t room;
};

struct journal_phone_cursor *journal_cursor_new(struct journal_reader *reader, uint32_t phone)
{
	struct journal_phone_cursor *cursor = calloc(1, sizeof(*cursor));

	if (!cursor)
		return NULL;
	cursor->reader = reader;
	cursor->phone = phone;
	cursor->payload = malloc(JOURNAL_PAYLOAD_MAX);
	if (!cursor->payload) {
		free(cursor);
		return NULL;
	}
	return cursor;
}

void journal_cursor_free(struct journal_phone_cursor *cursor)
{
	if (!cursor)
		return;
	free(cursor->payload);
	free(cursor->data);
	free(cursor);
}

static uint64_t offset_of(const struct journal_phone_cursor *cursor)
{
	return cursor->place.offset + JOURNAL_HEADER_BYTES + cursor->records.at;
}

static int refuse(const struct journal_phone_cursor *cursor, struct journal_error *error,
		  const char *expected)
{
	const struct journal_phone *phone = &journal_info(cursor->reader)->phones[cursor->phone];

	return journal_refuse(cursor->reader, offset_of(cursor), error, "%s, event %" PRIu64 ": expected %s",
			      phone->name, cursor->number + 1, expected);
}

/* ---------------------------------------------------------------- boots */

/* A name with its NUL; nothing that a terminal would obey. */
static bool get_name(struct journal_cursor *records, char *text, uint32_t size)
{
	uint32_t length = (uint32_t)journal_get(records, 1);

	if (records->error || length == 0 || length >= size)
		return false;
	for (uint32_t i = 0; i < length; i++) {
		text[i] = (char)journal_get(records, 1);
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return !records->error;
}

static int boot(struct journal_phone_cursor *cursor, bool what_if, struct pfs_config *config,
		struct journal_error *error)
{
	struct journal_cursor *records = &cursor->records;

	memset(config, 0, sizeof(*config));
	config->seed = journal_get(records, 8);
	config->boot = journal_get(records, 8);
	config->phone = (uint32_t)journal_get(records, 4);
	config->address = (uint32_t)journal_get(records, 4);
	config->netmask = (uint32_t)journal_get(records, 4);
	config->tftp_server = (uint32_t)journal_get(records, 4);
	config->strength = (uint32_t)journal_get(records, 4);
	config->tftp_blksize = (uint16_t)journal_get(records, 2);
	config->tftp_tsize = (uint8_t)journal_get(records, 1);
	config->tftp_timeout_s = (uint8_t)journal_get(records, 1);
	config->part = (uint8_t)journal_get(records, 1);
	config->origin = (uint8_t)journal_get(records, 1);
	if (!get_name(records, config->model, PFS_MODEL_MAX))
		return refuse(cursor, error, "a phone's configuration with its model");
	config->file_count = (uint8_t)journal_get(records, 1);
	if (config->file_count > PFS_FILES_MAX)
		return refuse(cursor, error, "as many files as an upgrade may have");
	for (uint32_t i = 0; i < config->file_count; i++) {
		if (!get_name(records, config->files[i].name, PFS_NAME_MAX))
			return refuse(cursor, error, "a file's name");
		config->files[i].size = journal_get(records, 8);
		config->files[i].digest = journal_get(records, 8);
	}
	if (what_if) {
		config->fan_out = (uint8_t)journal_get(records, 1);
		config->waits_percent = (uint8_t)journal_get(records, 1);
		config->forward_early = (uint8_t)journal_get(records, 1);
	}
	if (records->error)
		return refuse(cursor, error, "a phone's whole configuration");
	cursor->last_us = 0;
	cursor->floor_us = 0;
	cursor->booted = true;
	cursor->started = false;
	return 1;
}

/* --------------------------------------------------------------- events */

static bool get_time(struct journal_phone_cursor *cursor, struct pfs_event *event)
{
	uint64_t since_us = journal_get_varint(&cursor->records);

	if (since_us > JOURNAL_TIME_MAX - cursor->last_us)
		return false;
	cursor->last_us += since_us;
	event->now_us = cursor->last_us;
	if (cursor->last_us < cursor->floor_us)
		return false;
	cursor->floor_us = cursor->last_us;
	return true;
}

/* Room for so many bytes of data, all zero. */
static int make_room(struct journal_phone_cursor *cursor, uint64_t length, struct journal_error *error)
{
	if (length > JOURNAL_DATA_MAX)
		return refuse(cursor, error, "an event of 16 MiB at most");
	if (length > cursor->room) {
		size_t room = cursor->room ? cursor->room : 2048;
		uint8_t *data;

		while (room < length)
			room *= 2;
		data = realloc(cursor->data, room);
		if (!data) {
			refuse(cursor, error, "memory for its data");
			return -ENOMEM;
		}
		cursor->data = data;
		cursor->room = room;
	}
	if (length)
		memset(cursor->data, 0, (size_t)length);
	return 0;
}

/* Data of `length` bytes, of which the first `limit` are described by turns: kept, counted. */
static int get_data(struct journal_phone_cursor *cursor, struct journal_item *item, uint64_t length,
		    uint64_t limit, struct journal_error *error)
{
	struct journal_cursor *records = &cursor->records;
	int result = make_room(cursor, length, error);
	uint64_t at = 0;

	if (result)
		return result;
	if (limit > length)
		return refuse(cursor, error, "that no more was consumed than was there");
	while (at < limit) {
		uint64_t kept = journal_get_varint(records), counted;

		if (records->error || kept > limit - at || kept > records->end - records->at)
			return refuse(cursor, error, "the bytes that came");
		if (kept)
			memcpy(cursor->data + at, records->bytes + records->at, (size_t)kept);
		records->at += (uint32_t)kept;
		at += kept;
		counted = journal_get_varint(records);
		if (records->error || counted > limit - at || kept + counted == 0)
			return refuse(cursor, error, "the number of payload bytes that are not kept");
		at += counted;
		item->payload += counted;
	}
	item->event.data = cursor->data;
	item->event.length = item->event.available = (uint32_t)length;
	return 0;
}

static int get_fields(struct journal_phone_cursor *cursor, struct journal_item *item,
		      struct journal_error *error)
{
	struct journal_cursor *records = &cursor->records;
	struct pfs_event *event = &item->event;
	uint64_t length, limit;

	switch ((enum pfs_event_kind)event->kind) {
	case PFS_EV_OPENED:
		event->descriptor = (int32_t)(uint32_t)journal_get(records, 4);
		return 0;
	case PFS_EV_DATAGRAM:
	case PFS_EV_TFTP:
		event->address = (uint32_t)journal_get(records, 4);
		event->port = (uint16_t)journal_get(records, 2);
		length = journal_get_varint(records);
		item->expected.consumed = (uint32_t)length;
		return get_data(cursor, item, length, length, error);
	case PFS_EV_BYTES:
		event->conn = (uint32_t)journal_get_varint(records);
		length = journal_get_varint(records);
		limit = journal_get_varint(records);
		item->expected.consumed = (uint32_t)limit;
		return get_data(cursor, item, length, limit, error);
	case PFS_EV_ACCEPTED:
		event->conn = (uint32_t)journal_get_varint(records);
		event->address = (uint32_t)journal_get(records, 4);
		return 0;
	case PFS_EV_CONNECTED:
	case PFS_EV_EOF:
	case PFS_EV_LOST:
	case PFS_EV_SENT:
		event->conn = (uint32_t)journal_get_varint(records);
		return 0;
	case PFS_EV_VERIFIED:
		event->file = (uint8_t)journal_get(records, 1);
		return 0;
	case PFS_EV_START:
	case PFS_EV_TIME:
	case PFS_EV_TFTP_REFUSED:
	case PFS_EV_KINDS:
		break;
	}
	return 0;
}

static int get_outcome(struct journal_phone_cursor *cursor, struct journal_item *item,
		       struct journal_error *error)
{
	struct journal_cursor *records = &cursor->records;
	struct journal_outcome *outcome = &item->expected;
	uint64_t count = journal_get_varint(records);

	if (count > PFS_ACTIONS_MAX)
		return refuse(cursor, error, "as many actions as a step may have");
	outcome->count = (uint32_t)count;
	for (uint32_t i = 0; i < outcome->count; i++) {
		outcome->acts[i].kind = (uint8_t)journal_get(records, 1);
		outcome->acts[i].hash = (uint32_t)journal_get(records, 4);
		if (outcome->acts[i].kind < JOURNAL_TRACE_BIT && outcome->acts[i].kind >= PFS_ACT_TRACE)
			return refuse(cursor, error, "the kind of an action");
	}
	outcome->deadline_us = journal_deadline_of(journal_get_varint(records), item->event.now_us);
	outcome->digest = (uint32_t)journal_get(records, 4);
	if (records->error)
		return refuse(cursor, error, "the outcome of a step");
	return 0;
}

static int single(struct journal_phone_cursor *cursor, uint8_t code, struct journal_item *item,
		  struct journal_error *error)
{
	uint8_t kind = code & JOURNAL_CODE_MASK;
	bool says_ok = kind == PFS_EV_OPENED || kind == PFS_EV_VERIFIED;
	int result;

	item->unfinished = (code & JOURNAL_UNFINISHED) != 0;
	if (code & ~(JOURNAL_CODE_MASK | JOURNAL_UNFINISHED | (says_ok ? JOURNAL_OK : 0)))
		return refuse(cursor, error, "a record's code");
	item->event.kind = kind;
	item->event.ok = (code & JOURNAL_OK) != 0;
	if (!get_time(cursor, &item->event))
		return refuse(cursor, error, "a time not before that of the event before");
	result = get_fields(cursor, item, error);
	if (!result && cursor->records.error)
		result = refuse(cursor, error, "a whole event");
	return result || item->unfinished ? result : get_outcome(cursor, item, error);
}

/* ----------------------------------------------------------------- runs */

static int begin_run(struct journal_phone_cursor *cursor, uint8_t code, struct journal_error *error)
{
	struct journal_cursor *records = &cursor->records;
	uint64_t length = 0;

	cursor->run = code;
	if (code == JOURNAL_TFTP_RUN) {
		cursor->address = (uint32_t)journal_get(records, 4);
		cursor->port = (uint16_t)journal_get(records, 2);
		cursor->next_tftp = (uint16_t)journal_get(records, 2);
		length = journal_get_varint(records);
	} else {
		cursor->conn = (uint32_t)journal_get_varint(records);
	}
	cursor->left = (uint32_t)journal_get(records, 2);
	if (records->error || !cursor->left || length > UINT16_MAX)
		return refuse(cursor, error, "a run of one event at least");
	cursor->length = (uint32_t)length;
	return 0;
}

static int in_run(struct journal_phone_cursor *cursor, struct journal_item *item, struct journal_error *error)
{
	struct journal_cursor *records = &cursor->records;
	struct pfs_event *event = &item->event;
	uint64_t length = cursor->length + (cursor->run == JOURNAL_TFTP_RUN ? JOURNAL_TFTP_HEADER : 0);
	int result;

	if (!get_time(cursor, event))
		return refuse(cursor, error, "a time not before that of the event before");
	if (cursor->run == JOURNAL_BYTES_RUN)
		length = journal_get_varint(records);
	item->expected.digest = (uint32_t)journal_get(records, 4);
	if (records->error)
		return refuse(cursor, error, "an event of a run");
	result = make_room(cursor, length, error);
	if (result)
		return result;
	if (cursor->run == JOURNAL_TFTP_RUN) {
		event->kind = PFS_EV_TFTP;
		event->address = cursor->address;
		event->port = cursor->port;
		cursor->data[1] = 3; /* DATA */
		cursor->data[2] = (uint8_t)(cursor->next_tftp >> 8);
		cursor->data[3] = (uint8_t)cursor->next_tftp++;
	} else {
		event->kind = PFS_EV_BYTES;
		event->conn = cursor->conn;
	}
	event->data = cursor->data;
	event->length = event->available = (uint32_t)length;
	item->payload = length - (cursor->run == JOURNAL_TFTP_RUN ? JOURNAL_TFTP_HEADER : 0);
	item->in_run = true;
	item->expected.consumed = event->length;
	if (!--cursor->left)
		cursor->run = 0;
	return 0;
}

/* ---------------------------------------------------------------- blocks */

/* At the end of one: it must have kept its word. Returns 1 with the next one open, 0 at the end of all. */
static int next_block(struct journal_phone_cursor *cursor, struct journal_error *error)
{
	int result;

	if (cursor->run)
		return refuse(cursor, error, "the rest of a run");
	if (cursor->block_events != cursor->place.events)
		return refuse(cursor, error, "as many events as the block's header says");
	if (cursor->next_block == journal_info(cursor->reader)->phones[cursor->phone].blocks)
		return 0;
	result = journal_read_block(cursor->reader, cursor->phone, cursor->next_block++, cursor->payload,
				    &cursor->place, error);
	if (result)
		return result;
	cursor->records = (struct journal_cursor){ .bytes = cursor->payload, .end = cursor->place.length };
	cursor->block_events = 0;
	cursor->last_us = 0;
	return 1;
}

static int event(struct journal_phone_cursor *cursor, uint8_t code, struct journal_item *item,
		 struct journal_error *error)
{
	int result;

	if (!cursor->booted)
		return refuse(cursor, error, "a boot first");
	if (code == JOURNAL_TFTP_RUN || code == JOURNAL_BYTES_RUN) {
		result = begin_run(cursor, code, error);
		if (result)
			return result;
	}
	result = cursor->run ? in_run(cursor, item, error) : single(cursor, code, item, error);
	if (result)
		return result;
	if ((item->event.kind == PFS_EV_START) == cursor->started)
		return refuse(cursor, error, "a start as the first event of a boot, and no other");
	cursor->started = true;
	cursor->block_events++;
	item->number = ++cursor->number;
	return 1;
}

int journal_next(struct journal_phone_cursor *cursor, struct journal_item *item, struct journal_error *error)
{
	uint8_t code = 0;
	int result;

	memset(item, 0, offsetof(struct journal_item, expected));
	item->expected.count = item->expected.consumed = 0;
	while (cursor->records.at == cursor->records.end) {
		result = next_block(cursor, error);
		if (result <= 0)
			return result;
	}
	item->offset = offset_of(cursor);
	if (!cursor->run)
		code = (uint8_t)journal_get(&cursor->records, 1);
	item->boot = (code & ~JOURNAL_WHAT_IF) == JOURNAL_BOOT;
	result = item->boot ? boot(cursor, code & JOURNAL_WHAT_IF, &item->config, error)
			    : event(cursor, code, item, error);
	item->end = offset_of(cursor);
	return result;
}
