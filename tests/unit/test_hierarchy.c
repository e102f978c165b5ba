/*
 * The hierarchy seen from one phone, as a parent: who may join, when, and
 * what a child gets. Facts F3, F4, F6 and F7.
 */
#include <string.h>

#include "pfs-core/core.h"
#include "tests/tap.h"
#include "tests/unit/phone_harness.h"

static struct rig rig;

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

static void waiting_root(void)
{
	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	rig_mark(&rig);
}

static void must_refuse(uint32_t conn, enum pfs_refusal reason, struct wire_frame *refusal)
{
	struct wire_frame frame;

	ck_assert(rig_frame_sent(&rig, conn, WIRE_REFUSE, &frame));
	ck_assert_uint_eq(frame.reason, reason);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_REFUSED, 0)->a, reason);
	ck_assert(!rig_frame_sent(&rig, conn, WIRE_ACCEPT, NULL));
	ck_assert_uint_eq(rig.shut[pfs_conn_slot(conn)], 1);
	if (refusal)
		*refusal = frame;
}

static uint64_t bytes_sent(uint32_t conn)
{
	const struct rig_action *sent;
	uint64_t total = 0;

	for (uint32_t i = 0; (sent = rig_find(&rig, PFS_ACT_SEND_FILE, i)); i++) {
		if (sent->action.conn != conn)
			continue;
		ck_assert_uint_eq(sent->action.offset, total);
		total += sent->action.length;
	}
	return total;
}

static void beat(uint32_t conn, uint32_t weight)
{
	rig_frame(&rig, conn, &(struct wire_frame){ .type = WIRE_BEAT, .weight = weight });
}

/* F3: two children; the third joiner is sent to one of them, the fourth to the other: the lighter. */
START_TEST(f3_two_children_and_the_lighter_subtree)
{
	uint32_t conns[8], sent_to[8] = { 0 };
	struct wire_frame frame;

	waiting_root();
	for (uint32_t i = 0; i < 8; i++) {
		conns[i] = rig_child(&rig, PEER(i + 1), 0, rig.phone.xid);
		if (i < 2) {
			ck_assert(rig_frame_sent(&rig, conns[i], WIRE_ACCEPT, &frame));
			ck_assert_uint_eq(frame.level, 1);
			ck_assert_uint_eq(frame.root, RIG_ADDRESS);
			ck_assert_uint_eq(frame.path_count, 1);
			ck_assert_uint_eq(frame.path[0], RIG_ADDRESS);
			continue;
		}
		ck_assert(rig_frame_sent(&rig, conns[i], WIRE_REDIRECT, &frame));
		sent_to[i] = frame.target;
		rig_conn_event(&rig, PFS_EV_EOF, conns[i]);
	}
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 2);
	for (uint32_t i = 2; i < 8; i += 2) { /* in turn: the halves stay equal */
		ck_assert(sent_to[i] == PEER(1) || sent_to[i] == PEER(2));
		ck_assert_uint_ne(sent_to[i], sent_to[i + 1]);
	}
	ck_assert_uint_eq(core_children_weight(&rig.phone, 0), 8);
}
END_TEST

/* What-if: as many children as the fan-out, joiners beyond go round; a place in each for two hierarchies. */
START_TEST(as_many_children_as_the_fan_out)
{
	static const uint8_t fan_outs[] = { 1, 3, 4 };
	uint32_t fan_out = fan_outs[_i], sent[PFS_FAN_OUT_MAX + 1] = { 0 }, conn, older = 0;
	struct wire_frame frame;

	rig.config.fan_out = (uint8_t)fan_out;
	rig_again(&rig);
	ck_assert_uint_eq(rig.phone.slots, 1 + 2 * fan_out + PFS_ACCEPT_SLOTS);
	waiting_root();
	for (uint32_t i = 0; i < 3 * fan_out; i++) {
		conn = rig_child(&rig, PEER(i + 1), 0, rig.phone.xid);
		ck_assert_uint_eq(rig_frame_sent(&rig, conn, WIRE_ACCEPT, NULL), i < fan_out);
		if (i < fan_out)
			continue;
		ck_assert(rig_frame_sent(&rig, conn, WIRE_REDIRECT, &frame));
		ck_assert_uint_le(frame.target, PEER(fan_out));
		sent[frame.target - PEER(0)]++;
		rig_conn_event(&rig, PFS_EV_EOF, conn);
	}
	for (uint32_t i = 1; i <= fan_out; i++)
		ck_assert_uint_eq(sent[i], 2); /* subtrees stay equal */
	/* The same again for the next file, beside them, and strangers still find their places. */
	rig.sent_holds = true;
	rig_until(&rig, PFS_ST_LISTENING, 20 * PFS_S);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	for (uint32_t i = 0; i < fan_out; i++) {
		conn = rig_child(&rig, PEER(i + 1), 1, rig.phone.xid);
		ck_assert(rig_frame_sent(&rig, conn, WIRE_ACCEPT, NULL));
	}
	older = core_children_count(&rig.phone, 0);
	ck_assert_uint_eq(older, fan_out);
	ck_assert_uint_eq(core_children_count(&rig.phone, 1), fan_out);
	for (uint32_t i = 0; i < PFS_ACCEPT_SLOTS; i++)
		ck_assert_uint_ne(rig_accept(&rig, PEER(60 + i)), PFS_NO_CONN);
	ck_assert_uint_eq(pfs_accept_conn(&rig.phone), PFS_NO_CONN);
}
END_TEST

