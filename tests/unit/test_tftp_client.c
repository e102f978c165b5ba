/*
 * The TFTP client: RFC 1350 in lock-step, the options of RFC 2347 to 2349, its
 * time-outs, and what it makes of each error. The phone takes no part in PFS
 * here, so that there is nothing but the transfer.
 */
#include <string.h>

#include "pfs-core/core.h"
#include "tests/tap.h"
#include "tests/unit/phone_harness.h"

static struct rig rig;

static void set_up(void)
{
	rig_init(&rig);
	rig.config.part = PFS_PART_MODE;
	rig.config.file_count = 1;
	rig.config.files[0].size = 2000;
	rig_again(&rig);
}

static void tear_down(void)
{
	rig_deinit(&rig);
}

static void must_be(const char *state)
{
	ck_assert_str_eq(pfs_state_name(rig.phone.state), state);
}

static void packet(uint16_t port, const uint8_t *bytes, uint32_t length, uint32_t available)
{
	rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TFTP, .address = RIG_SERVER, .port = port, .data = bytes,
					   .length = length, .available = available });
}

static void data(uint16_t port, uint32_t block, uint32_t length)
{
	uint8_t bytes[4] = { 0, 3, (uint8_t)(block >> 8), (uint8_t)block };

	packet(port, bytes, 4 + length, 4);
}

static void error(uint16_t port, uint16_t code)
{
	uint8_t bytes[5] = { 0, 5, (uint8_t)(code >> 8), (uint8_t)code, 0 };

	packet(port, bytes, sizeof(bytes), sizeof(bytes));
}

static const struct pfs_action *last_sent(void)
{
	uint32_t count = rig_count(&rig, PFS_ACT_TFTP_SEND);

	ck_assert_uint_gt(count, 0);
	return &rig_find(&rig, PFS_ACT_TFTP_SEND, count - 1)->action;
}

static void must_ack(uint32_t block)
{
	const struct pfs_action *sent = last_sent();

	ck_assert_uint_eq(sent->length, 4);
	ck_assert_uint_eq(sent->bytes[1], 4);
	ck_assert_uint_eq((uint32_t)sent->bytes[2] << 8 | sent->bytes[3], block & 0xffff);
}

/* One request, one ACK a block, one block a round trip; files of every length modulo the block. */
START_TEST(lock_step)
{
	static const uint32_t sizes[] = { 0, 1, 511, 512, 513, 1024, 5000 };
	uint32_t blocks = sizes[_i] / 512 + 1;

	rig.config.files[0].size = sizes[_i];
	rig_again(&rig);
	rig_start(&rig);
	ck_assert_str_eq((const char *)last_sent()->bytes + 2, rig.config.files[0].name);
	ck_assert_uint_eq(last_sent()->length, 2 + strlen(rig.config.files[0].name) + 1 + 6); /* no option */
	rig_advance(&rig, blocks * rig.server.rtt_us - 1);
	must_be("tftp");
	rig_advance(&rig, 1);
	ck_assert_uint_eq(rig.phone.upgraded, 1);
	ck_assert_uint_eq(rig.server.requests, 1);
	ck_assert_uint_eq(rig.server.acks, blocks);
	ck_assert_uint_eq(rig.server.data, blocks);
	ck_assert_uint_eq(rig.taken[0], sizes[_i]);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_DONE, 0)->c, sizes[_i]);
	ck_assert(!rig.tftp_open); /* rebooted: nothing stays open */
}
END_TEST

/* Block numbers wrap past 65,535; the payload stays outside. */
START_TEST(block_numbers_wrap)
{
	const uint32_t blocks = 65540;

	rig.config.files[0].size = blocks * 512u - 12;
	rig.server.answers = false;
	rig_again(&rig);
	rig_start(&rig);
	for (uint32_t i = 1; i <= blocks; i++) {
		rig.count = rig.mark = 0;
		data(RIG_SERVER_PORT, i & 0xffff, i == blocks ? 500 : 512);
		must_ack(i);
		if (i == 65536) { /* block 0: a duplicate of it too */
			rig_mark(&rig);
			data(RIG_SERVER_PORT, 0, 512);
			must_ack(0);
			ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TAKE), 0);
		}
	}
	ck_assert_uint_eq(rig.taken[0], rig.config.files[0].size);
	must_be("verifying");
}
END_TEST

