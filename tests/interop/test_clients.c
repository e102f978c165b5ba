/*
 * Our TFTP server with other people's clients: curl, tftp-hpa's tftp and atftp.
 * One client a run, named by the first argument. Files around a block's size
 * and one past 65,535 blocks, whose number wraps on the wire; many clients at
 * once; the serving limit reached.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "emulator/hq/tftp_adapter.h"
#include "tests/interop/interop.h"
#include "tests/tap.h"

#define SERVING_MAX 30
#define CLIENTS 25

static const char *client;
static struct ev_loop *loop;
static struct tftp_server *server;
static struct tftp_adapter *adapter;
static int children;
static int last_status;

static uint64_t clock_us(void *context)
{
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int open_socket(void *context)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)context;
	return fd < 0 ? -errno : fd;
}

static void serve(uint32_t serving_max)
{
	const struct tftp_server_config server_config = { serving_max, 5, 1000000, 8000000, 0 };
	struct tftp_adapter_config config = {
		.loop = loop,
		.address = INADDR_LOOPBACK,
		.port = 69,
		.speed_milli = 1000,
		.now_us = clock_us,
		.open_socket = open_socket,
	};

	server = tftp_server_new(&server_config, interop_files, INTEROP_FILES);
	config.server = server;
	ck_assert_int_eq(tftp_adapter_new(&config, &adapter), 0);
}

static void setup(void)
{
	interop_enter();
	interop_begin();
	loop = ev_default_loop(EVFLAG_AUTO);
	children = 0;
	serve(SERVING_MAX);
}

static void teardown(void)
{
	tftp_adapter_free(adapter);
	tftp_server_free(server);
	interop_leave();
}

static void on_child(struct ev_loop *at, struct ev_child *watcher, int events)
{
	(void)events;
	ev_child_stop(at, watcher);
	last_status = interop_status(watcher->rstatus);
	if (!--children)
		ev_break(at, EVBREAK_ALL);
}

/* Fetches a file into the folder; `blksize` 0: as the client does by itself. */
static pid_t fetch(const char *name, const char *local, uint32_t blksize)
{
	char url[64], option[32], size[16];
	const char *path = interop_path(local);

	snprintf(url, sizeof(url), "tftp://127.0.0.1/%s", name);
	snprintf(option, sizeof(option), "blksize %u", blksize);
	snprintf(size, sizeof(size), "%u", blksize);
	if (!strcmp(client, "curl")) {
		const char *const plain[] = { "curl", "-sS", "--tftp-no-options", "-o", path, url, NULL };
		const char *const sized[] = { "curl", "-sS", "--tftp-blksize", size, "-o", path, url, NULL };

		return interop_spawn(blksize ? sized : plain);
	}
	if (!strcmp(client, "atftp")) {
		const char *const plain[] = { "atftp", "--get",     "-r", name, "-l",
					      path,    "127.0.0.1", "69", NULL };
		const char *const sized[] = { "atftp",     "--option", option, "--option", "tsize 0",
					      "--get",     "-r",       name,   "-l",       path,
					      "127.0.0.1", "69",       NULL };

		return interop_spawn(blksize ? sized : plain);
	}
	/* tftp-hpa's client sends no options. */
	const char *const arguments[] = { "tftp", "-m", "octet", "127.0.0.1", "-c", "get", name, path, NULL };

	return interop_spawn(arguments);
}

static void watch(struct ev_child *watcher, pid_t pid)
{
	ev_child_init(watcher, on_child, pid, 0);
	ev_child_start(loop, watcher);
	children++;
}

static int fetch_and_wait(const char *name, const char *local, uint32_t blksize)
{
	struct ev_child watcher;

	watch(&watcher, fetch(name, local, blksize));
	ev_run(loop, 0);
	return last_status;
}

static void must_fetch(size_t file, uint32_t blksize, uint64_t blocks)
{
	uint64_t blocks_before = tftp_server_counters(server)->blocks;
	uint64_t completed_before = tftp_server_counters(server)->completed;

	ck_assert_int_eq(fetch_and_wait(interop_files[file].name, "got", blksize), 0);
	ck_assert_msg(interop_same("got", &interop_files[file]), "%s: not the same bytes",
		      interop_files[file].name);
	unlink(interop_path("got"));
	/* The last ACK may come after the client's end. */
	while (tftp_server_counters(server)->serving)
		ev_run(loop, EVRUN_ONCE);
	ck_assert_uint_eq(tftp_server_counters(server)->completed, completed_before + 1);
	ck_assert_uint_eq(tftp_server_counters(server)->blocks, blocks_before + blocks);
}

