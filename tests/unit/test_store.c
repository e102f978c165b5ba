/*
 * The firmware store of a netns phone: a component is verified before it is
 * forwarded (CSCtg96408), a damaged byte is found whichever it is, what a phone
 * forwards is what it received, and memory does not grow with phones times
 * firmware.
 */
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "emulator/netns/store.h"
#include "tests/tap.h"

#define SIZE 300000
#define VECTORS 16

static struct plan_firmware firmware;
static uint8_t content[SIZE], received[SIZE + 1000];
static struct store store;

static void setup(void)
{
	uint32_t i, draw = 12345;

	for (i = 0; i < SIZE; i++) {
		draw = draw * 1664525 + 1013904223;
		content[i] = (uint8_t)(draw >> 24);
	}
	memcpy(received, content, SIZE);
	memset(received + SIZE, 0, 1000);
	memset(&firmware, 0, sizeof(firmware));
	firmware.file_count = 2;
	firmware.files[0] = (struct pfs_file){.name = "jar", .size = SIZE, .digest = XXH3_64bits(content, SIZE)};
	firmware.files[1] = (struct pfs_file){.name = "empty", .size = 0, .digest = XXH3_64bits("", 0)};
	firmware.content[0] = firmware.content[1] = content;
	store_init(&store, &firmware);
}

static void teardown(void)
{
	store_clear(&store);
}

static void take_all(size_t length, size_t piece)
{
	size_t at;

	for (at = 0; at < length; at += piece)
		ck_assert_int_eq(store_take(&store, 0, at, received + at, length - at < piece ? length - at : piece), 0);
}

/* Gathers a range the way a sender does. */
static void gather(uint64_t offset, uint64_t length, uint8_t *into)
{
	while (length) {
		struct iovec vectors[VECTORS];
		uint64_t covered, sum = 0;
		int count = store_range(&store, 0, offset, length, vectors, VECTORS, &covered), i;

		ck_assert_int_gt(count, 0);
		for (i = 0; i < count; i++) {
			memcpy(into + sum, vectors[i].iov_base, vectors[i].iov_len);
			sum += vectors[i].iov_len;
		}
		ck_assert_uint_eq(sum, covered);
		into += sum;
		offset += sum;
		length -= sum;
	}
}

START_TEST(whole_file_verifies_and_costs_nothing)
{
	take_all(SIZE, 512);
	ck_assert_uint_eq(store.files[0].have, SIZE);
	ck_assert(store_verify(&store, 0));
	ck_assert_uint_eq(store_private_bytes(&store), 0);
}
END_TEST

START_TEST(a_flipped_byte_is_found)
{
	static const size_t places[] = {0, 1, 511, 512, SIZE / 2, SIZE - 1};

	received[places[_i]] ^= 0x01;
	take_all(SIZE, 512);
	ck_assert(!store_verify(&store, 0));
	store_discard(&store, 0);
	ck_assert_uint_eq(store_private_bytes(&store), 0);
	received[places[_i]] ^= 0x01;
	take_all(SIZE, 4096); /* fetched again from somebody else */
	ck_assert(store_verify(&store, 0));
}
END_TEST

START_TEST(short_and_long_files_do_not_verify)
{
	take_all(SIZE - 1, 1000);
	ck_assert(!store_verify(&store, 0));
	store_discard(&store, 0);
	take_all(SIZE + 1000, 1000);
	ck_assert(!store_verify(&store, 0));
	ck_assert(store_verify(&store, 1)); /* no byte at all is the whole of an empty file */
}
END_TEST

START_TEST(bytes_out_of_order_are_refused)
{
	ck_assert_int_eq(store_take(&store, 0, 1, received, 10), -EINVAL);
	ck_assert_int_eq(store_take(&store, 0, 0, received, 10), 0);
	ck_assert_int_eq(store_take(&store, 0, 0, received, 10), -EINVAL);
	ck_assert_int_eq(store_take(&store, 0, 20, received, 10), -EINVAL);
	ck_assert_uint_eq(store.files[0].have, 10);
}
END_TEST

START_TEST(a_range_is_sent_as_it_was_received)
{
	static const size_t flips[] = {0, 3, 700, 701, 702, 800, 5000, 131071, 131072, SIZE - 1};
	static uint8_t sent[SIZE];
	size_t i, begin;

	for (i = 0; i < sizeof(flips) / sizeof(flips[0]); i++)
		received[flips[i]] ^= 0x80;
	take_all(SIZE, 1460);
	gather(0, SIZE, sent);
	ck_assert_mem_eq(sent, received, SIZE);
	for (begin = 0; begin < 900; begin += 7) { /* ranges that begin and end within differences */
		gather(begin, 150, sent);
		ck_assert_mem_eq(sent, received + begin, 150);
	}
}
END_TEST

/* What is not the plan's is kept up to a bound, whatever a peer or server sends. */
START_TEST(memory_stays_bounded)
{
	size_t i;

	for (i = 0; i < SIZE; i++)
		received[i] = (uint8_t)~content[i];
	take_all(SIZE, 512);
	ck_assert_uint_lt(store_private_bytes(&store), 4096);
	ck_assert(!store_verify(&store, 0));
	store_discard(&store, 0);
	memcpy(received, content, SIZE);
	for (i = 0; i < SIZE; i += 100)
		received[i] ^= 1;
	take_all(SIZE, 512);
	ck_assert_uint_lt(store_private_bytes(&store), 2 * STORE_PRIVATE_MAX);
}
END_TEST

/* CSCtg96408: what is installed is looked at byte by byte, whoever says that it verified. */
START_TEST(whole_is_every_byte_of_every_file)
{
	ck_assert(!store_is_whole(&store));
	take_all(SIZE - 1, 512);
	ck_assert(!store_is_whole(&store));
	ck_assert_int_eq(store_take(&store, 0, SIZE - 1, received + SIZE - 1, 1), 0);
	ck_assert(store_is_whole(&store));
	ck_assert_int_eq(store_take(&store, 0, SIZE, received, 1), 0);
	ck_assert(!store_is_whole(&store)); /* a byte too many */
	store_discard(&store, 0);
	received[SIZE / 2] ^= 1;
	take_all(SIZE, 512);
	ck_assert(!store_is_whole(&store));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tcase = tcase_create("store");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, whole_file_verifies_and_costs_nothing);
	tcase_add_loop_test(tcase, a_flipped_byte_is_found, 0, 6);
	tcase_add_test(tcase, short_and_long_files_do_not_verify);
	tcase_add_test(tcase, bytes_out_of_order_are_refused);
	tcase_add_test(tcase, a_range_is_sent_as_it_was_received);
	tcase_add_test(tcase, memory_stays_bounded);
	tcase_add_test(tcase, whole_is_every_byte_of_every_file);
	suite_add_tcase(suite, tcase);
	return tap_run_together(suite);
}
