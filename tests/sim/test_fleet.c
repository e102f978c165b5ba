/*
 * Whole fleets in virtual time where nothing fails: what the protocol promises
 * of a hierarchy, and what the world promises of itself (same seed, same
 * bytes out).
 */
#include <inttypes.h>
#include <string.h>

#include "tests/sim/sim_fleet.h"
#include "tests/tap.h"

#define INDEX_BYTES 652
#define PART_BYTES 200000
#define IP_A_BLOCK 32 /* IP, UDP and TFTP header */

static uint64_t wan_bytes_of_one_copy(uint64_t size)
{
	uint64_t blocks = size / 512 + 1;

	return size + blocks * IP_A_BLOCK;
}

/* Deepest level that a tree of so many members may have: ceil(log2(members + 1)) + 1. */
static uint32_t depth_bound(uint32_t members)
{
	uint32_t levels = 0;

	while ((UINT64_C(1) << levels) < (uint64_t)members + 1)
		levels++;
	return levels + 1;
}

static void ck_all_shared(const struct sim_fleet *fleet, uint32_t hierarchies)
{
	const struct run_result *result = fleet->result;
	uint64_t wan_bytes = 0;

	ck_assert_int_eq(fleet->error, 0);
	ck_assert_uint_eq(result->upgraded, fleet->plan->phone_count);
	ck_assert_uint_eq(result->failed, 0);
	ck_assert_uint_eq(result->direct_count, 0);
	ck_assert_uint_eq(result->hierarchy_count, hierarchies);
	ck_assert_uint_eq(result->tftp_transfers_pfs, hierarchies);
	ck_assert_uint_eq(result->damaged, 0);
	ck_assert_uint_eq(result->client_retransmits, 0);
	for (uint32_t i = 0; i < result->hierarchy_count; i++) {
		const struct run_hierarchy *hierarchy = &result->hierarchies[i];
		ck_assert_uint_eq(hierarchy->roots_confirmed, 1);
		ck_assert_uint_eq(hierarchy->wan_copies, 1);
		ck_assert_uint_le(hierarchy->depth, depth_bound(hierarchy->members));
		wan_bytes += wan_bytes_of_one_copy(fleet->plan->firmware->files[hierarchy->file].size);
	}
	ck_assert_uint_eq(result->wan_bytes_down, wan_bytes);
}

/* F15: a root that nobody joins spends listening, five broadcasts and ROOT_WAITING on each file. */
START_TEST(a_lone_phone_upgrades_by_itself)
{
	struct sim_fleet fleet;

	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 1, .seed = 3 }, &fleet);
	ck_all_shared(&fleet, 2);
	ck_assert_uint_eq(fleet.result->peer_transfers, 0);
	ck_assert_uint_eq(fleet.result->hierarchies[0].depth, 1);
	/* 0.5 s, 1.25 s and 10 s, 2 % of play for the listening's draw */
	ck_assert_uint_ge(fleet.result->duration_us, 2 * UINT64_C(11500000));
	sim_fleet_done(&fleet);
}
END_TEST

/* F2: one fetches by TFTP, the other one receives from it; nothing crosses the WAN twice. */
START_TEST(two_phones_share)
{
	struct sim_fleet fleet;

	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 2, .seed = 3 }, &fleet);
	ck_all_shared(&fleet, 2);
	ck_assert_uint_eq(fleet.result->peer_transfers, 2);
	ck_assert_uint_eq(fleet.result->peer_bytes, INDEX_BYTES + PART_BYTES);
	sim_fleet_done(&fleet);
}
END_TEST

/* F2, F3, F5: one root a hierarchy, every other phone's copy from a parent, a shallow tree; over seeds. */
START_TEST(a_hundred_phones_take_one_copy)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim_fleet fleet;
		struct sim_fleet_spec spec = { .phones = 100,
					       .seed = seed,
					       .spread_us = seed % 2 ? 0 : 3000000 };
		sim_fleet_run(&spec, &fleet);
		ck_all_shared(&fleet, 2);
		ck_assert_uint_eq(fleet.result->peer_transfers, 2 * 99);
		ck_assert_uint_eq(fleet.result->peer_bytes, 99 * (INDEX_BYTES + PART_BYTES));
		ck_assert_uint_eq(fleet.result->hierarchies[1].members, 100);
		sim_fleet_done(&fleet);
	}
}
END_TEST

