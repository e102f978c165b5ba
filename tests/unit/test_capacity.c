/*
 * Planning without a run: what is read from the command line, the scenario that
 * a question becomes, the bound's arithmetic, the search for a point, and the
 * cache, which is to believe nothing that is not whole.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/capacity/bound.h"
#include "emulator/capacity/cache.h"
#include "emulator/capacity/hunt.h"
#include "emulator/capacity/pool.h"
#include "emulator/capacity/question.h"
#include "emulator/capacity/sweep.h"
#include "emulator/scenario/scenario.h"
#include "pfs-core/timers.h"

static char error[QUESTION_ERROR_MAX];

/* A question of one line, or a failed test. */
static struct question question_of(uint64_t phones, const char *models, uint64_t subnets, uint64_t bps, uint64_t rtt_us)
{
	struct question question;

	question_init(&question);
	ck_assert_int_eq(question_parse_models(models, &question, error), 0);
	question.setting.phones = phones;
	question.setting.subnets = subnets;
	question.setting.wan_bps = bps;
	question.setting.rtt_us = rtt_us;
	return question;
}

static struct plan *plan_of(const struct question *question)
{
	struct scenario_error bad;
	struct plan *plan;
	char *text = question_text(question, &question->setting, question->seed, error);

	ck_assert_ptr_nonnull(text);
	ck_assert_msg(scenario_load_text("t", text, strlen(text), NULL, &plan, &bad) == 0, "%s", bad.line);
	free(text);
	return plan;
}

/* ------------------------------------------------------------- questions */

START_TEST(models_add_up)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "7961:60,7941:30", "adds up to 90 %" },
		{ "7961:60,7941:41", "adds up to 101 %" },
		{ "7961:60,7961G:40", "named twice" },
		{ "7942:100", "unknown model" },
		{ "", "unknown model" },
		{ "7961:0,7941:100", "not a percentage" },
		{ "7961:x", "not a percentage" },
		{ "7961:1000", "not a percentage" },
		{ "7961:50,,7941:50", "unknown model" },
	};
	struct question question;

	question_init(&question);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(question_parse_models(bad[i].text, &question, error), -EINVAL);
		ck_assert_msg(strstr(error, bad[i].says) != NULL, "\"%s\" says: %s", bad[i].text, error);
	}
	ck_assert_int_eq(question_parse_models("7961", &question, error), 0);
	ck_assert_int_eq(question_parse_models("7961:33.3,7941:66.7", &question, error), 0);
	ck_assert_str_eq(question.models[1].name, "CP-7941G");
}
END_TEST

START_TEST(values_have_ranges_and_units)
{
	struct question_reset reset;
	uint64_t value;

	ck_assert_int_eq(question_parse_window("0s", &value, error), -EINVAL);
	ck_assert_int_eq(question_parse_window("8", &value, error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "a unit is missing"));
	ck_assert_int_eq(question_parse_window("8h", &value, error), 0);
	ck_assert_uint_eq(value, 8 * UINT64_C(3600000000));
	ck_assert_int_eq(question_parse_wan("0kbit", &value, error), -EINVAL);
	ck_assert_int_eq(question_parse_wan("1.5mb", &value, error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "unknown unit"));
	ck_assert_int_eq(question_parse_rtt("21s", &value, error), -EINVAL);
	ck_assert_int_eq(question_parse_rtt("0ms", &value, error), 0);
	ck_assert_int_eq(question_parse_phones("0", &value, error), -EINVAL);
	ck_assert_int_eq(question_parse_phones("-1", &value, error), -EINVAL);
	ck_assert_int_eq(question_parse_phones("4000001", &value, error), -EINVAL);
	ck_assert_int_eq(question_parse_subnets("4097", &value, error), -EINVAL);
	ck_assert_int_eq(question_parse_reset("mass", &reset, error), 0);
	ck_assert_int_eq(question_parse_reset("staggered:30m", &reset, error), 0);
	ck_assert(reset.staggered && reset.time_us == 1800 * UINT64_C(1000000));
	ck_assert_int_eq(question_parse_reset("staggered", &reset, error), -EINVAL);
	ck_assert_int_eq(question_parse_reset("staggered:0s", &reset, error), -EINVAL);
	ck_assert_int_eq(question_parse_reset("massive:1s", &reset, error), -EINVAL);
}
END_TEST

