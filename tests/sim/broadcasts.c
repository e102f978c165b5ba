/*
 * Broadcasts do not grow with the fleet: the mean over 100 seeds is at most
 * 5 (ln n + 2) a hierarchy, and 4 more for each second over which the resets
 * are spread. Prints the table; a line over the bound fails. "--seeds N" runs
 * other numbers of seeds.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_fleet.h"

#define FILES 3
#define BROADCASTS_A_SPREAD_SECOND 4

struct line {
	uint32_t phones, spread_s;
};

static bool measure(const struct line *line, uint32_t number, uint64_t seeds)
{
	double bound = 5 * (log(line->phones) + 2) + BROADCASTS_A_SPREAD_SECOND * line->spread_s;
	uint64_t sum = 0, hierarchies = 0, most = 0, unfinished = 0;
	double real_s = 0;

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct sim_fleet_spec spec = { .phones = line->phones,
					       .seed = seed,
					       .files = FILES,
					       .spread_us = line->spread_s * UINT64_C(1000000) };
		struct sim_fleet fleet;
		sim_fleet_run(&spec, &fleet);
		real_s += fleet.real_s;
		unfinished += fleet.error || fleet.result->upgraded != line->phones;
		for (uint32_t i = 0; !fleet.error && i < fleet.result->hierarchy_count; i++) {
			uint64_t broadcasts = fleet.result->hierarchies[i].broadcasts;
			sum += broadcasts;
			hierarchies++;
			if (broadcasts > most)
				most = broadcasts;
		}
		sim_fleet_done(&fleet);
	}
	double mean = hierarchies ? (double)sum / (double)hierarchies : INFINITY;
	bool good = mean <= bound && !unfinished;
	printf("# %6u phones, spread %2u s: mean %6.1f a hierarchy, most %4lu, bound %6.1f; %lu seeds in "
	       "%.1f s\n",
	       line->phones, line->spread_s, mean, (unsigned long)most, bound, (unsigned long)seeds, real_s);
	printf("%s %u - %u phones, spread %u s%s\n", good ? "ok" : "not ok", number, line->phones,
	       line->spread_s, unfinished ? ": not every phone was upgraded" : "");
	fflush(stdout);
	return good;
}

int main(int argc, char **argv)
{
	static const struct line lines[] = { { 10, 0 },   { 10, 30 },  { 100, 0 },
					     { 100, 30 }, { 1000, 0 }, { 1000, 30 } };
	uint64_t seeds = argc == 3 && !strcmp(argv[1], "--seeds") ? strtoull(argv[2], NULL, 10) : 100;
	uint32_t count = sizeof(lines) / sizeof(*lines);
	bool good = seeds > 0;

	printf("1..%u\n", count);
	for (uint32_t i = 0; i < count; i++)
		good &= measure(&lines[i], i + 1, seeds);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
