/*
 * The phone's harness: carries actions out as a world would, only smaller, and
 * asserts on the way what pfs.h promises of every step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/phone_harness.h"

/* Check's own assertions write to a pipe each time, which is too slow for every action. */
#define must(condition) do { if (!(condition)) ck_abort_msg("seed %llu: not so: %s", (unsigned long long)rig->config.seed, #condition); } while (0)

void rig_init(struct rig *rig)
{
	struct pfs_config *config = &rig->config;

	memset(rig, 0, sizeof(*rig));
	config->seed = 1;
	config->phone = 100;
	config->address = RIG_ADDRESS;
	config->netmask = RIG_MASK;
	config->tftp_server = RIG_SERVER;
	config->strength = RIG_STRENGTH;
	config->file_count = 2;
	strcpy(config->model, "CP-7961G");
	strcpy(config->files[0].name, "SCCP41.9-4-2SR3-1S.loads");
	config->files[0].size = 652;
	config->files[0].digest = 0x1111;
	strcpy(config->files[1].name, "jar41sccp.9-4-2ES26.sbn");
	config->files[1].size = 2000;
	config->files[1].digest = 0x2222;
	rig->actions = malloc(RIG_ACTIONS * sizeof(*rig->actions));
	must(rig->actions);
	rig->opens = true;
	rig->server.answers = true;
	rig->server.rtt_us = 20000;
	rig_again(rig);
}

void rig_again(struct rig *rig)
{
	ck_assert_int_eq(pfs_phone_init(&rig->phone, &rig->config), 0);
	ck_assert_ptr_null(pfs_phone_check(&rig->phone));
	rig->now_us = 0;
	rig->verifying = PFS_NO_FILE;
	rig->port_open = false;
	rig->tftp_open = false;
	rig->reply_count = 0;
	rig->tid = RIG_SERVER_PORT - 1;
	memset(rig->taken, 0, sizeof(rig->taken));
	memset(rig->live, 0, sizeof(rig->live));
	memset(rig->shut, 0, sizeof(rig->shut));
	memset(rig->owed_sent, 0, sizeof(rig->owed_sent));
}

void rig_deinit(struct rig *rig)
{
	free(rig->actions);
	rig->actions = NULL;
}

/* ------------------------------------------------------------ the server */

static void reply(struct rig *rig, const uint8_t *bytes, uint32_t length, uint32_t available)
{
	struct rig_reply *entry = &rig->replies[rig->reply_count++];

	must(rig->reply_count <= RIG_REPLIES);
	entry->at_us = rig->now_us + rig->server.rtt_us;
	entry->port = rig->tid;
	entry->length = length;
	entry->available = available;
	memset(entry->bytes, 0, sizeof(entry->bytes));
	memcpy(entry->bytes, bytes, available < sizeof(entry->bytes) ? available : sizeof(entry->bytes));
}

static void reply_error(struct rig *rig, uint16_t code)
{
	uint8_t bytes[] = { 0, 5, (uint8_t)(code >> 8), (uint8_t)code, 'n', 'o', 0 };

	reply(rig, bytes, sizeof(bytes), sizeof(bytes));
}

/* The block after `acked`; block numbers wrap, what is taken tells which one is meant. */
static void reply_data(struct rig *rig, uint16_t acked)
{
	uint64_t size = (uint64_t)((int64_t)rig->config.files[rig->tftp_file].size + rig->server.size_off);
	uint64_t offset = rig->taken[rig->tftp_file];
	uint64_t length = size - offset < rig->blksize ? size - offset : rig->blksize;
	uint16_t block = (uint16_t)(acked + 1);
	uint8_t bytes[1500] = { 0, 3, (uint8_t)(block >> 8), (uint8_t)block };

	if (offset > size || (uint16_t)(offset / rig->blksize) != acked)
		return; /* the end was acknowledged, or an old block again */
	if (offset == size && size % rig->blksize)
		return;
	if (rig->server.error_block && block == rig->server.error_block) {
		reply_error(rig, rig->server.error);
		return;
	}
	rig->server.data++;
	if (rig->server.data_dropped) {
		rig->server.data_dropped--;
		return;
	}
	for (uint32_t i = 0; i <= rig->server.duplicates; i++)
		reply(rig, bytes, 4 + (uint32_t)length,
		      rig->server.virtual_payload ? 4 : 4 + (uint32_t)length);
}

static const char *option(const uint8_t *bytes, uint32_t length, const char *name)
{
	uint32_t at = 2;

	for (uint32_t i = 0; at < length; i++) {
		if (i >= 2 && i % 2 == 0 && !strcmp((const char *)bytes + at, name))
			return (const char *)bytes + at + strlen(name) + 1;
		at += (uint32_t)strlen((const char *)bytes + at) + 1;
	}
	return NULL;
}

