/*
 * The scenario: what a user writes, in JSON, and the only place that reads it.
 * scenario_load() checks every field and works the scenario out to a plan;
 * nothing else in the project looks at JSON that a user wrote. docs/scenario.md
 * is the user's page of the format, scenarios/schema.json the editor's.
 */
#ifndef FLEET_SCENARIO_H
#define FLEET_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/plan/plan.h"

/* What the command line says in the scenario's stead. Zero the struct first. */
struct scenario_overrides {
	bool has_seed;
	uint64_t seed;
	uint32_t speed_milli; /* 10 to 1,000,000; 0: the scenario's own */
	uint32_t scale_ppm;   /* 1 to 1,000,000, the last is whole firmware; 0: the scenario's own */
};

/*
 * One line, without a line feed, in the form
 *   file: path: value: what was expected
 * as `branch.json: sites[0].wan.rate: "1.5mb": unknown unit, use bit, kbit, mbit or gbit`.
 */
struct scenario_error {
	char line[640];
};

/*
 * Reads a scenario and makes its plan. overrides may be NULL. Returns 0 and the
 * plan, to be released with plan_free(); or -EINVAL where the scenario is bad
 * or cannot be read, or -ENOMEM, with error->line filled and *plan NULL: print
 * the line and exit 2.
 */
int scenario_load(const char *path, const struct scenario_overrides *overrides, struct plan **plan,
		  struct scenario_error *error);

/* The same from a buffer; `path` is shown in errors and anchors relative folders. */
int scenario_load_text(const char *path, const char *text, size_t length,
		       const struct scenario_overrides *overrides, struct plan **plan,
		       struct scenario_error *error);

/*
 * A speed as one writes it on the command line, "2" or "0.5". Returns 0 and
 * thousandths, or -EINVAL where it is no number or outside 0.01 to 1000.
 */
int scenario_parse_speed(const char *text, uint32_t *speed_milli);

#endif
