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
#define BLKSIZE_PLAIN 512 /* RFC 1350: without an option */

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

static bool shares(const struct record *record, uint32_t phone)
{
	return !record->traditional && record->plan->phones[phone].part == PFS_PART_YES;
}

struct run_hierarchy *record_hierarchy_of(const struct record *record, uint32_t phone, uint8_t file)
{
	const struct plan *plan = record->plan;

	if (!shares(record, phone) || file >= plan_phone_firmware(plan, phone)->file_count)
		return NULL;
	uint32_t first = record->first_hierarchy[record_group(plan, phone)];
	return first == RECORD_NO_HIERARCHY ? NULL : &record->hierarchies[first + file];
}

static void forget_partial(struct record *record, struct record_phone *state)
{
	record->bytes_held -= state->partial_bytes;
	state->partial_bytes = 0;
}

/* A start, the first or one after a crash or a power loss: what the phone held is gone. */
static void started(struct record *record, struct record_phone *state, uint64_t now_us, uint64_t boot)
{
	if (state->reset_us == PFS_TIME_NEVER)
		state->reset_us = now_us;
	if (record->first_reset_us == PFS_TIME_NEVER)
		record->first_reset_us = now_us;
	if (state->upgraded)
		record->upgraded--;
	if (state->failed)
		record->failed--;
	if (state->gone)
		record->gone--;
	state->upgraded = state->failed = state->gone = false;
	state->failure = PFS_FAIL_NONE;
	forget_partial(record, state);
	record->bytes_held -= state->held_bytes;
	state->held_bytes = 0;
	state->held = 0;
	state->level = 0;
	state->level_file = PFS_NO_FILE;
	state->tftp_file = PFS_NO_FILE;
	state->boot = boot;
}

static void upgraded(struct record *record, struct record_phone *state, uint64_t now_us)
{
	if (state->upgraded || state->gone)
		return;
	if (state->failed)
		record->failed--;
	state->failed = false;
	state->upgraded = true;
	state->done_us = now_us;
	record->upgraded++;
}

static void failed(struct record *record, struct record_phone *state, uint64_t now_us,
		   const struct pfs_trace *trace)
{
	if (state->upgraded || state->failed || state->gone)
		return;
	state->failed = true;
	state->done_us = now_us;
	state->failure = trace->a < PFS_FAIL_REASONS ? (uint8_t)trace->a : PFS_FAIL_NONE;
	state->failed_file = trace->file;
	record->failed++;
}

static void file_begun(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct run_hierarchy *hierarchy = record_hierarchy_of(record, phone, trace->file);

	record->phones[phone].file = trace->file;
	if (hierarchy && now_us < hierarchy->began_us)
		hierarchy->began_us = now_us;
}

static void confirmed(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct run_hierarchy *hierarchy = record_hierarchy_of(record, phone, trace->file);

	if (!hierarchy)
		return;
	hierarchy->roots_confirmed++;
	if (hierarchy->root < 0) {
		hierarchy->root = phone;
		hierarchy->confirmed_us = now_us;
	}
}

static void broadcast(struct record *record, uint32_t phone, const struct pfs_trace *trace)
{
	struct run_hierarchy *hierarchy = record_hierarchy_of(record, phone, trace->file);

	record->result.peer_broadcasts++;
	if (hierarchy)
		hierarchy->broadcasts++;
}

static void add_direct(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct run_result *result = &record->result;

	result->direct_by_reason[trace->b < PFS_DIRECT_REASONS ? trace->b : PFS_DIRECT_NONE]++;
	if (record_grow(record, (void **)&result->directs, result->direct_count, &record->direct_room,
			sizeof(*result->directs)))
		result->directs[result->direct_count++] = (struct run_direct){ .at_us = now_us,
									       .phone = phone,
									       .file = trace->file,
									       .reason = (uint8_t)trace->b };
}

static void tftp_begun(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct record_phone *state = &record->phones[phone];
	struct run_hierarchy *hierarchy = record_hierarchy_of(record, phone, trace->file);

	forget_partial(record, state);
	state->tftp_begun_us = now_us;
	state->tftp_taken = 0;
	state->tftp_file = trace->file;
	state->tftp_as_root = trace->c == 1;
	state->blksize = BLKSIZE_PLAIN;
	state->level_file = trace->file;
	state->level = trace->c == 1 ? 1 : 0;
	record->result.tftp_transfers++;
	if (!shares(record, phone))
		return;
	record->result.tftp_transfers_pfs++;
	if (hierarchy)
		hierarchy->wan_copies++;
	if (hierarchy && state->tftp_as_root && hierarchy->asked_us == PFS_TIME_NEVER)
		hierarchy->asked_us = now_us;
	if (trace->b != PFS_DIRECT_NONE)
		add_direct(record, phone, now_us, trace);
}

