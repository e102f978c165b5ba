/*
 * Headquarters, the sites' routers and the pairs between them. Each WAN link
 * is two veth pairs whose inner ends stand in a namespace of the relay's own:
 *
 *   router: wan0 --- [r<site>  relay  h<site>] --- headquarters: wan<site>
 *
 * The outer ends have their offloads off, so that what the relay reads from a
 * packet socket is whole: frames no longer than the MTU, with real checksums.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/netns/fabric_internal.h"

/* Forwarding by netlink: it works where /proc/sys is read-only. Given an interface, it holds for what comes in there. */
void fabric_add_forwarding(struct netlink *nl, int index)
{
	struct nl_msg *msg = netlink_link_message(RTM_SETLINK, 0, AF_UNSPEC, index, 0, 0);
	struct nlattr *families = msg ? nla_nest_start(msg, IFLA_AF_SPEC) : NULL;
	struct nlattr *family = families ? nla_nest_start(msg, AF_INET) : NULL;
	struct nlattr *conf = family ? nla_nest_start(msg, IFLA_INET_CONF) : NULL;

	if (conf && !nla_put_u32(msg, IPV4_DEVCONF_FORWARDING, 1) && !nla_put_u32(msg, IPV4_DEVCONF_RP_FILTER, 0)) {
		nla_nest_end(msg, conf);
		nla_nest_end(msg, family);
		nla_nest_end(msg, families);
		netlink_add(nl, msg, "forwarding");
		return;
	}
	if (msg)
		nlmsg_free(msg);
	netlink_add(nl, NULL, "forwarding");
}

/* Offloads off; the thread is in the interface's namespace. */
static int offloads_off(const char *name)
{
	static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = 0;

	if (descriptor < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && !error; i++) {
		struct ethtool_value value = {.cmd = commands[i], .data = 0};
		struct ifreq request = {.ifr_data = (void *)&value};

		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
		if (ioctl(descriptor, SIOCETHTOOL, &request) && (commands[i] == ETHTOOL_STXCSUM))
			error = -errno;
	}
	close(descriptor);
	if (error)
		fprintf(stderr, "%s: transmit checksums cannot be computed in software: %s\n", name,
			strerror(-error));
	return error;
}

static int offloads_off_in(struct fabric *fabric, const struct fabric_namespace *ns, const char *name)
{
	int error = namespace_enter(ns->descriptor);

	if (error)
		return error;
	error = offloads_off(name);
	namespace_leave(&fabric->home);
	return error;
}

int wan_hq_up(struct fabric *fabric)
{
	const struct plan *plan = fabric->plan;
	int error = fabric_namespace_open(fabric, &fabric->hq, "headquarters");

	if (!error)
		error = fabric_namespace_open(fabric, &fabric->wan, "WAN relay");
	if (error)
		return error;
	if (plan->server.address)
		fabric_add_address(&fabric->hq.nl, FABRIC_LO, plan->server.address, 32, true);
	if (plan->log_server.enabled && plan->log_server.address != plan->server.address)
		fabric_add_address(&fabric->hq.nl, FABRIC_LO, plan->log_server.address, 32, true);
	return netlink_flush(&fabric->hq.nl, "headquarters");
}

/* The pairs, made from within the relay's namespace. */
static int pairs_up(struct fabric *fabric, uint32_t site, const char *hq_name)
{
	struct netlink *nl = &fabric->wan.nl;
	char router_name[24], relay_hq_name[24];
	uint8_t router_mac[6], hq_mac[6];
	struct fabric_end inner = {.name = router_name, .index = (int)(RELAY_ROUTER + site), .namespace = -1, .up = true};
	struct fabric_end router = {.name = "wan0", .index = ROUTER_WAN, .mac = router_mac,
				    .namespace = fabric->routers[site].descriptor};
	struct fabric_end inner_hq = {.name = relay_hq_name, .index = (int)(RELAY_HQ + site), .namespace = -1, .up = true};
	struct fabric_end hq = {.name = hq_name, .index = (int)(HQ_WAN + site), .mac = hq_mac,
				.namespace = fabric->hq.descriptor};

	snprintf(router_name, sizeof(router_name), "r%u", site);
	snprintf(relay_hq_name, sizeof(relay_hq_name), "h%u", site);
	fabric_mac(router_mac, FABRIC_MAC_WAN_ROUTER, site);
	fabric_mac(hq_mac, FABRIC_MAC_WAN_HQ, site);
	fabric_add_veth(fabric, nl, &inner, &router);
	fabric_add_veth(fabric, nl, &inner_hq, &hq);
	return netlink_flush(nl, fabric->plan->sites[site].name);
}

