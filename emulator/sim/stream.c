/*
 * Bytes between two phones: written, transmitted at the flow's rate or as one
 * frame, announced, arrived, consumed. Each of these is a position in the
 * stream; none ever goes back.
 */
#include "emulator/sim/tcp.h"

void sim_pipe_deliver(struct sim_world *world, uint32_t number, uint64_t after_us)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);
	uint64_t at_us = world->now_us + after_us;

	if (at_us < pipe->last_arrival_us)
		at_us = pipe->last_arrival_us;
	pipe->last_arrival_us = at_us;
	pipe->announced = pipe->transmitted;
	if (pipe->fin && pipe->transmitted == pipe->written)
		pipe->fin_sent = true;
	sim_conn_push(world, at_us - world->now_us, SIM_EV_DELIVER, number,
		      pipe->transmitted | (pipe->fin_sent ? SIM_FIN_BIT : 0));
}

static void tell_sent(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);

	for (uint32_t i = 0; i < pipe->item_count; i++) {
		struct sim_item *item = &pipe->items[pipe->item_first + i];
		if (item->sent)
			continue;
		if (item->end > pipe->transmitted + SIM_SEND_BUFFER_BYTES)
			break;
		item->sent = 1;
		sim_queue_push(&world->queue, world->now_us, SIM_ANSWER, SIM_EV_SENT, number, 0,
			       sim_serial_of(world, number));
	}
}

static void expect_flow(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);
	uint64_t target = sim_pipe_target(pipe, world->flows.flows[number].rate_bps);
	uint64_t due_us = flow_due(&world->flows, number, world->now_us, target - pipe->transmitted);

	sim_conn_push(world, due_us - world->now_us, SIM_EV_FLOW, number, ++pipe->epoch);
}

void sim_pipe_halt(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);

	if (!pipe->flowing)
		return;
	flow_stop(&world->flows, number, world->now_us);
	pipe->transmitted += flow_take(&world->flows, number, world->now_us);
	if (pipe->transmitted > pipe->written)
		pipe->transmitted = pipe->written;
	pipe->flowing = false;
	pipe->epoch++;
}

static void take_carried(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);

	pipe->transmitted += flow_take(&world->flows, number, world->now_us);
	if (pipe->transmitted > pipe->written)
		pipe->transmitted = pipe->written;
}

/* flow.h: the rate of a flow is another one. */
void sim_rate_changed(void *context, uint32_t number)
{
	struct sim_world *world = context;

	take_carried(world, number);
	expect_flow(world, number);
}

/* What was sent is repeated; where nothing comes back the sender's end is given up. */
static void await_answer(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);

	if (pipe->stalled)
		return;
	pipe->stalled = true;
	sim_conn_push(world, SIM_GIVE_UP_US, SIM_EV_GIVE_UP, number, ++pipe->stall);
}

/* Somebody waits for an answer that does not come. */
void sim_pipe_stall(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);
	const struct sim_end *to = sim_end_at(world, number ^ 1);
	struct sim_phone *host = &world->phones[to->phone];

	if (pipe->arrived == pipe->written && pipe->fin == pipe->fin_arrived)
		return;
	if (to->state == SIM_END_DEAD && !pipe->vanishes &&
	    sim_lan_joins(world, host, &world->phones[sim_end_at(world, number)->phone])) {
		/* It has power again and knows nothing of us. */
		sim_conn_push(world, 2 * sim_delay_of(world, number), SIM_EV_RESET, number, 0);
		return;
	}
	await_answer(world, number);
}

/* Sees to it that a pipe moves if it has something to move and can. */
void sim_pipe_pump(struct sim_world *world, uint32_t number)
{
	struct sim_conn *conn = sim_conn_at(world, number / 2);
	struct sim_pipe *pipe = &conn->pipes[number & 1];
	struct sim_end *from = &conn->ends[number & 1], *to = &conn->ends[~number & 1];
	uint64_t left = pipe->written - pipe->transmitted;

	if (!conn->established || sim_end_gone(from) || to->state == SIM_END_CLOSED)
		return;
	/* Without ACKs no more gets out than what is small and fits the first window. */
	bool unheard = conn->pipes[~number & 1].vanishes;
	if (sim_conn_cut_off(world, number / 2) || pipe->vanishes ||
	    (unheard && left > SIM_SEGMENT_BYTES)) {
		sim_pipe_halt(world, number);
		tell_sent(world, number);
		sim_pipe_stall(world, number);
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
		sim_pipe_deliver(world, number, out_us - world->now_us + phone->lan_delay_us);
		if (unheard)
			await_answer(world, number);
	}
	tell_sent(world, number);
}

void sim_pipe_flowed(struct sim_world *world, uint32_t number)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);

	take_carried(world, number);
	bool done = pipe->transmitted == pipe->written;
	if (done)
		sim_pipe_halt(world, number);
	if (pipe->transmitted > pipe->announced || (done && pipe->fin && !pipe->fin_sent))
		sim_pipe_deliver(world, number, sim_delay_of(world, number));
	tell_sent(world, number);
	if (!done)
		expect_flow(world, number);
}

/* Gives the reader what has arrived; the core may take it in parts. */
void sim_pipe_feed(struct sim_world *world, uint32_t number)
{
	uint32_t to = number ^ 1, serial = sim_serial_of(world, number);
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);
	struct sim_end *end = sim_end_at(world, to), *sender = sim_end_at(world, number);

	while (!world->error && sim_serial_of(world, number) == serial && end->state == SIM_END_OPEN) {
		struct pfs_event event = { .kind = PFS_EV_BYTES, .conn = end->handle };
		if (pipe->consumed == pipe->arrived)
			break;
		sim_pipe_peek(pipe, &event);
		world->source = (struct sim_source){ .pipe = pipe,
						     .firmware = world->phones[sender->phone].firmware,
						     .rubbish = world->phones[sender->phone].hostile,
						     .sender = sender->phone };
		uint32_t taken = sim_step(world, end->phone, &event);
		world->source = (struct sim_source){ 0 };
		if (world->error || sim_serial_of(world, number) != serial)
			return;
		if (taken > event.length) {
			sim_broken(world, end->phone, "took more bytes than there were");
			return;
		}
		sim_pipe_consume(pipe, taken);
		if (!taken)
			break;
	}
	if (!world->error && sim_serial_of(world, number) == serial && end->state == SIM_END_OPEN &&
	    pipe->fin_arrived && !pipe->eof_given) {
		struct pfs_event event = { .kind = PFS_EV_EOF, .conn = end->handle };
		pipe->eof_given = true;
		sim_step(world, end->phone, &event);
	}
}

void sim_pipe_arrive(struct sim_world *world, uint32_t number, uint64_t position)
{
	struct sim_pipe *pipe = sim_pipe_at_number(world, number);
	struct sim_end *to = sim_end_at(world, number ^ 1);
	bool fin = position & SIM_FIN_BIT;

	position &= ~SIM_FIN_BIT;
	if (sim_end_at(world, number)->state == SIM_END_DEAD || to->state == SIM_END_CLOSED) {
		world->counters.vanished++;
		return;
	}
	if (sim_conn_cut_off(world, number / 2) || pipe->vanishes) {
		world->counters.vanished++;
		if (!sim_end_gone(sim_end_at(world, number)))
			sim_pipe_stall(world, number);
		return;
	}
	if (position > pipe->arrived)
		pipe->arrived = position;
	pipe->fin_arrived |= fin;
	if (to->state == SIM_END_OPEN)
		sim_pipe_feed(world, number);
}
