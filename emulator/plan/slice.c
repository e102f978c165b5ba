/*
 * A site of a plan as a plan of its own. Sites have no wire and no broadcast in
 * common, so what a site's phones do depends on the rest of the fleet through
 * headquarters alone; where that is no bond either, the site can be run by
 * itself, and the numbers in it count from 0. The draws must not: each phone
 * keeps the luck that it has in the fleet, so a slice remembers where it was
 * cut out (first_phone, first_site).
 */
#include "emulator/plan/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct bounds {
	uint32_t first_subnet, subnet_count, first_switch, switch_count, first_phone, phone_count;
};

/* False where the site's parts do not stand in one run each. */
static bool find_bounds(const struct plan *whole, uint32_t site, struct bounds *bounds)
{
	const struct plan_site *from = &whole->sites[site];
	uint32_t switch_end = 0;

	*bounds = (struct bounds){ .first_subnet = from->first_subnet,
				   .subnet_count = from->subnet_count,
				   .first_switch = UINT32_MAX,
				   .first_phone = UINT32_MAX };
	for (uint32_t i = 0; i < from->subnet_count; i++) {
		const struct plan_subnet *subnet = &whole->subnets[from->first_subnet + i];
		if (subnet->site != site)
			return false;
		if (bounds->first_phone == UINT32_MAX)
			bounds->first_phone = subnet->first_phone;
		if (subnet->first_phone != bounds->first_phone + bounds->phone_count)
			return false;
		bounds->phone_count += subnet->phone_count;
		if (subnet->lan_switch < bounds->first_switch)
			bounds->first_switch = subnet->lan_switch;
		if (subnet->lan_switch >= switch_end)
			switch_end = subnet->lan_switch + 1;
	}
	if (!bounds->phone_count)
		return false;
	bounds->switch_count = switch_end - bounds->first_switch;
	for (uint32_t i = bounds->first_switch; i < switch_end; i++)
		if (whole->switches[i].site != site)
			return false;
	return true;
}

bool plan_can_slice(const struct plan *whole)
{
	struct bounds bounds;
	uint32_t phones = 0, subnets = 0;

	for (uint32_t site = 0; site < whole->site_count; site++) {
		if (!find_bounds(whole, site, &bounds) || bounds.first_phone != phones ||
		    bounds.first_subnet != subnets)
			return false;
		phones += bounds.phone_count;
		subnets += bounds.subnet_count;
	}
	return phones == whole->phone_count && subnets == whole->subnet_count;
}

static void *copy(const void *from, size_t count, size_t size)
{
	void *to = malloc(count * size);

	if (to)
		memcpy(to, from, count * size);
	return to;
}

struct plan *plan_slice(const struct plan *whole, uint32_t site)
{
	struct plan *slice = malloc(sizeof(*slice));
	struct bounds at;

	if (!slice)
		return NULL;
	find_bounds(whole, site, &at);
	*slice = *whole;
	slice->first_phone = whole->first_phone + at.first_phone;
	slice->first_site = whole->first_site + site;
	slice->site_count = 1;
	slice->subnet_count = at.subnet_count;
	slice->switch_count = at.switch_count;
	slice->phone_count = at.phone_count;
	slice->fault_count = 0;
	slice->faults = NULL;
	slice->shares = whole->shares + (size_t)at.first_subnet * whole->model_count;
	slice->sites = copy(&whole->sites[site], 1, sizeof(*slice->sites));
	slice->subnets = copy(&whole->subnets[at.first_subnet], at.subnet_count, sizeof(*slice->subnets));
	slice->switches = copy(&whole->switches[at.first_switch], at.switch_count, sizeof(*slice->switches));
	slice->phones = copy(&whole->phones[at.first_phone], at.phone_count, sizeof(*slice->phones));
	if (!slice->sites || !slice->subnets || !slice->switches || !slice->phones) {
		plan_slice_free(slice);
		return NULL;
	}
	slice->sites->first_subnet = 0;
	for (uint32_t i = 0; i < at.switch_count; i++)
		slice->switches[i].site = 0;
	for (uint32_t i = 0; i < at.subnet_count; i++) {
		slice->subnets[i].site = 0;
		slice->subnets[i].lan_switch -= at.first_switch;
		slice->subnets[i].first_phone -= at.first_phone;
	}
	for (uint32_t i = 0; i < at.phone_count; i++) {
		slice->phones[i].site = 0;
		slice->phones[i].subnet -= at.first_subnet;
	}
	return slice;
}

void plan_slice_free(struct plan *slice)
{
	if (!slice)
		return;
	free(slice->sites);
	free(slice->subnets);
	free(slice->switches);
	free(slice->phones);
	free(slice);
}
