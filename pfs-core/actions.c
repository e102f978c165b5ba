/*
 * Filling the list of actions, and the one exit for input that is refused.
 */
#include "pfs-core/core.h"

struct pfs_action *core_act(struct pfs_actions *actions, enum pfs_action_kind kind)
{
	struct pfs_action *action;

	assert(actions->count < PFS_ACTIONS_MAX);
	action = &actions->list[actions->count++];
	memset(action, 0, offsetof(struct pfs_action, bytes));
	action->kind = (uint8_t)kind;
	return action;
}

struct pfs_trace *core_trace(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_trace_kind kind)
{
	struct pfs_trace *record = &core_act(actions, PFS_ACT_TRACE)->trace;

	memset(record, 0, sizeof(*record));
	record->kind = (uint8_t)kind;
	record->file = phone->file;
	record->xid = phone->xid;
	return record;
}

/*
 * Everything refused is counted. It is traced at powers of two only: whoever
 * floods the port must not flood the log.
 */
void core_drop_input(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_drop drop,
		     uint32_t address)
{
	uint32_t count = ++phone->dropped[drop];
	struct pfs_trace *record;

	if (drop == PFS_DROP_OWN || drop == PFS_DROP_MODEL || (count & (count - 1)))
		return;
	record = core_trace(phone, actions, PFS_TR_DROPPED);
	record->a = drop;
	record->address = address;
	record->c = count;
}
