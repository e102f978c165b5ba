/*
 * See answer.h. First the fleet itself, by several seeds; then the points at
 * which its answer would change, all at the same time: what they try is run in
 * common batches, so that no core waits. Where to look comes from the bound and
 * from how far the first runs were from it.
 */
#include "emulator/capacity/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/scenario.h"

#define SEEDS_PFS 5
#define SEEDS_QUICK_S 4.0        /* of one core, for all seeds of the traditional way */
#define TRY_S_MAX 15.0           /* a try that takes longer is not made unless it is asked for */
#define CROSSING_S_MAX 3.0
#define RATE_TOLERANCE_PPM 20000
#define TRIP_TOLERANCE_PPM 50000
#define RATE_DIGITS 3
#define RATE_FLOOR_BPS 1000
#define RATE_CEILING_BPS UINT64_C(100000000000)
#define PPM_CEILING UINT64_C(1000000000000)
#define TRIP_CEILING_US UINT64_C(20000000)
#define PHONES_TIMES_MAX 64
#define LIMIT_MIN_US (UINT64_C(3600) * 1000000)
#define LIMIT_MAX_US (UINT64_C(720) * 3600 * 1000000)
#define BLOCK_BYTES 544

/* ---------------------------------------------------------------- one mode */

static int by_duration(const void *left, const void *right)
{
	const struct capacity_outcome *a = left, *b = right;
	/* Whoever left phones behind has not ended. */
	int losing = (a->failed > 0) - (b->failed > 0);

	return losing ? losing : (a->duration_us > b->duration_us) - (a->duration_us < b->duration_us);
}

void answer_judge(struct answer_mode *mode, uint64_t window_us)
{
	qsort(mode->outcomes, mode->seeds, sizeof(*mode->outcomes), by_duration);
	mode->fitting = mode->losing = mode->violating = 0;
	for (uint32_t i = 0; i < mode->seeds; i++) {
		const struct capacity_outcome *outcome = &mode->outcomes[i];
		mode->fitting += !outcome->failed && outcome->duration_us <= window_us;
		mode->losing += outcome->failed > 0;
		mode->violating += outcome->violated > 0;
	}
	mode->fit = mode->fitting == mode->seeds ? ANSWER_FITS : mode->fitting ? ANSWER_UNSURE : ANSWER_FITS_NOT;
	if (mode->violating)
		mode->fit = ANSWER_FITS_NOT;
}

const struct capacity_outcome *answer_percentile(const struct answer_mode *mode, uint32_t percent)
{
	uint32_t rank = (mode->seeds * percent + 99) / 100;

	return &mode->outcomes[rank ? rank - 1 : 0];
}

void answer_set_rate(const struct question *question, struct question_setting *setting, uint64_t rate)
{
	if (question->setting.wan_bps != QUESTION_UNSAID)
		setting->wan_bps = rate;
	else
		setting->wan_ppm = rate;
}

/* ------------------------------------------------------------ arithmetic */

/* The question's fleet, whose links are changed to ask the bound about others. */
struct sketch {
	const struct question *question;
	struct plan *plan;
	struct plan_site *sites; /* as they were */
	uint64_t pfs_gap_us;     /* how much longer the first runs took than the bound */
	double traditional_ratio;
};

static struct plan *load(const struct question *question, const struct question_setting *setting,
			 char error[QUESTION_ERROR_MAX])
{
	char *text = question_text(question, setting, question->seed, error);
	struct scenario_error bad = { "" };
	struct plan *plan = NULL;

	if (!text)
		return NULL;
	if (scenario_load_text(question->path ? question->path : "plan", text, strlen(text), NULL, &plan, &bad) < 0) {
		memcpy(error, bad.line, QUESTION_ERROR_MAX - 1);
		error[QUESTION_ERROR_MAX - 1] = '\0';
	}
	free(text);
	return plan;
}

