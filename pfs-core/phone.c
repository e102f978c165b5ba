/*
 * A phone's life, file by file: the .loads index first, then each component it
 * names (F15). This file dispatches events, keeps the time and moves from file to
 * file; what each event means is in election.c, children.c, parent.c and
 * tftp.c.
 *
 * A phone that holds a file goes on to the next one while it still serves its
 * children (F5), as long as that makes at most PFS_HIERARCHIES_MAX hierarchies
 * at once; then it is held up until the older one is done.
 */
#include "pfs-core/core.h"

static bool config_valid(const struct pfs_config *config)
{
	if (config->file_count < 1 || config->file_count > PFS_FILES_MAX)
		return false;
	if (config->part > PFS_PART_MODE || config->origin > PFS_ORIGIN_DEFAULT)
		return false;
	if (strnlen(config->model, PFS_MODEL_MAX) == 0 || config->model[PFS_MODEL_MAX - 1])
		return false;
	if (config->tftp_blksize && (config->tftp_blksize < 8 || config->tftp_blksize > 65464))
		return false;
	if (config->address == 0 || config->tftp_server == 0)
		return false;
	if (config->fan_out > PFS_FAN_OUT_MAX)
		return false;
	if (config->forward_early > 1)
		return false;
	if (config->waits_percent &&
	    (config->waits_percent < PFS_WAITS_PERCENT_MIN || config->waits_percent > 100))
		return false;
	for (uint32_t i = 0; i < config->file_count; i++) {
		if (strnlen(config->files[i].name, PFS_NAME_MAX) == 0 ||
		    config->files[i].name[PFS_NAME_MAX - 1])
			return false;
		if (config->files[i].size > UINT32_MAX)
			return false;
	}
	return true;
}

int pfs_phone_init(struct pfs_phone *phone, const struct pfs_config *config)
{
	uint32_t domain[2] = { config->address & config->netmask, config->netmask };

	if (!config_valid(config))
		return -EINVAL;
	memset(phone, 0, sizeof(*phone));
	memcpy(&phone->config, config, sizeof(*config));
	phone->map = core_hash32(domain, sizeof(domain), core_hash32(config->model, PFS_MODEL_MAX, 0));
	phone->timer_us = PFS_TIME_NEVER;
	phone->linger_us = PFS_TIME_NEVER;
	phone->root_deadline_us = PFS_TIME_NEVER;
	phone->root_limit_us = PFS_TIME_NEVER;
	phone->tftp.deadline_us = PFS_TIME_NEVER;
	phone->file = PFS_NO_FILE;
	phone->shown = PFS_NO_FILE;
	phone->parent_slot = PFS_NO_SLOT;
	for (uint32_t i = 0; i < PFS_FILES_MAX; i++)
		phone->answer_us[i] = PFS_TIME_NEVER;
	phone->fan_out = config->fan_out ? config->fan_out : PFS_CHILDREN_MAX;
	phone->slots = (uint8_t)(1 + phone->fan_out * PFS_HIERARCHIES_MAX + PFS_ACCEPT_SLOTS);
	for (uint32_t i = 0; i < phone->slots; i++)
		core_conn_free(phone, &phone->conns[i]);
	return 0;
}

void core_state_set(struct pfs_phone *phone, enum pfs_state state, uint64_t timer_us)
{
	phone->state = (uint8_t)state;
	phone->timer_us = timer_us;
}

bool core_holds(const struct pfs_phone *phone, uint8_t file)
{
	return phone->held >> file & 1;
}

/* Confirmed root of the current file, which is not complete yet. */
bool core_is_root(const struct pfs_phone *phone)
{
	return phone->file != PFS_NO_FILE && (phone->rooted >> phone->file & 1) &&
	       !core_holds(phone, phone->file);
}

uint8_t core_file_find(const struct pfs_phone *phone, uint64_t digest, const char *name)
{
	for (uint8_t i = 0; i < phone->config.file_count; i++)
		if (phone->config.files[i].digest == digest &&
		    !strcmp(phone->config.files[i].name, name))
			return i;
	return PFS_NO_FILE;
}

/* H of the log: names a hierarchy within its subnet by model and file (F5, F6). */
uint32_t core_file_key(const struct pfs_phone *phone, uint8_t file)
{
	return core_hash32(phone->config.files[file].name, PFS_NAME_MAX,
			   core_hash32(phone->config.model, PFS_MODEL_MAX, 0));
}

