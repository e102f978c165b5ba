/* The fixture of fleet_fixture.h. */
#include "tests/netns/fleet_fixture.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/scenario/scenario.h"

const char *fleet_scenario(int phones, const char *scale, int speed, const char *more)
{
	static char text[4096];
	int length;

	length = snprintf(text, sizeof(text),
			  "{\"name\": \"test\", \"seed\": 7, \"scale\": \"%s\", \"speed\": %d, \"time_limit\": \"20m\",\n"
			  " \"enterprise\": {\"pfs\": \"enabled\"},\n"
			  " \"sites\": [{\"name\": \"branch\", \"wan\": {\"rate\": \"20mbit\", \"rtt\": \"4ms\"},\n"
			  "  \"subnets\": [{\"name\": \"voice\", \"network\": \"10.1.0.0/16\",\n"
			  "   \"phones\": [{\"model\": \"CP-7961G\", \"count\": %d}]}]}]%s%s}\n",
			  scale, speed, phones, *more ? ",\n " : "", more);
	ck_assert_int_lt(length, (int)sizeof(text));
	return text;
}

void fleet_begin(struct fleet *fleet, const char *scenario, bool traditional)
{
	struct scenario_error error = {0};

	memset(fleet, 0, sizeof(*fleet));
	strcpy(fleet->out_dir, "/tmp/pfs-fleet-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fleet->out_dir));
	ck_assert_msg(scenario_load_text("test.json", scenario, strlen(scenario), NULL, &fleet->plan, &error) == 0, "%s",
		      error.line);
	fleet->record = record_new(fleet->plan, traditional, fleet->out_dir, 0);
	ck_assert_ptr_nonnull(fleet->record);
	fleet->traditional = traditional;
}

void fleet_run(struct fleet *fleet)
{
	struct world_options options = {.plan = fleet->plan, .record = fleet->record, .traditional = fleet->traditional,
					.out_dir = fleet->out_dir, .stop = &fleet->stop, .workers = fleet->workers};
	char path[sizeof(fleet->out_dir) + 16];
	const struct journal_options journal = {.plan = fleet->plan, .path = path, .engine = "netns",
						.traditional = fleet->traditional, .bytes_max = JOURNAL_BYTES_MAX_DEFAULT};

	snprintf(path, sizeof(path), "%s/journal", fleet->out_dir);
	if (fleet->journalled)
		ck_assert_int_eq(journal_new(&journal, &options.journal), 0);
	fleet->error = netns_world_run(&options, &fleet->report);
	journal_close(options.journal, &fleet->journal);
	if (!fleet->error)
		fleet->result = record_finish(fleet->record, fleet->report.ended_us, fleet->report.interrupted);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

void fleet_end(struct fleet *fleet)
{
	record_free(fleet->record);
	plan_free(fleet->plan);
	nftw(fleet->out_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int fleet_file_count(const struct fleet *fleet, const char *name, const char *text)
{
	char path[256], line[1024];
	int count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", fleet->out_dir, name);
	file = fopen(path, "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		count += strstr(line, text) != NULL;
	fclose(file);
	return count;
}

int fleet_log_count(const struct fleet *fleet, uint32_t phone, const char *text)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%s.log", fleet->result->traditional ? "console-traditional" : "console",
		 fleet->plan->phones[phone].name);
	return fleet_file_count(fleet, name, text);
}
