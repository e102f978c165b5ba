/*
 * The election seen from one phone: what it says, to whom it yields, whom it
 * answers, and what it refuses to hear. Facts F2, F6, F7 and F8.
 */
#include <string.h>

#include "pfs-core/core.h"
#include "tests/tap.h"
#include "tests/unit/phone_harness.h"

#define BUMP 0x80000000u

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

static void hear_claim(uint32_t peer, uint32_t strength)
{
	struct wire_claim claim = rig_claim(&rig, PEER(peer), strength, rig.phone.file);

	rig_hear(&rig, PEER(peer), &claim);
}

static void hear_answer(uint32_t peer, uint8_t phase, uint32_t strength)
{
	struct wire_claim claim = rig_answer(&rig, PEER(peer), phase, strength, rig.phone.file);

	rig_hear(&rig, PEER(peer), &claim);
}

/* A holder of file 0, lingering without the other one: it was fetched from the server. */
static void hold(void)
{
	rig.config.file_count = 1;
	rig_again(&rig);
	rig_start(&rig);
	rig_until(&rig, PFS_ST_LINGERING, 30 * PFS_S);
	rig_mark(&rig);
}

static uint64_t listening_us(uint32_t strength)
{
	rig.config.strength = strength;
	rig_again(&rig);
	rig_start(&rig);
	return rig.phone.timer_us - rig.now_us;
}

/* The stronger speaks first; the log's strength listens as long as the log's phone did. */
START_TEST(listening_falls_with_strength)
{
	uint64_t last_us = PFS_LISTEN_MAX_US + 1;

	ck_assert_uint_le(llabs((long long)listening_us(RIG_STRENGTH) - 497800), 5000);
	for (uint64_t strength = 1; strength <= 0x7fffffff; strength += 0x07ffffff) {
		uint64_t now_us = listening_us((uint32_t)strength);

		ck_assert_uint_lt(now_us, last_us);
		last_us = now_us;
	}
	ck_assert_uint_eq(listening_us(0x7fffffff), PFS_LISTEN_MAX_US - PFS_OCTAVES * PFS_LISTEN_OCTAVE_US);
}
END_TEST

/* The log: five broadcasts 250 ms apart, confirmed on the fifth time-out, strength raised above every tentative one. */
START_TEST(claims_confirm_and_bump)
{
	struct wire_claim claim;

	rig_start(&rig);
	for (uint32_t ad = 0; ad < PFS_CLAIMS; ad++) {
		uint64_t at_us = rig.now_us;

		rig_mark(&rig);
		while (!rig_count(&rig, PFS_ACT_BROADCAST))
			rig_advance(&rig, 10);
		claim = rig_said(&rig);
		ck_assert_uint_eq(claim.type, WIRE_CLAIM);
		ck_assert_uint_eq(claim.ad, ad);
		ck_assert_uint_eq(claim.strength, RIG_STRENGTH);
		ck_assert_uint_eq(claim.sender, RIG_ADDRESS);
		ck_assert_str_eq(claim.model, "CP-7961G");
		ck_assert_str_eq(claim.name, rig.config.files[0].name);
		if (ad)
			ck_assert_uint_eq(rig.now_us - at_us, PFS_CLAIM_INTERVAL_US);
	}
	rig_mark(&rig);
	rig_advance(&rig, PFS_CLAIM_INTERVAL_US);
	must_be("root-waiting");
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CONFIRMED, 0)->c, RIG_STRENGTH | BUMP);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_CONFIRMED, 0)->a, core_file_key(&rig.phone, 0));
	/* A lone root sends nothing beyond the log's. */
	rig_advance(&rig, PFS_ROOT_WAITING_US + 200 * PFS_MS);
	ck_assert_uint_eq(rig.phone.file, 1);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 0);
}
END_TEST

