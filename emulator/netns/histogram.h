/*
 * A histogram of durations for percentiles: exact below 64, then 32 steps a
 * power of two, so that a percentile is at most 3 % above the truth. Fixed size,
 * no allocation, one addition a sample.
 */
#ifndef FLEET_NETNS_HISTOGRAM_H
#define FLEET_NETNS_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS (64 + 58 * 32)

/* Zeroed: empty. */
struct histogram {
	uint64_t samples, sum, max;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* Adds all of from's samples. */
void histogram_merge(struct histogram *histogram, const struct histogram *from);

/* The value that `permille` of the samples do not pass; 0 where there are none. */
uint64_t histogram_percentile(const struct histogram *histogram, uint32_t permille);

#endif
