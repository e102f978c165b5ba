/*
 * The child's side of a hierarchy: dial, JOIN, wait for the file, take it,
 * verify it, and what to do when the parent is lost.
 *
 * Losses are mended inside the subnet. An orphan keeps its subtree, goes to its
 * grandparent, then to the root, both known from the path that comes down with
 * every ALIVE; only where neither takes it, it stands for election again
 * after a random wait, and whoever wins fetches the file for all.
 */
#include "pfs-core/core.h"

void core_parent_dial(struct pfs_phone *phone, struct pfs_actions *actions, uint32_t address, uint32_t xid)
{
	struct pfs_conn *conn = core_conn_new(phone, actions, CONN_DIALLING, address);
	struct pfs_trace *record;
	struct pfs_action *action;

	assert(phone->parent_slot == PFS_NO_SLOT);
	phone->parent_slot = (uint8_t)(conn - phone->conns);
	phone->dial = address;
	phone->dial_xid = xid;
	conn->file = phone->file;
	conn->deadline_us = phone->now_us + PFS_CONNECT_US;
	core_state_set(phone, PFS_ST_JOINING, PFS_TIME_NEVER);
	record = core_trace(phone, actions, PFS_TR_JOINING);
	record->address = address;
	record->a = phone->hops;
	action = core_act(actions, PFS_ACT_CONNECT);
	action->conn = core_conn_handle(phone, conn);
	action->address = address;
}

void core_parent_connected(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	struct wire_frame frame;

	memset(&frame, 0, sizeof(frame));
	frame.type = WIRE_JOIN;
	frame.key = core_file_key(phone, phone->file);
	frame.digest = phone->config.files[phone->file].digest;
	frame.xid = phone->dial_xid;
	frame.weight = 1 + core_children_weight(phone, phone->file);
	frame.avoid = phone->avoid;
	frame.lost = phone->lost;
	conn->role = CONN_JOINING;
	conn->deadline_us = phone->now_us + PFS_JOIN_US;
	core_conn_send(phone, actions, conn, &frame);
}

/* Whether going there can be of any use. */
static bool usable(const struct pfs_phone *phone, uint32_t address)
{
	return address && address != phone->config.address && !core_blamed(phone, address) &&
	       ((address ^ phone->config.address) & phone->config.netmask) == 0;
}

/* The next ancestor to ask; false where none is left. */
static bool rejoin_next(struct pfs_phone *phone, struct pfs_actions *actions)
{
	while (phone->rejoin < REJOIN_ROOT) {
		uint32_t address = 0;

		phone->rejoin++;
		if (phone->rejoin == REJOIN_GRANDPARENT && phone->path_count >= 2)
			address = phone->path[phone->path_count - 2];
		else if (phone->rejoin == REJOIN_ROOT && phone->path_count >= 3)
			address = phone->path[0];
		if (usable(phone, address) && address != phone->lost) {
			core_parent_dial(phone, actions, address, phone->tree_xid);
			return true;
		}
	}
	return false;
}

/* The connection is gone already. */
void core_parent_dial_failed(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_loss loss)
{
	uint32_t origin = phone->dial_origin;

	if (phone->hops >= PFS_HOPS_MAX) {
		core_election_again(phone, actions, loss, 0);
		return;
	}
	phone->hops++;
	if (origin && origin != phone->dial) {
		/* Sent there by somebody: tell them that it was of no use. */
		phone->avoid = phone->dial;
		phone->dial_origin = 0;
		core_parent_dial(phone, actions, origin, phone->dial_xid);
		return;
	}
	if (phone->rejoin != REJOIN_NONE) {
		if (!rejoin_next(phone, actions))
			core_election_again(phone, actions, loss, 0);
		return;
	}
	if (phone->deaf_leader == phone->dial)
		core_blame(phone, actions, phone->dial, loss, PFS_BLAME_DEAF_US);
	phone->deaf_leader = phone->dial;
	core_election_again(phone, actions, loss, 0);
}

/* ------------------------------------------------------ the tree's state */

static void watch_root(struct pfs_phone *phone)
{
	phone->root_deadline_us =
		phone->now_us + PFS_ROOT_STALL_US + phone->levels[phone->file] * PFS_BEAT_US;
}

