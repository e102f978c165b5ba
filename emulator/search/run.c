/*
 * Which orderings of strengths are searched, and by whom: one of each class that
 * is alike (orders.c), each by one worker from beginning to end. What comes out is
 * the same with any number of workers: of several orderings in which something
 * does not hold the first counts, and those after it are left out of every figure.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "emulator/processors.h"
#include "emulator/search/explore.h"
#include "emulator/search/state.h"

#define ORDERS_MAX 75
#define WORKERS_MAX 64
#define LOOK_NS 250000000L

struct run {
	const struct search_options *options;
	struct search_result *result;
	uint32_t orders, workers;
	uint32_t jobs[ORDERS_MAX], job_count;
	struct explored explored[ORDERS_MAX]; /* by order */
	struct timespec from;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	const char *bound;     /* under lock from here on: why all was stopped, or NULL */
	uint32_t next;         /* job */
	uint32_t working;      /* workers that have not ended */
	uint32_t first_broken; /* order, or ORDERS_MAX: nobody need search any after it */
	bool ended[ORDERS_MAX];
	uint64_t states_ended, memory_peak;
	int error;

	struct explore_view views[WORKERS_MAX];
};

struct worker {
	struct run *run;
	struct explore_view *view;
	pthread_t thread;
};

/* ORDERS_MAX where there is none left. Under lock. */
static uint32_t job_take(struct run *run)
{
	uint32_t order;

	if (run->error || run->bound || run->next == run->job_count)
		return ORDERS_MAX;
	order = run->jobs[run->next];
	if (order > run->first_broken)
		return ORDERS_MAX;
	run->next++;
	return order;
}

static void job_ended(struct run *run, const struct worker *worker, uint32_t order, int error)
{
	const struct search_result *result = &run->explored[order].result;

	run->ended[order] = true;
	run->states_ended += result->states;
	if (result->memory_bytes > run->memory_peak)
		run->memory_peak = result->memory_bytes;
	atomic_store(&worker->view->states, 0);
	atomic_store(&worker->view->bytes, 0);
	if (error && !run->error)
		run->error = error;
	if (result->verdict == SEARCH_BROKEN && order < run->first_broken)
		run->first_broken = order;
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct run *run = worker->run;
	struct explorer *explorer = explorer_new(run->options, worker->view);
	uint32_t order;

	pthread_mutex_lock(&run->lock);
	if (!explorer)
		run->error = -ENOMEM;
	while ((order = job_take(run)) != ORDERS_MAX) {
		int error;
		pthread_mutex_unlock(&run->lock);
		error = explorer_run(explorer, order, &run->explored[order]);
		pthread_mutex_lock(&run->lock);
		job_ended(run, worker, order, error);
	}
	run->working--;
	pthread_cond_signal(&run->changed);
	pthread_mutex_unlock(&run->lock);
	explorer_free(explorer);
	return NULL;
}

static double elapsed_s(const struct run *run)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - run->from.tv_sec) + (double)(now.tv_nsec - run->from.tv_nsec) / 1e9;
}

/* Under lock. */
static void look(struct run *run)
{
	struct search_progress progress = { .states = run->states_ended, .elapsed_s = elapsed_s(run) };

	for (uint32_t i = 0; i < run->workers; i++) {
		progress.states += atomic_load(&run->views[i].states);
		progress.memory_bytes += atomic_load(&run->views[i].bytes);
	}
	for (uint32_t i = 0; i < run->orders; i++)
		progress.orders_done += run->ended[i];
	progress.orders = run->job_count;
	if (progress.memory_bytes > run->memory_peak)
		run->memory_peak = progress.memory_bytes;
	if (run->options->progress)
		run->options->progress(run->options->context, &progress);
	if (run->options->stop && *run->options->stop)
		run->bound = SEARCH_INTERRUPTED;
	else if (!run->bound && run->options->seconds_max && progress.elapsed_s >= run->options->seconds_max)
		run->bound = "seconds";
	if (run->bound)
		for (uint32_t i = 0; i < run->workers; i++)
			atomic_store(&run->views[i].stop, true);
}

/* Until the last worker has ended. */
static void watch(struct run *run)
{
	struct timespec until;

	pthread_mutex_lock(&run->lock);
	while (run->working) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_NS;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&run->changed, &run->lock, &until);
		look(run);
	}
	pthread_mutex_unlock(&run->lock);
}

/* All jobs that there are now; 0 or a negative errno. */
static int search(struct run *run)
{
	struct worker workers[WORKERS_MAX];
	uint32_t count = run->workers < run->job_count ? run->workers : run->job_count, started = 0;

	run->next = 0;
	for (uint32_t i = 0; i < count; i++) {
		workers[i] = (struct worker){ .run = run, .view = &run->views[i] };
		pthread_mutex_lock(&run->lock);
		run->working++;
		pthread_mutex_unlock(&run->lock);
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
			pthread_mutex_lock(&run->lock);
			run->working--;
			pthread_mutex_unlock(&run->lock);
			break;
		}
		started++;
	}
	watch(run);
	for (uint32_t i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	if (!started && run->job_count)
		return -EAGAIN;
	return run->error;
}

