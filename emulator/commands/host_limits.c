/*
 * Limits of the host, read where the kernel keeps them. Descriptors are the one
 * limit that is the process's own: it is raised here rather than asked for,
 * because whether root may pass the hard limit (CAP_SYS_RESOURCE, fs.nr_open)
 * is only known by trying, and trying changes nothing but ourselves.
 */
#include "emulator/commands/host_limits.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "emulator/hq/real_server.h"

/* A number alone in a file of /proc or /sys; LIMITS_NONE where there is none ("max"). */
static uint64_t read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long value = LIMITS_NONE;

	if (!file)
		return LIMITS_NONE;
	if (fscanf(file, "%llu", &value) != 1)
		value = LIMITS_NONE;
	fclose(file);
	return value;
}

/* What one group leaves of its limit; LIMITS_NONE where it has none. */
static uint64_t group_memory(const char *folder, bool second)
{
	char path[PATH_MAX + 64];
	uint64_t limit, used;

	snprintf(path, sizeof(path), "%s/%s", folder, second ? "memory.max" : "memory.limit_in_bytes");
	limit = read_number(path);
	snprintf(path, sizeof(path), "%s/%s", folder, second ? "memory.current" : "memory.usage_in_bytes");
	used = read_number(path);
	if (limit == LIMITS_NONE || used == LIMITS_NONE)
		return LIMITS_NONE;
	return limit > used ? limit - used : 0;
}

/* The least that this process's control groups leave, from its own up to the root: version 2, and version 1's memory. */
static uint64_t groups_memory(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	uint64_t least = LIMITS_NONE;
	char line[PATH_MAX];

	while (file && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
		char folder[PATH_MAX + 32];

		if (!group)
			continue;
		*group++ = '\0';
		group[strcspn(group, "\n")] = '\0';
		bool second = !controllers[1];
		if (!second && !strstr(controllers, "memory"))
			continue;
		const char *root = second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
		/* in a container the group is the host's name for it, and its own folder is the root */
		for (snprintf(folder, sizeof(folder), "%s%s", root, group); strlen(folder) >= strlen(root);
		     *strrchr(folder, '/') = '\0') {
			uint64_t left = group_memory(folder, second);

			least = left < least ? left : least;
		}
	}
	if (file)
		fclose(file);
	return least;
}

uint64_t limits_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib, available = LIMITS_NONE;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			available = kib * 1024;
	}
	if (file)
		fclose(file);
	uint64_t left = groups_memory();
	return left < available ? left : available;
}

uint64_t limits_namespaces(void)
{
	return read_number("/proc/sys/user/max_net_namespaces");
}

uint64_t limits_neighbours(void)
{
	return read_number("/proc/sys/net/ipv4/neigh/default/gc_thresh3");
}

uint64_t limits_backlog(void)
{
	return read_number("/proc/sys/net/core/netdev_max_backlog");
}

uint64_t limits_raise_descriptors(uint64_t wanted)
{
	uint64_t system_wide = read_number("/proc/sys/fs/file-max");
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return system_wide;
	if (limit.rlim_cur < wanted && limit.rlim_max < wanted) {
		struct rlimit higher = { .rlim_cur = wanted, .rlim_max = wanted };
		if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
			limit = higher;
	}
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return system_wide;
	return limit.rlim_cur < system_wide ? limit.rlim_cur : system_wide;
}

static bool real_server_is_there(const struct plan *plan)
{
	enum real_server_kind kind =
		plan->server.kind == PLAN_SERVER_DNSMASQ ? REAL_SERVER_DNSMASQ : REAL_SERVER_IN_TFTPD;

	if (plan->server.kind == PLAN_SERVER_EMBEDDED)
		return true;
	if (!real_server_allowed())
		fprintf(stderr, "pfs-fleet: server %s: needs root: run as root, or use the embedded server\n",
			real_server_name(kind));
	else if (!real_server_installed(kind))
		fprintf(stderr, "pfs-fleet: server %s: is not installed: apt-get install %s\n",
			real_server_name(kind), real_server_package(kind));
	else
		return true;
	return false;
}

uint64_t limits_room(uint64_t given, uint64_t fixed, uint64_t each)
{
	return given > fixed ? (given - fixed) / each : 0;
}

uint64_t limits_descriptors_wanted(const struct plan *plan)
{
	const struct plan_needs *needs = &plan->needs;

	return needs->descriptors_fixed + PLAN_WORKER_DESCRIPTORS * PLAN_WORKERS_MAX +
	       plan->phone_count * needs->descriptors_phone_worst;
}

