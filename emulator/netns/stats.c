/*
 * What the kernel counted in the fabric: bytes that reached a phone, and
 * packets that it dropped on the way (DESIGN point 9: drops that the scenario
 * did not ask for make a result inconclusive).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netlink/route/link.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/tc.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/netns/fabric_internal.h"

struct phone_counts {
	uint64_t rx_bytes, drops;
};

static uint64_t link_drops(struct rtnl_link *link)
{
	return rtnl_link_get_stat(link, RTNL_LINK_RX_DROPPED) + rtnl_link_get_stat(link, RTNL_LINK_TX_DROPPED);
}

/* The thread is in the phone's namespace. Only there the socket is needed, so none is kept for it. */
static int count_phone(void *context)
{
	struct phone_counts *counts = context;
	struct nl_cache *qdiscs = NULL;
	struct rtnl_link *eth0 = NULL;
	struct netlink nl;
	int error = netlink_open(&nl);

	if (error)
		return error;
	error = netlink_errno(rtnl_link_get_kernel(nl.sock, PHONE_ETH0, NULL, &eth0));
	if (!error) {
		counts->rx_bytes = rtnl_link_get_stat(eth0, RTNL_LINK_RX_BYTES);
		counts->drops = link_drops(eth0);
		rtnl_link_put(eth0);
		error = netlink_errno(rtnl_qdisc_alloc_cache(nl.sock, &qdiscs));
	}
	if (!error) {
		for (struct nl_object *at = nl_cache_get_first(qdiscs); at; at = nl_cache_get_next(at))
			if (rtnl_tc_get_ifindex((struct rtnl_tc *)at) == PHONE_ETH0)
				counts->drops += rtnl_tc_get_stat((struct rtnl_tc *)at, RTNL_TC_DROPS);
		nl_cache_free(qdiscs);
	}
	netlink_close(&nl);
	return error;
}

int fabric_phone_rx_bytes(struct fabric *fabric, uint32_t phone, uint64_t *bytes)
{
	struct phone_counts counts = {0};
	int error = fabric_in_phone(fabric, phone, count_phone, &counts);

	*bytes = counts.rx_bytes;
	return error;
}

static bool port_was_cut(const struct fabric *fabric, int64_t lan, int index)
{
	const struct plan *plan = fabric->plan;

	if (lan < 0 || index < SWITCH_PORT)
		return false;
	for (uint32_t i = 0; i < plan->phone_count; i++)
		if (fabric->phones[i].was_cut && fabric->phones[i].position == (uint32_t)(index - SWITCH_PORT) &&
		    plan->subnets[plan->phones[i].subnet].lan_switch == lan)
			return true;
	return false;
}

/* lan: the switch's number, or -1. Returns 0 or a negative errno. */
static int namespace_drops(const struct fabric *fabric, const struct fabric_namespace *ns, int64_t lan, uint64_t *drops)
{
	struct nl_cache *links = NULL;
	int error = netlink_errno(rtnl_link_alloc_cache(ns->nl.sock, AF_UNSPEC, &links));

	if (error)
		return error;
	for (struct nl_object *at = nl_cache_get_first(links); at; at = nl_cache_get_next(at)) {
		struct rtnl_link *link = (struct rtnl_link *)at;
		uint64_t dropped = link_drops(link);

		if (dropped && !port_was_cut(fabric, lan, rtnl_link_get_ifindex(link)))
			*drops += dropped;
	}
	nl_cache_free(links);
	return 0;
}

static int phone_drops(struct fabric *fabric, uint32_t phone, uint64_t *drops)
{
	struct phone_counts counts = {0};
	int error;

	/* what a phone lost whose cable was out, the scenario dropped */
	if (fabric->phones[phone].was_cut || !fabric_phone_is_up(fabric, phone))
		return 0;
	error = fabric_in_phone(fabric, phone, count_phone, &counts);
	*drops += counts.drops;
	return error;
}

int fabric_drops(struct fabric *fabric, uint64_t *drops)
{
	const struct plan *plan = fabric->plan;
	int first = namespace_drops(fabric, &fabric->hq, -1, drops), error;

	for (uint32_t i = 0; i < plan->site_count; i++) {
		error = namespace_drops(fabric, &fabric->routers[i], -1, drops);
		first = first ? first : error;
	}
	for (uint32_t i = 0; i < plan->switch_count; i++) {
		error = namespace_drops(fabric, &fabric->switches[i].ns, i, drops);
		first = first ? first : error;
	}
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		error = phone_drops(fabric, i, drops);
		first = first ? first : error;
	}
	return first;
}

/*
 * Nobody reads it: the kernel counts what comes, and drops it for want of room.
 * Beneath a bridge ports belong to it, so the socket hears the bridges
 * themselves, to which broadcasts go as well.
 */
int fabric_arp_socket(void)
{
	int descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP)), least = 1;

	if (descriptor < 0)
		return -errno;
	setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	return descriptor;
}

uint64_t fabric_arp_frames(struct fabric *fabric)
{
	uint64_t frames = 0;

	for (uint32_t i = 0; i < fabric->plan->switch_count; i++) {
		struct tpacket_stats stats;
		socklen_t length = sizeof(stats);

		if (fabric->switches[i].arp >= 0 &&
		    !getsockopt(fabric->switches[i].arp, SOL_PACKET, PACKET_STATISTICS, &stats, &length))
			frames += stats.tp_packets;
	}
	return frames;
}
