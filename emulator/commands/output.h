/*
 * A file that the user named, written whole or not at all. What is no plain file
 * stays what it is: a terminal, a pipe or a device is written to, and of a
 * symbolic link it is the file that it names, also where that is not there yet.
 */
#ifndef FLEET_COMMANDS_OUTPUT_H
#define FLEET_COMMANDS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/* Puts everything on the stream. Returns 0 or a negative errno; what the stream itself could not take is found out. */
typedef int output_put(const void *context, FILE *stream);

/*
 * Returns 0 or a negative errno, and says nothing: -EEXIST where the file is
 * there already and is not to be replaced. SIGINT, SIGTERM and SIGHUP wait for
 * the milliseconds that it takes.
 */
int output_write(const char *path, bool replace, output_put *put, const void *context);

#endif
