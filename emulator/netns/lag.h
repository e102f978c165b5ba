/*
 * A histogram of lags in microseconds: buckets that are exact below 64 us and
 * 1/32 wide above, so that a percentile of any number of samples is known to
 * 3 % in 15 KiB, whatever the run's length.
 */
#ifndef FLEET_NETNS_LAG_H
#define FLEET_NETNS_LAG_H

#include <stdint.h>

#define LAG_STEPS 32 /* buckets an octave */
#define LAG_BUCKETS (60 * LAG_STEPS)

struct lag {
	uint64_t count, max_us;
	uint64_t buckets[LAG_BUCKETS];
};

void lag_add(struct lag *lag, uint64_t us);

/* The lag that `per_mille` of the samples do not pass (the bucket's upper end, at most max_us); 0 where there is none. */
uint64_t lag_percentile(const struct lag *lag, uint32_t per_mille);

#endif
