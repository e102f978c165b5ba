/*
 * Connection slots and the frames on them. A slot has a generation, and an
 * event that carries an older one is dropped: the phone has forgotten that
 * connection. Nobody closes with unread input, for the kernel would reset and cut
 * off what was sent last: a connection ends by FIN, is read to its end and only then
 * dropped, within PFS_CLOSE_US.
 */
#include "pfs-core/core.h"

static uint16_t next_generation(const struct pfs_conn *conn)
{
	return conn->generation == UINT16_MAX ? 1 : (uint16_t)(conn->generation + 1);
}

uint32_t core_conn_handle(const struct pfs_phone *phone, const struct pfs_conn *conn)
{
	return (uint32_t)conn->generation << 8 | (uint32_t)(conn - phone->conns);
}

struct pfs_conn *core_conn_find(struct pfs_phone *phone, uint32_t handle)
{
	uint32_t slot = pfs_conn_slot(handle);
	struct pfs_conn *conn;

	if (slot >= phone->slots)
		return NULL;
	conn = &phone->conns[slot];
	return conn->role != CONN_FREE && core_conn_handle(phone, conn) == handle ? conn : NULL;
}

static uint32_t free_slot(const struct pfs_phone *phone)
{
	for (uint32_t i = 0; i < phone->slots; i++)
		if (phone->conns[i].role == CONN_FREE)
			return i;
	return PFS_NO_SLOT;
}

/* Slots for the parent and for every child there may be are never given to strangers. */
uint32_t pfs_accept_conn(const struct pfs_phone *phone)
{
	uint32_t vacant = 0, pending = 0, reserved = 1u + phone->fan_out * PFS_HIERARCHIES_MAX;
	uint32_t slot = free_slot(phone);
	const struct pfs_conn *conn;

	if (!phone->port_open || slot == PFS_NO_SLOT)
		return PFS_NO_CONN;
	for (uint32_t i = 0; i < phone->slots; i++) {
		vacant += phone->conns[i].role == CONN_FREE;
		pending += phone->conns[i].role == CONN_PENDING;
		reserved -= phone->conns[i].role == CONN_CHILD;
	}
	reserved -= phone->parent_slot != PFS_NO_SLOT;
	if (vacant <= reserved || pending >= PFS_ACCEPT_SLOTS)
		return PFS_NO_CONN;
	conn = &phone->conns[slot];
	return (uint32_t)next_generation(conn) << 8 | slot;
}

void core_conn_free(struct pfs_phone *phone, struct pfs_conn *conn)
{
	uint16_t generation = conn->generation;

	if (phone->parent_slot == conn - phone->conns)
		phone->parent_slot = PFS_NO_SLOT;
	memset(conn, 0, sizeof(*conn));
	conn->generation = generation;
	conn->deadline_us = PFS_TIME_NEVER;
	conn->beat_us = PFS_TIME_NEVER;
	conn->stall_us = PFS_TIME_NEVER;
}

void core_conn_drop(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	core_act(actions, PFS_ACT_DROP)->conn = core_conn_handle(phone, conn);
	core_conn_free(phone, conn);
}

/* Makes room at the cost of somebody who has said nothing yet, or is leaving. */
static void evict(struct pfs_phone *phone, struct pfs_actions *actions)
{
	struct pfs_conn *victim = NULL;

	for (uint32_t i = 0; i < phone->slots; i++) {
		struct pfs_conn *conn = &phone->conns[i];

		if (conn->role != CONN_PENDING && conn->role != CONN_CLOSING)
			continue;
		if (!victim || (conn->role == CONN_PENDING && victim->role == CONN_CLOSING) ||
		    (conn->role == victim->role && conn->deadline_us < victim->deadline_us))
			victim = conn;
	}
	assert(victim);
	core_conn_drop(phone, actions, victim);
}

struct pfs_conn *core_conn_new(struct pfs_phone *phone, struct pfs_actions *actions, enum conn_role role,
			       uint32_t address)
{
	struct pfs_conn *conn;

	if (free_slot(phone) == PFS_NO_SLOT)
		evict(phone, actions);
	conn = &phone->conns[free_slot(phone)];
	conn->generation = next_generation(conn);
	conn->role = (uint8_t)role;
	conn->address = address;
	conn->file = PFS_NO_FILE;
	return conn;
}

void core_conn_send(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		    const struct wire_frame *frame)
{
	struct pfs_action *action = core_act(actions, PFS_ACT_SEND);

	action->conn = core_conn_handle(phone, conn);
	action->length = pfs_wire_frame_write(frame, action->bytes);
}

void core_conn_finish(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	core_act(actions, PFS_ACT_SHUTDOWN)->conn = core_conn_handle(phone, conn);
	if (phone->parent_slot == conn - phone->conns)
		phone->parent_slot = PFS_NO_SLOT;
	conn->role = CONN_CLOSING;
	conn->deadline_us = phone->now_us + PFS_CLOSE_US;
	conn->beat_us = PFS_TIME_NEVER;
	conn->stall_us = PFS_TIME_NEVER;
	conn->frame_left = 0;
	conn->rx_have = 0;
}

uint64_t core_conn_deadline(const struct pfs_conn *conn)
{
	uint64_t deadline_us = conn->deadline_us;

	if (conn->beat_us < deadline_us)
		deadline_us = conn->beat_us;
	return conn->stall_us < deadline_us ? conn->stall_us : deadline_us;
}