/* A fan-out that no phone has places for is no configuration. */
START_TEST(fan_outs_are_bounded)
{
	rig.config.fan_out = PFS_FAN_OUT_MAX + 1;
	ck_assert_int_eq(pfs_phone_init(&rig.phone, &rig.config), -EINVAL);
}
END_TEST

/* A joiner that brings a subtree weighs it all. */
START_TEST(f3_weights_count_whole_subtrees)
{
	struct wire_frame join, frame;
	uint32_t heavy, light, third;

	waiting_root();
	join = rig_join(&rig, 0, rig.phone.xid);
	join.weight = 5;
	heavy = rig_accept(&rig, PEER(1));
	rig_frame(&rig, heavy, &join);
	light = rig_child(&rig, PEER(2), 0, rig.phone.xid);
	for (uint32_t i = 3; i < 7; i++) {
		third = rig_child(&rig, PEER(i), 0, rig.phone.xid);
		ck_assert(rig_frame_sent(&rig, third, WIRE_REDIRECT, &frame));
		ck_assert_uint_eq(frame.target, PEER(2));
		rig_conn_event(&rig, PFS_EV_EOF, third);
	}
	/* 5 and 5 now; one that brings three more makes the other side the lighter one. */
	join.weight = 4;
	third = rig_accept(&rig, PEER(8));
	rig_frame(&rig, third, &join);
	ck_assert(rig_frame_sent(&rig, third, WIRE_REDIRECT, &frame));
	rig_conn_event(&rig, PFS_EV_EOF, third);
	for (uint32_t i = 9, first = frame.target; i < 13; i++) {
		third = rig_child(&rig, PEER(i), 0, rig.phone.xid);
		ck_assert(rig_frame_sent(&rig, third, WIRE_REDIRECT, &frame));
		ck_assert_uint_ne(frame.target, first);
		rig_conn_event(&rig, PFS_EV_EOF, third);
	}
	/* A child's own count is believed, but only long after joiners were sent there. */
	ck_assert_uint_eq(core_children_weight(&rig.phone, 0), 18);
	rig_advance(&rig, 5 * PFS_S);
	beat(light, 1);
	beat(heavy, 5);
	ck_assert_uint_eq(core_children_weight(&rig.phone, 0), 18);
	rig_advance(&rig, 6 * PFS_S);
	beat(light, 7);
	beat(heavy, 5);
	ck_assert_uint_eq(core_children_weight(&rig.phone, 0), 12);
}
END_TEST

/* A joiner that claims to bring the whole world does not turn the balance round. */
START_TEST(f3_weights_do_not_wrap)
{
	struct wire_frame join, frame;
	uint32_t conn, target;

	waiting_root();
	rig_child(&rig, PEER(1), 0, rig.phone.xid);
	rig_child(&rig, PEER(2), 0, rig.phone.xid);
	join = rig_join(&rig, 0, rig.phone.xid);
	join.weight = UINT32_MAX;
	conn = rig_accept(&rig, PEER(3));
	rig_frame(&rig, conn, &join);
	ck_assert(rig_frame_sent(&rig, conn, WIRE_REDIRECT, &frame));
	target = frame.target;
	rig_conn_event(&rig, PFS_EV_EOF, conn);
	conn = rig_child(&rig, PEER(4), 0, rig.phone.xid);
	ck_assert(rig_frame_sent(&rig, conn, WIRE_REDIRECT, &frame));
	ck_assert_uint_ne(frame.target, target);
}
END_TEST

