/*
 * The TFTP client: RFC 1350, with the options of RFC 2347, 2348 (blksize) and
 * 2349 (tsize, timeout) where the configuration asks for them; by default
 * none, 512-byte blocks in lock-step.
 *
 * It acknowledges a duplicate of the last block again, since that ACK may be
 * what was lost, and nothing older; its time-outs follow the round trip (RFC
 * 6298's estimator in integers; Karn's rule), double each time, and end an
 * attempt after PFS_TFTP_SILENT_MAX in a row.
 */
#include "pfs-core/core.h"

enum { OP_RRQ = 1, OP_DATA = 3, OP_ACK = 4, OP_ERROR = 5, OP_OACK = 6 };
enum {
	ERROR_NOT_FOUND = 1,
	ERROR_ACCESS = 2,
	ERROR_DISK = 3,
	ERROR_ILLEGAL = 4,
	ERROR_TID = 5,
	ERROR_OPTION = 8
};
enum { TRACE_SILENCE = 256, TRACE_ICMP = 257, TRACE_SIZE = 258 };
enum failing { FAILING_SILENT, FAILING_BUSY, FAILING_DAMAGED, FAILING_FINAL };

/* Time-outs in a row after which a root tells its tree that the server is silent, before the members give it up. */
#define RETRYING_AFTER 2
_Static_assert((RETRYING_AFTER + 1) * PFS_TFTP_RTO_MAX_US + PFS_BEAT_US < PFS_ROOT_STALL_US,
	       "members hear of it in time");

static uint32_t put16(uint8_t *bytes, uint32_t at, uint32_t value)
{
	bytes[at] = (uint8_t)(value >> 8);
	bytes[at + 1] = (uint8_t)value;
	return at + 2;
}

static uint32_t put_text(uint8_t *bytes, uint32_t at, const char *text)
{
	size_t length = strlen(text) + 1;

	memcpy(bytes + at, text, length);
	return at + (uint32_t)length;
}

static uint32_t put_option(uint8_t *bytes, uint32_t at, const char *name, uint32_t value)
{
	char digits[11];
	uint32_t i = sizeof(digits) - 1;

	digits[i] = 0;
	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	at = put_text(bytes, at, name);
	return put_text(bytes, at, digits + i);
}

_Static_assert(2 + PFS_NAME_MAX + 6 + 14 + 8 + 12 <= PFS_ACTION_BYTES, "the longest request fits");

static bool asks_options(const struct pfs_phone *phone)
{
	const struct pfs_config *config = &phone->config;

	return !phone->tftp.plain && ((config->tftp_blksize && config->tftp_blksize != 512) ||
				      config->tftp_tsize || config->tftp_timeout_s);
}

static void request_send(struct pfs_phone *phone, struct pfs_actions *actions)
{
	const struct pfs_config *config = &phone->config;
	struct pfs_action *action = core_act(actions, PFS_ACT_TFTP_SEND);
	uint32_t at = put16(action->bytes, 0, OP_RRQ);

	at = put_text(action->bytes, at, config->files[phone->file].name);
	at = put_text(action->bytes, at, "octet");
	if (asks_options(phone)) {
		if (config->tftp_blksize && config->tftp_blksize != 512)
			at = put_option(action->bytes, at, "blksize", config->tftp_blksize);
		if (config->tftp_tsize)
			at = put_option(action->bytes, at, "tsize", 0);
		if (config->tftp_timeout_s)
			at = put_option(action->bytes, at, "timeout", config->tftp_timeout_s);
	}
	action->address = config->tftp_server;
	action->port = PFS_TFTP_PORT;
	action->length = at;
}

static void ack_send(struct pfs_phone *phone, struct pfs_actions *actions)
{
	struct pfs_action *action = core_act(actions, PFS_ACT_TFTP_SEND);

	put16(action->bytes, 0, OP_ACK);
	action->length = put16(action->bytes, 2, phone->tftp.block & 0xffff);
	action->address = phone->config.tftp_server;
	action->port = phone->tftp.port;
}

