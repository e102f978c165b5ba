/*
 * The fabric's promises, on the real kernel: phones reach each other and
 * headquarters; a broadcast domain is one; ARP does not flood (DESIGN point
 * 11); a phone whose cable is out is silent; what the relay carries it counts,
 * and may damage; and nothing is left behind (point 10).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emulator/netns/fabric.h"
#include "tests/netns/netns_test.h"
#include "tests/netns/plan_by_hand.h"
#include "tests/tap.h"

#define PORT 4051

/* What a test opens inside a namespace. */
struct opening {
	int type, protocol;
	uint32_t address; /* bound to, host byte order */
	int descriptor;
};

static int open_socket(void *context)
{
	struct opening *opening = context;
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(PORT),
				  .sin_addr.s_addr = htonl(opening->address)};
	int one = 1;

	opening->descriptor = socket(AF_INET, opening->type | SOCK_CLOEXEC, 0);
	if (opening->descriptor < 0)
		return -errno;
	setsockopt(opening->descriptor, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	setsockopt(opening->descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(opening->descriptor, (struct sockaddr *)&own, sizeof(own)))
		return -errno;
	return opening->type == SOCK_STREAM && listen(opening->descriptor, 16) ? -errno : 0;
}

static int open_arp(void *context)
{
	struct opening *opening = context;

	opening->descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
	return opening->descriptor < 0 ? -errno : 0;
}

struct world {
	struct plan *plan;
	struct fabric *fabric;
	struct ev_loop *loop;
	int *udp; /* one a phone */
	int hq;
};

static void world_up(struct world *world, const struct plan_by_hand *wanted, fabric_damage_fn damage, void *context)
{
	struct opening opening = {.type = SOCK_DGRAM};
	struct timespec now;

	world->plan = plan_by_hand(wanted);
	ck_assert_ptr_nonnull(world->plan);
	ck_assert_int_eq(fabric_new(world->plan, &world->fabric), 0);
	world->udp = calloc(wanted->phones, sizeof(*world->udp));
	for (uint32_t i = 0; i < wanted->phones; i++) {
		ck_assert_int_eq(fabric_phone_up(world->fabric, i, open_socket, &opening), 0);
		world->udp[i] = opening.descriptor;
	}
	ck_assert_int_eq(fabric_in_hq(world->fabric, open_socket, &opening), 0);
	world->hq = opening.descriptor;
	clock_gettime(CLOCK_MONOTONIC, &now);
	world->loop = ev_loop_new(EVFLAG_AUTO);
	ck_assert_int_eq(fabric_wan_start(world->fabric, world->loop,
					  (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, damage, context),
			 0);
}

static void world_down(struct world *world)
{
	for (uint32_t i = 0; i < world->plan->phone_count; i++)
		close(world->udp[i]);
	close(world->hq);
	fabric_free(world->fabric);
	ev_loop_destroy(world->loop);
	plan_by_hand_free(world->plan);
	free(world->udp);
}

static void say(int from, uint32_t to, const char *text)
{
	struct sockaddr_in peer = {
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(to)};

	ck_assert_int_eq(sendto(from, text, strlen(text), 0, (struct sockaddr *)&peer, sizeof(peer)),
			 (ssize_t)strlen(text));
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ONE);
}

static void on_timeout(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)events;
	*(bool *)watcher->data = true;
	ev_break(loop, EVBREAK_ONE);
}

/* Runs the relay until the socket has something; false: nothing for 5 s. */
static bool readable(struct world *world, int descriptor)
{
	struct pollfd poll_now = {.fd = descriptor, .events = POLLIN};
	bool late = false;
	ev_timer timer;
	ev_io io;

	ev_io_init(&io, on_readable, descriptor, EV_READ);
	ev_timer_init(&timer, on_timeout, 5., 0.);
	timer.data = &late;
	ev_io_start(world->loop, &io);
	ev_timer_start(world->loop, &timer);
	while (poll(&poll_now, 1, 0) == 0 && !late)
		ev_run(world->loop, EVRUN_ONCE);
	ev_io_stop(world->loop, &io);
	ev_timer_stop(world->loop, &timer);
	return !late;
}

/* The text that comes next, and from whom. */
static uint32_t hear(struct world *world, int descriptor, const char *text)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	char got[2048];
	ssize_t bytes;

	ck_assert_msg(readable(world, descriptor), "nobody said \"%s\"", text);
	bytes = recvfrom(descriptor, got, sizeof(got) - 1, 0, (struct sockaddr *)&peer, &length);
	ck_assert_int_ge(bytes, 0);
	got[bytes] = 0;
	ck_assert_str_eq(got, text);
	return ntohl(peer.sin_addr.s_addr);
}

