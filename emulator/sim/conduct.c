/*
 * How phones deal with each other, step by step: what a phone owes to whoever
 * joins it and to whoever it has as a parent or a child. Where a core breaks
 * one of these the fleet often ends well all the same, by a detour that the
 * protocol does not have; so the rule itself is held, and not what comes of it.
 *
 * - A claimant that hears a stronger claim, or any answer, yields; a root that
 *   waits gives up for a stronger root or a holder (questions 8 and 10): but for
 *   somebody whom it has cause to avoid. One damaged file is no cause any more
 *   with the next file. A root that has begun its transfer gives way to nobody.
 * - A joiner is taken into the tree that its JOIN means, or by a holder
 *   (docs/protocol.md, question 9): an ACCEPT names that tree.
 * - A tree without failures is as flat as it can be (question 4).
 * - An orphan that knows an ancestor asks it before it elects, and the root after
 *   it (question 6).
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
#define HEARD_AGAIN_US (3 * PFS_S) /* ... and after a flood: by a clock at half its pace, and a second more  \
				    */

/* A claim yields to a root's, and that to a holder's, whatever the strengths. */
enum rank { RANK_TENTATIVE, RANK_ROOT, RANK_HOLDER, RANK_UNKNOWN };

void sim_conduct_begin(struct watched *phone)
{
	phone->grandparent = phone->owes_xfrcmd = SIM_NONE;
	phone->must_climb = phone->must_yield = phone->told_of_failure = false;
	phone->dial_answered = phone->keeps_children = false;
	phone->must_ask = phone->told_top = 0;
	phone->asked_xid = phone->hops = phone->dialled = phone->dial_conn = 0;
	phone->must_follow = phone->yielded = phone->join_avoid = phone->join_lost = 0;
	phone->leader_rank = phone->heard_rank = RANK_UNKNOWN;
	phone->failures = phone->follows = 0;
	phone->gave_up = PFS_NO_FILE;
	phone->upgraded_us = PFS_TIME_NEVER;
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

static uint8_t rank_of(const struct wire_claim *claim)
{
	if (claim->type == WIRE_CLAIM)
		return RANK_TENTATIVE;
	return claim->phase == TREE_HOLDING ? RANK_HOLDER : RANK_ROOT;
}

/* What a peer of the family says of the file that the phone is at; false where it binds nobody. What a
 * hostile host has sent may still be under way when that is over. */
static bool binds(const struct sim_world *world, uint32_t number, const struct pfs_event *event,
		  struct wire_claim *claim)
{
	const struct watched *phone = &world->watch->phones[number];
	uint32_t sender = sim_neighbour(world, number, event->address);

	if (sender == SIM_NONE || sender == number || world->watch->phones[sender].was_hostile ||
	    !sim_same_family(world->plan, number, sender) || sim_blame_cause(phone, event->address) ||
	    may_be_deaf(world) || pfs_wire_claim_read(event->data, event->length, claim))
		return false;
	const struct pfs_file *file = &world->phones[number].firmware->files[phone->file];
	return claim->digest == file->digest && !strcmp(claim->name, file->name);
}

/* Whether a claimant or a root that waits must give way in this step. */
static bool outdone(const struct watched *phone, uint32_t own, const struct wire_claim *claim)
{
	if (claim->type == WIRE_ANSWER && (phone->state == PFS_ST_CLAIMING || claim->phase == TREE_HOLDING))
		return true;
	if ((claim->type == WIRE_ANSWER) != (phone->state == PFS_ST_ROOT_WAITING))
		return false; /* a tentative claim is nothing to a root, which answers it */
	uint32_t strength = phone->state == PFS_ST_CLAIMING ? phone->claimed : phone->confirmed;
	return claim->strength != strength ? claim->strength > strength : claim->sender > own;
}

/* Whether one that listens, follows or is orphaned must follow whoever says that. */
static bool attracts(const struct watched *phone, const struct wire_claim *claim, uint8_t rank)
{
	switch (phone->state) {
	case PFS_ST_LISTENING:
		return rank != RANK_TENTATIVE; /* its own strength it has not said yet */
	case PFS_ST_ORPHANED:
		return phone->rounds < PFS_ROUNDS_END;
	case PFS_ST_FOLLOWING:
		if (phone->leader_rank == RANK_UNKNOWN || claim->sender == phone->leader ||
		    phone->follows >= HOPS_NEAR_END)
			return false;
		if (rank != phone->leader_rank)
			return rank > phone->leader_rank;
		if (claim->strength != phone->leader_strength)
			return claim->strength > phone->leader_strength;
		return claim->sender > phone->leader;
	default:
		return false;
	}
}

static void heard_claim(struct sim_world *world, uint32_t number, const struct pfs_event *event)
{
	struct watched *phone = &world->watch->phones[number];
	bool stands = phone->state == PFS_ST_CLAIMING || phone->state == PFS_ST_ROOT_WAITING;
	bool seeks = phone->state == PFS_ST_LISTENING || phone->state == PFS_ST_FOLLOWING ||
		     phone->state == PFS_ST_ORPHANED;
	struct wire_claim claim;

	if ((!stands && !seeks) || !binds(world, number, event, &claim))
		return;
	phone->heard_rank = rank_of(&claim);
	if (stands)
		phone->must_yield = outdone(phone, world->plan->phones[number].address, &claim);
	else if (attracts(phone, &claim, phone->heard_rank))
		phone->must_follow = event->address;
}

static void heard_bytes(struct watched *phone, const struct pfs_event *event)
{
	struct wire_frame frame;

	phone->dial_answered |= event->conn == phone->dial_conn;
	/* A JOIN is all that is said until it is answered. */
	if (event->available <= FRAME_TYPE_OCTET || event->data[FRAME_TYPE_OCTET] != WIRE_JOIN ||
	    pfs_wire_frame_read(event->data, event->available, &frame))
		return;
	phone->join_avoid = frame.avoid;
	phone->join_lost = frame.lost;
}

void sim_conduct_event(struct sim_world *world, uint32_t number, const struct pfs_event *event)
{
	struct watched *phone = &world->watch->phones[number];

	phone->was = phone->state;
	phone->heard_rank = RANK_UNKNOWN;
	phone->must_yield = phone->told_of_failure = false;
	phone->keeps_children = event->kind == PFS_EV_VERIFIED && event->ok;
	phone->must_follow = phone->yielded = phone->join_avoid = phone->join_lost = 0;
	phone->gave_up = PFS_NO_FILE;
	if (event->kind == PFS_EV_DATAGRAM) {
		heard_claim(world, number, event);
	} else if (event->kind == PFS_EV_BYTES) {
		phone->heard_us = world->now_us;
		heard_bytes(phone, event);
	}
}

static bool has_children(const struct watched *phone, uint8_t file)
{
	for (uint32_t i = 0; i < phone->link_count; i++)
		if (phone->links[i].file == file)
			return true;
	return false;
}

void sim_conduct_stepped(struct sim_world *world, uint32_t number)
{
	struct watched *phone = &world->watch->phones[number];
	bool stands = phone->state == PFS_ST_CLAIMING || phone->state == PFS_ST_ROOT_WAITING;

	if (phone->state == PFS_ST_FOLLOWING && phone->was != PFS_ST_FOLLOWING && !phone->yielded)
		phone->leader_rank = RANK_UNKNOWN; /* it was told to come again: a place in the queue */
	if (phone->must_yield && stands)
		sim_broken(world, number, "who hears a stronger claim or answer gives way");
	else if (phone->must_follow && phone->yielded != phone->must_follow)
		sim_broken_by(world, number, sim_neighbour(world, number, phone->must_follow),
			      "a joiner follows the strongest that it hears");
	else if (phone->gave_up != PFS_NO_FILE && has_children(phone, phone->gave_up))
		sim_broken(world, number, "a failure is passed down the tree");
	else if ((phone->state == PFS_ST_MEMBER || phone->state == PFS_ST_RECEIVING) &&
		 sim_clock_is_true(world, number) && world->now_us > phone->heard_us + PFS_SILENCE_US)
		sim_broken(world, number, "a parent that is silent is left");
}

static void yielded(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];

	if (phone->was == PFS_ST_TFTP || phone->was == PFS_ST_TFTP_WAITING || phone->was == PFS_ST_VERIFYING)
		sim_broken_by(world, number, sim_neighbour(world, number, trace->address),
			      "a root that has begun its transfer gives way to nobody");
	phone->yielded = phone->leader = trace->address;
	phone->leader_strength = (uint32_t)trace->c;
	phone->leader_rank = phone->heard_rank;
	phone->follows = phone->was == PFS_ST_FOLLOWING ? (uint8_t)(phone->follows + 1) : 0;
	phone->dialled = 0;
}

