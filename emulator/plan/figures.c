/* See figures.h. Names and units are those of the summary; docs/ci.md lists them for people. */
#include "emulator/plan/figures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pfs-core/pfs.h"

const struct plan_figure figures_run[] = {
	{ "interrupted", FIGURE_FLAG, FIGURE_FIXED },
	{ "phones", FIGURE_COUNT, FIGURE_FIXED },
	{ "upgraded", FIGURE_COUNT, FIGURE_FIXED },
	{ "failed", FIGURE_COUNT, FIGURE_FIXED },
	{ "unfinished", FIGURE_COUNT, FIGURE_FIXED },
	{ "gone", FIGURE_COUNT, FIGURE_FIXED },
	{ "ineligible", FIGURE_COUNT, FIGURE_FIXED },
	{ "duration_s", FIGURE_SECONDS, FIGURE_TIMED },
	{ "wan.bytes_down", FIGURE_BYTES, FIGURE_DRAWN },
	{ "wan.bytes_up", FIGURE_BYTES, FIGURE_DRAWN },
	{ "wan.frames_lost", FIGURE_COUNT, FIGURE_DRAWN },
	{ "wan.queue_drops", FIGURE_COUNT, FIGURE_DRAWN },
	{ "wan.busy_fraction", FIGURE_RATIO, FIGURE_DRAWN },
	{ "tftp.transfers", FIGURE_COUNT, FIGURE_DRAWN },
	{ "tftp.transfers_pfs", FIGURE_COUNT, FIGURE_FIXED },
	{ "tftp.completed", FIGURE_COUNT, FIGURE_FIXED },
	{ "tftp.rejected", FIGURE_COUNT, FIGURE_DRAWN },
	{ "tftp.errors", FIGURE_COUNT, FIGURE_DRAWN },
	{ "tftp.blocks", FIGURE_COUNT, FIGURE_DRAWN },
	{ "tftp.retransmits", FIGURE_COUNT, FIGURE_DRAWN },
	{ "tftp.client_retransmits", FIGURE_COUNT, FIGURE_DRAWN },
	{ "tftp.serving_peak", FIGURE_COUNT, FIGURE_DRAWN },
	{ "tftp.direct_total", FIGURE_COUNT, FIGURE_FIXED },
	{ "peer.transfers", FIGURE_COUNT, FIGURE_FIXED },
	{ "peer.bytes", FIGURE_BYTES, FIGURE_FIXED },
	{ "peer.broadcasts", FIGURE_COUNT, FIGURE_DRAWN },
	{ "peer.redirects", FIGURE_COUNT, FIGURE_DRAWN },
	{ "peer.refusals", FIGURE_COUNT, FIGURE_DRAWN },
	{ "peer.elections_again", FIGURE_COUNT, FIGURE_DRAWN },
	{ "peer.damaged", FIGURE_COUNT, FIGURE_FIXED },
	{ "hierarchies_total", FIGURE_COUNT, FIGURE_FIXED },
	{ "completion_s.p50", FIGURE_SECONDS, FIGURE_TIMED },
	{ "completion_s.p90", FIGURE_SECONDS, FIGURE_TIMED },
	{ "completion_s.p99", FIGURE_SECONDS, FIGURE_TIMED },
	{ "completion_s.max", FIGURE_SECONDS, FIGURE_TIMED },
	{ "faults_total", FIGURE_COUNT, FIGURE_DRAWN },
	{ "trace_records", FIGURE_COUNT, FIGURE_DRAWN },
	{ 0 },
};

const struct plan_figure figures_hierarchy[] = {
	{ "site", FIGURE_TEXT, FIGURE_FIXED },
	{ "subnet", FIGURE_TEXT, FIGURE_FIXED },
	{ "model", FIGURE_TEXT, FIGURE_FIXED },
	{ "file", FIGURE_TEXT, FIGURE_FIXED },
	{ "root", FIGURE_TEXT, FIGURE_DRAWN },
	{ "members", FIGURE_COUNT, FIGURE_FIXED },
	{ "depth", FIGURE_COUNT, FIGURE_DRAWN },
	{ "roots_confirmed", FIGURE_COUNT, FIGURE_FIXED },
	{ "wan_copies", FIGURE_COUNT, FIGURE_FIXED },
	{ "broadcasts", FIGURE_COUNT, FIGURE_DRAWN },
	{ "confirmed_s", FIGURE_SECONDS, FIGURE_TIMED },
	{ "transfer_s", FIGURE_SECONDS, FIGURE_TIMED },
	{ "last_member_s", FIGURE_SECONDS, FIGURE_TIMED },
	{ "election_s", FIGURE_SECONDS, FIGURE_TIMED },
	{ "waiting_s", FIGURE_SECONDS, FIGURE_TIMED },
	{ "spread_s", FIGURE_SECONDS, FIGURE_TIMED },
	{ 0 },
};

