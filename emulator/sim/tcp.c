/*
 * TCP between phones as the core sees it: a handshake, a reliable ordered
 * stream with a send buffer, FIN, RST, half-open ends. What is modelled:
 *
 * - SYN, SYN-ACK and ACK take a one-way LAN delay each; CONNECTED is at the
 *   caller a round trip after CONNECT, whether or not the callee accepts soon:
 *   a kernel does the handshake by itself. A closed port answers with RST, a
 *   host without power or cable not at all: SYN again after 1, 2, 4, ... s.
 * - Bytes drain as a fluid (flow.h) and are delivered in chunks a LAN delay
 *   later; what fits one segment of an idle stream goes as one frame. SENT is
 *   raised when the rest of a range fits the send buffer.
 * - Without power nothing is heard of a phone, ever: the other end stays half
 *   open until it has something to send and 15 s pass without an answer, or
 *   until the phone is back and answers the retransmission with RST.
 * - Without cable the stream stands still and goes on afterwards, unless
 *   somebody gave up first. What was on the wire is sent again.
 * - DROP is a reset, as SO_LINGER {1,0} makes it, but for a connection that
 *   both ends have closed.
 */
#include "emulator/sim/sim.h"

#include <assert.h>
#include <stdlib.h>

#define CONNS_A_CHUNK 64
#define FIN_BIT (UINT64_C(1) << 63)

static struct sim_conn *conn_at(const struct sim_world *world, uint32_t conn)
{
	return &world->conn_chunks[conn / CONNS_A_CHUNK][conn % CONNS_A_CHUNK];
}

static struct sim_end *end_at(const struct sim_world *world, uint32_t end)
{
	return &conn_at(world, end / 2)->ends[end & 1];
}

static struct sim_pipe *pipe_at(const struct sim_world *world, uint32_t pipe)
{
	return &conn_at(world, pipe / 2)->pipes[pipe & 1];
}

static uint32_t serial_of(const struct sim_world *world, uint32_t end)
{
	return conn_at(world, end / 2)->serial;
}

static uint64_t delay_of(const struct sim_world *world, uint32_t end)
{
	return world->phones[end_at(world, end)->phone].lan_delay_us;
}

/* ------------------------------------------------ places of connections */

static uint32_t conn_new(struct sim_world *world)
{
	uint32_t conn = world->conn_free;

	if (conn != SIM_NONE) {
		world->conn_free = conn_at(world, conn)->next_free;
	} else {
		conn = world->conn_count;
		if (conn / CONNS_A_CHUNK == world->conn_chunk_count) {
			struct sim_conn **chunks = realloc(world->conn_chunks,
							   (world->conn_chunk_count + 1) * sizeof(*chunks));
			if (!chunks)
				return SIM_NONE;
			world->conn_chunks = chunks;
			chunks[world->conn_chunk_count] = calloc(CONNS_A_CHUNK, sizeof(**chunks));
			if (!chunks[world->conn_chunk_count])
				return SIM_NONE;
			world->conn_chunk_count++;
		}
		if (flow_net_reserve(&world->flows, (conn + 1) * 2))
			return SIM_NONE;
		world->conn_count++;
	}
	*conn_at(world, conn) = (struct sim_conn){.serial = ++world->serial};
	return conn;
}

static void list_end(struct sim_world *world, uint32_t number, uint32_t phone)
{
	struct sim_end *end = end_at(world, number);

	end->phone = phone;
	end->previous = SIM_NONE;
	end->next = world->phones[phone].first_end;
	if (end->next != SIM_NONE)
		end_at(world, end->next)->previous = number;
	world->phones[phone].first_end = number;
	end->listed = true;
}

static void unlist_end(struct sim_world *world, uint32_t number)
{
	struct sim_end *end = end_at(world, number);

	if (!end->listed)
		return;
	if (end->previous == SIM_NONE)
		world->phones[end->phone].first_end = end->next;
	else
		end_at(world, end->previous)->next = end->next;
	if (end->next != SIM_NONE)
		end_at(world, end->next)->previous = end->previous;
	end->listed = false;
}

