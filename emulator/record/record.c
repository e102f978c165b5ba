/*
 * The record of a run: takes the typed trace apart into counters, hierarchies
 * and console lines. Nothing here decides anything about the fleet; whatever a
 * summary, a table or a view says was worked out from the trace and from the
 * byte counters that the world hands in.
 *
 * A hierarchy is one of (subnet, model, file) with at least one phone that
 * takes part (F2, F5, F6, F7). All of them are laid out when the record is
 * made, so that one that never formed still shows, with no root.
 */
#include "emulator/record/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/record/record_internal.h"

#define DAY_US (86400ull * 1000000ull)

size_t record_group(const struct plan *plan, uint32_t phone)
{
	size_t group = (size_t)plan->phones[phone].subnet * plan->model_count + plan->phones[phone].model;

	return group * plan->firmware_count + (size_t)(plan_phone_firmware(plan, phone) - plan->firmware);
}

static int lay_out_hierarchies(struct record *record)
{
	const struct plan *plan = record->plan;
	size_t groups = (size_t)plan->subnet_count * plan->model_count * plan->firmware_count;

	record->first_hierarchy = malloc((groups + 1) * sizeof(*record->first_hierarchy));
	if (!record->first_hierarchy)
		return -ENOMEM;
	memset(record->first_hierarchy, 0xff, (groups + 1) * sizeof(*record->first_hierarchy));
	if (record->traditional)
		return 0;

	size_t room = 0;
	for (uint32_t i = 0; i < plan->phone_count; i++)
		if (plan->phones[i].part == PFS_PART_YES) {
			size_t group = record_group(plan, i);

			if (record->first_hierarchy[group] == RECORD_NO_HIERARCHY) {
				record->first_hierarchy[group] = i; /* for now: a phone of it */
				room += plan_phone_firmware(plan, i)->file_count;
			}
		}
	record->hierarchies = calloc(room + 1, sizeof(*record->hierarchies));
	if (!record->hierarchies)
		return -ENOMEM;

	for (size_t group = 0; group < groups; group++) {
		uint32_t phone = record->first_hierarchy[group];

		if (phone == RECORD_NO_HIERARCHY)
			continue;
		record->first_hierarchy[group] = record->hierarchy_count;
		uint32_t files = plan_phone_firmware(plan, phone)->file_count;
		for (uint32_t file = 0; file < files; file++)
			record->hierarchies[record->hierarchy_count++] = (struct run_hierarchy){
				.site = plan->phones[phone].site,
				.subnet = plan->phones[phone].subnet,
				.model = plan->phones[phone].model,
				.file = (uint8_t)file,
				.root = -1,
				.confirmed_us = PFS_TIME_NEVER,
				.transfer_us = PFS_TIME_NEVER,
				.last_member_us = PFS_TIME_NEVER,
				.began_us = PFS_TIME_NEVER,
				.asked_us = PFS_TIME_NEVER,
			};
	}
	return 0;
}

/* All but the logs. */
static struct record *new_record(const struct plan *plan, bool traditional, int64_t origin_s)
{
	struct record *record = calloc(1, sizeof(*record));

	if (!record)
		return NULL;
	record->plan = plan;
	record->traditional = traditional;
	record->origin_s = origin_s;
	record->first_reset_us = PFS_TIME_NEVER;
	record->phones = calloc((size_t)plan->phone_count + 1, sizeof(*record->phones));
	record->wan = calloc((size_t)plan->site_count * 2 + 1, sizeof(*record->wan));
	record->result.traced = calloc((size_t)plan->expect.trace_count + 1, sizeof(*record->result.traced));
	if (!record->phones || !record->wan || !record->result.traced || lay_out_hierarchies(record) < 0) {
		record_free(record);
		errno = ENOMEM;
		return NULL;
	}
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		record->phones[i].reset_us = PFS_TIME_NEVER;
		record->phones[i].tftp_file = PFS_NO_FILE;
		record->phones[i].level_file = PFS_NO_FILE;
		record->phones[i].file = PFS_NO_FILE;
		record->bytes_wanted += plan_phone_firmware(plan, i)->total_bytes;
		if (plan->phones[i].part != PFS_PART_YES) {
			record->result.ineligible++;
			if (plan->phones[i].part <= PFS_PART_MODE)
				record->result.ineligible_by_part[plan->phones[i].part]++;
		}
	}
	return record;
}

static struct record *with_log(struct record *record, struct console_log *log)
{
	int error = errno;

	record->log = log;
	if (log)
		return record;
	record_free(record);
	errno = error;
	return NULL;
}

struct record *record_new(const struct plan *plan, bool traditional, const char *out_dir, int64_t origin_s)
{
	struct record *record = new_record(plan, traditional, origin_s);

	return record && out_dir ? with_log(record, console_log_new(plan, out_dir, traditional)) : record;
}

struct record *record_part(const struct record *whole, const struct plan *slice)
{
	struct record *part = new_record(slice, whole->traditional, whole->origin_s);

