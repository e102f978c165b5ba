/*
 * Making states that mean the same have the same bytes. Times are relative:
 * now stays within one second, and as it passes all others move. Statistics go. What the core
 * writes before it reads it again is zeroed, each for the reason given; the
 * state itself is changed, not a copy, so that whatever follows starts from
 * what was compared; a second time it changes nothing, so that a phone that no event
 * touched need not be looked at again.
 *
 * Three things are more than dead: the day-long limit on a root does not come
 * nearer (no behaviour of a small fleet lasts that long), the flood window is
 * forgotten (three phones cannot send a thousand claims a second), and with
 * at most three phones a child's weight is never corrected, for nobody can be
 * redirected: that takes two children and a joiner.
 */
#include "emulator/search/state.h"

#include <stdlib.h>
#include <string.h>

#include "pfs-core/core.h"

#define LIMIT_US (PFS_BUSY_LIMIT_US + 4096 * PFS_S)
_Static_assert(SEARCH_SLOW_US == PFS_S, "weights are dated in seconds");
#define WEIGHT_OLD_S 11 /* WEIGHT_SETTLED_S is passed */

static bool redirects(const struct search_state *state)
{
	return state->phones > 3;
}

/* To the next whole `grid`; now stands on ticks. */
static uint64_t up(uint64_t time_us, uint64_t grid_us)
{
	uint64_t over_us = time_us == PFS_TIME_NEVER ? 0 : time_us % grid_us;

	return over_us ? time_us + grid_us - over_us : time_us;
}

static void normalise_conn(const struct search_state *state, struct pfs_phone *core, struct pfs_conn *conn)
{
	uint32_t now_s = (uint32_t)(state->now_us / PFS_S);

	if (conn->role == CONN_FREE) {
		conn->generation = 0; /* no handle of it is left: its world end is closed */
		return;
	}
	if (!redirects(state))
		conn->weight_s = now_s;
	else if (now_s - conn->weight_s > WEIGHT_OLD_S)
		conn->weight_s = now_s - WEIGHT_OLD_S;
	conn->deadline_us = up(conn->deadline_us, SEARCH_SLOW_US);
	conn->beat_us = up(conn->beat_us, SEARCH_SLOW_US);
	conn->stall_us = up(conn->stall_us, SEARCH_SLOW_US);
	if (conn->rx_have == 0) {
		memset(conn->rx, 0, sizeof(conn->rx));
		if (core->parent_slot == conn - core->conns)
			memset(core->parent_rx, 0, sizeof(core->parent_rx));
	}
}

/*
 * core_tftp_begin() sets all of these; a socket that is only kept open for the
 * last block's duplicates knows its port and block, and measures nothing.
 */
static void normalise_tftp(struct pfs_phone *core)
{
	struct pfs_tftp *tftp = &core->tftp;

	tftp->begun = 0; /* for the trace */
	if (core->state == PFS_ST_TFTP)
		return;
	tftp->srtt_us = tftp->rttvar_us = tftp->rto_us = 0;
	tftp->sent_us = 0;
	tftp->silent = 0;
	if (tftp->phase != TFTP_IDLE)
		return;
	tftp->block = 0;
	tftp->port = tftp->blksize = 0;
}

/* Upgraded, with all files held: nothing is elected, joined or downloaded any more. */
static void normalise_upgraded(struct pfs_phone *core)
{
	core->leader = core->leader_xid = core->leader_strength = core->leader_class = 0;
	core->dial = core->dial_xid = core->dial_origin = 0;
	core->avoid = core->lost = core->deaf_leader = 0;
	core->root_address = core->tree_xid = core->progress_kb = 0;
	core->path_count = core->hops = core->rejoin = core->round = 0;
	core->tree_phase = core->roots_tried = core->last_resort = 0;
	core->verifying_from_server = 0;
	core->received = 0;
	core->strength = 0; /* a holder answers with the greatest */
	core->tftp.direct = core->tftp.attempts = core->tftp.broken = 0;
}

static void normalise_times(const struct search_state *state, struct pfs_phone *core)
{
	uint64_t now_us = state->now_us;
	bool attached =
		core->parent_slot != PFS_NO_SLOT && core->conns[core->parent_slot].role == CONN_PARENT;

	core->now_us = now_us;
	core->timer_us = up(core->timer_us, core->upgraded ? SEARCH_SLOW_US : SEARCH_TICK_US);
	core->tftp.deadline_us =
		up(core->tftp.deadline_us, core->state == PFS_ST_TFTP ? SEARCH_TICK_US : SEARCH_SLOW_US);
	core->linger_us = up(core->linger_us, SEARCH_SLOW_US);
	core->root_deadline_us = up(core->root_deadline_us, SEARCH_SLOW_US);
	for (uint32_t i = 0; i < PFS_FILES_MAX; i++) {
		core->answer_us[i] = up(core->answer_us[i], SEARCH_TICK_US);
		if (core->answered_us[i] + PFS_ANSWER_INTERVAL_US <= now_us)
			core->answered_us[i] = 0; /* an answer at once is due */
	}
	for (uint32_t i = 0; i < PFS_BLAMED_MAX; i++)
		core->blamed[i].until_us =
			core->blamed[i].until_us <= now_us ? 0 : up(core->blamed[i].until_us, SEARCH_SLOW_US);
	if (!attached)
		core->root_patience_us = 0; /* set with the next parent */
	if (core->root_limit_us != PFS_TIME_NEVER && core->root_limit_us > now_us + PFS_BUSY_LIMIT_US / 2)
		core->root_limit_us = up(now_us + LIMIT_US, SEARCH_SLOW_US);
}

