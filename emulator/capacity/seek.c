/*
 * See seek.h. The seekers that can be at work at the same time are, in common
 * batches. A try that takes many seconds is made where the bound and the runs so
 * far expect the point, and a little above; below it the bound itself says that
 * nothing fits. One that takes longer still is not made, and what is expected is
 * told as that.
 */
#include "emulator/capacity/seek.h"

#include <errno.h>
#include <string.h>

#define DEAR_S 3.0               /* a try is dear: one at a time */
#define TRY_S_MAX 20.0           /* and not made at all */
#define CROSSING_S_MAX 3.0
#define TOLERANCE_PPM 20000
#define DEAR_TOLERANCE_PPM 60000
#define TRIP_TOLERANCE_PPM 50000
#define TRIP_FLOOR_US 100
#define CONFIRM_STRIDE_PPM 5000  /* of which the first try is two away */
#define RATE_DIGITS 3
#define RATE_FLOOR_BPS 1000
#define RATE_CEILING_BPS UINT64_C(100000000000)
#define PPM_CEILING UINT64_C(1000000000000)
#define PHONES_TIMES_MAX 64
#define GUIDE_FAMILY 1           /* phones of the rarest model in each subnet */
#define LIMIT_MIN_US (UINT64_C(3600) * 1000000)
#define LIMIT_MAX_US (UINT64_C(720) * 3600 * 1000000)
#define USUAL_RATIO 1.015        /* of a run in the traditional way to its bound, where the WAN is full */

static uint64_t rate_floor(const struct question *question)
{
	return question->setting.wan_bps != QUESTION_UNSAID ? RATE_FLOOR_BPS : 1;
}

static uint64_t rate_ceiling(const struct question *question)
{
	return question->setting.wan_bps != QUESTION_UNSAID ? RATE_CEILING_BPS : PPM_CEILING;
}

/* A scenario's faults strike at times of its own clock: what they do at another rate is another question. */
static bool has_rates(const struct seek_all *seek)
{
	const struct question *question = seek->sketch.question;

	return question->window_us && !seek->sketch.plan->fault_count && (question->model_count || question->limited);
}

static bool is_rate(const struct seeker *seeker)
{
	return seeker->kind == SEEK_PFS_RATE || seeker->kind == SEEK_TRADITIONAL_RATE;
}

static struct question_setting try_setting(const struct question *question, const struct seeker *seeker, uint64_t value)
{
	struct question_setting setting = question->setting;

	if (seeker->phones)
		setting.phones = seeker->phones;
	if (seeker->kind == SEEK_PHONES)
		setting.phones = value;
	else if (seeker->kind == SEEK_TRIP)
		setting.rtt_us = value;
	else
		answer_set_rate(question, &setting, value);
	/* It is enough to know that it does not fit; what a scenario says about its end stays. */
	if (is_rate(seeker) && question->model_count) {
		setting.time_limit_us = 2 * question->window_us;
		if (setting.time_limit_us < LIMIT_MIN_US)
			setting.time_limit_us = LIMIT_MIN_US;
		if (setting.time_limit_us > LIMIT_MAX_US)
			setting.time_limit_us = LIMIT_MAX_US;
	}
	return setting;
}

static double try_work(const struct seek_all *all, const struct answer *answer, const struct seeker *seeker,
		       bool traditional, uint64_t value)
{
	const struct capacity_outcome *known = answer_percentile(&answer->pfs, 50);
	uint64_t phones = seeker->kind == SEEK_PHONES ? value : seeker->phones ? seeker->phones : known->phones;

	if (!traditional)
		return pool_work_pfs(known->blocks, phones,
				     is_rate(seeker)		 ? answer->question->window_us
				     : seeker->kind == SEEK_TRIP ? sketch_trip_us(&all->sketch, value)
								 : known->duration_us);
	return all->traditional_work * (double)phones / (double)known->phones;
}

/* By which modes a value is tried. */
static bool tries_mode(const struct seeker *seeker, bool traditional)
{
	return seeker->kind != (traditional ? SEEK_PFS_RATE : SEEK_TRADITIONAL_RATE);
}

/* ------------------------------------------------------------------- tries */

