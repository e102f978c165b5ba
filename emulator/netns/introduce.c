/*
 * Phones that are about to talk know each other for good. An address that a
 * phone resolves by itself makes an entry in the kernel's neighbour table, and
 * that table's limit (gc_thresh3, 1,024 by default) is one for the whole host:
 * past it packets vanish uncounted, in this fleet and in every other. Permanent
 * entries are exempt. All pairs beforehand would be the square of the phones,
 * so each pair is introduced when one of them first dials the other.
 */
#include <errno.h>
#include <stdlib.h>

#include "emulator/netns/fabric_internal.h"

#define PAIRS_FIRST 1024 /* a power of two; doubles when half full */

static uint64_t pair_of(uint32_t a, uint32_t b)
{
	/* never 0, which is a free place */
	return (a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a) + 1;
}

/* Where a pair is, or is to be. */
static uint64_t *place(uint64_t *pairs, uint32_t size, uint64_t pair)
{
	uint32_t at = (uint32_t)((pair * 0x9e3779b97f4a7c15u) >> 32) & (size - 1);

	while (pairs[at] && pairs[at] != pair)
		at = (at + 1) & (size - 1);
	return &pairs[at];
}

static int grow(struct fabric_switch *lan)
{
	uint32_t size = lan->pairs_size ? lan->pairs_size * 2 : PAIRS_FIRST;
	uint64_t *pairs;

	if (lan->pairs_count * 2 < lan->pairs_size)
		return 0;
	pairs = calloc(size, sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	for (uint32_t i = 0; i < lan->pairs_size; i++)
		if (lan->pairs[i])
			*place(pairs, size, lan->pairs[i]) = lan->pairs[i];
	free(lan->pairs);
	lan->pairs = pairs;
	lan->pairs_size = size;
	return 0;
}

static int tell(struct fabric *fabric, uint32_t phone, uint32_t peer)
{
	const struct plan_phone *other = &fabric->plan->phones[peer];
	struct netlink nl;
	int error = fabric_enter_phone(fabric, phone);

	if (error)
		return error;
	error = netlink_open(&nl);
	namespace_leave(&fabric->home);
	if (error)
		return error;
	fabric_add_neighbour(&nl, PHONE_ETH0, other->address, other->mac);
	error = netlink_flush(&nl, fabric->plan->phones[phone].name);
	netlink_close(&nl);
	return error;
}

int fabric_introduce(struct fabric *fabric, uint32_t phone, uint32_t peer)
{
	const struct plan *plan = fabric->plan;
	uint32_t number = plan->subnets[plan->phones[phone].subnet].lan_switch;
	struct fabric_switch *lan = &fabric->switches[number];
	uint64_t pair = pair_of(phone, peer), *found;
	int error;

	if (plan->phones[phone].subnet != plan->phones[peer].subnet || phone == peer ||
	    plan->switches[number].real_arp)
		return 0;
	if (!fabric_phone_is_up(fabric, phone) || !fabric_phone_is_up(fabric, peer))
		return -ENOENT;
	error = grow(lan);
	if (error)
		return error;
	found = place(lan->pairs, lan->pairs_size, pair);
	if (*found == pair)
		return 0;
	error = tell(fabric, phone, peer);
	if (!error)
		error = tell(fabric, peer, phone);
	if (error)
		return error;
	*found = pair;
	lan->pairs_count++;
	return 0;
}
