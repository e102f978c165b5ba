/*
 * Sites, subnets and switches: names, addresses, and that no two networks
 * overlap. The WAN's transfer networks are taken from 10.255.0.0/16, a /30 a
 * site, and headquarters is 10.255.255.1 unless the scenario says otherwise.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/build.h"
#include "emulator/scenario/units.h"

#define TRANSFER_NETWORK 0x0aff0000u /* 10.255.0.0/16 */
#define TRANSFER_NETMASK 0xffff0000u
#define SUBNETS_TOTAL_MAX 16384

static uint32_t prefix_mask(uint32_t prefix)
{
	return (uint32_t)(UINT64_C(0xffffffff00000000) >> prefix);
}

static uint64_t first_given(uint64_t own, uint64_t common, uint64_t fallback)
{
	if (own != FIELD_ABSENT)
		return own;
	return common != FIELD_ABSENT ? common : fallback;
}

static void set_direction(const struct spec_direction *own, const struct spec_wan *wan, uint64_t rtt_half,
			  struct link_config *link)
{
	uint64_t delay = wan->delay != FIELD_ABSENT ? wan->delay : rtt_half;

	link->rate_bps = first_given(own->rate, wan->rate, link->rate_bps);
	link->delay_us = (uint32_t)first_given(own->delay, delay, link->delay_us);
	link->jitter_us = (uint32_t)first_given(own->jitter, wan->jitter, link->jitter_us);
	link->loss_ppm = (uint32_t)first_given(own->loss, wan->loss, link->loss_ppm);
	link->queue_bytes_max = first_given(own->queue, wan->queue, link->queue_bytes_max);
}

int build_links(struct build *build, const struct spec_wan *wan, bool given, struct link_config *down,
		struct link_config *up)
{
	struct document *document = build->document;
	uint64_t half_down = FIELD_ABSENT, half_up = FIELD_ABSENT, queue = 0;
	bool no_rate = wan->rate == FIELD_ABSENT;
	bool no_delay = wan->delay == FIELD_ABSENT && wan->rtt == FIELD_ABSENT;

	if (wan->rtt != FIELD_ABSENT && wan->delay != FIELD_ABSENT)
		return document_fail(document, document_member(wan->node, "delay"),
				     "give rtt or delay, not both; delay is one way");
	if (!given && no_rate && (wan->down.rate == FIELD_ABSENT || wan->up.rate == FIELD_ABSENT))
		return document_fail_missing(document, wan->node, "rate", "a rate such as \"1.536mbit\" or \"unlimited\"");
	if (!given && no_delay && (wan->down.delay == FIELD_ABSENT || wan->up.delay == FIELD_ABSENT))
		return document_fail_missing(document, wan->node, "rtt", "a round trip such as \"30ms\", or delay, one way");
	if (wan->rtt != FIELD_ABSENT) {
		half_down = wan->rtt - wan->rtt / 2;
		half_up = wan->rtt / 2;
	}
	if (!given) {
		units_parse(SPEC_QUEUE_DEFAULT, units_size, &queue);
		*down = (struct link_config){.queue_bytes_max = queue};
		*up = *down;
	}
	set_direction(&wan->down, wan, half_down, down);
	set_direction(&wan->up, wan, half_up, up);
	return 0;
}

static bool name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("._- ", c);
}

int build_name(struct build *build, const cJSON *node, const char *field, const char *name, char *to)
{
	bool good = *name != '.' && *name != ' ' && *name != '-';

	for (const char *c = name; *c; c++)
		good = good && name_character(*c);
	if (!good)
		return document_fail(build->document, document_member(node, field),
				     "may hold letters, digits, spaces and . _ - and begins with a letter, a digit or _");
	memset(to, 0, PLAN_NAME_MAX);
	strncpy(to, name, PLAN_NAME_MAX - 1); /* the field's range keeps it shorter */
	return 0;
}

/* Subnets of a site on a switch of one name stand on one broadcast domain. */
static int find_switch(struct build *build, uint32_t site, const char *name, uint32_t *index)
{
	struct plan *plan = build->plan;

	for (uint32_t i = 0; i < plan->switch_count; i++) {
		if (plan->switches[i].site == site && strcmp(build->switch_names[i], name) == 0) {
			*index = i;
			return 0;
		}
	}
	*index = plan->switch_count++;
	build->switch_names[*index] = name;
	plan->switches[*index] = (struct plan_switch){
		.site = site,
		.real_arp = build->spec->lan.arp == SPEC_ARP_REAL,
	};
	return 0;
}

static int check_network(struct build *build, const cJSON *node, uint32_t network, uint32_t netmask)
{
	struct plan *plan = build->plan;
	char text[16];

	uint32_t first = network >> 24, last = (network | ~netmask) >> 24;
	if (first == 0 || last >= 224 || (first <= 127 && last >= 127))
		return document_fail(build->document, node, "is not a network for hosts, use one of 10.0.0.0/8, "
				     "172.16.0.0/12 or 192.168.0.0/16");
	if (((network ^ TRANSFER_NETWORK) & netmask & TRANSFER_NETMASK) == 0)
		return document_fail(build->document, node,
				     "overlaps 10.255.0.0/16, which the WAN and headquarters use");
	for (uint32_t i = 0; i < plan->subnet_count; i++) {
		const struct plan_subnet *other = &plan->subnets[i];
		if (((network ^ other->network) & netmask & other->netmask) == 0)
			return document_fail(build->document, node, "overlaps subnet \"%s\" of site \"%s\", %s/%d",
					     other->name, plan->sites[other->site].name,
					     units_format_address(other->network, text),
					     __builtin_popcount(other->netmask));
	}
	return 0;
}