/*
 * ACCEPT, ALIVE or XFRCMD. False where it shows that we are our own ancestor, or
 * deeper than any tree: then the parent is to be left.
 */
static bool tree_heard(struct pfs_phone *phone, struct pfs_actions *actions, const struct wire_frame *frame)
{
	bool news = frame->xid != phone->tree_xid || frame->phase != phone->tree_phase ||
		    frame->root != phone->root_address || frame->path_count != phone->path_count ||
		    memcmp(frame->path, phone->path, frame->path_count * sizeof(frame->path[0]));

	for (uint32_t i = 0; i < frame->path_count; i++)
		if (frame->path[i] == phone->config.address)
			return false;
	if (frame->level + 1 >= PFS_LEVELS_MAX)
		return false;
	if (news || frame->progress_kb != phone->progress_kb ||
	    (frame->phase == TREE_RETRYING && phone->now_us < phone->root_patience_us))
		watch_root(phone);
	memcpy(phone->path, frame->path, sizeof(phone->path));
	phone->path_count = frame->path_count;
	phone->tree_xid = frame->xid;
	phone->tree_phase = frame->phase;
	phone->root_address = frame->root;
	phone->progress_kb = frame->progress_kb;
	phone->levels[phone->file] = frame->level + 1;
	if (news)
		core_children_tell(phone, actions, phone->file,
				   frame->type == WIRE_XFRCMD ? WIRE_XFRCMD : WIRE_ALIVE);
	if (frame->type == WIRE_XFRCMD)
		core_trace(phone, actions, PFS_TR_XFRCMD_HEARD)->address = frame->root;
	return true;
}

static void joined(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		   const struct wire_frame *frame)
{
	struct pfs_trace *record;

	conn->role = CONN_PARENT;
	conn->deadline_us = phone->now_us + PFS_SILENCE_US;
	conn->beat_us = phone->now_us + PFS_BEAT_US;
	phone->rejoin = REJOIN_NONE;
	phone->dial_origin = 0;
	phone->avoid = 0;
	phone->lost = 0;
	core_received_forget(phone);
	phone->root_limit_us = phone->now_us + PFS_BUSY_LIMIT_US +
			       phone->config.files[phone->file].size * PFS_S / PFS_ROOT_RATE_MIN;
	phone->root_patience_us = phone->now_us + PFS_ROOT_PATIENCE_US;
	core_state_set(phone, PFS_ST_MEMBER, PFS_TIME_NEVER);
	watch_root(phone);
	if (!tree_heard(phone, actions, frame)) {
		core_parent_lost(phone, actions, conn, PFS_LOSS_CYCLE, true);
		return;
	}
	record = core_trace(phone, actions, PFS_TR_JOINED);
	record->address = conn->address;
	record->a = phone->levels[phone->file];
	record->b = phone->root_address;
	record->c = phone->tree_xid;
}

static void redirected(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		       uint32_t target)
{
	uint32_t origin = conn->address;

	core_conn_finish(phone, actions, conn);
	if (++phone->hops > PFS_HOPS_MAX) {
		core_election_again(phone, actions, PFS_LOSS_REFUSED, 0);
		return;
	}
	if (!usable(phone, target)) {
		/* Ask the same parent for another. */
		phone->avoid = target;
		core_parent_dial(phone, actions, origin, phone->dial_xid);
		return;
	}
	phone->dial_origin = origin;
	core_parent_dial(phone, actions, target, phone->dial_xid);
}

static void refused(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		    const struct wire_frame *frame)
{
	uint64_t retry_us = frame->retry_ms * PFS_MS;

	core_conn_finish(phone, actions, conn);
	if (++phone->hops > PFS_HOPS_MAX) {
		core_election_again(phone, actions, PFS_LOSS_REFUSED, 0);
		return;
	}
	if (frame->reason == PFS_REFUSE_BUSY) {
		if (retry_us < PFS_BUSY_RETRY_US || retry_us > 4 * PFS_BUSY_RETRY_US)
			retry_us = PFS_BUSY_RETRY_US;
		phone->leader = phone->dial;
		phone->leader_xid = phone->dial_xid;
		phone->leader_strength = UINT32_MAX;
		phone->leader_class = UINT8_MAX; /* a place in the queue; nothing that is heard is better */
		core_state_set(phone, PFS_ST_FOLLOWING,
			       phone->now_us + retry_us +
				       core_draw_below(phone, DRAW_JOIN, PFS_BUSY_RETRY_US));
		return;
	}
	if (frame->reason == PFS_REFUSE_STRANGER && usable(phone, frame->root) &&
	    frame->root != phone->dial && frame->xid != phone->dial_xid) {
		phone->dial_origin = 0;
		core_parent_dial(phone, actions, frame->root, frame->xid);
		return;
	}
	core_parent_dial_failed(phone, actions, PFS_LOSS_REFUSED);
}

