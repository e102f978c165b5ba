/*
 * The wire format. One cursor writes, one reads; the reader's error is sticky
 * and is looked at once, at the end. What is not ours is refused with a reason
 * that the caller counts.
 */
#include "pfs-core/core.h"

_Static_assert(WIRE_FRAME_HEADER + 28 <= PFS_CHILD_RX, "JOIN fits");
_Static_assert(WIRE_FRAME_HEADER + 20 + 4 * PFS_LEVELS_MAX <= PFS_PARENT_RX, "the longest path fits");
_Static_assert(WIRE_FRAME_HEADER + 20 + 4 * PFS_LEVELS_MAX <= PFS_ACTION_BYTES, "and fits an action");

struct cursor {
	uint8_t *to;
	const uint8_t *from;
	uint32_t at, end;
	bool error;
};

static void put(struct cursor *cursor, uint64_t value, uint32_t octets)
{
	while (octets--)
		cursor->to[cursor->at++] = (uint8_t)(value >> (8 * octets));
}

static uint64_t get(struct cursor *cursor, uint32_t octets)
{
	uint64_t value = 0;

	if (cursor->end - cursor->at < octets) {
		cursor->error = true;
		cursor->at = cursor->end;
		return 0;
	}
	while (octets--)
		value = value << 8 | cursor->from[cursor->at++];
	return value;
}

static void get_text(struct cursor *cursor, char *text, uint32_t octets)
{
	if (cursor->end - cursor->at < octets) {
		cursor->error = true;
		return;
	}
	memcpy(text, cursor->from + cursor->at, octets);
	cursor->at += octets;
}

uint32_t pfs_wire_claim_write(const struct wire_claim *claim, uint8_t bytes[PFS_ACTION_BYTES])
{
	struct cursor cursor = { .to = bytes };
	uint32_t name_length = (uint32_t)strnlen(claim->name, PFS_NAME_MAX - 1);

	put(&cursor, WIRE_MAGIC, 2);
	put(&cursor, WIRE_VERSION, 1);
	put(&cursor, claim->type, 1);
	put(&cursor, 0, 2); /* length, below */
	put(&cursor, claim->ad, 1);
	put(&cursor, claim->phase, 1);
	put(&cursor, claim->xid, 4);
	put(&cursor, claim->key, 4);
	put(&cursor, claim->map, 4);
	put(&cursor, claim->strength, 4);
	put(&cursor, claim->sender, 4);
	put(&cursor, claim->avoid, 4);
	put(&cursor, claim->remaining_ms, 4);
	put(&cursor, claim->digest, 8);
	memcpy(bytes + cursor.at, claim->model, PFS_MODEL_MAX);
	cursor.at += PFS_MODEL_MAX;
	put(&cursor, name_length, 1);
	memcpy(bytes + cursor.at, claim->name, name_length);
	cursor.at += name_length;
	bytes[4] = (uint8_t)(cursor.at >> 8);
	bytes[5] = (uint8_t)cursor.at;
	return cursor.at;
}