/* What-if: listening, claims, ROOT_WAITING, the spread of joiners and holders' answers by one factor, others not. */
START_TEST(waits_are_shortened_alike)
{
	static const uint8_t percents[] = { 10, 33, 50, 100 };
	uint32_t percent = percents[_i];
	uint64_t whole_us = listening_us(RIG_STRENGTH), heard_us;
	struct wire_claim claim;

	rig.config.waits_percent = (uint8_t)percent;
	/* In steps of an octave's part: rounded down, twice. */
	ck_assert_uint_le(llabs((long long)listening_us(RIG_STRENGTH) - (long long)(whole_us * percent / 100)), 2);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	ck_assert_uint_eq(rig_trace_at(&rig, PFS_TR_CONFIRMED, 0) - rig_trace_at(&rig, PFS_TR_CLAIM, 0),
			  PFS_CLAIMS * PFS_CLAIM_INTERVAL_US * percent / 100);
	ck_assert_uint_eq(rig.phone.timer_us - rig_trace_at(&rig, PFS_TR_CONFIRMED, 0), PFS_ROOT_WAITING_US * percent / 100);

	/* A follower comes after the claims that are left, within the spread. */
	for (uint64_t seed = 1; seed <= 20; seed++) {
		rig.config.seed = seed;
		rig_again(&rig);
		rig_start(&rig);
		claim = rig_claim(&rig, PEER(2), 0x7fffffff, 0);
		rig_hear(&rig, PEER(2), &claim);
		must_be("following");
		uint64_t wait_us = rig.phone.timer_us - rig.now_us;
		ck_assert_uint_ge(wait_us, (5 * PFS_CLAIM_INTERVAL_US + PFS_CONFIRM_MARGIN_US) * percent / 100);
		ck_assert_uint_le(wait_us,
				  (5 * PFS_CLAIM_INTERVAL_US + PFS_CONFIRM_MARGIN_US + PFS_JOIN_SPREAD_US) * percent / 100);
	}

	/* A holder answers before five claims are over. */
	rig.config.file_count = 1;
	rig_again(&rig);
	rig_start(&rig);
	rig_data(&rig, rig_member(&rig, PEER(2), 77), 0, 652);
	rig_until(&rig, PFS_ST_LINGERING, PFS_S);
	rig_mark(&rig);
	hear_claim(9, 5);
	heard_us = rig.now_us;
	rig_advance(&rig, PFS_HOLDER_ANSWER_MIN_US * percent / 100 - 1);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 0);
	rig_advance_to(&rig, heard_us + PFS_CLAIMS * PFS_CLAIM_INTERVAL_US * percent / 100 - 1);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 1);
	/* What mends losses keeps its time. */
	ck_assert_uint_eq(rig.phone.linger_us, heard_us + PFS_LINGER_US);
}
END_TEST

/* Shorter than a tenth, or longer than they are, waits cannot be made. */
START_TEST(waits_are_bounded)
{
	rig.config.waits_percent = PFS_WAITS_PERCENT_MIN - 1;
	ck_assert_int_eq(pfs_phone_init(&rig.phone, &rig.config), -EINVAL);
	rig.config.waits_percent = 101;
	ck_assert_int_eq(pfs_phone_init(&rig.phone, &rig.config), -EINVAL);
}
END_TEST

/* A time-out that comes late never makes two claims at once. */
START_TEST(late_timeouts_make_no_burst)
{
	rig_start(&rig);
	rig_until(&rig, PFS_ST_CLAIMING, PFS_S);
	rig_mark(&rig);
	rig.now_us += 900 * PFS_MS;
	while (pfs_deadline(&rig.phone) <= rig.now_us)
		rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TIME });
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 1);
}
END_TEST

/* Higher strength wins; at equal strength the higher address; the weaker is not heeded. */
START_TEST(strengths_are_compared)
{
	static const struct { uint32_t peer, strength; bool yields; } cases[] = {
		{ 9, RIG_STRENGTH + 1, true },     { 9, RIG_STRENGTH - 1, false }, { 200, RIG_STRENGTH, true },
		{ 9, RIG_STRENGTH, false },        { 9, 0x7fffffff, true },        { 9, UINT32_MAX, true },
		{ 200, 0, false },
	};

	for (uint32_t claiming = 0; claiming < 2; claiming++) {
		rig_again(&rig);
		rig_mark(&rig);
		rig_start(&rig);
		if (claiming)
			rig_until(&rig, PFS_ST_CLAIMING, PFS_S);
		hear_claim(cases[_i].peer, cases[_i].strength);
		must_be(cases[_i].yields ? "following" : claiming ? "claiming" : "listening");
		if (!cases[_i].yields)
			continue;
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_YIELDED, 0)->address, PEER(cases[_i].peer));
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_YIELDED, 0)->c, cases[_i].strength);
		rig_mark(&rig);
		rig_advance(&rig, PFS_S); /* and says no more */
		ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 0);
	}
}
END_TEST

