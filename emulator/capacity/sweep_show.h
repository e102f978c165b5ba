/* A sweep as a table, as CSV, as JSON and as plots. */
#ifndef FLEET_CAPACITY_SWEEP_SHOW_H
#define FLEET_CAPACITY_SWEEP_SHOW_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "emulator/capacity/sweep.h"

/* A line a point. Returns 0, or -1 where the stream has failed. */
int sweep_table(const struct sweep *sweep, FILE *stream);

/* A line a point and mode, below a line of names (RFC 4180); the caller frees it. NULL where memory lacks. */
char *sweep_csv(const struct sweep *sweep);

/* Schema SHOW_SCHEMA, with `points`; the caller's. */
cJSON *sweep_json(const struct sweep *sweep);

/*
 * Plots: over the first axis with several numbers, a line for each value of the
 * second, by PFS and in the traditional way; a plot of times and one of bytes
 * for each combination of the others. Each is given to `put` with its file's
 * name, which returns 0 or a negative errno that ends it. At most
 * SWEEP_PLOTS_MAX; *left says how many were left out.
 */
#define SWEEP_PLOTS_MAX 128
typedef int (*sweep_put_fn)(void *context, const char *name, const char *svg);
int sweep_plots(const struct sweep *sweep, sweep_put_fn put, void *context, uint32_t *left);

#endif
