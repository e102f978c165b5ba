/*
 * Structured nonsense into one phone: claims, frames, TFTP packets, connections
 * and verdicts that are nearly right, with right and wrong handles, in any order
 * and at any time. The harness holds each step against what pfs.h promises and
 * each state against pfs_phone_check(); here come the promises about waiting:
 * one dispatch stays within its reserve of actions, every state has a deadline
 * or an answer that it waits for, and whatever was done to a phone, it comes to an end once
 * it is left alone.
 *
 * A run is its seed: PHONE_FUZZ_SEED=n repeats one, PHONE_FUZZ_RUNS=n makes
 * that many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pfs-core/core.h"
#include "tests/tap.h"
#include "tests/unit/phone_harness.h"

#define RUNS 4000
#define EVENTS 300
#define BLOCKS 10
/* Elections, waits for a silent server, blame: all of it is over by then, and no beat goes on. */
#define QUIET_US (4 * 3600 * PFS_S)

static struct rig rig;
static uint64_t drawn;
/* How far the nonsense got, over all runs of a block: states seen, files fetched from either side. */
static uint32_t seen[PFS_STATES], from_peers, from_server, children;

static uint32_t below(uint32_t bound)
{
	return (uint32_t)(pfs_draw(rig.config.seed, 0xf0, 0, drawn++) % bound);
}

static bool one_in(uint32_t n)
{
	return below(n) == 0;
}

#define must(condition)                                                                                      \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			ck_abort_msg("seed %llu: not so: %s", (unsigned long long)rig.config.seed, #condition); \
	} while (0)

static uint32_t some_address(void)
{
	if (one_in(30))
		return one_in(2) ? RIG_ADDRESS : 0x0a010207;
	return PEER(1 + below(6));
}

static uint32_t some_xid(void)
{
	switch (below(6)) {
	case 0:
		return rig.phone.xid;
	case 1:
		return rig.phone.tree_xid;
	case 2:
		return rig.phone.leader_xid;
	case 3:
		return 0;
	default:
		return 70 + below(3);
	}
}

static uint8_t some_file(void)
{
	return one_in(4) || rig.phone.file == PFS_NO_FILE ? (uint8_t)below(rig.config.file_count) : rig.phone.file;
}

static void check(bool one_dispatch)
{
	uint8_t state = rig.phone.state;
	bool over = state == PFS_ST_REBOOTED || (state == PFS_ST_FAILED && !rig.phone.port_open);

	seen[state]++;
	if (one_dispatch)
		must(rig.step.count <= ACTIONS_RESERVE);
	for (uint32_t i = 0; i < rig.step.count; i++) {
		const struct pfs_action *action = &rig.step.list[i];

		if (action->kind != PFS_ACT_TRACE)
			continue;
		from_peers += action->trace.kind == PFS_TR_PEER_DONE;
		from_server += action->trace.kind == PFS_TR_TFTP_DONE;
		children += action->trace.kind == PFS_TR_CHILD;
	}
	if (state != PFS_ST_OFF && state != PFS_ST_OPENING && state != PFS_ST_VERIFYING && !over)
		must(pfs_deadline(&rig.phone) != PFS_TIME_NEVER);
	rig.count = rig.mark = 0;
}

static void claim(void)
{
	uint8_t bytes[PFS_ACTION_BYTES];
	uint32_t sender = some_address(), length;
	struct wire_claim claim = rig_claim(&rig, sender, one_in(4) ? UINT32_MAX : below(UINT32_MAX), some_file());

	claim.type = one_in(2) ? WIRE_CLAIM : WIRE_ANSWER;
	claim.ad = (uint8_t)below(6);
	claim.phase = (uint8_t)below(TREE_PHASES);
	claim.xid = some_xid();
	claim.avoid = one_in(4) ? some_address() : 0;
	claim.remaining_ms = one_in(8) ? UINT32_MAX : below(10000);
	if (one_in(20))
		claim.model[4] = '4';
	length = pfs_wire_claim_write(&claim, bytes);
	if (one_in(10))
		bytes[below(length)] ^= (uint8_t)(1u << below(8));
	if (one_in(20))
		length = below(length);
	rig_hear_bytes(&rig, one_in(20) ? some_address() : sender, bytes, length);
	check(true);
}

