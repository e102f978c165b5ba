/*
 * How often the gate would be wrong, from pairs that were really run: a hundred
 * comparisons cannot show an alarm in a thousand, and a thousand would take
 * days. So comparisons are drawn anew from the pairs of many, each judged by the
 * gate's own code, and made longer by further pairs as the gate does where they
 * do not agree. What the host did for minutes on end is shared by the pairs of
 * one real comparison and is spread out here: these are rates for pairs that
 * know nothing of each other.
 *
 * Prints one line of JSON and judges nothing. Every drawing begins at the same
 * place: the same pairs come to the same rates.
 * Arguments: DRAWS SPEED FOLDER... (folders as `gate --against --out` leaves them, of runs at that speed)
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/gate/gate.h"
#include "pfs-core/pfs.h"

#define PAIRS 5         /* emulator/commands: --runs in the netns world, */
#define PAIRS_MOST 15   /* three times as many where they do not agree, */
#define EFFECT 0.01     /* --effect, */
#define RESOLUTION_REAL_S 0.002

struct pairs {
	struct gate_figures *other, *this;
	uint32_t count, room, untrusted;
};

static cJSON *read_summary(const char *folder)
{
	char path[4200], *text = NULL;
	size_t size = 0;
	cJSON *summary = NULL;

	snprintf(path, sizeof(path), "%s/summary.json", folder);
	FILE *file = fopen(path, "re");
	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) > 0)
		summary = cJSON_Parse(text);
	free(text);
	fclose(file);
	return summary;
}

static bool trusted(const cJSON *summary)
{
	const char *verdict = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(summary, "verdict"));

	return verdict && strcmp(verdict, "inconclusive") != 0;
}

static void die(const char *what)
{
	perror(what);
	exit(4);
}

static void grow(struct pairs *pairs)
{
	if (pairs->count < pairs->room)
		return;
	pairs->room = pairs->room ? 2 * pairs->room : 64;
	pairs->other = reallocarray(pairs->other, pairs->room, sizeof(*pairs->other));
	pairs->this = reallocarray(pairs->this, pairs->room, sizeof(*pairs->this));
	if (!pairs->other || !pairs->this)
		die("pairs");
}

/* other: the folder of the pair's first run; the second is beside it, if it was ever made. */
static void take_pair(struct pairs *pairs, const char *other)
{
	char this[4200];

	snprintf(this, sizeof(this), "%.*s-this", (int)(strlen(other) - strlen("-other")), other);
	cJSON *first = read_summary(other), *second = read_summary(this);
	if (trusted(first) && trusted(second)) {
		grow(pairs);
		if (gate_figures_read(first, &pairs->other[pairs->count]) ||
		    gate_figures_read(second, &pairs->this[pairs->count]))
			die("figures");
		pairs->count++;
	} else {
		pairs->untrusted++;
	}
	cJSON_Delete(first);
	cJSON_Delete(second);
}

static void take_folder(struct pairs *pairs, const char *folder)
{
	char pattern[4200];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/pair-*-other", folder);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		take_pair(pairs, found.gl_pathv[i]);
	globfree(&found);
}

/* One comparison: its pairs are others each, as far as it gets. */
static enum gate_outcome draw(const struct pairs *pairs, uint32_t *order, double resolution_s, uint64_t *drawn)
{
	struct gate_figures other[PAIRS_MOST], this[PAIRS_MOST];
	enum gate_outcome outcome = GATE_INCONCLUSIVE;

	for (uint32_t used = 0; used < PAIRS_MOST && outcome == GATE_INCONCLUSIVE; used++) {
		uint32_t at = used + (uint32_t)(pfs_draw(1, 0, 0, ++*drawn) % (pairs->count - used)), number = order[at];
		struct gate_result result = { 0 };

		order[at] = order[used];
		order[used] = number;
		other[used] = pairs->other[number];
		this[used] = pairs->this[number];
		if (used + 1 < PAIRS)
			continue;
		gate_against_judge(other, this, used + 1, PAIRS, false, EFFECT, resolution_s, &result);
		gate_conclude(&result);
		outcome = result.outcome;
		gate_free(&result);
	}
	return outcome;
}

int main(int argc, char **argv)
{
	uint32_t draws = argc > 3 ? (uint32_t)atoi(argv[1]) : 0, outcomes[GATE_SKIPPED + 1] = { 0 };
	double resolution_s = argc > 3 ? RESOLUTION_REAL_S * atof(argv[2]) : 0;
	uint64_t drawn = 0;
	struct pairs pairs = { 0 };

	if (!draws || resolution_s <= 0)
		return 2;
	for (int i = 3; i < argc; i++)
		take_folder(&pairs, argv[i]);
	if (pairs.count < PAIRS_MOST) {
		fprintf(stderr, "%u pairs that can be trusted, %u are needed\n", pairs.count, PAIRS_MOST);
		return 2;
	}
	uint32_t *order = calloc(pairs.count, sizeof(*order));
	if (!order)
		die("pairs");
	for (uint32_t i = 0; i < pairs.count; i++)
		order[i] = i;
	for (uint32_t i = 0; i < draws; i++)
		outcomes[draw(&pairs, order, resolution_s, &drawn)]++;
	printf("{\"pairs\": %u, \"draws\": %u, \"pass\": %u, \"fail\": %u, \"inconclusive\": %u}\n", pairs.count, draws,
	       outcomes[GATE_PASS], outcomes[GATE_FAIL], outcomes[GATE_INCONCLUSIVE]);
	for (uint32_t i = 0; i < pairs.count; i++) {
		gate_figures_free(&pairs.other[i]);
		gate_figures_free(&pairs.this[i]);
	}
	free(pairs.other);
	free(pairs.this);
	free(order);
	return 0;
}
