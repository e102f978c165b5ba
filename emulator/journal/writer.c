/*
 * Writing a journal: each step becomes a record of the phone that was stepped,
 * records become blocks. See journal.h for what it is, docs/journal.md for the
 * format.
 *
 * What makes a journal small: payload that is the file's own is only counted,
 * and events that bring nothing but the next piece of a file, a TFTP block or
 * a stretch of a stream, share one record.
 */
#include "emulator/journal/journal.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <xxhash.h>

#include "emulator/journal/disk.h"
#include "emulator/journal/format.h"

#define BLOCK_BYTES 8192    /* a block is closed once it has so many */
#define ROOM_MIN 512
#define ROOM_KEPT (4 * BLOCK_BYTES) /* a buffer that one large event made larger is not kept */
/* A record without its data: octets, addresses, lengths, an outcome, and the bounds of two segments an action. */
#define RECORD_MAX (64 + 5 * PFS_ACTIONS_MAX + 20 * (PFS_ACTIONS_MAX + 2))
#define BOOT_MAX (128 + PFS_MODEL_MAX + PFS_FILES_MAX * (PFS_NAME_MAX + 24))
#define RUN_EVENT_MAX 24
#define NOT_CHOSEN UINT32_MAX

/* An open run: its count is at count_at and is written when it ends. */
struct run {
	uint8_t code;           /* 0: none is open */
	uint16_t port, next_block;
	uint32_t count, count_at;
	uint32_t address, length, conn;
};

struct phone {
	uint8_t *bytes;         /* records of the block that is being gathered */
	uint32_t length, room;
	uint32_t number;        /* in the plan */
	uint32_t sequence;      /* blocks so far */
	uint32_t block_events;
	uint64_t events;        /* entered so far, whether or not they are in the file */
	uint64_t kept;          /* of these, in blocks or waiting for one */
	uint64_t last_us;       /* time of the record before; 0 at the beginning of a block and of a boot */
	uint64_t chain;         /* journal_outcome()'s digest */
	struct run run;
};

struct journal {
	pthread_mutex_t lock;      /* of all below: phones are stepped by several threads */
	const struct plan *plan;
	char *path;
	struct journal_disk *disk;
	uint64_t bytes_max, bytes; /* put so far, what waits included */
	uint32_t phone_count;
	struct phone *phones;      /* the chosen ones, ascending */
	uint32_t *index;           /* one a phone of the plan: in phones, or NOT_CHOSEN */
	uint32_t first_blocks;     /* blocks written at once, before all others */
	enum journal_cut cut;
};

/* ---------------------------------------------------------------- blocks */

static void put_header(uint8_t header[JOURNAL_HEADER_BYTES], enum journal_block type, uint32_t phone,
		       uint32_t sequence, uint32_t events, uint64_t first_event, const void *payload,
		       uint32_t length)
{
	uint8_t *to = journal_put(header, JOURNAL_MAGIC, 4);

	to = journal_put(to, (uint64_t)type, 4);
	to = journal_put(to, phone, 4);
	to = journal_put(to, sequence, 4);
	to = journal_put(to, length, 4);
	to = journal_put(to, events, 4);
	to = journal_put(to, first_event, 8);
	assert(to == header + JOURNAL_CHECKED_BYTES);
	journal_put(to, journal_checksum(header, payload, length), 8);
}

static void release_buffer(struct phone *phone)
{
	free(phone->bytes);
	phone->bytes = NULL;
	phone->room = phone->length = 0;
}

static void end_run(struct phone *phone)
{
	if (phone->run.code)
		journal_put(phone->bytes + phone->run.count_at, phone->run.count, 2);
	phone->run.code = 0;
}

/* The phone's records become a block on its way to the disk. Returns 0 or -ENOMEM. */
static int close_block(struct journal *journal, struct phone *phone)
{
	uint8_t header[JOURNAL_HEADER_BYTES];
	int error;

	end_run(phone);
	if (!phone->length)
		return 0;
	put_header(header, JOURNAL_BLOCK_EVENTS, phone->number, phone->sequence, phone->block_events,
		   phone->kept - phone->block_events + 1, phone->bytes, phone->length);
	error = journal_disk_put(journal->disk, header, sizeof(header), phone->bytes, phone->length);
	journal->bytes += JOURNAL_HEADER_BYTES;
	if (error)
		phone->kept -= phone->block_events;
	else
		phone->sequence++;
	phone->block_events = 0;
	phone->length = 0;
	phone->last_us = 0;
	if (phone->room > ROOM_KEPT)
		release_buffer(phone);
	return error;
}

