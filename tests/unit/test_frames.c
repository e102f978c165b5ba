/*
 * The wire format's reader, and the gathering of frames from a stream that
 * comes in pieces: at every split point, of every frame, with every kind of
 * header that is not ours.
 */
#include <string.h>

#include "pfs-core/core.h"
#include "tests/tap.h"
#include "tests/unit/phone_harness.h"

static struct rig rig;
static const uint32_t path[3] = { PEER(1), PEER(2), PEER(3) };

static void set_up(void)
{
	rig_init(&rig);
}

static void tear_down(void)
{
	rig_deinit(&rig);
}

/* One frame of each kind with each field it has set to something of its own. */
static struct wire_frame sample(uint32_t n)
{
	static const uint8_t types[] = { WIRE_JOIN, WIRE_BEAT, WIRE_DONE, WIRE_BAD, WIRE_ACCEPT, WIRE_ALIVE,
					 WIRE_XFRCMD, WIRE_REDIRECT, WIRE_REFUSE, WIRE_FAIL, WIRE_DATA };
	struct wire_frame frame;

	memset(&frame, 0, sizeof(frame));
	frame.type = types[n % sizeof(types)];
	switch (frame.type) {
	case WIRE_JOIN:
		frame.key = 0x01020304;
		frame.digest = UINT64_C(0x1112131415161718);
		frame.xid = 0x21222324;
		frame.weight = 0x31323334;
		frame.avoid = 0x41424344;
		frame.lost = 0x51525354;
		break;
	case WIRE_BEAT:
		frame.weight = 0x31323334;
		break;
	case WIRE_ACCEPT:
	case WIRE_ALIVE:
	case WIRE_XFRCMD:
		frame = rig_tree((enum wire_type)frame.type, TREE_TFTP, PEER(1), 0x21222324, 3, path);
		frame.progress_kb = 0x61626364;
		frame.tried = 1;
		break;
	case WIRE_REDIRECT:
		frame.target = PEER(7);
		break;
	case WIRE_REFUSE:
		frame.reason = PFS_REFUSE_DEEP;
		frame.root = PEER(1);
		frame.xid = 0x21222324;
		frame.retry_ms = 2000;
		break;
	case WIRE_FAIL:
		frame.reason = PFS_FAIL_DAMAGED;
		frame.tried = 2;
		break;
	case WIRE_DATA:
		frame.offset = UINT64_C(0x7172737475767778);
		frame.length = 4096;
		break;
	default:
		break;
	}
	return frame;
}
#define SAMPLES 11

/* What is written is read back whole; one byte less or more is refused. */
START_TEST(frames_read_back)
{
	struct wire_frame frame = sample((uint32_t)_i), read;
	uint8_t bytes[PFS_ACTION_BYTES + 1] = { 0 };
	uint32_t length = pfs_wire_frame_write(&frame, bytes), need = 0;

	ck_assert_int_eq(pfs_wire_frame_need(bytes, length, PFS_PARENT_RX, &need), 0);
	ck_assert_uint_eq(need, length);
	ck_assert_int_eq(pfs_wire_frame_read(bytes, length, &read), 0);
	ck_assert(!memcmp(&frame, &read, sizeof(frame)));
	for (uint32_t have = WIRE_FRAME_HEADER; have <= length + 1; have++)
		if (have != length)
			ck_assert_int_eq(pfs_wire_frame_read(bytes, have, &read), PFS_DROP_SHORT + 1);
}
END_TEST

/* The longest path fits wherever it has to; one more is refused. */
START_TEST(paths_are_bounded)
{
	uint32_t longest[PFS_LEVELS_MAX] = { 0 };
	struct wire_frame frame = rig_tree(WIRE_ALIVE, TREE_TFTP, 1, 2, PFS_LEVELS_MAX, longest), read;
	uint8_t bytes[PFS_ACTION_BYTES] = { 0 };
	uint32_t length = pfs_wire_frame_write(&frame, bytes), need = 0;

	ck_assert_int_eq(pfs_wire_frame_need(bytes, length, PFS_PARENT_RX, &need), 0);
	ck_assert_int_eq(pfs_wire_frame_read(bytes, length, &read), 0);
	bytes[27] = PFS_LEVELS_MAX + 1;
	ck_assert_int_eq(pfs_wire_frame_read(bytes, length, &read), PFS_DROP_SHORT + 1);
	bytes[27] = 3; /* a path shorter than the frame: bytes left over */
	ck_assert_int_eq(pfs_wire_frame_read(bytes, length, &read), PFS_DROP_SHORT + 1);
}
END_TEST

