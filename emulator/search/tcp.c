/*
 * TCP of the search: a handshake of two packets (the last ACK comes with the
 * SYN-ACK's arrival), frames in order, FIN, RST behind what is under way,
 * half-open ends. As in the virtual-time world, closing with DROP is a reset
 * unless both directions have ended.
 */
#include "emulator/search/state.h"

#include <errno.h>
#include <string.h>

static bool gone(const struct search_end *end)
{
	return end->state == END_CLOSED || end->state == END_DEAD;
}

static struct search_conn *conn_find(struct search_state *state, uint32_t phone, uint32_t handle,
				     uint32_t *end)
{
	for (uint32_t i = 0; i < state->conn_count; i++)
		for (*end = 0; *end < 2; (*end)++) {
			struct search_end *mine = &state->conns[i].ends[*end];
			if (mine->phone == phone && mine->handle == handle && handle != PFS_NO_CONN &&
			    !gone(mine))
				return &state->conns[i];
		}
	return NULL;
}

static struct search_conn *conn_need(struct search_step *step, uint32_t phone, uint32_t handle, uint32_t *end)
{
	struct search_conn *conn = conn_find(step->state, phone, handle, end);

	if (!conn && !step->broken)
		step->broken = "actions name connections that there are";
	return conn;
}

/* Written to somebody who is not there any more: lost, and after a dead end's silence given up. */
static bool lost_on(const struct search_step *step, struct search_conn *conn, uint32_t from)
{
	const struct search_end *to = &conn->ends[from ^ 1];

	if (to->state == END_DEAD && conn->ends[from].give_up_us == PFS_TIME_NEVER)
		conn->ends[from].give_up_us = step->state->now_us + SEARCH_GIVE_UP_US;
	return gone(to);
}

static struct search_element *element_new(struct search_step *step, struct search_conn *conn, uint32_t from,
					  enum element_kind kind)
{
	struct search_end *end = &conn->ends[from];

	if (lost_on(step, conn, from))
		return NULL;
	if (end->out_count == SEARCH_ELEMENTS) {
		step->error = -EOVERFLOW;
		return NULL;
	}
	struct search_element *element = &end->out[end->out_count++];
	memset(element, 0, sizeof(*element));
	element->kind = (uint8_t)kind;
	element->latest_us = step->state->now_us + SEARCH_TICK_US;
	return element;
}

static void out_clear(struct search_end *end)
{
	memset(end->out, 0, sizeof(end->out));
	end->out_count = 0;
}

/* This end is no more; what is on its way to it goes nowhere. */
static void leave(struct search_conn *conn, uint32_t number, enum end_state state)
{
	struct search_end *end = &conn->ends[number];

	end->state = (uint8_t)state;
	end->handle = PFS_NO_CONN;
	end->queued = 0;
	end->give_up_us = PFS_TIME_NEVER;
	out_clear(&conn->ends[number ^ 1]);
}

static void abort_end(struct search_step *step, struct search_conn *conn, uint32_t number)
{
	struct search_end *end = &conn->ends[number];
	bool both_closed = end->fin && end->fin_heard;

	if (conn->phase != PHASE_ESTABLISHED)
		conn->phase = PHASE_LOST;
	else if (!both_closed)
		element_new(step, conn, number, ELEMENT_RST);
	leave(conn, number, END_CLOSED);
}

void search_connect(struct search_step *step, uint32_t phone, const struct pfs_action *action)
{
	struct search_state *state = step->state;
	uint32_t callee = search_phone_of(state, action->address);

	if (callee >= state->phones || callee == phone) {
		step->broken = "phones dial phones of their hierarchy, and not themselves";
		return;
	}
	if (state->conn_count == SEARCH_CONNS) {
		step->error = -EOVERFLOW;
		return;
	}
	struct search_conn *conn = &state->conns[state->conn_count++];
	memset(conn, 0, sizeof(*conn));
	conn->phase = PHASE_SYN;
	conn->latest_us = state->now_us + SEARCH_TICK_US;
	conn->ends[0].phone = (uint8_t)phone;
	conn->ends[0].state = END_CONNECTING;
	conn->ends[0].handle = action->conn;
	conn->ends[1].phone = (uint8_t)callee;
	conn->ends[0].give_up_us = conn->ends[1].give_up_us = PFS_TIME_NEVER;
}

