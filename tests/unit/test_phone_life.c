/*
 * A phone's life as a whole, alone: what it does without peers, what it does
 * with a setting, when it falls back to the server, what its screen shows.
 * Facts F1, F4, F5, F8, F10, F12, F13 and F15.
 */
#include <errno.h>
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

/* A lone root's fixed waits: listening, five claims, ROOT_WAITING (the log). */
#define ALONE_US (497540 + PFS_CLAIMS * PFS_CLAIM_INTERVAL_US + PFS_ROOT_WAITING_US)

/* F1: a phone that takes no part fetches every file by itself, and no port of it is ever open. */
START_TEST(f1_without_part_everything_comes_from_the_server)
{
	rig.config.part = (uint8_t)(PFS_PART_DISABLED + _i);
	rig_again(&rig);
	rig_start(&rig);
	rig_advance(&rig, 60 * PFS_S);
	ck_assert_uint_eq(rig.phone.upgraded, 1);
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "rebooted");
	ck_assert_uint_eq(rig.server.requests, 2);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_TFTP_DONE), 2);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_BEGUN, i)->b, PFS_DIRECT_NONE);
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_BEGUN, i)->c, 0);
	}
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_OPEN) + rig_count(&rig, PFS_ACT_BROADCAST) +
				  rig_count(&rig, PFS_ACT_CONNECT), 0);
	ck_assert_uint_eq(pfs_accept_conn(&rig.phone), PFS_NO_CONN);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_STARTED, 0)->a, rig.config.part);
}
END_TEST

/* And it hears nobody: a claim is refused and counted, whatever state it is in. */
START_TEST(f1_without_part_claims_are_refused)
{
	struct wire_claim claim;

	rig.config.part = PFS_PART_DISABLED;
	rig_again(&rig);
	rig_start(&rig);
	claim = rig_claim(&rig, PEER(9), 0x7fffffff, 0);
	rig_hear(&rig, PEER(9), &claim);
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_STATE], 1);
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "tftp");
}
END_TEST

/* F15: an upgrade of n files is n elections; a lone root spends the log's waits in each. */
START_TEST(f15_each_file_is_an_election_of_its_own)
{
	uint64_t begun_us = 0;

	rig.config.file_count = 6;
	for (uint8_t i = 2; i < 6; i++) {
		rig.config.files[i] = rig.config.files[1];
		rig.config.files[i].name[0] = (char)('a' + i);
		rig.config.files[i].digest += i;
	}
	rig_again(&rig);
	rig_start(&rig);
	rig_advance(&rig, 120 * PFS_S);
	ck_assert_uint_eq(rig.phone.upgraded, 1);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CONFIRMED), 6);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CLAIM), 6 * PFS_CLAIMS);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 6 * PFS_CLAIMS);
	for (uint32_t i = 0; i < 6; i++) {
		begun_us = rig_trace_at(&rig, PFS_TR_FILE_BEGUN, i);
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FILE_BEGUN, i)->file, i);
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FILE_BEGUN, i)->a, 2);
		/* The strength is the log's: so is the listening time. */
		ck_assert_uint_le(llabs((long long)(rig_trace_at(&rig, PFS_TR_CLAIM, 5 * i) - begun_us) - 497800), 5000);
		ck_assert_uint_eq(rig_trace_at(&rig, PFS_TR_CONFIRMED, i) - rig_trace_at(&rig, PFS_TR_CLAIM, 5 * i),
				  5 * PFS_CLAIM_INTERVAL_US);
		ck_assert_uint_eq(rig_trace_at(&rig, PFS_TR_XFRCMD, i) - rig_trace_at(&rig, PFS_TR_CONFIRMED, i),
				  PFS_ROOT_WAITING_US);
		ck_assert_uint_eq(rig_trace_at(&rig, PFS_TR_TFTP_BEGUN, i), rig_trace_at(&rig, PFS_TR_XFRCMD, i));
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_BEGUN, i)->c, 1);
	}
	ck_assert_uint_le(llabs((long long)ALONE_US - 11800000), 100000);
}
END_TEST

/* Done, it lingers for latecomers and then reboots; nothing stays open. */
START_TEST(upgraded_phones_linger_and_reboot)
{
	rig_start(&rig);
	rig_until(&rig, PFS_ST_LINGERING, 60 * PFS_S);
	rig_mark(&rig);
	rig_advance(&rig, PFS_LINGER_US - PFS_S);
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "lingering");
	rig_advance(&rig, PFS_S);
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "rebooted");
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_CLOSE), 1);
	ck_assert(!rig.port_open && !rig.tftp_open);
	ck_assert_uint_eq(pfs_deadline(&rig.phone), PFS_TIME_NEVER);
	ck_assert_uint_eq(pfs_accept_conn(&rig.phone), PFS_NO_CONN);
}
END_TEST

