/*
 * Switches and phones. A switch is one broadcast domain of any size: a bridge, or
 * bridges of plan_bridge_ports() phones each, joined by veth pairs into a chain,
 * all in one namespace. More than one subnet may stand on it.
 *
 * Address resolution never floods (DESIGN point 11). One broadcast costs the
 * kernel some 5 us a port, so phones that ask for each other would cost the
 * square of their number. The switch knows every phone: a permanent neighbour
 * on the bridge device says which MAC has an address, a static entry of its
 * address table says behind which port that is, and the port's proxy_arp_wifi
 * flag makes the bridge answer in the phone's name. (neigh_suppress looks made
 * for this, yet it also swallows what it has no answer to.) What is sent to a
 * phone whose cable is out is lost in silence, as it is where a real switch
 * still remembers the port.
 *
 * A broadcast is a packet a port, all queued at once on one processor, and the
 * kernel's queue for that (net.core.netdev_max_backlog, 1,000 by default) is the
 * host's. With bridges of 1,000 it lost some on switches of 2,000 phones and all
 * that was for the third bridge on one of 3,000; so larger switches are chains of
 * smaller bridges, and crowd.c sends broadcasts one after the other.
 * Drops are counted on the ports, make a run inconclusive, and `doctor`
 * says the line that mends it.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>
#include <stdio.h>
#include <string.h>

#include "emulator/netns/fabric_internal.h"

#define TBF_BURST_US 1000        /* a port is ahead of its rate by no more than this much wire time */
#define TBF_BURST_MIN 8192       /* but by five full frames */
#define GSO_BYTES_MAX 65536
#define TBF_LIMIT_BYTES 8388608  /* TCP holds itself back long before; a sender's broadcasts are small */
#define TBF_BPS_MAX 16000000000u /* libnl counts bytes a second in an int; nothing here is faster */
#define RTO_MIN_MS 200           /* the kernel's own, at speed 1 */

static uint32_t bridge_of(const struct fabric_switch *lan, const struct fabric_phone *phone)
{
	return phone->position / lan->bridge_ports;
}

/* On bridge `at`, the port towards a thing that is on bridge `where` != at. */
static int uplink_towards(uint32_t at, uint32_t where)
{
	return (int)(where > at ? SWITCH_UPLINK + 2 * (at + 1) + 1 : SWITCH_UPLINK + 2 * at);
}

static void add_bridge(const struct fabric *fabric, struct netlink *nl, uint32_t bridge)
{
	struct nl_msg *msg = netlink_link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, AF_UNSPEC,
					     (int)(SWITCH_BRIDGE + bridge), 0, 0);
	struct nlattr *info, *data;
	char name[24];
	uint8_t mac[6];

	snprintf(name, sizeof(name), "switch%u", bridge);
	/*
	 * A bridge without an address of its own takes its lowest port's, and with
	 * each new one the kernel forgets all its neighbours, permanent or not.
	 */
	fabric_mac(mac, FABRIC_MAC_BRIDGE, bridge);
	if (!msg || nla_put_string(msg, IFLA_IFNAME, name) || nla_put(msg, IFLA_ADDRESS, 6, mac))
		goto error;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, "bridge"))
		goto error;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	/*
	 * No spanning tree and no waiting: a port forwards as soon as it is up.
	 * No snooping: nothing here is multicast, and it would send queries.
	 */
	if (!data || nla_put_u32(msg, IFLA_BR_STP_STATE, 0) || nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, 0) ||
	    nla_put_u8(msg, IFLA_BR_MCAST_SNOOPING, 0))
		goto error;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	netlink_add(nl, msg, "bridge");
	fabric_add_up(fabric, nl, (int)(SWITCH_BRIDGE + bridge));
	return;
error:
	if (msg)
		nlmsg_free(msg);
	netlink_add(nl, NULL, "bridge");
}

void fabric_add_port_answers(struct netlink *nl, int index)
{
	struct nl_msg *msg = netlink_link_message(RTM_SETLINK, 0, AF_BRIDGE, index, 0, 0);
	struct nlattr *port = msg ? nla_nest_start(msg, IFLA_PROTINFO | NLA_F_NESTED) : NULL;

	if (port && !nla_put_u8(msg, IFLA_BRPORT_PROXYARP_WIFI, 1)) {
		nla_nest_end(msg, port);
		netlink_add(nl, msg, "port that answers ARP");
		return;
	}
	if (msg)
		nlmsg_free(msg);
	netlink_add(nl, NULL, "port that answers ARP");
}

