/*
 * What comes late: packets of a download that has ended, while the phone is
 * somewhere else already, and what a phone that is held up or has failed still
 * hears. Campaigns meet these pairs of state and event rarely or not at all,
 * for they need a packet that is some seconds late at just that time
 * (emulator/races/coverage.c says which); here each is stepped. In all of them
 * the phone stays where it is, and nothing is stored, verified or thrown away.
 */
#include <string.h>

#include "pfs-core/core.h"
#include "tests/tap.h"
#include "tests/unit/phone_harness.h"

#define LEADER PEER(40)
#define XID 77
#define LAST_BLOCK 2 /* of 652 bytes */
#define LAST_BYTES 140

static struct rig rig;

static void set_up(void)
{
	rig_init(&rig);
	rig.config.file_count = 3;
	rig.config.files[2] = rig.config.files[1];
	strcpy(rig.config.files[2].name, "cnu41.sbn");
	rig.config.files[2].digest = 0x3333;
	rig_again(&rig);
}

static void tear_down(void)
{
	rig_deinit(&rig);
}

static void must_be(enum pfs_state state)
{
	ck_assert_str_eq(pfs_state_name(rig.phone.state), pfs_state_name(state));
}

static void must_stay(enum pfs_state state)
{
	must_be(state);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TAKE), 0);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_VERIFY), 0);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DISCARD), 0);
}

/* The last block once more: its ACK may be what was lost. It is acknowledged again and goes nowhere. */
static void late_block(enum pfs_state state)
{
	uint8_t bytes[4] = { 0, 3, 0, LAST_BLOCK };

	ck_assert(rig.tftp_open);
	rig_mark(&rig);
	rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TFTP,
					   .address = RIG_SERVER,
					   .port = rig.tid,
					   .data = bytes,
					   .length = sizeof(bytes) + LAST_BYTES,
					   .available = sizeof(bytes) });
	must_stay(state);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TFTP_SEND), 1);
}

/* The server's host says that nobody is at the other end any more. */
static void late_refusal(enum pfs_state state)
{
	ck_assert(rig.tftp_open);
	rig_mark(&rig);
	rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TFTP_REFUSED, .address = RIG_SERVER, .port = rig.tid });
	must_stay(state);
}

static void late_packets(enum pfs_state state)
{
	must_be(state);
	late_block(state);
	late_refusal(state);
}

/* As a root it has fetched the index just now; the second file begins. */
static void index_fetched(void)
{
	rig_start(&rig);
	while (rig.phone.file == 0)
		rig_advance(&rig, 10 * PFS_MS);
	must_be(PFS_ST_LISTENING);
	ck_assert(rig.tftp_open);
}

static uint32_t joining(void)
{
	struct wire_claim answer = rig_answer(&rig, LEADER, TREE_TFTP, 0xf0000000u, rig.phone.file);

	answer.xid = XID;
	rig_mark(&rig);
	rig_hear(&rig, LEADER, &answer);
	rig_until(&rig, PFS_ST_JOINING, 2 * PFS_S);
	return rig_dialled(&rig, NULL);
}

static uint32_t member(void)
{
	struct wire_frame accept = rig_tree(WIRE_ACCEPT, TREE_TFTP, LEADER, XID, 1, (uint32_t[]){ LEADER });
	uint32_t conn = joining();

	rig_conn_event(&rig, PFS_EV_CONNECTED, conn);
	rig_frame(&rig, conn, &accept);
	must_be(PFS_ST_MEMBER);
	return conn;
}

START_TEST(while_it_joins)
{
	index_fetched();
	joining();
	late_packets(PFS_ST_JOINING);
}
END_TEST

START_TEST(while_it_receives)
{
	index_fetched();
	rig_data(&rig, member(), 0, 100);
	late_packets(PFS_ST_RECEIVING);
	ck_assert_uint_eq(rig.taken[1], 100);
}
END_TEST

START_TEST(while_it_verifies)
{
	index_fetched();
	uint32_t parent = member();

	rig.verify_holds = true;
	rig_data(&rig, parent, 0, rig.config.files[1].size);
	late_packets(PFS_ST_VERIFYING);
	rig_verified(&rig, true);
	ck_assert_uint_eq(rig.phone.file, 2);
}
END_TEST

START_TEST(while_it_is_orphaned)
{
	index_fetched();
	uint32_t parent = member();

	/* Its parent was the root: there is no ancestor to go to. */
	rig_conn_event(&rig, PFS_EV_LOST, parent);
	late_packets(PFS_ST_ORPHANED);
}
END_TEST

