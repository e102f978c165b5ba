/*
 * One record out of those of its parts, where the sites of a fleet were run
 * apart. Whatever is counted is added up, whatever belongs to a phone, a
 * hierarchy or a link finds its own place, so nothing depends on the order in
 * which the parts come. Lists are put in order by record_finish().
 */
#include <string.h>

#include "emulator/record/record_internal.h"

static void join_phones(struct record *record, const struct record *part)
{
	memcpy(&record->phones[part->plan->first_phone - record->plan->first_phone], part->phones,
	       part->plan->phone_count * sizeof(*part->phones));
	record->upgraded += part->upgraded;
	record->failed += part->failed;
	record->gone += part->gone;
	record->bytes_held += part->bytes_held;
	record->client_blocks += part->client_blocks;
	record_passes(record, part->last_us);
	if (part->first_reset_us < record->first_reset_us)
		record->first_reset_us = part->first_reset_us;
}

static void join_hierarchies(struct record *record, const struct record *part)
{
	const struct plan *plan = part->plan;
	uint32_t first_phone = plan->first_phone - record->plan->first_phone;
	uint32_t first_subnet = record->plan->phones[first_phone].subnet - plan->phones[0].subnet;
	size_t kinds = (size_t)plan->model_count * plan->firmware_count;

	if (!part->hierarchy_count)
		return;
	/* Both are laid out subnet by subnet, so the part's stand in one run. */
	size_t group = 0;
	while (part->first_hierarchy[group] == RECORD_NO_HIERARCHY)
		group++;
	uint32_t at = record->first_hierarchy[first_subnet * kinds + group];
	for (uint32_t i = 0; i < part->hierarchy_count; i++) {
		struct run_hierarchy *to = &record->hierarchies[at + i];
		*to = part->hierarchies[i];
		to->site += plan->first_site - record->plan->first_site;
		to->subnet += first_subnet;
		if (to->root >= 0)
			to->root += first_phone;
	}
}

static void join_directs(struct record *record, const struct record *part)
{
	struct run_result *result = &record->result;

	for (uint32_t i = 0; i < part->result.direct_count; i++) {
		if (!record_grow(record, (void **)&result->directs, result->direct_count,
				 &record->direct_room, sizeof(*result->directs)))
			return;
		struct run_direct *to = &result->directs[result->direct_count++];
		*to = part->result.directs[i];
		to->phone += part->plan->first_phone - record->plan->first_phone;
	}
}

static void join_server(struct tftp_server_counters *to, const struct tftp_server_counters *from)
{
	to->requests += from->requests;
	to->duplicates += from->duplicates;
	to->started += from->started;
	to->completed += from->completed;
	to->rejected += from->rejected;
	to->not_found += from->not_found;
	to->refused += from->refused;
	to->given_up += from->given_up;
	to->aborted += from->aborted;
	to->blocks += from->blocks;
	to->payload_bytes += from->payload_bytes;
	to->retransmits += from->retransmits;
	to->duplicate_acks += from->duplicate_acks;
	to->malformed += from->malformed;
	to->serving += from->serving;
	to->strangers += from->strangers;
	/* serving_peak: peaks at different times do not add up; whoever ran the parts knows. */
}

static void join_counters(struct run_result *to, const struct run_result *from)
{
	to->tftp_transfers += from->tftp_transfers;
	to->tftp_transfers_pfs += from->tftp_transfers_pfs;
	to->tftp_completed += from->tftp_completed;
	to->client_retransmits += from->client_retransmits;
	to->tftp_errors += from->tftp_errors;
	to->peer_transfers += from->peer_transfers;
	to->peer_bytes += from->peer_bytes;
	to->peer_broadcasts += from->peer_broadcasts;
	to->damaged += from->damaged;
	to->redirects += from->redirects;
	to->refusals += from->refusals;
	to->elections_again += from->elections_again;
	to->trace_records += from->trace_records;
	for (uint32_t i = 0; i < PFS_DROPS; i++)
		to->dropped[i] += from->dropped[i];
	for (uint32_t i = 0; i < PFS_DIRECT_REASONS; i++)
		to->direct_by_reason[i] += from->direct_by_reason[i];
}

void record_join(struct record *record, struct record *part)
{
	uint32_t first_site = part->plan->first_site - record->plan->first_site;

	join_phones(record, part);
	join_hierarchies(record, part);
	join_directs(record, part);
	record_join_copies(record, part);
	join_server(&record->server, &part->server);
	join_counters(&record->result, &part->result);
	memcpy(&record->wan[2 * (size_t)first_site], part->wan,
	       2 * (size_t)part->plan->site_count * sizeof(*part->wan));
	record->memory_short |= part->memory_short;
	for (uint32_t i = 0; i < part->result.fault_count; i++)
		record_fault(record, part->result.faults[i].at_us, part->result.faults[i].text);
	/* The errors of its log are the whole's already. */
	if (part->log)
		console_log_flush(part->log);
}

void record_serving_peak(struct record *record, uint64_t serving_peak)
{
	record->server.serving_peak = serving_peak;
}
