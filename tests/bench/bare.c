/*
 * The yardstick for bring-up: the same objects as a fleet's, made by the barest
 * system calls. No plan, no library, nothing checked but errors: each phone is
 * an unshare, two batches of netlink, and two sockets; the sockets alone hold
 * the namespace. What a fleet takes beyond this is the fleet's own doing.
 *
 * Once: headquarters, the relay and the router, a namespace each without IPv6,
 * and the two veth pairs between them with addresses, forwarding, neighbours and
 * routes, offloads off at the outer ends. For each switch: a namespace without
 * IPv6; a bridge, or the chain of bridges that a fleet makes of a switch of so
 * many phones, with its uplinks; the router's port; the packet socket that
 * counts ARP. For each phone: a namespace; a veth pair made straight into place,
 * one end on its bridge, up and answering ARP; on every bridge of the chain a
 * static entry that says behind which port the phone is, and a neighbour; lo up;
 * eth0 with address, two routes with quickack, token bucket and three
 * neighbours; no tail loss probes; a neighbour at the router; the UDP socket and
 * the listener with their options.
 *
 * With a third argument what stands is counted before it is taken down, as in
 * bring_up.c (objects.h): scripts/bench holds both counts to be equal in each
 * line. What is not the same: names and MAC addresses, and the fleet's wait until
 * the kernel has acted on every carrier (fabric_settle), which counts as the
 * fleet's own.
 *
 * Prints one line of JSON. Arguments: [phones, 1000] [phones on a switch, 1000] [count]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/plan/plan.h" /* plan_bridge_ports(), so that a chain is as long as a fleet's */
#include "tests/bench/objects.h"
#include "tests/bench/phone_sockets.h"
#include "tests/bench/ports_gone.h"

#define SWITCHES_MAX 16
#define LO 1
#define ETH0 2
#define BRIDGE 1000000     /* + bridge */
#define ROUTER 2000000     /* the router's port */
#define UPLINK 3000000     /* + 2 * bridge: towards the elder bridge; + 1: the elder's end */
#define PORT 4000000       /* + phone on its switch */
#define LAN 1000000        /* at the router, + switch */
#define WAN 3000000        /* at the router and at headquarters; the inner ends are 1 and 2 more */
#define SERVER 0xc0000245u /* 192.0.2.69 */
#define WAN_NETWORK 0xac100000u
#define PROC_PHONES 64     /* one /proc for so many, as in namespace.c */
#define GSO_BYTES 12500 /* a millisecond at 100 Mb/s */
#define TBF_BURST (GSO_BYTES * 9 / 8)

struct batch {
	char bytes[16384];
	size_t used;
	struct nlmsghdr *last;
};

/* Requests go into `batch`; the router's of several phones wait in one of its own. */
static struct batch at_once, for_router, *batch = &at_once;
static int router_socket, router_namespace, proc = -1;

static void die(const char *what)
{
	perror(what);
	exit(4);
}

/* ---- netlink, attribute by attribute ---- */

static void *append(size_t size)
{
	void *at = batch->bytes + batch->used;

	memset(at, 0, NLMSG_ALIGN(size));
	batch->used += NLMSG_ALIGN(size);
	batch->last->nlmsg_len = (uint32_t)(batch->bytes + batch->used - (char *)batch->last);
	return at;
}

static void *begin(uint16_t type, uint16_t flags, size_t size)
{
	batch->last = (struct nlmsghdr *)(batch->bytes + batch->used);
	batch->used += sizeof(*batch->last);
	*batch->last = (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags};
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
	nest->rta_len = (uint16_t)(batch->bytes + batch->used - (char *)nest);
}