START_TEST(every_phone_has_a_model_and_a_subnet)
{
	for (uint64_t phones = 1; phones < 40; phones++) {
		struct question question = question_of(phones, "7961:60,7941:30,7906:10", 4, 1536000, 30000);
		question.setting.scale_ppm = 1000; /* the firmware is not looked at, and 20 MB of it take a while */
		uint64_t counts[QUESTION_MODELS_MAX], least = UINT64_MAX, most = 0;
		struct plan *plan = plan_of(&question);

		question_counts(&question, phones, counts);
		ck_assert_uint_eq(counts[0] + counts[1] + counts[2], phones);
		ck_assert_uint_eq(plan->phone_count, phones);
		ck_assert_uint_eq(plan->subnet_count, phones < 4 ? phones : 4);
		for (uint32_t i = 0; i < plan->subnet_count; i++) {
			least = plan->subnets[i].phone_count < least ? plan->subnets[i].phone_count : least;
			most = plan->subnets[i].phone_count > most ? plan->subnets[i].phone_count : most;
		}
		ck_assert_uint_le(most - least, 1);
		plan_free(plan);
	}
}
END_TEST

START_TEST(fleets_without_addresses_are_refused)
{
	struct question question = question_of(4000000, "7961", 17, 1536000, 30000);
	char *text = question_text(&question, &question.setting, 1, error);

	ck_assert_ptr_nonnull(text);
	free(text);
	/* One address more than 2^22 each: three networks of 2^23, and 10.0.0.0/8 has two. */
	question.setting.subnets = 3;
	question.setting.phones = 3 * ((UINT64_C(1) << 22) - 2);
	ck_assert_ptr_null(question_text(&question, &question.setting, 1, error));
	ck_assert_ptr_nonnull(strstr(error, "more addresses"));
}
END_TEST

START_TEST(the_mean_round_trip_is_what_was_asked)
{
	static const uint64_t rates[] = { 64000, 384000, 1536000, 100000000 };

	for (size_t i = 0; i < 4; i++) {
		struct question question = question_of(10, "7961", 1, rates[i], 30000);
		struct plan *plan = plan_of(&question);
		const struct link_config *down = &plan->sites[0].down, *up = &plan->sites[0].up;

		ck_assert_uint_le(30000 - (down->delay_us + up->delay_us + (down->jitter_us + up->jitter_us) / 2), 1);
		ck_assert_uint_gt(down->jitter_us, 0);
		plan_free(plan);
	}
}
END_TEST

START_TEST(scenarios_keep_what_is_not_asked)
{
	struct scenario_error bad;
	struct question question;
	struct plan *plan;

	question_init(&question);
	ck_assert_msg(question_take_scenario(&question, SOURCE_ROOT "/scenarios/branch-office.json", &bad) == 0, "%s",
		      bad.line);
	ck_assert_uint_eq(question.setting.phones, 122);
	ck_assert_uint_eq(question.setting.wan_bps, 1536000);
	ck_assert_uint_eq(question.setting.rtt_us, 30000);
	question.setting.wan_bps = 384000;
	plan = plan_of(&question);
	ck_assert_uint_eq(plan->sites[0].down.rate_bps, 384000);
	ck_assert_uint_eq(plan->phone_count, 122);
	ck_assert_uint_eq(plan->expect.upgraded_min, PLAN_UNSET);
	plan_free(plan);
	struct question_setting more = question.setting;
	more.phones = 123;
	ck_assert_ptr_null(question_text(&question, &more, 1, error));
	ck_assert_ptr_nonnull(strstr(error, "its own"));
	question_deinit(&question);
}
END_TEST