/* F12: with its peer port shut a phone goes to the server at once, and says why. */
START_TEST(f12_a_closed_port_is_a_reason)
{
	rig.opens = false;
	rig_start(&rig);
	rig_advance(&rig, 30 * PFS_S);
	ck_assert_uint_eq(rig.phone.upgraded, 1);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_PORT_CLOSED, 0)->a, 1);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_BEGUN, i)->b, PFS_DIRECT_PORT_CLOSED);
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_BEGUN, i)->c, 0);
	}
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 0);
}
END_TEST

/* Leaders that answer and never take anybody. */
static void exhaust(struct rig *r)
{
	for (uint32_t n = 1; n <= PFS_ROUNDS_MAX + 1; n++) {
		struct wire_claim answer = rig_answer(r, PEER(n), TREE_TFTP, 0xf0000000u, 0);

		rig_until(r, PFS_ST_LISTENING, 5 * PFS_S);
		rig_hear(r, PEER(n), &answer);
		rig_until(r, PFS_ST_JOINING, 5 * PFS_S);
		rig_conn_event(r, PFS_EV_LOST, rig_dialled(r, NULL));
		ck_assert_str_eq(pfs_state_name(r->phone.state), "orphaned");
	}
}

/* F12: after PFS_ROUNDS_MAX elections without a file the server is asked, with the reason, as root for others. */
START_TEST(f12_exhausted_peers_are_a_reason)
{
	struct wire_claim claim;

	rig_start(&rig);
	exhaust(&rig);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_ELECTION_AGAIN), PFS_ROUNDS_MAX + 1);
	rig.server.answers = false;
	rig_mark(&rig);
	rig_until(&rig, PFS_ST_TFTP, PFS_S + PFS_LAST_RESORT_US);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_BEGUN, 0)->b, PFS_DIRECT_PEERS_EXHAUSTED);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_BEGUN, 0)->c, 1);
	/* Others in the same plight hear it, and need not ask the server too. */
	ck_assert_uint_eq(rig_said(&rig).type, WIRE_ANSWER);
	ck_assert_uint_eq(rig_said(&rig).phase, TREE_TFTP);
	rig_advance(&rig, PFS_ANSWER_INTERVAL_US);
	claim = rig_claim(&rig, PEER(9), 5, 0);
	rig_mark(&rig);
	rig_hear(&rig, PEER(9), &claim);
	ck_assert_uint_eq(rig_said(&rig).type, WIRE_ANSWER);
	rig_mark(&rig);
	rig_child(&rig, PEER(9), 0, rig.phone.tree_xid);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CHILD), 1);
}
END_TEST

/* Whoever waits for the last resort and hears a root follows it instead. */
START_TEST(f12_the_last_resort_yields_to_a_root)
{
	struct wire_claim answer = rig_answer(&rig, PEER(50), TREE_TFTP, 0x90000000u, 0);

	rig_start(&rig);
	exhaust(&rig);
	rig_hear(&rig, PEER(50), &answer);
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "following");
	ck_assert_uint_eq(rig.server.requests, 0);
}
END_TEST

/* No phone waits for ever: roots that answer and take nobody, one after the other without end. */
START_TEST(no_row_of_false_roots_is_endless)
{
	uint32_t n = 1;

	rig_start(&rig);
	for (; n < 200 && !rig.phone.upgraded; n++) {
		struct wire_claim answer = rig_answer(&rig, PEER(1 + n % 90), TREE_TFTP, 0xf0000000u, rig.phone.file);

		answer.xid += n;
		rig_hear(&rig, answer.sender, &answer);
		rig_advance(&rig, PFS_S);
		if (rig.phone.state == PFS_ST_JOINING)
			rig_conn_event(&rig, PFS_EV_LOST, rig_dialled(&rig, NULL));
		rig_advance(&rig, PFS_S);
	}
	ck_assert_uint_eq(rig.taken[0], rig.config.files[0].size);
	ck_assert_uint_lt(rig_traces(&rig, PFS_TR_ELECTION_AGAIN), 60);
}
END_TEST

