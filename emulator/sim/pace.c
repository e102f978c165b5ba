/*
 * How long things take, and that they end (docs/protocol.md, "Timers and
 * bounds", questions 2 and 3): a phone leaves each state of an election by its
 * time, listens for as long as its strength says, answers no more than four
 * times a second, is held up while it forwards
 * two older files and no longer, and when it has ended lingers for a minute, or
 * an hour at most. A child that stands still has no slot for ever (question 5):
 * whoever serves it lets it go after the time that a chunk may take, or a
 * verdict.
 *
 * Times are the phone's own: where its clock drifts they are not judged.
 */
#include "emulator/sim/watch.h"

#include <string.h>

#define LISTEN_TOLERANCE_US (2 * PFS_MS) /* between a logarithm and the straight lines through its octaves   \
					  */
/* After its last word: the least a child is given up after, the least a connection is closed after, and more.
 */
#define LINGER_SLACK_US (PFS_SILENCE_US + PFS_CLOSE_US + PFS_S)

void sim_pace_begin(struct watched *phone, uint64_t now_us)
{
	phone->paced = PFS_ST_OFF;
	phone->since_us = phone->spoken_us = now_us;
	phone->over_us = PFS_TIME_NEVER;
	phone->upgraded = false;
	memset(phone->answered_us, 0, sizeof(phone->answered_us));
	sim_pace_cut_off(phone);
}

void sim_pace_cut_off(struct watched *phone)
{
	memset(phone->readers, 0, sizeof(phone->readers));
}

bool sim_clock_is_true(const struct sim_world *world, uint32_t number)
{
	const struct sim_clock *clock = &world->phones[number].clock;

	return !clock->drift_ppm && !clock->since_us;
}

/* The longest that a phone may be in a state, without a pause. */
static uint64_t state_bound_us(const struct plan *plan, uint8_t state)
{
	switch (state) {
	case PFS_ST_LISTENING:
		return plan_wait_us(plan, PFS_LISTEN_MAX_US);
	case PFS_ST_CLAIMING:
		return plan_wait_us(plan, PFS_CLAIMS * PFS_CLAIM_INTERVAL_US);
	case PFS_ST_ROOT_WAITING:
		return plan_wait_us(plan, PFS_ROOT_WAITING_US);
	case PFS_ST_ORPHANED:
		return PFS_S + PFS_LAST_RESORT_US;
	case PFS_ST_FOLLOWING:
		return (PFS_HOPS_MAX + 1) *
		       plan_wait_us(plan, PFS_CLAIMS * PFS_CLAIM_INTERVAL_US + PFS_CONFIRM_MARGIN_US +
						  PFS_JOIN_SPREAD_US);
	case PFS_ST_JOINING:
		return (PFS_HOPS_MAX + 1) * (PFS_CONNECT_US + PFS_JOIN_US);
	default:
		return PFS_TIME_NEVER;
	}
}

/* Of the longest time an octave's part less for each halving of the strengths that are stronger. */
static uint64_t listens_us(uint32_t strength)
{
	uint64_t all = UINT64_C(1) << 31, stronger = all - 1 - strength;
	uint32_t halvings = 0;

	while (stronger < all / 2 && halvings < PFS_OCTAVES) {
		stronger *= 2;
		halvings++;
	}
	uint64_t less_us = halvings * PFS_LISTEN_OCTAVE_US;
	if (halvings < PFS_OCTAVES)
		less_us += PFS_LISTEN_OCTAVE_US * (all - stronger) / (all / 2);
	return PFS_LISTEN_MAX_US - less_us;
}

static void check_listened(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	const struct watched *phone = &world->watch->phones[number];
	uint64_t listened_us = world->now_us - phone->since_us;
	uint64_t due_us = plan_wait_us(world->plan, listens_us((uint32_t)trace->c));
	uint64_t tolerance_us = plan_wait_us(world->plan, LISTEN_TOLERANCE_US);

	if (trace->a != 0 || phone->paced != PFS_ST_LISTENING || !sim_clock_is_true(world, number))
		return;
	if (listened_us + tolerance_us < due_us || listened_us > due_us + tolerance_us)
		sim_broken(world, number, "a phone listens for as long as its strength says");
}

/* Hierarchies that the phone has children in, but that of one file. */
static uint32_t others_served(const struct watched *phone, uint8_t file)
{
	uint32_t files = 0;

	for (uint32_t i = 0; i < phone->link_count; i++)
		if (phone->links[i].file != file)
			files |= 1u << phone->links[i].file;
	return (uint32_t)__builtin_popcount(files);
}

/* A child of `file` more: the file that the phone is at has its place, with children or without. */
static uint32_t others_kept(const struct watched *phone, uint8_t file)
{
	uint32_t files = others_served(phone, file);

	if (phone->file == file || phone->file >= PFS_FILES_MAX || phone->upgraded)
		return files;
	for (uint32_t i = 0; i < phone->link_count; i++)
		if (phone->links[i].file == phone->file)
			return files;
	return files + 1;
}

/* Four a second, but for what a root says of itself unasked, when elections brought nothing. */
static void check_answer(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];
	uint64_t interval_us = plan_wait_us(world->plan, PFS_ANSWER_INTERVAL_US);
	uint64_t *answered_us = &phone->answered_us[trace->file];

	if (*answered_us && world->now_us < *answered_us + interval_us && phone->was != PFS_ST_ORPHANED &&
	    sim_clock_is_true(world, number))
		sim_broken(world, number, "a phone answers for a file four times a second at most");
	*answered_us = world->now_us;
}

