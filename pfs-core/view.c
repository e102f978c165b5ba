/*
 * Looking at a phone from outside: the snapshot behind its screen (F13) and
 * the invariants that hold between any two steps.
 */
#include "pfs-core/core.h"

/*
 * F13: a phone shows a component and its KB from its first byte on, and at
 * 100 % until the first byte of the next, so that a parent stands at 100 % of
 * what its children still count.
 */
void pfs_phone_snapshot(const struct pfs_phone *phone, struct pfs_snapshot *snapshot)
{
	uint64_t bytes = 0;

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->state = phone->state;
	snapshot->file = phone->file;
	snapshot->icon = phone->port_open;
	snapshot->shown = phone->shown;
	snapshot->root = core_is_root(phone);
	snapshot->failure = phone->failure;
	snapshot->upgraded = phone->upgraded;
	if (phone->file != PFS_NO_FILE)
		snapshot->level = phone->levels[phone->file];
	if (phone->parent_slot != PFS_NO_SLOT && phone->conns[phone->parent_slot].role == CONN_PARENT)
		snapshot->parent = phone->conns[phone->parent_slot].address;
	for (uint8_t i = 0; i < phone->config.file_count; i++)
		snapshot->files_held += phone->held >> i & 1;
	for (uint32_t i = 0; i < phone->slots; i++)
		snapshot->children += phone->conns[i].role == CONN_CHILD;
	if (phone->shown != PFS_NO_FILE)
		bytes = core_holds(phone, phone->shown) ? phone->config.files[phone->shown].size
			: phone->shown == phone->file   ? phone->received
							: 0;
	snapshot->shown_kb = (uint32_t)(bytes / 1024);
}

static const char *check_connections(const struct pfs_phone *phone)
{
	uint32_t parents = 0, pending = 0;

	for (uint32_t i = 0; i < phone->slots; i++) {
		const struct pfs_conn *conn = &phone->conns[i];
		bool upward = conn->role == CONN_DIALLING || conn->role == CONN_JOINING ||
			      conn->role == CONN_PARENT;

		parents += upward;
		pending += conn->role == CONN_PENDING;
		if (upward != (phone->parent_slot == i))
			return "the parent's slot is the upward connection's";
		if (conn->role == CONN_CHILD && conn->file >= phone->config.file_count)
			return "a child belongs to a file";
		if (conn->role == CONN_CHILD && (conn->sending || conn->sent) &&
		    !phone->config.forward_early && !core_holds(phone, conn->file))
			return "nothing is forwarded that is not complete and verified";
		if (conn->role == CONN_CHILD && conn->sent > core_forwardable(phone, conn->file))
			return "nothing is forwarded that has not come, nor the end of a file before its "
			       "verdict";
		if (conn->role != CONN_FREE && conn->deadline_us == PFS_TIME_NEVER)
			return "every connection has a deadline";
		if (conn->role == CONN_CHILD && conn->address == phone->config.address)
			return "no phone is its own child";
	}
	if (parents > 1)
		return "at most one parent";
	if (pending > PFS_ACCEPT_SLOTS)
		return "at most PFS_ACCEPT_SLOTS connections without a JOIN";
	return NULL;
}

static const char *check_hierarchies(const struct pfs_phone *phone)
{
	uint8_t children[PFS_FILES_MAX] = { 0 };
	uint32_t served = 0;

	/* After each event of a run: one look at each connection. */
	for (uint32_t i = 0; i < phone->slots; i++)
		if (phone->conns[i].role == CONN_CHILD)
			children[phone->conns[i].file]++;
	for (uint8_t i = 0; i < phone->config.file_count; i++) {
		if (children[i] > phone->fan_out)
			return "at most two children a hierarchy, or as many as the fan-out";
		served += children[i] > 0;
		if (children[i] > 0 && i != phone->file && !core_holds(phone, i))
			return "children only of a file that is held or being fetched";
	}
	if (served > PFS_HIERARCHIES_MAX)
		return "at most two hierarchies served at once";
	for (uint32_t i = 0; i < phone->path_count; i++)
		if (phone->path[i] == phone->config.address)
			return "no cycle: no phone is its own ancestor";
	return NULL;
}

static const char *check_state(const struct pfs_phone *phone)
{
	bool attached =
		phone->parent_slot != PFS_NO_SLOT && phone->conns[phone->parent_slot].role == CONN_PARENT;

	switch (phone->state) {
	case PFS_ST_LISTENING:
	case PFS_ST_CLAIMING:
	case PFS_ST_FOLLOWING:
	case PFS_ST_ORPHANED:
	case PFS_ST_ROOT_WAITING:
	case PFS_ST_TFTP_WAITING:
		if (phone->timer_us == PFS_TIME_NEVER)
			return "no phone waits for ever: the state has a timer";
		if (phone->parent_slot != PFS_NO_SLOT)
			return "no parent in this state";
		break;
	case PFS_ST_JOINING:
		if (phone->parent_slot == PFS_NO_SLOT || attached)
			return "joining goes with a connection";
		break;
	case PFS_ST_MEMBER:
	case PFS_ST_RECEIVING:
		if (!attached)
			return "a member has a parent";
		if (phone->root_deadline_us == PFS_TIME_NEVER || phone->root_limit_us == PFS_TIME_NEVER)
			return "no phone waits for ever: a member watches its root";
		break;
	case PFS_ST_TFTP:
		if (phone->tftp.deadline_us == PFS_TIME_NEVER)
			return "no phone waits for ever: a transfer has a time-out";
		break;
	case PFS_ST_LINGERING:
		if (!phone->upgraded || phone->linger_us == PFS_TIME_NEVER)
			return "a lingering phone is upgraded and ends";
		break;
	default:
		break;
	}
	if (core_is_root(phone) && attached)
		return "a root has no parent";
	return NULL;
}

const char *pfs_phone_check(const struct pfs_phone *phone)
{
	uint32_t files = phone->config.file_count;
	const char *broken;

	if (phone->held >> files)
		return "only files of the upgrade are held";
	/* Files are fetched in order: what is held is a row from the first one on. */
	if (phone->held & (phone->held + 1u))
		return "files are held in order";
	if (phone->upgraded != (phone->held == (1u << files) - 1))
		return "upgraded is every file held";
	if (phone->file != PFS_NO_FILE && phone->received > phone->config.files[phone->file].size)
		return "no more is received than the file has";
	if (phone->config.part != PFS_PART_YES && phone->port_open)
		return "a phone that takes no part has no peer port";
	if (!phone->port_open)
		for (uint32_t i = 0; i < phone->slots; i++)
			if (phone->conns[i].role != CONN_FREE)
				return "no connection without the peer port";
	broken = check_connections(phone);
	if (!broken)
		broken = check_hierarchies(phone);
	if (!broken)
		broken = check_state(phone);
	return broken;
}
