/*
 * The TFTP server on real sockets of the loopback interface, on ports that the
 * kernel chooses. The client's side is in the same loop, so nothing waits for
 * a time to pass but the retransmission, which runs at a thousand times real
 * time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "emulator/hq/tftp_adapter.h"
#include "tests/tap.h"

#define SIZE 1200
#define SERVING_MAX 3

static struct ev_loop *loop;
static struct tftp_server *server;
static struct tftp_adapter *adapter;
static struct tftp_adapter_config config;
static uint8_t content[SIZE];
static bool clock_runs;
static int sockets_left;
static uint64_t damage_at;

static uint64_t clock_us(void *context)
{
	struct timespec now;

	(void)context;
	if (!clock_runs)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec; /* a thousand times real time */
}

static int open_socket(void *context)
{
	(void)context;
	if (!sockets_left--)
		return -EMFILE;
	return socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool damage(void *context, const struct tftp_output *output, uint32_t *index)
{
	(void)context;
	if (damage_at < output->offset || damage_at >= output->offset + output->payload_length)
		return false;
	*index = (uint32_t)(damage_at - output->offset);
	damage_at = UINT64_MAX; /* once */
	return true;
}

static void setup(void)
{
	const struct tftp_file files[] = { { "file", content, SIZE }, { "other", content, 7 } };
	const struct tftp_server_config server_config = { SERVING_MAX, 2, 1000000, 4000000, 0 };

	for (size_t i = 0; i < SIZE; i++)
		content[i] = (uint8_t)(i * 31 >> 3);
	loop = ev_loop_new(EVFLAG_AUTO);
	server = tftp_server_new(&server_config, files, 2);
	clock_runs = false;
	sockets_left = 1000;
	damage_at = UINT64_MAX;
	config = (struct tftp_adapter_config){
		.loop = loop,
		.server = server,
		.address = INADDR_LOOPBACK,
		.speed_milli = 1000000,
		.now_us = clock_us,
		.open_socket = open_socket,
		.damage = damage,
	};
	ck_assert_int_eq(tftp_adapter_new(&config, &adapter), 0);
}

static void teardown(void)
{
	tftp_adapter_free(adapter);
	tftp_server_free(server);
	ev_loop_destroy(loop);
}

static struct tftp_adapter_counters counters(void)
{
	struct tftp_adapter_counters now;

	tftp_adapter_counters(adapter, &now);
	return now;
}

static int client(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void send_to(int fd, uint16_t port, const void *data, size_t length)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	ck_assert_int_eq(sendto(fd, data, length, 0, (const struct sockaddr *)&to, sizeof(to)),
			 (ssize_t)length);
}

static void ask(int fd)
{
	send_to(fd, tftp_adapter_port(adapter), "\0\1file\0octet", 13);
}

static void ack(int fd, uint16_t port, uint8_t block)
{
	const uint8_t packet[4] = { 0, 4, 0, block };

	send_to(fd, port, packet, 4);
}

static bool readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) > 0;
}

/* Lets the loop handle what has arrived; loopback delivers before sendto returns. */
static void settle(void)
{
	ev_run(loop, EVRUN_NOWAIT);
}

/* Lets the loop run until the answer is there. Returns its length, and the port that it came from. */
static size_t answer(int fd, uint8_t *packet, uint16_t *port)
{
	struct sockaddr_in from = { 0 };
	socklen_t length = sizeof(from);
	ssize_t got;

	while (!readable(fd))
		ev_run(loop, EVRUN_ONCE);
	got = recvfrom(fd, packet, 1000, 0, (struct sockaddr *)&from, &length);
	ck_assert_int_ge(got, 4);
	*port = ntohs(from.sin_port);
	return (size_t)got;
}

static void must_be_block(const uint8_t *packet, size_t length, uint8_t block)
{
	size_t offset = 512 * (block - 1u);

	ck_assert_uint_eq(packet[1], 3);
	ck_assert_uint_eq(packet[3], block);
	ck_assert_uint_eq(length, 4 + (SIZE - offset < 512 ? SIZE - offset : 512));
}