static void send_batch(int socket, const char *what)
{
	char answer[8192];
	ssize_t got;

	batch->last->nlmsg_flags |= NLM_F_ACK;
	if (send(socket, batch->bytes, batch->used, 0) < 0)
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
	batch->used = 0;
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

/* Where the far end of a pair is to be: in a thread's namespace, in one by descriptor, or (both 0) here. */
struct place {
	uint32_t thread, descriptor;
};

static void link_attributes(const char *name, const uint8_t *mac, uint32_t master, struct place place)
{
	put(IFLA_IFNAME, name, strlen(name) + 1);
	put_u32(IFLA_MTU, 1500);
	put_u32(IFLA_NUM_TX_QUEUES, 1);
	put_u32(IFLA_NUM_RX_QUEUES, 1);
	if (mac)
		put(IFLA_ADDRESS, mac, 6);
	if (master)
		put_u32(IFLA_MASTER, master);
	if (place.thread)
		put_u32(IFLA_NET_NS_PID, place.thread);
	if (place.descriptor)
		put_u32(IFLA_NET_NS_FD, place.descriptor);
}

static void veth(const char *name, int index, uint32_t master, const char *far, int far_index, const uint8_t *far_mac,
		 struct place place)
{
	struct rtattr *info, *data, *peer;

	*(struct ifinfomsg *)begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg)) =
		(struct ifinfomsg){.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	link_attributes(name, NULL, master, (struct place){0});
	info = put(IFLA_LINKINFO, NULL, 0);
	put(IFLA_INFO_KIND, "veth", 5);
	data = put(IFLA_INFO_DATA, NULL, 0);
	peer = put(VETH_INFO_PEER, NULL, 0);
	*(struct ifinfomsg *)append(sizeof(struct ifinfomsg)) = (struct ifinfomsg){.ifi_index = far_index};
	link_attributes(far, far_mac, 0, place);
	if (place.thread)
		put_u32(IFLA_GSO_MAX_SIZE, GSO_BYTES);
	end(peer);
	end(data);
	end(info);
}