void sim_pace_trace(struct sim_world *world, uint32_t number, const struct pfs_trace *trace)
{
	struct watched *phone = &world->watch->phones[number];

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
		sim_pace_begin(phone, world->now_us);
		break;
	case PFS_TR_CLAIM:
		check_listened(world, number, trace);
		break;
	case PFS_TR_FILE_BEGUN:
		if (others_served(phone, trace->file) >= PFS_HIERARCHIES_MAX)
			sim_broken(world, number, "at most two hierarchies at once");
		break;
	case PFS_TR_CHILD:
		if (others_kept(phone, trace->file) >= PFS_HIERARCHIES_MAX)
			sim_broken(world, number, "at most two hierarchies at once");
		break;
	case PFS_TR_ANSWER:
		check_answer(world, number, trace);
		break;
	case PFS_TR_UPGRADED:
		phone->upgraded = true;
		/* fall through */
	case PFS_TR_FAILED:
		phone->over_us = world->now_us;
		break;
	case PFS_TR_REBOOTED:
		if (phone->upgraded_us != PFS_TIME_NEVER && sim_clock_is_true(world, number) &&
		    world->now_us < phone->upgraded_us + PFS_LINGER_US)
			sim_broken(world, number, "an upgraded phone stays a minute for the others");
		break;
	default:
		break;
	}
}

/* The reader on that connection; 0: a free place. */
static struct reader *reader_on(const struct sim_world *world, struct watched *phone, uint32_t conn)
{
	for (uint32_t i = 0; i < world->watch->links_max; i++)
		if (phone->readers[i].conn == conn)
			return &phone->readers[i];
	return NULL;
}

void sim_pace_event(struct sim_world *world, uint32_t number, const struct pfs_event *event)
{
	struct watched *phone = &world->watch->phones[number];
	struct reader *reader;

	if (event->kind != PFS_EV_TIME)
		phone->spoken_us = world->now_us;
	if (event->kind != PFS_EV_SENT && event->kind != PFS_EV_LOST)
		return;
	reader = event->conn ? reader_on(world, phone, event->conn) : NULL;
	/* What-if: whoever has sent on all that has come waits for more, without a time. */
	if (reader && (event->kind == PFS_EV_LOST || !world->phones[number].stored[reader->file].verified))
		reader->conn = 0;
	else if (reader)
		reader->due_us = world->now_us + PFS_VERDICT_US; /* but for the next chunk, in this step */
}

void sim_pace_action(struct sim_world *world, uint32_t number, const struct pfs_action *action)
{
	struct watched *phone = &world->watch->phones[number];
	struct reader *reader;

	switch ((enum pfs_action_kind)action->kind) {
	case PFS_ACT_SEND_FILE:
		reader = reader_on(world, phone, action->conn);
		reader = reader ? reader : reader_on(world, phone, 0);
		if (reader)
			*reader = (struct reader){ world->now_us + PFS_READER_STALL_US, action->conn,
						   action->file };
		break;
	case PFS_ACT_SHUTDOWN:
	case PFS_ACT_DROP:
		reader = reader_on(world, phone, action->conn);
		if (reader)
			reader->conn = 0;
		break;
	default:
		break;
	}
}

static bool stands_still(const struct sim_world *world, const struct watched *phone)
{
	for (uint32_t i = 0; i < world->watch->links_max; i++)
		if (phone->readers[i].conn && world->now_us > phone->readers[i].due_us)
			return true;
	return false;
}

/* Upgraded or failed, and nobody has had anything to do with it for long. */
static bool overstays(const struct sim_world *world, uint32_t number)
{
	const struct watched *phone = &world->watch->phones[number];

	if (!world->phones[number].port_open || phone->over_us == PFS_TIME_NEVER)
		return false;
	if (world->now_us > phone->over_us + PFS_LINGER_MAX_US)
		return true;
	uint64_t needed_us = phone->spoken_us > phone->over_us ? phone->spoken_us : phone->over_us;
	return !phone->link_count && world->now_us > needed_us + PFS_LINGER_US + LINGER_SLACK_US;
}

void sim_pace_stepped(struct sim_world *world, uint32_t number)
{
	struct watched *phone = &world->watch->phones[number];

	if (phone->state != phone->paced) {
		phone->paced = phone->state;
		phone->since_us = world->now_us;
	}
	if (phone->state == PFS_ST_HELD_UP && others_served(phone, phone->file) < PFS_HIERARCHIES_MAX)
		sim_broken(world, number, "a phone is held up only while it forwards two older files");
	if (stands_still(world, phone) && sim_clock_is_true(world, number))
		sim_broken(world, number, "a child that stands still is let go");
	uint64_t bound_us = state_bound_us(world->plan, phone->state);
	if (bound_us == PFS_TIME_NEVER && phone->over_us == PFS_TIME_NEVER)
		return;
	if (!sim_clock_is_true(world, number))
		return;
	if (bound_us != PFS_TIME_NEVER && world->now_us > phone->since_us + bound_us)
		sim_broken(world, number, "an election's states are left by their time");
	else if (overstays(world, number))
		sim_broken(world, number, "a phone that has ended leaves when nobody needs it");
}
