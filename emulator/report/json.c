/*
 * JSON of one run, and numbers as text: cJSON's own are doubles, printed with
 * up to 17 digits, which neither hold a 64-bit seed nor stay the same from one
 * machine to the next.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "emulator/report/report_internal.h"

void json_u64(cJSON *object, const char *name, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	cJSON_AddRawToObject(object, name, text);
}

void json_figure(cJSON *object, const char *name, uint64_t value)
{
	if (value == PLAN_UNSET)
		cJSON_AddNullToObject(object, name);
	else
		json_u64(object, name, value);
}

void json_seconds(cJSON *object, const char *name, uint64_t time_us)
{
	char text[40];

	if (time_us == PFS_TIME_NEVER) {
		cJSON_AddNullToObject(object, name);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, time_us / 1000000, time_us % 1000000);
	cJSON_AddRawToObject(object, name, text);
}

static void json_decimals(cJSON *object, const char *name, double value, int decimals)
{
	char text[400]; /* the longest double has 309 digits before the point */

	if (!isfinite(value)) {
		cJSON_AddNullToObject(object, name);
		return;
	}
	snprintf(text, sizeof(text), "%.*f", decimals, value);
	cJSON_AddRawToObject(object, name, text);
}

void json_ratio(cJSON *object, const char *name, double value)
{
	json_decimals(object, name, value, 4);
}

void json_real_seconds(cJSON *object, const char *name, double value)
{
	json_decimals(object, name, value, 3);
}

static const char *file_name(const struct plan *plan, uint32_t phone, uint8_t file)
{
	const struct plan_firmware *firmware = plan_phone_firmware(plan, phone);

	return file < firmware->file_count ? firmware->files[file].name : NULL;
}

static void add_string(cJSON *object, const char *name, const char *text)
{
	if (text)
		cJSON_AddStringToObject(object, name, text);
	else
		cJSON_AddNullToObject(object, name);
}

static void add_wan(cJSON *run, const struct run_result *result)
{
	cJSON *wan = cJSON_AddObjectToObject(run, "wan");

	json_u64(wan, "bytes_down", result->wan_bytes_down);
	json_u64(wan, "bytes_up", result->wan_bytes_up);
	json_u64(wan, "frames_lost", result->wan_frames_lost);
	json_u64(wan, "queue_drops", result->wan_queue_drops);
	json_ratio(wan, "busy_fraction", result->wan_busy_fraction);
}

static void add_tftp(cJSON *run, const struct plan *plan, const struct run_result *result)
{
	cJSON *tftp = cJSON_AddObjectToObject(run, "tftp");

	json_u64(tftp, "transfers", result->tftp_transfers);
	json_u64(tftp, "transfers_pfs", result->tftp_transfers_pfs);
	json_u64(tftp, "completed", result->tftp_completed);
	json_u64(tftp, "rejected", result->tftp_rejected);
	json_u64(tftp, "errors", result->tftp_errors);
	json_u64(tftp, "blocks", result->tftp_blocks);
	json_u64(tftp, "retransmits", result->tftp_retransmits);
	json_u64(tftp, "client_retransmits", result->client_retransmits);
	json_u64(tftp, "serving_peak", result->server.serving_peak);

	uint64_t total = 0;
	cJSON *reasons = cJSON_AddObjectToObject(tftp, "direct_by_reason");
	for (uint32_t i = 0; i < PFS_DIRECT_REASONS; i++) {
		total += result->direct_by_reason[i];
		if (result->direct_by_reason[i])
			json_u64(reasons, pfs_direct_name((enum pfs_direct)i), result->direct_by_reason[i]);
	}
	json_u64(tftp, "direct_total", total);
	cJSON *directs = cJSON_AddArrayToObject(tftp, "direct");
	for (uint32_t i = 0; i < result->direct_count && i < REPORT_DIRECTS_MAX; i++) {
		const struct run_direct *from = &result->directs[i];
		cJSON *direct = cJSON_CreateObject();

		cJSON_AddStringToObject(direct, "phone", plan->phones[from->phone].name);
		add_string(direct, "file", file_name(plan, from->phone, from->file));
		cJSON_AddStringToObject(direct, "reason", pfs_direct_name((enum pfs_direct)from->reason));
		cJSON_AddItemToArray(directs, direct);
	}
}

