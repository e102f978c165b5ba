/*
 * The scenario loader on damaged scenarios: whatever a file holds, it is loaded
 * or refused with a line, never read out of bounds, never leaked, never an
 * assertion. Deterministic: the round's number is the seed, and a failing round
 * can be run alone. Arguments: a scenario, and optionally the first round and
 * their number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/loads.h"
#include "emulator/scenario/scenario.h"

#define TEXT_MAX 65536

/* Pieces that a scenario is made of, put where they do not belong. */
static const char *const pieces[] = {
	"{", "}", "[", "]", ",", ":", "\"", "//", "/*", "*/", "null", "true", "-1", "0", "1e999", "\\u0000", "\xff",
	"\"\"", "{}", "[]", "99999999999999999999", "\"0s\"", "\"1/0\"", "\"unlimited\"", "\"7960\"", "\"folder:/\"",
	"\"enabled\"", "\"0.0.0.0/8\"", "\"255.255.255.252/30\"", "\"wan\":{},", "\"count\":4000000,", "\n", "\\",
	"\"faults\":[{\"kind\":\"wan_degrade\",\"at\":\"1s\",\"wan\":{}}],", "\"bulk\":[{\"pfs\":\"disabled\"}],",
	"\"server\":\"dnsmasq\",", "\"reset\":{\"pattern\":\"staggered\",\"window\":\"24h\"},",
};
#define PIECE_COUNT (sizeof(pieces) / sizeof(*pieces))

static uint64_t draw(uint64_t round, uint64_t number)
{
	uint64_t value;

	loads_fill(round * 1000003 + number, (uint8_t *)&value, sizeof(value));
	return value;
}

static size_t splice(char *text, size_t length, size_t at, size_t removed, const char *piece, size_t size)
{
	if (length - removed + size > TEXT_MAX)
		return length;
	memmove(text + at + size, text + at + removed, length - at - removed);
	memcpy(text + at, piece, size);
	return length - removed + size;
}

static size_t damage(char *text, size_t length, uint64_t round)
{
	uint64_t count = 1 + draw(round, 0) % 3;

	for (uint64_t i = 0; i < count && length; i++) {
		size_t at = draw(round, 10 * i + 1) % length, left = length - at;
		size_t removed = draw(round, 10 * i + 2) % (left < 40 ? left : 40);
		const char *piece = pieces[draw(round, 10 * i + 3) % PIECE_COUNT];
		switch (draw(round, 10 * i + 4) % 4) {
		case 0:
			text[at] = (char)draw(round, 10 * i + 5);
			break;
		case 1:
			length = splice(text, length, at, removed, "", 0);
			break;
		case 2:
			length = splice(text, length, at, 0, piece, strlen(piece));
			break;
		default:
			length = splice(text, length, at, removed, piece, strlen(piece));
		}
	}
	return length;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, rounds = argc > 3 ? strtoull(argv[3], NULL, 10) : 3000;
	static char original[TEXT_MAX], text[TEXT_MAX];
	uint64_t loaded = 0, refused = 0;
	FILE *file = argc > 1 ? fopen(argv[1], "re") : NULL;

	if (!file)
		return 2;
	size_t whole = fread(original, 1, sizeof(original) / 2, file);
	fclose(file);
	printf("1..1\n");
	for (uint64_t round = first; round < first + rounds; round++) {
		struct scenario_error error;
		struct plan *plan;
		memcpy(text, original, whole);
		size_t length = damage(text, whole, round);
		/* On the heap with not a byte more, so that a sanitizer sees a read past the end. */
		char *exact = malloc(length ? length : 1);
		memcpy(exact, text, length);
		int r = scenario_load_text("fuzz.json", exact, length, NULL, &plan, &error);
		free(exact);
		if (r < 0 && (plan || !error.line[0] || strchr(error.line, '\n'))) {
			printf("not ok 1 - round %llu: refused without a line\n", (unsigned long long)round);
			return 1;
		}
		loaded += r == 0;
		refused += r < 0;
		plan_free(plan);
	}
	/* Both ways are exercised, else the damage is not of the right kind. */
	bool both = rounds < 1000 || (loaded > rounds / 50 && refused > rounds / 4);
	printf("%s 1 - %llu loaded, %llu refused with a line\n", both ? "ok" : "not ok", (unsigned long long)loaded,
	       (unsigned long long)refused);
	return both ? 0 : 1;
}
