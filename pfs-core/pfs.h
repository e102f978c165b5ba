/*
 * pfs-core: one phone of a Peer Firmware Sharing fleet, without I/O.
 *
 * A phone is a plain struct that the caller owns. Something happens to it (a
 * struct pfs_event), pfs_step() changes the phone and says what the phone
 * wants done (struct pfs_actions), and pfs_deadline() says when it next wants
 * to be told the time. The core makes no system call, reads no clock,
 * allocates nothing, keeps no global and uses no floating point: a phone may
 * be copied, hashed, compared, stored and replayed.
 *
 * Payload never enters the core. It parses headers and says which bytes to
 * take for which file; the caller stores and digests them, and answers
 * PFS_ACT_VERIFY with PFS_EV_VERIFIED.
 *
 * Facts F1 to F15 and the choices made where nobody outside the vendor knows
 * are in docs/protocol.md.
 *
 * Conventions: times are uint64_t microseconds of the scenario's own clock,
 * PFS_TIME_NEVER is never; addresses and ports are in host byte order.
 */
#ifndef PFS_CORE_PFS_H
#define PFS_CORE_PFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PFS_PORT 4051        /* UDP broadcasts and phone-to-phone TCP (F8) */
#define PFS_TFTP_PORT 69     /* RFC 1350 section 4 */
#define PFS_FILES_MAX 8      /* the .loads index and at most seven components */
#define PFS_NAME_MAX 48      /* a file's name with its NUL */
#define PFS_MODEL_MAX 16     /* a model's name with its NUL, as "CP-7961G-GE" */
#define PFS_CHILDREN_MAX 2   /* children a hierarchy (F3); a what-if may say another number, ... */
#define PFS_FAN_OUT_MAX 4    /* ... and this is the most */
#define PFS_HIERARCHIES_MAX 2 /* hierarchies a phone serves or belongs to at once */
#define PFS_ACCEPT_SLOTS 3   /* connections that have not said JOIN yet */
#define PFS_CONNS_MAX (1 + PFS_FAN_OUT_MAX * PFS_HIERARCHIES_MAX + PFS_ACCEPT_SLOTS)
#define PFS_LEVELS_MAX 24    /* deepest level of a tree; the root's is 1 */
#define PFS_BLAMED_MAX 4     /* peers a phone avoids at once */
#define PFS_ACTIONS_MAX 48   /* actions one step can ask for */
#define PFS_ACTION_BYTES 248 /* longest message the core composes */
#define PFS_NO_FILE 0xff     /* no file */
#define PFS_NO_CONN 0        /* no connection: a real handle is never zero */

#define PFS_TIME_NEVER UINT64_MAX

/* One file of an upgrade, as the firmware manifest describes it. */
struct pfs_file {
	char name[PFS_NAME_MAX]; /* NUL-terminated, rest zero; no path */
	uint64_t size;           /* bytes; 0 is allowed */
	uint64_t digest;         /* XXH3-64 of the content; only the caller looks at it */
};

/* A setting at one of the three places of F10. */
enum pfs_setting { PFS_SETTING_UNSET, PFS_SETTING_DISABLED, PFS_SETTING_ENABLED };

/* Where an effective setting came from, in descending precedence (F10). */
enum pfs_origin { PFS_ORIGIN_PHONE, PFS_ORIGIN_PROFILE, PFS_ORIGIN_ENTERPRISE, PFS_ORIGIN_DEFAULT };

/*
 * Whether a phone takes part, and if not, why: anything but PFS_PART_YES takes
 * the traditional way (F1).
 */
enum pfs_part {
	PFS_PART_YES,
	PFS_PART_DISABLED,     /* the effective setting says no (F10) */
	PFS_PART_MODEL,        /* a model without PFS, as 7940 and 7960 (F9) */
	PFS_PART_OLD_FIRMWARE, /* runs firmware before 8.3(1) (CSCsh20977) */
	PFS_PART_MODE          /* the run is a traditional one */
};

/*
 * Everything a phone is told before it starts. Zero the struct first. What is marked
 * what-if no real phone has: 0 is what real phones do.
 */