/*
 * A life below a parent as one stream: ACCEPT, XFRCMD, an ALIVE, the file in
 * three DATA frames with beats between. However it is cut, the phone ends up the same.
 */
static uint32_t stream(uint8_t *bytes)
{
	struct wire_frame frames[] = {
		rig_tree(WIRE_ACCEPT, TREE_WAITING, PEER(1), 77, 3, path),
		rig_tree(WIRE_XFRCMD, TREE_TFTP, PEER(1), 77, 3, path),
		{ .type = WIRE_DATA, .offset = 0, .length = 1 },
		rig_tree(WIRE_ALIVE, TREE_TFTP, PEER(1), 77, 2, path),
		{ .type = WIRE_DATA, .offset = 1, .length = 50 },
		{ .type = WIRE_DATA, .offset = 51, .length = 49 },
	};
	uint32_t length = 0;

	for (uint32_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		uint8_t header[PFS_ACTION_BYTES];
		uint32_t count = pfs_wire_frame_write(&frames[i], header);

		memcpy(bytes + length, header, count);
		length += count;
		if (frames[i].type == WIRE_DATA)
			length += (uint32_t)frames[i].length;
	}
	return length;
}

/* A phone that has JOIN out and a child of its own to tell things to. */
static uint32_t ready(void)
{
	struct wire_claim answer;
	uint32_t conn;

	rig.config.files[0].size = 100;
	rig.verify_holds = true;
	rig.count = rig.mark = 0;
	rig_again(&rig);
	rig_start(&rig);
	answer = rig_answer(&rig, PEER(1), TREE_TFTP, 0xf0000000, 0);
	rig_hear(&rig, PEER(1), &answer);
	rig_until(&rig, PFS_ST_JOINING, PFS_S);
	conn = rig_dialled(&rig, NULL);
	rig_conn_event(&rig, PFS_EV_CONNECTED, conn);
	rig_mark(&rig);
	return conn;
}

START_TEST(streams_may_be_cut_anywhere)
{
	static uint8_t bytes[1024];
	uint32_t length = stream(bytes);
	struct pfs_phone whole;
	uint32_t conn;

	conn = ready();
	rig_bytes(&rig, conn, bytes, length, length);
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "verifying");
	ck_assert_uint_eq(rig.taken[0], 100);
	memcpy(&whole, &rig.phone, sizeof(whole));
	for (uint32_t cut = 1; cut < length; cut++) {
		conn = ready();
		rig_bytes(&rig, conn, bytes, cut, cut);
		rig_bytes(&rig, conn, bytes + cut, length - cut, length - cut);
		if (memcmp(&whole, &rig.phone, sizeof(whole)))
			ck_abort_msg("cut at %u of %u", cut, length);
	}
	conn = ready();
	for (uint32_t i = 0; i < length; i++)
		rig_bytes(&rig, conn, bytes + i, 1, 1);
	ck_assert(!memcmp(&whole, &rig.phone, sizeof(whole)));
}
END_TEST

