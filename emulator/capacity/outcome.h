/*
 * What one run of one mode came to, as far as a plan asks: whole numbers alone,
 * so that it can be kept and read again without a bit lost. The bound of the
 * same fleet is kept with it.
 */
#ifndef FLEET_CAPACITY_OUTCOME_H
#define FLEET_CAPACITY_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/capacity/bound.h"
#include "emulator/record/record.h"

struct capacity_outcome {
	uint64_t phones, upgraded, failed, unfinished, ineligible; /* phones = upgraded + failed + gone */
	uint64_t gone;                         /* a fault took them out for good: no failure, and no part of the time */
	uint64_t gone_kinds;                   /* bits by enum plan_fault_kind: the faults that do so; 0: none is gone */
	uint64_t duration_us;                  /* first reset to last phone done */
	uint64_t completion_p50_us, completion_p99_us;
	uint64_t wan_bytes_down, wan_bytes_up, wan_lost, wan_queue_drops;
	uint64_t wan_busy_ppm;                 /* of the busiest site, downwards */
	uint64_t transfers, rejected, blocks, retransmits, errors;
	uint64_t peer_bytes, hierarchies, depth, wan_copies; /* the last two: of any hierarchy, at most */
	uint64_t directs;
	/* PFS: of the hierarchies of the phones that were last, a file after the other; 0: not all of it was seen. */
	uint64_t elections_us;                 /* from the first phone's coming to a file until its root asks the server */
	uint64_t downloads_us;                 /* the roots' downloads */
	uint64_t violated;                     /* 1: an invariant was broken */
	struct capacity_bound bound;
};

/* From a run that has ended; the bound is left. */
void outcome_take(struct capacity_outcome *outcome, const struct plan *plan, const struct run_result *result,
		  bool violated);

/* All phones that were not taken out are upgraded, in so much time. */
bool outcome_fits(const struct capacity_outcome *outcome, uint64_t window_us);

/* By PFS more phones come to the end, or as many in less time: a time that phones are missing from says nothing. */
bool outcome_saves_time(const struct capacity_outcome *pfs, const struct capacity_outcome *traditional);

/* It takes fewer bytes of the WAN than the other did, or would have for the phones that it left behind. */
bool outcome_saves_bytes(const struct capacity_outcome *pfs, const struct capacity_outcome *traditional);

/* As text, a figure a line; the caller frees it. NULL where memory lacks. */
char *outcome_write(const struct capacity_outcome *outcome);

/* Returns 0, or -EINVAL where the text is not exactly what outcome_write() makes. */
int outcome_read(const char *text, struct capacity_outcome *outcome);

#endif