const struct plan_figure figures_comparison[] = {
	{ "wan_bytes_ratio", FIGURE_RATIO, FIGURE_DRAWN },
	{ "duration_ratio", FIGURE_RATIO, FIGURE_TIMED },
	{ 0 },
};

static const struct plan_figure fidelity[] = {
	{ "verdict", FIGURE_TEXT, FIGURE_HOST },
	{ "limits_used", FIGURE_RATIO, FIGURE_HOST },
	{ "timer_lag_p50_us", FIGURE_MICROSECONDS, FIGURE_HOST },
	{ "timer_lag_p99_us", FIGURE_MICROSECONDS, FIGURE_HOST },
	{ "timer_lag_max_us", FIGURE_MICROSECONDS, FIGURE_HOST },
	{ "start_late_max_us", FIGURE_MICROSECONDS, FIGURE_HOST },
	{ "timer_smallest_us", FIGURE_MICROSECONDS, FIGURE_HOST },
	{ "relay_late_p50_us", FIGURE_MICROSECONDS, FIGURE_HOST },
	{ "relay_late_p99_us", FIGURE_MICROSECONDS, FIGURE_HOST },
	{ "relay_late_max_us", FIGURE_MICROSECONDS, FIGURE_HOST },
	{ "relay_corrections", FIGURE_COUNT, FIGURE_HOST },
	{ "drops", FIGURE_COUNT, FIGURE_HOST },
	{ "arp_frames", FIGURE_COUNT, FIGURE_HOST },
	{ "tcp_retransmits", FIGURE_COUNT, FIGURE_HOST },
	{ "cpu_busy", FIGURE_RATIO, FIGURE_HOST },
	{ "steal", FIGURE_RATIO, FIGURE_HOST },
	{ "rx_bytes_min", FIGURE_BYTES, FIGURE_HOST },
	{ "rx_short", FIGURE_COUNT, FIGURE_HOST },
	{ "installed_damaged", FIGURE_COUNT, FIGURE_HOST },
	{ "events", FIGURE_COUNT, FIGURE_HOST },
	{ 0 },
};

static const struct plan_figure setup[] = {
	{ "phones", FIGURE_COUNT, FIGURE_HOST },
	{ "up_s", FIGURE_SECONDS, FIGURE_HOST },
	{ "down_s", FIGURE_SECONDS, FIGURE_HOST },
	{ "rss_bytes", FIGURE_BYTES, FIGURE_HOST },
	{ "kernel_bytes", FIGURE_BYTES, FIGURE_HOST },
	{ "workers", FIGURE_COUNT, FIGURE_HOST },
	{ "descriptors_peak", FIGURE_COUNT, FIGURE_HOST },
	{ "descriptors_table_peak", FIGURE_COUNT, FIGURE_HOST },
	{ 0 },
};

/* What is counted by reason: each name that the core has. */
static const struct plan_figure by_reason = { "", FIGURE_COUNT, FIGURE_DRAWN };

static const char *part_name(uint32_t i)
{
	return i <= PFS_PART_MODE ? pfs_part_name((enum pfs_part)i) : NULL;
}

static const char *direct_name(uint32_t i)
{
	return i < PFS_DIRECT_REASONS ? pfs_direct_name((enum pfs_direct)i) : NULL;
}

static const char *drop_name(uint32_t i)
{
	return i < PFS_DROPS ? pfs_drop_name((enum pfs_drop)i) : NULL;
}

static const char *failure_name(uint32_t i)
{
	static const char *const others[] = { "unfinished", "gone" };

	if (i < PFS_FAIL_REASONS)
		return pfs_failure_name((enum pfs_failure)i);
	return i < PFS_FAIL_REASONS + 2 ? others[i - PFS_FAIL_REASONS] : NULL;
}

static const struct {
	const char *part;
	const char *(*name)(uint32_t i); /* NULL past the last */
} counted[] = {
	{ "ineligible_by_reason.", part_name },
	{ "tftp.direct_by_reason.", direct_name },
	{ "peer.dropped.", drop_name },
	{ "failures_by_reason.", failure_name },
};

