/*
 * The parent's side of a hierarchy: at most two children each (F3; as many as
 * the fan-out where a what-if says another one), a full
 * parent sends a joiner to its lighter subtree, and a child gets the whole file
 * once it is complete and verified here, and not before (F4).
 *
 * A subtree weighs what was accepted and sent there; without failures that
 * keeps the tree's halves equal, so its depth is the least possible. With
 * failures the children's beats correct it.
 */
#include "pfs-core/core.h"

#define WEIGHT_SETTLED_S                                                                                     \
	((uint32_t)(2 * PFS_BEAT_US / PFS_S)) /* joiners sent there have arrived or failed by then */

#define WEIGHT_MAX 65536u

static bool is_child(const struct pfs_conn *conn, uint8_t file)
{
	return conn->role == CONN_CHILD && conn->file == file;
}

uint32_t core_children_count(const struct pfs_phone *phone, uint8_t file)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < phone->slots; i++)
		count += is_child(&phone->conns[i], file);
	return count;
}

uint32_t core_children_weight(const struct pfs_phone *phone, uint8_t file)
{
	uint32_t weight = 0;

	for (uint32_t i = 0; i < phone->slots; i++)
		if (is_child(&phone->conns[i], file))
			weight += phone->conns[i].weight;
	return weight;
}

/* Whether a child of that file would not make a hierarchy too many; the current file has its place. */
static bool children_room(const struct pfs_phone *phone, uint8_t file)
{
	uint32_t others = 0;

	for (uint8_t i = 0; i < phone->config.file_count; i++)
		others += i != file &&
			  (core_children_count(phone, i) > 0 || (i == phone->file && !phone->upgraded));
	return others < PFS_HIERARCHIES_MAX;
}

/* The state of the tree as a child of `file` is to hear it. */
static void tree_fill(const struct pfs_phone *phone, struct wire_frame *frame, uint8_t file,
		      enum wire_type type)
{
	memset(frame, 0, sizeof(*frame));
	frame->type = (uint8_t)type;
	frame->server = phone->config.tftp_server;
	frame->tried = phone->roots_tried;
	frame->level = phone->levels[file];
	if (core_holds(phone, file)) {
		frame->phase = TREE_HOLDING;
		frame->root = phone->config.address;
		frame->progress_kb = (uint32_t)(phone->config.files[file].size / 1024);
		frame->path[frame->path_count++] = phone->config.address;
		return;
	}
	frame->phase = phone->tree_phase;
	frame->root = phone->root_address;
	frame->xid = phone->tree_xid;
	frame->progress_kb = core_is_root(phone) || phone->state == PFS_ST_RECEIVING
				     ? (uint32_t)(phone->received / 1024)
				     : phone->progress_kb;
	for (uint32_t i = 0; i < phone->path_count && i + 1 < PFS_LEVELS_MAX; i++)
		frame->path[frame->path_count++] = phone->path[i];
	frame->path[frame->path_count++] = phone->config.address;
}

static void tell(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		 enum wire_type type)
{
	struct wire_frame frame;

	tree_fill(phone, &frame, conn->file, type);
	core_conn_send(phone, actions, conn, &frame);
	conn->beat_us = phone->now_us + PFS_BEAT_US;
}

void core_child_beat(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	tell(phone, actions, conn, WIRE_ALIVE);
}

void core_children_tell(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file,
			enum wire_type type)
{
	for (uint32_t i = 0; i < phone->slots; i++)
		if (is_child(&phone->conns[i], file))
			tell(phone, actions, &phone->conns[i], type);
}

/* ------------------------------------------------------------ forwarding */

/*
 * A whole file that is verified, and nothing of any other (F4). What-if: also
 * what has come of the current one so far, but for its last byte, which waits
 * for the verdict here. So nobody completes a file that its parent has not found
 * good, and a bad digest blames whom it should.
 */
uint64_t core_forwardable(const struct pfs_phone *phone, uint8_t file)
{
	uint64_t size = phone->config.files[file].size;

	if (core_holds(phone, file))
		return size;
	if (!phone->config.forward_early || file != phone->file)
		return 0;
	return phone->received < size || size == 0 ? phone->received : size - 1;
}

