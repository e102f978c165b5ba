/*
 * See answer.h. First the fleet itself, by several seeds; then the points at
 * which its answer would change. What is long is run beside what is short, so
 * that no core waits: see seek.c.
 */
#include "emulator/capacity/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/capacity/seek.h"

#define SEEDS_PFS 5
#define SEEDS_QUICK_S 4.0 /* of one core, for all seeds of the traditional way */
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
		mode->fitting += outcome_fits(outcome, window_us);
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

/* ---------------------------------------------------------------- the fleet */

int answer_add(struct runs *runs, const struct question *question, const struct question_setting *setting, uint64_t seed,
	       bool traditional, double work, char error[QUESTION_ERROR_MAX])
{
	struct question_setting asked = *setting;
	char *text;

	/* Whoever fetches everything itself has no tree: one run is that of all what-ifs. */
	if (traditional)
		question_as_real(&asked);
	text = question_text(question, &asked, seed, error);
	if (!text && *error)
		return -EINVAL;
	return runs_add(runs, text, traditional, work);
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

int answer_go(struct pool *pool, struct runs *runs, char error[QUESTION_ERROR_MAX])
{
	int r = pool_go(pool, runs);

	put_error(runs, error);
	return r;
}

/* The runs of a mode from the first one on. */
static int take(struct answer_mode *mode, const struct runs *runs, uint64_t window_us)
{
	mode->outcomes = calloc(runs->count, sizeof(*mode->outcomes));
	if (!mode->outcomes)
		return -ENOMEM;
	for (uint32_t i = 0; i < runs->count && runs->list[i].traditional == mode->traditional && mode->seeds < mode->asked; i++) {
		mode->outcomes[mode->seeds++] = runs->list[i].outcome;
		if (runs->list[i].outcome.violated)
			memcpy(mode->violation, runs->list[i].error, sizeof(mode->violation) - 1);
	}
	answer_judge(mode, window_us);
	return 0;
}

static int add_mode(struct answer_mode *mode, const struct question *question, struct runs *runs, bool traditional,
		    double work, char error[QUESTION_ERROR_MAX])
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < mode->asked; i++)
		r = answer_add(runs, question, &question->setting, question->seed + i, traditional, work, error);
	return r;
}

static int run_pfs(struct answer *answer, const struct sketch *sketch, struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	const struct question *question = answer->question;
	struct capacity_bound bound;
	struct runs runs = { 0 };
	int r = capacity_bound(sketch->plan, false, &bound);

	pool->label = "the fleet by PFS";
	if (r == 0)
		r = add_mode(&answer->pfs, question, &runs, false,
			     pool_work(bound.bytes_down / BLOCK_BYTES, sketch->plan->phone_count), error);
	if (r == 0)
		r = answer_go(pool, &runs, error);
	if (r == 0)
		r = take(&answer->pfs, &runs, question->window_us);
	runs_free(&runs);
	return r;
}

/* As many seeds as are quick, unless it is said how many. */
static uint32_t traditional_seeds(const struct answer_options *options, double work)
{
	if (options->seeds)
		return options->seeds;
	return work * SEEDS_PFS <= SEEDS_QUICK_S ? SEEDS_PFS : work * 2 <= SEEDS_QUICK_S ? (uint32_t)(SEEDS_QUICK_S / work) : 1;
}

/* And beside it the PFS rate that was found with a smaller fleet, and the first rate in the traditional way. */
static int run_traditional(struct answer *answer, const struct answer_options *options, struct seek_all *seek,
			   struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	const struct question *question = answer->question;
	struct capacity_bound bound;
	struct runs runs = { 0 };
	int r = capacity_bound(seek->sketch.plan, true, &bound);

	if (r < 0)
		return r;
	pool->label = "the fleet in the traditional way";
	seek->traditional_work = pool_work(bound.bytes_down / BLOCK_BYTES * 5 / 4, 0);
	answer->traditional.asked = traditional_seeds(options, seek->traditional_work);
	r = add_mode(&answer->traditional, question, &runs, true, seek->traditional_work, error);
	if (r == 0)
		r = seek_add_confirmation(seek, answer, &runs, error);
	if (r == 0 && !answer->pfs.violating)
		r = seek_add_traditional_rate(seek, answer, &runs, error);
	if (r == 0)
		r = answer_go(pool, &runs, error);
	if (r == 0)
		r = take(&answer->traditional, &runs, question->window_us);
	if (r == 0)
		seek_hear_confirmation(seek, answer, &runs, answer->traditional.asked);
	if (r == 0 && !answer->traditional.violating)
		seek_hear_traditional_rate(seek, answer, &runs);
	runs_free(&runs);
	return r;
}

static void compare(struct answer *answer)
{
	const struct capacity_outcome *pfs = answer_percentile(&answer->pfs, 50),
				      *traditional = answer_percentile(&answer->traditional, 50);

	answer->saves_time = outcome_saves_time(pfs, traditional);
	answer->saves_bytes = outcome_saves_bytes(pfs, traditional);
}

int answer_work_out(struct answer *answer, const struct question *question, const struct answer_options *options,
		    struct pool *pool, char error[QUESTION_ERROR_MAX])
{
	struct seek_all seek = { .thorough = options->thorough };
	int r;

	*answer = (struct answer){ .question = question };
	answer->pfs.asked = options->seeds ? options->seeds : SEEDS_PFS;
	answer->traditional.traditional = true;
	error[0] = '\0';
	r = sketch_begin(&seek.sketch, question, error);
	if (r == 0)
		r = run_pfs(answer, &seek.sketch, pool, error);
	if (r == 0 && !answer->pfs.violating)
		r = seek_pfs_rate(&seek, answer, pool, error);
	if (r == 0)
		r = run_traditional(answer, options, &seek, pool, error);
	if (r == 0) {
		compare(answer);
		if (!answer->pfs.violating && !answer->traditional.violating)
			r = seek_the_rest(&seek, answer, pool, error);
	}
	sketch_end(&seek.sketch);
	return r;
}

void answer_deinit(struct answer *answer)
{
	free(answer->pfs.outcomes);
	free(answer->traditional.outcomes);
	*answer = (struct answer){ 0 };
}
