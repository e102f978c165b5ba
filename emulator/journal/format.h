/*
 * The journal's file format, for the files of this folder: numbers on disk and
 * the little-endian cursor that writes and reads them. docs/journal.md is the
 * description; who changes one changes the other, and JOURNAL_FORMAT with
 * them.
 */
#ifndef FLEET_JOURNAL_FORMAT_H
#define FLEET_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <xxhash.h>

#include "pfs-core/pfs.h"

#define JOURNAL_FORMAT "pfs-fleet/journal/1"
#define JOURNAL_LINE_MAX 65536    /* bytes of the first line, its newline included */
#define JOURNAL_MAGIC 0x4c4a4650u /* "PFJL" */
#define JOURNAL_HEADER_BYTES 40   /* of a block, before its payload */
#define JOURNAL_CHECKED_BYTES 32  /* of these, what the checksum covers beside the payload */
#define JOURNAL_PAYLOAD_MAX (1024 * 1024)
#define JOURNAL_DATA_MAX (16 * 1024 * 1024)  /* bytes of one event, payload that is not kept included */
#define JOURNAL_TIME_MAX (UINT64_C(1) << 56) /* microseconds: two thousand years */
#define JOURNAL_NO_PHONE UINT32_MAX

enum journal_block {
	JOURNAL_BLOCK_LINE = 1, /* checks the first line; the first block */
	JOURNAL_BLOCK_PHONE,    /* names a phone; ascending, before its events */
	JOURNAL_BLOCK_EVENTS,
	JOURNAL_BLOCK_PHONE_END, /* how many events entered it */
	JOURNAL_BLOCK_END        /* the last block */
};

/* Codes of records: PFS_EV_* as they are, then these. */
enum {
	JOURNAL_TFTP_RUN = 13,
	JOURNAL_BYTES_RUN = 14,
	JOURNAL_BOOT = 15,
	JOURNAL_CODE_MASK = 15,
	JOURNAL_OK = 16,        /* OPENED, VERIFIED: good */
	JOURNAL_UNFINISHED = 32, /* the core died in this event: it has no outcome */
	JOURNAL_WHAT_IF = 64    /* BOOT: the configuration ends with what real phones do not have */
};

_Static_assert(PFS_EV_KINDS == 13 && PFS_EV_VERIFIED == 12, "the format numbers events as the core does");
_Static_assert(PFS_ACT_KINDS == 15 && PFS_ACT_TRACE == 14, "the format numbers actions as the core does");

#define JOURNAL_TRACE_BIT 0x80 /* in an action's octet: a trace record, its kind in the other bits */
_Static_assert(PFS_TR_KINDS <= JOURNAL_TRACE_BIT, "a trace kind fits beside the bit");

#define JOURNAL_RUN_MAX UINT16_MAX /* events of one run */
#define JOURNAL_TFTP_HEADER 4

/* Of a block: its header's first JOURNAL_CHECKED_BYTES, then its payload. */
static inline uint64_t journal_checksum(const uint8_t *header, const void *payload, uint32_t length)
{
	return XXH3_64bits_withSeed(payload, length, XXH3_64bits(header, JOURNAL_CHECKED_BYTES));
}

/* ---- writing: the caller has made room ---- */

static inline uint8_t *journal_put(uint8_t *to, uint64_t value, uint32_t octets)
{
	for (uint32_t i = 0; i < octets; i++)
		to[i] = (uint8_t)(value >> (8 * i));
	return to + octets;
}

/* Seven bits an octet, the least first; at most ten octets. */
static inline uint8_t *journal_put_varint(uint8_t *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to++ = (uint8_t)value;
	return to;
}

/* At most 255 bytes, with their number before them. */
static inline uint8_t *journal_put_text(uint8_t *to, const char *text)
{
	size_t length = strlen(text);

	if (length > UINT8_MAX)
		length = UINT8_MAX;
	*to++ = (uint8_t)length;
	memcpy(to, text, length);
	return to + length;
}

/* ---- reading: bounded, and the error is sticky ---- */

struct journal_cursor {
	const uint8_t *bytes;
	uint32_t at, end;
	bool error;
};

static inline uint64_t journal_get(struct journal_cursor *cursor, uint32_t octets)
{
	uint64_t value = 0;

	if (cursor->end - cursor->at < octets) {
		cursor->error = true;
		cursor->at = cursor->end;
		return 0;
	}
	for (uint32_t i = 0; i < octets; i++)
		value |= (uint64_t)cursor->bytes[cursor->at++] << (8 * i);
	return value;
}

static inline uint64_t journal_get_varint(struct journal_cursor *cursor)
{
	uint64_t value = 0;

	for (uint32_t shift = 0; shift < 64; shift += 7) {
		uint8_t octet = (uint8_t)journal_get(cursor, 1);

		if (shift == 63 && octet > 1)
			break;
		value |= (uint64_t)(octet & 0x7f) << shift;
		if (!(octet & 0x80))
			return value;
	}
	cursor->error = true;
	return 0;
}

/* ---- outcome.c: what a step came to ---- */

/* One entry an action; a trace record's kind is the recording core's number with JOURNAL_TRACE_BIT. */
struct journal_act {
	uint8_t kind;
	uint32_t hash; /* of the action's fields, as docs/journal.md lists them */
};

struct journal_outcome {
	uint32_t count;
	struct journal_act acts[PFS_ACTIONS_MAX];
	uint64_t deadline_us;
	uint32_t consumed;
	uint32_t digest; /* low 32 bits of the chain; trace is not in it */
};

/*
 * Of a step that consumed so much and led to these actions. *chain is the
 * phone's digest so far, 0 at each boot. `kinds` turns this core's trace kinds
 * into the journal's, or is NULL where they are the same; a kind that the
 * journal's core did not have (PFS_TR_KINDS or more in the table) is left out.
 */
void journal_outcome(const struct pfs_actions *actions, uint32_t consumed, uint64_t deadline_us,
		     const uint8_t *kinds, uint64_t *chain, struct journal_outcome *outcome);

/* Deadlines on disk: 0 never, else 1 and the zigzag of the difference to now. */
uint64_t journal_deadline_code(uint64_t deadline_us, uint64_t now_us);
uint64_t journal_deadline_of(uint64_t code, uint64_t now_us);

/* Names for people; NULL past the end. */
const char *journal_event_name(uint32_t kind);
const char *journal_action_name(uint32_t kind);

#endif