bool core_blamed(const struct pfs_phone *phone, uint32_t address)
{
	for (uint32_t i = 0; i < PFS_BLAMED_MAX; i++)
		if (phone->blamed[i].address == address && phone->blamed[i].until_us > phone->now_us)
			return true;
	return false;
}

/*
 * The entry that ends first makes room: a long list would only help whoever wants us to trust nobody. But
 * as long as there is a free one, nobody's first strike is forgotten for another's.
 */
void core_blame(struct pfs_phone *phone, struct pfs_actions *actions, uint32_t address, enum pfs_loss loss,
		uint64_t for_us)
{
	struct pfs_blamed *entry = &phone->blamed[0];
	struct pfs_trace *record;

	for (uint32_t i = 0; i < PFS_BLAMED_MAX; i++) {
		struct pfs_blamed *other = &phone->blamed[i];

		if (other->address == address) {
			entry = other;
			break;
		}
		if (entry->address && (!other->address || other->until_us < entry->until_us))
			entry = other;
	}
	if (entry->address != address)
		entry->strikes = 0;
	if (loss == PFS_LOSS_DAMAGED && entry->strikes < UINT8_MAX)
		entry->strikes++;
	entry->address = address;
	entry->loss = (uint8_t)loss;
	entry->until_us = phone->now_us + for_us;
	record = core_trace(phone, actions, PFS_TR_BLAMED);
	record->address = address;
	record->a = loss;
}

/*
 * One damaged byte may be the wire's: for that file its sender is avoided, but
 * with the next file it is a peer again, and may be its root. Twice is a habit.
 */
static void forgive(struct pfs_phone *phone)
{
	for (uint32_t i = 0; i < PFS_BLAMED_MAX; i++)
		if (phone->blamed[i].loss == PFS_LOSS_DAMAGED && phone->blamed[i].strikes == 1)
			phone->blamed[i].until_us = 0;
}

/* ------------------------------------------------------------ the files */

static bool shares(const struct pfs_phone *phone)
{
	return phone->config.part == PFS_PART_YES && phone->port_open;
}

/* Older hierarchies that still have children here. */
static uint32_t hierarchies_served(const struct pfs_phone *phone)
{
	uint32_t count = 0;

	for (uint8_t i = 0; i < phone->config.file_count; i++)
		count += i != phone->file && core_children_count(phone, i) > 0;
	return count;
}

static void file_begin(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file)
{
	phone->file = file;
	phone->received = 0;
	phone->round = 0;
	phone->hops = 0;
	phone->rejoin = REJOIN_NONE;
	phone->path_count = 0;
	phone->roots_tried = 0;
	phone->tree_phase = TREE_NONE;
	phone->tree_xid = 0;
	phone->root_address = 0;
	phone->avoid = 0;
	phone->lost = 0;
	phone->dial_origin = 0;
	phone->deaf_leader = 0;
	phone->leader = 0;
	phone->last_resort = 0;
	phone->levels[file] = 0;
	phone->root_deadline_us = PFS_TIME_NEVER;
	phone->root_limit_us = PFS_TIME_NEVER;
	phone->tftp.begun = 0;
	phone->tftp.attempts = 0;
	phone->tftp.broken = 0;
	phone->tftp.damaged = 0;
	phone->tftp.busy_since_us = 0;
	forgive(phone);

	if (shares(phone) && hierarchies_served(phone) >= PFS_HIERARCHIES_MAX) {
		core_state_set(phone, PFS_ST_HELD_UP, PFS_TIME_NEVER);
		return;
	}
	core_trace(phone, actions, PFS_TR_FILE_BEGUN)->a = phone->fan_out - core_children_count(phone, file);
	if (shares(phone))
		core_election_listen(phone);
	else
		core_tftp_begin(phone, actions,
				phone->config.part == PFS_PART_YES ? PFS_DIRECT_PORT_CLOSED
								   : PFS_DIRECT_NONE);
}

static void port_close(struct pfs_phone *phone, struct pfs_actions *actions)
{
	for (uint32_t i = 0; i < phone->slots; i++)
		if (phone->conns[i].role != CONN_FREE)
			core_conn_drop(phone, actions, &phone->conns[i]);
	for (uint32_t i = 0; i < PFS_FILES_MAX; i++)
		phone->answer_us[i] = PFS_TIME_NEVER;
	if (!phone->port_open)
		return;
	phone->port_open = 0;
	core_act(actions, PFS_ACT_CLOSE);
	core_trace(phone, actions, PFS_TR_PORT_CLOSED);
}

