/*
 * What must hold in every state, and in those in which nothing happens any
 * more. How many roots and copies there may be follows protocol.md's table: one
 * more for each phone that was killed, and one more for each five losses, for
 * it takes all five broadcasts of a claim to keep somebody from hearing it.
 */
#include "emulator/search/state.h"

#include "pfs-core/core.h"

#define BUMP UINT32_C(0x80000000) /* protocol.md: the top bit */
#define NOBODY SEARCH_PHONES_MAX
#define CLAIMS 5 /* of one phone: all lost, and nobody heard of it (the reference log's five) */

/* Without a fault the strongest of those who claim at once is the root; of equals the one with the higher
 * address. */
static bool root_is_weaker(const struct search_state *state)
{
	for (uint32_t i = 0; i < state->phones; i++) {
		if (!core_is_root(&state->cores[i]) || state->cores[i].file != 0)
			continue;
		for (uint32_t k = 0; k < state->phones; k++) {
			uint32_t mine = state->cores[i].config.strength,
				 other = state->cores[k].config.strength;
			if (other > mine || (other == mine && k > i))
				return true;
		}
	}
	return false;
}

/* The phone at the other end of an attached connection to a parent that has us as a child. */
static uint32_t parent_of(const struct search_state *state, uint32_t phone)
{
	const struct pfs_phone *core = &state->cores[phone];
	const struct pfs_conn *up;

	if (!state->hosts[phone].alive || core->parent_slot == PFS_NO_SLOT)
		return NOBODY;
	up = &core->conns[core->parent_slot];
	if (up->role != CONN_PARENT)
		return NOBODY;
	for (uint32_t i = 0; i < state->conn_count; i++) {
		const struct search_end *mine = &state->conns[i].ends[0], *other = &state->conns[i].ends[1];
		const struct pfs_conn *down = &state->cores[other->phone].conns[pfs_conn_slot(other->handle)];
		if (mine->phone != phone || mine->state != END_OPEN || other->state != END_OPEN ||
		    pfs_conn_slot(mine->handle) != core->parent_slot)
			continue;
		return down->role == CONN_CHILD && down->file == core->file &&
				       state->cores[other->phone].file == core->file
			       ? other->phone
			       : NOBODY;
	}
	return NOBODY;
}

static bool has_cycle(const struct search_state *state)
{
	for (uint32_t i = 0; i < state->phones; i++) {
		uint32_t at = parent_of(state, i);
		for (uint32_t steps = 0; at != NOBODY && steps < state->phones; steps++) {
			if (at == i)
				return true;
			at = parent_of(state, at);
		}
	}
	return false;
}

/* What a test may have the search find in a core that is good. */
static bool has_child(const struct pfs_phone *core)
{
	for (uint32_t i = 0; i < PFS_CONNS_MAX; i++)
		if (core->conns[i].role == CONN_CHILD)
			return true;
	return false;
}

const char *search_check(const struct search_state *state, uint8_t touched)
{
	uint32_t allowed = 1u + state->kills_used + state->drops_used / CLAIMS;

	for (uint32_t i = 0; state->planted && i < state->phones; i++)
		if (has_child(&state->cores[i]))
			return "planted: nobody has a child";
	for (uint32_t i = 0; i < state->phones; i++) {
		const char *broken;
		if (!state->hosts[i].alive || !(touched >> i & 1))
			continue;
		broken = pfs_phone_check(&state->cores[i]);
		if (broken)
			return broken;
		if (core_is_root(&state->cores[i]) && !(state->cores[i].strength & BUMP))
			return "a confirmed root has raised its strength";
		if (state->cores[i].state == PFS_ST_FAILED)
			return "nobody fails while the server is there";
		for (uint32_t file = 0; file < state->files; file++)
			if (core_holds(&state->cores[i], (uint8_t)file) &&
			    !(state->hosts[i].verified >> file & 1))
				return "only what was verified is held";
	}
	for (uint32_t file = 0; file < state->files; file++) {
		if (state->confirmed[file] > allowed)
			return "one confirmed root a hierarchy, and one more for each kill or five losses";
		if (state->copies[file] > allowed)
			return "one download a hierarchy, and one more for each kill or five losses";
	}
	if (!state->drops_used && !state->kills_used && root_is_weaker(state))
		return "without a fault the strongest is the root";
	if (has_cycle(state))
		return "no cycle: nobody is its own ancestor";
	return NULL;
}

const char *search_check_end(const struct search_state *state)
{
	for (uint32_t i = 0; i < state->phones; i++)
		if (state->hosts[i].alive && !state->cores[i].upgraded)
			return "in the end everybody that lives is upgraded";
	if (state->conn_count)
		return "in the end no connection is left";
	return NULL;
}