/* A scenario's scale has its runs done sooner; what is planned is the fleet with all of its firmware. */
START_TEST(scenarios_are_of_their_full_size)
{
	struct scenario_error bad;
	struct question question;
	struct plan *plan;

	question_init(&question);
	ck_assert_msg(question_take_scenario(&question, SOURCE_ROOT "/scenarios/library/branch-t1.json", &bad) == 0, "%s",
		      bad.line);
	ck_assert_uint_eq(question.own_scale_ppm, 25000);
	plan = plan_of(&question);
	ck_assert_uint_eq(plan->scale_ppm, 1000000);
	plan_free(plan);
	question.setting.scale_ppm = 1000; /* as --validate has it: of the full size */
	plan = plan_of(&question);
	ck_assert_uint_eq(plan->scale_ppm, 1000);
	plan_free(plan);
	question_deinit(&question);
}
END_TEST

static char *text_of(const struct question *question)
{
	return question_text(question, &question->setting, question->seed, error);
}

/* A what-if that is what the phones do leaves no trace: its runs are those of the question without it. */
START_TEST(what_ifs_are_said_where_they_are)
{
	struct question question = question_of(9, "7961", 1, 1536000, 20000);
	char *plain = text_of(&question), *knobs;
	char text[PLAN_WHAT_IF_MAX];

	ck_assert_ptr_null(strstr(plain, "what_if"));
	ck_assert_int_eq(question_parse_what_if("fan-out=2", &question.setting, error), 0);
	knobs = text_of(&question);
	ck_assert_str_eq(knobs, plain);
	free(knobs);
	ck_assert_int_eq(question_parse_what_if("fan-out=3", &question.setting, error), -EINVAL); /* twice */
	question.setting.fan_out = QUESTION_UNSAID;
	ck_assert_int_eq(question_parse_what_if("fan-out=3", &question.setting, error), 0);
	knobs = text_of(&question);
	ck_assert_ptr_nonnull(strstr(knobs, "\"what_if\":{\"fan_out\":3}"));
	free(knobs);
	struct plan *plan = plan_of(&question);
	ck_assert_str_eq(plan_what_if_text(&plan->what_if, text), "what-if: fan-out 3");
	plan_free(plan);
	ck_assert_int_eq(question_parse_what_if("waits=35%", &question.setting, error), 0);
	plan = plan_of(&question);
	ck_assert_str_eq(plan_what_if_text(&plan->what_if, text), "what-if: fan-out 3, waits 35 %");
	plan_free(plan);
	ck_assert_int_eq(question_parse_what_if("forward-early", &question.setting, error), 0);
	plan = plan_of(&question);
	ck_assert_str_eq(plan_what_if_text(&plan->what_if, text),
			 "what-if: fan-out 3, waits 35 %, files forwarded early");
	plan_free(plan);
	question_as_real(&question.setting);
	knobs = text_of(&question);
	ck_assert_str_eq(knobs, plain);
	free(knobs);
	free(plain);
	question.setting = question_of(9, "7961", 1, 1536000, 20000).setting;
	ck_assert_int_eq(question_parse_what_if("fan-out=5", &question.setting, error), -EINVAL);
	ck_assert_int_eq(question_parse_what_if("waits=101%", &question.setting, error), -EINVAL);
	ck_assert_int_eq(question_parse_what_if("waits=0.5", &question.setting, error), -EINVAL);
	ck_assert_int_eq(question_parse_what_if("fanout=3", &question.setting, error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "use fan-out="));
}
END_TEST

/* ---------------------------------------------------------------- bounds */

