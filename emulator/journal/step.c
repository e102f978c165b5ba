/*
 * Stepping a core, and making a record of it.
 *
 * What makes a journal small: payload that is the file's own is only counted,
 * and events that bring nothing but the next piece of a file, a TFTP block or
 * a stretch of a stream, share one record.
 */
#include <string.h>

#include "emulator/journal/writer.h"

/* A record without its data: octets, addresses, lengths, an outcome, and the bounds of two segments an
 * action. */
#define RECORD_MAX (64 + 5 * PFS_ACTIONS_MAX + 20 * (PFS_ACTIONS_MAX + 2))
#define BOOT_MAX (128 + PFS_MODEL_MAX + PFS_FILES_MAX * (PFS_NAME_MAX + 24))
#define RUN_EVENT_MAX 24

_Thread_local struct journal_stepping journal_stepping;

/* ---------------------------------------------------------------- events */

/*
 * Whether what was taken is what the plan's file has there, or is not
 * materialised (virtual time): then it need not be kept.
 */
static bool is_canonical(const struct journal *journal, const struct journal_gathered *phone,
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
	return memcmp(event->data + take->skip, firmware->content[take->file] + take->offset,
		      (size_t)length) == 0;
}

/* Up to the next piece of payload that need not be kept: where it begins and ends. */
static void next_payload(const struct journal *journal, const struct journal_gathered *phone,
			 const struct pfs_event *event, const struct pfs_actions *actions, uint32_t limit,
			 uint32_t *begin, uint32_t *end)
{
	uint32_t from = *end;

	for (uint32_t i = 0; i < actions->count; i++) {
		const struct pfs_action *take = &actions->list[i];

		if (take->kind != PFS_ACT_TAKE || !take->length || take->skip < from ||
		    take->length > limit || take->skip > limit - take->length ||
		    !is_canonical(journal, phone, event, take))
			continue;
		*begin = take->skip;
		*end = take->skip + (uint32_t)take->length;
		return;
	}
	*begin = limit;
	*end = limit;
}