static int sketch_begin(struct sketch *sketch, const struct question *question, char error[QUESTION_ERROR_MAX])
{
	*sketch = (struct sketch){ .question = question, .traditional_ratio = 1 };
	sketch->plan = load(question, &question->setting, error);
	if (!sketch->plan)
		return *error ? -EINVAL : -ENOMEM;
	sketch->sites = calloc(sketch->plan->site_count, sizeof(*sketch->sites));
	if (!sketch->sites)
		return -ENOMEM;
	memcpy(sketch->sites, sketch->plan->sites, sketch->plan->site_count * sizeof(*sketch->sites));
	return 0;
}

static void sketch_end(struct sketch *sketch)
{
	plan_free(sketch->plan);
	free(sketch->sites);
}

static uint64_t rate_of(const struct sketch *sketch, uint64_t was_bps, uint64_t rate)
{
	__extension__ unsigned __int128 scaled = (unsigned __int128)was_bps * rate / 1000000;

	if (sketch->question->setting.wan_bps != QUESTION_UNSAID)
		return rate;
	return scaled < RATE_FLOOR_BPS ? RATE_FLOOR_BPS : (uint64_t)scaled;
}

/* rate, trip_us: 0 and QUESTION_UNSAID: as it was. */
static void sketch_links(struct sketch *sketch, uint64_t rate, uint64_t trip_us)
{
	for (uint32_t i = 0; i < sketch->plan->site_count; i++) {
		struct plan_site *site = &sketch->plan->sites[i];
		const struct plan_site *was = &sketch->sites[i];
		site->down = was->down;
		site->up = was->up;
		if (rate) {
			site->down.rate_bps = rate_of(sketch, was->down.rate_bps, rate);
			site->up.rate_bps = rate_of(sketch, was->up.rate_bps, rate);
		}
		if (trip_us != QUESTION_UNSAID)
			site->down.delay_us = site->up.delay_us = (uint32_t)(trip_us / 2);
	}
}

/* What a run would take, as near as the bound comes. 0 where memory lacks. */
static uint64_t expected_us(const struct sketch *sketch, const struct plan *plan, bool traditional)
{
	struct capacity_bound bound;

	if (capacity_bound(plan, traditional, &bound) < 0)
		return 0;
	return traditional ? (uint64_t)((double)bound.total_us * sketch->traditional_ratio)
			   : bound.total_us + sketch->pfs_gap_us;
}

static uint64_t guess_rate(struct sketch *sketch, bool traditional, uint64_t floor, uint64_t ceiling)
{
	uint64_t low = floor, high = ceiling;

	while (high - low > low / 1000 + 1) {
		uint64_t middle = low + (high - low) / 2;
		if (middle / 4 > low)
			middle = 2 * low;
		sketch_links(sketch, middle, QUESTION_UNSAID);
		if (expected_us(sketch, sketch->plan, traditional) <= sketch->question->window_us)
			high = middle;
		else
			low = middle;
	}
	sketch_links(sketch, 0, QUESTION_UNSAID);
	return high;
}

/* The bound itself, at the fastest link: whether any rate is enough. */
static bool can_fit(struct sketch *sketch, bool traditional, uint64_t ceiling)
{
	struct capacity_bound bound;

	sketch_links(sketch, ceiling, QUESTION_UNSAID);
	bool fits = capacity_bound(sketch->plan, traditional, &bound) == 0 &&
		    bound.total_us <= sketch->question->window_us;
	sketch_links(sketch, 0, QUESTION_UNSAID);
	return fits;
}

static bool expected_to_pay(const struct sketch *sketch, const struct plan *plan)
{
	return expected_us(sketch, plan, false) < expected_us(sketch, plan, true);
}

/* The least round trip at which PFS is not expected to pay any more; past the ceiling: none. */
static uint64_t guess_trip(struct sketch *sketch)
{
	uint64_t low = 0, high = TRIP_CEILING_US + 1;

	while (high - low > 1000) {
		uint64_t middle = low + (high - low) / 2;
		sketch_links(sketch, 0, middle);
		if (expected_to_pay(sketch, sketch->plan))
			low = middle;
		else
			high = middle;
	}
	sketch_links(sketch, 0, QUESTION_UNSAID);
	return high;
}

