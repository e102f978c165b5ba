/*
 * Lateness carry-over of the relay (docs/design.md, Time), without a kernel: a
 * frame that is answered late is offered as if it had come in time; the link's
 * rate holds all the same; what cannot be made good is recorded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/netns/relay_internal.h"
#include "tests/netns/plan_by_hand.h"
#include "tests/tap.h"

#define DELAY_US 10000
#define IP_BYTES 500
#define TX_US 4000 /* 500 bytes at 1 Mb/s */
#define TURN_US 1000 /* a millisecond of real time, at speed 1 */

static struct plan *plan;
static struct relay *relay;
static struct direction *down, *up;

static void make_with(uint64_t rate_bps, uint32_t lan_delay_us, uint64_t port_bps)
{
	struct link_config link = {.delay_us = DELAY_US, .rate_bps = rate_bps, .queue_bytes_max = 1000000};
	struct plan_by_hand wanted = {.phones = 4, .down = link, .up = link, .port_bps = port_bps};

	plan = plan_by_hand(&wanted);
	plan->subnets[0].lan_delay_us = lan_delay_us;
	relay = relay_new(plan);
	ck_assert_ptr_nonnull(relay);
	ck_assert_uint_eq(relay->turn_us, TURN_US);
	down = &relay->wans[0].down;
	up = &relay->wans[0].up;
}

static void make(uint64_t rate_bps)
{
	make_with(rate_bps, 0, 0);
}

static void done(void)
{
	relay_free(relay);
	plan_by_hand_free(plan);
}

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A frame between a phone and the server, that came then. */
static struct frame *carry(struct direction *direction, uint32_t phone, uint64_t came_us)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	uint8_t *ip = frame->bytes + ETHERNET_BYTES;

	frame->length = ETHERNET_BYTES + IP_BYTES;
	ip[0] = 0x45;
	ip[9] = 17;
	put32(ip + (direction == down ? 12 : 16), plan->server.address);
	put32(ip + (direction == down ? 16 : 12), plan->phones[phone].address);
	ip[22] = 7; /* to port 1800 */
	ip[23] = 8;
	ck_assert(carry_offer(direction, frame, came_us));
	return frame;
}

/* That frame has reached its receiver so long after its time. */
static void released(struct direction *direction, const struct frame *frame, uint64_t late_us)
{
	carry_released(direction, frame, frame->arrival_us + late_us);
}

/* An answer that comes late by what its question was late arrives in time. */
START_TEST(lock_step_keeps_time)
{
	uint64_t now = 1000;
	struct frame *frame;

	make(0);
	for (int i = 0; i < 100; i++) {
		frame = carry(i % 2 ? down : up, 0, now + (i ? 300 : 0));
		ck_assert_uint_eq(frame->arrival_us, now + DELAY_US);
		released(i % 2 ? down : up, frame, 300);
		now += DELAY_US;
	}
	ck_assert_uint_eq(relay->corrections, 99);
	ck_assert_uint_eq(relay->wans[0].late.samples, 99);
	ck_assert_uint_eq(relay->wans[0].late.max, 0);
	done();
}
END_TEST

/* One phone's lateness is not another's. */
START_TEST(each_pair_its_own)
{
	struct frame *frame;

	make(0);
	frame = carry(down, 0, 1000);
	released(down, frame, 500);
	ck_assert_uint_eq(carry(up, 1, 20000)->arrival_us, 20000 + DELAY_US);
	ck_assert_uint_eq(carry(up, 0, 20000)->arrival_us, 19500 + DELAY_US);
	ck_assert_uint_eq(carry(up, 0, 21000)->arrival_us, 21000 + DELAY_US);
	done();
}
END_TEST

/*
 * On a link with a rate, a frame that is owed time goes into the idle time
 * before those that overtook it, as far as there is some; the first frame out is
 * then that one. No two frames share the transmitter.
 */