/* F4: a child that waits gets no byte before the file is complete and verified, then all of it, then owes a DONE. */
START_TEST(f4_whole_file_after_verification)
{
	uint32_t child;

	rig.verify_holds = true;
	rig.config.files[0].size = 2 * PFS_CHUNK_BYTES + 17;
	rig.server.virtual_payload = true;
	rig.server.rtt_us = 1000;
	rig.config.tftp_blksize = 1400;
	rig.server.options = true;
	rig_again(&rig);
	waiting_root();
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	rig_until(&rig, PFS_ST_TFTP, 12 * PFS_S);
	rig_until(&rig, PFS_ST_VERIFYING, 5 * PFS_S);
	rig_advance(&rig, 3 * PFS_S);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_SEND_FILE), 0);
	ck_assert(!rig_frame_sent(&rig, child, WIRE_DATA, NULL));
	ck_assert(rig_frame_sent(&rig, child, WIRE_XFRCMD, NULL)); /* when ROOT_WAITING ended, as in the log */
	rig_verified(&rig, true);
	rig_advance(&rig, 1);
	ck_assert_uint_eq(bytes_sent(child), rig.config.files[0].size);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_SEND_FILE), 3);
	rig_frame(&rig, child, &(struct wire_frame){ .type = WIRE_DONE });
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 0);
	ck_assert_uint_eq(rig.shut[pfs_conn_slot(child)], 1);
}
END_TEST

/* F4, CSCtg96408: a damaged file is not forwarded, but fetched again. */
/* A root with a large index whose download is under way, and a child. */
static uint32_t early_root(void)
{
	uint32_t child;

	rig.verify_holds = true;
	rig.config.forward_early = 1;
	rig.config.files[0].size = 10 * PFS_EARLY_BYTES; /* its last piece would be worth a frame */
	rig.server.rtt_us = 1000;
	rig_again(&rig);
	waiting_root();
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	rig_until(&rig, PFS_ST_TFTP, 12 * PFS_S);
	return child;
}

/* What-if: pieces go on as they come, a joiner's from the beginning; the end of the file waits for the verdict. */
START_TEST(early_pieces_go_on_but_not_the_end)
{
	uint64_t size, before;
	uint32_t child = early_root(), late;

	size = rig.config.files[0].size;
	while (rig.phone.received < 3 * PFS_EARLY_BYTES)
		rig_advance(&rig, 1000);
	ck_assert_uint_ge(bytes_sent(child), 2 * PFS_EARLY_BYTES);
	ck_assert_uint_le(bytes_sent(child), rig.phone.received);
	ck_assert(rig_frame_sent(&rig, child, WIRE_XFRCMD, NULL));
	before = rig.phone.received;
	late = rig_child(&rig, PEER(2), 0, rig.phone.xid);
	ck_assert_uint_eq(bytes_sent(late), before);
	rig_until(&rig, PFS_ST_VERIFYING, 5 * PFS_S);
	rig_advance(&rig, 3 * PFS_S);
	ck_assert_uint_lt(bytes_sent(child), size);
	ck_assert_uint_lt(bytes_sent(late), size);
	/* Nobody stands still who waits for more: beats keep the slot, however long. */
	for (uint32_t i = 0; i < 40; i++) {
		beat(child, 1);
		beat(late, 1);
		rig_advance(&rig, 5 * PFS_S);
	}
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 2);
	rig_verified(&rig, true);
	rig_advance(&rig, 1);
	ck_assert_uint_eq(bytes_sent(child), size);
	ck_assert_uint_eq(bytes_sent(late), size);
	/* And now the verdict is waited for, no longer than ever. */
	for (uint32_t i = 0; i < 25; i++) {
		beat(child, 1);
		rig_advance(&rig, 5 * PFS_S);
	}
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 0);
}
END_TEST

/* What-if: what was sent on of a copy that is no good is sent again from the first byte; nobody is blamed for it. */
START_TEST(early_pieces_of_damage_begin_anew)
{
	uint32_t child = early_root(), again = 0;
	const struct rig_action *sent;
	uint64_t at = 0;

	rig_until(&rig, PFS_ST_VERIFYING, 5 * PFS_S);
	rig_verified(&rig, false);
	rig_advance(&rig, 5 * PFS_S);
	rig_until(&rig, PFS_ST_VERIFYING, 5 * PFS_S);
	rig_verified(&rig, true);
	rig_advance(&rig, 1);
	for (uint32_t i = 0; (sent = rig_find(&rig, PFS_ACT_SEND_FILE, i)); i++) {
		if (sent->action.conn != child)
			continue;
		again += i > 0 && sent->action.offset == 0;
		ck_assert(sent->action.offset == at || sent->action.offset == 0);
		at = sent->action.offset + sent->action.length;
	}
	ck_assert_uint_eq(again, 1);
	ck_assert_uint_eq(at, rig.config.files[0].size);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CHILD_LOST), 0);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_BLAMED), 0);
}
END_TEST

