/*
 * TCP between phones as the core sees it: a handshake, a reliable ordered
 * stream with a send buffer, FIN, RST, half-open ends. What is modelled:
 *
 * - SYN, SYN-ACK and ACK take a one-way LAN delay each; CONNECTED is at the
 *   caller a round trip after CONNECT, whether or not the callee accepts soon:
 *   a kernel does the handshake by itself. A closed port answers with RST, a
 *   host without power or cable not at all: SYN again after 1, 2, 4, ... s.
 * - Bytes drain as a fluid (flow.h) and are delivered in chunks a LAN delay
 *   later, of a slow flow each second, so that a slow reader hears its peer;
 *   what fits one segment of an idle stream goes as one frame. SENT is raised
 *   when the rest of a range fits the send buffer.
 * - Without power nothing is heard of a phone, ever: the other end stays half
 *   open until it has something to send and 15 s pass without an answer, or
 *   until the phone is back and answers the retransmission with RST.
 * - Without cable the stream stands still and goes on afterwards, unless
 *   somebody gave up first. What was on the wire is sent again.
 * - DROP is a reset, as SO_LINGER {1,0} makes it, but for a connection that
 *   both ends have closed.
 */
#include "emulator/sim/tcp.h"

#include <stdlib.h>

/* ------------------------------------------------ what a phone asks */

/* The end of a handle, or SIM_NONE after stopping the run. */
static uint32_t end_of(struct sim_world *world, uint32_t phone, uint32_t handle)
{
	uint32_t slot = pfs_conn_slot(handle);
	uint32_t end = slot < PFS_CONNS_MAX ? world->phones[phone].slots[slot] : SIM_NONE;

	if (end != SIM_NONE && sim_end_at(world, end)->handle == handle)
		return end;
	sim_broken(world, phone, "an action on a connection that it does not have");
	return SIM_NONE;
}

/* False, and the run is stopped, where the slot is taken or no slot at all. */
static bool bind_handle(struct sim_world *world, uint32_t number, uint32_t handle)
{
	struct sim_end *end = sim_end_at(world, number);
	uint32_t slot = pfs_conn_slot(handle);

	if (handle == PFS_NO_CONN || slot >= PFS_CONNS_MAX ||
	    world->phones[end->phone].slots[slot] != SIM_NONE) {
		sim_broken(world, end->phone, "a connection handle that is in use or none");
		return false;
	}
	end->handle = handle;
	world->phones[end->phone].slots[slot] = number;
	return true;
}

void sim_tcp_connect(struct sim_world *world, uint32_t phone, const struct pfs_action *action)
{
	int64_t callee = plan_phone_at(world->plan, world->plan->phones[phone].subnet, action->address);
	uint32_t number = sim_conn_new(world);

	if (number == SIM_NONE) {
		sim_no_memory(world);
		return;
	}
	struct sim_conn *conn = sim_conn_at(world, number);
	sim_end_list(world, number * 2, phone);
	conn->ends[0].state = SIM_END_CONNECTING;
	if (!bind_handle(world, number * 2, action->conn))
		return;
	/* An address that no phone has never answers: the caller's own timer ends it. */
	if (callee < 0)
		return;
	sim_end_list(world, number * 2 + 1, (uint32_t)callee);
	flow_set(&world->flows, number * 2, phone, (uint32_t)callee);
	flow_set(&world->flows, number * 2 + 1, (uint32_t)callee, phone);
	sim_conn_push(world, 0, SIM_EV_SYN_RETRY, number, 0);
}

void sim_tcp_send(struct sim_world *world, uint32_t phone, const struct pfs_action *action)
{
	uint32_t number = end_of(world, phone, action->conn);

	if (number == SIM_NONE)
		return;
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);
	if (pipe->fin) {
		sim_broken(world, phone, "sends on a connection that it has shut down");
		return;
	}
	if (action->kind == PFS_ACT_SEND_FILE && !action->length) {
		sim_queue_push(&world->queue, world->now_us, SIM_ANSWER, SIM_EV_SENT, number, 0,
			       sim_serial_of(world, number));
		return;
	}
	if (sim_pipe_write(pipe, action->kind == PFS_ACT_SEND ? action->bytes : NULL, action->length,
			   action->file, action->offset)) {
		sim_no_memory(world);
		return;
	}
	if (pipe->dirty)
		return;
	pipe->dirty = true;
	world->dirty[world->dirty_count++] = number;
}