START_TEST(the_rate_holds)
{
	struct frame *first, *second, *third;

	make(1000000);
	released(down, carry(down, 1, 0), 6000);
	first = carry(up, 0, 50000);
	ck_assert_uint_eq(first->arrival_us, 50000 + TX_US + DELAY_US);
	second = carry(up, 1, 50100); /* as of 44100: the link was idle then */
	ck_assert_uint_eq(second->arrival_us, 44100 + TX_US + DELAY_US);
	ck_assert_ptr_eq(up->head, second);
	ck_assert_ptr_eq(up->tail, first);
	ck_assert_uint_eq(relay->wans[0].late.max, 0);
	released(down, carry(down, 2, 1000), 6000);
	third = carry(up, 2, 50200); /* as of 44200: taken until 48100 */
	ck_assert_uint_eq(third->arrival_us, 48100 + TX_US + DELAY_US);
	ck_assert_uint_eq(relay->wans[0].late.max, 48100 - 44200);
	done();
}
END_TEST

/* Idle times are remembered, not the last alone: a late frame goes into the first that it could have had. */
START_TEST(older_idle_times_are_not_forgotten)
{
	struct frame *late;

	make(1000000);
	released(down, carry(down, 1, 0), 6000);
	for (uint64_t i = 0; i < 4; i++)
		ck_assert_uint_eq(carry(up, 0, 50000 + 10000 * i)->arrival_us, 50000 + 10000 * i + TX_US + DELAY_US);
	late = carry(up, 1, 80100); /* as of 74100: idle until 80000 */
	ck_assert_uint_eq(late->arrival_us, 74100 + TX_US + DELAY_US);
	released(down, carry(down, 2, 1000), 40000);
	late = carry(up, 2, 80200); /* as of 40200: idle until 50000 */
	ck_assert_uint_eq(late->arrival_us, 40200 + TX_US + DELAY_US);
	ck_assert_ptr_eq(up->head, late);
	released(down, carry(down, 3, 2000), 39800);
	late = carry(up, 3, 80300); /* as of 40500: that one is there until 44200 */
	ck_assert_uint_eq(late->arrival_us, 44200 + TX_US + DELAY_US);
	ck_assert_uint_eq(relay->wans[0].late.max, 44200 - 40500);
	done();
}
END_TEST

/* Where the transmitter has been busy all along, nothing is to be had: its turn is behind the others. */
START_TEST(no_idle_time_no_gift)
{
	struct frame *asked, *frame;

	make(1000000);
	asked = carry(down, 3, 0);
	for (uint32_t i = 0; i < 3; i++)
		carry(up, 0, 0);
	released(down, asked, 2000);
	carry(up, 0, 3000);
	frame = carry(up, 3, 3100);
	ck_assert_uint_eq(frame->arrival_us, 5 * TX_US + DELAY_US);
	ck_assert_uint_eq(relay->wans[0].late.max, 3000 - 1100);
	done();
}
END_TEST

/* Frames of one conversation keep their order whatever is owed. */
START_TEST(a_pair_keeps_its_order)
{
	struct frame *first, *second;

	make(0);
	first = carry(up, 0, 10000);
	carry(up, 1, 10100);
	released(down, first, 5000);
	second = carry(up, 0, 10200);
	ck_assert_uint_ge(second->arrival_us, first->arrival_us);
	ck_assert_ptr_eq(up->head, first);
	done();
}
END_TEST

/* What an answer took because there is a host counts as nothing, in either direction. */
START_TEST(answers_owe_their_turn)
{
	uint64_t due = 1000;

	make(0);
	for (int i = 0; i < 100; i++) {
		/* the last one was 200 us late, and its answer took 90 us besides */
		struct frame *frame = carry(i % 2 ? down : up, 0, due + (i ? 200 + 90 : 0));

		ck_assert_uint_eq(frame->arrival_us, due + DELAY_US);
		released(i % 2 ? down : up, frame, 200);
		due += DELAY_US;
	}
	ck_assert_uint_eq(relay->wans[0].late.max, 0);
	done();
}
END_TEST

