/*
 * The search goes depth first and ends with the first path that breaks
 * something, which is long: it took the first turn everywhere. Here the same
 * ordering is searched again with a bound on the events of a path. At first it
 * is low and rises, for what is broken is mostly broken early, and a low bound
 * costs little; where that uses up its half of the transitions, the other half goes
 * to bounds just below the best path so far. Transitions and not seconds,
 * so that the same path comes out each time.
 */
#include <stdlib.h>

#include "emulator/search/search.h"

#define FIRST_BOUND 8
#define RAISE 4 /* each bound costs some times the one before it: small steps are cheap */

struct shortening {
	struct search_options options;
	struct search_result *best;
	struct search_shortened *shortened;
	uint64_t transitions_left;
	bool shortest; /* nothing shorter is left to be found */
};

/* All paths of at most so many events; enum search_verdict, or a negative errno. */
static int within(struct shortening *shortening, uint32_t depth)
{
	struct search_result result;
	int error, verdict;

	shortening->options.depth_max = depth;
	shortening->options.transitions_max = shortening->transitions_left;
	error = search_run(&shortening->options, &result);
	if (error)
		return error;
	verdict = (int)result.verdict;
	shortening->transitions_left -= result.transitions < shortening->transitions_left
						? result.transitions
						: shortening->transitions_left;
	if (verdict == SEARCH_BROKEN) {
		free(shortening->best->path);
		shortening->best->path = result.path;
		shortening->best->path_length = result.path_length;
		shortening->best->broken = result.broken;
		return verdict;
	}
	if (verdict == SEARCH_HOLDS)
		shortening->shortened->none_within = depth;
	else
		shortening->shortened->bound = result.bound;
	search_result_deinit(&result);
	return verdict;
}

static void judge(struct shortening *shortening)
{
	shortening->shortest = shortening->shortened->none_within + 1 >= shortening->best->path_length;
}

/* From below; then, what was found within the last bound may be shorter still. */
static int raise_bound(struct shortening *shortening)
{
	int verdict = SEARCH_HOLDS;

	for (uint32_t depth = FIRST_BOUND;
	     verdict == SEARCH_HOLDS && depth < shortening->best->path_length && shortening->transitions_left;
	     depth += RAISE)
		verdict = within(shortening, depth);
	judge(shortening);
	return verdict < 0 ? verdict : 0;
}

static int lower_bound(struct shortening *shortening)
{
	int verdict = SEARCH_BROKEN;

	while (verdict == SEARCH_BROKEN && !shortening->shortest && shortening->transitions_left) {
		verdict = within(shortening, shortening->best->path_length - 1);
		judge(shortening);
	}
	return verdict < 0 ? verdict : 0;
}

int search_shorten(const struct search_options *options, uint64_t transitions, struct search_result *result,
		   struct search_shortened *shortened)
{
	struct shortening shortening = { .options = *options, .best = result, .shortened = shortened };
	int error;

	*shortened = (struct search_shortened){ .found_length = result->path_length };
	shortening.options.only_order = result->order + 1;
	shortening.options.workers = 1;
	shortening.options.lead = 0;
	shortening.options.states_max = 0;
	shortening.options.plain = false;
	shortening.transitions_left = transitions / 2;
	judge(&shortening);
	error = raise_bound(&shortening);
	shortening.transitions_left += transitions - transitions / 2;
	if (!error)
		error = lower_bound(&shortening);
	if (shortening.shortest)
		shortened->bound = NULL;
	else if (!shortened->bound)
		shortened->bound = "transitions";
	return error;
}
