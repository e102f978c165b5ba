/*
 * The requests that the fabric is made of, each one object of libnl-route
 * turned into a message for a batch. Messages that libnl-route has no setters
 * for are put together attribute by attribute.
 */
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>

#include "emulator/netns/fabric_internal.h"

void fabric_mac(uint8_t mac[6], enum fabric_mac kind, uint32_t number)
{
	/* locally administered, so that no phone's MAC can be the same */
	const uint8_t made[6] = {0x02, 0x50, 0x46, (uint8_t)kind, (uint8_t)(number >> 8), (uint8_t)number};

	memcpy(mac, made, 6);
}

void fabric_add_no_ipv6_address(struct netlink *nl, int index)
{
	struct nl_msg *msg = netlink_link_message(RTM_SETLINK, 0, AF_UNSPEC, index, 0, 0);
	struct nlattr *families = msg ? nla_nest_start(msg, IFLA_AF_SPEC) : NULL;
	struct nlattr *family = families ? nla_nest_start(msg, AF_INET6) : NULL;

	if (family && !nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE)) {
		nla_nest_end(msg, family);
		nla_nest_end(msg, families);
	}
	netlink_add(nl, msg, "IPv6 off");
}

/* Two requests: the kernel sets flags before it looks at the address family's part. */
void fabric_add_up(const struct fabric *fabric, struct netlink *nl, int index)
{
	if (fabric->home.ipv6_by_link && index != FABRIC_LO)
		fabric_add_no_ipv6_address(nl, index);
	netlink_add(nl, netlink_link_message(RTM_NEWLINK, 0, AF_UNSPEC, index, IFF_UP, IFF_UP), "link up");
}

void fabric_add_address(struct netlink *nl, int index, uint32_t address, int prefix, bool prefix_route)
{
	struct rtnl_addr *object = rtnl_addr_alloc();
	struct nl_addr *local = netlink_ip(address, prefix);
	struct nl_addr *broadcast = netlink_ip(address | (prefix < 32 ? UINT32_MAX >> prefix : 0), 32);
	struct nl_msg *msg = NULL;
	int error = -NLE_NOMEM;

	if (object && local && broadcast) {
		rtnl_addr_set_ifindex(object, index);
		error = rtnl_addr_set_local(object, local);
		if (!error && prefix < 31)
			error = rtnl_addr_set_broadcast(object, broadcast);
		if (!prefix_route)
			rtnl_addr_set_flags(object, IFA_F_NOPREFIXROUTE);
		if (!error)
			error = rtnl_addr_build_add_request(object, NLM_F_CREATE | NLM_F_EXCL, &msg);
	}
	netlink_add_built(nl, error, msg, "address");
	nl_addr_put(local);
	nl_addr_put(broadcast);
	if (object)
		rtnl_addr_put(object);
}