struct pfs_config {
	uint64_t seed;           /* the run's seed: every draw hashes it */
	uint64_t boot;           /* how often this phone has been started before */
	uint32_t phone;          /* number of the phone in its fleet */
	uint32_t address;        /* host byte order */
	uint32_t netmask;        /* host byte order */
	uint32_t tftp_server;    /* host byte order */
	uint32_t strength;       /* 0: drawn for each claim; else used as it is (tests) */
	uint16_t tftp_blksize;   /* RFC 2348: 8 to 65464; 0 or 512: no option is sent */
	uint8_t tftp_tsize;      /* RFC 2349: 1 asks for the size */
	uint8_t tftp_timeout_s;  /* RFC 2349: 1 to 255 s; 0: no option is sent */
	uint8_t part;            /* enum pfs_part */
	uint8_t origin;          /* enum pfs_origin of the setting */
	uint8_t file_count;      /* 1 to PFS_FILES_MAX; files[0] is the .loads index (F15) */
	uint8_t fan_out;         /* what-if: children a hierarchy, 1 to PFS_FAN_OUT_MAX; 0: PFS_CHILDREN_MAX */
	uint8_t waits_percent;   /* what-if: of each wait of an election, 10 to 100; 0: all of it */
	uint8_t forward_early;   /* what-if: 1 forwards what has come of a file, but for its end, which waits for the verdict */
	uint8_t reserved[2];     /* zero */
	char model[PFS_MODEL_MAX]; /* NUL-terminated, rest zero (F6) */
	struct pfs_file files[PFS_FILES_MAX];
};

#define PFS_WAITS_PERCENT_MIN 10

/*
 * How long a wait of an election (timers.h: election, and the spreads of joining)
 * is for that phone. All are shortened by one factor, so that whichever has to be
 * the longer one of two still is.
 */
static inline uint64_t pfs_wait_us(const struct pfs_config *config, uint64_t wait_us)
{
	return config->waits_percent ? wait_us * config->waits_percent / 100 : wait_us;
}

/* ---------------------------------------------------------------- events */

enum pfs_event_kind {
	PFS_EV_START,        /* the reset: begin the upgrade */
	PFS_EV_TIME,         /* the time is now; give it at pfs_deadline() or later */
	PFS_EV_OPENED,       /* answer to PFS_ACT_OPEN; .ok, .descriptor */
	PFS_EV_DATAGRAM,     /* on UDP port 4051; .address, .port, .data */
	PFS_EV_TFTP,         /* on the TFTP socket; .address, .port, .data */
	PFS_EV_TFTP_REFUSED, /* ICMP port unreachable on the TFTP socket */
	PFS_EV_ACCEPTED,     /* on TCP port 4051; .conn from pfs_accept_conn(), .address */
	PFS_EV_CONNECTED,    /* answer to PFS_ACT_CONNECT; .conn */
	PFS_EV_BYTES,        /* .conn, .data; may be consumed in part */
	PFS_EV_EOF,          /* the peer sent FIN and all bytes before it were given; .conn */
	PFS_EV_LOST,         /* connect failed, reset, or timed out; the caller has closed it; .conn */
	PFS_EV_SENT,         /* all of one PFS_ACT_SEND_FILE was handed to TCP; .conn */
	PFS_EV_VERIFIED,     /* answer to PFS_ACT_VERIFY; .file, .ok */
	PFS_EV_KINDS
};

/*
 * One event. `data` holds `available` leading bytes of `length`; they differ
 * only where the caller does not materialise payload (virtual time). Headers
 * and whole messages without payload must be available; the core reads
 * nothing past the header of a TFTP DATA packet or inside a DATA frame's
 * payload.
 */
