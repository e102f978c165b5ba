/*
 * Virtual time does its sums: what TFTP takes over a link is blocks times the
 * round trip and what both directions need to put a packet on the wire (RFC
 * 1350 is in lock-step), until the link itself is full. These are the bounds
 * that every figure of a capacity plan rests on.
 */
#include <inttypes.h>

#include "tests/sim/sim_fleet.h"
#include "tests/tap.h"

#define T1_BPS UINT64_C(1536000)
#define LAN_US 50 /* one way */
#define PORT_BPS UINT64_C(100000000)
#define PARTS 2 /* files, the index included */
#define SIZES { 652, 400000 }
#define BLOCK_IP_BYTES 544 /* a full block with its IP, UDP and TFTP headers */
#define LAN_FRAME_BYTES 18 /* Ethernet's header and check sequence round an IP packet */

struct sums {
	uint64_t alone_us; /* lock-step without any neighbour */
	uint64_t full_us;  /* the link down busy without a pause */
};

/* Per phone and for all of them, from what crossed the WAN: the bytes are held by tests of their own. */
static struct sums sums_of(const struct sim_fleet *fleet, uint32_t rtt_us)
{
	const struct run_result *result = fleet->result;
	uint64_t phones = fleet->plan->phone_count, blocks = result->tftp_blocks / phones;
	uint64_t down = result->wan_bytes_down, up = result->wan_bytes_up;
	uint64_t lan_bytes = up / phones + LAN_FRAME_BYTES * blocks; /* the router's port is not a phone's */

	return (struct sums){
		.alone_us = blocks * (rtt_us + 2 * LAN_US) + (up + down) / phones * 8000000 / T1_BPS +
			    lan_bytes * 8000000 / PORT_BPS,
		.full_us = down * 8000000 / T1_BPS,
	};
}

static void run(struct sim_fleet *fleet, uint32_t phones, uint32_t rtt_us)
{
	sim_fleet_run(&(struct sim_fleet_spec){ .phones = phones,
						.traditional = true,
						.seed = 11,
						.files = PARTS,
						.sizes = SIZES,
						.wan_bps = T1_BPS,
						.wan_delay_us = rtt_us / 2,
						.wan_queue_bytes = (uint64_t)phones * BLOCK_IP_BYTES,
						.lan_delay_us = LAN_US,
						.port_bps = PORT_BPS },
		      fleet);
	ck_assert_int_eq(fleet->error, 0);
	ck_assert_uint_eq(fleet->result->upgraded, phones);
	ck_assert_uint_eq(fleet->result->tftp_retransmits, 0);
	ck_assert_uint_eq(fleet->result->client_retransmits, 0);
}

static void ck_near(uint64_t is_us, uint64_t should_us, uint64_t per_mille)
{
	uint64_t apart_us = is_us > should_us ? is_us - should_us : should_us - is_us;

	ck_assert_msg(apart_us * 1000 <= should_us * per_mille,
		      "%" PRIu64 " us, the sums say %" PRIu64 " us", is_us, should_us);
}

/* Lock-step of one phone: within 0.1 %. */
START_TEST(one_phone_pays_the_round_trip_for_each_block)
{
	static const uint32_t rtts_us[] = { 20000, 50000, 100000, 150000 };
	struct sim_fleet fleet;

	run(&fleet, 1, rtts_us[_i]);
	ck_near(fleet.result->duration_us, sums_of(&fleet, rtts_us[_i]).alone_us, 1);
	sim_fleet_done(&fleet);
}
END_TEST

/* One phone leaves the T1 idle, 54 and 200 fill it; a queue that holds a block of each loses nothing: within 2 %. */
START_TEST(a_t1_is_full_with_enough_phones)
{
	static const uint32_t counts[] = { 1, 54, 200 };
	struct sim_fleet fleet;
	struct sums sums;

	run(&fleet, counts[_i], 30000);
	sums = sums_of(&fleet, 30000);
	ck_assert_int_eq(sums.full_us > sums.alone_us, counts[_i] > 1);
	ck_near(fleet.result->duration_us, sums.full_us > sums.alone_us ? sums.full_us : sums.alone_us, 20);
	sim_fleet_done(&fleet);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arithmetic");
	TCase *sums = tcase_create("sums");

	tcase_add_loop_test(sums, one_phone_pays_the_round_trip_for_each_block, 0, 4);
	tcase_add_loop_test(sums, a_t1_is_full_with_enough_phones, 0, 3);
	suite_add_tcase(suite, sums);
	return tap_run(suite);
}
