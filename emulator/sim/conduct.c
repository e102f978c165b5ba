/*
 * How phones deal with each other, step by step: what a phone owes to whoever
 * joins it and to whoever it has as a parent or a child. Where a core breaks
 * one of these the fleet often ends well all the same, by a detour that the
 * protocol does not have; so the rule itself is held, and not what comes of it.
 *
 * - A claimant that hears a stronger claim, or any answer, yields; a root that
 *   waits gives up for a stronger root or a holder (questions 8 and 10): but for
 *   somebody whom it has cause to avoid. One damaged file is no cause any more
 *   with the next file.
 * - A joiner is taken into the tree that its JOIN means, or by a holder
 *   (docs/protocol.md, question 9): an ACCEPT names that tree.
 * - A tree without failures is as flat as it can be (question 4).
 * - An orphan that knows an ancestor asks it before it elects (question 6).
 *   Known is what came with the ACCEPT and has not changed since; whoever has
 *   blamed somebody may have cause not to.
 * - XfrCmd reaches every member before the first byte of the file does ("One
 *   file, step by step", 5): a connection keeps its order.
 * - A parent that is silent for 16 s is left (question 5).
 * - An upgraded phone stays a minute for the others (question 2).
 *
 * Times are the phone's own: where its clock drifts they are not judged.
 */
#include "emulator/sim/watch.h"

#include <string.h>

#include "pfs-core/wire.h"

#define FRAME_TYPE_OCTET 3
#define HOPS_NEAR_END (PFS_HOPS_MAX - 4) /* from here on giving up is right */
/* In larger fleets a phone may pass PFS_CLAIMS_HEARD_MAX and look at no more claims for a second, ... */
#define FLEET_HEARD_MAX 200
#define HEARD_AGAIN_US (3 * PFS_S) /* ... and after a flood: by a clock at half its pace, and a second more */

void sim_conduct_begin(struct watched *phone)
{
	phone->grandparent = phone->owes_xfrcmd = SIM_NONE;
	phone->must_climb = phone->must_yield = false;
	phone->distrusted_count = 0;
	phone->asked_xid = phone->hops = 0;
	phone->upgraded_us = PFS_TIME_NEVER;
}

static bool clock_is_true(const struct sim_world *world, uint32_t number)
{
	const struct sim_clock *clock = &world->phones[number].clock;

	return !clock->drift_ppm && !clock->since_us;
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
static bool has_cause(const struct watched *phone, uint32_t address)
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

bool sim_conduct_avoids(const struct sim_world *world, uint32_t number, uint32_t address)
{
	const struct watched *phone = &world->watch->phones[number];
	uint64_t most_us = 2 * PFS_BLAME_US; /* by the slowest clock */

	for (uint32_t i = 0; i < phone->distrusted_count && i < DISTRUSTED_MAX; i++)
		if (phone->distrusted[i].address == address &&
		    world->now_us > phone->distrusted[i].at_us + most_us)
			return false;
	return has_cause(phone, address);
}

/* A phone may look at no more claims for the time being. */
static bool may_be_deaf(const struct sim_world *world)
{
	if (world->plan->phone_count > FLEET_HEARD_MAX)
		return true;
	for (uint32_t i = 0; i < world->watch->felt_count; i++) {
		const struct felt *felt = &world->watch->felt[i];
		if (felt->order.kind == PLAN_FAULT_HOSTILE_FLOOD &&
		    (felt->until_us == PFS_TIME_NEVER || world->now_us < felt->until_us + HEARD_AGAIN_US))
			return true;
	}
	return false;
}

/*
 * Whether what a peer broadcasts must make the phone give way in the state that
 * it is in. What a hostile host has sent may still be under way when that is over.
 */
static bool outdone(const struct sim_world *world, uint32_t number, const struct pfs_event *event)
{
	const struct watched *phone = &world->watch->phones[number];
	uint32_t sender = sim_neighbour(world, number, event->address);
	uint32_t own = world->plan->phones[number].address;
	struct wire_claim claim;

	if ((phone->state != PFS_ST_CLAIMING && phone->state != PFS_ST_ROOT_WAITING) || sender == SIM_NONE ||
	    sender == number || world->watch->phones[sender].was_hostile ||
	    !sim_same_family(world->plan, number, sender) || has_cause(phone, event->address) || may_be_deaf(world) ||
	    pfs_wire_claim_read(event->data, event->length, &claim))
		return false;
	const struct pfs_file *file = &world->phones[number].firmware->files[phone->file];
	if (claim.digest != file->digest || strcmp(claim.name, file->name))
		return false;
	if (claim.type == WIRE_ANSWER && (phone->state == PFS_ST_CLAIMING || claim.phase == TREE_HOLDING))
		return true;
	if ((claim.type == WIRE_ANSWER) != (phone->state == PFS_ST_ROOT_WAITING))
		return false; /* a tentative claim is nothing to a root, which answers it */
	uint32_t strength = phone->state == PFS_ST_CLAIMING ? phone->claimed : phone->confirmed;
	return claim.strength != strength ? claim.strength > strength : event->address > own;
}

void sim_conduct_event(struct sim_world *world, uint32_t number, const struct pfs_event *event)
{
	struct watched *phone = &world->watch->phones[number];

	if (event->kind == PFS_EV_BYTES)
		phone->heard_us = world->now_us;
	phone->must_yield = event->kind == PFS_EV_DATAGRAM && outdone(world, number, event);
}

void sim_conduct_stepped(struct sim_world *world, uint32_t number)
{
	struct watched *phone = &world->watch->phones[number];
	bool stands = phone->state == PFS_ST_CLAIMING || phone->state == PFS_ST_ROOT_WAITING;

	if (phone->must_yield && stands)
		sim_broken(world, number, "who hears a stronger claim or answer gives way");
	else if ((phone->state == PFS_ST_MEMBER || phone->state == PFS_ST_RECEIVING) &&
		 clock_is_true(world, number) && world->now_us > phone->heard_us + PFS_SILENCE_US)
		sim_broken(world, number, "a parent that is silent is left");
	phone->must_yield = false;
}

/* Its place in the tree is another one: what its children were told of it holds no longer. */
static void moved(struct sim_world *world, uint32_t number)
{
	struct watched *phones = world->watch->phones, *phone = &phones[number];

	for (uint32_t i = 0; i < phone->link_count; i++) {
		uint32_t child = phone->links[i].phone;
		if (child != SIM_NONE && phones[child].parent == number)
			phones[child].grandparent = SIM_NONE;
	}
}

static void joined(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phones = world->watch->phones, *phone = &phones[number];
	uint32_t parent = sim_neighbour(world, number, trace->address);

	if (trace->c && (uint32_t)trace->c != phone->asked_xid &&
	    !(parent != SIM_NONE && world->phones[parent].hostile))
		sim_broken_by(world, number, parent, "a joiner is taken into the tree that it asked for");
	uint32_t members = world->watch->families[phone->family].members;
	if (trace->c && !world->error && !world->plan->fault_count && members >> (trace->a - 1) == 0)
		sim_broken_by(world, number, parent, "a tree without failures has the least depth");
	phone->heard_us = world->now_us;
	phone->owes_xfrcmd = SIM_NONE;
	phone->must_climb = false;
	phone->grandparent = SIM_NONE;
	/* A parent that holds the file has no ancestors in that hierarchy any more. */
	if (parent != SIM_NONE && phones[parent].file == trace->file && phones[parent].held <= trace->file &&
	    (phones[parent].state == PFS_ST_MEMBER || phones[parent].state == PFS_ST_RECEIVING))
		phone->grandparent = phones[parent].parent;
}

static void parent_lost(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];

	phone->must_climb = phone->grandparent != SIM_NONE && !phone->distrusted_count &&
			    trace->file == phone->file && phone->state != PFS_ST_VERIFYING &&
			    trace->a != PFS_LOSS_STALLED && trace->a != PFS_LOSS_CYCLE &&
			    phone->hops < HOPS_NEAR_END;
	phone->grandparent = phone->owes_xfrcmd = SIM_NONE;
	moved(world, number);
}

