/*
 * Stepping a phone of the search, and carrying out what it asks for. What
 * becomes of it is put into the state; nothing is stepped inside another step,
 * but for the answers that take no time: OPENED, and SENT, for a file of the
 * search fits any send buffer.
 */
#include "emulator/search/state.h"
#include "emulator/search/server.h"

#include <errno.h>
#include <string.h>

uint32_t search_phone_of(const struct search_state *state, uint32_t address)
{
	uint32_t number = address - SEARCH_ADDRESS;

	return number < state->phones ? number : SEARCH_PHONES_MAX;
}

struct search_flight *search_flight_new(struct search_step *step, enum flight_kind kind, uint32_t phone)
{
	struct search_state *state = step->state;

	if (state->flight_count == SEARCH_FLIGHTS) {
		step->error = -EOVERFLOW;
		return NULL;
	}
	struct search_flight *flight = &state->flights[state->flight_count++];
	memset(flight, 0, sizeof(*flight));
	flight->kind = (uint8_t)kind;
	flight->phone = (uint8_t)phone;
	flight->to_mask = 1;
	flight->latest_us = state->now_us + SEARCH_TICK_US;
	return flight;
}

static void datagram(struct search_step *step, struct search_flight *flight, const struct pfs_action *action)
{
	if (!flight)
		return;
	if (action->length > sizeof(flight->bytes)) {
		step->error = -EOVERFLOW;
		return;
	}
	flight->length = flight->available = (uint16_t)action->length;
	memcpy(flight->bytes, action->bytes, action->length);
}

/* One's own broadcast that comes back would be dropped and counted: it is left out. */
static void broadcast(struct search_step *step, uint32_t phone, const struct pfs_action *action)
{
	const struct search_state *state = step->state;
	uint8_t mask = 0;

	for (uint32_t i = 0; i < state->phones; i++)
		if (i != phone && state->hosts[i].alive)
			mask |= (uint8_t)(1u << i);
	if (!mask)
		return;
	struct search_flight *flight = search_flight_new(step, FLIGHT_BROADCAST, phone);
	datagram(step, flight, action);
	if (flight)
		flight->to_mask = mask;
}

/* A port that nothing of an earlier transfer can still be meant for. */
static uint16_t free_port(const struct search_state *state, uint32_t phone)
{
	for (uint16_t port = SEARCH_CLIENT_PORT;; port++) {
		bool taken = false;
		for (uint32_t i = 0; i < SEARCH_TRANSFERS; i++)
			taken |= state->transfers[i].used && state->transfers[i].phone == phone &&
				 state->transfers[i].port == port;
		for (uint32_t i = 0; i < state->flight_count; i++) {
			const struct search_flight *flight = &state->flights[i];
			taken |= flight->phone == phone &&
				 ((flight->kind == FLIGHT_TO_SERVER && flight->port == port) ||
				  (flight->kind == FLIGHT_FROM_SERVER && flight->to_port == port));
		}
		if (!taken)
			return port;
	}
}

static void take(struct search_step *step, uint32_t phone, const struct pfs_action *action)
{
	struct search_phone *host = &step->state->hosts[phone];

	if (action->offset != host->stored[action->file] ||
	    action->offset + action->length > search_file_size(action->file))
		step->broken = "bytes are taken in order, and no more than the file has";
	host->stored[action->file] += (uint32_t)action->length;
}

static void verify(struct search_step *step, uint32_t phone, uint8_t file)
{
	struct search_flight *flight = search_flight_new(step, FLIGHT_VERIFIED, phone);

	if (!flight)
		return;
	flight->file = file;
	flight->ok = step->state->hosts[phone].stored[file] == search_file_size(file);
}

static void traced(struct search_step *step, uint32_t phone, const struct pfs_trace *trace)
{
	struct search_state *state = step->state;

	if (step->watcher)
		step->watcher->trace(step->watcher, phone, trace);
	if (trace->file >= SEARCH_FILES_MAX)
		return;
	if (trace->kind == PFS_TR_CONFIRMED && state->confirmed[trace->file] < UINT8_MAX)
		state->confirmed[trace->file]++;
	if (trace->kind != PFS_TR_TFTP_BEGUN)
		return;
	if (state->copies[trace->file] < UINT8_MAX)
		state->copies[trace->file]++;
	if (!trace->c && trace->b == PFS_DIRECT_NONE)
		step->broken = "a download beside the root's has a reason";
}

