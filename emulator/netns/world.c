/*
 * The netns world: a fleet on a real kernel. One process, one loop in the
 * calling thread; every phone has a namespace, real sockets and the same core
 * that the virtual-time world steps.
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
	struct record *record = run->options->record;
	uint32_t site;

	for (site = 0; site < run->options->plan->site_count; site++)
		record_wan(record, site, fabric_wan_link(run->fabric, site, true),
			   fabric_wan_link(run->fabric, site, false));
	record_server(record, headquarters_counters(&run->headquarters));
}

static void take_snapshots(struct run *run)
{
	uint32_t i;

	for (i = 0; i < run->options->plan->phone_count; i++) {
		if (run->hosts[i].powered)
			pfs_phone_snapshot(&run->hosts[i].phone, &run->snapshots[i]);
		else
			run->snapshots[i] = (struct pfs_snapshot){.file = PFS_NO_FILE, .shown = PFS_NO_FILE};
	}
}

static void publish(struct run *run, const char *phase)
{
	record_counters(run);
	take_snapshots(run);
	record_publish(run->options->record, phase, clock_now_us(&run->worker.clock), run->snapshots);
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
	longest_us += SETTLE_REAL_NS / 1000000 * run->worker.clock.speed_milli;
	timers_set(&run->worker.timers, &run->limit_timer, clock_now_us(&run->worker.clock) + longest_us);
}

static void on_between(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct run *run = watcher->data;

	(void)loop;
	(void)events;
	run_faults(run);
	if (!run->settling && record_all_ended(run->options->record))
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

	ev_break(run->worker.loop, EVBREAK_ALL);
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

		host_init(&run->hosts[i], &run->worker, i);
		error = fabric_phone_up(run->fabric, i, nothing_to_open, NULL);
		if (error < 0)
			return error;
		worker_descriptor_opened(&run->worker); /* of its namespace */
		run->hosts_up = i + 1;
		if (clock_real_ns() - published_ns > (uint64_t)(PUBLISH_S * 1e9)) {
			published_ns = clock_real_ns();
			record_publish(run->options->record, "bringing up", 0, NULL);
		}
	}
	run->interrupted = stop_asked(run);
	return 0;
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
	error = worker_init(&run->worker, plan, WORLD_TIMERS);
	if (error < 0)
		return error;
	run->worker.traditional = options->traditional;
	run->worker.record = options->record;
	run->worker.fabric = run->fabric;
	run->hosts = calloc(plan->phone_count, sizeof(*run->hosts));
	run->snapshots = calloc(plan->phone_count, sizeof(*run->snapshots));
	run->worker.faults = fault_engine_new(plan, options->traditional);
	run->worker.orders_due = run_take_orders;
	run->worker.orders_context = run;
	run->orders = calloc(2 * (size_t)plan->fault_count + 1, sizeof(*run->orders));
	if (!run->hosts || !run->snapshots || !run->worker.faults || !run->orders)
		return -ENOMEM;
	error = headquarters_init(&run->headquarters, plan, run->fabric, run->worker.loop, &run->worker.clock,
				  options->out_dir);
	if (!error)
		error = bring_phones_up(run);
	run->report->up_s = (double)(clock_real_ns() - begun_ns) / 1e9;
	return error;
}

/* ------------------------------------------------------------------ looping */

/*
 * While the fleet runs its thread goes before ordinary work on the host, where
 * that is allowed (root): beside a compiler run the p99 of the timers' lag was
 * seen to go from 15 to 2 ms by it. It sleeps most of the time, and the kernel keeps a
 * part of each second for the others should it not. Threads and processes that
 * it makes do not inherit this.
 */
static void go_first(bool first)
{
	const struct sched_param priority = {.sched_priority = first ? 1 : 0};

	sched_setscheduler(0, first ? SCHED_RR | SCHED_RESET_ON_FORK : SCHED_OTHER, &priority);
}

