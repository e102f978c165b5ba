/*
 * Faults: each is checked to be one that can happen. A fault that could never
 * strike (a phase that a traditional run does not have, a damaged byte on a
 * killed server) would make a test pass that tested nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/build.h"

#define PERCENT_DEFAULT 50

static int fail(struct build *build, const struct spec_fault *spec, const char *field, const char *what)
{
	return document_fail(build->document, document_member(spec->node, field), "%s", what);
}

static bool has_percent(enum plan_phase phase)
{
	return phase == PLAN_PHASE_TFTP || phase == PLAN_PHASE_RECEIVING;
}

static int set_phase(struct build *build, const struct spec_fault *spec, struct plan_fault *fault)
{
	uint64_t phase = spec->phase;

	if (phase == FIELD_ABSENT && spec->at != FIELD_ABSENT)
		phase = PLAN_PHASE_TIME;
	else if (phase == FIELD_ABSENT && spec->state != FIELD_ABSENT)
		phase = PLAN_PHASE_STATE;
	else if (phase == FIELD_ABSENT && spec->event != FIELD_ABSENT)
		phase = PLAN_PHASE_EVENT;
	else if (phase == FIELD_ABSENT && fault->kind == PLAN_FAULT_DAMAGE_TFTP)
		phase = PLAN_PHASE_TFTP;
	else if (phase == FIELD_ABSENT && (fault->kind == PLAN_FAULT_DAMAGE_TCP || build_fault_hits_connection(fault)))
		phase = PLAN_PHASE_RECEIVING;
	if (phase == FIELD_ABSENT)
		return document_fail_missing(build->document, spec->node, "at",
					     "when it strikes: at, a duration, or phase, state or event");
	fault->phase = (enum plan_phase)phase;
	if (fault->phase == PLAN_PHASE_TIME && spec->at == FIELD_ABSENT)
		return document_fail_missing(build->document, spec->node, "at", "phase \"time\" needs it");
	if (fault->phase != PLAN_PHASE_TIME && spec->at != FIELD_ABSENT)
		return fail(build, spec, "at", "goes with phase \"time\" only");
	if (fault->kind == PLAN_FAULT_DAMAGE_TFTP && fault->phase != PLAN_PHASE_TFTP)
		return fail(build, spec, spec->at != FIELD_ABSENT ? "at" : "phase",
			    "damage on TFTP is done in phase \"tftp\"");
	if (fault->kind == PLAN_FAULT_DAMAGE_TCP && fault->phase != PLAN_PHASE_RECEIVING)
		return fail(build, spec, spec->at != FIELD_ABSENT ? "at" : "phase",
			    "damage on TCP is done in phase \"receiving\"");
	if (build_fault_hits_connection(fault) &&
	    (fault->phase < PLAN_PHASE_STATE && fault->phase != PLAN_PHASE_RECEIVING &&
	     fault->phase != PLAN_PHASE_ROOT_WAITING))
		return fail(build, spec, spec->at != FIELD_ABSENT ? "at" : "phase",
			    "a phone surely has a parent in phase \"receiving\" or \"root_waiting\"");
	if (spec->percent != FIELD_ABSENT && !has_percent(fault->phase))
		return fail(build, spec, "percent", "goes with phase \"tftp\" or \"receiving\" only");
	if (fault->phase == PLAN_PHASE_TIME) {
		if (spec->at > build->plan->time_limit_us)
			return fail(build, spec, "at", "is past the time limit");
		fault->at_us = spec->at;
	}
	if (has_percent(fault->phase))
		fault->at_percent = spec->percent != FIELD_ABSENT ? (uint32_t)spec->percent : PERCENT_DEFAULT;
	return 0;
}

/* States and events: the point that a phone reaches; nth, after and by say more of it. */
static int set_point(struct build *build, const struct spec_fault *spec, struct plan_fault *fault)
{
	bool state = fault->phase == PLAN_PHASE_STATE, event = fault->phase == PLAN_PHASE_EVENT;
	bool met_once = state || event || fault->phase == PLAN_PHASE_CLAIMING ||
			fault->phase == PLAN_PHASE_ROOT_WAITING;

	if (state && spec->state == FIELD_ABSENT)
		return document_fail_missing(build->document, spec->node, "state", "phase \"state\" needs it");
	if (event && spec->event == FIELD_ABSENT)
		return document_fail_missing(build->document, spec->node, "event", "phase \"event\" needs it");
	if (spec->state != FIELD_ABSENT && !state)
		return fail(build, spec, "state", "goes with phase \"state\" only");
	if (spec->event != FIELD_ABSENT && !event)
		return fail(build, spec, "event", "goes with phase \"event\" only");
	if (spec->nth != FIELD_ABSENT && !met_once)
		return fail(build, spec, "nth",
			    "goes with phase \"claiming\", \"root_waiting\", \"state\" or \"event\" only");
	if (spec->after != FIELD_ABSENT && fault->phase == PLAN_PHASE_TIME)
		return fail(build, spec, "after", "goes with a phase, a time says when itself");
	if (spec->after != FIELD_ABSENT && plan_fault_once(fault->kind) && fault->kind != PLAN_FAULT_TCP_RESET)
		return fail(build, spec, "after", "damage falls on the bytes of its phase");
	if (spec->by && !state && !event)
		return fail(build, spec, "by", "goes with phase \"state\" or \"event\" only");
	fault->state = state ? (uint8_t)spec->state : 0;
	fault->event = event ? (uint8_t)spec->event : 0;
	fault->nth = spec->nth != FIELD_ABSENT ? (uint32_t)spec->nth : 1;
	fault->after_us = spec->after != FIELD_ABSENT ? spec->after : 0;
	return 0;
}