/* Confirmed beats tentative whatever the strengths, and holding beats confirmed. */
START_TEST(confirmed_beats_tentative_and_holding_beats_both)
{
	rig_start(&rig);
	hear_claim(9, UINT32_MAX);
	ck_assert_uint_eq(rig.phone.leader, PEER(9));
	hear_answer(10, TREE_WAITING, 1);
	ck_assert_uint_eq(rig.phone.leader, PEER(10));
	hear_claim(11, UINT32_MAX);
	ck_assert_uint_eq(rig.phone.leader, PEER(10));
	hear_answer(12, TREE_HOLDING, 0);
	ck_assert_uint_eq(rig.phone.leader, PEER(12));
	hear_answer(13, TREE_TFTP, UINT32_MAX);
	ck_assert_uint_eq(rig.phone.leader, PEER(12));
}
END_TEST

/* A stronger late claim displaces a tentative one that is being followed; a weaker one does not. */
START_TEST(late_stronger_claims_displace)
{
	uint64_t before_us;

	rig_start(&rig);
	hear_claim(9, 0x60000000);
	before_us = rig.phone.timer_us;
	hear_claim(10, 0x50000000);
	ck_assert_uint_eq(rig.phone.leader, PEER(9));
	ck_assert_uint_eq(rig.phone.timer_us, before_us);
	hear_claim(11, 0x60000001);
	ck_assert_uint_eq(rig.phone.leader, PEER(11));
	/* The same claim again, as Ad 1 to Ad 4 are, puts nothing off. */
	before_us = rig.phone.timer_us;
	rig_advance(&rig, 100 * PFS_MS);
	hear_claim(11, 0x60000001);
	ck_assert_uint_eq(rig.phone.timer_us, before_us);
	ck_assert_uint_gt(before_us, rig.now_us + 4 * PFS_CLAIM_INTERVAL_US);
}
END_TEST

/* A row of ever stronger claims puts the joining off a bounded time. */
START_TEST(a_row_of_claims_ends)
{
	uint32_t n = 0;

	rig_start(&rig);
	for (; n < 500 && rig.phone.state != PFS_ST_JOINING; n++) {
		struct wire_claim claim = rig_claim(&rig, PEER(9), 0x60000000, 0);

		claim.xid = n + 1;
		rig_hear(&rig, PEER(9), &claim);
		rig_advance(&rig, PFS_S);
	}
	must_be("joining");
	ck_assert_uint_lt(n, PFS_HOPS_MAX + 10);
}
END_TEST

/* Joiners of a new root come within the spread, each at its own time; those of one under way soon. */
START_TEST(joiners_come_spread_out)
{
	uint64_t first_us = UINT64_MAX, last_us = 0;

	for (uint32_t n = 0; n < 60; n++) {
		uint64_t wait_us;

		rig.config.phone = n;
		rig_again(&rig);
		rig_start(&rig);
		hear_claim(9, 0x7fffffff);
		wait_us = rig.phone.timer_us - rig.now_us;
		first_us = wait_us < first_us ? wait_us : first_us;
		last_us = wait_us > last_us ? wait_us : last_us;
		ck_assert_uint_ge(wait_us, 5 * PFS_CLAIM_INTERVAL_US + PFS_CONFIRM_MARGIN_US);
		ck_assert_uint_le(wait_us, 5 * PFS_CLAIM_INTERVAL_US + PFS_CONFIRM_MARGIN_US + PFS_JOIN_SPREAD_US);
		hear_answer(10, TREE_TFTP, 1);
		ck_assert_uint_le(rig.phone.timer_us - rig.now_us, PFS_JOIN_SPREAD_LATE_US);
	}
	ck_assert_uint_gt(last_us - first_us, PFS_JOIN_SPREAD_US / 2);
}
END_TEST