static int router_wan_up(struct fabric *fabric, uint32_t site)
{
	const struct plan_site *wanted = &fabric->plan->sites[site];
	struct netlink *nl = &fabric->routers[site].nl;
	struct fabric_route way_out = {.gateway = wanted->wan_hq, .index = ROUTER_WAN};
	uint8_t mac[6];

	fabric_mac(mac, FABRIC_MAC_WAN_HQ, site);
	fabric_add_up(fabric, nl, ROUTER_WAN);
	fabric_add_forwarding(nl, ROUTER_WAN);
	fabric_add_address(nl, ROUTER_WAN, wanted->wan_router, netlink_prefix(wanted->wan_netmask), true);
	fabric_add_neighbour(nl, ROUTER_WAN, wanted->wan_hq, mac);
	fabric_add_route(nl, &way_out);
	return netlink_flush(nl, wanted->name);
}

static int hq_wan_up(struct fabric *fabric, uint32_t site)
{
	const struct plan *plan = fabric->plan;
	const struct plan_site *wanted = &plan->sites[site];
	struct netlink *nl = &fabric->hq.nl;
	int index = (int)(HQ_WAN + site);
	uint8_t mac[6];

	fabric_mac(mac, FABRIC_MAC_WAN_ROUTER, site);
	fabric_add_up(fabric, nl, index);
	/* from one site to another, as through any headquarters */
	fabric_add_forwarding(nl, index);
	fabric_add_address(nl, index, wanted->wan_hq, netlink_prefix(wanted->wan_netmask), true);
	fabric_add_neighbour(nl, index, wanted->wan_router, mac);
	for (uint32_t i = wanted->first_subnet; i < wanted->first_subnet + wanted->subnet_count; i++) {
		struct fabric_route to_site = {.network = plan->subnets[i].network,
					       .prefix = netlink_prefix(plan->subnets[i].netmask),
					       .gateway = wanted->wan_router,
					       .source = plan->server.address,
					       .index = index};

		fabric_add_route(nl, &to_site);
	}
	return netlink_flush(nl, wanted->name);
}

int wan_site_up(struct fabric *fabric, uint32_t site)
{
	char hq_name[24];
	int error;

	snprintf(hq_name, sizeof(hq_name), "wan%u", site);
	error = fabric_namespace_open(fabric, &fabric->routers[site], fabric->plan->sites[site].name);
	if (!error)
		error = pairs_up(fabric, site, hq_name);
	if (!error)
		error = offloads_off_in(fabric, &fabric->routers[site], "wan0");
	if (!error)
		error = offloads_off_in(fabric, &fabric->hq, hq_name);
	if (!error)
		error = router_wan_up(fabric, site);
	return error ? error : hq_wan_up(fabric, site);
}

int fabric_wan_start(struct fabric *fabric, struct ev_loop *loop, uint64_t start_ns, fabric_damage_fn damage,
		     void *context)
{
	int error = fabric_settle(fabric);

	if (error)
		return error;
	error = namespace_enter(fabric->wan.descriptor);
	if (!error) {
		error = relay_open(fabric->relay);
		namespace_leave(&fabric->home);
	}
	if (!error)
		error = relay_start(fabric->relay, loop, start_ns, damage, context);
	if (error)
		fprintf(stderr, "WAN relay: packet sockets: %s: pfs-fleet doctor says what is missing\n", strerror(-error));
	return error;
}

void fabric_wan_catch_up(struct fabric *fabric)
{
	relay_catch_up(fabric->relay);
}

void fabric_wan_configure(struct fabric *fabric, uint32_t site, const struct link_config *down,
			  const struct link_config *up)
{
	relay_configure(fabric->relay, site, down, up);
}

const struct link *fabric_wan_link(const struct fabric *fabric, uint32_t site, bool down)
{
	return relay_link(fabric->relay, site, down);
}

void fabric_wan_report(const struct fabric *fabric, struct world_report *report)
{
	relay_report(fabric->relay, report);
	report->drops += relay_drops(fabric->relay);
}
