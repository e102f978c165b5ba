/*
 * The harness's other phones: claims, frames and connections, composed with
 * the core's own wire format.
 */
#include <stdlib.h>
#include <string.h>

#include "pfs-core/core.h"
#include "tests/unit/phone_harness.h"

/* ---------------------------------------------------------------- claims */

struct wire_claim rig_claim(const struct rig *rig, uint32_t sender, uint32_t strength, uint8_t file)
{
	struct wire_claim claim;

	memset(&claim, 0, sizeof(claim));
	claim.type = WIRE_CLAIM;
	claim.xid = 0x0c000000u | (sender & 0xff);
	claim.map = rig->phone.map;
	claim.strength = strength;
	claim.sender = sender;
	claim.digest = rig->config.files[file].digest;
	memcpy(claim.model, rig->config.model, PFS_MODEL_MAX);
	memcpy(claim.name, rig->config.files[file].name, PFS_NAME_MAX);
	return claim;
}

struct wire_claim rig_answer(const struct rig *rig, uint32_t sender, uint8_t phase, uint32_t strength,
			     uint8_t file)
{
	struct wire_claim claim = rig_claim(rig, sender, strength, file);

	claim.type = WIRE_ANSWER;
	claim.phase = phase;
	return claim;
}

void rig_hear_bytes(struct rig *rig, uint32_t address, const uint8_t *bytes, uint32_t length)
{
	/* A block of its own, so that a sanitizer sees one byte read too many. */
	uint8_t *copy = malloc(length ? length : 1);

	ck_assert_ptr_nonnull(copy);
	if (length)
		memcpy(copy, bytes, length);
	rig_step(rig, (struct pfs_event){ .kind = PFS_EV_DATAGRAM, .address = address, .port = PFS_PORT,
					  .data = copy, .length = length, .available = length });
	free(copy);
}

void rig_hear(struct rig *rig, uint32_t address, const struct wire_claim *claim)
{
	uint8_t bytes[PFS_ACTION_BYTES];

	rig_hear_bytes(rig, address, bytes, pfs_wire_claim_write(claim, bytes));
}

struct wire_claim rig_said(const struct rig *rig)
{
	const struct rig_action *found = NULL, *next;
	struct wire_claim claim;

	for (uint32_t i = 0; (next = rig_find(rig, PFS_ACT_BROADCAST, i)); i++)
		found = next;
	if (!found)
		ck_abort_msg("no broadcast");
	ck_assert_int_eq(pfs_wire_claim_read(found->action.bytes, (uint32_t)found->action.length, &claim), 0);
	return claim;
}

/* ----------------------------------------------------------- connections */

uint32_t rig_accept(struct rig *rig, uint32_t address)
{
	uint32_t conn = pfs_accept_conn(&rig->phone);

	if (conn == PFS_NO_CONN)
		return PFS_NO_CONN;
	ck_assert_uint_eq(rig->live[pfs_conn_slot(conn)], PFS_NO_CONN);
	rig->live[pfs_conn_slot(conn)] = conn;
	rig_step(rig, (struct pfs_event){ .kind = PFS_EV_ACCEPTED, .conn = conn, .address = address });
	return conn;
}

void rig_conn_event(struct rig *rig, enum pfs_event_kind kind, uint32_t conn)
{
	uint32_t slot = pfs_conn_slot(conn);

	if (kind == PFS_EV_LOST && slot < PFS_CONNS_MAX && rig->live[slot] == conn) {
		rig->live[slot] = PFS_NO_CONN;
		rig->shut[slot] = 0;
		rig->owed_sent[slot] = 0;
	}
	rig_step(rig, (struct pfs_event){ .kind = (uint8_t)kind, .conn = conn });
}

void rig_bytes(struct rig *rig, uint32_t conn, const uint8_t *bytes, uint32_t length, uint32_t available)
{
	uint32_t at = 0;

	while (at < length) {
		uint32_t left = available > at ? available - at : 0, took;
		uint8_t *copy = malloc(left ? left : 1);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, bytes + (left ? at : 0), left);
		took = rig_step(rig, (struct pfs_event){ .kind = PFS_EV_BYTES, .conn = conn, .data = copy,
							 .length = length - at, .available = left });
		free(copy);
		ck_assert_uint_gt(took, 0);
		at += took;
	}
}

