/*
 * Why a simulated upgrade takes longer than the bound says it must: the bound
 * leaves out loss, queues, chance and the protocol's second tries, and the run's
 * own counters say which of them it was.
 */
#ifndef FLEET_CAPACITY_EXPLAIN_H
#define FLEET_CAPACITY_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/capacity/outcome.h"

/* What the bound is made of, as "round trips 8:10 min + waits 1:09 min + tree 2.1 s". Returns text. */
const char *explain_bound(const struct capacity_bound *bound, char *text, size_t size);

/* Why the run took longer; "" where it is within 2 % of the bound. Returns text. */
const char *explain_gap(const struct capacity_outcome *outcome, bool traditional, char *text, size_t size);

#endif