/* What-if: a parent that begins anew makes its child begin anew, and that one its own. */
START_TEST(whoever_is_fed_anew_feeds_anew)
{
	uint64_t size = 5 * PFS_EARLY_BYTES;
	const struct rig_action *last = NULL, *sent;
	uint32_t conn, child;

	rig.config.forward_early = 1;
	rig.config.files[0].size = size;
	rig_again(&rig);
	rig_start(&rig);
	conn = rig_member(&rig, PEER(2), 77);
	child = rig_child(&rig, PEER(9), 0, 77);
	for (uint32_t i = 0; i < 40; i++)
		rig_data(&rig, conn, i * 1000, 1000);
	rig_advance(&rig, 1);
	ck_assert_uint_ge(bytes_sent(child), 2 * PFS_EARLY_BYTES);
	rig_mark(&rig);
	rig_data(&rig, conn, 0, 1000);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DISCARD), 1);
	ck_assert_uint_eq(rig.phone.received, 1000);
	must_be("receiving");
	for (uint64_t at = 1000; at < size; at += 1000)
		rig_data(&rig, conn, at, size - at < 1000 ? size - at : 1000);
	rig_advance(&rig, 1);
	ck_assert_uint_eq(bytes_sent(child), size); /* from 0 on */
	for (uint32_t i = 0; (sent = rig_find(&rig, PFS_ACT_SEND_FILE, i)); i++)
		last = sent;
	ck_assert_ptr_nonnull(last);
	/* Its own verdict came before the end of it went out. */
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_VERIFIED, 0)->a, 1);
	ck_assert_uint_ge(last->at_us, rig_trace_at(&rig, PFS_TR_VERIFIED, 0));
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_PARENT_LOST), 0);
}
END_TEST

/* No real phone begins anew in mid-file: whoever sends it that is no parent. */
START_TEST(f4_no_file_begins_twice)
{
	uint32_t conn;

	rig_start(&rig);
	conn = rig_member(&rig, PEER(2), 77);
	rig_data(&rig, conn, 0, 100);
	rig_data(&rig, conn, 0, 100);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PARENT_LOST, 0)->a, PFS_LOSS_PROTOCOL);
}
END_TEST

START_TEST(f4_damage_is_never_forwarded)
{
	uint32_t child;

	rig.verify_bad = 1;
	waiting_root();
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	for (uint32_t i = 0; i < 5 && rig.phone.file == 0; i++) {
		if (rig_traces(&rig, PFS_TR_VERIFIED) == 1)
			ck_assert_uint_eq(bytes_sent(child), 0);
		beat(child, 1);
		rig_advance(&rig, 4 * PFS_S);
	}
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_VERIFIED, 0)->a, 0);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_VERIFIED, 1)->a, 1);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DISCARD), 1);
	ck_assert_uint_eq(bytes_sent(child), 652);
	ck_assert_uint_eq(rig.server.requests, 2);
}
END_TEST

/* F6: the same bytes, but another model's hierarchy. F7: nobody of another subnet. */
START_TEST(f6_f7_strangers_may_not_join)
{
	struct wire_frame join;
	uint32_t conn, address = PEER(1);

	waiting_root();
	join = rig_join(&rig, 0, rig.phone.xid);
	switch (_i) {
	case 0:
		join.key ^= 1;
		break;
	case 1:
		join.digest ^= 1;
		break;
	case 2:
		address = 0x0a010201;
		break;
	default:
		join.xid ^= 1; /* another claim's tree: an older one of this phone, say */
		break;
	}
	conn = rig_accept(&rig, address);
	rig_frame(&rig, conn, &join);
	must_refuse(conn, PFS_REFUSE_STRANGER, NULL);
}
END_TEST

/* Two files of an upgrade with the same content: each has its own hierarchy. */
START_TEST(files_of_equal_content_are_told_apart)
{
	struct wire_frame join;
	uint32_t conn;

	rig.config.files[1].digest = rig.config.files[0].digest;
	rig.config.files[1].size = rig.config.files[0].size;
	rig_again(&rig);
	rig_start(&rig);
	while (!(rig.phone.file == 1 && rig.phone.state == PFS_ST_ROOT_WAITING))
		rig_advance(&rig, 100 * PFS_MS);
	rig_mark(&rig);
	join = rig_join(&rig, 1, rig.phone.xid);
	conn = rig_accept(&rig, PEER(1));
	rig_frame(&rig, conn, &join);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD, 0)->file, 1);
}
END_TEST

/* A phone with our own address is nobody's child here. */
START_TEST(our_own_address_may_not_join)
{
	waiting_root();
	must_refuse(rig_child(&rig, RIG_ADDRESS, 0, rig.phone.xid), PFS_REFUSE_CYCLE, NULL);
}
END_TEST

