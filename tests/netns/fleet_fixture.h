/*
 * A small fleet for a test: a scenario as text, run once in the netns world in
 * the calling process, with everything that can be said of it afterwards.
 */
#ifndef FLEET_FIXTURE_H
#define FLEET_FIXTURE_H

#include <signal.h>
#include <stdbool.h>

#include "emulator/plan/plan.h"
#include "emulator/record/record.h"
#include "emulator/world.h"

struct fleet {
	struct plan *plan;
	struct record *record;
	const struct run_result *result;
	struct world_report report;
	char out_dir[64];       /* the run's folder, removed by fleet_end */
	bool traditional;
	uint32_t workers;       /* 0: as many as the run finds right */
	bool journalled;        /* set before fleet_run: a journal in out_dir/journal */
	struct journal_result journal;
	int error;              /* of netns_world_run */
	volatile sig_atomic_t stop;
};

/*
 * A scenario of one site and subnet: `phones` phones 7961G with PFS enabled, firmware at `scale`, a WAN
 * of 20 Mb/s and 4 ms of round trip, at `speed`; `more` are further members of the
 * scenario, as "\"faults\": [...]", or "". In a static buffer.
 */
const char *fleet_scenario(int phones, const char *scale, int speed, const char *more);

/* Plan and record; fails the test where the scenario is bad. */
void fleet_begin(struct fleet *fleet, const char *scenario, bool traditional);
/* Runs it to its end. */
void fleet_run(struct fleet *fleet);
void fleet_end(struct fleet *fleet);

/* How many lines of the phone's console log contain the text. */
int fleet_log_count(const struct fleet *fleet, uint32_t phone, const char *text);

/* How many lines of a file in the run's folder contain the text; -1 where there is no such file. */
int fleet_file_count(const struct fleet *fleet, const char *name, const char *text);

#endif
