/* See plan_by_hand.h. */
#include "tests/netns/plan_by_hand.h"

#include <stdio.h>
#include <stdlib.h>

static void fill_site(struct plan *plan, const struct plan_by_hand *wanted, uint32_t number)
{
	struct plan_site *site = &plan->sites[number];
	uint32_t each = plan->subnet_count / plan->site_count;

	snprintf(site->name, sizeof(site->name), "branch%u", number);
	site->down = wanted->down;
	site->up = wanted->up;
	site->wan_router = 0xac100002 + 4 * number; /* 172.16.0.2 */
	site->wan_hq = 0xac100001 + 4 * number;
	site->wan_netmask = 0xfffffffc;
	site->first_subnet = number * each;
	site->subnet_count = each;
	for (uint32_t i = 0; i < each; i++) {
		plan->subnets[site->first_subnet + i].site = number;
		plan->switches[wanted->one_switch ? 0 : site->first_subnet + i].site = number;
	}
}

static void fill_subnet(struct plan *plan, const struct plan_by_hand *wanted, uint32_t number)
{
	struct plan_subnet *subnet = &plan->subnets[number];
	uint32_t each = plan->phone_count / plan->subnet_count;

	snprintf(subnet->name, sizeof(subnet->name), "voice%u", number);
	subnet->lan_switch = wanted->one_switch ? 0 : number;
	subnet->network = 0x0a000000 + ((number + 1) << 16);
	subnet->netmask = 0xffff0000;
	subnet->router = subnet->network + 1;
	subnet->first_phone = number * each;
	subnet->phone_count = number + 1 == plan->subnet_count ? plan->phone_count - subnet->first_phone : each;
	plan->switches[subnet->lan_switch].real_arp = wanted->real_arp;
	plan->switches[subnet->lan_switch].ports += subnet->phone_count;
	for (uint32_t i = 0; i < subnet->phone_count; i++) {
		struct plan_phone *phone = &plan->phones[subnet->first_phone + i];
		uint32_t id = subnet->first_phone + i;

		phone->mac[2] = 0x1b; /* 00:00:1b:.. */
		phone->mac[3] = (uint8_t)(id >> 16);
		phone->mac[4] = (uint8_t)(id >> 8);
		phone->mac[5] = (uint8_t)id;
		snprintf(phone->name, sizeof(phone->name), "SEP00001B%06X", id);
		phone->site = subnet->site;
		phone->subnet = number;
		phone->address = subnet->network + 10 + i;
		phone->port_bps = wanted->port_bps;
	}
}

struct plan *plan_by_hand(const struct plan_by_hand *wanted)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	snprintf(plan->name, sizeof(plan->name), "by hand");
	plan->seed = 1;
	plan->speed_milli = wanted->speed_milli ? wanted->speed_milli : 1000;
	plan->site_count = wanted->sites ? wanted->sites : 1;
	plan->subnet_count = wanted->subnets ? wanted->subnets : 1;
	plan->switch_count = wanted->one_switch ? 1 : plan->subnet_count;
	plan->phone_count = wanted->phones;
	plan->server.address = 0xc0000245; /* 192.0.2.69 */
	plan->sites = calloc(plan->site_count, sizeof(*plan->sites));
	plan->subnets = calloc(plan->subnet_count, sizeof(*plan->subnets));
	plan->switches = calloc(plan->switch_count, sizeof(*plan->switches));
	plan->phones = calloc(plan->phone_count + 1u, sizeof(*plan->phones));
	if (!plan->sites || !plan->subnets || !plan->switches || !plan->phones) {
		plan_by_hand_free(plan);
		return NULL;
	}
	for (uint32_t i = 0; i < plan->site_count; i++)
		fill_site(plan, wanted, i);
	for (uint32_t i = 0; i < plan->subnet_count; i++)
		fill_subnet(plan, wanted, i);
	return plan;
}

void plan_by_hand_free(struct plan *plan)
{
	if (!plan)
		return;
	free(plan->sites);
	free(plan->subnets);
	free(plan->switches);
	free(plan->phones);
	free(plan);
}
