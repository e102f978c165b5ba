/*
 * A race seen on real packets is a file: small fleets on a real kernel keep a
 * journal, phones are crashed and killed and come back, and the cores are
 * stepped through it again in this process, identically; a record that was falsified
 * is found.
 */
#include <stdio.h>
#include <string.h>

#include "tests/journal/journal_tools.h"
#include "tests/netns/fleet_fixture.h"
#include "tests/tap.h"

#define PHONES 4

static struct fleet fleet;
static struct journal_sum sum;
static char path[96];

static void run(const char *faults, bool traditional)
{
	fleet_begin(&fleet, fleet_scenario(PHONES, "1/40", 20, faults), traditional);
	fleet.journalled = true;
	fleet_run(&fleet);
	ck_assert_int_eq(fleet.error, 0);
	snprintf(path, sizeof(path), "%s/journal", fleet.out_dir);
}

static void replays(uint64_t boots)
{
	journal_replay_all(path, NULL, &sum);
	ck_assert_msg(!sum.differing, "%s: event %llu: expected %s, seen %s", sum.phone,
		      (unsigned long long)sum.difference.event, sum.difference.expected, sum.difference.seen);
	ck_assert_int_eq(sum.cut, JOURNAL_WHOLE);
	ck_assert_uint_eq(sum.phones, PHONES);
	ck_assert_uint_eq(sum.boots, boots);
	ck_assert_uint_gt(sum.events, 0);
	ck_assert_uint_eq(sum.events, fleet.journal.events);
	ck_assert_uint_eq(sum.entered, fleet.journal.events);
}

/* Phones that lose power or crash begin anew, with another boot number; bytes flipped on the way are kept as they came. */
static const struct {
	const char *faults;
	bool traditional;
	uint64_t again; /* starts beside the first ones */
} runs[] = {
	{"\"faults\": [{\"kind\": \"kill\", \"phase\": \"tftp\", \"percent\": 50, \"role\": \"root\", \"file\": \"jar\","
	 " \"duration\": \"20s\"},"
	 " {\"kind\": \"crash\", \"phase\": \"receiving\", \"role\": \"any\", \"file\": \"apps\", \"duration\": \"3s\"}]",
	 false, 2},
	{"\"faults\": [{\"kind\": \"damage_tcp\", \"phase\": \"receiving\", \"role\": \"any\", \"file\": \"apps\"},"
	 " {\"kind\": \"damage_tftp\", \"phase\": \"tftp\", \"percent\": 30, \"role\": \"root\", \"file\": \"cnu\"}]",
	 false, 0},
	{"", true, 0},
};

START_TEST(real_packets_replay)
{
	run(runs[_i].faults, runs[_i].traditional);
	ck_assert_uint_eq(fleet.result->upgraded, PHONES);
	replays(PHONES + runs[_i].again);
	fleet_end(&fleet);
}
END_TEST

/* Two switches, a thread each, one journal; who was killed on one of them comes back there. */
START_TEST(threads_share_a_journal)
{
	fleet_begin(&fleet,
		    "{\"name\": \"test\", \"seed\": 7, \"scale\": \"1/40\", \"speed\": 20, \"time_limit\": \"20m\",\n"
		    " \"enterprise\": {\"pfs\": \"enabled\"},\n"
		    " \"sites\": [{\"name\": \"branch\", \"wan\": {\"rate\": \"20mbit\", \"rtt\": \"4ms\"}, \"subnets\": [\n"
		    "  {\"name\": \"east\", \"network\": \"10.1.0.0/16\", \"phones\": [{\"model\": \"7961\", \"count\": 2}]},\n"
		    "  {\"name\": \"west\", \"network\": \"10.2.0.0/16\", \"phones\": [{\"model\": \"7961\", \"count\": 2}]}]}],\n"
		    " \"faults\": [{\"kind\": \"kill\", \"phase\": \"tftp\", \"percent\": 50, \"role\": \"root\","
		    " \"file\": \"jar\", \"duration\": \"20s\"}]}",
		    false);
	fleet.journalled = true;
	fleet.workers = 2;
	fleet_run(&fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert_uint_eq(fleet.report.workers, 2);
	ck_assert_uint_eq(fleet.result->upgraded, PHONES);
	snprintf(path, sizeof(path), "%s/journal", fleet.out_dir);
	replays(PHONES + 1);
	fleet_end(&fleet);
}
END_TEST

static bool is_verdict_on_apps(const struct journal_item *item)
{
	return !item->boot && item->event.kind == PFS_EV_VERIFIED && item->event.ok && item->event.file == 3;
}

START_TEST(what_is_falsified_is_found)
{
	struct journal_item item;
	char name[64];

	run("", false);
	replays(PHONES);
	ck_assert(journal_find(path, is_verdict_on_apps, &item, name));
	journal_flip(path, item.offset, JOURNAL_OK);
	journal_replay_all(path, NULL, &sum);
	ck_assert_uint_eq(sum.differing, 1);
	ck_assert_str_eq(sum.phone, name);
	ck_assert_uint_eq(sum.difference.event, item.number);
	ck_assert_uint_eq(sum.difference.at_us, item.event.now_us);
	ck_assert_str_eq(sum.difference.entered, "VERIFIED file 3: bad");
	fleet_end(&fleet);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal");
	TCase *tcase = tcase_create("journal");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, real_packets_replay, 0, sizeof(runs) / sizeof(*runs));
	tcase_add_test(tcase, threads_share_a_journal);
	tcase_add_test(tcase, what_is_falsified_is_found);
	suite_add_tcase(suite, tcase);
	return tap_run(suite);
}