/* Two clients at once: one port that is not 69, each its own blocks in order, closed when both have ended. */
START_TEST(transfers_share_a_port)
{
	uint8_t packet[1000];
	uint16_t first, second, port;
	int a = client(), b = client();

	ck_assert_uint_eq(counters().sockets_open, 2);
	ask(a);
	must_be_block(packet, answer(a, packet, &first), 1);
	ask(b);
	must_be_block(packet, answer(b, packet, &second), 1);
	ck_assert_uint_eq(first, second);
	ck_assert_uint_ne(first, tftp_adapter_port(adapter));
	ck_assert_uint_eq(counters().sockets_open, 3);
	for (uint8_t block = 1; block < 4; block++) {
		ck_assert_mem_eq(packet + 4, content + 512 * (block - 1), block < 3 ? 512 : 176);
		ack(b, second, block);
		if (block < 3)
			must_be_block(packet, answer(b, packet, &port), block + 1);
		ck_assert_uint_eq(port, second);
	}
	settle();
	ck_assert_uint_eq(tftp_server_counters(server)->completed, 1);
	ck_assert_uint_eq(counters().sockets_open, 3);
	ck_assert(!readable(a));
	for (uint8_t block = 1; block < 4; block++) {
		ack(a, first, block);
		if (block < 3)
			must_be_block(packet, answer(a, packet, &port), block + 1);
	}
	settle();
	ck_assert_uint_eq(tftp_server_counters(server)->completed, 2);
	ck_assert_uint_eq(counters().sockets_open, 2);
	ck_assert_uint_eq(counters().sockets_peak, 3);
	close(a);
	close(b);
}
END_TEST

/*
 * RFC 1350 section 4: the same TID is not chosen twice in immediate succession.
 * The port stays open for b; a, whose port asks again and again, gets another
 * one each time, and what it sends to the one before is no ACK of the new
 * transfer, and gets ERROR 5.
 */
START_TEST(same_client_other_port)
{
	uint8_t packet[1000];
	uint16_t before, now, from;
	int a = client(), b = client();

	ask(b);
	answer(b, packet, &before);
	ask(a);
	answer(a, packet, &before);
	for (int i = 0; i < 5; i++) {
		send_to(a, before, "\0\5\0\0", 5);
		settle();
		ck_assert_uint_eq(tftp_server_counters(server)->aborted, (uint64_t)i + 1);
		ask(a);
		must_be_block(packet, answer(a, packet, &now), 1);
		ck_assert_uint_ne(now, before);
		if (i % 2 == 0) { /* b's port, which is still open: a's other one was closed */
			ack(a, before, 1);
			answer(a, packet, &from);
			ck_assert_uint_eq(from, before);
			ck_assert_uint_eq(packet[1], 5);
			ck_assert_uint_eq(packet[3], 5);
			ck_assert_uint_eq(tftp_server_counters(server)->strangers, (uint64_t)i / 2 + 1);
		}
		ck_assert_uint_eq(tftp_server_counters(server)->serving, 2);
		before = now;
	}
	close(a);
	close(b);
}
END_TEST

/* What comes from a client whose transfer is over, while others share its port: ERROR 5, and an ERROR gets
 * none. */
START_TEST(late_packet_gets_error_5)
{
	uint8_t packet[1000];
	uint16_t port, from;
	int a = client(), b = client();

	ask(a);
	answer(a, packet, &port);
	ask(b);
	answer(b, packet, &port);
	send_to(a, port, "\0\5\0\0", 5);
	settle();
	ack(a, port, 1);
	answer(a, packet, &from);
	ck_assert_uint_eq(from, port);
	ck_assert_uint_eq(packet[1], 5);
	ck_assert_uint_eq(packet[3], 5);
	send_to(a, port, "\0\5\0\5", 5);
	settle();
	ck_assert(!readable(a));
	ack(b, port, 1);
	must_be_block(packet, answer(b, packet, &from), 2);
	close(a);
	close(b);
}
END_TEST

/* A stranger gets ERROR 5 from the transfer's port, and does not end the transfer. */
START_TEST(stranger_gets_error_5)
{
	uint8_t packet[1000];
	uint16_t port, from;
	int a = client(), stranger = client();

	ask(a);
	answer(a, packet, &port);
	ack(stranger, port, 1);
	answer(stranger, packet, &from);
	ck_assert_uint_eq(from, port);
	ck_assert_uint_eq(packet[1], 5);
	ck_assert_uint_eq(packet[3], 5);
	ack(a, port, 1);
	must_be_block(packet, answer(a, packet, &from), 2);
	close(a);
	close(stranger);
}
END_TEST

