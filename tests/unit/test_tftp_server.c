/*
 * The TFTP server of headquarters, rule by rule of RFC 1350, 2347, 2348 and
 * 2349, and counter by counter: the summary's figures are these counters.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/hq/tftp_server.h"
#include "tests/tap.h"

#define CLIENT 0x0a000001
#define PORT 2000
#define SECOND UINT64_C(1000000)
#define LONG_SIZE (65537u * 512 + 100)

enum { EMPTY, SHORT, BLOCK, LONGER, TWO, LONG, FILES };

static uint8_t *content;
static struct tftp_server *server;
static struct tftp_output out;

static struct tftp_server *server_of(uint32_t serving_max, uint16_t blksize_max)
{
	const struct tftp_file files[FILES] = {
		[EMPTY] = { "empty", content, 0 },    [SHORT] = { "short", content, 511 },
		[BLOCK] = { "block", content, 512 },  [LONGER] = { "longer", content, 513 },
		[TWO] = { "dir/Two", content, 1024 }, [LONG] = { "long", content, LONG_SIZE },
	};
	const struct tftp_server_config config = {
		.serving_max = serving_max,
		.retries_max = 3,
		.timeout_us = SECOND,
		.timeout_max_us = 4 * SECOND,
		.blksize_max = blksize_max,
	};

	return tftp_server_new(&config, files, FILES);
}

static void setup(void)
{
	content = malloc(LONG_SIZE);
	for (size_t i = 0; i < LONG_SIZE; i++)
		content[i] = (uint8_t)(i * 2654435761u >> 13);
	server = server_of(4, 0);
	ck_assert_ptr_nonnull(server);
}

static void teardown(void)
{
	tftp_server_free(server);
	free(content);
}

static const struct tftp_server_counters *count(void)
{
	return tftp_server_counters(server);
}

/* Text with "|" for NUL after an opcode. */
static size_t packet_of(uint8_t *packet, uint16_t opcode, const char *text)
{
	size_t length = strlen(text);

	packet[0] = (uint8_t)(opcode >> 8);
	packet[1] = (uint8_t)opcode;
	for (size_t i = 0; i < length; i++)
		packet[2 + i] = text[i] == '|' ? 0 : (uint8_t)text[i];
	return 2 + length;
}

static void request_from(uint16_t port, uint64_t now_us, uint16_t opcode, const char *text)
{
	uint8_t packet[1024];
	size_t length = packet_of(packet, opcode, text);

	memset(&out, 0xa5, sizeof(out));
	tftp_server_request(server, now_us, CLIENT, port, packet, length, &out);
}

static void read_from(uint16_t port, const char *text)
{
	request_from(port, 0, 1, text);
}

static void packet_from(uint16_t port, uint64_t now_us, uint32_t transfer, uint16_t opcode, uint16_t number)
{
	const uint8_t packet[4] = { (uint8_t)(opcode >> 8), (uint8_t)opcode, (uint8_t)(number >> 8),
				    (uint8_t)number };

	memset(&out, 0xa5, sizeof(out));
	tftp_server_packet(server, now_us, transfer, CLIENT, port, packet, 4, &out);
}

static void ack(uint32_t transfer, uint16_t block)
{
	packet_from(PORT, 0, transfer, 4, block);
}

static void must_send_nothing(void)
{
	ck_assert_uint_eq(out.send, 0);
	ck_assert_uint_eq(out.started, 0);
}

static void must_be_error(uint16_t code, const char *text)
{
	ck_assert_uint_eq(out.send, 1);
	ck_assert_uint_eq(out.started, 0);
	ck_assert_uint_eq(out.header[0] << 8 | out.header[1], 5);
	ck_assert_uint_eq(out.header[2] << 8 | out.header[3], code);
	ck_assert_uint_eq(out.payload_length, 0);
	ck_assert_uint_eq(out.file, UINT32_MAX);
	ck_assert_uint_eq(out.header[out.header_length - 1], 0);
	ck_assert_uint_eq(strlen((char *)out.header + 4) + 5, out.header_length);
	if (text)
		ck_assert_str_eq((char *)out.header + 4, text);
}

