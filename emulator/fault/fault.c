/*
 * The fault engine: from what the phones trace it knows who is root, parent or
 * leaf for which file, finds the target of each of the scenario's faults, and
 * queues orders. It never acts by itself: the world asks for what is due after
 * each step, so that both worlds carry a fault out at the same point of the
 * same trace. Who the target is, target.c finds.
 */
#include "emulator/fault/fault_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
void fault_fire(struct fault_engine *engine, struct watch *watch, int64_t phone, int32_t file,
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
	if (fault_hits_phone(fault->kind)) {
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

static void forget(struct fault_engine *engine, uint32_t phone)
{
	memset(fault_part(engine, phone, 0), 0, PFS_FILES_MAX * sizeof(struct part));
	engine->at[phone] = 0;
}

/* Records of one file. */
static void trace_file(struct fault_engine *engine, uint32_t phone, uint64_t now_us,
		       const struct pfs_trace *trace)
{
	struct part *part = fault_part(engine, phone, trace->file);

	switch (trace->kind) {
	case PFS_TR_FILE_BEGUN:
		engine->at[phone] = trace->file;
		break;
	case PFS_TR_CLAIM:
		if (trace->a == 0)
			fault_reached(engine, PLAN_PHASE_CLAIMING, phone, trace->file, now_us);
		break;
	case PFS_TR_CONFIRMED:
		part->root = true;
		part->member = false;
		fault_changed(engine, phone, now_us);
		fault_reached(engine, PLAN_PHASE_ROOT_WAITING, phone, trace->file, now_us);
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
		fault_changed(engine, phone, now_us);
		fault_reached(engine, PLAN_PHASE_ROOT_WAITING, phone, trace->file, now_us);
		break;
	case PFS_TR_PARENT_LOST:
		part->member = part->begun = false;
		part->parent = 0;
		break;
	case PFS_TR_CHILD:
		part->children++;
		fault_changed(engine, phone, now_us);
		if (part->member && !part->begun)
			fault_reached(engine, PLAN_PHASE_ROOT_WAITING, phone, trace->file, now_us);
		break;
	case PFS_TR_CHILD_DONE:
	case PFS_TR_CHILD_LOST:
		if (part->children)
			part->children--;
		break;
	case PFS_TR_TFTP_BEGUN:
		part->downloads = true;
		part->root = part->root || trace->c == 1;
		fault_changed(engine, phone, now_us);
		fault_downloaded(engine, phone, trace->file, 0, now_us);
		break;
	case PFS_TR_TFTP_DONE:
	case PFS_TR_TFTP_ERROR:
		part->downloads = false;
		break;
	case PFS_TR_PEER_BEGUN:
		part->begun = true;
		part->parent = trace->address;
		fault_received(engine, phone, trace->file, 0, now_us);
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
			fault_changed(engine, phone, now_us);
	} else if (trace->file < PFS_FILES_MAX) {
		trace_file(engine, phone, now_us, trace);
	}
	if (engine->points_waiting)
		fault_point(engine, PLAN_PHASE_EVENT, trace->kind, phone, trace->file, now_us);
}

void fault_engine_state(struct fault_engine *engine, uint32_t phone, uint8_t state, uint8_t file,
			uint64_t now_us)
{
	if (engine->points_waiting)
		fault_point(engine, PLAN_PHASE_STATE, state, phone, file, now_us);
}

void fault_engine_progress(struct fault_engine *engine, uint32_t phone, uint8_t file, uint64_t have,
			   uint64_t now_us)
{
	if (!engine->percent_waiting)
		return;
	if (fault_part(engine, phone, file)->downloads)
		fault_downloaded(engine, phone, file, have, now_us);
	else if (fault_part(engine, phone, file)->begun)
		fault_received(engine, phone, file, have, now_us);
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
		fault_search(engine, watch, now_us);
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