static double try_cost_s(const struct seek_all *all, const struct answer *answer, const struct seeker *seeker, uint64_t value)
{
	double work = 0;

	for (int traditional = 0; traditional < 2; traditional++)
		if (tries_mode(seeker, traditional))
			work += try_work(all, answer, seeker, traditional, value);
	return work;
}

/* Before the first try: what it costs decides how it is looked for, or that it is not. */
static void weigh(const struct seek_all *seek, const struct answer *answer, struct seeker *seeker)
{
	double cost_s = try_cost_s(seek, answer, seeker, seeker->hunt.guess);

	if (seek->thorough || seeker->hunt.steps || seeker->hunt.ended)
		return;
	if (cost_s > (is_rate(seeker) ? TRY_S_MAX : CROSSING_S_MAX)) {
		seeker->point->how = ANSWER_BY_ARITHMETIC;
		seeker->point->holds = seeker->beyond ? 0 : seeker->hunt.guess;
		seeker->point->fails = seeker->beyond ? seeker->hunt.ceiling : 0;
		seeker->hunt.ended = true;
	} else if (cost_s > DEAR_S && is_rate(seeker)) {
		seeker->dear = seeker->hunt.single = true;
		seeker->hunt.tolerance_ppm = DEAR_TOLERANCE_PPM;
	}
}

static int add_tries(const struct seek_all *seek, const struct answer *answer, struct seeker *seeker,
		     struct runs *runs, char error[QUESTION_ERROR_MAX])
{
	int r = 0;

	weigh(seek, answer, seeker);
	seeker->first_run = runs->count;
	seeker->count = hunt_next(&seeker->hunt, seeker->tries);
	for (uint32_t i = 0; r == 0 && i < seeker->count; i++) {
		struct question_setting setting = try_setting(answer->question, seeker, seeker->tries[i]);
		for (int traditional = 0; r == 0 && traditional < 2; traditional++)
			if (tries_mode(seeker, traditional))
				r = answer_add(runs, answer->question, &setting, answer->question->seed, traditional,
					       try_work(seek, answer, seeker, traditional, seeker->tries[i]), error);
	}
	return r;
}

static bool came_true(const struct seeker *seeker, const struct pool_run *run, uint64_t window_us)
{
	const struct capacity_outcome *pfs = &run[0].outcome;

	if (is_rate(seeker))
		return outcome_fits(pfs, window_us);
	bool pays = outcome_saves_time(pfs, &run[1].outcome);
	return seeker->kind == SEEK_PHONES ? pays : !pays;
}

/* By two times that were seen, on the scale of ratios: where the window lies between them. */
static uint64_t interpolate(const struct seeker *seeker, uint64_t window_us)
{
	const struct hunt *hunt = &seeker->hunt;

	if (!hunt->fails || !hunt->holds || seeker->fails_us <= window_us || seeker->holds_us >= seeker->fails_us)
		return 0;
	double part = (double)(seeker->fails_us - window_us) / (double)(seeker->fails_us - seeker->holds_us);
	return hunt->fails + (uint64_t)((double)(hunt->holds - hunt->fails) * part);
}

/* A time that was seen says more of where to look than a stride: bytes over the rate. */
static void aim(struct seeker *seeker, uint64_t value, const struct capacity_outcome *outcome, uint64_t window_us)
{
	uint64_t waits_us = outcome->bound.waits_us;

	if (!is_rate(seeker) || outcome->failed || outcome->duration_us <= waits_us || window_us <= waits_us)
		return;
	double factor = (double)(outcome->duration_us - waits_us) / (double)(window_us - waits_us);
	hunt_aim(&seeker->hunt, (uint64_t)((double)value * factor));
}