/* The fewest workers of those whose fullest table is the least. */
static uint32_t leanest(const struct plan *plan)
{
	uint64_t each = plan->needs.descriptors_phone_typical, least = UINT64_MAX, fullest;
	uint32_t found = 1;

	for (uint32_t workers = 1; workers <= plan_workers_most(plan); workers++) {
		if (plan_descriptors(plan, workers, each, &fullest) < 0 || fullest >= least)
			continue;
		least = fullest;
		found = workers;
	}
	return found;
}

/*
 * One line. What is refused is what does not fit in a good case, one tree of phones; so that nobody is led to a fleet
 * that starves, it also says what fits at worst, as `check` does, and asks for as much.
 */
static void tell_no_room(const struct plan *plan, uint64_t given, uint32_t workers)
{
	const struct plan_needs *needs = &plan->needs;
	uint64_t fullest = 0, worst = 0, fit = 0, fit_at_worst = 0;
	uint32_t best = leanest(plan), told = workers ? workers : best;
	bool more_workers = told < best;

	plan_descriptors(plan, told, needs->descriptors_phone_typical, &fullest);
	plan_descriptors(plan, told, needs->descriptors_phone_worst, &worst);
	plan_phones_fit(plan, given, needs->descriptors_phone_typical, workers, &fit);
	plan_phones_fit(plan, given, needs->descriptors_phone_worst, workers, &fit_at_worst);
	fprintf(stderr, "pfs-fleet: %llu phones on %u worker%s need %llu descriptors in the fullest table, ",
		(unsigned long long)plan->phone_count, told, told == 1 ? "" : "s", (unsigned long long)fullest);
	if (worst > fullest)
		fprintf(stderr, "%llu a phone (%llu with %llu, at worst), ",
			(unsigned long long)needs->descriptors_phone_typical, (unsigned long long)worst,
			(unsigned long long)needs->descriptors_phone_worst);
	else
		fprintf(stderr, "the first worker's, one for each phone of another, ");
	fprintf(stderr, "the host gives %llu, ", (unsigned long long)given);
	if (fit)
		fprintf(stderr, "room for %llu phone%s on %s switch (%llu at worst): ", (unsigned long long)fit,
			fit == 1 ? "" : "s", plan->switch_count == 1 ? "the" : "each",
			(unsigned long long)fit_at_worst);
	else
		fprintf(stderr, "no room for phones beside %u switch%s and %u site%s: ", plan->switch_count,
			plan->switch_count == 1 ? "" : "es", plan->site_count, plan->site_count == 1 ? "" : "s");
	fprintf(stderr, "ulimit -Hn %llu as root%s%s\n", (unsigned long long)worst, more_workers ? ", more workers" : "",
		fit ? ", or fewer phones" : ", or a smaller fleet");
}

static bool memory_is_there(const struct plan *plan)
{
	const struct plan_needs *needs = &plan->needs;
	uint64_t given = limits_memory(), fixed = needs->memory_bytes - plan->phone_count * needs->memory_phone_bytes;

	if (needs->memory_bytes <= given)
		return true;
	fprintf(stderr,
		"pfs-fleet: %llu phones need some %llu MB of memory, the host has %llu MB left, room for %llu phones: "
		"give it more, or the scenario fewer phones\n",
		(unsigned long long)plan->phone_count, (unsigned long long)needs->memory_bytes / 1000000,
		(unsigned long long)given / 1000000,
		(unsigned long long)limits_room(given, fixed, needs->memory_phone_bytes));
	return false;
}

bool limits_allow(const struct plan *plan, uint32_t workers)
{
	const struct plan_needs *needs = &plan->needs;
	uint64_t descriptors = limits_raise_descriptors(limits_descriptors_wanted(plan)), fullest = 0;
	uint32_t enough = workers;
	int error;

	if (needs->namespaces > limits_namespaces()) {
		fprintf(stderr,
			"pfs-fleet: %llu phones need %llu network namespaces, the host gives %llu, room for %llu phones: "
			"as root: sysctl user.max_net_namespaces=100000, or give the scenario fewer phones\n",
			(unsigned long long)plan->phone_count, (unsigned long long)needs->namespaces,
			(unsigned long long)limits_namespaces(),
			(unsigned long long)limits_room(limits_namespaces(), needs->namespaces - plan->phone_count, 1));
		return false;
	}
	if (workers)
		error = plan_descriptors(plan, workers, needs->descriptors_phone_typical, &fullest);
	else
		error = plan_workers(plan, descriptors, needs->descriptors_phone_typical, 1, &enough);
	if (error < 0) {
		fprintf(stderr, "pfs-fleet: no memory\n");
		return false;
	}
	if (!enough || fullest > descriptors) {
		tell_no_room(plan, descriptors, workers);
		return false;
	}
	return memory_is_there(plan) && real_server_is_there(plan);
}
