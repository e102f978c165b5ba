/*
 * Texts of files that may come from anybody, shown on a terminal: what would
 * steer it, or is no text, is shown by its octets. For journals and scenarios.
 */
#ifndef FLEET_PRINTABLE_H
#define FLEET_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A text as it may be shown: what is no UTF-8, and control characters, as \xNN.
 * False where there is no room for all of it: then `to` has as much as fits.
 */
bool printable(const char *from, char *to, size_t size);

#endif
