/*
 * See bound.h. Each term leaves out what can only make it longer, so that the
 * largest is a true lower bound, in a fleet without faults:
 *
 * - A site's bytes cannot cross its WAN faster than its rate, and none crosses
 *   before somebody is through an election where all share.
 * - A phone's files come one after the other, a block a round trip (RFC 1350);
 *   a root waits out an election and ROOT_WAITING before each.
 * - The server has so many transfers at once and no more.
 * - Whoever is reset last fetches after that, and be it from peers that have it all.
 * - The last file goes down the tree level by level, whole (F4); a parent's port
 *   is shared by its children (F3, or the fan-out of a what-if). Forwarded as it
 *   comes, a what-if too, it takes no more than the root's port needs for all of
 *   the root's children, and of that only what its own download does not hide.
 */
#include "emulator/capacity/bound.h"

#include <errno.h>
#include <stdlib.h>

#include "pfs-core/timers.h"

#define IP_UDP_BYTES 28
#define TFTP_HEADER_BYTES 4
#define S_US UINT64_C(1000000)
/* The strongest phone of a fleet without end listens that long. */
#define ELECTION_US (PFS_LISTEN_MAX_US - PFS_OCTAVES * PFS_LISTEN_OCTAVE_US + PFS_CLAIMS * PFS_CLAIM_INTERVAL_US)
#define WAIT_US (ELECTION_US + PFS_ROOT_WAITING_US)

/* One firmware set fetched by one phone over one site's WAN. */
struct fetch {
	uint64_t down_bytes, up_bytes, blocks, trips_us;
};

/* What is known of a group of phones that fetch together: a family, or those that fetch alone. */
struct family {
	uint32_t members;
	uint64_t first_reset_us, last_reset_us;
	uint64_t port_bps;
};

static uint64_t wire_us(uint64_t bytes, uint64_t rate_bps)
{
	__extension__ unsigned __int128 bits = bytes;

	return rate_bps ? (uint64_t)(bits * 8 * S_US / rate_bps) : 0;
}

/* Without what is sent on it. Of so many blocks the mean is what counts. */
static uint64_t trip_us(const struct plan_site *site)
{
	return (uint64_t)site->down.delay_us + site->up.delay_us + ((uint64_t)site->down.jitter_us + site->up.jitter_us) / 2;
}

/* Of the set's files from `first` on. */
static struct fetch fetch_files(const struct plan *plan, const struct plan_firmware *firmware, uint32_t first, uint32_t end,
				const struct plan_site *site)
{
	uint64_t blksize = plan->tftp_blksize ? plan->tftp_blksize : 512;
	struct fetch fetch = { 0 };

	for (uint32_t i = first; i < end; i++) {
		uint64_t blocks = firmware->files[i].size / blksize + 1;
		fetch.blocks += blocks;
		fetch.down_bytes += firmware->files[i].size + blocks * (IP_UDP_BYTES + TFTP_HEADER_BYTES);
		fetch.up_bytes += blocks * (IP_UDP_BYTES + TFTP_HEADER_BYTES);
	}
	fetch.trips_us = fetch.blocks * trip_us(site) +
			 wire_us(fetch.down_bytes, site->down.rate_bps) + wire_us(fetch.up_bytes, site->up.rate_bps);
	return fetch;
}

/* Levels of the flattest tree of so many. */
static uint64_t levels_of(uint64_t members, uint64_t fan_out)
{
	uint64_t levels = 0, level = 1;

	for (; members; levels++) {
		members -= members < level ? members : level;
		level *= fan_out;
	}
	return levels;
}

/* The last file from the root to the deepest leaf: at full parents, and at the last one to a child alone. */
static uint64_t tree_us(const struct plan_firmware *firmware, const struct family *family, uint64_t fan_out)
{
	uint64_t levels = levels_of(family->members, fan_out);
	uint64_t size = firmware->files[firmware->file_count - 1].size;

	return levels < 2 ? 0 : ((levels - 2) * fan_out + 1) * wire_us(size, family->port_bps);
}