void sim_tcp_shutdown(struct sim_world *world, uint32_t phone, const struct pfs_action *action)
{
	uint32_t number = end_of(world, phone, action->conn);

	if (number == SIM_NONE)
		return;
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);
	pipe->fin = true;
	if (pipe->dirty)
		return;
	pipe->dirty = true;
	world->dirty[world->dirty_count++] = number;
}

void sim_tcp_flush(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->dirty_count; i++) {
		uint32_t number = world->dirty[i];
		if (!sim_serial_of(world, number))
			continue;
		sim_pipe_at_number(world, number)->dirty = false;
		sim_pipe_pump(world, number);
	}
	world->dirty_count = 0;
}

/* An end closes with a reset where the other one is still there. */
static void abort_end(struct sim_world *world, uint32_t number)
{
	struct sim_conn *conn = sim_conn_at(world, number / 2);
	const struct sim_pipe *out = &conn->pipes[number & 1], *in = &conn->pipes[~number & 1];
	bool both_closed = out->fin_sent && in->fin_arrived;

	if (!both_closed && !sim_end_gone(&conn->ends[~number & 1]))
		sim_end_reset_peer(world, number);
	sim_end_leave(world, number, SIM_END_CLOSED);
	sim_pipe_halt(world, number ^ 1);
	sim_conn_release(world, number / 2);
}

void sim_tcp_drop(struct sim_world *world, uint32_t phone, const struct pfs_action *action)
{
	uint32_t number = end_of(world, phone, action->conn);

	if (number == SIM_NONE)
		return;
	/* What was asked before it leaves before it. */
	sim_tcp_flush(world);
	abort_end(world, number);
}

void sim_tcp_close_port(struct sim_world *world, uint32_t phone)
{
	while (world->phones[phone].queue_first != SIM_NONE)
		abort_end(world, world->phones[phone].queue_first);
}

/* ------------------------------------------------ what happens on the wire */

static void syn_again(struct sim_world *world, uint32_t number, uint64_t tries)
{
	uint64_t wait_us = UINT64_C(1000000) << tries;

	sim_conn_push(world, wait_us, SIM_EV_SYN_RETRY, number, tries + 1);
}

static void handshake(struct sim_world *world, uint32_t number, enum sim_kind kind, uint64_t tries)
{
	struct sim_conn *conn = sim_conn_at(world, number);
	struct sim_phone *caller = &world->phones[conn->ends[0].phone],
			 *callee = &world->phones[conn->ends[1].phone];
	uint64_t delay_us = caller->lan_delay_us;

	if (conn->ends[0].state == SIM_END_CONNECTING && kind == SIM_EV_SYN_RETRY && tries == SIM_SYN_TRIES) {
		sim_end_lose(world, number * 2);
		return;
	}
	if (kind != SIM_EV_ACK && conn->ends[0].state != SIM_END_CONNECTING)
		return;
	if (!sim_lan_joins(world, caller, callee)) {
		world->counters.vanished++;
		if (kind != SIM_EV_ACK)
			syn_again(world, number, tries);
		else if (conn->ends[1].state == SIM_END_NONE)
			conn->ends[1].state = SIM_END_DEAD;
		return;
	}
	switch (kind) {
	case SIM_EV_SYN_RETRY:
		sim_conn_push(world, delay_us, SIM_EV_SYN, number, tries);
		break;
	case SIM_EV_SYN:
		if (!callee->port_open)
			sim_conn_push(world, delay_us, SIM_EV_RESET, number * 2, 0);
		else if (callee->queue_count >= SIM_LISTEN_BACKLOG)
			syn_again(world, number, tries);
		else
			sim_conn_push(world, delay_us, SIM_EV_SYN_ACK, number, tries);
		break;
	case SIM_EV_SYN_ACK: {
		struct pfs_event event = { .kind = PFS_EV_CONNECTED, .conn = conn->ends[0].handle };
		conn->established = true;
		conn->ends[0].state = SIM_END_OPEN;
		sim_conn_push(world, delay_us, SIM_EV_ACK, number, 0);
		sim_pipe_pump(world, number * 2);
		sim_step(world, conn->ends[0].phone, &event);
		break;
	}
	default: /* SIM_EV_ACK */
		if (conn->ends[1].state != SIM_END_NONE)
			return;
		if (callee->port_open) {
			sim_end_queue(world, number * 2 + 1);
			if (!callee->accept_due)
				sim_queue_push(&world->queue, world->now_us, SIM_ANSWER, SIM_EV_ACCEPT,
					       conn->ends[1].phone, 0, callee->boot);
			callee->accept_due = true;
		} else {
			sim_end_reset_peer(world, number * 2 + 1);
		}
		break;
	}
}