int build_find_phone(struct build *build, const cJSON *node, const char *field, const char *text,
		     int32_t *phone)
{
	const struct plan *plan = build->plan;

	*phone = -1;
	for (uint32_t i = 0; text && i < plan->phone_count; i++) {
		if (strcmp(plan->phones[i].name, text) == 0) {
			*phone = (int32_t)i;
			return 0;
		}
	}
	if (!text)
		return 0;
	return document_fail(build->document, document_member(node, field),
			     "no phone has this name, they are %s to %s", plan->phones[0].name,
			     plan->phones[plan->phone_count - 1].name);
}

static int check_reach(struct build *build, const struct spec_fault *spec, const struct plan_fault *fault)
{
	const struct plan *plan = build->plan;
	bool reached = false;

	for (uint32_t i = 0; i < plan->phone_count && !reached; i++) {
		const struct plan_phone *phone = &plan->phones[i];
		reached = (fault->site < 0 || phone->site == (uint32_t)fault->site) &&
			  (fault->subnet < 0 || phone->subnet == (uint32_t)fault->subnet) &&
			  (fault->model < 0 || phone->model == fault->model) &&
			  (fault->role != PLAN_ROLE_PHONE || i == (uint32_t)fault->phone) &&
			  fault->file < (int32_t)plan_phone_firmware(plan, i)->file_count;
	}
	return reached ? 0 : document_fail(build->document, spec->node, "there is no phone there that it could hit");
}

static int set_target(struct build *build, const struct spec_fault *spec, struct plan_fault *fault)
{
	int r = build_find_place(build, spec->node, spec->site, spec->subnet, &fault->site, &fault->subnet);

	fault->model = fault->phone = fault->file = -1;
	if (r == 0 && spec->model)
		r = build_find_model(build, document_member(spec->node, "model"), spec->model, &fault->model);
	if (r < 0)
		return r;
	if (spec->phone && spec->role != FIELD_ABSENT)
		return fail(build, spec, "role", "give role or phone, not both");
	fault->role = spec->role != FIELD_ABSENT ? (enum plan_role)spec->role : PLAN_ROLE_ANY;
	if (spec->phone) {
		r = build_find_phone(build, spec->node, "phone", spec->phone, &fault->phone);
		if (r < 0)
			return r;
		fault->role = PLAN_ROLE_PHONE;
	}
	r = build_find_phone(build, spec->node, "by", spec->by, &fault->by);
	if (r < 0)
		return r;
	if (spec->by && !spec->phone && plan_fault_scope(fault->kind) == PLAN_SCOPE_PHONE)
		return fail(build, spec, "by", "reaches the point for another: name that one as phone");
	if (spec->by && !spec->phone) { /* a network or the server: whoever reaches it stands for it */
		fault->role = PLAN_ROLE_PHONE;
		fault->phone = fault->by;
	}
	if (build_fault_hits_connection(fault) && fault->phase == PLAN_PHASE_ROOT_WAITING &&
	    fault->role != PLAN_ROLE_PARENT && fault->role != PLAN_ROLE_LEAF)
		return spec->role != FIELD_ABSENT
			       ? fail(build, spec, "role", "a root has no parent, use \"parent\" or \"leaf\"")
			       : document_fail_missing(build->document, spec->node, "role",
						       "whose parent: \"parent\" or \"leaf\" in root_waiting");
	if (plan_fault_scope(fault->kind) == PLAN_SCOPE_SERVER && fault->phase == PLAN_PHASE_TIME && fault->site >= 0)
		return fail(build, spec, "site", "there is one server for all sites, leave it out");
	if (spec->file != FIELD_ABSENT)
		fault->file = (int32_t)(spec->file < SPEC_FILES_NAMED ? spec->file : spec->file - SPEC_FILES_NAMED);
	return check_reach(build, spec, fault);
}

