/*
 * The netns world: a fleet on a real kernel. One process, one loop in the
 * calling thread and one in each further worker's; every phone has a namespace,
 * real sockets and the same core that the virtual-time world steps.
 *
 * Between two wake-ups, never inside a phone's step, the loop carries out
 * faults and looks whether the run has ended: a fault may then take any phone
 * down without anybody standing on it.
 */
#include "emulator/world.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "emulator/netns/run.h"

#define PUBLISH_S 0.25
#define STOP_CHECK_S 0.1
#define SETTLE_REAL_NS 20000000
#define WORLD_TIMERS 2 /* faults and the time limit */

static bool stop_asked(const struct run *run)
{
	return run->options->stop && *run->options->stop;
}

/* ----------------------------------------------------------- while it runs */

static void record_counters(struct run *run)
{
	struct record *record = run->ledger.record;
	uint32_t site;

	for (site = 0; site < run->options->plan->site_count; site++)
		record_wan(record, site, fabric_wan_link(run->fabric, site, true),
			   fabric_wan_link(run->fabric, site, false));
	record_server(record, headquarters_counters(&run->headquarters));
}

void run_snapshots(struct run *run, const struct worker *worker)
{
	uint32_t i;

	pthread_mutex_lock(&run->snapshots_lock);
	for (i = 0; i < run->options->plan->phone_count; i++) {
		if (run->hosts[i].worker != worker)
			continue;
		if (run->hosts[i].powered)
			pfs_phone_snapshot(&run->hosts[i].phone, &run->snapshots[i]);
		else
			run->snapshots[i] = (struct pfs_snapshot){.file = PFS_NO_FILE, .shown = PFS_NO_FILE};
	}
	pthread_mutex_unlock(&run->snapshots_lock);
}

static void publish(struct run *run, const char *phase)
{
	uint64_t now_us;

	run_snapshots(run, &run->workers[0]);
	now_us = ledger_open(&run->ledger, clock_now_us(&run->workers[0].clock));
	record_counters(run);
	pthread_mutex_lock(&run->snapshots_lock);
	record_publish(run->ledger.record, phase, now_us, run->snapshots);
	pthread_mutex_unlock(&run->snapshots_lock);
	ledger_close(&run->ledger);
}

static void on_publish(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	publish(watcher->data, "upgrading");
}

static void on_stop_check(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct run *run = watcher->data;

	(void)events;
	if (!stop_asked(run))
		return;
	run->interrupted = true;
	ev_break(loop, EVBREAK_ALL);
}

/*
 * Every phone has ended, but its last packets have not arrived: acknowledgements
 * that the WAN's counters are to have, console lines for the log server. A
 * round trip and a little real time later they have.
 */
static void settle(struct run *run)
{
	const struct plan *plan = run->options->plan;
	uint64_t longest_us = 0;
	uint32_t i;

	run->settling = true;
	for (i = 0; i < plan->site_count; i++) {
		const struct link_config *down = &plan->sites[i].down, *up = &plan->sites[i].up;
		uint64_t us = (uint64_t)down->delay_us + down->jitter_us + up->delay_us + up->jitter_us;

		if (us > longest_us)
			longest_us = us;
	}
	longest_us += SETTLE_REAL_NS / 1000000 * run->workers[0].clock.speed_milli;
	timers_set(&run->workers[0].timers, &run->limit_timer, clock_now_us(&run->workers[0].clock) + longest_us);
}

static bool all_ended(struct run *run)
{
	bool ended;

	ledger_open(&run->ledger, 0);
	ended = record_all_ended(run->ledger.record);
	ledger_close(&run->ledger);
	return ended;
}

/* Whichever worker's phone was the last; the first worker ends the run. */
static void on_phones_ended(void *context)
{
	struct run *run = context;

	worker_post(&run->workers[0], NULL);
}

static void on_between(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct run *run = watcher->data;

	(void)loop;
	(void)events;
	run_faults(run);
	if (!run->settling && all_ended(run))
		settle(run);
}

/* Orders that fall due are taken between two wake-ups; this only ends the sleep. */
static void on_fault_due(struct timer *timer)
{
	(void)timer;
}

static void on_limit(struct timer *timer)
{
	struct run *run = (struct run *)((char *)timer - offsetof(struct run, limit_timer));

	ev_break(run->workers[0].loop, EVBREAK_ALL);
}

static void on_line(void *context, uint32_t phone, int severity, bool pfs, const char *line)
{
	struct run *run = context;

	host_log_line(&run->hosts[phone], severity, pfs, line);
}