static void accept_one(struct sim_world *world, uint32_t phone)
{
	struct sim_phone *host = &world->phones[phone];
	uint32_t number = host->queue_first, handle = pfs_accept_conn(&host->core);
	struct pfs_event event = { .kind = PFS_EV_ACCEPTED, .conn = handle };

	host->accept_due = false;
	if (number == SIM_NONE || handle == PFS_NO_CONN)
		return;
	sim_end_unqueue(world, number);
	struct sim_end *end = sim_end_at(world, number);
	end->state = SIM_END_OPEN;
	if (!bind_handle(world, number, handle))
		return;
	uint32_t serial = sim_serial_of(world, number);
	event.address = world->plan->phones[sim_end_at(world, number ^ 1)->phone].address;
	sim_step(world, phone, &event);
	if (sim_serial_of(world, number) == serial)
		sim_pipe_feed(world, number ^ 1);
}

void sim_tcp_event(struct sim_world *world, const struct sim_event *event)
{
	enum sim_kind kind = sim_event_kind(event);
	uint32_t a = event->a;

	if (kind == SIM_EV_ACCEPT) {
		if (world->phones[a].boot == event->c && world->phones[a].running)
			accept_one(world, a);
		return;
	}
	bool by_conn = kind == SIM_EV_SYN || kind == SIM_EV_SYN_RETRY || kind == SIM_EV_SYN_ACK ||
		       kind == SIM_EV_ACK;
	if ((by_conn ? sim_conn_at(world, a)->serial : sim_serial_of(world, a)) != event->c)
		return;
	switch (kind) {
	case SIM_EV_SENT:
		if (sim_end_at(world, a)->state == SIM_END_OPEN) {
			struct pfs_event sent = { .kind = PFS_EV_SENT, .conn = sim_end_at(world, a)->handle };
			sim_step(world, sim_end_at(world, a)->phone, &sent);
		}
		break;
	case SIM_EV_RESET:
		if (sim_end_gone(sim_end_at(world, a)))
			break;
		if (!sim_pipe_at_number(world, a ^ 1)->vanishes &&
		    sim_lan_joins(world, &world->phones[sim_end_at(world, a)->phone],
				  &world->phones[sim_end_at(world, a ^ 1)->phone]))
			sim_end_lose(world, a);
		else
			world->counters.vanished++;
		break;
	case SIM_EV_FLOW:
		if (sim_pipe_at_number(world, a)->flowing &&
		    sim_pipe_at_number(world, a)->epoch == (uint32_t)event->b)
			sim_pipe_flowed(world, a);
		break;
	case SIM_EV_DELIVER:
		sim_pipe_arrive(world, a, event->b);
		break;
	case SIM_EV_GIVE_UP:
		if (sim_pipe_at_number(world, a)->stalled &&
		    sim_pipe_at_number(world, a)->stall == (uint32_t)event->b &&
		    !sim_end_gone(sim_end_at(world, a)))
			sim_end_lose(world, a);
		break;
	default:
		handshake(world, a, kind, event->b);
		break;
	}
}

/* The cable is in again: what was lost is sent again, what stood still goes on. */
static void resume(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);

	if (sim_conn_cut_off(world, number / 2) || pipe->vanishes) {
		/* A dead end whose phone is back: the retransmission is answered with RST. */
		if (!sim_end_gone(sim_end_at(world, number)))
			sim_pipe_stall(world, number);
		return;
	}
	pipe->stalled = false;
	if (pipe->transmitted > pipe->arrived || (pipe->fin_sent && !pipe->fin_arrived))
		sim_pipe_deliver(world, number, sim_delay_of(world, number));
	sim_pipe_pump(world, number);
}

