/*
 * Who avoids whom, and whether there is cause (docs/protocol.md, questions 5, 7
 * and 10). Avoiding without cause splits a family; not avoiding where there is
 * cause lets a rogue be asked again and again. Both are held: who is avoided has
 * given cause, and who has given cause is avoided for as long as the protocol
 * says.
 *
 * The phone's own word (it says whom it avoids from now on, and why) counts from
 * there. That it gives its word is held too, from what came to pass: a file that
 * a peer damaged; a parent lost because its root stands still, or for a failure
 * that its root passes on (which root, its parent's frames say); one that broke
 * the protocol; and the second time in a row that a leader took nobody.
 */
#include "emulator/sim/watch.h"

#include "pfs-core/wire.h"

#define HOPS_NEAR_END (PFS_HOPS_MAX - 4) /* from here on giving up is right */

void sim_blame_begin(struct watched *phone)
{
	phone->distrusted_count = 0;
	phone->owes_blame = phone->told_root = phone->led_by = phone->deaf = phone->deaf_before = 0;
}

static void blamed(struct watched *phone, uint64_t now_us, const struct pfs_trace *trace)
{
	uint32_t at = 0;

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

/* What its parent tells of the tree. Frames are whole in all events but few; a piece of one says nothing. */
void sim_blame_event(struct sim_world *world, uint32_t number, const struct pfs_event *event)
{
	struct watched *phone = &world->watch->phones[number];
	struct wire_frame frame;
	uint32_t need;

	if (event->kind != PFS_EV_BYTES || event->conn != phone->dial_conn ||
	    phone->state == PFS_ST_VERIFYING)
		return;
	for (uint32_t at = 0; at < event->available; at += need) {
		if (pfs_wire_frame_need(event->data + at, event->available - at, PFS_PARENT_RX, &need) ||
		    need > event->available - at || pfs_wire_frame_read(event->data + at, need, &frame)) {
			phone->told_root = phone->told_top = 0;
			return;
		}
		if (frame.type == WIRE_ACCEPT || frame.type == WIRE_ALIVE || frame.type == WIRE_XFRCMD) {
			phone->told_root = frame.root;
			phone->told_top = frame.path_count >= 3 ? frame.path[0] : 0;
		}
	}
}

/* Its parent is gone: by whose fault, where it is one's. */
static uint32_t at_fault(const struct watched *phone, const struct pfs_trace *trace)
{
	if (trace->kind == PFS_TR_FAILURE_PASSED)
		return phone->told_root ? phone->told_root : trace->address;
	if (trace->a == PFS_LOSS_STALLED)
		return phone->told_root;
	return trace->a == PFS_LOSS_PROTOCOL ? trace->address : 0;
}

/* It has dialled whom it follows, and is orphaned by that: once may be the network's fault. */
static void took_nobody(struct watched *phone, const struct pfs_trace *trace)
{
	bool deaf = phone->deaf && trace->b != PFS_LOSS_FAILED && phone->hops < HOPS_NEAR_END;

	if (deaf && phone->deaf == phone->deaf_before)
		phone->owes_blame = phone->deaf;
	phone->deaf_before = deaf ? phone->deaf : 0;
	phone->deaf = phone->led_by = 0;
}

void sim_blame_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];
	uint32_t owed;

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
	case PFS_TR_FAILURE_PASSED:
	case PFS_TR_PARENT_LOST:
		owed = at_fault(phone, trace);
		if (owed && owed != world->plan->phones[number].address)
			phone->owes_blame = owed;
		phone->deaf = 0; /* it was taken, whatever it was told then */
		break;
	case PFS_TR_FILE_BEGUN:
		phone->told_root = phone->led_by = phone->deaf = phone->deaf_before = 0;
		break;
	case PFS_TR_JOINED:
		phone->deaf = phone->led_by = 0;
		break;
	case PFS_TR_ROOT_GAVE_UP:
		phone->told_root = 0;
		break;
	case PFS_TR_ELECTION_AGAIN:
		took_nobody(phone, trace);
		phone->told_root = 0;
		break;
	case PFS_TR_JOINING:
	case PFS_TR_YIELDED:
		if (trace->kind == PFS_TR_YIELDED)
			phone->led_by = trace->address;
		else
			phone->deaf = phone->was == PFS_ST_FOLLOWING && trace->address == phone->led_by
					      ? trace->address
					      : 0;
		if (must_avoid(world, number, trace->address, trace->file))
			sim_broken_by(world, number, sim_neighbour(world, number, trace->address),
				      "whoever has given cause is avoided");
		break;
	default:
		break;
	}
}

static bool blamed_now(const struct sim_world *world, const struct watched *phone, uint32_t address)
{
	if (phone->distrusted_count > DISTRUSTED_MAX)
		return true;
	for (uint32_t i = 0; i < phone->distrusted_count; i++)
		if (phone->distrusted[i].address == address && phone->distrusted[i].at_us == world->now_us)
			return true;
	return false;
}

/* Whoever has the file whole needs no parent any more, and one that has failed asks nobody again. */
void sim_blame_stepped(struct sim_world *world, uint32_t number)
{
	struct watched *phone = &world->watch->phones[number];

	if (phone->owes_blame && phone->state != PFS_ST_VERIFYING && phone->state != PFS_ST_FAILED &&
	    phone->state != PFS_ST_REBOOTED && !blamed_now(world, phone, phone->owes_blame))
		sim_broken_by(world, number, sim_neighbour(world, number, phone->owes_blame),
			      "whoever has given cause is avoided");
	phone->owes_blame = 0;
}
