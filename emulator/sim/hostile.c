/*
 * Hostile hosts. One takes the place of a phone of the fleet, its port and its
 * address, so that everything it sends goes the way of everybody else's.
 *
 * The false root is a real core that always has the highest strength and whose
 * storage calls everything good; what it passes on counts as rubbish (host.c).
 * Nothing else would get as far: a leader that breaks the protocol is left at
 * once; one that breaks it a little is liar.c's. The flood and the garbage speak by a timer and hear nothing but the
 * last broadcast.
 */
#include <string.h>

#include "emulator/sim/sim.h"
#include "pfs-core/wire.h"

#define FLOOD_INTERVAL_US 2000
#define GARBAGE_INTERVAL_US 5000
#define DRAW_FLOOD 0x666c6f6f
#define DRAW_GARBAGE 0x67617262

static uint64_t interval_us(const struct sim_phone *phone)
{
	return phone->enmity == PLAN_FAULT_HOSTILE_FLOOD ? FLOOD_INTERVAL_US : GARBAGE_INTERVAL_US;
}

static void expect_word(struct sim_world *world, uint32_t number)
{
	struct sim_phone *phone = &world->phones[number];

	sim_queue_push(&world->queue, world->now_us + interval_us(phone), SIM_DELIVERY, SIM_EV_HOSTILE,
		       number, 0, phone->boot);
}

void sim_hostile_begin(struct sim_world *world, uint32_t number, enum plan_fault_kind enmity)
{
	world->phones[number].hostile = true;
	world->phones[number].enmity = enmity;
	if (enmity == PLAN_FAULT_HOSTILE_ROOT || enmity == PLAN_FAULT_HOSTILE_LIAR)
		sim_boot(world, number);
	else
		expect_word(world, number);
}

/* The claim in which the whole LAN is interested just now, as one's own and the strongest. */
static void flood(struct sim_world *world, uint32_t number)
{
	struct sim_phone *phone = &world->phones[number];
	const struct sim_switch *lan = &world->switches[phone->lan_switch];
	uint8_t bytes[PFS_ACTION_BYTES];
	struct wire_claim claim;

	if (pfs_wire_claim_read(lan->heard, lan->heard_length, &claim))
		return;
	claim.type = WIRE_CLAIM;
	claim.phase = 0;
	claim.remaining_ms = 0;
	claim.sender = world->plan->phones[number].address;
	claim.strength = UINT32_MAX;
	claim.xid = (uint32_t)pfs_draw(world->plan->seed, number, DRAW_FLOOD, phone->spoken);
	sim_broadcast(world, number, bytes, pfs_wire_claim_write(&claim, bytes));
}

/* Any bytes, and each other time a claim that has one byte wrong. */
static void garbage(struct sim_world *world, uint32_t number)
{
	struct sim_phone *phone = &world->phones[number];
	const struct sim_switch *lan = &world->switches[phone->lan_switch];
	uint64_t luck = pfs_draw(world->plan->seed, number, DRAW_GARBAGE, phone->spoken);
	uint32_t length = (uint32_t)(luck % PFS_ACTION_BYTES) + 1;
	uint8_t bytes[PFS_ACTION_BYTES];

	if (phone->spoken % 2 && lan->heard_length) {
		length = lan->heard_length;
		memcpy(bytes, lan->heard, length);
		bytes[luck % length] ^= (uint8_t)(1 + (luck >> 32) % 255);
	} else {
		for (uint32_t i = 0; i < length; i++)
			bytes[i] = (uint8_t)pfs_draw(luck, number, DRAW_GARBAGE, i);
	}
	sim_broadcast(world, number, bytes, length);
}

void sim_hostile_event(struct sim_world *world, const struct sim_event *event)
{
	struct sim_phone *phone = &world->phones[event->a];

	if (!phone->hostile || phone->boot != event->c)
		return;
	phone->spoken++;
	if (phone->enmity == PLAN_FAULT_HOSTILE_FLOOD)
		flood(world, event->a);
	else
		garbage(world, event->a);
	expect_word(world, event->a);
}
