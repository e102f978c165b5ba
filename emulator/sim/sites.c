/*
 * A fleet whose sites share nothing but the server: each site is a world of its
 * own (plan_slice()), with its own event queue, run by one of the workers and
 * taken down when it has ended. A site's memory then stays in the cache, and
 * what comes out is what one queue for all would bring about, whichever worker
 * does what and when.
 *
 * The one bond is that the server serves so many transfers at once and no more.
 * There are two ways to respect it.
 *
 * Gated: a world stops before each request to the server. Its answer depends on
 * how many transfers all sites have under way at that moment, so the earliest
 * request of all is answered, and only when no world is still at work on an
 * earlier time; the other worlds have run ahead, because nothing else could
 * ever reach them. At the same microsecond, sites are served in the order of
 * their numbers, and what ends by the server's timer ends after that. All
 * worlds exist at the same time.
 *
 * Free: where the limit will hardly be reached the worlds do not ask; each
 * reports when it had how many transfers, and afterwards it is looked up
 * whether the limit would have been reached. If it was, nothing of it counts
 * and the fleet is run gated. Only as many worlds exist as there are workers.
 * This needs that nothing of a run is seen before it counts, so there must be
 * no console logs.
 *
 * A run with faults is one world: until when a fault may strike depends on when
 * the whole fleet has ended, and whom it strikes on all of them.
 */
#include "emulator/sim/served.h"
#include "emulator/sim/sim.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PUBLISH_NS 250000000L

struct crew;

/* One site; who has the lock may look at it, whoever has it at work may change it. */
struct site {
	struct crew *crew;
	uint32_t number;
	struct plan *slice;    /* owned, as are the next two */
	struct record *record; /* kept until the end where the crew is free */
	struct sim_world *world;
	struct world_options options;
	struct world_report report;
	struct sim_bond bond;
	struct record_progress told; /* under the lock */
	uint64_t told_us;
};

struct crew {
	const struct world_options *options;
	struct world_report *report;
	bool gated;
	struct site *sites;
	uint32_t count;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under the lock */
	uint32_t next_new, ended;
	struct site **at_work; /* one a worker; NULL: it has nothing to do */
	uint32_t worker_count, workers_at_work, workers_present;
	uint32_t *waiting; /* heap: sites by the time of the request before which they stand */
	uint32_t waiting_count;
	struct served served;
	int error;
	_Atomic uint64_t alarm_us; /* a worker waits until all clocks have passed it */
};

/* sim_bond.served */
static void on_served(void *context, uint64_t now_us, bool by_timer, int32_t more)
{
	struct site *site = context;
	struct crew *crew = site->crew;

	pthread_mutex_lock(&crew->lock);
	if (served_add(&crew->served, now_us, by_timer, site->number, more))
		crew->error = -ENOMEM;
	pthread_mutex_unlock(&crew->lock);
}

/* --------------------------------------------------------------- who waits */

static bool waits_before(const struct crew *crew, uint32_t a, uint32_t b)
{
	uint64_t a_us = crew->sites[a].world->held.at_us, b_us = crew->sites[b].world->held.at_us;

	return a_us != b_us ? a_us < b_us : a < b;
}

static void let_wait(struct crew *crew, uint32_t site)
{
	uint32_t hole = crew->waiting_count++;

	for (; hole && waits_before(crew, site, crew->waiting[(hole - 1) / 2]); hole = (hole - 1) / 2)
		crew->waiting[hole] = crew->waiting[(hole - 1) / 2];
	crew->waiting[hole] = site;
}

static uint32_t pop_waiting(struct crew *crew)
{
	uint32_t *heap = crew->waiting, first = heap[0], last = heap[--crew->waiting_count];
	uint32_t hole = 0, count = crew->waiting_count;

	for (uint32_t child = 1; child < count; child = 2 * hole + 1) {
		if (child + 1 < count && waits_before(crew, heap[child + 1], heap[child]))
			child++;
		if (!waits_before(crew, heap[child], last))
			break;
		heap[hole] = heap[child];
		hole = child;
	}
	heap[hole] = last;
	return first;
}

