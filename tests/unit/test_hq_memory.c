/*
 * Memory that lacks: the n-th allocation fails, for every n. The server says
 * ENOMEM and leaks nothing (the sanitizer build sees that); the link refuses
 * the packet as a full queue does, and goes on.
 */
#include <errno.h>

#include "emulator/hq/tftp_server.h"
#include "emulator/link/link.h"
#include "tests/tap.h"

static int allocations_left = -1; /* -1: no limit */

void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);

static int lacks(void)
{
	if (allocations_left < 0)
		return 0;
	errno = ENOMEM;
	return !allocations_left || !allocations_left--;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return lacks() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
	return lacks() ? NULL : __real_strdup(text);
}

START_TEST(server)
{
	const struct tftp_file files[3] = { { "a", NULL, 0 }, { "b", NULL, 0 }, { "c", NULL, 0 } };
	const struct tftp_server_config config = { 10, 1, 1, 1, 0 };
	struct tftp_server *made = NULL;
	int n;

	for (n = 0; !made && n < 100; n++) {
		allocations_left = n;
		errno = 0;
		made = tftp_server_new(&config, files, 3);
		allocations_left = -1;
		ck_assert(made || errno == ENOMEM);
	}
	/* The server, four tables, the files, their sizes and three names. */
	ck_assert_int_eq(n, 11);
	tftp_server_free(made);
}
END_TEST

START_TEST(link_queue)
{
	const struct link_config config = { .rate_bps = 8000000, .queue_bytes_max = 100000 };
	struct link link;
	uint64_t arrival;

	link_init(&link, &config, 1);
	allocations_left = 0;
	ck_assert_int_eq(link_offer(&link, 0, 1000, &arrival), LINK_QUEUE_FULL);
	allocations_left = 1;
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(link_offer(&link, 0, 1000, &arrival), LINK_FORWARD);
	ck_assert_int_eq(link_offer(&link, 0, 1000, &arrival), LINK_QUEUE_FULL);
	ck_assert_int_eq(link_offer(&link, 1000, 1000, &arrival), LINK_FORWARD);
	ck_assert_uint_eq(arrival, 17000);
	allocations_left = -1;
	ck_assert_int_eq(link_offer(&link, 1000, 1000, &arrival), LINK_FORWARD);
	ck_assert_uint_eq(link.queue_drops, 2);
	link_deinit(&link);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hq_memory");
	TCase *tcase = tcase_create("lacking");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, server);
	tcase_add_test(tcase, link_queue);
	return tap_run(suite);
}