static void bridge(uint32_t number)
{
	struct rtattr *info, *data;
	const uint8_t mac[6] = {2, 0, 0, 0, 1, (uint8_t)number}, off = 0;
	char name[24];

	*(struct ifinfomsg *)begin(RTM_NEWLINK, NLM_F_CREATE, sizeof(struct ifinfomsg)) =
		(struct ifinfomsg){.ifi_index = (int)(BRIDGE + number), .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	snprintf(name, sizeof(name), "switch%u", number);
	put(IFLA_IFNAME, name, strlen(name) + 1);
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

static void joins(int index, uint32_t master)
{
	*(struct ifinfomsg *)begin(RTM_NEWLINK, 0, sizeof(struct ifinfomsg)) = (struct ifinfomsg){.ifi_index = index};
	put_u32(IFLA_MASTER, master);
}

static void uplink(uint32_t number)
{
	int up = (int)(UPLINK + 2 * number), down = up + 1;
	char up_name[16], down_name[16];

	snprintf(up_name, sizeof(up_name), "up%u", number);
	snprintf(down_name, sizeof(down_name), "down%u", number);
	veth(up_name, up, BRIDGE + number, down_name, down, NULL, (struct place){0});
	joins(down, BRIDGE + number - 1);
	link_up(down);
	port_answers(up);
	port_answers(down);
}

static void forwards(int index)
{
	struct rtattr *families, *family, *settings;

	*(struct ifinfomsg *)begin(RTM_SETLINK, 0, sizeof(struct ifinfomsg)) = (struct ifinfomsg){.ifi_index = index};
	families = put(IFLA_AF_SPEC, NULL, 0);
	family = put(AF_INET, NULL, 0);
	settings = put(IFLA_INET_CONF, NULL, 0);
	put_u32(IPV4_DEVCONF_FORWARDING, 1);
	put_u32(IPV4_DEVCONF_RP_FILTER, 0);
	end(settings);
	end(family);
	end(families);
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

static void address_on(int index, uint32_t address, uint8_t prefix, bool with_route)
{
	uint32_t wire = htonl(address), broadcast = htonl(prefix < 32 ? address | UINT32_MAX >> prefix : address);

	*(struct ifaddrmsg *)begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifaddrmsg)) =
		(struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = prefix, .ifa_index = (uint32_t)index};
	put(IFA_LOCAL, &wire, 4);
	put(IFA_BROADCAST, &broadcast, 4);
	if (!with_route)
		put_u32(IFA_FLAGS, IFA_F_NOPREFIXROUTE);
}

static void route(int index, uint32_t network, uint8_t prefix, uint32_t gateway, uint32_t source, bool quickack)
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
	put_u32(RTA_OIF, (uint32_t)index);
	if (!quickack)
		return;
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

/* ---- what is not netlink ---- */

static void write_to(int directory, const char *path, const char *text)
{
	int file = openat(directory, path, O_WRONLY | O_CLOEXEC);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		die(path);
	close(file);
}

/* A namespace of the few with many links. The thread stays in it; the socket holds it. */
static int namespace_without_ipv6(void)
{
	int socket_of;

	if (unshare(CLONE_NEWNET))
		die("namespace");
	write_to(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	socket_of = netlink_socket();
	link_up(LO);
	return socket_of;
}

static void offloads_off(const char *name)
{
	static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
	int socket_of = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		struct ethtool_value value = {.cmd = commands[i]};
		struct ifreq request = {.ifr_data = (void *)&value};

		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
		if (ioctl(socket_of, SIOCETHTOOL, &request) && commands[i] == ETHTOOL_STXCSUM)
			die("offloads");
	}
	close(socket_of);
}

/* In the phone's namespace, by a /proc of its own that is mounted nowhere (namespace.c says why). */
static void no_loss_probes(uint32_t number)
{
	if (number % PROC_PHONES == 0) {
		int context = fsopen("proc", FSOPEN_CLOEXEC);

		if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
			die("a /proc of its own");
		if (proc >= 0)
			close(proc);
		proc = fsmount(context, FSMOUNT_CLOEXEC, 0);
		close(context);
	}
	write_to(proc, "sys/net/ipv4/tcp_early_retrans", "0");
}

/* ---- a fleet ---- */

static const uint8_t wan_router_mac[6] = {2, 0, 0, 0, 2, 1}, wan_hq_mac[6] = {2, 0, 0, 0, 2, 2};

struct network {
	int socket; /* netlink; it holds the namespace */
	int arp;
	uint32_t number, phones, bridges, bridge_ports;
};

static void hq_inside(int socket_of, uint32_t switches)
{
	link_up(WAN);
	forwards(WAN);
	address_on(LO, SERVER, 32, true);
	address_on(WAN, WAN_NETWORK + 1, 30, true);
	neighbour(WAN, WAN_NETWORK + 2, wan_router_mac);
	for (uint32_t i = 0; i < switches; i++)
		route(WAN, (10u << 24) + ((i + 1) << 16), 16, WAN_NETWORK + 2, SERVER, false);
	send_batch(socket_of, "headquarters");
	offloads_off("wan0");
}

/* Headquarters, relay, router and the pairs between them; the thread ends in the router's namespace. */
static void make_wan(int sockets[2], uint32_t switches)
{
	const struct place here = {.thread = (uint32_t)gettid()};

	sockets[0] = namespace_without_ipv6();
	send_batch(sockets[0], "relay");
	sockets[1] = namespace_without_ipv6();
	send_batch(sockets[1], "headquarters");
	veth("h0", WAN + 1, 0, "wan0", WAN, wan_hq_mac, here);
	send_batch(sockets[0], "WAN");
	hq_inside(sockets[1], switches);
	router_socket = namespace_without_ipv6();
	send_batch(router_socket, "router");
	veth("r0", WAN + 2, 0, "wan0", WAN, wan_router_mac, here);
	send_batch(sockets[0], "WAN");
	link_up(WAN);
	forwards(WAN);
	address_on(WAN, WAN_NETWORK + 2, 30, true);
	neighbour(WAN, WAN_NETWORK + 1, wan_hq_mac);
	route(WAN, 0, 0, WAN_NETWORK + 1, 0, false);
	send_batch(router_socket, "router");
	offloads_off("wan0");
	router_namespace = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void station_everywhere(const struct network *lan, uint32_t where, int port, uint32_t address,
			       const uint8_t mac[6])
{
	for (uint32_t i = 0; i < lan->bridges; i++) {
		int towards = where > i ? (int)(UPLINK + 2 * (i + 1) + 1) : (int)(UPLINK + 2 * i);

		station(i == where ? port : towards, mac);
		if (address)
			neighbour((int)(BRIDGE + i), address, mac);
	}
}

static void router_mac_of(const struct network *lan, uint8_t mac[6])
{
	memcpy(mac, (uint8_t[]){2, 0, 0, 0, 3, (uint8_t)lan->number}, 6);
}

/* The calling thread ends in the switch's namespace. */
static void make_switch(struct network *lan, uint32_t number, uint32_t phones)
{
	int at_router = (int)(LAN + number);
	uint8_t mac[6];
	char name[16];

	lan->number = number;
	lan->bridge_ports = plan_bridge_ports(phones);
	lan->bridges = (phones + lan->bridge_ports - 1) / lan->bridge_ports;
	lan->socket = namespace_without_ipv6();
	for (uint32_t i = 0; i < lan->bridges; i++) {
		bridge(i);
		if (i)
			uplink(i);
	}
	snprintf(name, sizeof(name), "lan%u", number);
	router_mac_of(lan, mac);
	veth("router", ROUTER, BRIDGE, name, at_router, mac, (struct place){.descriptor = (uint32_t)router_namespace});
	station_everywhere(lan, 0, ROUTER, 0, mac);
	send_batch(lan->socket, "switch");
	lan->arp = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP));
	setsockopt(lan->arp, SOL_SOCKET, SO_RCVBUF, &(int){1}, sizeof(int));
	link_up(at_router);
	forwards(at_router);
	address_on(at_router, (10u << 24) + ((number + 1) << 16) + 1, 16, true);
	send_batch(router_socket, name);
}