void search_normalise(struct search_state *state, uint32_t number)
{
	struct pfs_phone *core = &state->cores[number];
	struct pfs_config config;

	if (!state->hosts[number].alive || core->state == PFS_ST_REBOOTED) {
		/* Only what is asked of it as a whole is left: its place, and how it ended. */
		uint8_t ended = core->state, upgraded = core->upgraded, held = core->held,
			rooted = core->rooted;
		if (core->now_us == 0)
			return;
		memcpy(&config, &core->config, sizeof(config));
		pfs_phone_init(core, &config);
		if (state->hosts[number].alive) {
			core->state = ended;
			core->upgraded = upgraded;
			core->held = held;
			core->rooted = rooted;
			core->file = (uint8_t)(state->files - 1);
		}
		return;
	}
	if (core->upgraded)
		normalise_upgraded(core);
	memset(core->dropped, 0, sizeof(core->dropped));
	core->stale_events = 0;
	core->window_us = 0;
	core->window_count = 0;
	if (core->parent_slot == PFS_NO_SLOT)
		memset(core->parent_rx, 0, sizeof(core->parent_rx));
	memset(core->path + core->path_count, 0, (PFS_LEVELS_MAX - core->path_count) * sizeof(core->path[0]));
	if (core->state != PFS_ST_FOLLOWING) /* who is led by nobody looks at no leader */
		core->leader = core->leader_xid = core->leader_strength = core->leader_class = 0;
	if (core->state != PFS_ST_CLAIMING) /* zeroed with the first claim */
		core->claims = 0;
	normalise_tftp(core);
	for (uint32_t i = 0; i < PFS_CONNS_MAX; i++)
		normalise_conn(state, core, &core->conns[i]);
	normalise_times(state, core);
}

/* ---------------------------------------------------------------- sorting */

static int by_bytes_flight(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct search_flight));
}

/* The header and the ends' own fields tell connections apart: no two have the same ends and handles. */
static int by_bytes_conn(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct search_conn));
}

static int by_bytes_transfer(const void *a, const void *b)
{
	const struct search_transfer *x = a, *y = b;

	if (x->used != y->used)
		return y->used - x->used;
	return memcmp(a, b, sizeof(struct search_transfer));
}

static void sort(void *list, uint32_t count, size_t size, int (*compare)(const void *, const void *))
{
	uint8_t spare[sizeof(struct search_conn)];
	uint8_t *bytes = list;

	/* A handful, nearly in order: by insertion. */
	for (uint32_t i = 1; i < count; i++) {
		uint32_t k = i;
		if (compare(bytes + (k - 1) * size, bytes + k * size) <= 0)
			continue;
		memcpy(spare, bytes + i * size, size);
		for (; k > 0 && compare(bytes + (k - 1) * size, spare) > 0; k--)
			memcpy(bytes + k * size, bytes + (k - 1) * size, size);
		memcpy(bytes + k * size, spare, size);
	}
}

void search_sort(struct search_state *state)
{
	sort(state->flights, state->flight_count, sizeof(state->flights[0]), by_bytes_flight);
	sort(state->conns, state->conn_count, sizeof(state->conns[0]), by_bytes_conn);
	sort(state->transfers, SEARCH_TRANSFERS, sizeof(state->transfers[0]), by_bytes_transfer);
}

/* --------------------------------------------------------------- the time */

static void nearer(uint64_t *time_us, uint64_t by_us)
{
	if (*time_us != PFS_TIME_NEVER && *time_us != 0)
		*time_us -= by_us;
}

static void core_pass(struct pfs_phone *core, uint64_t by_us)
{
	nearer(&core->now_us, by_us);
	nearer(&core->timer_us, by_us);
	nearer(&core->linger_us, by_us);
	nearer(&core->root_deadline_us, by_us);
	nearer(&core->root_limit_us, by_us);
	nearer(&core->root_patience_us, by_us);
	for (uint32_t i = 0; i < PFS_FILES_MAX; i++) {
		nearer(&core->answer_us[i], by_us);
		nearer(&core->answered_us[i], by_us);
	}
	for (uint32_t i = 0; i < PFS_BLAMED_MAX; i++)
		nearer(&core->blamed[i].until_us, by_us);
	nearer(&core->tftp.deadline_us, by_us);
	nearer(&core->tftp.sent_us, by_us);
	nearer(&core->tftp.busy_since_us, by_us);
	for (uint32_t i = 0; i < PFS_CONNS_MAX; i++) {
		struct pfs_conn *conn = &core->conns[i];
		nearer(&conn->deadline_us, by_us);
		nearer(&conn->beat_us, by_us);
		nearer(&conn->stall_us, by_us);
		if (conn->role != CONN_FREE)
			conn->weight_s -= (uint32_t)(by_us / PFS_S);
	}
}