static void reboot(struct pfs_phone *phone, struct pfs_actions *actions)
{
	core_tftp_stop(phone, actions);
	port_close(phone, actions);
	phone->linger_us = PFS_TIME_NEVER;
	phone->timer_us = PFS_TIME_NEVER;
	if (phone->state == PFS_ST_FAILED)
		return;
	core_trace(phone, actions, PFS_TR_REBOOTED);
	core_state_set(phone, PFS_ST_REBOOTED, PFS_TIME_NEVER);
}

static void file_next(struct pfs_phone *phone, struct pfs_actions *actions)
{
	if (phone->file + 1 < phone->config.file_count) {
		file_begin(phone, actions, phone->file + 1);
		return;
	}
	phone->upgraded = 1;
	core_trace(phone, actions, PFS_TR_UPGRADED);
	core_state_set(phone, PFS_ST_LINGERING, phone->now_us + PFS_LINGER_MAX_US);
	phone->linger_us = phone->now_us + PFS_LINGER_US;
	if (!phone->port_open)
		reboot(phone, actions);
}

/* The current file is complete and verified: it may be forwarded now (F4). */
void core_file_held(struct pfs_phone *phone, struct pfs_actions *actions)
{
	uint8_t file = phone->file;

	assert(!core_holds(phone, file));
	phone->held |= (uint8_t)(1u << file);
	phone->root_deadline_us = PFS_TIME_NEVER;
	phone->root_limit_us = PFS_TIME_NEVER;
	core_children_serve(phone, actions, file);
	file_next(phone, actions);
}

void core_file_failed(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_failure failure)
{
	core_children_fail(phone, actions, phone->file, failure);
	phone->rooted &= (uint8_t) ~(1u << phone->file);
	phone->failure = (uint8_t)failure;
	core_trace(phone, actions, PFS_TR_FAILED)->a = failure;
	core_state_set(phone, PFS_ST_FAILED, phone->now_us + PFS_LINGER_MAX_US);
	phone->linger_us = phone->now_us + PFS_LINGER_US;
	phone->root_deadline_us = PFS_TIME_NEVER;
	phone->root_limit_us = PFS_TIME_NEVER;
	if (!phone->port_open)
		reboot(phone, actions);
}

/* -------------------------------------------------------------- events */

static void start(struct pfs_phone *phone, struct pfs_actions *actions)
{
	struct pfs_trace *record;

	assert(phone->state == PFS_ST_OFF);
	record = core_trace(phone, actions, PFS_TR_STARTED);
	record->a = phone->config.part;
	record->b = phone->config.origin;
	record->c = phone->config.boot;
	if (phone->config.part == PFS_PART_YES) {
		core_state_set(phone, PFS_ST_OPENING, PFS_TIME_NEVER);
		core_act(actions, PFS_ACT_OPEN);
		return;
	}
	file_begin(phone, actions, 0);
}

static void opened(struct pfs_phone *phone, struct pfs_actions *actions, const struct pfs_event *event)
{
	if (phone->state != PFS_ST_OPENING) {
		phone->stale_events++;
		return;
	}
	phone->port_open = event->ok;
	if (event->ok)
		core_trace(phone, actions, PFS_TR_LISTENING)->a = (uint32_t)event->descriptor;
	else
		core_trace(phone, actions, PFS_TR_PORT_CLOSED)->a = 1;
	file_begin(phone, actions, 0);
}

static void verified(struct pfs_phone *phone, struct pfs_actions *actions, const struct pfs_event *event)
{
	if (phone->state != PFS_ST_VERIFYING || event->file != phone->file) {
		phone->stale_events++;
		return;
	}
	if (phone->verifying_from_server)
		core_tftp_verified(phone, actions, event->ok);
	else
		core_parent_verified(phone, actions, event->ok);
}

static void accepted(struct pfs_phone *phone, struct pfs_actions *actions, const struct pfs_event *event)
{
	struct pfs_conn *conn;

	/* The caller asked pfs_accept_conn() for this handle. */
	assert(event->conn != PFS_NO_CONN && event->conn == pfs_accept_conn(phone));
	conn = core_conn_new(phone, actions, CONN_PENDING, event->address);
	assert(core_conn_handle(phone, conn) == event->conn);
	conn->deadline_us = phone->now_us + PFS_ACCEPT_US;
}

static bool lingers(const struct pfs_phone *phone)
{
	if (phone->linger_us == PFS_TIME_NEVER)
		return false;
	for (uint32_t i = 0; i < phone->slots; i++)
		if (phone->conns[i].role == CONN_CHILD || phone->conns[i].role == CONN_CLOSING)
			return false;
	return true;
}