START_TEST(bound_of_one_phone_is_its_round_trips)
{
	struct question question = question_of(1, "7961", 1, 1536000, 20000);
	struct plan *plan = plan_of(&question);
	struct capacity_bound bound;
	uint64_t blocks = 0, bytes = 0;

	for (uint32_t i = 0; i < plan->firmware[0].file_count; i++) {
		blocks += plan->firmware[0].files[i].size / 512 + 1;
		bytes += plan->firmware[0].files[i].size;
	}
	ck_assert_int_eq(capacity_bound(plan, true, &bound), 0);
	ck_assert_uint_eq(bound.term, BOUND_TRIPS);
	ck_assert_uint_eq(bound.bytes_down, bytes + 32 * blocks);
	uint64_t expected = blocks * 20000 + (bytes + 32 * blocks) * 8 * 1000 / 1536 + blocks * 32 * 8 * 1000 / 1536;
	ck_assert_uint_le(bound.total_us > expected ? bound.total_us - expected : expected - bound.total_us,
			  expected / 1000);
	/* By PFS the same and six waits: alone it has no tree. */
	uint64_t traditional_us = bound.total_us;
	ck_assert_int_eq(capacity_bound(plan, false, &bound), 0);
	ck_assert_uint_eq(bound.tree_us, 0);
	ck_assert_uint_eq(bound.depth, 1);
	ck_assert_uint_eq(bound.total_us - bound.waits_us, traditional_us);
	ck_assert_uint_ge(bound.waits_us, 6 * (PFS_ROOT_WAITING_US + PFS_CLAIMS * PFS_CLAIM_INTERVAL_US));
	plan_free(plan);
}
END_TEST

START_TEST(bound_of_many_is_their_bytes)
{
	struct question question = question_of(1000, "7961", 4, 1536000, 20000);
	struct plan *plan = plan_of(&question);
	struct capacity_bound bound;

	ck_assert_int_eq(capacity_bound(plan, true, &bound), 0);
	ck_assert_uint_eq(bound.term, BOUND_BYTES);
	ck_assert_uint_eq(bound.total_us, bound.bytes_us);
	ck_assert_uint_eq(bound.sessions, 1000);
	ck_assert_int_eq(capacity_bound(plan, false, &bound), 0);
	ck_assert_uint_eq(bound.sessions, 4);
	ck_assert_uint_eq(bound.depth, 8); /* 250 phones: 2^8 - 1 would be full */
	ck_assert_uint_gt(bound.tree_us, 0);
	plan_free(plan);
}
END_TEST

/* What-if: forwarded as it comes, the last file costs no level of the tree but where a port is too slow for it. */
START_TEST(bound_knows_early_forwarding)
{
	struct question question = question_of(20, "7961", 1, 1536000, 20000);
	struct capacity_bound whole, early;

	struct plan *plan = plan_of(&question);
	ck_assert_int_eq(capacity_bound(plan, false, &whole), 0);
	plan_free(plan);
	question.setting.forward_early = 1;
	plan = plan_of(&question);
	ck_assert(plan->what_if.forward_early);
	ck_assert_int_eq(capacity_bound(plan, false, &early), 0);
	ck_assert_uint_gt(whole.tree_us, 0);
	ck_assert_uint_eq(early.tree_us, 0);
	ck_assert_uint_eq(whole.total_us - whole.tree_us, early.total_us);
	/* On ports of 100 kb/s the root's own two children are what takes longest. */
	for (uint32_t i = 0; i < plan->phone_count; i++)
		plan->phones[i].port_bps = 100000;
	const struct plan_firmware *firmware = &plan->firmware[0];
	uint64_t size = firmware->files[firmware->file_count - 1].size;
	ck_assert_int_eq(capacity_bound(plan, false, &early), 0);
	ck_assert_uint_gt(early.tree_us, 0);
	ck_assert_uint_lt(early.tree_us, 2 * size * 8 * 10 + 1); /* at most all of it: 10 us a bit */
	plan_free(plan);
}
END_TEST

