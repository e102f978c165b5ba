/*
 * Who avoids whom, and whether there is cause (docs/protocol.md, questions 5, 7
 * and 10). Avoiding without cause splits a family; not avoiding where there is
 * cause lets a rogue be asked again and again. Both are held: who is avoided has
 * given cause, and who has given cause is avoided for as long as the protocol
 * says.
 *
 * The phone's own word (it says whom it avoids from now on, and why) counts from
 * there; that it gives its word for each file that a peer damaged is held too.
 */
#include "emulator/sim/watch.h"

void sim_blame_begin(struct watched *phone)
{
	phone->distrusted_count = 0;
	phone->owes_blame = 0;
}

static void blamed(struct watched *phone, uint64_t now_us, const struct pfs_trace *trace)
{
	uint32_t at = 0;

	if (phone->owes_blame == trace->address)
		phone->owes_blame = 0;
	while (at < phone->distrusted_count && at < DISTRUSTED_MAX &&
	       phone->distrusted[at].address != trace->address)
		at++;
	if (at == DISTRUSTED_MAX) {
		phone->distrusted_count = DISTRUSTED_MAX + 1;
		return;
	}
	struct distrusted *entry = &phone->distrusted[at];
	if (at == phone->distrusted_count) {
		*entry = (struct distrusted){ .address = trace->address };
		phone->distrusted_count++;
	}
	entry->at_us = now_us;
	entry->file = trace->file;
	entry->loss = (uint8_t)trace->a;
	entry->strikes += trace->a == PFS_LOSS_DAMAGED;
}

/* For how long is the core's affair; that it has forgiven one damaged file by the next is not. */
bool sim_blame_cause(const struct watched *phone, uint32_t address)
{
	if (phone->distrusted_count > DISTRUSTED_MAX)
		return true;
	for (uint32_t i = 0; i < phone->distrusted_count; i++) {
		const struct distrusted *entry = &phone->distrusted[i];
		if (entry->address == address &&
		    (entry->loss != PFS_LOSS_DAMAGED || entry->strikes > 1 || entry->file == phone->file))
			return true;
	}
	return false;
}

bool sim_blame_avoids(const struct sim_world *world, uint32_t number, uint32_t address)
{
	const struct watched *phone = &world->watch->phones[number];
	uint64_t most_us = 2 * PFS_BLAME_US; /* by the slowest clock */

	for (uint32_t i = 0; i < phone->distrusted_count && i < DISTRUSTED_MAX; i++)
		if (phone->distrusted[i].address == address &&
		    world->now_us > phone->distrusted[i].at_us + most_us)
			return false;
	return sim_blame_cause(phone, address);
}

/* A list that is full has room for the next at the cost of another, and then nothing can be said. */
static bool must_avoid(const struct sim_world *world, uint32_t number, uint32_t address, uint8_t file)
{
	const struct watched *phone = &world->watch->phones[number];

	if (phone->distrusted_count > DISTRUSTED_MAX || !sim_clock_is_true(world, number))
		return false;
	for (uint32_t i = 0; i < phone->distrusted_count; i++) {
		const struct distrusted *entry = &phone->distrusted[i];
		uint64_t for_us = entry->loss == PFS_LOSS_DAMAGED || entry->loss == PFS_LOSS_STALLED
					  ? PFS_BLAME_US
					  : PFS_BLAME_DEAF_US;
		if (entry->address != address || world->now_us >= entry->at_us + for_us)
			continue;
		return entry->loss != PFS_LOSS_DAMAGED || entry->strikes > 1 || entry->file == file;
	}
	return false;
}

void sim_blame_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
		sim_blame_begin(phone);
		break;
	case PFS_TR_BLAMED:
		blamed(phone, world->now_us, trace);
		break;
	case PFS_TR_VERIFIED:
		if (!trace->a && sim_neighbour(world, number, trace->address) != SIM_NONE)
			phone->owes_blame = trace->address;
		break;
	case PFS_TR_JOINING:
	case PFS_TR_YIELDED:
		if (must_avoid(world, number, trace->address, trace->file))
			sim_broken_by(world, number, sim_neighbour(world, number, trace->address),
				      "whoever has given cause is avoided");
		break;
	default:
		break;
	}
}

void sim_blame_stepped(struct sim_world *world, uint32_t number)
{
	const struct watched *phone = &world->watch->phones[number];

	if (phone->owes_blame)
		sim_broken_by(world, number, sim_neighbour(world, number, phone->owes_blame),
			      "whoever has given cause is avoided");
}