static int set_degraded(struct build *build, const struct spec_fault *spec, struct plan_fault *fault)
{
	struct plan *plan = build->plan;

	if (fault->kind != PLAN_FAULT_WAN_DEGRADE)
		return spec->wan.node ? fail(build, spec, "wan", "goes with kind \"wan_degrade\" only") : 0;
	if (!spec->wan.node)
		return document_fail_missing(build->document, spec->node, "wan", "what the WAN is like meanwhile");
	if (fault->site < 0 && plan->site_count > 1)
		return document_fail_missing(build->document, spec->node, "site", "whose WAN is degraded");
	if (fault->site < 0)
		fault->site = 0;
	/* What is not said stays as it is at the site. */
	fault->down = plan->sites[fault->site].down;
	fault->up = plan->sites[fault->site].up;
	return build_links(build, &spec->wan, true, &fault->down, &fault->up);
}

static int check_traditional(struct build *build, const struct spec_fault *spec, const struct plan_fault *fault)
{
	bool possible = (fault->phase == PLAN_PHASE_TIME || fault->phase == PLAN_PHASE_TFTP) &&
			(fault->role == PLAN_ROLE_ANY || fault->role == PLAN_ROLE_PHONE) &&
			fault->kind != PLAN_FAULT_DAMAGE_TCP && !build_fault_hits_connection(fault);

	if (spec->traditional && !possible)
		return fail(build, spec, "traditional", "a traditional run has no such phase, role or transfer");
	return 0;
}

static int add_fault(struct build *build, const struct spec_fault *spec, uint32_t number)
{
	struct plan_fault whole = { .entry = number }, *fault = &whole;
	int r;

	fault->kind = (enum plan_fault_kind)spec->kind;
	fault->traditional_too = spec->traditional != 0;
	r = set_phase(build, spec, fault);
	if (r == 0)
		r = set_point(build, spec, fault);
	if (r == 0)
		r = set_target(build, spec, fault);
	if (r == 0)
		r = set_degraded(build, spec, fault);
	if (r == 0)
		r = build_fault_measure(build, spec, fault);
	if (r == 0)
		r = check_traditional(build, spec, fault);
	if (r < 0)
		return r;
	if (fault->kind == PLAN_FAULT_TCP_RESET && spec->duration != FIELD_ABSENT)
		return fail(build, spec, "duration", "a reset is done once, it does not last");
	if (plan_fault_once(fault->kind) && spec->duration != FIELD_ABSENT)
		return fail(build, spec, "duration", "damage is done once, it does not last");
	fault->duration_us = spec->duration; /* FIELD_ABSENT is never */
	return build_fault_add(build, spec, fault);
}

int build_faults(struct build *build)
{
	const struct spec_fault *faults = build->spec->faults.items;
	uint32_t count = build->spec->faults.count;

	_Static_assert(FIELD_ABSENT == PFS_TIME_NEVER, "no duration: it never returns");
	build->plan->faults = calloc(1, sizeof(*build->plan->faults));
	if (!build->plan->faults)
		return document_fail_memory(build->document);
	for (uint32_t i = 0; i < count; i++) {
		int r = add_fault(build, &faults[i], i);
		if (r < 0)
			return r;
	}
	return 0;
}