static bool silent(int descriptor)
{
	struct pollfd poll_now = {.fd = descriptor, .events = POLLIN};

	return poll(&poll_now, 1, 0) == 0;
}

static void nothing_dropped(struct world *world)
{
	uint64_t drops = 0;

	ck_assert_int_eq(fabric_drops(world->fabric, &drops), 0);
	ck_assert_uint_eq(drops, 0);
}

/* Two phones and headquarters exchange datagrams; bytes are counted by the kernel, none dropped. */
START_TEST(phones_and_headquarters)
{
	struct plan_by_hand wanted = {.phones = 4, .subnets = 2, .port_bps = 100000000};
	struct world world;
	uint64_t before, after;

	world_up(&world, &wanted, NULL, NULL);
	ck_assert_int_eq(fabric_introduce(world.fabric, 0, 1), 0);
	ck_assert_int_eq(fabric_introduce(world.fabric, 1, 0), 0);
	ck_assert_int_eq(fabric_phone_rx_bytes(world.fabric, 1, &before), 0);
	say(world.udp[0], world.plan->phones[1].address, "to a neighbour");
	ck_assert_uint_eq(hear(&world, world.udp[1], "to a neighbour"), world.plan->phones[0].address);
	ck_assert_int_eq(fabric_phone_rx_bytes(world.fabric, 1, &after), 0);
	/* the datagram alone: they were introduced, so no ARP went before it */
	ck_assert_uint_eq(after - before, 14 + 20 + 8 + 14);
	say(world.udp[0], world.plan->phones[3].address, "to the other subnet");
	ck_assert_uint_eq(hear(&world, world.udp[3], "to the other subnet"), world.plan->phones[0].address);
	say(world.udp[0], world.plan->server.address, "to headquarters");
	ck_assert_uint_eq(hear(&world, world.hq, "to headquarters"), world.plan->phones[0].address);
	say(world.hq, world.plan->phones[3].address, "from headquarters");
	ck_assert_uint_eq(hear(&world, world.udp[3], "from headquarters"), world.plan->server.address);
	ck_assert_uint_eq(fabric_wan_link(world.fabric, 0, true)->forwarded_bytes, 20 + 8 + 17);
	ck_assert_uint_eq(fabric_wan_link(world.fabric, 0, false)->forwarded_bytes, 20 + 8 + 15);
	nothing_dropped(&world);
	world_down(&world);
}
END_TEST

/* Without a descriptor a phone's counters cannot be read: that is said, and is not "none dropped". */
START_TEST(unread_counters_are_told)
{
	struct plan_by_hand wanted = {.phones = 2};
	struct rlimit before, none;
	struct world world;
	uint64_t drops = 0;
	int error, lowest;

	world_up(&world, &wanted, NULL, NULL);
	lowest = dup(world.hq);
	close(lowest);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	error = fabric_drops(world.fabric, &drops);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(error, -EMFILE);
	nothing_dropped(&world);
	world_down(&world);
}
END_TEST

/* A switch is one broadcast domain, whichever subnets stand on it (protocol question 11), and ends there. */
START_TEST(one_broadcast_domain)
{
	struct plan_by_hand wanted = {.phones = 4, .subnets = 2, .one_switch = true};
	struct world world;

	world_up(&world, &wanted, NULL, NULL);
	say(world.udp[0], UINT32_MAX, "to all");
	for (int i = 1; i < 4; i++)
		ck_assert_uint_eq(hear(&world, world.udp[i], "to all"), world.plan->phones[0].address);
	/* directed to the subnet: heard there; the other subnet's phones have another address for it */
	say(world.udp[0], world.plan->subnets[0].network | 0xffff, "to the subnet");
	hear(&world, world.udp[1], "to the subnet");
	nothing_dropped(&world);
	world_down(&world);

	wanted.one_switch = false;
	world_up(&world, &wanted, NULL, NULL);
	say(world.udp[0], UINT32_MAX, "to all");
	hear(&world, world.udp[1], "to all");
	/* in order behind it, by way of the router */
	say(world.udp[0], world.plan->phones[2].address, "to you");
	hear(&world, world.udp[2], "to you");
	world_down(&world);
}
END_TEST