/* True where nobody at work can still do anything at that time or before. */
static bool all_past(struct crew *crew, uint64_t at_us)
{
	for (uint32_t i = 0; i < crew->worker_count; i++)
		if (crew->at_work[i] &&
		    atomic_load_explicit(&crew->at_work[i]->bond.clock_us, memory_order_acquire) <= at_us)
			return false;
	return true;
}

/* sim_bond.woken: whoever waits for the clocks looks again. */
static void on_woken(void *context)
{
	struct crew *crew = ((struct site *)context)->crew;

	pthread_mutex_lock(&crew->lock);
	crew->alarm_us = UINT64_MAX;
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
}

/* The site that is to be worked on next, or NULL where there is nothing left to do. */
static struct site *next_site(struct crew *crew)
{
	while (!crew->error) {
		/* Whoever says stop does not want those that have not even begun. */
		if (crew->options->stop && *crew->options->stop && crew->next_new < crew->count) {
			crew->report->interrupted = true;
			crew->next_new = crew->count;
		}
		/* While some have not begun nobody's request is surely the earliest. */
		if (crew->next_new < crew->count)
			return &crew->sites[crew->next_new++];
		if (crew->waiting_count) {
			uint64_t at_us = crew->sites[crew->waiting[0]].world->held.at_us;
			/* Set before the clocks are read: one that passes it meanwhile sees it. */
			crew->alarm_us = at_us;
			if (all_past(crew, at_us)) {
				crew->alarm_us = UINT64_MAX;
				struct site *site = &crew->sites[pop_waiting(crew)];
				site->world->full = served_at(&crew->served, at_us, site->number) >=
						    crew->options->plan->server.serving_max;
				return site;
			}
		} else if (!crew->workers_at_work) {
			return NULL;
		}
		pthread_cond_wait(&crew->changed, &crew->lock);
	}
	return NULL;
}

/* --------------------------------------------------------------- one site */

static void tell(struct site *site)
{
	struct record_progress told;

	record_progress(site->record, &told);
	pthread_mutex_lock(&site->crew->lock);
	site->told = told;
	site->told_us = site->world->now_us;
	pthread_mutex_unlock(&site->crew->lock);
}

/* sim_bond.progress */
static void on_progress(void *context)
{
	struct site *site = context;

	sim_world_count(site->world);
	tell(site);
}

/* The fleet's number of a phone. */
static void on_trace(void *context, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	const struct site *site = context;
	const struct world_options *options = site->crew->options;

	options->tap(options->tap_context, phone + site->slice->first_phone - options->plan->first_phone, now_us,
		     trace);
}

/* Returns 0 or -ENOMEM: then there is no world. */
static int open_site(struct site *site)
{
	const struct crew *crew = site->crew;

	site->slice = plan_slice(crew->options->plan, site->number);
	site->record = site->slice ? record_part(crew->options->record, site->slice) : NULL;
	if (!site->record)
		return -ENOMEM;
	site->options = *crew->options;
	site->options.plan = site->slice;
	site->options.record = site->record;
	site->options.quiet = true;
	if (site->options.tap) {
		site->options.tap = on_trace;
		site->options.tap_context = site;
	}
	site->bond.gated = crew->gated;
	site->bond.fleet_phones = crew->options->plan->phone_count;
	site->bond.alarm_us = &crew->alarm_us;
	site->bond.woken = on_woken;
	site->bond.served = on_served;
	site->bond.progress = on_progress;
	site->bond.context = site;
	site->world = sim_world_new(&site->options, &site->bond, &site->report);
	return site->world ? 0 : -ENOMEM;
}

static void close_site(struct site *site)
{
	record_free(site->record);
	plan_slice_free(site->slice);
	site->record = NULL;
	site->slice = NULL;
}