static void start_watchers(struct run *run)
{
	struct ev_loop *loop = run->worker.loop;

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
	ev_prepare_stop(run->worker.loop, &run->between);
	ev_timer_stop(run->worker.loop, &run->publish);
	ev_timer_stop(run->worker.loop, &run->stop_check);
}

/* For `exec`. A run that nobody can look into is as good a run. */
static void let_in(struct run *run)
{
	const char *out_dir = run->options->out_dir;
	int error = out_dir ? control_open(&run->control, run->worker.loop, out_dir, run->fabric) : 0;

	if (error < 0)
		fprintf(stderr, "%s/control: %s: exec will not find this run\n", out_dir, strerror(-error));
}

static int loop(struct run *run)
{
	const struct plan *plan = run->options->plan;
	struct worker *worker = &run->worker;
	uint32_t i;
	int error;

	/* it takes time that the scenario's clock should not see */
	error = fabric_settle(run->fabric);
	if (error < 0)
		return error;
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
		host_start_at(&run->hosts[i], plan->phones[i].reset_us);
	let_in(run);
	start_watchers(run);
	go_first(true);
	ev_run(worker->loop, 0);
	go_first(false);
	stop_watchers(run);
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

	take_snapshots(run);
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

static void measure(struct run *run)
{
	const struct worker *worker = &run->worker;
	struct world_report *report = run->report;
	struct fidelity_reading now;

	fidelity_read(&now);
	fidelity_compare(&run->started, &now, report);
	report->kernel_bytes = now.kernel_bytes > run->before.kernel_bytes ? now.kernel_bytes - run->before.kernel_bytes : 0;
	report->rss_bytes = fidelity_rss_bytes();
	report->descriptors_peak = fidelity_descriptors() - worker->descriptors + worker->descriptors_peak;
	report->timer_lag_p50_us = histogram_percentile(&worker->timer_lag, 500);
	report->timer_lag_p99_us = histogram_percentile(&worker->timer_lag, 990);
	report->timer_lag_max_us = worker->timer_lag.max;
	report->ended_us = clock_now_us(&worker->clock);
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
		host_power_off(&run->hosts[i]);
	run->report->tcp_retransmits = run->worker.tcp_retransmits;
	run->report->drops += run->worker.udp_drops;
}

static void take_down(struct run *run, bool ran)
{
	uint64_t begun_ns = clock_real_ns();

	control_close(run->control);
	close_hosts(run);
	headquarters_deinit(&run->headquarters);
	if (ran) {
		run->report->drops += headquarters_drops(&run->headquarters) + fabric_drops(run->fabric);
		fabric_wan_report(run->fabric, run->report);
	}
	fabric_free(run->fabric);
	run->report->down_s = (double)(clock_real_ns() - begun_ns) / 1e9;
	if (ran)
		run->report->faults_not_struck = fault_engine_unfired(run->worker.faults);
	fault_engine_free(run->worker.faults);
	free(run->hosts);
	free(run->snapshots);
	free(run->orders);
	worker_deinit(&run->worker);
	if (ran)
		fidelity_judge(run->options->plan, run->options->traditional, has_faults(run), run->report);
	if (ran && run->worker.shortages)
		fidelity_doubt(run->report, "descriptors ran out %" PRIu64 " times", run->worker.shortages);
}

/* The line that goes with exit status 4, where the fabric has not said its own. */
static void explain(const struct run *run, int error)
{
	if (run->fabric && (error == -EMFILE || error == -ENFILE))
		fprintf(stderr, "no descriptors left: this fleet may need %" PRIu64 "; raise `ulimit -n`\n",
			run->options->plan->needs.descriptors_worst);
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
	fidelity_read(&run->before);
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
	if (run->worker.event_errors)
		fprintf(stderr, "%" PRIu64 " operations of the run's own failed (memory or descriptors)\n",
			run->worker.event_errors);
	free(run);
	return error;
}