static void must_be_data(uint16_t block, uint32_t file, uint64_t offset, uint32_t length)
{
	ck_assert_uint_eq(out.send, 1);
	ck_assert_uint_eq(out.ended, 0);
	ck_assert_uint_eq(out.header_length, 4);
	ck_assert_uint_eq(out.header[0] << 8 | out.header[1], 3);
	ck_assert_uint_eq(out.header[2] << 8 | out.header[3], block);
	ck_assert_uint_eq(out.file, file);
	ck_assert_uint_eq(out.offset, offset);
	ck_assert_uint_eq(out.payload_length, length);
	if (length)
		ck_assert_ptr_eq(out.payload, content + offset);
}

static void must_be_oack(const char *text)
{
	uint8_t packet[512];
	size_t length = packet_of(packet, 6, text);

	ck_assert_uint_eq(out.send, 1);
	ck_assert_uint_eq(out.ended, 0);
	ck_assert_uint_eq(out.header_length, length);
	ck_assert_mem_eq(out.header, packet, length);
	ck_assert_uint_eq(out.payload_length, 0);
}

static void must_have_ended(void)
{
	ck_assert_uint_eq(out.send, 0);
	ck_assert_uint_eq(out.ended, 1);
}

/* RFC 1350 sections 2 and 6: blocks of 512, the last one shorter, be it empty. */
START_TEST(sizes_around_a_block)
{
	static const struct {
		const char *name;
		uint32_t file, size;
	} cases[] = {
		{ "empty|octet|", EMPTY, 0 },    { "short|octet|", SHORT, 511 },
		{ "block|octet|", BLOCK, 512 },  { "longer|octet|", LONGER, 513 },
		{ "dir/Two|octet|", TWO, 1024 },
	};
	uint64_t blocks = 0, bytes = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t block = 0;
		uint32_t left = cases[i].size;

		read_from(PORT, cases[i].name);
		ck_assert_uint_eq(out.started, 1);
		for (;;) {
			uint32_t length = left < 512 ? left : 512;

			block++;
			must_be_data(block, cases[i].file, 512 * (block - 1u), length);
			ck_assert_uint_eq(out.transfer, 0);
			ck_assert_uint_eq(out.address, CLIENT);
			ck_assert_uint_eq(out.port, PORT);
			ck_assert_uint_eq(out.retransmit, 0);
			left -= length;
			blocks++;
			bytes += length;
			ack(0, block);
			if (length < 512)
				break;
		}
		must_have_ended();
		ck_assert_uint_eq(count()->completed, i + 1);
		ck_assert_uint_eq(count()->started, i + 1);
		ck_assert_uint_eq(count()->serving, 0);
		ck_assert_uint_eq(tftp_server_deadline(server), UINT64_MAX);
	}
	ck_assert_uint_eq(count()->blocks, blocks);
	ck_assert_uint_eq(count()->payload_bytes, bytes);
	ck_assert_uint_eq(count()->serving_peak, 1);
	ck_assert_uint_eq(count()->retransmits + count()->duplicates + count()->malformed, 0);
}
END_TEST

/* Past 65,535 blocks the number wraps to 0, and the offset does not. */
START_TEST(block_number_wraps)
{
	read_from(PORT, "long|octet|");
	for (uint64_t block = 1; block <= 65538; block++) {
		/* Each block is checked, with Check's slow assertions only where they matter. */
		if (block < 3 || block > 65530)
			must_be_data((uint16_t)block, LONG, (block - 1) * 512, block == 65538 ? 100 : 512);
		else if (out.offset != (block - 1) * 512 ||
			 (out.header[2] << 8 | out.header[3]) != (uint16_t)block)
			ck_abort_msg("block %llu is wrong", (unsigned long long)block);
		if (block == 65537) {
			ack(0, 0); /* the block before: seen, though its number is smaller */
			must_send_nothing();
			ck_assert_uint_eq(count()->duplicate_acks, 1);
			ack(0, 65535);
			must_send_nothing();
			ck_assert_uint_eq(count()->duplicate_acks, 2);
		}
		ack(0, (uint16_t)block);
	}
	must_have_ended();
	ck_assert_uint_eq(count()->blocks, 65538);
	ck_assert_uint_eq(count()->payload_bytes, LONG_SIZE);
}
END_TEST

/* RFC 1123 section 4.2.3.1: a duplicate ACK never makes it send again. */
START_TEST(sorcerers_apprentice)
{
	read_from(PORT, "dir/Two|octet|");
	ack(0, 1);
	must_be_data(2, TWO, 512, 512);
	for (int i = 0; i < 10; i++) {
		ack(0, 1);
		must_send_nothing();
		ck_assert_uint_eq(out.ended, 0);
	}
	ck_assert_uint_eq(count()->duplicate_acks, 10);
	ck_assert_uint_eq(count()->blocks, 2);
	ck_assert_uint_eq(tftp_server_deadline(server), SECOND);
	ack(0, 2);
	must_be_data(3, TWO, 1024, 0);
}
END_TEST