void rig_frame(struct rig *rig, uint32_t conn, const struct wire_frame *frame)
{
	uint8_t bytes[PFS_ACTION_BYTES];
	uint32_t length = pfs_wire_frame_write(frame, bytes);

	rig_bytes(rig, conn, bytes, length, length);
}

uint32_t rig_dialled(const struct rig *rig, uint32_t *address)
{
	const struct rig_action *found = NULL, *next;

	for (uint32_t i = 0; (next = rig_find(rig, PFS_ACT_CONNECT, i)); i++)
		found = next;
	if (!found)
		ck_abort_msg("no CONNECT");
	if (address)
		*address = found->action.address;
	return found->action.conn;
}

bool rig_frame_sent(const struct rig *rig, uint32_t conn, enum wire_type type, struct wire_frame *frame)
{
	const struct rig_action *sent;
	struct wire_frame read;
	bool found = false;

	for (uint32_t i = 0; (sent = rig_find(rig, PFS_ACT_SEND, i)); i++) {
		if (sent->action.conn != conn)
			continue;
		ck_assert_int_eq(pfs_wire_frame_read(sent->action.bytes, (uint32_t)sent->action.length, &read), 0);
		if (read.type != type)
			continue;
		found = true;
		if (frame)
			*frame = read;
	}
	return found;
}

struct wire_frame rig_join(const struct rig *rig, uint8_t file, uint32_t xid)
{
	struct wire_frame frame;

	memset(&frame, 0, sizeof(frame));
	frame.type = WIRE_JOIN;
	frame.key = core_file_key(&rig->phone, file);
	frame.digest = rig->config.files[file].digest;
	frame.xid = xid;
	frame.weight = 1;
	return frame;
}

struct wire_frame rig_tree(enum wire_type type, uint8_t phase, uint32_t root, uint32_t xid, uint32_t levels,
			   const uint32_t *path)
{
	struct wire_frame frame;

	memset(&frame, 0, sizeof(frame));
	frame.type = (uint8_t)type;
	frame.phase = phase;
	frame.root = root;
	frame.xid = xid;
	frame.server = RIG_SERVER;
	frame.level = (uint8_t)levels;
	frame.path_count = (uint8_t)levels;
	memcpy(frame.path, path, levels * sizeof(*path));
	return frame;
}

void rig_data(struct rig *rig, uint32_t conn, uint64_t offset, uint64_t length)
{
	struct wire_frame frame = { .type = WIRE_DATA, .offset = offset, .length = length };
	uint8_t bytes[PFS_ACTION_BYTES];
	uint32_t header = pfs_wire_frame_write(&frame, bytes);

	rig_bytes(rig, conn, bytes, header + (uint32_t)length, header);
}

void rig_sent(struct rig *rig, uint32_t conn)
{
	uint32_t slot = pfs_conn_slot(conn);

	ck_assert_uint_gt(rig->owed_sent[slot], 0);
	rig->owed_sent[slot]--;
	rig_conn_event(rig, PFS_EV_SENT, conn);
}

uint32_t rig_member(struct rig *rig, uint32_t root, uint32_t xid)
{
	struct wire_claim answer = rig_answer(rig, root, TREE_TFTP, 0xf0000000u, rig->phone.file);
	struct wire_frame accept = rig_tree(WIRE_ACCEPT, TREE_TFTP, root, xid, 1, &root);
	uint32_t conn, address;

	answer.xid = xid;
	rig_mark(rig);
	rig_hear(rig, root, &answer);
	rig_until(rig, PFS_ST_JOINING, 5 * PFS_S);
	conn = rig_dialled(rig, &address);
	ck_assert_uint_eq(address, root);
	rig_conn_event(rig, PFS_EV_CONNECTED, conn);
	rig_frame(rig, conn, &accept);
	ck_assert_str_eq(pfs_state_name(rig->phone.state), "member");
	return conn;
}

uint32_t rig_child(struct rig *rig, uint32_t address, uint8_t file, uint32_t xid)
{
	struct wire_frame join = rig_join(rig, file, xid);
	uint32_t conn = rig_accept(rig, address);

	ck_assert_uint_ne(conn, PFS_NO_CONN);
	rig_frame(rig, conn, &join);
	return conn;
}