static void hear(struct seeker *seeker, const struct runs *runs, uint64_t window_us)
{
	uint32_t each = tries_mode(seeker, false) + tries_mode(seeker, true);
	struct answer_point *point = seeker->point;

	if (!seeker->count)
		return;
	for (uint32_t i = 0; i < seeker->count; i++) {
		const struct pool_run *run = &runs->list[seeker->first_run + i * each];
		hunt_tell(&seeker->hunt, seeker->tries[i], came_true(seeker, run, window_us));
		if (seeker->hunt.fails == seeker->tries[i])
			seeker->fails_us = run->outcome.failed ? UINT64_MAX : run->outcome.duration_us;
		if (seeker->hunt.holds == seeker->tries[i])
			seeker->holds_us = run->outcome.duration_us;
		aim(seeker, seeker->tries[i], &run->outcome, window_us);
	}
	hunt_step(&seeker->hunt);
	point->how = seeker->hunt.holds ? ANSWER_SIMULATED : ANSWER_NEVER;
	point->holds = seeker->hunt.holds;
	point->fails = seeker->hunt.fails;
	point->between = seeker->dear && seeker->fails_us != UINT64_MAX ? interpolate(seeker, window_us) : 0;
	if (seeker->hunt.ended && seeker->hunt.holds && !seeker->hunt.fails)
		point->how = ANSWER_ALWAYS;
}

static int seek(const struct seek_all *all, const struct answer *answer, struct seeker *seekers, uint32_t count,
		struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	int r = 0;

	for (;;) {
		struct runs runs = { 0 };
		for (uint32_t i = 0; r == 0 && i < count; i++)
			r = add_tries(all, answer, &seekers[i], &runs, error);
		if (r == 0 && runs.count)
			r = answer_go(pool, &runs, error);
		bool ended = r != 0 || !runs.count;
		for (uint32_t i = 0; !ended && i < count; i++)
			hear(&seekers[i], &runs, answer->question->window_us);
		runs_free(&runs);
		if (ended)
			return r;
	}
}

/* -------------------------------------------------------------- the PFS rate */

/* As many phones as have the same hierarchies, a few in each; 0: hardly fewer than there are. */
static uint64_t guide_phones(const struct question *question)
{
	uint64_t rarest = 100000, phones;

	for (uint32_t i = 0; i < question->model_count; i++)
		if (question->models[i].percent_milli < rarest)
			rarest = question->models[i].percent_milli;
	phones = question->setting.subnets * GUIDE_FAMILY * 100000 / rarest;
	return question->model_count && phones <= question->setting.phones / 2 ? phones : 0;
}

static void begin_rate(struct seek_all *all, struct answer_mode *mode, struct seeker *seeker)
{
	const struct question *question = all->sketch.question;
	uint64_t floor = rate_floor(question), ceiling = rate_ceiling(question);

	seeker->kind = mode->traditional ? SEEK_TRADITIONAL_RATE : SEEK_PFS_RATE;
	seeker->point = &mode->rate;
	if (sketch_can_fit(&all->sketch, mode->traditional, ceiling)) {
		uint64_t fails = sketch_fails(&all->sketch, mode->traditional, floor, ceiling);
		hunt_begin(&seeker->hunt, floor, ceiling, TOLERANCE_PPM, RATE_DIGITS,
			   sketch_rate(&all->sketch, mode->traditional, floor, ceiling));
		hunt_know(&seeker->hunt, hunt_round(fails, RATE_DIGITS, false));
		return;
	}
	mode->rate.how = ANSWER_NEVER;
	seeker->hunt.ended = true;
}

int seek_pfs_rate(struct seek_all *all, struct answer *answer, struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	const struct capacity_outcome *known = answer_percentile(&answer->pfs, 50);
	struct seeker seeker = { 0 };
	int r;

	if (known->duration_us > known->bound.total_us && !known->failed)
		all->sketch.pfs_gap_us = known->duration_us - known->bound.total_us;
	if (!has_rates(all))
		return 0;
	all->guide_phones = guide_phones(answer->question);
	seeker.phones = all->guide_phones;
	begin_rate(all, &answer->pfs, &seeker);
	pool->label = "the smallest rate by PFS";
	r = seek(all, answer, &seeker, 1, pool, error);
	all->pfs_rate = seeker.hunt;
	return r;
}

