/*
 * A fleet of several sites in virtual time comes to the same, byte for byte,
 * whether one event queue holds all of it or each site is a world of its own,
 * stopped at the server's gate or free, by one worker or by several: the whole
 * summary and detail are compared, and the trace where it can be.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/report/report.h"
#include "emulator/scenario/scenario.h"
#include "emulator/world.h"
#include "tests/tap.h"

#define SITES 6
#define HASH_PRIME UINT64_C(0x100000001b3)

enum how { TOGETHER, APART, APART_1, APART_3 };

struct outcome {
	char *summary, *detail;
	uint64_t traces;     /* of each phone in order, the phones' sums added: no order between phones */
	uint64_t *phone;     /* of each phone */
	uint64_t peak, rejected;
	struct world_violation violation;
	int error;
};

struct tapped {
	uint64_t *phone;
};

static void tap(void *context, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	uint64_t *hash = &((struct tapped *)context)->phone[phone];
	const uint64_t words[] = { now_us,
				   (uint64_t)trace->kind << 32 | trace->file,
				   (uint64_t)trace->xid << 32 | trace->address,
				   (uint64_t)trace->a << 32 | trace->b,
				   trace->c };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*hash = (*hash ^ words[i]) * HASH_PRIME;
		*hash ^= *hash >> 29;
	}
}

/* Sites of different sizes, links and luck; the last one has two subnets and two models. */
static struct plan *load(uint32_t serving_limit, const char *loss, const char *more)
{
	char text[8192];
	size_t length = 0;
	struct scenario_error error;
	struct plan *plan;

#define ADD(...) length += (size_t)snprintf(text + length, sizeof(text) - length, __VA_ARGS__)
	ADD("{\"name\":\"sites\",\"seed\":5,\"scale\":\"1/50\",\"enterprise\":{\"pfs\":\"enabled\"},"
	    "\"reset\":{\"pattern\":\"mass\",\"spread\":\"5s\"},\"server\":{\"serving_limit\":%u},%s\"sites\":[",
	    serving_limit, more);
	for (int i = 0; i < SITES; i++) {
		ADD("%s{\"name\":\"s%d\",\"wan\":{\"rate\":\"%dkbit\",\"rtt\":\"%dms\",\"loss\":\"%s\"},\"subnets\":["
		    "{\"name\":\"v\",\"network\":\"10.%d.0.0/22\",\"phones\":[{\"model\":\"7961\",\"count\":%d},"
		    "{\"model\":\"7941\",\"count\":2,\"pfs\":\"disabled\"}]}",
		    i ? "," : "", i, 1000 + 500 * (i % 3), 20 + 10 * (i % 4), loss, i, 3 + 5 * i);
		if (i == SITES - 1)
			ADD(",{\"name\":\"w\",\"network\":\"10.100.0.0/24\",\"phones\":[{\"model\":\"7911\",\"count\":9}]}");
		ADD("]}");
	}
	ADD("]}");
#undef ADD
	int r = scenario_load_text("sites", text, length, NULL, &plan, &error);
	if (r < 0)
		ck_abort_msg("%s", error.line);
	return plan;
}

static struct outcome run(const struct plan *plan, bool traditional, enum how how, bool tapped,
			  enum world_sabotage sabotage)
{
	struct outcome outcome = { .phone = calloc(plan->phone_count, sizeof(*outcome.phone)) };
	struct record *record = record_new(plan, traditional, NULL, 0);
	int kept = record_keep_copies(record);
	struct world_report world, blank = { 0 };
	struct tapped tap_context = { outcome.phone };
	struct world_options options = { .plan = plan,
					 .record = record,
					 .traditional = traditional,
					 .together = how == TOGETHER,
					 .workers = how == APART_1 ? 1 : how == APART_3 ? 3 : 0,
					 .tap = tapped ? tap : NULL,
					 .tap_context = &tap_context,
					 .sabotage = sabotage,
					 .quiet = true };

	ck_assert_int_eq(kept, 0);
	outcome.error = sim_world_run(&options, &world);
	outcome.violation = world.violation;
	const struct run_result *result = record_finish(record, world.ended_us, false);
	struct report report = { .plan = plan, .engine = "sim", .out_dir = "/none" };
	struct report_run *mine = traditional ? &report.traditional : &report.pfs;
	/* What depends on the host is the same for all. */
	*mine = (struct report_run){ .result = result, .world = &blank };
	report_judge(&report);
	outcome.summary = report_summary(&report);
	outcome.detail = report_detail(&report);
	ck_assert_ptr_nonnull(outcome.detail);
	outcome.peak = result->server.serving_peak;
	outcome.rejected = result->tftp_rejected;
	for (uint32_t i = 0; i < plan->phone_count; i++)
		outcome.traces += outcome.phone[i];
	record_free(record);
	return outcome;
}

