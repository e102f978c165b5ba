/*
 * The switches. A good one carries a broadcast to everybody on it, and whatever
 * else there is between two phones is the delay and the port's rate. Faults
 * make it worse: datagrams are lost, doubled, overtaken or late, each phone
 * that is to hear one with a luck of its own; the switch falls apart into
 * groups; a port forwards nothing for a while after its link has come up.
 *
 * Disturbed are datagrams alone: TCP repeats what is lost, and a LAN that loses
 * so much that this shows is no LAN. A split switch and a port that does not
 * forward stop both.
 *
 * Luck is a hash of the seed, the switch and a counter.
 */
#include "emulator/sim/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DRAW_LOSS 0x6c6f7373
#define DRAW_DOUBLE 0x64626c65
#define DRAW_ORDER 0x6f726472
#define DRAW_HOLD 0x686f6c64
#define WHOLE_PPM 1000000
#define MESSAGE_TYPE_OCTET 3 /* of a broadcast, docs/protocol.md */
#define MESSAGE_CLAIM 1
#define MESSAGE_ANSWER 2

int sim_lan_init(struct sim_world *world)
{
	const struct plan *plan = world->plan;
	uint32_t *ports = calloc((size_t)plan->switch_count + 1, sizeof(*ports));

	world->switches = calloc((size_t)plan->switch_count + 1, sizeof(*world->switches));
	world->losers = calloc((size_t)plan->fault_count + 1, sizeof(*world->losers));
	if (!ports || !world->switches || !world->losers) {
		free(ports);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		struct sim_phone *phone = &world->phones[i];
		phone->lan_switch = plan->subnets[plan->phones[i].subnet].lan_switch;
		phone->lan_port = ports[phone->lan_switch]++;
		phone->link_up_us = plan->phones[i].reset_us;
	}
	free(ports);
	return 0;
}

void sim_lan_deinit(struct sim_world *world)
{
	free(world->switches);
	free(world->losers);
}

bool sim_lan_forwards(const struct sim_world *world, const struct sim_phone *phone)
{
	const struct sim_switch *lan = &world->switches[phone->lan_switch];

	return sim_on_wire(phone) && (!lan->hold_us || phone->link_up_us < lan->hold_since_us ||
				      world->now_us >= phone->link_up_us + lan->hold_us);
}

bool sim_lan_joins(const struct sim_world *world, const struct sim_phone *a, const struct sim_phone *b)
{
	uint32_t groups = world->switches[a->lan_switch].groups;

	return sim_lan_forwards(world, a) && sim_lan_forwards(world, b) &&
	       (!groups || a->lan_port % groups == b->lan_port % groups);
}

bool sim_lan_reaches_router(const struct sim_world *world, const struct sim_phone *phone)
{
	const struct sim_switch *lan = &world->switches[phone->lan_switch];

	return sim_lan_forwards(world, phone) &&
	       (!lan->groups || !lan->router_apart || phone->lan_port % lan->groups == 0);
}

/* ------------------------------------------------ datagrams */

/* How many copies come through, and how much later than on a good switch. */
static uint32_t draw_copies(struct sim_world *world, uint32_t lan_switch, uint64_t late_us[2])
{
	struct sim_switch *lan = &world->switches[lan_switch];
	const struct plan_disturbance *bad = lan->disturbance;
	uint64_t seed = world->plan->seed, luck = lan->luck++;

	late_us[0] = late_us[1] = bad->delay_us;
	if (pfs_draw(seed, lan_switch, DRAW_LOSS, luck) % WHOLE_PPM < bad->loss_ppm) {
		world->counters.lan_lost++;
		return 0;
	}
	uint64_t held_us = bad->hold_us ? 1 + pfs_draw(seed, lan_switch, DRAW_HOLD, luck) % bad->hold_us : 0;
	if (pfs_draw(seed, lan_switch, DRAW_ORDER, luck) % WHOLE_PPM < bad->reorder_ppm) {
		world->counters.lan_held++;
		late_us[0] += held_us;
	}
	if (pfs_draw(seed, lan_switch, DRAW_DOUBLE, luck) % WHOLE_PPM >= bad->duplicate_ppm)
		return 1;
	world->counters.lan_doubled++;
	late_us[1] += held_us;
	return 2;
}