int pfs_wire_claim_read(const uint8_t *bytes, uint32_t length, struct wire_claim *claim)
{
	struct cursor cursor = { .from = bytes, .end = length };
	uint32_t name_length;

	memset(claim, 0, sizeof(*claim));
	if (length < WIRE_FRAME_HEADER)
		return PFS_DROP_SHORT + 1;
	if (get(&cursor, 2) != WIRE_MAGIC)
		return PFS_DROP_MAGIC + 1;
	if (get(&cursor, 1) != WIRE_VERSION)
		return PFS_DROP_VERSION + 1;
	claim->type = (uint8_t)get(&cursor, 1);
	if (claim->type != WIRE_CLAIM && claim->type != WIRE_ANSWER)
		return PFS_DROP_TYPE + 1;
	if (get(&cursor, 2) != length)
		return PFS_DROP_SHORT + 1;
	claim->ad = (uint8_t)get(&cursor, 1);
	claim->phase = (uint8_t)get(&cursor, 1);
	claim->xid = (uint32_t)get(&cursor, 4);
	claim->key = (uint32_t)get(&cursor, 4);
	claim->map = (uint32_t)get(&cursor, 4);
	claim->strength = (uint32_t)get(&cursor, 4);
	claim->sender = (uint32_t)get(&cursor, 4);
	claim->avoid = (uint32_t)get(&cursor, 4);
	claim->remaining_ms = (uint32_t)get(&cursor, 4);
	claim->digest = get(&cursor, 8);
	get_text(&cursor, claim->model, PFS_MODEL_MAX);
	name_length = (uint32_t)get(&cursor, 1);
	if (name_length >= PFS_NAME_MAX)
		return PFS_DROP_SHORT + 1;
	get_text(&cursor, claim->name, name_length);
	if (cursor.error || cursor.at != length || claim->model[PFS_MODEL_MAX - 1])
		return PFS_DROP_SHORT + 1;
	if (claim->ad >= 16 || claim->phase >= TREE_PHASES)
		return PFS_DROP_TYPE + 1;
	return 0;
}

/* The state of a tree, as ACCEPT, ALIVE and XFRCMD carry it. */
static void put_tree(struct cursor *cursor, const struct wire_frame *frame)
{
	put(cursor, frame->root, 4);
	put(cursor, frame->xid, 4);
	put(cursor, frame->server, 4);
	put(cursor, frame->progress_kb, 4);
	put(cursor, frame->phase, 1);
	put(cursor, frame->level, 1);
	put(cursor, frame->tried, 1);
	put(cursor, frame->path_count, 1);
	for (uint32_t i = 0; i < frame->path_count; i++)
		put(cursor, frame->path[i], 4);
}

static void get_tree(struct cursor *cursor, struct wire_frame *frame)
{
	frame->root = (uint32_t)get(cursor, 4);
	frame->xid = (uint32_t)get(cursor, 4);
	frame->server = (uint32_t)get(cursor, 4);
	frame->progress_kb = (uint32_t)get(cursor, 4);
	frame->phase = (uint8_t)get(cursor, 1);
	frame->level = (uint8_t)get(cursor, 1);
	frame->tried = (uint8_t)get(cursor, 1);
	frame->path_count = (uint8_t)get(cursor, 1);
	if (frame->path_count > PFS_LEVELS_MAX || frame->phase >= TREE_PHASES) {
		cursor->error = true;
		frame->path_count = 0;
	}
	for (uint32_t i = 0; i < frame->path_count; i++)
		frame->path[i] = (uint32_t)get(cursor, 4);
}

uint32_t pfs_wire_frame_write(const struct wire_frame *frame, uint8_t bytes[PFS_ACTION_BYTES])
{
	struct cursor cursor = { .to = bytes };
	uint32_t payload;

	put(&cursor, WIRE_MAGIC, 2);
	put(&cursor, WIRE_VERSION, 1);
	put(&cursor, frame->type, 1);
	put(&cursor, 0, 4);
	switch (frame->type) {
	case WIRE_JOIN:
		put(&cursor, frame->key, 4);
		put(&cursor, frame->digest, 8);
		put(&cursor, frame->xid, 4);
		put(&cursor, frame->weight, 4);
		put(&cursor, frame->avoid, 4);
		put(&cursor, frame->lost, 4);
		break;
	case WIRE_BEAT:
		put(&cursor, frame->weight, 4);
		break;
	case WIRE_ACCEPT:
	case WIRE_ALIVE:
	case WIRE_XFRCMD:
		put_tree(&cursor, frame);
		break;
	case WIRE_REDIRECT:
		put(&cursor, frame->target, 4);
		break;
	case WIRE_REFUSE:
		put(&cursor, frame->reason, 4);
		put(&cursor, frame->root, 4);
		put(&cursor, frame->xid, 4);
		put(&cursor, frame->retry_ms, 4);
		break;
	case WIRE_FAIL:
		put(&cursor, frame->reason, 2);
		put(&cursor, frame->tried, 2);
		break;
	case WIRE_DATA:
		put(&cursor, frame->offset, 8);
		break;
	default:
		break;
	}
	payload = cursor.at - WIRE_FRAME_HEADER + (frame->type == WIRE_DATA ? (uint32_t)frame->length : 0);
	bytes[4] = (uint8_t)(payload >> 24);
	bytes[5] = (uint8_t)(payload >> 16);
	bytes[6] = (uint8_t)(payload >> 8);
	bytes[7] = (uint8_t)payload;
	return cursor.at;
}