/* With all phones and each seed, unless that is dear: then with how many it was found is told. */
int seek_add_confirmation(struct seek_all *all, struct answer *answer, struct runs *runs, char error[QUESTION_ERROR_MAX])
{
	const struct seeker seeker = { .kind = SEEK_PFS_RATE };
	struct answer_point *point = &answer->pfs.rate;
	int r = 0;

	all->confirmations = 0;
	if (point->how != ANSWER_SIMULATED && point->how != ANSWER_ALWAYS)
		return 0;
	struct question_setting setting = try_setting(answer->question, &seeker, point->holds);
	double work = try_work(all, answer, &seeker, false, point->holds), sum_s = 0;
	point->phones = all->guide_phones;
	for (uint32_t i = all->guide_phones ? 0 : 1; r == 0 && i < answer->pfs.seeds; i++) {
		sum_s += work;
		if (!all->thorough && sum_s > DEAR_S)
			break;
		r = answer_add(runs, answer->question, &setting, answer->question->seed + i, false, work, error);
		point->phones = 0;
		all->confirmations++;
	}
	return r;
}

static bool all_fit(const struct seek_all *all, const struct runs *runs, uint32_t first, uint64_t window_us)
{
	uint32_t fitting = 0;

	for (uint32_t i = 0; i < all->confirmations; i++)
		fitting += outcome_fits(&runs->list[first + i].outcome, window_us);
	return fitting == all->confirmations;
}

void seek_hear_confirmation(struct seek_all *all, struct answer *answer, const struct runs *runs, uint32_t first)
{
	struct answer_point *point = &answer->pfs.rate;

	if (all_fit(all, runs, first, answer->question->window_us)) {
		all->confirmations = 0;
		return;
	}
	/* It moves up, and has to be seen again. */
	point->fails = point->holds;
	point->holds = 0;
	point->how = point->fails < all->pfs_rate.ceiling ? ANSWER_SIMULATED : ANSWER_NEVER;
}

/* ------------------------------------------- beside the fleet in the traditional way */

int seek_add_traditional_rate(struct seek_all *all, struct answer *answer, struct runs *runs,
			      char error[QUESTION_ERROR_MAX])
{
	struct seeker *seeker = &all->traditional_rate;

	/* By arithmetic it is better found when the distance from the bound is known. */
	if (!has_rates(all) || all->traditional_work <= DEAR_S || (!all->thorough && all->traditional_work > TRY_S_MAX))
		return 0;
	all->sketch.traditional_ratio = USUAL_RATIO;
	begin_rate(all, &answer->traditional, seeker);
	return add_tries(all, answer, seeker, runs, error);
}

void seek_hear_traditional_rate(struct seek_all *all, const struct answer *answer, const struct runs *runs)
{
	if (all->traditional_rate.point)
		hear(&all->traditional_rate, runs, answer->question->window_us);
}

/* ------------------------------------------------------------------ the rest */

/*
 * The question itself has been run, by more seeds than a try has: it is an end of
 * the hunt that no try moves, lest a point contradict the verdict.
 */
static void know_question(struct seeker *seeker, uint64_t value, bool holds)
{
	if (holds)
		hunt_know_holds(&seeker->hunt, value);
	else
		hunt_know(&seeker->hunt, value);
	if (seeker->hunt.ended)
		*seeker->point = (struct answer_point){ .how = ANSWER_ALWAYS, .holds = value };
}

static void begin_phones(const struct seek_all *all, struct answer *answer, struct seeker *seeker)
{
	uint64_t phones = answer->question->setting.phones;
	/* A chain cannot be as long as one likes. */
	bool no_more = answer->saves_time || answer->question->setting.fan_out == 1;
	uint64_t most = no_more ? phones : phones * PHONES_TIMES_MAX, guess;

	seeker->kind = SEEK_PHONES;
	seeker->point = &answer->phones;
	if (most > PLAN_PHONES_MAX)
		most = PLAN_PHONES_MAX;
	if (!answer->saves_time && phones >= most) {
		answer->phones = (struct answer_point){ .how = ANSWER_NEVER, .fails = phones };
		seeker->hunt.ended = true;
		return;
	}
	guess = sketch_phones(&all->sketch, most);
	seeker->beyond = guess > most;
	hunt_begin(&seeker->hunt, 1, most, 0, 0, guess);
	know_question(seeker, phones, answer->saves_time);
}

