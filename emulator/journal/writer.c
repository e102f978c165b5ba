/*
 * Beginning and ending a journal: its first line, the phones in it, and at the
 * end how much entered each. See journal.h for what it is, docs/journal.md for
 * the format.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "emulator/journal/writer.h"

/* What people want to know of the run, and the names by which a replay finds its trace kinds. */
static char *first_line(const struct journal_options *options, uint32_t phones)
{
	const struct plan *plan = options->plan;
	cJSON *line = cJSON_CreateObject(), *kinds;
	char seed[24], *text;

	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)plan->seed);
	cJSON_AddStringToObject(line, "format", JOURNAL_FORMAT);
	cJSON_AddStringToObject(line, "scenario", plan->name);
	cJSON_AddStringToObject(line, "engine", options->engine);
	cJSON_AddStringToObject(line, "mode", options->traditional ? "traditional" : "pfs");
	cJSON_AddStringToObject(line, "seed", seed);
	cJSON_AddNumberToObject(line, "speed", plan->speed_milli / 1000.0);
	cJSON_AddNumberToObject(line, "scale", plan->scale_ppm / 1e6);
	cJSON_AddNumberToObject(line, "origin_s", (double)options->origin_s);
	cJSON_AddNumberToObject(line, "phones", phones);
	kinds = cJSON_AddArrayToObject(line, "trace");
	for (int kind = 0; kind < PFS_TR_KINDS; kind++)
		cJSON_AddItemToArray(kinds, cJSON_CreateString(pfs_trace_name((enum pfs_trace_kind)kind)));
	text = cJSON_PrintUnformatted(line);
	cJSON_Delete(line);
	return text;
}

static int write_line(struct journal *journal, const struct journal_options *options)
{
	uint8_t block[JOURNAL_HEADER_BYTES + 8];
	char *line = first_line(options, journal->phone_count);
	size_t length = line ? strlen(line) : 0;
	int error;

	if (!line)
		return -ENOMEM;
	line[length] = '\n'; /* in the place of its NUL */
	journal_put(block + JOURNAL_HEADER_BYTES, XXH3_64bits(line, length + 1), 8);
	journal_put_header(block, JOURNAL_BLOCK_LINE, JOURNAL_NO_PHONE, 0, 0, 0, block + JOURNAL_HEADER_BYTES,
			   8);
	error = journal_disk_append(journal->disk, line, length + 1);
	if (!error)
		error = journal_disk_append(journal->disk, block, sizeof(block));
	journal->bytes = length + 1 + sizeof(block);
	journal->first_blocks = 1;
	cJSON_free(line);
	return error;
}

static int put_phone(struct journal *journal, uint32_t number)
{
	const struct plan_phone *phone = &journal->plan->phones[number];
	uint8_t header[JOURNAL_HEADER_BYTES], payload[4 + 4 * 256], *to = payload;
	uint32_t length;

	to = journal_put(to, phone->address, 4);
	to = journal_put_text(to, phone->name);
	to = journal_put_text(to, journal->plan->sites[phone->site].name);
	to = journal_put_text(to, journal->plan->subnets[phone->subnet].name);
	to = journal_put_text(to, journal->plan->models[phone->model].name);
	length = (uint32_t)(to - payload);
	journal_put_header(header, JOURNAL_BLOCK_PHONE, number, 0, 0, 0, payload, length);
	journal->bytes += JOURNAL_HEADER_BYTES + length;
	return journal_disk_put(journal->disk, header, sizeof(header), payload, length);
}

static int choose_phones(struct journal *journal, const uint8_t *chosen)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < journal->plan->phone_count; i++)
		count += !chosen || chosen[i];
	journal->index = malloc(((size_t)journal->plan->phone_count + 1) * sizeof(*journal->index));
	journal->phones = calloc((size_t)count + 1, sizeof(*journal->phones));
	if (!journal->index || !journal->phones)
		return -ENOMEM;
	journal->phone_count = 0;
	for (uint32_t i = 0; i < journal->plan->phone_count; i++) {
		journal->index[i] = JOURNAL_NOT_CHOSEN;
		if (chosen && !chosen[i])
			continue;
		journal->index[i] = journal->phone_count;
		journal->phones[journal->phone_count++].number = i;
	}
	return 0;
}