/* An ACK of a block that was never sent is not believed. */
START_TEST(ack_of_the_future)
{
	read_from(PORT, "dir/Two|octet|");
	ack(0, 2);
	must_send_nothing();
	ack(0, 65535);
	must_send_nothing();
	ck_assert_uint_eq(count()->malformed, 2);
	ck_assert_uint_eq(count()->duplicate_acks, 0);
	ck_assert_uint_eq(count()->serving, 1);
	ack(0, 1);
	must_be_data(2, TWO, 512, 512);
}
END_TEST

/* RFC 1350 section 5: names are looked up as they are; no way out of the set. */
START_TEST(names)
{
	static const char *const missing[] = {
		"none|octet|",    "Short|octet|", "../short|octet|", "dir/../short|octet|",
		"|octet|",        "/|octet|",     "two|octet|",      "dir/Two/|octet|",
		"short..|octet|", "sho|octet|",   "shorter|octet|",
	};

	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
		read_from(PORT, missing[i]);
		must_be_error(1, "file not found");
		ck_assert_uint_eq(out.transfer, TFTP_NO_TRANSFER);
		ck_assert_uint_eq(count()->not_found, i + 1);
	}
	ck_assert_uint_eq(count()->started, 0);
	read_from(PORT, "/short|octet|");
	must_be_data(1, SHORT, 0, 511);
	read_from(PORT + 1, "//dir/Two|OcTeT|");
	must_be_data(1, TWO, 0, 512);
}
END_TEST

START_TEST(writes_and_other_modes_are_refused)
{
	request_from(PORT, 0, 2, "short|octet|");
	must_be_error(2, NULL);
	ck_assert_uint_eq(count()->refused, 1);
	read_from(PORT, "short|netascii|");
	must_be_error(0, NULL);
	read_from(PORT, "short|mail|");
	must_be_error(0, NULL);
	ck_assert_uint_eq(count()->refused, 3);
	ck_assert_uint_eq(count()->requests, 3);
	ck_assert_uint_eq(count()->started + count()->malformed, 0);
}
END_TEST

/* RFC 2347: the OACK carries what was granted; ACK 0 answers it; then block 1. */
START_TEST(options_are_granted)
{
	read_from(PORT, "dir/Two|octet|BLKSIZE|1000|tSize|0|timeout|7|");
	must_be_oack("blksize|1000|tsize|1024|timeout|7|");
	ck_assert_uint_eq(out.started, 1);
	ck_assert_uint_eq(count()->blocks, 0);
	ck_assert_uint_eq(tftp_server_deadline(server), 7 * SECOND);
	ack(0, 0);
	must_be_data(1, TWO, 0, 1000);
	ack(0, 0);
	must_send_nothing();
	ck_assert_uint_eq(count()->duplicate_acks, 1);
	ack(0, 1);
	must_be_data(2, TWO, 1000, 24);
	ack(0, 2);
	must_have_ended();
}
END_TEST

