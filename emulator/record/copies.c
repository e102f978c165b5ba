/*
 * Who got each file from whom, and what went wrong: what the trees and the
 * incidents of a report are drawn from. Kept only where it was asked for, since
 * it grows with phones times files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/record/record_internal.h"

int record_keep_copies(struct record *record)
{
	const struct plan *plan = record->plan;
	uint32_t stride = 0;

	for (uint32_t i = 0; i < plan->firmware_count; i++)
		if (plan->firmware[i].file_count > stride)
			stride = plan->firmware[i].file_count;
	record->result.copies = malloc(((size_t)plan->phone_count * stride + 1) * sizeof(struct run_copy));
	if (!record->result.copies)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)plan->phone_count * stride; i++)
		record->result.copies[i] = (struct run_copy){ .begun_us = PFS_TIME_NEVER,
							      .done_us = PFS_TIME_NEVER,
							      .from = RUN_FROM_NOBODY };
	record->result.copy_stride = stride;
	return 0;
}

/* The phone of that address, or whom else it belongs to. */
static int64_t whose(const struct record *record, uint32_t phone, uint32_t address)
{
	if (address == record->plan->server.address)
		return RUN_FROM_SERVER;
	int64_t peer = plan_phone_at(record->plan, record->plan->phones[phone].subnet, address);
	return peer < 0 ? RUN_FROM_NOBODY : peer;
}

static void note_copy(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct run_copy *copy = &record->result.copies[(size_t)phone * record->result.copy_stride + trace->file];
	const struct record_phone *state = &record->phones[phone];

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_TFTP_BEGUN:
		copy->from = RUN_FROM_SERVER;
		copy->begun_us = now_us;
		copy->done_us = PFS_TIME_NEVER;
		copy->level = trace->c == 1 ? 1 : 0;
		copy->direct = trace->b < PFS_DIRECT_REASONS ? (uint8_t)trace->b : PFS_DIRECT_NONE;
		copy->tries += copy->tries < UINT8_MAX;
		break;
	case PFS_TR_PEER_BEGUN:
		copy->from = whose(record, phone, trace->address);
		copy->begun_us = now_us;
		copy->done_us = PFS_TIME_NEVER;
		copy->level = state->level_file == trace->file ? state->level : 0;
		copy->direct = PFS_DIRECT_NONE;
		copy->tries += copy->tries < UINT8_MAX;
		break;
	case PFS_TR_VERIFIED:
		if (trace->a == 1)
			copy->done_us = now_us;
		break;
	default:
		break;
	}
}

/* What is worth a line: nothing of it belongs to an upgrade in which nothing went wrong. */
static bool is_incident(const struct record *record, uint32_t phone, const struct pfs_trace *trace)
{
	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
		return trace->c > 0; /* again */
	case PFS_TR_PORT_CLOSED:
		return trace->a == 1; /* could not be opened */
	case PFS_TR_VERIFIED:
		return trace->a != 1;
	case PFS_TR_CONFIRMED: {
		const struct run_hierarchy *hierarchy = record_hierarchy_of(record, phone, trace->file);

		return hierarchy && hierarchy->root != phone;
	}
	case PFS_TR_TFTP_BEGUN:
		return trace->b != PFS_DIRECT_NONE;
	case PFS_TR_FAILED:
	case PFS_TR_ROOT_GAVE_UP:
	case PFS_TR_ELECTION_AGAIN:
	case PFS_TR_PARENT_LOST:
	case PFS_TR_CHILD_LOST:
	case PFS_TR_TFTP_ERROR:
		return true;
	default:
		return false;
	}
}

static int32_t reason_of(const struct pfs_trace *trace)
{
	return trace->kind == PFS_TR_TFTP_ERROR ? (int32_t)trace->a : plan_trace_reason(trace);
}

#define TFTP_OWN_FIRST 256 /* PFS_TR_TFTP_ERROR: what no server said */
#define TFTP_OWN_SLOT 16