/* The site's own network has its time of the scenario's: two ways, and both frames in the phone's port. */
START_TEST(the_lan_takes_its_time)
{
	const uint64_t lan_us = 2 * 50 + 8 * (ETHERNET_BYTES + IP_BYTES + ETHERNET_CHECK_BYTES) / 10;
	struct frame *asked;

	make_with(0, 50, 10000000);
	asked = carry(down, 0, 0);
	released(down, asked, 0);
	ck_assert_uint_eq(carry(up, 0, DELAY_US + lan_us + 70)->arrival_us, DELAY_US + lan_us + DELAY_US);
	released(down, carry(down, 1, 50000), 0);
	/* a kernel that is quicker than that does not hasten it */
	ck_assert_uint_eq(carry(up, 1, 50000 + DELAY_US + 30)->arrival_us, 50000 + DELAY_US + lan_us + DELAY_US);
	/* nor where it was asked late: that goes first */
	released(down, carry(down, 3, 60000), 200);
	ck_assert_uint_eq(carry(up, 3, 60000 + DELAY_US + 200 + 30)->arrival_us, 60000 + DELAY_US + lan_us + DELAY_US);
	released(down, carry(down, 0, 70000), 2000);
	ck_assert_uint_eq(carry(up, 0, 70000 + DELAY_US + 2000 + 30)->arrival_us, 70000 + DELAY_US + lan_us + DELAY_US);
	/* headquarters is not in it */
	released(up, carry(up, 2, 100000), 0);
	ck_assert_uint_eq(carry(down, 2, 100000 + DELAY_US + 70)->arrival_us, 100000 + DELAY_US + DELAY_US);
	done();
}
END_TEST

/* Who waited for something of the scenario's, or was not asked, came when he came. */
START_TEST(waits_are_the_scenarios)
{
	make(0);
	released(down, carry(down, 0, 0), 0);
	ck_assert_uint_eq(carry(up, 0, DELAY_US + TURN_US + 1)->arrival_us,
			  DELAY_US + TURN_US + 1 + DELAY_US);
	released(down, carry(down, 1, 50000), 0);
	/* sent again, by the side that had asked */
	ck_assert_uint_eq(carry(down, 1, 50000 + DELAY_US + 70)->arrival_us, 50000 + DELAY_US + 70 + DELAY_US);
	/* and by the side that had answered, when the turn was over: nothing is owed any more */
	released(down, carry(down, 2, 100000), 200);
	carry(up, 2, 100000 + DELAY_US + 210);
	ck_assert_uint_eq(carry(up, 2, 100000 + DELAY_US + 200 + TURN_US + 1)->arrival_us,
			  100000 + DELAY_US + 200 + TURN_US + 1 + DELAY_US);
	done();
}
END_TEST

/* A last ACK and the request for the next file: both are later by what the block was, and it is the second that is answered. */
START_TEST(what_follows_an_answer_owes_the_same)
{
	struct frame *first, *second;

	make(0);
	released(down, carry(down, 0, 0), 300);
	first = carry(up, 0, DELAY_US + 300 + 40);
	ck_assert_uint_eq(first->arrival_us, 2 * DELAY_US);
	second = carry(up, 0, DELAY_US + 300 + 110);
	ck_assert_uint_eq(second->arrival_us, 2 * DELAY_US);
	ck_assert_ptr_eq(up->head, first);
	ck_assert_ptr_eq(up->tail, second);
	ck_assert_uint_eq(relay->wans[0].late.max, 0);
	/* it is owed once only: the server's answer has the second's lateness, not the block's again */
	released(up, first, 0);
	released(up, second, 20);
	ck_assert_uint_eq(carry(down, 0, 2 * DELAY_US + 20 + 30)->arrival_us, 3 * DELAY_US);
	done();
}
END_TEST

/* So many frames of one pair; from `busy` on for so many the host takes 900 us a frame more than it makes good. */
static struct world_report lock_step(uint64_t frames, uint64_t busy, uint64_t count)
{
	uint64_t due = 1000, late_us = 0;
	struct world_report report = {0};

	make(0);
	for (uint64_t i = 0; i < frames; i++) {
		struct frame *frame = carry(i % 2 ? down : up, 0, due + late_us);

		/* as of its time, however late it was read */
		ck_assert_uint_eq(frame->arrival_us, due + DELAY_US);
		late_us = i >= busy && i < busy + count ? late_us + 900 : late_us > DELAY_US ? late_us - DELAY_US : 0;
		released(i % 2 ? down : up, frame, late_us);
		due += DELAY_US;
	}
	relay_report(relay, &report);
	done();
	return report;
}