/* The phone's children are told in the same step; it is owed to those who say so too. */
static void xfrcmd(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phones = world->watch->phones, *phone = &phones[number];

	for (uint32_t i = 0; i < phone->link_count; i++) {
		uint32_t child = phone->links[i].phone;
		if (phone->links[i].file == trace->file && child != SIM_NONE &&
		    phones[child].parent == number && phones[child].file == trace->file)
			phones[child].owes_xfrcmd = number;
	}
}

void sim_conduct_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
		sim_conduct_begin(phone);
		break;
	case PFS_TR_JOINED:
		joined(world, number, trace);
		moved(world, number);
		break;
	case PFS_TR_PARENT_LOST:
		parent_lost(world, number, trace);
		break;
	case PFS_TR_JOINING:
		phone->must_climb = false;
		phone->hops = (uint32_t)trace->a;
		break;
	case PFS_TR_BLAMED:
		blamed(phone, world->now_us, trace);
		break;
	case PFS_TR_CONFIRMED:
		phone->confirmed = (uint32_t)trace->c;
		break;
	case PFS_TR_UPGRADED:
		phone->upgraded_us = world->phones[number].port_open ? world->now_us : PFS_TIME_NEVER;
		break;
	case PFS_TR_REBOOTED:
		if (phone->upgraded_us != PFS_TIME_NEVER && clock_is_true(world, number) &&
		    world->now_us < phone->upgraded_us + PFS_LINGER_US)
			sim_broken(world, number, "an upgraded phone stays a minute for the others");
		break;
	case PFS_TR_ELECTION_AGAIN:
		if (phone->must_climb)
			sim_broken(world, number, "an orphan asks its ancestors before it elects");
		phone->must_climb = false;
		moved(world, number);
		break;
	case PFS_TR_XFRCMD:
	case PFS_TR_XFRCMD_HEARD:
		phone->owes_xfrcmd = SIM_NONE;
		xfrcmd(world, number, trace);
		break;
	case PFS_TR_PEER_BEGUN:
		if (phone->owes_xfrcmd != SIM_NONE)
			sim_broken_by(world, number, phone->owes_xfrcmd,
				      "XfrCmd reaches a member before the file does");
		break;
	case PFS_TR_VERIFIED:
		phone->grandparent = SIM_NONE;
		moved(world, number);
		break;
	default:
		break;
	}
}

void sim_conduct_action(struct sim_world *world, uint32_t number, const struct pfs_action *action)
{
	struct watched *phone = &world->watch->phones[number];
	struct wire_frame frame;
	struct wire_claim claim;

	if (action->kind == PFS_ACT_BROADCAST &&
	    !pfs_wire_claim_read(action->bytes, (uint32_t)action->length, &claim) && claim.avoid &&
	    !has_cause(phone, claim.avoid))
		sim_broken_by(world, number, sim_neighbour(world, number, claim.avoid),
			      "whoever is avoided has given cause");
	if (action->kind == PFS_ACT_SEND && action->bytes[FRAME_TYPE_OCTET] == WIRE_JOIN &&
	    !pfs_wire_frame_read(action->bytes, (uint32_t)action->length, &frame))
		phone->asked_xid = frame.xid;
}