/* ---------------------------------------------------------------- result */

static bool stands_for_others(const struct run *run)
{
	return !run->options->all_orders && !run->options->only_order;
}

static void jobs_first(struct run *run)
{
	for (uint32_t i = 0; i < run->orders; i++)
		if (run->options->only_order
			    ? run->options->only_order == i + 1
			    : run->options->all_orders || search_order_class(run->options->phones, i) == i)
			run->jobs[run->job_count++] = i;
}

/* The others of those classes in which an address decided. */
static void jobs_rest(struct run *run)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < run->orders; i++) {
		uint32_t first = search_order_class(run->options->phones, i);
		if (first != i && run->ended[first] && run->explored[first].address_decided)
			run->jobs[count++] = i;
	}
	run->job_count = count;
}

static void add(struct search_result *sum, const struct search_result *one)
{
	sum->states += one->states;
	sum->transitions += one->transitions;
	sum->ends += one->ends;
	sum->fingerprint += one->fingerprint;
	sum->deepest = one->deepest > sum->deepest ? one->deepest : sum->deepest;
	if (one->verdict == SEARCH_NOT_EXHAUSTED && sum->verdict == SEARCH_HOLDS) {
		sum->verdict = SEARCH_NOT_EXHAUSTED;
		sum->bound = one->bound;
	}
}

static void conclude(struct run *run)
{
	struct search_result *sum = run->result;

	for (uint32_t i = 0; i < run->orders && i <= run->first_broken; i++) {
		uint32_t first = search_order_class(run->options->phones, i);
		const struct explored *one = &run->explored[i];
		if (run->ended[i]) {
			add(sum, &one->result);
			sum->orders_searched++;
			sum->orders_done += one->result.verdict == SEARCH_HOLDS;
		} else if (stands_for_others(run) && run->ended[first]) {
			one = &run->explored[first];
			sum->orders_done += one->result.verdict == SEARCH_HOLDS && !one->address_decided;
		}
		sum->states_all_orders += run->ended[i] || stands_for_others(run) ? one->result.states : 0;
	}
	if (run->first_broken < run->orders) {
		struct search_result *broken = &run->explored[run->first_broken].result;
		sum->verdict = SEARCH_BROKEN;
		sum->bound = NULL;
		sum->broken = broken->broken;
		sum->order = broken->order;
		sum->path_length = broken->path_length;
		sum->path = broken->path;
		broken->path = NULL;
	} else if (sum->verdict == SEARCH_HOLDS &&
		   sum->orders_done < (run->options->only_order ? 1 : run->orders)) {
		sum->verdict = SEARCH_NOT_EXHAUSTED; /* all was stopped before the last had begun */
		sum->bound = run->bound;
	}
	if (sum->verdict == SEARCH_NOT_EXHAUSTED && run->options->stop && *run->options->stop)
		sum->bound = SEARCH_INTERRUPTED;
}

static bool options_valid(const struct search_options *options)
{
	return options->phones >= SEARCH_PHONES_MIN && options->phones <= SEARCH_PHONES_MAX &&
	       options->files >= 1 && options->files <= SEARCH_FILES_MAX &&
	       options->drops <= SEARCH_DROPS_MAX && options->kills <= SEARCH_KILLS_MAX &&
	       options->kills < options->phones && options->depth_max < UINT16_MAX &&
	       options->only_order <= search_orders(options->phones) && options->workers <= WORKERS_MAX &&
	       (!options->plain || options->depth_max);
}

static uint32_t workers_of(const struct search_options *options)
{
	return options->workers ? options->workers : processors(WORKERS_MAX);
}

int search_run(const struct search_options *options, struct search_result *result)
{
	pthread_condattr_t attributes;
	struct run *run;
	int error;

	*result = (struct search_result){ 0 };
	if (!options_valid(options))
		return -EINVAL;
	run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	run->options = options;
	run->result = result;
	run->orders = result->orders = search_orders(options->phones);
	run->workers = workers_of(options);
	run->first_broken = ORDERS_MAX;
	pthread_mutex_init(&run->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&run->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	clock_gettime(CLOCK_MONOTONIC, &run->from);
	jobs_first(run);
	error = search(run);
	if (!error && stands_for_others(run) && run->first_broken == ORDERS_MAX && !run->bound) {
		jobs_rest(run);
		error = search(run);
	}
	if (!error)
		conclude(run);
	result->memory_bytes = run->memory_peak;
	result->elapsed_s = elapsed_s(run);
	for (uint32_t i = 0; i < run->orders; i++)
		free(run->explored[i].result.path);
	pthread_cond_destroy(&run->changed);
	pthread_mutex_destroy(&run->lock);
	free(run);
	return error;
}

void search_result_deinit(struct search_result *result)
{
	free(result->path);
	result->path = NULL;
}
