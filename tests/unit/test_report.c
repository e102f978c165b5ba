/*
 * The report: what passes, what fails, what is inconclusive; the names and
 * units of summary.json; figures as people read them.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/report/report.h"
#include "tests/tap.h"
#include "tests/unit/record_fixture.h"

static struct record_fixture fixture;
static struct run_result pfs, traditional;
static struct world_report world;
static struct run_hierarchy hierarchies[2];
static struct run_direct directs[1];
static struct run_loser losers[2];
static struct report report;

static void set_up(void)
{
	record_fixture_init(&fixture);
	memset(&pfs, 0, sizeof(pfs));
	memset(&world, 0, sizeof(world));
	memset(hierarchies, 0, sizeof(hierarchies));
	pfs.phones = pfs.upgraded = FIXTURE_PHONES;
	pfs.duration_us = 90500000;
	pfs.completion_p50_us = pfs.completion_p90_us = pfs.completion_p99_us = pfs.completion_max_us =
		80000001;
	pfs.wan_bytes_down = 1000;
	pfs.tftp_transfers_pfs = 2;
	pfs.hierarchies = hierarchies;
	pfs.hierarchy_count = 2;
	hierarchies[0] = (struct run_hierarchy){ .root = FIXTURE_ROOT,
						 .members = 3,
						 .depth = 2,
						 .roots_confirmed = 1,
						 .wan_copies = 1,
						 .transfer_us = PFS_TIME_NEVER };
	hierarchies[1] = hierarchies[0];
	hierarchies[1].file = FIXTURE_JAR;
	hierarchies[1].root = -1;
	traditional = pfs;
	traditional.traditional = true;
	traditional.wan_bytes_down = 4000;
	traditional.duration_us = 181000000;
	traditional.hierarchies = NULL;
	traditional.hierarchy_count = 0;
	report = (struct report){ .plan = &fixture.plan,
				  .engine = "sim",
				  .pfs = { &pfs, &world },
				  .traditional = { &traditional, &world } };
}

static enum report_verdict verdict(void)
{
	report_judge(&report);
	return report.verdict;
}

START_TEST(a_good_run_passes)
{
	ck_assert_int_eq(verdict(), REPORT_PASS);
}
END_TEST

/* A phone left without its firmware fails a run of either mode, where the scenario does not allow it. */
START_TEST(a_failed_phone_fails_the_run)
{
	traditional.failed = 1;
	ck_assert_int_eq(verdict(), REPORT_FAIL);
	fixture.plan.expect.failed_max = 1;
	ck_assert_int_eq(verdict(), REPORT_PASS);
	pfs.failed = 2;
	ck_assert_int_eq(verdict(), REPORT_FAIL);
}
END_TEST

/* Each expectation of a scenario holds at its limit and fails one past it. */
START_TEST(expectations_hold_up_to_their_limits)
{
	struct plan_expect *expect = &fixture.plan.expect;
	struct {
		uint64_t *limit, good, bad;
	} cases[] = {
		{ &expect->upgraded_min, FIXTURE_PHONES, FIXTURE_PHONES + 1 },
		{ &expect->direct_max, 1, 0 },
		{ &expect->wan_copies_max, 2, 1 },
		{ &expect->roots_confirmed_max, 3, 2 },
		{ &expect->transfers_pfs, 2, 3 },
		{ &expect->transfers_pfs, 2, 1 },
		{ &expect->refused_other_subnet_min, 4, 5 },
	};

	pfs.direct_by_reason[PFS_DIRECT_PORT_CLOSED] = 1;
	hierarchies[1].wan_copies = 2;
	hierarchies[1].roots_confirmed = 3;
	pfs.dropped[PFS_DROP_SUBNET] = 4;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		*cases[i].limit = cases[i].good;
		ck_assert_msg(verdict() == REPORT_PASS, "case %zu at its limit", i);
		*cases[i].limit = cases[i].bad;
		ck_assert_msg(verdict() == REPORT_FAIL, "case %zu past its limit", i);
		*cases[i].limit = PLAN_UNSET;
	}
}
END_TEST

