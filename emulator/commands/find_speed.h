/*
 * The highest speed at which this host holds a scenario, found by running it.
 *
 * What a run measures of itself says how much slower it has to be only as long
 * as it was late here and there. Where the host was overwhelmed each delay made
 * the next one, and the figures say little more than "much slower": then the
 * fleet has to be run again.
 */
#ifndef FLEET_COMMANDS_FIND_SPEED_H
#define FLEET_COMMANDS_FIND_SPEED_H

#include "emulator/commands/jobs.h"
#include "emulator/scenario/scenario.h"

struct find_speed {
	const char *scenario;                  /* the file */
	struct scenario_overrides overrides;   /* the command line's */
	const struct job *jobs;                /* the two that were run: modes and workers are taken from them */
	uint32_t too_fast_milli;               /* they were inconclusive at this speed */
	uint32_t held_milli;                   /* and said that this one would hold */
	bool quiet;
	const volatile sig_atomic_t *stop;
};

/*
 * Runs both modes, those that are wanted, at lower speeds without a folder
 * until one holds with something to spare, so that it will hold again, and then between that and the lowest that did not, until
 * they are no more than a quarter apart. Fills the highest speed that held (0:
 * none did, or it was stopped) and the lowest that did not. Returns 0 or a
 * negative errno where a run could not be made (said on stderr).
 */
int find_speed(const struct find_speed *search, uint32_t *held_milli, uint32_t *not_held_milli);

#endif
