/*
 * The election of a hierarchy's root, by broadcast (F2, F7, and the reference
 * log): listen about half a second, claim tentatively five times 250 ms
 * apart, confirm, raise the strength, keep the tree open for joiners for ten
 * seconds, then say XfrCmd.
 *
 * How long a phone listens falls with its strength, by halvings of the share
 * that is stronger: the strongest of n speaks first, and how far ahead of the
 * second does not depend on n, so that broadcasts do not grow with the fleet.
 *
 * Whoever is the root of a file, or holds it, answers a late claim by
 * broadcast; a listener that hears the answer stays silent and joins. The root
 * has the first word; the other holders wait a little, again by halvings, and
 * say nothing once somebody has.
 */
#include "pfs-core/core.h"

#define BUMP UINT32_C(0x80000000)

enum claim_class { CLASS_TENTATIVE, CLASS_ROOT, CLASS_HOLDER };

static uint32_t new_xid(struct pfs_phone *phone)
{
	uint64_t draw = core_draw(phone, DRAW_XID);
	uint32_t xid = core_hash32(&draw, sizeof(draw), phone->config.address);

	return xid ? xid : 1;
}

uint64_t core_wait(const struct pfs_phone *phone, uint64_t wait_us)
{
	return pfs_wait_us(&phone->config, wait_us);
}

/* Tentative strengths leave the top bit to the bump, as the log's does. */
void core_election_listen(struct pfs_phone *phone)
{
	uint64_t less_us;

	phone->strength = phone->config.strength ? phone->config.strength & ~BUMP
						 : (uint32_t)core_draw(phone, DRAW_STRENGTH) & ~BUMP;
	phone->xid = new_xid(phone);
	phone->leader = 0;
	less_us = core_octaves((~BUMP - phone->strength) << 1, core_wait(phone, PFS_LISTEN_OCTAVE_US));
	core_state_set(phone, PFS_ST_LISTENING,
		       phone->now_us + core_wait(phone, PFS_LISTEN_MAX_US) - less_us);
}

static void broadcast(struct pfs_actions *actions, const struct wire_claim *claim)
{
	struct pfs_action *action = core_act(actions, PFS_ACT_BROADCAST);

	action->length = pfs_wire_claim_write(claim, action->bytes);
}

static void fill(const struct pfs_phone *phone, struct wire_claim *claim, uint8_t file)
{
	memset(claim, 0, sizeof(*claim));
	claim->key = core_file_key(phone, file);
	claim->map = phone->map;
	claim->xid = phone->xid;
	claim->strength = phone->strength;
	claim->sender = phone->config.address;
	claim->digest = phone->config.files[file].digest;
	memcpy(claim->model, phone->config.model, PFS_MODEL_MAX);
	memcpy(claim->name, phone->config.files[file].name, PFS_NAME_MAX);
}

/* Whom an answer would not help: the peer blamed longest from now. */
static uint32_t avoided(const struct pfs_phone *phone)
{
	const struct pfs_blamed *last = NULL;

	for (uint32_t i = 0; i < PFS_BLAMED_MAX; i++)
		if (phone->blamed[i].until_us > phone->now_us &&
		    (!last || phone->blamed[i].until_us > last->until_us))
			last = &phone->blamed[i];
	return last ? last->address : 0;
}

static void claim_send(struct pfs_phone *phone, struct pfs_actions *actions)
{
	struct wire_claim claim;
	struct pfs_trace *record;

	fill(phone, &claim, phone->file);
	claim.type = WIRE_CLAIM;
	claim.ad = phone->claims;
	claim.avoid = avoided(phone);
	broadcast(actions, &claim);
	record = core_trace(phone, actions, PFS_TR_CLAIM);
	record->a = phone->claims++;
	record->b = phone->map;
	record->c = phone->strength;
}

/* Stands as root of the current file, with whatever subtree it has. */
static void stand(struct pfs_phone *phone, struct pfs_actions *actions)
{
	struct pfs_trace *record;

	phone->strength |= BUMP;
	phone->rooted |= (uint8_t)(1u << phone->file);
	phone->levels[phone->file] = 1;
	phone->path_count = 0;
	phone->root_address = phone->config.address;
	phone->tree_xid = phone->xid;
	phone->tree_phase = TREE_WAITING;
	phone->progress_kb = 0;
	record = core_trace(phone, actions, PFS_TR_CONFIRMED);
	record->a = core_file_key(phone, phone->file);
	record->c = phone->strength;
}

/* From the last time-out on, so that lateness does not add up; never a burst. */
static uint64_t next_claim(const struct pfs_phone *phone)
{
	uint64_t interval_us = core_wait(phone, PFS_CLAIM_INTERVAL_US),
		 next_us = phone->timer_us + interval_us;

	return next_us > phone->now_us ? next_us : phone->now_us + interval_us;
}