/* DESIGN 9: a run that cannot be trusted is never pass nor fail; nor is one that was interrupted. */
START_TEST(what_cannot_be_trusted_is_inconclusive)
{
	pfs.failed = 1;
	world.inconclusive = true;
	ck_assert_int_eq(verdict(), REPORT_INCONCLUSIVE);
	world.inconclusive = false;
	pfs.interrupted = true;
	ck_assert_int_eq(verdict(), REPORT_INCONCLUSIVE);
	ck_assert(report.interrupted);
	pfs.failed = 0;
	ck_assert_int_eq(verdict(), REPORT_INCONCLUSIVE);
}
END_TEST

/* On the real kernel the bytes that each eth0 received are asked too; logs must be whole in both worlds. */
START_TEST(what_goes_without_saying_is_judged)
{
	world.rx_short = 1;
	ck_assert_int_eq(verdict(), REPORT_PASS);
	report.engine = "netns";
	ck_assert_int_eq(verdict(), REPORT_FAIL);
	world.rx_short = 0;
	world.installed_damaged = 1;
	ck_assert_int_eq(verdict(), REPORT_FAIL);
	world.installed_damaged = 0;
	ck_assert_int_eq(verdict(), REPORT_PASS);
	pfs.disk_error = 28;
	ck_assert_int_eq(verdict(), REPORT_FAIL);
}
END_TEST

static const cJSON *at(const cJSON *json, const char *path)
{
	char name[40];

	while (json && *path) {
		size_t length = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		json = name[0] >= '0' && name[0] <= '9' ? cJSON_GetArrayItem(json, atoi(name))
							: cJSON_GetObjectItemCaseSensitive(json, name);
		path += length + (path[length] == '.');
	}
	return json;
}

/* The names that stay. */
START_TEST(the_summary_has_its_names)
{
	static const char *const names[] = {
		"schema",
		"scenario",
		"engine",
		"seed",
		"speed",
		"scale",
		"verdict",
		"host",
		"fidelity.verdict",
		"fidelity.timer_lag_p99_us",
		"fidelity.timer_lag_max_us",
		"fidelity.start_late_max_us",
		"fidelity.drops",
		"fidelity.cpu_busy",
		"setup.phones",
		"setup.up_s",
		"setup.down_s",
		"setup.rss_bytes",
		"setup.kernel_bytes",
		"setup.descriptors_peak",
		"runs.0.mode",
		"runs.1.mode",
		"runs.0.phones",
		"runs.0.upgraded",
		"runs.0.failed",
		"runs.0.ineligible",
		"runs.0.duration_s",
		"runs.0.wan.bytes_down",
		"runs.0.wan.bytes_up",
		"runs.0.wan.frames_lost",
		"runs.0.wan.busy_fraction",
		"runs.0.tftp.transfers",
		"runs.0.tftp.transfers_pfs",
		"runs.0.tftp.completed",
		"runs.0.tftp.rejected",
		"runs.0.tftp.blocks",
		"runs.0.tftp.retransmits",
		"runs.0.tftp.direct.0.phone",
		"runs.0.tftp.direct.0.file",
		"runs.0.tftp.direct.0.reason",
		"runs.0.peer.transfers",
		"runs.0.peer.bytes",
		"runs.0.peer.broadcasts",
		"runs.0.hierarchies.0.site",
		"runs.0.hierarchies.0.subnet",
		"runs.0.hierarchies.0.model",
		"runs.0.hierarchies.0.file",
		"runs.0.hierarchies.0.root",
		"runs.0.hierarchies.0.members",
		"runs.0.hierarchies.0.depth",
		"runs.0.hierarchies.0.roots_confirmed",
		"runs.0.hierarchies.0.wan_copies",
		"runs.0.hierarchies.0.confirmed_s",
		"runs.0.hierarchies.0.transfer_s",
		"runs.0.hierarchies.0.last_member_s",
		"runs.0.completion_s.p50",
		"runs.0.completion_s.p90",
		"runs.0.completion_s.p99",
		"runs.0.completion_s.max",
		"comparison.wan_bytes_ratio",
		"comparison.duration_ratio",
		"gates",
	};

	directs[0] = (struct run_direct){ FIXTURE_LEAF, FIXTURE_JAR, PFS_DIRECT_PORT_CLOSED };
	pfs.directs = directs;
	pfs.direct_count = 1;
	pfs.direct_by_reason[PFS_DIRECT_PORT_CLOSED] = 1;
	fixture.plan.seed = UINT64_MAX;
	report_judge(&report);
	char *text = report_summary(&report);
	ck_assert_ptr_nonnull(text);
	cJSON *json = cJSON_Parse(text);
	ck_assert_ptr_nonnull(json);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(at(json, names[i]) != NULL, "%s is missing", names[i]);
	ck_assert_str_eq(at(json, "schema")->valuestring, "pfs-fleet/summary/1");
	ck_assert_str_eq(at(json, "verdict")->valuestring, "pass");
	ck_assert_str_eq(at(json, "runs.0.tftp.direct.0.phone")->valuestring, "SEP000000000003");
	ck_assert_str_eq(at(json, "runs.0.tftp.direct.0.file")->valuestring, "jar41sccp.9-4-2ES26.sbn");
	ck_assert(cJSON_IsNull(at(json, "runs.0.hierarchies.1.root")));
	ck_assert(cJSON_IsNull(at(json, "runs.0.hierarchies.0.transfer_s")));
	ck_assert_double_eq_tol(at(json, "comparison.wan_bytes_ratio")->valuedouble, 0.25, 1e-9);
	ck_assert_double_eq_tol(at(json, "comparison.duration_ratio")->valuedouble, 0.5, 1e-9);
	/* 64 bits without loss, microseconds without float's noise */
	ck_assert_ptr_nonnull(strstr(text, "\"seed\":\t18446744073709551615,"));
	ck_assert_ptr_nonnull(strstr(text, "80.000001"));
	cJSON_Delete(json);
	free(text);
}
END_TEST