static void queue_end(struct sim_world *world, uint32_t number)
{
	struct sim_end *end = end_at(world, number);
	struct sim_phone *phone = &world->phones[end->phone];

	end->state = SIM_END_QUEUED;
	end->queue_next = SIM_NONE;
	end->queue_previous = phone->queue_last;
	if (phone->queue_last == SIM_NONE)
		phone->queue_first = number;
	else
		end_at(world, phone->queue_last)->queue_next = number;
	phone->queue_last = number;
	phone->queue_count++;
}

static void unqueue_end(struct sim_world *world, uint32_t number)
{
	struct sim_end *end = end_at(world, number);
	struct sim_phone *phone = &world->phones[end->phone];

	assert(end->state == SIM_END_QUEUED);
	if (end->queue_previous == SIM_NONE)
		phone->queue_first = end->queue_next;
	else
		end_at(world, end->queue_previous)->queue_next = end->queue_next;
	if (end->queue_next == SIM_NONE)
		phone->queue_last = end->queue_previous;
	else
		end_at(world, end->queue_next)->queue_previous = end->queue_previous;
	phone->queue_count--;
}

static void halt(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = pipe_at(world, number);

	if (!pipe->flowing)
		return;
	flow_stop(&world->flows, number, world->now_us);
	pipe->transmitted += flow_take(&world->flows, number, world->now_us);
	if (pipe->transmitted > pipe->written)
		pipe->transmitted = pipe->written;
	pipe->flowing = false;
	pipe->epoch++;
}

static bool gone(const struct sim_end *end)
{
	return end->state == SIM_END_NONE || end->state == SIM_END_CLOSED || end->state == SIM_END_DEAD;
}

/* Gives a connection's place back once neither end is left. What is under way then finds another serial. */
static void release(struct sim_world *world, uint32_t number)
{
	struct sim_conn *conn = conn_at(world, number);

	if (!gone(&conn->ends[0]) || !gone(&conn->ends[1]))
		return;
	for (uint32_t i = 0; i < 2; i++) {
		halt(world, number * 2 + i);
		unlist_end(world, number * 2 + i);
		sim_pipe_deinit(&conn->pipes[i]);
	}
	conn->serial = 0;
	conn->next_free = world->conn_free;
	world->conn_free = number;
}

/* An end leaves its phone: state says how. */
static void leave(struct sim_world *world, uint32_t number, enum sim_end_state state)
{
	struct sim_end *end = end_at(world, number);

	if (end->state == SIM_END_QUEUED)
		unqueue_end(world, number);
	if (end->handle != PFS_NO_CONN)
		world->phones[end->phone].slots[pfs_conn_slot(end->handle)] = SIM_NONE;
	end->handle = PFS_NO_CONN;
	end->state = state;
	halt(world, number);
}

/* Nothing gets through between the two phones now. */
static bool cut_off(const struct sim_world *world, uint32_t conn)
{
	const struct sim_end *ends = conn_at(world, conn)->ends;

	return ends[0].state == SIM_END_DEAD || ends[1].state == SIM_END_DEAD ||
	       !sim_on_wire(&world->phones[ends[0].phone]) || !sim_on_wire(&world->phones[ends[1].phone]);
}

static void push(struct sim_world *world, uint64_t after_us, enum sim_kind kind, uint32_t a, uint64_t b)
{
	sim_queue_push(&world->queue, world->now_us + after_us, SIM_DELIVERY, kind, a, b,
		       kind == SIM_EV_RESET || kind == SIM_EV_FLOW || kind == SIM_EV_DELIVER || kind == SIM_EV_GIVE_UP ?
			       serial_of(world, a) : conn_at(world, a)->serial);
}

/* RST to an end, behind what is under way to it. */
static void reset_peer(struct sim_world *world, uint32_t from)
{
	uint64_t last_us = pipe_at(world, from)->last_arrival_us, delay_us = delay_of(world, from);

	if (world->now_us + delay_us < last_us)
		delay_us = last_us - world->now_us;
	push(world, delay_us, SIM_EV_RESET, from ^ 1, 0);
}

/* The core learns that its connection is gone. */
static void lose(struct sim_world *world, uint32_t number)
{
	struct sim_end *end = end_at(world, number);
	uint32_t phone = end->phone, handle = end->handle;
	struct pfs_event event = {.kind = PFS_EV_LOST, .conn = handle};

	leave(world, number, SIM_END_CLOSED);
	release(world, number / 2);
	if (handle != PFS_NO_CONN)
		sim_step(world, phone, &event);
}

/* ------------------------------------------------ bytes on their way */

