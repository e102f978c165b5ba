/*
 * Reading a journal. The file is anybody's: everything in it is checked before
 * it is used, and what is wrong is said with the file's name, the offset and
 * what was expected there. Memory goes with the number of blocks and the
 * largest event, not with the file.
 */
#ifndef FLEET_JOURNAL_READER_H
#define FLEET_JOURNAL_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/journal/format.h"
#include "emulator/journal/journal.h"
#include "pfs-core/pfs.h"

struct journal_reader;

struct journal_error {
	char line[512]; /* one line for people, with the file's name and the offset */
};

struct journal_phone {
	uint32_t number; /* in the plan of the run */
	uint32_t address;
	char name[64], site[64], subnet[64], model[64];
	uint64_t events;  /* in the file */
	uint64_t entered; /* entered it in the run; the same where nothing was cut */
	uint32_t blocks;
};

struct journal_info {
	char scenario[128], engine[16], mode[16], seed[24];
	double speed, scale;
	uint64_t origin_s;
	uint64_t bytes;
	enum journal_cut cut;
	bool broken_off; /* opened as partial: the rest of the file is no journal */
	uint32_t phone_count;
	const struct journal_phone *phones; /* ascending by number */
	/* This core's trace kinds as the journal numbers them; JOURNAL_TRACE_BIT or more: it knew no such
	 * kind. */
	uint8_t kinds[PFS_TR_KINDS];
	/* The other way: names by the journal's numbers, "" past the end. */
	char kind_names[JOURNAL_TRACE_BIT][32];
};

/*
 * Opens and checks every block. `partial`: a file that breaks off, or is
 * damaged, is taken as far as it is good, and *error says what ended it. Returns
 * 0, or a negative errno with a line in error.
 */
int journal_open(const char *path, bool partial, struct journal_reader **reader, struct journal_error *error);
const struct journal_info *journal_info(const struct journal_reader *reader);
void journal_reader_free(struct journal_reader *reader);

/* What comes next of a phone. */
struct journal_item {
	bool boot; /* a new core; config is set, else event and expected are */
	struct pfs_config config;
	uint64_t number;      /* of the event: 1 is the phone's first, over all boots */
	uint64_t offset, end; /* in the file: of its record; in a run, of its part; the digest's last octet is
				 end - 1 */
	struct pfs_event
		event;    /* data is the cursor's, until the next call; payload that was not kept is zero */
	uint64_t payload; /* bytes of it that were not kept */
	bool in_run;      /* expected has no list of actions: they are those of its kind of run */
	bool unfinished;  /* the recorded core died in it: nothing is expected */
	struct journal_outcome expected;
};

struct journal_phone_cursor;

/* `phone` is an index in info->phones. Returns NULL where memory lacks. */
struct journal_phone_cursor *journal_cursor_new(struct journal_reader *reader, uint32_t phone);
/* 1 and an item, 0 at the end, or a negative errno with a line in error. */
int journal_next(struct journal_phone_cursor *cursor, struct journal_item *item, struct journal_error *error);
void journal_cursor_free(struct journal_phone_cursor *cursor);

/* ---- between reader.c, first_line.c and cursor.c ---- */

/* No control characters. */
bool journal_is_clean(const char *text);
/* What the first line says, into *info. 0, or -EINVAL with a line in error. */
int journal_take_line(const struct journal_reader *reader, struct journal_info *info, const char *text,
		      struct journal_error *error);

/* Puts a line that begins with the file's name in error; returns -EINVAL. */
int journal_refuse(const struct journal_reader *reader, uint64_t offset, struct journal_error *error,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The n-th block of a phone: its payload into `payload`, JOURNAL_PAYLOAD_MAX long, checked again. */
struct journal_place {
	uint64_t offset; /* of the block's header */
	uint64_t first_event;
	uint32_t length, events;
};
int journal_read_block(struct journal_reader *reader, uint32_t phone, uint32_t block, uint8_t *payload,
		       struct journal_place *place, struct journal_error *error);

#endif