/* A duplicate is acknowledged again, once, and nothing more; older ones not at all. Traffic never doubles. */
START_TEST(duplicates_never_double)
{
	rig.server.duplicates = 1 + (uint32_t)_i;
	rig.server.rtt_us = 20000;
	rig_start(&rig);
	rig_advance(&rig, 300 * PFS_MS);
	ck_assert_uint_eq(rig.phone.upgraded, 1);
	ck_assert_uint_eq(rig.server.data, 4);
	ck_assert_uint_eq(rig.server.requests, 1);
	ck_assert_uint_eq(rig.server.errors, 0);
	/* One ACK for each packet that came, but for those after the last one was verified and the socket closed. */
	ck_assert_uint_le(rig.server.acks, 4 * (rig.server.duplicates + 1));
	ck_assert_uint_ge(rig.server.acks, 3 * (rig.server.duplicates + 1) + 1);
}
END_TEST

START_TEST(old_and_future_blocks_are_dropped)
{
	rig.server.answers = false;
	rig_start(&rig);
	data(RIG_SERVER_PORT, 1, 512);
	data(RIG_SERVER_PORT, 2, 512);
	rig_mark(&rig);
	data(RIG_SERVER_PORT, 1, 512);
	data(RIG_SERVER_PORT, 4, 512);
	data(RIG_SERVER_PORT, 0, 512);
	data(RIG_SERVER_PORT, 3, 513);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TFTP_SEND) + rig_count(&rig, PFS_ACT_TAKE), 0);
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_BLOCK], 4);
	data(RIG_SERVER_PORT, 3, 512);
	must_ack(3);
}
END_TEST

/* A packet to the old socket's port, before the first right one, does not choose the transfer's TID. */
START_TEST(only_the_first_block_chooses_the_tid)
{
	rig.server.answers = false;
	rig_start(&rig);
	data(4711, 9, 512);
	rig_mark(&rig);
	data(RIG_SERVER_PORT, 1, 512);
	must_ack(1);
	ck_assert_uint_eq(last_sent()->port, RIG_SERVER_PORT);
}
END_TEST

/* RFC 1350 section 4: a stray TID is told ERROR 5; the transfer goes on. Other addresses are told nothing. */
START_TEST(stray_tids_are_told_off)
{
	uint8_t bytes[4] = { 0, 3, 0, 2 };

	rig.server.answers = false;
	rig_start(&rig);
	data(RIG_SERVER_PORT, 1, 512);
	rig_mark(&rig);
	data(RIG_SERVER_PORT + 7, 2, 512);
	ck_assert_uint_eq(last_sent()->bytes[1], 5);
	ck_assert_uint_eq(last_sent()->bytes[3], 5);
	ck_assert_uint_eq(last_sent()->port, RIG_SERVER_PORT + 7);
	error(RIG_SERVER_PORT + 7, 1); /* and never an error for an error */
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TFTP_SEND), 1);
	rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TFTP, .address = PEER(9), .port = RIG_SERVER_PORT,
					   .data = bytes, .length = 4, .available = 4 });
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TFTP_SEND), 1);
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_TID], 3);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TAKE), 0);
	data(RIG_SERVER_PORT, 2, 512);
	must_ack(2);
	must_be("tftp");
}
END_TEST

/* Waits double from the first on, are bounded, and end the attempt after PFS_TFTP_SILENT_MAX in a row. */
START_TEST(backoff_doubles_and_is_bounded)
{
	uint64_t last_us = 0, wait_us = PFS_TFTP_RTO_US;

	rig.server.answers = false;
	rig_start(&rig);
	rig_until(&rig, PFS_ST_TFTP_WAITING, 200 * PFS_S);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_TFTP_RETRANSMIT), PFS_TFTP_REQUEST_MAX);
	for (uint32_t i = 0; i < PFS_TFTP_REQUEST_MAX; i++) {
		ck_assert_uint_eq(rig_trace_at(&rig, PFS_TR_TFTP_RETRANSMIT, i) - last_us, wait_us);
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_RETRANSMIT, i)->b, 1);
		last_us = rig_trace_at(&rig, PFS_TR_TFTP_RETRANSMIT, i);
		wait_us = 2 * wait_us > PFS_TFTP_RTO_MAX_US ? PFS_TFTP_RTO_MAX_US : 2 * wait_us;
	}
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_ERROR, 0)->a, 256);
}
END_TEST