/* Paths that a liar tells may name somebody twice. */
static bool may_be_lied_to(const struct sim_world *world)
{
	for (uint32_t i = 0; i < world->watch->felt_count; i++)
		if (world->watch->felt[i].order.kind == PLAN_FAULT_HOSTILE_LIAR)
			return true;
	return false;
}

static void joining(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];

	phone->must_climb = false;
	if (trace->address == phone->must_ask)
		phone->must_ask = 0;
	phone->hops = (uint32_t)trace->a;
	if (trace->address == phone->dialled && !phone->dial_answered && !may_be_lied_to(world))
		sim_broken_by(world, number, sim_neighbour(world, number, trace->address),
			      "who was dialled in vain is not dialled again at once");
	phone->dialled = trace->address;
	phone->dial_answered = false;
}

/*
 * What one root found is nobody's last word but its own; whoever hears of it, or
 * finds it, lets its children go with that.
 */
static void failure(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];

	phone->gave_up = trace->file;
	if (trace->kind != PFS_TR_FAILED) {
		phone->failures++;
		phone->told_of_failure = trace->kind == PFS_TR_FAILURE_PASSED;
	} else if (phone->told_of_failure && phone->failures < PFS_ROOTS_MAX) {
		sim_broken(world, number, "a failure is final where two roots found it");
	}
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

