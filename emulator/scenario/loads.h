/*
 * The .loads index file of a firmware set, taken apart and made, without I/O:
 * a binary header of a length that varies and ends in the file's own name, then
 * text with CRLF: comment lines that begin with '#', and one file name a line.
 */
#ifndef FLEET_LOADS_H
#define FLEET_LOADS_H

#include <stddef.h>
#include <stdint.h>

#include "pfs-core/pfs.h"

#define LOADS_NAMES_MAX (PFS_FILES_MAX - 1) /* the index itself is a file of the set too (F15) */

struct loads {
	size_t header_bytes; /* before the text */
	uint32_t count;      /* names, 1 to LOADS_NAMES_MAX */
	char names[LOADS_NAMES_MAX][PFS_NAME_MAX]; /* in the file's order, as written but for spaces around */
};

/*
 * Takes the content of the index file `own_name` (no path) apart. Returns 0, or
 * -EINVAL with why filled with a sentence for the user. Any bytes may be given.
 */
int loads_parse(const char *own_name, const uint8_t *data, size_t length, struct loads *loads,
		char *why, size_t why_size);

/*
 * Makes an index of exactly `size` bytes that loads_parse() reads back; the
 * header takes what the text leaves and is drawn from key. Returns 0, or
 * -EINVAL where the text does not fit.
 */
int loads_compose(const char *own_name, const char *const *names, uint32_t count, uint64_t key,
		  uint8_t *data, size_t size);

/* Fills data with bytes that depend on key and on their place alone; no two keys look alike. */
void loads_fill(uint64_t key, uint8_t *data, size_t size);

/*
 * Whether a name may be a file of a set: no path, printable, shorter than
 * PFS_NAME_MAX. Returns NULL where it may, else what is wrong with it.
 */
const char *loads_name_fault(const char *name, size_t length);

#endif
