/*
 * The set of states that were visited: of each a hash, in eight bytes. See visited.c for how surely a state
 * that was not visited is told from those that were.
 */
#ifndef FLEET_SEARCH_VISITED_H
#define FLEET_SEARCH_VISITED_H

#include <stdbool.h>
#include <stdint.h>

/* A hash of a state, 128 bits of which visited.c keeps 76. */
struct search_key {
	uint64_t high, low;
};

struct visited_shard;

struct visited {
	struct visited_shard *shards;
	uint64_t count;
	uint64_t bytes; /* of memory */
	bool depths;    /* with each the least depth that it was met at */
};

enum visited_answer { VISITED_NEW, VISITED_NEARER, VISITED_BEFORE };

/* 0 or -ENOMEM; visited_deinit() is due in both cases, and may be called again. */
int visited_init(struct visited *set, bool depths);
void visited_deinit(struct visited *set);

/* It will be asked for soon: something else may be done while memory answers. */
void visited_prefetch(const struct visited *set, struct search_key key);

/*
 * Puts it in, if it is not. NEARER, only with depths: it was there, and met at a greater depth than this.
 * Else enum visited_answer or -ENOMEM. `depth` is below 2^16.
 */
int visited_meet(struct visited *set, struct search_key key, uint32_t depth);

#endif
