/*
 * What of a fault is left to the seed: which phones a share of them means, and
 * the moments within a window. Drawn while the plan is made, so that the plan
 * says whom each world will strike and when, both worlds strike the same, and
 * a run can be had again. A share becomes a fault for each of its phones.
 */
#include <stdlib.h>

#include "emulator/scenario/build.h"

#define WHOLE_PPM 1000000

/* A phone that a share may take, and the lot that it drew: the least of them are taken. */
struct lot {
	uint64_t drawn;
	uint32_t phone;
};

static int by_lot(const void *a, const void *b)
{
	const struct lot *left = a, *right = b;

	if (left->drawn != right->drawn)
		return left->drawn < right->drawn ? -1 : 1;
	return left->phone < right->phone ? -1 : left->phone > right->phone;
}

static int fail(struct build *build, const struct spec_fault *spec, const char *field, const char *what)
{
	return document_fail(build->document, document_member(spec->node, field), "%s", what);
}

static int check(struct build *build, const struct spec_fault *spec, const struct plan_fault *fault)
{
	if (spec->window != FIELD_ABSENT && fault->phase != PLAN_PHASE_TIME)
		return fail(build, spec, "window", "goes with at: it strikes within this time from then");
	if (spec->window != FIELD_ABSENT && spec->window > build->plan->time_limit_us - fault->at_us)
		return fail(build, spec, "window", "ends past the time limit");
	if (spec->duration_max != FIELD_ABSENT && spec->duration == FIELD_ABSENT)
		return document_fail_missing(build->document, spec->node, "duration",
					     "the least that it lasts, duration_max is the most");
	if (spec->duration_max != FIELD_ABSENT && spec->duration_max < spec->duration)
		return fail(build, spec, "duration_max", "is below duration");
	if (spec->share == FIELD_ABSENT)
		return 0;
	if (plan_fault_scope(fault->kind) != PLAN_SCOPE_PHONE)
		return fail(build, spec, "share", "goes with faults that befall phones");
	if (fault->phase != PLAN_PHASE_TIME)
		return fail(build, spec, "share", "goes with at: whoever reaches a phase is one phone");
	if (fault->role != PLAN_ROLE_ANY)
		return fail(build, spec, spec->phone ? "phone" : "role",
			    "a share is drawn from all phones, use site, subnet and model to narrow it");
	return 0;
}

static uint64_t drawn_from(uint64_t least, uint64_t most, const struct plan *plan, const struct plan_fault *fault,
			   uint32_t purpose)
{
	uint64_t lot = pfs_draw(plan->seed, fault->drawn ? (uint32_t)fault->phone : UINT32_MAX, purpose, fault->entry);

	return least + lot % (most - least + 1);
}

static int add(struct build *build, const struct spec_fault *spec, const struct plan_fault *fault)
{
	struct plan *plan = build->plan;
	struct plan_fault *faults;

	if (plan->fault_count == PLAN_FAULTS_MAX)
		return document_fail(build->document, spec->node, "more than %u faults in all, each phone of a share is one",
				     PLAN_FAULTS_MAX);
	faults = realloc(plan->faults, ((size_t)plan->fault_count + 1) * sizeof(*faults));
	if (!faults)
		return document_fail_memory(build->document);
	plan->faults = faults;
	faults += plan->fault_count++;
	*faults = *fault;
	if (spec->window != FIELD_ABSENT)
		faults->at_us = drawn_from(fault->at_us, fault->at_us + spec->window, plan, fault, PLAN_DRAW_STRUCK_AT);
	if (spec->duration_max != FIELD_ABSENT)
		faults->duration_us =
			drawn_from(spec->duration, spec->duration_max, plan, fault, PLAN_DRAW_STRUCK_FOR);
	return 0;
}

static bool fits(const struct plan *plan, const struct plan_fault *fault, uint32_t number)
{
	const struct plan_phone *phone = &plan->phones[number];

	return (fault->site < 0 || phone->site == (uint32_t)fault->site) &&
	       (fault->subnet < 0 || phone->subnet == (uint32_t)fault->subnet) &&
	       (fault->model < 0 || phone->model == fault->model);
}

/* A phone that two shares took might be out when the second strikes, which would then strike nobody. */
static void mark_taken(const struct plan *plan, bool *taken)
{
	for (uint32_t i = 0; i < plan->fault_count; i++)
		if (plan->faults[i].drawn)
			taken[plan->faults[i].phone] = true;
}

static int add_share(struct build *build, const struct spec_fault *spec, const struct plan_fault *fault,
		     struct lot *lots, bool *taken)
{
	const struct plan *plan = build->plan;
	struct plan_fault one = *fault;
	uint32_t fit = 0, free_count = 0, count;
	int r = 0;

	mark_taken(plan, taken);
	for (uint32_t i = 0; i < plan->phone_count; i++) {
		if (!fits(plan, fault, i))
			continue;
		fit++;
		if (!taken[i])
			lots[free_count++] = (struct lot){ pfs_draw(plan->seed, i, PLAN_DRAW_STRUCK, fault->entry), i };
	}
	count = (uint32_t)((fit * spec->share + WHOLE_PPM - 1) / WHOLE_PPM);
	if (count > free_count)
		return document_fail(build->document, document_member(spec->node, "share"),
				     "means %u phones, and shares before it leave %u of %u", count, free_count, fit);
	qsort(lots, free_count, sizeof(*lots), by_lot);
	one.role = PLAN_ROLE_PHONE;
	one.drawn = true;
	for (uint32_t i = 0; i < count && r == 0; i++) {
		one.phone = (int32_t)lots[i].phone;
		r = add(build, spec, &one);
	}
	return r;
}

int build_fault_add(struct build *build, const struct spec_fault *spec, const struct plan_fault *fault)
{
	size_t phones = build->plan->phone_count;
	struct lot *lots;
	bool *taken;
	int r = check(build, spec, fault);

	if (r < 0 || spec->share == FIELD_ABSENT)
		return r < 0 ? r : add(build, spec, fault);
	lots = calloc(phones, sizeof(*lots));
	taken = calloc(phones, sizeof(*taken));
	r = lots && taken ? add_share(build, spec, fault, lots, taken) : document_fail_memory(build->document);
	free(lots);
	free(taken);
	return r;
}