struct pfs_event {
	uint8_t kind;          /* enum pfs_event_kind */
	uint8_t ok;            /* OPENED, VERIFIED: 1 good, 0 bad */
	uint8_t file;          /* VERIFIED */
	uint8_t reserved;
	uint16_t port;         /* DATAGRAM, TFTP: the sender's */
	uint16_t reserved2;
	uint32_t address;      /* DATAGRAM, TFTP, ACCEPTED: the sender's */
	uint32_t conn;         /* connection handle */
	int32_t descriptor;    /* OPENED: number to show in the log */
	uint64_t now_us;       /* never less than at the step before */
	const uint8_t *data;   /* DATAGRAM, TFTP, BYTES */
	uint32_t length;       /* bytes of the datagram, or of the stream that wait */
	uint32_t available;    /* leading bytes readable at data */
};

/* --------------------------------------------------------------- actions */

enum pfs_action_kind {
	PFS_ACT_OPEN,       /* open UDP and TCP port 4051; answer with PFS_EV_OPENED */
	PFS_ACT_CLOSE,      /* close both ports; what waits to be accepted is reset */
	PFS_ACT_BROADCAST,  /* bytes to the subnet, UDP port 4051 */
	PFS_ACT_CONNECT,    /* conn, address: TCP to port 4051; CONNECTED or LOST follows */
	PFS_ACT_SEND,       /* conn, bytes: a frame, after all that was asked before on conn */
	PFS_ACT_SEND_FILE,  /* conn, file, offset, length: that range; SENT follows */
	PFS_ACT_SHUTDOWN,   /* conn: FIN after all that was asked before; goes on reading */
	PFS_ACT_DROP,       /* conn: close at once; no event of it follows */
	PFS_ACT_TAKE,       /* file, offset, length: store the event's data from `skip` on */
	PFS_ACT_VERIFY,     /* file: compare with the manifest; answer with PFS_EV_VERIFIED */
	PFS_ACT_DISCARD,    /* file: what was stored of it is to be forgotten */
	PFS_ACT_TFTP_OPEN,  /* a fresh UDP socket with a port of its own (a TID, RFC 1350 section 4) */
	PFS_ACT_TFTP_SEND,  /* address, port, bytes from that socket */
	PFS_ACT_TFTP_CLOSE, /* close it */
	PFS_ACT_TRACE,      /* trace: what happened and why */
	PFS_ACT_KINDS
};

/*
 * Reasons for a download from the server that is not the hierarchy's root's
 * (DESIGN: every direct download in a PFS run has a recorded reason,
 * CSCus67416).
 */
enum pfs_direct {
	PFS_DIRECT_NONE,
	PFS_DIRECT_PORT_CLOSED,     /* UDP or TCP 4051 could not be opened */
	PFS_DIRECT_PEERS_EXHAUSTED, /* PFS_ROUNDS_MAX elections brought no file */
	PFS_DIRECT_REASONS
};

/* Why a file, and with it the phone's upgrade, failed for good. */
enum pfs_failure {
	PFS_FAIL_NONE,
	PFS_FAIL_SERVER_NOT_FOUND, /* ERROR 1, from PFS_ROOTS_MAX roots */
	PFS_FAIL_SERVER_DENIED,    /* ERROR 2 or another final one */
	PFS_FAIL_SERVER_SILENT,    /* no answer within all attempts */
	PFS_FAIL_SERVER_BUSY,      /* rejected for PFS_BUSY_LIMIT_US */
	PFS_FAIL_DAMAGED,          /* the server's file is not the manifest's, attempts used up */
	PFS_FAIL_REASONS
};

