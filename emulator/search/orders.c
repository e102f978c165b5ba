/*
 * Weak orders of the phones' strengths, and which of them are alike.
 *
 * The phones of the search differ in strength and address alone, and an address is
 * only compared for size where two strengths are equal (protocol.md: of equals the higher
 * address wins); XIDs are made of addresses and only compared for equality. So
 * where two orders have equally many phones on each rank, renaming the
 * phones, those of one rank in the order of their addresses, turns every
 * behaviour of the one into a behaviour of the other, and the first of
 * such a class stands for all: 2 classes of 3 orders, 4 of 13, 8 of 75.
 *
 * There is one exception. All holders of a file answer with the greatest strength, so
 * between two answers the address may decide across ranks. Nothing is assumed
 * of it: search_address_decides() sees it happen, and then the orders of that
 * class are searched one by one (run.c).
 */
#include "emulator/search/state.h"

#include "pfs-core/core.h"

/* Ranks of the phones in their weak order number `order`; false past the last. */
bool search_ranks(uint32_t phones, uint32_t order, uint32_t rank[SEARCH_PHONES_MAX])
{
	uint32_t codes = 1;

	for (uint32_t i = 0; i < phones; i++)
		codes *= phones;
	for (uint32_t code = 0; code < codes; code++) {
		uint32_t rest = code, used = 0, top = 0;
		for (uint32_t i = 0; i < phones; i++, rest /= phones) {
			rank[i] = rest % phones;
			used |= 1u << rank[i];
			top = rank[i] > top ? rank[i] : top;
		}
		if (used == (2u << top) - 1 && order-- == 0)
			return true;
	}
	return false;
}

uint32_t search_orders(uint32_t phones)
{
	uint32_t rank[SEARCH_PHONES_MAX], orders = 0;

	while (search_ranks(phones, orders, rank))
		orders++;
	return orders;
}

/* How many phones stand on each rank, a byte a rank. */
static uint32_t shape(uint32_t phones, uint32_t order)
{
	uint32_t rank[SEARCH_PHONES_MAX], counts = 0;

	search_ranks(phones, order, rank);
	for (uint32_t i = 0; i < phones; i++)
		counts += 1u << (8 * rank[i]);
	return counts;
}

uint32_t search_order_class(uint32_t phones, uint32_t order)
{
	uint32_t first = 0;

	while (shape(phones, first) != shape(phones, order))
		first++;
	return first;
}

bool search_address_decides(const struct search_state *state, const struct search_flight *flight,
			    uint32_t phone)
{
	const struct pfs_phone *core = &state->cores[phone];
	uint32_t leader = search_phone_of(state, core->leader);
	struct wire_claim claim;

	if (core->state != PFS_ST_FOLLOWING || leader >= state->phones || leader == flight->phone ||
	    pfs_wire_claim_read(flight->bytes, flight->length, &claim))
		return false;
	return claim.strength == core->leader_strength &&
	       state->cores[leader].config.strength != state->cores[flight->phone].config.strength;
}
