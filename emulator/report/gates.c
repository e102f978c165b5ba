/*
 * The scenario's gates. They are judged by the summary itself, read by path:
 * what a gate saw is then what stands in the file, digit for digit.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/report/report_internal.h"

bool report_check_is_measured(const struct report_check *check)
{
	return strcmp(check->name, "kernel_bytes_short") == 0 ||
	       strcmp(check->name, "console_log_errors") == 0;
}

const char *report_gate_verdict_name(enum report_gate_verdict verdict)
{
	static const char *const names[] = { "pass", "fail", "skipped" };

	return names[verdict];
}

const char *report_relation_name(enum plan_relation relation)
{
	static const char *const names[] = { "max", "min", "equal" };

	return names[relation];
}

/* The member of an object by a path with dots in it; NULL where there is none. */
static const cJSON *follow(const cJSON *object, const char *path)
{
	char part[FIGURE_PATH_MAX];

	for (;;) {
		size_t length = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)length, path);
		object = cJSON_GetObjectItemCaseSensitive(object, part);
		if (!object || !path[length])
			return object;
		path += length + 1;
	}
}

static const cJSON *find_run(const cJSON *figures, bool traditional)
{
	const cJSON *run;

	cJSON_ArrayForEach(run, cJSON_GetObjectItemCaseSensitive(figures, "runs")) {
		const char *mode = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(run, "mode"));

		if (mode && strcmp(mode, traditional ? "traditional" : "pfs") == 0)
			return run;
	}
	return NULL;
}

/* What the path of a gate is taken from; NULL where this run has no such thing. */
static const cJSON *find_part(const struct report *report, const cJSON *figures, const struct figure_place *place)
{
	/* Where nothing is reduced the run itself is at full size. */
	if (place->full_size && report_is_reduced(report))
		figures = cJSON_GetObjectItemCaseSensitive(figures, "full_size");
	if (place->run)
		return find_run(figures, place->traditional);
	if (place->full_size || !figures)
		return cJSON_IsObject(follow(figures, "comparison")) ? follow(figures, "comparison") : NULL;
	return figures;
}

/* Fills the text of a value; false where it has none. */
static bool read_value(const cJSON *node, char value[REPORT_VALUE_MAX])
{
	if (cJSON_IsRaw(node) || cJSON_IsString(node))
		snprintf(value, REPORT_VALUE_MAX, "%s", node->valuestring);
	else if (cJSON_IsNumber(node))
		snprintf(value, REPORT_VALUE_MAX, "%.10g", node->valuedouble);
	else if (cJSON_IsBool(node))
		snprintf(value, REPORT_VALUE_MAX, "%s", cJSON_IsTrue(node) ? "true" : "false");
	else
		return false;
	return true;
}

/* By how much a value is beyond the limit: 0 or less where it holds. */
static double beyond(const struct plan_gate *gate, const char *value)
{
	double number;

	if (gate->place.figure->kind == FIGURE_TEXT)
		return strcmp(value, gate->written) != 0;
	if (gate->place.figure->kind == FIGURE_FLAG)
		number = strcmp(value, "true") == 0;
	else
		number = strtod(value, NULL);
	switch (gate->relation) {
	case PLAN_RELATION_MAX:
		return number - gate->limit;
	case PLAN_RELATION_MIN:
		return gate->limit - number;
	case PLAN_RELATION_EQUAL:
		break;
	}
	return fabs(number - gate->limit);
}

static void judge_value(struct report_gate *gate, const cJSON *node)
{
	if (!node && gate->gate->place.absent_is_none) {
		strcpy(gate->value, "0");
		gate->has_value = true;
	} else {
		gate->has_value = read_value(node, gate->value);
	}
	/* A time that never came holds no limit. */
	gate->verdict = gate->has_value && beyond(gate->gate, gate->value) <= 0 ? REPORT_GATE_PASS : REPORT_GATE_FAIL;
}

/* Of all hierarchies the one that is furthest beyond the limit, or nearest to it, is told. */
static void judge_hierarchies(struct report_gate *gate, const cJSON *run)
{
	const char *name = gate->gate->place.figure->name;
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(run, "hierarchies"), *item;
	int32_t wanted = gate->gate->place.item;
	double worst = -INFINITY;

	gate->verdict = REPORT_GATE_FAIL; /* a list without items, or without that one, holds nothing */
	if (wanted >= 0) {
		item = cJSON_GetArrayItem(list, wanted);
		if (item)
			judge_value(gate, cJSON_GetObjectItemCaseSensitive(item, name));
		return;
	}
	cJSON_ArrayForEach(item, list) {
		struct report_gate one = { .gate = gate->gate };

		judge_value(&one, cJSON_GetObjectItemCaseSensitive(item, name));
		double by = one.has_value ? beyond(gate->gate, one.value) : INFINITY;
		if (by <= worst)
			continue;
		worst = by;
		*gate = one;
	}
}