static void carry_out(struct search_step *step, uint32_t phone, const struct pfs_action *action)
{
	struct search_phone *host = &step->state->hosts[phone];
	struct search_flight *flight;

	switch (action->kind) {
	case PFS_ACT_CLOSE:
		search_close_port(step, phone);
		break;
	case PFS_ACT_BROADCAST:
		broadcast(step, phone, action);
		break;
	case PFS_ACT_CONNECT:
		search_connect(step, phone, action);
		break;
	case PFS_ACT_SEND_FILE:
		if (!(host->verified >> action->file & 1))
			step->broken = "nothing is forwarded that is not complete and verified";
		search_send(step, phone, action);
		break;
	case PFS_ACT_SEND:
		search_send(step, phone, action);
		break;
	case PFS_ACT_SHUTDOWN:
		search_shutdown(step, phone, action->conn);
		break;
	case PFS_ACT_DROP:
		search_drop(step, phone, action->conn);
		break;
	case PFS_ACT_TAKE:
		take(step, phone, action);
		break;
	case PFS_ACT_VERIFY:
		verify(step, phone, action->file);
		break;
	case PFS_ACT_DISCARD:
		host->stored[action->file] = 0;
		break;
	case PFS_ACT_TFTP_OPEN:
		host->tftp_port = free_port(step->state, phone);
		break;
	case PFS_ACT_TFTP_SEND:
		flight = search_flight_new(step, FLIGHT_TO_SERVER, phone);
		datagram(step, flight, action);
		if (flight) {
			flight->port = host->tftp_port;
			flight->to_port = action->port;
		}
		break;
	case PFS_ACT_TFTP_CLOSE:
		host->tftp_port = 0;
		break;
	case PFS_ACT_TRACE:
		traced(step, phone, &action->trace);
		break;
	default: /* OPEN is answered below */
		break;
	}
}

/*
 * event->length becomes what was consumed. The seed is the variant's for this
 * step; where the phone then drew a name (XID) the seed is the fleet's, or
 * variants would differ in nothing else. The counter of draws goes on for
 * names alone: no other draw depends on it.
 */
static void step_core(const struct search_step *step, struct pfs_phone *core, struct pfs_event *event,
		      struct pfs_actions *actions, bool *drew)
{
	const size_t head = offsetof(struct pfs_phone, now_us); /* the configuration stays */
	uint8_t before[sizeof(*core) - offsetof(struct pfs_phone, now_us)];
	uint64_t seed = core->config.seed, draws = core->draws;
	uint32_t xid = core->xid, consumed;

	event->now_us = step->state->now_us;
	memcpy(before, (const uint8_t *)core + head, sizeof(before));
	core->config.seed = search_seed(draws, step->variant);
	consumed = pfs_step(core, event, actions);
	core->config.seed = seed;
	if (core->draws != draws && core->xid != xid) {
		memcpy((uint8_t *)core + head, before, sizeof(before));
		consumed = pfs_step(core, event, actions);
	} else if (core->draws != draws) {
		*drew = true;
		core->draws = draws;
	}
	event->length = consumed;
}

void search_phone_step(struct search_step *step, uint32_t number, struct pfs_event *event)
{
	struct pfs_phone *core = &step->state->cores[number];
	struct pfs_actions actions;

	step->touched |= (uint8_t)(1u << number);
	step_core(step, core, event, &actions, &step->drew);
	for (uint32_t i = 0; i < actions.count && !step->error; i++)
		carry_out(step, number, &actions.list[i]);
	for (uint32_t i = 0; i < actions.count && !step->error && !step->broken; i++) {
		const struct pfs_action *action = &actions.list[i];
		if (action->kind == PFS_ACT_SEND_FILE)
			search_phone_step(step, number,
					  &(struct pfs_event){ .kind = PFS_EV_SENT, .conn = action->conn });
		else if (action->kind == PFS_ACT_OPEN)
			search_phone_step(step, number,
					  &(struct pfs_event){ .kind = PFS_EV_OPENED, .ok = 1 });
	}
}