/* Silence through all attempts ends in a failure, within the sum of all waits; so does ICMP refusal. */
START_TEST(silence_ends)
{
	uint64_t bound_us = 0;
	/* 2, 4 and 8 s, then 16 s each: nine waits an attempt. */
	const uint64_t attempt_us = 14 * PFS_S + (PFS_TFTP_SILENT_MAX - 2) * PFS_TFTP_RTO_MAX_US;

	rig.server.answers = false;
	for (uint32_t i = 0; i < PFS_TFTP_ATTEMPTS; i++) {
		uint64_t wait_us = PFS_TFTP_WAIT_US << i;

		bound_us += attempt_us;
		bound_us += 2 * (wait_us < PFS_TFTP_WAIT_MAX_US ? wait_us : PFS_TFTP_WAIT_MAX_US);
	}
	rig_start(&rig);
	while (rig.phone.state != PFS_ST_FAILED && rig.now_us < bound_us) {
		if (_i && rig.phone.state == PFS_ST_TFTP)
			rig_step(&rig, (struct pfs_event){ .kind = PFS_EV_TFTP_REFUSED });
		rig_advance(&rig, PFS_S);
	}
	must_be("failed");
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FAILED, 0)->a, PFS_FAIL_SERVER_SILENT);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_TFTP_BEGUN), PFS_TFTP_ATTEMPTS);
	ck_assert(!rig.tftp_open);
	ck_assert_uint_eq(pfs_deadline(&rig.phone), PFS_TIME_NEVER);
}
END_TEST

/* A lost request, a lost block: asked again, and the transfer goes on. */
START_TEST(losses_are_mended)
{
	rig.server.requests_dropped = _i == 0;
	rig.server.data_dropped = _i == 1 ? 2 : 0;
	rig_start(&rig);
	rig_advance(&rig, 30 * PFS_S);
	ck_assert_uint_eq(rig.phone.upgraded, 1);
	ck_assert_uint_ge(rig_traces(&rig, PFS_TR_TFTP_RETRANSMIT), 1);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_TFTP_BEGUN), 1);
	ck_assert_uint_eq(rig.taken[0], 2000);
}
END_TEST

/* The time-out follows the round trip, not below its least. A sample of what was asked twice is none (Karn). */
START_TEST(timeouts_follow_the_round_trip)
{
	rig.server.answers = false;
	rig.now_us = PFS_S;
	rig_start(&rig);
	rig_advance(&rig, 1500 * PFS_MS);
	data(RIG_SERVER_PORT, 1, 512);
	ck_assert_uint_eq(rig.phone.tftp.srtt_us, 1500 * PFS_MS);
	ck_assert_uint_eq(rig.phone.tftp.rto_us, 4500 * PFS_MS);
	rig_advance(&rig, 4500 * PFS_MS);
	ck_assert_uint_eq(rig_traces(&rig, PFS_TR_TFTP_RETRANSMIT), 1);
	data(RIG_SERVER_PORT, 2, 512);
	ck_assert_uint_eq(rig.phone.tftp.srtt_us, 1500 * PFS_MS);
	for (uint32_t i = 3; i < 60; i++) {
		rig.count = rig.mark = 0;
		rig.phone.received = 0; /* an endless file */
		rig.taken[0] = 0;
		rig_advance(&rig, 10 * PFS_MS);
		data(RIG_SERVER_PORT, i, 512);
	}
	ck_assert_uint_eq(rig.phone.tftp.rto_us, PFS_TFTP_RTO_MIN_US);
}
END_TEST

static bool asks(const struct pfs_action *request, const char *option)
{
	for (uint32_t i = 2; i + strlen(option) < request->length; i++)
		if (!memcmp(request->bytes + i, option, strlen(option) + 1))
			return true;
	return false;
}