/* From now on events are only counted. What each phone has until here stays. */
static void cut(struct journal *journal, enum journal_cut why)
{
	if (journal->cut)
		return;
	journal->cut = why;
	for (uint32_t i = 0; i < journal->phone_count; i++) {
		if (close_block(journal, &journal->phones[i]) < 0)
			journal->cut = JOURNAL_CUT_MEMORY;
		release_buffer(&journal->phones[i]);
	}
}

/* Room for `size` more bytes. False: there is none, and the journal has been cut. */
static bool make_room(struct journal *journal, struct phone *phone, size_t size)
{
	size_t room = phone->room ? phone->room : ROOM_MIN;
	uint8_t *bytes;

	while (room < phone->length + size)
		room *= 2;
	if (room == phone->room)
		return true;
	bytes = room <= JOURNAL_PAYLOAD_MAX ? realloc(phone->bytes, room) : NULL;
	if (!bytes) {
		cut(journal, JOURNAL_CUT_MEMORY);
		return false;
	}
	phone->bytes = bytes;
	phone->room = (uint32_t)room;
	return true;
}

/* Records up to `end` are the phone's now. */
static void commit(struct journal *journal, struct phone *phone, const uint8_t *end)
{
	uint32_t length = (uint32_t)(end - phone->bytes);

	journal->bytes += length - phone->length;
	phone->length = length;
	if (phone->length >= BLOCK_BYTES && close_block(journal, phone) < 0)
		cut(journal, JOURNAL_CUT_MEMORY);
	else if (journal->bytes >= journal->bytes_max)
		cut(journal, JOURNAL_CUT_SIZE);
	else if (journal_disk_error(journal->disk))
		cut(journal, JOURNAL_CUT_DISK);
}

/* ---------------------------------------------------------------- events */

/*
 * Whether what was taken is what the plan's file has there, or is not
 * materialised (virtual time): then it need not be kept.
 */
static bool is_canonical(const struct journal *journal, const struct phone *phone,
			 const struct pfs_event *event, const struct pfs_action *take)
{
	const struct plan_firmware *firmware = plan_phone_firmware(journal->plan, phone->number);
	uint64_t length = take->length;

	if (take->skip >= event->available)
		return true;
	if (length > event->available - take->skip)
		length = event->available - take->skip;
	if (take->file >= firmware->file_count || !firmware->content[take->file] ||
	    take->offset > firmware->files[take->file].size ||
	    length > firmware->files[take->file].size - take->offset)
		return false;
	return memcmp(event->data + take->skip, firmware->content[take->file] + take->offset, (size_t)length) == 0;
}

/* Up to the next piece of payload that need not be kept: where it begins and ends. */
static void next_payload(const struct journal *journal, const struct phone *phone, const struct pfs_event *event,
			 const struct pfs_actions *actions, uint32_t limit, uint32_t *begin, uint32_t *end)
{
	uint32_t from = *end;

	for (uint32_t i = 0; i < actions->count; i++) {
		const struct pfs_action *take = &actions->list[i];

		if (take->kind != PFS_ACT_TAKE || !take->length || take->skip < from ||
		    !is_canonical(journal, phone, event, take))
			continue;
		*begin = take->skip;
		*end = take->skip + (uint32_t)take->length;
		return;
	}
	*begin = event->available < limit ? event->available : limit;
	*end = limit;
}

/* The first `limit` bytes of the event: kept and counted pieces by turns. */
static uint8_t *put_data(uint8_t *to, const struct journal *journal, const struct phone *phone,
			 const struct pfs_event *event, const struct pfs_actions *actions, uint32_t limit)
{
	uint32_t at = 0, begin, end = 0;

	while (at < limit) {
		next_payload(journal, phone, event, actions, limit, &begin, &end);
		if (begin < at)
			begin = at;
		to = journal_put_varint(to, begin - at);
		memcpy(to, event->data + at, begin - at);
		to += begin - at;
		to = journal_put_varint(to, end - begin);
		at = end;
	}
	return to;
}

