/*
 * Looks for the point at which something begins to hold: the rate from which on
 * an upgrade fits, the number of phones from which on sharing pays. It does not
 * hold below that point and holds above it. Each step names one or two values to
 * be tried at the same time; the answer to a try is a run, so a good guess is
 * worth a lot.
 */
#ifndef FLEET_CAPACITY_HUNT_H
#define FLEET_CAPACITY_HUNT_H

#include <stdbool.h>
#include <stdint.h>

#define HUNT_TRIES 2

struct hunt {
	/* given */
	uint64_t floor, ceiling;   /* values that may be tried, both included; floor at least 1 */
	uint64_t tolerance_ppm;    /* good enough where the two ends differ by no more; 0: by one */
	uint32_t digits;           /* significant ones of a value that is tried; 0: all */
	bool single;               /* one try a step, above where the point is expected */
	/* as far as is known */
	uint64_t known_fails, known_holds; /* without a try, 0 none: no try says otherwise */
	uint64_t fails, holds;     /* greatest that failed, 0 none; least that holds, 0 none */
	uint64_t guess;
	uint64_t aim;              /* 0: none */
	uint64_t stride_ppm;       /* how far from a known end the next try is */
	uint32_t steps;
	bool ended;
};

/* Begins with a guess, which is brought between floor and ceiling. */
void hunt_begin(struct hunt *hunt, uint64_t floor, uint64_t ceiling, uint64_t tolerance_ppm, uint32_t digits,
		uint64_t guess);

/* It fails at that value, which needs no try: it is known otherwise. Before the first step. */
void hunt_know(struct hunt *hunt, uint64_t fails);
/* It holds at that value: likewise. */
void hunt_know_holds(struct hunt *hunt, uint64_t holds);

/* What is to be tried now, in ascending order; returns how many, 0 where it has ended. */
uint32_t hunt_next(const struct hunt *hunt, uint64_t tries[HUNT_TRIES]);

/* What came of one try. After all of a step: hunt_step(). */
void hunt_tell(struct hunt *hunt, uint64_t value, bool holds);
void hunt_step(struct hunt *hunt);

/* Where only one end is known, the next step looks around this value instead of a stride away. */
void hunt_aim(struct hunt *hunt, uint64_t value);

/* A value of so many significant digits that is not below, or not above, the one given; 0 digits: itself. */
uint64_t hunt_round(uint64_t value, uint32_t digits, bool up);

#endif
