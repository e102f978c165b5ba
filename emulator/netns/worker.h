/*
 * One worker: an event loop, its deadlines, and the buffers that all phones on
 * it share. Phones on a worker are stepped one at a time, so one read buffer
 * and one action list serve them all, however many they are. Today a run has
 * one worker, the calling thread; nothing here is shared between workers.
 */
#ifndef FLEET_NETNS_WORKER_H
#define FLEET_NETNS_WORKER_H

#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "emulator/fault/fault.h"
#include "emulator/netns/clock.h"
#include "emulator/netns/fabric.h"
#include "emulator/netns/histogram.h"
#include "emulator/netns/timers.h"
#include "emulator/plan/plan.h"
#include "emulator/record/record.h"
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

struct worker {
	struct ev_loop *loop;
	struct netns_clock clock;
	struct timers timers;
	struct histogram timer_lag;

	const struct plan *plan;
	bool traditional;
	struct fabric *fabric;
	struct record *record;
	struct fault_engine *faults;
	void (*orders_due)(void *context); /* the fault engine has orders: called in mid-step */
	void *orders_context;

	/* shared by the phones, used by one at a time */
	struct pfs_actions actions;
	struct worker_answer answers[WORKER_ANSWERS_MAX];
	uint32_t answer_first, answer_count;
	uint8_t *read_buffer;      /* WORKER_READ_BYTES */
	uint8_t *datagrams;        /* WORKER_DATAGRAMS times WORKER_DATAGRAM_BYTES */
	struct mmsghdr messages[WORKER_DATAGRAMS]; /* each with its vector, sender and part of `datagrams` */
	struct iovec vectors[WORKER_DATAGRAMS];
	struct sockaddr_in senders[WORKER_DATAGRAMS];

	struct host *starved;      /* listeners stopped because descriptors ran out */
	ev_idle descriptor_freed;  /* takes them up again */

	/* what fidelity is judged by */
	uint64_t descriptors, descriptors_peak; /* of phones' sockets and namespaces */
	uint64_t tcp_retransmits;  /* tcpi_total_retrans of closed connections */
	uint64_t udp_drops;        /* of closed UDP sockets' receive queues */
	uint64_t shortages;        /* times that no descriptor was left for a socket */
	uint64_t event_errors;     /* things that should not be: a take out of order, memory */
};

/*
 * Fills a zeroed worker: loop, timers with room for one a phone and `timers`
 * more, buffers. plan, fabric, record and faults are the caller's. Returns 0 or
 * a negative errno; worker_deinit either way.
 */
int worker_init(struct worker *worker, const struct plan *plan, uint32_t timers);
void worker_deinit(struct worker *worker);

void worker_descriptor_opened(struct worker *worker);
/* Also lets listeners that wait for a descriptor try again. */
void worker_descriptor_closed(struct worker *worker);

/* Queues an answer for the phone that is being stepped. */
void worker_answer(struct worker *worker, const struct worker_answer *answer);

#endif
