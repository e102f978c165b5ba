/*
 * What a record of the trace means for the figures of a run: who is upgraded
 * or has failed, which hierarchies there are and how deep, who asked the
 * server and why, bytes and counters. One function a kind of record, and the
 * switch over them; record.c has the record itself and what comes from elsewhere than the trace.
 */
#include "emulator/record/record_internal.h"

#define BLKSIZE_PLAIN 512 /* RFC 1350: without an option */

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

void record_account(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
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
