/*
 * The yardstick for bring-up: the same objects as a fleet's, made by the barest
 * system calls. No plan, no library, nothing checked but errors: each phone is
 * an unshare, two batches of netlink, and two sockets; the sockets alone hold
 * the namespace. What a fleet takes beyond this is the fleet's own doing.
 *
 * For each phone: a namespace; a veth pair made straight into place, one end on
 * the bridge, up and answering ARP; lo up; eth0 with address, two routes, token
 * bucket and three neighbours; what switch and router know of the phone; the
 * UDP socket and the listener.
 *
 * Prints one line of JSON. Arguments: [phones, 1000] [phones on a switch, 1000]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/ports_gone.h"

#define SWITCHES_MAX 16
#define BRIDGE 1000
#define ROUTER 2000
#define PORT 4000000
#define ETH0 2
#define GSO_BYTES 12500 /* a millisecond at 100 Mb/s */
#define TBF_BURST (GSO_BYTES * 9 / 8)

static struct {
	char bytes[16384];
	size_t used;
	struct nlmsghdr *last;
} batch;

static void die(const char *what)
{
	perror(what);
	exit(4);
}

/* ---- netlink, attribute by attribute ---- */

static void *append(size_t size)
{
	void *at = batch.bytes + batch.used;

	memset(at, 0, NLMSG_ALIGN(size));
	batch.used += NLMSG_ALIGN(size);
	batch.last->nlmsg_len = (uint32_t)(batch.bytes + batch.used - (char *)batch.last);
	return at;
}

static void *begin(uint16_t type, uint16_t flags, size_t size)
{
	batch.last = (struct nlmsghdr *)(batch.bytes + batch.used);
	batch.used += sizeof(*batch.last);
	*batch.last = (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags};
	return append(size);
}

static struct rtattr *put(uint16_t type, const void *data, size_t size)
{
	struct rtattr *attribute = append(sizeof(*attribute) + size);

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)(sizeof(*attribute) + size);
	if (size)
		memcpy(RTA_DATA(attribute), data, size);
	return attribute;
}

static void put_u32(uint16_t type, uint32_t value)
{
	put(type, &value, sizeof(value));
}

static void end(struct rtattr *nest)
{
	nest->rta_len = (uint16_t)(batch.bytes + batch.used - (char *)nest);
}

static void send_batch(int socket, const char *what)
{
	char answer[8192];
	ssize_t got;

	batch.last->nlmsg_flags |= NLM_F_ACK;
	if (send(socket, batch.bytes, batch.used, 0) < 0)
		die(what);
	got = recv(socket, answer, sizeof(answer), 0);
	for (struct nlmsghdr *header = (struct nlmsghdr *)answer; got >= (ssize_t)sizeof(*header);) {
		const struct nlmsgerr *error = NLMSG_DATA(header);

		if (header->nlmsg_type == NLMSG_ERROR && error->error) {
			errno = -error->error;
			die(what);
		}
		got -= NLMSG_ALIGN(header->nlmsg_len);
		header = (struct nlmsghdr *)((char *)header + NLMSG_ALIGN(header->nlmsg_len));
	}
	batch.used = 0;
}

static int netlink_socket(void)
{
	int socket_of = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), on = 1;

	if (socket_of < 0)
		die("netlink");
	setsockopt(socket_of, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return socket_of;
}

/* ---- requests ---- */

static void link_up(int index)
{
	*(struct ifinfomsg *)begin(RTM_NEWLINK, 0, sizeof(struct ifinfomsg)) =
		(struct ifinfomsg){.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
}

static void link_attributes(const char *name, const uint8_t *mac, uint32_t master, uint32_t thread)
{
	put(IFLA_IFNAME, name, strlen(name) + 1);
	put_u32(IFLA_MTU, 1500);
	put_u32(IFLA_NUM_TX_QUEUES, 1);
	put_u32(IFLA_NUM_RX_QUEUES, 1);
	if (mac)
		put(IFLA_ADDRESS, mac, 6);
	if (master)
		put_u32(IFLA_MASTER, master);
	if (thread)
		put_u32(IFLA_NET_NS_PID, thread);
}

/* thread: in whose namespace the far end is to be, or 0. */
static void veth(const char *name, int index, uint32_t master, const char *far, int far_index, const uint8_t *far_mac,
		 uint32_t thread)
{
	struct rtattr *info, *data, *peer;

	*(struct ifinfomsg *)begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg)) =
		(struct ifinfomsg){.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	link_attributes(name, NULL, master, 0);
	info = put(IFLA_LINKINFO, NULL, 0);
	put(IFLA_INFO_KIND, "veth", 5);
	data = put(IFLA_INFO_DATA, NULL, 0);
	peer = put(VETH_INFO_PEER, NULL, 0);
	*(struct ifinfomsg *)append(sizeof(struct ifinfomsg)) = (struct ifinfomsg){.ifi_index = far_index};
	link_attributes(far, far_mac, 0, thread);
	if (thread)
		put_u32(IFLA_GSO_MAX_SIZE, GSO_BYTES);
	end(peer);
	end(data);
	end(info);
}

