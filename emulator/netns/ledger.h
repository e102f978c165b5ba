/*
 * What all workers of a run write into: the record, and the fault engine that
 * watches the same trace. Phones on different workers are stepped at the same
 * time, so these two stand behind one lock, held for the microseconds that an
 * entry takes; nothing else is shared while the fleet runs.
 *
 * Time in the ledger never goes back, though two workers may have read the
 * clock in another order than they came here.
 */
#ifndef FLEET_NETNS_LEDGER_H
#define FLEET_NETNS_LEDGER_H

#include <pthread.h>
#include <stdint.h>

#include "emulator/fault/fault.h"
#include "emulator/record/record.h"

struct ledger {
	pthread_mutex_t lock;
	uint64_t now_us;             /* of the latest entry */
	struct record *record;       /* the caller's */
	struct fault_engine *faults; /* the caller's */
};

static inline void ledger_init(struct ledger *ledger)
{
	pthread_mutex_init(&ledger->lock, NULL);
}

static inline void ledger_deinit(struct ledger *ledger)
{
	pthread_mutex_destroy(&ledger->lock);
}

/* Takes the lock. Returns the time to enter things with: now_us, or that of the latest entry. */
static inline uint64_t ledger_open(struct ledger *ledger, uint64_t now_us)
{
	pthread_mutex_lock(&ledger->lock);
	if (now_us > ledger->now_us)
		ledger->now_us = now_us;
	return ledger->now_us;
}

static inline void ledger_close(struct ledger *ledger)
{
	pthread_mutex_unlock(&ledger->lock);
}

#endif