static void deliver(struct sim_world *world, uint32_t number, uint64_t after_us)
{
	struct sim_pipe *pipe = pipe_at(world, number);
	uint64_t at_us = world->now_us + after_us;

	if (at_us < pipe->last_arrival_us)
		at_us = pipe->last_arrival_us;
	pipe->last_arrival_us = at_us;
	pipe->announced = pipe->transmitted;
	if (pipe->fin && pipe->transmitted == pipe->written)
		pipe->fin_sent = true;
	push(world, at_us - world->now_us, SIM_EV_DELIVER, number, pipe->transmitted | (pipe->fin_sent ? FIN_BIT : 0));
}

static void tell_sent(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = pipe_at(world, number);

	for (uint32_t i = 0; i < pipe->item_count; i++) {
		struct sim_item *item = &pipe->items[pipe->item_first + i];
		if (item->sent)
			continue;
		if (item->end > pipe->transmitted + SIM_SEND_BUFFER_BYTES)
			break;
		item->sent = 1;
		sim_queue_push(&world->queue, world->now_us, SIM_ANSWER, SIM_EV_SENT, number, 0, serial_of(world, number));
	}
}

static void expect_flow(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = pipe_at(world, number);
	uint64_t target = sim_pipe_target(pipe);
	uint64_t due_us = flow_due(&world->flows, number, world->now_us, target - pipe->transmitted);

	push(world, due_us - world->now_us, SIM_EV_FLOW, number, ++pipe->epoch);
}

static void take_carried(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = pipe_at(world, number);

	pipe->transmitted += flow_take(&world->flows, number, world->now_us);
	if (pipe->transmitted > pipe->written)
		pipe->transmitted = pipe->written;
}

/* flow.h: the rate of a flow is another one. */
static void rate_changed(void *context, uint32_t number)
{
	struct sim_world *world = context;

	take_carried(world, number);
	expect_flow(world, number);
}

/* Somebody waits for an answer that does not come. */
static void stall(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = pipe_at(world, number);
	const struct sim_end *to = end_at(world, number ^ 1);
	struct sim_phone *host = &world->phones[to->phone];

	if (pipe->arrived == pipe->written && pipe->fin == pipe->fin_arrived)
		return;
	if (to->state == SIM_END_DEAD && sim_on_wire(host) && sim_on_wire(&world->phones[end_at(world, number)->phone])) {
		/* It has power again and knows nothing of us. */
		push(world, 2 * delay_of(world, number), SIM_EV_RESET, number, 0);
		return;
	}
	if (pipe->stalled)
		return;
	pipe->stalled = true;
	push(world, SIM_GIVE_UP_US, SIM_EV_GIVE_UP, number, ++pipe->stall);
}

/* Sees to it that a pipe moves if it has something to move and can. */
static void pump(struct sim_world *world, uint32_t number)
{
	struct sim_conn *conn = conn_at(world, number / 2);
	struct sim_pipe *pipe = &conn->pipes[number & 1];
	struct sim_end *from = &conn->ends[number & 1], *to = &conn->ends[~number & 1];
	uint64_t left = pipe->written - pipe->transmitted;

	if (!conn->established || gone(from) || to->state == SIM_END_CLOSED)
		return;
	if (cut_off(world, number / 2)) {
		halt(world, number);
		tell_sent(world, number);
		stall(world, number);
		return;
	}
	if (pipe->flowing) {
		take_carried(world, number);
		expect_flow(world, number);
	} else if (left > SIM_SEGMENT_BYTES) {
		pipe->flowing = true;
		flow_start(&world->flows, number, world->now_us);
	} else if (left || (pipe->fin && !pipe->fin_sent)) {
		struct sim_phone *phone = &world->phones[from->phone];
		uint64_t out_us = sim_port_send(world, phone, (uint32_t)left + SIM_TCP_BYTES);
		pipe->transmitted = pipe->written;
		deliver(world, number, out_us - world->now_us + phone->lan_delay_us);
	}
	tell_sent(world, number);
}

static void flow_event(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = pipe_at(world, number);

	take_carried(world, number);
	bool done = pipe->transmitted == pipe->written;
	if (done)
		halt(world, number);
	if (pipe->transmitted > pipe->announced || (done && pipe->fin && !pipe->fin_sent))
		deliver(world, number, delay_of(world, number));
	tell_sent(world, number);
	if (!done)
		expect_flow(world, number);
}