int journal_new(const struct journal_options *options, struct journal **journal)
{
	struct journal *made = calloc(1, sizeof(*made));
	int error = -ENOMEM;

	*journal = NULL;
	if (!made)
		return error;
	pthread_mutex_init(&made->lock, NULL);
	made->plan = options->plan;
	made->bytes_max = options->bytes_max;
	made->path = strdup(options->path);
	if (made->path)
		error = choose_phones(made, options->chosen);
	if (!error)
		error = journal_disk_open(options->path, &made->disk);
	if (!error)
		error = write_line(made, options);
	for (uint32_t i = 0; !error && i < made->phone_count; i++)
		error = put_phone(made, made->phones[i].number);
	if (!error) {
		journal_disk_flush(made->disk);
		error = -journal_disk_error(made->disk);
	}
	if (error) {
		journal_discard(made);
		return error;
	}
	*journal = made;
	return 0;
}

/* How much entered each phone, so that a reader knows what is missing; then the end. Returns 0 or a negative
 * errno. */
static int write_end(struct journal *journal, uint32_t blocks)
{
	size_t each = JOURNAL_HEADER_BYTES + 8, size = (journal->phone_count + 1) * each;
	uint8_t *bytes = malloc(size), *at = bytes;
	int error;

	if (!bytes)
		return -ENOMEM;
	for (uint32_t i = 0; i < journal->phone_count; i++, at += each) {
		const struct journal_gathered *phone = &journal->phones[i];

		journal_put(at + JOURNAL_HEADER_BYTES, phone->events, 8);
		journal_put_header(at, JOURNAL_BLOCK_PHONE_END, phone->number, 0, 0, 0,
				   at + JOURNAL_HEADER_BYTES, 8);
	}
	journal_put(at + JOURNAL_HEADER_BYTES, (uint64_t)journal->cut, 8);
	journal_put_header(at, JOURNAL_BLOCK_END, JOURNAL_NO_PHONE, blocks + journal->phone_count, 0, 0,
			   at + JOURNAL_HEADER_BYTES, 8);
	error = journal_disk_append(journal->disk, bytes, size);
	free(bytes);
	return error;
}

static void release(struct journal *journal)
{
	if (journal->disk)
		journal_disk_close(journal->disk);
	for (uint32_t i = 0; journal->phones && i < journal->phone_count; i++)
		free(journal->phones[i].bytes);
	free(journal->phones);
	free(journal->index);
	free(journal->path);
	pthread_mutex_destroy(&journal->lock);
	free(journal);
}

/* All blocks and the end. Returns 0 or the negative errno of the disk. */
static int finish(struct journal *journal)
{
	uint64_t bytes;
	uint32_t blocks;
	int error, end_error;

	for (uint32_t i = 0; i < journal->phone_count && !journal->cut; i++)
		if (journal_close_block(journal, &journal->phones[i]) < 0)
			journal_cut_here(journal, JOURNAL_CUT_MEMORY);
	journal_disk_drain(journal->disk, &bytes, &blocks);
	error = -journal_disk_error(journal->disk);
	if (error)
		journal->cut = JOURNAL_CUT_DISK;
	end_error = write_end(journal, blocks + journal->first_blocks);
	return error ? error : end_error;
}

void journal_rescue(struct journal *journal)
{
	if (!journal || journal_stepping.journal != journal)
		return;
	journal_stepping.journal = NULL;
	/* For good: whoever else steps a phone waits for the end. This thread does not hold it in a step. */
	pthread_mutex_lock(&journal->lock);
	journal_stepping.phone->events++;
	journal_put_unfinished(journal, journal_stepping.phone, journal_stepping.event);
	journal_cut_here(journal, JOURNAL_CUT_ASSERTION);
	finish(journal);
}

void journal_close(struct journal *journal, struct journal_result *result)
{
	struct journal_result own = { 0 };
	uint32_t blocks;
	int error;

	if (!result)
		result = &own;
	*result = own;
	if (!journal)
		return;
	error = finish(journal);
	result->phones = journal->phone_count;
	for (uint32_t i = 0; i < journal->phone_count; i++) {
		result->events += journal->phones[i].events;
		result->events_lost += journal->phones[i].events - journal->phones[i].kept;
	}
	result->cut = error ? JOURNAL_CUT_DISK : journal->cut;
	result->disk_error = -error;
	journal_disk_drain(journal->disk, &result->bytes, &blocks);
	release(journal);
}

void journal_discard(struct journal *journal)
{
	uint64_t bytes;
	uint32_t blocks;

	if (!journal)
		return;
	if (journal->disk) {
		journal_disk_drain(journal->disk, &bytes, &blocks);
		unlink(journal->path);
	}
	release(journal);
}

const char *journal_cut_name(enum journal_cut why)
{
	static const char *const reasons[JOURNAL_CUTS] = { "whole", "size limit", "disk error", "no memory",
							   "a core's assertion" };

	return why < JOURNAL_CUTS ? reasons[why] : NULL;
}