/* F4, F5, F13: for the first file root, then child for the next while it still serves; 100 % of what it serves. */
START_TEST(f5_f13_root_of_one_file_and_child_for_the_next)
{
	struct pfs_snapshot snapshot;
	uint32_t child, parent, xid;

	rig.sent_holds = true;
	rig.config.files[0].size = 3000;
	rig_again(&rig);
	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	xid = rig.phone.xid;
	child = rig_child(&rig, PEER(1), 0, xid);
	pfs_phone_snapshot(&rig.phone, &snapshot);
	ck_assert_uint_eq(snapshot.icon, 1);
	ck_assert_uint_eq(snapshot.shown, PFS_NO_FILE);
	rig_until(&rig, PFS_ST_LISTENING, 12 * PFS_S);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FILE_BEGUN, 1)->file, 1);

	/* The child still counts; the parent has moved on, and shows all of the file it serves. */
	pfs_phone_snapshot(&rig.phone, &snapshot);
	ck_assert_uint_eq(snapshot.file, 1);
	ck_assert_uint_eq(snapshot.shown, 0);
	ck_assert_uint_eq(snapshot.shown_kb, 3000 / 1024);
	ck_assert_uint_eq(snapshot.children, 1);
	ck_assert_uint_eq(snapshot.files_held, 1);

	parent = rig_member(&rig, PEER(2), 77);
	pfs_phone_snapshot(&rig.phone, &snapshot);
	ck_assert_uint_eq(snapshot.parent, PEER(2));
	ck_assert_uint_eq(snapshot.level, 2);
	ck_assert_uint_eq(snapshot.shown, 0);
	rig_data(&rig, parent, 0, 1500);
	pfs_phone_snapshot(&rig.phone, &snapshot);
	ck_assert_uint_eq(snapshot.shown, 1);
	ck_assert_uint_eq(snapshot.shown_kb, 1);
	ck_assert_uint_eq(snapshot.children, 1);
	rig_sent(&rig, child);
	rig_frame(&rig, child, &(struct wire_frame){ .type = WIRE_DONE });
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD_DONE, 0)->a, 1);
}
END_TEST

/* F13: in the traditional way no icon, and the KB count from the server. */
START_TEST(f13_traditional_screen)
{
	struct pfs_snapshot snapshot;

	rig.config.part = PFS_PART_MODE;
	rig.config.files[0].size = 4000;
	rig_again(&rig);
	rig_start(&rig);
	rig_advance(&rig, 5 * 20000 + 1000);
	pfs_phone_snapshot(&rig.phone, &snapshot);
	ck_assert_uint_eq(snapshot.icon, 0);
	ck_assert_uint_eq(snapshot.shown, 0);
	ck_assert_uint_eq(snapshot.shown_kb, 5 * 512 / 1024);
}
END_TEST

/* F5: with children of two older files it holds up the third, until one is served. */
START_TEST(f5_at_most_two_hierarchies)
{
	uint32_t first, second;

	rig.config.file_count = 3;
	rig.config.files[2] = rig.config.files[1];
	strcpy(rig.config.files[2].name, "cnu41.sbn");
	rig.config.files[2].digest = 0x3333;
	rig_again(&rig);
	rig.sent_holds = true;
	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	first = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	for (uint32_t i = 0; i < 4; i++) { /* the child lives: it beats */
		rig_advance(&rig, 5 * PFS_S);
		rig_frame(&rig, first, &(struct wire_frame){ .type = WIRE_BEAT, .weight = 1 });
		if (rig.phone.file == 1 && rig.phone.state == PFS_ST_ROOT_WAITING)
			break;
	}
	ck_assert_uint_eq(rig.phone.file, 1);
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "root-waiting");
	second = rig_child(&rig, PEER(2), 1, rig.phone.xid);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CHILD), 2);
	for (uint32_t i = 0; i < 3 && rig.phone.file == 1; i++) {
		rig_frame(&rig, first, &(struct wire_frame){ .type = WIRE_BEAT, .weight = 1 });
		rig_frame(&rig, second, &(struct wire_frame){ .type = WIRE_BEAT, .weight = 1 });
		rig_advance(&rig, 4 * PFS_S);
	}
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "held-up");
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_FILE_BEGUN), 2);
	rig_frame(&rig, second, &(struct wire_frame){ .type = WIRE_DONE });
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "listening");
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FILE_BEGUN, 2)->file, 2);
}
END_TEST