/* Gives the reader what has arrived; the core may take it in parts. */
static void feed(struct sim_world *world, uint32_t number)
{
	uint32_t to = number ^ 1, serial = serial_of(world, number);
	struct sim_pipe *pipe = pipe_at(world, number);
	struct sim_end *end = end_at(world, to), *sender = end_at(world, number);

	while (!world->error && serial_of(world, number) == serial && end->state == SIM_END_OPEN) {
		struct pfs_event event = {.kind = PFS_EV_BYTES, .conn = end->handle};
		if (pipe->consumed == pipe->arrived)
			break;
		sim_pipe_peek(pipe, &event);
		world->source = (struct sim_source){.pipe = pipe, .firmware = world->phones[sender->phone].firmware};
		uint32_t taken = sim_step(world, end->phone, &event);
		world->source = (struct sim_source){0};
		if (world->error || serial_of(world, number) != serial)
			return;
		if (taken > event.length) {
			sim_broken(world, end->phone, "took more bytes than there were");
			return;
		}
		sim_pipe_consume(pipe, taken);
		if (!taken)
			break;
	}
	if (!world->error && serial_of(world, number) == serial && end->state == SIM_END_OPEN && pipe->fin_arrived &&
	    !pipe->eof_given) {
		struct pfs_event event = {.kind = PFS_EV_EOF, .conn = end->handle};
		pipe->eof_given = true;
		sim_step(world, end->phone, &event);
	}
}

static void arrive(struct sim_world *world, uint32_t number, uint64_t position)
{
	struct sim_pipe *pipe = pipe_at(world, number);
	struct sim_end *to = end_at(world, number ^ 1);
	bool fin = position & FIN_BIT;

	position &= ~FIN_BIT;
	if (end_at(world, number)->state == SIM_END_DEAD || to->state == SIM_END_CLOSED) {
		world->counters.vanished++;
		return;
	}
	if (cut_off(world, number / 2)) {
		world->counters.vanished++;
		if (!gone(end_at(world, number)))
			stall(world, number);
		return;
	}
	if (position > pipe->arrived)
		pipe->arrived = position;
	pipe->fin_arrived |= fin;
	if (to->state == SIM_END_OPEN)
		feed(world, number);
}

/* ------------------------------------------------ what a phone asks */

/* The end of a handle, or SIM_NONE after stopping the run. */
static uint32_t end_of(struct sim_world *world, uint32_t phone, uint32_t handle)
{
	uint32_t slot = pfs_conn_slot(handle);
	uint32_t end = slot < PFS_CONNS_MAX ? world->phones[phone].slots[slot] : SIM_NONE;

	if (end != SIM_NONE && end_at(world, end)->handle == handle)
		return end;
	sim_broken(world, phone, "an action on a connection that it does not have");
	return SIM_NONE;
}