static void claiming_timer(struct pfs_phone *phone, struct pfs_actions *actions)
{
	core_trace(phone, actions, PFS_TR_TIMEOUT)->a = phone->state;
	if (phone->claims < PFS_CLAIMS) {
		claim_send(phone, actions);
		phone->timer_us = next_claim(phone);
		return;
	}
	stand(phone, actions);
	core_state_set(phone, PFS_ST_ROOT_WAITING, phone->now_us + core_wait(phone, PFS_ROOT_WAITING_US));
	core_children_tell(phone, actions, phone->file, WIRE_ALIVE);
}

static void waiting_timer(struct pfs_phone *phone, struct pfs_actions *actions)
{
	core_trace(phone, actions, PFS_TR_XFRCMD);
	phone->tree_phase = TREE_TFTP;
	core_children_tell(phone, actions, phone->file, WIRE_XFRCMD);
	core_tftp_begin(phone, actions, PFS_DIRECT_NONE);
}

static void orphaned_timer(struct pfs_phone *phone, struct pfs_actions *actions)
{
	if (!phone->last_resort) {
		core_election_listen(phone);
		return;
	}
	/* Elections brought nothing: ask the server, and stand as root for the others, who hear of it. */
	phone->xid = new_xid(phone);
	stand(phone, actions);
	phone->tree_phase = TREE_TFTP;
	core_children_tell(phone, actions, phone->file, WIRE_XFRCMD);
	core_tftp_begin(phone, actions, PFS_DIRECT_PEERS_EXHAUSTED);
	core_election_answer(phone, actions, phone->file);
}

void core_election_timer(struct pfs_phone *phone, struct pfs_actions *actions)
{
	switch (phone->state) {
	case PFS_ST_LISTENING:
		phone->claims = 0;
		core_state_set(phone, PFS_ST_CLAIMING,
			       phone->now_us + core_wait(phone, PFS_CLAIM_INTERVAL_US));
		claim_send(phone, actions);
		break;
	case PFS_ST_CLAIMING:
		claiming_timer(phone, actions);
		break;
	case PFS_ST_FOLLOWING:
		core_parent_dial(phone, actions, phone->leader, phone->leader_xid);
		break;
	case PFS_ST_ORPHANED:
		orphaned_timer(phone, actions);
		break;
	case PFS_ST_ROOT_WAITING:
		waiting_timer(phone, actions);
		break;
	default:
		assert(!"a state with a timer");
	}
}

/*
 * This election brought no file: another one after wait_us, or where wait_us is 0
 * after a random wait, so that those who lost the same parent do not speak at
 * once. The subtree stays as it is and is told.
 */
void core_election_again(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_loss loss,
			 uint64_t wait_us)
{
	struct pfs_trace *record;

	phone->rooted &= (uint8_t) ~(1u << phone->file);
	phone->leader = 0;
	phone->rejoin = REJOIN_NONE;
	phone->dial_origin = 0;
	phone->hops = 0;
	phone->avoid = 0;
	phone->path_count = 0;
	phone->tree_xid = 0;
	phone->root_address = 0;
	phone->tree_phase = TREE_ORPHANED;
	phone->root_deadline_us = PFS_TIME_NEVER;
	phone->root_limit_us = PFS_TIME_NEVER;
	phone->levels[phone->file] = 0;
	if (phone->round < UINT8_MAX)
		phone->round++;
	record = core_trace(phone, actions, PFS_TR_ELECTION_AGAIN);
	record->a = phone->round;
	record->b = loss;
	phone->last_resort = phone->round > PFS_ROUNDS_MAX;
	if (phone->last_resort)
		wait_us = PFS_S + core_draw_below(phone, DRAW_LAST, PFS_LAST_RESORT_US);
	else if (wait_us == 0)
		wait_us = PFS_ORPHAN_MIN_US + core_draw_below(phone, DRAW_ORPHAN, PFS_ORPHAN_SPREAD_US);
	core_state_set(phone, PFS_ST_ORPHANED, phone->now_us + wait_us);
	core_children_tell(phone, actions, phone->file, WIRE_ALIVE);
}

/* ------------------------------------------------------------- answering */

static uint8_t answer_phase(const struct pfs_phone *phone, uint8_t file)
{
	if (core_holds(phone, file))
		return TREE_HOLDING;
	return phone->tree_phase;
}

static bool may_answer(const struct pfs_phone *phone, uint8_t file)
{
	return phone->port_open && (core_holds(phone, file) || (file == phone->file && core_is_root(phone)));
}