static void add_uplink(const struct fabric *fabric, struct netlink *nl, uint32_t bridge, bool answers)
{
	struct fabric_end up = {.index = (int)(SWITCH_UPLINK + 2 * bridge), .master = (int)(SWITCH_BRIDGE + bridge),
				.namespace = -1, .up = true};
	struct fabric_end down = {.index = up.index + 1, .namespace = -1};
	struct nl_msg *join;
	char up_name[24], down_name[24];

	snprintf(up_name, sizeof(up_name), "up%u", bridge);
	snprintf(down_name, sizeof(down_name), "down%u", bridge);
	up.name = up_name;
	down.name = down_name;
	fabric_add_veth(fabric, nl, &up, &down);
	/* the kernel takes a master at creation for the near end only */
	join = netlink_link_message(RTM_NEWLINK, 0, AF_UNSPEC, down.index, 0, 0);
	if (join && nla_put_u32(join, IFLA_MASTER, SWITCH_BRIDGE + bridge - 1)) {
		nlmsg_free(join);
		join = NULL;
	}
	netlink_add(nl, join, "uplink's elder end");
	fabric_add_up(fabric, nl, down.index);
	if (answers) {
		fabric_add_port_answers(nl, up.index);
		fabric_add_port_answers(nl, down.index);
	}
}

/*
 * Every bridge learns where a station is: its own bridge by its port, each other
 * by the uplink towards it.
 */
static void add_station(const struct fabric_switch *lan, struct netlink *nl, uint32_t where, int port, uint32_t address,
			const uint8_t mac[6])
{
	for (uint32_t bridge = 0; bridge < lan->bridges; bridge++) {
		fabric_add_fdb(nl, bridge == where ? port : uplink_towards(bridge, where), mac);
		if (address)
			fabric_add_neighbour(nl, (int)(SWITCH_BRIDGE + bridge), address, mac);
	}
}

/* The router's interface on a switch, with an address in each subnet there. */
static int router_lan_up(struct fabric *fabric, uint32_t number)
{
	const struct plan *plan = fabric->plan;
	const struct plan_switch *wanted = &plan->switches[number];
	struct fabric_switch *lan = &fabric->switches[number];
	struct fabric_namespace *router = &fabric->routers[wanted->site];
	char name[24];
	uint8_t mac[6];
	struct fabric_end port = {.name = "router", .index = SWITCH_ROUTER, .master = SWITCH_BRIDGE,
				  .namespace = -1, .up = true};
	struct fabric_end end = {.name = name, .index = (int)(ROUTER_LAN + number),
				 .namespace = router->descriptor, .mac = mac};
	int error;

	snprintf(name, sizeof(name), "lan%u", number);
	fabric_mac(mac, FABRIC_MAC_LAN, number);
	fabric_add_veth(fabric, &lan->ns.nl, &port, &end);
	if (!wanted->real_arp)
		add_station(lan, &lan->ns.nl, 0, SWITCH_ROUTER, 0, mac);
	error = netlink_flush(&lan->ns.nl, name);
	if (error)
		return error;
	fabric_add_up(fabric, &router->nl, end.index);
	fabric_add_forwarding(&router->nl, end.index);
	for (uint32_t i = 0; i < plan->subnet_count; i++)
		if (plan->subnets[i].lan_switch == number)
			fabric_add_address(&router->nl, end.index, plan->subnets[i].router,
					   netlink_prefix(plan->subnets[i].netmask), true);
	return netlink_flush(&router->nl, name);
}

int lan_switch_up(struct fabric *fabric, uint32_t number)
{
	struct fabric_switch *lan = &fabric->switches[number];
	bool answers = !fabric->plan->switches[number].real_arp;
	char subject[32];
	int error;

	snprintf(subject, sizeof(subject), "switch %u", number);
	error = fabric_namespace_open(fabric, &lan->ns, subject);
	if (error)
		return error;
	for (uint32_t bridge = 0; bridge < lan->bridges; bridge++) {
		add_bridge(fabric, &lan->ns.nl, bridge);
		if (bridge)
			add_uplink(fabric, &lan->ns.nl, bridge, answers);
	}
	error = netlink_flush(&lan->ns.nl, subject);
	if (!error)
		error = namespace_enter(lan->ns.descriptor);
	if (error)
		return error;
	/* without packet sockets ARP goes uncounted here, and the relay will say why there is no WAN */
	lan->arp = fabric_arp_socket();
	namespace_leave(&fabric->home);
	return router_lan_up(fabric, number);
}