/* Another packet with the same in it, or SIM_NONE (then the run has been stopped). */
static uint32_t copy_packet(struct sim_world *world, uint32_t packet)
{
	uint32_t copy = sim_packet_new(world);

	if (copy != SIM_NONE)
		*sim_packet(world, copy) = *sim_packet(world, packet);
	return copy;
}

void sim_lan_cross(struct sim_world *world, uint32_t lan_switch, uint64_t at_us, enum sim_kind kind,
		   uint32_t packet, uint64_t b)
{
	uint64_t late_us[2] = { 0, 0 };
	uint32_t copies = 1;

	if (world->switches[lan_switch].disturbance)
		copies = draw_copies(world, lan_switch, late_us);
	if (!copies)
		sim_packet_free(world, packet);
	for (uint32_t i = copies; i-- > 0;) {
		uint32_t one = i ? copy_packet(world, packet) : packet;
		if (one == SIM_NONE)
			return;
		sim_queue_push(&world->queue, at_us + late_us[i], SIM_DELIVERY, kind, one, b, 0);
	}
}

/* ------------------------------------------------ broadcasts */

static void deliver(struct sim_world *world, const struct sim_packet *datagram, uint32_t number)
{
	const struct sim_phone *phone = &world->phones[number];
	struct pfs_event event = { .kind = PFS_EV_DATAGRAM,
				   .address = world->plan->phones[datagram->phone].address,
				   .port = PFS_PORT,
				   .data = datagram->data,
				   .length = datagram->length,
				   .available = datagram->length };

	if (phone->port_open && sim_lan_joins(world, &world->phones[datagram->phone], phone))
		sim_step(world, number, &event);
}

static void hear_one(struct sim_world *world, uint32_t packet, uint32_t number)
{
	uint32_t lan_switch = world->phones[number].lan_switch;

	if (!world->switches[lan_switch].disturbance || number == sim_packet(world, packet)->phone) {
		deliver(world, sim_packet(world, packet), number);
		return;
	}
	uint32_t copy = copy_packet(world, packet);
	if (copy != SIM_NONE)
		sim_lan_cross(world, lan_switch, world->now_us, SIM_EV_HEARD, copy, number);
}

/* Which of the scenario's losses this broadcast falls to. */
static bool strike_losers(struct sim_world *world, const struct sim_packet *datagram)
{
	const struct plan *plan = world->plan;
	bool any = false;

	for (uint32_t i = 0; i < plan->fault_count; i++) {
		const struct plan_lost *lost = &plan->faults[i].lost;
		struct sim_loser *loser = &world->losers[i];
		loser->hits = false;
		if (!loser->on || (lost->from >= 0 && datagram->phone != (uint32_t)lost->from) ||
		    (lost->message != PLAN_MESSAGE_ANY &&
		     datagram->data[MESSAGE_TYPE_OCTET] !=
			     (lost->message == PLAN_MESSAGE_CLAIM ? MESSAGE_CLAIM : MESSAGE_ANSWER)))
			continue;
		uint64_t number = loser->met++;
		loser->hits = number >= lost->skip && number - lost->skip < lost->count;
		any |= loser->hits;
	}
	return any;
}

static bool is_lost(const struct sim_world *world, const struct sim_packet *datagram, uint32_t to)
{
	for (uint32_t i = 0; i < world->plan->fault_count; i++) {
		int32_t only = world->plan->faults[i].lost.to;
		if (world->losers[i].hits && (only < 0 ? to != datagram->phone : to == (uint32_t)only))
			return true;
	}
	return false;
}

/*
 * Everybody on the switch hears it, in the order of the phones' numbers, the
 * sender too. A subnet's directed broadcast address means nothing to a host of
 * another subnet on the same switch; 255.255.255.255 does.
 */