static struct wire_frame some_frame(const struct pfs_conn *conn)
{
	static const uint8_t types[] = { WIRE_JOIN, WIRE_BEAT, WIRE_DONE, WIRE_BAD, WIRE_ACCEPT, WIRE_ALIVE,
					 WIRE_XFRCMD, WIRE_REDIRECT, WIRE_REFUSE, WIRE_FAIL, WIRE_DATA };
	uint32_t path[PFS_LEVELS_MAX], levels = one_in(10) ? below(PFS_LEVELS_MAX) : 1 + below(3);
	struct wire_frame frame;
	uint8_t type = types[below(sizeof(types))];

	/* Mostly what that connection expects. */
	if (conn->role == CONN_PENDING && !one_in(10))
		type = WIRE_JOIN;
	if (conn->role == CONN_CHILD && !one_in(10))
		type = one_in(6) ? WIRE_DONE : WIRE_BEAT;
	if (conn->role == CONN_JOINING && !one_in(10))
		type = one_in(3) ? WIRE_REDIRECT : one_in(6) ? WIRE_REFUSE : WIRE_ACCEPT;
	if (conn->role == CONN_PARENT && !one_in(10))
		type = one_in(2) ? WIRE_DATA : one_in(20) ? WIRE_FAIL : one_in(4) ? WIRE_XFRCMD : WIRE_ALIVE;
	for (uint32_t i = 0; i < PFS_LEVELS_MAX; i++)
		path[i] = i < levels ? PEER(10 + below(40)) : 0;
	if (one_in(40) && levels)
		path[below(levels)] = RIG_ADDRESS;
	frame = rig_tree((enum wire_type)type, (uint8_t)below(TREE_PHASES), some_address(), some_xid(), levels, path);
	if (type == WIRE_JOIN) {
		frame = rig_join(&rig, some_file(), some_xid());
		frame.weight = one_in(10) ? UINT32_MAX : below(20);
		frame.lost = one_in(3) ? some_address() : 0;
	}
	if (type == WIRE_DATA) {
		uint64_t size = rig.phone.file == PFS_NO_FILE ? 10 : rig.config.files[rig.phone.file].size;

		frame.offset = one_in(30) ? one_in(2) ? 0 : below(2000) : rig.phone.received;
		frame.length = one_in(30) ? below(3000) : size < frame.offset ? 0 : size - frame.offset;
		if (frame.length > 1 && one_in(3))
			frame.length = 1 + below((uint32_t)frame.length);
	}
	frame.progress_kb = below(4);
	frame.target = some_address();
	frame.reason = (uint8_t)below(8);
	frame.retry_ms = below(20000);
	frame.avoid = one_in(3) ? some_address() : 0;
	return frame;
}

static const struct pfs_conn *some_conn(uint32_t *handle)
{
	uint32_t first = one_in(2) && rig.phone.parent_slot != PFS_NO_SLOT ? rig.phone.parent_slot
									    : below(PFS_CONNS_MAX);

	for (uint32_t i = 0; i < PFS_CONNS_MAX; i++) {
		const struct pfs_conn *conn = &rig.phone.conns[(first + i) % PFS_CONNS_MAX];

		if (conn->role == CONN_FREE)
			continue;
		*handle = core_conn_handle(&rig.phone, conn);
		return conn;
	}
	return NULL;
}

/* Frames on one connection: one, one in pieces, or several at once. */
static void frames(void)
{
	static uint8_t bytes[8 * (4096 + 2 * PFS_EARLY_BYTES)];
	uint32_t handle, length = 0, count = one_in(5) ? 1 + below(6) : 1, cut;
	const struct pfs_conn *conn = some_conn(&handle);

	if (!conn)
		return;
	if (conn->role == CONN_DIALLING) {
		rig_conn_event(&rig, PFS_EV_CONNECTED, handle);
		check(true);
	}
	for (uint32_t i = 0; i < count; i++) {
		struct wire_frame frame = some_frame(conn);

		length += pfs_wire_frame_write(&frame, bytes + length);
		if (frame.type == WIRE_DATA) {
			memset(bytes + length, 0, frame.length);
			length += (uint32_t)frame.length;
		}
	}
	if (one_in(30))
		bytes[below(length)] ^= (uint8_t)(1u << below(8));
	cut = one_in(4) ? below(length + 1) : length;
	if (one_in(50)) /* a handle of another generation */
		handle += 1u << 8;
	rig_bytes(&rig, handle, bytes, cut, cut);
	check(count == 1);
	if (one_in(10))
		return; /* the rest never comes */
	rig_bytes(&rig, handle, bytes + cut, length - cut, length - cut);
	check(count == 1);
}

