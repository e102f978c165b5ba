/*
 * Draws. The core draws by hashing (seed, phone, purpose, attempt), so a seed
 * can be found with which a draw comes out as wished, whatever its purpose:
 * nothing in the core has to know of the search. To the search's draws all phones
 * have the number 0. Found seeds are kept.
 */
#include <stdatomic.h>

#include "emulator/search/state.h"

#define PURPOSES 8 /* more than the core has */
#define ATTEMPTS 64

static bool within(uint64_t draw, uint8_t variant)
{
	uint32_t top = (uint32_t)(draw >> 59); /* of 32 parts */

	switch (variant) {
	case 0:
		return top < 2;
	case 1:
		return top == 15 || top == 16;
	default:
		return top >= 30;
	}
}

/* JOIN, ORPHAN, ANSWER, TFTP and LAST: all that delay something; what names or weighs is not searched. */
static bool fits(uint64_t seed, uint64_t attempt, uint8_t variant)
{
	for (uint32_t purpose = 3; purpose < PURPOSES; purpose++)
		if (!within(pfs_draw(seed, 0, purpose, attempt), variant))
			return false;
	return true;
}

uint64_t search_seed(uint64_t attempt, uint8_t variant)
{
	static atomic_ullong found[ATTEMPTS][SEARCH_VARIANTS]; /* by any worker: all find the same */
	uint64_t seed =
		attempt < ATTEMPTS ? atomic_load_explicit(&found[attempt][variant], memory_order_relaxed) : 0;

	if (seed++)
		return seed - 1;
	while (!fits(seed, attempt, variant))
		seed++;
	if (attempt < ATTEMPTS)
		atomic_store_explicit(&found[attempt][variant], seed, memory_order_relaxed);
	return seed;
}
