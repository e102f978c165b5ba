/* The answer as JSON: times in seconds, rates in bits a second, bytes as IP bytes on the WAN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/capacity/explain.h"
#include "emulator/capacity/show.h"
#include "emulator/report/json.h"

static void add_said(cJSON *object, const char *name, uint64_t value)
{
	if (value != QUESTION_UNSAID)
		json_u64(object, name, value);
}

/* Only where a knob is turned. */
static void add_what_if(cJSON *object, const struct question_setting *setting)
{
	struct plan_what_if what_if = question_what_if(setting);
	char text[PLAN_WHAT_IF_MAX];

	if (!plan_is_what_if(&what_if))
		return;
	cJSON *knobs = cJSON_AddObjectToObject(object, "what_if");
	cJSON_AddStringToObject(knobs, "text", plan_what_if_text(&what_if, text));
	add_said(knobs, "fan_out", setting->fan_out);
	if (setting->waits_percent != QUESTION_UNSAID)
		json_ratio(knobs, "waits", (double)setting->waits_percent / 100);
	if (setting->forward_early == 1)
		cJSON_AddTrueToObject(knobs, "forward_early");
}

cJSON *show_setting_json(const struct question_setting *setting)
{
	cJSON *object = cJSON_CreateObject();

	add_said(object, "phones", setting->phones);
	add_said(object, "subnets", setting->subnets);
	add_said(object, "wan_bps", setting->wan_bps);
	if (setting->wan_ppm != QUESTION_UNSAID)
		json_ratio(object, "wan_factor", (double)setting->wan_ppm / 1e6);
	if (setting->rtt_us != QUESTION_UNSAID)
		json_seconds(object, "rtt_s", setting->rtt_us);
	if (setting->reset.said) {
		cJSON *reset = cJSON_AddObjectToObject(object, "reset");
		cJSON_AddStringToObject(reset, "pattern", setting->reset.staggered ? "staggered" : "mass");
		json_seconds(reset, setting->reset.staggered ? "window_s" : "spread_s", setting->reset.time_us);
	}
	add_what_if(object, setting);
	return object;
}

cJSON *show_question_json(const struct question *question)
{
	cJSON *object = show_setting_json(&question->setting);
	cJSON *models;

	if (question->path)
		cJSON_AddStringToObject(object, "scenario", question->path);
	if (question->path && question->own_scale_ppm != 1000000)
		json_ratio(object, "scale_not_taken", (double)question->own_scale_ppm / 1e6);
	if (question->window_us)
		json_seconds(object, "window_s", question->window_us);
	json_u64(object, "seed", question->seed);
	if (!question->model_count)
		return object;
	models = cJSON_AddArrayToObject(object, "models");
	for (uint32_t i = 0; i < question->model_count; i++) {
		cJSON *model = cJSON_CreateObject();
		cJSON_AddStringToObject(model, "model", question->models[i].name);
		json_real_seconds(model, "percent", question->models[i].percent_milli / 1e3);
		cJSON_AddItemToArray(models, model);
	}
	return object;
}

static const char *const term_names[] = { "bytes", "round_trips", "serving", "lan" };

static cJSON *bound_json(const struct capacity_bound *bound)
{
	cJSON *object = cJSON_CreateObject();
	char made[200];

	json_seconds(object, "total_s", bound->total_us);
	cJSON_AddStringToObject(object, "term", term_names[bound->term]);
	cJSON_AddStringToObject(object, "made_of", explain_bound(bound, made, sizeof(made)));
	json_seconds(object, "bytes_s", bound->bytes_us);
	json_seconds(object, "round_trips_s", bound->trips_us);
	json_seconds(object, "serving_s", bound->serving_us);
	json_seconds(object, "waits_s", bound->waits_us);
	json_seconds(object, "tree_s", bound->tree_us);
	json_seconds(object, "reset_s", bound->reset_us);
	json_u64(object, "depth", bound->depth);
	json_u64(object, "bytes_down", bound->bytes_down);
	return object;
}