/* What-if: an election's waits are the same share of what they were, and nothing else is. */
START_TEST(bound_knows_the_waits)
{
	struct question question = question_of(20, "7961", 1, 1536000, 20000);
	struct plan *plan = plan_of(&question);
	struct capacity_bound whole, half;

	ck_assert_int_eq(capacity_bound(plan, false, &whole), 0);
	plan_free(plan);
	question.setting.waits_percent = 50;
	plan = plan_of(&question);
	ck_assert_int_eq(capacity_bound(plan, false, &half), 0);
	ck_assert_uint_gt(whole.waits_us, 0);
	ck_assert_uint_eq(whole.waits_us, 2 * half.waits_us);
	ck_assert_uint_eq(whole.total_us - whole.waits_us, half.total_us - half.waits_us);
	plan_free(plan);
}
END_TEST

/* What-if: a flatter tree has fewer levels, and more children share a port. */
START_TEST(bound_knows_the_fan_out)
{
	static const uint64_t depths[] = { 0, 20, 5, 4, 3 }; /* of 20 phones */
	struct question question = question_of(20, "7961", 1, 1536000, 20000);
	struct capacity_bound bound, traditional;
	uint64_t tree_us = 0;

	for (uint64_t fan_out = 1; fan_out <= PFS_FAN_OUT_MAX; fan_out++) {
		question.setting.fan_out = fan_out;
		struct plan *plan = plan_of(&question);
		ck_assert_int_eq(capacity_bound(plan, false, &bound), 0);
		ck_assert_int_eq(capacity_bound(plan, true, &traditional), 0);
		ck_assert_uint_eq(bound.depth, depths[fan_out]);
		/* In transfers of the last file by an unshared port: all levels but the last two are full. */
		uint64_t transfers = (depths[fan_out] - 2) * fan_out + 1;
		if (fan_out == 1)
			tree_us = bound.tree_us / transfers;
		ck_assert_uint_gt(tree_us, 0);
		ck_assert_uint_eq(bound.tree_us, transfers * tree_us);
		ck_assert_uint_eq(traditional.tree_us, 0);
		plan_free(plan);
	}
}
END_TEST

START_TEST(bound_knows_the_servers_limit)
{
	struct question question = question_of(1000, "7961", 1, UINT64_C(1000000000), 150000);
	struct plan *plan = plan_of(&question);
	struct capacity_bound bound;

	ck_assert_int_eq(capacity_bound(plan, true, &bound), 0);
	ck_assert_uint_eq(bound.term, BOUND_SERVING); /* 500 at once: two turns */
	ck_assert_uint_ge(bound.total_us, 2 * bound.trips_us - 1000);
	plan_free(plan);
}
END_TEST

/* ---------------------------------------------------------------- searches */

/* A way that leaves phones behind is soon at its end, with few bytes: neither speaks for it. */
START_TEST(who_leaves_phones_behind_saves_nothing)
{
	struct capacity_outcome pfs = { .phones = 20, .upgraded = 20, .duration_us = 9000, .wan_bytes_down = 800 };
	struct capacity_outcome traditional = { .phones = 20, .failed = 20, .duration_us = 100, .wan_bytes_down = 10,
						.bound = { .bytes_down = 16000 } };

	ck_assert(outcome_saves_time(&pfs, &traditional));
	ck_assert(outcome_saves_bytes(&pfs, &traditional));
	ck_assert(!outcome_saves_time(&traditional, &pfs));
	traditional.failed = 0;
	ck_assert(!outcome_saves_time(&pfs, &traditional));
	ck_assert(!outcome_saves_bytes(&pfs, &traditional));
	pfs.failed = traditional.failed = 3;
	pfs.duration_us = 99;
	ck_assert(outcome_saves_time(&pfs, &traditional));
	pfs.failed = 4;
	ck_assert(!outcome_saves_time(&pfs, &traditional));
}
END_TEST

