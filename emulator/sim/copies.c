/*
 * How often a file may cross the WAN for one family: docs/protocol.md, "WAN
 * copies" and "What always holds". Counted is each download that begins while
 * somebody else of the family, whom the phone could reach and has no cause to
 * avoid, holds the file or fetches it. Each such download needs a fault that
 * explains it: one that was felt at some time since the family began that
 * file, and has not explained as many as it can.
 *
 * A fault is felt until FAULT_FELT_US past its end, and by whom it made blame
 * somebody for as long as blame lasts.
 */
#include "emulator/sim/watch.h"

#include <errno.h>
#include <stdlib.h>

#define EACH UINT32_MAX /* one for each phone of the family but one, and no fault explains more */

int sim_copies_init(struct sim_world *world)
{
	world->watch->felt = calloc((size_t)world->plan->fault_count + 1, sizeof(*world->watch->felt));
	return world->watch->felt ? 0 : -ENOMEM;
}

void sim_copies_fault(struct sim_world *world, const struct fault_order *order)
{
	struct sim_watch *watch = world->watch;

	if (order->end) {
		for (uint32_t i = 0; i < watch->felt_count; i++)
			if (watch->felt[i].order.fault == order->fault)
				watch->felt[i].until_us = world->now_us;
		return;
	}
	struct felt *felt = &watch->felt[watch->felt_count++];
	felt->order = *order;
	felt->at_us = world->now_us;
	felt->until_us = plan_fault_once(order->kind) ? world->now_us : PFS_TIME_NEVER;
}

/* Whether it befell the family's network, or one of its phones. */
static bool concerns(const struct sim_world *world, const struct fault_order *order, uint32_t number)
{
	const struct plan_phone *phone = &world->plan->phones[number];

	switch (plan_fault_scope(order->kind)) {
	case PLAN_SCOPE_WAN:
		return order->site < 0 || order->site == phone->site;
	case PLAN_SCOPE_LAN:
		return order->lan_switch >= 0 ? order->lan_switch == world->phones[number].lan_switch
					      : order->site < 0 || order->site == phone->site;
	case PLAN_SCOPE_PHONE:
		/* What a hostile host says everybody on the switch hears. */
		return plan_fault_hostile(order->kind)
			       ? world->phones[order->phone].lan_switch == world->phones[number].lan_switch
			       : sim_same_family(world->plan, number, (uint32_t)order->phone);
	default:
		return true;
	}
}

/* A datagram or two out of order change nothing, late ones do: five claims take five of these. */
static bool disturbs(const struct plan *plan, const struct plan_disturbance *lan)
{
	return lan->loss_ppm || lan->delay_us + lan->hold_us > plan_wait_us(plan, PFS_CONFIRM_MARGIN_US) / 2;
}

/* How often a phone of the family came back meanwhile, from a fault of the kinds in the mask. */
static uint32_t returns(const struct sim_world *world, const struct felt *felt, uint32_t number,
			uint64_t kinds)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < world->watch->felt_count; i++) {
		const struct felt *other = &world->watch->felt[i];
		count += (kinds >> other->order.kind & 1) && other->until_us != PFS_TIME_NEVER &&
			 (!felt || (other->until_us >= felt->at_us && other->until_us <= felt->until_us)) &&
			 sim_same_family(world->plan, number, (uint32_t)other->order.phone);
	}
	return count;
}

/* Ports that were silent after their link came up: for the first time, or again. */
static uint32_t held_back(const struct sim_world *world, const struct felt *felt, uint32_t number)
{
	uint64_t kinds = UINT64_C(1) << PLAN_FAULT_KILL | UINT64_C(1) << PLAN_FAULT_UNPLUG;
	uint32_t count = returns(world, felt, number, kinds);

	for (uint32_t i = 0; i < world->plan->phone_count; i++)
		count += sim_same_family(world->plan, number, i) &&
			 world->plan->phones[i].reset_us >= felt->at_us &&
			 world->plan->phones[i].reset_us <= felt->until_us;
	return count;
}

/*
 * A root whose file stands still is left after PFS_ROOT_STALL_US, and so is the
 * one after it: two at least, for the fault may begin in the middle of that.
 */
static uint32_t stood_still(const struct sim_world *world, const struct felt *felt)
{
	uint64_t until_us = felt->until_us < world->now_us ? felt->until_us : world->now_us;
	uint64_t times = 2 + (until_us - felt->at_us) / PFS_ROOT_STALL_US;

	return times < EACH ? (uint32_t)times : EACH;
}