/* RFC 2348: 8 to 65464; more is answered with the largest, less is left out. RFC 2349: 1 to 255 s. */
START_TEST(option_values)
{
	static const struct {
		const char *request, *oack;
	} cases[] = {
		{ "long|octet|blksize|8|", "blksize|8|" },
		{ "long|octet|blksize|65464|", "blksize|65464|" },
		{ "long|octet|blksize|65465|", "blksize|65464|" },
		{ "long|octet|blksize|99999999999999999999999|", "blksize|65464|" },
		{ "long|octet|timeout|1|", "timeout|1|" },
		{ "long|octet|timeout|255|", "timeout|255|" },
		{ "long|octet|tsize|0|", "tsize|33555044|" },
		{ "long|octet|blksize|512|", "blksize|512|" },
		{ "long|octet|windowsize|4|blksize|1024|multicast||", "blksize|1024|" },
		{ "long|octet|blksize|7|tsize|0|", "tsize|33555044|" },
		{ "long|octet|blksize|600|blksize|700|", "blksize|600|" },
		{ "long|octet|blksize|0600|", "blksize|600|" },
		{ "long|octet|blksize|x|blksize|700|", "blksize|700|" },
		{ "long|octet|blksize|7|", NULL },
		{ "long|octet|blksize|0|", NULL },
		{ "long|octet|blksize||", NULL },
		{ "long|octet|blksize|-8|", NULL },
		{ "long|octet|blksize| 8|", NULL },
		{ "long|octet|blksize|8x|", NULL },
		{ "long|octet|timeout|0|", NULL },
		{ "long|octet|timeout|256|", NULL },
		{ "long|octet|timeout|18446744073709551617|", NULL },
		{ "long|octet|windowsize|4|", NULL },
		{ "long|octet|", NULL },
		{ "long|octet||||||", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_from(PORT, cases[i].request);
		if (cases[i].oack)
			must_be_oack(cases[i].oack);
		else
			must_be_data(1, LONG, 0, 512);
		packet_from(PORT, 0, out.transfer, 5, 0);
		ck_assert_uint_eq(out.ended, 1);
	}
	ck_assert_uint_eq(count()->malformed, 0);
}
END_TEST

START_TEST(blksize_is_capped)
{
	tftp_server_free(server);
	server = server_of(4, 1428);
	read_from(PORT, "long|octet|blksize|65464|");
	must_be_oack("blksize|1428|");
	read_from(PORT + 1, "long|octet|blksize|1427|");
	must_be_oack("blksize|1427|");
}
END_TEST

/* Blocks of 65464: a file that is one of them exactly gets an empty last block. */
START_TEST(largest_blocks)
{
	const struct tftp_file file = { "big", content, 65464 };
	const struct tftp_server_config config = { 1, 1, SECOND, SECOND, 0 };

	tftp_server_free(server);
	server = tftp_server_new(&config, &file, 1);
	read_from(PORT, "big|octet|blksize|65464|");
	ack(0, 0);
	must_be_data(1, 0, 0, 65464);
	ack(0, 1);
	must_be_data(2, 0, 65464, 0);
	ack(0, 2);
	must_have_ended();
}
END_TEST

/* RFC 1350 section 7: what is wrong with a packet is said once; an ERROR is never answered. */
START_TEST(malformed_requests)
{
	static const struct {
		uint16_t opcode;
		const char *text;
		int error;
	} cases[] = {
		{ 1, "", 4 },
		{ 1, "short", 4 },
		{ 1, "short|", 4 },
		{ 1, "short|octet", 4 },
		{ 0, "short|octet|", 4 },
		{ 3, "||", 4 },
		{ 4, "||", 4 },
		{ 6, "||", 4 },
		{ 257, "short|octet|", 4 },
		{ 5, "||no|", -1 },
		{ 1, "short|octet|blksize", 8 },
		{ 1, "short|octet|blksize|", 8 },
		{ 1, "short|octet|blksize|8", 8 },
		{ 1, "short|octet|tsize|0|x|", 8 },
	};
	char text[600];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		request_from(PORT, 0, cases[i].opcode, cases[i].text);
		if (cases[i].error < 0)
			must_send_nothing();
		else
			must_be_error((uint16_t)cases[i].error, NULL);
		ck_assert_uint_eq(count()->malformed, i + 1);
	}
	tftp_server_request(server, 0, CLIENT, PORT, NULL, 0, &out);
	must_send_nothing();
	tftp_server_request(server, 0, CLIENT, PORT, (const uint8_t *)"\0", 1, &out);
	must_send_nothing();
	/* RFC 2347: a request has at most 512 bytes. */
	memset(text, 'x', sizeof(text));
	memcpy(text + 510 - 7, "|octet|", 8);
	read_from(PORT, text);
	must_be_error(1, NULL);
	memset(text, 'x', sizeof(text));
	memcpy(text + 511 - 7, "|octet|", 8);
	read_from(PORT, text);
	must_be_error(4, NULL);
	ck_assert_uint_eq(count()->malformed, 3 + sizeof(cases) / sizeof(cases[0]));
	ck_assert_uint_eq(count()->started, 0);
}
END_TEST

/* A malformed packet to a transfer's port is counted and leaves the transfer alone. */
START_TEST(malformed_packets)
{
	static const uint8_t bytes[] = { 0, 4, 0, 1 };

	read_from(PORT, "dir/Two|octet|");
	for (size_t length = 0; length < 4; length++) {
		tftp_server_packet(server, 0, 0, CLIENT, PORT, bytes, length, &out);
		must_send_nothing();
		ck_assert_uint_eq(out.ended, 0);
	}
	packet_from(PORT, 0, 0, 1, 0);
	packet_from(PORT, 0, 0, 3, 1);
	packet_from(PORT, 0, 0, 6, 0);
	packet_from(PORT, 0, 0, 0x104, 1);
	must_send_nothing();
	ck_assert_uint_eq(count()->malformed, 8);
	ck_assert_uint_eq(count()->serving, 1);
	ack(0, 1);
	must_be_data(2, TWO, 512, 512);
}
END_TEST