/* RFC 2347 to 2349: what is asked, confirmed, and used. */
START_TEST(options_are_agreed)
{
	rig.config.tftp_blksize = 1400;
	rig.config.tftp_tsize = 1;
	rig.config.tftp_timeout_s = 3;
	rig.server.options = true;
	rig_again(&rig);
	rig_start(&rig);
	ck_assert(asks(last_sent(), "blksize") && asks(last_sent(), "1400"));
	ck_assert(asks(last_sent(), "tsize") && asks(last_sent(), "0"));
	ck_assert(asks(last_sent(), "timeout") && asks(last_sent(), "3"));
	rig_advance(&rig, PFS_S);
	ck_assert_uint_eq(rig.phone.upgraded, 1);
	ck_assert_uint_eq(rig.server.acks, 3); /* block 0, 1, 2 */
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_OPTIONS, 0)->a, 1400);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_OPTIONS, 0)->c, 2000);
}
END_TEST

/* A server that knows no options answers with block 1 and 512 bytes; one that refuses them (ERROR 8) is asked without. */
START_TEST(options_may_be_ignored_or_refused)
{
	rig.config.tftp_blksize = 1400;
	rig.server.rejects_options = _i;
	rig_again(&rig);
	rig_start(&rig);
	rig_advance(&rig, PFS_S);
	ck_assert_uint_eq(rig.phone.upgraded, 1);
	ck_assert_uint_eq(rig.server.data, 4);
	ck_assert_uint_eq(rig.server.requests, 1 + (uint32_t)_i);
}
END_TEST

/* An OACK that is none of what was asked: ERROR 8, and another attempt without options. */
START_TEST(wrong_options_are_refused)
{
#define PAIR(text) { sizeof(text), text } /* with the last NUL */
	static const struct { uint32_t length; const char *text; } wrong[] = {
		PAIR("blksize\0" "1401"), PAIR("blksize\0" "7"), PAIR("blksize\0x"), PAIR("blksize\0"),
		PAIR("blksize\0" "99999999999"), { 7, "blksize" }, { 8, "tsize\0" "20" }, PAIR("\0" "12"),
		PAIR("windowsize\0" "4"), PAIR("timeout\0" "3"), PAIR("timeout\0" "0"),
	};
	uint8_t bytes[64] = { 0, 6 };

	rig.config.tftp_blksize = 1400;
	rig.server.answers = false;
	rig_again(&rig);
	rig_start(&rig);
	rig_mark(&rig);
	memcpy(bytes + 2, wrong[_i].text, wrong[_i].length);
	packet(RIG_SERVER_PORT, bytes, 2 + wrong[_i].length, 2 + wrong[_i].length);
	ck_assert_uint_eq(last_sent()->bytes[1], 5);
	ck_assert_uint_eq(last_sent()->bytes[3], 8);
	must_be("tftp-waiting");
	rig_mark(&rig);
	rig_until(&rig, PFS_ST_TFTP, 10 * PFS_S);
	ck_assert(!asks(last_sent(), "blksize"));
}
END_TEST

/* Without options asked, an OACK is not expected: dropped, and the transfer goes on. */
START_TEST(unasked_options_are_dropped)
{
	uint8_t bytes[] = { 0, 6, 'b', 'l', 'k', 's', 'i', 'z', 'e', 0, '8', 0 };

	rig.server.answers = false;
	rig_start(&rig);
	rig_mark(&rig);
	packet(RIG_SERVER_PORT, bytes, sizeof(bytes), sizeof(bytes));
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_STATE], 1);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TFTP_SEND), 0);
	data(RIG_SERVER_PORT, 1, 512);
	must_ack(1);
}
END_TEST

/* The ACK of an OACK may be lost as well. */
START_TEST(repeated_options_are_acknowledged)
{
	uint8_t bytes[] = { 0, 6, 'B', 'l', 'k', 'S', 'i', 'z', 'e', 0, '9', '0', '0', 0 };

	rig.config.tftp_blksize = 1400;
	rig.server.answers = false;
	rig_again(&rig);
	rig_start(&rig);
	for (uint32_t i = 0; i < 2; i++) {
		rig_mark(&rig);
		packet(RIG_SERVER_PORT, bytes, sizeof(bytes), sizeof(bytes));
		must_ack(0);
	}
	rig_mark(&rig);
	data(RIG_SERVER_PORT, 0, 512); /* there is no block 0 to repeat */
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TFTP_SEND), 0);
	data(RIG_SERVER_PORT, 1, 900);
	must_ack(1);
	ck_assert_uint_eq(rig.taken[0], 900);
}
END_TEST

