/*
 * The run's folder: where summary.json, the scenario as run and the console
 * logs go. One a run; a folder that holds something already is never written to.
 */
#ifndef FLEET_COMMANDS_FOLDER_H
#define FLEET_COMMANDS_FOLDER_H

#include <stddef.h>
#include <time.h>

#define FOLDER_PATH_MAX 4096

/*
 * Makes the folder, with its parents, and puts its path in `path`. wanted NULL:
 * results/runs/UTC-NAME-PID. Returns 0, or a negative errno with one line on
 * stderr: -ENOTEMPTY where it exists and is not empty.
 */
int folder_make(const char *wanted, const char *scenario_name, time_t now, char path[FOLDER_PATH_MAX]);

/* Makes a folder with its parents where it is not there yet. Returns 0 or a negative errno; says nothing. */
int folder_ensure(const char *path);

/* Writes a file of the folder whole or not at all. Returns 0, or a negative errno with one line on stderr. */
int folder_write(const char *path, const char *name, const char *text);

/* Removes a file of the folder, or a folder in it with all that it holds; links are removed and not followed. Says nothing. */
void folder_remove(const char *path, const char *name);

/* Takes back a folder in which nothing was run: what folder_write() put there and empty folders. */
void folder_abandon(const char *path);

#endif