/* Damage flips one byte of one packet and not the file: sent again, it is whole. */
START_TEST(damage_flips_one_byte_once)
{
	uint8_t packet[1000];
	uint16_t port;
	int a = client();

	damage_at = 700;
	ask(a);
	answer(a, packet, &port);
	ck_assert_mem_eq(packet + 4, content, 512);
	ack(a, port, 1);
	answer(a, packet, &port);
	ck_assert_uint_eq(packet[4 + 188], content[700] ^ 0xff);
	packet[4 + 188] ^= 0xff;
	ck_assert_mem_eq(packet + 4, content + 512, 512);
	ck_assert_uint_eq(counters().damaged, 1);
	close(a);
}
END_TEST

/* Retransmitted by the timer, then given up and closed. The clock is a thousand times real time. */
START_TEST(retransmits_and_gives_up)
{
	uint8_t packet[1000];
	uint64_t begun_us;
	uint16_t port;
	int a = client();

	clock_runs = true;
	begun_us = clock_us(NULL);
	ask(a);
	for (int i = 0; i < 3; i++)
		must_be_block(packet, answer(a, packet, &port), 1);
	ck_assert_uint_eq(tftp_server_counters(server)->retransmits, 2);
	while (tftp_server_counters(server)->serving)
		ev_run(loop, EVRUN_ONCE);
	/* 1 + 2 + 4 s of the scenario, which are 7 ms here; never early, and not by the order of the speed
	 * late. */
	ck_assert_uint_ge(clock_us(NULL) - begun_us, 7000000);
	ck_assert_uint_lt(clock_us(NULL) - begun_us, 100 * 7000000);
	ck_assert_uint_eq(tftp_server_counters(server)->given_up, 1);
	ck_assert_uint_eq(counters().sockets_open, 2);
	ck_assert(!readable(a));
	close(a);
}
END_TEST

/*
 * Input goes before time-outs: an ACK that lies in the socket when the timer
 * has fired too is taken first, in whatever order the loop calls.
 */
START_TEST(ack_in_the_socket_wins)
{
	uint8_t packet[1000];
	uint16_t port;
	int a = client();
	const struct timespec late = { .tv_nsec = 20000000 }; /* well past the deadline, which is 1 ms away */

	for (int i = 0; i < 5; i++) {
		clock_runs = false;
		ask(a);
		answer(a, packet, &port);
		/* Both orders of the two in the kernel's list: a socket enters it with the next turn. */
		if (i % 2)
			settle();
		ack(a, port, 1);
		clock_runs = true;
		nanosleep(&late, NULL);
		settle();
		ck_assert_uint_eq(tftp_server_counters(server)->retransmits, 0);
		must_be_block(packet, answer(a, packet, &port), 2);
		send_to(a, port, "\0\5\0\0", 5);
		settle();
		ck_assert_uint_eq(tftp_server_counters(server)->aborted, (uint64_t)i + 1);
	}
	close(a);
}
END_TEST

/* No descriptor left: the request is refused in words, and counted. */
START_TEST(no_socket_left)
{
	uint8_t packet[1000];
	uint16_t port;
	int a = client();

	sockets_left = 0;
	ask(a);
	answer(a, packet, &port);
	ck_assert_uint_eq(port, tftp_adapter_port(adapter));
	ck_assert_uint_eq(packet[1], 5);
	ck_assert_str_eq((char *)packet + 4, TFTP_NO_PORT_TEXT);
	ck_assert_uint_eq(counters().socket_errors, 1);
	ck_assert_uint_eq(tftp_server_counters(server)->serving, 0);
	close(a);
}
END_TEST

/* The server crashes and comes back: transfers are forgotten, descriptors closed, port 69 is served again. */
START_TEST(stop_and_start)
{
	uint8_t packet[1000];
	uint16_t port;
	int a = client(), b = client();

	ask(a);
	answer(a, packet, &port);
	tftp_adapter_stop(adapter);
	tftp_adapter_stop(adapter);
	ck_assert_uint_eq(counters().sockets_open, 1);
	ck_assert_uint_eq(tftp_adapter_port(adapter), 0);
	ck_assert_uint_eq(tftp_server_counters(server)->serving, 0);
	ck_assert_int_eq(tftp_adapter_start(adapter), 0);
	ck_assert_int_eq(tftp_adapter_start(adapter), 0);
	/* Another client, which gets the same port and the same slot: nothing of the old transfer is left in
	 * them. */
	ask(b);
	must_be_block(packet, answer(b, packet, &port), 1);
	ck_assert_uint_eq(counters().sockets_open, 3);
	send_to(b, port, "\0\5\0\0", 5);
	settle();
	ck_assert_uint_eq(counters().sockets_open, 2);
	close(a);
	close(b);
}
END_TEST