static void error_send(struct pfs_phone *phone, struct pfs_actions *actions, uint16_t port, uint32_t code,
		       const char *text)
{
	struct pfs_action *action = core_act(actions, PFS_ACT_TFTP_SEND);

	put16(action->bytes, 0, OP_ERROR);
	put16(action->bytes, 2, code);
	action->length = put_text(action->bytes, 4, text);
	action->address = phone->config.tftp_server;
	action->port = port;
}

/* Something new was asked of the server: the wait for it begins. */
static void wait_begin(struct pfs_phone *phone)
{
	phone->tftp.sent_us = phone->now_us;
	phone->tftp.deadline_us = phone->now_us + phone->tftp.rto_us;
}

static void rtt_sample(struct pfs_tftp *tftp, uint64_t now_us)
{
	uint64_t sample = now_us - tftp->sent_us, off, rto_us;

	if (tftp->sent_us == 0)
		return; /* asked twice: no telling which was answered */
	if (sample > PFS_TFTP_RTO_MAX_US)
		sample = PFS_TFTP_RTO_MAX_US;
	if (tftp->srtt_us == 0) {
		tftp->srtt_us = (uint32_t)sample;
		tftp->rttvar_us = (uint32_t)(sample / 2);
	} else {
		off = sample > tftp->srtt_us ? sample - tftp->srtt_us : tftp->srtt_us - sample;
		tftp->rttvar_us = (uint32_t)((3 * (uint64_t)tftp->rttvar_us + off) / 4);
		tftp->srtt_us = (uint32_t)((7 * (uint64_t)tftp->srtt_us + sample) / 8);
	}
	rto_us = tftp->srtt_us + 4 * (uint64_t)tftp->rttvar_us;
	if (rto_us < PFS_TFTP_RTO_MIN_US)
		rto_us = PFS_TFTP_RTO_MIN_US;
	if (rto_us > PFS_TFTP_RTO_MAX_US)
		rto_us = PFS_TFTP_RTO_MAX_US;
	tftp->rto_us = (uint32_t)rto_us;
}

void core_tftp_stop(struct pfs_phone *phone, struct pfs_actions *actions)
{
	phone->tftp.deadline_us = PFS_TIME_NEVER;
	if (phone->tftp.phase == TFTP_IDLE)
		return;
	phone->tftp.phase = TFTP_IDLE;
	core_act(actions, PFS_ACT_TFTP_CLOSE);
}

void core_tftp_begin(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_direct direct)
{
	struct pfs_tftp *tftp = &phone->tftp;
	struct pfs_trace *record;

	core_tftp_stop(phone, actions);
	tftp->phase = TFTP_REQUESTED;
	tftp->direct = (uint8_t)direct;
	tftp->port = 0;
	tftp->blksize = 512;
	tftp->block = 0;
	tftp->silent = 0;
	tftp->srtt_us = 0;
	tftp->rttvar_us = 0;
	tftp->rto_us = PFS_TFTP_RTO_US;
	tftp->begun++;
	core_received_forget(phone);
	if (phone->tree_phase != TREE_RETRYING)
		phone->tree_phase = TREE_TFTP;
	core_state_set(phone, PFS_ST_TFTP, PFS_TIME_NEVER);
	record = core_trace(phone, actions, PFS_TR_TFTP_BEGUN);
	record->a = tftp->begun;
	record->b = direct;
	record->c = core_is_root(phone);
	core_act(actions, PFS_ACT_TFTP_OPEN);
	request_send(phone, actions);
	wait_begin(phone);
}

/* ---------------------------------------------------------------- failing */

