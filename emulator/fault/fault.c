/*
 * The fault engine: from what the phones trace it knows who is root, parent or
 * leaf for which file, finds the target of each of the scenario's faults, and
 * queues orders. It never acts by itself: the world asks for what is due after
 * each step, so that both worlds carry a fault out at the same point of the
 * same trace.
 *
 * How a target is found:
 * - by time: at that moment one of the phones that have the role, drawn from
 *   the seed; where none has it yet, the first that gets it;
 * - claiming, root waiting, receiving, serving: the phone that reaches the
 *   point, provided that it has the role. Nobody is root, parent or leaf while
 *   it claims: there "root" means whoever claims. A member that has joined and
 *   waits is what "parent" and "leaf" mean in root waiting;
 * - tftp: "root" and "any" are the phone that downloads; for the other roles
 *   the download only sets the moment, and the target is found as by time
 *   among the phones of the same subnet and model;
 * - state, event: the phone that enters that state or traces that event, or
 *   another one for which the scenario says that this one reaches the point.
 * In a traditional run there are no roles, so each role but a phone's number
 * means any phone. A fault fires once. A phone that a fault has put out of
 * action is nobody's target until it is back.
 */
#include "emulator/fault/fault.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DRAW_TARGET 0x7461726f /* purpose of the draw that picks a target by time */

enum stage {
	STAGE_WAITING, /* for its time or phase */
	STAGE_ARMED,   /* the moment has come, a target is still to be found */
	STAGE_FIRED
};

/* What a phone is for one file. */
struct part {
	uint32_t parent; /* address it receives from, 0 none */
	uint8_t children;
	bool root, member; /* member: has a parent */
	bool begun;        /* RECEIVING: first DATA seen */
	bool downloads;    /* from the server */
};

struct watch {
	const struct plan_fault *fault;
	enum stage stage;
	uint64_t at_us; /* PLAN_PHASE_TIME */
	uint32_t met;   /* how often its point was reached */
	int64_t near;   /* ARMED by a download: in this phone's subnet and model; -1 anywhere */
	int32_t file;   /* ARMED: the file concerned, -1 any */
};

struct due {
	uint64_t at_us;
	uint64_t number; /* in the order in which they were queued */
	struct fault_order order;
};

struct fault_engine {
	const struct plan *plan;
	bool traditional;
	uint32_t watch_count, unfired;
	uint32_t percent_waiting; /* unfired ones that look at progress */
	uint32_t points_waiting;  /* and at states and events */
	struct watch *watches;
	struct part *parts; /* phone_count times PFS_FILES_MAX */
	uint8_t *at;        /* file that each phone is at */
	bool *out;          /* put out of action by a fault */
	uint32_t due_count, due_size;
	struct due *due; /* a handful: searched in full */
	uint64_t orders;
};

static struct part *part_of(struct fault_engine *engine, uint32_t phone, uint8_t file)
{
	return &engine->parts[(size_t)phone * PFS_FILES_MAX + file];
}

static bool hits_phone(enum plan_fault_kind kind)
{
	return plan_fault_scope(kind) == PLAN_SCOPE_PHONE;
}

static bool puts_out(enum plan_fault_kind kind)
{
	return kind == PLAN_FAULT_KILL || kind == PLAN_FAULT_UNPLUG || kind == PLAN_FAULT_CRASH ||
	       plan_fault_hostile(kind);
}

static bool uses_percent(const struct plan_fault *fault)
{
	return fault->phase == PLAN_PHASE_TFTP || fault->phase == PLAN_PHASE_RECEIVING ||
	       fault->phase == PLAN_PHASE_SERVING;
}

static bool uses_point(const struct plan_fault *fault)
{
	return fault->phase == PLAN_PHASE_STATE || fault->phase == PLAN_PHASE_EVENT;
}

struct fault_engine *fault_engine_new(const struct plan *plan, bool traditional)
{
	struct fault_engine *engine = calloc(1, sizeof(*engine));
	uint64_t first_us = PFS_TIME_NEVER;

