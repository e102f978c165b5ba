/*
 * Reads detail.json: curves, sites, models, who fed whom, incidents. Every
 * number that will be an index is checked here, once, so that nothing that
 * draws has to.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/page/folder.h"
#include "emulator/report/report.h"

#define SECONDS_MAX 1e9
#define COUNT_MAX 9007199254740992.0

static void take_sites(const struct at *root, struct page_folder *to)
{
	struct at array;
	const cJSON *item = read_array(root, "sites", &array, &to->site_count);

	to->sites = page_room(root->reader, to->site_count, sizeof(*to->sites));
	for (size_t i = 0; item && to->sites; item = item->next, i++) {
		struct at at = read_item(&array, item, i);

		to->sites[i] = (struct page_site){ .name = read_string(&at, "name"),
						   .rate_down_bps = read_count_or(&at, "rate_down_bps", 0),
						   .rate_up_bps = read_count_or(&at, "rate_up_bps", 0),
						   .delay_us = read_count_or(&at, "delay_us", 0) };
	}
	to->sites_total = read_count_or(root, "sites_total", to->site_count);
}

static void take_firmware(const struct at *root, struct page_folder *to)
{
	struct at array;
	const cJSON *item = read_array(root, "firmware", &array, &to->firmware_count);

	to->firmware = page_room(root->reader, to->firmware_count, sizeof(*to->firmware));
	for (size_t i = 0; item && to->firmware; item = item->next, i++) {
		struct at at = read_item(&array, item, i), files;
		size_t count;
		const cJSON *file = read_array(&at, "files", &files, &count);

		to->firmware[i].name = read_string(&at, "name");
		if (count > PAGE_FILES_MAX) {
			read_fail(&files, -EINVAL, "expected at most 8 files");
			return;
		}
		to->firmware[i].file_count = count;
		for (size_t j = 0; file; file = file->next, j++) {
			struct at of = read_item(&files, file, j);

			to->firmware[i].files[j] = read_string(&of, "name");
		}
	}
}

static void take_models(const struct at *root, struct page_folder *to)
{
	struct at array;
	const cJSON *item = read_array(root, "models", &array, &to->model_count);

	to->models = page_room(root->reader, to->model_count, sizeof(*to->models));
	for (size_t i = 0; item && to->models; item = item->next, i++) {
		struct at at = read_item(&array, item, i);

		if (!cJSON_IsString(item))
			read_fail(&at, -EINVAL, "expected a string");
		to->models[i] = cJSON_IsString(item) ? item->valuestring : "";
	}
}

static const char *row_string(const struct at *row, int column)
{
	const char *text = read_cell_string(row, column);

	if (!text)
		read_fail(row, -EINVAL, "expected a name");
	return text ? text : "";
}

/* An index of `count` things. */
static uint32_t row_index(const struct at *row, int column, size_t count)
{
	if (!count) {
		read_fail(row, -EINVAL, "names what is not there");
		return 0;
	}
	return (uint32_t)read_cell(row, column, 0, (double)count - 1, NAN);
}

static void take_phones(const struct at *root, struct page_folder *to)
{
	struct at array;
	const cJSON *item = read_array(root, "subnets", &array, &to->subnet_count);

	to->subnets = page_room(root->reader, to->subnet_count, sizeof(*to->subnets));
	for (size_t i = 0; item && to->subnets; item = item->next, i++) {
		struct at row = read_item(&array, item, i);

		/* A site past the last that has a row still has phones. */
		to->subnets[i].site = (uint32_t)read_cell(&row, 0, 0, UINT32_MAX, NAN);
		to->subnets[i].name = row_string(&row, 1);
	}
	item = read_array(root, "phones", &array, &to->phone_count);
	to->phones = page_room(root->reader, to->phone_count, sizeof(*to->phones));
	for (size_t i = 0; item && to->phones && !root->reader->status; item = item->next, i++) {
		struct at row = read_item(&array, item, i);

		to->phones[i] = (struct page_phone){ .name = row_string(&row, 0),
						     .subnet = row_index(&row, 1, to->subnet_count),
						     .model = row_index(&row, 2, to->model_count),
						     .firmware = row_index(&row, 3, to->firmware_count),
						     .part = row_string(&row, 4) };
	}
}

/* ---- a run ---- */

static void take_completion(const struct at *at, struct page_run *to)
{
	struct at array;
	const cJSON *item = read_array(at, "completion", &array, &to->completion_count);
	double before_s = 0;

	to->completion = page_room(at->reader, to->completion_count, sizeof(*to->completion));
	for (size_t i = 0; item && to->completion; item = item->next, i++) {
		struct at row = read_item(&array, item, i);

		to->completion[i].x = read_cell(&row, 0, before_s, SECONDS_MAX, NAN);
		to->completion[i].y = read_cell(&row, 1, 0, COUNT_MAX, NAN);
		before_s = to->completion[i].x;
	}
}

