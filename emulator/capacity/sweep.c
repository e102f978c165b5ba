/* See sweep.h: reading the axes, making the points, running them. */
#include "emulator/capacity/sweep.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/capacity/bound.h"
#include "emulator/capacity/hunt.h"
#include "emulator/capacity/show.h"
#include "emulator/capacity/sketch.h"
#include "emulator/report/report.h"

#define DIGITS 3
#define BLOCK_BYTES 544
#define ACK_BYTES 32

static const char *const names[] = { "phones", "subnets", "wan", "rtt", "reset", "fan-out", "waits" };

_Static_assert(sizeof(names) / sizeof(names[0]) == SWEEP_KINDS, "a name for each axis");

const char *sweep_axis_name(enum sweep_kind kind)
{
	return names[kind];
}

__attribute__((format(printf, 2, 3))) static int fail(char error[QUESTION_ERROR_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, QUESTION_ERROR_MAX, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* ------------------------------------------------------------------- axes */

static int parse_value(enum sweep_kind kind, const char *text, uint64_t *value, char error[QUESTION_ERROR_MAX])
{
	switch (kind) {
	case SWEEP_PHONES:
		return question_parse_phones(text, value, error);
	case SWEEP_SUBNETS:
		return question_parse_subnets(text, value, error);
	case SWEEP_WAN:
		return question_parse_wan(text, value, error);
	case SWEEP_FAN_OUT:
		return question_parse_fan_out(text, value, error);
	case SWEEP_WAITS:
		return question_parse_waits(text, value, error);
	case SWEEP_RTT:
	case SWEEP_RESET:
	case SWEEP_KINDS:
		break;
	}
	return question_parse_rtt(text, value, error);
}

static int add_value(struct sweep_axis *axis, uint64_t value, char error[QUESTION_ERROR_MAX])
{
	for (uint32_t i = 0; i < axis->count; i++)
		if (axis->values[i] == value)
			return fail(error, "%s: a value comes twice", names[axis->kind]);
	axis->values[axis->count++] = value;
	return 0;
}

static int parse_list(struct sweep_axis *axis, char *list, char error[QUESTION_ERROR_MAX])
{
	char *item;

	while ((item = strsep(&list, ","))) {
		uint64_t value;
		int r;
		if (axis->count == SWEEP_VALUES_MAX)
			return fail(error, "%s: more than %d values", names[axis->kind], SWEEP_VALUES_MAX);
		if (axis->kind == SWEEP_RESET) {
			r = question_parse_reset(item, &axis->resets[axis->count], error);
			axis->count += r == 0;
		} else {
			r = parse_value(axis->kind, item, &value, error);
			r = r < 0 ? r : add_value(axis, value, error);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* FROM..TO, at the dots. */
static int parse_ends(const struct sweep_axis *axis, char *text, char *dots, uint64_t *from, uint64_t *to,
		      char error[QUESTION_ERROR_MAX])
{
	int r;

	*dots = '\0';
	r = parse_value(axis->kind, text, from, error);
	r = r < 0 ? r : parse_value(axis->kind, dots + 2, to, error);
	if (r == 0 && *from >= *to)
		r = fail(error, "\"%s..%s\": expected the smaller value first", text, dots + 2);
	return r;
}

/* FROM..TO of an axis that has few values: each of them. */
static int parse_steps(struct sweep_axis *axis, char *text, char *dots, char error[QUESTION_ERROR_MAX])
{
	uint64_t from, to;
	int r = parse_ends(axis, text, dots, &from, &to, error);

	if (r < 0)
		return r;
	for (uint64_t value = from; value <= to; value++)
		axis->values[axis->count++] = value;
	return 0;
}

/* FROM..TO:COUNT, at the dots. */
static int parse_range(struct sweep_axis *axis, char *text, char *dots, char error[QUESTION_ERROR_MAX])
{
	char *colon = strrchr(dots, ':'), *end;
	uint64_t from, to, count;
	int r;

	if (!colon)
		return fail(error, "\"%s\": how many values? use FROM..TO:COUNT", text);
	*colon = '\0';
	count = strtoull(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end || count < 2 || count > SWEEP_VALUES_MAX)
		return fail(error, "\"%s\": not a number of values from 2 to %d", colon + 1, SWEEP_VALUES_MAX);
	r = parse_ends(axis, text, dots, &from, &to, error);
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < count; i++) {
		double part = (double)i / (double)(count - 1);
		double value = from ? (double)from * pow((double)to / (double)from, part) : (double)to * part;
		uint64_t rounded = i == 0 ? from : i == count - 1 ? to : hunt_round((uint64_t)(value + 0.5), DIGITS, false);
		if (axis->count && axis->values[axis->count - 1] == rounded)
			continue; /* a short way in whole steps has fewer */
		axis->values[axis->count++] = rounded;
	}
	return 0;
}

int sweep_parse(const char *text, struct sweep *sweep, char error[QUESTION_ERROR_MAX])
{
	struct sweep_axis *axis = &sweep->axes[sweep->axis_count];
	const char *equals = strchr(text, '=');
	uint32_t kind = 0;
	char *copy, *dots;
	int r;

	while (equals && kind < SWEEP_KINDS &&
	       (strlen(names[kind]) != (size_t)(equals - text) || strncmp(text, names[kind], (size_t)(equals - text)) != 0))
		kind++;
	if (!equals || kind == SWEEP_KINDS)
		return fail(error, "\"%s\": use phones=, subnets=, wan=, rtt=, reset=, fan-out= or waits= and values with commas between, or FROM..TO:COUNT",
			    text);
	if (sweep_has(sweep, kind))
		return fail(error, "\"%s\": that axis is there already", text);
	*axis = (struct sweep_axis){ .kind = kind };
	copy = strdup(equals + 1);
	if (!copy)
		return fail(error, "no memory");
	dots = kind == SWEEP_RESET ? NULL : strstr(copy, "..");
	r = !dots			     ? parse_list(axis, copy, error)
	    : kind == SWEEP_FAN_OUT ? parse_steps(axis, copy, dots, error)
				     : parse_range(axis, copy, dots, error);
	free(copy);
	if (r == 0)
		sweep->axis_count++;
	return r;
}

bool sweep_has(const struct sweep *sweep, enum sweep_kind kind)
{
	for (uint32_t i = 0; i < sweep->axis_count; i++)
		if (sweep->axes[i].kind == kind)
			return true;
	return false;
}

static void set_value(const struct sweep_axis *axis, uint32_t number, struct question_setting *setting)
{
	switch (axis->kind) {
	case SWEEP_PHONES:
		setting->phones = axis->values[number];
		return;
	case SWEEP_SUBNETS:
		setting->subnets = axis->values[number];
		return;
	case SWEEP_WAN:
		setting->wan_bps = axis->values[number];
		return;
	case SWEEP_RTT:
		setting->rtt_us = axis->values[number];
		return;
	case SWEEP_RESET:
		setting->reset = axis->resets[number];
		return;
	case SWEEP_FAN_OUT:
		setting->fan_out = axis->values[number];
		return;
	case SWEEP_WAITS:
		setting->waits_percent = axis->values[number];
		return;
	case SWEEP_KINDS:
		break;
	}
}

struct plan_what_if sweep_what_if(const struct sweep *sweep)
{
	struct question_setting setting = sweep->question->setting;

	if (sweep_has(sweep, SWEEP_FAN_OUT))
		setting.fan_out = QUESTION_UNSAID;
	if (sweep_has(sweep, SWEEP_WAITS))
		setting.waits_percent = QUESTION_UNSAID;
	return question_what_if(&setting);
}

void sweep_first(const struct sweep *sweep, struct question_setting *setting)
{
	for (uint32_t i = 0; i < sweep->axis_count; i++)
		set_value(&sweep->axes[i], 0, setting);
}

double sweep_value(const struct question_setting *setting, enum sweep_kind kind)
{
	switch (kind) {
	case SWEEP_PHONES:
		return (double)setting->phones;
	case SWEEP_SUBNETS:
		return (double)setting->subnets;
	case SWEEP_WAN:
		return (double)setting->wan_bps;
	case SWEEP_RTT:
		return (double)setting->rtt_us / 1e6;
	case SWEEP_FAN_OUT:
		return (double)setting->fan_out;
	case SWEEP_WAITS:
		return (double)setting->waits_percent;
	case SWEEP_RESET:
	case SWEEP_KINDS:
		break;
	}
	return (double)setting->reset.time_us / 1e6;
}

const char *sweep_value_text(const struct question_setting *setting, enum sweep_kind kind, char *text, size_t size)
{
	switch (kind) {
	case SWEEP_PHONES:
		snprintf(text, size, "%s", report_count(setting->phones).text);
		break;
	case SWEEP_SUBNETS:
		snprintf(text, size, "%s", report_count(setting->subnets).text);
		break;
	case SWEEP_WAN:
		snprintf(text, size, "%s", show_rate(setting->wan_bps).text);
		break;
	case SWEEP_RTT:
		snprintf(text, size, "%s", show_trip(setting->rtt_us).text);
		break;
	case SWEEP_FAN_OUT:
		snprintf(text, size, "%s%s", report_count(setting->fan_out).text,
			 setting->fan_out == PFS_CHILDREN_MAX ? "" : " what-if");
		break;
	case SWEEP_WAITS:
		snprintf(text, size, "%u %%%s", (uint8_t)setting->waits_percent,
			 setting->waits_percent == 100 ? "" : " what-if");
		break;
	case SWEEP_RESET:
	case SWEEP_KINDS:
		snprintf(text, size, "%s", show_reset(&setting->reset).text);
		break;
	}
	return text;
}

/* ------------------------------------------------------------------- points */

static int make_points(struct sweep *sweep, char error[QUESTION_ERROR_MAX])
{
	uint64_t count = 1;

	for (uint32_t i = 0; i < sweep->axis_count; i++)
		count *= sweep->axes[i].count;
	if (count > SWEEP_POINTS_MAX)
		return fail(error, "%llu points: expected at most %d", (unsigned long long)count, SWEEP_POINTS_MAX);
	sweep->points = calloc(count, sizeof(*sweep->points));
	if (!sweep->points)
		return -ENOMEM;
	sweep->point_count = (uint32_t)count;
	for (uint32_t i = 0; i < sweep->point_count; i++) {
		uint32_t rest = i;
		sweep->points[i].setting = sweep->question->setting;
		for (uint32_t k = sweep->axis_count; k-- > 0; rest /= sweep->axes[k].count)
			set_value(&sweep->axes[k], rest % sweep->axes[k].count, &sweep->points[i].setting);
	}
	return 0;
}

/* What a run of the first point costs, to be scaled by what a point has more or less of. */
struct costs {
	double blocks, traditional_blocks; /* a subnet's of PFS; a phone's */
	double trips;                      /* of one root, one after the other */
	uint64_t duration_us;              /* by PFS */
};

/* A block and its ACK, there and back. */
static double trip_us(const struct question_setting *setting)
{
	return (double)setting->rtt_us + (BLOCK_BYTES + ACK_BYTES) * 8e6 / (double)setting->wan_bps;
}

/* By PFS, about: as the bound has it. */
static uint64_t duration_us(const struct costs *costs, const struct question_setting *setting)
{
	if (setting->wan_bps == QUESTION_UNSAID || setting->rtt_us == QUESTION_UNSAID)
		return costs->duration_us;
	double bytes_us = costs->blocks * (double)setting->subnets * BLOCK_BYTES * 8e6 / (double)setting->wan_bps;
	double trips_us = costs->trips * trip_us(setting);
	return (uint64_t)(bytes_us > trips_us ? bytes_us : trips_us);
}

static int take_costs(const struct sweep *sweep, struct costs *costs, char error[QUESTION_ERROR_MAX])
{
	const struct question_setting *setting = &sweep->points[0].setting;
	struct question first = *sweep->question;
	struct capacity_bound pfs, traditional;
	struct sketch sketch;
	int r;

	first.setting = *setting;
	r = sketch_begin(&sketch, &first, error);
	if (r == 0)
		r = capacity_bound(sketch.plan, false, &pfs);
	if (r == 0)
		r = capacity_bound(sketch.plan, true, &traditional);
	sketch_end(&sketch);
	if (r < 0)
		return r;
	costs->blocks = (double)pfs.bytes_down / BLOCK_BYTES / (double)setting->subnets;
	costs->trips = setting->wan_bps == QUESTION_UNSAID || setting->rtt_us == QUESTION_UNSAID
			       ? 0
			       : (double)pfs.trips_us / trip_us(setting);
	costs->duration_us = pfs.total_us;
	costs->traditional_blocks = (double)traditional.bytes_down / BLOCK_BYTES * 1.3 / (double)setting->phones;
	return 0;
}

static int add_point(const struct sweep *sweep, const struct sweep_point *point, const struct costs *costs,
		     struct runs *runs, char error[QUESTION_ERROR_MAX])
{
	const struct question *question = sweep->question;
	double phones = (double)point->setting.phones, subnets = (double)point->setting.subnets;
	double work[2] = { pool_work_pfs((uint64_t)(costs->blocks * subnets), point->setting.phones,
					 duration_us(costs, &point->setting)),
			   pool_work((uint64_t)(costs->traditional_blocks * phones), 0) };
	int r = 0;

	for (int traditional = 0; traditional < 2; traditional++)
		for (uint32_t i = 0; r == 0 && i < sweep->seeds; i++)
			r = answer_add(runs, question, &point->setting, question->seed + i, traditional, work[traditional],
				       error);
	return r;
}

static int take_mode(struct answer_mode *mode, const struct pool_run *runs, uint32_t seeds, bool traditional,
		     uint64_t window_us)
{
	mode->traditional = traditional;
	mode->asked = mode->seeds = seeds;
	mode->outcomes = calloc(seeds, sizeof(*mode->outcomes));
	if (!mode->outcomes)
		return -ENOMEM;
	for (uint32_t i = 0; i < seeds; i++) {
		mode->outcomes[i] = runs[i].outcome;
		if (runs[i].outcome.violated)
			memcpy(mode->violation, runs[i].error, sizeof(mode->violation) - 1);
	}
	answer_judge(mode, window_us ? window_us : UINT64_MAX);
	return 0;
}

int sweep_work_out(struct sweep *sweep, const struct question *question, struct pool *pool,
		   char error[QUESTION_ERROR_MAX])
{
	struct runs runs = { 0 };
	struct costs costs;
	int r;

	sweep->question = question;
	error[0] = '\0';
	r = make_points(sweep, error);
	if (r == 0)
		r = take_costs(sweep, &costs, error);
	for (uint32_t i = 0; r == 0 && i < sweep->point_count; i++)
		r = add_point(sweep, &sweep->points[i], &costs, &runs, error);
	pool->label = "sweep";
	if (r == 0)
		r = answer_go(pool, &runs, error);
	for (uint32_t i = 0; r == 0 && i < sweep->point_count; i++) {
		const struct pool_run *first = &runs.list[(size_t)i * 2 * sweep->seeds];
		r = take_mode(&sweep->points[i].pfs, first, sweep->seeds, false, question->window_us);
		if (r == 0)
			r = take_mode(&sweep->points[i].traditional, first + sweep->seeds, sweep->seeds, true,
				      question->window_us);
	}
	runs_free(&runs);
	return r;
}

void sweep_deinit(struct sweep *sweep)
{
	for (uint32_t i = 0; i < sweep->point_count; i++) {
		free(sweep->points[i].pfs.outcomes);
		free(sweep->points[i].traditional.outcomes);
	}
	free(sweep->points);
	sweep->points = NULL;
	sweep->point_count = 0;
}