/*
 * The largest packet that TCP may hand down at a port. The kernel's own 64 KiB
 * would need a bucket as deep, and then whatever fits into the bucket, a whole
 * small file on each level of its tree, would cross the port in no time.
 */
static uint32_t burst_bytes(uint64_t bps)
{
	uint64_t bytes = bps * TBF_BURST_US / 8000000;

	if (!bps || bps > TBF_BPS_MAX || bytes > GSO_BYTES_MAX)
		return GSO_BYTES_MAX;
	return bytes > TBF_BURST_MIN ? (uint32_t)bytes : TBF_BURST_MIN;
}

/* The port's rate, by a token bucket at the phone; none where the rate is 0 or beyond what it can hold. */
void fabric_add_rate(struct netlink *nl, int index, uint64_t bps)
{
	struct rtnl_qdisc *qdisc;
	struct nl_msg *msg = NULL;
	int error = -NLE_NOMEM;

	if (!bps || bps > TBF_BPS_MAX)
		return;
	qdisc = rtnl_qdisc_alloc();
	if (qdisc) {
		rtnl_tc_set_ifindex(TC_CAST(qdisc), index);
		rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
		rtnl_tc_set_handle(TC_CAST(qdisc), TC_HANDLE(1, 0));
		error = rtnl_tc_set_kind(TC_CAST(qdisc), "tbf");
		if (!error) {
			/* and room for the headers of each segment, which the bucket counts too */
			rtnl_qdisc_tbf_set_rate(qdisc, (int)(bps / 8), (int)burst_bytes(bps) * 9 / 8, 0);
			rtnl_qdisc_tbf_set_limit(qdisc, TBF_LIMIT_BYTES);
			error = rtnl_qdisc_build_add_request(qdisc, NLM_F_CREATE | NLM_F_REPLACE, &msg);
		}
		rtnl_qdisc_put(qdisc);
	}
	netlink_add_built(nl, error, msg, "port rate");
}

static uint64_t at_speed(const struct plan *plan, uint64_t bps)
{
	return bps * plan->speed_milli / 1000;
}

/* What stands at the switch's side: the pair itself, and what the switch knows of the phone. */
static int port_up(struct fabric *fabric, uint32_t number)
{
	const struct plan_phone *wanted = &fabric->plan->phones[number];
	const struct plan_subnet *subnet = &fabric->plan->subnets[wanted->subnet];
	struct fabric_phone *phone = &fabric->phones[number];
	struct fabric_switch *lan = &fabric->switches[subnet->lan_switch];
	int index = (int)(SWITCH_PORT + phone->position);
	char name[24];
	struct fabric_end port = {.name = name, .index = index, .master = (int)(SWITCH_BRIDGE + bridge_of(lan, phone)),
				  .namespace = -1, .up = true};
	struct fabric_end eth0 = {.name = "eth0", .index = PHONE_ETH0, .namespace = phone->descriptor,
				  .mac = wanted->mac,
				  .gso_bytes = burst_bytes(at_speed(fabric->plan, wanted->port_bps))};

	snprintf(name, sizeof(name), "port%u", phone->position);
	fabric_add_veth(fabric, &lan->ns.nl, &port, &eth0);
	if (!fabric->plan->switches[subnet->lan_switch].real_arp) {
		fabric_add_port_answers(&lan->ns.nl, index);
		add_station(lan, &lan->ns.nl, bridge_of(lan, phone), index, wanted->address, wanted->mac);
	}
	return netlink_flush(&lan->ns.nl, wanted->name);
}

/*
 * Real TCP does not run at the scenario's speed by itself: its shortest
 * retransmission time-out is divided by it. Acknowledgements are not delayed:
 * their 40 ms would be others at another speed.
 */
static void set_metrics(const struct plan *plan, struct fabric_route *route)
{
	uint64_t rto = (uint64_t)RTO_MIN_MS * 1000 / plan->speed_milli;

	route->quickack = true;
	if (plan->speed_milli > 1000)
		route->rto_min_ms = rto ? (uint32_t)rto : 1;
}