void core_election_answer(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file)
{
	struct wire_claim claim;
	struct pfs_trace *record;

	phone->answer_us[file] = PFS_TIME_NEVER;
	if (!may_answer(phone, file))
		return;
	fill(phone, &claim, file);
	claim.type = WIRE_ANSWER;
	claim.phase = answer_phase(phone, file);
	if (claim.phase == TREE_HOLDING)
		claim.strength = UINT32_MAX;
	if (claim.phase == TREE_WAITING && phone->timer_us != PFS_TIME_NEVER &&
	    phone->timer_us > phone->now_us)
		claim.remaining_ms = (uint32_t)((phone->timer_us - phone->now_us) / PFS_MS);
	broadcast(actions, &claim);
	phone->answered_us[file] = phone->now_us;
	record = core_trace(phone, actions, PFS_TR_ANSWER);
	record->file = file;
	record->a = phone->map;
	record->c = claim.strength;
}

/* At most one answer each PFS_ANSWER_INTERVAL_US a file, however many claims there are. */
static void answer_request(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file)
{
	uint64_t due_us = phone->now_us, octave_us = core_wait(phone, PFS_HOLDER_ANSWER_OCTAVE_US);
	uint64_t interval_us = core_wait(phone, PFS_ANSWER_INTERVAL_US);

	if (!(phone->rooted >> file & 1))
		due_us += core_wait(phone, PFS_HOLDER_ANSWER_MIN_US) + PFS_OCTAVES * octave_us -
			  core_octaves((uint32_t)core_draw(phone, DRAW_ANSWER), octave_us);
	if (phone->answered_us[file] && due_us < phone->answered_us[file] + interval_us)
		due_us = phone->answered_us[file] + interval_us;
	if (due_us < phone->answer_us[file])
		phone->answer_us[file] = due_us;
	if (phone->answer_us[file] <= phone->now_us)
		core_election_answer(phone, actions, file);
}

/* --------------------------------------------------------------- hearing */

/* Higher class, then higher strength, then higher address. */
static bool beats(enum claim_class class, uint32_t strength, uint32_t address, enum claim_class other_class,
		  uint32_t other_strength, uint32_t other_address)
{
	if (class != other_class)
		return class > other_class;
	if (strength != other_strength)
		return strength > other_strength;
	return address > other_address;
}

static enum claim_class class_of(const struct wire_claim *claim)
{
	if (claim->type == WIRE_CLAIM)
		return CLASS_TENTATIVE;
	return claim->phase == TREE_HOLDING ? CLASS_HOLDER : CLASS_ROOT;
}

/*
 * Joiners come spread out: over four seconds of a new root's ten (or half of what
 * is left of them), else within a quarter of a second.
 */
static uint64_t join_time(struct pfs_phone *phone, const struct wire_claim *claim, enum claim_class class)
{
	uint64_t spread_us = core_wait(phone, PFS_JOIN_SPREAD_US), from_us = phone->now_us;

	if (class == CLASS_TENTATIVE) {
		uint32_t left = claim->ad < PFS_CLAIMS ? PFS_CLAIMS - claim->ad : 1;

		from_us += core_wait(phone, left * PFS_CLAIM_INTERVAL_US + PFS_CONFIRM_MARGIN_US);
	} else {
		if (spread_us > claim->remaining_ms * PFS_MS / 2)
			spread_us = claim->remaining_ms * PFS_MS / 2;
		if (spread_us < core_wait(phone, PFS_JOIN_SPREAD_LATE_US))
			spread_us = core_wait(phone, PFS_JOIN_SPREAD_LATE_US);
	}
	return from_us + core_draw_below(phone, DRAW_JOIN, spread_us);
}

static void follow(struct pfs_phone *phone, struct pfs_actions *actions, const struct wire_claim *claim)
{
	enum claim_class class = class_of(claim);
	struct pfs_trace *record = core_trace(phone, actions, PFS_TR_YIELDED);

	record->address = claim->sender;
	record->a = claim->xid;
	record->c = claim->strength;
	phone->leader = claim->sender;
	phone->leader_xid = claim->xid;
	phone->leader_strength = claim->strength;
	phone->leader_class = (uint8_t) class;
	phone->hops = phone->state == PFS_ST_FOLLOWING ? phone->hops + 1 : 0;
	phone->dial_origin = 0;
	phone->last_resort = 0;
	core_state_set(phone, PFS_ST_FOLLOWING, join_time(phone, claim, class));
}