void search_send(struct search_step *step, uint32_t phone, const struct pfs_action *action)
{
	uint32_t from;
	struct search_conn *conn = conn_need(step, phone, action->conn, &from);

	if (!conn)
		return;
	struct search_end *end = &conn->ends[from];
	if (end->fin || end->state != END_OPEN) {
		step->broken = "nothing is sent on a connection that is not open";
		return;
	}
	if (action->kind == PFS_ACT_SEND_FILE) {
		/* Its header went just before: one element. */
		if (end->out_count && end->out[end->out_count - 1].kind == ELEMENT_FRAME)
			end->out[end->out_count - 1].length += (uint32_t)action->length;
		else
			lost_on(step, conn, from);
		return;
	}
	struct search_element *element = element_new(step, conn, from, ELEMENT_FRAME);
	if (!element)
		return;
	if (action->length > sizeof(element->bytes)) {
		step->error = -EOVERFLOW;
		return;
	}
	element->length = (uint32_t)action->length;
	element->available = (uint8_t)action->length;
	memcpy(element->bytes, action->bytes, action->length);
}

void search_shutdown(struct search_step *step, uint32_t phone, uint32_t handle)
{
	uint32_t from;
	struct search_conn *conn = conn_need(step, phone, handle, &from);

	if (!conn || conn->ends[from].fin)
		return;
	element_new(step, conn, from, ELEMENT_FIN);
	conn->ends[from].fin = 1;
}

void search_drop(struct search_step *step, uint32_t phone, uint32_t handle)
{
	uint32_t from;
	struct search_conn *conn = conn_need(step, phone, handle, &from);

	if (conn)
		abort_end(step, conn, from);
}

void search_close_port(struct search_step *step, uint32_t phone)
{
	for (uint32_t i = 0; i < step->state->conn_count; i++)
		if (step->state->conns[i].ends[1].phone == phone &&
		    step->state->conns[i].ends[1].state == END_QUEUED)
			abort_end(step, &step->state->conns[i], 1);
}

/* The first in the listen queue, where the phone takes one now. */
bool search_accept(struct search_step *step, uint32_t phone)
{
	struct search_state *state = step->state;
	struct search_end *first = NULL;
	uint32_t caller = 0, handle;

	for (uint32_t i = 0; i < state->conn_count; i++) {
		struct search_end *end = &state->conns[i].ends[1];
		if (end->phone == phone && end->state == END_QUEUED &&
		    (!first || end->queued < first->queued)) {
			first = end;
			caller = state->conns[i].ends[0].phone;
		}
	}
	handle = first ? pfs_accept_conn(&state->cores[phone]) : PFS_NO_CONN;
	if (handle == PFS_NO_CONN)
		return false;
	for (uint32_t i = 0; i < state->conn_count; i++) {
		struct search_end *end = &state->conns[i].ends[1];
		if (end->phone == phone && end->state == END_QUEUED)
			end->queued--;
	}
	first->state = END_OPEN;
	first->queued = 0;
	first->handle = handle;
	search_phone_step(step, phone,
			  &(struct pfs_event){ .kind = PFS_EV_ACCEPTED,
					       .conn = handle,
					       .address = state->cores[caller].config.address });
	return true;
}

static void queue(struct search_state *state, struct search_end *end)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < state->conn_count; i++)
		waiting += state->conns[i].ends[1].phone == end->phone &&
			   state->conns[i].ends[1].state == END_QUEUED;
	end->state = END_QUEUED;
	end->queued = (uint8_t)(waiting + 1);
}

static void lose(struct search_step *step, struct search_conn *conn, uint32_t number)
{
	uint32_t handle = conn->ends[number].handle, phone = conn->ends[number].phone;

	leave(conn, number, END_CLOSED);
	search_phone_step(step, phone, &(struct pfs_event){ .kind = PFS_EV_LOST, .conn = handle });
}