/* The same towards a parent: JOIN, BEAT, DONE. */
START_TEST(a_childs_stream_may_be_cut_anywhere)
{
	struct wire_frame beat = { .type = WIRE_BEAT, .weight = 3 }, done = { .type = WIRE_DONE }, join;
	uint8_t bytes[4 * PFS_ACTION_BYTES];
	struct pfs_phone whole;
	uint32_t conn, length = 0;

	for (uint32_t cut = 0; cut == 0 || cut < length; cut++) {
		rig.count = rig.mark = 0;
		rig_again(&rig);
		rig_start(&rig);
		rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
		join = rig_join(&rig, 0, rig.phone.xid);
		length = pfs_wire_frame_write(&join, bytes);
		length += pfs_wire_frame_write(&beat, bytes + length);
		length += pfs_wire_frame_write(&done, bytes + length);
		conn = rig_accept(&rig, PEER(1));
		rig_bytes(&rig, conn, bytes, cut, cut);
		rig_bytes(&rig, conn, bytes + cut, length - cut, length - cut);
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD_DONE, 0)->a, 1);
		if (cut == 0)
			memcpy(&whole, &rig.phone, sizeof(whole));
		if (memcmp(&whole, &rig.phone, sizeof(whole)))
			ck_abort_msg("cut at %u of %u", cut, length);
	}
}
END_TEST

/* Headers that are not ours end the connection under their reason, as soon as the header is there. */
START_TEST(headers_that_are_not_ours)
{
	static const struct { uint8_t bytes[16]; enum pfs_drop reason; } cases[] = {
		{ { 'G', 'E', 'T', ' ', '/', ' ', 'H', 'T' }, PFS_DROP_MAGIC },
		{ { 'P', 'F', 2, WIRE_JOIN, 0, 0, 0, 28 }, PFS_DROP_VERSION },
		{ { 'P', 'F', 1, 0, 0, 0, 0, 0 }, PFS_DROP_TYPE },
		{ { 'P', 'F', 1, 99, 0, 0, 0, 0 }, PFS_DROP_TYPE },
		{ { 'P', 'F', 1, WIRE_JOIN, 0xff, 0xff, 0xff, 0xff }, PFS_DROP_SHORT },
		{ { 'P', 'F', 1, WIRE_JOIN, 0, 0, 0, PFS_CHILD_RX - WIRE_FRAME_HEADER + 1 }, PFS_DROP_SHORT },
		{ { 'P', 'F', 1, WIRE_ACCEPT, 0, 0, 0, 127 }, PFS_DROP_SHORT },
		{ { 'P', 'F', 1, WIRE_DATA, 0, 0, 0, 7 }, PFS_DROP_SHORT },
		{ { 'P', 'F', 1, WIRE_DONE, 0, 0, 0, 0 }, PFS_DROP_STATE },
		{ { 'P', 'F', 1, WIRE_DATA, 0, 0, 0, 8 }, PFS_DROP_STATE },
	};
	uint32_t conn;

	rig_start(&rig);
	conn = rig_accept(&rig, PEER(1));
	rig_mark(&rig);
	rig_bytes(&rig, conn, cases[_i].bytes, 16, 16);
	ck_assert_uint_eq(rig.phone.dropped[cases[_i].reason], 1);
	ck_assert_uint_eq(rig_find(&rig, PFS_ACT_DROP, 0)->action.conn, conn);
	ck_assert_uint_eq(rig.live[pfs_conn_slot(conn)], PFS_NO_CONN);
}
END_TEST

/* Payload that nobody materialised is counted by its length alone. */
START_TEST(payload_may_be_virtual)
{
	struct wire_frame accept = rig_tree(WIRE_ACCEPT, TREE_TFTP, PEER(1), 77, 1, path);
	uint32_t conn = ready();

	rig_frame(&rig, conn, &accept);
	rig_data(&rig, conn, 0, 60);
	ck_assert_uint_eq(rig_find(&rig, PFS_ACT_TAKE, 0)->action.skip, WIRE_DATA_HEADER);
	ck_assert_uint_eq(rig_find(&rig, PFS_ACT_TAKE, 0)->action.length, 60);
	ck_assert_uint_eq(rig.taken[0], 60);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("frames");
	TCase *tcase = tcase_create("frames");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, frames_read_back, 0, SAMPLES);
	tcase_add_test(tcase, paths_are_bounded);
	tcase_add_test(tcase, streams_may_be_cut_anywhere);
	tcase_add_test(tcase, a_childs_stream_may_be_cut_anywhere);
	tcase_add_loop_test(tcase, headers_that_are_not_ours, 0, 10);
	tcase_add_test(tcase, payload_may_be_virtual);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
