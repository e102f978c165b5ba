/* See find_speed.h. */
#include "emulator/commands/find_speed.h"

#include <errno.h>
#include <stdio.h>

#define STEP_MAX 4          /* a run that was overwhelmed says nothing of speeds that much lower */
#define APART_PERCENT 25
#define USED_PERCENT_MAX 80 /* of the limits: what is found is to hold the next time too */
#define SPEED_MIN_MILLI 10  /* as the scenario has it */

/* Two digits, downwards: a speed that somebody is to type. */
static uint32_t rounded(uint64_t milli)
{
	uint64_t unit = 1;

	while (milli / unit >= 100)
		unit *= 10;
	return (uint32_t)(milli / unit * unit);
}

static uint32_t root(uint64_t square)
{
	uint64_t low = 0, high = UINT32_MAX;

	while (low < high) {
		uint64_t middle = (low + high + 1) / 2;

		if (middle * middle <= square)
			low = middle;
		else
			high = middle - 1;
	}
	return (uint32_t)low;
}

/* One mode at one speed: whether the run can be trusted, and the speed that it says would hold. */
static int try_mode(const struct find_speed *search, const struct plan *plan, int mode, bool *held, uint32_t *said_milli)
{
	struct one_run runs[2] = { 0 };
	struct job jobs[2] = { search->jobs[0], search->jobs[1] };
	char label[48];
	int error;

	snprintf(label, sizeof(label), "speed %g, %s", plan->speed_milli / 1000.0, search->jobs[mode].label);
	for (int i = 0; i < 2; i++) {
		jobs[i].plan = plan;
		jobs[i].wanted = i == mode;
		jobs[i].console = jobs[i].journal = false;
		jobs[i].out_dir = NULL;
		jobs[i].label = label;
		jobs[i].error = 0;
		jobs[i].run = &runs[i];
	}
	jobs_run(jobs);
	error = jobs[mode].error;
	*held = runs[mode].result && !runs[mode].world.inconclusive &&
		runs[mode].world.limits_used_percent <= USED_PERCENT_MAX;
	if (runs[mode].world.speed_held_milli)
		*said_milli = runs[mode].world.speed_held_milli;
	record_free(runs[mode].record);
	return error;
}

/* What is too fast for one mode is not tried with the other. */
static int try_speed(const struct find_speed *search, uint32_t speed_milli, bool *held, uint32_t *said_milli)
{
	struct scenario_overrides overrides = search->overrides;
	struct scenario_error error;
	struct plan *plan;
	int result = 0;

	overrides.speed_milli = speed_milli;
	if (scenario_load(search->scenario, &overrides, &plan, &error) < 0) {
		fprintf(stderr, "%s\n", error.line);
		return -EINVAL;
	}
	*held = true;
	for (int mode = 0; mode < 2 && *held && !result; mode++)
		if (search->jobs[mode].wanted)
			result = try_mode(search, plan, mode, held, said_milli);
	plan_free(plan);
	if (!search->quiet && !result && !*search->stop)
		fprintf(stderr, "pfs-fleet: speed %g %s\n", speed_milli / 1000.0, *held ? "holds" : "does not hold");
	return result;
}

static bool close_enough(uint32_t held, uint32_t not_held)
{
	return (uint64_t)not_held * 100 <= (uint64_t)held * (100 + APART_PERCENT);
}

int find_speed(const struct find_speed *search, uint32_t *held_milli, uint32_t *not_held_milli)
{
	uint32_t held = 0, not_held = search->too_fast_milli, said = search->held_milli;

	*held_milli = 0;
	*not_held_milli = not_held;
	while (!*search->stop && not_held > SPEED_MIN_MILLI && !close_enough(held, not_held)) {
		uint32_t next = held ? rounded(root((uint64_t)held * not_held)) : said;
		bool holds;
		int error;

		if (!held && next < not_held / STEP_MAX)
			next = rounded(not_held / STEP_MAX);
		if (next < SPEED_MIN_MILLI)
			next = SPEED_MIN_MILLI;
		if (next <= held || next >= not_held)
			break;
		said = next / 2;
		error = try_speed(search, next, &holds, &said);
		if (error)
			return error;
		if (*search->stop)
			break;
		if (holds)
			held = next;
		else
			not_held = next;
	}
	*held_milli = held;
	*not_held_milli = not_held;
	return 0;
}