/* True, and past it, where the path begins with that. */
static bool takes(const char **path, const char *begin)
{
	size_t length = strlen(begin);

	if (strncmp(*path, begin, length) != 0)
		return false;
	*path += length;
	return true;
}

/* Names with commas between; what does not fit is left out. */
static void add_known(char *known, size_t size, const char *name)
{
	size_t at = strlen(known);

	if (size)
		snprintf(known + at, size - at, "%s%s", at ? ", " : "", name);
}

/*
 * What could have stood there: the names that share most of the path's parts,
 * each shown as far as its next part.
 */
static void list_known(const struct plan_figure *list, const char *name, char *known, size_t size)
{
	size_t shared = 0, last = SIZE_MAX;
	const char *last_name = "";

	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
		for (const struct plan_figure *figure = list; figure->name; figure++)
			if (strncmp(figure->name, name, (size_t)(dot - name) + 1) == 0)
				shared = (size_t)(dot - name) + 1;
	for (const struct plan_figure *figure = list; figure->name; figure++) {
		const char *part = figure->name + shared;
		size_t length = strcspn(part, ".");
		char text[FIGURE_PATH_MAX];

		if (strncmp(figure->name, name, shared) != 0)
			continue;
		if (length == last && strncmp(part, last_name, length) == 0)
			continue; /* a part with several below it, once */
		last = length;
		last_name = part;
		snprintf(text, sizeof(text), "%.*s%s", (int)(shared + length), figure->name,
			 part[length] ? "..." : "");
		add_known(known, size, text);
	}
}

static const struct plan_figure *in_list(const struct plan_figure *list, const char *name, char *known, size_t size)
{
	for (const struct plan_figure *figure = list; figure->name; figure++)
		if (strcmp(figure->name, name) == 0)
			return figure;
	list_known(list, name, known, size);
	return NULL;
}

static const struct plan_figure *in_hierarchy(const char *path, struct figure_place *place, char *known, size_t size)
{
	place->hierarchy = true;
	place->item = -1;
	if (*path == '[') {
		char *end;
		unsigned long item = strtoul(path + 1, &end, 10);

		if (path[1] < '0' || path[1] > '9' || *end != ']' || item > INT32_MAX) {
			add_known(known, size, "hierarchies.FIGURE, hierarchies[N].FIGURE with N from 0");
			return NULL;
		}
		place->item = (int32_t)item;
		path = end + 1;
	}
	return *path == '.' ? in_list(figures_hierarchy, path + 1, known, size)
			    : in_list(figures_hierarchy, "", known, size);
}

static const struct plan_figure *in_run(const char *path, struct figure_place *place, char *known, size_t size)
{
	const struct plan_figure *found;

	place->run = true;
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
		const char *name;

		if (!takes(&path, counted[i].part))
			continue;
		for (uint32_t n = 0; (name = counted[i].name(n)); n++)
			if (strcmp(name, path) == 0) {
				place->absent_is_none = true;
				return &by_reason;
			}
		for (uint32_t n = 0; (name = counted[i].name(n)); n++)
			add_known(known, size, name);
		return NULL;
	}
	if (strncmp(path, "hierarchies.", 12) == 0 || strncmp(path, "hierarchies[", 12) == 0)
		return in_hierarchy(path + 11, place, known, size);
	found = in_list(figures_run, path, known, size);
	if (!found && !strchr(path, '.'))
		add_known(known, size, "hierarchies..., ineligible_by_reason..., failures_by_reason...");
	return found;
}

int figure_find(const char *path, struct figure_place *place, char *known, size_t size)
{
	*place = (struct figure_place){ .item = -1 };
	if (size)
		*known = '\0';
	place->full_size = takes(&path, "full_size.");
	if (takes(&path, "pfs.")) {
		place->figure = in_run(path, place, known, size);
	} else if (takes(&path, "traditional.")) {
		place->traditional = true;
		place->figure = in_run(path, place, known, size);
	} else if (takes(&path, "comparison.")) {
		place->figure = in_list(figures_comparison, path, known, size);
	} else if (!place->full_size && takes(&path, "fidelity.")) {
		place->figure = in_list(fidelity, path, known, size);
	} else if (!place->full_size && takes(&path, "setup.")) {
		place->figure = in_list(setup, path, known, size);
	} else {
		add_known(known, size,
			  place->full_size ? "pfs, traditional, comparison"
					   : "pfs, traditional, comparison, fidelity, setup, full_size");
	}
	return place->figure ? 0 : -ENOENT;
}