/* The connection is no more, or is given up with `close`; what that means depends on who it was. */
static void lose(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		 enum pfs_loss loss, bool close)
{
	switch (conn->role) {
	case CONN_CHILD:
		core_child_lost(phone, actions, conn, loss, close);
		break;
	case CONN_PARENT:
		core_parent_lost(phone, actions, conn, loss, close);
		break;
	case CONN_DIALLING:
	case CONN_JOINING:
		if (close)
			core_conn_drop(phone, actions, conn);
		else
			core_conn_free(phone, conn);
		core_parent_dial_failed(phone, actions, loss);
		break;
	default:
		if (close)
			core_conn_drop(phone, actions, conn);
		else
			core_conn_free(phone, conn);
	}
}

/* After LOST the caller has closed it; after EOF it is still ours to close. */
void core_conn_gone(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		    enum pfs_loss loss)
{
	if (loss == PFS_LOSS_EOF) {
		/* Both directions end in order, so that the peer sees no reset. */
		if (conn->role != CONN_CLOSING)
			core_act(actions, PFS_ACT_SHUTDOWN)->conn = core_conn_handle(phone, conn);
		lose(phone, actions, conn, loss, true);
		return;
	}
	lose(phone, actions, conn, loss, false);
}

void core_conn_timer(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	if (conn->beat_us <= phone->now_us) {
		conn->beat_us = phone->now_us + PFS_BEAT_US;
		if (conn->role == CONN_CHILD)
			core_child_beat(phone, actions, conn);
		else
			core_parent_beat(phone, actions, conn);
	} else if (conn->stall_us <= phone->now_us) {
		lose(phone, actions, conn, PFS_LOSS_STALLED, true);
	} else {
		lose(phone, actions, conn, PFS_LOSS_SILENT, true);
	}
}

/* --------------------------------------------------------------- frames */

static uint8_t *receive_buffer(struct pfs_phone *phone, struct pfs_conn *conn, uint32_t *room)
{
	if (phone->parent_slot == conn - phone->conns) {
		*room = PFS_PARENT_RX;
		return phone->parent_rx;
	}
	*room = PFS_CHILD_RX;
	return conn->rx;
}

/* What the peer sent is not ours: counted, and the connection ends. */
static void refuse(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		   enum pfs_drop drop)
{
	core_drop_input(phone, actions, drop, conn->address);
	lose(phone, actions, conn, PFS_LOSS_PROTOCOL, true);
}

static void dispatch(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		     const struct wire_frame *frame)
{
	bool ours = true;

	switch (conn->role) {
	case CONN_PENDING:
		ours = frame->type == WIRE_JOIN;
		if (ours)
			core_child_join(phone, actions, conn, frame);
		break;
	case CONN_CHILD:
		ours = frame->type == WIRE_BEAT || frame->type == WIRE_DONE || frame->type == WIRE_BAD;
		if (ours)
			core_child_frame(phone, actions, conn, frame);
		break;
	case CONN_JOINING:
		ours = frame->type == WIRE_ACCEPT || frame->type == WIRE_REDIRECT ||
		       frame->type == WIRE_REFUSE || frame->type == WIRE_FAIL;
		if (ours)
			core_parent_frame(phone, actions, conn, frame);
		break;
	case CONN_PARENT:
		if (frame->type == WIRE_DATA) {
			ours = core_parent_data(phone, actions, conn, frame->offset, frame->length);
			break;
		}
		ours = frame->type == WIRE_ALIVE || frame->type == WIRE_XFRCMD || frame->type == WIRE_FAIL;
		if (ours)
			core_parent_frame(phone, actions, conn, frame);
		break;
	default:
		ours = false;
	}
	if (!ours)
		refuse(phone, actions, conn, PFS_DROP_STATE);
}

static void heard(struct pfs_phone *phone, struct pfs_conn *conn)
{
	if (conn->role == CONN_CHILD || conn->role == CONN_PARENT)
		conn->deadline_us = phone->now_us + PFS_SILENCE_US;
}

/* Gathers one frame's leading bytes; returns how many of the event's it took. */
static uint32_t gather(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		       const uint8_t *bytes, uint32_t count)
{
	uint32_t room, need, took = 0;
	uint8_t *buffer = receive_buffer(phone, conn, &room);
	struct wire_frame frame;
	int refused;

	for (;;) {
		uint32_t more;

		refused = pfs_wire_frame_need(buffer, conn->rx_have, room, &need);
		if (refused || conn->rx_have == need)
			break;
		more = need - conn->rx_have;
		if (more > count - took)
			more = count - took;
		if (more == 0)
			return took;
		memcpy(buffer + conn->rx_have, bytes + took, more);
		conn->rx_have += (uint8_t)more;
		took += more;
	}
	if (!refused)
		refused = pfs_wire_frame_read(buffer, need, &frame);
	conn->rx_have = 0;
	if (refused)
		refuse(phone, actions, conn, (enum pfs_drop)(refused - 1));
	else
		dispatch(phone, actions, conn, &frame);
	return took;
}

uint32_t core_conn_bytes(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
			 const struct pfs_event *event)
{
	uint32_t at = 0;

	heard(phone, conn);
	while (at < event->length && actions->count + ACTIONS_RESERVE <= PFS_ACTIONS_MAX) {
		/* What was handled may have ended this connection. */
		if (conn->role == CONN_FREE || core_conn_handle(phone, conn) != event->conn ||
		    conn->role == CONN_CLOSING)
			return event->length;
		if (conn->frame_left) {
			uint32_t count = event->length - at;

			if (count > conn->frame_left)
				count = conn->frame_left;
			conn->frame_left -= count;
			core_parent_payload(phone, actions, conn, at, count);
			at += count;
			continue;
		}
		assert(event->available > at);
		at += gather(phone, actions, conn, event->data + at, event->available - at);
		if (at == event->available && at < event->length && !conn->frame_left &&
		    conn->role != CONN_FREE && conn->role != CONN_CLOSING)
			return at; /* the rest of a header that is not there yet */
	}
	return at;
}
