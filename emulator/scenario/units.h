/*
 * Values with units, as a scenario writes them: "250ms", "1.536mbit", "64kB",
 * "0.5%", "10.1.1.0/24". All of it integer: a number with a decimal fraction is
 * worked out exactly or refused.
 */
#ifndef FLEET_UNITS_H
#define FLEET_UNITS_H

#include <stddef.h>
#include <stdint.h>

enum units_result {
	UNITS_OK,
	UNITS_MALFORMED, /* not a number with a unit behind it */
	UNITS_NO_UNIT,
	UNITS_UNKNOWN,   /* a unit, but not one of these */
	UNITS_TOO_FINE,  /* a fraction of the smallest unit */
	UNITS_TOO_LARGE  /* past 64 bits */
};

struct unit {
	const char *name;
	uint64_t factor;
};

/* Lists that end in a NULL name, smallest unit first. */
extern const struct unit units_duration[]; /* to microseconds: us ms s m h */
extern const struct unit units_rate[];     /* to bits a second: bit kbit mbit gbit */
extern const struct unit units_size[];     /* to bytes: B kB MB KiB MiB */
extern const struct unit units_share[];    /* to parts a million: % */
extern const struct unit units_plain_milli[]; /* a bare decimal number, to thousandths */

enum units_result units_parse(const char *text, const struct unit *units, uint64_t *value);

/* Writes a value in the largest unit in which it is whole, as "10s". */
void units_format(uint64_t value, const struct unit *units, char *text, size_t size);

/* Joins the names for a message: "bit, kbit, mbit or gbit". */
void units_names(const struct unit *units, char *text, size_t size);

/* Dotted quad, exactly four decimal parts, to host byte order. Returns 0 or -EINVAL. */
int units_parse_address(const char *text, uint32_t *address);

/* "10.1.1.0/24". Returns 0, -EINVAL where it is no such thing, -ERANGE where host bits are set. */
int units_parse_network(const char *text, uint32_t *network, uint32_t *prefix);

/* "1/30" or "1": to parts a million, 1 to 1,000,000. Returns 0, -EINVAL, or -ERANGE. */
int units_parse_fraction(const char *text, uint32_t *ppm);

/* Writes an address as a dotted quad; text has room for 16. Returns text. */
char *units_format_address(uint32_t address, char *text);

#endif