/* A confirmed root answers late claims, in every state until it holds the file, at most one each 250 ms. */
START_TEST(roots_answer_and_no_more_than_four_a_second)
{
	struct wire_claim claim;

	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	rig_mark(&rig);
	hear_claim(9, UINT32_MAX);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 1);
	claim = rig_said(&rig);
	ck_assert_uint_eq(claim.type, WIRE_ANSWER);
	ck_assert_uint_eq(claim.phase, TREE_WAITING);
	ck_assert_uint_eq(claim.strength, RIG_STRENGTH | BUMP);
	ck_assert_uint_gt(claim.remaining_ms, 9000);
	rig_advance(&rig, 300 * PFS_MS);
	rig_mark(&rig);
	for (uint32_t i = 0; i < 800; i++) {
		hear_claim(1 + i % 90, i);
		rig_advance(&rig, 2500);
	}
	/* 2 s: nine at most, and a steady flood does get its answers. */
	ck_assert_uint_le(rig_count(&rig, PFS_ACT_BROADCAST), 9);
	ck_assert_uint_ge(rig_count(&rig, PFS_ACT_BROADCAST), 7);
	for (uint32_t i = 1; rig_find(&rig, PFS_ACT_BROADCAST, i); i++)
		ck_assert_uint_ge(rig_find(&rig, PFS_ACT_BROADCAST, i)->at_us -
					  rig_find(&rig, PFS_ACT_BROADCAST, i - 1)->at_us,
				  PFS_ANSWER_INTERVAL_US);
	rig.server.answers = false;
	rig_until(&rig, PFS_ST_TFTP, 12 * PFS_S);
	rig_advance(&rig, PFS_S);
	rig_mark(&rig);
	hear_claim(9, UINT32_MAX);
	ck_assert_uint_eq(rig_said(&rig).phase, TREE_TFTP);
	ck_assert_uint_eq(rig_said(&rig).remaining_ms, 0);
	must_be("tftp");
}
END_TEST

/* A flood costs PFS_CLAIMS_HEARD_MAX looks a second; the rest is counted and changes nothing. */
START_TEST(floods_are_bounded)
{
	rig_start(&rig);
	rig_mark(&rig);
	for (uint32_t i = 0; i < PFS_CLAIMS_HEARD_MAX + 500; i++)
		hear_claim(9, 1);
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_LIMIT], 500);
	/* Traced at powers of two only: 1 2 4 8 16 32 64 128 256. */
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_DROPPED), 9);
	hear_claim(9, 0x7fffffff);
	must_be("listening");
	rig_until(&rig, PFS_ST_CLAIMING, PFS_S);
	rig_advance(&rig, 600 * PFS_MS);
	hear_claim(9, 0x7fffffff); /* a new second */
	must_be("following");
}
END_TEST

/* One's own broadcast coming back is nobody's claim. */
START_TEST(own_broadcasts_are_dropped)
{
	struct wire_claim claim;

	rig_start(&rig);
	rig_until(&rig, PFS_ST_CLAIMING, PFS_S);
	claim = rig_said(&rig);
	claim.strength = UINT32_MAX;
	rig_hear(&rig, RIG_ADDRESS, &claim);
	must_be("claiming");
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_OWN], 1);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_DROPPED), 0);
}
END_TEST

/* F6, F7 and the rest: each kind of stranger under its own reason, and none is yielded to. */
START_TEST(strangers_are_counted_by_reason)
{
	struct wire_claim claim = { 0 };
	enum pfs_drop reason = PFS_DROPS;
	uint32_t from = PEER(9), total = 0;

	rig_start(&rig);
	claim = rig_claim(&rig, from, 0x7fffffff, 0);
	switch (_i) {
	case 0: /* F6: a 7941 with the very same file */
		strcpy(claim.model, "CP-7941G");
		reason = PFS_DROP_MODEL;
		break;
	case 1: /* F7: another subnet on the same switch */
		from = 0x0a010109;
		claim.sender = from;
		reason = PFS_DROP_SUBNET;
		break;
	case 2: /* F7: an address of ours, but a map of another netmask */
		claim.map ^= 1;
		reason = PFS_DROP_SUBNET;
		break;
	case 3:
		claim.sender = PEER(10);
		reason = PFS_DROP_FORGED;
		break;
	case 4:
		strcpy(claim.name, "SCCP41.9-4-2SR1-1S.loads");
		reason = PFS_DROP_FILE;
		break;
	case 5: /* a file that changed at the server */
		claim.digest++;
		reason = PFS_DROP_FILE;
		break;
	default:
		ck_abort_msg("no such case");
	}
	rig_hear(&rig, from, &claim);
	must_be("listening");
	ck_assert_uint_eq(rig.phone.dropped[reason], 1);
	for (uint32_t i = 0; i < PFS_DROPS; i++)
		total += rig.phone.dropped[i];
	ck_assert_uint_eq(total, 1);
}
END_TEST