/* ------------------------------------------------------------- bringing up */

/* Every phone holds a namespace and up to a dozen sockets: as many descriptors as the host lets us have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int nothing_to_open(void *context)
{
	(void)context;
	return 0;
}

static int bring_phones_up(struct run *run)
{
	const struct plan *plan = run->options->plan;
	uint64_t published_ns = clock_real_ns();
	uint32_t i;

	for (i = 0; i < plan->phone_count && !stop_asked(run); i++) {
		int error;

		host_init(&run->hosts[i], crew_worker_of(run, i), i);
		error = fabric_phone_up(run->fabric, i, nothing_to_open, NULL);
		if (error < 0)
			return error;
		worker_descriptor_opened(run->hosts[i].worker); /* of its namespace */
		run->hosts_up = i + 1;
		if (clock_real_ns() - published_ns > (uint64_t)(PUBLISH_S * 1e9)) {
			published_ns = clock_real_ns();
			record_publish(run->options->record, "bringing up", 0, NULL);
		}
	}
	run->interrupted = stop_asked(run);
	return 0;
}

static int make_workers(struct run *run)
{
	const struct world_options *options = run->options;
	uint32_t i;
	int error = crew_muster(run);

	run->workers = error ? NULL : calloc(run->worker_count, sizeof(*run->workers));
	if (!run->workers) {
		run->worker_count = 0;
		return error ? error : -ENOMEM;
	}
	for (i = 0; i < run->worker_count && !error; i++) {
		struct worker *worker = &run->workers[i];

		error = worker_init(worker, options->plan, i ? 0 : WORLD_TIMERS);
		worker->number = i;
		worker->traditional = options->traditional;
		worker->fabric = run->fabric;
		worker->journal = options->journal;
		worker->ledger = &run->ledger;
		worker->orders_due = run_take_orders;
		worker->order_came = run_strike;
		worker->phones_ended = on_phones_ended;
		worker->run = run;
	}
	return error;
}

static int bring_up(struct run *run)
{
	const struct world_options *options = run->options;
	const struct plan *plan = options->plan;
	uint64_t begun_ns = clock_real_ns();
	int error;

	raise_descriptor_limit();
	/* first of all: an ordinary user's namespace can only be entered by a single thread */
	error = fabric_new(plan, &run->fabric);
	if (error < 0)
		return error;
	if (options->started)
		options->started(options->started_context);
	run->ledger.record = options->record;
	error = make_workers(run);
	if (error < 0)
		return error;
	run->hosts = calloc(plan->phone_count, sizeof(*run->hosts));
	run->snapshots = calloc(plan->phone_count, sizeof(*run->snapshots));
	run->ledger.faults = fault_engine_new(plan, options->traditional);
	run->orders = calloc(2 * (size_t)plan->fault_count + 1, sizeof(*run->orders));
	if (!run->hosts || !run->snapshots || !run->ledger.faults || !run->orders)
		return -ENOMEM;
	error = headquarters_init(&run->headquarters, plan, run->fabric, run->workers[0].loop,
				  &run->workers[0].clock, options->out_dir);
	if (!error)
		error = bring_phones_up(run);
	if (!error && !run->interrupted)
		error = crew_start(run);
	/* the last of it: the scenario's clock should not see the kernel acting on carriers */
	if (!error && !run->interrupted)
		error = fabric_settle(run->fabric);
	run->report->up_s = (double)(clock_real_ns() - begun_ns) / 1e9;
	return error;
}

/* ------------------------------------------------------------------ looping */

bool run_go_first(void)
{
	const struct sched_param lowest = {.sched_priority = 1};

	return sched_getscheduler(0) == SCHED_OTHER && !sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest);
}

void run_go_back(bool first)
{
	const struct sched_param none = {0};

	if (first)
		sched_setscheduler(0, SCHED_OTHER, &none);
}

static void start_watchers(struct run *run)
{
	struct ev_loop *loop = run->workers[0].loop;

	ev_prepare_init(&run->between, on_between);
	ev_set_priority(&run->between, EV_MAXPRI);
	run->between.data = run;
	ev_prepare_start(loop, &run->between);
	ev_timer_init(&run->publish, on_publish, 0, PUBLISH_S);
	ev_set_priority(&run->publish, EV_MINPRI);
	run->publish.data = run;
	ev_timer_start(loop, &run->publish);
	ev_timer_init(&run->stop_check, on_stop_check, STOP_CHECK_S, STOP_CHECK_S);
	run->stop_check.data = run;
	ev_timer_start(loop, &run->stop_check);
}

