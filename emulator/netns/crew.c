/*
 * The crew: workers beside the first, each a thread with a loop and a
 * descriptor table of its own (unshare CLONE_FILES). The table begins as a copy
 * of the first worker's, so what was made before has the same number in both;
 * what a thread opens later is its own. So loops and their wake-ups are made
 * before the threads are, and the phones' namespaces too; a thread first closes
 * those that are not its phones'.
 *
 * Phones that talk to each other are on one worker: plan_deal() deals whole
 * switches out.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "emulator/hq/real_server.h"
#include "emulator/netns/fidelity.h"
#include "emulator/netns/run.h"
#include "emulator/processors.h"

#define PUBLISH_S 0.25

struct crew_gate {
	uint32_t *worker_of_switch;
	sem_t ready, go;
	int error;              /* of the thread that is starting */
	uint32_t starting;      /* its worker */
};

struct worker *crew_worker_of(const struct run *run, uint32_t phone)
{
	const struct plan *plan = run->options->plan;

	return &run->workers[run->gate->worker_of_switch[plan->subnets[plan->phones[phone].subnet].lan_switch]];
}

/* As many as are worth it, and as many as it takes for everybody's descriptors at worst, unless somebody has said. */
static int count_workers(struct run *run)
{
	const struct plan *plan = run->options->plan;
	struct rlimit limit;
	int error;

	run->worker_count = run->options->workers;
	if (run->worker_count)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	error = plan_workers(plan, limit.rlim_cur, plan->needs.descriptors_phone_worst,
			     plan_workers_wanted(plan, run->options->traditional, processors(PLAN_WORKERS_MAX)),
			     &run->worker_count);
	if (!error && !run->worker_count)
		run->worker_count = plan_workers_most(plan);
	return error;
}

int crew_muster(struct run *run)
{
	const struct plan *plan = run->options->plan;
	int error;

	run->gate = calloc(1, sizeof(*run->gate));
	if (!run->gate)
		return -ENOMEM;
	sem_init(&run->gate->ready, 0, 0);
	sem_init(&run->gate->go, 0, 0);
	run->gate->worker_of_switch = calloc(plan->switch_count + 1u, sizeof(*run->gate->worker_of_switch));
	if (!run->gate->worker_of_switch)
		return -ENOMEM;
	error = count_workers(run);
	return error ? error : plan_deal(plan, run->options->traditional, run->worker_count, run->gate->worker_of_switch);
}

static bool is_of(const struct run *run, uint32_t phone, const struct worker *worker)
{
	return run->hosts[phone].worker == worker;
}

/* In the thread: its own table, without what other workers' phones have in the copy. */
static int take_table(struct run *run, struct worker *worker)
{
	uint64_t taken;

	if (unshare(CLONE_FILES))
		return -errno;
	for (uint32_t i = 0; i < run->hosts_up; i++)
		if (!is_of(run, i, worker))
			fabric_phone_leave_out(run->fabric, i);
	/* It is watched in the first worker's loop: were it open here, its end there would not end the watch. */
	if (run->headquarters.real)
		close(real_server_pidfd(run->headquarters.real));
	taken = fidelity_descriptors();
	worker->descriptors_copied = taken > worker->descriptors ? taken - worker->descriptors : 0;
	return 0;
}

static void on_snapshots(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct worker *worker = watcher->data;

	(void)loop;
	(void)events;
	run_snapshots(worker->run, worker);
}

static void end_hosts(struct run *run, const struct worker *worker)
{
	run_snapshots(run, worker);
	for (uint32_t i = 0; i < run->hosts_up; i++)
		if (is_of(run, i, worker))
			host_power_off(&run->hosts[i]);
}

static void *work(void *context)
{
	struct run *run = context;
	struct worker *worker = &run->workers[run->gate->starting];
	const struct plan *plan = run->options->plan;
	ev_timer snapshots;
	bool failed;

	run->gate->error = take_table(run, worker);
	failed = run->gate->error;
	sem_post(&run->gate->ready);
	if (failed)
		return NULL;
	while (sem_wait(&run->gate->go))
		;
	if (worker_is_ending(worker)) { /* the run came to nothing */
		end_hosts(run, worker);
		return NULL;
	}
	worker->clock = run->workers[0].clock;
	for (uint32_t i = 0; i < run->hosts_up; i++)
		if (is_of(run, i, worker))
			host_start_at(&run->hosts[i], plan->phones[i].reset_us);
	ev_timer_init(&snapshots, on_snapshots, PUBLISH_S / 2, PUBLISH_S);
	ev_set_priority(&snapshots, EV_MINPRI);
	snapshots.data = worker;
	ev_timer_start(worker->loop, &snapshots);
	bool first = run_go_first();
	ev_run(worker->loop, 0);
	run_go_back(first);
	ev_timer_stop(worker->loop, &snapshots);
	end_hosts(run, worker);
	return NULL;
}

/* Signals are for the first worker's thread: they wake its loop. */
static int start_thread(struct run *run, uint32_t number)
{
	sigset_t all, before;
	int error;

	run->gate->starting = number;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&run->workers[number].thread, NULL, work, run);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		return -error;
	while (sem_wait(&run->gate->ready))
		;
	if (!run->gate->error)
		return 0;
	pthread_join(run->workers[number].thread, NULL);
	return run->gate->error;
}

int crew_start(struct run *run)
{
	int error = 0;

	for (uint32_t i = 0; i < run->hosts_up; i++)
		if (!is_of(run, i, &run->workers[0]))
			fabric_phone_give(run->fabric, i);
	for (uint32_t i = 1; i < run->worker_count && !error; i++) {
		error = start_thread(run, i);
		run->threads += !error;
	}
	return error;
}

void crew_go(struct run *run)
{
	for (uint32_t i = 0; i < run->threads; i++)
		sem_post(&run->gate->go);
}

void crew_end(struct run *run)
{
	for (uint32_t i = 1; i <= run->threads; i++)
		worker_end(&run->workers[i]);
	crew_go(run); /* for those that have not been let go */
	for (uint32_t i = 1; i <= run->threads; i++)
		pthread_join(run->workers[i].thread, NULL);
	if (run->fabric)
		for (uint32_t i = 0; i < run->hosts_up; i++)
			fabric_phone_return(run->fabric, i);
	run->threads = 0;
	if (!run->gate)
		return;
	sem_destroy(&run->gate->ready);
	sem_destroy(&run->gate->go);
	free(run->gate->worker_of_switch);
	free(run->gate);
	run->gate = NULL;
}
