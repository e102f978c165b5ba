/*
 * "Losses are mended inside the subnet first": WAN copies of the file
 * concerned, `direct` empty, everybody else upgraded; n > 3, over seeds. And
 * that a damaged byte is found by the phone that received it and by no other
 * (CSCtg96408, CSCus67416).
 */
#include <string.h>

#include "tests/sim/sim_fleet.h"
#include "tests/tap.h"

#define SEEDS 12
#define FILE_HIT 1
#define PART_BYTES 600000 /* a few seconds of TFTP, some chunks of TCP */

static const uint32_t sizes[] = { 4, 5, 9, 30, 100 };

struct damage_check {
	uint32_t bad, bad_phone;
};

static void watch_damage(void *context, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct damage_check *check = context;

	(void)now_us;
	if (trace->kind != PFS_TR_VERIFIED || trace->a)
		return;
	check->bad++;
	check->bad_phone = phone;
}

static uint32_t copies_of(const struct sim_fleet *fleet, uint8_t file)
{
	uint32_t copies = 0;

	for (uint32_t i = 0; i < fleet->result->hierarchy_count; i++)
		if (fleet->result->hierarchies[i].file == file)
			copies += fleet->result->hierarchies[i].wan_copies;
	return copies;
}

/*
 * One fault in each of many fleets; copies_max: of the file hit; gone_max:
 * phones that may be lost for good. The files before and after cost one copy:
 * whoever received damage avoids its sender for that file only.
 */
static void ck_mended(const struct plan_fault *fault, uint32_t copies_max, uint32_t gone_max)
{
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct sim_fleet_spec spec = { .phones = sizes[i],
						       .seed = seed,
						       .sizes = { 0, PART_BYTES },
						       .files = 3,
						       .spread_us = seed % 3 * 500000,
						       .faults = fault,
						       .fault_count = 1 };
			struct sim_fleet fleet;
			sim_fleet_run(&spec, &fleet);
			ck_assert_int_eq(fleet.error, 0);
			ck_assert_msg(fleet.result->fault_count >= 1,
				      "%u phones, seed %lu: the fault never fired", sizes[i],
				      (unsigned long)seed);
			ck_assert_msg(copies_of(&fleet, FILE_HIT) <= copies_max,
				      "%u phones, seed %lu: %u WAN copies", sizes[i], (unsigned long)seed,
				      copies_of(&fleet, FILE_HIT));
			ck_assert_uint_eq(copies_of(&fleet, 0), 1);
			ck_assert_uint_le(copies_of(&fleet, 2), 1);
			ck_assert_uint_eq(fleet.result->direct_count, 0);
			ck_assert_uint_eq(fleet.result->failed, 0);
			ck_assert_uint_le(fleet.result->gone, gone_max);
			ck_assert_msg(fleet.result->upgraded + fleet.result->gone == sizes[i],
				      "%u phones, seed %lu: %u upgraded", sizes[i], (unsigned long)seed,
				      fleet.result->upgraded);
			sim_fleet_done(&fleet);
		}
}

START_TEST(root_killed_in_mid_tftp)
{
	static const uint32_t percents[] = { 0, 50, 95 };
	struct plan_fault fault =
		sim_fleet_fault(PLAN_FAULT_KILL, PLAN_ROLE_ROOT, PLAN_PHASE_TFTP, percents[_i]);

	fault.file = FILE_HIT;
	ck_mended(&fault, 2, 1);
}
END_TEST

START_TEST(root_killed_while_it_waits)
{
	struct plan_fault fault =
		sim_fleet_fault(PLAN_FAULT_KILL, PLAN_ROLE_ROOT, PLAN_PHASE_ROOT_WAITING, 0);

	fault.file = FILE_HIT;
	ck_mended(&fault, 2, 1);
}
END_TEST

START_TEST(root_killed_while_it_serves)
{
	struct plan_fault fault = sim_fleet_fault(PLAN_FAULT_KILL, PLAN_ROLE_ROOT, PLAN_PHASE_SERVING, 50);

	fault.file = FILE_HIT;
	ck_mended(&fault, 2, 1);
}
END_TEST

START_TEST(parent_killed_while_it_receives)
{
	struct plan_fault fault =
		sim_fleet_fault(PLAN_FAULT_KILL, PLAN_ROLE_PARENT, PLAN_PHASE_RECEIVING, 50);

	fault.file = FILE_HIT;
	ck_mended(&fault, 1, 1);
}
END_TEST

START_TEST(parent_killed_while_it_serves)
{
	struct plan_fault fault = sim_fleet_fault(PLAN_FAULT_KILL, PLAN_ROLE_PARENT, PLAN_PHASE_SERVING, 50);

	fault.file = FILE_HIT;
	ck_mended(&fault, 1, 1);
}
END_TEST

START_TEST(parent_killed_while_the_root_downloads)
{
	struct plan_fault fault = sim_fleet_fault(PLAN_FAULT_KILL, PLAN_ROLE_PARENT, PLAN_PHASE_TFTP, 50);

	fault.file = FILE_HIT;
	ck_mended(&fault, 1, 1);
}
END_TEST

