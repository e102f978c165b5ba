/*
 * Faults, carried out. The fault engine says what and when (it saw the same
 * trace in the other world); here is what it means for phones, links and the
 * server in virtual time.
 *
 * A kill takes the power: nothing of the phone is heard any more and what was
 * under way from it or to it is lost. A crash is a process that ends: the
 * kernel resets its connections. Either way the core that comes back is a new
 * one, with the next boot number and empty storage. An unplugged phone runs on
 * without anybody to talk to.
 */
#include "emulator/sim/sim.h"

static void core_ends(struct sim_world *world, uint32_t number, enum sim_upset upset)
{
	struct sim_phone *phone = &world->phones[number];

	sim_tcp_upset(world, number, upset);
	phone->running = phone->port_open = false;
	phone->accept_due = false;
	phone->tftp_port = 0;
	phone->timer_us = PFS_TIME_NEVER;
	/* What is in the queue for the old core finds another boot number. */
	phone->boot++;
}

static void phone_order(struct sim_world *world, const struct fault_order *order)
{
	uint32_t number = (uint32_t)order->phone;
	struct sim_phone *phone = &world->phones[number];

	switch (order->kind) {
	case PLAN_FAULT_KILL:
	case PLAN_FAULT_CRASH:
		if (!order->end) {
			if (order->kind == PLAN_FAULT_KILL)
				phone->powered = false;
			core_ends(world, number,
				  order->kind == PLAN_FAULT_KILL ? SIM_POWER_LOST : SIM_CRASHED);
			break;
		}
		phone->powered = true;
		/* A process that starts anew leaves the link as it was. */
		if (order->kind == PLAN_FAULT_KILL)
			sim_lan_link_up(world, number);
		sim_tcp_upset(world, number, SIM_BACK);
		sim_boot(world, number);
		break;
	case PLAN_FAULT_HOSTILE_ROOT:
	case PLAN_FAULT_HOSTILE_FLOOD:
	case PLAN_FAULT_HOSTILE_GARBAGE:
	case PLAN_FAULT_HOSTILE_LIAR:
		core_ends(world, number, SIM_CRASHED);
		phone->hostile = false;
		if (order->end)
			sim_boot(world, number);
		else
			sim_hostile_begin(world, number, order->kind);
		break;
	default: /* PLAN_FAULT_UNPLUG */
		phone->plugged = order->end;
		if (order->end)
			sim_lan_link_up(world, number);
		sim_tcp_upset(world, number, order->end ? SIM_BACK : SIM_UNPLUGGED);
		break;
	}
	if (!order->end && order->fault->duration_us == PFS_TIME_NEVER && order->kind != PLAN_FAULT_UNPLUG) {
		record_phone_gone(world->record, number);
		if (!phone->over)
			world->over_count++;
		phone->over = true;
	}
}

static void wan_order(struct sim_world *world, const struct fault_order *order)
{
	for (uint32_t i = 0; i < world->plan->site_count; i++) {
		struct link_config down = world->plan->sites[i].down, up = world->plan->sites[i].up;
		if (order->site >= 0 && order->site != i)
			continue;
		if (!order->end && order->kind == PLAN_FAULT_WAN_DEGRADE) {
			down = order->fault->down;
			up = order->fault->up;
		} else if (!order->end && order->kind == PLAN_FAULT_WAN_FLAP) {
			down.flap_us = up.flap_us = order->fault->flap_us;
			down.flap_from_us = up.flap_from_us = world->now_us;
			down.flap_seed = up.flap_seed = link_seed(world->plan->seed, i, true);
		} else if (!order->end) {
			down.loss_ppm = up.loss_ppm = 1000000;
		}
		link_configure(&world->sites[i].down, &down);
		link_configure(&world->sites[i].up, &up);
	}
}

static void lan_order(struct sim_world *world, const struct fault_order *order)
{
	for (uint32_t i = 0; i < world->plan->switch_count; i++)
		if (order->lan_switch >= 0 ? order->lan_switch == i
					   : order->site < 0 || world->plan->switches[i].site == order->site)
			sim_lan_order(world, order, i);
}

