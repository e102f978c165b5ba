/*
 * How many transfers the server has under way for all sites together, where
 * each site is run by itself: changes come in any order, and are counted in the
 * order of their times. At one time those by its timer come last, and before
 * that a site with a lower number comes first. The caller has the lock.
 */
#ifndef FLEET_SIM_SERVED_H
#define FLEET_SIM_SERVED_H

#include <stdbool.h>
#include <stdint.h>

/* The server has so many more transfers of a site under way from then on, or with a minus fewer. */
struct served_change {
	uint64_t at_us;
	uint64_t order; /* at one time: by timer, site, number */
	int32_t more;
};

/* A zeroed one is an empty one. */
struct served {
	struct served_change *changes; /* owned heap: what has not been counted */
	uint32_t count, room, number;
	uint64_t now, peak;
};

void served_deinit(struct served *served);

/* site: below 2^31. Returns 0 or -ENOMEM. */
int served_add(struct served *served, uint64_t at_us, bool by_timer, uint32_t site, int32_t more);

/*
 * How many are served when a request of a site comes in then. All changes up
 * to then must have been added, and nobody asks about an earlier time later.
 */
uint64_t served_at(struct served *served, uint64_t at_us, uint32_t site);

/* Counts the rest: peak is what it was at most. */
void served_finish(struct served *served);

#endif
