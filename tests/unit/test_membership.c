/*
 * The hierarchy seen from one phone, as a child: joining, waiting, taking the
 * file, and losing the parent in every way there is. No phone ever waits for
 * ever, and losses are mended inside the subnet first.
 */
#include <string.h>

#include "pfs-core/core.h"
#include "tests/tap.h"
#include "tests/unit/phone_harness.h"

#define ROOT PEER(1)
#define GRANDPARENT PEER(2)
#define PARENT PEER(3)
#define XID 77

static struct rig rig;
static const uint32_t path[3] = { ROOT, GRANDPARENT, PARENT };

static void set_up(void)
{
	rig_init(&rig);
}

static void tear_down(void)
{
	rig_deinit(&rig);
}

static void must_be(const char *state)
{
	ck_assert_str_eq(pfs_state_name(rig.phone.state), state);
}

/* JOIN goes out on the connection dialled last; returns it. */
static struct wire_frame connected(uint32_t *conn)
{
	struct wire_frame join;

	*conn = rig_dialled(&rig, NULL);
	rig_conn_event(&rig, PFS_EV_CONNECTED, *conn);
	ck_assert(rig_frame_sent(&rig, *conn, WIRE_JOIN, &join));
	return join;
}

/* Follows ROOT and has JOIN out. */
static uint32_t joining(void)
{
	struct wire_claim answer = rig_answer(&rig, ROOT, TREE_TFTP, 0xf0000000u, rig.phone.file);
	uint32_t conn;

	answer.xid = XID;
	rig_mark(&rig);
	rig_hear(&rig, ROOT, &answer);
	rig_until(&rig, PFS_ST_JOINING, PFS_S);
	connected(&conn);
	rig_mark(&rig);
	return conn;
}

/* A member at level 4, below ROOT, GRANDPARENT and PARENT. */
static uint32_t member(void)
{
	struct wire_frame redirect = { .type = WIRE_REDIRECT, .target = PARENT };
	struct wire_frame accept = rig_tree(WIRE_ACCEPT, TREE_TFTP, ROOT, XID, 3, path);
	uint32_t conn = joining();

	rig_frame(&rig, conn, &redirect);
	connected(&conn);
	rig_frame(&rig, conn, &accept);
	must_be("member");
	rig_mark(&rig);
	return conn;
}

static void must_dial(uint32_t address)
{
	uint32_t dialled;

	must_be("joining");
	rig_dialled(&rig, &dialled);
	ck_assert_uint_eq(dialled, address);
}

static void alive(uint32_t conn, uint8_t phase, uint32_t progress_kb)
{
	struct wire_frame frame = rig_tree(WIRE_ALIVE, phase, ROOT, XID, 3, path);

	frame.progress_kb = progress_kb;
	rig_frame(&rig, conn, &frame);
}

START_TEST(a_member_takes_the_file_and_says_done)
{
	uint32_t conn;

	rig_start(&rig);
	conn = member();
	ck_assert_uint_eq(rig.phone.levels[0], 4);
	rig_data(&rig, conn, 0, 600);
	rig_data(&rig, conn, 600, 52);
	must_be("verifying");
	ck_assert_uint_eq(rig.taken[0], 652);
	rig_advance(&rig, 0);
	ck_assert(rig_frame_sent(&rig, conn, WIRE_DONE, NULL));
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PEER_DONE, 0)->address, PARENT);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_VERIFIED, 0)->address, PARENT);
	ck_assert_uint_eq(rig.phone.file, 1);
	ck_assert_uint_eq(rig.server.requests, 0);
	/* Nobody closes with unread input: FIN, read on to the end, then drop. */
	ck_assert_uint_eq(rig.shut[pfs_conn_slot(conn)], 1);
	ck_assert_uint_eq(rig.live[pfs_conn_slot(conn)], conn);
	rig_conn_event(&rig, PFS_EV_EOF, conn);
	ck_assert_uint_eq(rig.live[pfs_conn_slot(conn)], PFS_NO_CONN);
}
END_TEST