/* Both ways of bytes into a phone are as slow as what keeps them. */
static void storage_order(struct sim_world *world, const struct fault_order *order)
{
	uint32_t number = (uint32_t)order->phone;

	world->phones[number].storage_bps = order->end ? 0 : order->fault->rate_bps;
	world->flows.ports[number].storage_bps = world->phones[number].storage_bps;
	flow_port_changed(&world->flows, number, world->now_us);
}

static void carry_out(struct sim_world *world, const struct fault_order *order)
{
	char text[160];

	fault_describe(world->plan, order, text, sizeof(text));
	record_fault(world->record, world->now_us, text);
	sim_watch_fault(world, order);
	switch (order->kind) {
	case PLAN_FAULT_KILL:
	case PLAN_FAULT_UNPLUG:
	case PLAN_FAULT_CRASH:
	case PLAN_FAULT_HOSTILE_ROOT:
	case PLAN_FAULT_HOSTILE_FLOOD:
	case PLAN_FAULT_HOSTILE_GARBAGE:
	case PLAN_FAULT_HOSTILE_LIAR:
		phone_order(world, order);
		break;
	case PLAN_FAULT_WAN_CUT:
	case PLAN_FAULT_WAN_DEGRADE:
	case PLAN_FAULT_WAN_FLAP:
		wan_order(world, order);
		break;
	case PLAN_FAULT_SERVER_STOP:
		if (order->end)
			world->server_up = true;
		else
			sim_server_stop(world);
		break;
	case PLAN_FAULT_DAMAGE_TFTP:
		world->phones[order->phone].damage_tftp = order->file;
		break;
	case PLAN_FAULT_DAMAGE_TCP:
		world->phones[order->phone].damage_tcp = order->file;
		break;
	case PLAN_FAULT_LAN_DISTURB:
	case PLAN_FAULT_LAN_SPLIT:
	case PLAN_FAULT_SLOW_PORTS:
	case PLAN_FAULT_LAN_LOSE:
		lan_order(world, order);
		break;
	case PLAN_FAULT_SERVER_BUSY:
		tftp_server_busy(world->server, !order->end);
		break;
	case PLAN_FAULT_SERVER_SILENT:
		world->server_silent = !order->end;
		break;
	case PLAN_FAULT_SERVER_SIZE:
		sim_server_size(world, order->file, order->end ? 1000000 : order->fault->served_ppm);
		break;
	case PLAN_FAULT_TCP_RESET:
	case PLAN_FAULT_TCP_HALF_OPEN:
		sim_tcp_cut_parent(world, (uint32_t)order->phone, order);
		break;
	case PLAN_FAULT_SLOW_STORAGE:
		storage_order(world, order);
		break;
	case PLAN_FAULT_CLOCK_DRIFT:
		sim_clock_drift(world, (uint32_t)order->phone, order->end ? 0 : order->fault->drift_ppm);
		break;
	case PLAN_FAULT_KINDS:
		break;
	}
	if (order->phone >= 0)
		sim_watch_phone(world, (uint32_t)order->phone);
	world->all_ended = record_all_ended(world->record);
	if (!world->all_ended)
		world->ended_us = PFS_TIME_NEVER;
	else if (world->ended_us == PFS_TIME_NEVER)
		world->ended_us = world->now_us;
}

void sim_faults(struct sim_world *world)
{
	uint64_t deadline_us = fault_engine_deadline(world->faults);
	struct fault_order order;

	while (deadline_us <= world->now_us && !world->error) {
		if (fault_engine_next(world->faults, world->now_us, &order))
			carry_out(world, &order);
		deadline_us = fault_engine_deadline(world->faults);
	}
	if (deadline_us < world->fault_timer_us || world->fault_timer_us <= world->now_us) {
		world->fault_timer_us = deadline_us;
		if (deadline_us != UINT64_MAX)
			sim_queue_push(&world->queue, deadline_us, SIM_WORLD_TIMER, SIM_EV_FAULT, 0, 0, 0);
	}
}