static void bridge(uint32_t index)
{
	struct rtattr *info, *data;
	const uint8_t mac[6] = {2, 0, 0, 0, 1, 1}, off = 0;

	*(struct ifinfomsg *)begin(RTM_NEWLINK, NLM_F_CREATE, sizeof(struct ifinfomsg)) =
		(struct ifinfomsg){.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	put(IFLA_IFNAME, "switch0", 8);
	put(IFLA_ADDRESS, mac, 6);
	info = put(IFLA_LINKINFO, NULL, 0);
	put(IFLA_INFO_KIND, "bridge", 7);
	data = put(IFLA_INFO_DATA, NULL, 0);
	put_u32(IFLA_BR_STP_STATE, 0);
	put_u32(IFLA_BR_FORWARD_DELAY, 0);
	put(IFLA_BR_MCAST_SNOOPING, &off, 1);
	end(data);
	end(info);
}

static void port_answers(int index)
{
	const uint8_t on = 1;
	struct rtattr *port;

	*(struct ifinfomsg *)begin(RTM_SETLINK, 0, sizeof(struct ifinfomsg)) =
		(struct ifinfomsg){.ifi_family = AF_BRIDGE, .ifi_index = index};
	port = put(IFLA_PROTINFO | NLA_F_NESTED, NULL, 0);
	put(IFLA_BRPORT_PROXYARP_WIFI, &on, 1);
	end(port);
}

static void no_ipv6_address(int index)
{
	const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *families, *family;

	*(struct ifinfomsg *)begin(RTM_SETLINK, 0, sizeof(struct ifinfomsg)) = (struct ifinfomsg){.ifi_index = index};
	families = put(IFLA_AF_SPEC, NULL, 0);
	family = put(AF_INET6, NULL, 0);
	put(IFLA_INET6_ADDR_GEN_MODE, &none, 1);
	end(family);
	end(families);
}

static void neighbour(int index, uint32_t address, const uint8_t mac[6])
{
	uint32_t wire = htonl(address);

	*(struct ndmsg *)begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct ndmsg)) =
		(struct ndmsg){.ndm_family = AF_INET, .ndm_ifindex = index, .ndm_state = NUD_PERMANENT};
	put(NDA_DST, &wire, 4);
	put(NDA_LLADDR, mac, 6);
}

static void station(int index, const uint8_t mac[6])
{
	*(struct ndmsg *)begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct ndmsg)) = (struct ndmsg){
		.ndm_family = AF_BRIDGE, .ndm_ifindex = index, .ndm_state = NUD_NOARP, .ndm_flags = NTF_MASTER};
	put(NDA_LLADDR, mac, 6);
}

static void address_on(int index, uint32_t address, uint8_t prefix)
{
	uint32_t wire = htonl(address), broadcast = htonl(address | (UINT32_MAX >> prefix));

	*(struct ifaddrmsg *)begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifaddrmsg)) =
		(struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = prefix, .ifa_index = (uint32_t)index};
	put(IFA_LOCAL, &wire, 4);
	put(IFA_BROADCAST, &broadcast, 4);
	put_u32(IFA_FLAGS, IFA_F_NOPREFIXROUTE);
}

static void route(uint32_t network, uint8_t prefix, uint32_t gateway, uint32_t source)
{
	uint32_t to = htonl(network), by = htonl(gateway), from = htonl(source);
	struct rtattr *metrics;

	*(struct rtmsg *)begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct rtmsg)) =
		(struct rtmsg){.rtm_family = AF_INET, .rtm_dst_len = prefix, .rtm_table = RT_TABLE_MAIN,
			       .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST,
			       .rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK};
	if (prefix)
		put(RTA_DST, &to, 4);
	if (gateway)
		put(RTA_GATEWAY, &by, 4);
	if (source)
		put(RTA_PREFSRC, &from, 4);
	put_u32(RTA_OIF, ETH0);
	metrics = put(RTA_METRICS, NULL, 0);
	put_u32(RTAX_QUICKACK, 1);
	end(metrics);
}