static void add_peer(cJSON *run, const struct run_result *result)
{
	cJSON *peer = cJSON_AddObjectToObject(run, "peer");

	json_u64(peer, "transfers", result->peer_transfers);
	json_u64(peer, "bytes", result->peer_bytes);
	json_u64(peer, "broadcasts", result->peer_broadcasts);
	json_u64(peer, "redirects", result->redirects);
	json_u64(peer, "refusals", result->refusals);
	json_u64(peer, "elections_again", result->elections_again);
	json_u64(peer, "damaged", result->damaged);
	cJSON *dropped = cJSON_AddObjectToObject(peer, "dropped");
	for (uint32_t i = 0; i < PFS_DROPS; i++)
		if (result->dropped[i])
			json_u64(dropped, pfs_drop_name((enum pfs_drop)i), result->dropped[i]);
}

/* Any phone of the group knows the set's file names. */
static const char *hierarchy_file(const struct plan *plan, const struct run_hierarchy *hierarchy)
{
	if (hierarchy->root >= 0)
		return file_name(plan, (uint32_t)hierarchy->root, hierarchy->file);
	const struct plan_subnet *subnet = &plan->subnets[hierarchy->subnet];
	for (uint32_t i = subnet->first_phone; i < subnet->first_phone + subnet->phone_count; i++)
		if (plan->phones[i].model == hierarchy->model && plan->phones[i].part == PFS_PART_YES)
			return file_name(plan, i, hierarchy->file);
	return NULL;
}

/* From one point of a hierarchy's life to the next; null where it did not come to either, or in another order. */
static void add_phase(cJSON *object, const char *name, uint64_t from_us, uint64_t to_us)
{
	bool known = from_us != PFS_TIME_NEVER && to_us != PFS_TIME_NEVER && from_us <= to_us;

	json_seconds(object, name, known ? to_us - from_us : PFS_TIME_NEVER);
}

static void add_phases(cJSON *object, const struct run_hierarchy *from)
{
	bool held = from->asked_us != PFS_TIME_NEVER && from->transfer_us != PFS_TIME_NEVER;

	add_phase(object, "election_s", from->began_us, from->confirmed_us);
	add_phase(object, "waiting_s", from->confirmed_us, from->asked_us);
	add_phase(object, "spread_s", held ? from->asked_us + from->transfer_us : PFS_TIME_NEVER,
		  from->last_member_us);
}

static void add_hierarchies(cJSON *run, const struct plan *plan, const struct run_result *result)
{
	cJSON *hierarchies = cJSON_AddArrayToObject(run, "hierarchies");

	for (uint32_t i = 0; i < result->hierarchy_count && i < REPORT_HIERARCHIES_MAX; i++) {
		const struct run_hierarchy *from = &result->hierarchies[i];
		cJSON *to = cJSON_CreateObject();

		cJSON_AddStringToObject(to, "site", plan->sites[from->site].name);
		cJSON_AddStringToObject(to, "subnet", plan->subnets[from->subnet].name);
		cJSON_AddStringToObject(to, "model", plan->models[from->model].name);
		add_string(to, "file", hierarchy_file(plan, from));
		add_string(to, "root", from->root >= 0 ? plan->phones[from->root].name : NULL);
		json_u64(to, "members", from->members);
		json_u64(to, "depth", from->depth);
		json_u64(to, "roots_confirmed", from->roots_confirmed);
		json_u64(to, "wan_copies", from->wan_copies);
		json_u64(to, "broadcasts", from->broadcasts);
		json_seconds(to, "confirmed_s", from->confirmed_us);
		json_seconds(to, "transfer_s", from->transfer_us);
		json_seconds(to, "last_member_s", from->last_member_us);
		add_phases(to, from);
		cJSON_AddItemToArray(hierarchies, to);
	}
	json_u64(run, "hierarchies_total", result->hierarchy_count);
}

