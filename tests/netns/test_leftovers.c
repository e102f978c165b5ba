/*
 * Nothing is left of a fabric (DESIGN point 10): not after fabric_free, not
 * after SIGKILL, not with a cable out and data on its way. And the host's own
 * network never sees any of it; nor does it take root where the kernel lets
 * ordinary users have namespaces.
 *
 * A namespace without a name cannot be looked for, so each gets a tell-tale:
 * the test puts one end of a veth pair into it and keeps the other in a
 * namespace of the test's own. When the namespace goes, the pair goes, and the
 * kernel says so.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emulator/netns/fabric_internal.h"
#include "tests/netns/netns_test.h"
#include "tests/netns/plan_by_hand.h"
#include "tests/tap.h"

#define PHONES 20
#define WATCHED (PHONES + 1)
#define GONE_MS 20000

static uint32_t links_here(void)
{
	FILE *file = fopen("/proc/thread-self/net/dev", "r");
	char line[512];
	uint32_t lines = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		lines++;
	fclose(file);
	return lines - 2;
}

static int open_own(void *context)
{
	*(int *)context = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return *(int *)context < 0 ? -errno : 0;
}

/* ---- tell-tales ---- */

struct telltale {
	struct netlink nl;
	struct nl_sock *events;
};

/* The calling thread moves to a namespace of the test's own. */
static void telltale_open(struct telltale *telltale)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(netlink_open(&telltale->nl), 0);
	telltale->events = nl_socket_alloc();
	nl_socket_set_local_port(telltale->events, 0);
	ck_assert_int_eq(nl_connect(telltale->events, NETLINK_ROUTE), 0);
	ck_assert_int_eq(nl_socket_add_membership(telltale->events, RTNLGRP_LINK), 0);
}

static void telltale_add(struct telltale *telltale, int number, int namespace)
{
	const struct fabric none = {0};
	char name[24];
	struct fabric_end end = {.name = name, .index = 100 + number, .namespace = -1};
	struct fabric_end peer = {.name = "telltale", .index = 9000000, .namespace = namespace};

	snprintf(name, sizeof(name), "t%d", number);
	fabric_add_veth(&none, &telltale->nl, &end, &peer);
	ck_assert_int_eq(netlink_flush(&telltale->nl, "telltale"), 0);
	close(namespace);
}

