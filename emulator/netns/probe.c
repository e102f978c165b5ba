/*
 * What the host offers, for `doctor`. Features are tried, not looked up: each
 * is asked for in a namespace of a child process, the way the fabric asks for
 * it, so that modules load and a container's filters show. Limits are read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/netns/fabric_internal.h"

#define PROBE_BRIDGE 10
#define PROBE_PORT 11
#define PROBE_PEER 12

/* Features tried in the child, in order; each may stand on those before. */
enum feature { NAMESPACES, VETH, BRIDGE, PROXY_ARP, TBF, PACKET, IPV6_OFF, BACKLOG, FEATURES };

static const struct fabric_probe features[FEATURES] = {
	[NAMESPACES] = { "network namespaces", .needed = true, .meaning = "each phone is one",
			 .mend = "run as root, or: sysctl user.max_user_namespaces=15000 (Ubuntu: also "
				 "kernel.apparmor_restrict_unprivileged_userns=0)" },
	[VETH] = { "veth", .needed = true, .meaning = "the cable between a phone and its switch",
		   .mend = "modprobe veth" },
	[BRIDGE] = { "bridge", .needed = true, .meaning = "the switch of a subnet", .mend = "modprobe bridge" },
	[PROXY_ARP] = { "bridge port proxy_arp_wifi", .needed = true,
			.meaning = "the switch answers ARP for phones; n joiners do not cost n squared",
			.mend = "a kernel of 4.1 or later" },
	[TBF] = { "tbf", .needed = true, .meaning = "the rate of a phone's LAN port", .mend = "modprobe sch_tbf" },
	[PACKET] = { "packet sockets", .needed = true, .meaning = "the WAN's relay reads and sends through them",
		     .mend = "modprobe af_packet" },
	[IPV6_OFF] = { "/proc/sys/net of a namespace", .needed = false,
		       .meaning = "IPv6 is switched off there; read-only, each link is kept quiet by itself",
		       .mend = "nothing has to be done; a container may be given: --security-opt systempaths=unconfined" },
	[BACKLOG] = { "listen backlog of a namespace", .needed = false,
		      .meaning = "4,096 joiners may wait at a phone; with fewer, a mass reset shows retransmissions",
		      .mend = "a kernel of 5.4 or later" },
};

/* ---- features ---- */