/* Q1: a joiner meets the phone in each state. */
START_TEST(join_while_listening_or_claiming)
{
	struct wire_frame refusal;
	struct wire_claim claim;

	rig_start(&rig);
	must_refuse(rig_child(&rig, PEER(1), 0, rig.phone.xid), PFS_REFUSE_STRANGER, &refusal);
	ck_assert_uint_eq(refusal.root, 0);
	rig_until(&rig, PFS_ST_CLAIMING, PFS_S);
	rig_mark(&rig);
	must_refuse(rig_child(&rig, PEER(2), 0, rig.phone.xid), PFS_REFUSE_STRANGER, &refusal);
	/* Having yielded it names whom it follows. */
	claim = rig_claim(&rig, PEER(9), 0x7fffffff, 0);
	rig_hear(&rig, PEER(9), &claim);
	rig_mark(&rig);
	must_refuse(rig_child(&rig, PEER(3), 0, rig.phone.xid), PFS_REFUSE_STRANGER, &refusal);
	ck_assert_uint_eq(refusal.root, PEER(9));
	ck_assert_uint_eq(refusal.xid, claim.xid);
}
END_TEST

START_TEST(join_in_tftp)
{
	struct wire_frame frame;
	uint32_t child;

	rig.server.rtt_us = 400 * PFS_MS;
	waiting_root();
	rig_until(&rig, PFS_ST_TFTP, 11 * PFS_S);
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	ck_assert(rig_frame_sent(&rig, child, WIRE_ACCEPT, &frame));
	ck_assert_uint_eq(frame.phase, TREE_TFTP);
	ck_assert_uint_eq(bytes_sent(child), 0);
	rig_advance(&rig, 2 * PFS_S);
	ck_assert_uint_eq(bytes_sent(child), 652);
}
END_TEST

/* Holding it, whatever the joiner thinks of trees: at the next file, lingering; and nobody once it rebooted. */
START_TEST(join_of_a_holder)
{
	struct wire_frame frame;
	uint32_t child;

	rig_start(&rig);
	rig_until(&rig, PFS_ST_LINGERING, 30 * PFS_S);
	rig_mark(&rig);
	child = rig_child(&rig, PEER(1), 0, 4711);
	ck_assert(rig_frame_sent(&rig, child, WIRE_ACCEPT, &frame));
	ck_assert_uint_eq(frame.phase, TREE_HOLDING);
	rig_advance(&rig, 1);
	ck_assert_uint_eq(bytes_sent(child), 652);
	rig_frame(&rig, child, &(struct wire_frame){ .type = WIRE_DONE });
	rig_conn_event(&rig, PFS_EV_EOF, child);
	rig_advance(&rig, PFS_LINGER_US + PFS_S);
	must_be("rebooted");
	ck_assert_uint_eq(pfs_accept_conn(&rig.phone), PFS_NO_CONN);
}
END_TEST

START_TEST(join_while_at_the_next_file)
{
	uint32_t child;

	rig_start(&rig);
	while (rig.phone.file == 0)
		rig_advance(&rig, 100 * PFS_MS);
	must_be("listening");
	rig_mark(&rig);
	child = rig_child(&rig, PEER(1), 0, 4711);
	rig_advance(&rig, 1);
	ck_assert_uint_eq(bytes_sent(child), 652);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD, 0)->file, 0);
}
END_TEST

/* A latecomer that a full holder sends on is taken there, although that tree has no claim of its own any more. */
START_TEST(latecomers_find_a_place_below_a_holder)
{
	uint32_t holder = PEER(2), conn, child;
	struct wire_frame alive = rig_tree(WIRE_ALIVE, TREE_HOLDING, holder, 0, 1, &holder);

	rig_start(&rig);
	conn = rig_member(&rig, holder, 77);
	rig_frame(&rig, conn, &alive);
	rig_data(&rig, conn, 0, 100);
	must_be("receiving");
	rig_mark(&rig);
	child = rig_child(&rig, PEER(5), 0, 4711);
	ck_assert(rig_frame_sent(&rig, child, WIRE_ACCEPT, NULL));
	ck_assert_uint_eq(bytes_sent(child), 0);
	/* But never an ancestor. */
	rig_mark(&rig);
	must_refuse(rig_child(&rig, holder, 0, 4711), PFS_REFUSE_CYCLE, NULL);
}
END_TEST

