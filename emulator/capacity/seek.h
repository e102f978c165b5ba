/*
 * The points at which an answer changes: the smallest rate that fits, the number
 * of phones and the round trip at which PFS begins and ceases to save time. In
 * the order in which answer.c calls: the PFS rate; what can be tried beside the
 * fleet in the traditional way; what is left.
 */
#ifndef FLEET_CAPACITY_SEEK_H
#define FLEET_CAPACITY_SEEK_H

#include "emulator/capacity/answer.h"
#include "emulator/capacity/sketch.h"

enum seek { SEEK_PFS_RATE, SEEK_TRADITIONAL_RATE, SEEK_PHONES, SEEK_TRIP, SEEKS };

/* One point that is looked for; seek.c's own. */
struct seeker {
	enum seek kind;
	struct hunt hunt;
	struct answer_point *point;
	uint64_t phones;               /* of the fleet that is tried; 0: the question's */
	uint64_t fails_us, holds_us;   /* what was seen at the hunt's two ends */
	uint64_t tries[HUNT_TRIES];
	uint32_t count, first_run;     /* tries under way, and the number of their first run */
	bool dear;
	bool beyond;                   /* there is expected to be no such value up to the hunt's ceiling */
};

struct seek_all {
	bool thorough;         /* no try is too dear */
	struct sketch sketch;
	double traditional_work; /* of the fleet's run in the traditional way; expected, then as it was */
	struct hunt pfs_rate;
	struct seeker traditional_rate; /* point NULL: not begun */
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

/*
 * The first try of the smallest rate in the traditional way. Where a run takes many
 * seconds it is made beside the fleet itself, lest a core stand idle, and the usual
 * distance from the bound has to do for where to look; else it adds nothing, and
 * seek_the_rest() begins with the distance that was seen.
 */
int seek_add_traditional_rate(struct seek_all *seek, struct answer *answer, struct runs *runs,
			      char error[QUESTION_ERROR_MAX]);
void seek_hear_traditional_rate(struct seek_all *seek, const struct answer *answer, const struct runs *runs);

/* The other points, when both modes have been run; the PFS rate once more where it was not confirmed. */
int seek_the_rest(struct seek_all *seek, struct answer *answer, struct pool *pool, char error[QUESTION_ERROR_MAX]);

#endif