int pfs_wire_frame_need(const uint8_t *bytes, uint32_t have, uint32_t room, uint32_t *need)
{
	struct cursor cursor = { .from = bytes, .end = have };
	uint32_t type, length;

	if (have < WIRE_FRAME_HEADER) {
		*need = WIRE_FRAME_HEADER;
		return 0;
	}
	if (get(&cursor, 2) != WIRE_MAGIC)
		return PFS_DROP_MAGIC + 1;
	if (get(&cursor, 1) != WIRE_VERSION)
		return PFS_DROP_VERSION + 1;
	type = (uint32_t)get(&cursor, 1);
	length = (uint32_t)get(&cursor, 4);
	if (type == WIRE_DATA) {
		*need = WIRE_DATA_HEADER;
		return length < WIRE_DATA_HEADER - WIRE_FRAME_HEADER ? PFS_DROP_SHORT + 1 : 0;
	}
	if (length > room - WIRE_FRAME_HEADER)
		return PFS_DROP_SHORT + 1;
	*need = WIRE_FRAME_HEADER + length;
	return 0;
}

int pfs_wire_frame_read(const uint8_t *bytes, uint32_t have, struct wire_frame *frame)
{
	struct cursor cursor = { .from = bytes, .at = 3, .end = have };
	uint32_t length;
	uint64_t reason;

	memset(frame, 0, sizeof(*frame));
	frame->type = (uint8_t)get(&cursor, 1);
	length = (uint32_t)get(&cursor, 4);
	switch (frame->type) {
	case WIRE_JOIN:
		frame->key = (uint32_t)get(&cursor, 4);
		frame->digest = get(&cursor, 8);
		frame->xid = (uint32_t)get(&cursor, 4);
		frame->weight = (uint32_t)get(&cursor, 4);
		frame->avoid = (uint32_t)get(&cursor, 4);
		frame->lost = (uint32_t)get(&cursor, 4);
		break;
	case WIRE_BEAT:
		frame->weight = (uint32_t)get(&cursor, 4);
		break;
	case WIRE_DONE:
	case WIRE_BAD:
		break;
	case WIRE_ACCEPT:
	case WIRE_ALIVE:
	case WIRE_XFRCMD:
		get_tree(&cursor, frame);
		break;
	case WIRE_REDIRECT:
		frame->target = (uint32_t)get(&cursor, 4);
		break;
	case WIRE_REFUSE:
		reason = get(&cursor, 4);
		if (reason >= PFS_REFUSALS)
			cursor.error = true;
		frame->reason = (uint8_t)reason;
		frame->root = (uint32_t)get(&cursor, 4);
		frame->xid = (uint32_t)get(&cursor, 4);
		frame->retry_ms = (uint32_t)get(&cursor, 4);
		break;
	case WIRE_FAIL:
		frame->reason = (uint8_t)get(&cursor, 2);
		frame->tried = (uint8_t)get(&cursor, 2);
		break;
	case WIRE_DATA:
		frame->offset = get(&cursor, 8);
		frame->length = length - (WIRE_DATA_HEADER - WIRE_FRAME_HEADER);
		break;
	default:
		return PFS_DROP_TYPE + 1;
	}
	if (cursor.error || cursor.at != have)
		return PFS_DROP_SHORT + 1;
	return 0;
}
