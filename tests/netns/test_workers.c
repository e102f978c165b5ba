/*
 * Fleets over more than one worker, each a thread with a descriptor table of
 * its own, and what a phone takes of such a table. Judged by counts.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "emulator/netns/fidelity.h"
#include "tests/netns/fleet_fixture.h"
#include "tests/tap.h"

#define FILES 6

static struct fleet fleet;

/* Two floors of a dozen, so two switches. */
static const char *two_floors(const char *more)
{
	static char text[2048];
	int length = snprintf(
		text, sizeof(text),
		"{\"name\": \"floors\", \"seed\": 7, \"scale\": \"1/40\", \"speed\": 20, \"time_limit\": \"20m\",\n"
		" \"enterprise\": {\"pfs\": \"enabled\"},\n"
		" \"sites\": [{\"name\": \"branch\", \"wan\": {\"rate\": \"20mbit\", \"rtt\": \"4ms\"},\n"
		"  \"subnets\": [{\"name\": \"one\", \"network\": \"10.1.0.0/24\",\n"
		"   \"phones\": [{\"model\": \"CP-7961G\", \"count\": 12}]},\n"
		"   {\"name\": \"two\", \"network\": \"10.2.0.0/24\",\n"
		"   \"phones\": [{\"model\": \"CP-7961G\", \"count\": 12}]}]}]%s%s}\n",
		*more ? ",\n " : "", more);

	ck_assert_int_lt(length, (int)sizeof(text));
	return text;
}

