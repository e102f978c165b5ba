/*
 * Faults carried out on real links and sockets. The fault engine decides whom
 * and when; here is what that means to the kernel.
 *
 * Power loss takes the link down first and closes the sockets after, so that the
 * resets of the dying sockets die at the dead link: nobody sees a FIN or RST.
 * A crash closes them with the link up, and everybody does.
 */
#include <assert.h>
#include <string.h>

#include "emulator/netns/run.h"

#define LOSE_ALL_PPM 1000000

static void gone(struct run *run, uint32_t phone)
{
	ledger_open(&run->ledger, 0);
	record_phone_gone(run->ledger.record, phone);
	ledger_close(&run->ledger);
	worker_post(&run->workers[0], NULL); /* it may have been the last */
}

static void wan(struct run *run, const struct fault_order *order, uint64_t now_us)
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
			down.flap_from_us = up.flap_from_us = now_us;
			down.flap_seed = up.flap_seed = link_seed(plan->seed, site, true);
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

void run_strike(void *context, struct worker *worker, const struct fault_order *order)
{
	struct run *run = context;
	struct host *host = &run->hosts[order->phone];

	assert(host->worker == worker);
	if (order->kind == PLAN_FAULT_DAMAGE_TCP) {
		damage_tcp(run, order);
	} else if (order->end) {
		host_start_at(host, clock_now_us(&worker->clock));
	} else {
		host_power_off(host);
		if (order->fault->duration_us == PFS_TIME_NEVER)
			gone(run, host->number);
	}
}

/* At once where the phone is on the calling worker, else as soon as its own comes round. */
static int strike(struct run *run, struct worker *here, const struct fault_order *order)
{
	struct worker *there = run->hosts[order->phone].worker;

	if (there != here)
		return worker_post(there, order);
	run_strike(run, here, order);
	return 0;
}

static void carry_out(struct run *run, struct worker *here, const struct fault_order *order)
{
	uint32_t phone = (uint32_t)order->phone;
	int error = 0;

	switch (order->kind) {
	case PLAN_FAULT_KILL:
		error = fabric_phone_link(run->fabric, phone, order->end);
		if (!error)
			error = strike(run, here, order);
		break;
	case PLAN_FAULT_UNPLUG:
		error = fabric_phone_link(run->fabric, phone, order->end);
		break;
	case PLAN_FAULT_CRASH:
	case PLAN_FAULT_DAMAGE_TCP:
		error = strike(run, here, order);
		break;
	case PLAN_FAULT_WAN_CUT:
	case PLAN_FAULT_WAN_DEGRADE:
	case PLAN_FAULT_WAN_FLAP:
		wan(run, order, clock_now_us(&here->clock));
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
	default:
		/* plan_fault_virtual_only(): the command refuses such a scenario. */
		assert(!plan_fault_virtual_only(order->kind));
		break;
	}
	if (error < 0)
		here->event_errors++;
}

static bool only_bytes(const struct fault_order *order)
{
	return order->kind == PLAN_FAULT_DAMAGE_TFTP || order->kind == PLAN_FAULT_DAMAGE_TCP;
}

void run_take_orders(void *context, struct worker *worker)
{
	struct run *run = context;
	uint64_t now_us = run->ledger.now_us;
	struct fault_order order;
	char text[160];

	while (fault_engine_next(run->ledger.faults, now_us, &order)) {
		fault_describe(run->options->plan, &order, text, sizeof(text));
		record_fault(run->ledger.record, now_us, text);
		assert(run->order_count < 2 * run->options->plan->fault_count);
		if (only_bytes(&order))
			carry_out(run, worker, &order);
		else
			run->orders[run->order_count++] = order;
	}
	if (run->order_count && worker->number)
		worker_post(&run->workers[0], NULL);
}

/* The next one, with the ledger closed again. */
static bool next_order(struct run *run, struct fault_order *order)
{
	bool found;

	ledger_open(&run->ledger, 0);
	found = run->order_count;
	if (found) {
		*order = run->orders[0];
		memmove(run->orders, run->orders + 1, --run->order_count * sizeof(*run->orders));
	}
	ledger_close(&run->ledger);
	return found;
}

void run_faults(struct run *run)
{
	struct worker *first = &run->workers[0];
	struct fault_order order;
	uint64_t deadline_us;

	ledger_open(&run->ledger, clock_now_us(&first->clock));
	run_take_orders(run, first);
	deadline_us = fault_engine_deadline(run->ledger.faults);
	ledger_close(&run->ledger);
	while (next_order(run, &order))
		carry_out(run, first, &order);
	timers_set(&first->timers, &run->fault_timer, deadline_us);
}