/* RFC 1350 section 4: another TID gets ERROR 5, and the transfer goes on. */
START_TEST(strangers)
{
	static const uint8_t ack_1[] = { 0, 4, 0, 1 };

	read_from(PORT, "dir/Two|octet|");
	packet_from(PORT + 1, 0, 0, 4, 1);
	must_be_error(5, NULL);
	ck_assert_uint_eq(out.transfer, 0);
	ck_assert_uint_eq(out.port, PORT + 1);
	ck_assert_uint_eq(out.ended, 0);
	tftp_server_packet(server, 0, 0, CLIENT + 1, PORT, ack_1, 4, &out);
	must_be_error(5, NULL);
	ck_assert_uint_eq(out.address, CLIENT + 1);
	packet_from(PORT + 1, 0, 0, 5, 0);
	must_send_nothing();
	ck_assert_uint_eq(out.ended, 0);
	ck_assert_uint_eq(count()->strangers, 3);
	ck_assert_uint_eq(count()->serving, 1);
	ack(0, 1);
	must_be_data(2, TWO, 512, 512);
	/* and a port that no transfer has is nobody's */
	packet_from(PORT, 0, 1, 4, 1);
	must_send_nothing();
	packet_from(PORT, 0, UINT32_MAX, 4, 1);
	must_send_nothing();
	ck_assert_uint_eq(out.ended, 0);
}
END_TEST

START_TEST(error_ends_a_transfer)
{
	read_from(PORT, "dir/Two|octet|blksize|1024|");
	packet_from(PORT, 0, 0, 5, 8);
	must_have_ended();
	ck_assert_uint_eq(count()->aborted, 1);
	ck_assert_uint_eq(count()->serving, 0);
	ck_assert_uint_eq(tftp_server_first_due(server), TFTP_NO_TRANSFER);
	ack(0, 0);
	must_send_nothing();
}
END_TEST

/* Doubling back-off up to timeout_max, then given up; each packet starts anew. */
START_TEST(retransmission)
{
	static const uint64_t due_s[] = { 10, 12, 16 };
	uint64_t now_us = 9 * SECOND;

	request_from(PORT, now_us, 1, "dir/Two|octet|");
	for (size_t i = 0; i < 3; i++) {
		now_us = due_s[i] * SECOND;
		ck_assert_uint_eq(tftp_server_deadline(server), now_us);
		ck_assert_uint_eq(tftp_server_first_due(server), 0);
		ck_assert(!tftp_server_expire(server, now_us - 1, &out));
		ck_assert(tftp_server_expire(server, now_us, &out));
		must_be_data(1, TWO, 0, 512);
		ck_assert_uint_eq(out.retransmit, 1);
		ck_assert_uint_eq(out.address, CLIENT);
		ck_assert_uint_eq(out.port, PORT);
		ck_assert(!tftp_server_expire(server, now_us, &out));
	}
	packet_from(PORT, 17 * SECOND, 0, 4, 1);
	must_be_data(2, TWO, 512, 512);
	ck_assert_uint_eq(tftp_server_deadline(server), 18 * SECOND);
	for (size_t i = 0; i < 3; i++)
		ck_assert(tftp_server_expire(server, tftp_server_deadline(server), &out));
	ck_assert_uint_eq(tftp_server_deadline(server), 28 * SECOND);
	ck_assert_uint_eq(count()->given_up, 0);
	ck_assert(tftp_server_expire(server, 28 * SECOND, &out));
	must_have_ended();
	ck_assert_uint_eq(count()->given_up, 1);
	ck_assert_uint_eq(count()->retransmits, 6);
	ck_assert_uint_eq(count()->blocks, 2);
	ck_assert_uint_eq(count()->serving, 0);
	ck_assert_uint_eq(tftp_server_deadline(server), UINT64_MAX);
}
END_TEST

