/*
 * A sweep: a question asked for every combination of some values of some of its
 * settings, by several seeds each. What was worked out before is kept, so that a
 * sweep that is repeated, widened or was interrupted costs only what is new.
 */
#ifndef FLEET_CAPACITY_SWEEP_H
#define FLEET_CAPACITY_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/capacity/answer.h"
#include "emulator/capacity/question.h"

#define SWEEP_VALUES_MAX 64
#define SWEEP_POINTS_MAX 20000
#define SWEEP_SEEDS 5

enum sweep_kind { SWEEP_PHONES, SWEEP_SUBNETS, SWEEP_WAN, SWEEP_RTT, SWEEP_RESET, SWEEP_FAN_OUT, SWEEP_WAITS, SWEEP_KINDS };

struct sweep_axis {
	enum sweep_kind kind;
	uint32_t count;
	uint64_t values[SWEEP_VALUES_MAX];
	struct question_reset resets[SWEEP_VALUES_MAX]; /* of SWEEP_RESET, instead of values */
};

struct sweep_point {
	struct question_setting setting;
	struct answer_mode pfs, traditional;
};

struct sweep {
	const struct question *question;
	struct sweep_axis axes[SWEEP_KINDS]; /* in the order in which they were said; the last one changes fastest */
	uint32_t axis_count;
	uint32_t seeds;
	struct sweep_point *points;
	uint32_t point_count;
};

/*
 * AXIS=VALUE,VALUE,... or AXIS=FROM..TO:COUNT, where the axis is phones, subnets,
 * wan, rtt, reset (which has lists alone), fan-out (whose FROM..TO has each
 * whole number) or waits (in whole percents). COUNT values from FROM to TO have the same ratio to each other,
 * or the same difference where FROM is 0, rounded to three digits. Returns 0, or -EINVAL with a sentence.
 */
int sweep_parse(const char *text, struct sweep *sweep, char error[QUESTION_ERROR_MAX]);

/* True where the sweep has that axis. */
bool sweep_has(const struct sweep *sweep, enum sweep_kind kind);

/* What of its what-if the sweep's points have in common: an axis of it is named at each. */
struct plan_what_if sweep_what_if(const struct sweep *sweep);

/* The first value of each axis, as the setting that a question of one line must have. */
void sweep_first(const struct sweep *sweep, struct question_setting *setting);

/*
 * Runs every point, both modes, seeds from the question's on. Returns 0, -EINTR
 * where it was stopped, -EINVAL with a sentence where a point cannot be, or
 * -ENOMEM. Release with sweep_deinit(), always.
 */
int sweep_work_out(struct sweep *sweep, const struct question *question, struct pool *pool,
		   char error[QUESTION_ERROR_MAX]);
void sweep_deinit(struct sweep *sweep);

const char *sweep_axis_name(enum sweep_kind kind);

/* A point's value of an axis, for people: "1,000", "1.536 Mb/s". Returns text. */
const char *sweep_value_text(const struct question_setting *setting, enum sweep_kind kind, char *text, size_t size);

/* Its value as a number of the axis' base unit (phones, subnets, bit/s, seconds; of a reset its time). */
double sweep_value(const struct question_setting *setting, enum sweep_kind kind);

#endif