/*
 * What was received is no more, and what was sent on of it no good: the next
 * frame to each child begins the file anew.
 */
void core_received_forget(struct pfs_phone *phone)
{
	phone->received = 0;
	for (uint32_t i = 0; i < phone->slots; i++)
		if (is_child(&phone->conns[i], phone->file))
			phone->conns[i].sent = 0;
}

/* One DATA frame; the next when TCP has taken this one. */
static void send_chunk(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	uint64_t end = core_forwardable(phone, conn->file);
	struct wire_frame frame;
	struct pfs_action *action;

	assert(core_holds(phone, conn->file) || end > conn->sent);
	memset(&frame, 0, sizeof(frame));
	frame.type = WIRE_DATA;
	frame.offset = conn->sent;
	frame.length = end - conn->sent < PFS_CHUNK_BYTES ? end - conn->sent : PFS_CHUNK_BYTES;
	core_conn_send(phone, actions, conn, &frame);
	conn->sent += frame.length;
	conn->beat_us = phone->now_us + PFS_BEAT_US;
	if (frame.length == 0) {
		conn->sending = 0;
		conn->stall_us = phone->now_us + PFS_VERDICT_US;
		return;
	}
	action = core_act(actions, PFS_ACT_SEND_FILE);
	action->conn = core_conn_handle(phone, conn);
	action->file = conn->file;
	action->offset = frame.offset;
	action->length = frame.length;
	conn->sending = 1;
	conn->stall_us = phone->now_us + PFS_READER_STALL_US;
}

/* Before the file is whole; each piece once there is enough of it. */
static void send_early(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	uint64_t end = core_forwardable(phone, conn->file);

	if (conn->sending || end < conn->sent + PFS_EARLY_BYTES)
		return;
	send_chunk(phone, actions, conn);
}

void core_children_early(struct pfs_phone *phone, struct pfs_actions *actions)
{
	if (!phone->config.forward_early)
		return;
	for (uint32_t i = 0; i < phone->slots; i++)
		if (is_child(&phone->conns[i], phone->file))
			send_early(phone, actions, &phone->conns[i]);
}

void core_child_sent(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	conn->sending = 0;
	if (!core_holds(phone, conn->file)) {
		/* It waits for more, and its parent for it: nobody stands still here. */
		conn->stall_us = PFS_TIME_NEVER;
		send_early(phone, actions, conn);
		return;
	}
	/* Beats alone do not keep a slot: a hierarchy that never ends would hold up the next file. */
	conn->stall_us = phone->now_us + PFS_VERDICT_US;
	if (conn->sent < phone->config.files[conn->file].size)
		send_chunk(phone, actions, conn);
}

void core_children_serve(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file)
{
	for (uint32_t i = 0; i < phone->slots; i++)
		if (is_child(&phone->conns[i], file) && !phone->conns[i].sending)
			send_chunk(phone, actions, &phone->conns[i]);
}

/* --------------------------------------------------------------- joiners */

static void refuse_join(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
			uint8_t file, enum pfs_refusal refusal)
{
	struct wire_frame frame;
	struct pfs_trace *record;

	memset(&frame, 0, sizeof(frame));
	frame.type = WIRE_REFUSE;
	frame.reason = (uint8_t)refusal;
	frame.retry_ms = (uint32_t)(PFS_BUSY_RETRY_US / PFS_MS);
	if (refusal == PFS_REFUSE_STRANGER && file != PFS_NO_FILE && file == phone->file) {
		if (phone->tree_xid) {
			frame.root = phone->root_address;
			frame.xid = phone->tree_xid;
		} else if (phone->state == PFS_ST_FOLLOWING) {
			frame.root = phone->leader;
			frame.xid = phone->leader_xid;
		}
	}
	core_conn_send(phone, actions, conn, &frame);
	record = core_trace(phone, actions, PFS_TR_REFUSED);
	record->file = file;
	record->address = conn->address;
	record->a = refusal;
	core_conn_finish(phone, actions, conn);
}