/* Two children that do not take their files hold it up before the third. */
static uint32_t held_up(void)
{
	const struct wire_frame beat = { .type = WIRE_BEAT, .weight = 1 };
	uint32_t first, second;

	rig.sent_holds = true;
	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	first = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	while (rig.phone.file == 0 || rig.phone.state != PFS_ST_ROOT_WAITING) {
		rig_advance(&rig, PFS_S);
		rig_frame(&rig, first, &beat);
	}
	second = rig_child(&rig, PEER(2), 1, rig.phone.xid);
	while (rig.phone.state != PFS_ST_HELD_UP) {
		rig_advance(&rig, 10 * PFS_MS);
		rig_frame(&rig, first, &beat);
		rig_frame(&rig, second, &beat);
	}
	return second;
}

START_TEST(while_it_is_held_up)
{
	uint8_t bytes[4] = { 0, 3, 0, 4 }; /* the last block of 2,000 bytes */
	struct wire_claim claim;
	uint32_t stranger;

	held_up();
	ck_assert(rig.tftp_open);
	rig_mark(&rig);
	rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TFTP,
					   .address = RIG_SERVER,
					   .port = rig.tid,
					   .data = bytes,
					   .length = sizeof(bytes) + 2000 - 3 * 512,
					   .available = sizeof(bytes) });
	must_stay(PFS_ST_HELD_UP);
	late_refusal(PFS_ST_HELD_UP);
	/* A claim for what it waits for is nothing to it yet; a stranger that dials is heard, and lost. */
	claim = rig_claim(&rig, PEER(9), 0x7fffffff, 2);
	rig_hear(&rig, PEER(9), &claim);
	must_stay(PFS_ST_HELD_UP);
	stranger = rig_accept(&rig, PEER(9));
	ck_assert_uint_ne(stranger, PFS_NO_CONN);
	rig_conn_event(&rig, PFS_EV_LOST, stranger);
	must_stay(PFS_ST_HELD_UP);
	ck_assert_uint_eq(core_children_count(&rig.phone, 0) + core_children_count(&rig.phone, 1), 2);
}
END_TEST

/* A child that is lost after the third file has failed: the phone stays failed, the slot is free. */
START_TEST(after_it_has_failed)
{
	uint32_t child;

	rig.sent_holds = true;
	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	rig_until(&rig, PFS_ST_LISTENING, 12 * PFS_S);
	rig.server.error_sent = true;
	rig.server.error = 1;
	while (rig.phone.state != PFS_ST_FAILED) {
		rig_advance(&rig, PFS_S);
		rig_frame(&rig, child, &(struct wire_frame){ .type = WIRE_BEAT, .weight = 1 });
	}
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 1);
	rig_mark(&rig);
	rig_conn_event(&rig, PFS_EV_LOST, child);
	must_stay(PFS_ST_FAILED);
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 0);
}
END_TEST

/* It serves what it holds for a minute more after each claim for that, an hour at most, and closes its port. */
START_TEST(a_failed_phone_serves_for_a_minute)
{
	struct wire_claim claim;
	uint64_t failed_us;

	for (uint32_t claims = 0; claims < 2; claims++) {
		tear_down();
		set_up();
		rig_start(&rig);
		rig_until(&rig, PFS_ST_LISTENING, PFS_S);
		while (!rig.phone.held)
			rig_advance(&rig, PFS_S);
		rig.server.error_sent = true;
		rig.server.error = 1;
		while (rig.phone.state != PFS_ST_FAILED)
			rig_advance(&rig, 10 * PFS_MS);
		failed_us = rig.phone.now_us;
		rig_mark(&rig);
		while (claims && rig.phone.now_us + 31 * PFS_S < failed_us + PFS_LINGER_MAX_US) {
			rig_advance(&rig, 30 * PFS_S);
			claim = rig_claim(&rig, PEER(9), 5, 0);
			rig_hear(&rig, PEER(9), &claim);
			ck_assert(rig.phone.port_open);
		}
		ck_assert(rig_count(&rig, PFS_ACT_BROADCAST) == 0 || claims);
		ck_assert(rig_count(&rig, PFS_ACT_BROADCAST) > 100 || !claims);
		if (!claims) {
			rig_advance(&rig, PFS_LINGER_US - PFS_S);
			ck_assert(rig.phone.port_open);
		}
		rig_advance(&rig, claims ? 31 * PFS_S : PFS_S);
		ck_assert(!rig.phone.port_open);
		must_stay(PFS_ST_FAILED);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("late events");
	TCase *late = tcase_create("late");

	tcase_add_checked_fixture(late, set_up, tear_down);
	tcase_add_test(late, while_it_joins);
	tcase_add_test(late, while_it_receives);
	tcase_add_test(late, while_it_verifies);
	tcase_add_test(late, while_it_is_orphaned);
	tcase_add_test(late, while_it_is_held_up);
	tcase_add_test(late, after_it_has_failed);
	tcase_add_test(late, a_failed_phone_serves_for_a_minute);
	suite_add_tcase(suite, late);
	return tap_run(suite);
}