static void done(struct outcome *outcome)
{
	free(outcome->summary);
	free(outcome->detail);
	free(outcome->phone);
}

/* From the runs on: what stands before tells of the host. */
static const char *runs_of(const struct outcome *outcome)
{
	const char *fidelity = strstr(outcome->summary, "\"setup\"");

	ck_assert_ptr_nonnull(fidelity);
	return strstr(fidelity, "\"runs\"");
}

static void ck_all_ways(const struct plan *plan, bool traditional, bool tapped, uint64_t peak_max)
{
	struct outcome together = run(plan, traditional, TOGETHER, tapped, WORLD_SABOTAGE_NONE);

	ck_assert_int_eq(together.error, 0);
	ck_assert_uint_le(together.peak, peak_max);
	for (enum how how = APART; how <= APART_3; how++) {
		struct outcome apart = run(plan, traditional, how, tapped, WORLD_SABOTAGE_NONE);
		ck_assert_int_eq(apart.error, 0);
		ck_assert_uint_eq(apart.peak, together.peak);
		ck_assert_str_eq(runs_of(&apart), runs_of(&together));
		/* Not ck_assert_str_eq: it would print both. */
		ck_assert_msg(strcmp(apart.detail, together.detail) == 0, "detail.json differs");
		ck_assert_mem_eq(apart.phone, together.phone, plan->phone_count * sizeof(*apart.phone));
		done(&apart);
	}
	done(&together);
}

/* Each site's root is far from the limit: nobody asks, and it is proved afterwards that nobody had to. */
START_TEST(free_sites_are_those_of_one_queue)
{
	struct plan *plan = load(500, "0%", "");

	ck_assert_uint_eq(sim_world_parts(plan, false), SITES);
	ck_assert_uint_le(plan_downloaders(plan, false), 500);
	for (int traditional = 0; traditional < 2; traditional++)
		ck_all_ways(plan, traditional, false, 499);
	plan_free(plan);
}
END_TEST

/* The same with every trace record of every phone, for which the worlds are gated. */
START_TEST(each_phones_trace_is_the_same)
{
	struct plan *plan = load(500, "0%", "");

	for (int traditional = 0; traditional < 2; traditional++)
		ck_all_ways(plan, traditional, true, 499);
	plan_free(plan);
}
END_TEST

/* The server serves fewer than want it: who is rejected depends on all sites, and is the same. */
START_TEST(a_limit_that_binds_is_shared)
{
	struct plan *plan = load(7, "0%", "");

	for (int traditional = 0; traditional < 2; traditional++) {
		struct outcome one = run(plan, traditional, APART, false, WORLD_SABOTAGE_NONE);
		ck_assert_uint_eq(one.peak, 7);
		ck_assert_uint_gt(one.rejected, 0);
		done(&one);
		ck_all_ways(plan, traditional, true, 7);
	}
	plan_free(plan);
}
END_TEST

/*
 * Transfers that linger at the server for want of an answer take its slots too:
 * 12 phones and 7 roots are at it in a PFS run, so a limit of 20 lets the sites
 * run free, but where so many packets are lost it is passed all the same, and
 * the run is made again with the gate.
 */
START_TEST(a_limit_that_binds_after_all_is_noticed)
{
	struct plan *plan = load(20, "40%", "\"time_limit\":\"2h\",");

	ck_assert_uint_le(plan_downloaders(plan, false), 20);
	struct outcome untapped = run(plan, false, APART, false, WORLD_SABOTAGE_NONE);
	struct outcome gated = run(plan, false, APART_3, true, WORLD_SABOTAGE_NONE);
	ck_assert_uint_eq(untapped.peak, 20);
	ck_assert_uint_gt(untapped.rejected, 0);
	ck_assert_str_eq(runs_of(&untapped), runs_of(&gated));
	ck_assert_msg(strcmp(untapped.detail, gated.detail) == 0, "detail.json differs");
	done(&untapped);
	done(&gated);
	plan_free(plan);
}
END_TEST