/*
 * In the tree that the joiner means, or in possession of the file, or below
 * somebody who is: a holder's tree has no claim of its own, and is anybody's.
 */
static bool belongs(const struct pfs_phone *phone, uint8_t file, uint32_t xid)
{
	if (core_holds(phone, file))
		return true;
	if (file != phone->file ||
	    (phone->tree_phase != TREE_HOLDING && (phone->tree_xid == 0 || phone->tree_xid != xid)))
		return false;
	return core_is_root(phone) || phone->state == PFS_ST_MEMBER || phone->state == PFS_ST_RECEIVING ||
	       (phone->state == PFS_ST_VERIFYING && !phone->verifying_from_server);
}

/* Or the phone itself. */
static bool is_ancestor(const struct pfs_phone *phone, uint8_t file, uint32_t address)
{
	if (address == phone->config.address)
		return true; /* two phones with one address: whoever it is, no tree can have both */
	if (file != phone->file || core_holds(phone, file))
		return false;
	for (uint32_t i = 0; i < phone->path_count; i++)
		if (phone->path[i] == address)
			return true;
	return false;
}

static uint32_t now_s(const struct pfs_phone *phone)
{
	return (uint32_t)(phone->now_us / PFS_S);
}

/* Its silence began when its deadline was last put off. */
static bool quiet(const struct pfs_phone *phone, const struct pfs_conn *child)
{
	return child->deadline_us < phone->now_us + PFS_SILENCE_US - PFS_BEAT_US - PFS_S;
}

/* A child that joins anew, or that its own orphan says is gone and that has been quiet, is no child any more.
 */
static void forget_stale(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file, uint32_t joiner,
			 uint32_t gone)
{
	for (uint32_t i = 0; i < phone->slots; i++) {
		struct pfs_conn *child = &phone->conns[i];

		if (!is_child(child, file))
			continue;
		if (child->address == joiner)
			core_child_lost(phone, actions, child, PFS_LOSS_RESET, true);
		else if (child->address == gone && quiet(phone, child))
			core_child_lost(phone, actions, child, PFS_LOSS_SILENT, true);
	}
}

static void accept_child(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
			 uint8_t file, uint32_t weight)
{
	uint32_t slot = core_children_count(phone, file);
	struct pfs_trace *record;

	conn->role = CONN_CHILD;
	conn->file = file;
	conn->weight = weight;
	conn->weight_s = now_s(phone);
	conn->deadline_us = phone->now_us + PFS_SILENCE_US;
	record = core_trace(phone, actions, PFS_TR_CHILD);
	record->file = file;
	record->address = conn->address;
	record->a = slot;
	record->c = weight;
	tell(phone, actions, conn, WIRE_ACCEPT);
	if (core_holds(phone, file))
		send_chunk(phone, actions, conn);
	else
		send_early(phone, actions, conn);
}

/* To the lighter subtree, but not to the child that the joiner could not use. */
static bool redirect(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		     uint8_t file, const struct wire_frame *join)
{
	struct pfs_conn *lighter = NULL;
	struct wire_frame frame;
	struct pfs_trace *record;

	for (uint32_t i = 0; i < phone->slots; i++) {
		struct pfs_conn *child = &phone->conns[i];

		if (!is_child(child, file) || child->address == join->avoid || child->address == join->lost)
			continue;
		if (!lighter || child->weight < lighter->weight)
			lighter = child;
	}
	if (!lighter)
		return false;
	lighter->weight += join->weight;
	lighter->weight_s = now_s(phone);
	memset(&frame, 0, sizeof(frame));
	frame.type = WIRE_REDIRECT;
	frame.target = lighter->address;
	core_conn_send(phone, actions, conn, &frame);
	record = core_trace(phone, actions, PFS_TR_REDIRECTED);
	record->file = file;
	record->address = conn->address;
	record->b = lighter->address;
	core_conn_finish(phone, actions, conn);
	return true;
}