static void stop_watchers(struct run *run)
{
	struct ev_loop *loop = run->workers[0].loop;

	ev_prepare_stop(loop, &run->between);
	ev_timer_stop(loop, &run->publish);
	ev_timer_stop(loop, &run->stop_check);
}

/* For `exec`. A run that nobody can look into is as good a run. */
static void let_in(struct run *run)
{
	const char *out_dir = run->options->out_dir;
	int error = out_dir ? control_open(&run->control, run->workers[0].loop, out_dir, run->fabric) : 0;

	if (error < 0)
		fprintf(stderr, "%s/control: %s: exec will not find this run\n", out_dir, strerror(-error));
}

static int loop(struct run *run)
{
	const struct plan *plan = run->options->plan;
	struct worker *worker = &run->workers[0];
	uint32_t i;
	int error;

	worker->clock.start_ns = clock_real_ns();
	error = fabric_wan_start(run->fabric, worker->loop, worker->clock.start_ns, headquarters_wan_damage,
				 &run->headquarters);
	if (error < 0)
		return error;
	error = headquarters_start(&run->headquarters);
	if (error < 0)
		return error;
	if (plan->log_server.enabled)
		record_set_line_sink(run->options->record, on_line, run);
	run->fault_timer.fire = on_fault_due;
	run->limit_timer.fire = on_limit;
	timers_set(&worker->timers, &run->limit_timer, plan->time_limit_us ? plan->time_limit_us : UINT64_MAX);
	for (i = 0; i < plan->phone_count; i++)
		if (run->hosts[i].worker == worker)
			host_start_at(&run->hosts[i], plan->phones[i].reset_us);
	let_in(run);
	start_watchers(run);
	crew_go(run);
	bool first = run_go_first();
	ev_run(worker->loop, 0);
	run_go_back(first);
	stop_watchers(run);
	crew_end(run);
	record_set_line_sink(run->options->record, NULL, NULL);
	publish(run, "ending");
	return 0;
}

/* ------------------------------------------------------------ taking down */

/* The kernel's word that the bytes arrived: rx_bytes of every upgraded phone's eth0 against its set. */
static void measure_received(struct run *run)
{
	const struct plan *plan = run->options->plan;
	struct world_report *report = run->report;
	uint64_t smallest = UINT64_MAX, bytes;
	uint32_t i;

	run_snapshots(run, &run->workers[0]);
	for (i = 0; i < run->hosts_up; i++) {
		if (!run->snapshots[i].upgraded)
			continue;
		if (fabric_phone_rx_bytes(run->fabric, i, &bytes) < 0)
			bytes = 0;
		if (bytes < smallest)
			smallest = bytes;
		if (bytes < plan_phone_firmware(plan, i)->total_bytes)
			report->rx_short++;
	}
	report->rx_bytes_min = smallest == UINT64_MAX ? 0 : smallest;
}

/*
 * The least that the kernel had when a run of this process began. It takes seconds to free a fleet, and what it has
 * still to free of the last one must not be taken off what this one needs.
 */
static uint64_t kernel_bytes_least = UINT64_MAX;

static void measure(struct run *run)
{
	const struct worker *first = &run->workers[0];
	struct world_report *report = run->report;
	struct histogram lag = {0};
	struct fidelity_reading now;
	uint32_t i;

	fidelity_read(&now);
	fidelity_compare(&run->started, &now, report);
	report->kernel_bytes = now.kernel_bytes > kernel_bytes_least ? now.kernel_bytes - kernel_bytes_least : 0;
	report->rss_bytes = fidelity_rss_bytes();
	report->workers = run->worker_count;
	report->descriptors_peak = fidelity_descriptors() - first->descriptors + first->descriptors_peak +
				   headquarters_descriptors_closed(&run->headquarters);
	report->descriptors_table_peak = report->descriptors_peak;
	for (i = 0; i < run->worker_count; i++) {
		const struct worker *worker = &run->workers[i];

		histogram_merge(&lag, &worker->timer_lag);
		report->installed_damaged += worker->installed_damaged;
		if (worker->start_late_max_us > report->start_late_max_us)
			report->start_late_max_us = worker->start_late_max_us;
		if (!i)
			continue;
		report->descriptors_peak += worker->descriptors_peak;
		if (worker->descriptors_copied + worker->descriptors_peak > report->descriptors_table_peak)
			report->descriptors_table_peak = worker->descriptors_copied + worker->descriptors_peak;
	}
	report->timer_lag_p50_us = histogram_percentile(&lag, 500);
	report->timer_lag_p99_us = histogram_percentile(&lag, 990);
	report->timer_lag_max_us = lag.max;
	report->ended_us = clock_now_us(&first->clock);
	report->arp_frames = fabric_arp_frames(run->fabric);
	report->interrupted = run->interrupted;
	measure_received(run);
}