	if (!engine)
		return NULL;
	engine->plan = plan;
	engine->traditional = traditional;
	for (uint32_t i = 0; i < plan->fault_count; i++)
		engine->watch_count += !traditional || plan->faults[i].traditional_too;
	if (!engine->watch_count)
		return engine;
	engine->watches = calloc(engine->watch_count, sizeof(*engine->watches));
	engine->parts = calloc((size_t)plan->phone_count * PFS_FILES_MAX + 1, sizeof(*engine->parts));
	engine->at = calloc((size_t)plan->phone_count + 1, sizeof(*engine->at));
	engine->out = calloc((size_t)plan->phone_count + 1, sizeof(*engine->out));
	/* Each fault queues one order and its end, never more. */
	engine->due_size = engine->watch_count * 2;
	engine->due = calloc(engine->due_size, sizeof(*engine->due));
	if (!engine->watches || !engine->parts || !engine->at || !engine->out || !engine->due) {
		fault_engine_free(engine);
		return NULL;
	}
	for (uint32_t i = 0; i < plan->phone_count; i++)
		if (plan->phones[i].reset_us < first_us)
			first_us = plan->phones[i].reset_us;
	for (uint32_t i = 0, n = 0; i < plan->fault_count; i++) {
		const struct plan_fault *fault = &plan->faults[i];
		if (traditional && !fault->traditional_too)
			continue;
		struct watch *watch = &engine->watches[n++];
		watch->fault = fault;
		watch->near = -1;
		watch->file = fault->file;
		watch->at_us = fault->phase == PLAN_PHASE_TIME && first_us != PFS_TIME_NEVER
				       ? first_us + fault->at_us
				       : PFS_TIME_NEVER;
		engine->percent_waiting += uses_percent(fault);
		engine->points_waiting += uses_point(fault);
	}
	engine->unfired = engine->watch_count;
	return engine;
}

void fault_engine_free(struct fault_engine *engine)
{
	if (!engine)
		return;
	free(engine->watches);
	free(engine->parts);
	free(engine->at);
	free(engine->out);
	free(engine->due);
	free(engine);
}

static void enqueue(struct fault_engine *engine, uint64_t at_us, const struct fault_order *order)
{
	assert(engine->due_count < engine->due_size);
	engine->due[engine->due_count++] = (struct due){ at_us, engine->orders++, *order };
}

/* The switch that a fault of a LAN befalls, or -1 for all of its site. */
static int64_t switch_of(const struct fault_engine *engine, const struct plan_fault *fault, int64_t phone)
{
	const struct plan *plan = engine->plan;

	if (plan_fault_scope(fault->kind) != PLAN_SCOPE_LAN)
		return -1;
	if (fault->role == PLAN_ROLE_PHONE)
		phone = fault->phone;
	if (phone >= 0)
		return plan->subnets[plan->phones[phone].subnet].lan_switch;
	return fault->subnet >= 0 ? (int64_t)plan->subnets[fault->subnet].lan_switch : -1;
}

/* phone: the target, or for a link or a server whoever reached the phase; -1: it was a time. */
static void fire(struct fault_engine *engine, struct watch *watch, int64_t phone, int32_t file,
		 uint64_t now_us)
{
	const struct plan_fault *fault = watch->fault;
	struct fault_order order = {
		.kind = fault->kind, .phone = -1, .site = -1, .lan_switch = -1, .file = -1, .fault = fault
	};

	assert(watch->stage != STAGE_FIRED);
	watch->stage = STAGE_FIRED;
	engine->unfired--;
	engine->percent_waiting -= uses_percent(fault);
	engine->points_waiting -= uses_point(fault);
	if (hits_phone(fault->kind)) {
		order.phone = phone;
		order.site = engine->plan->phones[phone].site;
		order.file = file;
	} else if (plan_fault_scope(fault->kind) != PLAN_SCOPE_SERVER) {
		order.site = fault->site;
		if (order.site < 0 && phone >= 0)
			order.site = engine->plan->phones[phone].site;
		order.lan_switch = switch_of(engine, fault, phone);
	} else if (fault->kind == PLAN_FAULT_SERVER_SIZE) {
		order.file = fault->file >= 0 ? fault->file : file;
	}
	enqueue(engine, now_us + fault->after_us, &order);
	if (puts_out(fault->kind) && !fault->after_us)
		engine->out[phone] = true;
	if (plan_fault_once(fault->kind) || fault->duration_us == PFS_TIME_NEVER)
		return;
	order.end = true;
	enqueue(engine, now_us + fault->after_us + fault->duration_us, &order);
}

