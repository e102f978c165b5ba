/*
 * See pool.h. Threads take the runs in their order; the caller waits, and shows
 * how far it is. A run that is stopped in the middle leaves nothing.
 */
#include "emulator/capacity/pool.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "emulator/record/record.h"
#include "emulator/scenario/scenario.h"
#include "emulator/world.h"

#define WORKERS_MAX 256
#define LOOK_NS 250000000L
#define PLAIN_S 10
/* Of a processor of today, in virtual time: TFTP blocks, and phones through an upgrade by PFS. */
#define BLOCKS_A_SECOND 2.2e6
#define PHONES_A_SECOND 2e3
#define LOAD_S 0.03
#define OVERDUE_PART 20 /* what takes longer than expected is taken to need a twentieth more */

/* What a thread is at. */
struct place {
	const struct pool_run *run; /* NULL: nothing */
	double began_s;
};

struct batch {
	struct pool *pool;
	struct pool_run *runs;
	uint32_t *order;         /* numbers of those that are wanted, most work first */
	uint32_t count;          /* of them */
	uint32_t parts;          /* threads that one run may have for its sites */
	pthread_mutex_t lock;
	pthread_cond_t changed, room;
	/* under the lock */
	uint64_t memory_taken;   /* by the runs under way, about */
	uint32_t next, finished, working, joined;
	double work_left[2];     /* of those that nobody has begun, by mode */
	struct place *places;    /* one a thread */
	uint32_t place_count;
	bool failed;
};

double pool_work(uint64_t blocks, uint64_t phones)
{
	return (double)blocks / BLOCKS_A_SECOND + (double)phones / PHONES_A_SECOND + LOAD_S;
}

double pool_work_pfs(uint64_t blocks, uint64_t phones, uint64_t duration_us)
{
	return pool_work(blocks + duration_us / 1000000 * phones * 2 / 3, phones) + LOAD_S;
}

int runs_add(struct runs *runs, char *text, bool traditional, double work)
{
	if (text && runs->count == runs->size) {
		uint32_t size = runs->size ? 2 * runs->size : 16;
		struct pool_run *list = realloc(runs->list, size * sizeof(*list));
		if (!list) {
			free(text);
			return -ENOMEM;
		}
		runs->list = list;
		runs->size = size;
	}
	if (!text)
		return -ENOMEM;
	runs->list[runs->count++] = (struct pool_run){ .text = text, .traditional = traditional, .work = work };
	return 0;
}

