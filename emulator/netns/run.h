/*
 * One run of the netns world, for the files that divide it: world.c brings it
 * up, loops and takes it down; upset.c carries out faults; headquarters.c has
 * the servers.
 */
#ifndef FLEET_NETNS_RUN_H
#define FLEET_NETNS_RUN_H

#include <pthread.h>

#include "emulator/netns/control.h"
#include "emulator/netns/fidelity.h"
#include "emulator/netns/headquarters.h"
#include "emulator/netns/host.h"
#include "emulator/netns/worker.h"
#include "emulator/world.h"

struct run {
	const struct world_options *options;
	struct world_report *report;
	struct worker *workers;        /* the first is the calling thread's */
	uint32_t worker_count, threads; /* threads: that were started, the calling one not counted */
	struct ledger ledger;
	struct crew_gate *gate;        /* where the threads wait; crew.c */
	struct fabric *fabric;
	struct control *control;       /* NULL: nobody is let in */
	struct headquarters headquarters;
	struct host *hosts;            /* one a phone */
	uint32_t hosts_up;             /* of these, with a namespace */
	struct pfs_snapshot *snapshots; /* one a phone; other threads' under snapshots_lock */
	pthread_mutex_t snapshots_lock;
	struct timer fault_timer, limit_timer;
	struct fault_order *orders;    /* taken from the engine, not carried out yet; room for two a fault; */
	uint32_t order_count;          /* with the ledger open */
	ev_prepare between;            /* runs between two wake-ups */
	ev_timer publish, stop_check;  /* real time */
	bool settling;                 /* every phone has ended; what is under way still arrives */
	bool interrupted;
	uint64_t event_errors;         /* of all workers, once they are gone */
	struct fidelity_reading started;
};

/*
 * Takes what is due from the fault engine: damage takes effect at once, the rest
 * with run_faults(). Called with the ledger open, also while a phone is being
 * stepped, by the thread of `worker`; context is a struct run.
 */
void run_take_orders(void *context, struct worker *worker);

/* What an order means to the phone it is for; on that phone's worker, between two steps. */
void run_strike(void *context, struct worker *worker, const struct fault_order *order);

/*
 * Carries out what is due, and sets the timer for what will be. By the first
 * worker, never while it steps a phone.
 */
void run_faults(struct run *run);

/* ---- crew.c: the workers beside the first ---- */

/* How many workers there are to be, and who is whose; before hosts are made. Returns 0 or -ENOMEM. */
int crew_muster(struct run *run);
/* The worker that phone is on. */
struct worker *crew_worker_of(const struct run *run, uint32_t phone);
/* Starts the threads; they wait for crew_go. Returns 0 or a negative errno; crew_end either way. */
int crew_start(struct run *run);
/* The scenario's clock of the first worker runs: so do all. */
void crew_go(struct run *run);
/* Ends the threads: their phones are off and their sockets closed. Idempotent. */
void crew_end(struct run *run);

/* Copies what a worker's phones show to the run's snapshots; by that worker's thread. */
void run_snapshots(struct run *run, const struct worker *worker);

/*
 * While the fleet runs its threads go before ordinary work on the host, where
 * that is allowed (root): beside a compiler run the p99 of the timers' lag was
 * seen to go from 15 to 2 ms by it. They sleep most of the time, and the kernel
 * keeps a part of each second for the others should they not. Threads and
 * processes that they make do not inherit this. Whoever started the run with
 * another policy than the ordinary one (chrt --idle) meant it. True: it is so
 * now, and run_go_back() is to be told.
 */
bool run_go_first(void);
void run_go_back(bool first);

#endif
