/*
 * The link model in virtual time, to the microsecond: what both worlds rest
 * on. The figures are those of a T1 with packets of 544 bytes (512 of data, 4
 * of TFTP, 8 of UDP, 20 of IP), the case that the motivating examples count in.
 */
#include <stdbool.h>
#include <string.h>

#include "emulator/link/link.h"
#include "tests/tap.h"

#define T1_BPS 1536000
#define PACKET 544
/* Check's own assertions write to a pipe each time, which is too slow for millions. */
#define must_equal(a, b)                                                                                     \
	do {                                                                                                 \
		if ((a) != (b))                                                                              \
			ck_assert_uint_eq(a, b);                                                             \
	} while (0)

static struct link link_of(const struct link_config *config)
{
	struct link link;

	link_init(&link, config, 7);
	return link;
}

static void must_forward(struct link *link, uint64_t now_us, uint32_t bytes, uint64_t arrival_us)
{
	uint64_t arrival = 0;

	must_equal(link_offer(link, now_us, bytes, &arrival), LINK_FORWARD);
	must_equal(arrival, arrival_us);
}

static void must_refuse(struct link *link, uint64_t now_us, uint32_t bytes)
{
	uint64_t arrival = 12345;

	ck_assert_int_eq(link_offer(link, now_us, bytes, &arrival), LINK_QUEUE_FULL);
	ck_assert_uint_eq(arrival, 12345);
}

/* Back to back: the n-th packet arrives at floor(n * bits * 1e6 / rate) + delay, for each n. */
START_TEST(million_packets_take_exactly_their_bits)
{
	struct link link = link_of(
	    &(struct link_config){.rate_bps = T1_BPS, .queue_bytes_max = UINT64_MAX, .delay_us = 15000});

	for (uint64_t n = 1; n <= 1000000; n++)
		must_forward(&link, 0, PACKET, n * PACKET * 8 * 1000000 / T1_BPS + 15000);
	ck_assert_uint_eq(link.free_us, 2833333333u);
	ck_assert_uint_eq(link.busy_us, 2833333333u);
	ck_assert_uint_eq(link.forwarded_packets, 1000000);
	ck_assert_uint_eq(link.forwarded_bytes, UINT64_C(1000000) * PACKET);
	link_deinit(&link);
}
END_TEST

/* In lock-step, with idle time between the packets, the remainder is carried too. */
START_TEST(lock_step_loses_no_remainder)
{
	struct link link = link_of(&(struct link_config){.rate_bps = T1_BPS, .delay_us = 10});
	uint64_t now_us = 0;
	uint64_t sending_us = 0;

	for (uint64_t n = 1; n <= 1000000; n++) {
		uint64_t arrival = 0;

		must_equal(link_offer(&link, now_us, PACKET, &arrival), LINK_FORWARD);
		sending_us += arrival - now_us - 10;
		must_equal(sending_us, n * PACKET * 8 * 1000000 / T1_BPS);
		now_us = arrival + 1000;
	}
	ck_assert_uint_eq(link.busy_us, 2833333333u);
	link_deinit(&link);
}
END_TEST

/* A rate in bits that divides nothing: mixed sizes still sum up exactly. */
START_TEST(mixed_sizes_sum_up_exactly)
{
	const uint64_t rate_bps = 999983;
	struct link link =
	    link_of(&(struct link_config){.rate_bps = rate_bps, .queue_bytes_max = UINT64_MAX});
	uint64_t bits = 0;

	for (uint32_t n = 0; n < 100000; n++) {
		uint32_t bytes = 28 + n * 7919 % 1473;

		bits += 8 * (uint64_t)bytes;
		must_forward(&link, 0, bytes, bits * 1000000 / rate_bps);
	}
	link_deinit(&link);
}
END_TEST

/* 1000 bytes at 8 Mb/s: one millisecond each. The one on the wire does not count. */
START_TEST(queue_bound_is_exact)
{
	struct link link = link_of(&(struct link_config){.rate_bps = 8000000, .queue_bytes_max = 2500});

	must_forward(&link, 0, 1000, 1000); /* on the wire */
	must_forward(&link, 0, 1000, 2000);
	must_forward(&link, 0, 1000, 3000);
	must_refuse(&link, 0, 501);
	must_forward(&link, 0, 500, 3500); /* exactly full */
	must_refuse(&link, 0, 1);
	must_refuse(&link, 999, 1); /* the first one's last bit is still on its way */
	ck_assert_uint_eq(link_backlog_bytes(&link, 999), 3500);
	must_refuse(&link, 1000, 1001); /* the second is on the wire now: 1000 + 500 wait */
	must_forward(&link, 1000, 1000, 4500);
	must_refuse(&link, 1999, 1);
	ck_assert_uint_eq(link_backlog_bytes(&link, 1000), 3500);
	ck_assert_uint_eq(link_backlog_bytes(&link, 4499), 1000);
	ck_assert_uint_eq(link_backlog_bytes(&link, 4500), 0);
	must_forward(&link, 4500, 60000, 64500); /* idle: any size goes out */
	must_refuse(&link, 4500, 2501);
	must_forward(&link, 4500, 2500, 67000);
	ck_assert_uint_eq(link.queue_drops, 6);
	ck_assert_uint_eq(link.packets, 13);
	link_deinit(&link);
}
END_TEST