static const char *loser_reason(const struct run_loser *loser)
{
	switch ((enum run_end_reason)loser->end) {
	case RUN_END_FAILED:
		return pfs_failure_name((enum pfs_failure)loser->failure);
	case RUN_END_UNFINISHED:
		return "unfinished";
	case RUN_END_GONE:
		break;
	}
	return "gone";
}

static void add_failures(cJSON *run, const struct plan *plan, const struct run_result *result)
{
	cJSON *reasons = cJSON_AddObjectToObject(run, "failures_by_reason");

	for (uint32_t i = 0; i < PFS_FAIL_REASONS; i++)
		if (result->failures[i])
			json_u64(reasons, pfs_failure_name((enum pfs_failure)i), result->failures[i]);
	if (result->unfinished)
		json_u64(reasons, "unfinished", result->unfinished);
	if (result->gone)
		json_u64(reasons, "gone", result->gone);
	cJSON *failures = cJSON_AddArrayToObject(run, "failures");
	for (uint32_t i = 0; i < result->loser_count && i < REPORT_FAILURES_MAX; i++) {
		const struct run_loser *from = &result->losers[i];
		cJSON *failure = cJSON_CreateObject();

		cJSON_AddStringToObject(failure, "phone", plan->phones[from->phone].name);
		cJSON_AddStringToObject(failure, "model", plan->models[plan->phones[from->phone].model].name);
		add_string(failure, "file", file_name(plan, from->phone, from->file));
		cJSON_AddStringToObject(failure, "reason", loser_reason(from));
		cJSON_AddItemToArray(failures, failure);
	}
}

static void add_faults(cJSON *run, const struct run_result *result)
{
	cJSON *faults = cJSON_AddArrayToObject(run, "faults");

	for (uint32_t i = 0; i < result->fault_count && i < REPORT_FAULTS_MAX; i++) {
		cJSON *fault = cJSON_CreateObject();

		json_seconds(fault, "at_s", result->faults[i].at_us);
		cJSON_AddStringToObject(fault, "what", result->faults[i].text);
		cJSON_AddItemToArray(faults, fault);
	}
	json_u64(run, "faults_total", result->fault_count);
}

cJSON *report_run_json(const struct plan *plan, const struct run_result *result)
{
	cJSON *run = cJSON_CreateObject();

	cJSON_AddStringToObject(run, "mode", result->traditional ? "traditional" : "pfs");
	cJSON_AddBoolToObject(run, "interrupted", result->interrupted);
	json_u64(run, "phones", result->phones);
	json_u64(run, "upgraded", result->upgraded);
	json_u64(run, "failed", result->failed);
	json_u64(run, "unfinished", result->unfinished);
	json_u64(run, "gone", result->gone);
	json_u64(run, "ineligible", result->ineligible);
	cJSON *parts = cJSON_AddObjectToObject(run, "ineligible_by_reason");
	for (uint32_t i = 0; i <= PFS_PART_MODE; i++)
		if (result->ineligible_by_part[i])
			json_u64(parts, pfs_part_name((enum pfs_part)i), result->ineligible_by_part[i]);
	json_seconds(run, "duration_s", result->duration_us);
	add_wan(run, result);
	add_tftp(run, plan, result);
	add_peer(run, result);
	add_hierarchies(run, plan, result);
	cJSON *completion = cJSON_AddObjectToObject(run, "completion_s");
	json_seconds(completion, "p50", result->completion_p50_us);
	json_seconds(completion, "p90", result->completion_p90_us);
	json_seconds(completion, "p99", result->completion_p99_us);
	json_seconds(completion, "max", result->completion_max_us);
	add_failures(run, plan, result);
	add_faults(run, result);
	json_u64(run, "trace_records", result->trace_records);
	return run;
}