/* RFC 2349: the client's time-out is the first wait, beyond the server's own longest too. */
START_TEST(retransmission_with_timeout_option)
{
	read_from(PORT, "dir/Two|octet|timeout|3|");
	ck_assert(tftp_server_expire(server, 3 * SECOND, &out));
	must_be_oack("timeout|3|");
	ck_assert_uint_eq(out.retransmit, 1);
	ck_assert_uint_eq(tftp_server_deadline(server), 7 * SECOND);
	read_from(PORT + 1, "dir/Two|octet|timeout|60|");
	packet_from(PORT, 0, 0, 5, 0);
	ck_assert(tftp_server_expire(server, 60 * SECOND, &out));
	ck_assert_uint_eq(tftp_server_deadline(server), 120 * SECOND);
}
END_TEST

/* Hundreds of transfers with deadlines of all sorts, some ended in between: always the earliest first. */
START_TEST(earliest_deadline_first)
{
	uint32_t due[256] = { 0 };
	uint32_t expired = 0;
	char text[64];

	tftp_server_free(server);
	server = server_of(500, 0);
	for (uint32_t i = 0; i < 500; i++) {
		uint32_t timeout_s = 1 + i * 7919 % 255;

		snprintf(text, sizeof(text), "short|octet|timeout|%u|", timeout_s);
		read_from((uint16_t)(PORT + i), text);
		ck_assert_uint_eq(out.transfer, i);
		due[timeout_s]++;
	}
	for (uint32_t i = 0; i < 500; i += 3) {
		packet_from((uint16_t)(PORT + i), 0, i, 5, 0);
		due[1 + i * 7919 % 255]--;
	}
	for (uint32_t second = 1; second < 256; second++) {
		uint32_t last = 0;

		for (; due[second]; due[second]--, expired++) {
			/* The lower slot first where two are due at once: the same order in each run. */
			ck_assert_uint_ge(tftp_server_first_due(server), last);
			last = tftp_server_first_due(server);
			ck_assert_uint_eq(tftp_server_deadline(server), second * SECOND);
			ck_assert_uint_eq(1 + tftp_server_first_due(server) * 7919 % 255, second);
			ck_assert(tftp_server_expire(server, second * SECOND, &out));
			packet_from(out.port, second * SECOND, out.transfer, 5, 0);
			ck_assert_uint_eq(out.ended, 1);
		}
	}
	ck_assert_uint_eq(expired, 333);
	ck_assert_uint_eq(tftp_server_deadline(server), UINT64_MAX);
}
END_TEST

/* ACKs put deadlines off, in another order than the transfers began in; the bound is never past the next one.
 */
START_TEST(deadlines_put_off)
{
	uint64_t now = 0;

	tftp_server_free(server);
	server = server_of(100, 0);
	for (uint16_t i = 0; i < 100; i++)
		read_from((uint16_t)(PORT + i), "long|octet|");
	for (uint16_t block = 1; block < 20; block++) {
		for (uint32_t i = 0; i < 100; i++) {
			uint32_t transfer = (i * 37 + block) % 100;

			now += 1000;
			packet_from((uint16_t)(PORT + transfer), now, transfer, 4, block);
			ck_assert_uint_eq(out.send, 1);
			ck_assert_uint_le(tftp_server_deadline_bound(server),
					  now + SECOND - (block > 1 ? 99000 : 0));
		}
		/* Who was answered first is due first; asked in every other round only. */
		if (block % 2)
			continue;
		ck_assert_uint_eq(tftp_server_first_due(server), block % 100u);
		ck_assert_uint_eq(tftp_server_deadline(server), now - 99000 + SECOND);
		ck_assert_uint_eq(tftp_server_deadline_bound(server), now - 99000 + SECOND);
	}
	ck_assert(!tftp_server_expire(server, now - 99000 + SECOND - 1, &out));
}
END_TEST

/* After retransmissions the wait is long; the ACK makes it short again, and the deadline earlier than it was.
 */
START_TEST(deadline_comes_nearer)
{
	read_from(PORT, "long|octet|");
	ck_assert(tftp_server_expire(server, SECOND, &out));
	ck_assert(tftp_server_expire(server, 3 * SECOND, &out));
	ck_assert_uint_eq(tftp_server_deadline(server), 7 * SECOND);
	packet_from(PORT, 3 * SECOND + 1, 0, 4, 1);
	ck_assert_uint_eq(tftp_server_deadline_bound(server), 4 * SECOND + 1);
	ck_assert_uint_eq(tftp_server_deadline(server), 4 * SECOND + 1);
	ck_assert(tftp_server_expire(server, 4 * SECOND + 1, &out));
}
END_TEST