/* An empty file is one DATA frame without payload. */
START_TEST(empty_files_are_whole_too)
{
	uint32_t conn, child;

	rig.config.files[0].size = 0;
	rig_again(&rig);
	rig_start(&rig);
	conn = member();
	child = rig_child(&rig, PEER(9), 0, XID);
	rig_data(&rig, conn, 0, 0);
	rig_advance(&rig, 0);
	ck_assert_uint_eq(rig.phone.held, 1);
	ck_assert(rig_frame_sent(&rig, child, WIRE_DATA, NULL));
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_SEND_FILE), 0);
}
END_TEST

/* CSCtg96408: damage is reported, the direct parent avoided for PFS_BLAME_US, and somebody else asked. */
START_TEST(damage_blames_the_direct_parent)
{
	struct wire_frame join;
	struct wire_claim claim;
	uint32_t conn, child;

	rig.verify_bad = 1;
	rig_start(&rig);
	conn = member();
	child = rig_child(&rig, PEER(9), 0, XID);
	rig_data(&rig, conn, 0, 652);
	rig_advance(&rig, 0);
	ck_assert(rig_frame_sent(&rig, conn, WIRE_BAD, NULL));
	ck_assert(!rig_frame_sent(&rig, child, WIRE_DATA, NULL));
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DISCARD), 1);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_BLAMED), 1);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_BLAMED, 0)->address, PARENT);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_BLAMED, 0)->a, PFS_LOSS_DAMAGED);
	must_dial(GRANDPARENT);
	join = connected(&conn);
	ck_assert_uint_eq(join.lost, PARENT);
	ck_assert_uint_eq(join.weight, 2);
	/* A redirect back to it is not followed. */
	rig_mark(&rig);
	rig_frame(&rig, conn, &(struct wire_frame){ .type = WIRE_REDIRECT, .target = PARENT });
	must_dial(GRANDPARENT);
	/* Its claims are not heard for as long. */
	claim = rig_claim(&rig, PARENT, UINT32_MAX, 0);
	rig_hear(&rig, PARENT, &claim);
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_BLAMED], 1);
	ck_assert(core_blamed(&rig.phone, PARENT));
	rig.phone.now_us += PFS_BLAME_US;
	ck_assert(!core_blamed(&rig.phone, PARENT));
}
END_TEST

/* One damaged byte may be the wire's: forgiven with the next file. The second one is not. */
START_TEST(damage_is_forgiven_once)
{
	struct wire_frame accept = rig_tree(WIRE_ACCEPT, TREE_HOLDING, ROOT, 0, 2, path);
	uint32_t conn;

	rig.config.file_count = 3;
	rig.config.files[1].size = rig.config.files[0].size;
	rig.config.files[2] = rig.config.files[1];
	rig.config.files[2].name[0] = 'c';
	rig.config.files[2].digest = 0x3333;
	rig_again(&rig);
	rig_start(&rig);
	for (uint32_t strikes = 1; strikes <= 2; strikes++) {
		rig.verify_bad = 1;
		conn = member();
		rig_data(&rig, conn, 0, 652);
		rig_advance(&rig, 0);
		ck_assert(core_blamed(&rig.phone, PARENT));
		must_dial(GRANDPARENT);
		connected(&conn);
		rig_frame(&rig, conn, &accept);
		rig_data(&rig, conn, 0, 652);
		ck_assert(core_blamed(&rig.phone, PARENT));
		rig_advance(&rig, 0);
		ck_assert_uint_eq(rig.phone.file, strikes);
		ck_assert(core_blamed(&rig.phone, PARENT) == (strikes == 2));
	}
}
END_TEST