static uint8_t *put_outcome(uint8_t *to, const struct journal_outcome *outcome, uint64_t now_us)
{
	to = journal_put_varint(to, outcome->count);
	for (uint32_t i = 0; i < outcome->count; i++) {
		to = journal_put(to, outcome->acts[i].kind, 1);
		to = journal_put(to, outcome->acts[i].hash, 4);
	}
	to = journal_put_varint(to, journal_deadline_code(outcome->deadline_us, now_us));
	return journal_put(to, outcome->digest, 4);
}

static uint8_t *put_fields(uint8_t *to, const struct journal *journal, const struct phone *phone,
			   const struct pfs_event *event, const struct pfs_actions *actions, uint32_t consumed)
{
	switch ((enum pfs_event_kind)event->kind) {
	case PFS_EV_OPENED:
		return journal_put(to, (uint32_t)event->descriptor, 4);
	case PFS_EV_DATAGRAM:
	case PFS_EV_TFTP:
		to = journal_put(to, event->address, 4);
		to = journal_put(to, event->port, 2);
		to = journal_put_varint(to, event->length);
		return put_data(to, journal, phone, event, actions, event->length);
	case PFS_EV_ACCEPTED:
		to = journal_put_varint(to, event->conn);
		return journal_put(to, event->address, 4);
	case PFS_EV_BYTES:
		to = journal_put_varint(to, event->conn);
		to = journal_put_varint(to, event->length);
		to = journal_put_varint(to, consumed);
		return put_data(to, journal, phone, event, actions, consumed);
	case PFS_EV_CONNECTED:
	case PFS_EV_EOF:
	case PFS_EV_LOST:
	case PFS_EV_SENT:
		return journal_put_varint(to, event->conn);
	case PFS_EV_VERIFIED:
		return journal_put(to, event->file, 1);
	case PFS_EV_START:
	case PFS_EV_TIME:
	case PFS_EV_TFTP_REFUSED:
	case PFS_EV_KINDS:
		break;
	}
	return to;
}

static uint8_t *put_time(uint8_t *to, struct phone *phone, uint64_t now_us)
{
	to = journal_put_varint(to, now_us - phone->last_us);
	phone->last_us = now_us;
	return to;
}

static void put_single(struct journal *journal, struct phone *phone, const struct pfs_event *event,
		       const struct pfs_actions *actions, const struct journal_outcome *outcome)
{
	uint32_t limit = event->kind == PFS_EV_BYTES ? outcome->consumed : event->length;
	bool ok = (event->kind == PFS_EV_OPENED || event->kind == PFS_EV_VERIFIED) && event->ok;
	uint8_t *to;

	end_run(phone);
	if (!make_room(journal, phone, RECORD_MAX + (limit < event->available ? limit : event->available)))
		return;
	to = phone->bytes + phone->length;
	to = journal_put(to, event->kind | (ok ? JOURNAL_OK : 0u), 1);
	to = put_time(to, phone, event->now_us);
	to = put_fields(to, journal, phone, event, actions, outcome->consumed);
	to = put_outcome(to, outcome, event->now_us);
	phone->block_events++;
	phone->kept++;
	commit(journal, phone, to);
}

/* ------------------------------------------------------------------ runs */

/* The next block of a download, taken and acknowledged; `run` describes it. */
static bool is_block(const struct journal *journal, const struct phone *phone, const struct pfs_event *event,
		     const struct pfs_actions *actions, struct run *run)
{
	const struct pfs_action *take = &actions->list[0];

	if (event->kind != PFS_EV_TFTP || actions->count != 2 || take->kind != PFS_ACT_TAKE ||
	    take->skip != JOURNAL_TFTP_HEADER || take->length + JOURNAL_TFTP_HEADER != event->length ||
	    actions->list[1].kind != PFS_ACT_TFTP_SEND || event->data[0] != 0 || event->data[1] != 3 ||
	    !is_canonical(journal, phone, event, take))
		return false;
	*run = (struct run){ .code = JOURNAL_TFTP_RUN,
			     .address = event->address,
			     .port = event->port,
			     .next_block = (uint16_t)(event->data[2] << 8 | event->data[3]),
			     .length = (uint32_t)take->length };
	return true;
}

