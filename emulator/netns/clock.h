/*
 * The scenario's clock. The cores only ever see scenario time, microseconds
 * since the start; the kernel's timers want nanoseconds of CLOCK_MONOTONIC.
 * `speed` stands between the two. Divisions are split so that nothing
 * overflows in a century, and a deadline is rounded up: a timer that fires at
 * its real time never finds scenario time short of it.
 */
#ifndef FLEET_NETNS_CLOCK_H
#define FLEET_NETNS_CLOCK_H

#include <stdint.h>
#include <time.h>

struct netns_clock {
	uint64_t start_ns;    /* CLOCK_MONOTONIC at scenario time 0 */
	uint32_t speed_milli; /* 1000 is real time; never 0 */
};

static inline uint64_t clock_real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Scenario time of a real one; 0 before the start. */
static inline uint64_t clock_scenario_us(const struct netns_clock *clock, uint64_t real_ns)
{
	uint64_t ns = real_ns > clock->start_ns ? real_ns - clock->start_ns : 0;

	return ns / 1000000 * clock->speed_milli + ns % 1000000 * clock->speed_milli / 1000000;
}

static inline uint64_t clock_now_us(const struct netns_clock *clock)
{
	return clock_scenario_us(clock, clock_real_ns());
}

/* Real time of a scenario one (not of "never"), rounded up. */
static inline uint64_t clock_due_ns(const struct netns_clock *clock, uint64_t us)
{
	uint64_t speed = clock->speed_milli;

	return clock->start_ns + us / speed * 1000000 + (us % speed * 1000000 + speed - 1) / speed;
}

#endif
