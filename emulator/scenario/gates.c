/*
 * Gates: limits of figures of the summary. Which figures there are, and in what
 * unit, is in plan/figures.h; a limit is written as any other value of a
 * scenario, with its unit. A gate that could never be judged is an error here
 * and not a surprise after the run.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/build.h"
#include "emulator/scenario/units.h"

#define COUNT_EXACT_MAX 9007199254740992.0 /* 2^53: a double skips whole numbers past it */

/* How limits of a kind are written, and how many of the smallest unit are one in the summary. */
static const struct {
	const struct unit *units;
	const char *what;
	double divide;
} written[] = {
	[FIGURE_COUNT] = { NULL, "a whole number", 1 },
	[FIGURE_BYTES] = { units_size, "a size in quotes, such as \"26MB\"", 1 },
	[FIGURE_SECONDS] = { units_duration, "a duration in quotes, such as \"90s\"", 1000000 },
	[FIGURE_MICROSECONDS] = { units_duration, "a duration in quotes, such as \"250us\"", 1 },
	[FIGURE_RATIO] = { units_share, "a number, such as 0.2, or a share in quotes, such as \"20%\"", 1000000 },
	[FIGURE_TEXT] = { NULL, "a string", 1 },
	[FIGURE_FLAG] = { NULL, "true or false", 1 },
};

static int fail_units(struct build *build, const cJSON *node, const struct plan_figure *figure,
		      enum units_result result)
{
	const struct unit *units = written[figure->kind].units;
	char names[64], smallest[32];

	units_names(units, names, sizeof(names));
	units_format(1, units, smallest, sizeof(smallest));
	switch (result) {
	case UNITS_NO_UNIT:
		return document_fail(build->document, node, "lacks its unit, use %s", names);
	case UNITS_UNKNOWN:
		return document_fail(build->document, node, "unknown unit, use %s", names);
	case UNITS_TOO_FINE:
		return document_fail(build->document, node, "too fine, the smallest step is %s", smallest);
	case UNITS_TOO_LARGE:
		return document_fail(build->document, node, "too large");
	default:
		return document_fail(build->document, node, "must be %s", written[figure->kind].what);
	}
}

static int read_number(struct build *build, const cJSON *node, const struct plan_figure *figure, double *limit)
{
	bool bare = figure->kind == FIGURE_COUNT || figure->kind == FIGURE_RATIO;
	double number = node->valuedouble;
	uint64_t value;

	if (bare && cJSON_IsNumber(node)) {
		*limit = number;
		if (!(number >= 0) || number > COUNT_EXACT_MAX ||
		    (figure->kind == FIGURE_COUNT && number != floor(number)))
			return document_fail(build->document, node, "must be %s, 0 or more",
					     written[figure->kind].what);
		return 0;
	}
	if (!cJSON_IsString(node) || !written[figure->kind].units)
		return document_fail(build->document, node, "must be %s", written[figure->kind].what);
	enum units_result result = units_parse(node->valuestring, written[figure->kind].units, &value);
	if (result != UNITS_OK)
		return fail_units(build, node, figure, result);
	*limit = (double)value / written[figure->kind].divide;
	return 0;
}

static int read_limit(struct build *build, const cJSON *node, struct plan_gate *gate)
{
	const struct plan_figure *figure = gate->place.figure;
	bool ordered = figure->kind != FIGURE_TEXT && figure->kind != FIGURE_FLAG;

	if (!ordered && gate->relation != PLAN_RELATION_EQUAL)
		return document_fail(build->document, node, "there is no order in this figure, use equal");
	if (figure->kind == FIGURE_FLAG) {
		if (!cJSON_IsBool(node))
			return document_fail(build->document, node, "must be true or false");
		gate->limit = cJSON_IsTrue(node);
		strcpy(gate->written, cJSON_IsTrue(node) ? "true" : "false");
		return 0;
	}
	if (figure->kind == FIGURE_TEXT && !cJSON_IsString(node))
		return document_fail(build->document, node, "must be a string");
	int r = ordered ? read_number(build, node, figure, &gate->limit) : 0;
	if (r < 0)
		return r;
	if (cJSON_IsString(node)) {
		if (strlen(node->valuestring) >= sizeof(gate->written))
			return document_fail(build->document, node, "too long");
		strcpy(gate->written, node->valuestring);
	} else {
		snprintf(gate->written, sizeof(gate->written), "%.10g", gate->limit);
	}
	return 0;
}

static int add_gate(struct build *build, const char *field, const struct figure_place *place, const cJSON *node,
		    enum plan_relation relation)
{
	struct plan *plan = build->plan;
	struct plan_gate *gate = &plan->gates[plan->gate_count];

	if (!node)
		return 0;
	gate->place = *place;
	gate->relation = relation;
	snprintf(gate->field, sizeof(gate->field), "%s", field);
	int r = read_limit(build, node, gate);
	if (r == 0)
		plan->gate_count++;
	return r;
}

static int build_gate(struct build *build, const struct spec_gate *spec)
{
	const char *field = spec->node->string;
	struct figure_place place;
	char known[400];

	if (strlen(field) >= FIGURE_PATH_MAX || figure_find(field, &place, known, sizeof(known)) < 0)
		return document_fail(build->document, spec->node, "no such figure in the summary%s%s",
				     strlen(field) < FIGURE_PATH_MAX ? ", known here: " : "",
				     strlen(field) < FIGURE_PATH_MAX ? known : "");
	if (place.hierarchy && place.traditional)
		return document_fail(build->document, spec->node,
				     "the traditional way has no hierarchies, use pfs.hierarchies");
	if (!spec->max && !spec->min && !spec->equal)
		return document_fail(build->document, spec->node, "limits nothing, give max, min or equal");
	if (spec->equal && (spec->max || spec->min))
		return document_fail(build->document, spec->equal, "give equal, or max and min, not both");
	int r = add_gate(build, field, &place, spec->min, PLAN_RELATION_MIN);
	if (r == 0)
		r = add_gate(build, field, &place, spec->max, PLAN_RELATION_MAX);
	if (r == 0)
		r = add_gate(build, field, &place, spec->equal, PLAN_RELATION_EQUAL);
	const struct plan_gate *last = &build->plan->gates[build->plan->gate_count] - 1;
	if (r == 0 && spec->max && spec->min && last[-1].limit > last->limit)
		return document_fail(build->document, spec->max, "is below min");
	return r;
}

int build_gates(struct build *build)
{
	const struct field_list *list = &build->spec->gates;
	const struct spec_gate *specs = list->items;

	/* A gate says at most two things. */
	build->plan->gates = calloc(2 * (size_t)list->count + 1, sizeof(*build->plan->gates));
	if (!build->plan->gates)
		return document_fail_memory(build->document);
	for (uint32_t i = 0; i < list->count; i++) {
		int r = build_gate(build, &specs[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