/*
 * The root could not get the file. Nobody takes one peer's word for that: the
 * subtree is told, everybody elects again, and what two roots found holds.
 */
static void parent_failed(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
			  const struct wire_frame *frame)
{
	enum pfs_failure failure = frame->reason > PFS_FAIL_NONE && frame->reason < PFS_FAIL_REASONS
					   ? (enum pfs_failure)frame->reason
					   : PFS_FAIL_SERVER_SILENT;
	uint32_t root = phone->root_address ? phone->root_address : conn->address;
	struct pfs_trace *record = core_trace(phone, actions, PFS_TR_FAILURE_PASSED);

	record->a = failure;
	record->b = ++phone->roots_tried;
	record->address = conn->address;
	core_conn_finish(phone, actions, conn);
	if (phone->received)
		core_act(actions, PFS_ACT_DISCARD)->file = phone->file;
	core_received_forget(phone);
	if (phone->roots_tried >= PFS_ROOTS_MAX) {
		core_file_failed(phone, actions, failure);
		return;
	}
	core_children_fail(phone, actions, phone->file, failure);
	core_blame(phone, actions, root, PFS_LOSS_FAILED, PFS_BLAME_DEAF_US);
	core_election_again(phone, actions, PFS_LOSS_FAILED, 0);
}

void core_parent_frame(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		       const struct wire_frame *frame)
{
	switch (frame->type) {
	case WIRE_ACCEPT:
		joined(phone, actions, conn, frame);
		break;
	case WIRE_REDIRECT:
		redirected(phone, actions, conn, frame->target);
		break;
	case WIRE_REFUSE:
		refused(phone, actions, conn, frame);
		break;
	case WIRE_FAIL:
		if (phone->state != PFS_ST_VERIFYING)
			parent_failed(phone, actions, conn, frame);
		break;
	default:
		if (phone->state != PFS_ST_VERIFYING && !tree_heard(phone, actions, frame))
			core_parent_lost(phone, actions, conn, PFS_LOSS_CYCLE, true);
	}
}

void core_parent_beat(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	struct wire_frame frame;

	memset(&frame, 0, sizeof(frame));
	frame.type = WIRE_BEAT;
	frame.weight = 1 + core_children_weight(phone, phone->file);
	core_conn_send(phone, actions, conn, &frame);
}

/* -------------------------------------------------------------- receiving */

static void complete(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn)
{
	struct pfs_trace *record = core_trace(phone, actions, PFS_TR_PEER_DONE);

	record->address = conn->address;
	record->c = phone->received;
	phone->verifying_from_server = 0;
	phone->root_deadline_us = PFS_TIME_NEVER;
	phone->root_limit_us = PFS_TIME_NEVER;
	core_state_set(phone, PFS_ST_VERIFYING, PFS_TIME_NEVER);
	core_act(actions, PFS_ACT_VERIFY)->file = phone->file;
}

/* A DATA frame begins. False where it is not the piece that comes next. */
bool core_parent_data(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		      uint64_t offset, uint64_t length)
{
	uint64_t size = phone->config.files[phone->file].size;

	if (phone->state != PFS_ST_MEMBER && phone->state != PFS_ST_RECEIVING)
		return false;
	if (phone->config.forward_early && offset == 0 && phone->received) {
		/* The parent's own copy was no good, or lost with its parent: from the beginning. */
		core_act(actions, PFS_ACT_DISCARD)->file = phone->file;
		core_received_forget(phone);
	}
	if (offset != phone->received || length > size - offset || (length == 0 && size != 0))
		return false;
	if (phone->state == PFS_ST_MEMBER) {
		core_state_set(phone, PFS_ST_RECEIVING, PFS_TIME_NEVER);
		core_trace(phone, actions, PFS_TR_PEER_BEGUN)->address = conn->address;
	}
	watch_root(phone);
	conn->frame_left = (uint32_t)length;
	if (size == 0)
		complete(phone, actions, conn);
	return true;
}

