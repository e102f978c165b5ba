/*
 * Every timer and bound of the phone, by name. docs/protocol.md has the same
 * table with what is documented, inferred or chosen; a test holds the two
 * together.
 */
#ifndef PFS_CORE_TIMERS_H
#define PFS_CORE_TIMERS_H

#define PFS_MS UINT64_C(1000)
#define PFS_S UINT64_C(1000000)

/* election */
#define PFS_LISTEN_MAX_US (510 * PFS_MS)       /* the weakest strength listens this long */
#define PFS_LISTEN_OCTAVE_US (16 * PFS_MS)     /* less for each halving of the share that is stronger */
#define PFS_OCTAVES 16                         /* halvings that count */
#define PFS_CLAIM_INTERVAL_US (250 * PFS_MS)   /* the log */
#define PFS_CLAIMS 5                           /* the log: first broadcast and Ad 1 to Ad 4 */
#define PFS_ROOT_WAITING_US (10 * PFS_S)       /* the log */
#define PFS_ANSWER_INTERVAL_US (250 * PFS_MS)  /* between two answers for one file */
#define PFS_HOLDER_ANSWER_MIN_US (150 * PFS_MS) /* a holder that is not the root leaves it the first word */
#define PFS_HOLDER_ANSWER_OCTAVE_US (40 * PFS_MS)
#define PFS_CLAIMS_HEARD_MAX 1000              /* broadcasts looked at in a second */

/* joining */
#define PFS_CONFIRM_MARGIN_US (100 * PFS_MS)   /* after the leader's expected confirmation */
#define PFS_JOIN_SPREAD_US (4 * PFS_S)         /* joiners of a new root come within this */
#define PFS_JOIN_SPREAD_LATE_US (250 * PFS_MS) /* joiners of one that is under way */
#define PFS_CONNECT_US (3 * PFS_S)
#define PFS_JOIN_US (10 * PFS_S)               /* JOIN to its answer, the listen queue included */
#define PFS_ACCEPT_US (5 * PFS_S)              /* accepted to JOIN */
#define PFS_CLOSE_US (5 * PFS_S)               /* FIN sent to FIN received */
#define PFS_BUSY_RETRY_US (2 * PFS_S)
#define PFS_HOPS_MAX 48                        /* redirects, second tries and lost parents of one election */
#define PFS_ROUNDS_MAX 6                       /* elections for one file */
#define PFS_ROUNDS_END 12                      /* from here on the last resort yields to nobody */
#define PFS_LAST_RESORT_US (30 * PFS_S)        /* random wait before the server is asked past an election */

/* liveness */
#define PFS_BEAT_US (5 * PFS_S)
#define PFS_SILENCE_US (16 * PFS_S)            /* three beats and one second */
#define PFS_READER_STALL_US (30 * PFS_S)       /* one chunk not taken by a child */
#define PFS_VERDICT_US (120 * PFS_S)           /* the last chunk taken by TCP to the child's DONE or BAD */
#define PFS_ROOT_STALL_US (150 * PFS_S)        /* no progress at the root; and a beat for each level */
#define PFS_ROOT_PATIENCE_US (1800 * PFS_S)    /* a root may say that it tries again instead */
#define PFS_ROOT_RATE_MIN 256                  /* bytes a second that a root must make on the whole */
#define PFS_ORPHAN_MIN_US (500 * PFS_MS)
#define PFS_ORPHAN_SPREAD_US (1500 * PFS_MS)
#define PFS_BLAME_US (300 * PFS_S)             /* a peer that sent damage again, or stood still */
#define PFS_BLAME_DEAF_US (60 * PFS_S)         /* a leader that twice took nobody */
#define PFS_FAILED_ROOT_US (5 * PFS_S)         /* a root whose server failed it waits before it asks around */
#define PFS_ROOTS_MAX 2                        /* roots that try before a failure is everybody's */
#define PFS_LINGER_US (60 * PFS_S)             /* after the last that was heard of a file held */
#define PFS_LINGER_MAX_US (3600 * PFS_S)       /* and no longer than this after its own upgrade */

/* transfer */
#define PFS_CHUNK_BYTES (256 * 1024)           /* of one DATA frame */
#define PFS_EARLY_BYTES (16 * 1024)            /* what-if: the least that is worth a frame before the file is whole */

/* TFTP client */
#define PFS_TFTP_RTO_US (2 * PFS_S)            /* before the first sample */
#define PFS_TFTP_RTO_MIN_US (1 * PFS_S)
#define PFS_TFTP_RTO_MAX_US (16 * PFS_S)
#define PFS_TFTP_REQUEST_MAX 6                 /* time-outs in a row that end an attempt, before its first packet */
#define PFS_TFTP_SILENT_MAX 16                 /* and in mid-file, where a full WAN loses many */
#define PFS_TFTP_ATTEMPTS 8                    /* attempts that met silence from the first */
#define PFS_TFTP_BROKEN_MAX 64                 /* attempts that broke off in mid-file */
#define PFS_TFTP_WAIT_US (2 * PFS_S)           /* before the second attempt; doubles */
#define PFS_TFTP_WAIT_MAX_US (64 * PFS_S)
#define PFS_TFTP_DAMAGED_MAX 3                 /* downloads that failed verification */
#define PFS_TFTP_BUSY_MIN_US (5 * PFS_S)       /* after a rejection */
#define PFS_TFTP_BUSY_SPREAD_US (10 * PFS_S)
#define PFS_BUSY_LIMIT_US (86400 * PFS_S)

#endif
