/*
 * Records of a phone become blocks, blocks go to the disk; and the journal is
 * cut where they cannot.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "emulator/journal/writer.h"

#define BLOCK_BYTES 8192 /* a block is closed once it has so many */
#define ROOM_MIN 512
#define ROOM_KEPT (4 * BLOCK_BYTES) /* a buffer that one large event made larger is not kept */

void journal_put_header(uint8_t header[JOURNAL_HEADER_BYTES], enum journal_block type, uint32_t phone,
			uint32_t sequence, uint32_t events, uint64_t first_event, const void *payload,
			uint32_t length)
{
	uint8_t *to = journal_put(header, JOURNAL_MAGIC, 4);

	to = journal_put(to, (uint64_t)type, 4);
	to = journal_put(to, phone, 4);
	to = journal_put(to, sequence, 4);
	to = journal_put(to, length, 4);
	to = journal_put(to, events, 4);
	to = journal_put(to, first_event, 8);
	assert(to == header + JOURNAL_CHECKED_BYTES);
	journal_put(to, journal_checksum(header, payload, length), 8);
}

static void release_buffer(struct journal_gathered *phone)
{
	free(phone->bytes);
	phone->bytes = NULL;
	phone->room = phone->length = 0;
}

void journal_end_run(struct journal_gathered *phone)
{
	if (phone->run.code)
		journal_put(phone->bytes + phone->run.count_at, phone->run.count, 2);
	phone->run.code = 0;
}

/* The phone's records become a block on its way to the disk. Returns 0 or -ENOMEM. */
int journal_close_block(struct journal *journal, struct journal_gathered *phone)
{
	uint8_t header[JOURNAL_HEADER_BYTES];
	int error;

	journal_end_run(phone);
	if (!phone->length)
		return 0;
	journal_put_header(header, JOURNAL_BLOCK_EVENTS, phone->number, phone->sequence, phone->block_events,
			   phone->kept - phone->block_events + 1, phone->bytes, phone->length);
	error = journal_disk_put(journal->disk, header, sizeof(header), phone->bytes, phone->length);
	journal->bytes += JOURNAL_HEADER_BYTES;
	if (error)
		phone->kept -= phone->block_events;
	else
		phone->sequence++;
	phone->block_events = 0;
	phone->length = 0;
	phone->last_us = 0;
	if (phone->room > ROOM_KEPT)
		release_buffer(phone);
	return error;
}

/* From now on events are only counted. What each phone has until here stays. */
void journal_cut_here(struct journal *journal, enum journal_cut why)
{
	if (journal->cut)
		return;
	journal->cut = why;
	for (uint32_t i = 0; i < journal->phone_count; i++) {
		if (journal_close_block(journal, &journal->phones[i]) < 0)
			journal->cut = JOURNAL_CUT_MEMORY;
		release_buffer(&journal->phones[i]);
	}
}

/* Room for `size` more bytes. False: there is none, and the journal has been cut. */
bool journal_make_room(struct journal *journal, struct journal_gathered *phone, size_t size)
{
	size_t room = phone->room ? phone->room : ROOM_MIN;
	uint8_t *bytes;

	while (room < phone->length + size)
		room *= 2;
	if (room == phone->room)
		return true;
	bytes = room <= JOURNAL_PAYLOAD_MAX ? realloc(phone->bytes, room) : NULL;
	if (!bytes) {
		journal_cut_here(journal, JOURNAL_CUT_MEMORY);
		return false;
	}
	phone->bytes = bytes;
	phone->room = (uint32_t)room;
	return true;
}

/* Records up to `end` are the phone's now. */
void journal_commit(struct journal *journal, struct journal_gathered *phone, const uint8_t *end)
{
	uint32_t length = (uint32_t)(end - phone->bytes);

	journal->bytes += length - phone->length;
	phone->length = length;
	if (phone->length >= BLOCK_BYTES && journal_close_block(journal, phone) < 0)
		journal_cut_here(journal, JOURNAL_CUT_MEMORY);
	else if (journal->bytes >= journal->bytes_max)
		journal_cut_here(journal, JOURNAL_CUT_SIZE);
	else if (journal_disk_error(journal->disk))
		journal_cut_here(journal, JOURNAL_CUT_DISK);
}
