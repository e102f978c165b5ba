/*
 * Whether those who look at a running fleet hold it up: a scenario's PFS run,
 * with some threads that read every phone of the newest view a thousand times a
 * second each. Prints one line of JSON and judges nothing.
 * Arguments: SCENARIO [readers, 0] [workers, 1]
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <urcu-qsbr.h>

#include "emulator/record/record.h"
#include "emulator/scenario/scenario.h"
#include "emulator/world.h"

#define READERS_MAX 64

struct crowd {
	struct record *record;
	pthread_t threads[READERS_MAX];
	int count;
	atomic_bool stop;
	atomic_ullong looks, phones_seen;
};

static void *look(void *context)
{
	struct crowd *crowd = context;
	unsigned long long looks = 0, seen = 0;

	rcu_register_thread();
	while (!atomic_load(&crowd->stop)) {
		const struct fleet_view *view = record_view(crowd->record);

		for (uint32_t i = 0; view && i < view->snapshot_count; i++)
			seen += view->snapshots[i].upgraded;
		looks++;
		rcu_quiescent_state();
		rcu_thread_offline();
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		rcu_thread_online();
	}
	rcu_unregister_thread();
	atomic_fetch_add(&crowd->looks, looks);
	atomic_fetch_add(&crowd->phones_seen, seen);
	return NULL;
}

static void begin(void *context)
{
	struct crowd *crowd = context;

	for (int i = 0; i < crowd->count; i++)
		if (pthread_create(&crowd->threads[i], NULL, look, crowd))
			crowd->count = i;
}

int main(int argc, char **argv)
{
	struct crowd crowd = {.count = argc > 2 ? atoi(argv[2]) : 0};
	struct world_report report;
	struct scenario_error error;
	struct plan *plan;

	if (argc < 2 || crowd.count < 0 || crowd.count > READERS_MAX)
		return 2;
	if (scenario_load(argv[1], NULL, &plan, &error) < 0) {
		fprintf(stderr, "%s\n", error.line);
		return 2;
	}
	crowd.record = record_new(plan, false, NULL, 0);
	if (!crowd.record)
		return 4;
	struct world_options options = {.plan = plan, .record = crowd.record, .workers = argc > 3 ? (uint32_t)atoi(argv[3]) : 1,
					.started = begin, .started_context = &crowd};
	rcu_register_thread();
	rcu_thread_offline();
	int result = netns_world_run(&options, &report);
	atomic_store(&crowd.stop, true);
	for (int i = 0; i < crowd.count; i++)
		pthread_join(crowd.threads[i], NULL);
	if (!result)
		printf("{\"what\": \"readers\", \"phones\": %" PRIu32 ", \"workers\": %" PRIu32 ", \"readers\": %d, \"looks\": %llu, "
		       "\"timer_lag_p50_us\": %" PRIu64 ", \"timer_lag_p99_us\": %" PRIu64 ", \"timer_lag_max_us\": %" PRIu64
		       ", \"cpu_busy\": %.3f}\n",
		       plan->phone_count, report.workers, crowd.count, (unsigned long long)crowd.looks,
		       report.timer_lag_p50_us, report.timer_lag_p99_us, report.timer_lag_max_us, report.cpu_busy);
	record_free(crowd.record);
	rcu_unregister_thread();
	plan_free(plan);
	return result ? 4 : 0;
}