/* Bytes of a stream that all belong into a file. */
static bool is_stretch(const struct journal *journal, const struct phone *phone, const struct pfs_event *event,
		       const struct pfs_actions *actions, uint32_t consumed, struct run *run)
{
	const struct pfs_action *take = &actions->list[0];

	if (event->kind != PFS_EV_BYTES || actions->count != 1 || take->kind != PFS_ACT_TAKE || take->skip ||
	    take->length != event->length || consumed != event->length ||
	    !is_canonical(journal, phone, event, take))
		return false;
	*run = (struct run){ .code = JOURNAL_BYTES_RUN, .conn = event->conn };
	return true;
}

static bool goes_on(const struct run *run, const struct run *next)
{
	return run->code == next->code && run->count < JOURNAL_RUN_MAX && run->address == next->address &&
	       run->port == next->port && run->length == next->length && run->conn == next->conn &&
	       run->next_block == next->next_block;
}

static uint8_t *begin_run(uint8_t *to, struct phone *phone, const struct run *next)
{
	phone->run = *next;
	to = journal_put(to, next->code, 1);
	if (next->code == JOURNAL_TFTP_RUN) {
		to = journal_put(to, next->address, 4);
		to = journal_put(to, next->port, 2);
		to = journal_put(to, next->next_block, 2);
		to = journal_put_varint(to, next->length);
	} else {
		to = journal_put_varint(to, next->conn);
	}
	phone->run.count_at = (uint32_t)(to - phone->bytes);
	return journal_put(to, 0, 2);
}

static void put_in_run(struct journal *journal, struct phone *phone, const struct pfs_event *event,
		       const struct run *next, const struct journal_outcome *outcome)
{
	uint8_t *to;

	if (!make_room(journal, phone, 2 * RUN_EVENT_MAX))
		return;
	to = phone->bytes + phone->length;
	if (!phone->run.code || !goes_on(&phone->run, next)) {
		end_run(phone);
		to = begin_run(to, phone, next);
	}
	to = put_time(to, phone, event->now_us);
	if (next->code == JOURNAL_BYTES_RUN)
		to = journal_put_varint(to, event->length);
	to = journal_put(to, outcome->digest, 4);
	phone->run.count++;
	if (next->code == JOURNAL_TFTP_RUN)
		phone->run.next_block++;
	phone->block_events++;
	phone->kept++;
	commit(journal, phone, to);
}

/* ----------------------------------------------------------------- steps */

static struct phone *find(struct journal *journal, uint32_t number)
{
	uint32_t at = journal ? journal->index[number] : NOT_CHOSEN;

	return at == NOT_CHOSEN ? NULL : &journal->phones[at];
}

static uint8_t *put_config(uint8_t *to, const struct pfs_config *config)
{
	to = journal_put(to, config->seed, 8);
	to = journal_put(to, config->boot, 8);
	to = journal_put(to, config->phone, 4);
	to = journal_put(to, config->address, 4);
	to = journal_put(to, config->netmask, 4);
	to = journal_put(to, config->tftp_server, 4);
	to = journal_put(to, config->strength, 4);
	to = journal_put(to, config->tftp_blksize, 2);
	to = journal_put(to, config->tftp_tsize, 1);
	to = journal_put(to, config->tftp_timeout_s, 1);
	to = journal_put(to, config->part, 1);
	to = journal_put(to, config->origin, 1);
	to = journal_put_text(to, config->model);
	to = journal_put(to, config->file_count, 1);
	for (uint32_t i = 0; i < config->file_count; i++) {
		to = journal_put_text(to, config->files[i].name);
		to = journal_put(to, config->files[i].size, 8);
		to = journal_put(to, config->files[i].digest, 8);
	}
	return to;
}