/* Two that take turns: the second one's strike must not make the first one's forgotten. */
START_TEST(strikes_are_kept_beside_each_other)
{
	static struct pfs_actions actions;
	const uint32_t peers[] = { PARENT, GRANDPARENT };

	rig_start(&rig);
	for (uint32_t i = 0; i < 2; i++) {
		memset(&actions, 0, sizeof(actions));
		core_blame(&rig.phone, &actions, peers[i], PFS_LOSS_DAMAGED, PFS_BLAME_US);
		/* What the next file does to those with one strike. */
		rig.phone.blamed[i].until_us = 0;
	}
	for (uint32_t i = 0; i < 2; i++)
		ck_assert(rig.phone.blamed[i].address == peers[i] && rig.phone.blamed[i].strikes == 1);
	memset(&actions, 0, sizeof(actions));
	core_blame(&rig.phone, &actions, PARENT, PFS_LOSS_DAMAGED, PFS_BLAME_US);
	ck_assert_uint_eq(rig.phone.blamed[0].strikes, 2);
	/* A list that is full forgets whoever is free first. */
	for (uint32_t i = 0; i < PFS_BLAMED_MAX; i++) {
		memset(&actions, 0, sizeof(actions));
		core_blame(&rig.phone, &actions, PEER(20 + i), PFS_LOSS_DAMAGED, PFS_BLAME_US + i);
	}
	ck_assert(!core_blamed(&rig.phone, GRANDPARENT));
	ck_assert(core_blamed(&rig.phone, PEER(20 + PFS_BLAMED_MAX - 1)));
}
END_TEST

/* A lost parent: grandparent, root, then an election after a random wait. The subtree stays, and is told. */
START_TEST(orphans_go_up_and_then_elect)
{
	struct wire_frame join, told;
	uint32_t conn, child;

	rig_start(&rig);
	conn = member();
	child = rig_child(&rig, PEER(9), 0, XID);
	rig_data(&rig, conn, 0, 100);
	rig_conn_event(&rig, PFS_EV_LOST, conn);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PARENT_LOST, 0)->a, PFS_LOSS_RESET);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DISCARD), 1);
	must_dial(GRANDPARENT);
	join = connected(&conn);
	ck_assert_uint_eq(join.lost, PARENT);
	ck_assert_uint_eq(join.xid, XID);
	rig_conn_event(&rig, PFS_EV_LOST, conn);
	must_dial(ROOT);
	rig_mark(&rig);
	rig_conn_event(&rig, PFS_EV_LOST, rig.live[pfs_conn_slot(rig.phone.parent_slot)]);
	must_be("orphaned");
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_ELECTION_AGAIN, 0)->b, PFS_LOSS_RESET);
	ck_assert_uint_ge(rig.phone.timer_us - rig.now_us, PFS_ORPHAN_MIN_US);
	ck_assert_uint_le(rig.phone.timer_us - rig.now_us, PFS_ORPHAN_MIN_US + PFS_ORPHAN_SPREAD_US);
	ck_assert(rig_frame_sent(&rig, child, WIRE_ALIVE, &told));
	ck_assert_uint_eq(told.phase, TREE_ORPHANED);
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 1);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 5 * PFS_S);
	/* It stands with its subtree, which hears the new claim's XID. */
	ck_assert(rig_frame_sent(&rig, child, WIRE_ALIVE, &told));
	ck_assert_uint_eq(told.xid, rig.phone.xid);
	ck_assert_uint_eq(told.root, RIG_ADDRESS);
	ck_assert_uint_eq(told.path_count, 1);
}
END_TEST

/* A grandparent that is the root is asked once. */
START_TEST(a_short_path_is_asked_once)
{
	struct wire_frame accept = rig_tree(WIRE_ACCEPT, TREE_TFTP, ROOT, XID, 2, (uint32_t[]){ ROOT, PARENT });
	uint32_t conn;

	rig_start(&rig);
	conn = joining();
	rig_frame(&rig, conn, &(struct wire_frame){ .type = WIRE_REDIRECT, .target = PARENT });
	connected(&conn);
	rig_frame(&rig, conn, &accept);
	rig_conn_event(&rig, PFS_EV_LOST, conn);
	must_dial(ROOT);
	rig_conn_event(&rig, PFS_EV_LOST, rig_dialled(&rig, NULL));
	must_be("orphaned");
}
END_TEST

/* Silent loss, where TCP says nothing: PFS_SILENCE_US after the last word. We beat meanwhile. */
START_TEST(silent_parents_are_left)
{
	uint32_t conn;

	rig_start(&rig);
	conn = member();
	for (uint32_t i = 1; i < 4; i++) {
		rig_advance(&rig, PFS_BEAT_US);
		ck_assert(rig_frame_sent(&rig, conn, WIRE_BEAT, NULL));
		alive(conn, TREE_TFTP, i);
	}
	rig_advance(&rig, PFS_SILENCE_US - 1);
	must_be("member");
	rig_advance(&rig, 1);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PARENT_LOST, 0)->a, PFS_LOSS_SILENT);
	must_dial(GRANDPARENT);
}
END_TEST

