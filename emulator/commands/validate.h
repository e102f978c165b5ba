/*
 * Points of a plan run again in network namespaces, on a real kernel, beside the
 * same scenario in virtual time: how far the two are apart. What is too large or
 * too long for that is scaled down, for both alike.
 */
#ifndef FLEET_COMMANDS_VALIDATE_H
#define FLEET_COMMANDS_VALIDATE_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "emulator/capacity/answer.h"
#include "emulator/capacity/sweep.h"

#define VALIDATE_POINTS_MAX 16
#define VALIDATE_POINTS 3 /* unless it is said how many */

enum validate_verdict {
	VALIDATE_MEASURED,
	VALIDATE_INCONCLUSIVE, /* the host was too busy for it to be believed */
	VALIDATE_FAILED        /* it could not be run, or phones were left behind */
};

struct validate_mode {
	uint64_t sim_us, netns_us;
	uint64_t sim_bytes, netns_bytes; /* down the WAN */
};

struct validate_point {
	char what[64];                   /* which point of the plan */
	struct question_setting setting; /* as it was run */
	enum validate_verdict verdict;
	char why[256];                   /* where it was not measured */
	struct validate_mode pfs, traditional;
};

struct validation {
	uint32_t count;
	struct validate_point points[VALIDATE_POINTS_MAX];
};

/* The points on which an answer rests, or `wanted` points spread over a sweep; at most VALIDATE_POINTS_MAX. */
void validate_choose_answer(struct validation *validation, const struct answer *answer, uint32_t wanted);
void validate_choose_sweep(struct validation *validation, const struct sweep *sweep, uint32_t wanted);

/*
 * Runs them, both ways in both worlds; each netns run is a process of its own of
 * this program. Returns 0, -EINTR where it was stopped, or -EINVAL or another
 * negative errno with a sentence in error.
 */
int validate_run(struct validation *validation, const struct question *question, struct pool *pool,
		 char error[QUESTION_ERROR_MAX]);

/* For people, and as the array `validation`. */
void validate_show(const struct validation *validation, FILE *stream);
cJSON *validate_json(const struct validation *validation);

/* True where every point was measured. */
bool validate_whole(const struct validation *validation);

#endif