static void phone_inside(const struct network *lan, uint32_t network, uint32_t address, uint32_t number)
{
	const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	int inside = netlink_socket();
	uint8_t router[6];

	router_mac_of(lan, router);
	link_up(LO);
	token_bucket(ETH0, 12500000);
	no_ipv6_address(ETH0);
	link_up(ETH0);
	address_on(ETH0, address, 16, false);
	route(ETH0, network, 16, 0, address, true);
	route(ETH0, 0, 0, network + 1, 0, true);
	neighbour(ETH0, network + 1, router);
	neighbour(ETH0, network | 0xffff, everybody);
	neighbour(ETH0, UINT32_MAX, everybody);
	send_batch(inside, "phone");
	close(inside);
	no_loss_probes(number);
}

static void make_phone(struct network *lan, uint32_t number, struct bench_sockets *sockets)
{
	const uint8_t mac[6] = {2, 1, 0, 0, (uint8_t)(number >> 8), (uint8_t)number};
	uint32_t network = (10u << 24) + ((lan->number + 1) << 16), address = network + 10 + lan->phones;
	uint32_t where = lan->phones / lan->bridge_ports;
	int port = PORT + (int)lan->phones++;
	char name[16];

	snprintf(name, sizeof(name), "port%u", number);
	if (unshare(CLONE_NEWNET))
		die("namespace");
	veth(name, port, BRIDGE + where, "eth0", ETH0, mac, (struct place){.thread = (uint32_t)gettid()});
	port_answers(port);
	station_everywhere(lan, where, port, address, mac);
	send_batch(lan->socket, "port");
	phone_inside(lan, network, address, number);
	batch = &for_router;
	neighbour((int)(LAN + lan->number), address, mac);
	if (batch->used > sizeof(batch->bytes) / 2)
		send_batch(router_socket, "router's neighbours");
	batch = &at_once;
	if (bench_open_sockets(sockets))
		die("sockets");
}

static void make_phones(struct network *lans, uint32_t phones, uint32_t each, struct bench_sockets *sockets)
{
	for (uint32_t i = 0; i < phones; i++)
		make_phone(&lans[i / each], i, &sockets[i]);
	batch = &for_router;
	if (batch->used)
		send_batch(router_socket, "router's neighbours");
	batch = &at_once;
	if (proc >= 0)
		close(proc);
}

static void count(struct bench_objects *objects, const int wan[2], const struct network *lans, uint32_t switches,
		  const struct bench_sockets *sockets, uint32_t phones)
{
	bench_count(objects, wan[0]);
	bench_count(objects, wan[1]);
	bench_count(objects, router_socket);
	for (uint32_t i = 0; i < switches; i++)
		bench_count(objects, lans[i].socket);
	for (uint32_t i = 0; i < phones; i++)
		bench_count(objects, sockets[i].udp);
}

static double take_down(const struct network *lans, uint32_t switches, const struct bench_sockets *sockets, uint32_t phones)
{
	double begun;

	/* the last phone's namespace is left: only sockets hold one now */
	if (unshare(CLONE_NEWNET))
		die("leave");
	begun = bench_seconds();
	for (uint32_t i = 0; i < phones; i++) {
		close(sockets[i].udp);
		close(sockets[i].listener);
	}
	for (uint32_t i = 0; i < switches; i++)
		bench_wait_ports_gone(lans[i].socket, PORT, lans[i].phones);
	return bench_seconds() - begun;
}

int main(int argc, char **argv)
{
	uint32_t phones = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000, each = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000;
	struct bench_sockets *sockets = calloc(phones + 1, sizeof(*sockets));
	struct network lans[SWITCHES_MAX] = {0};
	struct bench_objects objects = {0};
	double begun = bench_seconds(), up;
	uint32_t switches = (phones + each - 1) / each;
	struct rlimit limit;
	int wan[2];

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (switches > SWITCHES_MAX || !sockets) {
		fprintf(stderr, "at most %d switches\n", SWITCHES_MAX);
		return 2;
	}
	make_wan(wan, switches);
	for (uint32_t i = 0; i < switches; i++)
		make_switch(&lans[i], i, i + 1 < switches ? each : phones - i * each);
	make_phones(lans, phones, each, sockets);
	up = bench_seconds() - begun;
	if (argc > 3)
		count(&objects, wan, lans, switches, sockets, phones);
	printf("{\"what\": \"bare\", \"phones\": %u, \"up_s\": %.3f, \"down_s\": %.3f", phones, up,
	       take_down(lans, switches, sockets, phones));
	if (argc > 3) {
		printf(", ");
		bench_print_objects(stdout, &objects);
	}
	printf("}\n");
	return 0;
}