/* The scenario's own conditions on the target, role and phase aside. */
static bool may_hit(const struct fault_engine *engine, const struct watch *watch, uint32_t phone)
{
	const struct plan_fault *fault = watch->fault;
	const struct plan_phone *target = &engine->plan->phones[phone];

	if (engine->out[phone])
		return false;
	if ((fault->site >= 0 && target->site != (uint32_t)fault->site) ||
	    (fault->subnet >= 0 && target->subnet != (uint32_t)fault->subnet) ||
	    (fault->model >= 0 && target->model != (uint32_t)fault->model))
		return false;
	if (watch->near >= 0 && (engine->plan->phones[watch->near].subnet != target->subnet ||
				 engine->plan->phones[watch->near].model != target->model))
		return false;
	return fault->role != PLAN_ROLE_PHONE || phone == (uint32_t)fault->phone;
}

/* The point of a watch was reached by somebody whom it concerns: true where this is the time that counts. */
static bool counts(struct watch *watch)
{
	return ++watch->met >= watch->fault->nth;
}

static bool has_role(struct fault_engine *engine, enum plan_role role, uint32_t phone, uint8_t file)
{
	const struct part *part = part_of(engine, phone, file);

	if (engine->traditional)
		return true;
	switch (role) {
	case PLAN_ROLE_ANY:
	case PLAN_ROLE_PHONE:
		return true;
	case PLAN_ROLE_ROOT:
		return part->root;
	case PLAN_ROLE_PARENT:
		return part->member && part->children > 0;
	case PLAN_ROLE_LEAF:
		return part->member && part->children == 0;
	}
	return false;
}

/* The first file for which the phone has the role, or -1. */
static int32_t role_file(struct fault_engine *engine, const struct watch *watch, uint32_t phone)
{
	const struct plan_firmware *firmware = plan_phone_firmware(engine->plan, phone);

	for (uint32_t file = 0; file < firmware->file_count; file++)
		if ((watch->file < 0 || (uint32_t)watch->file == file) &&
		    has_role(engine, watch->fault->role, phone, (uint8_t)file))
			return (int32_t)file;
	return -1;
}

/* ARMED: takes one of the phones that have the role now, if any. */
static void search(struct fault_engine *engine, struct watch *watch, uint64_t now_us)
{
	const struct plan *plan = engine->plan;
	uint32_t index = (uint32_t)(watch->fault - plan->faults), found = 0;

	if (!hits_phone(watch->fault->kind)) {
		fire(engine, watch, watch->near, -1, now_us);
		return;
	}
	for (uint32_t phone = 0; phone < plan->phone_count; phone++)
		found += may_hit(engine, watch, phone) && role_file(engine, watch, phone) >= 0;
	if (!found)
		return;
	uint64_t pick = pfs_draw(plan->seed, index, DRAW_TARGET, 0) % found;
	for (uint32_t phone = 0; phone < plan->phone_count; phone++) {
		int32_t file = may_hit(engine, watch, phone) ? role_file(engine, watch, phone) : -1;
		if (file < 0 || pick--)
			continue;
		/* A role that holds for every file names none: the scenario's word, or the file it is at. */
		if (engine->traditional || watch->fault->role == PLAN_ROLE_ANY ||
		    watch->fault->role == PLAN_ROLE_PHONE)
			file = watch->file >= 0 ? watch->file : engine->at[phone];
		fire(engine, watch, phone, file, now_us);
		return;
	}
}