static void token_bucket(int index, uint32_t bytes_a_second)
{
	struct tc_tbf_qopt options = {.rate = {.rate = bytes_a_second, .mpu = 0, .linklayer = TC_LINKLAYER_ETHERNET},
				      .limit = 8388608, .buffer = (uint32_t)(TBF_BURST * 15625000ull / bytes_a_second)};
	struct rtattr *nest;

	*(struct tcmsg *)begin(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, sizeof(struct tcmsg)) =
		(struct tcmsg){.tcm_ifindex = index, .tcm_handle = 1 << 16, .tcm_parent = TC_H_ROOT};
	put(TCA_KIND, "tbf", 4);
	nest = put(TCA_OPTIONS, NULL, 0);
	put(TCA_TBF_PARMS, &options, sizeof(options));
	put_u32(TCA_TBF_BURST, TBF_BURST);
	end(nest);
}

/* ---- a fleet ---- */

struct network {
	int socket; /* netlink; it holds the namespace */
	uint32_t phones;
};

/* The calling thread ends in the switch's namespace, where the router's port is too. */
static void make_switch(struct network *lan)
{
	if (unshare(CLONE_NEWNET))
		die("switch");
	lan->socket = netlink_socket();
	bridge(BRIDGE);
	veth("router", ROUTER, BRIDGE, "lan0", ROUTER + 1, NULL, 0);
	no_ipv6_address(ROUTER + 1);
	link_up(ROUTER + 1);
	send_batch(lan->socket, "switch");
}

static int open_udp(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(4051)};
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, bytes = 1 << 20;

	if (udp < 0 || setsockopt(udp, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
	    bind(udp, (struct sockaddr *)&any, sizeof(any)))
		die("UDP");
	setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return udp;
}

static void open_listener(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(4051)};
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (tcp < 0 || setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(tcp, (struct sockaddr *)&any, sizeof(any)) || listen(tcp, 4096))
		die("TCP");
}

static void make_phone(struct network *lan, uint32_t number)
{
	const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, router[6] = {2, 0, 0, 0, 1, 2};
	const uint8_t mac[6] = {2, 1, 0, 0, (uint8_t)(number >> 8), (uint8_t)number};
	uint32_t network = 10u << 24, address = network + 10 + number;
	int port = PORT + (int)lan->phones++, inside;
	char name[16];

	snprintf(name, sizeof(name), "port%u", number);
	if (unshare(CLONE_NEWNET))
		die("namespace");
	inside = netlink_socket();
	veth(name, port, BRIDGE, "eth0", ETH0, mac, (uint32_t)gettid());
	port_answers(port);
	station(port, mac);
	neighbour(BRIDGE, address, mac);
	neighbour(ROUTER + 1, address, mac);
	send_batch(lan->socket, "port");
	link_up(1);
	token_bucket(ETH0, 12500000);
	no_ipv6_address(ETH0);
	link_up(ETH0);
	address_on(ETH0, address, 16);
	route(network, 16, 0, address);
	route(0, 0, network + 1, 0);
	neighbour(ETH0, network + 1, router);
	neighbour(ETH0, network | 0xffff, everybody);
	neighbour(ETH0, UINT32_MAX, everybody);
	send_batch(inside, "phone");
	close(inside);
	open_udp();
	open_listener();
}

int main(int argc, char **argv)
{
	uint32_t phones = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000, each = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000;
	struct network lans[SWITCHES_MAX] = {0};
	double begun = bench_seconds(), up, down;
	uint32_t switches = (phones + each - 1) / each;
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (switches > SWITCHES_MAX) {
		fprintf(stderr, "at most %d switches\n", SWITCHES_MAX);
		return 2;
	}
	for (uint32_t i = 0; i < switches; i++)
		make_switch(&lans[i]);
	for (uint32_t i = 0; i < phones; i++)
		make_phone(&lans[i / each], i);
	up = bench_seconds() - begun;
	/* the last phone's namespace is left: only sockets hold one now */
	if (unshare(CLONE_NEWNET))
		die("leave");
	begun = bench_seconds();
	closefrom(lans[switches - 1].socket + 1);
	for (uint32_t i = 0; i + 1 < switches; i++)
		for (int fd = lans[i].socket + 1; fd < lans[i + 1].socket; fd++)
			close(fd);
	for (uint32_t i = 0; i < switches; i++)
		bench_wait_ports_gone(lans[i].socket, PORT, lans[i].phones);
	down = bench_seconds() - begun;
	printf("{\"what\": \"bare\", \"phones\": %u, \"up_s\": %.3f, \"down_s\": %.3f}\n", phones, up, down);
	return 0;
}
