/*
 * Intervals by resampling. Medians, because a host that stood still for once
 * spoils one run and not the figure; resampling, because what a kernel adds to
 * a time is nothing like a bell. The generator always begins at the same place:
 * the same values give the same verdict.
 *
 * With five values the interval at this level is the whole of them, the least
 * to the greatest: five of five have to agree. With nine, the one furthest out
 * on each side no longer counts.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/gate/gate.h"

#define RESAMPLES 4000
#define GENERATOR_SEED UINT64_C(0x70667320676174)

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double median(double *values, uint32_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double resampled_median(const double *values, uint32_t n, uint64_t *state)
{
	double drawn[GATE_SAMPLES_MAX];

	for (uint32_t i = 0; i < n; i++)
		drawn[i] = values[next(state) % n];
	return median(drawn, n);
}

static struct gate_interval interval(double *medians, double middle)
{
	uint32_t outside = (uint32_t)(RESAMPLES * (1 - GATE_LEVEL) / 2);

	qsort(medians, RESAMPLES, sizeof(*medians), compare);
	return (struct gate_interval){ medians[outside], middle, medians[RESAMPLES - 1 - outside] };
}

struct gate_interval gate_bootstrap(const double *values, uint32_t n)
{
	double copy[GATE_SAMPLES_MAX], medians[RESAMPLES];
	uint64_t state = GENERATOR_SEED;

	memcpy(copy, values, n * sizeof(*copy));
	for (uint32_t i = 0; i < RESAMPLES; i++)
		medians[i] = resampled_median(values, n, &state);
	return interval(medians, median(copy, n));
}

struct gate_interval gate_bootstrap_difference(const double *a, uint32_t a_count, const double *b, uint32_t b_count)
{
	double a_copy[GATE_SAMPLES_MAX], b_copy[GATE_SAMPLES_MAX], medians[RESAMPLES];
	uint64_t state = GENERATOR_SEED;

	memcpy(a_copy, a, a_count * sizeof(*a));
	memcpy(b_copy, b, b_count * sizeof(*b));
	for (uint32_t i = 0; i < RESAMPLES; i++) {
		double from = resampled_median(a, a_count, &state);

		medians[i] = resampled_median(b, b_count, &state) - from;
	}
	return interval(medians, median(b_copy, b_count) - median(a_copy, a_count));
}

enum gate_outcome gate_judge_change(const struct gate_interval *change, double matters)
{
	if (change->low > matters)
		return GATE_FAIL;
	return change->high <= matters ? GATE_PASS : GATE_INCONCLUSIVE;
}
