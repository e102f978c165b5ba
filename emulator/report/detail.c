/*
 * detail.json: what a report draws and a summary has no room for. Who got which
 * file from whom and when, when each phone was done, what each site's WAN
 * carried when, what went wrong. Rows are arrays, since a fleet has tens of
 * thousands of them; docs/report.md names their columns.
 *
 * Times are seconds since the first reset. Everything here is the scenario's
 * own: the same bytes for a seed in virtual time.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/report/report_internal.h"

#define COMPLETION_POINTS_MAX 1000
#define SITES_MAX 1000        /* with a table row each */
#define SITE_METERS_MAX 100   /* with a curve each */

enum end { END_UPGRADED, END_FAILED, END_UNFINISHED, END_GONE, ENDS };
static const char *const end_names[ENDS] = { "upgraded", "failed", "unfinished", "gone" };

struct writer {
	FILE *stream;
	const struct plan *plan;
	const struct run_result *result;
	uint8_t *ends;      /* one a phone, enum end */
	uint64_t *times;    /* room for one a phone */
};

/* ---- values ---- */

static void put_string(FILE *stream, const char *text)
{
	cJSON *string = cJSON_CreateString(text ? text : "");
	char *printed = string ? cJSON_PrintUnformatted(string) : NULL;

	fputs(printed ? printed : "\"\"", stream);
	cJSON_free(printed);
	cJSON_Delete(string);
}

static void put_seconds(FILE *stream, uint64_t time_us, uint64_t origin_us)
{
	char text[48];
	bool before = time_us < origin_us;
	uint64_t us = before ? origin_us - time_us : time_us - origin_us;
	int length;

	if (time_us == PFS_TIME_NEVER) {
		fputs("null", stream);
		return;
	}
	length = snprintf(text, sizeof(text), "%s%" PRIu64 ".%06" PRIu64, before && us ? "-" : "", us / 1000000,
			  us % 1000000);
	while (text[length - 1] == '0')
		length--;
	text[text[length - 1] == '.' ? length - 1 : length] = '\0';
	fputs(text, stream);
}

/* An interrupted run may have reset no phone. */
static uint64_t origin_of(const struct run_result *result)
{
	return result->first_reset_us == PFS_TIME_NEVER ? 0 : result->first_reset_us;
}

static void put_since(const struct writer *to, const char *before, uint64_t time_us)
{
	fputs(before, to->stream);
	put_seconds(to->stream, time_us, origin_of(to->result));
}

/* Without its origin: how long something took. */
static void put_span(const struct writer *to, const char *before, uint64_t span_us)
{
	fputs(before, to->stream);
	put_seconds(to->stream, span_us, 0);
}

/* ---- the fleet ---- */

static void put_firmware(FILE *stream, const struct plan *plan)
{
	fputs("\"firmware\":[", stream);
	for (uint32_t i = 0; i < plan->firmware_count; i++) {
		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", stream);
		put_string(stream, plan->firmware[i].name);
		fputs(",\"files\":[", stream);
		for (uint32_t j = 0; j < plan->firmware[i].file_count; j++) {
			fputs(j ? ",{\"name\":" : "{\"name\":", stream);
			put_string(stream, plan->firmware[i].files[j].name);
			fprintf(stream, ",\"bytes\":%" PRIu64 "}", (uint64_t)plan->firmware[i].files[j].size);
		}
		fputs("]}", stream);
	}
	fputs("]", stream);
}

static void put_fleet(FILE *stream, const struct plan *plan, bool phones)
{
	fprintf(stream, "\"sites_total\":%" PRIu32 ",\n\"sites\":[", plan->site_count);
	for (uint32_t i = 0; i < plan->site_count && i < SITES_MAX; i++) {
		const struct plan_site *site = &plan->sites[i];

		fputs(i ? ",\n{\"name\":" : "\n{\"name\":", stream);
		put_string(stream, site->name);
		fprintf(stream, ",\"rate_down_bps\":%" PRIu64 ",\"rate_up_bps\":%" PRIu64 ",\"delay_us\":%" PRIu32 "}",
			site->down.rate_bps, site->up.rate_bps, site->down.delay_us + site->up.delay_us);
	}
	fputs("],\n\"models\":[", stream);
	for (uint32_t i = 0; i < plan->model_count; i++) {
		fputs(i ? "," : "", stream);
		put_string(stream, plan->models[i].name);
	}
	fputs("],\n", stream);
	put_firmware(stream, plan);
	if (!phones)
		return;
	fputs(",\n\"subnets\":[", stream);
	for (uint32_t i = 0; i < plan->subnet_count; i++) {
		fprintf(stream, "%s[%" PRIu32 ",", i ? "," : "", plan->subnets[i].site);
		put_string(stream, plan->subnets[i].name);
		fputs("]", stream);
	}
	fputs("],\n\"phones\":[", stream);
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		const struct plan_phone *phone = &plan->phones[i];

		fputs(i ? ",\n[" : "\n[", stream);
		put_string(stream, phone->name);
		fprintf(stream, ",%" PRIu32 ",%u,%u,", phone->subnet, phone->model, phone->firmware);
		put_string(stream, pfs_part_name((enum pfs_part)phone->part));
		fputs("]", stream);
	}
	fputs("]", stream);
}