/* A root that beats and gets nowhere: left after PFS_ROOT_STALL_US and a beat a level; blamed. Progress puts it off. */
START_TEST(roots_that_stand_still_are_left)
{
	uint32_t conn;
	uint64_t since_us;

	rig_start(&rig);
	conn = member();
	alive(conn, TREE_TFTP, 5);
	since_us = rig.now_us;
	while (rig.phone.state == PFS_ST_MEMBER && rig.now_us < since_us + 600 * PFS_S) {
		rig_advance(&rig, PFS_BEAT_US);
		if (rig.phone.state == PFS_ST_MEMBER)
			alive(conn, TREE_TFTP, 5);
	}
	ck_assert_uint_eq(rig.now_us - since_us, PFS_ROOT_STALL_US + 4 * PFS_BEAT_US);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_BLAMED, 0)->address, ROOT);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PARENT_LOST, 0)->a, PFS_LOSS_STALLED);
	must_be("orphaned");
}
END_TEST

START_TEST(slow_roots_are_waited_for)
{
	uint32_t conn;

	rig_start(&rig);
	conn = member();
	for (uint32_t i = 0; i < 200; i++) {
		rig_advance(&rig, PFS_BEAT_US);
		alive(conn, TREE_TFTP, i / 20); /* a kilobyte each 100 s */
	}
	must_be("member");
}
END_TEST

/* Who says that it tries again is waited for without progress, but for half an hour and no longer. */
START_TEST(roots_that_try_again_are_waited_for_half_an_hour)
{
	uint64_t stall_us = PFS_ROOT_STALL_US + 4 * PFS_BEAT_US, since_us;
	uint32_t conn;

	rig_start(&rig);
	conn = member();
	since_us = rig.now_us;
	while (rig.phone.state == PFS_ST_MEMBER && rig.now_us < since_us + 3 * PFS_ROOT_PATIENCE_US) {
		rig_advance(&rig, PFS_BEAT_US);
		if (rig.phone.state == PFS_ST_MEMBER)
			alive(conn, TREE_RETRYING, 0);
	}
	ck_assert_uint_le(rig.now_us - since_us, PFS_ROOT_PATIENCE_US + stall_us);
	ck_assert_uint_ge(rig.now_us - since_us, PFS_ROOT_PATIENCE_US + stall_us - 2 * PFS_BEAT_US);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PARENT_LOST, 0)->a, PFS_LOSS_STALLED);
	must_be("orphaned");
}
END_TEST

/* But not for ever, whatever they say. */
START_TEST(no_root_is_waited_for_for_ever)
{
	uint64_t limit_us = PFS_BUSY_LIMIT_US + 652 * PFS_S / PFS_ROOT_RATE_MIN;
	uint32_t conn;

	rig_start(&rig);
	conn = member();
	for (uint32_t i = 0; rig.phone.state == PFS_ST_MEMBER && i < 30000; i++) {
		rig.now_us += PFS_BEAT_US; /* the beats themselves do not matter here */
		while (pfs_deadline(&rig.phone) <= rig.now_us && rig.phone.state == PFS_ST_MEMBER)
			rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TIME });
		rig.count = rig.mark + 1;
		if (rig.phone.state == PFS_ST_MEMBER)
			alive(conn, TREE_RETRYING, 0);
	}
	ck_assert_uint_ne(rig.phone.state, PFS_ST_MEMBER);
	ck_assert_uint_le(rig.now_us, limit_us + 10 * PFS_S);
}
END_TEST

/* A path with ourselves in it is a cycle: that parent is left, and an election mends it. */
START_TEST(own_ancestors_are_left)
{
	const uint32_t cycle[3] = { ROOT, RIG_ADDRESS, PARENT };
	struct wire_frame frame = rig_tree(WIRE_ALIVE, TREE_TFTP, ROOT, XID, 3, cycle);
	uint32_t conn;

	rig_start(&rig);
	conn = member();
	rig_frame(&rig, conn, &frame);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PARENT_LOST, 0)->a, PFS_LOSS_CYCLE);
	must_be("orphaned");
}
END_TEST