/* Likewise the least number of phones; past `most`: none. */
static uint64_t guess_phones(const struct sketch *sketch, uint64_t most)
{
	struct question_setting setting = sketch->question->setting;
	uint64_t low = 0, high = most + 1;
	char error[QUESTION_ERROR_MAX];

	while (high - low > 1 + low / 50) {
		struct plan *plan;
		setting.phones = low ? low + (high - low) / 2 : high / 8 + 1;
		plan = load(sketch->question, &setting, error);
		if (!plan || expected_to_pay(sketch, plan))
			high = setting.phones;
		else
			low = setting.phones;
		plan_free(plan);
	}
	return high;
}

/* ---------------------------------------------------------------- the fleet */

static double work_of_bound(const struct capacity_bound *bound, bool traditional, uint64_t phones)
{
	return pool_work(bound->bytes_down / BLOCK_BYTES * (traditional ? 5 : 4) / 4, traditional ? 0 : phones);
}

static int add(struct runs *runs, const struct question *question, const struct question_setting *setting, uint64_t seed,
	       bool traditional, double work, char error[QUESTION_ERROR_MAX])
{
	char *text = question_text(question, setting, seed, error);

	if (!text && *error)
		return -EINVAL;
	return runs_add(runs, text, traditional, work);
}

static int take(struct answer_mode *mode, const struct runs *runs, bool traditional)
{
	mode->traditional = traditional;
	for (uint32_t i = 0; i < runs->count; i++)
		mode->seeds += runs->list[i].traditional == traditional;
	mode->outcomes = calloc(mode->seeds, sizeof(*mode->outcomes));
	if (!mode->outcomes)
		return -ENOMEM;
	for (uint32_t i = 0, k = 0; i < runs->count; i++) {
		const struct pool_run *run = &runs->list[i];
		if (run->traditional != traditional)
			continue;
		mode->outcomes[k++] = run->outcome;
		if (run->outcome.violated)
			memcpy(mode->violation, run->error, sizeof(mode->violation) - 1);
	}
	return 0;
}

/* What a batch stopped at, in words. */
static void put_error(const struct runs *runs, char error[QUESTION_ERROR_MAX])
{
	for (uint32_t i = 0; i < runs->count; i++)
		if (runs->list[i].state == POOL_BAD) {
			memcpy(error, runs->list[i].error, QUESTION_ERROR_MAX - 1);
			error[QUESTION_ERROR_MAX - 1] = '\0';
			return;
		}
}

static int run_fleet(struct answer *answer, const struct answer_options *options, const struct sketch *sketch,
		     struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	const struct question *question = answer->question;
	uint32_t seeds[2] = { options->seeds ? options->seeds : SEEDS_PFS, options->seeds };
	struct runs runs = { 0 };
	int r = 0;

	for (int traditional = 1; r == 0 && traditional >= 0; traditional--) {
		struct capacity_bound bound;
		r = capacity_bound(sketch->plan, traditional, &bound);
		double work = work_of_bound(&bound, traditional, sketch->plan->phone_count);
		if (!seeds[traditional])
			seeds[1] = work * SEEDS_PFS <= SEEDS_QUICK_S ? SEEDS_PFS
				   : work * 2 <= SEEDS_QUICK_S	     ? (uint32_t)(SEEDS_QUICK_S / work)
								     : 1;
		for (uint32_t i = 0; r == 0 && i < seeds[traditional]; i++)
			r = add(&runs, question, &question->setting, question->seed + i, traditional, work, error);
	}
	pool->label = "the fleet itself";
	if (r == 0) {
		r = pool_go(pool, &runs);
		put_error(&runs, error);
	}
	if (r == 0)
		r = take(&answer->pfs, &runs, false);
	if (r == 0)
		r = take(&answer->traditional, &runs, true);
	runs_free(&runs);
	if (r == 0) {
		answer_judge(&answer->pfs, question->window_us);
		answer_judge(&answer->traditional, question->window_us);
	}
	return r;
}

/* ------------------------------------------------------------ the points */

enum seek { SEEK_PFS_RATE, SEEK_TRADITIONAL_RATE, SEEK_PHONES, SEEK_TRIP, SEEKS };

