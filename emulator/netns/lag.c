/* The histogram of lag.h: log-linear buckets, as HDR histograms have. */
#include "emulator/netns/lag.h"

static uint32_t bucket_of(uint64_t us)
{
	uint32_t shift;

	if (us < 2 * LAG_STEPS)
		return (uint32_t)us;
	shift = 58 - (uint32_t)__builtin_clzll(us); /* leaves the six leading bits */
	return (shift + 1) * LAG_STEPS + (uint32_t)(us >> shift) - LAG_STEPS;
}

static uint64_t bucket_end(uint32_t bucket)
{
	uint32_t shift;

	if (bucket < 2 * LAG_STEPS)
		return bucket;
	shift = bucket / LAG_STEPS - 1;
	return ((uint64_t)(bucket % LAG_STEPS + LAG_STEPS + 1) << shift) - 1;
}

void lag_add(struct lag *lag, uint64_t us)
{
	lag->count++;
	if (us > lag->max_us)
		lag->max_us = us;
	lag->buckets[bucket_of(us)]++;
}

uint64_t lag_percentile(const struct lag *lag, uint32_t per_mille)
{
	uint64_t wanted = lag->count / 1000 * per_mille + (lag->count % 1000 * per_mille + 999) / 1000;
	uint64_t seen = 0;
	uint32_t i;

	for (i = 0; i < LAG_BUCKETS && wanted > 0; i++) {
		seen += lag->buckets[i];
		if (seen >= wanted)
			return bucket_end(i) < lag->max_us ? bucket_end(i) : lag->max_us;
	}
	return 0;
}