/* The first `limit` bytes of the event: kept and counted pieces by turns. */
static uint8_t *put_data(uint8_t *to, const struct journal *journal, const struct journal_gathered *phone,
			 const struct pfs_event *event, const struct pfs_actions *actions, uint32_t limit)
{
	uint32_t at = 0, begin, end = 0;

	while (at < limit) {
		next_payload(journal, phone, event, actions, limit, &begin, &end);
		if (begin > event->available) /* virtual time does not materialise payload */
			begin = event->available > at ? event->available : at;
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

static uint8_t *put_fields(uint8_t *to, const struct journal *journal, const struct journal_gathered *phone,
			   const struct pfs_event *event, const struct pfs_actions *actions,
			   uint32_t consumed)
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

static uint8_t *put_time(uint8_t *to, struct journal_gathered *phone, uint64_t now_us)
{
	to = journal_put_varint(to, now_us - phone->last_us);
	phone->last_us = now_us;
	return to;
}

static void put_single(struct journal *journal, struct journal_gathered *phone, const struct pfs_event *event,
		       const struct pfs_actions *actions, const struct journal_outcome *outcome)
{
	uint32_t limit = event->kind == PFS_EV_BYTES ? outcome->consumed : event->length;
	bool ok = (event->kind == PFS_EV_OPENED || event->kind == PFS_EV_VERIFIED) && event->ok;
	uint8_t *to;

	journal_end_run(phone);
	if (!journal_make_room(journal, phone,
			       RECORD_MAX + (limit < event->available ? limit : event->available)))
		return;
	to = phone->bytes + phone->length;
	to = journal_put(to, event->kind | (ok ? JOURNAL_OK : 0u), 1);
	to = put_time(to, phone, event->now_us);
	to = put_fields(to, journal, phone, event, actions, outcome->consumed);
	to = put_outcome(to, outcome, event->now_us);
	phone->block_events++;
	phone->kept++;
	journal_commit(journal, phone, to);
}

/* ------------------------------------------------------------------ runs */

/* The next block of a download, taken and acknowledged; `run` describes it. */
static bool is_block(const struct journal *journal, const struct journal_gathered *phone,
		     const struct pfs_event *event, const struct pfs_actions *actions,
		     struct journal_run *run)
{
	const struct pfs_action *take = &actions->list[0];

	if (event->kind != PFS_EV_TFTP || actions->count != 2 || take->kind != PFS_ACT_TAKE ||
	    take->skip != JOURNAL_TFTP_HEADER || take->length + JOURNAL_TFTP_HEADER != event->length ||
	    actions->list[1].kind != PFS_ACT_TFTP_SEND || event->available < JOURNAL_TFTP_HEADER ||
	    event->data[0] != 0 || event->data[1] != 3 || !is_canonical(journal, phone, event, take))
		return false;
	*run = (struct journal_run){ .code = JOURNAL_TFTP_RUN,
				     .address = event->address,
				     .port = event->port,
				     .next_block = (uint16_t)(event->data[2] << 8 | event->data[3]),
				     .length = (uint32_t)take->length };
	return true;
}

/* Bytes of a stream that all belong into a file. */
static bool is_stretch(const struct journal *journal, const struct journal_gathered *phone,
		       const struct pfs_event *event, const struct pfs_actions *actions, uint32_t consumed,
		       struct journal_run *run)
{
	const struct pfs_action *take = &actions->list[0];

	if (event->kind != PFS_EV_BYTES || actions->count != 1 || take->kind != PFS_ACT_TAKE || take->skip ||
	    take->length != event->length || consumed != event->length ||
	    !is_canonical(journal, phone, event, take))
		return false;
	*run = (struct journal_run){ .code = JOURNAL_BYTES_RUN, .conn = event->conn };
	return true;
}

static bool goes_on(const struct journal_run *run, const struct journal_run *next)
{
	return run->code == next->code && run->count < JOURNAL_RUN_MAX && run->address == next->address &&
	       run->port == next->port && run->length == next->length && run->conn == next->conn &&
	       run->next_block == next->next_block;
}

static uint8_t *begin_run(uint8_t *to, struct journal_gathered *phone, const struct journal_run *next)
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

static void put_in_run(struct journal *journal, struct journal_gathered *phone, const struct pfs_event *event,
		       const struct journal_run *next, const struct journal_outcome *outcome)
{
	uint8_t *to;

	if (!journal_make_room(journal, phone, 2 * RUN_EVENT_MAX))
		return;
	to = phone->bytes + phone->length;
	if (!phone->run.code || !goes_on(&phone->run, next)) {
		journal_end_run(phone);
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
	journal_commit(journal, phone, to);
}

/* ----------------------------------------------------------------- steps */

static struct journal_gathered *find(struct journal *journal, uint32_t number)
{
	uint32_t at = journal ? journal->index[number] : JOURNAL_NOT_CHOSEN;

	return at == JOURNAL_NOT_CHOSEN ? NULL : &journal->phones[at];
}

static bool is_what_if(const struct pfs_config *config)
{
	return config->fan_out || config->waits_percent || config->forward_early;
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
	if (is_what_if(config)) {
		to = journal_put(to, config->fan_out, 1);
		to = journal_put(to, config->waits_percent, 1);
		to = journal_put(to, config->forward_early, 1);
	}
	return to;
}

int journal_phone_init(struct journal *journal, uint32_t number, struct pfs_phone *core,
		       const struct pfs_config *config)
{
	struct journal_gathered *phone = find(journal, number);
	int error = pfs_phone_init(core, config);
	uint8_t *to;

	if (error || !phone)
		return error;
	pthread_mutex_lock(&journal->lock);
	journal_disk_begin(journal->disk);
	if (journal->cut)
		goto out;
	journal_end_run(phone);
	if (!journal_make_room(journal, phone, BOOT_MAX))
		goto out;
	phone->last_us = 0;
	phone->chain = 0;
	to = phone->bytes + phone->length;
	to = journal_put(to, JOURNAL_BOOT | (is_what_if(config) ? JOURNAL_WHAT_IF : 0u), 1);
	journal_commit(journal, phone, put_config(to, config));
out:
	pthread_mutex_unlock(&journal->lock);
	return 0;
}

uint32_t journal_step(struct journal *journal, uint32_t number, struct pfs_phone *core,
		      const struct pfs_event *event, struct pfs_actions *actions)
{
	struct journal_gathered *phone = find(journal, number);
	struct journal_outcome outcome;
	uint32_t consumed;
	struct journal_run next;

	if (!phone)
		return pfs_step(core, event, actions);
	journal_stepping = (struct journal_stepping){ .journal = journal, .phone = phone, .event = event };
	consumed = pfs_step(core, event, actions);
	journal_stepping.journal = NULL;
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

/* The event in which the core died, all of it. */
void journal_put_unfinished(struct journal *journal, struct journal_gathered *phone,
			    const struct pfs_event *event)
{
	const struct pfs_actions none = { 0 };
	uint8_t *to;

	if (journal->cut)
		return;
	journal_end_run(phone);
	if (!journal_make_room(journal, phone, RECORD_MAX + event->available))
		return;
	to = phone->bytes + phone->length;
	to = journal_put(to, event->kind | (event->ok ? JOURNAL_OK : 0u) | JOURNAL_UNFINISHED, 1);
	to = put_time(to, phone, event->now_us);
	to = put_fields(to, journal, phone, event, &none, event->length);
	phone->block_events++;
	phone->kept++;
	journal_commit(journal, phone, to);
}