/* What-if: forwarded as it comes. What a root's port takes longer for all its children than the root for itself. */
static uint64_t early_tree_us(const struct plan *plan, const struct plan_firmware *firmware, const struct family *family,
			      const struct plan_site *site)
{
	uint32_t last = firmware->file_count - 1;
	uint64_t children = family->members - 1 < plan_fan_out(plan) ? family->members - 1 : plan_fan_out(plan);
	uint64_t port_us = children * wire_us(firmware->files[last].size, family->port_bps);
	uint64_t own_us = fetch_files(plan, firmware, last, firmware->file_count, site).trips_us;

	return port_us > own_us ? port_us - own_us : 0;
}

/* All files to one phone, each port its own. */
static uint64_t lan_us(const struct plan_firmware *firmware, const struct family *family)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < firmware->file_count; i++)
		bytes += firmware->files[i].size;
	return wire_us(bytes, family->port_bps);
}

/* Everything of one site, and the fleet's sums. */
struct sums {
	const struct plan *plan;
	bool traditional;
	uint64_t origin_us;        /* the first reset */
	uint64_t serving_work_us;  /* trips of all phones, one after the other */
	uint64_t site_down, site_up, site_sessions, site_first_us, site_tree_us;
	bool site_shares_all;      /* nobody fetches before an election */
	struct capacity_bound *bound;
};

static void consider(struct capacity_bound *bound, enum bound_term term, uint64_t reset_us, uint64_t waits_us,
		     uint64_t term_us, uint64_t tree_us)
{
	uint64_t total_us = reset_us + waits_us + term_us + tree_us;

	if (total_us <= bound->total_us)
		return;
	bound->total_us = total_us;
	bound->term = term;
	bound->reset_us = reset_us;
	bound->waits_us = waits_us;
	bound->tree_us = tree_us;
}

static void add_family(struct sums *sums, const struct plan_site *site, const struct plan_firmware *firmware,
		       const struct family *family, bool shares)
{
	struct fetch fetch = fetch_files(sums->plan, firmware, 0, firmware->file_count, site);
	bool early = sums->plan->what_if.forward_early;
	uint64_t copies = shares ? 1 : family->members, fan_out = plan_fan_out(sums->plan);
	uint64_t waits_us = shares ? firmware->file_count * plan_wait_us(sums->plan, WAIT_US) : 0;
	uint64_t down_us = !shares ? 0
			   : early ? early_tree_us(sums->plan, firmware, family, site)
				   : tree_us(firmware, family, fan_out);
	/* Whoever shares need not be the one that fetches; whoever does not has its own trips to make. */
	uint64_t reset_us = (shares ? family->first_reset_us : family->last_reset_us) - sums->origin_us;
	struct capacity_bound *bound = sums->bound;

	sums->site_down += copies * fetch.down_bytes;
	sums->site_up += copies * fetch.up_bytes;
	sums->site_sessions += copies;
	sums->serving_work_us += copies * fetch.trips_us;
	sums->site_shares_all = sums->site_shares_all && shares;
	if (family->first_reset_us < sums->site_first_us)
		sums->site_first_us = family->first_reset_us;
	/* What crosses the WAN last may be where it belongs at once. */
	if (early || down_us < sums->site_tree_us)
		sums->site_tree_us = early ? 0 : down_us;
	if (fetch.trips_us > bound->trips_us)
		bound->trips_us = fetch.trips_us;
	consider(bound, BOUND_TRIPS, reset_us, waits_us, fetch.trips_us, down_us);
	if (shares)
		consider(bound, BOUND_LAN, family->last_reset_us - sums->origin_us, 0, lan_us(firmware, family), 0);
	if (shares) {
		uint64_t depth = levels_of(family->members, fan_out);
		bound->depth = depth > bound->depth ? depth : bound->depth;
	}
}

