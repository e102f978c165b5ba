/*
 * The places of connections: handed out, listed at both phones, queued for
 * acceptance, given back. A place is used again at once; its serial number
 * tells what is still in the event queue that it came too late.
 */
#include "emulator/sim/tcp.h"

#include <assert.h>
#include <stdlib.h>

uint32_t sim_conn_new(struct sim_world *world)
{
	uint32_t conn = world->conn_free;

	if (conn != SIM_NONE) {
		world->conn_free = sim_conn_at(world, conn)->next_free;
	} else {
		conn = world->conn_count;
		if (conn / SIM_CONNS_A_CHUNK == world->conn_chunk_count) {
			struct sim_conn **chunks =
				realloc(world->conn_chunks, (world->conn_chunk_count + 1) * sizeof(*chunks));
			if (!chunks)
				return SIM_NONE;
			world->conn_chunks = chunks;
			chunks[world->conn_chunk_count] = calloc(SIM_CONNS_A_CHUNK, sizeof(**chunks));
			if (!chunks[world->conn_chunk_count])
				return SIM_NONE;
			world->conn_chunk_count++;
		}
		if (flow_net_reserve(&world->flows, (conn + 1) * 2))
			return SIM_NONE;
		world->conn_count++;
	}
	*sim_conn_at(world, conn) = (struct sim_conn){ .serial = ++world->serial };
	return conn;
}

void sim_end_list(struct sim_world *world, uint32_t number, uint32_t phone)
{
	struct sim_end *end = sim_end_at(world, number);

	end->phone = phone;
	end->previous = SIM_NONE;
	end->next = world->phones[phone].first_end;
	if (end->next != SIM_NONE)
		sim_end_at(world, end->next)->previous = number;
	world->phones[phone].first_end = number;
	end->listed = true;
}

static void unlist_end(struct sim_world *world, uint32_t number)
{
	struct sim_end *end = sim_end_at(world, number);

	if (!end->listed)
		return;
	if (end->previous == SIM_NONE)
		world->phones[end->phone].first_end = end->next;
	else
		sim_end_at(world, end->previous)->next = end->next;
	if (end->next != SIM_NONE)
		sim_end_at(world, end->next)->previous = end->previous;
	end->listed = false;
}

void sim_end_queue(struct sim_world *world, uint32_t number)
{
	struct sim_end *end = sim_end_at(world, number);
	struct sim_phone *phone = &world->phones[end->phone];

	end->state = SIM_END_QUEUED;
	end->queue_next = SIM_NONE;
	end->queue_previous = phone->queue_last;
	if (phone->queue_last == SIM_NONE)
		phone->queue_first = number;
	else
		sim_end_at(world, phone->queue_last)->queue_next = number;
	phone->queue_last = number;
	phone->queue_count++;
}

void sim_end_unqueue(struct sim_world *world, uint32_t number)
{
	struct sim_end *end = sim_end_at(world, number);
	struct sim_phone *phone = &world->phones[end->phone];

	assert(end->state == SIM_END_QUEUED);
	if (end->queue_previous == SIM_NONE)
		phone->queue_first = end->queue_next;
	else
		sim_end_at(world, end->queue_previous)->queue_next = end->queue_next;
	if (end->queue_next == SIM_NONE)
		phone->queue_last = end->queue_previous;
	else
		sim_end_at(world, end->queue_next)->queue_previous = end->queue_previous;
	phone->queue_count--;
}

/* Gives a connection's place back once neither end is left. What is under way then finds another serial. */
void sim_conn_release(struct sim_world *world, uint32_t number)
{
	struct sim_conn *conn = sim_conn_at(world, number);

	if (!sim_end_gone(&conn->ends[0]) || !sim_end_gone(&conn->ends[1]))
		return;
	for (uint32_t i = 0; i < 2; i++) {
		sim_pipe_halt(world, number * 2 + i);
		unlist_end(world, number * 2 + i);
		sim_pipe_deinit(&conn->pipes[i]);
	}
	conn->serial = 0;
	conn->next_free = world->conn_free;
	world->conn_free = number;
}

/* An end leaves its phone: state says how. */
void sim_end_leave(struct sim_world *world, uint32_t number, enum sim_end_state state)
{
	struct sim_end *end = sim_end_at(world, number);

	if (end->state == SIM_END_QUEUED)
		sim_end_unqueue(world, number);
	if (end->handle != PFS_NO_CONN)
		world->phones[end->phone].slots[pfs_conn_slot(end->handle)] = SIM_NONE;
	end->handle = PFS_NO_CONN;
	end->state = state;
	sim_pipe_halt(world, number);
}

/* Nothing gets through between the two phones now. */
bool sim_conn_cut_off(const struct sim_world *world, uint32_t conn)
{
	const struct sim_end *ends = sim_conn_at(world, conn)->ends;

	return ends[0].state == SIM_END_DEAD || ends[1].state == SIM_END_DEAD ||
	       !sim_lan_joins(world, &world->phones[ends[0].phone], &world->phones[ends[1].phone]);
}

void sim_conn_push(struct sim_world *world, uint64_t after_us, enum sim_kind kind, uint32_t a, uint64_t b)
{
	sim_queue_push(&world->queue, world->now_us + after_us, SIM_DELIVERY, kind, a, b,
		       kind == SIM_EV_RESET || kind == SIM_EV_FLOW || kind == SIM_EV_DELIVER ||
				       kind == SIM_EV_GIVE_UP
			       ? sim_serial_of(world, a)
			       : sim_conn_at(world, a)->serial);
}

/* RST to an end, behind what is under way to it. */
void sim_end_reset_peer(struct sim_world *world, uint32_t from)
{
	uint64_t last_us = sim_pipe_at_number(world, from)->last_arrival_us,
		 delay_us = sim_delay_of(world, from);

	if (world->now_us + delay_us < last_us)
		delay_us = last_us - world->now_us;
	sim_conn_push(world, delay_us, SIM_EV_RESET, from ^ 1, 0);
}

/* The core learns that its connection is gone. */
void sim_end_lose(struct sim_world *world, uint32_t number)
{
	struct sim_end *end = sim_end_at(world, number);
	uint32_t phone = end->phone, handle = end->handle;
	struct pfs_event event = { .kind = PFS_EV_LOST, .conn = handle };

	sim_end_leave(world, number, SIM_END_CLOSED);
	sim_conn_release(world, number / 2);
	if (handle != PFS_NO_CONN)
		sim_step(world, phone, &event);
}
