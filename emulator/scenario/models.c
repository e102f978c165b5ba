/*
 * The table of models. F9: 7906, 7911, 7931, 7941, 7961 (non-GE and GE), 7970
 * and 7971 share firmware; 7940 and 7960 never do. The names are those of the
 * log's key (m=CP-7961G), so that a -GE variant is a model of its own (F6).
 * Chosen: the 7971 was sold as 7971G-GE only, so its port is a gigabit one.
 */
#include "emulator/scenario/models.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MBIT UINT64_C(1000000)

const struct plan_model models_known[] = {
	{"CP-7906G", "SCCP11.9-4-2SR3-1", 100 * MBIT, true},
	{"CP-7911G", "SCCP11.9-4-2SR3-1", 100 * MBIT, true},
	{"CP-7931G", "SCCP31.9-2-1", 100 * MBIT, true},
	{"CP-7941G", "SCCP41.9-4-2SR3-1", 100 * MBIT, true},
	{"CP-7941G-GE", "SCCP41.9-4-2SR3-1", 1000 * MBIT, true},
	{"CP-7961G", "SCCP41.9-4-2SR3-1", 100 * MBIT, true},
	{"CP-7961G-GE", "SCCP41.9-4-2SR3-1", 1000 * MBIT, true},
	{"CP-7970G", "SCCP70.9-4-2SR3-1", 100 * MBIT, true},
	{"CP-7971G-GE", "SCCP70.9-4-2SR3-1", 1000 * MBIT, true},
	{"CP-7940G", "P0030801SR02", 100 * MBIT, false},
	{"CP-7960G", "P0030801SR02", 100 * MBIT, false},
};
const uint32_t models_known_count = sizeof(models_known) / sizeof(*models_known);

/* "CP-7961G-GE" and "7961-GE" both become "7961-GE". */
static void shorten(const char *name, char *text, size_t size)
{
	if (strncasecmp(name, "CP-", 3) == 0)
		name += 3;
	size_t digits = strspn(name, "0123456789");
	const char *rest = name + digits;
	if (digits && (*rest == 'G' || *rest == 'g') && (!rest[1] || rest[1] == '-'))
		rest++;
	snprintf(text, size, "%.*s%s", (int)digits, name, rest);
}

bool models_same(const char *a, const char *b)
{
	char x[PLAN_NAME_MAX], y[PLAN_NAME_MAX];

	shorten(a, x, sizeof(x));
	shorten(b, y, sizeof(y));
	return strcasecmp(x, y) == 0;
}

int32_t models_find(const struct plan_model *models, uint32_t count, const char *text)
{
	char gigabit[PLAN_NAME_MAX];
	int32_t second = -1;

	snprintf(gigabit, sizeof(gigabit), "%.*s-GE", PFS_MODEL_MAX, text);
	for (uint32_t i = 0; i < count; i++) {
		if (models_same(models[i].name, text))
			return (int32_t)i;
		if (models_same(models[i].name, gigabit))
			second = (int32_t)i;
	}
	return second;
}