void core_parent_payload(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
			 uint32_t skip, uint32_t length)
{
	struct pfs_action *action = core_act(actions, PFS_ACT_TAKE);

	action->file = phone->file;
	action->offset = phone->received;
	action->length = length;
	action->skip = skip;
	action->conn = core_conn_handle(phone, conn);
	phone->received += length;
	phone->shown = phone->file;
	watch_root(phone);
	core_children_early(phone, actions);
	if (phone->received == phone->config.files[phone->file].size)
		complete(phone, actions, conn);
}

static void verdict(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, bool good)
{
	struct wire_frame frame;

	memset(&frame, 0, sizeof(frame));
	frame.type = good ? WIRE_DONE : WIRE_BAD;
	core_conn_send(phone, actions, conn, &frame);
	core_conn_finish(phone, actions, conn);
}

/* Ancestors first, then an election. */
static void orphan(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_loss loss)
{
	core_received_forget(phone);
	phone->rejoin = REJOIN_NONE;
	phone->dial_origin = 0;
	phone->root_deadline_us = PFS_TIME_NEVER;
	phone->root_limit_us = PFS_TIME_NEVER;
	/* The subtree hears of it, so that it does not take the search for a root that stands still. */
	phone->tree_phase = TREE_ORPHANED;
	core_children_tell(phone, actions, phone->file, WIRE_ALIVE);
	/* Losses count as hops: parents that accept and hang up, each naming the next, must end. */
	if (loss == PFS_LOSS_STALLED || loss == PFS_LOSS_CYCLE || ++phone->hops > PFS_HOPS_MAX ||
	    !rejoin_next(phone, actions))
		core_election_again(phone, actions, loss, 0);
}

/*
 * A bad digest blames the direct parent: what it forwarded it had verified, so
 * either the wire or the parent itself is at fault, and nobody else.
 */
void core_parent_verified(struct pfs_phone *phone, struct pfs_actions *actions, bool good)
{
	struct pfs_conn *conn = phone->parent_slot == PFS_NO_SLOT ? NULL : &phone->conns[phone->parent_slot];
	struct pfs_trace *record = core_trace(phone, actions, PFS_TR_VERIFIED);

	record->a = good;
	record->address = phone->dial;
	if (conn)
		verdict(phone, actions, conn, good);
	if (good) {
		core_file_held(phone, actions);
		return;
	}
	core_act(actions, PFS_ACT_DISCARD)->file = phone->file;
	phone->lost = phone->dial;
	phone->avoid = phone->dial;
	core_blame(phone, actions, phone->dial, PFS_LOSS_DAMAGED, PFS_BLAME_US);
	orphan(phone, actions, PFS_LOSS_DAMAGED);
}

void core_parent_lost(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		      enum pfs_loss loss, bool close)
{
	struct pfs_trace *record = core_trace(phone, actions, PFS_TR_PARENT_LOST);

	record->address = conn->address;
	record->a = loss;
	phone->lost = conn->address;
	if (close)
		core_conn_drop(phone, actions, conn);
	else
		core_conn_free(phone, conn);
	if (phone->state == PFS_ST_VERIFYING)
		return; /* complete already: the verdict needs no parent */
	if (phone->received)
		core_act(actions, PFS_ACT_DISCARD)->file = phone->file;
	if (loss == PFS_LOSS_PROTOCOL)
		core_blame(phone, actions, phone->lost, loss, PFS_BLAME_US);
	orphan(phone, actions, loss);
}

/* The root claims and does not transfer, or not in any reasonable time. */
void core_parent_stalled(struct pfs_phone *phone, struct pfs_actions *actions)
{
	uint32_t root = phone->root_address;

	assert(phone->parent_slot != PFS_NO_SLOT);
	if (root && root != phone->config.address)
		core_blame(phone, actions, root, PFS_LOSS_STALLED, PFS_BLAME_US);
	core_parent_lost(phone, actions, &phone->conns[phone->parent_slot], PFS_LOSS_STALLED, true);
}
