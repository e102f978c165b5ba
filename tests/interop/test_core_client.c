/*
 * Our TFTP client, a phone's core that takes the traditional way (F1), with
 * other people's servers: in.tftpd and dnsmasq, one a run, named by the first
 * argument. The core is stepped here by the smallest world there can be: one
 * phone, one UDP socket, the real clock.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "emulator/hq/real_server.h"
#include "pfs-core/pfs.h"
#include "tests/interop/interop.h"
#include "tests/tap.h"

#define PACKET_MAX 66000

static enum real_server_kind kind;
static struct real_server *server;
static struct real_server_config server_config;
static int netns;
static char folder[128];

static struct pfs_phone phone;
static struct pfs_actions actions;
static uint8_t *received[INTEROP_FILES];
static uint8_t packet[PACKET_MAX];
static int tftp;
static uint32_t failure;
static uint32_t blksize_agreed, tsize_files;
static bool ended;

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void setup(void)
{
	interop_enter();
	interop_begin();
	netns = interop_netns();
	snprintf(folder, sizeof(folder), "%s", interop_path("."));
	server_config = (struct real_server_config){
		.kind = kind,
		.netns = netns,
		.address = INTEROP_ADDRESS,
		.serving_max = 10,
		.folder = folder,
		.files = interop_files,
		.file_count = INTEROP_FILES,
	};
	for (size_t i = 0; i < INTEROP_FILES; i++)
		received[i] = malloc(INTEROP_WRAP_BYTES);
	ck_assert_int_eq(real_server_start(&server_config, &server), 0);
	tftp = -1;
	ended = false;
	failure = PFS_FAIL_NONE;
	blksize_agreed = tsize_files = 0;
}

static void teardown(void)
{
	for (size_t i = 0; i < INTEROP_FILES; i++)
		free(received[i]);
	if (tftp >= 0)
		close(tftp);
	real_server_stop(server);
	interop_leave();
	close(netns);
}

/* ------------------------------------------------- the smallest of worlds */

static void tftp_send(const struct pfs_action *action)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(action->port),
		.sin_addr.s_addr = htonl(action->address),
	};

	ck_assert_int_ge(tftp, 0);
	if (sendto(tftp, action->bytes, action->length, 0, (const struct sockaddr *)&to, sizeof(to)) !=
	    (ssize_t)action->length)
		ck_abort_msg("cannot send");
}

static void seen(const struct pfs_trace *trace)
{
	switch (trace->kind) {
	case PFS_TR_UPGRADED:
		ended = true;
		break;
	case PFS_TR_FAILED:
		ended = true;
		failure = trace->a;
		break;
	case PFS_TR_TFTP_OPTIONS:
		blksize_agreed = trace->a;
		tsize_files += trace->c == interop_files[trace->file].size;
		break;
	default:
		break;
	}
}

/* Carries one action out; an answer that is due at once is left in *answer. */
static void carry_out(const struct pfs_action *action, struct pfs_event *answer)
{
	switch (action->kind) {
	case PFS_ACT_OPEN:
		*answer = (struct pfs_event){ .kind = PFS_EV_OPENED, .ok = 1 };
		break;
	case PFS_ACT_TFTP_OPEN:
		tftp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		break;
	case PFS_ACT_TFTP_CLOSE:
		close(tftp);
		tftp = -1;
		break;
	case PFS_ACT_TFTP_SEND:
		tftp_send(action);
		break;
	case PFS_ACT_TAKE:
		if (action->offset + action->length > interop_files[action->file].size)
			ck_abort_msg("past the file's end");
		memcpy(received[action->file] + action->offset, packet + action->skip, action->length);
		break;
	case PFS_ACT_VERIFY:
		*answer = (struct pfs_event){
			.kind = PFS_EV_VERIFIED,
			.file = action->file,
			.ok = !memcmp(received[action->file], interop_files[action->file].content,
				      interop_files[action->file].size),
		};
		break;
	case PFS_ACT_TRACE:
		seen(&action->trace);
		break;
	default:
		break;
	}
}

static void step(struct pfs_event *event)
{
	struct pfs_event answer;

	do {
		answer = (struct pfs_event){ .kind = PFS_EV_KINDS };
		event->now_us = clock_us();
		pfs_step(&phone, event, &actions);
		for (uint32_t i = 0; i < actions.count; i++)
			carry_out(&actions.list[i], &answer);
		*event = answer;
	} while (answer.kind != PFS_EV_KINDS);
}