static void begin_trip(struct seek_all *all, struct answer *answer, struct seeker *seeker)
{
	uint64_t guess = sketch_trip(&all->sketch), trip_us = answer->question->setting.rtt_us;

	seeker->kind = SEEK_TRIP;
	seeker->point = &answer->trip;
	if (answer->saves_time && trip_us >= SKETCH_TRIP_MAX_US) {
		answer->trip = (struct answer_point){ .how = ANSWER_NEVER, .fails = trip_us };
		seeker->hunt.ended = true;
		return;
	}
	seeker->beyond = answer->saves_time && guess > SKETCH_TRIP_MAX_US;
	/* Two digits of a millisecond and more: nobody knows a round trip better. */
	hunt_begin(&seeker->hunt, TRIP_FLOOR_US, SKETCH_TRIP_MAX_US, TRIP_TOLERANCE_PPM, 2, guess);
	know_question(seeker, trip_us, !answer->saves_time);
}

/* One rate with all phones and each seed. */
static int confirm_at(struct seek_all *all, struct answer *answer, struct pool *pool, struct hunt *hunt, uint64_t rate,
		      char error[QUESTION_ERROR_MAX])
{
	struct runs runs = { 0 };
	int r;

	answer->pfs.rate.holds = rate;
	r = seek_add_confirmation(all, answer, &runs, error);
	if (r == 0)
		r = answer_go(pool, &runs, error);
	if (r == 0)
		hunt_tell(hunt, rate, all_fit(all, &runs, 0, answer->question->window_us));
	runs_free(&runs);
	return r;
}

/*
 * Higher, until it holds: first by a hundredth, then by more and more, for there
 * need not be such a rate; and back to where it holds only just.
 */
static int confirm_again(struct seek_all *all, struct answer *answer, struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	struct answer_point *point = &answer->pfs.rate;
	uint64_t tries[HUNT_TRIES];
	struct hunt hunt;
	uint32_t count;
	int r = 0;

	if (!all->confirmations || point->how != ANSWER_SIMULATED)
		return 0;
	hunt_begin(&hunt, point->fails, all->pfs_rate.ceiling, TOLERANCE_PPM, RATE_DIGITS, point->fails);
	hunt_know(&hunt, point->fails);
	hunt.single = true;
	hunt.aim = 0;
	hunt.stride_ppm = CONFIRM_STRIDE_PPM;
	while (r == 0 && (count = hunt_next(&hunt, tries))) {
		for (uint32_t i = 0; r == 0 && i < count; i++)
			r = confirm_at(all, answer, pool, &hunt, tries[i], error);
		hunt_step(&hunt);
	}
	if (r < 0)
		return r;
	point->how = hunt.holds ? ANSWER_SIMULATED : ANSWER_NEVER;
	point->holds = hunt.holds;
	point->fails = hunt.fails;
	return 0;
}

int seek_the_rest(struct seek_all *all, struct answer *answer, struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	const struct capacity_outcome *traditional = answer_percentile(&answer->traditional, 50);
	const struct question *question = answer->question;
	struct seeker seekers[SEEKS] = { 0 };
	uint32_t count = 0;
	int r;

	all->traditional_work = pool_work(traditional->blocks + traditional->retransmits, 0);
	all->sketch.traditional_ratio = 1;
	if (traditional->bound.bytes_us && traditional->duration_us > traditional->bound.total_us && !traditional->failed)
		all->sketch.traditional_ratio = 1 + (double)(traditional->duration_us - traditional->bound.total_us) /
							    (double)traditional->bound.bytes_us;
	if (all->traditional_rate.point)
		seekers[count++] = all->traditional_rate;
	else if (has_rates(all))
		begin_rate(all, &answer->traditional, &seekers[count++]);
	if (question->model_count)
		begin_phones(all, answer, &seekers[count++]);
	if (!all->sketch.plan->fault_count && question->setting.rtt_us != QUESTION_UNSAID)
		begin_trip(all, answer, &seekers[count++]);
	pool->label = "where the answer changes";
	r = seek(all, answer, seekers, count, pool, error);
	/* It saves time where the question is, even if that is below the least that is tried. */
	if (answer->trip.how == ANSWER_ALWAYS && answer->saves_time) {
		answer->trip.how = ANSWER_SIMULATED;
		answer->trip.fails = question->setting.rtt_us;
	}
	return r == 0 ? confirm_again(all, answer, pool, error) : r;
}
