/*
 * Faults carried out on real links and sockets. The fault engine decides whom
 * and when; here is what that means to the kernel.
 *
 * Power loss takes the link down first and closes the sockets after, so that the
 * resets of the dying sockets die at the dead link: nobody sees a FIN or RST.
 * A crash closes them with the link up, and everybody does.
 */
#include <assert.h>

#include "emulator/netns/run.h"

#define LOSE_ALL_PPM 1000000

static void power_lost(struct run *run, uint32_t phone, bool for_good)
{
	fabric_phone_link(run->fabric, phone, false);
	host_power_off(&run->hosts[phone]);
	if (for_good)
		record_phone_gone(run->options->record, phone);
}

static void crashed(struct run *run, uint32_t phone, bool for_good)
{
	host_power_off(&run->hosts[phone]);
	if (for_good)
		record_phone_gone(run->options->record, phone);
}

static void wan(struct run *run, const struct fault_order *order)
{
	const struct plan *plan = run->options->plan;
	uint32_t first = order->site < 0 ? 0 : (uint32_t)order->site;
	uint32_t last = order->site < 0 ? plan->site_count : first + 1, site;

	for (site = first; site < last; site++) {
		struct link_config down = plan->sites[site].down, up = plan->sites[site].up;

		if (!order->end && order->kind == PLAN_FAULT_WAN_DEGRADE) {
			down = order->fault->down;
			up = order->fault->up;
		} else if (!order->end && order->kind == PLAN_FAULT_WAN_FLAP) {
			down.flap_us = up.flap_us = order->fault->flap_us;
			down.flap_from_us = up.flap_from_us = clock_now_us(&run->worker.clock);
		} else if (!order->end) {
			down.loss_ppm = up.loss_ppm = LOSE_ALL_PPM;
		}
		fabric_wan_configure(run->fabric, site, &down, &up);
	}
}

/*
 * A byte flips on its way from the parent. Where some of the file has still to
 * be handed to the parent's TCP it is flipped there, else what the child reads
 * next: the kernel's buffers between the two hold the rest.
 */
static void damage_tcp(struct run *run, const struct fault_order *order)
{
	const struct plan *plan = run->options->plan;
	const struct plan_phone *child = &plan->phones[order->phone];
	struct host *host = &run->hosts[order->phone];
	struct pfs_snapshot snapshot = {0};
	int64_t parent = -1;

	if (host->powered)
		pfs_phone_snapshot(&host->phone, &snapshot);
	if (snapshot.parent)
		parent = plan_phone_at(plan, child->subnet, snapshot.parent);
	if (parent >= 0 && peer_damage(&run->hosts[parent], child->address, (uint8_t)order->file))
		return;
	host->damage_tcp |= (uint8_t)(1u << order->file);
}

static void carry_out(struct run *run, const struct fault_order *order)
{
	bool for_good = !order->end && order->fault->duration_us == PFS_TIME_NEVER;
	uint64_t now_us = clock_now_us(&run->worker.clock);
	uint32_t phone = (uint32_t)order->phone;
	int error = 0;

	switch (order->kind) {
	case PLAN_FAULT_KILL:
		if (order->end) {
			error = fabric_phone_link(run->fabric, phone, true);
			host_start_at(&run->hosts[phone], now_us);
		} else {
			power_lost(run, phone, for_good);
		}
		break;
	case PLAN_FAULT_UNPLUG:
		error = fabric_phone_link(run->fabric, phone, order->end);
		break;
	case PLAN_FAULT_CRASH:
		if (order->end)
			host_start_at(&run->hosts[phone], now_us);
		else
			crashed(run, phone, for_good);
		break;
	case PLAN_FAULT_WAN_CUT:
	case PLAN_FAULT_WAN_DEGRADE:
	case PLAN_FAULT_WAN_FLAP:
		wan(run, order);
		break;
	case PLAN_FAULT_SERVER_STOP:
		if (order->end)
			error = headquarters_start(&run->headquarters);
		else
			headquarters_stop(&run->headquarters);
		break;
	case PLAN_FAULT_DAMAGE_TFTP:
		headquarters_damage(&run->headquarters, phone, (uint8_t)order->file);
		break;
	case PLAN_FAULT_DAMAGE_TCP:
		damage_tcp(run, order);
		break;
	default:
		/* plan_fault_virtual_only(): the command refuses such a scenario. */
		assert(!plan_fault_virtual_only(order->kind));
		break;
	}
	if (error < 0)
		run->worker.event_errors++;
}

static bool only_bytes(const struct fault_order *order)
{
	return order->kind == PLAN_FAULT_DAMAGE_TFTP || order->kind == PLAN_FAULT_DAMAGE_TCP;
}

void run_take_orders(void *context)
{
	struct run *run = context;
	uint64_t now_us = clock_now_us(&run->worker.clock);
	struct fault_order order;
	char text[160];

	while (fault_engine_next(run->worker.faults, now_us, &order)) {
		fault_describe(run->options->plan, &order, text, sizeof(text));
		record_fault(run->options->record, now_us, text);
		assert(run->order_count < 2 * run->options->plan->fault_count);
		if (only_bytes(&order))
			carry_out(run, &order);
		else
			run->orders[run->order_count++] = order;
	}
}

void run_faults(struct run *run)
{
	uint32_t i;

	run_take_orders(run);
	for (i = 0; i < run->order_count; i++)
		carry_out(run, &run->orders[i]);
	run->order_count = 0;
	timers_set(&run->worker.timers, &run->fault_timer, fault_engine_deadline(run->worker.faults));
}
