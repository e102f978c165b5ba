/*
 * When a run calls itself inconclusive (DESIGN point 9), each limit from both
 * sides, and which speed it then says would have held.
 */
#include <string.h>

#include "emulator/netns/fidelity.h"
#include "tests/netns/plan_by_hand.h"
#include "tests/tap.h"

#define LAG_PFS_US 12500   /* 5 % of 250 ms */
#define LAG_TFTP_US 50000  /* 5 % of 1 s */
#define LATE_US 300        /* 1 % of the round trip below */
#define DELAY_US 15000

static struct plan *plan;
static struct world_report report;

static void setup(void)
{
	plan = plan_by_hand(&(struct plan_by_hand){
		.phones = 1, .down = {.delay_us = DELAY_US}, .up = {.delay_us = DELAY_US}});
	ck_assert_ptr_nonnull(plan);
	plan->speed_milli = 10000;
	memset(&report, 0, sizeof(report));
	report.relay_round_trip_us = 2 * DELAY_US;
}

static void teardown(void)
{
	plan_by_hand_free(plan);
}

static void ck_judged(bool traditional, bool inconclusive, uint32_t speed_held_milli, uint32_t used_percent)
{
	fidelity_judge(plan, traditional, false, &report);
	ck_assert_msg(report.inconclusive == inconclusive, "%s", report.reasons);
	ck_assert_uint_eq(report.speed_held_milli, speed_held_milli);
	ck_assert_uint_eq(report.limits_used_percent, used_percent);
}

START_TEST(timers_may_be_late_by_a_twentieth)
{
	report.timer_lag_p99_us = _i ? LAG_TFTP_US : LAG_PFS_US;
	ck_judged(_i, false, 0, 100);
	report.timer_lag_p99_us += 1;
	ck_judged(_i, true, 9900, 101); /* two digits, downwards */
}
END_TEST

START_TEST(the_relay_may_be_late_by_a_hundredth)
{
	report.relay_late_p99_us = LATE_US;
	ck_judged(false, false, 0, 100);
	report.relay_late_p99_us = LATE_US + 1;
	ck_judged(false, true, 9900, 101);
	ck_assert_ptr_nonnull(strstr(report.reasons, "relay lateness p99 301 us passes 1 % of 30000 us"));
}
END_TEST

/* Lateness in the scenario's time goes with the speed: four times too late, a quarter of it. */
START_TEST(the_speed_that_holds_is_in_proportion)
{
	report.timer_lag_p99_us = LAG_PFS_US * 2;
	report.relay_late_p99_us = LATE_US * 4;
	ck_judged(false, true, 2500, 400);
}
END_TEST

START_TEST(without_a_delay_the_relay_is_not_judged)
{
	report.relay_round_trip_us = 0;
	report.relay_late_p99_us = 1000000;
	ck_judged(false, false, 0, 0);
}
END_TEST

/* What was lost has no measure: half the speed. */
START_TEST(what_the_scenario_did_not_lose_makes_it_inconclusive)
{
	report.drops = 1;
	ck_judged(false, true, 5000, 0);
}
END_TEST

START_TEST(tcp_sends_again_in_runs_with_faults_alone)
{
	report.tcp_retransmits = 3;
	fidelity_judge(plan, false, true, &report);
	ck_assert(!report.inconclusive);
	ck_judged(false, true, 5000, 0);
}
END_TEST

START_TEST(each_reason_is_given)
{
	report.timer_lag_p99_us = LAG_PFS_US + 1;
	report.drops = 7;
	fidelity_judge(plan, false, false, &report);
	ck_assert_str_eq(report.reasons, "timer lag p99 12501 us passes 5 % of 250000 us; "
					 "7 packets dropped that the scenario did not drop");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fidelity");
	TCase *tests = tcase_create("fidelity");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, timers_may_be_late_by_a_twentieth, 0, 2);
	tcase_add_test(tests, the_relay_may_be_late_by_a_hundredth);
	tcase_add_test(tests, the_speed_that_holds_is_in_proportion);
	tcase_add_test(tests, without_a_delay_the_relay_is_not_judged);
	tcase_add_test(tests, what_the_scenario_did_not_lose_makes_it_inconclusive);
	tcase_add_test(tests, tcp_sends_again_in_runs_with_faults_alone);
	tcase_add_test(tests, each_reason_is_given);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