/* ---- a run ---- */

static int compare_u64(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

/* When phones were done, with how many were by then; thinned out evenly, the first and the last of them kept. */
static void put_completion(const struct writer *to)
{
	const struct run_result *result = to->result;
	uint32_t count = 0, every;
	bool first = true;

	for (uint32_t i = 0; i < to->plan->phone_count; i++)
		if (to->ends[i] == END_UPGRADED)
			to->times[count++] = result->times[i].done_us;
	qsort(to->times, count, sizeof(*to->times), compare_u64);
	every = count / COMPLETION_POINTS_MAX + 1;
	fputs(",\n\"completion\":[", to->stream);
	for (uint32_t i = 0; i < count; i++) {
		if (i && i + 1 < count && i % every)
			continue;
		put_since(to, first ? "[" : ",[", to->times[i]);
		fprintf(to->stream, ",%" PRIu32 "]", i + 1);
		first = false;
	}
	fputs("]", to->stream);
}

struct tally {
	uint32_t phones, ends[ENDS], ineligible;
	uint64_t last_us;
};

static void tally_phone(const struct writer *to, uint32_t phone, struct tally *tally)
{
	uint64_t done_us = to->result->times[phone].done_us;

	tally->phones++;
	tally->ends[to->ends[phone]]++;
	tally->ineligible += to->plan->phones[phone].part != PFS_PART_YES;
	if (to->ends[phone] == END_UPGRADED && done_us > tally->last_us)
		tally->last_us = done_us;
}

static void put_tally(const struct writer *to, const struct tally *tally)
{
	fprintf(to->stream, "\"phones\":%" PRIu32 ",\"ineligible\":%" PRIu32, tally->phones, tally->ineligible);
	for (uint32_t i = 0; i < ENDS; i++)
		fprintf(to->stream, ",\"%s\":%" PRIu32, end_names[i], tally->ends[i]);
	put_since(to, ",\"last_s\":", tally->ends[END_UPGRADED] ? tally->last_us : PFS_TIME_NEVER);
}

/* From the slot of the first reset on; both directions have the same width. */
static void put_meter(const struct writer *to, const struct link_meter *down, const struct link_meter *up)
{
	uint64_t width_us = down->width_us ? down->width_us : LINK_METER_WIDTH_US;
	uint64_t reset_us = origin_of(to->result);
	uint32_t first = reset_us / width_us < LINK_METER_SLOTS ? (uint32_t)(reset_us / width_us) : 0;
	uint32_t end = LINK_METER_SLOTS;

	while (end > first && !down->bytes[end - 1] && !up->bytes[end - 1])
		end--;
	put_span(to, "{\"slot_s\":", width_us);
	put_since(to, ",\"from_s\":", first * width_us);
	for (int i = 0; i < 2; i++) {
		const struct link_meter *meter = i ? up : down;

		fputs(i ? "],\"up\":[" : ",\"down\":[", to->stream);
		for (uint32_t slot = first; slot < end; slot++)
			fprintf(to->stream, "%s%" PRIu64, slot > first ? "," : "", meter->bytes[slot]);
	}
	fputs("]}", to->stream);
}

static void widen_alike(struct link_meter *one, struct link_meter *other)
{
	link_meter_widen(one, other->width_us);
	link_meter_widen(other, one->width_us);
}

static void add_meter(struct link_meter *to, struct link_meter from)
{
	widen_alike(to, &from);
	for (uint32_t i = 0; i < LINK_METER_SLOTS; i++)
		to->bytes[i] += from.bytes[i];
}

static void put_wan(const struct writer *to)
{
	struct link_meter down = { 0 }, up = { 0 };

	for (uint32_t i = 0; i < to->plan->site_count; i++) {
		add_meter(&down, to->result->wan[2 * (size_t)i].meter);
		add_meter(&up, to->result->wan[2 * (size_t)i + 1].meter);
	}
	widen_alike(&down, &up);
	fputs(",\n\"wan\":", to->stream);
	put_meter(to, &down, &up);
}

static void put_site(const struct writer *to, uint32_t site, const struct tally *tally)
{
	const struct link *down = &to->result->wan[2 * (size_t)site], *up = down + 1;
	double busy = to->result->duration_us ? (double)down->busy_us / (double)to->result->duration_us : 0;

	fputs(site ? ",\n{" : "\n{", to->stream);
	put_tally(to, tally);
	/* Ten-thousandths: a whole number, so that no two machines print it differently. */
	fprintf(to->stream,
		",\"bytes_down\":%" PRIu64 ",\"bytes_up\":%" PRIu64 ",\"frames_lost\":%" PRIu64
		",\"queue_drops\":%" PRIu64 ",\"busy_per_10000\":%ld",
		down->forwarded_bytes, up->forwarded_bytes, down->lost_packets + up->lost_packets,
		down->queue_drops + up->queue_drops, lround(10000 * busy));
	if (to->plan->site_count > 1 && to->plan->site_count <= SITE_METERS_MAX) {
		struct link_meter down_meter = down->meter, up_meter = up->meter;

		widen_alike(&down_meter, &up_meter);
		fputs(",\"wan\":", to->stream);
		put_meter(to, &down_meter, &up_meter);
	}
	fputs("}", to->stream);
}

static void put_groups(const struct writer *to)
{
	const struct plan *plan = to->plan;
	struct tally *sites = calloc((size_t)plan->site_count + 1, sizeof(*sites));
	struct tally *models = calloc((size_t)plan->model_count + 1, sizeof(*models));

	for (uint32_t i = 0; i < plan->phone_count && sites && models; i++) {
		tally_phone(to, i, &sites[plan->phones[i].site]);
		tally_phone(to, i, &models[plan->phones[i].model]);
	}
	fputs(",\n\"sites\":[", to->stream);
	for (uint32_t i = 0; i < plan->site_count && i < SITES_MAX && sites; i++)
		put_site(to, i, &sites[i]);
	fputs("],\n\"models\":[", to->stream);
	for (uint32_t i = 0; i < plan->model_count && models; i++) {
		fputs(i ? ",\n{" : "\n{", to->stream);
		put_tally(to, &models[i]);
		fputs("}", to->stream);
	}
	fputs("]", to->stream);
	free(sites);
	free(models);
}

/* What stands for a phone: its number, or -1 the server, -2 nobody of the fleet. */
static void put_copies(const struct writer *to)
{
	const struct run_result *result = to->result;
	bool first = true;

	fputs(",\n\"copies\":[", to->stream);
	for (uint32_t phone = 0; phone < to->plan->phone_count; phone++)
		for (uint32_t file = 0; file < result->copy_stride; file++) {
			const struct run_copy *copy = &result->copies[(size_t)phone * result->copy_stride + file];

			if (copy->begun_us == PFS_TIME_NEVER)
				continue;
			fprintf(to->stream, "%s[%" PRIu32 ",%" PRIu32 ",%" PRId64 ",%u", first ? "\n" : ",\n", phone,
				file, copy->from, copy->level);
			put_since(to, ",", copy->begun_us);
			put_since(to, ",", copy->done_us);
			fprintf(to->stream, ",%u", copy->tries);
			if (copy->direct != PFS_DIRECT_NONE) {
				fputs(",", to->stream);
				put_string(to->stream, pfs_direct_name((enum pfs_direct)copy->direct));
			}
			fputs("]", to->stream);
			first = false;
		}
	fputs("]", to->stream);
}

static void put_reason(const struct writer *to, enum pfs_trace_kind kind, int32_t reason)
{
	char text[64];

	if (kind == PFS_TR_TFTP_ERROR && reason >= 0) {
		put_string(to->stream, console_tftp_error((uint32_t)reason));
	} else if (reason >= 0 && plan_reason_name(kind, reason, text, sizeof(text))) {
		/* As the summary has them. */
		for (char *c = text; *c; c++)
			*c = *c == '_' ? '-' : *c;
		put_string(to->stream, text);
	} else {
		fputs("null", to->stream);
	}
}

static void put_incident_counts(const struct writer *to)
{
	bool first = true;

	fputs(",\n\"incident_counts\":[", to->stream);
	for (uint32_t kind = 0; kind < PFS_TR_KINDS; kind++)
		for (uint32_t slot = 0; slot < RUN_REASONS_MAX; slot++) {
			uint64_t count = to->result->incident_counts[kind][slot];

			if (!count)
				continue;
			fputs(first ? "[" : ",[", to->stream);
			put_string(to->stream, pfs_trace_name((enum pfs_trace_kind)kind));
			fputs(",", to->stream);
			put_reason(to, (enum pfs_trace_kind)kind, run_slot_reason(slot));
			fprintf(to->stream, ",%" PRIu64 "]", count);
			first = false;
		}
	fputs("]", to->stream);
}

static void put_incidents(const struct writer *to)
{
	const struct run_result *result = to->result;

	fprintf(to->stream, ",\n\"incidents_total\":%" PRIu64 ",\n\"incidents\":[", result->incidents_total);
	for (uint32_t i = 0; i < result->incident_count; i++) {
		const struct run_incident *incident = &result->incidents[i];

		put_since(to, i ? ",\n[" : "\n[", incident->at_us);
		fprintf(to->stream, ",%" PRIu32 ",", incident->phone);
		put_string(to->stream, pfs_trace_name((enum pfs_trace_kind)incident->kind));
		fprintf(to->stream, ",%d,", incident->file == PFS_NO_FILE ? -1 : incident->file);
		put_reason(to, (enum pfs_trace_kind)incident->kind, incident->reason);
		fprintf(to->stream, ",%" PRId64 "]", incident->peer);
	}
	fputs("]", to->stream);
	put_incident_counts(to);
}

static void put_phones(const struct writer *to)
{
	fputs(",\n\"phones\":[", to->stream);
	for (uint32_t i = 0; i < to->plan->phone_count; i++) {
		put_since(to, i ? ",\n[" : "\n[", to->result->times[i].reset_us);
		put_since(to, ",", to->result->times[i].done_us);
		fprintf(to->stream, ",%u]", to->ends[i]);
	}
	fputs("]", to->stream);
}

/* false where memory lacks */
static bool put_run(FILE *stream, const struct plan *plan, const struct run_result *result, bool phones)
{
	struct writer to = { .stream = stream, .plan = plan, .result = result };

	to.ends = calloc((size_t)plan->phone_count + 1, 1);
	to.times = malloc(((size_t)plan->phone_count + 1) * sizeof(*to.times));
	bool good = to.ends && to.times && result->times;
	for (uint32_t i = 0; i < result->loser_count && good; i++)
		to.ends[result->losers[i].phone] = result->losers[i].end == RUN_END_FAILED	 ? END_FAILED
						   : result->losers[i].end == RUN_END_UNFINISHED ? END_UNFINISHED
												 : END_GONE;
	if (good) {
		fprintf(stream, "{\"mode\":\"%s\"", result->traditional ? "traditional" : "pfs");
		put_completion(&to);
		put_wan(&to);
		put_groups(&to);
		if (phones)
			put_phones(&to);
		if (phones && result->copies && !result->traditional)
			put_copies(&to);
		if (result->copies)
			put_incidents(&to);
		fputs("}", stream);
	}
	free(to.ends);
	free(to.times);
	return good;
}

static bool put_runs(FILE *stream, const struct plan *plan, const struct report_run *pfs,
		     const struct report_run *traditional, bool phones)
{
	bool good = true;

	fputs(",\n\"runs\":[\n", stream);
	if (pfs->result)
		good &= put_run(stream, plan, pfs->result, phones);
	if (pfs->result && traditional->result)
		fputs(",\n", stream);
	if (traditional->result)
		good &= put_run(stream, plan, traditional->result, phones);
	fputs("]", stream);
	return good;
}

char *report_detail(const struct report *report)
{
	const struct plan *plan = report->plan;
	bool phones = plan->phone_count <= REPORT_DETAIL_PHONES_MAX;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	bool good;

	if (!stream)
		return NULL;
	fputs("{\"schema\":\"" REPORT_DETAIL_SCHEMA "\",\n\"scenario\":", stream);
	put_string(stream, plan->name);
	fprintf(stream, ",\n\"engine\":\"%s\",\"seed\":%" PRIu64 ",\n", report->engine, plan->seed);
	put_fleet(stream, plan, phones);
	fputs(",\n\"ends\":[", stream);
	for (uint32_t i = 0; i < ENDS; i++)
		fprintf(stream, "%s\"%s\"", i ? "," : "", end_names[i]);
	fputs("]", stream);
	good = put_runs(stream, plan, &report->pfs, &report->traditional, phones);
	if (report->side) {
		fputs(",\n\"full_size\":{", stream);
		put_firmware(stream, report->side->plan);
		good &= put_runs(stream, report->side->plan, &report->side->pfs, &report->side->traditional, false);
		fputs("}", stream);
	}
	fputs("}\n", stream);
	good &= !ferror(stream);
	if (fclose(stream) != 0 || !good) {
		free(text);
		return NULL;
	}
	return text;
}
