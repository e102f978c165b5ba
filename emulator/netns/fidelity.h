/*
 * How far a run can be trusted (DESIGN point 9), and what it cost: the process's
 * and the machine's own figures before and after, and the limits that make a
 * result inconclusive.
 */
#ifndef FLEET_NETNS_FIDELITY_H
#define FLEET_NETNS_FIDELITY_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/plan/plan.h"
#include "emulator/world.h"

/* One reading of the figures that a run is the difference of. */
struct fidelity_reading {
	uint64_t real_ns;      /* CLOCK_MONOTONIC */
	uint64_t own_cpu_us;   /* user and system time of this process */
	uint64_t steal_ticks, all_ticks; /* of the machine, /proc/stat */
	uint64_t kernel_bytes; /* slab, kernel stacks, page tables and per-CPU areas of the machine, /proc/meminfo */
};

void fidelity_read(struct fidelity_reading *reading);

/* cpu_busy and steal of the time between two readings. */
void fidelity_compare(const struct fidelity_reading *from, const struct fidelity_reading *to,
		      struct world_report *report);

/* Resident memory of this process at its highest, bytes. */
uint64_t fidelity_rss_bytes(void);

/* Descriptors that this process has open. */
uint64_t fidelity_descriptors(void);

/* Adds one reason not to trust the result; what does not fit is cut. */
__attribute__((format(printf, 2, 3))) void fidelity_doubt(struct world_report *report, const char *format, ...);

/*
 * The verdict: fills timer_smallest_us, inconclusive, reasons and speed_held_milli
 * from the rest of the report. faults: the run had some, and TCP may have retransmitted for them.
 */
void fidelity_judge(const struct plan *plan, bool traditional, bool faults, struct world_report *report);

#endif
