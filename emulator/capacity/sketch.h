/*
 * Where to look, by arithmetic: the bound of a fleet as its links and its size
 * are changed, put right by how far the runs so far were from it. A guess costs
 * no run; each is confirmed or moved by runs.
 */
#ifndef FLEET_CAPACITY_SKETCH_H
#define FLEET_CAPACITY_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/capacity/question.h"

#define SKETCH_TRIP_MAX_US UINT64_C(20000000)

struct sketch {
	const struct question *question;
	struct plan *plan;        /* the question's fleet */
	struct plan_site *sites;  /* its sites as they were */
	uint64_t pfs_gap_us;      /* how much longer the runs took than the bound */
	double traditional_ratio; /* likewise, as a share of the time that the bytes alone take, and 1 */
};

/* Returns 0, or -EINVAL with a sentence, or -ENOMEM. sketch_end() always. */
int sketch_begin(struct sketch *sketch, const struct question *question, char error[QUESTION_ERROR_MAX]);
void sketch_end(struct sketch *sketch);

/* The least rate at which the fleet is expected to fit the window, in the question's unit of rates. */
uint64_t sketch_rate(struct sketch *sketch, bool traditional, uint64_t floor, uint64_t ceiling);

/* By the bound itself: a rate at which the fleet surely does not fit, 0 where there is none from the floor on. */
uint64_t sketch_fails(struct sketch *sketch, bool traditional, uint64_t floor, uint64_t ceiling);

/* By the bound itself: false where no rate up to the ceiling is enough. */
bool sketch_can_fit(struct sketch *sketch, bool traditional, uint64_t ceiling);

/* The least round trip at which PFS is not expected to save time any more, 0 where it is at none; past SKETCH_TRIP_MAX_US: none. */
uint64_t sketch_trip(struct sketch *sketch);

/* What the fleet is expected to take by PFS at another round trip. */
uint64_t sketch_trip_us(const struct sketch *sketch, uint64_t trip_us);

/* The least number of phones with which it is; past `most`: none. Of a question of one line. */
uint64_t sketch_phones(const struct sketch *sketch, uint64_t most);

#endif