struct seeker {
	enum seek kind;
	struct hunt hunt;
	struct answer_point *point;
	uint64_t tries[HUNT_TRIES];
	uint32_t count, first_run;
	double cost_max_s;
};

static struct question_setting try_setting(const struct question *question, const struct seeker *seeker, uint64_t value)
{
	struct question_setting setting = question->setting;

	if (seeker->kind == SEEK_PHONES)
		setting.phones = value;
	else if (seeker->kind == SEEK_TRIP)
		setting.rtt_us = value;
	else
		answer_set_rate(question, &setting, value);
	/* It is enough to know that it does not fit; what a scenario says about its end stays. */
	if ((seeker->kind == SEEK_PFS_RATE || seeker->kind == SEEK_TRADITIONAL_RATE) && question->model_count) {
		setting.time_limit_us = 2 * question->window_us;
		if (setting.time_limit_us < LIMIT_MIN_US)
			setting.time_limit_us = LIMIT_MIN_US;
		if (setting.time_limit_us > LIMIT_MAX_US)
			setting.time_limit_us = LIMIT_MAX_US;
	}
	return setting;
}

static double try_work(const struct answer *answer, const struct seeker *seeker, bool traditional, uint64_t value)
{
	const struct capacity_outcome *known =
		answer_percentile(traditional ? &answer->traditional : &answer->pfs, 50);
	double work = pool_work(known->blocks + known->retransmits, traditional ? 0 : known->phones);

	return seeker->kind == SEEK_PHONES ? work * (double)value / (double)known->phones : work;
}

/* By which modes a value is tried. */
static bool tries_mode(const struct seeker *seeker, bool traditional)
{
	return seeker->kind != (traditional ? SEEK_PFS_RATE : SEEK_TRADITIONAL_RATE);
}

/* Ends a search that would take too long; what it expects stands in the point. */
static bool too_dear(const struct answer *answer, const struct answer_options *options, struct seeker *seeker,
		     const struct pool *pool)
{
	uint64_t value = seeker->tries[seeker->count - 1];
	bool dear = seeker->kind != SEEK_PFS_RATE &&
		    pool_cost_s(pool, try_work(answer, seeker, true, value)) > seeker->cost_max_s;

	if (!dear || options->thorough || seeker->hunt.steps)
		return false;
	seeker->point->how = ANSWER_BY_ARITHMETIC;
	seeker->point->holds = seeker->hunt.guess;
	seeker->hunt.ended = true;
	return true;
}

static int add_tries(const struct answer *answer, const struct answer_options *options, struct seeker *seeker,
		     const struct pool *pool, struct runs *runs, char error[QUESTION_ERROR_MAX])
{
	int r = 0;

	seeker->first_run = runs->count;
	seeker->count = hunt_next(&seeker->hunt, seeker->tries);
	if (!seeker->count || too_dear(answer, options, seeker, pool)) {
		seeker->count = 0;
		return 0;
	}
	for (uint32_t i = 0; r == 0 && i < seeker->count; i++) {
		struct question_setting setting = try_setting(answer->question, seeker, seeker->tries[i]);
		for (int traditional = 0; r == 0 && traditional < 2; traditional++)
			if (tries_mode(seeker, traditional))
				r = add(runs, answer->question, &setting, answer->question->seed, traditional,
					try_work(answer, seeker, traditional, seeker->tries[i]), error);
	}
	return r;
}

static bool came_true(const struct seeker *seeker, const struct pool_run *run, uint64_t window_us)
{
	const struct capacity_outcome *pfs = &run[0].outcome, *traditional = &run[1].outcome;

	switch (seeker->kind) {
	case SEEK_PFS_RATE:
	case SEEK_TRADITIONAL_RATE:
		return !pfs->failed && pfs->duration_us <= window_us;
	case SEEK_PHONES:
		return pfs->failed <= traditional->failed && pfs->duration_us < traditional->duration_us;
	case SEEK_TRIP:
	case SEEKS:
		break;
	}
	return pfs->duration_us >= traditional->duration_us;
}