/* Every malformed broadcast has its reason; none gets through at any length. */
START_TEST(malformed_broadcasts)
{
	uint8_t bytes[PFS_ACTION_BYTES + 1] = { 0 }, changed[PFS_ACTION_BYTES + 1];
	struct wire_claim claim;
	uint32_t length;
	static const struct { uint32_t at; uint8_t value; enum pfs_drop reason; } cases[] = {
		{ 0, 'Q', PFS_DROP_MAGIC },   { 1, 'Q', PFS_DROP_MAGIC },  { 2, 2, PFS_DROP_VERSION },
		{ 2, 0, PFS_DROP_VERSION },   { 3, 0, PFS_DROP_TYPE },     { 3, WIRE_JOIN, PFS_DROP_TYPE },
		{ 3, 255, PFS_DROP_TYPE },    { 5, 0, PFS_DROP_SHORT },    { 5, 255, PFS_DROP_SHORT },
		{ 4, 1, PFS_DROP_SHORT },     { 6, 16, PFS_DROP_TYPE },    { 7, TREE_PHASES, PFS_DROP_TYPE },
		{ 59, 1, PFS_DROP_SHORT },    { 60, PFS_NAME_MAX, PFS_DROP_SHORT }, { 60, 255, PFS_DROP_SHORT },
		{ 60, 3, PFS_DROP_SHORT },
	};

	rig_start(&rig);
	claim = rig_claim(&rig, PEER(9), 0x7fffffff, 0);
	length = pfs_wire_claim_write(&claim, bytes);
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t before = rig.phone.dropped[cases[i].reason];

		memcpy(changed, bytes, sizeof(bytes));
		changed[cases[i].at] = cases[i].value;
		rig_hear_bytes(&rig, PEER(9), changed, length);
		ck_assert_msg(rig.phone.dropped[cases[i].reason] == before + 1, "case %u", i);
	}
	for (uint32_t i = 0; i <= sizeof(bytes); i++) {
		uint32_t before = rig.phone.dropped[PFS_DROP_SHORT];

		if (i == length)
			continue;
		rig_hear_bytes(&rig, PEER(9), bytes, i);
		ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_SHORT], before + 1);
	}
	must_be("listening");
	rig_hear_bytes(&rig, PEER(9), bytes, length);
	must_be("following");
}
END_TEST

/* Two confirmed roots before the transfer: the weaker gives up and keeps its subtree, which is told. */
START_TEST(the_weaker_of_two_roots_gives_up)
{
	struct wire_frame alive;
	uint32_t child;

	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	child = rig_child(&rig, PEER(1), 0, rig.phone.xid);
	rig_mark(&rig);
	hear_answer(9, TREE_WAITING, RIG_STRENGTH | BUMP); /* equal: the higher address stays, which is ours */
	must_be("root-waiting");
	ck_assert_uint_eq(rig_said(&rig).type, WIRE_ANSWER); /* the other is told */
	hear_answer(9, TREE_WAITING, (RIG_STRENGTH | BUMP) + 1);
	must_be("following");
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_ROOT_GAVE_UP, 0)->address, PEER(9));
	ck_assert_uint_eq(core_children_count(&rig.phone, 0), 1);
	ck_assert(rig_frame_sent(&rig, child, WIRE_ALIVE, &alive));
	ck_assert_uint_eq(alive.xid, 0);
	ck_assert_uint_eq(alive.phase, TREE_ORPHANED);
	ck_assert_uint_eq(rig.server.requests, 0);
	/* It joins with the weight of all. */
	rig_frame(&rig, child, &(struct wire_frame){ .type = WIRE_BEAT, .weight = 1 });
	rig_mark(&rig);
	rig_until(&rig, PFS_ST_JOINING, 3 * PFS_S);
	rig_conn_event(&rig, PFS_EV_CONNECTED, rig_dialled(&rig, NULL));
	ck_assert(rig_frame_sent(&rig, rig_dialled(&rig, NULL), WIRE_JOIN, &alive));
	ck_assert_uint_eq(alive.weight, 2);
}
END_TEST

