/* Which phones a journal is kept of, as the command line says it; see journal_choose(). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "emulator/journal/journal.h"

#define ITEM_MAX 128

/* The phone of that name or address, or -1: the first in the plan's order. */
static int64_t phone_of(const struct plan *plan, const char *text)
{
	struct in_addr address;
	bool is_address = inet_pton(AF_INET, text, &address) == 1;

	for (uint32_t i = 0; i < plan->phone_count; i++)
		if (is_address ? plan->phones[i].address == ntohl(address.s_addr)
			       : strcmp(plan->phones[i].name, text) == 0)
			return i;
	return -1;
}

/* All phones of that name or address: more than one site may have the same network. */
static bool choose_phones(const struct plan *plan, const char *text, uint8_t *chosen)
{
	int64_t first = phone_of(plan, text);

	if (first < 0)
		return false;
	chosen[first] = 1;
	if (strcmp(plan->phones[first].name, text) == 0)
		return true;
	for (uint32_t i = (uint32_t)first; i < plan->phone_count; i++)
		if (plan->phones[i].address == plan->phones[first].address)
			chosen[i] = 1;
	return true;
}

static bool choose_range(const struct plan *plan, char *text, uint8_t *chosen)
{
	char *between = strstr(text, "..");
	int64_t first, last;

	*between = '\0';
	first = phone_of(plan, text);
	last = phone_of(plan, between + 2);
	*between = '.';
	if (first < 0 || last < first)
		return false;
	memset(chosen + first, 1, (size_t)(last - first) + 1);
	return true;
}

/* SITE or SITE/SUBNET; a name may itself hold a slash. */
static bool choose_place(const struct plan *plan, const char *text, uint8_t *chosen)
{
	bool found = false;

	for (uint32_t i = 0; i < plan->subnet_count; i++) {
		const struct plan_subnet *subnet = &plan->subnets[i];
		const char *site = plan->sites[subnet->site].name;
		size_t length = strlen(site);

		if (strcmp(text, site) != 0 && (strncmp(text, site, length) != 0 || text[length] != '/' ||
						strcmp(text + length + 1, subnet->name) != 0))
			continue;
		found = true;
		memset(chosen + subnet->first_phone, 1, subnet->phone_count);
	}
	return found;
}

static bool choose_item(const struct plan *plan, char *text, uint8_t *chosen)
{
	if (choose_phones(plan, text, chosen) || choose_place(plan, text, chosen))
		return true;
	return strstr(text, "..") && choose_range(plan, text, chosen);
}

int journal_choose(const struct plan *plan, const char *text, uint8_t *chosen, char *error, size_t size)
{
	const struct plan_phone *first = &plan->phones[0], *last = &plan->phones[plan->phone_count - 1];
	char item[ITEM_MAX];

	memset(chosen, 0, plan->phone_count);
	for (;;) {
		size_t length = strcspn(text, ",");

		snprintf(item, sizeof(item), "%.*s", (int)(length < ITEM_MAX ? length : ITEM_MAX), text);
		if (length >= ITEM_MAX || !choose_item(plan, item, chosen)) {
			snprintf(error, size,
				 "\"%s\": no such phones: use a name or address of %s to %s, a range A..B of "
				 "them, "
				 "a site as %s, or site/subnet as %s/%s",
				 item, first->name, last->name, plan->sites[0].name,
				 plan->sites[plan->subnets[0].site].name, plan->subnets[0].name);
			return -EINVAL;
		}
		if (!text[length])
			return 0;
		text += length + 1;
	}
}