static double *take_bytes(const struct at *at, const char *name, size_t *count)
{
	struct at array;
	const cJSON *item = read_array(at, name, &array, count);
	double *bytes = page_room(at->reader, *count, sizeof(*bytes));

	for (size_t i = 0; item && bytes; item = item->next, i++) {
		struct at one = read_item(&array, item, i);

		if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > COUNT_MAX)
			read_fail(&one, -EINVAL, "expected a number of bytes");
		bytes[i] = item->valuedouble;
	}
	return bytes;
}

static void take_meter(const struct at *object, struct page_meter *to)
{
	struct at at = read_member(object, "wan"), from;
	size_t up = 0;

	if (!at.json)
		return;
	from = read_member(&at, "from_s");
	to->slot_s = read_number_or(&at, "slot_s", 0);
	to->from_s = cJSON_IsNumber(from.json) ? from.json->valuedouble : 0;
	to->down = take_bytes(&at, "down", &to->count);
	to->up = take_bytes(&at, "up", &up);
	if (!at.reader->status && (up != to->count || to->slot_s <= 0 || fabs(to->from_s) > SECONDS_MAX))
		read_fail(&at, -EINVAL, "expected as many slots up as down, of a width above 0");
}

static struct page_tally *take_tallies(const struct at *run, const char *name, size_t *count)
{
	struct at array;
	const cJSON *item = read_array(run, name, &array, count);
	struct page_tally *tallies = page_room(run->reader, *count, sizeof(*tallies));

	for (size_t i = 0; item && tallies; item = item->next, i++) {
		struct at at = read_item(&array, item, i);
		struct page_tally *to = &tallies[i];

		to->phones = read_count(&at, "phones");
		to->ineligible = read_count_or(&at, "ineligible", 0);
		to->upgraded = read_count(&at, "upgraded");
		to->failed = read_count(&at, "failed");
		to->unfinished = read_count_or(&at, "unfinished", 0);
		to->gone = read_count_or(&at, "gone", 0);
		to->last_s = read_number_or(&at, "last_s", PAGE_NEVER);
		to->bytes_down = read_count_or(&at, "bytes_down", 0);
		to->bytes_up = read_count_or(&at, "bytes_up", 0);
		to->frames_lost = read_count_or(&at, "frames_lost", 0);
		to->queue_drops = read_count_or(&at, "queue_drops", 0);
		to->busy = (double)read_count_or(&at, "busy_per_10000", 0) / 10000;
		take_meter(&at, &to->wan);
	}
	return tallies;
}

static void take_copies(const struct at *run, const struct page_folder *folder, struct page_run *to)
{
	struct at array;
	const cJSON *item = read_array(run, "copies", &array, &to->copy_count);
	double last_phone = (double)folder->phone_count - 1;

	to->copies = page_room(run->reader, to->copy_count, sizeof(*to->copies));
	for (size_t i = 0; item && to->copies && !run->reader->status; item = item->next, i++) {
		struct at row = read_item(&array, item, i);
		struct page_copy *copy = &to->copies[i];

		copy->phone = row_index(&row, 0, folder->phone_count);
		if (run->reader->status)
			return;
		copy->file = row_index(&row, 1, folder->firmware[folder->phones[copy->phone].firmware].file_count);
		copy->from = (int32_t)read_cell(&row, 2, PAGE_FROM_NOBODY, last_phone, NAN);
		copy->level = (uint32_t)read_cell(&row, 3, 0, 255, NAN);
		copy->begun_s = read_cell(&row, 4, 0, SECONDS_MAX, NAN);
		copy->done_s = read_cell(&row, 5, 0, SECONDS_MAX, PAGE_NEVER);
		copy->tries = (uint32_t)read_cell(&row, 6, 0, 255, NAN);
		copy->direct = read_cell_string(&row, 7);
	}
}