/* One thing that is due, so that a step's actions stay bounded. */
static void timed_out(struct pfs_phone *phone, struct pfs_actions *actions)
{
	for (uint32_t i = 0; i < phone->slots; i++) {
		struct pfs_conn *conn = &phone->conns[i];

		if (conn->role != CONN_FREE && core_conn_deadline(conn) <= phone->now_us) {
			core_conn_timer(phone, actions, conn);
			return;
		}
	}
	for (uint8_t i = 0; i < phone->config.file_count; i++) {
		if (phone->answer_us[i] <= phone->now_us) {
			core_election_answer(phone, actions, i);
			return;
		}
	}
	if (phone->tftp.deadline_us <= phone->now_us) {
		core_tftp_timer(phone, actions);
	} else if (phone->timer_us <= phone->now_us) {
		if (phone->state == PFS_ST_TFTP_WAITING)
			core_tftp_begin(phone, actions, phone->tftp.direct);
		else if (phone->state == PFS_ST_LINGERING || phone->state == PFS_ST_FAILED)
			reboot(phone, actions);
		else
			core_election_timer(phone, actions);
	} else if (phone->root_deadline_us <= phone->now_us || phone->root_limit_us <= phone->now_us) {
		core_parent_stalled(phone, actions);
	} else if (lingers(phone) && phone->linger_us <= phone->now_us) {
		reboot(phone, actions);
	}
}

static uint32_t connection_event(struct pfs_phone *phone, struct pfs_actions *actions,
				 const struct pfs_event *event)
{
	struct pfs_conn *conn = core_conn_find(phone, event->conn);

	if (!conn) {
		phone->stale_events++;
		return event->length;
	}
	switch (event->kind) {
	case PFS_EV_CONNECTED:
		if (conn->role == CONN_DIALLING)
			core_parent_connected(phone, actions, conn);
		else
			phone->stale_events++;
		break;
	case PFS_EV_BYTES:
		return core_conn_bytes(phone, actions, conn, event);
	case PFS_EV_EOF:
		core_conn_gone(phone, actions, conn, PFS_LOSS_EOF);
		break;
	case PFS_EV_LOST:
		core_conn_gone(phone, actions, conn, PFS_LOSS_RESET);
		break;
	case PFS_EV_SENT:
		if (conn->role == CONN_CHILD)
			core_child_sent(phone, actions, conn);
		break;
	default:
		assert(!"a connection event");
	}
	return event->length;
}

uint32_t pfs_step(struct pfs_phone *phone, const struct pfs_event *event, struct pfs_actions *actions)
{
	uint32_t consumed = event->length;

	assert(event->now_us >= phone->now_us);
	phone->now_us = event->now_us;
	actions->count = 0;

	switch (event->kind) {
	case PFS_EV_START:
		start(phone, actions);
		break;
	case PFS_EV_TIME:
		timed_out(phone, actions);
		break;
	case PFS_EV_OPENED:
		opened(phone, actions, event);
		break;
	case PFS_EV_DATAGRAM:
		core_election_heard(phone, actions, event);
		break;
	case PFS_EV_TFTP:
		core_tftp_heard(phone, actions, event);
		break;
	case PFS_EV_TFTP_REFUSED:
		core_tftp_refused(phone, actions);
		break;
	case PFS_EV_ACCEPTED:
		accepted(phone, actions, event);
		break;
	case PFS_EV_VERIFIED:
		verified(phone, actions, event);
		break;
	default:
		consumed = connection_event(phone, actions, event);
		break;
	}
	if (phone->state == PFS_ST_HELD_UP && hierarchies_served(phone) < PFS_HIERARCHIES_MAX)
		file_begin(phone, actions, phone->file);
	return consumed;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t pfs_deadline(const struct pfs_phone *phone)
{
	uint64_t deadline_us = earlier(phone->timer_us, phone->tftp.deadline_us);

	deadline_us = earlier(deadline_us, earlier(phone->root_deadline_us, phone->root_limit_us));
	for (uint32_t i = 0; i < phone->config.file_count; i++)
		deadline_us = earlier(deadline_us, phone->answer_us[i]);
	for (uint32_t i = 0; i < phone->slots; i++)
		if (phone->conns[i].role != CONN_FREE)
			deadline_us = earlier(deadline_us, core_conn_deadline(&phone->conns[i]));
	if (lingers(phone))
		deadline_us = earlier(deadline_us, phone->linger_us);
	return deadline_us;
}
