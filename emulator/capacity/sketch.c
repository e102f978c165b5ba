/* See sketch.h. */
#include "emulator/capacity/sketch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/capacity/bound.h"
#include "emulator/scenario/scenario.h"

#define RATE_FLOOR_BPS 1000

static struct plan *load(const struct question *question, const struct question_setting *setting,
			 char error[QUESTION_ERROR_MAX])
{
	char *text = question_text(question, setting, question->seed, error);
	struct scenario_error bad = { "" };
	struct plan *plan = NULL;

	if (!text)
		return NULL;
	if (scenario_load_text(question->path ? question->path : "plan", text, strlen(text), NULL, &plan, &bad) < 0) {
		memcpy(error, bad.line, QUESTION_ERROR_MAX - 1);
		error[QUESTION_ERROR_MAX - 1] = '\0';
	}
	free(text);
	return plan;
}

int sketch_begin(struct sketch *sketch, const struct question *question, char error[QUESTION_ERROR_MAX])
{
	*sketch = (struct sketch){ .question = question, .traditional_ratio = 1 };
	sketch->plan = load(question, &question->setting, error);
	if (!sketch->plan)
		return *error ? -EINVAL : -ENOMEM;
	sketch->sites = calloc(sketch->plan->site_count, sizeof(*sketch->sites));
	if (!sketch->sites)
		return -ENOMEM;
	memcpy(sketch->sites, sketch->plan->sites, sketch->plan->site_count * sizeof(*sketch->sites));
	return 0;
}

void sketch_end(struct sketch *sketch)
{
	plan_free(sketch->plan);
	free(sketch->sites);
}

static uint64_t rate_of(const struct sketch *sketch, uint64_t was_bps, uint64_t rate)
{
	__extension__ unsigned __int128 scaled = (unsigned __int128)was_bps * rate / 1000000;

	if (sketch->question->setting.wan_bps != QUESTION_UNSAID)
		return rate;
	return scaled < RATE_FLOOR_BPS ? RATE_FLOOR_BPS : (uint64_t)scaled;
}

/* rate, trip_us: 0 and QUESTION_UNSAID: as it was. */
static void sketch_links(struct sketch *sketch, uint64_t rate, uint64_t trip_us)
{
	for (uint32_t i = 0; i < sketch->plan->site_count; i++) {
		struct plan_site *site = &sketch->plan->sites[i];
		const struct plan_site *was = &sketch->sites[i];
		site->down = was->down;
		site->up = was->up;
		if (rate) {
			site->down.rate_bps = rate_of(sketch, was->down.rate_bps, rate);
			site->up.rate_bps = rate_of(sketch, was->up.rate_bps, rate);
		}
		if (trip_us != QUESTION_UNSAID)
			site->down.delay_us = site->up.delay_us =
				trip_us > site->down.jitter_us ? (uint32_t)(trip_us - site->down.jitter_us) / 2 : 0;
	}
}

/* What a run would take, as near as the bound comes. 0 where memory lacks. */
static uint64_t expected_us(const struct sketch *sketch, const struct plan *plan, bool traditional)
{
	struct capacity_bound bound;

	if (capacity_bound(plan, traditional, &bound) < 0)
		return 0;
	if (!traditional)
		return bound.total_us + sketch->pfs_gap_us;
	if (bound.total_us == bound.bytes_us)
		return (uint64_t)((double)bound.total_us * sketch->traditional_ratio);
	/* What wants the WAN waits for it and is sent again, and that grows with the bytes: a longer trip is none of it. */
	return bound.total_us + (uint64_t)((double)bound.bytes_us * (sketch->traditional_ratio - 1));
}

/* Where a time that falls as the rate grows comes down to the window. */
static uint64_t find_rate(struct sketch *sketch, bool traditional, uint64_t floor, uint64_t ceiling)
{
	uint64_t low = floor, high = ceiling;

	while (high - low > low / 1000 + 1) {
		uint64_t middle = low + (high - low) / 2;
		if (middle / 4 > low)
			middle = 2 * low;
		sketch_links(sketch, middle, QUESTION_UNSAID);
		if (expected_us(sketch, sketch->plan, traditional) <= sketch->question->window_us)
			high = middle;
		else
			low = middle;
	}
	sketch_links(sketch, 0, QUESTION_UNSAID);
	return high;
}

uint64_t sketch_rate(struct sketch *sketch, bool traditional, uint64_t floor, uint64_t ceiling)
{
	return find_rate(sketch, traditional, floor, ceiling);
}

uint64_t sketch_fails(struct sketch *sketch, bool traditional, uint64_t floor, uint64_t ceiling)
{
	struct sketch plain = *sketch;
	uint64_t rate;

	plain.pfs_gap_us = 0;
	plain.traditional_ratio = 1;
	rate = find_rate(&plain, traditional, floor, ceiling);
	/* A round trip is its mean there, and the search ends a thousandth too high. */
	rate -= rate / 200;
	return rate > floor ? rate : 0;
}

bool sketch_can_fit(struct sketch *sketch, bool traditional, uint64_t ceiling)
{
	struct capacity_bound bound;

	sketch_links(sketch, ceiling, QUESTION_UNSAID);
	bool fits = capacity_bound(sketch->plan, traditional, &bound) == 0 &&
		    bound.total_us <= sketch->question->window_us;
	sketch_links(sketch, 0, QUESTION_UNSAID);
	return fits;
}

static bool expected_to_pay(const struct sketch *sketch, const struct plan *plan)
{
	return expected_us(sketch, plan, false) < expected_us(sketch, plan, true);
}

uint64_t sketch_trip(struct sketch *sketch)
{
	uint64_t low = 0, high = SKETCH_TRIP_MAX_US + 1;

	while (high - low > 1000) {
		uint64_t middle = low + (high - low) / 2;
		sketch_links(sketch, 0, middle);
		if (expected_to_pay(sketch, sketch->plan))
			low = middle;
		else
			high = middle;
	}
	sketch_links(sketch, 0, QUESTION_UNSAID);
	return low ? high : 0;
}

uint64_t sketch_trip_us(const struct sketch *sketch, uint64_t trip_us)
{
	struct sketch other = *sketch; /* the same plan, whose links are as they were afterwards */
	uint64_t us;

	sketch_links(&other, 0, trip_us);
	us = expected_us(&other, other.plan, false);
	sketch_links(&other, 0, QUESTION_UNSAID);
	return us;
}

uint64_t sketch_phones(const struct sketch *sketch, uint64_t most)
{
	struct question_setting setting = sketch->question->setting;
	uint64_t low = 0, high = most + 1;
	char error[QUESTION_ERROR_MAX];

	while (high - low > 1 + low / 50) {
		struct plan *plan;
		setting.phones = low ? low + (high - low) / 2 : high / 8 + 1;
		plan = load(sketch->question, &setting, error);
		if (!plan || expected_to_pay(sketch, plan))
			high = setting.phones;
		else
			low = setting.phones;
		plan_free(plan);
	}
	return high;
}