START_TEST(hunts_find_the_point)
{
	static const uint64_t points[] = { 1, 2, 17, 999, 1000, 123456, 999999 };
	static const uint64_t guesses[] = { 1, 1000, 1000000 };

	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		for (size_t k = 0; k < 3; k++) {
			struct hunt hunt;
			uint64_t tries[HUNT_TRIES];
			uint32_t count, runs = 0;

			hunt_begin(&hunt, 1, 1000000, 0, 0, guesses[k]);
			while ((count = hunt_next(&hunt, tries))) {
				for (uint32_t t = 0; t < count; t++) {
					ck_assert(tries[t] >= 1 && tries[t] <= 1000000);
					hunt_tell(&hunt, tries[t], tries[t] >= points[i]);
				}
				hunt_step(&hunt);
				runs += count;
			}
			ck_assert_msg(hunt.holds == points[i], "%lu from %lu: %lu", (unsigned long)points[i],
				      (unsigned long)guesses[k], (unsigned long)hunt.holds);
			ck_assert_uint_le(runs, 60);
		}
}
END_TEST

START_TEST(hunts_end_where_there_is_none)
{
	struct hunt hunt;
	uint64_t tries[HUNT_TRIES];
	uint32_t count;

	hunt_begin(&hunt, 1000, 100000, 20000, 3, 5000);
	while ((count = hunt_next(&hunt, tries))) {
		for (uint32_t t = 0; t < count; t++)
			hunt_tell(&hunt, tries[t], false);
		hunt_step(&hunt);
	}
	ck_assert_uint_eq(hunt.holds, 0);
	ck_assert_uint_eq(hunt.fails, 100000);
	ck_assert_uint_eq(hunt_round(28653, 3, true), 28700);
	ck_assert_uint_eq(hunt_round(28653, 3, false), 28600);
	ck_assert_uint_eq(hunt_round(28653, 0, true), 28653);
}
END_TEST

/* ------------------------------------------------------------------ sweeps */

START_TEST(sweeps_are_read)
{
	static const char *const bad[] = { "phones",	   "phone=1",	       "phones=",      "phones=1..10", "phones=10..1:3",
					   "phones=1..9:1", "phones=1,1",      "wan=1,2",      "rtt=10ms..20ms:99",
					   "reset=mass:1s..2s:3", "fan-out=0..3", "fan-out=2..5", "fan-out=3..1", "fan-out=2,2",  "waits=9%",
					   "waits=50" };
	struct sweep sweep = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(sweep_parse(bad[i], &sweep, error) == -EINVAL && *error, "%s", bad[i]);
	ck_assert_uint_eq(sweep.axis_count, 0);
	ck_assert_int_eq(sweep_parse("phones=10..1000:3", &sweep, error), 0);
	ck_assert_uint_eq(sweep.axes[0].count, 3);
	ck_assert_uint_eq(sweep.axes[0].values[1], 100);
	ck_assert_int_eq(sweep_parse("rtt=0ms..20ms:3", &sweep, error), 0);
	ck_assert_uint_eq(sweep.axes[1].values[1], 10000);
	ck_assert_int_eq(sweep_parse("reset=mass,staggered:30m", &sweep, error), 0);
	ck_assert_uint_eq(sweep.axes[2].count, 2);
	ck_assert_int_eq(sweep_parse("phones=1,2", &sweep, error), -EINVAL); /* again */
	ck_assert_int_eq(sweep_parse("subnets=1..3:9", &sweep, error), 0);
	ck_assert_uint_eq(sweep.axes[3].count, 3);
	ck_assert_int_eq(sweep_parse("fan-out=1..4", &sweep, error), 0);
	ck_assert_uint_eq(sweep.axes[4].count, 4);
	ck_assert_uint_eq(sweep.axes[4].values[3], 4);
	ck_assert_int_eq(sweep_parse("waits=10%,100%", &sweep, error), 0);
	ck_assert_uint_eq(sweep.axes[5].values[0], 10);
}
END_TEST

/* ------------------------------------------------------------------- cache */

static char folder[] = "/tmp/pfs-capacity-XXXXXX";

static void make_folder(void)
{
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("XDG_CACHE_HOME", folder, 1);
}

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