/* The server will not give this root the file. Another root may be luckier. */
static void server_failed(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_failure failure)
{
	bool alone = core_children_count(phone, phone->file) == 0;

	if (!core_is_root(phone)) {
		core_file_failed(phone, actions, failure);
		return;
	}
	phone->roots_tried++;
	if (phone->roots_tried >= PFS_ROOTS_MAX || alone) {
		core_file_failed(phone, actions, failure);
		return;
	}
	core_children_fail(phone, actions, phone->file, failure);
	core_election_again(phone, actions, PFS_LOSS_FAILED,
			    PFS_FAILED_ROOT_US + core_draw_below(phone, DRAW_ORPHAN, PFS_ORPHAN_SPREAD_US));
}

/* Where the tree must not take a silent server for a root that stands still. */
static void phase_tell(struct pfs_phone *phone, struct pfs_actions *actions, enum tree_phase phase)
{
	if (phone->tree_phase == phase)
		return;
	phone->tree_phase = (uint8_t)phase;
	core_children_tell(phone, actions, phone->file, WIRE_ALIVE);
}

static void retry_at(struct pfs_phone *phone, struct pfs_actions *actions, uint64_t wait_us)
{
	core_state_set(phone, PFS_ST_TFTP_WAITING, phone->now_us + wait_us);
	phase_tell(phone, actions, TREE_RETRYING);
}

static void busy(struct pfs_phone *phone, struct pfs_actions *actions)
{
	struct pfs_tftp *tftp = &phone->tftp;

	if (tftp->busy_since_us == 0)
		tftp->busy_since_us = phone->now_us ? phone->now_us : 1;
	if (phone->now_us - tftp->busy_since_us >= PFS_BUSY_LIMIT_US)
		server_failed(phone, actions, PFS_FAIL_SERVER_BUSY);
	else
		retry_at(phone, actions,
			 PFS_TFTP_BUSY_MIN_US + core_draw_below(phone, DRAW_TFTP, PFS_TFTP_BUSY_SPREAD_US));
}

/*
 * A server that says nothing at all is gone after a few attempts. One that
 * breaks off in mid-file, as a full WAN makes it, is there: it gets many.
 */
static void silence(struct pfs_phone *phone, struct pfs_actions *actions)
{
	struct pfs_tftp *tftp = &phone->tftp;
	uint32_t doublings;
	uint64_t wait_us;

	if (tftp->block)
		tftp->broken++;
	else
		tftp->attempts++;
	if (tftp->attempts >= PFS_TFTP_ATTEMPTS || tftp->broken >= PFS_TFTP_BROKEN_MAX) {
		server_failed(phone, actions, PFS_FAIL_SERVER_SILENT);
		return;
	}
	doublings = (uint32_t)tftp->attempts + tftp->broken - 1;
	wait_us = doublings > 5 ? PFS_TFTP_WAIT_MAX_US : PFS_TFTP_WAIT_US << doublings;
	retry_at(phone, actions, wait_us + core_draw_below(phone, DRAW_TFTP, wait_us));
}

/* This attempt is over. What was stored of it is forgotten: TFTP cannot go on in mid-file. */
static void attempt_failed(struct pfs_phone *phone, struct pfs_actions *actions, enum failing failing,
			   enum pfs_failure failure, uint32_t code)
{
	core_trace(phone, actions, PFS_TR_TFTP_ERROR)->a = code;
	core_tftp_stop(phone, actions);
	if (phone->received)
		core_act(actions, PFS_ACT_DISCARD)->file = phone->file;
	core_received_forget(phone);
	if (failing != FAILING_BUSY)
		phone->tftp.busy_since_us = 0;
	switch (failing) {
	case FAILING_SILENT:
		silence(phone, actions);
		break;
	case FAILING_BUSY:
		busy(phone, actions);
		break;
	case FAILING_DAMAGED:
		if (++phone->tftp.damaged >= PFS_TFTP_DAMAGED_MAX)
			server_failed(phone, actions, PFS_FAIL_DAMAGED);
		else
			retry_at(phone, actions, core_draw_below(phone, DRAW_TFTP, PFS_TFTP_WAIT_US));
		break;
	case FAILING_FINAL:
		server_failed(phone, actions, failure);
		break;
	}
}