/* Worlds in which transfers share ports look the sender up, and tell a stranger off themselves. */
START_TEST(found_by_tid)
{
	const uint8_t late[] = { 0, 4, 0, 1 };

	read_from(PORT, "long|octet|");
	read_from(PORT + 1, "long|octet|");
	ck_assert_uint_eq(tftp_server_find(server, CLIENT, PORT), 0);
	ck_assert_uint_eq(tftp_server_find(server, CLIENT, PORT + 1), 1);
	ck_assert_uint_eq(tftp_server_find(server, CLIENT + 1, PORT), TFTP_NO_TRANSFER);
	packet_from(PORT, 0, 0, 5, 0);
	ck_assert_uint_eq(tftp_server_find(server, CLIENT, PORT), TFTP_NO_TRANSFER);
	tftp_server_stranger(server, CLIENT, PORT, late, sizeof(late), &out);
	must_be_error(5, "unknown transfer ID");
	ck_assert_uint_eq(out.transfer, TFTP_NO_TRANSFER);
	ck_assert_uint_eq(out.port, PORT);
	ck_assert_uint_eq(count()->strangers, 1);
	ck_assert_uint_eq(count()->serving, 1);
}
END_TEST

/* A duplicate request is one transfer; only before the first ACK is it answered. */
START_TEST(duplicate_requests)
{
	read_from(PORT, "dir/Two|octet|");
	read_from(PORT, "dir/Two|octet|");
	must_be_data(1, TWO, 0, 512);
	ck_assert_uint_eq(out.transfer, 0);
	ck_assert_uint_eq(out.started, 0);
	ck_assert_uint_eq(out.retransmit, 1);
	ck_assert_uint_eq(count()->retransmits, 1);
	ck_assert_uint_eq(count()->blocks, 1);
	ack(0, 1);
	read_from(PORT, "dir/Two|octet|");
	must_send_nothing();
	ck_assert_uint_eq(count()->duplicates, 2);
	ck_assert_uint_eq(count()->started, 1);
	ck_assert_uint_eq(count()->serving, 1);

	read_from(PORT + 1, "dir/Two|octet|tsize|0|");
	read_from(PORT + 1, "dir/Two|octet|tsize|0|");
	must_be_oack("tsize|1024|");
	ck_assert_uint_eq(out.transfer, 1);
	packet_from(PORT + 1, 0, 1, 4, 0);
	read_from(PORT + 1, "dir/Two|octet|tsize|0|");
	must_send_nothing();
	ck_assert_uint_eq(count()->duplicates, 4);
	ck_assert_uint_eq(count()->requests, 6);
	ck_assert_uint_eq(count()->started, 2);
}
END_TEST

/* The same port for another file: the client has given the old transfer up. */
START_TEST(port_used_again)
{
	read_from(PORT, "dir/Two|octet|");
	read_from(PORT + 1, "dir/Two|octet|");
	read_from(PORT, "short|octet|");
	must_be_data(1, SHORT, 0, 511);
	ck_assert_uint_eq(out.transfer, 0);
	ck_assert_uint_eq(out.started, 1);
	ck_assert_uint_eq(count()->aborted, 1);
	ck_assert_uint_eq(count()->serving, 2);
	read_from(PORT, "none|octet|");
	must_be_error(1, NULL);
	ck_assert_uint_eq(out.transfer, 0);
	ck_assert_uint_eq(out.ended, 1);
	ck_assert_uint_eq(count()->aborted, 2);
	ck_assert_uint_eq(count()->serving, 1);
}
END_TEST

START_TEST(serving_limit)
{
	for (uint16_t i = 0; i < 4; i++)
		read_from((uint16_t)(PORT + i), "dir/Two|octet|");
	read_from(PORT + 4, "dir/Two|octet|");
	must_be_error(0, TFTP_BUSY_TEXT);
	ck_assert_uint_eq(out.transfer, TFTP_NO_TRANSFER);
	ck_assert_uint_eq(count()->rejected, 1);
	ck_assert_uint_eq(count()->serving, 4);
	read_from(PORT + 3, "dir/Two|octet|"); /* a duplicate is not a new one */
	must_be_data(1, TWO, 0, 512);
	read_from(PORT + 4, "none|octet|");
	must_be_error(1, NULL);
	packet_from(PORT + 2, 0, 2, 5, 0);
	read_from(PORT + 4, "dir/Two|octet|");
	ck_assert_uint_eq(out.transfer, 2);
	ck_assert_uint_eq(count()->serving_peak, 4);
	ck_assert_uint_eq(count()->started, 5);
	tftp_server_free(server);
	server = server_of(0, 0);
	read_from(PORT, "short|octet|");
	must_be_error(0, TFTP_BUSY_TEXT);
}
END_TEST

