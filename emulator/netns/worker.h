/*
 * One worker: an event loop, its deadlines, and the buffers that all phones on
 * it share. Phones on a worker are stepped one at a time, so one read buffer
 * and one action list serve them all, however many they are.
 *
 * A run has one worker or more. The first is the calling thread: it has the
 * WAN, headquarters and the faults beside its phones. Each other is a thread
 * with a descriptor table of its own (unshare), since the host's limit of
 * descriptors is one a table; a number means nothing in another worker's
 * table. All phones of a switch are on one worker, so phones that talk are
 * never on two. Workers meet in the ledger, in the letters that they are sent,
 * and in the snapshots that they hand over; in nothing else.
 */
#ifndef FLEET_NETNS_WORKER_H
#define FLEET_NETNS_WORKER_H

#include <ev.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "emulator/fault/fault.h"
#include "emulator/netns/clock.h"
#include "emulator/netns/crowd.h"
#include "emulator/netns/fabric.h"
#include "emulator/netns/histogram.h"
#include "emulator/netns/ledger.h"
#include "emulator/netns/timers.h"
#include "emulator/journal/journal.h"
#include "emulator/plan/plan.h"
#include "pfs-core/pfs.h"

#define WORKER_READ_BYTES (256 * 1024)
#define WORKER_DATAGRAMS 64       /* read from one socket in one turn (DESIGN point 5) */
#define WORKER_DATAGRAM_BYTES 2048 /* a PFS message is at most PFS_ACTION_BYTES; more is a stranger's */
/*
 * Answers that one step can cause: one an action, and SENT for ranges asked for
 * earlier, which the output queues bound.
 */
#define WORKER_ANSWERS_MAX 1024

struct host;

/* An event that carrying out an action brought about; given to the phone after the action list is through. */
struct worker_answer {
	uint8_t kind, file, ok;
	uint32_t conn;
	int32_t descriptor;
};

/* What a worker is asked to do, between two steps. */
struct worker_letter {
	struct worker_letter *next;
	struct fault_order order;
};

struct worker {
	uint32_t number;           /* 0: the calling thread */
	struct ev_loop *loop;
	struct netns_clock clock;
	struct timers timers;
	struct histogram timer_lag;
	uint64_t start_late_max_us; /* how long behind its reset the latest phone began */

	const struct plan *plan;
	bool traditional;
	struct fabric *fabric;
	struct journal *journal;   /* or NULL; all workers' */
	struct ledger *ledger;     /* all workers' */
	/* The fault engine has orders: called in mid-step, with the ledger open. */
	void (*orders_due)(void *context, struct worker *worker);
	void (*order_came)(void *context, struct worker *worker, const struct fault_order *order);
	void (*phones_ended)(void *context); /* every phone of the run has ended; with the ledger open */
	void *run;                 /* context of the three */

	/* from other threads */
	ev_async mail;
	pthread_mutex_t mail_lock;
	struct worker_letter *letters, **letters_end; /* under the lock */
	bool ending;               /* under the lock: the loop is to end */
	pthread_t thread;          /* not of worker 0 */

	/* shared by the phones, used by one at a time */
	struct pfs_actions actions;
	struct worker_answer answers[WORKER_ANSWERS_MAX];
	uint32_t answer_first, answer_count;
	uint8_t *read_buffer;      /* WORKER_READ_BYTES */
	uint8_t *datagrams;        /* WORKER_DATAGRAMS times WORKER_DATAGRAM_BYTES */
	struct mmsghdr messages[WORKER_DATAGRAMS]; /* each with its vector, sender and part of `datagrams` */
	struct iovec vectors[WORKER_DATAGRAMS];
	struct sockaddr_in senders[WORKER_DATAGRAMS];

	struct crowd crowd;        /* broadcasts that wait for room in the kernel */
	int connections_below;     /* phones' connections have lower descriptors than this, */
	int transfers_below;       /* their TFTP sockets than this (PLAN_DESCRIPTORS_KEPT) */
	struct host *starved;      /* listeners stopped because descriptors ran out */
	ev_idle descriptor_freed;  /* takes them up again */

	/* what fidelity is judged by */
	uint64_t descriptors, descriptors_peak; /* of phones' sockets and namespaces */
	uint64_t descriptors_copied; /* the world's, which came with the copy of the first worker's table; not of worker 0 */
	uint64_t tcp_retransmits;  /* tcpi_total_retrans of closed connections */
	uint64_t udp_drops;        /* of closed UDP sockets' receive queues */
	uint64_t shortages;        /* times that no descriptor was left for a socket */
	uint64_t installed_damaged; /* phones that said they were upgraded and do not hold what the plan has */
	uint64_t event_errors;     /* things that should not be: a take out of order, memory */
};

/*
 * Fills a zeroed worker: loop, timers with room for one a phone and `timers`
 * more, buffers, mailbox. Plan, fabric and ledger are the caller's. Made and
 * ended by the first worker's thread, so that what others wake it with has the
 * same numbers in both their tables. Returns 0 or a negative errno; worker_deinit
 * either way.
 */
int worker_init(struct worker *worker, const struct plan *plan, uint32_t timers);
void worker_deinit(struct worker *worker);

/* From any thread: the worker is to carry out the order, or only to wake up (NULL). Returns 0 or -ENOMEM. */
int worker_post(struct worker *worker, const struct fault_order *order);
/* From any thread: its loop ends as soon as it has come round, if need be before it has begun. */
void worker_end(struct worker *worker);
bool worker_is_ending(struct worker *worker);

/* Whether the next descriptor of this table will be lower. any: an open one. */
bool worker_has_room(int any, int below);

void worker_descriptor_opened(struct worker *worker);
/* Also lets listeners that wait for a descriptor try again. */
void worker_descriptor_closed(struct worker *worker);

/*
 * Between two sockets' input: what fell due meanwhile is done, in the first worker also the WAN's frames. A
 * broadcast makes a thousand sockets readable in one wake-up; without it all that is due would wait for the last.
 */
void worker_catch_up(struct worker *worker);
/* The WAN's part of it, between two timers. */
void worker_carry_wan(struct worker *worker);

/* Queues an answer for the phone that is being stepped. */
void worker_answer(struct worker *worker, const struct worker_answer *answer);

#endif