uint32_t run_reason_slot(int32_t reason)
{
	if (reason >= 0 && reason < TFTP_OWN_SLOT)
		return (uint32_t)reason;
	if (reason >= TFTP_OWN_FIRST && reason - TFTP_OWN_FIRST < RUN_REASONS_MAX - TFTP_OWN_SLOT - 1)
		return (uint32_t)(reason - TFTP_OWN_FIRST + TFTP_OWN_SLOT);
	return RUN_REASONS_MAX - 1;
}

int32_t run_slot_reason(uint32_t slot)
{
	if (slot < TFTP_OWN_SLOT)
		return (int32_t)slot;
	return slot < RUN_REASONS_MAX - 1 ? (int32_t)slot - TFTP_OWN_SLOT + TFTP_OWN_FIRST : -1;
}

/* The earliest are kept, with all of the last one's time: which of those go is for the sorted list to say. */
static void note_incident(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	struct run_result *result = &record->result;
	uint32_t count = result->incident_count;

	result->incidents_total++;
	result->incident_counts[trace->kind][run_reason_slot(reason_of(trace))]++;
	if (count >= RUN_INCIDENTS_MAX && result->incidents[RUN_INCIDENTS_MAX - 1].at_us < now_us)
		return;
	if (!record_grow(record, (void **)&result->incidents, count, &record->incident_room,
			 sizeof(*result->incidents)))
		return;
	result->incidents[result->incident_count++] = (struct run_incident){
		.at_us = now_us,
		.phone = phone,
		.kind = trace->kind,
		.file = trace->file,
		.reason = reason_of(trace),
		.peer = trace->address ? whose(record, phone, trace->address) : RUN_FROM_NOBODY,
		.order = count,
	};
}

void record_note_copies(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace)
{
	if (trace->file < plan_phone_firmware(record->plan, phone)->file_count)
		note_copy(record, phone, now_us, trace);
	if (is_incident(record, phone, trace))
		note_incident(record, phone, now_us, trace);
}

void record_join_copies(struct record *record, const struct record *part)
{
	uint32_t first_phone = part->plan->first_phone - record->plan->first_phone;
	struct run_result *to = &record->result;
	const struct run_result *from = &part->result;

	if (!to->copies || !from->copies)
		return;
	for (size_t i = 0; i < (size_t)part->plan->phone_count * from->copy_stride; i++) {
		struct run_copy *copy = &to->copies[(size_t)first_phone * to->copy_stride + i];

		*copy = from->copies[i];
		if (copy->from >= 0)
			copy->from += first_phone;
	}
	to->incidents_total += from->incidents_total;
	for (size_t kind = 0; kind < PFS_TR_KINDS; kind++)
		for (size_t slot = 0; slot < RUN_REASONS_MAX; slot++)
			to->incident_counts[kind][slot] += from->incident_counts[kind][slot];
	for (uint32_t i = 0; i < from->incident_count; i++) {
		if (!record_grow(record, (void **)&to->incidents, to->incident_count, &record->incident_room,
				 sizeof(*to->incidents)))
			return;
		struct run_incident *incident = &to->incidents[to->incident_count++];
		*incident = from->incidents[i];
		incident->phone += first_phone;
		if (incident->peer >= 0)
			incident->peer += first_phone;
	}
}

static int compare_incidents(const void *left, const void *right)
{
	const struct run_incident *a = left, *b = right;

	if (a->at_us != b->at_us)
		return a->at_us < b->at_us ? -1 : 1;
	if (a->phone != b->phone)
		return a->phone < b->phone ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

void record_finish_copies(struct record *record)
{
	struct run_result *result = &record->result;

	if (result->incident_count)
		qsort(result->incidents, result->incident_count, sizeof(*result->incidents), compare_incidents);
	if (result->incident_count > RUN_INCIDENTS_MAX)
		result->incident_count = RUN_INCIDENTS_MAX;
}