/* False, and the run is stopped, where the slot is taken or no slot at all. */
static bool bind_handle(struct sim_world *world, uint32_t number, uint32_t handle)
{
	struct sim_end *end = end_at(world, number);
	uint32_t slot = pfs_conn_slot(handle);

	if (handle == PFS_NO_CONN || slot >= PFS_CONNS_MAX || world->phones[end->phone].slots[slot] != SIM_NONE) {
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
	uint32_t number = conn_new(world);

	if (number == SIM_NONE) {
		sim_no_memory(world);
		return;
	}
	struct sim_conn *conn = conn_at(world, number);
	list_end(world, number * 2, phone);
	conn->ends[0].state = SIM_END_CONNECTING;
	if (!bind_handle(world, number * 2, action->conn))
		return;
	/* An address that no phone has never answers: the caller's own timer ends it. */
	if (callee < 0)
		return;
	list_end(world, number * 2 + 1, (uint32_t)callee);
	flow_set(&world->flows, number * 2, phone, (uint32_t)callee);
	flow_set(&world->flows, number * 2 + 1, (uint32_t)callee, phone);
	push(world, 0, SIM_EV_SYN_RETRY, number, 0);
}

void sim_tcp_send(struct sim_world *world, uint32_t phone, const struct pfs_action *action)
{
	uint32_t number = end_of(world, phone, action->conn);

	if (number == SIM_NONE)
		return;
	struct sim_pipe *pipe = pipe_at(world, number);
	if (pipe->fin) {
		sim_broken(world, phone, "sends on a connection that it has shut down");
		return;
	}
	if (action->kind == PFS_ACT_SEND_FILE && !action->length) {
		sim_queue_push(&world->queue, world->now_us, SIM_ANSWER, SIM_EV_SENT, number, 0, serial_of(world, number));
		return;
	}
	if (sim_pipe_write(pipe, action->kind == PFS_ACT_SEND ? action->bytes : NULL, action->length, action->file,
			   action->offset)) {
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
	struct sim_pipe *pipe = pipe_at(world, number);
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
		if (!serial_of(world, number))
			continue;
		pipe_at(world, number)->dirty = false;
		pump(world, number);
	}
	world->dirty_count = 0;
}

/* An end closes with a reset where the other one is still there. */
static void abort_end(struct sim_world *world, uint32_t number)
{
	struct sim_conn *conn = conn_at(world, number / 2);
	const struct sim_pipe *out = &conn->pipes[number & 1], *in = &conn->pipes[~number & 1];
	bool both_closed = out->fin_sent && in->fin_arrived;

	if (!both_closed && !gone(&conn->ends[~number & 1]))
		reset_peer(world, number);
	leave(world, number, SIM_END_CLOSED);
	halt(world, number ^ 1);
	release(world, number / 2);
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

	push(world, wait_us, SIM_EV_SYN_RETRY, number, tries + 1);
}

static void handshake(struct sim_world *world, uint32_t number, enum sim_kind kind, uint64_t tries)
{
	struct sim_conn *conn = conn_at(world, number);
	struct sim_phone *caller = &world->phones[conn->ends[0].phone], *callee = &world->phones[conn->ends[1].phone];
	uint64_t delay_us = caller->lan_delay_us;

	if (conn->ends[0].state == SIM_END_CONNECTING && kind == SIM_EV_SYN_RETRY && tries == SIM_SYN_TRIES) {
		lose(world, number * 2);
		return;
	}
	if (kind != SIM_EV_ACK && conn->ends[0].state != SIM_END_CONNECTING)
		return;
	if (!sim_on_wire(caller) || !sim_on_wire(callee)) {
		world->counters.vanished++;
		if (kind != SIM_EV_ACK)
			syn_again(world, number, tries);
		else if (conn->ends[1].state == SIM_END_NONE)
			conn->ends[1].state = SIM_END_DEAD;
		return;
	}
	switch (kind) {
	case SIM_EV_SYN_RETRY:
		push(world, delay_us, SIM_EV_SYN, number, tries);
		break;
	case SIM_EV_SYN:
		if (!callee->port_open)
			push(world, delay_us, SIM_EV_RESET, number * 2, 0);
		else if (callee->queue_count >= SIM_LISTEN_BACKLOG)
			syn_again(world, number, tries);
		else
			push(world, delay_us, SIM_EV_SYN_ACK, number, tries);
		break;
	case SIM_EV_SYN_ACK: {
		struct pfs_event event = {.kind = PFS_EV_CONNECTED, .conn = conn->ends[0].handle};
		conn->established = true;
		conn->ends[0].state = SIM_END_OPEN;
		push(world, delay_us, SIM_EV_ACK, number, 0);
		pump(world, number * 2);
		sim_step(world, conn->ends[0].phone, &event);
		break;
	}
	default: /* SIM_EV_ACK */
		if (conn->ends[1].state != SIM_END_NONE)
			return;
		if (callee->port_open) {
			queue_end(world, number * 2 + 1);
			if (!callee->accept_due)
				sim_queue_push(&world->queue, world->now_us, SIM_ANSWER, SIM_EV_ACCEPT,
					       conn->ends[1].phone, 0, callee->boot);
			callee->accept_due = true;
		} else {
			reset_peer(world, number * 2 + 1);
		}
		break;
	}
}

static void accept_one(struct sim_world *world, uint32_t phone)
{
	struct sim_phone *host = &world->phones[phone];
	uint32_t number = host->queue_first, handle = pfs_accept_conn(&host->core);
	struct pfs_event event = {.kind = PFS_EV_ACCEPTED, .conn = handle};

	host->accept_due = false;
	if (number == SIM_NONE || handle == PFS_NO_CONN)
		return;
	unqueue_end(world, number);
	struct sim_end *end = end_at(world, number);
	end->state = SIM_END_OPEN;
	if (!bind_handle(world, number, handle))
		return;
	uint32_t serial = serial_of(world, number);
	event.address = world->plan->phones[end_at(world, number ^ 1)->phone].address;
	sim_step(world, phone, &event);
	if (serial_of(world, number) == serial)
		feed(world, number ^ 1);
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
	bool by_conn = kind == SIM_EV_SYN || kind == SIM_EV_SYN_RETRY || kind == SIM_EV_SYN_ACK || kind == SIM_EV_ACK;
	if ((by_conn ? conn_at(world, a)->serial : serial_of(world, a)) != event->c)
		return;
	switch (kind) {
	case SIM_EV_SENT:
		if (end_at(world, a)->state == SIM_END_OPEN) {
			struct pfs_event sent = {.kind = PFS_EV_SENT, .conn = end_at(world, a)->handle};
			sim_step(world, end_at(world, a)->phone, &sent);
		}
		break;
	case SIM_EV_RESET:
		if (gone(end_at(world, a)))
			break;
		if (sim_on_wire(&world->phones[end_at(world, a)->phone]) &&
		    sim_on_wire(&world->phones[end_at(world, a ^ 1)->phone]))
			lose(world, a);
		else
			world->counters.vanished++;
		break;
	case SIM_EV_FLOW:
		if (pipe_at(world, a)->flowing && pipe_at(world, a)->epoch == (uint32_t)event->b)
			flow_event(world, a);
		break;
	case SIM_EV_DELIVER:
		arrive(world, a, event->b);
		break;
	case SIM_EV_GIVE_UP:
		if (pipe_at(world, a)->stalled && pipe_at(world, a)->stall == (uint32_t)event->b &&
		    !gone(end_at(world, a)))
			lose(world, a);
		break;
	default:
		handshake(world, a, kind, event->b);
		break;
	}
}

/* The cable is in again: what was lost is sent again, what stood still goes on. */
static void resume(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = pipe_at(world, number);

	if (cut_off(world, number / 2)) {
		/* A dead end whose phone is back: the retransmission is answered with RST. */
		if (!gone(end_at(world, number)))
			stall(world, number);
		return;
	}
	pipe->stalled = false;
	if (pipe->transmitted > pipe->arrived || (pipe->fin_sent && !pipe->fin_arrived))
		deliver(world, number, delay_of(world, number));
	pump(world, number);
}

void sim_tcp_upset(struct sim_world *world, uint32_t phone, enum sim_upset upset)
{
	struct sim_phone *host = &world->phones[phone];
	uint32_t next;

	for (uint32_t number = host->first_end; number != SIM_NONE; number = next) {
		struct sim_end *end = end_at(world, number);
		next = end->next;
		/* Both ends of a connection may be ours no more than once: a phone never dials itself. */
		switch (upset) {
		case SIM_CRASHED:
			if (!gone(end))
				abort_end(world, number);
			break;
		case SIM_POWER_LOST:
			if (!gone(end))
				leave(world, number, SIM_END_DEAD);
			halt(world, number ^ 1);
			pump(world, number ^ 1);
			release(world, number / 2);
			break;
		case SIM_UNPLUGGED:
			pump(world, number);
			pump(world, number ^ 1);
			break;
		case SIM_BACK:
			resume(world, number);
			resume(world, number ^ 1);
			break;
		}
	}
}

int sim_tcp_init(struct sim_world *world)
{
	world->conn_free = SIM_NONE;
	int error = flow_net_init(&world->flows, world->plan->phone_count, rate_changed, world);
	for (uint32_t i = 0; !error && i < world->plan->phone_count; i++)
		world->flows.ports[i].rate_bps = world->phones[i].port_bps / SIM_SEGMENT_FRAME_BYTES * SIM_SEGMENT_BYTES;
	return error;
}

void sim_tcp_deinit(struct sim_world *world)
{
	for (uint32_t i = 0; i < world->conn_count; i++)
		for (uint32_t k = 0; k < 2; k++)
			sim_pipe_deinit(&conn_at(world, i)->pipes[k]);
	for (uint32_t i = 0; i < world->conn_chunk_count; i++)
		free(world->conn_chunks[i]);
	free(world->conn_chunks);
	flow_net_deinit(&world->flows);
}