/* No phone waits for ever: nor for a child that has it all, beats, and never says that it is done. */
START_TEST(a_child_without_a_verdict_is_let_go)
{
	uint32_t child;

	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	for (uint32_t i = 0; i < 60; i++) {
		rig_advance(&rig, 5 * PFS_S);
		rig_frame(&rig, child, &(struct wire_frame){ .type = WIRE_BEAT, .weight = 1 });
	}
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_CHILD_LOST), 1);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CHILD_LOST, 0)->a, PFS_LOSS_STALLED);
	ck_assert_str_eq(pfs_state_name(rig.phone.state), "rebooted");
}
END_TEST

/* F8: one port for everything; and nothing of PFS on any other. */
START_TEST(f8_port_4051)
{
	ck_assert_uint_eq(PFS_PORT, 4051);
	rig.opens = false;
	rig_start(&rig);
	/* Without that port no broadcast and no connection at all. */
	rig_advance(&rig, 60 * PFS_S);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST) + rig_count(&rig, PFS_ACT_CONNECT), 0);
	for (uint32_t i = 0; rig_find(&rig, PFS_ACT_TFTP_SEND, i); i++)
		ck_assert_uint_ne(rig_find(&rig, PFS_ACT_TFTP_SEND, i)->action.port, PFS_PORT);
}
END_TEST

/* F10: phone, profile, enterprise, default, in that order: each of the 27 cases. */
START_TEST(f10_precedence)
{
	static const enum pfs_setting all[] = { PFS_SETTING_UNSET, PFS_SETTING_DISABLED, PFS_SETTING_ENABLED };

	for (uint32_t i = 0; i < 27; i++) {
		enum pfs_setting places[3] = { all[i / 9], all[i / 3 % 3], all[i % 3] }, effective;
		enum pfs_origin origin = PFS_ORIGIN_DEFAULT, expected = PFS_ORIGIN_PHONE;

		effective = pfs_setting_resolve(places[0], places[1], places[2], &origin);
		while (expected < PFS_ORIGIN_DEFAULT && places[expected] == PFS_SETTING_UNSET)
			expected++;
		ck_assert_uint_eq(origin, expected);
		ck_assert_uint_eq(effective, expected == PFS_ORIGIN_DEFAULT ? PFS_SETTING_DISABLED : places[expected]);
		ck_assert_uint_ne(effective, PFS_SETTING_UNSET);
	}
}
END_TEST

static uint64_t version(const char *text)
{
	uint64_t number = 0;

	if (pfs_version_parse(text, &number))
		ck_abort_msg("%s is a version", text);
	return number;
}

/* CSCsh20977: firmware before 8.3(1) takes no part. */
START_TEST(versions_order_and_share)
{
	static const char *const order[] = { "3.0(0)", "7.0(2)SR1", "8.2(2)", "8.2(2)SR4", "8.3(1)", "8.3(1)SR1",
		"8.3(3)SR2", "8.3(10)", "8.4(1)", "9.2(1)", "9.4(2)", "9.4(2)SR1-1", "9.4(2)SR2-2", "9.4(2)SR3",
		"9.4(2)SR3-1", "9.4(3)", "10.0(0)", "14.2(1)" };

	for (size_t i = 1; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_msg(version(order[i - 1]) < version(order[i]), "%s before %s", order[i - 1], order[i]);
	ck_assert_uint_eq(version("8.3(3)SR"), version("8.3(3)SR1"));
	ck_assert(!pfs_version_shares(version("8.2(2)")));
	ck_assert(!pfs_version_shares(version("8.3(0)SR9-9")));
	ck_assert(pfs_version_shares(version("8.3(1)")));
	ck_assert(pfs_version_shares(version("9.4(2)SR3-1")));
	ck_assert(pfs_version_shares(version("10.0(0)")));
}
END_TEST

START_TEST(garbage_is_no_version)
{
	static const char *const garbage[] = { "", "8", "8.", "8.3", "8.3(", "8.3(1", "8.3()", "8.(1)", ".3(1)", "8.3)1(",
		"8.3(1) ", " 8.3(1)", "8.3(1)sr1", "8.3(1)SRx", "8.3(1)SR-1", "8.3(1)SR1-", "8.3(1)SR1-x", "8.3(1)SR1-1-1",
		"8.3(1)S", "8.3(-1)", "+8.3(1)", "8.3(65536)", "8.3(99999)", "8.3(100000)", "256.3(1)", "8.256(1)",
		"8.3(1)SR4096", "8.3(1)SR1-4096", "8.3(1)SR99999999999999999999", "8.3.1", "v8.3(1)", "8,3(1)",
		"SCCP41.8-3-1S" };

	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		uint64_t number = 12345;

		ck_assert_msg(pfs_version_parse(garbage[i], &number) == -EINVAL, "'%s'", garbage[i]);
		ck_assert_uint_eq(number, 12345);
	}
}
END_TEST