START_TEST(sizes_around_a_block)
{
	must_fetch(INTEROP_0, 0, 1);
	must_fetch(INTEROP_511, 0, 1);
	must_fetch(INTEROP_512, 0, 2);
	must_fetch(INTEROP_513, 0, 2);
	ck_assert_uint_eq(tftp_server_counters(server)->malformed + tftp_server_counters(server)->strangers,
			  0);
}
END_TEST

START_TEST(block_number_wraps)
{
	must_fetch(INTEROP_WRAP, 0, 65538);
}
END_TEST

/* RFC 2348 and 2349 as the client asks for them. tftp-hpa's has no options. */
START_TEST(larger_blocks)
{
	uint32_t blksize = 1428;

	if (!strcmp(client, "tftp"))
		return;
	/* curl takes "tsize 0" in an OACK for an error, so it cannot fetch an empty file with options. */
	if (strcmp(client, "curl"))
		must_fetch(INTEROP_0, blksize, 1);
	must_fetch(INTEROP_513, blksize, 1);
	must_fetch(INTEROP_512, 8, 65);
	must_fetch(INTEROP_WRAP, blksize, INTEROP_WRAP_BYTES / blksize + 1);
	must_fetch(INTEROP_WRAP, 65464, INTEROP_WRAP_BYTES / 65464 + 1);
}
END_TEST

/* A block that no packet of the link holds goes in fragments. */
START_TEST(blocks_past_the_mtu)
{
	if (!strcmp(client, "tftp"))
		return;
	interop_mtu(1000);
	must_fetch(INTEROP_513, 512, 2);
	must_fetch(INTEROP_WRAP, 1428, INTEROP_WRAP_BYTES / 1428 + 1);
	must_fetch(INTEROP_WRAP, 65464, INTEROP_WRAP_BYTES / 65464 + 1);
	ck_assert_uint_eq(tftp_server_counters(server)->retransmits, 0);
}
END_TEST

START_TEST(many_clients_at_once)
{
	struct ev_child watchers[CLIENTS];
	char local[32];

	for (int i = 0; i < CLIENTS; i++) {
		snprintf(local, sizeof(local), "got-%d", i);
		watch(&watchers[i], fetch("longer", local, 0));
	}
	ev_run(loop, 0);
	for (int i = 0; i < CLIENTS; i++) {
		snprintf(local, sizeof(local), "got-%d", i);
		ck_assert(interop_same(local, &interop_files[INTEROP_513]));
	}
	ck_assert_uint_eq(tftp_server_counters(server)->started, CLIENTS);
	ck_assert_uint_eq(tftp_server_counters(server)->rejected, 0);
}
END_TEST

START_TEST(missing_file)
{
	fetch_and_wait("nothing", "got", 0);
	ck_assert_uint_eq(tftp_server_counters(server)->not_found, 1);
	ck_assert(!interop_same("got", &interop_files[INTEROP_511]));
}
END_TEST

/* A request past the limit is rejected, with words that the client can show; after that it is served. */
START_TEST(serving_limit)
{
	static const uint8_t request[] = "\0\1longer\0octet";
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(69),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = open_socket(NULL);

	tftp_adapter_free(adapter);
	tftp_server_free(server);
	serve(1);
	ck_assert_int_eq(sendto(fd, request, sizeof(request), 0, (const struct sockaddr *)&to, sizeof(to)),
			 sizeof(request));
	while (!tftp_server_counters(server)->serving)
		ev_run(loop, EVRUN_ONCE);
	fetch_and_wait("longer", "got", 0);
	ck_assert_uint_eq(tftp_server_counters(server)->rejected, 1);
	ck_assert_uint_eq(tftp_server_counters(server)->serving_peak, 1);
	ck_assert(!interop_same("got", &interop_files[INTEROP_513]));
	unlink(interop_path("got"));
	tftp_adapter_stop(adapter);
	ck_assert_int_eq(tftp_adapter_start(adapter), 0);
	must_fetch(INTEROP_513, 0, 2);
	close(fd);
}
END_TEST

int main(int count, char **arguments)
{
	Suite *suite = suite_create("interop");
	TCase *tcase;

	client = count == 2 ? arguments[1] : "curl";
	interop_need(client);
	tcase = tcase_create(client);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, sizes_around_a_block);
	tcase_add_test(tcase, block_number_wraps);
	tcase_add_test(tcase, larger_blocks);
	tcase_add_test(tcase, blocks_past_the_mtu);
	tcase_add_test(tcase, many_clients_at_once);
	tcase_add_test(tcase, missing_file);
	tcase_add_test(tcase, serving_limit);
	return tap_run(suite);
}
