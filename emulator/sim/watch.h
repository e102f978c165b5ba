/*
 * What the invariants remember: each phone as it was last counted, and each
 * family. Shared by the files that hold the invariants, and by nobody else.
 */
#ifndef FLEET_SIM_WATCH_H
#define FLEET_SIM_WATCH_H

#include "emulator/sim/sim.h"

#include "pfs-core/timers.h"

/* After its end a fault is felt for so long: silence, two ancestors that do not answer, an election. */
#define FAULT_FELT_US (PFS_SILENCE_US + 2 * (PFS_CONNECT_US + PFS_JOIN_US) + 20 * PFS_S)
#define LINKS_MAX (PFS_FAN_OUT_MAX * (PFS_HIERARCHIES_MAX + 1))

struct child_link {
	uint32_t phone;
	uint8_t file;
};

/* A connection that a file goes out on: the next chunk must be taken, or the verdict be here, by then. */
struct reader {
	uint64_t due_us;
	uint32_t conn; /* handle; 0: none */
	uint8_t file;
};

#define DISTRUSTED_MAX PFS_BLAMED_MAX

/* A peer that the phone says it avoids from now on, and why. */
struct distrusted {
	uint64_t at_us;
	uint32_t address;
	uint8_t file, loss, strikes; /* strikes: times that it sent damage */
};

struct watched {
	uint32_t family;
	uint32_t parent; /* phone, or SIM_NONE */
	uint32_t link_count;
	struct child_link links[LINKS_MAX]; /* as the parent traced them */
	uint64_t begun_us;                  /* its last start */
	uint8_t state, file, held;          /* as last counted; held: how many, from the first on */
	uint8_t rooted;                     /* bit a file: confirmed and not given up */
	uint8_t rounds;                     /* elections that failed for the current file */
	uint32_t claimed;                   /* strength of its last claim */
	bool counted, ended, was_hostile;
	bool stirred; /* a link, its parent or its file is another one: that may close a cycle */
	/* of conduct.c */
	uint32_t asked_xid;       /* tree that its last JOIN meant */
	uint32_t grandparent;     /* its parent's parent, told when it joined and true since; SIM_NONE */
	uint32_t owes_xfrcmd;     /* parent that has XfrCmd to pass on to it; SIM_NONE */
	uint32_t hops;            /* of its last JOIN */
	bool must_climb;          /* has lost its parent and knows an ancestor */
	uint32_t must_ask;        /* its root, which is not its parent's parent: before it elects; 0 */
	uint32_t told_top;        /* uppermost of its ancestors, where they are three or more; 0 */
	bool must_yield;          /* the event being stepped is a stronger claim or answer */
	uint8_t distrusted_count; /* past DISTRUSTED_MAX: anybody */
	struct distrusted distrusted[DISTRUSTED_MAX];
	uint32_t confirmed;   /* strength of its last confirmation */
	uint64_t heard_us;    /* bytes on any connection, or its joining */
	uint64_t upgraded_us; /* PFS_TIME_NEVER: with no port open, or not yet */
	uint32_t leader, leader_strength; /* whom it follows */
	uint8_t leader_rank, heard_rank;  /* enum rank; of its leader, of what it hears in this step */
	uint8_t was, follows;             /* state before the step; leaders in a row */
	uint32_t must_follow, yielded;    /* in this step: whom it has to follow, whom it follows now; 0 */
	uint32_t dialled, dial_conn;      /* whom it has dialled last, since its election began; 0 */
	bool dial_answered;
	uint32_t join_avoid, join_lost;   /* of the JOIN being stepped */
	uint8_t failures;                 /* roots that failed with the current file, as it knows */
	uint8_t gave_up;                  /* file that it has given up in this step; PFS_NO_FILE */
	bool told_of_failure;             /* in this step, by its parent */
	bool keeps_children;              /* in this step: it has a file and goes on to the next */
	/* of blame.c */
	uint32_t owes_blame; /* peer that has given cause in this step; 0 */
	uint32_t told_root;  /* of its tree, as its parent's frames say; 0 not known */
	uint32_t led_by;     /* whom it has yielded to last; 0 */
	uint32_t deaf, deaf_before; /* leader that it dials, and whom it dialled in vain the time before; 0 */
	/* of ends.c */
	uint32_t repeated_block, repeats; /* what it asked the server for again, and how often in a row */
	bool repeated_request;
	uint64_t repeated_us;   /* the last time */
	uint64_t last_block_us; /* of the server's file came; PFS_TIME_NEVER: not yet */
	uint32_t spoilt;        /* downloads of its file that were no good */
	bool spoils;            /* one, in this step */
	/* of pace.c */
	uint8_t paced;      /* state that it is in ... */
	uint64_t since_us;  /* ... since then */
	uint64_t spoken_us; /* anything but the time came to it */
	uint64_t over_us;   /* upgraded or failed; PFS_TIME_NEVER */
	uint64_t answered_us[PFS_FILES_MAX]; /* its last answer for the file; 0 none */
	bool upgraded;
	struct reader readers[LINKS_MAX];
};

