/*
 * What a gate decides by: intervals of medians, resampled from a fixed seed.
 * The rule that docs/ci.md promises (five of five have to agree) and the rates
 * that it comes to with noise of known size are held here.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "emulator/gate/gate.h"

#define COMPARISONS 400

/* A generator of the test's own: that of the intervals is never asked. */
static uint64_t state = 1;

static double uniform(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(state >> 11) / 9007199254740992.0;
}

/* A bell of spread 1, and once in a hundred a host that stood still for twenty spreads. */
static double noise(void)
{
	double sum = 0;

	for (int i = 0; i < 12; i++)
		sum += uniform();
	return sum - 6 + (uniform() < 0.01 ? 20 : 0);
}

START_TEST(an_interval_holds_its_median)
{
	const double values[] = { 5, 1, 4, 2, 3 };
	struct gate_interval interval = gate_bootstrap(values, 5);

	ck_assert_double_eq(interval.middle, 3);
	ck_assert_double_eq(interval.low, 1);
	ck_assert_double_eq(interval.high, 5);
	interval = gate_bootstrap(values, 1);
	ck_assert_double_eq(interval.low, 5);
	ck_assert_double_eq(interval.high, 5);
	interval = gate_bootstrap(values, 4);
	ck_assert_double_eq(interval.middle, 3);
}
END_TEST

START_TEST(the_same_values_give_the_same_interval)
{
	double values[20];

	for (int i = 0; i < 20; i++)
		values[i] = noise();
	struct gate_interval one = gate_bootstrap(values, 20), two = gate_bootstrap(values, 20);
	ck_assert(one.low == two.low && one.middle == two.middle && one.high == two.high);
	ck_assert(one.low < one.middle && one.middle < one.high);
}
END_TEST

/* With five pairs one that disagrees leaves it undecided; with fifteen it does not. */
START_TEST(one_that_stood_still_decides_nothing)
{
	double slower[15], same[15];

	for (int i = 0; i < 15; i++) {
		slower[i] = i == 2 ? -100 : 10;
		same[i] = i == 2 ? 100 : 0;
	}
	struct gate_interval change = gate_bootstrap(slower, 5);
	ck_assert_int_eq(gate_judge_change(&change, 2, 0), GATE_INCONCLUSIVE);
	change = gate_bootstrap(same, 5);
	ck_assert_int_eq(gate_judge_change(&change, 2, 0), GATE_INCONCLUSIVE);
	change = gate_bootstrap(slower, 15);
	ck_assert_int_eq(gate_judge_change(&change, 2, 0), GATE_FAIL);
	change = gate_bootstrap(same, 15);
	ck_assert_int_eq(gate_judge_change(&change, 2, 0), GATE_PASS);
}
END_TEST

START_TEST(a_change_is_judged_by_all_of_its_interval)
{
	ck_assert_int_eq(gate_judge_change(&(struct gate_interval){ 3, 4, 5 }, 2, 0), GATE_FAIL);
	ck_assert_int_eq(gate_judge_change(&(struct gate_interval){ 1, 4, 5 }, 2, 0), GATE_INCONCLUSIVE);
	ck_assert_int_eq(gate_judge_change(&(struct gate_interval){ -1, 0, 2 }, 2, 0), GATE_PASS);
	ck_assert_int_eq(gate_judge_change(&(struct gate_interval){ -9, -8, -7 }, 2, 0), GATE_PASS);
	ck_assert_int_eq(gate_judge_change(&(struct gate_interval){ 0, 0, 0 }, 0, 0), GATE_PASS);
	/* Runs that differ by more among themselves decide nothing. */
	ck_assert_int_eq(gate_judge_change(&(struct gate_interval){ 3, 4, 5 }, 2, 1.4), GATE_INCONCLUSIVE);
	ck_assert_int_eq(gate_judge_change(&(struct gate_interval){ 3, 4, 5 }, 2, 1.3), GATE_FAIL);
}
END_TEST

/* Pairs are added until they decide, five to fifteen, as the command does. */
static enum gate_outcome compare(double shift, double matters)
{
	double differences[15], from[15], to[15];
	enum gate_outcome outcome = GATE_INCONCLUSIVE;