/* The next hop belongs to the route once it is added. */
static int fill_route(struct rtnl_route *object, const struct fabric_route *route)
{
	struct nl_addr *network = netlink_ip(route->network, route->prefix);
	struct nl_addr *gateway = route->gateway ? netlink_ip(route->gateway, 32) : NULL;
	struct nl_addr *source = route->source ? netlink_ip(route->source, 32) : NULL;
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	int error = -NLE_NOMEM;

	if (network && hop && (gateway || !route->gateway) && (source || !route->source)) {
		rtnl_route_nh_set_ifindex(hop, route->index);
		if (gateway)
			rtnl_route_nh_set_gateway(hop, gateway);
		rtnl_route_add_nexthop(object, hop);
		hop = NULL;
		rtnl_route_set_scope(object, gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
		rtnl_route_set_protocol(object, RTPROT_STATIC);
		error = rtnl_route_set_dst(object, network);
		if (!error && source)
			error = rtnl_route_set_pref_src(object, source);
		if (!error && route->rto_min_ms)
			error = rtnl_route_set_metric(object, RTAX_RTO_MIN, route->rto_min_ms);
		if (!error && route->quickack)
			error = rtnl_route_set_metric(object, RTAX_QUICKACK, 1);
	}
	if (hop)
		rtnl_route_nh_free(hop);
	nl_addr_put(network);
	nl_addr_put(gateway);
	nl_addr_put(source);
	return error;
}

void fabric_add_route(struct netlink *nl, const struct fabric_route *route)
{
	struct rtnl_route *object = rtnl_route_alloc();
	struct nl_msg *msg = NULL;
	int error = object ? fill_route(object, route) : -NLE_NOMEM;

	if (!error)
		error = rtnl_route_build_add_request(object, NLM_F_CREATE | NLM_F_EXCL, &msg);
	netlink_add_built(nl, error, msg, "route");
	if (object)
		rtnl_route_put(object);
}

static void add_neighbour(struct netlink *nl, struct rtnl_neigh *object, int index, const uint8_t mac[6], int state,
			  const char *what)
{
	struct nl_addr *link = netlink_mac(mac);
	struct nl_msg *msg = NULL;
	int error = -NLE_NOMEM;

	if (object && link) {
		rtnl_neigh_set_ifindex(object, index);
		rtnl_neigh_set_lladdr(object, link);
		rtnl_neigh_set_state(object, state);
		error = rtnl_neigh_build_add_request(object, NLM_F_CREATE | NLM_F_REPLACE, &msg);
	}
	netlink_add_built(nl, error, msg, what);
	nl_addr_put(link);
}

void fabric_add_neighbour(struct netlink *nl, int index, uint32_t address, const uint8_t mac[6])
{
	struct rtnl_neigh *object = rtnl_neigh_alloc();
	struct nl_addr *ip = netlink_ip(address, 32);

	if (object && ip)
		rtnl_neigh_set_dst(object, ip);
	add_neighbour(nl, object, index, mac, NUD_PERMANENT, "neighbour");
	nl_addr_put(ip);
	if (object)
		rtnl_neigh_put(object);
}

void fabric_add_fdb(struct netlink *nl, int index, const uint8_t mac[6])
{
	struct rtnl_neigh *object = rtnl_neigh_alloc();

	if (object) {
		rtnl_neigh_set_family(object, AF_BRIDGE);
		rtnl_neigh_set_flags(object, NTF_MASTER);
	}
	/* to a bridge, "no ARP" means static: it does not age */
	add_neighbour(nl, object, index, mac, NUD_NOARP, "switch address");
	if (object)
		rtnl_neigh_put(object);
}

static int put_end(struct nl_msg *msg, const struct fabric_end *end)
{
	int error = nla_put_string(msg, IFLA_IFNAME, end->name);

	error = error ? error : nla_put_u32(msg, IFLA_MTU, FABRIC_MTU);
	/* one queue: the default of one a core costs memory a thousand times over */
	error = error ? error : nla_put_u32(msg, IFLA_NUM_TX_QUEUES, 1);
	error = error ? error : nla_put_u32(msg, IFLA_NUM_RX_QUEUES, 1);
	if (!error && end->mac)
		error = nla_put(msg, IFLA_ADDRESS, 6, end->mac);
	if (!error && end->master)
		error = nla_put_u32(msg, IFLA_MASTER, (uint32_t)end->master);
	if (!error && end->gso_bytes)
		error = nla_put_u32(msg, IFLA_GSO_MAX_SIZE, end->gso_bytes);
	if (!error && end->namespace >= 0)
		error = nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)end->namespace);
	return error;
}

/*
 * Both ends in one request, each straight where it belongs. By hand: libnl's
 * veth object cannot place its peer by descriptor at creation with a number of
 * our choice. The far end cannot be made up: the kernel has no pair yet then.
 */
void fabric_add_veth(const struct fabric *fabric, struct netlink *nl, const struct fabric_end *end,
		     const struct fabric_end *peer)
{
	struct ifinfomsg far = {.ifi_family = AF_UNSPEC, .ifi_index = peer->index};
	bool up = end->up && !fabric->home.ipv6_by_link;
	struct nl_msg *msg = netlink_link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, AF_UNSPEC, end->index,
					     up ? IFF_UP : 0, up ? IFF_UP : 0);
	struct nlattr *info, *data, *inner;

	if (!msg || put_end(msg, end))
		goto error;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, "veth"))
		goto error;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	inner = data ? nla_nest_start(msg, VETH_INFO_PEER) : NULL;
	if (!inner || nlmsg_append(msg, &far, sizeof(far), NLMSG_ALIGNTO) || put_end(msg, peer))
		goto error;
	nla_nest_end(msg, inner);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	netlink_add(nl, msg, "veth pair");
	if (end->up && !up)
		fabric_add_up(fabric, nl, end->index);
	return;
error:
	if (msg)
		nlmsg_free(msg);
	netlink_add(nl, NULL, "veth pair");
}