/* Levels of the flattest tree of so many, by the fan-out. */
static uint32_t least_depth(uint32_t members, uint32_t fan_out)
{
	uint32_t levels = 0;

	for (uint64_t row = 1; members; levels++, row *= fan_out)
		members -= members < row ? members : (uint32_t)row;
	return levels;
}

/* What-if: with another fan-out a tree is as deep as it has to be and no deeper, and all else stays as it was. */
START_TEST(trees_follow_the_fan_out)
{
	static const struct {
		uint8_t fan_out;
		uint32_t phones, depth;
	} cases[] = { { 1, 20, 20 }, { 2, 40, 6 }, { 3, 40, 4 }, { 3, 41, 5 }, { 4, 85, 4 }, { 4, 86, 5 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct sim_fleet fleet;

			sim_fleet_run(&(struct sim_fleet_spec){ .phones = cases[i].phones,
								.seed = seed,
								.what_if.fan_out = cases[i].fan_out },
				      &fleet);
			ck_assert_int_eq(fleet.error, 0);
			ck_assert_uint_eq(fleet.result->upgraded, cases[i].phones);
			ck_assert_uint_eq(fleet.result->tftp_transfers_pfs, 2);
			ck_assert_uint_eq(fleet.result->direct_count, 0);
			ck_assert_uint_eq(least_depth(cases[i].phones, cases[i].fan_out), cases[i].depth);
			ck_assert_uint_eq(fleet.result->hierarchies[0].depth, cases[i].depth);
			ck_assert_uint_eq(fleet.result->hierarchies[1].depth, cases[i].depth);
			sim_fleet_done(&fleet);
		}
}
END_TEST

/* What-if: with waits of a tenth each file comes about that much sooner, by one copy still. */
START_TEST(short_waits_shorten_each_election)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim_fleet whole, tenth;

		sim_fleet_run(&(struct sim_fleet_spec){ .phones = 30, .seed = seed }, &whole);
		sim_fleet_run(&(struct sim_fleet_spec){ .phones = 30, .seed = seed, .what_if.waits_percent = 10 }, &tenth);
		ck_all_shared(&whole, 2);
		ck_all_shared(&tenth, 2);
		/* Nine tenths of 11.5 s at least and of 11.76 s at most, twice, and joins differ by some milliseconds. */
		ck_assert_uint_gt(whole.result->duration_us - tenth.result->duration_us, UINT64_C(20600000));
		ck_assert_uint_lt(whole.result->duration_us - tenth.result->duration_us, UINT64_C(21300000));
		sim_fleet_done(&whole);
		sim_fleet_done(&tenth);
	}
}
END_TEST

/*
 * What-if: where files are large and ports slow, a tree that forwards as it
 * comes costs hardly more than one transfer, one that waits one a level.
 */
START_TEST(early_forwarding_takes_the_tree_out_of_the_time)
{
	struct sim_fleet_spec spec = { .phones = 31, .seed = 2, .files = 1, .sizes = { 4000000 }, .wan_bps = 10000000,
				       .port_bps = 10000000 };
	uint64_t port_us = 4000000 * 8 / 10; /* the file on a port to one child */
	struct sim_fleet whole, early;

	sim_fleet_run(&spec, &whole);
	spec.what_if.forward_early = true;
	sim_fleet_run(&spec, &early);
	ck_assert_int_eq(whole.error, 0);
	ck_assert_int_eq(early.error, 0);
	ck_assert_uint_eq(early.result->upgraded, 31);
	ck_assert_uint_eq(early.result->tftp_transfers_pfs, 1);
	ck_assert_uint_eq(early.result->peer_bytes, whole.result->peer_bytes); /* nothing is sent twice */
	ck_assert_uint_eq(early.result->hierarchies[0].depth, 5);
	/* Four levels of two children each, and of these the root's download hides all but one piece a level. */
	ck_assert_uint_gt(whole.result->duration_us, early.result->duration_us + 6 * port_us);
	sim_fleet_done(&whole);
	sim_fleet_done(&early);
}
END_TEST

