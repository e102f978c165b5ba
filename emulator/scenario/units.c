/*
 * Parsing values with units. A scenario is written by people, so each way of
 * getting a value wrong has a result of its own, from which the caller makes a
 * message that says what to write instead. No floating point: "1.536mbit" is
 * 1536 thousandths of a million, not the nearest double.
 */
#include "emulator/scenario/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FRACTION_DIGITS_MAX 12

const struct unit units_duration[] = {
	{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", UINT64_C(3600000000)}, {0},
};
const struct unit units_rate[] = {
	{"bit", 1}, {"kbit", 1000}, {"mbit", 1000000}, {"gbit", 1000000000}, {0},
};
const struct unit units_size[] = {
	{"B", 1}, {"kB", 1000}, {"KiB", 1024}, {"MB", 1000000}, {"MiB", 1048576}, {0},
};
const struct unit units_share[] = {{"%", 10000}, {0}};
const struct unit units_plain_milli[] = {{"", 1000}, {0}};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* mantissa * factor / 10^decimals, where that is whole. */
static enum units_result apply(uint64_t mantissa, unsigned int decimals, uint64_t factor, uint64_t *value)
{
	__extension__ unsigned __int128 product = mantissa;

	product *= factor;
	for (; decimals; decimals--) {
		if (product % 10)
			return UNITS_TOO_FINE;
		product /= 10;
	}
	if (product > UINT64_MAX - 1) /* UINT64_MAX is "never" and "absent" */
		return UNITS_TOO_LARGE;
	*value = (uint64_t)product;
	return UNITS_OK;
}

enum units_result units_parse(const char *text, const struct unit *units, uint64_t *value)
{
	uint64_t mantissa = 0;
	unsigned int decimals = 0, digits = 0;
	bool point = false;

	if (!digit(*text))
		return UNITS_MALFORMED;
	for (; digit(*text) || (*text == '.' && !point && digit(text[1])); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		/* 18 digits always fit in 64 bits. */
		if (++digits > 18)
			return UNITS_TOO_LARGE;
		mantissa = mantissa * 10 + (uint64_t)(*text - '0');
		decimals += point;
	}
	if (decimals > FRACTION_DIGITS_MAX)
		return UNITS_TOO_FINE;
	for (; units->name; units++) {
		if (strcmp(text, units->name) == 0)
			return apply(mantissa, decimals, units->factor, value);
	}
	if (!*text)
		return UNITS_NO_UNIT;
	for (const char *at = text; *at; at++) {
		if (digit(*at) || *at == '.' || *at == ',' || *at == ' ')
			return UNITS_MALFORMED;
	}
	return UNITS_UNKNOWN;
}

void units_format(uint64_t value, const struct unit *units, char *text, size_t size)
{
	const struct unit *best = units;

	for (const struct unit *unit = units; unit->name; unit++) {
		if (value && value % unit->factor == 0)
			best = unit;
	}
	if (value % best->factor == 0) {
		snprintf(text, size, "%llu%s", (unsigned long long)(value / best->factor), best->name);
		return;
	}
	/* Only units whose smallest has a factor above 1 come here: percent and thousandths. */
	char decimals[24];
	uint64_t width = 0;
	for (uint64_t factor = best->factor; factor > 1; factor /= 10)
		width++;
	snprintf(decimals, sizeof(decimals), "%0*llu", (int)width,
		 (unsigned long long)(value % best->factor));
	for (size_t end = strlen(decimals); end && decimals[end - 1] == '0';)
		decimals[--end] = '\0';
	snprintf(text, size, "%llu.%s%s", (unsigned long long)(value / best->factor), decimals, best->name);
}

void units_names(const struct unit *units, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (const struct unit *unit = units; unit->name && at < size; unit++) {
		const char *between = unit == units ? "" : unit[1].name ? ", " : " or ";
		at += (size_t)snprintf(text + at, size - at, "%s%s", between, unit->name);
	}
}

/* A decimal number up to max without leading zeroes; moves *text behind it. */
static int decimal(const char **text, uint32_t max, uint32_t *value)
{
	const char *at = *text;
	uint64_t number = 0;

	if (!digit(*at) || (*at == '0' && digit(at[1])))
		return -EINVAL;
	for (; digit(*at); at++) {
		number = number * 10 + (uint64_t)(*at - '0');
		if (number > max)
			return -EINVAL;
	}
	*text = at;
	*value = (uint32_t)number;
	return 0;
}

static int quad(const char **text, uint32_t *address)
{
	*address = 0;
	for (int part = 0; part < 4; part++) {
		uint32_t value;
		if (part && *(*text)++ != '.')
			return -EINVAL;
		if (decimal(text, 255, &value) < 0)
			return -EINVAL;
		*address = *address << 8 | value;
	}
	return 0;
}

int units_parse_address(const char *text, uint32_t *address)
{
	if (quad(&text, address) < 0 || *text)
		return -EINVAL;
	return 0;
}

int units_parse_network(const char *text, uint32_t *network, uint32_t *prefix)
{
	if (quad(&text, network) < 0 || *text++ != '/' || decimal(&text, 32, prefix) < 0 || *text)
		return -EINVAL;
	uint32_t host_bits = *prefix ? (uint32_t)((UINT64_C(1) << (32 - *prefix)) - 1) : UINT32_MAX;
	return *network & host_bits ? -ERANGE : 0;
}

int units_parse_fraction(const char *text, uint32_t *ppm)
{
	uint32_t over = 1, under = 1;

	if (decimal(&text, 1000000, &over) < 0)
		return -EINVAL;
	if (*text == '/') {
		text++;
		if (decimal(&text, 1000000, &under) < 0)
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	if (!under || !over || over > under)
		return -ERANGE;
	/* Nearest, and never nothing. */
	*ppm = (uint32_t)((UINT64_C(1000000) * over + under / 2) / under);
	*ppm = *ppm ? *ppm : 1;
	return 0;
}

char *units_format_address(uint32_t address, char *text)
{
	snprintf(text, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
	return text;
}