/* Long arrays end somewhere; counts and totals do not. */
START_TEST(long_arrays_are_capped)
{
	struct run_loser *many = calloc(REPORT_FAILURES_MAX + 5, sizeof(*many));

	for (uint32_t i = 0; i < REPORT_FAILURES_MAX + 5; i++)
		many[i] = (struct run_loser){ 1, RUN_END_FAILED, PFS_FAIL_DAMAGED, FIXTURE_JAR };
	pfs.losers = many;
	pfs.loser_count = REPORT_FAILURES_MAX + 5;
	pfs.failed = REPORT_FAILURES_MAX + 5;
	pfs.failures[PFS_FAIL_DAMAGED] = REPORT_FAILURES_MAX + 5;
	char *text = report_summary(&report);
	cJSON *json = cJSON_Parse(text);
	ck_assert_int_eq(cJSON_GetArraySize(at(json, "runs.0.failures")), REPORT_FAILURES_MAX);
	const cJSON *reasons = at(json, "runs.0.failures_by_reason");
	ck_assert_int_eq(at(reasons, pfs_failure_name(PFS_FAIL_DAMAGED))->valueint, REPORT_FAILURES_MAX + 5);
	cJSON_Delete(json);
	free(text);
	free(many);
}
END_TEST

static char table[8192];

static const char *print_table(void)
{
	FILE *stream = fmemopen(table, sizeof(table), "w");

	report_judge(&report);
	ck_assert_int_eq(report_table(&report, stream), 0);
	fclose(stream);
	return table;
}

static const char *first_line(void)
{
	static char line[200];

	print_table();
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(table, "\n"), table);
	return line;
}

/* A run that is scaled or sped says so in its first line. */
START_TEST(a_reduced_run_says_so_first)
{
	ck_assert_ptr_null(strstr(first_line(), "Not at full size"));
	fixture.plan.scale_ppm = 50000;
	ck_assert_ptr_nonnull(strstr(first_line(), "Not at full size: firmware at 5 %"));
	fixture.plan.scale_ppm = 1000000;
	fixture.plan.speed_milli = 2000;
	ck_assert_ptr_null(strstr(first_line(), "Not at full size")); /* virtual time has no speed */
	report.engine = "netns";
	ck_assert_ptr_nonnull(strstr(first_line(), "the clock at 2 times"));

	struct report_side side = { .plan = &fixture.plan,
				    .pfs = report.pfs,
				    .traditional = report.traditional };
	report.side = &side;
	ck_assert_ptr_nonnull(strstr(first_line(), "on the right the full size"));
	ck_assert_ptr_nonnull(strstr(table, "full: PFS"));
}
END_TEST