static bool has_faults(const struct run *run)
{
	const struct plan *plan = run->options->plan;
	uint32_t i;

	for (i = 0; i < plan->fault_count; i++)
		if (!run->options->traditional || plan->faults[i].traditional_too)
			return true;
	return false;
}

/* Sockets are closed before their drops and retransmissions are added up. */
static void close_hosts(struct run *run)
{
	uint32_t i;

	for (i = 0; i < run->hosts_up; i++)
		if (run->hosts[i].worker == &run->workers[0])
			host_power_off(&run->hosts[i]); /* the others' are off since crew_end() */
	for (i = 0; i < run->worker_count; i++) {
		run->report->tcp_retransmits += run->workers[i].tcp_retransmits;
		run->report->drops += run->workers[i].udp_drops;
	}
}

static void take_down(struct run *run, bool ran)
{
	uint64_t begun_ns = clock_real_ns();
	int uncounted = 0;
	uint32_t i;

	crew_end(run);
	control_close(run->control);
	close_hosts(run);
	headquarters_deinit(&run->headquarters);
	if (ran) {
		run->report->drops += headquarters_drops(&run->headquarters);
		uncounted = fabric_drops(run->fabric, &run->report->drops);
		fabric_wan_report(run->fabric, run->report);
	}
	fabric_free(run->fabric);
	run->report->down_s = (double)(clock_real_ns() - begun_ns) / 1e9;
	if (ran)
		run->report->faults_not_struck = fault_engine_unfired(run->ledger.faults);
	fault_engine_free(run->ledger.faults);
	free(run->hosts);
	free(run->snapshots);
	free(run->orders);
	for (i = 0; i < run->worker_count; i++) {
		run->report->shortages += run->workers[i].shortages;
		run->report->wakeups += ev_iteration(run->workers[i].loop);
		run->event_errors += run->workers[i].event_errors;
		worker_deinit(&run->workers[i]);
	}
	free(run->workers);
	if (ran)
		fidelity_judge(run->options->plan, run->options->traditional, has_faults(run), run->report);
	if (uncounted)
		fidelity_doubt(run->report, "the kernel's counters of dropped packets: %s", strerror(-uncounted));
	if (ran && run->event_errors)
		fidelity_doubt(run->report, "%" PRIu64 " operations of the run's own failed", run->event_errors);
	if (ran && run->report->shortages)
		fidelity_doubt(run->report, "descriptors ran out %" PRIu64 " times", run->report->shortages);
}

/* The line that goes with exit status 4, where the fabric has not said its own. */
static void explain(const struct run *run, int error)
{
	if (run->fabric && (error == -EMFILE || error == -ENFILE))
		fprintf(stderr, "no descriptors left: a phone of this fleet may need %" PRIu64 "; raise `ulimit -n`\n",
			run->options->plan->needs.descriptors_phone_worst);
	else if (error == -ENOMEM)
		fprintf(stderr, "not enough memory for this fleet\n");
}

int netns_world_run(const struct world_options *options, struct world_report *report)
{
	struct run *run = calloc(1, sizeof(*run));
	bool ran = false;
	int error;

	memset(report, 0, sizeof(*report));
	if (!run)
		return -ENOMEM;
	run->options = options;
	run->report = report;
	ledger_init(&run->ledger);
	pthread_mutex_init(&run->snapshots_lock, NULL);
	fidelity_read(&run->started);
	if (run->started.kernel_bytes < kernel_bytes_least)
		kernel_bytes_least = run->started.kernel_bytes;
	error = bring_up(run);
	if (!error && !run->interrupted) {
		fidelity_read(&run->started);
		error = loop(run);
		ran = !error;
	}
	if (ran)
		measure(run);
	report->interrupted = run->interrupted;
	if (error < 0)
		explain(run, error);
	take_down(run, ran);
	if (run->event_errors)
		fprintf(stderr, "%" PRIu64 " operations of the run's own failed (memory or descriptors)\n",
			run->event_errors);
	ledger_deinit(&run->ledger);
	pthread_mutex_destroy(&run->snapshots_lock);
	free(run);
	return error;
}
