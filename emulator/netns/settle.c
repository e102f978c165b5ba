/*
 * The kernel acts on a new carrier a little later, in a work queue: until then
 * a port that is up drops what it should send, and counts nothing. So a fabric
 * is waited for once, when its phones are up: until no link with a carrier is
 * in any other state than "up".
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/route/link.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "emulator/netns/fabric_internal.h"

#define SETTLE_MS 5000 /* without any change: a host this slow runs no fleet */
#define LINK_LOWER_UP 0x10000 /* IFF_LOWER_UP; linux/if.h, which has it, and net/if.h do not go together */
#define LINK_OPER_UP 6        /* IF_OPER_UP, RFC 2863 */

/* Links of a namespace that have a carrier which the kernel has not acted on yet. */
static int unsettled(struct netlink *nl)
{
	struct nl_cache *links = NULL;
	int error = rtnl_link_alloc_cache(nl->sock, AF_UNSPEC, &links), count = 0;

	if (error < 0)
		return netlink_errno(error);
	for (struct nl_object *at = nl_cache_get_first(links); at; at = nl_cache_get_next(at)) {
		struct rtnl_link *link = (struct rtnl_link *)at;

		if (rtnl_link_get_ifindex(link) != FABRIC_LO && (rtnl_link_get_flags(link) & LINK_LOWER_UP) &&
		    rtnl_link_get_operstate(link) != LINK_OPER_UP)
			count++;
	}
	nl_cache_free(links);
	return count;
}

static void drain(struct nl_sock *events)
{
	char buffer[16384];

	while (recv(nl_socket_get_fd(events), buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
}

static int settle_within(struct netlink *nl, struct nl_sock *events)
{
	int left;

	while ((left = unsettled(nl)) > 0) {
		struct pollfd change = {.fd = nl_socket_get_fd(events), .events = POLLIN};

		if (!poll(&change, 1, SETTLE_MS))
			return -ETIMEDOUT;
		drain(events);
	}
	return left;
}

static int settle_namespace(struct fabric *fabric, struct fabric_namespace *ns)
{
	struct nl_sock *events = nl_socket_alloc();
	int error = events ? namespace_enter(ns->descriptor) : -ENOMEM;

	if (!error) {
		nl_socket_set_local_port(events, 0);
		error = netlink_errno(nl_connect(events, NETLINK_ROUTE));
		namespace_leave(&fabric->home);
	}
	if (!error)
		error = netlink_errno(nl_socket_add_membership(events, RTNLGRP_LINK));
	if (!error)
		error = settle_within(&ns->nl, events);
	if (events)
		nl_socket_free(events);
	return error;
}

int fabric_settle(struct fabric *fabric)
{
	int error = 0;

	if (fabric->settled)
		return 0;
	namespace_proc_close(&fabric->home);
	for (uint32_t i = 0; i < fabric->plan->site_count && !error; i++)
		error = netlink_flush(&fabric->routers[i].nl, fabric->plan->sites[i].name);
	if (error)
		return error; /* with a line said */
	error = settle_namespace(fabric, &fabric->hq);
	if (!error)
		error = settle_namespace(fabric, &fabric->wan);
	for (uint32_t i = 0; i < fabric->plan->site_count && !error; i++)
		error = settle_namespace(fabric, &fabric->routers[i]);
	for (uint32_t i = 0; i < fabric->plan->switch_count && !error; i++)
		error = settle_namespace(fabric, &fabric->switches[i].ns);
	fabric->settled = !error;
	if (error)
		fprintf(stderr, "network fabric: links do not come up: %s\n", strerror(-error));
	return error;
}