cJSON *show_outcome_json(const struct capacity_outcome *outcome, bool traditional)
{
	cJSON *object = cJSON_CreateObject();
	char gap[400];

	json_u64(object, "phones", outcome->phones);
	json_u64(object, "upgraded", outcome->upgraded);
	json_u64(object, "not_upgraded", outcome->failed);
	if (outcome->gone) {
		cJSON *by = cJSON_CreateArray();
		json_u64(object, "gone", outcome->gone);
		for (int kind = 0; kind < PLAN_FAULT_KINDS; kind++)
			if (outcome->gone_kinds >> kind & 1)
				cJSON_AddItemToArray(by, cJSON_CreateString(plan_fault_name((enum plan_fault_kind)kind)));
		cJSON_AddItemToObject(object, "gone_by", by);
	}
	json_seconds(object, "duration_s", outcome->duration_us);
	json_seconds(object, "phone_p50_s", outcome->completion_p50_us);
	json_seconds(object, "phone_p99_s", outcome->completion_p99_us);
	json_u64(object, "wan_bytes_down", outcome->wan_bytes_down);
	json_u64(object, "wan_bytes_up", outcome->wan_bytes_up);
	json_ratio(object, "wan_busy_fraction", (double)outcome->wan_busy_ppm / 1e6);
	json_u64(object, "tftp_transfers", outcome->transfers);
	json_u64(object, "tftp_rejected", outcome->rejected);
	json_u64(object, "tftp_retransmits", outcome->retransmits);
	json_u64(object, "hierarchies", outcome->hierarchies);
	json_u64(object, "depth", outcome->depth);
	json_u64(object, "wan_copies_max", outcome->wan_copies);
	json_u64(object, "direct", outcome->directs);
	cJSON_AddItemToObject(object, "bound", bound_json(&outcome->bound));
	json_ratio(object, "over_bound",
		   outcome->bound.total_us ? (double)outcome->duration_us / (double)outcome->bound.total_us : NAN);
	cJSON_AddStringToObject(object, "why", explain_gap(outcome, traditional, gap, sizeof(gap)));
	return object;
}

static cJSON *point_json(const struct answer_point *point, const char *unit, bool seconds)
{
	static const char *const how[] = { NULL, "simulated", "by_arithmetic", "never", "always" };
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "how", how[point->how]);
	cJSON_AddStringToObject(object, "unit", unit);
	if (!point->holds)
		cJSON_AddNullToObject(object, "from");
	else if (seconds)
		json_seconds(object, "from", point->holds);
	else
		json_u64(object, "from", point->holds);
	if (point->phones)
		json_u64(object, "found_with_phones", point->phones);
	if (point->between)
		json_u64(object, "about", point->between);
	if (!point->fails)
		cJSON_AddNullToObject(object, "not_at");
	else if (seconds)
		json_seconds(object, "not_at", point->fails);
	else
		json_u64(object, "not_at", point->fails);
	return object;
}

static cJSON *mode_json(const struct answer *answer, const struct answer_mode *mode)
{
	static const char *const fits[] = { "fits", "does_not_fit", "not_sure" };
	const struct capacity_outcome *worst = answer_percentile(mode, 95);
	cJSON *object = cJSON_CreateObject();
	char text[40];

	cJSON_AddStringToObject(object, "fit", fits[mode->fit]);
	/* May be below 0, which json_seconds() knows nothing of. */
	snprintf(text, sizeof(text), "%.6f", ((double)answer->question->window_us - (double)worst->duration_us) / 1e6);
	if (worst->failed)
		cJSON_AddNullToObject(object, "margin_s");
	else
		cJSON_AddRawToObject(object, "margin_s", text);
	json_u64(object, "seeds", mode->seeds);
	json_u64(object, "seeds_that_fit", mode->fitting);
	if (*mode->violation)
		cJSON_AddStringToObject(object, "violation", mode->violation);
	cJSON_AddItemToObject(object, "p50", show_outcome_json(answer_percentile(mode, 50), mode->traditional));
	cJSON_AddItemToObject(object, "p95", show_outcome_json(worst, mode->traditional));
	if (mode->rate.how != ANSWER_NOT_ASKED)
		cJSON_AddItemToObject(object, "smallest_wan",
				      point_json(&mode->rate, answer->question->setting.wan_bps != QUESTION_UNSAID
								      ? "bit/s"
								      : "parts a million of the scenario's rates",
						 false));
	return object;
}

char *show_json(cJSON *json)
{
	char *printed = cJSON_Print(json), *text = NULL;

	cJSON_Delete(json);
	if (printed && asprintf(&text, "%s\n", printed) < 0)
		text = NULL;
	cJSON_free(printed);
	return text;
}

cJSON *show_answer_json(const struct answer *answer)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "schema", SHOW_SCHEMA);
	cJSON_AddItemToObject(json, "question", show_question_json(answer->question));
	cJSON_AddItemToObject(json, "pfs", mode_json(answer, &answer->pfs));
	cJSON_AddItemToObject(json, "traditional", mode_json(answer, &answer->traditional));
	cJSON_AddBoolToObject(json, "saves_time", answer->saves_time);
	cJSON_AddBoolToObject(json, "saves_bytes", answer->saves_bytes);
	if (answer->phones.how != ANSWER_NOT_ASKED)
		cJSON_AddItemToObject(json, "saves_time_from_phones", point_json(&answer->phones, "phones", false));
	if (answer->trip.how != ANSWER_NOT_ASKED)
		cJSON_AddItemToObject(json, "saves_no_time_from_rtt", point_json(&answer->trip, "s", true));
	return json;
}