static void hear(struct sim_world *world, uint32_t packet)
{
	struct sim_packet *datagram = sim_packet(world, packet);
	struct sim_phone *sender = &world->phones[datagram->phone];
	const struct plan_subnet *own = &world->plan->subnets[world->plan->phones[datagram->phone].subnet];

	if (!sim_on_wire(sender) || sender->boot != datagram->boot) {
		world->counters.vanished++;
		sim_packet_free(world, packet);
		return;
	}
	if (!sender->hostile) {
		struct sim_switch *lan = &world->switches[own->lan_switch];
		lan->heard_length = datagram->length;
		memcpy(lan->heard, datagram->data, datagram->length);
	}
	bool loses = world->loser_count && strike_losers(world, datagram);
	for (uint32_t i = world->switch_first[own->lan_switch]; i < world->switch_first[own->lan_switch + 1];
	     i++) {
		const struct plan_subnet *subnet = &world->plan->subnets[world->switch_subnets[i]];
		if (subnet != own && !own->limited_broadcast)
			continue;
		for (uint32_t k = 0; k < subnet->phone_count && !world->error; k++) {
			if (loses && is_lost(world, sim_packet(world, packet), subnet->first_phone + k))
				world->counters.lan_lost++;
			else
				hear_one(world, packet, subnet->first_phone + k);
		}
	}
	sim_packet_free(world, packet);
}

/* ------------------------------------------------ faults */

static void expect_port(struct sim_world *world, uint32_t number)
{
	const struct sim_phone *phone = &world->phones[number];
	const struct sim_switch *lan = &world->switches[phone->lan_switch];

	if (lan->hold_us && phone->link_up_us >= lan->hold_since_us)
		sim_queue_push(&world->queue, phone->link_up_us + lan->hold_us, SIM_DELIVERY, SIM_EV_PORT,
			       number, 0, 0);
}

void sim_lan_link_up(struct sim_world *world, uint32_t number)
{
	world->phones[number].link_up_us = world->now_us;
	expect_port(world, number);
}

/* Streams that no longer get through stand still, those that do again go on. */
static void tell_streams(struct sim_world *world, uint32_t lan_switch, enum sim_upset upset)
{
	for (uint32_t i = 0; i < world->plan->phone_count && !world->error; i++)
		if (world->phones[i].lan_switch == lan_switch)
			sim_tcp_upset(world, i, upset);
}

/* Of all switches: by whom and to whom says enough. May be told of each. */
static void lose_order(struct sim_world *world, const struct fault_order *order)
{
	struct sim_loser *loser = &world->losers[order->fault - world->plan->faults];

	if (loser->on == order->end)
		world->loser_count += order->end ? -1u : 1u;
	loser->on = !order->end;
}

void sim_lan_order(struct sim_world *world, const struct fault_order *order, uint32_t lan_switch)
{
	struct sim_switch *lan = &world->switches[lan_switch];

	switch (order->kind) {
	case PLAN_FAULT_LAN_DISTURB:
		lan->disturbance = order->end ? NULL : &order->fault->lan;
		break;
	case PLAN_FAULT_LAN_SPLIT:
		lan->groups = order->end ? 0 : order->fault->groups;
		lan->router_apart = order->fault->router_apart;
		tell_streams(world, lan_switch, order->end ? SIM_BACK : SIM_UNPLUGGED);
		break;
	case PLAN_FAULT_LAN_LOSE:
		lose_order(world, order);
		break;
	default: /* PLAN_FAULT_SLOW_PORTS */
		lan->hold_us = order->end ? 0 : order->fault->hold_us;
		lan->hold_since_us = world->now_us;
		if (order->end)
			tell_streams(world, lan_switch, SIM_BACK);
		for (uint32_t i = 0; i < world->plan->phone_count; i++)
			if (world->phones[i].lan_switch == lan_switch)
				expect_port(world, i);
		break;
	}
}

void sim_lan_event(struct sim_world *world, const struct sim_event *event)
{
	switch (sim_event_kind(event)) {
	case SIM_EV_BROADCAST:
		hear(world, event->a);
		break;
	case SIM_EV_HEARD:
		deliver(world, sim_packet(world, event->a), (uint32_t)event->b);
		sim_packet_free(world, event->a);
		break;
	default: /* SIM_EV_PORT */
		if (sim_lan_forwards(world, &world->phones[event->a]))
			sim_tcp_upset(world, event->a, SIM_BACK);
		break;
	}
}