void sim_tcp_upset(struct sim_world *world, uint32_t phone, enum sim_upset upset)
{
	struct sim_phone *host = &world->phones[phone];
	uint32_t next;

	for (uint32_t number = host->first_end; number != SIM_NONE; number = next) {
		struct sim_end *end = sim_end_at(world, number);
		next = end->next;
		/* Both ends of a connection may be ours no more than once: a phone never dials itself. */
		switch (upset) {
		case SIM_CRASHED:
			if (!sim_end_gone(end))
				abort_end(world, number);
			break;
		case SIM_POWER_LOST:
			if (!sim_end_gone(end))
				sim_end_leave(world, number, SIM_END_DEAD);
			sim_pipe_halt(world, number ^ 1);
			sim_pipe_pump(world, number ^ 1);
			sim_conn_release(world, number / 2);
			break;
		case SIM_UNPLUGGED:
			sim_pipe_pump(world, number);
			sim_pipe_pump(world, number ^ 1);
			break;
		case SIM_BACK:
			resume(world, number);
			resume(world, number ^ 1);
			break;
		}
	}
}

/* The end that the phone dialled its parent with, or SIM_NONE. */
static uint32_t parent_end(struct sim_world *world, uint32_t phone)
{
	uint32_t number = world->phones[phone].first_end;

	for (; number != SIM_NONE; number = sim_end_at(world, number)->next)
		if (!(number & 1) && sim_end_at(world, number)->state == SIM_END_OPEN &&
		    !sim_pipe_at_number(world, number)->fin)
			return number;
	return SIM_NONE;
}

static void both_directions_back(struct sim_world *world, uint32_t phone)
{
	uint32_t next;

	for (uint32_t number = world->phones[phone].first_end; number != SIM_NONE; number = next) {
		bool half = sim_pipe_at_number(world, number)->vanishes ||
			    sim_pipe_at_number(world, number ^ 1)->vanishes;
		next = sim_end_at(world, number)->next;
		sim_pipe_at_number(world, number)->vanishes = false;
		sim_pipe_at_number(world, number ^ 1)->vanishes = false;
		if (!half)
			continue;
		resume(world, number);
		resume(world, number ^ 1);
	}
}

void sim_tcp_cut_parent(struct sim_world *world, uint32_t phone, const struct fault_order *order)
{
	uint32_t number, serial;

	if (order->end) {
		both_directions_back(world, phone);
		return;
	}
	number = parent_end(world, phone);
	if (number == SIM_NONE)
		return;
	if (order->kind == PLAN_FAULT_TCP_HALF_OPEN) {
		sim_pipe_at_number(world, order->fault->upwards ? number : number ^ 1)->vanishes = true;
		/* Whoever has something to say, or to hear acknowledged, begins to wait. */
		sim_pipe_pump(world, number);
		sim_pipe_pump(world, number ^ 1);
		return;
	}
	/* A box between the two resets both ends. */
	serial = sim_serial_of(world, number);
	sim_end_lose(world, number);
	if (sim_serial_of(world, number) == serial && !sim_end_gone(sim_end_at(world, number ^ 1)))
		sim_end_lose(world, number ^ 1);
}

int sim_tcp_init(struct sim_world *world)
{
	world->conn_free = SIM_NONE;
	int error = flow_net_init(&world->flows, world->plan->phone_count, sim_rate_changed, world);
	for (uint32_t i = 0; !error && i < world->plan->phone_count; i++)
		world->flows.ports[i].rate_bps =
			world->phones[i].port_bps / SIM_SEGMENT_FRAME_BYTES * SIM_SEGMENT_BYTES;
	return error;
}

void sim_tcp_deinit(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->conn_count; i++)
		for (uint32_t k = 0; k < 2; k++)
			sim_pipe_deinit(&sim_conn_at(world, i)->pipes[k]);
	for (uint32_t i = 0; i < world->conn_chunk_count; i++)
		free(world->conn_chunks[i]);
	free(world->conn_chunks);
	flow_net_deinit(&world->flows);
}
