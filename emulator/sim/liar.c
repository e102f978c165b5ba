/*
 * A host that lies on its connections: a real core that takes part like
 * anybody, while some of what it says is not so. Other than the false root it
 * has the file, and passes on what is good; it is the structure of the trees
 * that it attacks:
 *
 * - a JOIN with the key of another hierarchy (F5, F6);
 * - what it tells its children of the tree: themselves among its ancestors, and
 *   the tree of which it is a member no longer;
 * - a joiner sent to itself, or out of the subnet;
 * - an ALIVE that is none, so that its child hangs up;
 * - a BEAT that is none, so that its parent hangs up; and then a child of its own
 *   is dialled as its next parent.
 *
 * What honest phones must make of it is the invariants' affair. Which lie, and
 * when, is a hash of the seed, the phone and a counter; whom it sends false
 * JOINs, of the phone in its stead: so that it is known what each accepted.
 */
#include "emulator/sim/tcp.h"
#include "pfs-core/wire.h"

#define DRAW_LIE 0x6c696573
#define FRAME_TYPE_OCTET 3
#define DRAW_BREACH 0x62726561
#define BREACH_ONE_IN 3
#define NO_FRAME 99 /* no type of docs/protocol.md */

static bool lies(struct sim_world *world, uint32_t number, uint32_t one_in)
{
	struct sim_phone *phone = &world->phones[number];

	return pfs_draw(world->plan->seed, number, DRAW_LIE, phone->spoken++) % one_in == 0;
}

/* The phone at the other end of one of its connections, or SIM_NONE. */
static uint32_t other_end(const struct sim_world *world, uint32_t number, uint32_t handle)
{
	uint32_t slot = pfs_conn_slot(handle);
	uint32_t end = slot < PFS_CONNS_MAX ? world->phones[number].slots[slot] : SIM_NONE;

	return end == SIM_NONE ? SIM_NONE : sim_end_at(world, end ^ 1)->phone;
}

bool sim_liar_lies_to(const struct sim_world *world, uint32_t number, uint32_t other)
{
	return pfs_draw(world->plan->seed, number, DRAW_LIE, ~(uint64_t)other) % 2 == 0;
}

/* A child, or on the way to be one, to whom it would send a true JOIN; SIM_NONE where there is none. */
static uint32_t somebody_below(const struct sim_world *world, uint32_t number)
{
	for (uint32_t end = world->phones[number].first_end; end != SIM_NONE;
	     end = sim_end_at(world, end)->next)
		if ((end & 1) && sim_end_at(world, end)->state == SIM_END_OPEN &&
		    sim_end_at(world, end ^ 1)->state == SIM_END_OPEN &&
		    !sim_liar_lies_to(world, number, sim_end_at(world, end ^ 1)->phone))
			return sim_end_at(world, end ^ 1)->phone;
	return SIM_NONE;
}

static void tree_lie(struct sim_world *world, uint32_t number, uint32_t child, struct wire_frame *frame)
{
	struct sim_phone *phone = &world->phones[number];

	if (frame->xid)
		phone->told_xid = frame->xid;
	else if (frame->phase != TREE_HOLDING)
		frame->xid = phone->told_xid;
	if (frame->path_count && child != SIM_NONE && lies(world, number, 8))
		frame->path[0] = world->plan->phones[child].address;
}

static void frame_lie(struct sim_world *world, uint32_t number, const struct pfs_action *action,
		      struct wire_frame *frame)
{
	struct sim_phone *phone = &world->phones[number];
	uint32_t other = other_end(world, number, action->conn);

	switch (frame->type) {
	case WIRE_JOIN:
		if (other != SIM_NONE && sim_liar_lies_to(world, number, other))
			frame->key = ~frame->key;
		if (phone->dials_below)
			frame->xid = phone->told_xid;
		break;
	case WIRE_ACCEPT:
	case WIRE_ALIVE:
	case WIRE_XFRCMD:
		tree_lie(world, number, other, frame);
		break;
	case WIRE_REDIRECT:
		if (other != SIM_NONE && lies(world, number, 2))
			frame->target =
				world->plan->phones[other].address ^ (lies(world, number, 2) ? 0 : 1u << 24);
		break;
	default:
		break;
	}
}

void sim_liar_act(struct sim_world *world, uint32_t number, struct pfs_action *action)
{
	struct sim_phone *phone = &world->phones[number];
	uint32_t below = somebody_below(world, number);
	struct wire_frame frame;

	if (action->kind == PFS_ACT_CONNECT) {
		phone->dials_below = below != SIM_NONE && lies(world, number, 2);
		if (phone->dials_below)
			action->address = world->plan->phones[below].address;
		return;
	}
	if (action->kind != PFS_ACT_SEND ||
	    pfs_wire_frame_read(action->bytes, (uint32_t)action->length, &frame))
		return;
	frame_lie(world, number, action, &frame);
	action->length = pfs_wire_frame_write(&frame, action->bytes);
	if (frame.type == WIRE_BEAT && below != SIM_NONE && lies(world, number, 2))
		action->bytes[FRAME_TYPE_OCTET] = NO_FRAME;
	/* By the time, so that the other lies are what they would be without. */
	if (frame.type == WIRE_ALIVE &&
	    pfs_draw(world->plan->seed, number, DRAW_BREACH, world->now_us) % BREACH_ONE_IN == 0)
		action->bytes[FRAME_TYPE_OCTET] = NO_FRAME;
}
