/*
 * How strong a fault is: the fields that go with one kind of fault only. Given
 * for another kind each is an error, and so is one that its kind needs and has
 * not, or a measure that changes nothing: a fault that does nothing would make
 * a test pass that tested nothing.
 */
#include <errno.h>

#include "emulator/scenario/build.h"

#define SERVED_DEFAULT_PPM 500000
#define GROUPS_DEFAULT 2
#define WHOLE_PPM 1000000

/* A field of one kind; needed: what it says, where it must be given. */
struct measure {
	const char *field;
	enum plan_fault_kind kind;
	uint64_t value;
	const char *needed;
};

bool build_fault_hits_connection(const struct plan_fault *fault)
{
	return fault->kind == PLAN_FAULT_TCP_RESET || fault->kind == PLAN_FAULT_TCP_HALF_OPEN;
}

static int check_measure(struct build *build, const struct spec_fault *spec, const struct plan_fault *fault,
			 const struct measure *measure)
{
	if (measure->value != FIELD_ABSENT && fault->kind != measure->kind)
		return document_fail(build->document, document_member(spec->node, measure->field),
				     "goes with kind \"%s\" only", plan_fault_name(measure->kind));
	if (measure->value == FIELD_ABSENT && fault->kind == measure->kind && measure->needed)
		return document_fail_missing(build->document, spec->node, measure->field, "%s",
					     measure->needed);
	return 0;
}

static int set_disturbance(struct build *build, const struct spec_fault *spec, struct plan_fault *fault)
{
	const struct spec_disturbance *lan = &spec->lan;

	if (fault->kind != PLAN_FAULT_LAN_DISTURB)
		return 0;
	if (!lan->loss && !lan->duplicate && !lan->reorder && !lan->delay)
		return document_fail(build->document, lan->node,
				     "disturbs nothing, give loss, duplicate, reorder or delay");
	fault->lan = (struct plan_disturbance){ (uint32_t)lan->loss, (uint32_t)lan->duplicate,
						(uint32_t)lan->reorder, lan->delay, lan->hold };
	return 0;
}

static int set_drift(struct build *build, const struct spec_fault *spec, struct plan_fault *fault)
{
	if (fault->kind != PLAN_FAULT_CLOCK_DRIFT)
		return 0;
	if (spec->fast == FIELD_ABSENT && spec->slow == FIELD_ABSENT)
		return document_fail_missing(build->document, spec->node, "fast",
					     "how much the clock gains: fast, or slow");
	if (spec->fast != FIELD_ABSENT && spec->slow != FIELD_ABSENT)
		return document_fail(build->document, document_member(spec->node, "slow"),
				     "give fast or slow, not both");
	fault->drift_ppm = spec->fast != FIELD_ABSENT ? (int32_t)spec->fast : -(int32_t)spec->slow;
	return 0;
}

static int set_lost(struct build *build, const struct spec_fault *spec, struct plan_fault *fault)
{
	struct plan_lost *lost = &fault->lost;
	int r = build_find_phone(build, spec->node, "from", spec->from, &lost->from);

	if (r == 0)
		r = build_find_phone(build, spec->node, "to", spec->to, &lost->to);
	if (r < 0)
		return r;
	if (spec->from && spec->to && lost->from == lost->to)
		return document_fail(build->document, document_member(spec->node, "to"),
				     "nothing is lost from a phone to itself");
	lost->message = spec->message != FIELD_ABSENT ? (enum plan_message)spec->message : PLAN_MESSAGE_ANY;
	lost->skip = spec->skip != FIELD_ABSENT ? spec->skip : 0;
	lost->count = spec->count; /* FIELD_ABSENT is all */
	return 0;
}

int build_fault_measure(struct build *build, const struct spec_fault *spec, struct plan_fault *fault)
{
	const struct measure measures[] = {
		{ "lan", PLAN_FAULT_LAN_DISTURB, spec->lan.node ? 0 : FIELD_ABSENT,
		  "what becomes of datagrams" },
		{ "period", PLAN_FAULT_WAN_FLAP, spec->period, "how long it is down, and then up, in turn" },
		{ "groups", PLAN_FAULT_LAN_SPLIT, spec->groups, NULL },
		{ "router", PLAN_FAULT_LAN_SPLIT, spec->router, NULL },
		{ "hold", PLAN_FAULT_SLOW_PORTS, spec->hold,
		  "how long a port forwards nothing after link-up" },
		{ "served", PLAN_FAULT_SERVER_SIZE, spec->served, NULL },
		{ "direction", PLAN_FAULT_TCP_HALF_OPEN, spec->direction, NULL },
		{ "rate", PLAN_FAULT_SLOW_STORAGE, spec->rate, "how fast it writes and verifies" },
		{ "fast", PLAN_FAULT_CLOCK_DRIFT, spec->fast, NULL },
		{ "slow", PLAN_FAULT_CLOCK_DRIFT, spec->slow, NULL },
		{ "from", PLAN_FAULT_LAN_LOSE, spec->from ? 0 : FIELD_ABSENT, NULL },
		{ "to", PLAN_FAULT_LAN_LOSE, spec->to ? 0 : FIELD_ABSENT, NULL },
		{ "message", PLAN_FAULT_LAN_LOSE, spec->message, NULL },
		{ "skip", PLAN_FAULT_LAN_LOSE, spec->skip, NULL },
		{ "count", PLAN_FAULT_LAN_LOSE, spec->count, NULL },
	};

	for (size_t i = 0; i < sizeof(measures) / sizeof(*measures); i++) {
		int r = check_measure(build, spec, fault, &measures[i]);
		if (r < 0)
			return r;
	}
	if (spec->served == WHOLE_PPM)
		return document_fail(build->document, document_member(spec->node, "served"),
				     "is the true length");
	if (fault->kind == PLAN_FAULT_SLOW_STORAGE && !spec->rate)
		return document_fail(build->document, document_member(spec->node, "rate"), "is not slow");
	fault->flap_us = spec->period != FIELD_ABSENT ? (uint32_t)spec->period : 0;
	fault->groups = spec->groups != FIELD_ABSENT ? (uint32_t)spec->groups : GROUPS_DEFAULT;
	fault->router_apart = spec->router == SPEC_ROUTER_FIRST;
	fault->hold_us = spec->hold;
	fault->served_ppm = spec->served != FIELD_ABSENT ? (uint32_t)spec->served : SERVED_DEFAULT_PPM;
	fault->upwards = spec->direction == SPEC_DIRECTION_UP;
	fault->rate_bps = spec->rate;
	int r = set_disturbance(build, spec, fault);
	if (r == 0)
		r = set_lost(build, spec, fault);
	return r < 0 ? r : set_drift(build, spec, fault);
}