/* The client's port asks for something else: the old transfer's socket is closed, not leaked. */
START_TEST(port_used_again)
{
	uint8_t packet[1000];
	uint16_t port, from;
	int a = client();

	ask(a);
	answer(a, packet, &port);
	send_to(a, tftp_adapter_port(adapter), "\0\1none\0octet", 13);
	answer(a, packet, &from);
	ck_assert_uint_eq(from, port);
	ck_assert_uint_eq(packet[1], 5);
	ck_assert_uint_eq(packet[3], 1);
	ck_assert_uint_eq(counters().sockets_open, 2);
	ask(a);
	must_be_block(packet, answer(a, packet, &port), 1);
	send_to(a, tftp_adapter_port(adapter), "\0\1other\0octet", 14);
	ck_assert_uint_eq(answer(a, packet, &from), 4 + 7);
	ck_assert_uint_eq(counters().sockets_open, 3);
	ck_assert_uint_eq(tftp_server_counters(server)->aborted, 2);
	close(a);
}
END_TEST

/* What the kernel drops at a full buffer is counted: a run with such drops is inconclusive. */
START_TEST(kernel_drops_are_counted)
{
	const uint64_t sent = 5000;
	int a = client();

	tftp_adapter_free(adapter);
	config.receive_buffer_bytes = 8192;
	ck_assert_int_eq(tftp_adapter_new(&config, &adapter), 0);
	ck_assert_uint_le(counters().receive_buffer_bytes, 16384);
	for (uint64_t i = 0; i < sent; i++)
		send_to(a, tftp_adapter_port(adapter), "\0\1none\0octet", 13);
	for (int i = 0; i < 100; i++)
		settle();
	ck_assert_uint_gt(counters().kernel_drops, 0);
	ck_assert_uint_eq(counters().kernel_drops + tftp_server_counters(server)->requests, sent);
	tftp_adapter_stop(adapter);
	ck_assert_uint_eq(counters().kernel_drops + tftp_server_counters(server)->requests, sent);
	close(a);
}
END_TEST

/* 200 requests at once: no turn takes more than a batch, and none is forgotten. */
START_TEST(a_turn_is_bounded)
{
	int a = client();

	for (int i = 0; i < 200; i++)
		send_to(a, tftp_adapter_port(adapter), "\0\1none\0octet", 13);
	settle();
	ck_assert_uint_eq(tftp_server_counters(server)->requests, TFTP_ADAPTER_BATCH);
	for (int i = 0; i < 3; i++)
		settle();
	ck_assert_uint_eq(tftp_server_counters(server)->requests, 200);
	close(a);
}
END_TEST

/* A datagram longer than any request is malformed, not cut to fit. */
START_TEST(too_long_is_malformed)
{
	uint8_t packet[1000] = { 0, 1, 'f', 'i', 'l', 'e', 0, 'o', 'c', 't', 'e', 't' };
	int a = client();

	send_to(a, tftp_adapter_port(adapter), packet, sizeof(packet));
	settle();
	ck_assert_uint_eq(tftp_server_counters(server)->malformed, 1);
	ck_assert_uint_eq(tftp_server_counters(server)->started, 0);
	close(a);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tftp_adapter");
	TCase *tcase = tcase_create("sockets");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, transfers_share_a_port);
	tcase_add_test(tcase, same_client_other_port);
	tcase_add_test(tcase, late_packet_gets_error_5);
	tcase_add_test(tcase, stranger_gets_error_5);
	tcase_add_test(tcase, damage_flips_one_byte_once);
	tcase_add_test(tcase, retransmits_and_gives_up);
	tcase_add_test(tcase, ack_in_the_socket_wins);
	tcase_add_test(tcase, no_socket_left);
	tcase_add_test(tcase, stop_and_start);
	tcase_add_test(tcase, port_used_again);
	tcase_add_test(tcase, kernel_drops_are_counted);
	tcase_add_test(tcase, a_turn_is_bounded);
	tcase_add_test(tcase, too_long_is_malformed);
	return tap_run(suite);
}
