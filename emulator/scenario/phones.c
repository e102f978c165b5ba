/*
 * Phones, and the setting of each (F10). A setting that cannot apply is an
 * error and never passed over (CSCso40251), and a bulk setting reaches every
 * phone it names or is refused whole (CSCsh98792).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/build.h"

/* What a phone runs before its upgrade unless the scenario says: any release with PFS will do. */
#define RUNNING_DEFAULT "8.5(2)"

/* Organisation part of the MAC addresses: locally administered, so no real device can have one of them. */
static const uint8_t mac_prefix[3] = {0x02, 0x1b, 0x54};

/* ------------------------------------------------------------------ phones */

static void name_phone(struct plan_phone *phone, uint32_t number)
{
	const uint32_t tail = number + 1;

	memcpy(phone->mac, mac_prefix, sizeof(mac_prefix));
	phone->mac[3] = (uint8_t)(tail >> 16);
	phone->mac[4] = (uint8_t)(tail >> 8);
	phone->mac[5] = (uint8_t)tail;
	snprintf(phone->name, sizeof(phone->name), "SEP%02X%02X%02X%02X%02X%02X", phone->mac[0], phone->mac[1],
		 phone->mac[2], phone->mac[3], phone->mac[4], phone->mac[5]);
}

static int add_group(struct build *build, uint32_t subnet_number, const struct spec_group *spec)
{
	struct plan *plan = build->plan;
	struct plan_subnet *subnet = &plan->subnets[subnet_number];
	const char *running = spec->running ? spec->running : RUNNING_DEFAULT;
	int32_t model, firmware;
	int16_t profile = -1;
	uint64_t version;
	int r = build_find_model(build, document_member(spec->node, "model"), spec->model, &model);

	if (r == 0 && spec->profile)
		r = build_find_profile(build, document_member(spec->node, "profile"), spec->profile, &profile);
	if (r == 0)
		r = build_group_firmware(build, spec, model, &firmware);
	if (r < 0)
		return r;
	if (pfs_version_parse(running, &version) < 0)
		return document_fail(build->document, document_member(spec->node, "running"),
				     "must be a firmware version such as \"8.5(2)\" or \"9.4(2)SR1-1\"");
	if (!plan->models[model].shares && spec->pfs != PFS_SETTING_UNSET)
		return document_fail(build->document, document_member(spec->node, "pfs"),
				     "%s has no such setting, leave it out", plan->models[model].name);
	if (!plan->models[model].shares && spec->strength != FIELD_ABSENT)
		return document_fail(build->document, document_member(spec->node, "strength"),
				     "%s makes no claims, leave it out", plan->models[model].name);
	if (spec->reset != FIELD_ABSENT && spec->reset > plan->time_limit_us)
		return document_fail(build->document, document_member(spec->node, "reset"),
				     "is past the time limit");
	if (!plan->models[model].shares && profile >= 0 && plan->profiles[profile].setting != PFS_SETTING_UNSET)
		return document_fail(build->document, document_member(spec->node, "profile"),
				     "this profile sets pfs, and %s has no such setting", plan->models[model].name);
	for (uint64_t i = 0; i < spec->count; i++) {
		struct plan_phone *phone = &plan->phones[plan->phone_count];
		name_phone(phone, plan->phone_count);
		phone->model = (uint16_t)model;
		phone->firmware = (uint16_t)firmware;
		phone->site = subnet->site;
		phone->subnet = subnet_number;
		phone->address = subnet->router + 1 + subnet->phone_count;
		phone->port_bps = build->spec->lan.port_rate == SPEC_PORT_UNLIMITED ? 0 : plan->models[model].port_bps;
		phone->strength = spec->strength != FIELD_ABSENT ? (uint32_t)spec->strength : 0;
		phone->reset_us = spec->reset; /* FIELD_ABSENT: as all the others, build_resets() */
		phone->own = (uint8_t)spec->pfs;
		phone->profile = profile;
		strncpy(phone->running, running, sizeof(phone->running) - 1);
		subnet->phone_count++;
		plan->phone_count++;
	}
	return 0;
}

/* Counts before anything is made, so that a count of millions too many costs nothing. */
static int count_phones(struct build *build, uint64_t *total)
{
	const struct spec_site *sites = build->spec->sites.items;

	*total = 0;
	for (uint32_t s = 0; s < build->spec->sites.count; s++) {
		const struct spec_subnet *subnets = sites[s].subnets.items;
		for (uint32_t n = 0; n < sites[s].subnets.count; n++) {
			const struct spec_group *groups = subnets[n].phones.items;
			uint64_t in_subnet = 0, room = (UINT64_C(1) << (32 - (subnets[n].network & 0xff))) - 3;
			for (uint32_t g = 0; g < subnets[n].phones.count; g++) {
				const cJSON *node = document_member(groups[g].node, "count");
				in_subnet += groups[g].count;
				*total += groups[g].count;
				if (in_subnet > room)
					return document_fail(build->document, node,
							     "%llu phones in a subnet with room for %llu",
							     (unsigned long long)in_subnet, (unsigned long long)room);
				if (*total > PLAN_PHONES_MAX)
					return document_fail(build->document, node, "more than %u phones in all",
							     PLAN_PHONES_MAX);
			}
		}
	}
	return 0;
}

