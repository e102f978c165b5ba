/*
 * Results that are kept: the same fleet, seed and program come to the same
 * figures, so nothing is worked out twice. A result is a small file in the
 * user's cache folder, named by a hash of all that it depends on: the scenario's
 * text, the mode, and the program that ran it, which is known by its build ID:
 * another build asks anew. Files are written whole or not at all; one that is
 * damaged is not believed and worked out again. The folder may be
 * removed at any time.
 */
#ifndef FLEET_CAPACITY_CACHE_H
#define FLEET_CAPACITY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/capacity/outcome.h"

#define CACHE_ENGINE_MAX 48
#define CACHE_PATH_MAX 4096

struct cache {
	char folder[CACHE_PATH_MAX]; /* of this program's results; "": nothing is kept */
	char engine[CACHE_ENGINE_MAX];
};

/* What a result depends on. */
struct cache_key {
	char name[33]; /* 32 hex digits */
};

/* Identifies this program: its build ID as hex digits, "" where it was linked without one. */
void cache_engine(char engine[CACHE_ENGINE_MAX]);

/*
 * $XDG_CACHE_HOME/pfs-fleet, or $HOME/.cache/pfs-fleet (XDG_CACHE_HOME counts
 * only where it is an absolute path, as the XDG specification has it). Makes
 * nothing. Returns 0, or -ENOENT where neither is set or the engine is not
 * known: the cache is off then, which is no error.
 */
int cache_open(struct cache *cache, const char *engine);

/* identity: of what the text only names (question.folders). */
struct cache_key cache_key(const struct cache *cache, const char *text, bool traditional, uint64_t identity);

/* True where it is there and whole. */
bool cache_load(const struct cache *cache, const struct cache_key *key, struct capacity_outcome *outcome);

/*
 * Keeps a result, whole or not at all. Returns 0 or a negative errno (ENOSPC,
 * EACCES, ...): the result is good all the same.
 */
int cache_store(const struct cache *cache, const struct cache_key *key, const struct capacity_outcome *outcome);

#endif