	for (uint32_t n = 0; n < 15;) {
		from[n] = noise();
		to[n] = shift + noise();
		differences[n] = to[n] - from[n];
		if (++n < 5)
			continue;
		struct gate_interval change = gate_bootstrap(differences, n);
		outcome = gate_judge_change(&change, matters, fmax(gate_noise(from, n), gate_noise(to, n)));
		if (outcome != GATE_INCONCLUSIVE)
			break;
	}
	return outcome;
}

static int count(double shift, double matters, enum gate_outcome wanted)
{
	int found = 0;

	for (int i = 0; i < COMPARISONS; i++)
		found += compare(shift, matters) == wanted;
	return found;
}

/*
 * A limit of eight spreads of one run and a change of sixteen, which is less
 * than a wait of an election that is 5 % longer on an idle host (60 spreads):
 * no false alarm, and next to none missed, though the host stands still at times.
 */
START_TEST(false_alarms_and_misses_are_rare)
{
	ck_assert_int_eq(count(0, 8, GATE_FAIL), 0);
	ck_assert_int_ge(count(16, 8, GATE_FAIL), COMPARISONS * 98 / 100);
}
END_TEST

/* Noise as large as the limit: undecided, but no alarm to speak of. */
START_TEST(noise_raises_no_alarm)
{
	ck_assert_int_eq(count(0, 1, GATE_FAIL), 0);
}
END_TEST

START_TEST(two_samples_are_compared)
{
	const double before[] = { 10, 11, 10, 10.5, 10.2 }, after[] = { 12, 12.4, 12.2, 12.1, 12.6 };
	struct gate_interval change = gate_bootstrap_difference(before, 5, after, 5);

	ck_assert_double_eq_tol(change.middle, 2, 1e-9);
	ck_assert(change.low > 0.9 && change.high < 2.7);
	ck_assert_int_eq(gate_judge_change(&change, 0.5, 0), GATE_FAIL);
	change = gate_bootstrap_difference(before, 5, before, 5);
	ck_assert_double_eq_tol(change.middle, 0, 1e-9);
}
END_TEST

/* Five of five have to agree: what a busy host left of them, one pair that is its own interval, fails nothing. */
START_TEST(fewer_pairs_than_asked_for_decide_no_time)
{
	const char *was = "{\"runs\": [{\"mode\": \"pfs\", \"duration_s\": 10.0}]}";
	const char *now = "{\"runs\": [{\"mode\": \"pfs\", \"duration_s\": 12.0}]}";
	cJSON *from = cJSON_Parse(was), *to = cJSON_Parse(now);
	struct gate_figures a[5], b[5];

	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(gate_figures_read(from, &a[i]), 0);
		ck_assert_int_eq(gate_figures_read(to, &b[i]), 0);
	}
	for (uint32_t pairs = 1; pairs <= 5; pairs++) {
		struct gate_result result = { 0 };

		gate_against_judge(a, b, pairs, 5, false, 0.01, 0.002, &result);
		gate_conclude(&result);
		ck_assert_int_eq(result.outcome == GATE_FAIL, pairs == 5);
		gate_free(&result);
	}
	for (int i = 0; i < 5; i++) {
		gate_figures_free(&a[i]);
		gate_figures_free(&b[i]);
	}
	cJSON_Delete(from);
	cJSON_Delete(to);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gate_stats");
	TCase *tcase = tcase_create("gate_stats");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, an_interval_holds_its_median);
	tcase_add_test(tcase, the_same_values_give_the_same_interval);
	tcase_add_test(tcase, one_that_stood_still_decides_nothing);
	tcase_add_test(tcase, a_change_is_judged_by_all_of_its_interval);
	tcase_add_test(tcase, two_samples_are_compared);
	tcase_add_test(tcase, false_alarms_and_misses_are_rare);
	tcase_add_test(tcase, noise_raises_no_alarm);
	tcase_add_test(tcase, fewer_pairs_than_asked_for_decide_no_time);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