/* A claim or an answer for the file that this phone has no tree for yet. */
static void consider(struct pfs_phone *phone, struct pfs_actions *actions, const struct wire_claim *claim)
{
	enum claim_class class = class_of(claim);

	switch (phone->state) {
	case PFS_ST_LISTENING:
	case PFS_ST_CLAIMING:
		if (!beats(class, claim->strength, claim->sender, CLASS_TENTATIVE, phone->strength,
			   phone->config.address))
			return;
		break;
	case PFS_ST_FOLLOWING:
		if (claim->sender == phone->leader && claim->xid == phone->leader_xid &&
		    class <= phone->leader_class)
			return;
		if (claim->sender != phone->leader &&
		    !beats(class, claim->strength, claim->sender, phone->leader_class, phone->leader_strength,
			   phone->leader))
			return;
		/* Each new leader puts the joining off: a row of them must end. */
		if (phone->hops >= PFS_HOPS_MAX)
			return;
		break;
	case PFS_ST_ORPHANED:
		if (phone->round > PFS_ROUNDS_END)
			return;
		break;
	default:
		break;
	}
	follow(phone, actions, claim);
}

static bool has_no_tree(const struct pfs_phone *phone)
{
	return phone->state == PFS_ST_LISTENING || phone->state == PFS_ST_CLAIMING ||
	       phone->state == PFS_ST_FOLLOWING || phone->state == PFS_ST_ORPHANED;
}

/* A confirmed root hears of another, or of a holder, before its transfer began. */
static void rival(struct pfs_phone *phone, struct pfs_actions *actions, const struct wire_claim *claim)
{
	struct pfs_trace *record;

	if (!beats(class_of(claim), claim->strength, claim->sender, CLASS_ROOT, phone->strength,
		   phone->config.address)) {
		answer_request(phone, actions, phone->file);
		return;
	}
	record = core_trace(phone, actions, PFS_TR_ROOT_GAVE_UP);
	record->address = claim->sender;
	phone->rooted &= (uint8_t) ~(1u << phone->file);
	phone->levels[phone->file] = 0;
	phone->tree_xid = 0;
	phone->root_address = 0;
	phone->tree_phase = TREE_ORPHANED;
	follow(phone, actions, claim);
	core_children_tell(phone, actions, phone->file, WIRE_ALIVE);
}

/* Whether a broadcast concerns this phone; else the reason to refuse it plus one. */
static int screen(struct pfs_phone *phone, const struct pfs_event *event, const struct wire_claim *claim)
{
	if (event->address == phone->config.address)
		return PFS_DROP_OWN + 1;
	if ((event->address ^ phone->config.address) & phone->config.netmask)
		return PFS_DROP_SUBNET + 1;
	if (claim->sender != event->address)
		return PFS_DROP_FORGED + 1;
	if (strcmp(claim->model, phone->config.model))
		return PFS_DROP_MODEL + 1;
	if (claim->map != phone->map)
		return PFS_DROP_SUBNET + 1;
	if (core_blamed(phone, event->address))
		return PFS_DROP_BLAMED + 1;
	return 0;
}

/* A flood costs each phone PFS_CLAIMS_HEARD_MAX looks a second and no more. */
static bool flooded(struct pfs_phone *phone)
{
	if (phone->now_us >= phone->window_us + PFS_S) {
		phone->window_us = phone->now_us;
		phone->window_count = 0;
	}
	return ++phone->window_count > PFS_CLAIMS_HEARD_MAX;
}

void core_election_heard(struct pfs_phone *phone, struct pfs_actions *actions, const struct pfs_event *event)
{
	struct wire_claim claim;
	uint8_t file;
	int refused;

	if (!phone->port_open) {
		core_drop_input(phone, actions, PFS_DROP_STATE, event->address);
		return;
	}
	assert(event->available == event->length);
	refused = event->address == phone->config.address ? PFS_DROP_OWN + 1
		  : flooded(phone)                        ? PFS_DROP_LIMIT + 1
				   : pfs_wire_claim_read(event->data, event->length, &claim);
	if (!refused)
		refused = screen(phone, event, &claim);
	if (refused) {
		core_drop_input(phone, actions, (enum pfs_drop)(refused - 1), event->address);
		return;
	}
	file = core_file_find(phone, claim.digest, claim.name);
	if (file == PFS_NO_FILE) {
		core_drop_input(phone, actions, PFS_DROP_FILE, event->address);
		return;
	}
	if (core_holds(phone, file) && phone->linger_us != PFS_TIME_NEVER)
		phone->linger_us = phone->now_us + PFS_LINGER_US;

	if (claim.type == WIRE_ANSWER)
		phone->answer_us[file] = PFS_TIME_NEVER;
	if (file == phone->file && has_no_tree(phone))
		consider(phone, actions, &claim);
	else if (claim.type == WIRE_CLAIM && claim.avoid != phone->config.address && may_answer(phone, file))
		answer_request(phone, actions, file);
	else if (claim.type == WIRE_ANSWER && file == phone->file && phone->state == PFS_ST_ROOT_WAITING)
		rival(phone, actions, &claim);
}
