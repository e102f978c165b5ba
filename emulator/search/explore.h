/*
 * The depth-first search through one ordering of strengths. A worker has one
 * explorer; explorers share nothing.
 */
#ifndef FLEET_SEARCH_EXPLORE_H
#define FLEET_SEARCH_EXPLORE_H

#include <stdatomic.h>

#include "emulator/search/search.h"

/* What others may look at while an explorer works. */
struct explore_view {
	atomic_ullong states, bytes;
	atomic_bool stop; /* set from outside: end soon, NOT_EXHAUSTED; who set it says by what */
};

struct explored {
	struct search_result result; /* of this order alone; its path is the caller's to free */
	bool address_decided;        /* see orders.c */
};

struct explorer;

/* NULL where there is no memory. `options` and `view` have to outlive it. */
struct explorer *explorer_new(const struct search_options *options, struct explore_view *view);
void explorer_free(struct explorer *explorer);

/* As search_run(). */
int explorer_run(struct explorer *explorer, uint32_t order, struct explored *explored);

#endif