/* queue_bytes_max 0: one packet of any size waits, a second one does not. */
START_TEST(queue_of_zero_holds_one_packet)
{
	struct link link = link_of(&(struct link_config){.rate_bps = 8000000});

	must_forward(&link, 0, 1000, 1000);
	must_forward(&link, 0, 65535, 66535);
	must_refuse(&link, 0, 1);
	must_refuse(&link, 999, 1);
	must_forward(&link, 1000, 1, 66536);
	must_refuse(&link, 1000, 1);
	link_deinit(&link);
}
END_TEST

/* A packet that the queue refused has not used the transmitter; one that was lost has. */
START_TEST(refused_is_free_and_lost_is_not)
{
	struct link link = link_of(&(struct link_config){.rate_bps = 8000000, .loss_ppm = 1000000});
	uint64_t arrival = 12345;

	ck_assert_int_eq(link_offer(&link, 0, 1000, &arrival), LINK_LOST);
	ck_assert_int_eq(link_offer(&link, 0, 1000, &arrival), LINK_LOST);
	ck_assert_int_eq(link_offer(&link, 0, 1000, &arrival), LINK_QUEUE_FULL);
	ck_assert_uint_eq(arrival, 12345);
	ck_assert_uint_eq(link.free_us, 2000);
	ck_assert_uint_eq(link.busy_us, 2000);
	ck_assert_uint_eq(link.lost_packets, 2);
	ck_assert_uint_eq(link.forwarded_packets, 0);
	link_deinit(&link);
}
END_TEST

static uint64_t lost_of(uint32_t loss_ppm, uint64_t seed, uint32_t packets)
{
	struct link_config config = {.loss_ppm = loss_ppm};
	struct link link;
	uint64_t arrival;

	link_init(&link, &config, seed);
	for (uint32_t n = 0; n < packets; n++)
		link_offer(&link, n, 100, &arrival);
	ck_assert_uint_eq(link.lost_packets + link.forwarded_packets, packets);
	return link.lost_packets;
}

/* 1 % of a million: 10,000 +- 100 is one standard deviation; five are allowed. */
START_TEST(loss_is_what_was_asked_for)
{
	ck_assert_uint_eq(lost_of(0, 1, 1000000), 0);
	ck_assert_uint_eq(lost_of(1000000, 1, 1000000), 1000000);
	for (uint64_t seed = 0; seed < 10; seed++) {
		uint64_t lost = lost_of(10000, seed, 1000000);

		ck_assert_uint_ge(lost, 9500);
		ck_assert_uint_le(lost, 10500);
		ck_assert_uint_eq(lost, lost_of(10000, seed, 1000000));
	}
	ck_assert_uint_ne(lost_of(10000, 1, 1000000), lost_of(10000, 2, 1000000));
}
END_TEST

/* Jitter is uniform from 0 to its bound, both included, where nothing holds a packet back. */
START_TEST(jitter_is_uniform_in_its_bounds)
{
	struct link link = link_of(&(struct link_config){.delay_us = 100, .jitter_us = 9});
	uint32_t seen[10] = {0};

	for (uint64_t n = 0; n < 100000; n++) {
		uint64_t arrival;

		must_equal(link_offer(&link, n * 1000, 100, &arrival), LINK_FORWARD);
		must_equal(arrival >= n * 1000 + 100 && arrival <= n * 1000 + 109, true);
		seen[arrival - n * 1000 - 100]++;
	}
	for (uint32_t i = 0; i < 10; i++) {
		ck_assert_uint_ge(seen[i], 9500);
		ck_assert_uint_le(seen[i], 10500);
	}
	link_deinit(&link);
}
END_TEST