static void put_option(uint8_t *bytes, uint32_t *at, const char *name, unsigned long value)
{
	*at += (uint32_t)sprintf((char *)bytes + *at, "%s", name) + 1;
	*at += (uint32_t)sprintf((char *)bytes + *at, "%lu", value) + 1;
}

static void request_heard(struct rig *rig, const struct pfs_action *action)
{
	const char *blksize = option(action->bytes, (uint32_t)action->length, "blksize");
	const char *tsize = option(action->bytes, (uint32_t)action->length, "tsize");
	const char *timeout = option(action->bytes, (uint32_t)action->length, "timeout");
	uint8_t oack[200] = { 0, 6 };
	uint32_t at = 2;

	rig->server.requests++;
	ck_assert_uint_eq(action->port, PFS_TFTP_PORT);
	for (rig->tftp_file = 0; rig->tftp_file < rig->config.file_count; rig->tftp_file++)
		if (!strcmp((const char *)action->bytes + 2, rig->config.files[rig->tftp_file].name))
			break;
	must(rig->tftp_file < rig->config.file_count);
	must(!strcmp((const char *)action->bytes + 3 + strlen(rig->config.files[rig->tftp_file].name), "octet"));
	if (rig->server.requests_dropped) {
		rig->server.requests_dropped--;
		return;
	}
	rig->tid++;
	rig->blksize = 512;
	rig->server.last_ack = UINT32_MAX;
	if (rig->server.error_sent) {
		reply_error(rig, rig->server.error);
	} else if (rig->server.rejects_options && (blksize || tsize || timeout)) {
		reply_error(rig, 8);
	} else if (rig->server.options && (blksize || tsize || timeout)) {
		if (blksize) {
			rig->blksize = (uint32_t)atoi(blksize);
			put_option(oack, &at, "blksize", rig->blksize);
		}
		if (tsize)
			put_option(oack, &at, "TSIZE",
				   rig->config.files[rig->tftp_file].size + (uint64_t)rig->server.size_off);
		if (timeout)
			put_option(oack, &at, "timeout", (unsigned long)atoi(timeout));
		reply(rig, oack, at, at);
	} else {
		reply_data(rig, 0);
	}
}

static void tftp_sent(struct rig *rig, const struct pfs_action *action)
{
	uint32_t block;

	must(action->length >= 4 && action->length <= PFS_ACTION_BYTES);
	ck_assert_uint_eq(action->address, RIG_SERVER);
	if (!rig->server.answers)
		return;
	switch (action->bytes[1]) {
	case 1:
		request_heard(rig, action);
		break;
	case 4:
		rig->server.acks++;
		block = (uint32_t)action->bytes[2] << 8 | action->bytes[3];
		if (action->port == rig->tid && !(rig->server.duplicates && block == rig->server.last_ack))
			reply_data(rig, (uint16_t)block);
		rig->server.last_ack = block;
		break;
	case 5:
		rig->server.errors++;
		rig->server.last_error = action->bytes[3];
		break;
	default:
		ck_abort_msg("a client sends RRQ, ACK and ERROR");
	}
}

/* --------------------------------------------------------------- actions */

static uint32_t slot_of(const struct rig *rig, const struct pfs_action *action)
{
	uint32_t slot = pfs_conn_slot(action->conn);

	must(action->conn != PFS_NO_CONN && slot < PFS_CONNS_MAX);
	must(rig->live[slot] == action->conn); /* nothing is asked of a connection that is gone */
	return slot;
}

static void forget(struct rig *rig, uint32_t slot)
{
	rig->live[slot] = PFS_NO_CONN;
	rig->shut[slot] = 0;
	rig->owed_sent[slot] = 0;
}

