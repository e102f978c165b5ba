/*
 * What tests do to a journal: replay all of it, look for a record, and falsify
 * one so that every checksum is right again.
 */
#ifndef TESTS_JOURNAL_TOOLS_H
#define TESTS_JOURNAL_TOOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/journal/replay.h"

/* Of all phones of a file together. */
struct journal_sum {
	uint32_t phones, differing; /* the last one that differs is `difference`'s */
	uint64_t events, entered, boots, traces;
	enum journal_cut cut;
	struct replay_difference difference;
	char phone[64];
};

/* Replays every phone; fails the test where the journal is bad. */
void journal_replay_all(const char *path, const struct replay_options *options, struct journal_sum *sum);

/* The first item of any phone that `wanted` is content with; its phone in name. False: none. */
typedef bool (*journal_wanted_fn)(const struct journal_item *item);
bool journal_find(const char *path, journal_wanted_fn wanted, struct journal_item *item, char name[64]);

/* Flips bits of one octet of the file, and sets the checksum of its block right. */
void journal_flip(const char *path, uint64_t offset, uint8_t bits);

/* Sets the checksums right of whatever blocks there are in those bytes of a file; also the first line's. */
void journal_mend(uint8_t *bytes, size_t size);

#endif