/* Each error code's outcome: final, come again, or another attempt. */
START_TEST(each_error_has_its_outcome)
{
	static const struct { uint16_t code; const char *state; enum pfs_failure failure; } cases[] = {
		{ 0, "tftp-waiting", PFS_FAIL_NONE },   { 1, "failed", PFS_FAIL_SERVER_NOT_FOUND },
		{ 2, "failed", PFS_FAIL_SERVER_DENIED }, { 3, "tftp-waiting", PFS_FAIL_NONE },
		{ 4, "failed", PFS_FAIL_SERVER_DENIED }, { 5, "tftp-waiting", PFS_FAIL_NONE },
		{ 6, "failed", PFS_FAIL_SERVER_DENIED }, { 7, "failed", PFS_FAIL_SERVER_DENIED },
		{ 8, "failed", PFS_FAIL_SERVER_DENIED }, { 9, "failed", PFS_FAIL_SERVER_DENIED },
		{ 65535, "failed", PFS_FAIL_SERVER_DENIED },
	};

	rig.server.error_sent = true;
	rig.server.error = cases[_i].code;
	rig_start(&rig);
	rig_advance(&rig, PFS_S);
	must_be(cases[_i].state);
	ck_assert_uint_eq(rig.phone.failure, cases[_i].failure);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_ERROR, 0)->a, cases[_i].code);
	ck_assert_uint_eq(rig.server.requests, 1);
	ck_assert(!rig.tftp_open);
}
END_TEST

/* Rejections at the serving limit: it comes again each 5 to 15 s, for a day at most. */
START_TEST(busy_servers_are_asked_for_a_day)
{
	const uint64_t begun_us = PFS_BUSY_LIMIT_US / 2;

	rig.server.error_sent = true;
	rig.now_us = begun_us;
	rig_start(&rig);
	while (rig.phone.state != PFS_ST_FAILED && rig.now_us < begun_us + 2 * PFS_BUSY_LIMIT_US) {
		rig.count = rig.mark = 0;
		rig_advance(&rig, 60 * PFS_S);
	}
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FAILED, 0)->a, PFS_FAIL_SERVER_BUSY);
	ck_assert_uint_ge(rig.now_us, begun_us + PFS_BUSY_LIMIT_US);
	ck_assert_uint_ge(rig.server.requests, PFS_BUSY_LIMIT_US / (PFS_TFTP_BUSY_MIN_US + PFS_TFTP_BUSY_SPREAD_US + PFS_S));
	ck_assert_uint_le(rig.server.requests, PFS_BUSY_LIMIT_US / PFS_TFTP_BUSY_MIN_US);
}
END_TEST

/* An error in the middle of the file is no rejection: attempts are counted, and it ends. */
START_TEST(errors_in_mid_file_end)
{
	rig.server.error = (uint16_t)_i;
	rig.server.error_block = 3;
	rig_start(&rig);
	rig_advance(&rig, 10 * 3600 * PFS_S);
	must_be("failed");
	ck_assert_uint_le(rig.server.requests, PFS_TFTP_BROKEN_MAX);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DISCARD), rig.server.requests);
}
END_TEST

/* ERROR 8 in mid-file begins anew, with nothing of the old attempt left. */
START_TEST(option_errors_in_mid_file_discard)
{
	rig.config.tftp_blksize = 1400;
	rig.server.error = 8;
	rig.server.error_block = 3;
	rig_again(&rig);
	rig_start(&rig);
	rig_advance(&rig, 65 * PFS_MS);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DISCARD), 1);
	rig.server.error_block = 0;
	rig_advance(&rig, PFS_S);
	ck_assert_uint_eq(rig.phone.upgraded, 1);
}
END_TEST

/* A file of another size than the manifest's is refused, three times, and is damage. */
START_TEST(wrong_sizes_are_damage)
{
	static const int64_t off[] = { 1, -1, 48, 512, -2000, -464, 1 };

	rig.server.size_off = off[_i];
	if (_i == 6) { /* seen before the first block */
		rig.config.tftp_tsize = 1;
		rig.server.options = true;
		rig_again(&rig);
	}
	rig_start(&rig);
	rig_advance(&rig, 60 * PFS_S);
	must_be("failed");
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FAILED, 0)->a, PFS_FAIL_DAMAGED);
	ck_assert_uint_eq(rig_trace(&rig, PFS_TR_TFTP_ERROR, 0)->a, 258);
	ck_assert_uint_eq(rig.server.requests, PFS_TFTP_DAMAGED_MAX);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_VERIFY), 0);
	if (_i == 6)
		ck_assert_uint_eq(rig.server.data, 0);
}
END_TEST