/* The thread is in the phone's namespace. */
static int phone_inside(struct fabric *fabric, uint32_t number)
{
	const struct plan *plan = fabric->plan;
	const struct plan_phone *wanted = &plan->phones[number];
	const struct plan_subnet *subnet = &plan->subnets[wanted->subnet];
	const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct fabric_route on_link = {.network = subnet->network, .prefix = netlink_prefix(subnet->netmask),
				       .source = wanted->address, .index = PHONE_ETH0};
	struct fabric_route way_out = {.gateway = subnet->router, .index = PHONE_ETH0};
	uint8_t router[6];
	struct netlink nl;
	int error = netlink_open(&nl);

	if (error)
		return error;
	set_metrics(plan, &on_link);
	set_metrics(plan, &way_out);
	fabric_mac(router, FABRIC_MAC_LAN, subnet->lan_switch);
	fabric_add_up(fabric, &nl, FABRIC_LO);
	fabric_add_rate(&nl, PHONE_ETH0, at_speed(plan, wanted->port_bps));
	if (!fabric->home.ipv6_by_link)
		fabric_add_no_ipv6_address(&nl, PHONE_ETH0);
	fabric_add_up(fabric, &nl, PHONE_ETH0);
	/* the subnet's route is made below, with metrics that the kernel's own would not have */
	fabric_add_address(&nl, PHONE_ETH0, wanted->address, on_link.prefix, false);
	fabric_add_route(&nl, &on_link);
	fabric_add_route(&nl, &way_out);
	if (!plan->switches[subnet->lan_switch].real_arp)
		fabric_add_neighbour(&nl, PHONE_ETH0, subnet->router, router);
	/* where broadcasts go: said for good, these entries do not count towards the host's neighbour limit */
	fabric_add_neighbour(&nl, PHONE_ETH0, subnet->network | ~subnet->netmask, everybody);
	fabric_add_neighbour(&nl, PHONE_ETH0, UINT32_MAX, everybody);
	error = netlink_flush(&nl, wanted->name);
	netlink_close(&nl);
	/*
	 * TCP would send a segment again where an acknowledgement takes more than two
	 * ticks of the kernel (RFC 8985, tail loss probes), 8 ms, and it may: it waits for
	 * a broadcast to thousands of ports that keeps its processor busy, or for a host
	 * that is busy with something else. Nothing was lost then. Without probes the
	 * time-out alone sends again, so that a segment that was sent twice says that one
	 * was lost or 200 ms late. Where they cannot be switched off they make a run
	 * inconclusive that could have been a result, and no more.
	 */
	namespace_no_loss_probes(&fabric->home);
	return error;
}

int lan_phone_up(struct fabric *fabric, uint32_t number)
{
	const struct plan_phone *wanted = &fabric->plan->phones[number];
	const struct plan_subnet *subnet = &fabric->plan->subnets[wanted->subnet];
	struct fabric_namespace *router = &fabric->routers[wanted->site];
	struct fabric_phone *phone = &fabric->phones[number];
	int error;

	phone->descriptor = namespace_new(&fabric->home);
	if (phone->descriptor < 0) {
		error = phone->descriptor;
		phone->descriptor = -1;
		namespace_complain(wanted->name, error);
		return error;
	}
	error = port_up(fabric, number);
	if (!error)
		error = phone_inside(fabric, number);
	/* the router hears of many phones at once: fabric_settle() flushes the last */
	if (!error && !fabric->plan->switches[subnet->lan_switch].real_arp)
		fabric_add_neighbour(&router->nl, (int)(ROUTER_LAN + subnet->lan_switch), wanted->address,
				     wanted->mac);
	return error;
}

int lan_phone_link(struct fabric *fabric, uint32_t number, bool up)
{
	const struct plan_phone *wanted = &fabric->plan->phones[number];
	struct fabric_phone *phone = &fabric->phones[number];
	struct fabric_namespace *lan = &fabric->switches[fabric->plan->subnets[wanted->subnet].lan_switch].ns;

	phone->was_cut = phone->was_cut || !up;
	netlink_add(&lan->nl,
		    netlink_link_message(RTM_NEWLINK, 0, AF_UNSPEC, (int)(SWITCH_PORT + phone->position),
					 up ? IFF_UP : 0, IFF_UP),
		    up ? "cable in" : "cable out");
	return netlink_flush(&lan->nl, wanted->name);
}
