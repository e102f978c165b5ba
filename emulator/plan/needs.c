/*
 * What a plan asks of the host, worked out before anything is made, so that
 * `check` and `run` can say "does not fit" in a second and not after a minute
 * of bringing a fleet up. Counts are exact for the fabric as designed; the
 * memory is an estimate, rounded up.
 */
#include "emulator/plan/plan.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Kernel memory of a phone: the namespace, veth pair, qdisc, sockets and what
 * waits in them. 4,000 phones in a PFS run took 417 kB each on Linux 6.18 with
 * two cores.
 */
#define NAMESPACE_BYTES (448u * 1024)
/* Kernel memory of a bridge and its namespace, of which a port takes little. */
#define BRIDGE_BYTES (512u * 1024)
/* The process itself, and a phone's state, rows in the record, log lines and buffers: 23 KiB were measured. */
#define PROCESS_BYTES (32u * 1024 * 1024)
#define PHONE_EXTRA_BYTES (28u * 1024)
/*
 * A phone in virtual time, with its connections and rows in plan and record: a million took 3.8 GB, and 0.6 KB
 * each besides since a phone has slots for a what-if's children.
 */
#define PHONE_VIRTUAL_BYTES (4608u)
#define SITE_VIRTUAL_BYTES (512u * 1024)

/*
 * Descriptors of a phone. One phone may have 11 (docs/protocol.md, question 3:
 * two sockets of the peer port, one of TFTP, eight connections; 15 with a
 * what-if's fan-out of four), but not all
 * can: each phone dials one parent at a time, so a hierarchy has no more
 * connections than phones, with both ends in the process, and where the trees
 * of two files overlap each phone may still be closing its last one. A phone at
 * TFTP dials nobody. The namespace is held by a socket.
 */
#define PHONE_DESCRIPTORS_WORST (1 + 1 + 2 * 2)
/* One tree: a parent for each phone. */
#define PHONE_DESCRIPTORS_TYPICAL (1 + 1 + 2)
/* A site: the router's namespace and its route socket, two packet sockets of the relay. */
#define SITE_DESCRIPTORS 4
/* A switch: its namespace and route socket, the packet socket that counts ARP. */
#define SWITCH_DESCRIPTORS 3
/* stdio, the namespaces of headquarters and relay, the relay's timer, headquarters' listening socket, netlink, journal, logs. */
#define PROCESS_DESCRIPTORS 64

static int fill_shares(struct plan *plan)
{
	size_t cells = (size_t)plan->subnet_count * plan->model_count;

	plan->shares = calloc(cells ? cells : 1, 1);
	if (!plan->shares)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		const struct plan_phone *phone = &plan->phones[i];
		if (phone->part == PFS_PART_YES)
			plan->shares[(size_t)phone->subnet * plan->model_count + phone->model] = 1;
	}
	return 0;
}

static void fill_switch_needs(const struct plan *plan, struct plan_needs *needs)
{
	for (uint32_t i = 0; i < plan->switch_count; i++) {
		uint64_t ports = plan->switches[i].ports;
		uint64_t bridges = (ports + plan_bridge_ports(ports) - 1) / plan_bridge_ports(ports);
		bridges = bridges ? bridges : 1;
		needs->bridges += bridges;
		needs->neighbours += ports * bridges;
		/* One pair to the router, and one between each two bridges of a chain. */
		needs->links += bridges;
		uint64_t fullest = ports < plan_bridge_ports(ports) ? ports : plan_bridge_ports(ports);
		needs->crowd_max = ports > needs->crowd_max ? ports : needs->crowd_max;
		/* Its router, its parents and its children of two hierarchies, and as much again that has not aged yet. */
		needs->neighbours_counted +=
			plan->switches[i].real_arp
				? ports * 2 * (1 + PFS_HIERARCHIES_MAX * (1 + (uint64_t)plan_fan_out(plan)))
				: 0;
		needs->ports_max = fullest > needs->ports_max ? fullest : needs->ports_max;
	}
}

static void fill_needs(struct plan *plan)
{
	struct plan_needs *needs = &plan->needs;
	uint64_t phones = plan->phone_count, sites = plan->site_count;
	uint64_t server_sockets = plan->server.kind == PLAN_SERVER_EMBEDDED ? PLAN_SERVER_SOCKETS : 16;

	*needs = (struct plan_needs){0};
	needs->namespaces = phones + sites + plan->switch_count + 1;
	fill_switch_needs(plan, needs);
	/* Router and headquarters each have a pair to the relay's end. */
	needs->links += phones + 2 * sites;
	/*
	 * A phone knows its router and two addresses of everybody; the router and each
	 * bridge of its switch know every phone; both ends of the WAN each other.
	 */
	needs->neighbours += 4 * phones + 2 * sites;
	needs->descriptors_phone_worst = PHONE_DESCRIPTORS_WORST + plan->log_server.enabled;
	needs->descriptors_phone_typical = PHONE_DESCRIPTORS_TYPICAL + plan->log_server.enabled;
	uint64_t fixed = PROCESS_DESCRIPTORS + PLAN_DESCRIPTORS_KEPT + SITE_DESCRIPTORS * sites +
			 SWITCH_DESCRIPTORS * plan->switch_count;
	needs->descriptors_fixed = fixed + server_sockets;
	uint64_t firmware_bytes = 0;
	for (uint32_t i = 0; i < plan->firmware_count; i++)
		firmware_bytes += plan->firmware[i].total_bytes;
	needs->memory_phone_bytes = NAMESPACE_BYTES + PHONE_EXTRA_BYTES + sizeof(struct pfs_phone);
	needs->memory_bytes = PROCESS_BYTES + firmware_bytes + needs->bridges * BRIDGE_BYTES +
			      (sites + 1) * NAMESPACE_BYTES +
			      phones * needs->memory_phone_bytes;
	needs->virtual_bytes = PROCESS_BYTES + firmware_bytes + sites * SITE_VIRTUAL_BYTES +
			       phones * PHONE_VIRTUAL_BYTES;
}

static bool is_headquarters(const struct plan *plan, uint32_t address)
{
	for (uint32_t i = 0; i < plan->site_count; i++)
		if (plan->sites[i].wan_hq == address)
			return true;
	return plan->server.address == address;
}

int plan_finish(struct plan *plan)
{
	int r = fill_shares(plan);

	if (r < 0)
		return r;
	plan->log_server.here = plan->log_server.enabled && is_headquarters(plan, plan->log_server.address);
	fill_needs(plan);
	return 0;
}