/* A crash is heard as a reset; the phone comes back and is upgraded like the others. */
START_TEST(root_crashes_and_comes_back)
{
	struct plan_fault fault = sim_fleet_fault(PLAN_FAULT_CRASH, PLAN_ROLE_ROOT, PLAN_PHASE_TFTP, 50);

	fault.file = FILE_HIT;
	fault.duration_us = 20000000;
	ck_mended(&fault, 2, 0);
}
END_TEST

START_TEST(parent_unplugged_for_a_while)
{
	static const uint64_t durations[] = { 2000000, 14000000, 40000000 };
	struct plan_fault fault =
		sim_fleet_fault(PLAN_FAULT_UNPLUG, PLAN_ROLE_PARENT, PLAN_PHASE_RECEIVING, 50);

	fault.file = FILE_HIT;
	fault.duration_us = durations[_i];
	/* Alone for longer than an election takes it may be asking the server when the cable is in again. */
	ck_mended(&fault, fault.duration_us > 30000000 ? 2 : 1, 0);
}
END_TEST

START_TEST(one_damaged_component)
{
	static const struct {
		enum plan_fault_kind kind;
		enum plan_role role;
		enum plan_phase phase;
	} cases[] = { { PLAN_FAULT_DAMAGE_TFTP, PLAN_ROLE_ROOT, PLAN_PHASE_TFTP },
		      { PLAN_FAULT_DAMAGE_TCP, PLAN_ROLE_PARENT, PLAN_PHASE_RECEIVING },
		      { PLAN_FAULT_DAMAGE_TCP, PLAN_ROLE_LEAF, PLAN_PHASE_RECEIVING } };
	struct plan_fault fault = sim_fleet_fault(cases[_i].kind, cases[_i].role, cases[_i].phase, 40);

	fault.file = FILE_HIT;
	ck_mended(&fault, 2, 0);
}
END_TEST

/* The phone that received the flipped byte says so, once, and nobody else does. */
START_TEST(only_the_receiver_reports_damage)
{
	struct plan_fault fault = sim_fleet_fault(_i ? PLAN_FAULT_DAMAGE_TCP : PLAN_FAULT_DAMAGE_TFTP,
						  _i ? PLAN_ROLE_PARENT : PLAN_ROLE_ROOT,
						  _i ? PLAN_PHASE_RECEIVING : PLAN_PHASE_TFTP, 40);
	fault.file = FILE_HIT;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct damage_check check = { 0 };
		struct sim_fleet_spec spec = { .phones = 40,
					       .seed = seed,
					       .sizes = { 0, PART_BYTES },
					       .faults = &fault,
					       .fault_count = 1,
					       .tap = watch_damage,
					       .tap_context = &check };
		struct sim_fleet fleet;
		sim_fleet_run(&spec, &fleet);
		ck_assert_int_eq(fleet.error, 0);
		ck_assert_uint_eq(fleet.result->damaged, 1);
		ck_assert_uint_eq(check.bad, 1);
		/* The summary names the target; it is the one that complained. */
		ck_assert_ptr_nonnull(
			strstr(fleet.result->faults[0].text, fleet.plan->phones[check.bad_phone].name));
		sim_fleet_done(&fleet);
	}
}
END_TEST

/* The server and the WAN come back: everybody waits and is upgraded, nobody goes there by himself. */
START_TEST(the_way_to_the_server_fails_for_a_while)
{
	static const enum plan_fault_kind kinds[] = { PLAN_FAULT_WAN_CUT, PLAN_FAULT_SERVER_STOP };
	struct plan_fault fault = sim_fleet_fault(kinds[_i], PLAN_ROLE_ANY, PLAN_PHASE_TFTP, 50);

	fault.file = FILE_HIT;
	fault.duration_us = 40000000;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct sim_fleet_spec spec = { .phones = 30,
					       .seed = seed,
					       .sizes = { 0, PART_BYTES },
					       .faults = &fault,
					       .fault_count = 1 };
		struct sim_fleet fleet;
		sim_fleet_run(&spec, &fleet);
		ck_assert_int_eq(fleet.error, 0);
		ck_assert_uint_eq(fleet.result->fault_count, 2);
		ck_assert_uint_eq(fleet.result->upgraded, 30);
		/* Nothing got through meanwhile. */
		ck_assert_uint_ge(fleet.result->client_retransmits, 3);
		ck_assert_uint_ge(fleet.result->duration_us, fleet.result->faults[1].at_us);
		ck_assert_uint_eq(fleet.result->direct_count, 0);
		sim_fleet_done(&fleet);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("losses");
	TCase *tests = tcase_create("losses");

	tcase_set_timeout(tests, 240);
	tcase_add_loop_test(tests, root_killed_in_mid_tftp, 0, 3);
	tcase_add_test(tests, root_killed_while_it_waits);
	tcase_add_test(tests, root_killed_while_it_serves);
	tcase_add_test(tests, parent_killed_while_it_receives);
	tcase_add_test(tests, parent_killed_while_it_serves);
	tcase_add_test(tests, parent_killed_while_the_root_downloads);
	tcase_add_test(tests, root_crashes_and_comes_back);
	tcase_add_loop_test(tests, parent_unplugged_for_a_while, 0, 3);
	tcase_add_loop_test(tests, one_damaged_component, 0, 3);
	tcase_add_loop_test(tests, only_the_receiver_reports_damage, 0, 2);
	tcase_add_loop_test(tests, the_way_to_the_server_fails_for_a_while, 0, 2);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
