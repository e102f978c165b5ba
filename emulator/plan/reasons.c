/*
 * The reason that a trace record gives, for whoever asks how often something
 * happened for that reason: an expectation of a scenario names it. Where it
 * stands in the record depends on the kind (pfs.h), and so does what it is of.
 */
#include "emulator/plan/plan.h"

static const char *verdict_name(uint32_t reason)
{
	static const char *const names[] = { "bad", "good" };

	return reason < 2 ? names[reason] : NULL;
}

static const char *refusal_name(uint32_t reason)
{
	static const char *const names[] = { "busy", "stranger", "cycle", "deep" };

	_Static_assert(sizeof(names) / sizeof(*names) == PFS_REFUSALS, "a name for each refusal");
	return reason < PFS_REFUSALS ? names[reason] : NULL;
}

int32_t plan_trace_reason(const struct pfs_trace *trace)
{
	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_ELECTION_AGAIN:
	case PFS_TR_TFTP_BEGUN:
		return (int32_t)trace->b;
	case PFS_TR_FAILED:
	case PFS_TR_FAILURE_PASSED:
	case PFS_TR_TIMEOUT:
	case PFS_TR_REFUSED:
	case PFS_TR_CHILD_DONE:
	case PFS_TR_VERIFIED:
	case PFS_TR_CHILD_LOST:
	case PFS_TR_PARENT_LOST:
	case PFS_TR_BLAMED:
	case PFS_TR_DROPPED:
		return (int32_t)trace->a;
	default:
		return -1;
	}
}

static const char *name_of(enum pfs_trace_kind kind, uint32_t reason)
{
	switch (kind) {
	case PFS_TR_ELECTION_AGAIN:
	case PFS_TR_CHILD_LOST:
	case PFS_TR_PARENT_LOST:
	case PFS_TR_BLAMED:
		return pfs_loss_name((enum pfs_loss)reason);
	case PFS_TR_TFTP_BEGUN:
		return pfs_direct_name((enum pfs_direct)reason);
	case PFS_TR_FAILED:
	case PFS_TR_FAILURE_PASSED:
		return pfs_failure_name((enum pfs_failure)reason);
	case PFS_TR_TIMEOUT:
		return pfs_state_name((enum pfs_state)reason);
	case PFS_TR_REFUSED:
		return refusal_name(reason);
	case PFS_TR_CHILD_DONE:
	case PFS_TR_VERIFIED:
		return verdict_name(reason);
	case PFS_TR_DROPPED:
		return pfs_drop_name((enum pfs_drop)reason);
	default:
		return NULL;
	}
}

const char *plan_reason_name(enum pfs_trace_kind kind, int32_t reason, char *text, size_t size)
{
	const char *name = reason < 0 ? NULL : name_of(kind, (uint32_t)reason);

	if (!name)
		return NULL;
	snprintf(text, size, "%s", name);
	for (char *c = text; *c; c++)
		if (*c == '-')
			*c = '_';
	return text;
}
