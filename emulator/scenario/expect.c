/*
 * What a run has to show. What could never be judged (a phone that is not
 * there, a reason that this event does not have, an item that says nothing) is
 * an error: an expectation that holds whatever happens is none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/build.h"

/* True where phones of two subnets hear each other's claims. */
static bool hears_other_subnet(const struct plan *plan)
{
	for (uint32_t a = 0; a < plan->subnet_count; a++) {
		for (uint32_t b = a + 1; b < plan->subnet_count; b++) {
			const struct plan_subnet *x = &plan->subnets[a], *y = &plan->subnets[b];
			if (x->lan_switch == y->lan_switch && (x->limited_broadcast || y->limited_broadcast))
				return true;
		}
	}
	return false;
}

/* An event that no fleet could show is no expectation: names are checked as those of faults are. */
static int expect_reason(struct build *build, const struct spec_expect_trace *spec,
			 struct plan_expect_trace *expect)
{
	char name[32], known[256] = "";
	size_t at = 0;

	expect->reason = -1;
	if (!spec->reason)
		return 0;
	for (int32_t i = 0; plan_reason_name(expect->event, i, name, sizeof(name)); i++) {
		if (strcmp(name, spec->reason) == 0) {
			expect->reason = i;
			return 0;
		}
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", i ? ", " : "", name);
	}
	return document_fail(build->document, document_member(spec->node, "reason"),
			     at ? "is no reason of this event, they are %s" : "there are no reasons for it%s",
			     known);
}

static int expect_times(struct build *build, const struct spec_expect_trace *spec,
			struct plan_expect_trace *expect)
{
	expect->from_us = spec->from != FIELD_ABSENT ? spec->from : 0;
	expect->until_us = spec->until;
	if (expect->until_us <= expect->from_us)
		return document_fail(build->document, document_member(spec->node, "until"),
				     "is not after from");
	if (spec->count == FIELD_ABSENT && spec->min == FIELD_ABSENT && spec->max == FIELD_ABSENT)
		return document_fail_missing(build->document, spec->node, "count",
					     "how often: count, or min, max or both");
	if (spec->count != FIELD_ABSENT && (spec->min != FIELD_ABSENT || spec->max != FIELD_ABSENT))
		return document_fail(build->document, document_member(spec->node, "count"),
				     "give count or min and max, not both");
	expect->min = spec->count != FIELD_ABSENT ? spec->count : spec->min;
	expect->max = spec->count != FIELD_ABSENT ? spec->count : spec->max;
	if (expect->min != PLAN_UNSET && expect->min > expect->max)
		return document_fail(build->document, document_member(spec->node, "max"), "is below min");
	return 0;
}

static int32_t file_number(uint64_t choice)
{
	if (choice == FIELD_ABSENT)
		return -1;
	return (int32_t)(choice < SPEC_FILES_NAMED ? choice : choice - SPEC_FILES_NAMED);
}

static int expect_trace(struct build *build, const struct spec_expect_trace *spec, uint32_t number)
{
	struct plan_expect_trace *expect = &build->plan->expect.traces[number];
	int32_t peer = -1;
	int r = build_find_phone(build, spec->node, "phone", spec->phone, &expect->phone);

	if (r == 0 && spec->event == FIELD_ABSENT && spec->state == FIELD_ABSENT)
		return document_fail_missing(build->document, spec->node, "event",
					     "of what: event, or state");
	if (r == 0 && spec->event != FIELD_ABSENT && spec->state != FIELD_ABSENT)
		return document_fail(build->document, document_member(spec->node, "state"),
				     "give event or state, not both");
	if (r == 0 && spec->event == FIELD_ABSENT && spec->peer)
		return document_fail(build->document, document_member(spec->node, "peer"),
				     "goes with event, a state names nobody");
	expect->event = spec->event != FIELD_ABSENT ? (uint8_t)spec->event : PFS_TR_KINDS;
	expect->state = spec->state != FIELD_ABSENT ? (uint8_t)spec->state : 0;
	expect->file = file_number(spec->file);
	if (r == 0 && spec->peer && strcmp(spec->peer, "server") == 0)
		expect->peer = build->plan->server.address;
	else if (r == 0)
		r = build_find_phone(build, spec->node, "peer", spec->peer, &peer);
	if (r == 0 && (!spec->peer || peer >= 0))
		expect->peer = peer >= 0 ? (int64_t)build->plan->phones[peer].address : -1;
	if (r == 0)
		r = expect_reason(build, spec, expect);
	if (r == 0)
		r = expect_times(build, spec, expect);
	snprintf(expect->name, sizeof(expect->name), "trace[%u] %s%s%s%s%s%s%s", number,
		 spec->event != FIELD_ABSENT ? pfs_trace_name(expect->event) : pfs_state_name(expect->state),
		 expect->phone >= 0 ? " by " : "",
		 expect->phone >= 0 ? build->plan->phones[expect->phone].name : "",
		 spec->peer ? " peer " : "", spec->peer ? spec->peer : "", spec->reason ? " reason " : "",
		 spec->reason ? spec->reason : "");
	return r;
}