/* Those below hear that their own parent gets on: a slow LAN is no stalled root. */
START_TEST(progress_below_a_holder_is_told)
{
	uint32_t root = PEER(2), conn, child;
	struct wire_frame alive;

	rig.config.files[0].size = 1000000;
	rig_again(&rig);
	rig_start(&rig);
	conn = rig_member(&rig, root, 77);
	child = rig_child(&rig, PEER(5), 0, 77);
	for (uint32_t i = 0; i < 4; i++) {
		rig_data(&rig, conn, i * 102400, 102400);
		rig_mark(&rig);
		rig_advance(&rig, PFS_BEAT_US);
		ck_assert(rig_frame_sent(&rig, child, WIRE_ALIVE, &alive));
		ck_assert_uint_eq(alive.progress_kb, (i + 1) * 100);
		beat(child, 1);
	}
}
END_TEST

/* A child that cannot use the subtree it was sent to is sent to the other, and told to come again if that is no use either. */
START_TEST(redirects_avoid_what_was_of_no_use)
{
	struct wire_frame join, frame;
	uint32_t conn;

	waiting_root();
	rig_child(&rig, PEER(1), 0, rig.phone.xid);
	rig_child(&rig, PEER(2), 0, rig.phone.xid);
	for (uint32_t i = 1; i <= 2; i++) {
		join = rig_join(&rig, 0, rig.phone.xid);
		join.avoid = PEER(i);
		conn = rig_accept(&rig, PEER(3));
		rig_frame(&rig, conn, &join);
		ck_assert(rig_frame_sent(&rig, conn, WIRE_REDIRECT, &frame));
		ck_assert_uint_eq(frame.target, PEER(3 - i));
		rig_conn_event(&rig, PFS_EV_EOF, conn);
	}
	join.lost = PEER(1);
	conn = rig_accept(&rig, PEER(3));
	rig_frame(&rig, conn, &join);
	must_refuse(conn, PFS_REFUSE_BUSY, &frame);
	ck_assert_uint_eq(frame.retry_ms, PFS_BUSY_RETRY_US / PFS_MS);
}
END_TEST

/* The orphan's word frees the slot of a dead child, but only of one that has been quiet. */
START_TEST(an_orphan_takes_its_dead_parents_slot)
{
	struct wire_frame join;
	uint32_t first, second, conn;

	waiting_root();
	first = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	second = rig_child(&rig, PEER(2), 0, rig.phone.xid);
	rig_advance(&rig, 5 * PFS_S);
	beat(second, 3);
	rig_advance(&rig, 2 * PFS_S);
	join = rig_join(&rig, 0, rig.phone.xid);
	join.lost = PEER(1);
	rig_mark(&rig);
	conn = rig_accept(&rig, PEER(3));
	rig_frame(&rig, conn, &join);
	ck_assert(rig_frame_sent(&rig, conn, WIRE_ACCEPT, NULL));
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD_LOST, 0)->address, PEER(1));
	ck_assert_uint_eq(rig.live[pfs_conn_slot(first)], PFS_NO_CONN);
	/* One that beats is not given up on hearsay. */
	join.lost = PEER(2);
	rig_mark(&rig);
	rig_frame(&rig, rig_accept(&rig, PEER(4)), &join);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CHILD_LOST), 0);
}
END_TEST

/* A child that comes again has lost its first connection. */
START_TEST(a_child_that_joins_anew_replaces_itself)
{
	uint32_t first, again;

	waiting_root();
	first = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	again = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 1);
	ck_assert_uint_eq(rig.live[pfs_conn_slot(first)], PFS_NO_CONN);
	ck_assert_uint_eq(rig.live[pfs_conn_slot(again)], again);
	/* What still comes of the old one is dropped and counted. */
	rig_conn_event(&rig, PFS_EV_EOF, first);
	rig_conn_event(&rig, PFS_EV_SENT, first);
	rig_conn_event(&rig, PFS_EV_LOST, first);
	ck_assert_uint_eq(rig.phone.stale_events, 3);
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 1);
}
END_TEST

/* Silence ends a child after PFS_SILENCE_US; each beat puts that off; we beat too. */
START_TEST(silent_children_are_given_up)
{
	uint32_t child;

	waiting_root();
	rig.server.answers = false;
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	for (uint32_t i = 0; i < 3; i++) {
		rig_mark(&rig);
		rig_advance(&rig, PFS_BEAT_US);
		ck_assert(rig_frame_sent(&rig, child, WIRE_ALIVE, NULL) ||
			  rig_frame_sent(&rig, child, WIRE_XFRCMD, NULL));
		beat(child, 1);
	}
	rig_mark(&rig);
	rig_advance(&rig, PFS_SILENCE_US - 1);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CHILD_LOST), 0);
	rig_advance(&rig, 1);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD_LOST, 0)->a, PFS_LOSS_SILENT);
	ck_assert_uint_eq(rig.live[pfs_conn_slot(child)], PFS_NO_CONN);
}
END_TEST