static int add_subnet(struct build *build, uint32_t site, const struct spec_subnet *spec)
{
	struct plan *plan = build->plan;
	struct plan_subnet *subnet = &plan->subnets[plan->subnet_count];
	int r = build_name(build, spec->node, "name", spec->name, subnet->name);

	if (r < 0)
		return r;
	for (uint32_t i = plan->sites[site].first_subnet; i < plan->subnet_count; i++) {
		if (strcmp(plan->subnets[i].name, subnet->name) == 0)
			return document_fail(build->document, document_member(spec->node, "name"),
					     "another subnet of this site has this name");
	}
	subnet->site = site;
	subnet->network = (uint32_t)(spec->network >> 8);
	subnet->netmask = prefix_mask(spec->network & 0xff);
	r = check_network(build, document_member(spec->node, "network"), subnet->network, subnet->netmask);
	if (r < 0)
		return r;
	subnet->router = subnet->network + 1;
	subnet->limited_broadcast = spec->broadcast == SPEC_BROADCAST_LIMITED;
	subnet->lan_delay_us = (uint32_t)build->spec->lan.delay;
	plan->subnet_count++;
	return find_switch(build, site, spec->lan_switch ? spec->lan_switch : spec->name, &subnet->lan_switch);
}

static int add_site(struct build *build, const struct spec_site *spec)
{
	struct plan *plan = build->plan;
	uint32_t number = plan->site_count;
	struct plan_site *site = &plan->sites[number];
	const struct spec_subnet *subnets = spec->subnets.items;
	int r = build_name(build, spec->node, "name", spec->name, site->name);

	if (r == 0)
		r = build_links(build, &spec->wan, false, &site->down, &site->up);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < number; i++) {
		if (strcmp(plan->sites[i].name, site->name) == 0)
			return document_fail(build->document, document_member(spec->node, "name"),
					     "another site has this name");
	}
	site->wan_hq = TRANSFER_NETWORK + 4 * number + 1;
	site->wan_router = TRANSFER_NETWORK + 4 * number + 2;
	site->wan_netmask = prefix_mask(30);
	site->first_subnet = plan->subnet_count;
	site->subnet_count = spec->subnets.count;
	plan->site_count++;
	for (uint32_t i = 0; i < spec->subnets.count; i++) {
		r = add_subnet(build, number, &subnets[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int build_sites(struct build *build)
{
	const struct spec_scenario *spec = build->spec;
	const struct spec_site *sites = spec->sites.items;
	struct plan *plan = build->plan;
	uint32_t subnets = 0;

	for (uint32_t i = 0; i < spec->sites.count; i++)
		subnets += sites[i].subnets.count;
	if (subnets > SUBNETS_TOTAL_MAX)
		return document_fail(build->document, spec->sites.count ? sites[0].node : NULL,
				     "%u subnets in all, at most %u are taken", subnets, SUBNETS_TOTAL_MAX);
	plan->sites = calloc(spec->sites.count, sizeof(*plan->sites));
	plan->subnets = calloc(subnets, sizeof(*plan->subnets));
	plan->switches = calloc(subnets, sizeof(*plan->switches));
	build->switch_names = document_alloc(build->document, subnets, sizeof(*build->switch_names));
	if (!plan->sites || !plan->subnets || !plan->switches || !build->switch_names)
		return document_fail_memory(build->document);
	for (uint32_t i = 0; i < spec->sites.count; i++) {
		int r = add_site(build, &sites[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int build_find_place(struct build *build, const cJSON *node, const char *site_text, const char *subnet_text,
		     int32_t *site, int32_t *subnet)
{
	const struct plan *plan = build->plan;

	*site = *subnet = -1;
	for (uint32_t i = 0; site_text && i < plan->site_count; i++) {
		if (strcmp(plan->sites[i].name, site_text) == 0)
			*site = (int32_t)i;
	}
	if (site_text && *site < 0)
		return document_fail(build->document, document_member(node, "site"), "no site has this name");
	for (uint32_t i = 0; subnet_text && i < plan->subnet_count; i++) {
		if (strcmp(plan->subnets[i].name, subnet_text) != 0 ||
		    (*site >= 0 && plan->subnets[i].site != (uint32_t)*site))
			continue;
		if (*subnet >= 0)
			return document_fail(build->document, document_member(node, "subnet"),
					     "several sites have a subnet of this name, give site too");
		*subnet = (int32_t)i;
	}
	if (subnet_text && *subnet < 0)
		return document_fail(build->document, document_member(node, "subnet"), "no subnet %shas this name",
				     site_text ? "of that site " : "");
	return 0;
}