static int expect_traces(struct build *build)
{
	const struct field_list *list = &build->spec->expect.trace;
	struct plan_expect *expect = &build->plan->expect;
	const struct spec_expect_trace *specs = list->items;

	expect->traces = calloc((size_t)list->count + 1, sizeof(*expect->traces));
	if (!expect->traces)
		return document_fail_memory(build->document);
	for (uint32_t i = 0; i < list->count; i++) {
		int r = expect_trace(build, &specs[i], i);
		if (r < 0)
			return r;
		expect->trace_count++;
	}
	return 0;
}

static int expect_hierarchy(struct build *build, const struct spec_expect_hierarchy *spec, uint32_t number)
{
	static const char *const figures[PLAN_HIERARCHY_FIGURES] = { "root", "roots_confirmed", "wan_copies",
								     "members", "depth_max" };
	struct plan_expect_hierarchy *expect = &build->plan->expect.hierarchies[number];
	int32_t root;
	int r = build_find_place(build, spec->node, spec->site, spec->subnet, &expect->site, &expect->subnet);

	expect->model = -1;
	if (r == 0 && spec->model)
		r = build_find_model(build, document_member(spec->node, "model"), spec->model,
				     &expect->model);
	if (r == 0)
		r = build_find_phone(build, spec->node, "root", spec->root, &root);
	if (r < 0)
		return r;
	expect->file = file_number(spec->file);
	expect->root = spec->root ? (uint64_t)root : PLAN_UNSET;
	expect->roots_confirmed = spec->roots_confirmed;
	expect->wan_copies = spec->wan_copies;
	expect->members = spec->members;
	expect->depth_max = spec->depth_max;
	for (uint32_t i = 0; i < PLAN_HIERARCHY_FIGURES; i++)
		snprintf(expect->names[i], sizeof(expect->names[i]), "hierarchies[%u].%s", number,
			 figures[i]);
	if (!spec->root && spec->roots_confirmed == FIELD_ABSENT && spec->wan_copies == FIELD_ABSENT &&
	    spec->members == FIELD_ABSENT && spec->depth_max == FIELD_ABSENT)
		return document_fail(build->document, spec->node,
				     "expects nothing, give root, roots_confirmed, "
				     "wan_copies, members or depth_max");
	return 0;
}

static int expect_hierarchies(struct build *build)
{
	const struct field_list *list = &build->spec->expect.hierarchies;
	struct plan_expect *expect = &build->plan->expect;
	const struct spec_expect_hierarchy *specs = list->items;

	expect->hierarchies = calloc((size_t)list->count + 1, sizeof(*expect->hierarchies));
	if (!expect->hierarchies)
		return document_fail_memory(build->document);
	for (uint32_t i = 0; i < list->count; i++) {
		int r = expect_hierarchy(build, &specs[i], i);
		if (r < 0)
			return r;
		expect->hierarchy_count++;
	}
	return 0;
}

int build_expect(struct build *build)
{
	const struct spec_expect *spec = &build->spec->expect;
	struct plan *plan = build->plan;

	_Static_assert(FIELD_ABSENT == PLAN_UNSET, "what is not said stays unset");
	plan->expect = (struct plan_expect){
		.upgraded_min = spec->upgraded_min,
		.failed_max = spec->failed_max,
		.direct_max = spec->direct_max,
		.wan_copies_max = spec->wan_copies_max,
		.roots_confirmed_max = spec->roots_confirmed_max,
		.transfers_pfs = spec->transfers_pfs,
		.refused_other_subnet_min = spec->refused_other_subnet_min,
	};
	if (spec->upgraded_min != FIELD_ABSENT && spec->upgraded_min > plan->phone_count)
		return document_fail(build->document, document_member(spec->node, "upgraded_min"),
				     "the fleet has %u phones", plan->phone_count);
	if (spec->refused_other_subnet_min != FIELD_ABSENT && spec->refused_other_subnet_min &&
	    !hears_other_subnet(plan))
		return document_fail(
			build->document, document_member(spec->node, "refused_other_subnet_min"),
			"no claim is heard in another subnet: that takes two subnets on one switch, "
			"broadcast \"limited\"");
	int r = expect_traces(build);
	return r < 0 ? r : expect_hierarchies(build);
}