/* Strengths at their maximum after the bump: still one winner, by address. */
START_TEST(strength_at_its_maximum)
{
	rig.config.strength = UINT32_MAX;
	rig_again(&rig);
	rig_start(&rig);
	ck_assert_uint_eq(rig.phone.strength, 0x7fffffff);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	ck_assert_uint_eq(rig.phone.strength, UINT32_MAX);
	hear_answer(9, TREE_WAITING, UINT32_MAX);
	must_be("root-waiting");
	hear_answer(200, TREE_WAITING, UINT32_MAX);
	must_be("following");
}
END_TEST

/* After the transfer began both roots go on. */
START_TEST(two_roots_in_transfer_both_go_on)
{
	rig_start(&rig);
	rig.server.rtt_us = 400 * PFS_MS;
	rig_until(&rig, PFS_ST_TFTP, 13 * PFS_S);
	rig_mark(&rig);
	hear_answer(200, TREE_TFTP, UINT32_MAX);
	must_be("tftp");
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_ROOT_GAVE_UP), 0);
	rig_advance(&rig, 2 * PFS_S);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_TFTP_DONE), 1);
}
END_TEST

/* Before it began, somebody who holds the file ends the root's claim: no byte crosses the WAN. */
START_TEST(a_holder_ends_a_root_in_waiting)
{
	rig_start(&rig);
	rig_until(&rig, PFS_ST_ROOT_WAITING, 3 * PFS_S);
	hear_answer(9, TREE_HOLDING, 0);
	must_be("following");
	ck_assert_uint_eq(rig.server.requests, 0);
}
END_TEST

/* A root that holds the file answers first; another holder waits, and is silent once somebody spoke. */
START_TEST(holders_wait_and_are_silenced)
{
	struct wire_claim claim;

	hold();
	hear_claim(9, 5);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 1); /* it was the root */
	ck_assert_uint_eq(rig_said(&rig).phase, TREE_HOLDING);
	ck_assert_uint_eq(rig_said(&rig).strength, UINT32_MAX);

	rig_again(&rig);
	rig_start(&rig);
	rig_data(&rig, rig_member(&rig, PEER(2), 77), 0, 652);
	rig_until(&rig, PFS_ST_LINGERING, PFS_S);
	rig_mark(&rig);
	hear_claim(9, 5);
	rig_advance(&rig, PFS_HOLDER_ANSWER_MIN_US - 1);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 0);
	rig_advance(&rig, PFS_HOLDER_ANSWER_MIN_US + PFS_OCTAVES * PFS_HOLDER_ANSWER_OCTAVE_US);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 1);

	/* Before the claimer's five claims are over. */
	ck_assert_uint_lt(PFS_HOLDER_ANSWER_MIN_US + PFS_OCTAVES * PFS_HOLDER_ANSWER_OCTAVE_US,
			  PFS_CLAIMS * PFS_CLAIM_INTERVAL_US);
	rig_mark(&rig);
	hear_claim(9, 5);
	claim = rig_answer(&rig, PEER(2), TREE_HOLDING, 0, 0);
	rig_hear(&rig, PEER(2), &claim);
	rig_advance(&rig, 2 * PFS_S);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 0);
}
END_TEST

/* Whom the claimer would avoid does not answer. */
START_TEST(avoid_is_respected)
{
	struct wire_claim claim;

	hold();
	claim = rig_claim(&rig, PEER(9), 5, 0);
	claim.avoid = RIG_ADDRESS;
	rig_hear(&rig, PEER(9), &claim);
	rig_advance(&rig, 2 * PFS_S);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 0);
	claim.avoid = PEER(10);
	rig_hear(&rig, PEER(9), &claim);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 1);
}
END_TEST