void core_tftp_refused(struct pfs_phone *phone, struct pfs_actions *actions)
{
	if (phone->state != PFS_ST_TFTP) {
		phone->stale_events++;
		return;
	}
	attempt_failed(phone, actions, FAILING_SILENT, PFS_FAIL_SERVER_SILENT, TRACE_ICMP);
}

void core_tftp_timer(struct pfs_phone *phone, struct pfs_actions *actions)
{
	struct pfs_tftp *tftp = &phone->tftp;
	struct pfs_trace *record;

	if (phone->state != PFS_ST_TFTP) {
		/* Kept open after the last block, in case its ACK was lost. */
		core_tftp_stop(phone, actions);
		return;
	}
	if (++tftp->silent > (tftp->phase == TFTP_REQUESTED ? PFS_TFTP_REQUEST_MAX : PFS_TFTP_SILENT_MAX)) {
		attempt_failed(phone, actions, FAILING_SILENT, PFS_FAIL_SERVER_SILENT, TRACE_SILENCE);
		return;
	}
	tftp->rto_us =
		2 * tftp->rto_us > PFS_TFTP_RTO_MAX_US ? (uint32_t)PFS_TFTP_RTO_MAX_US : 2 * tftp->rto_us;
	record = core_trace(phone, actions, PFS_TR_TFTP_RETRANSMIT);
	record->a = tftp->block;
	record->b = tftp->phase == TFTP_REQUESTED;
	if (tftp->phase == TFTP_REQUESTED)
		request_send(phone, actions);
	else
		ack_send(phone, actions);
	wait_begin(phone);
	tftp->sent_us = 0;
	if (tftp->silent == RETRYING_AFTER)
		phase_tell(phone, actions, TREE_RETRYING);
}

/* ---------------------------------------------------------------- packets */

static void complete(struct pfs_phone *phone, struct pfs_actions *actions)
{
	core_trace(phone, actions, PFS_TR_TFTP_DONE)->c = phone->received;
	phone->verifying_from_server = 1;
	core_state_set(phone, PFS_ST_VERIFYING, PFS_TIME_NEVER);
	phone->tftp.deadline_us = phone->now_us + 2 * (uint64_t)phone->tftp.rto_us;
	core_act(actions, PFS_ACT_VERIFY)->file = phone->file;
}

static void data_heard(struct pfs_phone *phone, struct pfs_actions *actions, const struct pfs_event *event)
{
	struct pfs_tftp *tftp = &phone->tftp;
	uint32_t block = (uint32_t)event->data[2] << 8 | event->data[3];
	uint32_t length = event->length - 4;
	uint64_t size = phone->config.files[phone->file].size;
	struct pfs_action *action;

	if (tftp->phase == TFTP_TRANSFER && block == (tftp->block & 0xffff) && tftp->block > 0) {
		phone->dropped[PFS_DROP_BLOCK]++;
		ack_send(phone, actions);
		return;
	}
	if (phone->state != PFS_ST_TFTP || block != ((tftp->block + 1) & 0xffff) || length > tftp->blksize) {
		core_drop_input(phone, actions, PFS_DROP_BLOCK, event->address);
		return;
	}
	if (phone->received + length > size || (length < tftp->blksize && phone->received + length != size)) {
		error_send(phone, actions, tftp->port, 0, "not the size announced");
		attempt_failed(phone, actions, FAILING_DAMAGED, PFS_FAIL_DAMAGED, TRACE_SIZE);
		return;
	}
	rtt_sample(tftp, phone->now_us);
	tftp->phase = TFTP_TRANSFER;
	tftp->silent = 0;
	phase_tell(phone, actions, TREE_TFTP);
	tftp->busy_since_us = 0;
	tftp->block++;
	if (length) {
		action = core_act(actions, PFS_ACT_TAKE);
		action->file = phone->file;
		action->offset = phone->received;
		action->length = length;
		action->skip = 4;
		phone->received += length;
		phone->shown = phone->file;
		core_children_early(phone, actions);
	}
	ack_send(phone, actions);
	wait_begin(phone);
	if (length < tftp->blksize)
		complete(phone, actions);
}