static void judge_gate(const struct report *report, const cJSON *figures, struct report_gate *gate)
{
	const struct figure_place *place = &gate->gate->place;
	const cJSON *part = find_part(report, figures, place);
	const char *path = gate->gate->field;

	gate->verdict = REPORT_GATE_SKIPPED;
	if (!part)
		return;
	if (place->hierarchy) {
		judge_hierarchies(gate, part);
		return;
	}
	if (place->full_size)
		path += strlen("full_size.");
	if (place->run || place->full_size)
		path = strchr(path, '.') + 1;
	/* "comparison" is null where there is nothing to compare. */
	if (!place->run && !place->full_size && strncmp(path, "comparison.", 11) == 0 &&
	    !cJSON_IsObject(follow(part, "comparison")))
		return;
	judge_value(gate, follow(part, path));
}

bool report_judge_gates(struct report *report)
{
	const struct plan *plan = report->plan;
	bool holds = true;

	report->gate_count = plan->gate_count < REPORT_GATES_MAX ? plan->gate_count : REPORT_GATES_MAX;
	if (!report->gate_count)
		return true;
	cJSON *figures = report_figures_json(report);
	for (uint32_t i = 0; i < report->gate_count; i++) {
		report->gates[i] = (struct report_gate){ .gate = &plan->gates[i] };
		judge_gate(report, figures, &report->gates[i]);
		holds &= report->gates[i].verdict != REPORT_GATE_FAIL;
	}
	cJSON_Delete(figures);
	return holds;
}

/* ------------------------------------------------------------- as JSON */

static void add_typed(cJSON *object, const char *name, const struct plan_gate *gate, const char *text)
{
	if (gate->place.figure->kind == FIGURE_TEXT)
		cJSON_AddStringToObject(object, name, text);
	else
		cJSON_AddRawToObject(object, name, text);
}

static cJSON *gate_json(const struct report_gate *from)
{
	const struct plan_gate *gate = from->gate;
	cJSON *object = cJSON_CreateObject();
	char limit[REPORT_VALUE_MAX];

	if (gate->place.figure->kind == FIGURE_TEXT || gate->place.figure->kind == FIGURE_FLAG)
		snprintf(limit, sizeof(limit), "%s", gate->written);
	else
		snprintf(limit, sizeof(limit), "%.16g", gate->limit);
	cJSON_AddStringToObject(object, "name", gate->field);
	cJSON_AddStringToObject(object, "kind", "gate");
	cJSON_AddStringToObject(object, "relation", report_relation_name(gate->relation));
	add_typed(object, "limit", gate, limit);
	cJSON_AddStringToObject(object, "written", gate->written);
	if (from->has_value)
		add_typed(object, "value", gate, from->value);
	else
		cJSON_AddNullToObject(object, "value");
	cJSON_AddStringToObject(object, "verdict", report_gate_verdict_name(from->verdict));
	return object;
}

static cJSON *check_json(const struct report_check *from)
{
	static const enum plan_relation relations[] = { [REPORT_AT_MOST] = PLAN_RELATION_MAX,
							[REPORT_AT_LEAST] = PLAN_RELATION_MIN,
							[REPORT_EXACTLY] = PLAN_RELATION_EQUAL };
	cJSON *object = cJSON_CreateObject();
	char name[PLAN_CHECK_NAME_MAX + 16];

	snprintf(name, sizeof(name), "%s.%s", from->traditional ? "traditional" : "pfs", from->name);
	cJSON_AddStringToObject(object, "name", name);
	cJSON_AddStringToObject(object, "kind", from->expected ? "expect" : "rule");
	cJSON_AddStringToObject(object, "relation", report_relation_name(relations[from->relation]));
	json_figure(object, "limit", from->limit);
	json_figure(object, "value", from->value);
	cJSON_AddStringToObject(object, "verdict", from->holds ? "pass" : "fail");
	return object;
}

cJSON *report_gates_json(const struct report *report)
{
	cJSON *gates = cJSON_CreateArray();

	for (uint32_t i = 0; i < report->check_count; i++)
		if (!report_check_is_measured(&report->checks[i]))
			cJSON_AddItemToArray(gates, check_json(&report->checks[i]));
	for (uint32_t i = 0; i < report->gate_count; i++)
		cJSON_AddItemToArray(gates, gate_json(&report->gates[i]));
	return gates;
}