static int64_t read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long long value = -1;

	if (!file)
		return -1;
	if (fscanf(file, "%lld", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

static void add_kind(struct netlink *nl, const char *kind, int index)
{
	struct nl_msg *msg = netlink_link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, AF_UNSPEC, index, 0, 0);
	struct nlattr *info = msg ? nla_nest_start(msg, IFLA_LINKINFO) : NULL;

	if (info && !nla_put_string(msg, IFLA_INFO_KIND, kind)) {
		nla_nest_end(msg, info);
		netlink_add(nl, msg, kind);
		return;
	}
	if (msg)
		nlmsg_free(msg);
	netlink_add(nl, NULL, kind);
}

static int try_veth(struct netlink *nl, const struct fabric *fabric)
{
	const struct fabric_end port = { .name = "port", .index = PROBE_PORT, .namespace = -1 };
	const struct fabric_end peer = { .name = "eth0", .index = PROBE_PEER, .namespace = -1 };

	fabric_add_veth(fabric, nl, &port, &peer);
	return netlink_flush(nl, NULL);
}

static int try_bridge(struct netlink *nl)
{
	struct nl_msg *join = netlink_link_message(RTM_NEWLINK, 0, AF_UNSPEC, PROBE_PORT, 0, 0);

	add_kind(nl, "bridge", PROBE_BRIDGE);
	if (join && nla_put_u32(join, IFLA_MASTER, PROBE_BRIDGE)) {
		nlmsg_free(join);
		join = NULL;
	}
	netlink_add(nl, join, "bridge port");
	return netlink_flush(nl, NULL);
}

static int try_packet(void)
{
	int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1, error = 0;

	if (descriptor < 0)
		return -errno;
	if (setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		error = -errno;
	close(descriptor);
	return error;
}

/* In the child. The one line of a refusal goes to nobody: the table says it. */
static void be_silent(void)
{
	int silence = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (silence >= 0)
		dup2(silence, STDERR_FILENO);
}

static void try_features(int errors[FEATURES])
{
	struct fabric fabric = { .home = { .net = -1 } };
	struct netlink nl;
	int64_t backlog;
	int descriptor;

	be_silent();
	errors[NAMESPACES] = namespace_home_open(&fabric.home);
	if (errors[NAMESPACES])
		return;
	descriptor = namespace_new(&fabric.home);
	if (descriptor >= 0)
		namespace_no_ipv6(&fabric.home);
	errors[NAMESPACES] = descriptor < 0 ? descriptor : 0;
	errors[VETH] = descriptor < 0 ? descriptor : netlink_open(&nl);
	if (errors[VETH])
		return;
	/* "not shown" is -1, and nothing to complain of */
	backlog = read_number("/proc/sys/net/core/somaxconn");
	errors[BACKLOG] = backlog >= 0 && backlog < 4096 ? -ERANGE : 0;
	errors[IPV6_OFF] = fabric.home.ipv6_by_link ? -EROFS : 0;
	errors[VETH] = try_veth(&nl, &fabric);
	errors[BRIDGE] = try_bridge(&nl);
	fabric_add_port_answers(&nl, PROBE_PORT);
	errors[PROXY_ARP] = netlink_flush(&nl, NULL);
	fabric_add_rate(&nl, PROBE_PEER, 100000000);
	errors[TBF] = netlink_flush(&nl, NULL);
	errors[PACKET] = try_packet();
}

static void probe_features(int errors[FEATURES])
{
	int ends[2];
	pid_t child;

	for (int i = 0; i < FEATURES; i++)
		errors[i] = -ECHILD;
	if (pipe2(ends, O_CLOEXEC))
		return;
	fflush(NULL);
	child = fork();
	if (!child) {
		try_features(errors);
		_exit(write(ends[1], errors, FEATURES * sizeof(*errors)) < 0);
	}
	close(ends[1]);
	if (child > 0) {
		int found[FEATURES];

		if (read(ends[0], found, sizeof(found)) == (ssize_t)sizeof(found))
			memcpy(errors, found, sizeof(found));
		waitpid(child, NULL, 0);
	}
	close(ends[0]);
}

static int try_namespaces(void)
{
	struct namespace_home home = { .net = -1 };
	int result;

	be_silent();
	result = namespace_home_open(&home);
	if (!result)
		result = namespace_new(&home);
	return result < 0 ? result : 0;
}

int fabric_probe_namespaces(void)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (!child)
		_exit(-try_namespaces()); /* an errno fits in an exit status */
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* ---- limits ---- */

struct limit {
	const char *name, *path;
	int64_t wanted;
	const char *meaning, *mend;
};

static const struct limit limits[] = {
	{ "user.max_net_namespaces", "/proc/sys/user/max_net_namespaces", 2000,
	  "a phone, a switch, a router is one each", "sysctl user.max_net_namespaces=100000" },
	{ "net.ipv4.neigh.default.gc_thresh3", "/proc/sys/net/ipv4/neigh/default/gc_thresh3", 1024,
	  "addresses that all namespaces of the host resolve; phones are introduced and do not count, "
	  "unless lan.arp is \"real\"",
	  "sysctl net.ipv4.neigh.default.gc_thresh3=65536" },
	{ "net.core.netdev_max_backlog", "/proc/sys/net/core/netdev_max_backlog", 1000,
	  "one broadcast is a packet a phone: subnets of more phones than this drop some",
	  "sysctl net.core.netdev_max_backlog=100000" },
	{ "net.core.rmem_max", "/proc/sys/net/core/rmem_max", 212992,
	  "an ordinary user's relay and phones buffer this much while the process is held up",
	  "sysctl net.core.rmem_max=8388608" },
};

static void probe_limit(struct fabric_probe *probe, const struct limit *limit)
{
	int64_t value = read_number(limit->path);

	*probe = (struct fabric_probe){ .name = limit->name };
	snprintf(probe->meaning, sizeof(probe->meaning), "%s", limit->meaning);
	snprintf(probe->mend, sizeof(probe->mend), "%s", limit->mend);
	if (value < 0) {
		/* some are not shown inside a container; then nothing is known, and nothing wrong */
		snprintf(probe->found, sizeof(probe->found), "not shown here");
		return;
	}
	snprintf(probe->found, sizeof(probe->found), "%lld", (long long)value);
	probe->error = value < limit->wanted ? -ERANGE : 0;
}

static void probe_files(struct fabric_probe *probe)
{
	struct rlimit files = { 0 };

	*probe = (struct fabric_probe){ .name = "descriptors (RLIMIT_NOFILE)" };
	getrlimit(RLIMIT_NOFILE, &files);
	snprintf(probe->found, sizeof(probe->found), "soft %llu, hard %llu", (unsigned long long)files.rlim_cur,
		 (unsigned long long)files.rlim_max);
	snprintf(probe->meaning, sizeof(probe->meaning),
		 "a phone holds 4, 6 at worst: the hard limit is good for some %llu on a switch (root may raise it)",
		 (unsigned long long)files.rlim_max / 6);
	snprintf(probe->mend, sizeof(probe->mend), "ulimit -Hn 1048576 as root, or nofile in /etc/security/limits.conf");
	probe->error = files.rlim_max < 4096 ? -EMFILE : 0;
}

static void probe_privileges(struct fabric_probe *probe)
{
	bool root = geteuid() == 0;

	*probe = (struct fabric_probe){ .name = "privileges" };
	snprintf(probe->found, sizeof(probe->found), "%s", root ? "root" : "ordinary user, in a user namespace");
	snprintf(probe->meaning, sizeof(probe->meaning),
		 "an ordinary user runs everything but real TFTP servers (in.tftpd, dnsmasq)");
	snprintf(probe->mend, sizeof(probe->mend), "%s", root ? "" : "run as root where a scenario names a real server");
}

uint32_t fabric_probe_host(struct fabric_probe *probes, uint32_t max)
{
	int errors[FEATURES];
	uint32_t count = 0;

	probe_features(errors);
	if (count < max)
		probe_privileges(&probes[count++]);
	for (int i = 0; i < FEATURES && count < max; i++, count++) {
		probes[count] = features[i];
		probes[count].error = errors[i];
		snprintf(probes[count].found, sizeof(probes[count].found), "%s",
			 errors[i] ? strerror(-errors[i]) : "works");
	}
	if (count < max)
		probe_files(&probes[count++]);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]) && count < max; i++)
		probe_limit(&probes[count++], &limits[i]);
	return count;
}