void runs_free(struct runs *runs)
{
	for (uint32_t i = 0; i < runs->count; i++)
		free(runs->list[i].text);
	free(runs->list);
	*runs = (struct runs){ 0 };
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ----------------------------------------------------------------- one run */

/* Returns 0 or a negative errno; -EINTR where it was stopped. */
static int simulate(const struct batch *batch, const struct plan *plan, struct pool_run *run)
{
	struct world_report report;
	struct record *record = record_new(plan, run->traditional, NULL, 0);
	int error;

	if (!record)
		return -errno;
	const struct world_options options = {
		.plan = plan,
		.record = record,
		.traditional = run->traditional,
		.workers = batch->parts,
		.stop = batch->pool->stop,
		.quiet = true,
	};
	error = sim_world_run(&options, &report);
	if (!error || error == -EPROTO) {
		if (error)
			snprintf(run->error, sizeof(run->error), "broken: %s", report.violation.invariant);
		outcome_take(&run->outcome, plan, record_finish(record, record_now(record), false), error != 0);
		error = report.interrupted ? -EINTR : capacity_bound(plan, run->traditional, &run->outcome.bound);
	}
	record_free(record);
	return error;
}

/* Waits until the runs under way have left it enough memory. Returns 0, -EINTR or -ENOMEM (never enough). */
static int take_memory(struct batch *batch, uint64_t bytes)
{
	struct pool *pool = batch->pool;
	int error = bytes > pool->memory_bytes ? -ENOMEM : 0;

	pthread_mutex_lock(&batch->lock);
	while (!error && batch->memory_taken > pool->memory_bytes - bytes) {
		if (*pool->stop)
			error = -EINTR;
		else
			pthread_cond_wait(&batch->room, &batch->lock);
	}
	if (!error)
		batch->memory_taken += bytes;
	if (batch->memory_taken > pool->memory_peak)
		pool->memory_peak = batch->memory_taken;
	pthread_mutex_unlock(&batch->lock);
	return error;
}

static void give_memory(struct batch *batch, uint64_t bytes)
{
	pthread_mutex_lock(&batch->lock);
	batch->memory_taken -= bytes;
	pthread_cond_broadcast(&batch->room);
	pthread_mutex_unlock(&batch->lock);
}

static void run_one(struct batch *batch, struct pool_run *run)
{
	struct scenario_error bad;
	struct plan *plan;
	int error = scenario_load_text(batch->pool->path, run->text, strlen(run->text), NULL, &plan, &bad);

	if (error) {
		run->state = POOL_BAD;
		memcpy(run->error, bad.line, sizeof(run->error));
		return;
	}
	uint64_t bytes = plan->needs.virtual_bytes;
	error = take_memory(batch, bytes);
	if (error == -ENOMEM)
		snprintf(run->error, sizeof(run->error),
			 "%" PRIu32 " phones need some %" PRIu64 " MB of memory, the host has %" PRIu64 " MB left",
			 plan->phone_count, bytes / 1000000, batch->pool->memory_bytes / 1000000);
	if (!error) {
		error = simulate(batch, plan, run);
		give_memory(batch, bytes);
		if (error && error != -EINTR)
			snprintf(run->error, sizeof(run->error), "cannot be run: %s", strerror(-error));
	}
	plan_free(plan);
	if (error != -EINTR)
		run->state = error ? POOL_BAD : POOL_DONE;
	run->no_memory = error == -ENOMEM;
}

/* With the lock. */
static void account(struct batch *batch, const struct place *place)
{
	struct pool *pool = batch->pool;
	const struct pool_run *run = place->run;

	batch->finished++;
	if (run->state == POOL_BAD)
		batch->failed = true;
	pool->host_lacks |= run->no_memory;
	if (run->state != POOL_DONE)
		return;
	if (run->kept) {
		pool->from_cache++; /* which says nothing of how long the others take */
		return;
	}
	pool->worked[run->traditional] += run->work;
	pool->took_s[run->traditional] += seconds_now() - place->began_s;
	pool->simulated++;
}

/* With the lock. */
static struct pool_run *begin_next(struct batch *batch, struct place *place)
{
	struct pool_run *run = &batch->runs[batch->order[batch->next++]];

	batch->work_left[run->traditional] -= run->work;
	*place = (struct place){ .run = run, .began_s = seconds_now() };
	return run;
}

static void *work(void *context)
{
	struct batch *batch = context;
	struct pool *pool = batch->pool;

	pthread_mutex_lock(&batch->lock);
	struct place *place = &batch->places[batch->joined++];
	while (batch->next < batch->count && !batch->failed && !*pool->stop) {
		struct pool_run *run = begin_next(batch, place);
		struct cache_key key;
		int error = 0;
		pthread_mutex_unlock(&batch->lock);
		key = cache_key(pool->cache, run->text, run->traditional, pool->identity);
		run->kept = cache_load(pool->cache, &key, &run->outcome);
		if (run->kept) {
			run->state = POOL_DONE;
		} else {
			run_one(batch, run);
			/* What breaks an invariant is not kept: whoever looks again wants to see it break. */
			if (run->state == POOL_DONE && !run->outcome.violated)
				error = cache_store(pool->cache, &key, &run->outcome);
		}
		pthread_mutex_lock(&batch->lock);
		pool->cache_error = pool->cache_error ? pool->cache_error : error;
		account(batch, place);
		place->run = NULL;
		pthread_cond_signal(&batch->changed);
	}
	batch->working--;
	pthread_cond_signal(&batch->changed);
	pthread_mutex_unlock(&batch->lock);
	return NULL;
}

/* ---------------------------------------------------------------- progress */

static int columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

/* How many seconds a run of that mode takes for each of pool_work(); 0: nothing has been seen yet. */
static double pace(const struct pool *pool, bool traditional)
{
	/* What is known of the other mode is better than nothing. */
	for (int i = 0; i < 2; i++) {
		int mode = i ? !traditional : traditional;
		if (pool->worked[mode] > 0)
			return pool->took_s[mode] / pool->worked[mode];
	}
	return 0;
}

/* Seconds until all is done, by what each run has to do and by how long the like of it took; 0: not known. */
static double time_left_s(const struct batch *batch, double now_s)
{
	const struct pool *pool = batch->pool;
	double sum_s = 0, longest_s = 0;

	for (int mode = 0; mode < 2; mode++)
		sum_s += batch->work_left[mode] * pace(pool, mode);
	for (uint32_t i = 0; i < batch->place_count; i++) {
		const struct place *place = &batch->places[i];
		if (!place->run)
			continue;
		double elapsed_s = now_s - place->began_s, overdue_s = elapsed_s / OVERDUE_PART;
		double rest_s = place->run->work * pace(pool, place->run->traditional) - elapsed_s;
		rest_s = rest_s > overdue_s ? rest_s : overdue_s;
		longest_s = rest_s > longest_s ? rest_s : longest_s;
		sum_s += rest_s;
	}
	if (pace(pool, false) <= 0)
		return 0;
	sum_s /= batch->place_count;
	return sum_s > longest_s ? sum_s : longest_s;
}

/* With the lock. */
static void tell(const struct batch *batch, double began, bool terminal)
{
	double now_s = seconds_now(), left_s = time_left_s(batch, now_s);
	char text[200], left[60] = "";

	if (left_s > 0 && now_s - began > 2) {
		uint64_t seconds = (uint64_t)(left_s + 0.5);
		if (seconds >= 3600)
			snprintf(left, sizeof(left), ", about %d:%02d h left", (int)(seconds / 3600), (int)(seconds / 60 % 60));
		else if (seconds >= 60)
			snprintf(left, sizeof(left), ", about %d:%02d min left", (int)(seconds / 60), (int)(seconds % 60));
		else
			snprintf(left, sizeof(left), ", about %d s left", (int)seconds);
	}
	snprintf(text, sizeof(text), "%s: %u of %u runs%s", batch->pool->label, batch->finished, batch->count, left);
	fprintf(stderr, terminal ? "\r%.*s\033[K" : "%.*s\n", terminal ? columns() : (int)sizeof(text), text);
	fflush(stderr);
}

/* Until nobody works any more; with the lock. */
static void wait_for_all(struct batch *batch)
{
	bool terminal = isatty(STDERR_FILENO), shown = false;
	double began = seconds_now(), told = began;
	struct timespec until;

	while (batch->working) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_NS;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&batch->changed, &batch->lock, &until);
		double now = seconds_now();
		if (batch->pool->quiet || now - told < (terminal ? 0.25 : PLAIN_S))
			continue;
		tell(batch, began, terminal);
		told = now;
		shown = terminal;
	}
	if (shown)
		fputs("\r\033[K", stderr);
}

