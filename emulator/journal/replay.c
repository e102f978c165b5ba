/*
 * See replay.h. A journal is anybody's file and another build may be what is
 * stepped: an event that this core, as it stands now, cannot be given (pfs.h
 * says which) is a difference, and never reaches it.
 */
#include "emulator/journal/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct replay {
	const struct replay_options *options;
	const struct journal_info *info;
	struct replay_result *result;
	struct pfs_phone core;
	struct pfs_actions actions;
	uint64_t boot, chain;
	/* what the world would know of the phone's connections, by slot */
	uint32_t live[PFS_CONNS_MAX], owed[PFS_CONNS_MAX];
};

/* ----------------------------------------------------------------- words */

static size_t add(char *text, size_t size, size_t at, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Appends as far as there is room; returns where the text then ends. */
static size_t add(char *text, size_t size, size_t at, const char *format, ...)
{
	va_list arguments;
	int length;

	if (at + 1 >= size)
		return at;
	va_start(arguments, format);
	length = vsnprintf(text + at, size - at, format, arguments);
	va_end(arguments);
	if (length < 0)
		return at;
	return at + (size_t)length < size ? at + (size_t)length : size - 1;
}

static size_t add_address(char *text, size_t size, size_t at, uint32_t address)
{
	return add(text, size, at, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff, address >> 8 & 0xff,
		   address & 0xff);
}

static size_t add_bytes(char *text, size_t size, size_t at, const uint8_t *bytes, uint64_t length)
{
	for (uint64_t i = 0; i < length; i++)
		at = add(text, size, at, "%02x", bytes[i]);
	return at;
}

char *replay_describe_event(const struct pfs_event *event, uint64_t payload, char *text, size_t size)
{
	size_t at = add(text, size, 0, "%s", journal_event_name(event->kind));

	switch ((enum pfs_event_kind)event->kind) {
	case PFS_EV_OPENED:
		add(text, size, at, " %s, descriptor %" PRId32, event->ok ? "good" : "bad",
		    event->descriptor);
		break;
	case PFS_EV_DATAGRAM:
	case PFS_EV_TFTP:
		at = add_address(text, size, add(text, size, at, " from "), event->address);
		at = add(text, size, at, ":%u, %" PRIu32 " bytes", event->port, event->length);
		if (event->kind == PFS_EV_TFTP && event->length >= JOURNAL_TFTP_HEADER)
			add(text, size, at, ", opcode %u, number %u", event->data[0] << 8 | event->data[1],
			    event->data[2] << 8 | event->data[3]);
		break;
	case PFS_EV_ACCEPTED:
		add_address(text, size, add(text, size, at, " connection %" PRIx32 " from ", event->conn),
			    event->address);
		break;
	case PFS_EV_BYTES:
		at = add(text, size, at, " on connection %" PRIx32 ", %" PRIu32 " bytes", event->conn,
			 event->length);
		if (payload)
			add(text, size, at, ", %" PRIu64 " of them a file's", payload);
		break;
	case PFS_EV_CONNECTED:
	case PFS_EV_EOF:
	case PFS_EV_LOST:
	case PFS_EV_SENT:
		add(text, size, at, " on connection %" PRIx32, event->conn);
		break;
	case PFS_EV_VERIFIED:
		add(text, size, at, " file %u: %s", event->file, event->ok ? "good" : "bad");
		break;
	case PFS_EV_START:
	case PFS_EV_TIME:
	case PFS_EV_TFTP_REFUSED:
	case PFS_EV_KINDS:
		break;
	}
	return text;
}

char *replay_describe_action(const struct pfs_action *action, char *text, size_t size)
{
	const struct pfs_trace *trace = &action->trace;
	size_t at = add(text, size, 0, "%s", journal_action_name(action->kind));

	switch ((enum pfs_action_kind)action->kind) {
	case PFS_ACT_TFTP_SEND:
		at = add_address(text, size, add(text, size, at, " to "), action->address);
		at = add(text, size, at, ":%u", action->port);
		add_bytes(text, size, add(text, size, at, " "), action->bytes, action->length);
		break;
	case PFS_ACT_SEND:
		at = add(text, size, at, " on connection %" PRIx32 " ", action->conn);
		add_bytes(text, size, at, action->bytes, action->length);
		break;
	case PFS_ACT_BROADCAST:
		add_bytes(text, size, add(text, size, at, " "), action->bytes, action->length);
		break;
	case PFS_ACT_CONNECT:
		add_address(text, size, add(text, size, at, " connection %" PRIx32 " to ", action->conn),
			    action->address);
		break;
	case PFS_ACT_SEND_FILE:
		add(text, size, at, " on connection %" PRIx32 " file %u from %" PRIu64 ", %" PRIu64 " bytes",
		    action->conn, action->file, action->offset, action->length);
		break;
	case PFS_ACT_SHUTDOWN:
	case PFS_ACT_DROP:
		add(text, size, at, " connection %" PRIx32, action->conn);
		break;
	case PFS_ACT_TAKE:
		add(text, size, at, " file %u at %" PRIu64 ", %" PRIu64 " bytes from %" PRIu32, action->file,
		    action->offset, action->length, action->skip);
		break;
	case PFS_ACT_VERIFY:
	case PFS_ACT_DISCARD:
		add(text, size, at, " file %u", action->file);
		break;
	case PFS_ACT_TRACE:
		at = add(text, size, at, " %s file %u xid %" PRIx32 " address ",
			 pfs_trace_name((enum pfs_trace_kind)trace->kind), trace->file, trace->xid);
		at = add_address(text, size, at, trace->address);
		add(text, size, at, " a %" PRIu32 " b %" PRIu32 " c %" PRIu64, trace->a, trace->b, trace->c);
		break;
	case PFS_ACT_OPEN:
	case PFS_ACT_CLOSE:
	case PFS_ACT_TFTP_OPEN:
	case PFS_ACT_TFTP_CLOSE:
	case PFS_ACT_KINDS:
		break;
	}
	return text;
}

static size_t add_time(char *text, size_t size, size_t at, uint64_t us)
{
	if (us == PFS_TIME_NEVER)
		return add(text, size, at, "never");
	return add(text, size, at, "%" PRIu64 ".%06" PRIu64 " s", us / 1000000, us % 1000000);
}

static size_t add_act(const struct replay *replay, char *text, size_t size, size_t at, uint8_t kind)
{
	if (kind & JOURNAL_TRACE_BIT)
		return add(text, size, at, "TRACE %s", replay->info->kind_names[kind & ~JOURNAL_TRACE_BIT]);
	return add(text, size, at, "%s", journal_action_name(kind));
}

static size_t add_acts(const struct replay *replay, char *text, size_t size, size_t at,
		       const struct journal_outcome *outcome)
{
	if (!outcome->count)
		at = add(text, size, at, "no action");
	for (uint32_t i = 0; i < outcome->count; i++)
		at = add_act(replay, text, size, add(text, size, at, "%s", i ? ", " : ""),
			     outcome->acts[i].kind);
	return at;
}

/* The seen action that became the outcome's entry of that index. */
static const struct pfs_action *action_of(const struct replay *replay, uint32_t entry)
{
	for (uint32_t i = 0; i < replay->actions.count; i++) {
		const struct pfs_action *action = &replay->actions.list[i];

		if (action->kind == PFS_ACT_TRACE &&
		    replay->info->kinds[action->trace.kind] >= JOURNAL_TRACE_BIT)
			continue;
		if (!entry--)
			return action;
	}
	return NULL;
}

/* ----------------------------------------------------------- differences */

static struct replay_difference *differ(struct replay *replay, const struct journal_item *item)
{
	struct replay_difference *difference = &replay->result->difference;

	replay->result->differs = true;
	difference->event = item->number;
	difference->boot = replay->boot;
	difference->at_us = item->event.now_us;
	replay_describe_event(&item->event, item->payload, difference->entered, sizeof(difference->entered));
	return difference;
}

#define EXPECTED difference->expected, sizeof(difference->expected)
#define SEEN difference->seen, sizeof(difference->seen)

/* The entry of that index is not what was expected; either list may have ended. */
static void differ_at(struct replay *replay, const struct journal_item *item,
		      const struct journal_outcome *expected, uint32_t at_expected,
		      const struct journal_outcome *seen, uint32_t at_seen)
{
	struct replay_difference *difference = differ(replay, item);
	size_t at = add_acts(replay, EXPECTED, 0, expected);
	bool same_kind = at_expected < expected->count && at_seen < seen->count &&
			 expected->acts[at_expected].kind == seen->acts[at_seen].kind;
	const struct pfs_action *action = at_seen < seen->count ? action_of(replay, at_seen) : NULL;
	char text[700];

	if (same_kind)
		add_act(replay, EXPECTED,
			add(EXPECTED, at, "; of these the %s (number %" PRIu32 ") with another content: ",
			    expected->acts[at_expected].kind & JOURNAL_TRACE_BIT ? "trace record" : "action",
			    at_expected + 1),
			expected->acts[at_expected].kind);
	at = add_acts(replay, SEEN, 0, seen);
	if (action)
		add(SEEN, at, "; number %" PRIu32 " is %s", at_seen + 1,
		    replay_describe_action(action, text, sizeof(text)));
}

/* What the events of a run come to; content and deadline are in the digest alone. */
static void run_outcome(const struct journal_item *item, struct journal_outcome *outcome)
{
	outcome->count = 1;
	outcome->acts[0].kind = PFS_ACT_TAKE;
	if (item->event.kind == PFS_EV_TFTP)
		outcome->acts[outcome->count++].kind = PFS_ACT_TFTP_SEND;
}

static bool is_trace(const struct journal_outcome *outcome, uint32_t entry)
{
	return entry < outcome->count && (outcome->acts[entry].kind & JOURNAL_TRACE_BIT);
}

static bool same_acts(struct replay *replay, const struct journal_item *item,
		      const struct journal_outcome *expected, const struct journal_outcome *seen)
{
	uint32_t i = 0, k = 0;

	for (;; i++, k++) {
		while (replay->options->ignore_trace && is_trace(expected, i))
			i++;
		while (replay->options->ignore_trace && is_trace(seen, k))
			k++;
		if (i == expected->count && k == seen->count)
			return true;
		if (i == expected->count || k == seen->count ||
		    expected->acts[i].kind != seen->acts[k].kind ||
		    (!item->in_run && expected->acts[i].hash != seen->acts[k].hash))
			break;
	}
	differ_at(replay, item, expected, i, seen, k);
	return false;
}

static void differ_by_digest(struct replay *replay, const struct journal_item *item,
			     const struct journal_outcome *seen)
{
	struct replay_difference *difference = differ(replay, item);
	size_t at = add(SEEN, 0, "digest %08" PRIx32 ": ", seen->digest);
	char text[400];

	add(EXPECTED, 0, "digest %08" PRIx32 " over actions and deadline", item->expected.digest);
	for (uint32_t i = 0; i < replay->actions.count; i++)
		at = add(SEEN, at, "%s; ",
			 replay_describe_action(&replay->actions.list[i], text, sizeof(text)));
	add_time(SEEN, add(SEEN, at, "deadline "), seen->deadline_us);
}

static bool compare(struct replay *replay, const struct journal_item *item,
		    const struct journal_outcome *seen)
{
	struct journal_outcome expected = item->expected;
	struct replay_difference *difference;

	if (item->unfinished) {
		difference = differ(replay, item);
		add(EXPECTED, 0, "that the core breaks an assertion of its own, as the recorded one did");
		add_acts(replay, SEEN, 0, seen);
		return false;
	}
	if (item->in_run)
		run_outcome(item, &expected);
	if (!same_acts(replay, item, &expected, seen))
		return false;
	if (expected.consumed != seen->consumed) {
		difference = differ(replay, item);
		add(EXPECTED, 0, "%" PRIu32 " bytes consumed", expected.consumed);
		add(SEEN, 0, "%" PRIu32 " bytes consumed", seen->consumed);
		return false;
	}
	if (!item->in_run && expected.deadline_us != seen->deadline_us) {
		difference = differ(replay, item);
		add_time(EXPECTED, add(EXPECTED, 0, "deadline "), expected.deadline_us);
		add_time(SEEN, add(SEEN, 0, "deadline "), seen->deadline_us);
		return false;
	}
	if (expected.digest != seen->digest) {
		differ_by_digest(replay, item, seen);
		return false;
	}
	return true;
}

/* ------------------------------------------------- what the core can take */

static bool is_live(const struct replay *replay, uint32_t conn)
{
	return pfs_conn_slot(conn) < PFS_CONNS_MAX && replay->live[pfs_conn_slot(conn)] == conn;
}

/* pfs.h's terms for a caller; an event that breaks them tells that this core is not where the recorded one
 * was. */
static bool can_take(struct replay *replay, const struct journal_item *item)
{
	const struct pfs_event *event = &item->event;
	struct replay_difference *difference;
	uint32_t accepts;

	if (event->kind == PFS_EV_ACCEPTED) {
		accepts = pfs_accept_conn(&replay->core);
		if (event->conn == accepts && accepts != PFS_NO_CONN)
			return true;
		difference = differ(replay, item);
		add(EXPECTED, 0, "that the core accepts connection %" PRIx32, event->conn);
		if (accepts == PFS_NO_CONN)
			add(SEEN, 0, "it accepts none");
		else
			add(SEEN, 0, "it would accept connection %" PRIx32, accepts);
		return false;
	}
	if (event->kind == PFS_EV_SENT && is_live(replay, event->conn) &&
	    !replay->owed[pfs_conn_slot(event->conn)]) {
		difference = differ(replay, item);
		add(EXPECTED, 0, "that a range of a file is on its way on connection %" PRIx32, event->conn);
		add(SEEN, 0, "none is");
		return false;
	}
	return true;
}

static void live_begins(struct replay *replay, uint32_t conn)
{
	replay->live[pfs_conn_slot(conn)] = conn;
	replay->owed[pfs_conn_slot(conn)] = 0;
}

static void live_ends(struct replay *replay, uint32_t conn)
{
	if (is_live(replay, conn))
		replay->live[pfs_conn_slot(conn)] = PFS_NO_CONN;
}

static void follow_event(struct replay *replay, const struct pfs_event *event)
{
	if (event->kind == PFS_EV_ACCEPTED)
		live_begins(replay, event->conn);
	else if (event->kind == PFS_EV_LOST)
		live_ends(replay, event->conn);
	else if (event->kind == PFS_EV_SENT && is_live(replay, event->conn))
		replay->owed[pfs_conn_slot(event->conn)]--;
}

static void follow_actions(struct replay *replay)
{
	for (uint32_t i = 0; i < replay->actions.count; i++) {
		const struct pfs_action *action = &replay->actions.list[i];

		if (action->kind == PFS_ACT_CONNECT)
			live_begins(replay, action->conn);
		else if (action->kind == PFS_ACT_DROP)
			live_ends(replay, action->conn);
		else if (action->kind == PFS_ACT_SEND_FILE && is_live(replay, action->conn))
			replay->owed[pfs_conn_slot(action->conn)]++;
		else if (action->kind == PFS_ACT_TRACE)
			replay->result->traces++;
	}
}

/* --------------------------------------------------------------- stepping */

static int begin_boot(struct replay *replay, struct journal_reader *reader, const struct journal_item *item,
		      struct journal_error *error)
{
	if (pfs_phone_init(&replay->core, &item->config) < 0)
		return journal_refuse(reader, item->offset, error, "a configuration that no phone can have");
	replay->boot = item->config.boot;
	replay->chain = 0;
	replay->result->boots++;
	memset(replay->live, 0, sizeof(replay->live));
	memset(replay->owed, 0, sizeof(replay->owed));
	return 0;
}

/* False where it differs. */
static bool step(struct replay *replay, const struct journal_item *item)
{
	const struct replay_options *options = replay->options;
	struct journal_outcome seen;
	uint32_t consumed;

	if (options->before)
		options->before(options->context, item, &replay->core);
	if (!can_take(replay, item))
		return false;
	follow_event(replay, &item->event);
	consumed = pfs_step(&replay->core, &item->event, &replay->actions);
	follow_actions(replay);
	journal_outcome(&replay->actions, consumed, pfs_deadline(&replay->core), replay->info->kinds,
			&replay->chain, &seen);
	replay->result->events++;
	if (options->after)
		options->after(options->context, item, &replay->core, &replay->actions, &seen);
	return compare(replay, item, &seen);
}

int replay_phone(struct journal_reader *reader, uint32_t phone, const struct replay_options *options,
		 struct replay_result *result, struct journal_error *error)
{
	struct journal_phone_cursor *cursor = journal_cursor_new(reader, phone);
	struct replay *replay = calloc(1, sizeof(*replay));
	struct journal_item item;
	int got = -ENOMEM;

	memset(result, 0, sizeof(*result));
	if (!cursor || !replay) {
		snprintf(error->line, sizeof(error->line), "no memory to replay a phone");
	} else {
		replay->options = options;
		replay->info = journal_info(reader);
		replay->result = result;
		while ((got = journal_next(cursor, &item, error)) > 0) {
			if (item.boot)
				got = begin_boot(replay, reader, &item, error);
			else if (!step(replay, &item))
				got = 0;
			else
				continue;
			if (got < 0 || !item.boot)
				break;
		}
	}
	journal_cursor_free(cursor);
	free(replay);
	return got;
}