static uint32_t arp_frames(int descriptor)
{
	uint8_t frame[128];
	uint32_t count = 0;

	while (recv(descriptor, frame, sizeof(frame), 0) > 0)
		count++;
	return count;
}

/* ARP frames that the last phone sees while the first two talk for the first time. */
static uint32_t arp_at_a_third(const struct plan_by_hand *wanted, uint32_t first, uint32_t second)
{
	struct opening arp = {0};
	struct world world;
	uint32_t count;

	world_up(&world, wanted, NULL, NULL);
	ck_assert_int_eq(fabric_in_phone(world.fabric, wanted->phones - 1, open_arp, &arp), 0);
	say(world.udp[first], world.plan->phones[second].address, "hello");
	hear(&world, world.udp[second], "hello");
	say(world.udp[second], world.plan->phones[first].address, "who is there");
	hear(&world, world.udp[first], "who is there");
	say(world.udp[first], world.plan->server.address, "and there");
	hear(&world, world.hq, "and there");
	/* behind any flooded request, through the same switch */
	say(world.udp[first], UINT32_MAX, "to all");
	hear(&world, world.udp[wanted->phones - 1], "to all");
	count = arp_frames(arp.descriptor);
	close(arp.descriptor);
	world_down(&world);
	return count;
}

START_TEST(arp_does_not_flood)
{
	struct plan_by_hand wanted = {.phones = 3};

	ck_assert_uint_eq(arp_at_a_third(&wanted, 0, 1), 0);
}
END_TEST

/* lan.arp "real": the switch is a plain one. Shows too that the test above can see ARP. */
START_TEST(real_arp_floods)
{
	struct plan_by_hand wanted = {.phones = 3, .real_arp = true};

	ck_assert_uint_ge(arp_at_a_third(&wanted, 0, 1), 2);
}
END_TEST

/* ---- the count of ARP requests ---- */

#define ARP_REQUEST 1

struct arp_frame {
	uint8_t to[6], from[6];
	uint16_t type, hardware, protocol;
	uint8_t hardware_bytes, protocol_bytes;
	uint16_t operation;
	uint8_t sender_mac[6], sender[4], target_mac[6], target[4];
};

/* A witness: sees what its phone sends, which a socket for ARP alone does not. */
static int open_all(void *context)
{
	struct opening *opening = context;

	opening->descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	return opening->descriptor < 0 ? -errno : 0;
}

static uint32_t requests_sent(int witness)
{
	struct sockaddr_ll from;
	socklen_t length = sizeof(from);
	struct arp_frame frame;
	uint32_t count = 0;

	while (recvfrom(witness, &frame, sizeof(frame), MSG_TRUNC, (struct sockaddr *)&from, &length) > 0) {
		count += from.sll_pkttype == PACKET_OUTGOING && frame.type == htons(ETH_P_ARP) &&
			 frame.operation == htons(ARP_REQUEST);
		length = sizeof(from);
	}
	return count;
}

/* Who has `target`? As often as wanted: the kernel's own asks once and remembers. */
static void ask(const struct world *world, int socket, uint32_t phone, uint32_t target, uint32_t times)
{
	struct sockaddr_ll out = {.sll_family = AF_PACKET, .sll_ifindex = 2, .sll_halen = 6};
	uint32_t own = htonl(world->plan->phones[phone].address), wanted = htonl(target);
	struct arp_frame frame = {.type = htons(ETH_P_ARP), .hardware = htons(1), .protocol = htons(ETH_P_IP),
				  .hardware_bytes = 6, .protocol_bytes = 4, .operation = htons(ARP_REQUEST)};

	memset(out.sll_addr, 0xff, 6);
	memset(frame.to, 0xff, 6);
	memcpy(frame.from, world->plan->phones[phone].mac, 6);
	memcpy(frame.sender_mac, world->plan->phones[phone].mac, 6);
	memcpy(frame.sender, &own, 4);
	memcpy(frame.target, &wanted, 4);
	while (times--)
		ck_assert_int_eq(sendto(socket, &frame, sizeof(frame), 0, (struct sockaddr *)&out, sizeof(out)),
				 sizeof(frame));
}