/* What a site's report adds to the fleet's. The first violation counts: by its time, then by the site. */
static void join_report(struct crew *crew, const struct site *site, int error)
{
	struct world_report *to = crew->report;
	const struct world_report *from = &site->report;

	to->events += from->events;
	to->up_s += from->up_s;
	to->down_s += from->down_s;
	if (from->ended_us > to->ended_us)
		to->ended_us = from->ended_us;
	to->interrupted |= from->interrupted;
	if (error != -EPROTO) {
		crew->error = error ? error : crew->error;
		return;
	}
	uint32_t first = site->slice->first_phone - crew->options->plan->first_phone;
	struct world_violation *first_one = &to->violation;
	if (*first_one->invariant && (first_one->at_us < from->violation.at_us ||
				      (first_one->at_us == from->violation.at_us && first_one->phone < first)))
		return;
	*first_one = from->violation;
	first_one->phone += first;
	first_one->other += first;
}

/* The world has ended. With the lock. */
static void finish(struct site *site, int error)
{
	struct crew *crew = site->crew;

	join_report(crew, site, error);
	site->world = NULL;
	crew->ended++;
	if (!crew->gated)
		return;
	record_join(crew->options->record, site->record);
	site->told = (struct record_progress){ 0 };
	close_site(site);
}

/* Works on a site until it stops. Begins without the lock and ends with it. */
static void work_on(struct site *site)
{
	struct crew *crew = site->crew;
	enum sim_pause pause = SIM_ENDED;
	int error = site->world ? 0 : open_site(site);

	if (!error) {
		pause = sim_world_go(site->world);
		if (pause == SIM_ENDED)
			error = sim_world_end(site->world);
		record_rest(site->record);
	}
	pthread_mutex_lock(&crew->lock);
	if (!site->world) {
		crew->error = error;
		close_site(site);
		return;
	}
	record_progress(site->record, &site->told);
	if (pause == SIM_ENDED)
		finish(site, error);
	else
		let_wait(crew, site->number);
}