/* Failures stand there with their reasons and the phones' names. */
START_TEST(the_table_names_what_failed)
{
	losers[0] = (struct run_loser){ FIXTURE_CHILD, RUN_END_FAILED, PFS_FAIL_SERVER_SILENT, FIXTURE_JAR };
	losers[1] = (struct run_loser){ FIXTURE_LEAF, RUN_END_GONE, 0, PFS_NO_FILE };
	pfs.losers = losers;
	pfs.loser_count = 2;
	pfs.failed = pfs.gone = 1;
	pfs.failures[PFS_FAIL_SERVER_SILENT] = 1;
	pfs.direct_by_reason[PFS_DIRECT_PORT_CLOSED] = 3;
	const char *text = print_table();
	ck_assert_ptr_nonnull(strstr(text, pfs_failure_name(PFS_FAIL_SERVER_SILENT)));
	ck_assert_ptr_nonnull(strstr(text, pfs_direct_name(PFS_DIRECT_PORT_CLOSED)));
	ck_assert_ptr_nonnull(strstr(text, "SEP000000000002 CP-7961G, at jar41sccp.9-4-2ES26.sbn"));
	ck_assert_ptr_nonnull(strstr(text, "SEP000000000003 CP-7961G\n"));
	ck_assert_ptr_nonnull(strstr(text, "1  taken out for good by a fault: killed, crashed or made hostile\n"));
	ck_assert_ptr_nonnull(strstr(text, "Does not hold, PFS run: failed_max: 1, expected at most 0"));
	ck_assert_ptr_nonnull(strstr(text, "verdict: fail"));
}
END_TEST

/* What a scenario expects of a hierarchy that never got a root is told in words, not as the largest number. */
START_TEST(what_is_not_there_is_none)
{
	struct plan_expect_hierarchy wanted = { .names = { "hierarchies[0].root" },
						.site = -1,
						.subnet = -1,
						.model = -1,
						.file = FIXTURE_JAR,
						.root = FIXTURE_ROOT,
						.roots_confirmed = PLAN_UNSET,
						.wan_copies = PLAN_UNSET,
						.members = PLAN_UNSET,
						.depth_max = PLAN_UNSET };

	fixture.plan.expect.hierarchies = &wanted;
	fixture.plan.expect.hierarchy_count = 1;
	const char *text = print_table();
	ck_assert_ptr_nonnull(strstr(text, "Does not hold, PFS run: hierarchies[0].root: none, expected exactly "
					   "SEP000000000001\n"));
	ck_assert_ptr_null(strstr(text, "18446744073709551615"));
	char *summary = report_summary(&report);
	ck_assert_ptr_nonnull(strstr(summary, "\"value\":\tnull"));
	ck_assert_ptr_null(strstr(summary, "18446744073709551615"));
	free(summary);
	fixture.plan.expect.hierarchies = NULL;
	fixture.plan.expect.hierarchy_count = 0;
}
END_TEST

/* A broken invariant ended the run: it stands in what is kept of it, and nothing makes up for it. */
START_TEST(what_was_broken_is_told)
{
	struct world_report broken = world;

	char *summary = report_summary(&report);
	ck_assert_ptr_nonnull(strstr(summary, "\"violations\":\t[]"));
	free(summary);
	broken.violation = (struct world_violation){ "at most two children", 12500000, FIXTURE_CHILD, FIXTURE_LEAF };
	broken.inconclusive = true;
	report.pfs.world = &broken;
	const char *text = print_table();
	ck_assert_ptr_nonnull(strstr(text, "Broken, PFS run: at most two children (SEP000000000002 and "
					   "SEP000000000003, at 12.500000 s); it ended the run there\n"));
	ck_assert_ptr_nonnull(strstr(text, "verdict: fail"));
	summary = report_summary(&report);
	ck_assert_ptr_nonnull(strstr(summary, "\"invariant\":\t\"at most two children\""));
	ck_assert_ptr_nonnull(strstr(summary, "\"at_s\":\t12.500000"));
	ck_assert_ptr_nonnull(strstr(summary, "\"other\":\t\"SEP000000000003\""));
	ck_assert_ptr_null(strstr(summary, "\"full_size\""));
	free(summary);

	/* The same of the run at full size beside it. */
	struct report_side side = { .plan = &fixture.plan, .pfs = report.pfs, .traditional = report.traditional };
	report.pfs.world = &world;
	report.side = &side;
	text = print_table();
	ck_assert_ptr_nonnull(strstr(text, "Broken, full-size PFS run: at most two children (SEP000000000002 and "));
	ck_assert_ptr_null(strstr(text, "Broken, PFS run"));
	ck_assert_ptr_nonnull(strstr(text, "verdict: fail"));
	summary = report_summary(&report);
	ck_assert_ptr_nonnull(strstr(summary, "\"full_size\":\ttrue,\n\t\t\t\"invariant\":\t\"at most two children\""));
	free(summary);
}
END_TEST

