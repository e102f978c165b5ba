/*
 * Garbage at the TFTP server: packets from a generator with a fixed seed, some
 * random, some a valid one with bytes changed, cut or added, to port 69 and to
 * transfers, with time passing. Each stands in memory of its own exact size, so
 * that a sanitizer sees one byte read too far. After each packet the counters
 * must add up, which a slot lost or used twice would break.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/hq/tftp_server.h"
#include "tests/tap.h"

#define PACKETS 400000
#define SERVING_MAX 17
/* Check's own assertions write to a pipe each time, which is too slow for millions. */
#define must(condition)                                                                                      \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			ck_abort_msg("%s", #condition);                                                      \
	} while (0)

static uint64_t state;

static uint32_t random_below(uint32_t bound)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(((state >> 32) * bound) >> 32);
}

static size_t valid_packet(uint8_t *packet, uint16_t block)
{
	static const char requests[][64] = {
	    "\0\1a\0octet",
	    "\0\1b\0octet\0blksize\0001024",
	    "\0\1c\0octet\0tsize\0000\0timeout\0001",
	    "\0\1/a\0OCTET\0blksize\00065464\0tsize\0000",
	    "\0\2a\0octet",
	    "\0\1b\0netascii",
	    "\0\1../a\0octet",
	    "\0\1none\0octet",
	};
	static const uint8_t lengths[] = {10, 23, 28, 32, 10, 13, 13, 13};
	uint32_t which = random_below(20);

	if (which < 8) {
		memcpy(packet, requests[which], lengths[which]);
		return lengths[which];
	}
	packet[0] = 0;
	packet[1] = which == 19 && !random_below(20) ? 5 : 4;
	packet[2] = (uint8_t)(block >> 8);
	packet[3] = (uint8_t)block;
	return 4;
}

static size_t spoil(uint8_t *packet, size_t length)
{
	switch (random_below(8)) {
	case 0:
		length = random_below(600);
		for (size_t i = 0; i < length; i++)
			packet[i] = (uint8_t)random_below(256);
		return length;
	case 1:
		return random_below((uint32_t)length + 1);
	case 2:
		packet[random_below((uint32_t)length)] = (uint8_t)random_below(256);
		return length;
	case 3:
		memset(packet + length, (int)random_below(2) * 'x', 40);
		return length + random_below(40);
	default:
		return length;
	}
}

static void must_add_up(const struct tftp_server_counters *count, const struct tftp_output *output)
{
	must(count->started == count->completed + count->given_up + count->aborted + count->serving);
	must(count->requests ==
	     count->duplicates + count->started + count->rejected + count->not_found + count->refused);
	must(count->serving <= count->serving_peak);
	must(count->serving_peak <= SERVING_MAX);
	must(output->header_length <= TFTP_HEADER_MAX);
	must(output->payload_length <= 65464);
	must(output->send + output->ended + output->started + output->retransmit <= 2);
}

/* Reads what would go out, as an adapter does. */
static uint32_t digest(const struct tftp_output *output)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < output->header_length; i++)
		sum = sum * 31 + output->header[i];
	for (uint32_t i = 0; i < output->payload_length; i++)
		sum = sum * 31 + output->payload[i];
	return sum;
}

/* One round; what was sent is digested, so that two rounds can be compared. */
static uint32_t fuzz(uint64_t seed, struct tftp_server_counters *count)
{
	uint8_t *content = malloc(3000);
	const struct tftp_file files[] = {{"a", content, 3000}, {"b", content, 1024}, {"c", content, 0}};
	const struct tftp_server_config config = {SERVING_MAX, 2, 1000, 4000, 0};
	struct tftp_server *server = tftp_server_new(&config, files, 3);
	struct tftp_output output = {0};
	uint32_t clients[SERVING_MAX] = {0};
	uint16_t blocks[SERVING_MAX] = {0}; /* what each waits for, or nearly */
	uint64_t now_us = 0;
	uint32_t sum = 0;

	memset(content, 0x5a, 3000);
	state = seed;
	for (int i = 0; i < PACKETS; i++) {
		uint32_t transfer = random_below(SERVING_MAX + 1);
		uint8_t scratch[700];
		size_t length =
		    spoil(scratch, valid_packet(scratch, transfer < SERVING_MAX ? blocks[transfer] : 0));
		uint8_t *packet = malloc(length ? length : 1);
		uint32_t client = random_below(2 * SERVING_MAX);

		memcpy(packet, scratch, length);
		now_us += random_below(6);
		if (!random_below(4))
			tftp_server_request(server, now_us, client, 7, packet, length, &output);
		else
			tftp_server_packet(server, now_us, transfer,
					   transfer < SERVING_MAX && random_below(8) ? clients[transfer]
										     : client,
					   7, packet, length, &output);
		free(packet);
		must_add_up(tftp_server_counters(server), &output);
		sum = sum * 31 + digest(&output);
		if (output.started)
			clients[output.transfer] = output.address;
		if (output.transfer < SERVING_MAX && output.send)
			blocks[output.transfer] =
			    output.header[1] == 3 ? (uint16_t)(output.header[2] << 8 | output.header[3]) : 0;
		while (tftp_server_expire(server, now_us, &output)) {
			must_add_up(tftp_server_counters(server), &output);
			sum = sum * 31 + digest(&output);
		}
		must(tftp_server_deadline(server) > now_us);
	}
	*count = *tftp_server_counters(server);
	tftp_server_free(server);
	free(content);
	return sum;
}

START_TEST(garbage_changes_nothing)
{
	struct tftp_server_counters count, again;
	uint32_t sum = fuzz(1, &count);

	/* The packets must have reached every branch, or this test proves little. */
	ck_assert_uint_gt(count.completed, 100);
	ck_assert_uint_gt(count.given_up, 100);
	ck_assert_uint_gt(count.aborted, 100);
	ck_assert_uint_gt(count.rejected, 100);
	ck_assert_uint_gt(count.duplicates, 100);
	ck_assert_uint_gt(count.duplicate_acks, 100);
	ck_assert_uint_gt(count.malformed, 1000);
	ck_assert_uint_gt(count.strangers, 1000);
	ck_assert_uint_gt(count.not_found, 100);
	ck_assert_uint_gt(count.refused, 100);
	ck_assert_uint_gt(count.retransmits, 100);
	/* No state but the server's own: the same packets, the same answers. */
	ck_assert_uint_eq(fuzz(1, &again), sum);
	ck_assert_mem_eq(&count, &again, sizeof(count));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tftp_fuzz");
	TCase *tcase = tcase_create("garbage");

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, garbage_changes_nothing);
	return tap_run(suite);
}
