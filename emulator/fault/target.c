/*
 * Who it is that a fault hits.
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
#include "emulator/fault/fault_internal.h"

#define DRAW_TARGET 0x7461726f /* purpose of the draw that picks a target by time */

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
	const struct part *part = fault_part(engine, phone, file);

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
void fault_search(struct fault_engine *engine, struct watch *watch, uint64_t now_us)
{
	const struct plan *plan = engine->plan;
	uint32_t index = (uint32_t)(watch->fault - plan->faults), found = 0;

	if (!fault_hits_phone(watch->fault->kind)) {
		fault_fire(engine, watch, watch->near, -1, now_us);
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
		fault_fire(engine, watch, phone, file, now_us);
		return;
	}
}

/* A phone is at a point with a file: the watches of that phase fire if it is the target. */
void fault_reached(struct fault_engine *engine, enum plan_phase phase, uint32_t phone, uint8_t file,
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
			fault_fire(engine, watch, phone, file, now_us);
	}
}

static bool far_enough(const struct fault_engine *engine, const struct plan_fault *fault, uint32_t phone,
		       uint8_t file, uint64_t have)
{
	uint64_t size = plan_phone_firmware(engine->plan, phone)->files[file].size;

	return have * 100 >= size * fault->at_percent;
}

/* `phone` downloads from the server and has so much. */
void fault_downloaded(struct fault_engine *engine, uint32_t phone, uint8_t file, uint64_t have,
		       uint64_t now_us)
{
	for (uint32_t i = 0; i < engine->watch_count; i++) {
		struct watch *watch = &engine->watches[i];
		const struct plan_fault *fault = watch->fault;
		if (watch->stage != STAGE_WAITING || fault->phase != PLAN_PHASE_TFTP ||
		    (fault->file >= 0 && fault->file != file) ||
		    !far_enough(engine, fault, phone, file, have))
			continue;
		bool other = !engine->traditional && fault_hits_phone(fault->kind) &&
			     fault_part(engine, phone, file)->root &&
			     (fault->role == PLAN_ROLE_PARENT || fault->role == PLAN_ROLE_LEAF ||
			      (fault->role == PLAN_ROLE_PHONE && phone != (uint32_t)fault->phone));
		if (!other) {
			if (may_hit(engine, watch, phone) && has_role(engine, fault->role, phone, file))
				fault_fire(engine, watch, phone, file, now_us);
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
		fault_search(engine, watch, now_us);
	}
}

/* `phone` receives from its parent and has so much; its parent serves so much. */
void fault_received(struct fault_engine *engine, uint32_t phone, uint8_t file, uint64_t have,
		     uint64_t now_us)
{
	uint32_t from = fault_part(engine, phone, file)->parent;
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
		fault_fire(engine, watch, target, file, now_us);
	}
}

/*
 * A phone enters a state or traces an event. `file` may be none (a phone that
 * has rebooted is at no file): then it has no role but its own number.
 */
void fault_point(struct fault_engine *engine, enum plan_phase phase, uint8_t which, uint32_t phone,
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
			fault_fire(engine, watch, target, file < PFS_FILES_MAX ? file : -1, now_us);
	}
}

/* A phone's part changed: whoever is ARMED may have found its target. */
void fault_changed(struct fault_engine *engine, uint32_t phone, uint64_t now_us)
{
	for (uint32_t i = 0; i < engine->watch_count; i++) {
		struct watch *watch = &engine->watches[i];
		int32_t file;
		if (watch->stage != STAGE_ARMED || !may_hit(engine, watch, phone))
			continue;
		file = role_file(engine, watch, phone);
		if (file >= 0)
			fault_fire(engine, watch, phone, file, now_us);
	}
}