enum pfs_trace_kind {
	/* life of a phone */
	PFS_TR_STARTED,          /* a=part, b=origin, c=boot */
	PFS_TR_LISTENING,        /* a=descriptor: peer port open */
	PFS_TR_PORT_CLOSED,      /* a=1: could not be opened, a=0: closed by the phone */
	PFS_TR_FILE_BEGUN,       /* file: node state printed; a=free child slots */
	PFS_TR_UPGRADED,         /* every file held and verified */
	PFS_TR_FAILED,           /* file, a=enum pfs_failure */
	PFS_TR_REBOOTED,         /* leaves with the new firmware; serves no more */
	/* election */
	PFS_TR_CLAIM,            /* file, xid, a=number of the broadcast from 0, b=map, c=strength */
	PFS_TR_TIMEOUT,          /* file, xid, a=enum pfs_state it fired in */
	PFS_TR_CONFIRMED,        /* file, xid, a=hierarchy key H, c=strength after the bump */
	PFS_TR_ANSWER,           /* file, xid, a=map, c=strength: broadcast to a late claim */
	PFS_TR_YIELDED,          /* file, xid; address=to whom, a=its xid, c=its strength */
	PFS_TR_ROOT_GAVE_UP,     /* file, xid; address=stronger confirmed root */
	PFS_TR_XFRCMD,           /* file, xid: root, on the ROOT_WAITING time-out */
	PFS_TR_XFRCMD_HEARD,     /* file, xid, address=root */
	/* hierarchy */
	PFS_TR_JOINING,          /* file, address=dialled, a=redirects so far */
	PFS_TR_JOINED,           /* file, address=parent, a=own level, b=root's address, c=root's xid */
	PFS_TR_CHILD,            /* file, address=child, a=slot, c=its weight */
	PFS_TR_REDIRECTED,       /* file, address=joiner, b=sent to */
	PFS_TR_REFUSED,          /* file, address=joiner, a=enum pfs_refusal */
	PFS_TR_CHILD_DONE,       /* file, address=child, a=1 good, a=0 it found damage */
	PFS_TR_CHILD_LOST,       /* file, address=child, a=enum pfs_loss */
	PFS_TR_PARENT_LOST,      /* file, address=parent, a=enum pfs_loss */
	PFS_TR_BLAMED,           /* file, address=peer avoided from now on, a=enum pfs_loss */
	PFS_TR_ELECTION_AGAIN,   /* file, a=round, b=enum pfs_loss that led here */
	/* transfer */
	PFS_TR_TFTP_BEGUN,       /* file, a=attempt from 1, b=enum pfs_direct, c=1 if as root */
	PFS_TR_TFTP_OPTIONS,     /* file, a=blksize agreed, c=tsize or 0 */
	PFS_TR_TFTP_RETRANSMIT,  /* file, a=block, b=1 request, 0 ACK */
	PFS_TR_TFTP_ERROR,       /* file, a=code sent by the server, or 256 silence, 257 refused by ICMP, 258 wrong size */
	PFS_TR_TFTP_DONE,        /* file, c=bytes */
	PFS_TR_PEER_BEGUN,       /* file, address=parent: first DATA */
	PFS_TR_PEER_DONE,        /* file, address=parent, c=bytes */
	PFS_TR_VERIFIED,         /* file, a=1 good 0 bad, address=who sent it (server or parent) */
	PFS_TR_FAILURE_PASSED,   /* file, a=enum pfs_failure, b=roots that tried: heard from parent */
	/* refused input, each counted too */
	PFS_TR_DROPPED,          /* a=enum pfs_drop, address=sender, c=how many so far; at powers of two only */
	PFS_TR_KINDS
};

/* Why a JOIN was refused. */
enum pfs_refusal {
	PFS_REFUSE_BUSY,     /* no slot now, come again */
	PFS_REFUSE_STRANGER, /* not in that hierarchy (another xid), b may name its root */
	PFS_REFUSE_CYCLE,    /* the joiner is an ancestor */
	PFS_REFUSE_DEEP,     /* PFS_LEVELS_MAX reached */
	PFS_REFUSALS
};

/* Why a connection or peer was given up. */
enum pfs_loss {
	PFS_LOSS_NONE,
	PFS_LOSS_RESET,    /* reset, or connect failed */
	PFS_LOSS_EOF,      /* closed without a word */
	PFS_LOSS_SILENT,   /* nothing heard for PFS_SILENCE_US */
	PFS_LOSS_STALLED,  /* no progress at the root for too long, or a reader that stands still */
	PFS_LOSS_DAMAGED,  /* what it sent failed verification */
	PFS_LOSS_PROTOCOL, /* sent what the protocol does not allow */
	PFS_LOSS_REFUSED,  /* would not have us */
	PFS_LOSS_CYCLE,    /* we would be our own ancestor */
	PFS_LOSS_FAILED,   /* its root could not get the file */
	PFS_LOSS_KINDS
};

