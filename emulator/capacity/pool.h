/*
 * Works runs out: many fleets in virtual time, one to a thread, on all cores.
 * What is kept already is taken from the cache; what is new is kept as soon as
 * it is there, so that whoever is interrupted goes on where it was.
 */
#ifndef FLEET_CAPACITY_POOL_H
#define FLEET_CAPACITY_POOL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/capacity/cache.h"
#include "emulator/capacity/outcome.h"

enum pool_state {
	POOL_WANTED,  /* not run: it was interrupted before */
	POOL_DONE,
	POOL_BAD      /* it could not be run: error says why */
};

/* One run of one mode. */
struct pool_run {
	char *text;          /* the scenario; owned by runs_free() */
	bool traditional;
	double work;         /* about how much there is to do, pool_work() */
	enum pool_state state;
	bool kept;           /* it came from the cache */
	bool no_memory;      /* why it is POOL_BAD */
	struct capacity_outcome outcome;
	char error[640];
};

struct pool {
	const struct cache *cache;
	const char *path;              /* of the scenario, for messages and relative folders */
	uint64_t identity;             /* question.folders */
	uint32_t workers;              /* 1 to 256 */
	const volatile sig_atomic_t *stop;
	bool quiet;                    /* no progress */
	const char *label;             /* of what is being worked out, for the progress */
	uint64_t memory_bytes;         /* that runs may need at once; one that needs more is POOL_BAD */
	/* what was done so far */
	uint64_t simulated, from_cache;
	double worked[2], took_s[2];   /* of what was simulated, by PFS and in the traditional way: pool_work(), and time */
	int cache_error;               /* the first that met a write; told once */
	uint64_t memory_peak;          /* that runs under way at once needed, about */
	bool host_lacks;               /* a POOL_BAD one had no memory: nothing is wrong with its scenario */
};

/* A list of runs that grows. Zero it first. */
struct runs {
	struct pool_run *list;
	uint32_t count, size;
};

/*
 * The work of a run of `blocks` TFTP blocks in which `phones` phones share: seconds
 * of an ordinary core. Not of this machine's: what is worth a run is not to
 * depend on who else is at work on it.
 */
double pool_work(uint64_t blocks, uint64_t phones);
/* The same by PFS, where all the phones' signs of life through a long upgrade weigh more than its blocks. */
double pool_work_pfs(uint64_t blocks, uint64_t phones, uint64_t duration_us);

/* Takes the text over, also where it fails. Returns 0 or -ENOMEM. */
int runs_add(struct runs *runs, char *text, bool traditional, double work);
void runs_free(struct runs *runs);

/*
 * Runs all that are POOL_WANTED, those with most to do first. Returns 0; -EINTR
 * where it was stopped; -EINVAL where one is POOL_BAD; -ENOMEM.
 */
int pool_go(struct pool *pool, struct runs *runs);

#endif
