/*
 * Names of the enumerations, for whoever renders text. The tables are checked
 * against the enumerations' ends, so that none can be forgotten.
 */
#include "pfs-core/core.h"

#define NAME_OF(table, index)                                                                                \
	((unsigned int)(index) < sizeof(table) / sizeof((table)[0]) ? (table)[index] : NULL)
#define COMPLETE(table, end) _Static_assert(sizeof(table) / sizeof((table)[0]) == (end), #table)

static const char *const states[] = {
	[PFS_ST_OFF] = "off",
	[PFS_ST_OPENING] = "opening",
	[PFS_ST_HELD_UP] = "held-up",
	[PFS_ST_LISTENING] = "listening",
	[PFS_ST_CLAIMING] = "claiming",
	[PFS_ST_FOLLOWING] = "following",
	[PFS_ST_JOINING] = "joining",
	[PFS_ST_MEMBER] = "member",
	[PFS_ST_RECEIVING] = "receiving",
	[PFS_ST_ORPHANED] = "orphaned",
	[PFS_ST_ROOT_WAITING] = "root-waiting",
	[PFS_ST_TFTP] = "tftp",
	[PFS_ST_TFTP_WAITING] = "tftp-waiting",
	[PFS_ST_VERIFYING] = "verifying",
	[PFS_ST_LINGERING] = "lingering",
	[PFS_ST_REBOOTED] = "rebooted",
	[PFS_ST_FAILED] = "failed",
};
COMPLETE(states, PFS_STATES);

static const char *const traces[] = {
	[PFS_TR_STARTED] = "started",
	[PFS_TR_LISTENING] = "listening",
	[PFS_TR_PORT_CLOSED] = "port-closed",
	[PFS_TR_FILE_BEGUN] = "file-begun",
	[PFS_TR_UPGRADED] = "upgraded",
	[PFS_TR_FAILED] = "failed",
	[PFS_TR_REBOOTED] = "rebooted",
	[PFS_TR_CLAIM] = "claim",
	[PFS_TR_TIMEOUT] = "timeout",
	[PFS_TR_CONFIRMED] = "confirmed",
	[PFS_TR_ANSWER] = "answer",
	[PFS_TR_YIELDED] = "yielded",
	[PFS_TR_ROOT_GAVE_UP] = "root-gave-up",
	[PFS_TR_XFRCMD] = "xfrcmd",
	[PFS_TR_XFRCMD_HEARD] = "xfrcmd-heard",
	[PFS_TR_JOINING] = "joining",
	[PFS_TR_JOINED] = "joined",
	[PFS_TR_CHILD] = "child",
	[PFS_TR_REDIRECTED] = "redirected",
	[PFS_TR_REFUSED] = "refused",
	[PFS_TR_CHILD_DONE] = "child-done",
	[PFS_TR_CHILD_LOST] = "child-lost",
	[PFS_TR_PARENT_LOST] = "parent-lost",
	[PFS_TR_BLAMED] = "blamed",
	[PFS_TR_ELECTION_AGAIN] = "election-again",
	[PFS_TR_TFTP_BEGUN] = "tftp-begun",
	[PFS_TR_TFTP_OPTIONS] = "tftp-options",
	[PFS_TR_TFTP_RETRANSMIT] = "tftp-retransmit",
	[PFS_TR_TFTP_ERROR] = "tftp-error",
	[PFS_TR_TFTP_DONE] = "tftp-done",
	[PFS_TR_PEER_BEGUN] = "peer-begun",
	[PFS_TR_PEER_DONE] = "peer-done",
	[PFS_TR_VERIFIED] = "verified",
	[PFS_TR_FAILURE_PASSED] = "failure-passed",
	[PFS_TR_DROPPED] = "dropped",
};
COMPLETE(traces, PFS_TR_KINDS);

static const char *const losses[] = {
	[PFS_LOSS_NONE] = "none",         [PFS_LOSS_RESET] = "reset",     [PFS_LOSS_EOF] = "closed",
	[PFS_LOSS_SILENT] = "silent",     [PFS_LOSS_STALLED] = "stalled", [PFS_LOSS_DAMAGED] = "damaged",
	[PFS_LOSS_PROTOCOL] = "protocol", [PFS_LOSS_REFUSED] = "refused", [PFS_LOSS_CYCLE] = "cycle",
	[PFS_LOSS_FAILED] = "failed",
};
COMPLETE(losses, PFS_LOSS_KINDS);

static const char *const drops[] = {
	[PFS_DROP_SHORT] = "length",      [PFS_DROP_MAGIC] = "magic",      [PFS_DROP_VERSION] = "version",
	[PFS_DROP_TYPE] = "type",         [PFS_DROP_OWN] = "own",          [PFS_DROP_SUBNET] = "other-subnet",
	[PFS_DROP_MODEL] = "other-model", [PFS_DROP_FILE] = "other-file",  [PFS_DROP_BLAMED] = "blamed",
	[PFS_DROP_STALE] = "stale",       [PFS_DROP_STATE] = "unexpected", [PFS_DROP_TID] = "tid",
	[PFS_DROP_BLOCK] = "block",       [PFS_DROP_LIMIT] = "limit",      [PFS_DROP_FORGED] = "forged",
};
COMPLETE(drops, PFS_DROPS);

static const char *const directs[] = {
	[PFS_DIRECT_NONE] = "none",
	[PFS_DIRECT_PORT_CLOSED] = "port-closed",
	[PFS_DIRECT_PEERS_EXHAUSTED] = "peers-exhausted",
};
COMPLETE(directs, PFS_DIRECT_REASONS);

static const char *const failures[] = {
	[PFS_FAIL_NONE] = "none",
	[PFS_FAIL_SERVER_NOT_FOUND] = "server-not-found",
	[PFS_FAIL_SERVER_DENIED] = "server-denied",
	[PFS_FAIL_SERVER_SILENT] = "server-silent",
	[PFS_FAIL_SERVER_BUSY] = "server-busy",
	[PFS_FAIL_DAMAGED] = "damaged",
};
COMPLETE(failures, PFS_FAIL_REASONS);

static const char *const parts[] = {
	[PFS_PART_YES] = "yes",          [PFS_PART_DISABLED] = "disabled",
	[PFS_PART_MODEL] = "model",      [PFS_PART_OLD_FIRMWARE] = "old-firmware",
	[PFS_PART_MODE] = "traditional",
};

static const char *const origins[] = {
	[PFS_ORIGIN_PHONE] = "phone",
	[PFS_ORIGIN_PROFILE] = "profile",
	[PFS_ORIGIN_ENTERPRISE] = "enterprise",
	[PFS_ORIGIN_DEFAULT] = "default",
};

const char *pfs_state_name(enum pfs_state state)
{
	return NAME_OF(states, state);
}
const char *pfs_trace_name(enum pfs_trace_kind kind)
{
	return NAME_OF(traces, kind);
}
const char *pfs_loss_name(enum pfs_loss loss)
{
	return NAME_OF(losses, loss);
}
const char *pfs_drop_name(enum pfs_drop drop)
{
	return NAME_OF(drops, drop);
}
const char *pfs_direct_name(enum pfs_direct direct)
{
	return NAME_OF(directs, direct);
}
const char *pfs_failure_name(enum pfs_failure failure)
{
	return NAME_OF(failures, failure);
}
const char *pfs_part_name(enum pfs_part part)
{
	return NAME_OF(parts, part);
}
const char *pfs_origin_name(enum pfs_origin origin)
{
	return NAME_OF(origins, origin);
}