/* A file that fails verification is fetched again, three times in all. */
START_TEST(damage_is_fetched_again)
{
	rig.verify_bad = (uint32_t)_i;
	rig_start(&rig);
	rig_advance(&rig, 30 * PFS_S);
	ck_assert_uint_eq(rig.phone.upgraded, _i < PFS_TFTP_DAMAGED_MAX);
	if (_i == PFS_TFTP_DAMAGED_MAX)
		ck_assert_uint_eq(rig_trace(&rig, PFS_TR_FAILED, 0)->a, PFS_FAIL_DAMAGED);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_DISCARD), _i);
}
END_TEST

/* After the last block the socket stays a while: its ACK may be what was lost. */
START_TEST(the_last_ack_is_repeated)
{
	rig.verify_holds = true;
	rig.server.answers = false;
	rig_start(&rig);
	for (uint32_t i = 1; i <= 4; i++)
		data(RIG_SERVER_PORT, i, i == 4 ? 2000 - 3 * 512 : 512);
	must_be("verifying");
	rig_mark(&rig);
	data(RIG_SERVER_PORT, 4, 2000 - 3 * 512);
	must_ack(4);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TAKE), 0);
	rig_advance(&rig, 60 * PFS_S);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TFTP_CLOSE), 1);
	must_be("verifying");
}
END_TEST

/* Packets too short, of no type for a client, or after the end. */
START_TEST(garbage_is_counted)
{
	uint8_t bytes[8] = { 0, 1, 0, 1 };

	rig.server.answers = false;
	rig_start(&rig);
	rig_mark(&rig);
	for (uint32_t i = 0; i < 4; i++)
		packet(RIG_SERVER_PORT, bytes, i, i);
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_SHORT], 4);
	for (uint32_t i = 0; i < 256; i++) {
		bytes[1] = (uint8_t)i;
		if (i != 3 && i != 5 && i != 6)
			packet(RIG_SERVER_PORT, bytes, 4, 4);
	}
	ck_assert_uint_eq(rig.phone.dropped[PFS_DROP_TYPE], 253);
	ck_assert_uint_eq(rig_count(&rig, PFS_ACT_TFTP_SEND), 0);
	must_be("tftp");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tftp client");
	TCase *tcase = tcase_create("tftp client");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, lock_step, 0, 7);
	tcase_add_test(tcase, block_numbers_wrap);
	tcase_add_loop_test(tcase, duplicates_never_double, 0, 3);
	tcase_add_test(tcase, old_and_future_blocks_are_dropped);
	tcase_add_test(tcase, only_the_first_block_chooses_the_tid);
	tcase_add_test(tcase, stray_tids_are_told_off);
	tcase_add_test(tcase, backoff_doubles_and_is_bounded);
	tcase_add_loop_test(tcase, silence_ends, 0, 2);
	tcase_add_loop_test(tcase, losses_are_mended, 0, 2);
	tcase_add_test(tcase, timeouts_follow_the_round_trip);
	tcase_add_test(tcase, options_are_agreed);
	tcase_add_loop_test(tcase, options_may_be_ignored_or_refused, 0, 2);
	tcase_add_loop_test(tcase, wrong_options_are_refused, 0, 11);
	tcase_add_test(tcase, unasked_options_are_dropped);
	tcase_add_test(tcase, repeated_options_are_acknowledged);
	tcase_add_loop_test(tcase, each_error_has_its_outcome, 0, 11);
	tcase_add_test(tcase, busy_servers_are_asked_for_a_day);
	tcase_add_loop_test(tcase, errors_in_mid_file_end, 0, 6);
	tcase_add_test(tcase, option_errors_in_mid_file_discard);
	tcase_add_loop_test(tcase, wrong_sizes_are_damage, 0, 7);
	tcase_add_loop_test(tcase, damage_is_fetched_again, 0, PFS_TFTP_DAMAGED_MAX + 1);
	tcase_add_test(tcase, the_last_ack_is_repeated);
	tcase_add_test(tcase, garbage_is_counted);
	suite_add_tcase(suite, tcase);

	return tap_run(suite);
}