void search_handshake(struct search_step *step, uint32_t number)
{
	struct search_state *state = step->state;
	struct search_conn *conn = &state->conns[number];
	uint32_t caller = conn->ends[0].phone, callee = conn->ends[1].phone, handle = conn->ends[0].handle;

	switch (conn->phase) {
	case PHASE_SYN:
		conn->latest_us = state->now_us + SEARCH_TICK_US;
		conn->phase = !state->hosts[callee].alive      ? PHASE_LOST
			      : state->cores[callee].port_open ? PHASE_SYN_ACK
							       : PHASE_REFUSED;
		break;
	case PHASE_SYN_ACK:
		conn->phase = PHASE_ESTABLISHED;
		conn->latest_us = 0;
		conn->ends[0].state = END_OPEN;
		if (!state->hosts[callee].alive) {
			conn->ends[1].state = END_DEAD;
		} else if (state->cores[callee].port_open) {
			queue(state, &conn->ends[1]);
		} else {
			element_new(step, conn, 1, ELEMENT_RST);
			conn->ends[1].state = END_CLOSED;
		}
		search_phone_step(step, caller,
				  &(struct pfs_event){ .kind = PFS_EV_CONNECTED, .conn = handle });
		break;
	default: /* PHASE_REFUSED */
		lose(step, conn, 0);
	}
}

/* The core may take a frame's header and its payload in two steps. */
static void feed(struct search_step *step, uint32_t phone, uint32_t handle, struct search_element *element)
{
	uint32_t at = 0;

	while (at < element->length) {
		uint32_t end, taken;
		struct pfs_event event = { .kind = PFS_EV_BYTES,
					   .conn = handle,
					   .data = element->bytes + at,
					   .length = element->length - at,
					   .available =
						   at < element->available ? element->available - at : 0 };
		if (!conn_find(step->state, phone, handle, &end) || step->broken || step->error)
			return;
		search_phone_step(step, phone, &event);
		taken = event.length;
		if (taken == 0) {
			step->broken = "a phone takes the frames that it is given";
			return;
		}
		at += taken;
	}
}

void search_deliver(struct search_step *step, uint32_t number, uint32_t from)
{
	struct search_conn *conn = &step->state->conns[number];
	struct search_end *sender = &conn->ends[from], *to = &conn->ends[from ^ 1];
	struct search_element element = sender->out[0];
	uint32_t phone = to->phone, handle = to->handle;

	memmove(sender->out, sender->out + 1, (SEARCH_ELEMENTS - 1) * sizeof(*sender->out));
	memset(&sender->out[--sender->out_count], 0, sizeof(*sender->out));
	switch (element.kind) {
	case ELEMENT_FRAME:
		feed(step, phone, handle, &element);
		break;
	case ELEMENT_FIN:
		to->fin_heard = 1;
		search_phone_step(step, phone, &(struct pfs_event){ .kind = PFS_EV_EOF, .conn = handle });
		break;
	default: /* ELEMENT_RST */
		if (to->state == END_OPEN) {
			lose(step, conn, from ^ 1);
			break;
		}
		for (uint32_t i = 0; i < step->state->conn_count; i++) {
			struct search_end *other = &step->state->conns[i].ends[1];
			if (other->phone == phone && other->state == END_QUEUED && other->queued > to->queued)
				other->queued--;
		}
		leave(conn, from ^ 1, END_CLOSED);
	}
}

void search_give_up(struct search_step *step, uint32_t number, uint32_t end)
{
	lose(step, &step->state->conns[number], end);
}

/* Nothing is heard of it any more; what it had sent arrives. */
void search_power_off(struct search_step *step, uint32_t phone)
{
	for (uint32_t i = 0; i < step->state->conn_count; i++) {
		struct search_conn *conn = &step->state->conns[i];
		for (uint32_t k = 0; k < 2; k++) {
			struct search_end *other = &conn->ends[k ^ 1];
			bool waits = other->out_count > 0;
			if (conn->ends[k].phone != phone || gone(&conn->ends[k]) ||
			    conn->ends[k].state == END_NONE)
				continue;
			if (conn->phase != PHASE_ESTABLISHED)
				conn->phase = PHASE_LOST;
			leave(conn, k, END_DEAD);
			if (waits && other->give_up_us == PFS_TIME_NEVER && !gone(other))
				other->give_up_us = step->state->now_us + SEARCH_GIVE_UP_US;
		}
	}
}

/* Connections that nobody has any more, and of which nothing is under way. */
void search_sweep(struct search_state *state)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < state->conn_count; i++) {
		const struct search_conn *conn = &state->conns[i];
		bool over = gone(&conn->ends[0]) && (gone(&conn->ends[1]) || conn->ends[1].state == END_NONE);
		if (!over && kept++ != i)
			state->conns[kept - 1] = *conn;
	}
	memset(&state->conns[kept], 0, (state->conn_count - kept) * sizeof(*state->conns));
	state->conn_count = (uint8_t)kept;
}