/* A phone that neither holds the file nor is its root leaves claims to others. */
START_TEST(members_do_not_answer)
{
	rig_start(&rig);
	rig_member(&rig, PEER(2), 77);
	rig_mark(&rig);
	hear_claim(9, UINT32_MAX);
	hear_answer(10, TREE_HOLDING, 0);
	rig_advance(&rig, 2 * PFS_S);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_BROADCAST), 0);
	must_be("member");
}
END_TEST

/* A claim keeps a phone that is done from rebooting under the claimer's feet. */
START_TEST(claims_prolong_lingering)
{
	hold();
	rig_advance(&rig, PFS_LINGER_US - PFS_S);
	hear_claim(9, 5);
	rig_advance(&rig, PFS_LINGER_US - PFS_S);
	must_be("lingering");
	rig_advance(&rig, 2 * PFS_S);
	must_be("rebooted");
	hear_claim(9, 5);
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_STATE], 1);
}
END_TEST

/* But not for ever: an hour after its own upgrade it goes, whoever claims. */
START_TEST(lingering_ends)
{
	uint64_t begun_us;

	hold();
	begun_us = rig.phone.now_us;
	while (rig.phone.now_us + 31 * PFS_S < begun_us + PFS_LINGER_MAX_US) {
		rig_advance(&rig, 30 * PFS_S);
		hear_claim(9, 5);
		must_be("lingering");
	}
	rig_advance(&rig, 31 * PFS_S);
	must_be("rebooted");
}
END_TEST

/* XID: another for each file and each boot, never zero, never the same phone's twice. */
START_TEST(xids_differ)
{
	uint32_t seen[20], count = 0;

	for (uint32_t boot = 0; boot < 10; boot++) {
		rig.config.boot = boot;
		rig_again(&rig);
		rig_start(&rig);
		for (uint32_t file = 0; file < 2; file++) {
			seen[count] = rig.phone.xid;
			ck_assert_uint_ne(seen[count], 0);
			for (uint32_t i = 0; i < count; i++)
				ck_assert_uint_ne(seen[count], seen[i]);
			count++;
			while (rig.phone.file == file && !rig.phone.upgraded)
				rig_advance(&rig, 100 * PFS_MS);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("election");
	TCase *tcase = tcase_create("election");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, listening_falls_with_strength);
	tcase_add_test(tcase, claims_confirm_and_bump);
	tcase_add_loop_test(tcase, waits_are_shortened_alike, 0, 4);
	tcase_add_test(tcase, waits_are_bounded);
	tcase_add_test(tcase, late_timeouts_make_no_burst);
	tcase_add_loop_test(tcase, strengths_are_compared, 0, 7);
	tcase_add_test(tcase, confirmed_beats_tentative_and_holding_beats_both);
	tcase_add_test(tcase, late_stronger_claims_displace);
	tcase_add_test(tcase, a_row_of_claims_ends);
	tcase_add_test(tcase, joiners_come_spread_out);
	tcase_add_test(tcase, roots_answer_and_no_more_than_four_a_second);
	tcase_add_test(tcase, floods_are_bounded);
	tcase_add_test(tcase, own_broadcasts_are_dropped);
	tcase_add_loop_test(tcase, strangers_are_counted_by_reason, 0, 6);
	tcase_add_test(tcase, malformed_broadcasts);
	tcase_add_test(tcase, the_weaker_of_two_roots_gives_up);
	tcase_add_test(tcase, strength_at_its_maximum);
	tcase_add_test(tcase, two_roots_in_transfer_both_go_on);
	tcase_add_test(tcase, a_holder_ends_a_root_in_waiting);
	tcase_add_test(tcase, holders_wait_and_are_silenced);
	tcase_add_test(tcase, avoid_is_respected);
	tcase_add_test(tcase, members_do_not_answer);
	tcase_add_test(tcase, claims_prolong_lingering);
	tcase_add_test(tcase, lingering_ends);
	tcase_add_test(tcase, xids_differ);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