static void connection(void)
{
	static const enum pfs_event_kind kinds[] = { PFS_EV_CONNECTED, PFS_EV_CONNECTED, PFS_EV_CONNECTED,
						     PFS_EV_EOF, PFS_EV_LOST };
	enum pfs_event_kind kind = kinds[below(5)];
	uint32_t handle;
	const struct pfs_conn *conn = some_conn(&handle);

	if (!conn || (kind != PFS_EV_CONNECTED && !one_in(3)))
		return;
	if (one_in(20))
		handle = one_in(2) ? below(UINT32_MAX) : handle + (1u << 8);
	rig_conn_event(&rig, kind, handle);
	check(true);
}

static void tftp(void)
{
	uint8_t bytes[64] = { 0 };
	struct pfs_event event = { .kind = PFS_EV_TFTP, .address = RIG_SERVER, .port = 40000, .data = bytes };
	uint32_t block = rig.phone.tftp.block + 1;
	uint64_t left = rig.phone.file == PFS_NO_FILE ? 0 : rig.config.files[rig.phone.file].size - rig.phone.received;

	if (one_in(10))
		block = below(8);
	bytes[1] = one_in(30) ? 5 : one_in(30) ? 6 : one_in(50) ? (uint8_t)below(256) : 3;
	bytes[2] = (uint8_t)(block >> 8);
	bytes[3] = (uint8_t)block;
	event.length = 4 + (uint32_t)(left < 512 ? left : 512);
	event.available = 4;
	if (one_in(40))
		event.length = 4 + below(600);
	if (bytes[1] == 5)
		bytes[3] = (uint8_t)below(10);
	if (bytes[1] != 3) {
		for (uint32_t i = 4; i < sizeof(bytes) && one_in(3); i++)
			bytes[i] = one_in(2) ? 0 : (uint8_t)below(256);
		if (one_in(2))
			memcpy(bytes + 2, "blksize\0" "512", 12);
		event.length = event.available = one_in(2) ? 14 : below(sizeof(bytes));
	}
	if (one_in(20))
		event.length = event.available = below(4);
	if (one_in(20))
		event.port = (uint16_t)(40000 + below(3));
	if (one_in(50))
		event.address = some_address();
	if (one_in(80))
		event.kind = PFS_EV_TFTP_REFUSED;
	rig_step(&rig, event);
	check(true);
}

static void answers(void)
{
	if (rig.verifying != PFS_NO_FILE && one_in(2)) {
		if (one_in(10))
			rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_VERIFIED, .ok = 1, .file = some_file() });
		rig.verifying = rig.phone.state == PFS_ST_VERIFYING ? rig.verifying : PFS_NO_FILE;
		if (rig.verifying != PFS_NO_FILE)
			rig_verified(&rig, !one_in(4));
		check(true);
	}
	for (uint32_t i = 0; i < PFS_CONNS_MAX; i++) {
		if (!rig.owed_sent[i] || one_in(3))
			continue;
		rig_sent(&rig, rig.live[i]);
		check(true);
	}
}

static void pass_time(void)
{
	uint64_t due_us = pfs_deadline(&rig.phone);

	switch (below(5)) {
	case 0:
		rig.now_us += below(1000);
		break;
	case 1:
		rig.now_us += below(5000000);
		break;
	case 2: /* late, as a loaded host is */
		if (due_us != PFS_TIME_NEVER && due_us > rig.now_us)
			rig.now_us = due_us + below(30000000);
		break;
	default:
		if (due_us != PFS_TIME_NEVER && due_us > rig.now_us)
			rig.now_us = due_us;
	}
	for (uint32_t i = 0; pfs_deadline(&rig.phone) <= rig.now_us; i++) {
		must(i < 64);
		rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TIME });
		check(true);
	}
}

