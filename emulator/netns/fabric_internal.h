/*
 * What the fabric's parts share: fabric.c keeps it and serves fabric.h, lan.c
 * makes switches, routers and phones, wan.c headquarters and the links to it,
 * relay.c carries packets over them.
 *
 * Interface numbers are given, not asked for: a namespace is ours alone, so a
 * whole phone can be asked for in one batch without waiting for an answer.
 */
#ifndef FLEET_NETNS_FABRIC_INTERNAL_H
#define FLEET_NETNS_FABRIC_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/netns/fabric.h"
#include "emulator/netns/namespace.h"
#include "emulator/netns/nl.h"
#include "emulator/netns/relay.h"

#define FABRIC_MTU 1500
#define FABRIC_FRAME_MAX (14 + FABRIC_MTU)

/* interface numbers, by namespace */
#define FABRIC_LO 1            /* everywhere */
#define PHONE_ETH0 2
#define SWITCH_BRIDGE 1000000  /* + bridge */
#define SWITCH_ROUTER 2000000  /* the router's port, on bridge 0 */
#define SWITCH_UPLINK 3000000  /* + 2 * bridge: towards its elder bridge; + 1: the elder's end */
#define SWITCH_PORT 4000000    /* + phone's number on its switch */
#define ROUTER_LAN 1000000     /* + number of the switch */
#define ROUTER_WAN 2000000
#define HQ_WAN 1000000         /* + site */
#define RELAY_ROUTER 1000000   /* + site */
#define RELAY_HQ 2000000       /* + site */

/* A namespace and a route socket in it. */
struct fabric_namespace {
	int descriptor; /* -1: none */
	struct netlink nl;
};

struct fabric_switch {
	struct fabric_namespace ns;
	int arp;           /* a packet socket that counts ARP requests; -1: none */
	uint32_t phones, bridges, bridge_ports; /* bridge_ports: phones on each */
	uint64_t *pairs;   /* phones introduced to each other; a hash set, 0 is free; its worker's alone */
	uint32_t pairs_size, pairs_count;
};

struct fabric_phone {
	int descriptor;    /* of the namespace; -1: not up, or `holder` has it */
	int holder;        /* a socket in the namespace, its owner's; -1: none */
	int kept;          /* another table has the two above: a descriptor in this one; -1: not so */
	uint32_t position; /* number on its switch */
	bool was_cut;      /* by fabric_phone_link: what was lost there is the scenario's */
};

struct fabric {
	const struct plan *plan;
	struct namespace_home home;
	struct fabric_namespace hq, wan;
	struct fabric_namespace *routers; /* one a site */
	struct fabric_switch *switches;
	struct fabric_phone *phones;
	bool settled;                     /* no phone came up since fabric_settle() */
	struct relay *relay;
};

/* Makes a namespace with a route socket and lo up. The thread is back home afterwards. */
int fabric_namespace_open(struct fabric *fabric, struct fabric_namespace *ns, const char *subject);
void fabric_namespace_close(struct fabric_namespace *ns);

/* Puts the calling thread into a phone's namespace. Returns 0, -ENOENT where it is not up, or another negative errno. */
int fabric_enter_phone(const struct fabric *fabric, uint32_t phone);
static inline bool fabric_phone_is_up(const struct fabric *fabric, uint32_t phone)
{
	const struct fabric_phone *wanted = &fabric->phones[phone];

	return wanted->kept >= 0 || wanted->descriptor >= 0 || wanted->holder >= 0;
}

/* Requests shared by the parts (requests.c); all go into a batch. */
/* A link that is not up yet gets no IPv6 address of its own making, and so says nothing. */
void fabric_add_no_ipv6_address(struct netlink *nl, int index);
void fabric_add_up(const struct fabric *fabric, struct netlink *nl, int index);
void fabric_add_address(struct netlink *nl, int index, uint32_t address, int prefix, bool prefix_route);
struct fabric_route {
	uint32_t network;
	int prefix;          /* 0: default */
	uint32_t gateway;    /* 0: on the link */
	uint32_t source;     /* preferred source, or 0 */
	int index;
	uint32_t rto_min_ms; /* 0: the kernel's */
	bool quickack;
};
void fabric_add_route(struct netlink *nl, const struct fabric_route *route);
/* A permanent neighbour, which no garbage collection takes and no limit counts. */
void fabric_add_neighbour(struct netlink *nl, int index, uint32_t address, const uint8_t mac[6]);
/* The switch's address table: behind which port a MAC is, for good. */
void fabric_add_fdb(struct netlink *nl, int index, const uint8_t mac[6]);

/* What comes in at an interface is forwarded, and not checked for its way back. */
void fabric_add_forwarding(struct netlink *nl, int index);

/* One end of a veth pair as it is to be made. */
struct fabric_end {
	const char *name;
	int index;
	int master;           /* bridge, or 0 */
	int namespace;        /* descriptor, or -1: the socket's own */
	bool up;              /* only the end in the socket's namespace can be made up */
	const uint8_t *mac;   /* NULL: random */
	uint32_t gso_bytes;   /* of the largest packet handed down; 0: the kernel's */
};
void fabric_add_veth(const struct fabric *fabric, struct netlink *nl, const struct fabric_end *end,
		     const struct fabric_end *peer);

enum fabric_mac { FABRIC_MAC_LAN = 1, FABRIC_MAC_WAN_ROUTER, FABRIC_MAC_WAN_HQ, FABRIC_MAC_BRIDGE };
void fabric_mac(uint8_t mac[6], enum fabric_mac kind, uint32_t number);

/* stats.c: in the namespace that the thread is in. A descriptor or a negative errno. */
int fabric_arp_socket(void);

/* lan.c */
void fabric_add_port_answers(struct netlink *nl, int index); /* proxy_arp_wifi */
void fabric_add_rate(struct netlink *nl, int index, uint64_t bps);
int lan_switch_up(struct fabric *fabric, uint32_t number);
int lan_phone_up(struct fabric *fabric, uint32_t phone);
int lan_phone_link(struct fabric *fabric, uint32_t phone, bool up);

/* wan.c */
int wan_hq_up(struct fabric *fabric);
int wan_site_up(struct fabric *fabric, uint32_t site);

#endif
