/* See outcome.h. One table names every figure: what is written is what is read. */
#include "emulator/capacity/outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kept_figure {
	const char *name;
	size_t offset;
} figures[] = {
#define FIGURE(field) { #field, offsetof(struct capacity_outcome, field) }
	FIGURE(phones), FIGURE(upgraded), FIGURE(failed), FIGURE(unfinished), FIGURE(ineligible),
	FIGURE(gone), FIGURE(gone_kinds),
	FIGURE(duration_us), FIGURE(completion_p50_us), FIGURE(completion_p99_us),
	FIGURE(wan_bytes_down), FIGURE(wan_bytes_up), FIGURE(wan_lost), FIGURE(wan_queue_drops), FIGURE(wan_busy_ppm),
	FIGURE(transfers), FIGURE(rejected), FIGURE(blocks), FIGURE(retransmits), FIGURE(errors),
	FIGURE(peer_bytes), FIGURE(hierarchies), FIGURE(depth), FIGURE(wan_copies), FIGURE(directs),
	FIGURE(elections_us), FIGURE(downloads_us), FIGURE(violated),
	FIGURE(bound.total_us), FIGURE(bound.term), FIGURE(bound.bytes_us), FIGURE(bound.trips_us),
	FIGURE(bound.serving_us), FIGURE(bound.waits_us), FIGURE(bound.tree_us), FIGURE(bound.reset_us),
	FIGURE(bound.depth), FIGURE(bound.bytes_down), FIGURE(bound.sessions), FIGURE(bound.fill_milli),
#undef FIGURE
};
#define FIGURES (sizeof(figures) / sizeof(figures[0]))

_Static_assert(FIGURES * sizeof(uint64_t) == sizeof(struct capacity_outcome), "every figure is kept");

static uint64_t *at(struct capacity_outcome *outcome, size_t figure)
{
	return (uint64_t *)(void *)((char *)outcome + figures[figure].offset);
}

_Static_assert(PLAN_FAULT_KINDS <= 64, "a bit a kind");

/* Those that take a phone out and do not give it back. */
static uint64_t gone_kinds(const struct plan *plan)
{
	uint64_t kinds = 0;

	for (uint32_t i = 0; i < plan->fault_count; i++) {
		enum plan_fault_kind kind = plan->faults[i].kind;
		if (plan->faults[i].duration_us == PFS_TIME_NEVER &&
		    (kind == PLAN_FAULT_KILL || kind == PLAN_FAULT_CRASH || plan_fault_hostile(kind)))
			kinds |= UINT64_C(1) << kind;
	}
	return kinds;
}

bool outcome_fits(const struct capacity_outcome *outcome, uint64_t window_us)
{
	return !outcome->failed && outcome->upgraded && outcome->duration_us <= window_us;
}

bool outcome_saves_time(const struct capacity_outcome *pfs, const struct capacity_outcome *traditional)
{
	if (pfs->failed != traditional->failed)
		return pfs->failed < traditional->failed;
	return pfs->duration_us < traditional->duration_us;
}

bool outcome_saves_bytes(const struct capacity_outcome *pfs, const struct capacity_outcome *traditional)
{
	uint64_t bytes = traditional->wan_bytes_down + traditional->wan_bytes_up;

	if (traditional->failed && bytes < traditional->bound.bytes_down)
		bytes = traditional->bound.bytes_down;
	return pfs->wan_bytes_down + pfs->wan_bytes_up < bytes;
}

/* The phones that were last, by subnet and model: what their files' elections and downloads took. */
static void take_last(struct capacity_outcome *outcome, const struct run_result *result)
{
	const struct run_hierarchy *last = NULL;

	for (uint32_t i = 0; i < result->hierarchy_count; i++) {
		const struct run_hierarchy *one = &result->hierarchies[i];
		if (one->last_member_us != PFS_TIME_NEVER && (!last || one->last_member_us > last->last_member_us))
			last = one;
	}
	for (uint32_t i = 0; last && i < result->hierarchy_count; i++) {
		const struct run_hierarchy *one = &result->hierarchies[i];
		if (one->site != last->site || one->subnet != last->subnet || one->model != last->model)
			continue;
		if (one->began_us == PFS_TIME_NEVER || one->asked_us == PFS_TIME_NEVER || one->transfer_us == PFS_TIME_NEVER) {
			outcome->elections_us = outcome->downloads_us = 0;
			return;
		}
		outcome->elections_us += one->asked_us - one->began_us;
		outcome->downloads_us += one->transfer_us;
	}
}

void outcome_take(struct capacity_outcome *outcome, const struct plan *plan, const struct run_result *result, bool violated)
{
	*outcome = (struct capacity_outcome){
		.phones = result->phones,
		.upgraded = result->upgraded,
		.failed = result->failed,
		.gone = result->gone,
		.gone_kinds = result->gone ? gone_kinds(plan) : 0,
		.unfinished = result->unfinished,
		.ineligible = result->ineligible,
		.duration_us = result->duration_us,
		.completion_p50_us = result->completion_p50_us,
		.completion_p99_us = result->completion_p99_us,
		.wan_bytes_down = result->wan_bytes_down,
		.wan_bytes_up = result->wan_bytes_up,
		.wan_lost = result->wan_frames_lost,
		.wan_queue_drops = result->wan_queue_drops,
		.wan_busy_ppm = (uint64_t)(result->wan_busy_fraction * 1e6 + 0.5),
		.transfers = result->tftp_transfers,
		.rejected = result->tftp_rejected,
		.blocks = result->tftp_blocks,
		.retransmits = result->tftp_retransmits,
		.errors = result->tftp_errors,
		.peer_bytes = result->peer_bytes,
		.hierarchies = result->hierarchy_count,
		.violated = violated,
	};
	for (uint32_t i = 0; i < PFS_DIRECT_REASONS; i++)
		outcome->directs += result->direct_by_reason[i];
	for (uint32_t i = 0; i < result->hierarchy_count; i++) {
		const struct run_hierarchy *hierarchy = &result->hierarchies[i];
		if (hierarchy->depth > outcome->depth)
			outcome->depth = hierarchy->depth;
		if (hierarchy->wan_copies > outcome->wan_copies)
			outcome->wan_copies = hierarchy->wan_copies;
	}
	take_last(outcome, result);
}

char *outcome_write(const struct capacity_outcome *outcome)
{
	struct capacity_outcome copy = *outcome;
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	for (size_t i = 0; i < FIGURES; i++)
		fprintf(stream, "%s %" PRIu64 "\n", figures[i].name, *at(&copy, i));
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

int outcome_read(const char *text, struct capacity_outcome *outcome)
{
	for (size_t i = 0; i < FIGURES; i++) {
		size_t length = strlen(figures[i].name);
		char *end;

		if (strncmp(text, figures[i].name, length) != 0 || text[length] != ' ' || text[length + 1] < '0' ||
		    text[length + 1] > '9')
			return -EINVAL;
		errno = 0;
		*at(outcome, i) = strtoull(text + length + 1, &end, 10);
		if (errno || *end != '\n')
			return -EINVAL;
		text = end + 1;
	}
	return *text ? -EINVAL : 0;
}