/* Two said in so many words is what the phones do: the same traces, to the last. */
START_TEST(two_children_are_no_what_if)
{
	struct sim_fleet said, unsaid;

	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 30, .seed = 5, .what_if.fan_out = 2 }, &said);
	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 30, .seed = 5 }, &unsaid);
	ck_assert(!plan_is_what_if(&said.plan->what_if));
	ck_assert_uint_eq(said.trace_hash, unsaid.trace_hash);
	sim_fleet_done(&said);
	sim_fleet_done(&unsaid);
}
END_TEST

/*
 * F11: it gains with a mass reset. Whoever asks after the others have rebooted
 * starts a hierarchy of its own: the same phones, reset over four hours, take
 * many more copies of the same files.
 */
START_TEST(a_mass_reset_gains_most)
{
	struct sim_fleet mass, staggered;

	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 20, .seed = 3, .spread_us = 2000000 }, &mass);
	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 20, .seed = 3, .spread_us = 4 * 3600 * UINT64_C(1000000) },
		      &staggered);
	ck_assert_uint_eq(mass.result->upgraded, 20);
	ck_assert_uint_eq(staggered.result->upgraded, 20);
	ck_assert_uint_eq(mass.result->tftp_transfers_pfs, 2);
	ck_assert_uint_gt(staggered.result->tftp_transfers_pfs, 10);
	ck_assert_uint_eq(staggered.result->direct_count, 0);
	sim_fleet_done(&mass);
	sim_fleet_done(&staggered);
}
END_TEST

/* F6, F7: models and subnets never share, on one switch either: the other subnet's claims are heard and
 * refused. */
START_TEST(models_and_subnets_keep_apart)
{
	struct sim_fleet fleet;

	sim_fleet_run(
		&(struct sim_fleet_spec){
			.phones = 60, .models = 3, .subnets = 2, .one_switch = true, .seed = 5 },
		&fleet);
	ck_all_shared(&fleet, 3 * 2 * 2);
	for (uint32_t i = 0; i < fleet.result->hierarchy_count; i++)
		ck_assert_uint_eq(fleet.result->hierarchies[i].members, 10);
	ck_assert_uint_gt(fleet.result->dropped[PFS_DROP_SUBNET], 0);
	sim_fleet_done(&fleet);
	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 60, .models = 3, .subnets = 2, .seed = 5 }, &fleet);
	ck_all_shared(&fleet, 3 * 2 * 2);
	ck_assert_uint_eq(fleet.result->dropped[PFS_DROP_SUBNET], 0);
	sim_fleet_done(&fleet);
}
END_TEST

/* F10: a phone with PFS disabled takes the traditional way beside a hierarchy and never takes part. */
START_TEST(a_disabled_phone_takes_no_part)
{
	struct sim_fleet fleet;

	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 12, .without_pfs = 2, .seed = 9 }, &fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert_uint_eq(fleet.result->upgraded, 12);
	ck_assert_uint_eq(fleet.result->tftp_transfers, 2 + 2 * 2);
	ck_assert_uint_eq(fleet.result->tftp_transfers_pfs, 2);
	ck_assert_uint_eq(fleet.result->peer_transfers, 2 * 9);
	for (uint32_t i = 0; i < fleet.result->hierarchy_count; i++)
		ck_assert_uint_eq(fleet.result->hierarchies[i].members, 10);
	sim_fleet_done(&fleet);
}
END_TEST