/* A host too slow for the speed: each frame is later than the one before, and all are as of their time. */
START_TEST(falling_behind_is_recorded)
{
	struct world_report report = lock_step(100, 0, 100);

	ck_assert_uint_ge(report.relay_late_p99_us, 2 * DELAY_US);
	ck_assert_uint_eq(report.relay_late_max_us, 100 * 900);
}
END_TEST

/* A busy moment is made good by the frames after it. */
START_TEST(catching_up_is_not)
{
	struct world_report report = lock_step(1000, 100, 40);

	ck_assert_uint_eq(report.relay_late_p99_us, 0);
	ck_assert_uint_eq(report.relay_late_max_us, 0);
}
END_TEST

static void answers(uint32_t site, uint32_t phone, uint64_t frames, uint64_t late_us)
{
	uint64_t due = 1000;

	down = &relay->wans[site].down;
	up = &relay->wans[site].up;
	for (uint64_t i = 0; i < frames; i++) {
		struct frame *frame = carry(i % 2 ? down : up, phone, due + i * late_us);

		released(i % 2 ? down : up, frame, (i + 1) * late_us);
		due = frame->arrival_us;
	}
}

/* A small site that falls behind is not lost among a large one's frames, and one without delay hides nobody. */
START_TEST(the_worst_site_counts)
{
	struct link_config link = {.delay_us = DELAY_US, .queue_bytes_max = 1000000};
	struct plan_by_hand wanted = {.phones = 3, .sites = 3, .down = link, .up = link};
	struct world_report report = {0};

	plan = plan_by_hand(&wanted);
	plan->sites[0].down.delay_us = plan->sites[0].up.delay_us = _i ? 0 : DELAY_US;
	plan->sites[2].down.delay_us = plan->sites[2].up.delay_us = DELAY_US / 10;
	relay = relay_new(plan);
	ck_assert_ptr_nonnull(relay);
	relay->turn_us = TURN_US;
	answers(0, 0, 1000, 0);
	answers(1, 1, 1000, 0);
	relay_report(relay, &report);
	ck_assert_uint_eq(report.relay_late_p99_us, 0);
	answers(2, 2, 30, DELAY_US / 10);
	relay_report(relay, &report);
	ck_assert_uint_ge(report.relay_late_p99_us, DELAY_US);
	ck_assert_uint_eq(report.relay_round_trip_us, DELAY_US / 5);
	done();
}
END_TEST

/* F14: nobody answers a log line, so its lateness is nobody's. */
START_TEST(log_lines_are_left_out)
{
	struct frame *frame;

	make(0);
	plan->log_server.enabled = true;
	plan->log_server.address = plan->server.address;
	plan->log_server.port = 1800;
	frame = carry(up, 0, 1000);
	released(up, frame, 700);
	ck_assert_uint_eq(carry(down, 0, 20000)->arrival_us, 20000 + DELAY_US);
	done();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("carry");
	TCase *tests = tcase_create("carry");

	tcase_add_test(tests, lock_step_keeps_time);
	tcase_add_test(tests, each_pair_its_own);
	tcase_add_test(tests, the_rate_holds);
	tcase_add_test(tests, older_idle_times_are_not_forgotten);
	tcase_add_test(tests, no_idle_time_no_gift);
	tcase_add_test(tests, a_pair_keeps_its_order);
	tcase_add_test(tests, answers_owe_their_turn);
	tcase_add_test(tests, the_lan_takes_its_time);
	tcase_add_test(tests, waits_are_the_scenarios);
	tcase_add_test(tests, what_follows_an_answer_owes_the_same);
	tcase_add_test(tests, falling_behind_is_recorded);
	tcase_add_test(tests, catching_up_is_not);
	tcase_add_loop_test(tests, the_worst_site_counts, 0, 2);
	tcase_add_test(tests, log_lines_are_left_out);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