/* What breaks first in the fleet's time is reported, whoever finds it first. */
START_TEST(the_first_violation_counts)
{
	struct plan *plan = load(500, "0%", "");
	struct outcome one = run(plan, false, APART_1, false, WORLD_SABOTAGE_ALIVE_LOST);
	struct outcome three = run(plan, false, APART_3, false, WORLD_SABOTAGE_ALIVE_LOST);

	ck_assert_int_eq(one.error, three.error);
	ck_assert_str_eq(one.violation.invariant, three.violation.invariant);
	ck_assert_uint_eq(one.violation.at_us, three.violation.at_us);
	ck_assert_uint_eq(one.violation.phone, three.violation.phone);
	ck_assert_uint_eq(one.violation.other, three.violation.other);
	ck_assert_str_eq(runs_of(&one), runs_of(&three));
	done(&one);
	done(&three);
	plan_free(plan);
}
END_TEST

/* Until when a fault may strike, and whom, the whole fleet decides: then it is one world. */
START_TEST(faults_hold_the_fleet_together)
{
	struct plan *plan =
		load(500, "0%", "\"faults\":[{\"kind\":\"kill\",\"role\":\"root\",\"phase\":\"tftp\",\"percent\":50}],");

	ck_assert_uint_eq(sim_world_parts(plan, false), 1);
	ck_assert_uint_eq(sim_world_parts(plan, true), SITES);
	plan_free(plan);
}
END_TEST

struct lines {
	const struct plan *plan;
	uint64_t bytes;
};

static void add_line(void *context, int severity, bool pfs, const char *line)
{
	struct lines *lines = context;

	if (!pfs && severity > 5)
		return;
	lines->bytes += strlen(line) + 28;
}

static void tap_lines(void *context, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct lines *lines = context;
	struct pfs_config config;

	plan_phone_config(lines->plan, phone, false, 0, &config);
	console_render(&config, now_us, trace, add_line, lines);
}

static struct run_result run_logged(const struct plan *plan, struct lines *lines)
{
	struct record *record = record_new(plan, false, NULL, 0);
	struct world_report world;
	struct world_options options = { .plan = plan, .record = record, .tap = tap_lines, .tap_context = lines };

	lines->plan = plan;
	ck_assert_int_eq(sim_world_run(&options, &world), 0);
	struct run_result result = *record_finish(record, world.ended_us, false);
	ck_assert_uint_eq(result.upgraded, plan->phone_count);
	ck_assert_uint_eq(result.tftp_retransmits + result.client_retransmits, 0);
	record_free(record);
	return result;
}

/* F14: each line whose level is wanted is a datagram up the WAN; to nobody they end when that is known. */
START_TEST(console_lines_cross_the_wan)
{
	struct plan *silent = load(500, "0%", "");
	struct plan *logged = load(500, "0%", "\"log_server\":\"10.255.255.1:5140@@base=0-5;pfs=0-1\",");
	struct plan *nobody = load(500, "0%", "\"log_server\":\"10.9.9.9:5140@@base=0-5;pfs=0-1\",");
	struct lines none = { 0 }, lines = { 0 };
	struct run_result without = run_logged(silent, &none), with = run_logged(logged, &lines),
			  in_vain = run_logged(nobody, &none);

	ck_assert_uint_gt(lines.bytes, 100000);
	ck_assert_uint_eq(with.wan_bytes_up - without.wan_bytes_up, lines.bytes);
	ck_assert_uint_eq(with.wan_bytes_down, without.wan_bytes_down);
	ck_assert_uint_gt(in_vain.wan_bytes_down, without.wan_bytes_down);
	ck_assert_uint_gt(in_vain.wan_bytes_up, without.wan_bytes_up);
	ck_assert_uint_lt(in_vain.wan_bytes_up - without.wan_bytes_up, lines.bytes / 4);
	plan_free(silent);
	plan_free(logged);
	plan_free(nobody);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sites");
	TCase *tests = tcase_create("sites");

	tcase_set_timeout(tests, 240);
	tcase_add_test(tests, free_sites_are_those_of_one_queue);
	tcase_add_test(tests, each_phones_trace_is_the_same);
	tcase_add_test(tests, a_limit_that_binds_is_shared);
	tcase_add_test(tests, a_limit_that_binds_after_all_is_noticed);
	tcase_add_test(tests, the_first_violation_counts);
	tcase_add_test(tests, faults_hold_the_fleet_together);
	tcase_add_test(tests, console_lines_cross_the_wan);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
