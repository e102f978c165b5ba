/* See objects.h. Dumps alone: nothing here knows what a fleet is. */
#include "tests/bench/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/packet_diag.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_LISTENING 10 /* TCP_LISTEN; linux/tcp.h and netinet/tcp.h do not go together */

typedef void (*each_fn)(struct bench_objects *objects, const struct nlmsghdr *header);

static void die(const char *what)
{
	perror(what);
	exit(4);
}

/* Sends one request and gives each message of the answer; `family` is an address family or the like of the request. */
static void dump(struct bench_objects *objects, int protocol, uint16_t type, const void *request, size_t size,
		 each_fn each)
{
	int socket_of = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct {
		struct nlmsghdr header;
		char bytes[128];
	} asked = {.header = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(size), .nlmsg_type = type,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	static char answer[65536];
	bool more = true;

	memcpy(asked.bytes, request, size);
	if (socket_of < 0 || send(socket_of, &asked, asked.header.nlmsg_len, 0) < 0)
		die("netlink dump");
	while (more) {
		ssize_t got = recv(socket_of, answer, sizeof(answer), 0);
		const struct nlmsghdr *header = (const struct nlmsghdr *)answer;

		if (got < 0)
			die("netlink dump");
		for (; NLMSG_OK(header, got); header = NLMSG_NEXT(header, got)) {
			if (header->nlmsg_type == NLMSG_DONE)
				more = false;
			else if (header->nlmsg_type == NLMSG_ERROR) {
				errno = -((const struct nlmsgerr *)NLMSG_DATA(header))->error;
				die("netlink dump");
			} else
				each(objects, header);
		}
	}
	close(socket_of);
}

static const struct rtattr *attribute(const struct rtattr *first, size_t length, uint16_t type)
{
	for (; RTA_OK(first, length); first = RTA_NEXT(first, length))
		if ((first->rta_type & NLA_TYPE_MASK) == type)
			return first;
	return NULL;
}

static const struct rtattr *within(const struct rtattr *nest, uint16_t type)
{
	return nest ? attribute(RTA_DATA(nest), RTA_PAYLOAD(nest), type) : NULL;
}

static bool is(const struct rtattr *name, const char *text)
{
	return name && !strncmp(RTA_DATA(name), text, RTA_PAYLOAD(name));
}

/* The attributes behind a message's fixed part. */
#define BEHIND(header, type) \
	(const struct rtattr *)((const char *)NLMSG_DATA(header) + NLMSG_ALIGN(sizeof(type))), \
	NLMSG_PAYLOAD(header, sizeof(type))

static void count_link(struct bench_objects *objects, const struct nlmsghdr *header)
{
	const struct ifinfomsg *link = NLMSG_DATA(header);

	objects->links++;
	objects->links_up += link->ifi_flags & IFF_UP ? 1 : 0;
	objects->bridges += is(within(attribute(BEHIND(header, struct ifinfomsg), IFLA_LINKINFO), IFLA_INFO_KIND), "bridge");
}

static void count_port(struct bench_objects *objects, const struct nlmsghdr *header)
{
	const struct rtattr *answers = within(attribute(BEHIND(header, struct ifinfomsg), IFLA_PROTINFO),
					      IFLA_BRPORT_PROXYARP_WIFI);

	objects->answering += answers && *(const uint8_t *)RTA_DATA(answers);
}

static void count_qdisc(struct bench_objects *objects, const struct nlmsghdr *header)
{
	objects->token_buckets += is(attribute(BEHIND(header, struct tcmsg), TCA_KIND), "tbf");
}

static void count_address(struct bench_objects *objects, const struct nlmsghdr *header)
{
	const struct ifaddrmsg *address = NLMSG_DATA(header);

	if (address->ifa_family == AF_INET)
		objects->addresses++;
	else if (address->ifa_scope != RT_SCOPE_HOST)
		objects->addresses_ipv6++;
}

static void count_route(struct bench_objects *objects, const struct nlmsghdr *header)
{
	const struct rtmsg *route = NLMSG_DATA(header);
	const struct rtattr *quickack = within(attribute(BEHIND(header, struct rtmsg), RTA_METRICS), RTAX_QUICKACK);

	if (route->rtm_table != RT_TABLE_MAIN)
		return;
	objects->routes++;
	objects->routes_quickack += quickack && *(const uint32_t *)RTA_DATA(quickack);
}

static void count_neighbour(struct bench_objects *objects, const struct nlmsghdr *header)
{
	objects->neighbours += ((const struct ndmsg *)NLMSG_DATA(header))->ndm_state == NUD_PERMANENT;
}

static void count_station(struct bench_objects *objects, const struct nlmsghdr *header)
{
	const struct ndmsg *station = NLMSG_DATA(header);

	objects->stations += station->ndm_state == NUD_NOARP && attribute(BEHIND(header, struct ndmsg), NDA_MASTER);
}

static void count_udp(struct bench_objects *objects, const struct nlmsghdr *header)
{
	(void)header;
	objects->udp++;
}

static void count_listener(struct bench_objects *objects, const struct nlmsghdr *header)
{
	(void)header;
	objects->listeners++;
}

static void count_packet(struct bench_objects *objects, const struct nlmsghdr *header)
{
	(void)header;
	objects->packet++;
}

static void count_sockets(struct bench_objects *objects)
{
	struct inet_diag_req_v2 inet = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_UDP, .idiag_states = UINT32_MAX};
	struct packet_diag_req packet = {.sdiag_family = AF_PACKET};

	dump(objects, NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, &inet, sizeof(inet), count_udp);
	inet.sdiag_protocol = IPPROTO_TCP;
	inet.idiag_states = 1u << TCP_LISTENING;
	dump(objects, NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, &inet, sizeof(inet), count_listener);
	dump(objects, NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, &packet, sizeof(packet), count_packet);
}