/* A phone is at a point with a file: the watches of that phase fire if it is the target. */
static void reached(struct fault_engine *engine, enum plan_phase phase, uint32_t phone, uint8_t file,
		    uint64_t now_us)
{
	for (uint32_t i = 0; i < engine->watch_count; i++) {
		struct watch *watch = &engine->watches[i];
		const struct plan_fault *fault = watch->fault;
		if (watch->stage != STAGE_WAITING || fault->phase != phase ||
		    (fault->file >= 0 && fault->file != file) || !may_hit(engine, watch, phone))
			continue;
		if (phase == PLAN_PHASE_CLAIMING
			    ? fault->role == PLAN_ROLE_PARENT || fault->role == PLAN_ROLE_LEAF
			    : !has_role(engine, fault->role, phone, file))
			continue;
		if (counts(watch))
			fire(engine, watch, phone, file, now_us);
	}
}

static bool far_enough(const struct fault_engine *engine, const struct plan_fault *fault, uint32_t phone,
		       uint8_t file, uint64_t have)
{
	uint64_t size = plan_phone_firmware(engine->plan, phone)->files[file].size;

	return have * 100 >= size * fault->at_percent;
}

/* `phone` downloads from the server and has so much. */
static void downloaded(struct fault_engine *engine, uint32_t phone, uint8_t file, uint64_t have,
		       uint64_t now_us)
{
	for (uint32_t i = 0; i < engine->watch_count; i++) {
		struct watch *watch = &engine->watches[i];
		const struct plan_fault *fault = watch->fault;
		if (watch->stage != STAGE_WAITING || fault->phase != PLAN_PHASE_TFTP ||
		    (fault->file >= 0 && fault->file != file) ||
		    !far_enough(engine, fault, phone, file, have))
			continue;
		bool other = !engine->traditional && hits_phone(fault->kind) &&
			     part_of(engine, phone, file)->root &&
			     (fault->role == PLAN_ROLE_PARENT || fault->role == PLAN_ROLE_LEAF ||
			      (fault->role == PLAN_ROLE_PHONE && phone != (uint32_t)fault->phone));
		if (!other) {
			if (may_hit(engine, watch, phone) && has_role(engine, fault->role, phone, file))
				fire(engine, watch, phone, file, now_us);
			continue;
		}
		/* Only where the hierarchy may hold a target: another one is waited for elsewhere. */
		const struct plan_phone *root = &engine->plan->phones[phone];
		if ((fault->site >= 0 && root->site != (uint32_t)fault->site) ||
		    (fault->subnet >= 0 && root->subnet != (uint32_t)fault->subnet) ||
		    (fault->model >= 0 && root->model != (uint32_t)fault->model) ||
		    (fault->role == PLAN_ROLE_PHONE &&
		     (engine->plan->phones[fault->phone].subnet != root->subnet ||
		      engine->plan->phones[fault->phone].model != root->model)))
			continue;
		watch->stage = STAGE_ARMED;
		watch->near = phone;
		watch->file = file;
		search(engine, watch, now_us);
	}
}

/* `phone` receives from its parent and has so much; its parent serves so much. */
static void received(struct fault_engine *engine, uint32_t phone, uint8_t file, uint64_t have,
		     uint64_t now_us)
{
	uint32_t from = part_of(engine, phone, file)->parent;
	int64_t parent = from ? plan_phone_at(engine->plan, engine->plan->phones[phone].subnet, from) : -1;

	for (uint32_t i = 0; i < engine->watch_count; i++) {
		struct watch *watch = &engine->watches[i];
		const struct plan_fault *fault = watch->fault;
		bool serving = fault->phase == PLAN_PHASE_SERVING;
		int64_t target = serving ? parent : phone;
		if (watch->stage != STAGE_WAITING || (!serving && fault->phase != PLAN_PHASE_RECEIVING) ||
		    target < 0 || (fault->file >= 0 && fault->file != file) ||
		    !far_enough(engine, fault, phone, file, have) ||
		    !may_hit(engine, watch, (uint32_t)target) ||
		    !has_role(engine, fault->role, (uint32_t)target, file))
			continue;
		fire(engine, watch, target, file, now_us);
	}
}