static void take_incidents(const struct at *run, const struct page_folder *folder, struct page_run *to)
{
	struct at array;
	const cJSON *item = read_array(run, "incidents", &array, &to->incident_count);
	double last_phone = (double)folder->phone_count - 1;

	to->has_incidents = array.json != NULL;
	to->incidents = page_room(run->reader, to->incident_count, sizeof(*to->incidents));
	to->incidents_total = read_count_or(run, "incidents_total", to->incident_count);
	for (size_t i = 0; item && to->incidents && !run->reader->status; item = item->next, i++) {
		struct at row = read_item(&array, item, i);

		to->incidents[i] = (struct page_incident){
			.at_s = read_cell(&row, 0, 0, SECONDS_MAX, NAN),
			.phone = row_index(&row, 1, folder->phone_count),
			.kind = row_string(&row, 2),
			.file = (int32_t)read_cell(&row, 3, -1, PAGE_FILES_MAX - 1, NAN),
			.reason = read_cell_string(&row, 4),
			.peer = (int32_t)read_cell(&row, 5, PAGE_FROM_NOBODY, last_phone, NAN),
		};
	}
}

static void take_incident_counts(const struct at *run, struct page_run *to)
{
	struct at array;
	const cJSON *item = read_array(run, "incident_counts", &array, &to->incident_kind_count);

	to->incident_counts = page_room(run->reader, to->incident_kind_count, sizeof(*to->incident_counts));
	for (size_t i = 0; item && to->incident_counts; item = item->next, i++) {
		struct at row = read_item(&array, item, i);

		to->incident_counts[i] =
			(struct page_incident_count){ .kind = row_string(&row, 0),
						      .reason = read_cell_string(&row, 1),
						      .count = (uint64_t)read_cell(&row, 2, 0, COUNT_MAX, NAN) };
	}
}

static void take_runs(const struct at *object, struct page_folder *folder, struct page_run runs[PAGE_MODES])
{
	struct at array;
	size_t count;
	const cJSON *item = read_array(object, "runs", &array, &count);

	for (size_t i = 0; item && !object->reader->status; item = item->next, i++) {
		struct at at = read_item(&array, item, i), mode = read_member(&at, "mode");
		struct page_run *to = &runs[strcmp(read_string(&at, "mode"), "traditional") == 0];

		if (!to->there || to->detailed) {
			read_fail(&mode, -EINVAL, "is not the run that summary.json has");
			return;
		}
		to->detailed = true;
		take_completion(&at, to);
		take_meter(&at, &to->wan);
		to->sites = take_tallies(&at, "sites", &to->site_count);
		to->models = take_tallies(&at, "models", &to->model_count);
		take_copies(&at, folder, to);
		take_incidents(&at, folder, to);
		take_incident_counts(&at, to);
		if (!object->reader->status && (to->site_count != folder->site_count || to->model_count != folder->model_count))
			read_fail(&mode, -EINVAL, "has other sites or models than the fleet");
	}
}

static void check_schema(const struct at *root)
{
	struct at schema = read_member(root, "schema");

	if (strcmp(read_string(root, "schema"), REPORT_DETAIL_SCHEMA) != 0)
		read_fail(&schema, -ENOTSUP, "is of another program: this one reads \"" REPORT_DETAIL_SCHEMA "\"");
}

int page_load_detail(struct page_folder *folder, struct page_error *error)
{
	int status = read_open(folder->path, "detail.json", &folder->detail, error);
	struct at root, full, scenario;

	if (status)
		return status;
	root = read_root(&folder->detail);
	check_schema(&root);
	scenario = read_member(&root, "scenario");
	if (!folder->detail.status && strcmp(read_string(&root, "scenario"), folder->name) != 0)
		read_fail(&scenario, -EINVAL, "is another scenario than summary.json has");
	if (!folder->detail.status) {
		take_sites(&root, folder);
		take_models(&root, folder);
		take_firmware(&root, folder);
	}
	if (!folder->detail.status)
		take_phones(&root, folder);
	take_runs(&root, folder, folder->runs);
	full = read_member(&root, "full_size");
	if (full.json && folder->has_full)
		take_runs(&full, folder, folder->full);
	return folder->detail.status;
}

static void free_tallies(struct page_tally *tallies, size_t count)
{
	for (size_t i = 0; tallies && i < count; i++) {
		free(tallies[i].wan.down);
		free(tallies[i].wan.up);
	}
	free(tallies);
}

static void free_run(struct page_run *run)
{
	free(run->completion);
	free(run->wan.down);
	free(run->wan.up);
	free_tallies(run->sites, run->site_count);
	free_tallies(run->models, run->model_count);
	free(run->copies);
	free(run->incidents);
	free(run->incident_counts);
}

void page_free_detail(struct page_folder *folder)
{
	for (int i = 0; i < PAGE_MODES; i++) {
		free_run(&folder->runs[i]);
		free_run(&folder->full[i]);
	}
	free(folder->sites);
	free(folder->models);
	free(folder->subnets);
	free(folder->phones);
	free(folder->firmware);
}