static void hear(struct seeker *seeker, const struct runs *runs, uint64_t window_us)
{
	uint32_t each = tries_mode(seeker, false) + tries_mode(seeker, true);

	if (!seeker->count)
		return;
	for (uint32_t i = 0; i < seeker->count; i++)
		hunt_tell(&seeker->hunt, seeker->tries[i],
			  came_true(seeker, &runs->list[seeker->first_run + i * each], window_us));
	hunt_step(&seeker->hunt);
	seeker->point->how = seeker->hunt.holds ? ANSWER_SIMULATED : ANSWER_NEVER;
	seeker->point->holds = seeker->hunt.holds;
	seeker->point->fails = seeker->hunt.fails;
	if (seeker->hunt.ended && seeker->hunt.holds && !seeker->hunt.fails)
		seeker->point->how = ANSWER_ALWAYS;
}

static int seek_all(const struct answer *answer, const struct answer_options *options, struct seeker *seekers,
		    uint32_t count, struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	int r = 0;

	pool->label = "where the answer changes";
	for (;;) {
		struct runs runs = { 0 };
		for (uint32_t i = 0; r == 0 && i < count; i++)
			r = add_tries(answer, options, &seekers[i], pool, &runs, error);
		if (r == 0 && runs.count) {
			r = pool_go(pool, &runs);
			put_error(&runs, error);
		}
		bool ended = r != 0 || !runs.count;
		for (uint32_t i = 0; !ended && i < count; i++)
			hear(&seekers[i], &runs, answer->question->window_us);
		runs_free(&runs);
		if (ended)
			return r;
	}
}

/* A rate is right when it is for every seed: those that were not tried are, and the point moves up until they fit. */
static int confirm_rate(const struct answer *answer, struct seeker *seeker, struct pool *pool,
			char error[QUESTION_ERROR_MAX])
{
	const struct question *question = answer->question;
	uint64_t fitting = 0;
	int r = 0;

	while (r == 0 && seeker->point->how == ANSWER_SIMULATED && fitting + 1 < answer->pfs.seeds) {
		struct question_setting setting = try_setting(question, seeker, seeker->point->holds);
		struct runs runs = { 0 };
		for (uint32_t i = 1; r == 0 && i < answer->pfs.seeds; i++)
			r = add(&runs, question, &setting, question->seed + i, false,
				try_work(answer, seeker, false, seeker->point->holds), error);
		if (r == 0) {
			r = pool_go(pool, &runs);
			put_error(&runs, error);
		}
		fitting = 0;
		for (uint32_t i = 0; r == 0 && i < runs.count; i++)
			fitting += came_true(seeker, &runs.list[i], question->window_us);
		runs_free(&runs);
		if (r == 0 && fitting + 1 < answer->pfs.seeds) {
			seeker->point->fails = seeker->point->holds;
			seeker->point->holds = hunt_round(seeker->point->holds + seeker->point->holds / 100 + 1, RATE_DIGITS, true);
			if (seeker->point->holds > seeker->hunt.ceiling)
				seeker->point->how = ANSWER_NEVER;
		}
	}
	return r;
}

static void begin_rate(struct sketch *sketch, struct answer_mode *mode, struct seeker *seeker)
{
	bool absolute = sketch->question->setting.wan_bps != QUESTION_UNSAID;
	uint64_t floor = absolute ? RATE_FLOOR_BPS : 1, ceiling = absolute ? RATE_CEILING_BPS : PPM_CEILING;

	seeker->kind = mode->traditional ? SEEK_TRADITIONAL_RATE : SEEK_PFS_RATE;
	seeker->point = &mode->rate;
	seeker->cost_max_s = TRY_S_MAX;
	if (can_fit(sketch, mode->traditional, ceiling)) {
		hunt_begin(&seeker->hunt, floor, ceiling, RATE_TOLERANCE_PPM, RATE_DIGITS,
			   guess_rate(sketch, mode->traditional, floor, ceiling));
		return;
	}
	mode->rate.how = ANSWER_NEVER;
	seeker->hunt.ended = true;
}