/* As does an ACCEPT that shows one. */
START_TEST(joining_ones_own_subtree_fails)
{
	const uint32_t cycle[2] = { RIG_ADDRESS, ROOT };
	struct wire_frame frame = rig_tree(WIRE_ACCEPT, TREE_TFTP, RIG_ADDRESS, XID, 2, cycle);

	rig_start(&rig);
	rig_frame(&rig, joining(), &frame);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_JOINED), 0);
	must_be("orphaned");
}
END_TEST

/* The root's failure: counted, passed down, its root not heard for a while; the second one is final. */
START_TEST(two_failed_roots_are_final)
{
	struct wire_frame fail = { .type = WIRE_FAIL, .reason = PFS_FAIL_SERVER_NOT_FOUND, .tried = 1 }, passed;
	uint32_t conn, child;

	rig_start(&rig);
	conn = member();
	child = rig_child(&rig, PEER(9), 0, XID);
	rig_frame(&rig, conn, &fail);
	must_be("orphaned");
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FAILURE_PASSED, 0)->a, PFS_FAIL_SERVER_NOT_FOUND);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FAILURE_PASSED, 0)->b, 1);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_BLAMED, 0)->address, ROOT);
	ck_assert(rig_frame_sent(&rig, child, WIRE_FAIL, &passed));
	ck_assert_uint_eq(passed.reason, PFS_FAIL_SERVER_NOT_FOUND);
	rig_until(&rig, PFS_ST_LISTENING, 3 * PFS_S);
	conn = rig_member(&rig, PEER(20), 78);
	rig_frame(&rig, conn, &fail);
	must_be("failed");
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FAILED, 0)->a, PFS_FAIL_SERVER_NOT_FOUND);
	ck_assert_uint_eq(rig.server.requests, 0);
	rig_advance(&rig, PFS_LINGER_US + PFS_S);
	ck_assert(!rig.port_open);
}
END_TEST

/* A failure that comes with part of the file leaves nothing of it behind. */
START_TEST(failure_in_mid_file_discards)
{
	struct wire_frame fail = { .type = WIRE_FAIL, .reason = PFS_FAIL_DAMAGED };
	uint32_t conn;

	rig_start(&rig);
	conn = member();
	rig_data(&rig, conn, 0, 100);
	rig_frame(&rig, conn, &fail);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DISCARD), 1);
	rig_until(&rig, PFS_ST_LISTENING, 3 * PFS_S);
	rig_data(&rig, rig_member(&rig, PEER(20), 78), 0, 652);
	rig_advance(&rig, 0);
	ck_assert_uint_eq(rig.phone.held, 1);
}
END_TEST

/* BUSY: come again, after the time named within bounds; nothing that is heard meanwhile is better. */
START_TEST(busy_parents_are_tried_again)
{
	static const uint32_t retries_ms[] = { 0, 2000, 5000, UINT32_MAX };
	struct wire_claim claim;

	rig_start(&rig);
	rig_frame(&rig, joining(), &(struct wire_frame){ .type = WIRE_REFUSE, .reason = PFS_REFUSE_BUSY,
							  .retry_ms = retries_ms[_i] });
	must_be("following");
	ck_assert_uint_ge(rig.phone.timer_us - rig.now_us, PFS_BUSY_RETRY_US);
	ck_assert_uint_le(rig.phone.timer_us - rig.now_us, 5 * PFS_BUSY_RETRY_US);
	claim = rig_answer(&rig, PEER(30), TREE_HOLDING, UINT32_MAX, 0);
	rig_hear(&rig, PEER(30), &claim);
	rig_mark(&rig);
	rig_until(&rig, PFS_ST_JOINING, 10 * PFS_S);
	must_dial(ROOT);
}
END_TEST