/* The one file of the cache; how many there are otherwise. */
static uint32_t find_entry(const struct cache *cache, char *path, size_t size)
{
	char command[4200], line[4096];
	uint32_t count = 0;
	FILE *found;

	snprintf(command, sizeof(command), "find '%s' -type f", cache->folder);
	found = popen(command, "r");
	while (fgets(line, sizeof(line), found)) {
		line[strcspn(line, "\n")] = '\0';
		snprintf(path, size, "%s", line);
		count++;
	}
	pclose(found);
	return count;
}

static const struct capacity_outcome some = { .phones = 7, .duration_us = UINT64_C(1234567890123), .bound = { .term = 1 } };

START_TEST(results_are_kept_by_all_they_depend_on)
{
	struct capacity_outcome outcome;
	struct cache cache, other;

	ck_assert_int_eq(cache_open(&cache, "abc"), 0);
	struct cache_key key = cache_key(&cache, "text", false, 0);
	ck_assert(!cache_load(&cache, &key, &outcome));
	ck_assert_int_eq(cache_store(&cache, &key, &some), 0);
	ck_assert(cache_load(&cache, &key, &outcome));
	ck_assert_mem_eq(&outcome, &some, sizeof(some));
	struct cache_key others[] = { cache_key(&cache, "text", true, 0), cache_key(&cache, "texu", false, 0),
				      cache_key(&cache, "text", false, 1) };
	for (size_t i = 0; i < 3; i++)
		ck_assert(!cache_load(&cache, &others[i], &outcome));
	ck_assert_int_eq(cache_open(&other, "abd"), 0);
	key = cache_key(&other, "text", false, 0);
	ck_assert(!cache_load(&other, &key, &outcome));
}
END_TEST

/* Each byte changed, and each length shorter: never believed, and replaced by the next. */
START_TEST(what_is_damaged_is_not_believed)
{
	struct capacity_outcome outcome;
	char path[4096], text[8192];
	struct cache cache;

	ck_assert_int_eq(cache_open(&cache, "abc"), 0);
	struct cache_key key = cache_key(&cache, "text", false, 0);
	ck_assert_int_eq(cache_store(&cache, &key, &some), 0);
	ck_assert_uint_eq(find_entry(&cache, path, sizeof(path)), 1);
	/* In place: a file that is emptied and written again is flushed to the disk by some file systems, each time. */
	int file = open(path, O_RDWR | O_CLOEXEC);
	ssize_t length = pread(file, text, sizeof(text), 0);
	ck_assert_int_gt(length, 0);
	for (ssize_t i = 0; i < length; i++) {
		char other = text[i] ^ 1;
		ck_assert_int_eq(pwrite(file, &other, 1, i), 1);
		ck_assert_msg(!cache_load(&cache, &key, &outcome), "byte %zd", i);
		ck_assert_int_eq(pwrite(file, &text[i], 1, i), 1);
	}
	ck_assert(cache_load(&cache, &key, &outcome)); /* it was the bytes */
	while (length--) {
		ck_assert_int_eq(ftruncate(file, length), 0);
		ck_assert_msg(!cache_load(&cache, &key, &outcome), "length %zd", length);
	}
	close(file);
	ck_assert_int_eq(cache_store(&cache, &key, &some), 0);
	ck_assert(cache_load(&cache, &key, &outcome));
	ck_assert_uint_eq(find_entry(&cache, path, sizeof(path)), 1);
}
END_TEST

START_TEST(a_folder_that_takes_nothing_is_an_error)
{
	struct cache cache;
	char path[4096];

	snprintf(path, sizeof(path), "%s/file", folder);
	FILE *file = fopen(path, "w");
	fclose(file);
	setenv("XDG_CACHE_HOME", path, 1);
	ck_assert_int_eq(cache_open(&cache, "abc"), 0);
	struct cache_key key = cache_key(&cache, "text", false, 0);
	ck_assert_int_eq(cache_store(&cache, &key, &some), -ENOTDIR);
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	ck_assert_int_eq(cache_open(&cache, "abc"), -ENOENT);
	ck_assert_int_eq(cache_store(&cache, &key, &some), 0); /* off is no error */
	setenv("HOME", folder, 1);
	setenv("XDG_CACHE_HOME", "relative", 1);
	ck_assert_int_eq(cache_open(&cache, "abc"), 0);
	ck_assert_ptr_nonnull(strstr(cache.folder, "/.cache/pfs-fleet/abc"));
}
END_TEST