/* Families are told apart by (model, firmware) within a subnet; `table` has room for all pairs, twice. */
static void add_subnet(struct sums *sums, const struct plan_subnet *subnet, struct family *table)
{
	const struct plan *plan = sums->plan;
	uint32_t pairs = plan->model_count * plan->firmware_count;

	for (uint32_t i = 0; i < 2 * pairs; i++)
		table[i] = (struct family){ .first_reset_us = UINT64_MAX };
	for (uint32_t i = subnet->first_phone; i < subnet->first_phone + subnet->phone_count; i++) {
		const struct plan_phone *phone = &plan->phones[i];
		bool shares = !sums->traditional && phone->part == PFS_PART_YES;
		struct family *family = &table[(shares ? 0 : pairs) + phone->model * plan->firmware_count + phone->firmware];
		family->members++;
		family->port_bps = phone->port_bps;
		if (phone->reset_us < family->first_reset_us)
			family->first_reset_us = phone->reset_us;
		if (phone->reset_us > family->last_reset_us)
			family->last_reset_us = phone->reset_us;
	}
	for (uint32_t i = 0; i < 2 * pairs; i++)
		if (table[i].members)
			add_family(sums, &plan->sites[subnet->site], &plan->firmware[i % pairs % plan->firmware_count],
				   &table[i], i < pairs);
}

/* Sessions that fill the WAN: a round trip's worth of blocks, and the one that is being sent. */
static uint64_t fill_milli(const struct plan *plan, const struct plan_site *site)
{
	uint64_t block = (plan->tftp_blksize ? plan->tftp_blksize : 512) + IP_UDP_BYTES + TFTP_HEADER_BYTES;
	uint64_t block_us = wire_us(block, site->down.rate_bps);
	uint64_t whole_us = trip_us(site) + block_us + wire_us(IP_UDP_BYTES + TFTP_HEADER_BYTES, site->up.rate_bps);

	return block_us ? whole_us * 1000 / block_us : 0;
}

static void end_site(struct sums *sums, const struct plan_site *site)
{
	struct capacity_bound *bound = sums->bound;
	uint64_t down_us = wire_us(sums->site_down, site->down.rate_bps);
	uint64_t up_us = wire_us(sums->site_up, site->up.rate_bps);
	uint64_t bytes_us = down_us > up_us ? down_us : up_us;
	uint64_t wait_us = sums->site_shares_all ? plan_wait_us(sums->plan, WAIT_US) : 0;

	bound->bytes_down += sums->site_down;
	if (bytes_us > bound->bytes_us)
		bound->bytes_us = bytes_us;
	if (sums->site_sessions >= bound->sessions) {
		bound->sessions = sums->site_sessions;
		bound->fill_milli = fill_milli(sums->plan, site);
	}
	consider(bound, BOUND_BYTES, sums->site_first_us - sums->origin_us, wait_us, bytes_us,
		 sums->site_shares_all ? sums->site_tree_us : 0);
}

int capacity_bound(const struct plan *plan, bool traditional, struct capacity_bound *bound)
{
	struct sums sums = { .plan = plan, .traditional = traditional, .origin_us = UINT64_MAX, .bound = bound };
	struct family *table = calloc((size_t)plan->model_count * plan->firmware_count * 2, sizeof(*table));

	*bound = (struct capacity_bound){ 0 };
	if (!table)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->phone_count; i++)
		if (plan->phones[i].reset_us < sums.origin_us)
			sums.origin_us = plan->phones[i].reset_us;
	for (uint32_t i = 0; i < plan->site_count; i++) {
		const struct plan_site *site = &plan->sites[i];
		sums.site_down = sums.site_up = sums.site_sessions = 0;
		sums.site_first_us = sums.site_tree_us = UINT64_MAX;
		sums.site_shares_all = true;
		for (uint32_t k = 0; k < site->subnet_count; k++)
			add_subnet(&sums, &plan->subnets[site->first_subnet + k], table);
		if (sums.site_sessions)
			end_site(&sums, site);
	}
	free(table);
	bound->serving_us = plan->server.serving_max ? sums.serving_work_us / plan->server.serving_max : 0;
	consider(bound, BOUND_SERVING, 0, 0, bound->serving_us, 0);
	return 0;
}