/* With fewer phones than that an even tree has no such level. */
static uint64_t members_least(uint32_t level, uint64_t fan_out)
{
	uint64_t members = 1, row = 1;

	for (uint32_t i = 1; i < level && members <= PLAN_PHONES_MAX; i++, row *= fan_out)
		members += row;
	return members;
}

static void joined(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phones = world->watch->phones, *phone = &phones[number];
	uint32_t parent = sim_neighbour(world, number, trace->address);

	if (trace->c && (uint32_t)trace->c != phone->asked_xid &&
	    !(parent != SIM_NONE && world->phones[parent].hostile))
		sim_broken_by(world, number, parent, "a joiner is taken into the tree that it asked for");
	uint32_t members = world->watch->families[phone->family].members;
	if (trace->c && !world->error && !world->plan->fault_count &&
	    members < members_least(trace->a, plan_fan_out(world->plan)))
		sim_broken_by(world, number, parent, "a tree without failures has the least depth");
	phone->heard_us = world->now_us;
	phone->owes_xfrcmd = SIM_NONE;
	phone->must_climb = false;
	phone->must_ask = 0;
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
	phone->must_ask = 0;
	if (phone->must_climb && !may_be_lied_to(world) && phone->told_top != trace->address &&
	    phone->told_top != world->plan->phones[number].address)
		phone->must_ask = phone->told_top;
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
	case PFS_TR_FILE_BEGUN:
		phone->failures = 0;
		phone->dialled = phone->must_ask = phone->told_top = 0;
		break;
	case PFS_TR_YIELDED:
		yielded(world, number, trace);
		break;
	case PFS_TR_FAILURE_PASSED:
	case PFS_TR_FAILED:
		failure(world, number, trace);
		break;
	case PFS_TR_CHILD_LOST:
		if (phone->keeps_children)
			sim_broken_by(world, number, sim_neighbour(world, number, trace->address),
				      "whoever goes on to the next file keeps its children");
		break;
	case PFS_TR_REDIRECTED:
		if (trace->b && (trace->b == phone->join_avoid || trace->b == phone->join_lost))
			sim_broken_by(world, number, sim_neighbour(world, number, trace->address),
				      "nobody is sent to whom it found of no use");
		break;
	case PFS_TR_JOINED:
		phone->dialled = 0;
		joined(world, number, trace);
		moved(world, number);
		break;
	case PFS_TR_PARENT_LOST:
		parent_lost(world, number, trace);
		break;
	case PFS_TR_JOINING:
		joining(world, number, trace);
		break;
	case PFS_TR_CONFIRMED:
		phone->confirmed = (uint32_t)trace->c;
		break;
	case PFS_TR_UPGRADED:
		phone->upgraded_us = world->phones[number].port_open ? world->now_us : PFS_TIME_NEVER;
		break;
	case PFS_TR_ELECTION_AGAIN:
		if (phone->must_climb || (phone->must_ask && trace->b != PFS_LOSS_FAILED &&
					  phone->hops < HOPS_NEAR_END && !phone->distrusted_count))
			sim_broken(world, number, "an orphan asks its ancestors before it elects");
		phone->must_climb = false;
		phone->must_ask = phone->told_top = 0;
		phone->dialled = 0;
		if (trace->b == PFS_LOSS_FAILED && !phone->told_of_failure)
			failure(world, number, trace);
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
	    !sim_blame_cause(phone, claim.avoid))
		sim_broken_by(world, number, sim_neighbour(world, number, claim.avoid),
			      "whoever is avoided has given cause");
	if (action->kind == PFS_ACT_SEND && action->bytes[FRAME_TYPE_OCTET] == WIRE_JOIN &&
	    !pfs_wire_frame_read(action->bytes, (uint32_t)action->length, &frame))
		phone->asked_xid = frame.xid;
	if (action->kind == PFS_ACT_CONNECT)
		phone->dial_conn = action->conn;
}