int build_phones(struct build *build)
{
	const struct spec_site *sites = build->spec->sites.items;
	struct plan *plan = build->plan;
	uint32_t number = 0;
	uint64_t total;
	int r = count_phones(build, &total);

	if (r < 0)
		return r;
	plan->phones = calloc(total, sizeof(*plan->phones));
	if (!plan->phones)
		return document_fail_memory(build->document);
	for (uint32_t s = 0; s < build->spec->sites.count; s++) {
		const struct spec_subnet *subnets = sites[s].subnets.items;
		for (uint32_t n = 0; n < sites[s].subnets.count; n++, number++) {
			const struct spec_group *groups = subnets[n].phones.items;
			plan->subnets[number].first_phone = plan->phone_count;
			for (uint32_t g = 0; g < subnets[n].phones.count; g++) {
				r = add_group(build, number, &groups[g]);
				if (r < 0)
					return r;
			}
			plan->switches[plan->subnets[number].lan_switch].ports += plan->subnets[number].phone_count;
		}
	}
	return 0;
}

/* ---------------------------------------------------------------- settings */

int build_profiles(struct build *build)
{
	const struct spec_profile *spec = build->spec->profiles.items;
	struct plan *plan = build->plan;
	uint32_t count = build->spec->profiles.count;

	plan->enterprise = (uint8_t)build->spec->enterprise.pfs;
	plan->profiles = calloc(count ? count : 1, sizeof(*plan->profiles));
	if (!plan->profiles)
		return document_fail_memory(build->document);
	for (uint32_t i = 0; i < count; i++) {
		struct plan_profile *profile = &plan->profiles[i];
		int r = build_name(build, spec[i].node, "name", spec[i].name, profile->name);
		for (uint32_t k = 0; r == 0 && k < i; k++) {
			if (strcmp(plan->profiles[k].name, profile->name) == 0)
				r = document_fail(build->document, document_member(spec[i].node, "name"),
						  "another profile has this name");
		}
		if (r < 0)
			return r;
		profile->setting = (uint8_t)spec[i].pfs;
		plan->profile_count++;
	}
	return 0;
}

int build_find_profile(struct build *build, const cJSON *node, const char *text, int16_t *profile)
{
	for (uint32_t i = 0; i < build->plan->profile_count; i++) {
		if (strcmp(build->plan->profiles[i].name, text) == 0) {
			*profile = (int16_t)i;
			return 0;
		}
	}
	return document_fail(build->document, node, "no profile has this name");
}

static int apply_bulk(struct build *build, const struct spec_bulk *spec)
{
	struct plan *plan = build->plan;
	int32_t site, subnet, model = -1;
	int16_t profile = -1;
	uint32_t reached = 0;
	int r = build_find_place(build, spec->node, spec->site, spec->subnet, &site, &subnet);

	if (r == 0 && spec->model)
		r = build_find_model(build, document_member(spec->node, "model"), spec->model, &model);
	if (r == 0 && spec->profile)
		r = build_find_profile(build, document_member(spec->node, "profile"), spec->profile, &profile);
	if (r < 0)
		return r;
	if (spec->pfs == FIELD_ABSENT && !spec->profile)
		return document_fail(build->document, spec->node, "sets nothing, give pfs or profile");
	bool sets_pfs = (spec->pfs != FIELD_ABSENT && spec->pfs != PFS_SETTING_UNSET) ||
			(profile >= 0 && plan->profiles[profile].setting != PFS_SETTING_UNSET);
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		struct plan_phone *phone = &plan->phones[i];
		if ((site >= 0 && phone->site != (uint32_t)site) ||
		    (subnet >= 0 && phone->subnet != (uint32_t)subnet) || (model >= 0 && phone->model != model))
			continue;
		if (sets_pfs && !plan->models[phone->model].shares)
			return document_fail(build->document, spec->node,
					     "names %s, and %s has no PFS setting; name models that have it",
					     phone->name, plan->models[phone->model].name);
		if (spec->pfs != FIELD_ABSENT)
			phone->own = (uint8_t)spec->pfs;
		if (profile >= 0)
			phone->profile = profile;
		reached++;
	}
	return reached ? 0 : document_fail(build->document, spec->node, "reaches no phone");
}

int build_bulk(struct build *build)
{
	const struct spec_bulk *bulk = build->spec->bulk.items;

	for (uint32_t i = 0; i < build->spec->bulk.count; i++) {
		int r = apply_bulk(build, &bulk[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static uint8_t takes_part(const struct plan *plan, const struct plan_phone *phone)
{
	uint64_t version = 0;

	if (!plan->models[phone->model].shares)
		return PFS_PART_MODEL;
	pfs_version_parse(phone->running, &version); /* parsed before */
	if (!pfs_version_shares(version))
		return PFS_PART_OLD_FIRMWARE;
	return phone->setting == PFS_SETTING_ENABLED ? PFS_PART_YES : PFS_PART_DISABLED;
}

int build_settings(struct build *build)
{
	struct plan *plan = build->plan;

	for (uint32_t i = 0; i < plan->phone_count; i++) {
		struct plan_phone *phone = &plan->phones[i];
		enum pfs_setting profile = PFS_SETTING_UNSET, enterprise = plan->enterprise;
		enum pfs_origin origin;
		if (phone->profile >= 0)
			profile = plan->profiles[phone->profile].setting;
		/* What is set for all never reaches a model without the setting. */
		if (!plan->models[phone->model].shares)
			enterprise = PFS_SETTING_UNSET;
		phone->setting = (uint8_t)pfs_setting_resolve(phone->own, profile, enterprise, &origin);
		phone->origin = (uint8_t)origin;
		phone->part = takes_part(plan, phone);
	}
	return 0;
}
