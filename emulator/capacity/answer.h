/*
 * The answer to a question of capacity: whether the upgrade fits its window, by
 * PFS and in the traditional way; the smallest WAN rate at which each would; and
 * where PFS begins to pay. Every figure is simulated, or says that it is not.
 */
#ifndef FLEET_CAPACITY_ANSWER_H
#define FLEET_CAPACITY_ANSWER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "emulator/capacity/hunt.h"
#include "emulator/capacity/pool.h"
#include "emulator/capacity/question.h"

#define ANSWER_SEEDS_MAX 1000

enum answer_fit { ANSWER_FITS, ANSWER_FITS_NOT, ANSWER_UNSURE };

/* How a point was found, or why it was not. */
enum answer_how {
	ANSWER_NOT_ASKED,     /* not of this question */
	ANSWER_SIMULATED,     /* both ends of the point were simulated */
	ANSWER_BY_ARITHMETIC, /* a run would take too long: from the bound, and how far the runs were from it */
	ANSWER_NEVER,         /* there is no such value */
	ANSWER_ALWAYS         /* from the smallest value on */
};

struct answer_point {
	enum answer_how how;
	uint64_t holds, fails; /* holds from here on, 0 none; fails still, 0 none */
	uint64_t phones;       /* it was looked for with so many, of the same hierarchies, and not confirmed with all; 0: it was */
	uint64_t between;      /* where the ends are wide apart: by the times that were simulated there; 0: not said */
};

/* One mode, over all seeds. */
struct answer_mode {
	bool traditional;
	uint32_t asked, seeds;         /* how many were to be run, and were */
	struct capacity_outcome *outcomes; /* one a seed, the shortest duration first; owned */
	uint32_t fitting;              /* seeds with which all phones are upgraded within the window */
	uint32_t losing;               /* seeds with which some phone is not upgraded at all */
	uint32_t violating;            /* seeds with which an invariant broke */
	char violation[160];
	enum answer_fit fit;
	struct answer_point rate;      /* smallest that fits: bits a second, or parts a million of the scenario's rates */
};

struct answer {
	const struct question *question;
	struct answer_mode pfs, traditional;
	struct answer_point phones;    /* from how many on PFS takes less time */
	struct answer_point trip;      /* from which round trip on, microseconds, it no longer does */
	bool saves_time, saves_bytes;  /* of this fleet */
};

struct answer_options {
	uint32_t seeds;                /* of each mode; 0: five by PFS, and as many in the traditional way as are quick */
	bool thorough;                 /* simulate every point, however long it takes */
};

/*
 * Works it out. Returns 0; -EINTR where it was stopped; -EINVAL where the fleet
 * cannot be (a sentence in error), or -ENOMEM. Release with answer_deinit(), always.
 */
int answer_work_out(struct answer *answer, const struct question *question, const struct answer_options *options,
		    struct pool *pool, char error[QUESTION_ERROR_MAX]);
void answer_deinit(struct answer *answer);

/* Nearest rank, of durations: 50 or 95. */
const struct capacity_outcome *answer_percentile(const struct answer_mode *mode, uint32_t percent);

/* From outcomes that are there already: sorts them and fills the rest down to fit. */
void answer_judge(struct answer_mode *mode, uint64_t window_us);

/* Sets the WAN's rate of a setting, in the unit of the question's rates (answer_mode.rate). */
void answer_set_rate(const struct question *question, struct question_setting *setting, uint64_t rate);

/* For this folder: adds a run of a setting. Returns 0, -EINVAL with a sentence, or -ENOMEM. */
int answer_add(struct runs *runs, const struct question *question, const struct question_setting *setting, uint64_t seed,
	       bool traditional, double work, char error[QUESTION_ERROR_MAX]);
/* pool_go(), and in words what a run stopped at. */
int answer_go(struct pool *pool, struct runs *runs, char error[QUESTION_ERROR_MAX]);

#endif