/* Down first, then up, each for half the period to one and a half, from when it began, in both directions at once. */
START_TEST(flaps_begin_by_being_down)
{
	struct link_config config = { .delay_us = 100, .flap_us = 1000, .flap_from_us = 5000, .flap_seed = 7 };
	struct link down = link_of(&config), up = link_of(&config);
	uint64_t arrival, turns = 0, began_us = 5000, least = UINT64_MAX, most = 0;
	bool lost = true;

	up.seed = down.seed + 1;
	must_forward(&down, 4999, PACKET, 5099);
	for (uint64_t now_us = 5000; now_us < 2005000; now_us++) {
		bool now_lost = link_offer(&down, now_us, PACKET, &arrival) == LINK_LOST;

		if (now_us % 16 == 0) /* the other one is asked less often */
			ck_assert(now_lost == (link_offer(&up, now_us, PACKET, &arrival) == LINK_LOST));
		if (now_lost == lost)
			continue;
		least = now_us - began_us < least ? now_us - began_us : least;
		most = now_us - began_us > most ? now_us - began_us : most;
		began_us = now_us;
		lost = now_lost;
		turns++;
	}
	ck_assert(least >= 500 && least < 520);
	ck_assert(most <= 1500 && most > 1480);
	ck_assert(turns > 1950 && turns < 2050);
	link_deinit(&down);
	link_deinit(&up);
}
END_TEST

/* What is sent at whole seconds gets through half of the time, also where these are a multiple of the flapping's cycle. */
START_TEST(flaps_are_no_clock)
{
	static const uint32_t periods_us[] = { 1000, 10000, 100000, 250000, 500000 };

	for (size_t i = 0; i < sizeof(periods_us) / sizeof(periods_us[0]); i++) {
		struct link_config config = { .flap_us = periods_us[i], .flap_seed = i };
		uint64_t sends = 2000, passed = 0, streak = 0, arrival;
		struct link link = link_of(&config);

		for (uint64_t n = 1; n <= sends; n++) {
			bool forwarded = link_offer(&link, n * 1000000, PACKET, &arrival) == LINK_FORWARD;

			passed += forwarded;
			streak = forwarded ? 0 : streak + 1;
			ck_assert_msg(streak < 32, "%u us", periods_us[i]);
		}
		ck_assert_msg(passed > 850 && passed < 1150, "%u us: %lu of %lu", periods_us[i],
			      (unsigned long)passed, (unsigned long)sends);
		link_deinit(&link);
	}
}
END_TEST

/* Never reorders, whatever the jitter, and whatever happens to delay, rate and jitter in mid-flow. */
START_TEST(order_is_kept)
{
	struct link_config config = {
	    .rate_bps = T1_BPS, .queue_bytes_max = 100000, .delay_us = 15000, .jitter_us = 50000};
	struct link link = link_of(&config);
	uint64_t last_us = 0;
	uint32_t held = 0;

	for (uint64_t n = 0; n < 100000; n++) {
		uint64_t arrival = 0;

		if (n % 1000 == 999) {
			config.delay_us = n % 2000 == 999 ? 0 : 15000;
			config.rate_bps = n % 3000 == 2999 ? 0 : T1_BPS;
			config.jitter_us = n % 5000 == 4999 ? 0 : 50000;
			link_configure(&link, &config);
		}
		if (link_offer(&link, n * 2834, PACKET, &arrival) != LINK_FORWARD)
			continue;
		must_equal(arrival >= last_us, true);
		held += arrival == last_us;
		last_us = arrival;
	}
	ck_assert_uint_gt(held, 0);
	link_deinit(&link);
}
END_TEST

/* Other conditions: what is under way arrives as promised, what comes after waits for it. */
START_TEST(reconfigured_in_mid_flow)
{
	struct link link =
	    link_of(&(struct link_config){.rate_bps = 8000000, .queue_bytes_max = 10000, .delay_us = 500});
	uint64_t arrival = 0;

	must_forward(&link, 0, 1000, 1500);
	must_forward(&link, 0, 1000, 2500);
	link_configure(&link,
		       &(struct link_config){.rate_bps = 800000, .queue_bytes_max = 10000, .delay_us = 500});
	must_forward(&link, 0, 1000, 2000 + 10000 + 500);
	link_configure(
	    &link, &(struct link_config){.rate_bps = 800000, .queue_bytes_max = 10000, .loss_ppm = 1000000});
	ck_assert_int_eq(link_offer(&link, 100, 1000, &arrival), LINK_LOST);
	ck_assert_uint_eq(link.free_us, 22000);
	link_configure(&link, &(struct link_config){.rate_bps = 8000000, .queue_bytes_max = 10000});
	must_forward(&link, 30000, 1000, 31000);
	link_deinit(&link);
}
END_TEST

/* The carried fraction of a microsecond survives a change of rate: two thirds stay two thirds. */
START_TEST(remainder_survives_a_change_of_rate)
{
	struct link link = link_of(&(struct link_config){.rate_bps = 12000000, .queue_bytes_max = 10000});

	must_forward(&link, 0, 1, 0); /* 8 bits at 12 Mb/s: 2/3 us */
	ck_assert_uint_eq(link.remainder, 8000000);
	link_configure(&link, &(struct link_config){.rate_bps = 24000000, .queue_bytes_max = 10000});
	ck_assert_uint_eq(link.remainder, 16000000);
	must_forward(&link, 0, 1, 1); /* and 1/3 us make one */
	ck_assert_uint_eq(link.remainder, 0);
	link_deinit(&link);
}
END_TEST