struct family {
	uint32_t electing[PFS_FILES_MAX], waiting[PFS_FILES_MAX]; /* phones; waiting: in ROOT_WAITING */
	uint32_t copies[PFS_FILES_MAX];  /* begun while somebody else held or fetched it */
	uint32_t excused[PFS_FILES_MAX]; /* by attempts that broke off and files that were damaged */
	uint64_t begun_us[PFS_FILES_MAX]; /* when the first of them began that file */
	uint32_t damaged;                /* verifications that failed */
	uint32_t silences;               /* attempts that met silence */
	uint32_t members;                /* phones that take part */
	uint64_t rejected_us[PFS_FILES_MAX]; /* the first rejection of that file; 0 none */
};

/* A fault that struck, until when it lasted. */
struct felt {
	struct fault_order order;
	uint64_t at_us, until_us; /* until_us: PFS_TIME_NEVER while it lasts */
};

struct sim_watch {
	struct watched *phones;
	struct family *families;
	uint32_t family_count;
	uint32_t links_max;     /* of LINKS_MAX: as many as the fan-out can come to */
	uint64_t bound_us;      /* of a phone's whole upgrade */
	uint64_t felt_until_us; /* the last fault's effects; PFS_TIME_NEVER: while the run lasts */
	uint64_t last_fault_us;
	struct felt *felt;      /* each fault that has struck */
	uint32_t felt_count;
	bool busy, resized; /* the server rejected without cause; served another length */
	bool unreachable;   /* the server was, for somebody, at some time */
};

/* True where they may share: one subnet, model and firmware set. */
bool sim_same_family(const struct plan *plan, uint32_t phone, uint32_t other);

/* The phone at that address in the subnet of `phone`, or SIM_NONE. */
uint32_t sim_neighbour(const struct sim_world *world, uint32_t phone, uint32_t address);

/* True where the phone runs, and can be heard. */
bool sim_reachable(const struct sim_world *world, uint32_t phone);

/* ---- copies.c: how often a file crosses the WAN ---- */

int sim_copies_init(struct sim_world *world); /* 0 or -ENOMEM */
void sim_copies_fault(struct sim_world *world, const struct fault_order *order);
/* A phone that takes part begins to download a file from the server. */
void sim_copies_begun(struct sim_world *world, uint32_t phone, uint8_t file);

/* ---- conduct.c: rules of what one phone does to another, one step at a time ---- */

void sim_conduct_begin(struct watched *phone);
void sim_conduct_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace);
/* Before a step and after it. */
void sim_conduct_event(struct sim_world *world, uint32_t number, const struct pfs_event *event);
void sim_conduct_stepped(struct sim_world *world, uint32_t number);
void sim_conduct_action(struct sim_world *world, uint32_t number, const struct pfs_action *action);

/* ---- blame.c: who avoids whom ---- */

void sim_blame_begin(struct watched *phone);
/* True where the phone has said that it avoids whoever is at that address, and has not forgiven it. */
bool sim_blame_cause(const struct watched *phone, uint32_t address);
/* True where it has such cause, and blame may last that long. */
bool sim_blame_avoids(const struct sim_world *world, uint32_t phone, uint32_t address);
void sim_blame_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace);
/* Before a step and after it. */
void sim_blame_event(struct sim_world *world, uint32_t number, const struct pfs_event *event);
void sim_blame_stepped(struct sim_world *world, uint32_t number);

/* ---- pace.c: how long things take ---- */

void sim_pace_begin(struct watched *phone, uint64_t now_us);
/* True where the phone's clock has never drifted. */
bool sim_clock_is_true(const struct sim_world *world, uint32_t number);
void sim_pace_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace);
void sim_pace_event(struct sim_world *world, uint32_t number, const struct pfs_event *event);
void sim_pace_action(struct sim_world *world, uint32_t number, const struct pfs_action *action);
void sim_pace_stepped(struct sim_world *world, uint32_t number);
/* Its connections are no more. */
void sim_pace_cut_off(struct watched *phone);

/* ---- ends.c: how downloads and upgrades end ---- */

/* The longest that an upgrade may take, of the largest firmware set. */
uint64_t sim_ends_bound_us(const struct plan *plan);
/* A phone that takes part begins to ask the server for a file. */
void sim_ends_download(struct sim_world *world, uint32_t number, const struct pfs_trace *trace);
void sim_ends_failure(struct sim_world *world, uint32_t number, const struct pfs_trace *trace);
/* Upgraded or failed: in time. */
void sim_ends_upgrade(struct sim_world *world, uint32_t number);
void sim_ends_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace);
void sim_ends_action(struct sim_world *world, uint32_t number, const struct pfs_action *action);
void sim_ends_stepped(struct sim_world *world, uint32_t number);

#endif