/* Redirects: the target is dialled; where that fails its sender hears of it. */
START_TEST(useless_redirects_go_back)
{
	struct wire_frame redirect = { .type = WIRE_REDIRECT, .target = PARENT }, join;
	uint32_t conn;

	rig_start(&rig);
	conn = joining();
	rig_frame(&rig, conn, &redirect);
	must_dial(PARENT);
	if (_i == 0) {
		rig_advance(&rig, PFS_CONNECT_US); /* no answer at all */
	} else {
		connected(&conn);
		if (_i == 1)
			rig_frame(&rig, conn, &(struct wire_frame){ .type = WIRE_REFUSE, .reason = PFS_REFUSE_DEEP });
		else if (_i == 2)
			rig_advance(&rig, PFS_JOIN_US); /* connected, and not a word */
		else
			rig_conn_event(&rig, PFS_EV_EOF, conn);
	}
	must_dial(ROOT);
	join = connected(&conn);
	ck_assert_uint_eq(join.avoid, PARENT);
	ck_assert_uint_eq(join.xid, XID);
}
END_TEST

/* Addresses that can be of no use are not dialled. */
START_TEST(redirects_nowhere)
{
	static const uint32_t targets[] = { 0, RIG_ADDRESS, 0x0a010203 };
	struct wire_frame redirect = { .type = WIRE_REDIRECT, .target = targets[_i] }, join;
	uint32_t conn;

	rig_start(&rig);
	conn = joining();
	rig_frame(&rig, conn, &redirect);
	must_dial(ROOT);
	join = connected(&conn);
	ck_assert_uint_eq(join.avoid, targets[_i]);
}
END_TEST

/* Hops are bounded: two phones that send a joiner to and fro, or one that always redirects, or is always busy. */
START_TEST(hops_are_bounded)
{
	uint32_t hops = 0, conn;

	rig_start(&rig);
	conn = joining();
	rig.count = rig.mark = 0;
	while (rig_traces(&rig, PFS_TR_ELECTION_AGAIN) == 0) {
		ck_assert_uint_lt(hops++, PFS_HOPS_MAX + 2);
		if (_i == 0)
			rig_frame(&rig, conn, &(struct wire_frame){ .type = WIRE_REDIRECT, .target = PEER(20 + hops % 2) });
		else if (_i == 1)
			rig_frame(&rig, conn, &(struct wire_frame){ .type = WIRE_REFUSE, .reason = PFS_REFUSE_BUSY });
		else
			rig_frame(&rig, conn, &(struct wire_frame){ .type = WIRE_REFUSE, .reason = PFS_REFUSE_STRANGER,
								    .root = PEER(20 + hops % 2), .xid = 100 + hops });
		rig_conn_event(&rig, PFS_EV_EOF, conn);
		if (rig.phone.state == PFS_ST_FOLLOWING)
			rig_until(&rig, PFS_ST_JOINING, 10 * PFS_S);
		if (rig.phone.state == PFS_ST_JOINING)
			connected(&conn);
	}
	must_be("orphaned");
}
END_TEST

/* Parents that accept and hang up, each naming another as its own parent: this ends too. */
START_TEST(a_row_of_parents_that_hang_up_ends)
{
	uint32_t conn, turns = 0;

	rig_start(&rig);
	conn = joining();
	while (rig.phone.state == PFS_ST_JOINING) {
		uint32_t named[3] = { PEER(50), PEER(20 + turns % 2), PEER(21 - turns % 2) };
		struct wire_frame accept = rig_tree(WIRE_ACCEPT, TREE_TFTP, PEER(50), XID, 3, named);

		ck_assert_uint_lt(turns++, 2 * PFS_HOPS_MAX);
		rig_frame(&rig, conn, &accept);
		rig_conn_event(&rig, PFS_EV_EOF, conn);
		if (rig.phone.state == PFS_ST_JOINING)
			connected(&conn);
	}
	must_be("orphaned");
}
END_TEST

/* A refusal that names another root is followed there. */
START_TEST(strangers_hints_are_followed)
{
	struct wire_frame refuse = { .type = WIRE_REFUSE, .reason = PFS_REFUSE_STRANGER, .root = PEER(20), .xid = 99 };
	struct wire_frame join;
	uint32_t conn;

	rig_start(&rig);
	conn = joining();
	rig_frame(&rig, conn, &refuse);
	must_dial(PEER(20));
	join = connected(&conn);
	ck_assert_uint_eq(join.xid, 99);
}
END_TEST