/* F1: each phone fetches each file; the link carries as many copies, and takes as long as their bits. */
START_TEST(the_traditional_way_takes_a_copy_a_phone)
{
	struct sim_fleet fleet;
	uint64_t bytes = 40 * (wan_bytes_of_one_copy(INDEX_BYTES) + wan_bytes_of_one_copy(PART_BYTES));

	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 40, .traditional = true, .seed = 2 }, &fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert_uint_eq(fleet.result->upgraded, 40);
	ck_assert_uint_eq(fleet.result->tftp_completed, 80);
	ck_assert_uint_eq(fleet.result->wan_bytes_down, bytes);
	ck_assert_uint_eq(fleet.result->peer_bytes, 0);
	/* 40 sessions keep a T1 busy at 30 ms: link-bound, within 2 % */
	uint64_t wire_us = bytes * 8 * 1000000 / 1536000;
	ck_assert_uint_ge(fleet.result->duration_us, wire_us);
	ck_assert_uint_le(fleet.result->duration_us, wire_us + wire_us / 50);
	sim_fleet_done(&fleet);
}
END_TEST

/* F4: store and forward. A child begins to receive only when its parent holds the file. */
struct forward_check {
	uint64_t held_us[64];
	uint32_t begun, early;
};

static void watch_forwarding(void *context, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct forward_check *check = context;

	if (trace->file != 1)
		return;
	if (trace->kind == PFS_TR_VERIFIED && trace->a == 1 && !check->held_us[phone])
		check->held_us[phone] = now_us;
	if (trace->kind == PFS_TR_PEER_BEGUN) {
		uint32_t parent = trace->address - 0x0a010002;
		check->begun++;
		check->early += parent >= 64 || !check->held_us[parent] || check->held_us[parent] > now_us;
	}
}

START_TEST(children_wait_for_the_whole_file)
{
	struct forward_check check = { 0 };
	struct sim_fleet fleet;

	sim_fleet_run(
		&(struct sim_fleet_spec){
			.phones = 50, .seed = 4, .tap = watch_forwarding, .tap_context = &check },
		&fleet);
	ck_all_shared(&fleet, 2);
	ck_assert_uint_eq(check.begun, 49);
	ck_assert_uint_eq(check.early, 0);
	sim_fleet_done(&fleet);
}
END_TEST

/*
 * What-if: one byte that flips on its way to the root is forwarded to all and
 * found by the root alone: whoever was fed of it is fed anew, nobody is blamed,
 * everybody is upgraded.
 */
START_TEST(early_damage_is_the_roots_alone)
{
	struct plan_fault fault = sim_fleet_fault(PLAN_FAULT_DAMAGE_TFTP, PLAN_ROLE_ROOT, PLAN_PHASE_TFTP, 20);
	struct forward_check check = { 0 };
	struct sim_fleet fleet;

	fault.file = 1;
	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 40,
						.seed = 3,
						.faults = &fault,
						.fault_count = 1,
						.what_if.forward_early = true,
						.tap = watch_forwarding,
						.tap_context = &check },
		      &fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert_uint_eq(fleet.result->upgraded, 40);
	ck_assert_uint_eq(fleet.result->damaged, 1);
	ck_assert_uint_eq(fleet.result->hierarchies[1].wan_copies, 2);
	ck_assert_uint_gt(check.early, 0); /* some had begun before their parent was through */
	ck_assert_uint_gt(fleet.result->peer_bytes, 39 * (INDEX_BYTES + PART_BYTES)); /* part of it twice */
	sim_fleet_done(&fleet);
}
END_TEST