static void run(const char *scenario, uint32_t workers)
{
	fleet_begin(&fleet, scenario, false);
	fleet.workers = workers;
	fleet_run(&fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert(!fleet.report.interrupted);
}

static void all_upgraded(uint32_t phones)
{
	ck_assert_uint_eq(fleet.result->upgraded, phones);
	ck_assert_uint_eq(fleet.result->failed, 0);
	ck_assert_uint_eq(fleet.report.rx_short, 0);
}

static void one_root_a_hierarchy(void)
{
	uint32_t i;

	ck_assert_uint_eq(fleet.result->hierarchy_count, 2 * FILES);
	for (i = 0; i < fleet.result->hierarchy_count; i++) {
		ck_assert_uint_eq(fleet.result->hierarchies[i].roots_confirmed, 1);
		ck_assert_uint_eq(fleet.result->hierarchies[i].wan_copies, 1);
		ck_assert_uint_eq(fleet.result->hierarchies[i].members, 12);
	}
}

/*
 * A phone holds no descriptor of its namespace beside its sockets: in a tree it
 * has the peer port's two, and two ends of connections on average.
 */
START_TEST(four_descriptors_a_phone)
{
	const uint32_t phones = 60, besides = 45; /* all that is not a phone's; a fifth one each would be 60 */

	run(fleet_scenario((int)phones, "1/100", 20, ""), 1);
	all_upgraded(phones);
	ck_assert_uint_eq(fleet.report.workers, 1);
	ck_assert_uint_ge(fleet.report.descriptors_peak, 3 * phones);
	ck_assert_uint_le(fleet.report.descriptors_peak, 4 * phones + besides);
	ck_assert_uint_eq(fleet.report.descriptors_table_peak, fleet.report.descriptors_peak);
	fleet_end(&fleet);
}
END_TEST

START_TEST(two_workers_run_as_one)
{
	run(two_floors(""), 2);
	all_upgraded(24);
	one_root_a_hierarchy();
	ck_assert_uint_eq(fleet.report.workers, 2);
	/* the second worker's phones have their sockets in another table */
	ck_assert_uint_gt(fleet.report.descriptors_peak, fleet.report.descriptors_table_peak + 2 * 12);
	fleet_end(&fleet);
}
END_TEST

/* A limit that is too low for one table: the run takes a second one by itself. */
START_TEST(a_low_limit_takes_another_worker)
{
	struct rlimit limit;
	uint64_t one, two;

	fleet_begin(&fleet, two_floors(""), false);
	ck_assert_int_eq(plan_descriptors(fleet.plan, 1, fleet.plan->needs.descriptors_phone_worst, &one), 0);
	ck_assert_int_eq(plan_descriptors(fleet.plan, 2, fleet.plan->needs.descriptors_phone_worst, &two), 0);
	ck_assert_uint_lt(two, one);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max = two;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	fleet_run(&fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert_uint_eq(fleet.report.workers, 2);
	all_upgraded(24);
	fleet_end(&fleet);
}
END_TEST

/*
 * A table that has room for a quarter of the tree's connections at once: the others wait, dialled and not accepted,
 * and nobody is lost. The places that are kept from connections let the root have its sockets, without which those
 * who wait for it would never let theirs go. And a listener that finds none is stopped: the loop comes round no more
 * often than in a run without want, some 6,000 times, and each want is one of those, not a spin.
 */
START_TEST(a_full_table_delays)
{
	const uint32_t phones = 60, world = 30, connections = 30;
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max = fidelity_descriptors() + world + 2 * phones + connections + PLAN_DESCRIPTORS_KEPT;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	run(fleet_scenario((int)phones, "1/100", 20, ""), 1);
	all_upgraded(phones);
	ck_assert_uint_le(fleet.report.descriptors_table_peak, limit.rlim_cur);
	ck_assert_uint_ge(fleet.report.shortages, phones);
	ck_assert_uint_le(fleet.report.shortages, 50 * phones);
	ck_assert_uint_le(fleet.report.wakeups, 20000);
	/* what waited here would not have in the scenario */
	ck_assert(fleet.report.inconclusive);
	ck_assert_ptr_nonnull(strstr(fleet.report.reasons, "descriptors ran out"));
	fleet_end(&fleet);
}
END_TEST

/* Faults are found by whoever steps the phone, and strike phones of both workers, each on its own thread. */
static const char *const faults[] = {
	"\"kind\": \"kill\", \"phase\": \"root_waiting\", \"role\": \"root\", \"file\": \"jar\", \"duration\": \"5s\"",
	"\"kind\": \"crash\", \"phase\": \"serving\", \"role\": \"parent\", \"file\": \"jar\", \"duration\": \"5s\"",
	"\"kind\": \"unplug\", \"phase\": \"receiving\", \"role\": \"leaf\", \"file\": \"jar\", \"duration\": \"8s\"",
	"\"kind\": \"damage_tcp\", \"phase\": \"receiving\", \"file\": \"jar\"",
};

START_TEST(faults_reach_every_worker)
{
	char more[512];

	snprintf(more, sizeof(more), "\"faults\": [{\"subnet\": \"one\", %s}, {\"subnet\": \"two\", %s}]", faults[_i],
		 faults[_i]);
	run(two_floors(more), 2);
	ck_assert_uint_eq(fleet.report.faults_not_struck, 0);
	all_upgraded(24);
	fleet_end(&fleet);
}
END_TEST

#define SITES 40
#define SWITCHES_A_SITE 2
#define ALONE_EACH 3 /* a phone that has nobody to share with: the peer port's two, and its transfer's */

/* Many sites and switches with a phone alone on each: then what is the world's own is most of a table. */
static const char *many_sites(void)
{
	static char text[32768];
	int length = snprintf(text, sizeof(text),
			      "{\"name\": \"many\", \"seed\": 7, \"scale\": \"1/1000\", \"speed\": 50, "
			      "\"time_limit\": \"20m\", \"enterprise\": {\"pfs\": \"enabled\"},\n \"sites\": [");

	for (int site = 0; site < SITES; site++) {
		length += snprintf(text + length, sizeof(text) - (size_t)length,
				   "%s{\"name\": \"site%d\", \"wan\": {\"rate\": \"20mbit\", \"rtt\": \"4ms\"}, \"subnets\": [",
				   site ? ",\n  " : "", site);
		for (int i = 0; i < SWITCHES_A_SITE; i++)
			length += snprintf(text + length, sizeof(text) - (size_t)length,
					   "%s{\"name\": \"floor%d\", \"network\": \"10.%d.%d.0/24\", "
					   "\"phones\": [{\"model\": \"CP-7961G\", \"count\": 1}]}",
					   i ? ", " : "", i, site + 1, i);
		length += snprintf(text + length, sizeof(text) - (size_t)length, "]}");
	}
	length += snprintf(text + length, sizeof(text) - (size_t)length, "]}\n");
	ck_assert_int_lt(length, (int)sizeof(text));
	return text;
}

/* What `check` and `run` count before anything is made, and what is then held: no more, and not much less. */
static const uint32_t counted_workers[] = {1, PLAN_WORKERS_MAX};

START_TEST(what_is_held_was_counted)
{
	uint64_t counted;

	run(many_sites(), counted_workers[_i]);
	all_upgraded(SITES * SWITCHES_A_SITE);
	ck_assert_int_eq(plan_descriptors(fleet.plan, counted_workers[_i], ALONE_EACH, &counted), 0);
	ck_assert_uint_le(fleet.report.descriptors_table_peak, counted);
	ck_assert_uint_ge(fleet.report.descriptors_table_peak, counted * 7 / 10);
	fleet_end(&fleet);
}
END_TEST

/*
 * All phones are the second worker's: its table has them and a copy of the world, the first's the world and a
 * descriptor of each phone.
 */
START_TEST(the_fullest_table_may_be_another)
{
	const uint32_t phones = 20, opened_later = 10; /* by the first worker alone */

	run(fleet_scenario((int)phones, "1/100", 20, ""), 2);
	all_upgraded(phones);
	ck_assert_uint_ge(fleet.report.descriptors_table_peak + phones + opened_later, fleet.report.descriptors_peak);
	fleet_end(&fleet);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("workers");
	TCase *tcase = tcase_create("workers");

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, four_descriptors_a_phone);
	tcase_add_test(tcase, two_workers_run_as_one);
	tcase_add_test(tcase, a_low_limit_takes_another_worker);
	tcase_add_test(tcase, a_full_table_delays);
	tcase_add_test(tcase, the_fullest_table_may_be_another);
	tcase_add_loop_test(tcase, what_is_held_was_counted, 0,
			    sizeof(counted_workers) / sizeof(counted_workers[0]));
	tcase_add_loop_test(tcase, faults_reach_every_worker, 0, sizeof(faults) / sizeof(faults[0]));
	suite_add_tcase(suite, tcase);
	return tap_run(suite);
}