/* A leader that twice took nobody is not heard for a while. */
START_TEST(deaf_leaders_are_left_alone)
{
	struct wire_claim answer = rig_answer(&rig, ROOT, TREE_TFTP, 0xf0000000u, 0);

	rig_start(&rig);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert(!core_blamed(&rig.phone, ROOT));
		rig_until(&rig, PFS_ST_LISTENING, 3 * PFS_S);
		rig_hear(&rig, ROOT, &answer);
		rig_until(&rig, PFS_ST_JOINING, PFS_S);
		rig_advance(&rig, PFS_CONNECT_US);
		must_be("orphaned");
	}
	ck_assert(core_blamed(&rig.phone, ROOT));
	rig_until(&rig, PFS_ST_CLAIMING, 3 * PFS_S);
	ck_assert_uint_eq(rig_said(&rig).avoid, ROOT); /* so that it does not answer either */
	rig_hear(&rig, ROOT, &answer);
	must_be("claiming");
}
END_TEST

/* What the protocol does not allow ends the connection and blames the parent. */
START_TEST(parents_that_break_the_protocol_are_left)
{
	static const struct wire_frame wrong[] = {
		{ .type = WIRE_DATA, .offset = 1, .length = 10 },   /* not what comes next */
		{ .type = WIRE_DATA, .offset = 0, .length = 653 },  /* more than the file has */
		{ .type = WIRE_DATA, .offset = 0, .length = 0 },    /* nothing of a file that is not empty */
		{ .type = WIRE_JOIN }, { .type = WIRE_BEAT }, { .type = WIRE_DONE }, { .type = WIRE_ACCEPT },
		{ .type = WIRE_REDIRECT, .target = PEER(20) }, { .type = WIRE_REFUSE },
	};
	uint32_t conn;

	rig_start(&rig);
	conn = member();
	rig_frame(&rig, conn, &wrong[_i]);
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_STATE], 1);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PARENT_LOST, 0)->a, PFS_LOSS_PROTOCOL);
	ck_assert(core_blamed(&rig.phone, PARENT));
	ck_assert_uint_eq(rig_find(&rig, PFS_ACT_DROP, 0)->action.conn, conn);
}
END_TEST

/* Children too: a frame that is no child's ends it. */
START_TEST(children_that_break_the_protocol_are_left)
{
	static const enum wire_type wrong[] = { WIRE_JOIN, WIRE_ACCEPT, WIRE_ALIVE, WIRE_DATA, WIRE_FAIL };
	uint32_t child;

	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	child = rig_child(&rig, PEER(9), 0, rig.phone.xid);
	rig_frame(&rig, child, &(struct wire_frame){ .type = (uint8_t)wrong[_i] });
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD_LOST, 0)->a, PFS_LOSS_PROTOCOL);
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 0);
}
END_TEST

/* A parent lost while the file is being verified is no loss: it is complete. */
START_TEST(a_complete_file_needs_no_parent)
{
	uint32_t conn;

	rig.verify_holds = true;
	rig_start(&rig);
	conn = member();
	rig_data(&rig, conn, 0, 652);
	rig_conn_event(&rig, PFS_EV_LOST, conn);
	must_be("verifying");
	rig_verified(&rig, true);
	ck_assert_uint_eq(rig.phone.held, 1);
}
END_TEST