/*
 * A phone enters a state or traces an event. `file` may be none (a phone that
 * has rebooted is at no file): then it has no role but its own number.
 */
static void point(struct fault_engine *engine, enum plan_phase phase, uint8_t which, uint32_t phone,
		  uint8_t file, uint64_t now_us)
{
	for (uint32_t i = 0; i < engine->watch_count; i++) {
		struct watch *watch = &engine->watches[i];
		const struct plan_fault *fault = watch->fault;
		if (watch->stage != STAGE_WAITING || fault->phase != phase ||
		    which != (phase == PLAN_PHASE_STATE ? fault->state : fault->event) ||
		    (fault->file >= 0 && fault->file != file))
			continue;
		uint32_t target = fault->by >= 0 ? (uint32_t)fault->phone : phone;
		if ((fault->by >= 0 && phone != (uint32_t)fault->by) || !may_hit(engine, watch, target))
			continue;
		if (fault->by < 0 && fault->role != PLAN_ROLE_ANY && fault->role != PLAN_ROLE_PHONE &&
		    (file >= PFS_FILES_MAX || !has_role(engine, fault->role, phone, file)))
			continue;
		if (counts(watch))
			fire(engine, watch, target, file < PFS_FILES_MAX ? file : -1, now_us);
	}
}

/* A phone's part changed: whoever is ARMED may have found its target. */
static void changed(struct fault_engine *engine, uint32_t phone, uint64_t now_us)
{
	for (uint32_t i = 0; i < engine->watch_count; i++) {
		struct watch *watch = &engine->watches[i];
		int32_t file;
		if (watch->stage != STAGE_ARMED || !may_hit(engine, watch, phone))
			continue;
		file = role_file(engine, watch, phone);
		if (file >= 0)
			fire(engine, watch, phone, file, now_us);
	}
}

static void forget(struct fault_engine *engine, uint32_t phone)
{
	memset(part_of(engine, phone, 0), 0, PFS_FILES_MAX * sizeof(struct part));
	engine->at[phone] = 0;
}

/* Records of one file. */
static void trace_file(struct fault_engine *engine, uint32_t phone, uint64_t now_us,
		       const struct pfs_trace *trace)
{
	struct part *part = part_of(engine, phone, trace->file);

	switch (trace->kind) {
	case PFS_TR_FILE_BEGUN:
		engine->at[phone] = trace->file;
		break;
	case PFS_TR_CLAIM:
		if (trace->a == 0)
			reached(engine, PLAN_PHASE_CLAIMING, phone, trace->file, now_us);
		break;
	case PFS_TR_CONFIRMED:
		part->root = true;
		part->member = false;
		changed(engine, phone, now_us);
		reached(engine, PLAN_PHASE_ROOT_WAITING, phone, trace->file, now_us);
		break;
	case PFS_TR_ROOT_GAVE_UP:
	case PFS_TR_YIELDED:
		part->root = false;
		break;
	case PFS_TR_ELECTION_AGAIN:
		part->root = part->member = part->begun = false;
		break;
	case PFS_TR_JOINED:
		part->member = true;
		part->root = part->begun = false;
		part->parent = trace->address;
		changed(engine, phone, now_us);
		reached(engine, PLAN_PHASE_ROOT_WAITING, phone, trace->file, now_us);
		break;
	case PFS_TR_PARENT_LOST:
		part->member = part->begun = false;
		part->parent = 0;
		break;
	case PFS_TR_CHILD:
		part->children++;
		changed(engine, phone, now_us);
		if (part->member && !part->begun)
			reached(engine, PLAN_PHASE_ROOT_WAITING, phone, trace->file, now_us);
		break;
	case PFS_TR_CHILD_DONE:
	case PFS_TR_CHILD_LOST:
		if (part->children)
			part->children--;
		break;
	case PFS_TR_TFTP_BEGUN:
		part->downloads = true;
		part->root = part->root || trace->c == 1;
		changed(engine, phone, now_us);
		downloaded(engine, phone, trace->file, 0, now_us);
		break;
	case PFS_TR_TFTP_DONE:
	case PFS_TR_TFTP_ERROR:
		part->downloads = false;
		break;
	case PFS_TR_PEER_BEGUN:
		part->begun = true;
		part->parent = trace->address;
		received(engine, phone, trace->file, 0, now_us);
		break;
	default:
		break;
	}
}

