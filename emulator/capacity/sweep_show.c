/* See sweep_show.h. */
#include "emulator/capacity/sweep_show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/capacity/explain.h"
#include "emulator/capacity/show.h"
#include "emulator/report/json.h"
#include "emulator/report/report.h"

#define CELL 12

static const char *const fit_words[] = { "fits", "no", "not sure" };

/* ------------------------------------------------------------------- table */

/* "-" where somebody was left behind. */
static struct report_text duration_cell(const struct answer_mode *mode, uint32_t percent)
{
	const struct capacity_outcome *outcome = answer_percentile(mode, percent);

	return report_duration(outcome->failed ? PFS_TIME_NEVER : outcome->duration_us);
}

static void put_cell(FILE *stream, const char *text)
{
	/* Always a blank between two. */
	fprintf(stream, " %*s", CELL - 1, text);
}

static void put_mode(const struct answer_mode *mode, FILE *stream)
{
	put_cell(stream, duration_cell(mode, 50).text);
	put_cell(stream, duration_cell(mode, 95).text);
	put_cell(stream, report_duration(answer_percentile(mode, 50)->bound.total_us).text);
}

static bool saves_time(const struct sweep_point *point)
{
	return outcome_saves_time(answer_percentile(&point->pfs, 50), answer_percentile(&point->traditional, 50));
}

static bool saves_bytes(const struct sweep_point *point)
{
	return outcome_saves_bytes(answer_percentile(&point->pfs, 50), answer_percentile(&point->traditional, 50));
}

static void put_head(const struct sweep *sweep, FILE *stream)
{
	static const char *const columns[] = { "PFS p50", "p95",   "bound",   "trad. p50", "p95",
					       "bound",	  "PFS WAN", "trad. WAN" };

	for (uint32_t i = 0; i < sweep->axis_count; i++)
		if (sweep->axes[i].kind == SWEEP_RESET)
			fprintf(stream, "%*s", 26, "reset");
		else
			put_cell(stream, sweep_axis_name(sweep->axes[i].kind));
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		put_cell(stream, columns[i]);
	fputs(sweep->question->window_us ? "  PFS fits  trad. fits  PFS saves\n" : "  PFS saves\n", stream);
}

static double over_bound(const struct capacity_outcome *outcome)
{
	return outcome->bound.total_us ? (double)outcome->duration_us / (double)outcome->bound.total_us - 1 : 0;
}

/* "phones 200, wan 384 kb/s" */
static void put_place(const struct sweep *sweep, const struct sweep_point *point, FILE *stream)
{
	char text[64];

	for (uint32_t i = 0; i < sweep->axis_count; i++) {
		enum sweep_kind kind = sweep->axes[i].kind;
		fprintf(stream, "%s%s %s", i ? ", " : "", sweep_axis_name(kind),
			sweep_value_text(&point->setting, kind, text, sizeof(text)));
	}
}

/* How many points are as the bound has it, and why the one that is furthest from it is not; of all the CSV has it. */
static void put_bounds(const struct sweep *sweep, bool traditional, FILE *stream)
{
	const struct sweep_point *furthest = NULL;
	double most = 0;
	uint32_t near = 0;
	char why[400];

	for (uint32_t i = 0; i < sweep->point_count; i++) {
		const struct sweep_point *point = &sweep->points[i];
		const struct capacity_outcome *outcome =
			answer_percentile(traditional ? &point->traditional : &point->pfs, 50);
		if (outcome->failed)
			continue;
		if (!*explain_gap(outcome, traditional, why, sizeof(why))) {
			near++;
		} else if (!furthest || over_bound(outcome) > most) {
			furthest = point;
			most = over_bound(outcome);
		}
	}
	fprintf(stream, "%-13s%u of %u points are within 2 %% of the bound", traditional ? "traditional" : "PFS", near,
		sweep->point_count);
	if (furthest) {
		fprintf(stream, "; furthest, %.0f %% longer, is ", 100 * most);
		put_place(sweep, furthest, stream);
		fprintf(stream, ":\n             %s",
			explain_gap(answer_percentile(traditional ? &furthest->traditional : &furthest->pfs, 50), traditional,
				    why, sizeof(why)));
	}
	fputc('\n', stream);
}

int sweep_table(const struct sweep *sweep, FILE *stream)
{
	struct plan_what_if what_if = sweep_what_if(sweep);
	char text[64], marked[PLAN_WHAT_IF_MAX];

	if (plan_is_what_if(&what_if))
		fprintf(stream, "%s: by PFS not what the phones do.\n", plan_what_if_text(&what_if, marked));

	put_head(sweep, stream);
	for (uint32_t i = 0; i < sweep->point_count; i++) {
		const struct sweep_point *point = &sweep->points[i];
		for (uint32_t k = 0; k < sweep->axis_count; k++) {
			sweep_value_text(&point->setting, sweep->axes[k].kind, text, sizeof(text));
			if (sweep->axes[k].kind == SWEEP_RESET)
				fprintf(stream, " %*s", 25, text);
			else
				put_cell(stream, text);
		}
		put_mode(&point->pfs, stream);
		put_mode(&point->traditional, stream);
		put_cell(stream, report_bytes(answer_percentile(&point->pfs, 50)->wan_bytes_down).text);
		put_cell(stream, report_bytes(answer_percentile(&point->traditional, 50)->wan_bytes_down).text);
		if (sweep->question->window_us)
			fprintf(stream, "  %8s  %10s", fit_words[point->pfs.fit], fit_words[point->traditional.fit]);
		fprintf(stream, "  %s\n", saves_time(point) ? "time" : saves_bytes(point) ? "bytes only" : "neither");
	}
	fputc('\n', stream);
	put_bounds(sweep, false, stream);
	put_bounds(sweep, true, stream);
	return fflush(stream) == 0 && !ferror(stream) ? 0 : -1;
}

