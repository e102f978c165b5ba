/*
 * What may happen next in a state, and making it happen.
 *
 * Two choices keep the search small and lose nothing: a packet is lost in the
 * last moment of its time (until then nobody can tell), and a phone is killed
 * where an event of its own could come next (before that nobody can tell).
 */
#include "emulator/search/state.h"
#include "emulator/search/server.h"

#include <string.h>

static bool droppable(const struct search_flight *flight)
{
	return flight->kind != FLIGHT_VERIFIED;
}

static bool deliverable(const struct search_conn *conn, uint32_t from)
{
	const struct search_end *sender = &conn->ends[from], *to = &conn->ends[from ^ 1];

	if (!sender->out_count)
		return false;
	return to->state == END_OPEN || (to->state == END_QUEUED && sender->out[0].kind == ELEMENT_RST);
}

static bool in_handshake(const struct search_conn *conn)
{
	return conn->phase == PHASE_SYN || conn->phase == PHASE_SYN_ACK || conn->phase == PHASE_REFUSED;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* By when the next delivery has to have been made. */
static uint64_t delivery_us(const struct search_state *state)
{
	uint64_t latest_us = PFS_TIME_NEVER;

	for (uint32_t i = 0; i < state->flight_count; i++)
		latest_us = earlier(latest_us, state->flights[i].latest_us);
	for (uint32_t i = 0; i < state->conn_count; i++) {
		const struct search_conn *conn = &state->conns[i];
		if (in_handshake(conn))
			latest_us = earlier(latest_us, conn->latest_us);
		for (uint32_t k = 0; k < 2; k++)
			if (deliverable(conn, k))
				latest_us = earlier(latest_us, conn->ends[k].out[0].latest_us);
	}
	return latest_us;
}

static uint64_t timer_us(const struct search_state *state)
{
	uint64_t due_us = PFS_TIME_NEVER;

	for (uint32_t i = 0; i < state->phones; i++)
		if (state->hosts[i].alive)
			due_us = earlier(due_us, pfs_deadline(&state->cores[i]));
	for (uint32_t i = 0; i < SEARCH_TRANSFERS; i++)
		if (state->transfers[i].used)
			due_us = earlier(due_us, state->transfers[i].deadline_us);
	for (uint32_t i = 0; i < state->conn_count; i++)
		for (uint32_t k = 0; k < 2; k++)
			due_us = earlier(due_us, state->conns[i].ends[k].give_up_us);
	return due_us;
}

uint64_t search_advance_us(const struct search_state *state)
{
	uint64_t next_us = earlier(delivery_us(state), timer_us(state));

	return next_us == PFS_TIME_NEVER || next_us <= state->now_us ? 0 : next_us - state->now_us;
}

struct listing {
	struct search_event *events;
	uint32_t count;
	uint8_t touched; /* phones that have an event of their own */
};

static void add(struct listing *listing, enum search_kind kind, uint32_t index, uint32_t target)
{
	listing->events[listing->count++] =
		(struct search_event){ (uint8_t)kind, (uint8_t)index, (uint8_t)target, 0 };
}

static void list_flights(const struct search_state *state, struct listing *listing)
{
	for (uint32_t i = 0; i < state->flight_count; i++) {
		const struct search_flight *flight = &state->flights[i];
		bool last = flight->latest_us <= state->now_us;
		for (uint32_t k = 0; k < state->phones; k++) {
			uint32_t target = flight->kind == FLIGHT_BROADCAST ? k : flight->phone;
			if (!(flight->to_mask >> k & 1))
				continue;
			add(listing, KIND_FLIGHT, i, target);
			if (flight->kind != FLIGHT_TO_SERVER)
				listing->touched |= (uint8_t)(1u << target);
			if (last && droppable(flight) && state->drops_left)
				add(listing, KIND_LOSS, i, target);
		}
	}
}

static void list_conns(const struct search_state *state, struct listing *listing)
{
	for (uint32_t i = 0; i < state->conn_count; i++) {
		const struct search_conn *conn = &state->conns[i];
		if (in_handshake(conn)) {
			add(listing, KIND_HANDSHAKE, i, 0);
			listing->touched |= (uint8_t)(1u << conn->ends[conn->phase == PHASE_SYN].phone);
		}
		for (uint32_t k = 0; k < 2; k++)
			if (deliverable(conn, k)) {
				add(listing, KIND_ELEMENT, i, k);
				listing->touched |= (uint8_t)(1u << conn->ends[k ^ 1].phone);
			}
	}
}

static void list_timers(const struct search_state *state, struct listing *listing)
{
	for (uint32_t i = 0; i < state->phones; i++)
		if (state->hosts[i].alive && pfs_deadline(&state->cores[i]) <= state->now_us) {
			add(listing, KIND_TIMER, i, 0);
			listing->touched |= (uint8_t)(1u << i);
		}
	for (uint32_t i = 0; i < SEARCH_TRANSFERS; i++)
		if (state->transfers[i].used && state->transfers[i].deadline_us <= state->now_us)
			add(listing, KIND_SERVER, i, 0);
	for (uint32_t i = 0; i < state->conn_count; i++)
		for (uint32_t k = 0; k < 2; k++)
			if (state->conns[i].ends[k].give_up_us <= state->now_us) {
				add(listing, KIND_GIVE_UP, i, k);
				listing->touched |= (uint8_t)(1u << state->conns[i].ends[k].phone);
			}
}

uint32_t search_events(const struct search_state *state, struct search_event *events)
{
	struct listing listing = { .events = events };
	bool must = delivery_us(state) <= state->now_us;

	list_flights(state, &listing);
	list_conns(state, &listing);
	if (!must)
		list_timers(state, &listing);
	if (!must && search_advance_us(state))
		add(&listing, KIND_ADVANCE, 0, 0);
	for (uint32_t i = 0; state->kills_left && i < state->phones; i++)
		if (state->hosts[i].alive && listing.touched >> i & 1)
			add(&listing, KIND_KILL, i, 0);
	return listing.count;
}

/* ------------------------------------------------------------- happening */

static void flight_take(struct search_state *state, uint32_t index, uint32_t target,
			struct search_flight *flight)
{
	struct search_flight *mine = &state->flights[index];

	*flight = *mine;
	mine->to_mask &= flight->kind == FLIGHT_BROADCAST ? (uint8_t) ~(1u << target) : 0;
	if (mine->to_mask)
		return;
	*mine = state->flights[--state->flight_count];
	memset(&state->flights[state->flight_count], 0, sizeof(*mine));
}

static void arrow(struct search_step *step, int32_t from, int32_t to, const char *label, bool lost)
{
	if (step->watcher)
		step->watcher->arrow(step->watcher, from, to, label, lost);
}

static const char *flight_label(const struct search_flight *flight)
{
	static const char *const claims[] = { "broadcast", "ClaimRoot", "answer" };
	static const char *const packets[] = { "TFTP", "RRQ", "WRQ", "DATA", "ACK", "ERROR" };

	if (flight->kind == FLIGHT_VERIFIED)
		return "verified";
	if (flight->kind == FLIGHT_BROADCAST)
		return claims[flight->bytes[3] < 3 ? flight->bytes[3] : 0];
	return packets[flight->bytes[1] < 6 ? flight->bytes[1] : 0];
}

static void flight_happens(struct search_step *step, const struct search_event *event)
{
	struct search_flight flight;
	bool lost = event->kind == KIND_LOSS;
	struct search_state *state = step->state;

	flight_take(state, event->index, event->target, &flight);
	arrow(step, flight.kind == FLIGHT_FROM_SERVER ? -1 : flight.phone,
	      flight.kind == FLIGHT_TO_SERVER ? -1 : event->target, flight_label(&flight), lost);
	if (lost) {
		state->drops_left--;
		state->drops_used++;
		return;
	}
	struct pfs_event heard = { .data = flight.bytes,
				   .length = flight.length,
				   .available = flight.available };
	switch (flight.kind) {
	case FLIGHT_BROADCAST:
		heard.kind = PFS_EV_DATAGRAM;
		heard.address = state->cores[flight.phone].config.address;
		heard.port = PFS_PORT;
		if (search_address_decides(state, &flight, event->target))
			step->address_decided = true;
		if (state->cores[event->target].port_open)
			search_phone_step(step, event->target, &heard);
		break;
	case FLIGHT_TO_SERVER:
		search_server_packet(step, flight.phone, flight.port, flight.to_port, flight.bytes,
				     flight.length);
		break;
	case FLIGHT_FROM_SERVER:
		heard.kind = PFS_EV_TFTP;
		heard.address = SEARCH_SERVER_ADDRESS;
		heard.port = flight.port;
		if (state->hosts[flight.phone].tftp_port == flight.to_port)
			search_phone_step(step, flight.phone, &heard);
		break;
	default: /* FLIGHT_VERIFIED */
		heard = (struct pfs_event){ .kind = PFS_EV_VERIFIED, .file = flight.file, .ok = flight.ok };
		if (flight.ok)
			state->hosts[flight.phone].verified |= (uint8_t)(1u << flight.file);
		search_phone_step(step, flight.phone, &heard);
	}
}

static void cut_power(struct search_step *step, uint32_t phone)
{
	struct search_state *state = step->state;

	state->kills_left--;
	state->kills_used++;
	state->hosts[phone] = (struct search_phone){ 0 };
	step->touched |= (uint8_t)(1u << phone);
	search_power_off(step, phone);
	for (uint32_t i = state->flight_count; i-- > 0;) {
		struct search_flight *flight = &state->flights[i];
		if (flight->kind == FLIGHT_BROADCAST)
			flight->to_mask &= (uint8_t) ~(1u << phone);
		else if (flight->kind != FLIGHT_TO_SERVER && flight->phone == phone)
			flight->to_mask = 0;
		if (!flight->to_mask) {
			*flight = state->flights[--state->flight_count];
			memset(&state->flights[state->flight_count], 0, sizeof(*flight));
		}
	}
}

static const char *element_label(const struct search_element *element)
{
	static const char *const up[] = { "JOIN", "BEAT", "DONE", "BAD" };
	static const char *const down[] = {
		"ACCEPT", "ALIVE", "XFRCMD", "REDIRECT", "REFUSE", "FAIL", "DATA"
	};
	uint8_t type = element->bytes[3];

	if (element->kind == ELEMENT_FIN)
		return "FIN";
	if (element->kind == ELEMENT_RST)
		return "RST";
	if (type >= 16 && type < 20)
		return up[type - 16];
	return type >= 32 && type < 39 ? down[type - 32] : "frame";
}

static void conn_happens(struct search_step *step, const struct search_event *event)
{
	static const char *const phases[] = { "", "SYN", "SYN-ACK", "RST (port closed)" };
	const struct search_conn *conn = &step->state->conns[event->index];

	if (event->kind == KIND_HANDSHAKE) {
		uint32_t from = conn->phase != PHASE_SYN;
		arrow(step, conn->ends[from].phone, conn->ends[from ^ 1].phone, phases[conn->phase], false);
		search_handshake(step, event->index);
		return;
	}
	if (event->kind == KIND_GIVE_UP) {
		arrow(step, conn->ends[event->target].phone, -2, "gives a dead connection up", false);
		search_give_up(step, event->index, event->target);
		return;
	}
	arrow(step, conn->ends[event->target].phone, conn->ends[event->target ^ 1].phone,
	      element_label(&conn->ends[event->target].out[0]), false);
	search_deliver(step, event->index, event->target);
}

void search_apply(struct search_step *step, const struct search_event *event)
{
	struct search_state *state = step->state;

	step->variant = event->variant;
	switch (event->kind) {
	case KIND_FLIGHT:
	case KIND_LOSS:
		flight_happens(step, event);
		break;
	case KIND_HANDSHAKE:
	case KIND_ELEMENT:
	case KIND_GIVE_UP:
		conn_happens(step, event);
		break;
	case KIND_TIMER:
		arrow(step, event->index, -2, "time-out", false);
		search_phone_step(step, event->index, &(struct pfs_event){ .kind = PFS_EV_TIME });
		break;
	case KIND_SERVER:
		arrow(step, -1, -2, "time-out", false);
		search_server_timer(step, event->index);
		break;
	case KIND_KILL:
		arrow(step, event->index, -2, "is killed", false);
		cut_power(step, event->index);
		break;
	default:
		search_pass(state, search_advance_us(state));
		step->touched = (uint8_t)((1u << state->phones) - 1);
	}
	for (uint32_t i = 0; i < state->phones; i++)
		while (state->hosts[i].alive && !step->error && !step->broken && search_accept(step, i))
			;
	for (uint32_t i = 0; i < state->phones; i++)
		if (step->touched >> i & 1)
			search_normalise(state, i);
	search_sweep(state);
	search_sort(state);
}

/* ------------------------------------------------------------- beginning */

static void configure(struct pfs_config *config, uint32_t number, uint32_t files, uint32_t rank)
{
	memset(config, 0, sizeof(*config));
	config->phone =
		0; /* all of them draw alike: they differ in address and strength, and in nothing else */
	config->address = SEARCH_ADDRESS + number;
	config->netmask = 0xffffff00;
	config->tftp_server = SEARCH_SERVER_ADDRESS;
	config->strength = 0x40000000 + rank;
	config->part = PFS_PART_YES;
	config->origin = PFS_ORIGIN_ENTERPRISE;
	config->file_count = (uint8_t)files;
	strcpy(config->model, "CP-7961G");
	for (uint32_t i = 0; i < files; i++) {
		search_file_name(i, config->files[i].name);
		config->files[i].size = search_file_size(i);
		config->files[i].digest = i + 1;
	}
}

/* All phones are reset in the same instant. */
void search_state_init(struct search_step *step, const struct search_options *options, uint32_t order)
{
	struct search_state *state = step->state;
	uint32_t rank[SEARCH_PHONES_MAX] = { 0 };
	struct pfs_config config;

	memset(state, 0, sizeof(*state));
	search_ranks(options->phones, order, rank);
	state->now_us = SEARCH_NOW_US;
	state->order = (uint8_t)order;
	state->phones = (uint8_t)options->phones;
	state->files = (uint8_t)options->files;
	state->drops_left = (uint8_t)options->drops;
	state->kills_left = (uint8_t)options->kills;
	state->planted = options->planted;
	for (uint32_t i = 0; i < options->phones; i++) {
		configure(&config, i, options->files, rank[i]);
		if (pfs_phone_init(&state->cores[i], &config))
			step->broken = "the search's phones are configured as phones are";
		state->hosts[i].alive = 1;
	}
	for (uint32_t i = 0; i < options->phones; i++)
		search_phone_step(step, i, &(struct pfs_event){ .kind = PFS_EV_START });
	for (uint32_t i = 0; i < options->phones; i++)
		search_normalise(state, i);
	search_sort(state);
}
