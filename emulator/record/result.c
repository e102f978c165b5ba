/*
 * The end of a run: works the counters, times and lists of a record out into
 * one struct run_result. Percentiles are nearest-rank: a time that some phone
 * really took, never one in between.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/record/record_internal.h"

static int compare_u64(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* The smallest of `count` sorted times that at least `percent` of them do not exceed. */
static uint64_t nearest_rank(const uint64_t *sorted, uint64_t count, uint64_t percent)
{
	uint64_t rank = (count * percent + 99) / 100;

	return sorted[rank ? rank - 1 : 0];
}

static void work_out_completion(const struct record *record, struct run_result *result)
{
	const struct plan *plan = record->plan;
	uint64_t *times = malloc(((size_t)plan->phone_count + 1) * sizeof(*times));
	uint64_t count = 0;

	result->completion_p50_us = result->completion_p90_us = PFS_TIME_NEVER;
	result->completion_p99_us = result->completion_max_us = PFS_TIME_NEVER;
	if (!times)
		return;
	for (uint32_t i = 0; i < plan->phone_count; i++)
		if (record->phones[i].upgraded && record->phones[i].reset_us != PFS_TIME_NEVER)
			times[count++] = record->phones[i].done_us - record->phones[i].reset_us;
	if (count) {
		qsort(times, count, sizeof(*times), compare_u64);
		result->completion_p50_us = nearest_rank(times, count, 50);
		result->completion_p90_us = nearest_rank(times, count, 90);
		result->completion_p99_us = nearest_rank(times, count, 99);
		result->completion_max_us = times[count - 1];
	}
	free(times);
}

static void work_out_phones(struct record *record, struct run_result *result, uint64_t now_us)
{
	const struct plan *plan = record->plan;
	uint64_t last_us = 0;

	free(result->losers);
	free(result->phone_upgraded);
	result->losers = calloc((size_t)plan->phone_count + 1, sizeof(*result->losers));
	result->phone_upgraded = calloc((size_t)plan->phone_count + 1, 1);
	result->phones = plan->phone_count;
	result->upgraded = result->failed = result->gone = result->unfinished = result->loser_count = 0;
	memset(result->failures, 0, sizeof(result->failures));
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		const struct record_phone *phone = &record->phones[i];
		struct run_loser loser = { .phone = i, .file = phone->file };

		if (phone->upgraded) {
			result->upgraded++;
			if (result->phone_upgraded)
				result->phone_upgraded[i] = 1;
			last_us = phone->done_us > last_us ? phone->done_us : last_us;
			continue;
		}
		if (phone->gone) {
			result->gone++;
			loser.end = RUN_END_GONE;
		} else if (phone->failed) {
			result->failed++;
			result->failures[phone->failure]++;
			loser.end = RUN_END_FAILED;
			loser.failure = phone->failure;
			loser.file = phone->failed_file;
			last_us = phone->done_us > last_us ? phone->done_us : last_us;
		} else {
			result->failed++;
			result->unfinished++;
			loser.end = RUN_END_UNFINISHED;
			last_us = now_us > last_us ? now_us : last_us;
		}
		if (result->losers)
			result->losers[result->loser_count++] = loser;
	}
	result->duration_us = 0;
	if (record->first_reset_us != PFS_TIME_NEVER && last_us > record->first_reset_us)
		result->duration_us = last_us - record->first_reset_us;
}

static void work_out_times(const struct record *record, struct run_result *result)
{
	uint32_t count = record->plan->phone_count;

	result->first_reset_us = record->first_reset_us;
	result->wan = record->wan;
	free(result->times);
	result->times = malloc(((size_t)count + 1) * sizeof(*result->times));
	for (uint32_t i = 0; i < count && result->times; i++) {
		const struct record_phone *phone = &record->phones[i];

		result->times[i].reset_us = phone->reset_us;
		result->times[i].done_us = phone->upgraded || phone->failed ? phone->done_us : PFS_TIME_NEVER;
	}
}

static void work_out_wan(const struct record *record, struct run_result *result)
{
	uint64_t busiest_us = 0;

	result->wan_bytes_down = record_wan_bytes_down(record);
	result->wan_bytes_up = result->wan_frames_lost = result->wan_queue_drops = 0;
	for (uint32_t site = 0; site < record->plan->site_count; site++) {
		const struct link *down = &record->wan[2 * (size_t)site], *up = down + 1;

		result->wan_bytes_up += up->forwarded_bytes;
		result->wan_frames_lost += down->lost_packets + up->lost_packets;
		result->wan_queue_drops += down->queue_drops + up->queue_drops;
		busiest_us = down->busy_us > busiest_us ? down->busy_us : busiest_us;
	}
	result->wan_busy_fraction =
		result->duration_us ? (double)busiest_us / (double)result->duration_us : 0;
}

/* A server of Debian's own counts nothing for us: then the phones' side of the same blocks is shown. */
static void work_out_server(const struct record *record, struct run_result *result)
{
	result->server = record->server;
	result->tftp_rejected = record->server.rejected;
	result->tftp_blocks = record->server.requests ? record->server.blocks : record->client_blocks;
	result->tftp_retransmits = record->server.retransmits;
}

static int compare_directs(const void *left, const void *right)
{
	const struct run_direct *a = left, *b = right;

	if (a->at_us != b->at_us)
		return a->at_us < b->at_us ? -1 : 1;
	if (a->phone != b->phone)
		return a->phone < b->phone ? -1 : 1;
	return (a->file > b->file) - (a->file < b->file);
}

const struct run_result *record_finish(struct record *record, uint64_t now_us, bool interrupted)
{
	struct run_result *result = &record->result;

	record_passes(record, now_us);
	result->traditional = record->traditional;
	result->interrupted = interrupted;
	work_out_phones(record, result, record_now(record));
	work_out_completion(record, result);
	work_out_times(record, result);
	work_out_wan(record, result);
	work_out_server(record, result);
	/* The same list, whether the sites were run together or one after the other. */
	if (result->direct_count)
		qsort(result->directs, result->direct_count, sizeof(*result->directs), compare_directs);
	record_finish_copies(record);
	/* Times were absolute so far; from here on they count from the first reset. */
	if (!result->hierarchies)
		for (uint32_t i = 0; i < record->hierarchy_count; i++) {
			struct run_hierarchy *hierarchy = &record->hierarchies[i];

			uint64_t *const times[] = { &hierarchy->began_us, &hierarchy->confirmed_us,
						    &hierarchy->asked_us, &hierarchy->last_member_us };

			for (size_t n = 0; n < sizeof(times) / sizeof(*times); n++)
				if (*times[n] != PFS_TIME_NEVER)
					*times[n] -= record->first_reset_us;
		}
	result->hierarchies = record->hierarchies;
	result->hierarchy_count = record->hierarchy_count;
	result->disk_error = record->log ? console_log_flush(record->log) : 0;
	return result;
}