/* Each request once, whether the switch answers it itself (_i 0) or floods it; replies and what went before do not count. */
START_TEST(arp_requests_are_counted)
{
	struct plan_by_hand wanted = {.phones = 3, .real_arp = _i};
	struct opening witness[3], asker[2]; /* a socket does not see what it sends itself */
	struct world world;
	uint32_t sent = 0;

	world_up(&world, &wanted, NULL, NULL);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(fabric_in_phone(world.fabric, i, open_all, &witness[i]), 0);
	for (uint32_t i = 0; i < 2; i++)
		ck_assert_int_eq(fabric_in_phone(world.fabric, i, open_arp, &asker[i]), 0);
	fabric_arp_frames(world.fabric);
	for (uint32_t i = 0; i < 3; i++)
		requests_sent(witness[i].descriptor);
	/* the kernel's own requests, each answered; then some of known number */
	say(world.udp[0], world.plan->phones[1].address, "hello");
	hear(&world, world.udp[1], "hello");
	ask(&world, asker[0].descriptor, 0, world.plan->phones[2].address, 7);
	ask(&world, asker[1].descriptor, 1, world.plan->phones[2].address, 5);
	/* behind them, through the same switch */
	say(world.udp[0], UINT32_MAX, "to all");
	hear(&world, world.udp[2], "to all");
	say(world.udp[1], UINT32_MAX, "to all");
	hear(&world, world.udp[2], "to all");
	for (uint32_t i = 0; i < 3; i++) {
		sent += requests_sent(witness[i].descriptor);
		close(witness[i].descriptor);
	}
	close(asker[0].descriptor);
	close(asker[1].descriptor);
	ck_assert_uint_ge(sent, 12 + 1);
	ck_assert_uint_eq(fabric_arp_frames(world.fabric), sent);
	ck_assert_uint_eq(fabric_arp_frames(world.fabric), 0);
	world_down(&world);
}
END_TEST

/* More phones than one bridge takes: still one broadcast domain, and still no ARP heard by others. */
START_TEST(switches_are_chained)
{
	struct plan_by_hand wanted = {.phones = PLAN_SWITCH_PORTS_MAX + 3};

	ck_assert_int_eq(netns_test_descriptors(wanted.phones * 2 + 64), 0);
	ck_assert_uint_eq(arp_at_a_third(&wanted, 0, PLAN_SWITCH_PORTS_MAX + 1), 0);
}
END_TEST

struct dial {
	uint32_t address;
	int descriptor;
};

static int dial(void *context)
{
	struct dial *wanted = context;
	struct sockaddr_in peer = {
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(wanted->address)};

	wanted->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return connect(wanted->descriptor, (struct sockaddr *)&peer, sizeof(peer)) ? -errno : 0;
}