START_TEST(cancelled_and_reset)
{
	read_from(PORT, "dir/Two|octet|");
	read_from(PORT + 1, "dir/Two|octet|");
	tftp_server_cancel(server, 0, &out);
	must_be_error(0, TFTP_NO_PORT_TEXT);
	ck_assert_uint_eq(out.transfer, TFTP_NO_TRANSFER);
	ck_assert_uint_eq(out.port, PORT);
	ck_assert_uint_eq(count()->aborted, 1);
	ck_assert_uint_eq(count()->serving, 1);
	tftp_server_reset(server);
	ck_assert_uint_eq(count()->serving, 0);
	ck_assert_uint_eq(count()->started, 2);
	ck_assert_uint_eq(tftp_server_deadline(server), UINT64_MAX);
	packet_from(PORT + 1, 0, 1, 4, 1);
	must_send_nothing();
	read_from(PORT + 1, "dir/Two|octet|");
	must_be_data(1, TWO, 0, 512);
	ck_assert_uint_eq(out.started, 1);
}
END_TEST

/* Firmware sets may share a file; two different ones of one name cannot both be served. */
START_TEST(shared_files)
{
	static const uint8_t same[] = "same", again[] = "same", other[] = "else";
	const struct tftp_file shared[] = {
		{ "a", same, 4 }, { "b", other, 4 }, { "a", again, 4 }, { "c", NULL, 0 }, { "c", NULL, 0 }
	};
	const struct tftp_file clash[] = { { "a", same, 4 }, { "b", other, 4 }, { "a", other, 4 } };
	const struct tftp_file shorter[] = { { "a", same, 4 }, { "a", same, 3 } };
	const struct tftp_server_config config = { 1, 1, 1, 1, 0 };

	ck_assert_uint_eq(tftp_files_clash(shared, 5), 5);
	ck_assert_uint_eq(tftp_files_clash(clash, 3), 2);
	ck_assert_uint_eq(tftp_files_clash(shorter, 2), 1);
	errno = 0;
	ck_assert_ptr_null(tftp_server_new(&config, clash, 3));
	ck_assert_int_eq(errno, EEXIST);
	tftp_server_free(server);
	server = tftp_server_new(&config, shared, 5);
	ck_assert_ptr_nonnull(server);
}
END_TEST

START_TEST(configuration_is_checked)
{
	static const struct tftp_server_config bad[] = {
		{ 1000001, 1, 1, 1, 0 }, { 1, 1, 0, 1, 0 },     { 1, 1, 2, 1, 0 },
		{ 1, 1, 1, 1, 7 },       { 1, 1, 1, 1, 65465 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_ptr_null(tftp_server_new(&bad[i], NULL, 0));
	tftp_server_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tftp_server");
	TCase *tcase = tcase_create("rfc");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, sizes_around_a_block);
	tcase_add_test(tcase, block_number_wraps);
	tcase_add_test(tcase, sorcerers_apprentice);
	tcase_add_test(tcase, ack_of_the_future);
	tcase_add_test(tcase, names);
	tcase_add_test(tcase, writes_and_other_modes_are_refused);
	tcase_add_test(tcase, options_are_granted);
	tcase_add_test(tcase, option_values);
	tcase_add_test(tcase, blksize_is_capped);
	tcase_add_test(tcase, largest_blocks);
	tcase_add_test(tcase, malformed_requests);
	tcase_add_test(tcase, malformed_packets);
	tcase_add_test(tcase, strangers);
	tcase_add_test(tcase, error_ends_a_transfer);
	tcase_add_test(tcase, retransmission);
	tcase_add_test(tcase, retransmission_with_timeout_option);
	tcase_add_test(tcase, earliest_deadline_first);
	tcase_add_test(tcase, deadlines_put_off);
	tcase_add_test(tcase, deadline_comes_nearer);
	tcase_add_test(tcase, found_by_tid);
	tcase_add_test(tcase, duplicate_requests);
	tcase_add_test(tcase, port_used_again);
	tcase_add_test(tcase, serving_limit);
	tcase_add_test(tcase, cancelled_and_reset);
	tcase_add_test(tcase, shared_files);
	tcase_add_test(tcase, configuration_is_checked);
	return tap_run(suite);
}
