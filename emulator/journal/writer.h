/*
 * What the files that write a journal share: blocks.c gathers records and
 * closes blocks, step.c makes a record of each step, writer.c begins and ends the
 * file. Nobody else includes this.
 */
#ifndef FLEET_JOURNAL_WRITER_H
#define FLEET_JOURNAL_WRITER_H

#include <pthread.h>

#include "emulator/journal/disk.h"
#include "emulator/journal/format.h"
#include "emulator/journal/journal.h"

#define JOURNAL_NOT_CHOSEN UINT32_MAX

/* An open run: its count is at count_at and is written when it ends. */
struct journal_run {
	uint8_t code; /* 0: none is open */
	uint16_t port, next_block;
	uint32_t count, count_at;
	uint32_t address, length, conn;
};

/* What is gathered of one phone. */
struct journal_gathered {
	uint8_t *bytes; /* records of the block that is being gathered */
	uint32_t length, room;
	uint32_t number;   /* in the plan */
	uint32_t sequence; /* blocks so far */
	uint32_t block_events;
	uint64_t events;  /* entered so far, whether or not they are in the file */
	uint64_t kept;    /* of these, in blocks or waiting for one */
	uint64_t last_us; /* time of the record before; 0 at the beginning of a block and of a boot */
	uint64_t chain;   /* journal_outcome()'s digest */
	struct journal_run run;
};

struct journal {
	pthread_mutex_t lock; /* of all below: phones are stepped by several threads */
	const struct plan *plan;
	char *path;
	struct journal_disk *disk;
	uint64_t bytes_max, bytes; /* put so far, what waits included */
	uint32_t phone_count;
	struct journal_gathered *phones; /* the chosen ones, ascending */
	uint32_t *index;                 /* one a phone of the plan: in phones, or JOURNAL_NOT_CHOSEN */
	uint32_t first_blocks;           /* blocks written at once, before all others */
	enum journal_cut cut;
};

/* ---- blocks.c: with the lock held, or before and after there are several threads ---- */

void journal_put_header(uint8_t header[JOURNAL_HEADER_BYTES], enum journal_block type, uint32_t phone,
			uint32_t sequence, uint32_t events, uint64_t first_event, const void *payload,
			uint32_t length);
void journal_end_run(struct journal_gathered *phone);
/* The phone's records become a block on its way to the disk. Returns 0 or -ENOMEM. */
int journal_close_block(struct journal *journal, struct journal_gathered *phone);
/* From now on events are only counted. What each phone has until here stays. */
void journal_cut_here(struct journal *journal, enum journal_cut why);
/* Room for `size` more bytes. False: there is none, and the journal has been cut. */
bool journal_make_room(struct journal *journal, struct journal_gathered *phone, size_t size);
/* Records up to `end` are the phone's now. */
void journal_commit(struct journal *journal, struct journal_gathered *phone, const uint8_t *end);

/* ---- step.c ---- */

/* What this thread is in pfs_step() with, for journal_rescue(). */
struct journal_stepping {
	struct journal *journal; /* NULL: nothing */
	struct journal_gathered *phone;
	const struct pfs_event *event;
};
extern _Thread_local struct journal_stepping journal_stepping;

/* The event in which the core died, all of it. */
void journal_put_unfinished(struct journal *journal, struct journal_gathered *phone,
			    const struct pfs_event *event);

#endif