static void setting(void)
{
	rig.config.strength = one_in(2) ? 0 : below(UINT32_MAX);
	rig.config.file_count = (uint8_t)(1 + below(4));
	rig.config.forward_early = one_in(3);
	for (uint32_t i = 1; i < 4; i++) {
		rig.config.files[i] = rig.config.files[1];
		rig.config.files[i].name[0] = (char)('a' + i);
		rig.config.files[i].digest = one_in(10) ? 0x1111 : 0x2222 + i;
		rig.config.files[i].size = one_in(5) ? 0 : one_in(3) ? 512 : below(2000);
		if (rig.config.forward_early && one_in(2))
			rig.config.files[i].size += 2 * PFS_EARLY_BYTES;
	}
	if (one_in(10))
		rig.config.files[0].size = 0;
	rig.config.part = one_in(10) ? PFS_PART_DISABLED : PFS_PART_YES;
	rig.config.tftp_blksize = one_in(4) ? 512 : 0;
	rig.config.tftp_tsize = one_in(4);
	rig.config.tftp_timeout_s = one_in(4) ? 5 : 0;
	rig.config.fan_out = one_in(2) ? 0 : (uint8_t)(1 + below(PFS_FAN_OUT_MAX));
	rig.config.waits_percent = one_in(2) ? 0 : (uint8_t)(PFS_WAITS_PERCENT_MIN + below(91));
	rig.opens = !one_in(20);
	rig.server.answers = false;
	rig_again(&rig);
}

/* Left alone, with a server that answers or one that does not, and everybody else gone, the phone comes to an end. */
static void come_to_an_end(void)
{
	uint64_t end_us = rig.now_us + QUIET_US;

	rig.server.answers = false;
	while (rig.now_us < end_us) {
		uint64_t due_us;
		uint32_t handle;

		for (uint32_t i = 0; i < PFS_CONNS_MAX; i++) {
			if (rig.phone.conns[i].role != CONN_DIALLING)
				continue;
			handle = core_conn_handle(&rig.phone, &rig.phone.conns[i]);
			rig_conn_event(&rig, PFS_EV_LOST, handle);
			check(true);
		}
		if (rig.verifying != PFS_NO_FILE && rig.phone.state == PFS_ST_VERIFYING) {
			rig_verified(&rig, true);
			check(true);
		}
		due_us = pfs_deadline(&rig.phone);
		if (due_us == PFS_TIME_NEVER)
			break;
		if (due_us > rig.now_us)
			rig.now_us = due_us;
		rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TIME });
		check(true);
	}
	must(rig.phone.state == PFS_ST_REBOOTED || rig.phone.state == PFS_ST_FAILED);
	must(!rig.port_open && !rig.tftp_open);
	for (uint32_t i = 0; i < PFS_CONNS_MAX; i++)
		must(rig.live[i] == PFS_NO_CONN);
}

static void run(uint64_t seed)
{
	rig.config.seed = seed;
	drawn = 0;
	setting();
	rig_start(&rig);
	check(false);
	for (uint32_t i = 0; i < EVENTS && rig.phone.state != PFS_ST_REBOOTED; i++) {
		static uint32_t conn;

		switch (below(14)) {
		case 0:
		case 1:
			claim();
			break;
		case 2:
			conn = rig_accept(&rig, some_address());
			if (conn != PFS_NO_CONN)
				check(true);
			break;
		case 3:
		case 4:
		case 5:
		case 10:
		case 11:
		case 12:
			frames();
			break;
		case 6:
			connection();
			break;
		case 7:
			for (uint32_t n = below(5); n; n--)
				tftp();
			break;
		case 8:
			answers();
			break;
		default:
			pass_time();
		}
	}
	come_to_an_end();
}

START_TEST(nothing_breaks_a_phone)
{
	const char *seed = getenv("PHONE_FUZZ_SEED"), *runs = getenv("PHONE_FUZZ_RUNS");
	uint64_t count = (runs ? strtoull(runs, NULL, 0) : RUNS) / BLOCKS;

	memset(&rig, 0, sizeof(rig));
	rig_init(&rig);
	if (seed) {
		run(strtoull(seed, NULL, 0));
		rig_deinit(&rig);
		return;
	}
	for (uint64_t i = 0; i < count; i++)
		run(1 + (uint64_t)_i * count + i);
	rig_deinit(&rig);
	if (getenv("PHONE_FUZZ_SEEN"))
		for (uint32_t i = 0; i < PFS_STATES; i++)
			printf("# %s %u\n", pfs_state_name(i), seen[i]);
	/* Nonsense that gets nowhere would prove nothing. */
	for (uint32_t i = 0; i < PFS_STATES; i++)
		ck_assert_msg(i == PFS_ST_OFF || i == PFS_ST_OPENING || i == PFS_ST_HELD_UP || seen[i],
			      "never %s", pfs_state_name(i));
	ck_assert_uint_gt(from_peers, count / 20);
	ck_assert_uint_gt(from_server, count / 20);
	ck_assert_uint_gt(children, count / 20);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("phone fuzz");
	TCase *tcase = tcase_create("phone fuzz");

	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, nothing_breaks_a_phone, 0, BLOCKS);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