/* Power loss: link down first, and no FIN or RST is ever seen (scenario fault "kill"). */
START_TEST(a_dead_phone_is_silent)
{
	struct plan_by_hand wanted = {.phones = 3};
	struct opening tcp = {.type = SOCK_STREAM};
	struct linger abort_it = {1, 0};
	struct dial client;
	struct world world;
	int accepted;

	world_up(&world, &wanted, NULL, NULL);
	ck_assert_int_eq(fabric_introduce(world.fabric, 0, 1), 0);
	ck_assert_int_eq(fabric_introduce(world.fabric, 0, 2), 0);
	ck_assert_int_eq(fabric_introduce(world.fabric, 1, 2), 0);
	ck_assert_int_eq(fabric_in_phone(world.fabric, 0, open_socket, &tcp), 0);
	for (int round = 0; round < 2; round++) {
		client.address = world.plan->phones[0].address;
		ck_assert_int_eq(fabric_in_phone(world.fabric, 1, dial, &client), 0);
		accepted = accept(tcp.descriptor, NULL, NULL);
		ck_assert_int_ge(accepted, 0);
		if (round == 0)
			ck_assert_int_eq(fabric_phone_link(world.fabric, 1, false), 0);
		setsockopt(client.descriptor, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
		close(client.descriptor); /* a reset */
		/* the same way through the switch, behind a reset */
		say(world.udp[2], world.plan->phones[0].address, "still here");
		hear(&world, world.udp[0], "still here");
		if (round == 0)
			ck_assert_msg(silent(accepted), "a phone without a cable was heard");
		else
			ck_assert_msg(readable(&world, accepted), "the reset of a phone with a cable was not heard");
		close(accepted);
		if (round == 0)
			ck_assert_int_eq(fabric_phone_link(world.fabric, 1, true), 0);
	}
	say(world.udp[1], world.plan->phones[2].address, "back");
	hear(&world, world.udp[2], "back");
	nothing_dropped(&world);
	close(tcp.descriptor);
	world_down(&world);
}
END_TEST

static bool flip(void *context, uint32_t site, bool down, uint8_t *ip, uint32_t length)
{
	uint32_t *seen = context;

	(void)site;
	if (!down || length < 29)
		return false;
	(*seen)++;
	ip[28] ^= 1;
	return true;
}

/* A byte that is damaged on the WAN reaches the phone: checksums are mended. */
START_TEST(damage_passes_the_kernel)
{
	struct plan_by_hand wanted = {.phones = 1};
	struct world world;
	uint32_t seen = 0;

	world_up(&world, &wanted, flip, &seen);
	say(world.hq, world.plan->phones[0].address, "Bytes");
	hear(&world, world.udp[0], "Cytes");
	say(world.udp[0], world.plan->server.address, "Bytes");
	hear(&world, world.hq, "Bytes");
	ck_assert_uint_eq(seen, 1);
	world_down(&world);
}
END_TEST

/* A cut link loses and counts; configured back, it carries. What the scenario lost is no drop. */
START_TEST(a_cut_link_loses)
{
	struct plan_by_hand wanted = {.phones = 1};
	struct link_config cut = {.loss_ppm = 1000000}, whole = {0};
	struct world world;

	world_up(&world, &wanted, NULL, NULL);
	fabric_wan_configure(world.fabric, 0, &cut, &whole);
	say(world.hq, world.plan->phones[0].address, "lost");
	say(world.udp[0], world.plan->server.address, "up");
	hear(&world, world.hq, "up");
	while (!fabric_wan_link(world.fabric, 0, true)->lost_packets)
		ev_run(world.loop, EVRUN_ONCE);
	fabric_wan_configure(world.fabric, 0, &whole, &whole);
	say(world.hq, world.plan->phones[0].address, "down");
	hear(&world, world.udp[0], "down");
	ck_assert_uint_eq(fabric_wan_link(world.fabric, 0, true)->lost_packets, 1);
	nothing_dropped(&world);
	world_down(&world);
}
END_TEST

/* Each site has its own router and link; from one to another it is over both. */
START_TEST(sites)
{
	struct plan_by_hand wanted = {.phones = 2, .subnets = 2, .sites = 2};
	struct world world;

	world_up(&world, &wanted, NULL, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		say(world.udp[i], world.plan->server.address, "up");
		ck_assert_uint_eq(hear(&world, world.hq, "up"), world.plan->phones[i].address);
		say(world.hq, world.plan->phones[i].address, "down");
		hear(&world, world.udp[i], "down");
		ck_assert_uint_eq(fabric_wan_link(world.fabric, i, true)->forwarded_packets, 1);
		ck_assert_uint_eq(fabric_wan_link(world.fabric, i, false)->forwarded_packets, 1);
	}
	say(world.udp[0], world.plan->phones[1].address, "over there");
	hear(&world, world.udp[1], "over there");
	ck_assert_uint_eq(fabric_wan_link(world.fabric, 0, false)->forwarded_packets, 2);
	ck_assert_uint_eq(fabric_wan_link(world.fabric, 1, true)->forwarded_packets, 2);
	world_down(&world);
}
END_TEST

/* Where descriptors run out it is an error with a name; the thread is home again and all is given back. */
START_TEST(out_of_descriptors)
{
	struct plan_by_hand wanted = {.phones = 200};
	struct plan *plan = plan_by_hand(&wanted);
	struct rlimit files = {100, 100};
	struct stat before, after;
	struct fabric *fabric;
	int error = 0;

	ck_assert_int_eq(fabric_new(plan, &fabric), 0);
	ck_assert_int_eq(stat("/proc/thread-self/ns/net", &before), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (uint32_t i = 0; i < wanted.phones && !error; i++)
		error = fabric_phone_up(fabric, i, NULL, NULL);
	ck_assert_int_eq(error, -EMFILE);
	ck_assert_int_eq(stat("/proc/thread-self/ns/net", &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	fabric_free(fabric);
	plan_by_hand_free(plan);
}
END_TEST

/* Where the kernel allows no namespace, a probe says so, and what mends it; nothing is made. */
START_TEST(not_allowed)
{
	struct fabric_probe probes[32];
	struct plan_by_hand wanted = {.phones = 1};
	struct plan *plan = plan_by_hand(&wanted);
	struct fabric *fabric;
	FILE *limit;

	ck_assert_int_eq(unshare(CLONE_NEWUSER), 0);
	limit = fopen("/proc/sys/user/max_net_namespaces", "w");
	ck_assert_ptr_nonnull(limit);
	fprintf(limit, "0");
	ck_assert_int_eq(fclose(limit), 0);
	ck_assert_int_lt(fabric_new(plan, &fabric), 0);
	ck_assert_ptr_null(fabric);
	for (uint32_t i = 0, count = fabric_probe_host(probes, 32); i < count; i++) {
		if (strcmp(probes[i].name, "network namespaces") == 0)
			ck_assert(probes[i].needed && probes[i].error && *probes[i].mend);
		if (strcmp(probes[i].name, "user.max_net_namespaces") == 0)
			ck_assert(!probes[i].needed && probes[i].error && strcmp(probes[i].found, "0") == 0);
	}
	plan_by_hand_free(plan);
}
END_TEST

/* In: the interface's name. Out: how many IPv6 addresses it has. */
struct ipv6 {
	const char *interface;
	uint32_t addresses;
};

static int count_ipv6(void *context)
{
	struct ipv6 *ipv6 = context;
	FILE *file = fopen("/proc/thread-self/net/if_inet6", "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		ipv6->addresses += strstr(line, ipv6->interface) != NULL;
	if (file)
		fclose(file);
	return 0;
}

/* IPv6 is off on every phone (it would flood the switch), in a container with a read-only /proc/sys too. */
START_TEST(no_ipv6)
{
	struct plan_by_hand wanted = {.phones = 2};

	for (int round = 0; round < 2; round++) {
		struct ipv6 ipv6 = {.interface = "eth0"};
		struct world world;

		if (round == 1 && (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
				   mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL) ||
				   mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)))
			return; /* an ordinary user: the first round has been held */
		world_up(&world, &wanted, NULL, NULL);
		say(world.udp[0], world.plan->server.address, "ready");
		hear(&world, world.hq, "ready");
		say(world.udp[0], world.plan->phones[1].address, "you too");
		hear(&world, world.udp[1], "you too");
		ck_assert_int_eq(fabric_in_phone(world.fabric, 0, count_ipv6, &ipv6), 0);
		ck_assert_uint_eq(ipv6.addresses, 0);
		world_down(&world);
	}
}
END_TEST

static int read_loss_probes(void *context)
{
	FILE *file = fopen("/proc/sys/net/ipv4/tcp_early_retrans", "r");

	ck_assert_ptr_nonnull(file);
	*(int *)context = fgetc(file);
	fclose(file);
	return 0;
}

/* TCP's are off in every phone (by a second /proc of the fabric's own too, from phone 64 on), and as they were here. */
START_TEST(no_loss_probes)
{
	struct plan_by_hand wanted = {.phones = 66};
	struct world world;
	int before, value;

	read_loss_probes(&before);
	world_up(&world, &wanted, NULL, NULL);
	for (uint32_t i = 0; i < wanted.phones; i++) {
		ck_assert_int_eq(fabric_in_phone(world.fabric, i, read_loss_probes, &value), 0);
		ck_assert_int_eq(value, '0');
	}
	read_loss_probes(&value);
	ck_assert_int_eq(value, before);
	world_down(&world);
}
END_TEST

static Suite *suite(void)
{
	Suite *made = suite_create("fabric");
	TCase *few = tcase_create("few"), *many = tcase_create("many");

	tcase_set_timeout(few, 30);
	tcase_add_test(few, phones_and_headquarters);
	tcase_add_test(few, unread_counters_are_told);
	tcase_add_test(few, one_broadcast_domain);
	tcase_add_test(few, arp_does_not_flood);
	tcase_add_test(few, real_arp_floods);
	tcase_add_loop_test(few, arp_requests_are_counted, 0, 2);
	tcase_add_test(few, a_dead_phone_is_silent);
	tcase_add_test(few, damage_passes_the_kernel);
	tcase_add_test(few, a_cut_link_loses);
	tcase_add_test(few, sites);
	tcase_add_test(few, no_ipv6);
	tcase_add_test(few, no_loss_probes);
	tcase_add_test(few, out_of_descriptors);
	if (netns_test_user_namespaces())
		tcase_add_test(few, not_allowed);
	suite_add_tcase(made, few);
	tcase_set_timeout(many, 120);
	tcase_add_test(many, switches_are_chained);
	suite_add_tcase(made, many);
	return made;
}

int main(void)
{
	if (!netns_test_allowed())
		return 0;
	return tap_run(suite());
}
