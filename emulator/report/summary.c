/*
 * summary.json: the fields that docs/design.md names, in their units, and more.
 * Whatever depends on the host stands in host, setup and fidelity alone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/report/report_internal.h"

static double ratio(uint64_t pfs, uint64_t traditional)
{
	return traditional ? (double)pfs / (double)traditional : NAN;
}

static cJSON *comparison(const struct report_run *pfs, const struct report_run *traditional)
{
	if (!pfs->result || !traditional->result)
		return cJSON_CreateNull();
	cJSON *object = cJSON_CreateObject();
	json_ratio(object, "wan_bytes_ratio",
		   ratio(pfs->result->wan_bytes_down + pfs->result->wan_bytes_up,
			 traditional->result->wan_bytes_down + traditional->result->wan_bytes_up));
	json_ratio(object, "duration_ratio",
		   ratio(pfs->result->duration_us, traditional->result->duration_us));
	return object;
}

static cJSON *runs_json(const struct plan *plan, const struct report_run *pfs,
			const struct report_run *traditional)
{
	cJSON *runs = cJSON_CreateArray();

	if (pfs->result)
		cJSON_AddItemToArray(runs, report_run_json(plan, pfs->result));
	if (traditional->result)
		cJSON_AddItemToArray(runs, report_run_json(plan, traditional->result));
	return runs;
}

static const char *relation_name(enum report_relation relation)
{
	switch (relation) {
	case REPORT_AT_MOST:
		return "at most";
	case REPORT_AT_LEAST:
		return "at least";
	case REPORT_EXACTLY:
		break;
	}
	return "exactly";
}

static void add_violation(cJSON *list, const struct plan *plan, const struct report_run *run, bool full_size)
{
	const struct world_violation *violation = run->result ? &run->world->violation : NULL;

	if (!violation || !*violation->invariant)
		return;
	cJSON *object = cJSON_CreateObject();
	cJSON_AddStringToObject(object, "mode", run->result->traditional ? "traditional" : "pfs");
	if (full_size)
		cJSON_AddTrueToObject(object, "full_size");
	cJSON_AddStringToObject(object, "invariant", violation->invariant);
	json_seconds(object, "at_s", violation->at_us);
	cJSON_AddStringToObject(object, "phone", plan->phones[violation->phone].name);
	if (violation->other != violation->phone && violation->other < plan->phone_count)
		cJSON_AddStringToObject(object, "other", plan->phones[violation->other].name);
	cJSON_AddItemToArray(list, object);
}

/* What must always hold and did not, and ended the run. */
static cJSON *violations_json(const struct report *report)
{
	cJSON *list = cJSON_CreateArray();

	add_violation(list, report->plan, &report->pfs, false);
	add_violation(list, report->plan, &report->traditional, false);
	if (report->side) {
		add_violation(list, report->side->plan, &report->side->pfs, true);
		add_violation(list, report->side->plan, &report->side->traditional, true);
	}
	return list;
}

static cJSON *checks_json(const struct report *report)
{
	cJSON *checks = cJSON_CreateArray();

	for (uint32_t i = 0; i < report->check_count; i++) {
		const struct report_check *from = &report->checks[i];

		if (report_check_is_measured(from))
			continue;
		cJSON *check = cJSON_CreateObject();
		cJSON_AddStringToObject(check, "name", from->name);
		cJSON_AddStringToObject(check, "mode", from->traditional ? "traditional" : "pfs");
		cJSON_AddStringToObject(check, "relation", relation_name(from->relation));
		json_figure(check, "limit", from->limit);
		json_figure(check, "value", from->value);
		cJSON_AddBoolToObject(check, "expected", from->expected);
		cJSON_AddBoolToObject(check, "holds", from->holds);
		cJSON_AddItemToArray(checks, check);
	}
	return checks;
}

static cJSON *side_json(const struct report_side *side)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "engine", "sim");
	json_ratio(object, "scale", side->plan->scale_ppm / 1e6);
	cJSON_AddItemToObject(object, "runs", runs_json(side->plan, &side->pfs, &side->traditional));
	cJSON_AddItemToObject(object, "comparison", comparison(&side->pfs, &side->traditional));
	return object;
}

/* In the order of the summary. */
static void add_figures(cJSON *object, const struct report *report)
{
	cJSON_AddItemToObject(object, "fidelity", report_fidelity_json(report));
	cJSON_AddItemToObject(object, "setup", report_setup_json(report));
	cJSON_AddItemToObject(object, "runs", runs_json(report->plan, &report->pfs, &report->traditional));
	cJSON_AddItemToObject(object, "comparison", comparison(&report->pfs, &report->traditional));
}

cJSON *report_figures_json(const struct report *report)
{
	cJSON *object = cJSON_CreateObject();

	add_figures(object, report);
	if (report->side)
		cJSON_AddItemToObject(object, "full_size", side_json(report->side));
	return object;
}

/* Only where a knob is turned: then the figures are none of real phones. */
static void add_what_if(cJSON *summary, const struct plan *plan)
{
	char text[PLAN_WHAT_IF_MAX];

	if (!plan_is_what_if(&plan->what_if))
		return;
	cJSON *object = cJSON_AddObjectToObject(summary, "what_if");
	cJSON_AddStringToObject(object, "text", plan_what_if_text(&plan->what_if, text));
	json_u64(object, "fan_out", plan_fan_out(plan));
	json_ratio(object, "waits", (double)plan_wait_us(plan, 100) / 100);
	cJSON_AddBoolToObject(object, "forward_early", plan->what_if.forward_early);
}

static cJSON *summary_json(const struct report *report)
{
	const struct plan *plan = report->plan;
	char number[40];
	cJSON *summary = cJSON_CreateObject();

	cJSON_AddStringToObject(summary, "schema", REPORT_SCHEMA);
	cJSON_AddStringToObject(summary, "scenario", plan->name);
	cJSON_AddStringToObject(summary, "engine", report->engine);
	/* Virtual time knows the embedded server alone. */
	cJSON_AddStringToObject(summary, "server",
				plan_server_name(strcmp(report->engine, "netns") == 0
							 ? plan->server.kind
							 : PLAN_SERVER_EMBEDDED));
	json_u64(summary, "seed", plan->seed);
	snprintf(number, sizeof(number), "%g", plan->speed_milli / 1e3);
	cJSON_AddRawToObject(summary, "speed", number);
	snprintf(number, sizeof(number), "%.10g", plan->scale_ppm / 1e6);
	cJSON_AddRawToObject(summary, "scale", number);
	add_what_if(summary, plan);
	cJSON_AddStringToObject(summary, "verdict", report_verdict_name(report->verdict));
	cJSON_AddBoolToObject(summary, "interrupted", report->interrupted);
	cJSON_AddItemToObject(summary, "violations", violations_json(report));
	cJSON_AddItemToObject(summary, "host", report_host_json(report));
	add_figures(summary, report);
	cJSON_AddItemToObject(summary, "expectations", checks_json(report));
	cJSON_AddItemToObject(summary, "gates", report_gates_json(report));
	if (report->side)
		cJSON_AddItemToObject(summary, "full_size", side_json(report->side));
	return summary;
}

char *report_summary(const struct report *report)
{
	cJSON *json = summary_json(report);
	char *printed = cJSON_Print(json);
	char *text = NULL;

	cJSON_Delete(json);
	if (printed && asprintf(&text, "%s\n", printed) < 0)
		text = NULL;
	cJSON_free(printed);
	return text;
}
