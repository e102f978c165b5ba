/*
 * The deadlines of the netns world (DESIGN, Time): the clock divides without
 * losing a microsecond, the heap fires in order, a timer never fires early, and
 * in one wake-up input goes before time-outs (point 5), unless there is so much
 * that they are seen to in between.
 */
#include <unistd.h>

#include "emulator/netns/clock.h"
#include "emulator/netns/histogram.h"
#include "emulator/netns/timers.h"
#include "tests/tap.h"

#define TIMERS 1000

START_TEST(deadlines_round_up)
{
	static const uint32_t speeds[] = {1, 7, 333, 1000, 1001, 2000, 10000, 999999, 1000000};
	struct netns_clock clock = {.start_ns = 5000000000, .speed_milli = speeds[_i]};
	uint64_t us;

	for (us = 1; us < UINT64_C(20000000000000); us = us * 3 + 1) {
		uint64_t due_ns = clock_due_ns(&clock, us);

		ck_assert_uint_ge(clock_scenario_us(&clock, due_ns), us);
		ck_assert_uint_lt(clock_scenario_us(&clock, due_ns - 1), us);
	}
	ck_assert_uint_eq(clock_scenario_us(&clock, 4999999999), 0);
}
END_TEST

START_TEST(percentiles_are_within_a_bucket)
{
	static struct histogram lag;
	uint64_t us;

	ck_assert_uint_eq(histogram_percentile(&lag, 990), 0);
	for (us = 1; us <= 100000; us++)
		histogram_add(&lag, us);
	ck_assert_uint_eq(lag.max, 100000);
	ck_assert_uint_ge(histogram_percentile(&lag, 500), 50000);
	ck_assert_uint_le(histogram_percentile(&lag, 500), 51600);
	ck_assert_uint_ge(histogram_percentile(&lag, 990), 99000);
	ck_assert_uint_le(histogram_percentile(&lag, 1000), 100000);
	histogram_add(&lag, UINT64_MAX);
	ck_assert_uint_eq(histogram_percentile(&lag, 1000), UINT64_MAX);
}
END_TEST

static struct netns_clock fast = {.speed_milli = 1000000};
static struct timers timers;
static struct ev_loop *loop;
static uint64_t last_due_us;
static uint32_t fired, early, out_of_order;

static void on_fire(struct timer *timer)
{
	if (clock_now_us(&fast) < timer->due_us)
		early++;
	if (timer->due_us < last_due_us)
		out_of_order++;
	last_due_us = timer->due_us;
	if (++fired == TIMERS / 2)
		ev_break(loop, EVBREAK_ALL);
}

START_TEST(timers_fire_in_order_and_never_early)
{
	static struct timer list[TIMERS];
	uint32_t i, draw = 1;

	loop = ev_loop_new(0);
	fast.start_ns = clock_real_ns();
	ck_assert_int_eq(timers_init(&timers, loop, &fast, TIMERS), 0);
	for (i = 0; i < TIMERS; i++) {
		draw = draw * 1664525 + 1013904223;
		list[i].fire = on_fire;
		timers_set(&timers, &list[i], draw >> 12); /* up to a second of the scenario, a millisecond here */
	}
	for (i = 0; i < TIMERS; i++) { /* moved, both ways, and half of them taken out */
		draw = draw * 1664525 + 1013904223;
		timers_set(&timers, &list[i], i % 2 ? UINT64_MAX : draw >> 12);
	}
	ck_assert_uint_eq(timers.count, TIMERS / 2);
	ev_run(loop, 0);
	ck_assert_uint_eq(fired, TIMERS / 2);
	ck_assert_uint_eq(early, 0);
	ck_assert_uint_eq(out_of_order, 0);
	ck_assert_uint_eq(timers.count, 0);
	timers_deinit(&timers);
	ev_loop_destroy(loop);
}
END_TEST

static char order[64];
static uint32_t order_count;

static void on_input(struct ev_loop *on, ev_io *watcher, int events)
{
	(void)events;
	ck_assert_uint_lt(order_count, sizeof(order));
	order[order_count++] = 'i';
	ev_io_stop(on, watcher);
}

static void on_timeout(struct timer *timer)
{
	(void)timer;
	order[order_count++] = 't';
	ev_break(loop, EVBREAK_ALL);
}

static int ends[2]; /* of a pipe that has something to read */

static void begin_with_input(void)
{
	loop = ev_loop_new(0);
	order_count = 0;
	fast.start_ns = clock_real_ns() - 1000000;
	ck_assert_int_eq(timers_init(&timers, loop, &fast, 1), 0);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
}

static void end_with_input(void)
{
	timers_deinit(&timers);
	ev_loop_destroy(loop);
	close(ends[0]);
	close(ends[1]);
}

START_TEST(input_goes_before_timeouts)
{
	struct timer timer = {.fire = on_timeout};
	ev_io input;

	begin_with_input();
	timers_set(&timers, &timer, 1); /* overdue already */
	ev_io_init(&input, on_input, ends[0], EV_READ);
	ev_io_start(loop, &input);
	ev_run(loop, 0);
	ck_assert_uint_eq(order_count, 2);
	ck_assert_mem_eq(order, "it", 2);
	end_with_input();
}
END_TEST

#define INPUTS 20

static struct timer due_now = {.fire = on_timeout};

/* Each input makes something due at once. */
static void on_input_of_many(struct ev_loop *on, ev_io *watcher, int events)
{
	on_input(on, watcher, events);
	timers_set(&timers, &due_now, 1);
	timers_catch_up(&timers);
}

START_TEST(what_falls_due_need_not_wait_for_all_input)
{
	ev_io inputs[INPUTS];

	begin_with_input();
	for (int i = 0; i < INPUTS; i++) {
		int copy = dup(ends[0]);

		ck_assert_int_ge(copy, 0);
		ev_io_init(&inputs[i], on_input_of_many, copy, EV_READ);
		ev_io_start(loop, &inputs[i]);
	}
	ev_run(loop, EVRUN_ONCE);
	ck_assert_uint_eq(order_count, 2 * INPUTS);
	for (int i = 0; i < INPUTS; i++)
		ck_assert_mem_eq(order + 2 * (size_t)i, "it", 2);
	/* The loop has nothing more to fire, and the timerfd does not spin for what was. */
	ck_assert_uint_eq(timers.count, 0);
	ev_run(loop, EVRUN_NOWAIT);
	ck_assert_uint_eq(order_count, 2 * INPUTS);
	for (int i = 0; i < INPUTS; i++)
		close(inputs[i].fd);
	end_with_input();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timers");
	TCase *tcase = tcase_create("timers");

	tcase_add_loop_test(tcase, deadlines_round_up, 0, 9);
	tcase_add_test(tcase, percentiles_are_within_a_bucket);
	tcase_add_test(tcase, timers_fire_in_order_and_never_early);
	tcase_add_test(tcase, input_goes_before_timeouts);
	tcase_add_test(tcase, what_falls_due_need_not_wait_for_all_input);
	suite_add_tcase(suite, tcase);
	return tap_run_together(suite);
}