static void count_no_loss_probes(struct bench_objects *objects)
{
	int file = open("/proc/sys/net/ipv4/tcp_early_retrans", O_RDONLY | O_CLOEXEC);
	char value = 0;

	if (file < 0 || read(file, &value, 1) != 1)
		die("/proc/sys/net/ipv4/tcp_early_retrans");
	close(file);
	objects->no_loss_probes += value == '0';
}

static void count_here(struct bench_objects *objects)
{
	const struct ifinfomsg links = {.ifi_family = AF_UNSPEC}, ports = {.ifi_family = AF_BRIDGE};
	const struct ifaddrmsg addresses = {.ifa_family = AF_UNSPEC};
	const struct rtmsg routes = {.rtm_family = AF_INET};
	const struct ndmsg neighbours = {.ndm_family = AF_INET}, stations = {.ndm_family = AF_BRIDGE};
	const struct tcmsg qdiscs = {.tcm_family = AF_UNSPEC};

	objects->namespaces++;
	dump(objects, NETLINK_ROUTE, RTM_GETLINK, &links, sizeof(links), count_link);
	dump(objects, NETLINK_ROUTE, RTM_GETLINK, &ports, sizeof(ports), count_port);
	dump(objects, NETLINK_ROUTE, RTM_GETQDISC, &qdiscs, sizeof(qdiscs), count_qdisc);
	dump(objects, NETLINK_ROUTE, RTM_GETADDR, &addresses, sizeof(addresses), count_address);
	dump(objects, NETLINK_ROUTE, RTM_GETROUTE, &routes, sizeof(routes), count_route);
	dump(objects, NETLINK_ROUTE, RTM_GETNEIGH, &neighbours, sizeof(neighbours), count_neighbour);
	dump(objects, NETLINK_ROUTE, RTM_GETNEIGH, &stations, sizeof(stations), count_station);
	count_sockets(objects);
	count_no_loss_probes(objects);
}

void bench_count(struct bench_objects *objects, int holder)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), there;

	there = ioctl(holder, SIOCGSKNS); /* what is no socket is a namespace's own descriptor */
	if (home < 0 || setns(there < 0 ? holder : there, CLONE_NEWNET))
		die("enter a namespace");
	if (there >= 0)
		close(there);
	count_here(objects);
	if (setns(home, CLONE_NEWNET))
		die("leave a namespace");
	close(home);
}

void bench_print_objects(FILE *file, const struct bench_objects *objects)
{
	fprintf(file,
		"\"objects\": {\"namespaces\": %u, \"links\": %u, \"links up\": %u, \"bridges\": %u, "
		"\"ports that answer ARP\": %u, \"token buckets\": %u, \"addresses\": %u, \"IPv6 addresses\": %u, "
		"\"routes\": %u, \"routes with quickack\": %u, \"neighbours\": %u, \"stations\": %u, "
		"\"UDP sockets\": %u, \"listeners\": %u, \"packet sockets\": %u, \"without loss probes\": %u}",
		objects->namespaces, objects->links, objects->links_up, objects->bridges, objects->answering,
		objects->token_buckets, objects->addresses, objects->addresses_ipv6, objects->routes,
		objects->routes_quickack, objects->neighbours, objects->stations, objects->udp, objects->listeners,
		objects->packet, objects->no_loss_probes);
}