/* Decimal digits up to a NUL within the packet. */
static bool get_number(const struct pfs_event *event, uint32_t *at, uint64_t *value)
{
	uint32_t start = *at;

	*value = 0;
	while (*at < event->length && event->data[*at] >= '0' && event->data[*at] <= '9' && *at - start < 10)
		*value = *value * 10 + (event->data[(*at)++] - '0');
	return *at > start && *at < event->length && event->data[(*at)++] == 0;
}

static bool text_is(const struct pfs_event *event, uint32_t at, const char *text)
{
	for (; at < event->length; at++, text++) {
		uint8_t lower = event->data[at] >= 'A' && event->data[at] <= 'Z' ? event->data[at] + 32
										 : event->data[at];

		if (lower != (uint8_t)*text)
			return false;
		if (lower == 0)
			return true;
	}
	return false;
}

/* RFC 2347: the server may only confirm what was asked; RFC 2348: with a smaller block at most. */
static bool options_read(struct pfs_phone *phone, const struct pfs_event *event, uint64_t *blksize,
			 uint64_t *tsize)
{
	uint32_t at = 2;

	*blksize = 512;
	*tsize = UINT64_MAX;
	while (at < event->length) {
		uint32_t name = at;
		uint64_t value;

		while (at < event->length && event->data[at])
			at++;
		if (at++ >= event->length || !get_number(event, &at, &value))
			return false;
		if (text_is(event, name, "blksize") && phone->config.tftp_blksize &&
		    phone->config.tftp_blksize != 512 && value >= 8 && value <= phone->config.tftp_blksize)
			*blksize = value;
		else if (text_is(event, name, "tsize") && phone->config.tftp_tsize)
			*tsize = value;
		else if (!text_is(event, name, "timeout") || !phone->config.tftp_timeout_s ||
			 value != phone->config.tftp_timeout_s)
			return false;
	}
	return true;
}

static void options_heard(struct pfs_phone *phone, struct pfs_actions *actions, const struct pfs_event *event)
{
	struct pfs_tftp *tftp = &phone->tftp;
	uint64_t blksize, tsize;
	struct pfs_trace *record;

	assert(event->available == event->length);
	if (tftp->phase == TFTP_TRANSFER && tftp->block == 0) {
		ack_send(phone, actions); /* the ACK of the options was lost */
		return;
	}
	if (phone->state != PFS_ST_TFTP || tftp->phase != TFTP_REQUESTED || !asks_options(phone)) {
		core_drop_input(phone, actions, PFS_DROP_STATE, event->address);
		return;
	}
	if (!options_read(phone, event, &blksize, &tsize)) {
		error_send(phone, actions, tftp->port, ERROR_OPTION, "options that were not asked");
		tftp->plain = 1;
		attempt_failed(phone, actions, FAILING_SILENT, PFS_FAIL_SERVER_SILENT, ERROR_OPTION);
		return;
	}
	if (tsize != UINT64_MAX && tsize != phone->config.files[phone->file].size) {
		error_send(phone, actions, tftp->port, 0, "not the size announced");
		attempt_failed(phone, actions, FAILING_DAMAGED, PFS_FAIL_DAMAGED, TRACE_SIZE);
		return;
	}
	rtt_sample(tftp, phone->now_us);
	tftp->phase = TFTP_TRANSFER;
	tftp->silent = 0;
	tftp->blksize = (uint16_t)blksize;
	record = core_trace(phone, actions, PFS_TR_TFTP_OPTIONS);
	record->a = (uint32_t)blksize;
	record->c = tsize == UINT64_MAX ? 0 : tsize;
	ack_send(phone, actions);
	wait_begin(phone);
}