void fault_engine_trace(struct fault_engine *engine, uint32_t phone, uint64_t now_us,
			const struct pfs_trace *trace)
{
	if (!engine->unfired)
		return;
	if (trace->kind == PFS_TR_STARTED || trace->kind == PFS_TR_REBOOTED) {
		forget(engine, phone);
		if (trace->kind == PFS_TR_STARTED)
			changed(engine, phone, now_us);
	} else if (trace->file < PFS_FILES_MAX) {
		trace_file(engine, phone, now_us, trace);
	}
	if (engine->points_waiting)
		point(engine, PLAN_PHASE_EVENT, trace->kind, phone, trace->file, now_us);
}

void fault_engine_state(struct fault_engine *engine, uint32_t phone, uint8_t state, uint8_t file,
			uint64_t now_us)
{
	if (engine->points_waiting)
		point(engine, PLAN_PHASE_STATE, state, phone, file, now_us);
}

void fault_engine_progress(struct fault_engine *engine, uint32_t phone, uint8_t file, uint64_t have,
			   uint64_t now_us)
{
	if (!engine->percent_waiting)
		return;
	if (part_of(engine, phone, file)->downloads)
		downloaded(engine, phone, file, have, now_us);
	else if (part_of(engine, phone, file)->begun)
		received(engine, phone, file, have, now_us);
}

uint64_t fault_engine_deadline(const struct fault_engine *engine)
{
	uint64_t at_us = UINT64_MAX;

	if (engine->unfired)
		for (uint32_t i = 0; i < engine->watch_count; i++)
			if (engine->watches[i].stage == STAGE_WAITING && engine->watches[i].at_us < at_us)
				at_us = engine->watches[i].at_us;
	for (uint32_t i = 0; i < engine->due_count; i++)
		if (engine->due[i].at_us < at_us)
			at_us = engine->due[i].at_us;
	return at_us;
}

bool fault_engine_next(struct fault_engine *engine, uint64_t now_us, struct fault_order *order)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; engine->unfired && i < engine->watch_count; i++) {
		struct watch *watch = &engine->watches[i];
		if (watch->stage != STAGE_WAITING || watch->at_us > now_us)
			continue;
		watch->stage = STAGE_ARMED;
		search(engine, watch, now_us);
	}
	for (uint32_t i = 0; i < engine->due_count; i++) {
		const struct due *due = &engine->due[i];
		if (due->at_us <= now_us &&
		    (best == UINT32_MAX || due->at_us < engine->due[best].at_us ||
		     (due->at_us == engine->due[best].at_us && due->number < engine->due[best].number)))
			best = i;
	}
	if (best == UINT32_MAX)
		return false;
	*order = engine->due[best].order;
	engine->due[best] = engine->due[--engine->due_count];
	if (!order->end && puts_out(order->kind))
		engine->out[order->phone] = true;
	if (order->end && puts_out(order->kind))
		engine->out[order->phone] = false;
	return true;
}

uint32_t fault_engine_unfired(const struct fault_engine *engine)
{
	return engine->unfired;
}