static void begin_phones(const struct answer *answer, const struct sketch *sketch, struct answer_point *point,
			 struct seeker *seeker)
{
	uint64_t phones = sketch->question->setting.phones;
	uint64_t most = answer->saves_time ? phones : phones * PHONES_TIMES_MAX;
	uint64_t guess;

	seeker->kind = SEEK_PHONES;
	seeker->point = point;
	seeker->cost_max_s = CROSSING_S_MAX;
	if (most > PLAN_PHONES_MAX)
		most = PLAN_PHONES_MAX;
	guess = guess_phones(sketch, most);
	if (guess > most) {
		point->how = ANSWER_NEVER;
		point->fails = most;
		seeker->hunt.ended = true;
		return;
	}
	hunt_begin(&seeker->hunt, 1, most, 0, 0, guess);
}

static void begin_trip(struct sketch *sketch, struct answer_point *point, struct seeker *seeker)
{
	uint64_t guess = guess_trip(sketch);

	seeker->kind = SEEK_TRIP;
	seeker->point = point;
	seeker->cost_max_s = CROSSING_S_MAX;
	if (guess > TRIP_CEILING_US) {
		point->how = ANSWER_NEVER;
		point->fails = TRIP_CEILING_US;
		seeker->hunt.ended = true;
		return;
	}
	/* Two digits of a millisecond and more: nobody knows a round trip better. */
	hunt_begin(&seeker->hunt, 100, TRIP_CEILING_US, TRIP_TOLERANCE_PPM, 2, guess < 100 ? 100 : guess);
}

static void learn(struct answer *answer, struct sketch *sketch)
{
	const struct capacity_outcome *pfs = answer_percentile(&answer->pfs, 50),
				      *traditional = answer_percentile(&answer->traditional, 50);

	if (pfs->duration_us > pfs->bound.total_us)
		sketch->pfs_gap_us = pfs->duration_us - pfs->bound.total_us;
	if (traditional->bound.total_us && traditional->duration_us > traditional->bound.total_us)
		sketch->traditional_ratio = (double)traditional->duration_us / (double)traditional->bound.total_us;
	answer->saves_time = pfs->failed <= traditional->failed && pfs->duration_us < traditional->duration_us;
	answer->saves_bytes = pfs->wan_bytes_down + pfs->wan_bytes_up < traditional->wan_bytes_down + traditional->wan_bytes_up;
}

static int find_points(struct answer *answer, const struct answer_options *options, struct sketch *sketch,
		       struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	const struct question *question = answer->question;
	struct seeker seekers[SEEKS] = { 0 };
	uint32_t count = 0, rates = 0;
	int r;

	learn(answer, sketch);
	/* A scenario's faults strike at times of its own clock: what they do at another rate is another question. */
	bool steady = sketch->plan->fault_count == 0;
	if (question->window_us && steady && (question->model_count || question->limited)) {
		begin_rate(sketch, &answer->pfs, &seekers[count++]);
		begin_rate(sketch, &answer->traditional, &seekers[count++]);
		rates = count;
	}
	if (question->model_count)
		begin_phones(answer, sketch, &answer->phones, &seekers[count++]);
	if (steady && question->setting.rtt_us != QUESTION_UNSAID)
		begin_trip(sketch, &answer->trip, &seekers[count++]);
	r = seek_all(answer, options, seekers, count, pool, error);
	if (r == 0 && rates)
		r = confirm_rate(answer, &seekers[0], pool, error);
	return r;
}

int answer_work_out(struct answer *answer, const struct question *question, const struct answer_options *options,
		    struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	struct sketch sketch;
	int r;

	*answer = (struct answer){ .question = question };
	error[0] = '\0';
	r = sketch_begin(&sketch, question, error);
	if (r == 0)
		r = run_fleet(answer, options, &sketch, pool, error);
	if (r == 0 && !answer->pfs.violating && !answer->traditional.violating)
		r = find_points(answer, options, &sketch, pool, error);
	answer->interrupted = r == -EINTR;
	sketch_end(&sketch);
	return r;
}

void answer_deinit(struct answer *answer)
{
	free(answer->pfs.outcomes);
	free(answer->traditional.outcomes);
	*answer = (struct answer){ 0 };
}