/* Same seed, same trace, same counters; another seed, another trace. Faults, loss and both modes included. */
START_TEST(same_seed_same_bytes)
{
	struct plan_fault faults[] = { sim_fleet_fault(PLAN_FAULT_KILL, PLAN_ROLE_ROOT, PLAN_PHASE_TFTP, 50),
				       sim_fleet_fault(PLAN_FAULT_UNPLUG, PLAN_ROLE_PARENT, PLAN_PHASE_TIME,
						       0) };
	faults[0].file = 1;
	faults[1].at_us = 9000000;
	faults[1].duration_us = 4000000;
	for (uint32_t traditional = 0; traditional < 2; traditional++) {
		struct sim_fleet_spec spec = { .phones = 60,
					       .seed = 11,
					       .models = 2,
					       .subnets = 2,
					       .spread_us = 2000000,
					       .wan_loss_ppm = 2000,
					       .faults = faults,
					       .fault_count = 2,
					       .traditional = traditional };
		struct sim_fleet first, second, other;
		sim_fleet_run(&spec, &first);
		sim_fleet_run(&spec, &second);
		ck_assert_int_eq(first.error, 0);
		ck_assert_uint_eq(first.trace_count, second.trace_count);
		ck_assert_uint_eq(first.trace_hash, second.trace_hash);
		ck_assert_uint_eq(first.report.events, second.report.events);
		ck_assert_uint_eq(first.report.ended_us, second.report.ended_us);
		ck_assert_uint_eq(first.result->wan_bytes_down, second.result->wan_bytes_down);
		ck_assert_uint_eq(first.result->wan_bytes_up, second.result->wan_bytes_up);
		ck_assert_uint_eq(first.result->wan_frames_lost, second.result->wan_frames_lost);
		ck_assert_uint_eq(first.result->completion_p50_us, second.result->completion_p50_us);
		ck_assert_uint_eq(first.result->completion_max_us, second.result->completion_max_us);
		ck_assert_mem_eq(&first.result->server, &second.result->server, sizeof(first.result->server));
		ck_assert_mem_eq(first.result->dropped, second.result->dropped,
				 sizeof(first.result->dropped));
		for (uint32_t i = 0; i < first.result->hierarchy_count; i++)
			ck_assert_mem_eq(&first.result->hierarchies[i], &second.result->hierarchies[i],
					 sizeof(first.result->hierarchies[i]));
		spec.seed = 12;
		sim_fleet_run(&spec, &other);
		ck_assert_uint_ne(first.trace_hash, other.trace_hash);
		sim_fleet_done(&first);
		sim_fleet_done(&second);
		sim_fleet_done(&other);
	}
}
END_TEST

/* A run ends at the plan's time limit with what it has. */
START_TEST(the_time_limit_ends_a_run)
{
	struct sim_fleet fleet;

	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 5, .seed = 1, .time_limit_us = 20000000 }, &fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert_uint_eq(fleet.result->upgraded, 0);
	ck_assert_uint_eq(fleet.report.ended_us, 20000000);
	sim_fleet_done(&fleet);
}
END_TEST

/* Whoever says stop gets what there is, marked as such. */
START_TEST(stop_ends_a_run)
{
	static const volatile sig_atomic_t stop = 1;
	struct sim_fleet fleet;

	sim_fleet_run(&(struct sim_fleet_spec){ .phones = 40, .traditional = true, .stop = &stop }, &fleet);
	ck_assert_int_eq(fleet.error, 0);
	ck_assert(fleet.report.interrupted);
	ck_assert(fleet.result->interrupted);
	ck_assert_uint_eq(fleet.result->upgraded, 0);
	ck_assert_uint_gt(fleet.result->wan_bytes_down, 0);
	sim_fleet_done(&fleet);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fleet");
	TCase *tests = tcase_create("fleet");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_lone_phone_upgrades_by_itself);
	tcase_add_test(tests, two_phones_share);
	tcase_add_test(tests, a_hundred_phones_take_one_copy);
	tcase_add_test(tests, trees_follow_the_fan_out);
	tcase_add_test(tests, two_children_are_no_what_if);
	tcase_add_test(tests, short_waits_shorten_each_election);
	tcase_add_test(tests, early_forwarding_takes_the_tree_out_of_the_time);
	tcase_add_test(tests, early_damage_is_the_roots_alone);
	tcase_add_test(tests, a_mass_reset_gains_most);
	tcase_add_test(tests, models_and_subnets_keep_apart);
	tcase_add_test(tests, a_disabled_phone_takes_no_part);
	tcase_add_test(tests, the_traditional_way_takes_a_copy_a_phone);
	tcase_add_test(tests, children_wait_for_the_whole_file);
	tcase_add_test(tests, same_seed_same_bytes);
	tcase_add_test(tests, the_time_limit_ends_a_run);
	tcase_add_test(tests, stop_ends_a_run);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