/* A peer's word for its subtree, kept where sums of it cannot wrap: a subnet has no more phones than that. */
static uint32_t believable(uint32_t weight)
{
	return weight == 0 ? 1 : weight > WEIGHT_MAX ? WEIGHT_MAX : weight;
}

/* The key as well: the same bytes may be another model's hierarchy (F6), or another file's (F5). */
static uint8_t file_meant(const struct pfs_phone *phone, const struct wire_frame *join)
{
	for (uint8_t i = 0; i < phone->config.file_count; i++)
		if (phone->config.files[i].digest == join->digest && core_file_key(phone, i) == join->key)
			return i;
	return PFS_NO_FILE;
}

void core_child_join(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		     const struct wire_frame *frame)
{
	uint8_t file = file_meant(phone, frame);
	uint32_t weight = believable(frame->weight);
	struct wire_frame join = *frame;

	join.weight = weight;
	if (file == PFS_NO_FILE || ((conn->address ^ phone->config.address) & phone->config.netmask)) {
		refuse_join(phone, actions, conn, file, PFS_REFUSE_STRANGER);
		return;
	}
	forget_stale(phone, actions, file, conn->address, frame->lost ? frame->lost : frame->avoid);
	if (phone->linger_us != PFS_TIME_NEVER)
		phone->linger_us = phone->now_us + PFS_LINGER_US;
	if (!belongs(phone, file, frame->xid))
		refuse_join(phone, actions, conn, file, PFS_REFUSE_STRANGER);
	else if (is_ancestor(phone, file, conn->address))
		refuse_join(phone, actions, conn, file, PFS_REFUSE_CYCLE);
	else if (phone->levels[file] + 1 >= PFS_LEVELS_MAX)
		refuse_join(phone, actions, conn, file, PFS_REFUSE_DEEP);
	else if (!children_room(phone, file))
		refuse_join(phone, actions, conn, file, PFS_REFUSE_BUSY);
	else if (core_children_count(phone, file) < phone->fan_out)
		accept_child(phone, actions, conn, file, weight);
	else if (!redirect(phone, actions, conn, file, &join))
		refuse_join(phone, actions, conn, file, PFS_REFUSE_BUSY);
}

/* ---------------------------------------------------------------- leaving */

void core_child_frame(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		      const struct wire_frame *frame)
{
	struct pfs_trace *record;

	if (frame->type == WIRE_BEAT) {
		if (now_s(phone) - conn->weight_s > WEIGHT_SETTLED_S)
			conn->weight = believable(frame->weight);
		return;
	}
	record = core_trace(phone, actions, PFS_TR_CHILD_DONE);
	record->file = conn->file;
	record->address = conn->address;
	record->a = frame->type == WIRE_DONE;
	if (phone->linger_us != PFS_TIME_NEVER)
		phone->linger_us = phone->now_us + PFS_LINGER_US;
	core_conn_finish(phone, actions, conn);
}

void core_child_lost(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		     enum pfs_loss loss, bool close)
{
	struct pfs_trace *record = core_trace(phone, actions, PFS_TR_CHILD_LOST);

	record->file = conn->file;
	record->address = conn->address;
	record->a = loss;
	if (close)
		core_conn_drop(phone, actions, conn);
	else
		core_conn_free(phone, conn);
}

/* The file cannot be had: every child hears why and is let go. */
void core_children_fail(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file,
			enum pfs_failure failure)
{
	struct pfs_trace *record;
	struct wire_frame frame;

	memset(&frame, 0, sizeof(frame));
	frame.type = WIRE_FAIL;
	frame.reason = (uint8_t)failure;
	frame.tried = phone->roots_tried;
	for (uint32_t i = 0; i < phone->slots; i++) {
		if (!is_child(&phone->conns[i], file))
			continue;
		/* It is our child no longer: the trace says so, as for any other that goes. */
		record = core_trace(phone, actions, PFS_TR_CHILD_LOST);
		record->file = file;
		record->address = phone->conns[i].address;
		record->a = PFS_LOSS_FAILED;
		core_conn_send(phone, actions, &phone->conns[i], &frame);
		core_conn_finish(phone, actions, &phone->conns[i]);
	}
}