static bool all_gone(struct telltale *telltale)
{
	char buffer[16384];

	while (links_here() > 1) {
		struct pollfd change = {.fd = nl_socket_get_fd(telltale->events), .events = POLLIN};

		if (poll(&change, 1, GONE_MS) <= 0)
			return false;
		while (recv(change.fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
			;
	}
	return true;
}

/* ---- a fabric in use ---- */

struct tcp {
	int descriptor;
	uint32_t address;
};

static int tcp_open(void *context)
{
	struct tcp *tcp = context;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(4051), .sin_addr.s_addr = htonl(tcp->address)};
	struct linger at_once = {1, 0};

	tcp->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(tcp->descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (!tcp->address)
		return bind(tcp->descriptor, (struct sockaddr *)&address, sizeof(address)) ||
				       listen(tcp->descriptor, 4) ?
			       -errno :
			       0;
	return connect(tcp->descriptor, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

static struct tcp listener, sender;

/* Phone 1 sends to phone 0, whose cable is then out, so that what it sent stays unacknowledged. */
static void transfer_without_cable(struct fabric *fabric, const struct plan *plan)
{
	char data[65536] = {0};

	sender.address = plan->phones[0].address;
	ck_assert_int_eq(fabric_in_phone(fabric, 0, tcp_open, &listener), 0);
	ck_assert_int_eq(fabric_in_phone(fabric, 1, tcp_open, &sender), 0);
	ck_assert_int_eq(fabric_phone_link(fabric, 0, false), 0);
	ck_assert_int_gt(send(sender.descriptor, data, sizeof(data), MSG_DONTWAIT), 0);
}

static struct fabric *fabric_in_use(struct plan **plan)
{
	struct plan_by_hand wanted = {.phones = PHONES, .port_bps = 100000000};
	uint32_t before = links_here();
	struct fabric *fabric;
	struct timespec now;

	*plan = plan_by_hand(&wanted);
	ck_assert_int_eq(fabric_new(*plan, &fabric), 0);
	for (uint32_t i = 0; i < PHONES; i++)
		ck_assert_int_eq(fabric_phone_up(fabric, i, NULL, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	ck_assert_int_eq(fabric_wan_start(fabric, EV_DEFAULT, (uint64_t)now.tv_sec * 1000000000u, NULL,
					  NULL),
			 0);
	transfer_without_cable(fabric, *plan);
	ck_assert_uint_eq(links_here(), before);
	return fabric;
}

/* Descriptors of what is to go, in order: the phones, headquarters. */
static void descriptors(struct fabric *fabric, int *found)
{
	for (uint32_t i = 0; i < PHONES; i++)
		found[i] = fabric_phone_namespace(fabric, i);
	ck_assert_int_eq(fabric_in_hq(fabric, open_own, &found[PHONES]), 0);
}

START_TEST(free_leaves_nothing)
{
	struct namespace_home home;
	struct telltale telltale = {0};
	int found[WATCHED];
	struct plan *plan;
	struct fabric *fabric;

	ck_assert_int_eq(namespace_home_open(&home), 0);
	telltale_open(&telltale);
	fabric = fabric_in_use(&plan);
	descriptors(fabric, found);
	for (int i = 0; i < WATCHED; i++)
		telltale_add(&telltale, i, found[i]);
	ck_assert_uint_eq(links_here(), 1 + WATCHED);
	fabric_free(fabric);
	/* sockets hold their namespaces too; the world closes its own */
	close(listener.descriptor);
	close(sender.descriptor);
	ck_assert_msg(all_gone(&telltale), "namespaces are left after fabric_free");
	netlink_close(&telltale.nl);
	nl_socket_free(telltale.events);
	plan_by_hand_free(plan);
}
END_TEST

static void send_descriptors(int socket, const int *found)
{
	char control[CMSG_SPACE(WATCHED * sizeof(int))] = {0};
	char byte = 0;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(WATCHED * sizeof(int));
	memcpy(CMSG_DATA(head), found, WATCHED * sizeof(int));
	ck_assert_int_eq(sendmsg(socket, &message, 0), 1);
}

static void receive_descriptors(int socket, int *found)
{
	char control[CMSG_SPACE(WATCHED * sizeof(int))] = {0};
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				 .msg_controllen = sizeof(control)};

	ck_assert_int_eq(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), 1);
	ck_assert_uint_eq(CMSG_FIRSTHDR(&message)->cmsg_len, CMSG_LEN(WATCHED * sizeof(int)));
	memcpy(found, CMSG_DATA(CMSG_FIRSTHDR(&message)), WATCHED * sizeof(int));
}

static void killed_leaves_nothing(void)
{
	struct namespace_home home;
	struct telltale telltale = {0};
	int pair[2], found[WATCHED];
	pid_t child;

	ck_assert_int_eq(namespace_home_open(&home), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	child = fork();
	if (!child) {
		struct plan *plan;
		struct fabric *fabric = fabric_in_use(&plan);

		descriptors(fabric, found);
		send_descriptors(pair[1], found);
		for (;;)
			pause();
	}
	telltale_open(&telltale);
	close(pair[1]);
	receive_descriptors(pair[0], found);
	for (int i = 0; i < WATCHED; i++)
		telltale_add(&telltale, i, found[i]);
	ck_assert_uint_eq(links_here(), 1 + WATCHED);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_msg(all_gone(&telltale), "namespaces are left after SIGKILL");
	netlink_close(&telltale.nl);
	nl_socket_free(telltale.events);
	namespace_home_close(&home);
}

START_TEST(sigkill_leaves_nothing)
{
	killed_leaves_nothing();
}
END_TEST

static void become_an_ordinary_user(void)
{
	if (geteuid() == 0) {
		ck_assert_int_eq(setgroups(0, NULL), 0);
		ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
		/* a process that changed its user has its /proc entries given back by an exec only */
		netns_test_dumpable();
	}
}

/* The same without root, in a user namespace. */
START_TEST(an_ordinary_user_can)
{
	become_an_ordinary_user();
	killed_leaves_nothing();
}
END_TEST

static void write_text(const char *path, const char *text)
{
	int descriptor = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(descriptor, 0);
	ck_assert_int_eq(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
	close(descriptor);
}

/*
 * The same as "unshare -Ur" leaves a process: root of a user namespace, in a
 * network that this user namespace does not own and that nobody in it can
 * enter again. That is no reason to abort.
 */
START_TEST(root_of_a_user_namespace_alone_can)
{
	char map[32];

	become_an_ordinary_user();
	unsigned int user = geteuid(), group = getegid();

	ck_assert_int_eq(unshare(CLONE_NEWUSER), 0);
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1\n", user);
	write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1\n", group);
	write_text("/proc/self/gid_map", map);
	killed_leaves_nothing();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("leftovers");
	TCase *tests = tcase_create("leftovers");

	if (!netns_test_allowed())
		return 0;
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, free_leaves_nothing);
	tcase_add_test(tests, sigkill_leaves_nothing);
	if (netns_test_user_namespaces()) {
		tcase_add_test(tests, an_ordinary_user_can);
		tcase_add_test(tests, root_of_a_user_namespace_alone_can);
	}
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