/* ----------------------------------------------------------------- memory */

static void add_three(struct runs *runs, uint64_t *needed)
{
	struct question question = question_of(3, "7961:100", 1, 10000000, 10000);
	struct plan *plan = plan_of(&question);

	*needed = plan->needs.virtual_bytes;
	plan_free(plan);
	*runs = (struct runs){ 0 };
	for (uint64_t seed = 1; seed < 4; seed++)
		ck_assert_int_eq(runs_add(runs, question_text(&question, &question.setting, seed, error), false, 1), 0);
}

/* Runs that do not fit beside each other go one after the other; one that never fits says so, and whose fault it is. */
START_TEST(runs_wait_for_memory)
{
	static volatile sig_atomic_t stop;
	struct cache none = { 0 };
	struct pool pool = { .cache = &none, .path = "t", .workers = 3, .stop = &stop, .quiet = true };
	struct runs runs;
	uint64_t needed;

	add_three(&runs, &needed);
	pool.memory_bytes = needed;
	ck_assert_int_eq(pool_go(&pool, &runs), 0);
	ck_assert_uint_eq(pool.simulated, 3);
	ck_assert_uint_eq(pool.memory_peak, needed);
	ck_assert(!pool.host_lacks);
	runs_free(&runs);
	add_three(&runs, &needed);
	pool.memory_bytes = needed - 1;
	ck_assert_int_eq(pool_go(&pool, &runs), -EINVAL);
	ck_assert(pool.host_lacks);
	ck_assert_uint_eq(pool.simulated, 3);
	ck_assert_int_eq(runs.list[0].state, POOL_BAD);
	ck_assert_msg(strstr(runs.list[0].error, "3 phones need some "), "%s", runs.list[0].error);
	runs_free(&runs);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("capacity");
	TCase *tcase = tcase_create("capacity"), *cached = tcase_create("cache");

	tcase_add_test(tcase, models_add_up);
	tcase_add_test(tcase, values_have_ranges_and_units);
	tcase_add_test(tcase, every_phone_has_a_model_and_a_subnet);
	tcase_add_test(tcase, fleets_without_addresses_are_refused);
	tcase_add_test(tcase, the_mean_round_trip_is_what_was_asked);
	tcase_add_test(tcase, scenarios_keep_what_is_not_asked);
	tcase_add_test(tcase, scenarios_are_of_their_full_size);
	tcase_add_test(tcase, what_ifs_are_said_where_they_are);
	tcase_add_test(tcase, bound_of_one_phone_is_its_round_trips);
	tcase_add_test(tcase, bound_of_many_is_their_bytes);
	tcase_add_test(tcase, bound_knows_the_servers_limit);
	tcase_add_test(tcase, bound_knows_the_fan_out);
	tcase_add_test(tcase, bound_knows_the_waits);
	tcase_add_test(tcase, bound_knows_early_forwarding);
	tcase_add_test(tcase, who_leaves_phones_behind_saves_nothing);
	tcase_add_test(tcase, hunts_find_the_point);
	tcase_add_test(tcase, hunts_end_where_there_is_none);
	tcase_add_test(tcase, sweeps_are_read);
	tcase_add_test(tcase, runs_wait_for_memory);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(cached, make_folder, remove_folder);
	tcase_add_test(cached, results_are_kept_by_all_they_depend_on);
	tcase_add_test(cached, what_is_damaged_is_not_believed);
	tcase_add_test(cached, a_folder_that_takes_nothing_is_an_error);
	suite_add_tcase(suite, cached);
	SRunner *runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