/* --------------------------------------------------------------------- CSV */

/* Text with quotes around it, those in it doubled. */
static void put_quoted(FILE *stream, const char *text)
{
	fputc('"', stream);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', stream);
		fputc(*text, stream);
	}
	fputc('"', stream);
}

static void put_seconds(FILE *stream, uint64_t us)
{
	fprintf(stream, ",%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

static void put_said(FILE *stream, uint64_t value)
{
	if (value == QUESTION_UNSAID)
		fputc(',', stream);
	else
		fprintf(stream, "%" PRIu64 ",", value);
}

static void put_line(const struct sweep *sweep, const struct sweep_point *point, const struct answer_mode *mode,
		     FILE *stream)
{
	const struct capacity_outcome *median = answer_percentile(mode, 50), *worst = answer_percentile(mode, 95);
	const struct question_setting *setting = &point->setting;
	char why[400];

	put_said(stream, setting->phones);
	put_said(stream, setting->subnets);
	put_said(stream, setting->wan_bps);
	if (setting->rtt_us != QUESTION_UNSAID)
		fprintf(stream, "%" PRIu64 ".%06" PRIu64, setting->rtt_us / 1000000, setting->rtt_us % 1000000);
	fprintf(stream, ",%s", !setting->reset.said ? "" : setting->reset.staggered ? "staggered" : "mass");
	put_seconds(stream, setting->reset.time_us);
	fprintf(stream, ",%s,%u,%" PRIu64, mode->traditional ? "traditional" : "pfs", mode->seeds, worst->failed);
	put_seconds(stream, median->duration_us);
	put_seconds(stream, worst->duration_us);
	put_seconds(stream, median->bound.total_us);
	fprintf(stream, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%s,", median->wan_bytes_down, median->wan_bytes_up,
		median->retransmits, sweep->question->window_us ? fit_words[mode->fit] : "");
	put_quoted(stream, explain_gap(median, mode->traditional, why, sizeof(why)));
	fputs("\r\n", stream);
}

/* A column of its own, in a sweep that has what-ifs; the traditional way has none. */
static void put_what_if(bool marked, const struct sweep_point *point, const struct answer_mode *mode, FILE *stream)
{
	struct plan_what_if what_if = question_what_if(&point->setting);
	char text[PLAN_WHAT_IF_MAX];

	if (!marked)
		return;
	put_quoted(stream, mode->traditional ? "" : plan_what_if_text(&what_if, text));
	fputc(',', stream);
}

static bool has_what_ifs(const struct sweep *sweep)
{
	for (uint32_t i = 0; i < sweep->point_count; i++) {
		struct plan_what_if what_if = question_what_if(&sweep->points[i].setting);
		if (plan_is_what_if(&what_if))
			return true;
	}
	return false;
}

char *sweep_csv(const struct sweep *sweep)
{
	bool marked = has_what_ifs(sweep);
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	fputs(marked ? "what_if," : "", stream);
	fputs("phones,subnets,wan_bps,rtt_s,reset,reset_s,mode,seeds,not_upgraded_p95,duration_p50_s,duration_p95_s,bound_s,"
	      "wan_bytes_down_p50,wan_bytes_up_p50,tftp_retransmits_p50,fits,why\r\n",
	      stream);
	for (uint32_t i = 0; i < sweep->point_count; i++) {
		put_what_if(marked, &sweep->points[i], &sweep->points[i].pfs, stream);
		put_line(sweep, &sweep->points[i], &sweep->points[i].pfs, stream);
		put_what_if(marked, &sweep->points[i], &sweep->points[i].traditional, stream);
		put_line(sweep, &sweep->points[i], &sweep->points[i].traditional, stream);
	}
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

/* -------------------------------------------------------------------- JSON */

static cJSON *mode_json(const struct sweep *sweep, const struct answer_mode *mode)
{
	cJSON *object = cJSON_CreateObject();

	if (sweep->question->window_us)
		cJSON_AddStringToObject(object, "fit", fit_words[mode->fit]);
	json_u64(object, "seeds", mode->seeds);
	if (*mode->violation)
		cJSON_AddStringToObject(object, "violation", mode->violation);
	cJSON_AddItemToObject(object, "p50", show_outcome_json(answer_percentile(mode, 50), mode->traditional));
	cJSON_AddItemToObject(object, "p95", show_outcome_json(answer_percentile(mode, 95), mode->traditional));
	return object;
}

cJSON *sweep_json(const struct sweep *sweep)
{
	cJSON *json = cJSON_CreateObject(), *axes, *points;

	cJSON_AddStringToObject(json, "schema", SHOW_SCHEMA);
	cJSON_AddItemToObject(json, "question", show_question_json(sweep->question));
	axes = cJSON_AddArrayToObject(json, "axes");
	for (uint32_t i = 0; i < sweep->axis_count; i++)
		cJSON_AddItemToArray(axes, cJSON_CreateString(sweep_axis_name(sweep->axes[i].kind)));
	points = cJSON_AddArrayToObject(json, "points");
	for (uint32_t i = 0; i < sweep->point_count; i++) {
		const struct sweep_point *point = &sweep->points[i];
		cJSON *object = cJSON_CreateObject();
		cJSON_AddItemToObject(object, "setting", show_setting_json(&point->setting));
		cJSON_AddItemToObject(object, "pfs", mode_json(sweep, &point->pfs));
		cJSON_AddItemToObject(object, "traditional", mode_json(sweep, &point->traditional));
		cJSON_AddBoolToObject(object, "saves_time", saves_time(point));
		cJSON_AddItemToArray(points, object);
	}
	return json;
}