static void error_heard(struct pfs_phone *phone, struct pfs_actions *actions, uint32_t code)
{
	if (phone->state != PFS_ST_TFTP)
		return;
	switch (code) {
	case ERROR_NOT_FOUND:
		attempt_failed(phone, actions, FAILING_FINAL, PFS_FAIL_SERVER_NOT_FOUND, code);
		break;
	case ERROR_OPTION:
		if (!phone->tftp.plain && asks_options(phone)) {
			core_trace(phone, actions, PFS_TR_TFTP_ERROR)->a = code;
			phone->tftp.plain = 1;
			if (phone->received)
				core_act(actions, PFS_ACT_DISCARD)->file = phone->file;
			core_tftp_begin(phone, actions, phone->tftp.direct);
			break;
		}
		attempt_failed(phone, actions, FAILING_FINAL, PFS_FAIL_SERVER_DENIED, code);
		break;
	case 0: /* "not defined, see message": what servers say at their limit */
	case ERROR_DISK:
		/* In mid-file it is no rejection, and a server that never gets further must not be asked for
		 * ever. */
		attempt_failed(phone, actions, phone->tftp.block ? FAILING_SILENT : FAILING_BUSY,
			       PFS_FAIL_SERVER_BUSY, code);
		break;
	case ERROR_TID:
		attempt_failed(phone, actions, FAILING_SILENT, PFS_FAIL_SERVER_SILENT, code);
		break;
	case ERROR_ACCESS:
	case ERROR_ILLEGAL:
	default: /* 6 and 7 belong to writing; more than 8 to nobody */
		attempt_failed(phone, actions, FAILING_FINAL, PFS_FAIL_SERVER_DENIED, code);
		break;
	}
}

void core_tftp_heard(struct pfs_phone *phone, struct pfs_actions *actions, const struct pfs_event *event)
{
	struct pfs_tftp *tftp = &phone->tftp;
	uint32_t opcode;

	if (tftp->phase == TFTP_IDLE) {
		phone->stale_events++;
		return;
	}
	if (event->length < 4) {
		core_drop_input(phone, actions, PFS_DROP_SHORT, event->address);
		return;
	}
	assert(event->available >= 4);
	opcode = (uint32_t)event->data[0] << 8 | event->data[1];
	if (event->address != phone->config.tftp_server) {
		core_drop_input(phone, actions, PFS_DROP_TID, event->address);
		return;
	}
	if (tftp->port && event->port != tftp->port) {
		/* RFC 1350 section 4: told off, and the transfer goes on undisturbed. */
		if (opcode != OP_ERROR)
			error_send(phone, actions, event->port, ERROR_TID, "unknown transfer ID");
		core_drop_input(phone, actions, PFS_DROP_TID, event->address);
		return;
	}
	/* Only what begins a transfer chooses its TID: not a packet astray. */
	if (opcode == OP_OACK || (opcode == OP_DATA && event->data[2] == 0 && event->data[3] == 1))
		tftp->port = event->port;
	switch (opcode) {
	case OP_DATA:
		data_heard(phone, actions, event);
		break;
	case OP_OACK:
		options_heard(phone, actions, event);
		break;
	case OP_ERROR:
		error_heard(phone, actions, (uint32_t)event->data[2] << 8 | event->data[3]);
		break;
	default:
		core_drop_input(phone, actions, PFS_DROP_TYPE, event->address);
	}
}

void core_tftp_verified(struct pfs_phone *phone, struct pfs_actions *actions, bool good)
{
	struct pfs_trace *record = core_trace(phone, actions, PFS_TR_VERIFIED);

	record->a = good;
	record->address = phone->config.tftp_server;
	if (good) {
		core_file_held(phone, actions);
		return;
	}
	core_act(actions, PFS_ACT_DISCARD)->file = phone->file;
	core_received_forget(phone);
	core_tftp_stop(phone, actions);
	if (++phone->tftp.damaged >= PFS_TFTP_DAMAGED_MAX)
		server_failed(phone, actions, PFS_FAIL_DAMAGED);
	else
		retry_at(phone, actions, core_draw_below(phone, DRAW_TFTP, PFS_TFTP_WAIT_US));
}
