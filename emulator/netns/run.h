/*
 * One run of the netns world, for the files that divide it: world.c brings it
 * up, loops and takes it down; upset.c carries out faults; headquarters.c has
 * the servers.
 */
#ifndef FLEET_NETNS_RUN_H
#define FLEET_NETNS_RUN_H

#include "emulator/netns/fidelity.h"
#include "emulator/netns/control.h"
#include "emulator/netns/headquarters.h"
#include "emulator/netns/host.h"
#include "emulator/netns/worker.h"
#include "emulator/world.h"

struct run {
	const struct world_options *options;
	struct world_report *report;
	struct worker worker;
	struct fabric *fabric;
	struct control *control;       /* NULL: nobody is let in */
	struct headquarters headquarters;
	struct host *hosts;            /* one a phone */
	uint32_t hosts_up;             /* of these, with a namespace */
	struct pfs_snapshot *snapshots;
	struct timer fault_timer, limit_timer;
	struct fault_order *orders;    /* taken from the engine, not carried out yet; room for two a fault */
	uint32_t order_count;
	ev_prepare between;            /* runs between two wake-ups */
	ev_timer publish, stop_check;  /* real time */
	bool settling;                 /* every phone has ended; what is under way still arrives */
	bool interrupted;
	struct fidelity_reading before; /* anything was made */
	struct fidelity_reading started;
};

/*
 * Takes what is due from the fault engine: damage takes effect at once, the rest
 * with run_faults(). May be called while a phone is being stepped; context is a
 * struct run.
 */
void run_take_orders(void *context);

/* Carries out what is due, and sets the timer for what will be. Never called while a phone is being stepped. */
void run_faults(struct run *run);

#endif