/* XfrCmd and changes of the tree go down at once; a beat that says nothing new does not. */
START_TEST(news_goes_down_at_once)
{
	struct wire_frame xfrcmd = rig_tree(WIRE_XFRCMD, TREE_TFTP, ROOT, XID, 3, path), told;
	uint32_t conn, child;

	rig_start(&rig);
	conn = member();
	child = rig_child(&rig, PEER(9), 0, XID);
	alive(conn, TREE_WAITING, 0);
	rig_mark(&rig);
	rig_frame(&rig, conn, &xfrcmd);
	ck_assert(rig_frame_sent(&rig, child, WIRE_XFRCMD, &told));
	ck_assert_uint_eq(told.level, 4);
	ck_assert_uint_eq(told.path_count, 4);
	ck_assert_uint_eq(told.path[3], RIG_ADDRESS);
	ck_assert_uint_eq(told.server, RIG_SERVER);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_XFRCMD_HEARD, 0)->address, ROOT);
	rig_mark(&rig);
	alive(conn, TREE_TFTP, 1);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_SEND), 0);
	rig_mark(&rig);
	alive(conn, TREE_RETRYING, 1);
	ck_assert(rig_frame_sent(&rig, child, WIRE_ALIVE, &told));
	ck_assert_uint_eq(told.phase, TREE_RETRYING);
}
END_TEST

/* Events of a connection that is over are dropped and counted, whatever slot they name. */
START_TEST(stale_events_are_dropped)
{
	uint8_t bytes[WIRE_FRAME_HEADER] = { 0 };
	uint32_t conn, stale;

	rig_start(&rig);
	conn = joining();
	rig_conn_event(&rig, PFS_EV_LOST, conn);
	stale = rig.phone.stale_events;
	rig_conn_event(&rig, PFS_EV_CONNECTED, conn);
	rig_conn_event(&rig, PFS_EV_EOF, conn);
	rig_conn_event(&rig, PFS_EV_LOST, conn);
	rig_conn_event(&rig, PFS_EV_SENT, conn);
	rig_bytes(&rig, conn, bytes, sizeof(bytes), sizeof(bytes));
	rig_conn_event(&rig, PFS_EV_EOF, 0);
	rig_conn_event(&rig, PFS_EV_EOF, UINT32_MAX);
	ck_assert_uint_eq(rig.phone.stale_events, stale + 7);
	rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_VERIFIED, .ok = 1, .file = 0 });
	rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TFTP_REFUSED });
	rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_OPENED, .ok = 1 });
	ck_assert_uint_eq(rig.phone.stale_events, stale + 10);
	must_be("orphaned");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("membership");
	TCase *tcase = tcase_create("membership");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_member_takes_the_file_and_says_done);
	tcase_add_test(tcase, empty_files_are_whole_too);
	tcase_add_test(tcase, damage_blames_the_direct_parent);
	tcase_add_test(tcase, damage_is_forgiven_once);
	tcase_add_test(tcase, strikes_are_kept_beside_each_other);
	tcase_add_test(tcase, orphans_go_up_and_then_elect);
	tcase_add_test(tcase, a_short_path_is_asked_once);
	tcase_add_test(tcase, silent_parents_are_left);
	tcase_add_test(tcase, roots_that_stand_still_are_left);
	tcase_add_test(tcase, slow_roots_are_waited_for);
	tcase_add_test(tcase, roots_that_try_again_are_waited_for_half_an_hour);
	tcase_add_test(tcase, no_root_is_waited_for_for_ever);
	tcase_add_test(tcase, own_ancestors_are_left);
	tcase_add_test(tcase, joining_ones_own_subtree_fails);
	tcase_add_test(tcase, two_failed_roots_are_final);
	tcase_add_test(tcase, failure_in_mid_file_discards);
	tcase_add_loop_test(tcase, busy_parents_are_tried_again, 0, 4);
	tcase_add_loop_test(tcase, useless_redirects_go_back, 0, 4);
	tcase_add_loop_test(tcase, redirects_nowhere, 0, 3);
	tcase_add_loop_test(tcase, hops_are_bounded, 0, 3);
	tcase_add_test(tcase, a_row_of_parents_that_hang_up_ends);
	tcase_add_test(tcase, strangers_hints_are_followed);
	tcase_add_test(tcase, deaf_leaders_are_left_alone);
	tcase_add_loop_test(tcase, parents_that_break_the_protocol_are_left, 0, 9);
	tcase_add_loop_test(tcase, children_that_break_the_protocol_are_left, 0, 5);
	tcase_add_test(tcase, a_complete_file_needs_no_parent);
	tcase_add_test(tcase, news_goes_down_at_once);
	tcase_add_test(tcase, stale_events_are_dropped);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
