/*
 * What a step of the core came to, as numbers that two builds and two machines
 * agree on: each action by its kind and a hash of exactly those fields that
 * pfs.h gives a meaning for that kind, in little endian; and a digest that runs
 * on from event to event.
 *
 * The digest holds what a phone did: actions, what was consumed, the next
 * deadline. Trace records stand beside it, one by one, so that a build that
 * logs more can still be compared with what was recorded.
 */
#include <assert.h>

#include "emulator/journal/format.h"

/* Kind and all fields of an action that counts. */
#define ACTION_OCTETS_MAX (64 + PFS_ACTION_BYTES)

static const char *const events[PFS_EV_KINDS] = { "START",        "TIME",     "OPENED",    "DATAGRAM", "TFTP",
						  "TFTP_REFUSED", "ACCEPTED", "CONNECTED", "BYTES",    "EOF",
						  "LOST",         "SENT",     "VERIFIED" };
static const char *const names[PFS_ACT_KINDS] = { "OPEN",      "CLOSE",      "BROADCAST", "CONNECT",
						  "SEND",      "SEND_FILE",  "SHUTDOWN",  "DROP",
						  "TAKE",      "VERIFY",     "DISCARD",   "TFTP_OPEN",
						  "TFTP_SEND", "TFTP_CLOSE", "TRACE" };

const char *journal_event_name(uint32_t kind)
{
	return kind < PFS_EV_KINDS ? events[kind] : NULL;
}

const char *journal_action_name(uint32_t kind)
{
	return kind < PFS_ACT_KINDS ? names[kind] : NULL;
}

static uint8_t *put_message(uint8_t *to, const struct pfs_action *action)
{
	assert(action->length <= PFS_ACTION_BYTES);
	to = journal_put(to, action->length, 8);
	memcpy(to, action->bytes, (size_t)action->length);
	return to + action->length;
}

static uint8_t *put_trace(uint8_t *to, const struct pfs_trace *trace, uint8_t kind)
{
	to = journal_put(to, kind, 1);
	to = journal_put(to, trace->file, 1);
	to = journal_put(to, trace->xid, 4);
	to = journal_put(to, trace->address, 4);
	to = journal_put(to, trace->a, 4);
	to = journal_put(to, trace->b, 4);
	return journal_put(to, trace->c, 8);
}

static uint8_t *put_action(uint8_t *to, const struct pfs_action *action)
{
	to = journal_put(to, action->kind, 1);
	switch ((enum pfs_action_kind)action->kind) {
	case PFS_ACT_BROADCAST:
		return put_message(to, action);
	case PFS_ACT_CONNECT:
		to = journal_put(to, action->conn, 4);
		return journal_put(to, action->address, 4);
	case PFS_ACT_SEND:
		to = journal_put(to, action->conn, 4);
		return put_message(to, action);
	case PFS_ACT_SEND_FILE:
		to = journal_put(to, action->conn, 4);
		to = journal_put(to, action->file, 1);
		to = journal_put(to, action->offset, 8);
		return journal_put(to, action->length, 8);
	case PFS_ACT_SHUTDOWN:
	case PFS_ACT_DROP:
		return journal_put(to, action->conn, 4);
	case PFS_ACT_TAKE:
		to = journal_put(to, action->skip, 4);
		to = journal_put(to, action->file, 1);
		to = journal_put(to, action->offset, 8);
		return journal_put(to, action->length, 8);
	case PFS_ACT_VERIFY:
	case PFS_ACT_DISCARD:
		return journal_put(to, action->file, 1);
	case PFS_ACT_TFTP_SEND:
		to = journal_put(to, action->address, 4);
		to = journal_put(to, action->port, 2);
		return put_message(to, action);
	case PFS_ACT_OPEN:
	case PFS_ACT_CLOSE:
	case PFS_ACT_TFTP_OPEN:
	case PFS_ACT_TFTP_CLOSE:
	case PFS_ACT_TRACE:
	case PFS_ACT_KINDS:
		break;
	}
	return to;
}

void journal_outcome(const struct pfs_actions *actions, uint32_t consumed, uint64_t deadline_us,
		     const uint8_t *kinds, uint64_t *chain, struct journal_outcome *outcome)
{
	uint8_t octets[ACTION_OCTETS_MAX], *end;

	outcome->count = 0;
	outcome->consumed = consumed;
	outcome->deadline_us = deadline_us;
	end = journal_put(octets, consumed, 4);
	end = journal_put(end, deadline_us, 8);
	*chain = XXH3_64bits_withSeed(octets, (size_t)(end - octets), *chain);
	for (uint32_t i = 0; i < actions->count; i++) {
		const struct pfs_action *action = &actions->list[i];
		struct journal_act *act = &outcome->acts[outcome->count];

		if (action->kind == PFS_ACT_TRACE) {
			uint8_t kind = kinds ? kinds[action->trace.kind] : action->trace.kind;

			if (kind >= JOURNAL_TRACE_BIT)
				continue;
			act->kind = kind | JOURNAL_TRACE_BIT;
			end = put_trace(octets, &action->trace, kind);
			act->hash = (uint32_t)XXH3_64bits(octets, (size_t)(end - octets));
		} else {
			act->kind = action->kind;
			end = put_action(octets, action);
			act->hash = (uint32_t)XXH3_64bits(octets, (size_t)(end - octets));
			*chain = XXH3_64bits_withSeed(octets, (size_t)(end - octets), *chain);
		}
		outcome->count++;
	}
	outcome->digest = (uint32_t)*chain;
}

uint64_t journal_deadline_code(uint64_t deadline_us, uint64_t now_us)
{
	uint64_t difference = deadline_us - now_us; /* may be below zero: the phone is late */

	if (deadline_us == PFS_TIME_NEVER)
		return 0;
	return 1 + (difference << 1 ^ (uint64_t)((int64_t)difference >> 63));
}

uint64_t journal_deadline_of(uint64_t code, uint64_t now_us)
{
	if (!code)
		return PFS_TIME_NEVER;
	code--;
	return now_us + (code >> 1 ^ (0 - (code & 1)));
}