int journal_phone_init(struct journal *journal, uint32_t number, struct pfs_phone *core,
		       const struct pfs_config *config)
{
	struct phone *phone = find(journal, number);
	int error = pfs_phone_init(core, config);
	uint8_t *to;

	if (error || !phone)
		return error;
	pthread_mutex_lock(&journal->lock);
	if (journal->cut)
		goto out;
	end_run(phone);
	if (!make_room(journal, phone, BOOT_MAX))
		goto out;
	phone->last_us = 0;
	phone->chain = 0;
	to = phone->bytes + phone->length;
	to = journal_put(to, JOURNAL_BOOT, 1);
	commit(journal, phone, put_config(to, config));
out:
	pthread_mutex_unlock(&journal->lock);
	return 0;
}

uint32_t journal_step(struct journal *journal, uint32_t number, struct pfs_phone *core,
		      const struct pfs_event *event, struct pfs_actions *actions)
{
	uint32_t consumed = pfs_step(core, event, actions);
	struct phone *phone = find(journal, number);
	struct journal_outcome outcome;
	struct run next;

	if (!phone)
		return consumed;
	pthread_mutex_lock(&journal->lock);
	phone->events++;
	if (journal->cut)
		goto out;
	journal_outcome(actions, consumed, pfs_deadline(core), NULL, &phone->chain, &outcome);
	if (is_block(journal, phone, event, actions, &next) ||
	    is_stretch(journal, phone, event, actions, consumed, &next))
		put_in_run(journal, phone, event, &next, &outcome);
	else
		put_single(journal, phone, event, actions, &outcome);
out:
	pthread_mutex_unlock(&journal->lock);
	return consumed;
}

/* --------------------------------------------------- beginning and ending */

/* The first line: what people want to know of the run, and the names by which a replay finds its trace kinds. */
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
	put_header(block, JOURNAL_BLOCK_LINE, JOURNAL_NO_PHONE, 0, 0, 0, block + JOURNAL_HEADER_BYTES, 8);
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
	put_header(header, JOURNAL_BLOCK_PHONE, number, 0, 0, 0, payload, length);
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
		journal->index[i] = NOT_CHOSEN;
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
	if (error) {
		journal_discard(made);
		return error;
	}
	*journal = made;
	return 0;
}

/* How much entered each phone, so that a reader knows what is missing; then the end. Returns 0 or a negative errno. */
static int write_end(struct journal *journal, uint32_t blocks)
{
	size_t each = JOURNAL_HEADER_BYTES + 8, size = (journal->phone_count + 1) * each;
	uint8_t *bytes = malloc(size), *at = bytes;
	int error;

	if (!bytes)
		return -ENOMEM;
	for (uint32_t i = 0; i < journal->phone_count; i++, at += each) {
		const struct phone *phone = &journal->phones[i];

		journal_put(at + JOURNAL_HEADER_BYTES, phone->events, 8);
		put_header(at, JOURNAL_BLOCK_PHONE_END, phone->number, 0, 0, 0, at + JOURNAL_HEADER_BYTES, 8);
	}
	journal_put(at + JOURNAL_HEADER_BYTES, (uint64_t)journal->cut, 8);
	put_header(at, JOURNAL_BLOCK_END, JOURNAL_NO_PHONE, blocks + journal->phone_count, 0, 0,
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

void journal_close(struct journal *journal, struct journal_result *result)
{
	struct journal_result own = { 0 };
	uint64_t bytes;
	uint32_t blocks;
	int error;

	if (!result)
		result = &own;
	*result = own;
	if (!journal)
		return;
	for (uint32_t i = 0; i < journal->phone_count && !journal->cut; i++)
		if (close_block(journal, &journal->phones[i]) < 0)
			cut(journal, JOURNAL_CUT_MEMORY);
	journal_disk_drain(journal->disk, &bytes, &blocks);
	error = -journal_disk_error(journal->disk);
	if (error)
		journal->cut = JOURNAL_CUT_DISK;
	if (write_end(journal, blocks + journal->first_blocks) < 0 && !error)
		error = -EIO;
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
	static const char *const reasons[JOURNAL_CUTS] = { "whole", "size limit", "disk error", "no memory" };

	return why < JOURNAL_CUTS ? reasons[why] : NULL;
}