/* Rate 0: nothing waits, nothing is refused, the transmitter is never busy. */
START_TEST(unlimited_rate)
{
	struct link link = link_of(&(struct link_config){.delay_us = 250});

	for (uint32_t n = 0; n < 100000; n++)
		must_forward(&link, 42, 65535, 292);
	ck_assert_uint_eq(link_backlog_bytes(&link, 42), 0);
	ck_assert_uint_eq(link.busy_us, 0);
	ck_assert_uint_eq(link.queue_drops, 0);
	ck_assert_ptr_null(link.queue);
	link_deinit(&link);
}
END_TEST

/* The ring grows while it has wrapped; the model must not notice. */
START_TEST(long_queue_keeps_its_order)
{
	struct link link = link_of(&(struct link_config){.rate_bps = 8000000, .queue_bytes_max = UINT64_MAX});
	uint64_t offered = 0;

	for (uint64_t now_us = 0; now_us < 2000; now_us += 100)
		for (uint32_t n = 0; n < 15; n++) {
			must_forward(&link, now_us, 10, 10 * ++offered);
			if (10 * offered > now_us + 55)
				ck_assert_uint_eq(link_backlog_bytes(&link, now_us + 55),
						  (10 * offered - now_us - 55 + 9) / 10 * 10);
		}
	for (uint64_t now_us = 2000; now_us <= 3000; now_us++)
		ck_assert_uint_eq(link_backlog_bytes(&link, now_us), (3000 - now_us + 9) / 10 * 10);
	link_deinit(&link);
}
END_TEST

static uint64_t sum_of(const struct link_meter *meter)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < LINK_METER_SLOTS; i++)
		sum += meter->bytes[i];
	return sum;
}

/* What is sent stands where its sending began, what is lost or refused nowhere; nothing is lost as slots widen. */
START_TEST(the_meter_says_what_went_when)
{
	struct link link = link_of(&(struct link_config){.rate_bps = 8000, .queue_bytes_max = 2000});
	uint64_t arrival;

	/* a second each: at 0, 1 and 2 s; the fourth is refused */
	for (int i = 0; i < 4; i++)
		link_offer(&link, 0, 1000, &arrival);
	ck_assert_uint_eq(link.forwarded_packets, 3);
	for (uint32_t i = 0; i < LINK_METER_SLOTS; i++) {
		bool sent = i == 0 || i == 1000000 / LINK_METER_WIDTH_US || i == 2000000 / LINK_METER_WIDTH_US;
		ck_assert_uint_eq(link.meter.bytes[i], sent ? 1000 : 0);
	}
	link_configure(&link, &(struct link_config){.rate_bps = 8000, .loss_ppm = 1000000});
	link_offer(&link, 10000000, 1000, &arrival);
	ck_assert_uint_eq(sum_of(&link.meter), link.forwarded_bytes);

	/* two days later: 172,800 s in 256 slots take 2^14 times 65.536 ms */
	link_configure(&link, &(struct link_config){.rate_bps = 0});
	must_forward(&link, UINT64_C(172800000000), 500, UINT64_C(172800000000));
	ck_assert_uint_eq(link.meter.width_us, UINT64_C(65536) << 14);
	ck_assert_uint_eq(link.meter.bytes[0], 3000);
	ck_assert_uint_eq(link.meter.bytes[UINT64_C(172800000000) / link.meter.width_us], 500);
	ck_assert_uint_eq(sum_of(&link.meter), link.forwarded_bytes);
	link_deinit(&link);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link");
	TCase *tcase = tcase_create("model");

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, million_packets_take_exactly_their_bits);
	tcase_add_test(tcase, lock_step_loses_no_remainder);
	tcase_add_test(tcase, mixed_sizes_sum_up_exactly);
	tcase_add_test(tcase, queue_bound_is_exact);
	tcase_add_test(tcase, queue_of_zero_holds_one_packet);
	tcase_add_test(tcase, refused_is_free_and_lost_is_not);
	tcase_add_test(tcase, loss_is_what_was_asked_for);
	tcase_add_test(tcase, jitter_is_uniform_in_its_bounds);
	tcase_add_test(tcase, flaps_begin_by_being_down);
	tcase_add_test(tcase, flaps_are_no_clock);
	tcase_add_test(tcase, order_is_kept);
	tcase_add_test(tcase, reconfigured_in_mid_flow);
	tcase_add_test(tcase, remainder_survives_a_change_of_rate);
	tcase_add_test(tcase, unlimited_rate);
	tcase_add_test(tcase, long_queue_keeps_its_order);
	tcase_add_test(tcase, the_meter_says_what_went_when);
	return tap_run(suite);
}
