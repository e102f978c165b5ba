/* Log-linear buckets; see histogram.h. */
#include "emulator/netns/histogram.h"

static uint32_t bucket_of(uint64_t value)
{
	uint32_t power;

	if (value < 64)
		return (uint32_t)value;
	power = 63u - (uint32_t)__builtin_clzll(value); /* 6 to 63 */
	return 64 + (power - 6) * 32 + (uint32_t)((value >> (power - 5)) & 31);
}

/* The largest value of a bucket. */
static uint64_t top_of(uint32_t bucket)
{
	uint32_t power, step;

	if (bucket < 64)
		return bucket;
	power = (bucket - 64) / 32 + 6;
	step = (bucket - 64) % 32;
	return ((32ull + step) << (power - 5)) + ((1ull << (power - 5)) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->buckets[bucket_of(value)]++;
	histogram->samples++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

void histogram_merge(struct histogram *histogram, const struct histogram *from)
{
	uint32_t i;

	histogram->samples += from->samples;
	histogram->sum += from->sum;
	if (from->max > histogram->max)
		histogram->max = from->max;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->buckets[i] += from->buckets[i];
}

uint64_t histogram_percentile(const struct histogram *histogram, uint32_t permille)
{
	uint64_t wanted = (histogram->samples * permille + 999) / 1000, seen = 0;

	if (!histogram->samples)
		return 0;
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= wanted && seen)
			return top_of(i) < histogram->max ? top_of(i) : histogram->max;
	}
	return histogram->max;
}