/* ------------------------------------------------------------------ batches */

static int by_work(const void *left, const void *right, void *context)
{
	const struct pool_run *runs = context;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	if (runs[a].work != runs[b].work)
		return runs[a].work > runs[b].work ? -1 : 1;
	return a < b ? -1 : 1;
}

static int begin(struct batch *batch, const struct runs *runs)
{
	pthread_condattr_t attributes;

	batch->order = calloc(runs->count ? runs->count : 1, sizeof(*batch->order));
	batch->places = calloc(WORKERS_MAX, sizeof(*batch->places));
	if (!batch->order || !batch->places)
		return -ENOMEM;
	for (uint32_t i = 0; i < runs->count; i++) {
		if (runs->list[i].state != POOL_WANTED)
			continue;
		batch->order[batch->count++] = i;
		batch->work_left[runs->list[i].traditional] += runs->list[i].work;
	}
	qsort_r(batch->order, batch->count, sizeof(*batch->order), by_work, runs->list);
	batch->parts = batch->count ? batch->pool->workers / batch->count : 0;
	pthread_mutex_init(&batch->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&batch->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_cond_init(&batch->room, NULL);
	return 0;
}

static void employ(struct batch *batch)
{
	uint32_t wanted = batch->pool->workers < batch->count ? batch->pool->workers : batch->count, count = 0;
	pthread_t threads[WORKERS_MAX];
	sigset_t all, before;

	/* Signals are for whoever waits for the results. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	batch->working = batch->place_count = wanted;
	while (count < wanted && count < WORKERS_MAX && pthread_create(&threads[count], NULL, work, batch) == 0)
		count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_mutex_lock(&batch->lock);
	batch->working -= wanted - count;
	batch->place_count = count;
	if (!count) {
		batch->working = batch->place_count = 1;
		pthread_mutex_unlock(&batch->lock);
		work(batch);
		return;
	}
	wait_for_all(batch);
	pthread_mutex_unlock(&batch->lock);
	for (uint32_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

int pool_go(struct pool *pool, struct runs *runs)
{
	struct batch batch = { .pool = pool, .runs = runs->list };
	int error = begin(&batch, runs);

	if (!error && batch.count)
		employ(&batch);
	if (!error) {
		pthread_cond_destroy(&batch.changed);
		pthread_cond_destroy(&batch.room);
		pthread_mutex_destroy(&batch.lock);
	}
	free(batch.order);
	free(batch.places);
	if (error)
		return error;
	if (batch.failed)
		return -EINVAL;
	return *pool->stop ? -EINTR : 0;
}