void search_pass(struct search_state *state, uint64_t by_us)
{
	/* Slow timers fire, and weights are dated, in whole seconds: what passed of this one counts. */
	state->now_us += by_us;
	by_us = (state->now_us - SEARCH_NOW_US) / SEARCH_SLOW_US * SEARCH_SLOW_US;
	state->now_us -= by_us;
	for (uint32_t i = 0; i < state->phones; i++)
		core_pass(&state->cores[i], by_us);
	for (uint32_t i = 0; i < state->flight_count; i++)
		nearer(&state->flights[i].latest_us, by_us);
	for (uint32_t i = 0; i < state->conn_count; i++) {
		struct search_conn *conn = &state->conns[i];
		nearer(&conn->latest_us, by_us);
		for (uint32_t k = 0; k < 2; k++) {
			nearer(&conn->ends[k].give_up_us, by_us);
			for (uint32_t e = 0; e < conn->ends[k].out_count; e++)
				nearer(&conn->ends[k].out[e].latest_us, by_us);
		}
	}
	for (uint32_t i = 0; i < SEARCH_TRANSFERS; i++)
		nearer(&state->transfers[i].deadline_us, by_us);
}

/* ------------------------------------------------------ copying, comparing */

void search_copy(struct search_state *to, const struct search_state *from)
{
	memcpy(to, from, offsetof(struct search_state, flights));
	memcpy(to->flights, from->flights, from->flight_count * sizeof(from->flights[0]));
	memcpy(to->conns, from->conns, from->conn_count * sizeof(from->conns[0]));
	memcpy(to->cores, from->cores, from->phones * sizeof(from->cores[0]));
}

static uint32_t put(uint8_t *bytes, uint32_t at, const void *from, size_t length)
{
	memcpy(bytes + at, from, length);
	return at + (uint32_t)length;
}

/* Elements, flights and transfers past the last are zero, and so left out. */
uint32_t search_pack(const struct search_state *state, uint8_t *bytes)
{
	uint32_t at = put(bytes, 0, state, offsetof(struct search_state, transfers)), used = 0;

	at = put(bytes, at, state->hosts, sizeof(state->hosts));
	while (used < SEARCH_TRANSFERS && state->transfers[used].used)
		used++;
	bytes[at++] = (uint8_t)used; /* the other lists' counts are in front already */
	at = put(bytes, at, state->transfers, used * sizeof(state->transfers[0]));
	for (uint32_t i = 0; i < state->flight_count; i++)
		at = put(bytes, at, &state->flights[i],
			 offsetof(struct search_flight, bytes) + state->flights[i].available);
	for (uint32_t i = 0; i < state->conn_count; i++) {
		const struct search_conn *conn = &state->conns[i];
		at = put(bytes, at, conn, offsetof(struct search_conn, ends));
		for (uint32_t k = 0; k < 2; k++)
			at = put(bytes, at, &conn->ends[k],
				 offsetof(struct search_end, out) +
					 conn->ends[k].out_count * sizeof(conn->ends[k].out[0]));
	}
	return at;
}

/*
 * A core as it is compared. Left out is what cannot differ: the configuration follows
 * from the order, its time is the state's, there are no files past the last, free
 * connections are all alike, and what was zeroed above is zero.
 */
uint32_t search_pack_core(const struct search_state *state, uint32_t phone, uint8_t *bytes)
{
	const struct pfs_phone *core = &state->cores[phone];
	const uint8_t *from = (const uint8_t *)core;
	const size_t first = offsetof(struct pfs_phone, timer_us), names = offsetof(struct pfs_phone, map),
		     flags = offsetof(struct pfs_phone, state);
	uint32_t at = put(bytes, 0, from + flags, offsetof(struct pfs_phone, parent_rx) - flags);

	at = put(bytes, at, from + first, offsetof(struct pfs_phone, answer_us) - first);
	at = put(bytes, at, core->answer_us, state->files * sizeof(core->answer_us[0]));
	at = put(bytes, at, core->answered_us, state->files * sizeof(core->answered_us[0]));
	at = put(bytes, at, core->blamed, sizeof(core->blamed));
	at = put(bytes, at, &core->tftp, sizeof(core->tftp));
	at = put(bytes, at, from + names, offsetof(struct pfs_phone, path) - names);
	at = put(bytes, at, core->path, core->path_count * sizeof(core->path[0]));
	for (uint8_t i = 0; i < PFS_CONNS_MAX; i++) {
		if (core->conns[i].role == CONN_FREE)
			continue;
		at = put(bytes, at, &i, 1);
		at = put(bytes, at, &core->conns[i], sizeof(core->conns[i]));
		if (core->parent_slot == i && core->conns[i].rx_have)
			at = put(bytes, at, core->parent_rx, sizeof(core->parent_rx));
	}
	return at;
}