/* Why input was refused (one rejection exit, counted in pfs_phone.dropped). */
enum pfs_drop {
	PFS_DROP_SHORT,        /* truncated or with bytes left over */
	PFS_DROP_MAGIC,
	PFS_DROP_VERSION,
	PFS_DROP_TYPE,
	PFS_DROP_OWN,          /* one's own broadcast coming back */
	PFS_DROP_SUBNET,       /* a sender of another subnet (F7) */
	PFS_DROP_MODEL,        /* another model's (F6); normal, not traced */
	PFS_DROP_FILE,         /* a file this phone's upgrade does not have */
	PFS_DROP_BLAMED,       /* from a peer that is being avoided */
	PFS_DROP_STALE,        /* event of an old generation, or of a claim that is over */
	PFS_DROP_STATE,        /* not expected now */
	PFS_DROP_TID,          /* TFTP from a port that is not the transfer's */
	PFS_DROP_BLOCK,        /* TFTP duplicate or out of order */
	PFS_DROP_LIMIT,        /* over a rate bound */
	PFS_DROP_FORGED,       /* the sender named inside is not the sender */
	PFS_DROPS
};

/* Typed trace record; fields by kind as above. Plain, no padding. */
struct pfs_trace {
	uint8_t kind;     /* enum pfs_trace_kind */
	uint8_t file;     /* index or PFS_NO_FILE */
	uint16_t reserved;
	uint32_t xid;
	uint32_t address;
	uint32_t a;
	uint32_t b;
	uint32_t reserved2;
	uint64_t c;
};

struct pfs_action {
	uint8_t kind;     /* enum pfs_action_kind */
	uint8_t file;     /* SEND_FILE, TAKE, VERIFY, DISCARD */
	uint16_t port;    /* TFTP_SEND */
	uint32_t address; /* CONNECT, TFTP_SEND */
	uint32_t conn;    /* connection handle */
	uint32_t skip;    /* TAKE: offset of the bytes in the event's data */
	uint64_t offset;  /* SEND_FILE, TAKE: in the file */
	uint64_t length;  /* SEND_FILE, TAKE: bytes in the file; BROADCAST, SEND, TFTP_SEND: of bytes[] */
	union {
		uint8_t bytes[PFS_ACTION_BYTES];
		struct pfs_trace trace;
	};
};

struct pfs_actions {
	uint32_t count;
	struct pfs_action list[PFS_ACTIONS_MAX];
};

/* ----------------------------------------------------------------- phone */

/* What a phone is doing about the file it is at. Names as in docs/protocol.md. */
enum pfs_state {
	PFS_ST_OFF,          /* not started */
	PFS_ST_OPENING,      /* waits for the peer port */
	PFS_ST_HELD_UP,      /* waits until at most one older hierarchy is served */
	PFS_ST_LISTENING,    /* about 0.5 s: hears who is there */
	PFS_ST_CLAIMING,     /* ClaimRoot(tent): five broadcasts */
	PFS_ST_FOLLOWING,    /* knows a root, waits for its turn to join */
	PFS_ST_JOINING,      /* dialled, JOIN sent or on its way */
	PFS_ST_MEMBER,       /* has a parent, waits for the file */
	PFS_ST_RECEIVING,    /* from its parent */
	PFS_ST_ORPHANED,     /* lost its parent; random wait */
	PFS_ST_ROOT_WAITING, /* confirmed; keeps the tree open for joiners */
	PFS_ST_TFTP,         /* downloads from the server */
	PFS_ST_TFTP_WAITING, /* waits before another attempt */
	PFS_ST_VERIFYING,
	PFS_ST_LINGERING,    /* upgraded; serves children and latecomers */
	PFS_ST_REBOOTED,     /* done, serves no more */
	PFS_ST_FAILED,       /* given up for a recorded reason; still serves what it holds */
	PFS_STATES
};

#include "phone.h"

/*
 * Prepares a phone. The config is copied. Returns 0, or -EINVAL where a field
 * is outside its range. Nothing to release.
 */