	if (part && whole->result.copies && record_keep_copies(part) < 0) {
		record_free(part);
		errno = ENOMEM;
		return NULL;
	}
	return part && whole->log ? with_log(part, console_log_part(whole->log, slice)) : part;
}

void record_free(struct record *record)
{
	if (!record)
		return;
	record_view_free(record);
	console_log_free(record->log);
	free(record->phones);
	free(record->wan);
	free(record->first_hierarchy);
	free(record->hierarchies);
	free(record->result.directs);
	free(record->result.faults);
	free(record->result.losers);
	free(record->result.phone_upgraded);
	free(record->result.traced);
	free(record->result.times);
	free(record->result.copies);
	free(record->result.incidents);
	free(record);
}

bool record_grow(struct record *record, void **list, uint32_t count, uint32_t *room, size_t size)
{
	if (count < *room)
		return true;
	uint32_t wanted = *room ? *room * 2 : 16;
	void *larger = realloc(*list, wanted * size);
	if (!larger) {
		if (!record->memory_short)
			fprintf(stderr, "record: out of memory: lists of downloads and faults are cut, "
					"counts are kept\n");
		record->memory_short = true;
		return false;
	}
	*list = larger;
	*room = wanted;
	return true;
}

void record_passes(struct record *record, uint64_t now_us)
{
	if (now_us > record->last_us)
		record->last_us = now_us;
}

uint64_t record_now(const struct record *record)
{
	return record->last_us;
}

struct line_context {
	struct record *record;
	uint32_t phone;
};

static void take_line(void *context, int severity, bool pfs, const char *line)
{
	struct line_context *to = context;

	if (to->record->log)
		console_log_line(to->record->log, to->phone, line);
	if (to->record->line_sink)
		to->record->line_sink(to->record->line_context, to->phone, severity, pfs, line);
}

void record_trace(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	record_passes(record, now_us);
	record->result.trace_records++;
	record_account(record, phone, now_us, trace);
	if (record->result.copies)
		record_note_copies(record, phone, now_us, trace);
	if (record->plan->expect.trace_count)
		record_count_expected(record, phone, now_us, trace);
	if (!record->log && !record->line_sink)
		return;

	struct line_context to = { record, phone };
	struct pfs_config config;
	plan_phone_config(record->plan, phone, record->traditional, record->phones[phone].boot, &config);
	uint64_t clock_us = ((uint64_t)record->origin_s % 86400 * 1000000 + now_us) % DAY_US;
	console_render(&config, clock_us, trace, take_line, &to);
}

bool record_has_logs(const struct record *record)
{
	return record->log != NULL;
}

void record_tick(struct record *record)
{
	if (record->log)
		console_log_tick(record->log);
}

void record_rest(struct record *record)
{
	if (record->log)
		console_log_flush(record->log);
}

void record_set_line_sink(struct record *record, record_line_fn sink, void *context)
{
	record->line_sink = sink;
	record->line_context = context;
}

void record_peer_bytes(struct record *record, uint32_t phone, uint64_t bytes)
{
	record->phones[phone].partial_bytes += bytes;
	record->bytes_held += bytes;
	record->result.peer_bytes += bytes;
}

void record_tftp_bytes(struct record *record, uint32_t phone, uint64_t bytes)
{
	record->phones[phone].partial_bytes += bytes;
	record->phones[phone].tftp_taken += bytes;
	record->bytes_held += bytes;
}

void record_fault(struct record *record, uint64_t now_us, const char *text)
{
	struct run_result *result = &record->result;

	record_passes(record, now_us);
	if (!record_grow(record, (void **)&result->faults, result->fault_count, &record->fault_room,
			 sizeof(*result->faults)))
		return;
	struct run_fault *fault = &result->faults[result->fault_count++];
	fault->at_us = now_us;
	snprintf(fault->text, sizeof(fault->text), "%s", text);
}

void record_wan(struct record *record, uint32_t site, const struct link *down, const struct link *up)
{
	record->wan[2 * (size_t)site] = *down;
	record->wan[2 * (size_t)site + 1] = *up;
}

void record_server(struct record *record, const struct tftp_server_counters *counters)
{
	record->server = *counters;
}

uint64_t record_wan_bytes_down(const struct record *record)
{
	uint64_t bytes = 0;

	for (uint32_t site = 0; site < record->plan->site_count; site++)
		bytes += record->wan[2 * (size_t)site].forwarded_bytes;
	return bytes;
}

int record_disk_error(const struct record *record)
{
	return record->log ? console_log_error(record->log) : 0;
}

bool record_all_ended(const struct record *record)
{
	return record->upgraded + record->failed + record->gone == record->plan->phone_count;
}

/* What it had reached counts no more: a phone without power has no firmware to show. */
void record_phone_gone(struct record *record, uint32_t phone)
{
	struct record_phone *state = &record->phones[phone];

	if (state->gone || state->upgraded)
		return;
	if (state->failed)
		record->failed--;
	state->failed = false;
	state->gone = true;
	record->gone++;
}