static void carry_out(struct rig *rig, const struct pfs_action *action, const struct pfs_event *event)
{
	uint32_t slot;

	switch (action->kind) {
	case PFS_ACT_OPEN:
		must(!rig->port_open);
		break;
	case PFS_ACT_CLOSE:
		must(rig->port_open);
		rig->port_open = false;
		break;
	case PFS_ACT_BROADCAST:
		must(rig->port_open && action->length && action->length <= PFS_ACTION_BYTES);
		break;
	case PFS_ACT_CONNECT:
		slot = pfs_conn_slot(action->conn);
		must(slot < PFS_CONNS_MAX && rig->live[slot] == PFS_NO_CONN && rig->port_open);
		rig->live[slot] = action->conn;
		break;
	case PFS_ACT_SEND:
		must(!rig->shut[slot_of(rig, action)] && action->length && action->length <= PFS_ACTION_BYTES);
		break;
	case PFS_ACT_SEND_FILE:
		slot = slot_of(rig, action);
		must(!rig->shut[slot]);
		must(action->offset + action->length <= rig->config.files[action->file].size);
		/* What-if: what has come, but not the end of a file. */
		must(rig->phone.held >> action->file & 1 ||
		     (rig->config.forward_early && action->offset + action->length <= rig->taken[action->file] &&
		      action->offset + action->length < rig->config.files[action->file].size));
		rig->owed_sent[slot]++;
		break;
	case PFS_ACT_SHUTDOWN:
		slot = slot_of(rig, action);
		must(!rig->shut[slot]);
		rig->shut[slot] = 1;
		break;
	case PFS_ACT_DROP:
		forget(rig, slot_of(rig, action));
		break;
	case PFS_ACT_TAKE:
		must(event->kind == PFS_EV_TFTP || event->kind == PFS_EV_BYTES);
		must(action->offset == rig->taken[action->file] && action->length);
		must(action->skip + action->length <= event->length);
		rig->taken[action->file] += action->length;
		must(rig->taken[action->file] <= rig->config.files[action->file].size);
		break;
	case PFS_ACT_VERIFY:
		must(rig->verifying == PFS_NO_FILE);
		must(rig->taken[action->file] == rig->config.files[action->file].size);
		rig->verifying = action->file;
		break;
	case PFS_ACT_DISCARD:
		rig->taken[action->file] = 0;
		break;
	case PFS_ACT_TFTP_OPEN:
		must(!rig->tftp_open);
		rig->tftp_open = true;
		break;
	case PFS_ACT_TFTP_SEND:
		must(rig->tftp_open);
		tftp_sent(rig, action);
		break;
	case PFS_ACT_TFTP_CLOSE:
		must(rig->tftp_open);
		rig->tftp_open = false;
		rig->reply_count = 0;
		break;
	case PFS_ACT_TRACE:
		must(action->trace.kind < PFS_TR_KINDS);
		break;
	default:
		ck_abort_msg("an action that pfs.h names");
	}
}

static bool same_action(const struct pfs_action *one, const struct pfs_action *two)
{
	if (memcmp(one, two, offsetof(struct pfs_action, bytes)))
		return false;
	switch (one->kind) {
	case PFS_ACT_TRACE:
		return !memcmp(&one->trace, &two->trace, sizeof(one->trace));
	case PFS_ACT_BROADCAST:
	case PFS_ACT_SEND:
	case PFS_ACT_TFTP_SEND:
		return !memcmp(one->bytes, two->bytes, one->length);
	default:
		return true;
	}
}

uint32_t rig_step(struct rig *rig, struct pfs_event event)
{
	static struct pfs_actions other;
	struct pfs_phone copy;
	uint32_t consumed;
	const char *broken;

	event.now_us = rig->now_us;
	memcpy(&copy, &rig->phone, sizeof(copy));
	memset(&rig->step, 0xa5, sizeof(rig->step));
	consumed = pfs_step(&rig->phone, &event, &rig->step);
	rig->steps++;
	must(rig->step.count <= PFS_ACTIONS_MAX && consumed <= event.length);
	broken = pfs_phone_check(&rig->phone);
	if (broken)
		ck_abort_msg("seed %llu: invariant: %s", (unsigned long long)rig->config.seed, broken);

	memset(&other, 0x5a, sizeof(other));
	must(pfs_step(&copy, &event, &other) == consumed && other.count == rig->step.count);
	must(!memcmp(&copy, &rig->phone, sizeof(copy)));
	for (uint32_t i = 0; i < other.count; i++) {
		must(same_action(&other.list[i], &rig->step.list[i]));
		must(rig->count < RIG_ACTIONS);
		rig->actions[rig->count].at_us = rig->now_us;
		rig->actions[rig->count++].action = rig->step.list[i];
	}
	for (uint32_t i = 0; i < other.count; i++)
		carry_out(rig, &other.list[i], &event);
	return consumed;
}

/* ------------------------------------------------------------------ time */

static void answer_owed(struct rig *rig)
{
	for (;;) {
		uint32_t slot = 0;

		while (slot < PFS_CONNS_MAX && !rig->owed_sent[slot])
			slot++;
		if (rig->verifying != PFS_NO_FILE && !rig->verify_holds) {
			rig_verified(rig, rig->verify_bad == 0);
			if (rig->verify_bad)
				rig->verify_bad--;
		} else if (slot < PFS_CONNS_MAX && !rig->sent_holds) {
			rig_sent(rig, rig->live[slot]);
		} else {
			return;
		}
	}
}