static void *work(void *context)
{
	struct crew *crew = context;
	struct site *site;

	pthread_mutex_lock(&crew->lock);
	uint32_t number = crew->workers_present++;
	while ((site = next_site(crew))) {
		crew->at_work[number] = site;
		crew->workers_at_work++;
		pthread_mutex_unlock(&crew->lock);
		work_on(site);
		crew->at_work[number] = NULL;
		crew->workers_at_work--;
		pthread_cond_broadcast(&crew->changed);
	}
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

/* --------------------------------------------------------------- the crew */

/* With the lock. What has been joined is in the record already. */
static void publish(struct crew *crew)
{
	struct record_progress sum;
	uint64_t latest_us = 0;

	record_progress(crew->options->record, &sum);
	for (uint32_t i = 0; i < crew->count; i++) {
		const struct site *site = &crew->sites[i];
		sum.upgraded += site->told.upgraded;
		sum.failed += site->told.failed;
		sum.bytes_held += site->told.bytes_held;
		sum.wan_bytes_down += site->told.wan_bytes_down;
		if (site->told_us > latest_us)
			latest_us = site->told_us;
	}
	record_publish_progress(crew->options->record, "upgrading", latest_us, &sum);
}

/* Until the workers have nothing left to do; with the lock. */
static void wait_for_all(struct crew *crew, pthread_t *threads, uint32_t count)
{
	struct timespec until;

	while (crew->ended < crew->count && !crew->error && !crew->report->interrupted) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += PUBLISH_NS;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (pthread_cond_timedwait(&crew->changed, &crew->lock, &until) == ETIMEDOUT)
			publish(crew);
	}
	pthread_mutex_unlock(&crew->lock);
	for (uint32_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_lock(&crew->lock);
}

static void employ(struct crew *crew)
{
	pthread_t *threads = calloc(crew->worker_count, sizeof(*threads));
	uint32_t count = 0;
	sigset_t all, before;

	/* Signals are for whoever waits for the result. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (threads && count < crew->options->workers && count < crew->worker_count &&
	       pthread_create(&threads[count], NULL, work, crew) == 0)
		count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!count)
		work(crew);
	pthread_mutex_lock(&crew->lock);
	wait_for_all(crew, threads, count);
	pthread_mutex_unlock(&crew->lock);
	free(threads);
}

static void deinit(struct crew *crew)
{
	for (uint32_t i = 0; crew->sites && i < crew->count; i++) {
		if (crew->sites[i].world)
			sim_world_end(crew->sites[i].world);
		close_site(&crew->sites[i]);
	}
	free(crew->sites);
	free(crew->waiting);
	served_deinit(&crew->served);
	free(crew->at_work);
	pthread_cond_destroy(&crew->changed);
	pthread_mutex_destroy(&crew->lock);
}

static int init(struct crew *crew, const struct world_options *options, struct world_report *report,
		bool gated)
{
	pthread_condattr_t attributes;

	*crew = (struct crew){ .options = options,
			       .report = report,
			       .gated = gated,
			       .count = options->plan->site_count,
			       .alarm_us = UINT64_MAX };
	*report = (struct world_report){ 0 };
	pthread_mutex_init(&crew->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&crew->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	crew->worker_count = options->workers > 1 ? options->workers : 1;
	if (crew->worker_count > crew->count)
		crew->worker_count = crew->count;
	crew->sites = calloc(crew->count, sizeof(*crew->sites));
	crew->waiting = calloc(crew->count, sizeof(*crew->waiting));
	crew->at_work = calloc(crew->worker_count, sizeof(struct site *));
	if (!crew->sites || !crew->waiting || !crew->at_work)
		return -ENOMEM;
	for (uint32_t i = 0; i < crew->count; i++) {
		crew->sites[i].crew = crew;
		crew->sites[i].number = i;
	}
	return 0;
}

/* Returns 0, a negative errno, or 1 where the server's limit was passed: nothing counts. */
static int run(const struct world_options *options, struct world_report *report, bool gated)
{
	struct crew crew;
	int error = init(&crew, options, report, gated);

	if (!error) {
		employ(&crew);
		served_finish(&crew.served);
		error = crew.error;
	}
	if (!error && !gated && crew.served.peak > options->plan->server.serving_max) {
		deinit(&crew);
		return 1;
	}
	for (uint32_t i = 0; !error && i < crew.count; i++)
		if (crew.sites[i].record && !crew.sites[i].world)
			record_join(options->record, crew.sites[i].record);
	if (!error)
		record_serving_peak(options->record, crew.served.peak);
	deinit(&crew);
	return error;
}

uint32_t sim_world_parts(const struct plan *plan, bool traditional)
{
	/* What is expected of single events names phones by the fleet's numbers, and times by its first reset. */
	if (plan->site_count < 2 || plan->expect.trace_count || !plan_can_slice(plan))
		return 1;
	for (uint32_t i = 0; i < plan->fault_count; i++)
		if (!traditional || plan->faults[i].traditional_too)
			return 1;
	return plan->site_count;
}

int sim_sites_run(const struct world_options *options, struct world_report *report)
{
	const struct plan *plan = options->plan;
	bool gated = options->tap || record_has_logs(options->record) ||
		     plan_downloaders(plan, options->traditional) > plan->server.serving_max;
	int error = run(options, report, gated);

	if (error == 1)
		error = run(options, report, true);
	if (error == -ENOMEM)
		fprintf(stderr, "no memory for %u phones in virtual time: make the fleet smaller\n",
			plan->phone_count);
	if (error)
		return error;
	const struct world_violation *violation = &report->violation;
	if (!*violation->invariant)
		return 0;
	if (!options->quiet)
		fprintf(stderr, "%s: at %" PRIu64 ".%06" PRIu64 " s: broken: %s\n",
			plan->phones[violation->phone].name, violation->at_us / 1000000,
			violation->at_us % 1000000, violation->invariant);
	return -EPROTO;
}
