/*
 * Inside TCP of the virtual-time world: conn.c keeps the places of connections
 * and their ends, stream.c moves bytes, tcp.c does what phones ask for and
 * what befalls them. A connection's two ends, and the two pipes that they send
 * into, have the numbers 2 * connection + 0 (the caller's) and + 1.
 */
#ifndef FLEET_SIM_TCP_H
#define FLEET_SIM_TCP_H

#include "emulator/sim/sim.h"

#define SIM_CONNS_A_CHUNK 64
#define SIM_FIN_BIT (UINT64_C(1) << 63)

/* Places do not move: pointers stay good until the connection is released. */
static inline struct sim_conn *sim_conn_at(const struct sim_world *world, uint32_t conn)
{
	return &world->conn_chunks[conn / SIM_CONNS_A_CHUNK][conn % SIM_CONNS_A_CHUNK];
}

static inline struct sim_end *sim_end_at(const struct sim_world *world, uint32_t end)
{
	return &sim_conn_at(world, end / 2)->ends[end & 1];
}

static inline struct sim_pipe *sim_pipe_at_number(const struct sim_world *world, uint32_t pipe)
{
	return &sim_conn_at(world, pipe / 2)->pipes[pipe & 1];
}

/* Of the connection that has the end's place now; 0: nobody. */
static inline uint32_t sim_serial_of(const struct sim_world *world, uint32_t end)
{
	return sim_conn_at(world, end / 2)->serial;
}

static inline uint64_t sim_delay_of(const struct sim_world *world, uint32_t end)
{
	return world->phones[sim_end_at(world, end)->phone].lan_delay_us;
}

/* True where no phone has anything to do with that end. */
static inline bool sim_end_gone(const struct sim_end *end)
{
	return end->state == SIM_END_NONE || end->state == SIM_END_CLOSED || end->state == SIM_END_DEAD;
}

/* ---- conn.c ---- */

/* A connection's number with nothing in it but its serial, or SIM_NONE where memory lacks. */
uint32_t sim_conn_new(struct sim_world *world);
/* Puts an end among its phone's. */
void sim_end_list(struct sim_world *world, uint32_t end, uint32_t phone);
/* Into the listen queue of its phone, and out of it. */
void sim_end_queue(struct sim_world *world, uint32_t end);
void sim_end_unqueue(struct sim_world *world, uint32_t end);
/* An end leaves its phone: closed or dead. What it had not sent stays unsent. */
void sim_end_leave(struct sim_world *world, uint32_t end, enum sim_end_state state);
/* Gives a connection's place back once neither end is left. What is under way then finds another serial. */
void sim_conn_release(struct sim_world *world, uint32_t conn);
/* Nothing gets through between the two phones now. */
bool sim_conn_cut_off(const struct sim_world *world, uint32_t conn);
/* An entry about a connection, an end or a pipe (as the kind says), with its serial. */
void sim_conn_push(struct sim_world *world, uint64_t after_us, enum sim_kind kind, uint32_t number,
		   uint64_t b);
/* RST to the other end, behind what is under way to it. */
void sim_end_reset_peer(struct sim_world *world, uint32_t from);
/* The core learns that its connection is gone. */
void sim_end_lose(struct sim_world *world, uint32_t end);

/* ---- stream.c ---- */

/* Sees to it that a pipe moves if it has something to move and can. */
void sim_pipe_pump(struct sim_world *world, uint32_t pipe);
/* Takes a flowing pipe off the port. */
void sim_pipe_halt(struct sim_world *world, uint32_t pipe);
/* It has carried what was waited for. */
void sim_pipe_flowed(struct sim_world *world, uint32_t pipe);
/* Announces the arrival of all that has been transmitted, after_us from now or behind what is under way. */
void sim_pipe_deliver(struct sim_world *world, uint32_t pipe, uint64_t after_us);
/* Bytes up to a position, perhaps with FIN, are at the reader's host. */
void sim_pipe_arrive(struct sim_world *world, uint32_t pipe, uint64_t position);
/* Gives the reader what has arrived; the core may take it in parts. */
void sim_pipe_feed(struct sim_world *world, uint32_t pipe);
/* Somebody waits for an answer that does not come: give up later, or RST from a host that is back. */
void sim_pipe_stall(struct sim_world *world, uint32_t pipe);
/* flow.h: the rate of a flow is another one. */
void sim_rate_changed(void *context, uint32_t flow);

#endif