static bool deliver(struct rig *rig)
{
	struct rig_reply first = rig->replies[0];
	struct pfs_event event = { .kind = PFS_EV_TFTP, .address = RIG_SERVER };

	if (!rig->reply_count || first.at_us > rig->now_us)
		return false;
	memmove(rig->replies, rig->replies + 1, --rig->reply_count * sizeof(first));
	event.port = first.port;
	event.data = first.bytes;
	event.length = first.length;
	event.available = first.available;
	rig_step(rig, event);
	return true;
}

void rig_advance_to(struct rig *rig, uint64_t at_us)
{
	uint32_t idle = 0;

	for (;;) {
		uint64_t next_us = pfs_deadline(&rig->phone);

		answer_owed(rig);
		if (deliver(rig))
			continue;
		next_us = pfs_deadline(&rig->phone);
		if (rig->reply_count && rig->replies[0].at_us < next_us) {
			next_us = rig->replies[0].at_us;
			if (next_us > at_us)
				break;
			rig->now_us = next_us;
			continue;
		}
		if (next_us > at_us)
			break;
		if (next_us > rig->now_us) {
			rig->now_us = next_us;
			idle = 0;
			continue; /* input first at equal time */
		}
		if (++idle > 64)
			ck_abort_msg("seed %llu: a deadline that no step moves", (unsigned long long)rig->config.seed);
		rig_step(rig, (struct pfs_event){ .kind = PFS_EV_TIME });
	}
	rig->now_us = at_us;
}

void rig_advance(struct rig *rig, uint64_t by_us)
{
	rig_advance_to(rig, rig->now_us + by_us);
}

void rig_until(struct rig *rig, enum pfs_state state, uint64_t by_us)
{
	uint64_t end_us = rig->now_us + by_us;

	while (rig->phone.state != state && rig->now_us < end_us)
		rig_advance(rig, end_us - rig->now_us < PFS_MS ? end_us - rig->now_us : PFS_MS);
	ck_assert_str_eq(pfs_state_name(rig->phone.state), pfs_state_name(state));
}

void rig_mark(struct rig *rig)
{
	rig->mark = rig->count;
}

void rig_start(struct rig *rig)
{
	rig_step(rig, (struct pfs_event){ .kind = PFS_EV_START });
	if (rig->phone.state != PFS_ST_OPENING)
		return;
	rig->port_open = rig->opens;
	rig_step(rig, (struct pfs_event){ .kind = PFS_EV_OPENED, .ok = rig->opens, .descriptor = 7 });
}

void rig_verified(struct rig *rig, bool good)
{
	struct pfs_event event = { .kind = PFS_EV_VERIFIED, .ok = good, .file = rig->verifying };

	must(rig->verifying != PFS_NO_FILE);
	rig->verifying = PFS_NO_FILE;
	rig_step(rig, event);
}

/* --------------------------------------------------------------- looking */

const struct rig_action *rig_find(const struct rig *rig, enum pfs_action_kind kind, uint32_t nth)
{
	for (uint32_t i = rig->mark; i < rig->count; i++)
		if (rig->actions[i].action.kind == kind && nth-- == 0)
			return &rig->actions[i];
	return NULL;
}

uint32_t rig_count(const struct rig *rig, enum pfs_action_kind kind)
{
	uint32_t count = 0;

	while (rig_find(rig, kind, count))
		count++;
	return count;
}

static const struct rig_action *find_trace(const struct rig *rig, enum pfs_trace_kind kind, uint32_t nth)
{
	for (uint32_t i = rig->mark; i < rig->count; i++)
		if (rig->actions[i].action.kind == PFS_ACT_TRACE &&
		    rig->actions[i].action.trace.kind == kind && nth-- == 0)
			return &rig->actions[i];
	return NULL;
}

uint32_t rig_traces(const struct rig *rig, enum pfs_trace_kind kind)
{
	uint32_t count = 0;

	while (find_trace(rig, kind, count))
		count++;
	return count;
}

const struct pfs_trace *rig_trace(const struct rig *rig, enum pfs_trace_kind kind, uint32_t nth)
{
	const struct rig_action *found = find_trace(rig, kind, nth);

	if (!found)
		ck_abort_msg("no trace %s number %u", pfs_trace_name(kind), nth);
	return &found->action.trace;
}

uint64_t rig_trace_at(const struct rig *rig, enum pfs_trace_kind kind, uint32_t nth)
{
	rig_trace(rig, kind, nth);
	return find_trace(rig, kind, nth)->at_us;
}