/* Partial results are not blamed for what they lack. */
START_TEST(an_interrupted_run_blames_nobody)
{
	fixture.plan.expect.upgraded_min = FIXTURE_PHONES + 1;
	ck_assert_ptr_nonnull(strstr(print_table(), "Does not hold"));
	pfs.interrupted = true;
	ck_assert_ptr_null(strstr(print_table(), "Does not hold"));
	ck_assert_ptr_nonnull(strstr(table, "Interrupted: these results are partial."));
}
END_TEST

/* A run of one mode has one column and nothing to compare. */
START_TEST(one_mode_alone)
{
	report.pfs.result = NULL;
	const char *text = print_table();
	ck_assert_ptr_null(strstr(text, "PFS"));
	ck_assert_ptr_null(strstr(text, "ratio"));
	char *summary = report_summary(&report);
	ck_assert_ptr_nonnull(strstr(summary, "\"comparison\":\tnull"));
	free(summary);
}
END_TEST

START_TEST(units_are_for_people)
{
	ck_assert_str_eq(report_bytes(0).text, "0 B");
	ck_assert_str_eq(report_bytes(999).text, "999 B");
	ck_assert_str_eq(report_bytes(1000).text, "1.00 kB");
	ck_assert_str_eq(report_bytes(12345).text, "12.3 kB");
	ck_assert_str_eq(report_bytes(999999).text, "1.00 MB");
	ck_assert_str_eq(report_bytes(8127234000).text, "8.13 GB");
	ck_assert_str_eq(report_bytes(UINT64_MAX).text, "18.4 EB");
	ck_assert_str_eq(report_duration(0).text, "0.0 s");
	ck_assert_str_eq(report_duration(59949999).text, "59.9 s");
	ck_assert_str_eq(report_duration(59950000).text, "1:00 min");
	ck_assert_str_eq(report_duration(3599500000).text, "1:00:00 h");
	ck_assert_str_eq(report_duration(45000000000).text, "12:30:00 h");
	ck_assert_str_eq(report_duration(PFS_TIME_NEVER).text, "-");
	ck_assert_str_eq(report_count(7).text, "7");
	ck_assert_str_eq(report_count(1234567).text, "1,234,567");
	ck_assert_str_eq(report_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *tcase = tcase_create("report");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, a_good_run_passes);
	tcase_add_test(tcase, a_failed_phone_fails_the_run);
	tcase_add_test(tcase, expectations_hold_up_to_their_limits);
	tcase_add_test(tcase, what_cannot_be_trusted_is_inconclusive);
	tcase_add_test(tcase, what_goes_without_saying_is_judged);
	tcase_add_test(tcase, the_summary_has_its_names);
	tcase_add_test(tcase, long_arrays_are_capped);
	tcase_add_test(tcase, a_reduced_run_says_so_first);
	tcase_add_test(tcase, the_table_names_what_failed);
	tcase_add_test(tcase, what_is_not_there_is_none);
	tcase_add_test(tcase, what_was_broken_is_told);
	tcase_add_test(tcase, an_interrupted_run_blames_nobody);
	tcase_add_test(tcase, one_mode_alone);
	tcase_add_test(tcase, units_are_for_people);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