/* Downloads of one file that a fault can explain. */
static uint32_t explains(const struct sim_world *world, const struct felt *felt, uint32_t number)
{
	switch (felt->order.kind) {
	case PLAN_FAULT_UNPLUG:
		return 2;
	case PLAN_FAULT_WAN_CUT:
	case PLAN_FAULT_WAN_DEGRADE:
	case PLAN_FAULT_WAN_FLAP:
	case PLAN_FAULT_SERVER_STOP:
	case PLAN_FAULT_SERVER_BUSY:
	case PLAN_FAULT_SERVER_SILENT:
	case PLAN_FAULT_SERVER_SIZE:
	case PLAN_FAULT_SLOW_STORAGE:
		return stood_still(world, felt);
	case PLAN_FAULT_LAN_DISTURB:
		return disturbs(world->plan, &felt->order.fault->lan) ? EACH : 0;
	case PLAN_FAULT_LAN_SPLIT:
		return felt->order.fault->groups;
	case PLAN_FAULT_LAN_LOSE:
		return felt->order.fault->lost.to < 0 ? EACH : 2;
	case PLAN_FAULT_SLOW_PORTS:
		return held_back(world, felt, number);
	case PLAN_FAULT_HOSTILE_ROOT:
		return 2;
	case PLAN_FAULT_HOSTILE_FLOOD:
	case PLAN_FAULT_HOSTILE_LIAR:
		return EACH;
	case PLAN_FAULT_HOSTILE_GARBAGE:
		return 1;
	default: /* a phone lost, a byte flipped, a connection broken, a clock: none */
		return 0;
	}
}

static uint64_t felt_until(const struct felt *felt)
{
	return felt->until_us == PFS_TIME_NEVER ? PFS_TIME_NEVER
						: felt->until_us + FAULT_FELT_US + PFS_BLAME_US;
}

static uint64_t allowed(const struct sim_world *world, uint32_t number, uint8_t file)
{
	const struct sim_watch *watch = world->watch;
	const struct family *family = &watch->families[watch->phones[number].family];
	uint64_t sum = family->excused[file];
	uint64_t anew = UINT64_C(1) << PLAN_FAULT_KILL | UINT64_C(1) << PLAN_FAULT_CRASH |
			UINT64_C(1) << PLAN_FAULT_HOSTILE_ROOT | UINT64_C(1) << PLAN_FAULT_HOSTILE_FLOOD |
			UINT64_C(1) << PLAN_FAULT_HOSTILE_GARBAGE | UINT64_C(1) << PLAN_FAULT_HOSTILE_LIAR;
	/* Each phone but one, and those that had the file and began anew without it. */
	uint64_t most = (family->members > 2 ? family->members - 1 : 2) + returns(world, NULL, number, anew);

	for (uint32_t i = 0; i < watch->felt_count; i++) {
		const struct felt *felt = &watch->felt[i];
		if (felt_until(felt) < family->begun_us[file] || !concerns(world, &felt->order, number))
			continue;
		uint32_t more = explains(world, felt, number);
		sum += more < most ? more : most;
	}
	return sum;
}

/* True where somebody else whom the phone could reach, and has no cause to avoid, holds the file, or fetches
 * it as root. */
static bool available(const struct sim_world *world, uint32_t number, uint8_t file)
{
	const struct plan_subnet *subnet = &world->plan->subnets[world->plan->phones[number].subnet];

	for (uint32_t i = subnet->first_phone; i < subnet->first_phone + subnet->phone_count; i++) {
		const struct watched *phone = &world->watch->phones[i];
		if (i == number || !sim_same_family(world->plan, number, i) ||
		    sim_blame_avoids(world, number, world->plan->phones[i].address) ||
		    world->plan->phones[i].part != PFS_PART_YES || !sim_reachable(world, i) ||
		    !world->phones[i].port_open) /* one that has failed, and lingers no more */
			continue;
		if (phone->held > file || (phone->file == file &&
					   (phone->state == PFS_ST_TFTP || phone->state == PFS_ST_VERIFYING)))
			return true;
	}
	return false;
}

void sim_copies_begun(struct sim_world *world, uint32_t number, uint8_t file)
{
	struct family *family = &world->watch->families[world->watch->phones[number].family];

	if (!sim_reachable(world, number) || !available(world, number, file))
		return;
	if (++family->copies[file] > allowed(world, number, file))
		sim_broken(world, number, "no more WAN copies than the faults explain");
}
