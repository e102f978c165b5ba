/*
 * Progress on stderr while a fleet runs: a thread of its own that looks at the
 * record's published view four times a second. One status line that is drawn
 * over on a terminal; elsewhere a line at each tenth of the phones, and
 * at the latest every ten seconds.
 */
#ifndef FLEET_COMMANDS_PROGRESS_H
#define FLEET_COMMANDS_PROGRESS_H

#include "emulator/record/record.h"

struct progress;

/*
 * Starts to watch. `label` ("PFS") must live on. Returns NULL where no thread
 * could be made: the run goes on without progress. Not before the process may
 * have threads (world.h, started).
 */
struct progress *progress_start(struct record *record, const char *label);

/* Stops and clears the status line. NULL is allowed. */
void progress_stop(struct progress *progress);

#endif
