/*
 * The state of one phone, laid out so that it can be copied, hashed and
 * compared: no pointer, no padding. Only pfs-core looks inside; everybody else
 * goes through pfs.h and relies on nothing here but the size and the config.
 */
#ifndef PFS_CORE_PHONE_H
#define PFS_CORE_PHONE_H

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

#define PFS_CHILD_RX 40    /* longest frame a parent hears, with its header */
#define PFS_PARENT_RX 128  /* longest frame a child hears */
#define PFS_NO_SLOT 0xff

/* One TCP connection; a slot with a generation. */
struct pfs_conn {
	uint64_t deadline_us;   /* of the role's own timer: connect, join, silence, close */
	uint64_t beat_us;       /* when to say ALIVE next */
	uint64_t stall_us;      /* a child's chunk must be taken by then */
	uint64_t sent;          /* child: next offset to send */
	uint32_t frame_left;    /* payload of a DATA frame still to come */
	uint32_t weight_s;      /* child: second in which weight last changed here */
	uint32_t address;
	uint32_t weight;        /* child: phones in its subtree, itself included */
	uint16_t generation;
	uint8_t role;           /* enum conn_role */
	uint8_t file;
	uint8_t sending;        /* child: a chunk is on its way to TCP */
	uint8_t rx_have;
	uint8_t reserved[2];
	uint8_t rx[PFS_CHILD_RX];
};

struct pfs_blamed {
	uint64_t until_us;
	uint32_t address;
	uint8_t loss;           /* enum pfs_loss */
	uint8_t strikes;        /* times that it sent damage */
	uint8_t reserved[2];
};

/* The TFTP client. One transfer at a time. */
struct pfs_tftp {
	uint64_t deadline_us;   /* retransmission */
	uint64_t sent_us;       /* when what is being waited for was first asked; 0: asked twice (Karn) */
	uint64_t busy_since_us; /* first of a row of rejections; 0 none */
	uint32_t srtt_us, rttvar_us;
	uint32_t rto_us;
	uint32_t block;         /* last block taken, not wrapped */
	uint32_t begun;         /* requests so far for this file, for draws */
	uint16_t port;          /* the server's TID; 0 before its first answer */
	uint16_t blksize;
	uint8_t phase;          /* enum tftp_phase */
	uint8_t silent;         /* time-outs in a row */
	uint8_t attempts;       /* that met silence */
	uint8_t damaged;        /* that failed verification */
	uint8_t plain;          /* 1: the server refused options (ERROR 8): ask without */
	uint8_t direct;         /* enum pfs_direct */
	uint8_t broken;         /* attempts that brought some blocks and then met silence */
	uint8_t reserved;
};

struct pfs_phone {
	struct pfs_config config;

	uint64_t now_us;
	uint64_t timer_us;         /* of the state */
	uint64_t linger_us;
	uint64_t root_deadline_us; /* the tree must show progress by then */
	uint64_t root_limit_us;    /* and the whole file by then */
	uint64_t root_patience_us; /* until then trying again counts as progress */
	uint64_t received;         /* bytes of the current file, in order */
	uint64_t window_us;        /* second in which claims are counted */
	uint64_t draws;            /* attempts so far: the counter of every draw */
	uint64_t answer_us[PFS_FILES_MAX];   /* an answer is due; PFS_TIME_NEVER none */
	uint64_t answered_us[PFS_FILES_MAX]; /* the last one was sent; 0 never */

	struct pfs_blamed blamed[PFS_BLAMED_MAX];
	struct pfs_tftp tftp;
	struct pfs_conn conns[PFS_CONNS_MAX]; /* of these the first `slots` are used */

	uint32_t map;
	uint32_t strength;         /* own; the top bit is the bump */
	uint32_t xid;              /* own claim's */
	uint32_t leader, leader_xid, leader_strength; /* being followed */
	uint32_t dial;             /* address dialled or of the parent */
	uint32_t dial_xid;
	uint32_t dial_origin;      /* who redirected us there, 0 nobody */
	uint32_t avoid;            /* redirect target that was of no use */
	uint32_t lost;             /* parent that was lost, told in JOIN */
	uint32_t deaf_leader;      /* leader that took nobody, last time */
	uint32_t root_address, tree_xid; /* of the tree we are in */
	uint32_t progress_kb;      /* at the nearest ancestor that receives, as heard */
	uint32_t path[PFS_LEVELS_MAX]; /* ancestors, root first */
	uint32_t window_count;
	uint32_t dropped[PFS_DROPS];
	uint32_t stale_events;

	uint8_t state;             /* enum pfs_state */
	uint8_t file;
	uint8_t held;              /* bit a file */
	uint8_t rooted;            /* bit a file: confirmed root of it */
	uint8_t levels[PFS_FILES_MAX]; /* own level in each file's hierarchy */
	uint8_t claims;            /* broadcasts of this claim */
	uint8_t round;             /* elections for this file */
	uint8_t hops;
	uint8_t rejoin;            /* enum rejoin_stage */
	uint8_t leader_class;      /* enum claim_class of the leader */
	uint8_t path_count;
	uint8_t tree_phase;        /* enum tree_phase, as heard */
	uint8_t roots_tried;
	uint8_t parent_slot;       /* dialling, joining or attached; PFS_NO_SLOT */
	uint8_t failure;           /* enum pfs_failure */
	uint8_t upgraded;
	uint8_t port_open;
	uint8_t shown;             /* F13: component on the screen */
	uint8_t last_resort;       /* 1: waits to ask the server past an election */
	uint8_t verifying_from_server;
	uint8_t fan_out;           /* children a hierarchy, at most */
	uint8_t slots;             /* connections, at most */
	uint8_t reserved[3];
	uint8_t parent_rx[PFS_PARENT_RX];
};

#pragma GCC diagnostic pop

_Static_assert(sizeof(struct pfs_phone) <= 2432, "millions of phones have to fit in memory");

#endif