/* A reader that stands still has a timer of its own, whatever it says meanwhile. */
START_TEST(stalled_readers_are_given_up)
{
	uint32_t child;
	uint64_t end_us;

	rig.sent_holds = true;
	waiting_root();
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	while (rig_count(&rig, PFS_ACT_SEND_FILE) == 0)
		rig_advance(&rig, 10 * PFS_MS);
	end_us = rig.now_us + PFS_READER_STALL_US;
	while (rig.now_us + PFS_S < end_us) {
		rig_advance(&rig, PFS_S);
		beat(child, 1);
	}
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CHILD_LOST), 0);
	rig_advance(&rig, PFS_S);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD_LOST, 0)->a, PFS_LOSS_STALLED);
}
END_TEST

/* Who connects and says nothing is dropped; while three do, the rest waits in the listen queue. */
START_TEST(silent_strangers_are_dropped)
{
	waiting_root();
	for (uint32_t i = 0; i < PFS_ACCEPT_SLOTS; i++)
		ck_assert_uint_ne(rig_accept(&rig, PEER(i + 1)), PFS_NO_CONN);
	ck_assert_uint_eq(rig_accept(&rig, PEER(9)), PFS_NO_CONN);
	rig_advance(&rig, PFS_ACCEPT_US);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DROP), PFS_ACCEPT_SLOTS);
	ck_assert_uint_ne(rig_accept(&rig, PEER(9)), PFS_NO_CONN);
}
END_TEST

/* Connections that are on their way out count as well: the slots of parent and children stay free. */
START_TEST(leavers_hold_up_strangers)
{
	uint32_t conns[5];

	waiting_root();
	for (uint32_t i = 0; i < 5; i++) {
		conns[i] = rig_child(&rig, PEER(i + 1), 0, rig.phone.xid);
		if (i < 2)
			continue;
		ck_assert(rig_frame_sent(&rig, conns[i], WIRE_REDIRECT, NULL));
	}
	ck_assert_uint_eq(rig_accept(&rig, PEER(9)), PFS_NO_CONN);
	rig_conn_event(&rig, PFS_EV_EOF, conns[3]);
	ck_assert_uint_ne(rig_accept(&rig, PEER(9)), PFS_NO_CONN);
	/* And whoever never closes is closed. */
	rig_advance(&rig, PFS_CLOSE_US);
	ck_assert_uint_eq(rig.live[pfs_conn_slot(conns[2])], PFS_NO_CONN);
}
END_TEST

/* F5: the current file and one older one are two hierarchies; a joiner of a third is to come again. */
START_TEST(f5_a_third_hierarchy_waits)
{
	uint32_t conn;

	rig.config.file_count = 3;
	rig.config.files[2] = rig.config.files[1];
	rig.config.files[2].name[0] = 'c';
	rig.config.files[2].digest = 0x3333;
	rig_again(&rig);
	rig.sent_holds = true;
	rig_start(&rig);
	while (rig.phone.file < 2)
		rig_advance(&rig, 100 * PFS_MS);
	rig_mark(&rig);
	conn = rig_child(&rig, PEER(1), 0, 4711);
	ck_assert(rig_frame_sent(&rig, conn, WIRE_ACCEPT, NULL));
	conn = rig_child(&rig, PEER(2), 1, 4711);
	must_refuse(conn, PFS_REFUSE_BUSY, NULL);
	conn = rig_child(&rig, PEER(3), 0, 4711);
	ck_assert(rig_frame_sent(&rig, conn, WIRE_ACCEPT, NULL));
}
END_TEST

/* Whatever strangers do, there is a slot for the parent and for each child. */
START_TEST(strangers_take_no_reserved_slot)
{
	uint32_t leader = PEER(40);
	struct wire_claim answer;

	rig_start(&rig);
	for (uint32_t i = 0; i < PFS_ACCEPT_SLOTS; i++)
		rig_accept(&rig, PEER(i + 1));
	answer = rig_answer(&rig, leader, TREE_TFTP, 0xf0000000, 0);
	rig_hear(&rig, leader, &answer);
	rig_until(&rig, PFS_ST_JOINING, PFS_S);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DROP), 0);
}
END_TEST

