/*
 * A question of capacity: a fleet in one line (so many phones of these models,
 * in so many subnets, behind such a link), or a scenario, and the window in
 * which its upgrade has to fit. A question becomes a scenario's text: whatever
 * is worked out of it is worked out by the worlds that run any other scenario,
 * and the text is what a result is kept under.
 */
#ifndef FLEET_CAPACITY_QUESTION_H
#define FLEET_CAPACITY_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/plan/plan.h"

#define QUESTION_MODELS_MAX 16
#define QUESTION_SUBNETS_MAX 4096
#define QUESTION_ERROR_MAX 512
#define QUESTION_UNSAID UINT64_MAX

/* One share of the fleet. */
struct question_model {
	char name[PFS_MODEL_MAX];      /* as the scenario is to name it */
	uint32_t percent_milli;        /* of all phones; all models: 100,000 */
};

/* When the phones are reset, as a scenario's `reset`. */
struct question_reset {
	bool said, staggered;
	uint64_t time_us;              /* spread of a mass reset, or the window of a staggered one */
};

/*
 * What can be varied. QUESTION_UNSAID: as the question's scenario has it (never
 * in a question of one line, but for what is marked).
 */
struct question_setting {
	uint64_t phones;
	uint64_t subnets;
	uint64_t wan_bps;              /* both ways; of a scenario: of each site's WAN */
	uint64_t wan_ppm;              /* or each of its rates so many parts a million of what it is */
	uint64_t rtt_us;
	struct question_reset reset;
	uint64_t fan_out;              /* what-if; also QUESTION_UNSAID: as the phones do, likewise the next two */
	uint64_t waits_percent;
	uint64_t forward_early;        /* 0 or 1 */
	uint64_t scale_ppm;            /* of the firmware; also QUESTION_UNSAID: whole */
	uint64_t time_limit_us;        /* also QUESTION_UNSAID: as long as a run may last */
	uint64_t speed_milli;          /* also QUESTION_UNSAID: 1 */
};

struct question {
	struct question_model models[QUESTION_MODELS_MAX];
	uint32_t model_count;          /* 0: it is a scenario */
	char *path, *text;             /* of the scenario; owned */
	uint64_t window_us;            /* 0: none */
	uint64_t seed;                 /* the first; further ones follow it */
	struct question_setting setting;
	uint32_t own_scale_ppm;        /* of a scenario: what its runs take of the firmware; a plan takes all of it */
	bool limited;                  /* of a scenario: every WAN has a rate; else no smaller one can be looked for */
	uint64_t folders;              /* of a scenario: identifies the user's own firmware, which its text only names */
};

/* Nothing said: one line, seed 1. Release with question_deinit(). */
void question_init(struct question *question);
void question_deinit(struct question *question);

/*
 * Each reads what stood behind an option. Returns 0, or -EINVAL with a sentence
 * that names the value and what was expected.
 */
int question_parse_phones(const char *text, uint64_t *phones, char error[QUESTION_ERROR_MAX]);
int question_parse_subnets(const char *text, uint64_t *subnets, char error[QUESTION_ERROR_MAX]);
int question_parse_models(const char *text, struct question *question, char error[QUESTION_ERROR_MAX]);
int question_parse_wan(const char *text, uint64_t *bps, char error[QUESTION_ERROR_MAX]);
int question_parse_rtt(const char *text, uint64_t *us, char error[QUESTION_ERROR_MAX]);
int question_parse_window(const char *text, uint64_t *us, char error[QUESTION_ERROR_MAX]);
int question_parse_fan_out(const char *text, uint64_t *fan_out, char error[QUESTION_ERROR_MAX]);
int question_parse_waits(const char *text, uint64_t *percent, char error[QUESTION_ERROR_MAX]);
/* KNOB=VALUE, or forward-early: what real phones do not do. */
int question_parse_what_if(const char *text, struct question_setting *setting, char error[QUESTION_ERROR_MAX]);
int question_parse_reset(const char *text, struct question_reset *reset, char error[QUESTION_ERROR_MAX]);

/*
 * Takes a scenario for the question: reads and checks it, and fills the setting
 * from it where all its sites are alike. Returns 0, -EINVAL or -ENOMEM with the
 * loader's line in error (640 bytes).
 */
struct scenario_error;
int question_take_scenario(struct question *question, const char *path, struct scenario_error *error);

/*
 * The scenario that a setting and a seed make of the question, as text; the
 * caller frees it. NULL with a sentence in error where no such fleet can be: too
 * many phones for the addresses that there are, or what a scenario cannot have
 * changed; with an empty one where memory lacks.
 */
char *question_text(const struct question *question, const struct question_setting *setting, uint64_t seed,
		    char error[QUESTION_ERROR_MAX]);

/* What real phones do of all that a what-if can change; what the traditional way comes to with any of them. */
void question_as_real(struct question_setting *setting);

/* The knobs of a setting, for plan_what_if_text(). */
struct plan_what_if question_what_if(const struct question_setting *setting);

/*
 * How many of `phones` are of each model: whole phones, as near to the shares as
 * they go, the largest remainders first.
 */
void question_counts(const struct question *question, uint64_t phones, uint64_t counts[QUESTION_MODELS_MAX]);

#endif