/* A phone is a plain value: small, with a map that names model and subnet, and nothing shared. */
START_TEST(a_phone_is_a_value)
{
	static struct pfs_phone one, two;

	ck_assert_uint_le(sizeof(struct pfs_phone), 2432);
	memset(&one, 0x11, sizeof(one));
	memset(&two, 0xee, sizeof(two));
	ck_assert_int_eq(pfs_phone_init(&one, &rig.config), 0);
	ck_assert_int_eq(pfs_phone_init(&two, &rig.config), 0);
	ck_assert(!memcmp(&one, &two, sizeof(one)));
}
END_TEST

START_TEST(configurations_out_of_range_are_refused)
{
	static struct pfs_phone phone;
	struct pfs_config config;

#define REFUSED(change)                                                        \
	do {                                                                   \
		config = rig.config;                                           \
		change;                                                        \
		ck_assert_int_eq(pfs_phone_init(&phone, &config), -EINVAL);    \
	} while (0)
	REFUSED(config.file_count = 0);
	REFUSED(config.file_count = PFS_FILES_MAX + 1);
	REFUSED(config.part = PFS_PART_MODE + 1);
	REFUSED(config.origin = PFS_ORIGIN_DEFAULT + 1);
	REFUSED(config.model[0] = 0);
	REFUSED(memset(config.model, 'x', sizeof(config.model)));
	REFUSED(config.tftp_blksize = 7);
	REFUSED(config.tftp_blksize = 65465);
	REFUSED(config.address = 0);
	REFUSED(config.tftp_server = 0);
	REFUSED(config.files[1].name[0] = 0);
	REFUSED(memset(config.files[1].name, 'x', PFS_NAME_MAX));
	REFUSED(config.files[1].size = UINT64_C(1) << 32);
}
END_TEST

/* A draw depends on seed, phone, purpose and attempt: on each of them, and on nothing else. */
START_TEST(draws_depend_on_their_four_arguments)
{
	uint64_t draw = pfs_draw(1, 2, 3, 4);
	uint32_t ones = 0;

	ck_assert_uint_eq(pfs_draw(1, 2, 3, 4), draw);
	ck_assert_uint_ne(pfs_draw(2, 2, 3, 4), draw);
	ck_assert_uint_ne(pfs_draw(1, 3, 3, 4), draw);
	ck_assert_uint_ne(pfs_draw(1, 2, 4, 4), draw);
	ck_assert_uint_ne(pfs_draw(1, 2, 3, 5), draw);
	ck_assert_uint_ne(pfs_draw(3, 2, 1, 4), draw);
	for (uint32_t i = 0; i < 1000; i++)
		ones += (uint32_t)__builtin_popcountll(pfs_draw(7, i, 1, 0));
	ck_assert_uint_ge(ones, 31000); /* 32,000 by chance, deviation 126 */
	ck_assert_uint_le(ones, 33000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("phone life");
	TCase *tcase = tcase_create("phone life");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, f1_without_part_everything_comes_from_the_server, 0, 4);
	tcase_add_test(tcase, f1_without_part_claims_are_refused);
	tcase_add_test(tcase, f15_each_file_is_an_election_of_its_own);
	tcase_add_test(tcase, upgraded_phones_linger_and_reboot);
	tcase_add_test(tcase, f12_a_closed_port_is_a_reason);
	tcase_add_test(tcase, f12_exhausted_peers_are_a_reason);
	tcase_add_test(tcase, f12_the_last_resort_yields_to_a_root);
	tcase_add_test(tcase, no_row_of_false_roots_is_endless);
	tcase_add_test(tcase, f5_f13_root_of_one_file_and_child_for_the_next);
	tcase_add_test(tcase, f13_traditional_screen);
	tcase_add_test(tcase, f5_at_most_two_hierarchies);
	tcase_add_test(tcase, a_child_without_a_verdict_is_let_go);
	tcase_add_test(tcase, f8_port_4051);
	tcase_add_test(tcase, f10_precedence);
	tcase_add_test(tcase, versions_order_and_share);
	tcase_add_test(tcase, garbage_is_no_version);
	tcase_add_test(tcase, a_phone_is_a_value);
	tcase_add_test(tcase, configurations_out_of_range_are_refused);
	tcase_add_test(tcase, draws_depend_on_their_four_arguments);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