int pfs_phone_init(struct pfs_phone *phone, const struct pfs_config *config);

/*
 * Takes one event and fills actions (count is set, the list need not be
 * cleared), to be carried out in their order. Returns how much of event->length was consumed, for
 * PFS_EV_BYTES: where that is less, carry the actions out and call again with
 * the rest. For every other kind the event is consumed whole and
 * event->length is returned.
 */
uint32_t pfs_step(struct pfs_phone *phone, const struct pfs_event *event, struct pfs_actions *actions);

/*
 * When the phone next wants PFS_EV_TIME, microseconds, or PFS_TIME_NEVER.
 * After a PFS_EV_TIME step it may still lie in the past: step again.
 */
uint64_t pfs_deadline(const struct pfs_phone *phone);

/*
 * The handle that the next accepted connection is to have, or PFS_NO_CONN
 * where the phone takes none now: then leave it in the listen queue and ask
 * again after the next step.
 */
uint32_t pfs_accept_conn(const struct pfs_phone *phone);

/* Slot of a handle, 0 to PFS_CONNS_MAX - 1: for the caller's own tables. */
static inline uint32_t pfs_conn_slot(uint32_t conn)
{
	return conn & 0xff;
}

/*
 * The invariants of one phone. Returns NULL where all hold, else the name of
 * the first that does not. For tests, the virtual-time world and debug builds.
 */
const char *pfs_phone_check(const struct pfs_phone *phone);

/* What the phone's screen and its web page show (F13), and what a view needs. */
struct pfs_snapshot {
	uint8_t state;         /* enum pfs_state */
	uint8_t file;          /* file being worked on, or PFS_NO_FILE */
	uint8_t files_held;    /* complete and verified */
	uint8_t icon;          /* 1: the PFS icon is shown (F13) */
	uint8_t shown;         /* component on the screen, index or PFS_NO_FILE (F13) */
	uint8_t root;          /* 1: confirmed root of `file` */
	uint8_t children;      /* connected, all hierarchies */
	uint8_t level;         /* own level in the hierarchy of `file`, 0 unknown, root 1 */
	uint32_t shown_kb;     /* KB of it received, 1,024 bytes, rounded down (F13) */
	uint32_t parent;       /* address or 0 */
	uint8_t failure;       /* enum pfs_failure */
	uint8_t upgraded;      /* 1: every file held */
	uint8_t reserved[6];
};
void pfs_phone_snapshot(const struct pfs_phone *phone, struct pfs_snapshot *snapshot);

/* Names for renderers; NULL past the end. */
const char *pfs_state_name(enum pfs_state state);
const char *pfs_trace_name(enum pfs_trace_kind kind);
const char *pfs_loss_name(enum pfs_loss loss);
const char *pfs_drop_name(enum pfs_drop drop);
const char *pfs_direct_name(enum pfs_direct direct);
const char *pfs_failure_name(enum pfs_failure failure);
const char *pfs_part_name(enum pfs_part part);
const char *pfs_origin_name(enum pfs_origin origin);

/*
 * F10: the setting in effect, from the phone's own page, the common phone
 * profile and the enterprise configuration, in that precedence; disabled where
 * none says. *origin says which place decided.
 */
enum pfs_setting pfs_setting_resolve(enum pfs_setting phone, enum pfs_setting profile,
				     enum pfs_setting enterprise, enum pfs_origin *origin);

/*
 * A firmware version in the vendor's form, "8.3(1)", "9.4(2)SR3-1", "8.3(3)SR2".
 * Returns 0 and the version as a number that orders as versions do (major,
 * minor, maintenance, service release), or -EINVAL.
 */
int pfs_version_parse(const char *text, uint64_t *version);

/* True where firmware of that version knows PFS: 8.3(1) and later (CSCsh20977). */
bool pfs_version_shares(uint64_t version);

/*
 * A draw: 64 bits that depend on (seed, phone, purpose, attempt) and on
 * nothing else. Uniform; no generator state.
 */
uint64_t pfs_draw(uint64_t seed, uint32_t phone, uint32_t purpose, uint64_t attempt);

#endif