/* The transfer fails at the root: each child hears why and is let go. */
START_TEST(failure_is_passed_down)
{
	struct wire_frame frame;
	uint32_t child;

	rig.server.error_sent = true;
	rig.server.error = 1;
	waiting_root();
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	rig_advance(&rig, 11 * PFS_S);
	ck_assert(rig_frame_sent(&rig, child, WIRE_FAIL, &frame));
	ck_assert_uint_eq(frame.reason, PFS_FAIL_SERVER_NOT_FOUND);
	ck_assert_uint_eq(rig.shut[pfs_conn_slot(child)], 1);
	/* Whoever counts children by the trace counts right (found by races, seed 98). */
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CHILD_LOST), 1);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD_LOST, 0)->address, PEER(1));
	must_be("orphaned"); /* another root may be luckier */
	ck_assert_uint_ge(rig.phone.timer_us - rig.now_us, 4 * PFS_S);
	/* Its second failure is final, and passed down too. */
	rig_until(&rig, PFS_ST_ROOT_WAITING, 12 * PFS_S);
	child = rig_child(&rig, PEER(2), 0, rig.phone.xid);
	rig_advance(&rig, 12 * PFS_S);
	must_be("failed");
	ck_assert(rig_frame_sent(&rig, child, WIRE_FAIL, NULL));
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FAILED, 0)->a, PFS_FAIL_SERVER_NOT_FOUND);
	ck_assert_uint_eq(rig.server.requests, PFS_ROOTS_MAX);
	rig_advance(&rig, PFS_LINGER_US + PFS_S);
	ck_assert(!rig.port_open);
	ck_assert_uint_eq(pfs_deadline(&rig.phone), PFS_TIME_NEVER);
}
END_TEST

/* The deepest level takes nobody. */
START_TEST(depth_is_bounded)
{
	uint32_t path[PFS_LEVELS_MAX], conn;
	struct wire_frame frame;

	for (uint32_t i = 0; i < PFS_LEVELS_MAX; i++)
		path[i] = PEER(100 + i) + 1;
	rig_start(&rig);
	conn = rig_member(&rig, path[0], 77);
	frame = rig_tree(WIRE_ALIVE, TREE_TFTP, path[0], 77, PFS_LEVELS_MAX - 2, path);
	rig_frame(&rig, conn, &frame);
	must_be("member");
	ck_assert_uint_eq(rig.phone.levels[0], PFS_LEVELS_MAX - 1);
	rig_mark(&rig);
	must_refuse(rig_child(&rig, PEER(1), 0, 77), PFS_REFUSE_DEEP, NULL);
	frame = rig_tree(WIRE_ALIVE, TREE_TFTP, path[0], 77, PFS_LEVELS_MAX - 1, path);
	rig_frame(&rig, conn, &frame);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PARENT_LOST, 0)->a, PFS_LOSS_CYCLE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hierarchy");
	TCase *tcase = tcase_create("hierarchy");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, f3_two_children_and_the_lighter_subtree);
	tcase_add_loop_test(tcase, as_many_children_as_the_fan_out, 0, 3);
	tcase_add_test(tcase, fan_outs_are_bounded);
	tcase_add_test(tcase, f3_weights_count_whole_subtrees);
	tcase_add_test(tcase, f3_weights_do_not_wrap);
	tcase_add_test(tcase, f4_whole_file_after_verification);
	tcase_add_test(tcase, f4_damage_is_never_forwarded);
	tcase_add_test(tcase, f4_no_file_begins_twice);
	tcase_add_test(tcase, early_pieces_go_on_but_not_the_end);
	tcase_add_test(tcase, early_pieces_of_damage_begin_anew);
	tcase_add_test(tcase, whoever_is_fed_anew_feeds_anew);
	tcase_add_loop_test(tcase, f6_f7_strangers_may_not_join, 0, 4);
	tcase_add_test(tcase, files_of_equal_content_are_told_apart);
	tcase_add_test(tcase, our_own_address_may_not_join);
	tcase_add_test(tcase, join_while_listening_or_claiming);
	tcase_add_test(tcase, join_in_tftp);
	tcase_add_test(tcase, join_of_a_holder);
	tcase_add_test(tcase, join_while_at_the_next_file);
	tcase_add_test(tcase, latecomers_find_a_place_below_a_holder);
	tcase_add_test(tcase, progress_below_a_holder_is_told);
	tcase_add_test(tcase, redirects_avoid_what_was_of_no_use);
	tcase_add_test(tcase, an_orphan_takes_its_dead_parents_slot);
	tcase_add_test(tcase, a_child_that_joins_anew_replaces_itself);
	tcase_add_test(tcase, silent_children_are_given_up);
	tcase_add_test(tcase, stalled_readers_are_given_up);
	tcase_add_test(tcase, silent_strangers_are_dropped);
	tcase_add_test(tcase, strangers_take_no_reserved_slot);
	tcase_add_test(tcase, leavers_hold_up_strangers);
	tcase_add_test(tcase, f5_a_third_hierarchy_waits);
	tcase_add_test(tcase, failure_is_passed_down);
	tcase_add_test(tcase, depth_is_bounded);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
