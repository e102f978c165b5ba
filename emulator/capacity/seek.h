/*
 * The points at which an answer changes: the smallest rate that fits, the number
 * of phones and the round trip at which PFS begins and ceases to save time. In
 * the order in which answer.c calls: the PFS rate, then what is left.
 */
#ifndef FLEET_CAPACITY_SEEK_H
#define FLEET_CAPACITY_SEEK_H

#include "emulator/capacity/answer.h"
#include "emulator/capacity/sketch.h"

struct seek_all {
	bool thorough;         /* no try is too dear */
	struct sketch sketch;
	struct hunt pfs_rate;
	uint64_t guide_phones; /* of the smaller fleet by which that was looked for; 0: the fleet itself */
	uint32_t confirmations; /* runs that seek_add_confirmation() added */
};

/*
 * The smallest rate by PFS, where the question has one. What crosses a WAN by PFS
 * does not grow with the phones, and what a run costs does: it is looked for with
 * as many of them as have the same hierarchies. More phones are never quicker, so
 * a rate that fails then fails for all; one that holds is confirmed with all, where
 * that does not take many seconds.
 * Each returns 0, -EINTR, -EINVAL with a sentence, or -ENOMEM.
 */
int seek_pfs_rate(struct seek_all *seek, struct answer *answer, struct pool *pool, char error[QUESTION_ERROR_MAX]);
int seek_add_confirmation(struct seek_all *seek, struct answer *answer, struct runs *runs,
			  char error[QUESTION_ERROR_MAX]);
/* `first`: the number of the first run that was added. */
void seek_hear_confirmation(struct seek_all *seek, struct answer *answer, const struct runs *runs, uint32_t first);

/* The other points, when both modes have been run; the PFS rate once more where it was not confirmed. */
int seek_the_rest(struct seek_all *seek, struct answer *answer, struct pool *pool, char error[QUESTION_ERROR_MAX]);

#endif