static bool receive(void)
{
	struct sockaddr_in from = { 0 };
	socklen_t from_length = sizeof(from);
	ssize_t length =
		recvfrom(tftp, packet, sizeof(packet), MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);
	struct pfs_event event = {
		.kind = PFS_EV_TFTP,
		.address = ntohl(from.sin_addr.s_addr),
		.port = ntohs(from.sin_port),
		.data = packet,
		.length = (uint32_t)length,
		.available = (uint32_t)length,
	};

	if (length < 0)
		return false;
	step(&event);
	return true;
}

/* Input goes before time-outs. */
static void run(void)
{
	struct pfs_event event = { .kind = PFS_EV_START };

	step(&event);
	while (!ended) {
		struct pollfd ready = { .fd = tftp, .events = POLLIN };
		uint64_t now_us = clock_us();
		uint64_t deadline_us = pfs_deadline(&phone);

		if (tftp >= 0 && receive())
			continue;
		if (deadline_us <= now_us) {
			event = (struct pfs_event){ .kind = PFS_EV_TIME };
			step(&event);
		} else if (!ended) {
			ck_assert_uint_ne(deadline_us, PFS_TIME_NEVER);
			poll(&ready, tftp >= 0, (int)((deadline_us - now_us) / 1000 + 1));
		}
	}
}

static void configure(uint16_t blksize, uint8_t tsize, uint8_t timeout_s)
{
	struct pfs_config config = {
		.seed = 1,
		.address = 0x0a090902,
		.netmask = 0xffffff00,
		.tftp_server = INTEROP_ADDRESS,
		.tftp_blksize = blksize,
		.tftp_tsize = tsize,
		.tftp_timeout_s = timeout_s,
		.part = PFS_PART_MODE,
		.origin = PFS_ORIGIN_DEFAULT,
		.file_count = INTEROP_FILES,
		.model = "CP-7961G",
	};

	for (size_t i = 0; i < INTEROP_FILES; i++) {
		strcpy(config.files[i].name, interop_files[i].name);
		config.files[i].size = interop_files[i].size;
	}
	ck_assert_int_eq(pfs_phone_init(&phone, &config), 0);
}

static void must_have_all(void)
{
	ck_assert_uint_eq(failure, PFS_FAIL_NONE);
	for (size_t i = 0; i < INTEROP_FILES; i++)
		ck_assert_mem_eq(received[i], interop_files[i].content, interop_files[i].size);
}

/* Files of 0, 511, 512 and 513 bytes, and one past 65,535 blocks of 512: the number wraps. */
START_TEST(plain)
{
	configure(0, 0, 0);
	run();
	must_have_all();
	ck_assert_uint_eq(blksize_agreed, 0);
}
END_TEST

/* RFC 2348 and 2349: what we ask for is understood, and the answer too. */
START_TEST(with_options)
{
	configure(1428, 1, 3);
	run();
	must_have_all();
	ck_assert_uint_eq(blksize_agreed, 1428);
	ck_assert_uint_eq(tsize_files, INTEROP_FILES);
}
END_TEST

/* A server that grants less than was asked. */
START_TEST(less_than_asked)
{
	real_server_stop(server);
	server_config.blksize_max = 1000;
	ck_assert_int_eq(real_server_start(&server_config, &server), 0);
	configure(1428, 0, 0);
	run();
	must_have_all();
	ck_assert_uint_eq(blksize_agreed, 1000);
}
END_TEST

/* A file that the server lacks is an end, with its reason. */
START_TEST(file_not_found)
{
	configure(0, 0, 0);
	strcpy(phone.config.files[1].name, "nothing");
	run();
	ck_assert_uint_eq(failure, PFS_FAIL_SERVER_NOT_FOUND);
}
END_TEST

int main(int count, char **arguments)
{
	Suite *suite = suite_create("core_client");
	TCase *tcase;

	kind = count == 2 && !strcmp(arguments[1], "dnsmasq") ? REAL_SERVER_DNSMASQ : REAL_SERVER_IN_TFTPD;
	interop_need_root(real_server_name(kind));
	if (!real_server_installed(kind))
		interop_need(real_server_name(kind));
	tcase = tcase_create(real_server_name(kind));
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, plain);
	tcase_add_test(tcase, with_options);
	tcase_add_test(tcase, less_than_asked);
	tcase_add_test(tcase, file_not_found);
	return tap_run(suite);
}