static void tftp_error(struct record *record, uint32_t phone, const struct pfs_trace *trace)
{
	struct record_phone *state = &record->phones[phone];
	struct run_hierarchy *hierarchy = record_hierarchy_of(record, phone, trace->file);

	record->result.tftp_errors++;
	if (state->tftp_file != trace->file)
		return;
	if (hierarchy && state->tftp_taken == 0 && hierarchy->wan_copies > 0)
		hierarchy->wan_copies--;
	state->tftp_file = PFS_NO_FILE;
}

static void tftp_done(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct record_phone *state = &record->phones[phone];
	struct run_hierarchy *hierarchy = record_hierarchy_of(record, phone, trace->file);

	record->result.tftp_completed++;
	if (state->tftp_file != trace->file)
		return;
	/* A file that fills its last block ends with an empty one (RFC 1350 section 6). */
	record->client_blocks += trace->c / state->blksize + 1;
	if (hierarchy && state->tftp_as_root && hierarchy->transfer_us == PFS_TIME_NEVER)
		hierarchy->transfer_us = now_us - state->tftp_begun_us;
	state->tftp_file = PFS_NO_FILE;
}

static void joined(struct record *record, uint32_t phone, const struct pfs_trace *trace)
{
	record->phones[phone].level_file = trace->file;
	record->phones[phone].level = trace->a < UINT8_MAX ? (uint8_t)trace->a : UINT8_MAX;
}

static void verified(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct record_phone *state = &record->phones[phone];
	const struct plan_firmware *firmware = plan_phone_firmware(record->plan, phone);

	forget_partial(record, state);
	if (trace->a != 1) {
		record->result.damaged++;
		return;
	}
	if (trace->file >= firmware->file_count)
		return;
	uint8_t bit = (uint8_t)(1u << trace->file);
	if (!(state->held & bit)) {
		state->held |= bit;
		state->held_bytes += firmware->files[trace->file].size;
		record->bytes_held += firmware->files[trace->file].size;
	}

	struct run_hierarchy *hierarchy = record_hierarchy_of(record, phone, trace->file);
	if (!hierarchy || state->level_file != trace->file || state->level == 0)
		return; /* not through the hierarchy: a download of its own, named in direct */
	if (!(state->counted & bit)) {
		state->counted |= bit;
		hierarchy->members++;
	}
	if (state->level > hierarchy->depth)
		hierarchy->depth = state->level;
	hierarchy->last_member_us = now_us;
}

static void account(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct record_phone *state = &record->phones[phone];
	struct run_result *result = &record->result;

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
		started(record, state, now_us, trace->c);
		break;
	case PFS_TR_FILE_BEGUN:
		file_begun(record, phone, now_us, trace);
		break;
	case PFS_TR_UPGRADED:
		upgraded(record, state, now_us);
		break;
	case PFS_TR_FAILED:
		failed(record, state, now_us, trace);
		break;
	case PFS_TR_CLAIM:
	case PFS_TR_ANSWER:
		broadcast(record, phone, trace);
		break;
	case PFS_TR_CONFIRMED:
		confirmed(record, phone, now_us, trace);
		break;
	case PFS_TR_JOINED:
		joined(record, phone, trace);
		break;
	case PFS_TR_REDIRECTED:
		result->redirects++;
		break;
	case PFS_TR_REFUSED:
		result->refusals++;
		break;
	case PFS_TR_ELECTION_AGAIN:
		result->elections_again++;
		break;
	case PFS_TR_TFTP_BEGUN:
		tftp_begun(record, phone, now_us, trace);
		break;
	case PFS_TR_TFTP_OPTIONS:
		if (trace->a)
			state->blksize = trace->a;
		break;
	case PFS_TR_TFTP_RETRANSMIT:
		result->client_retransmits++;
		break;
	case PFS_TR_TFTP_ERROR:
		tftp_error(record, phone, trace);
		break;
	case PFS_TR_TFTP_DONE:
		tftp_done(record, phone, now_us, trace);
		break;
	case PFS_TR_PEER_BEGUN:
		forget_partial(record, state);
		break;
	case PFS_TR_PEER_DONE:
		result->peer_transfers++;
		break;
	case PFS_TR_VERIFIED:
		verified(record, phone, now_us, trace);
		break;
	case PFS_TR_DROPPED:
		/* Traced at powers of two: each stands for those since the one before. */
		if (trace->a < PFS_DROPS)
			result->dropped[trace->a] += trace->c - trace->c / 2;
		break;
	case PFS_TR_LISTENING:
	case PFS_TR_PORT_CLOSED:
	case PFS_TR_REBOOTED:
	case PFS_TR_TIMEOUT:
	case PFS_TR_YIELDED:
	case PFS_TR_ROOT_GAVE_UP:
	case PFS_TR_XFRCMD: /* goes down the tree */
	case PFS_TR_XFRCMD_HEARD:
	case PFS_TR_JOINING:
	case PFS_TR_CHILD:
	case PFS_TR_CHILD_DONE:
	case PFS_TR_CHILD_LOST:
	case PFS_TR_PARENT_LOST:
	case PFS_TR_BLAMED:
	case PFS_TR_FAILURE_PASSED:
	case PFS_TR_KINDS:
		break; /* only told, in the console log */
	}
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
	account(record, phone, now_us, trace);
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
