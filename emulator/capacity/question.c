/* See question.h: reading what is asked. What it becomes is compose.c's. */
#include "emulator/capacity/question.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "emulator/scenario/models.h"
#include "emulator/scenario/scenario.h"
#include "emulator/scenario/units.h"

#define WHOLE_MILLI 100000u
#define RATE_MIN_BPS 1000
#define RATE_MAX_BPS UINT64_C(100000000000)
#define RTT_MAX_US UINT64_C(20000000)
#define WINDOW_MAX_US (720 * UINT64_C(3600000000))
#define RESET_MAX_US (24 * UINT64_C(3600000000))

static const struct question_setting unsaid = {
	.phones = QUESTION_UNSAID,
	.subnets = QUESTION_UNSAID,
	.wan_bps = QUESTION_UNSAID,
	.wan_ppm = QUESTION_UNSAID,
	.rtt_us = QUESTION_UNSAID,
	.fan_out = QUESTION_UNSAID,
	.waits_percent = QUESTION_UNSAID,
	.forward_early = QUESTION_UNSAID,
	.scale_ppm = QUESTION_UNSAID,
	.time_limit_us = QUESTION_UNSAID,
	.speed_milli = QUESTION_UNSAID,
};

void question_init(struct question *question)
{
	*question = (struct question){ .seed = 1, .setting = unsaid };
}

void question_deinit(struct question *question)
{
	free(question->path);
	free(question->text);
	*question = (struct question){ 0 };
}

__attribute__((format(printf, 2, 3))) static int fail(char error[QUESTION_ERROR_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, QUESTION_ERROR_MAX, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int parse_count(const char *text, uint64_t most, uint64_t *count, char error[QUESTION_ERROR_MAX])
{
	char *end;

	errno = 0;
	*count = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || *count < 1 || *count > most)
		return fail(error, "\"%s\": not a whole number from 1 to %llu", text, (unsigned long long)most);
	return 0;
}

int question_parse_phones(const char *text, uint64_t *phones, char error[QUESTION_ERROR_MAX])
{
	return parse_count(text, PLAN_PHONES_MAX, phones, error);
}

int question_parse_subnets(const char *text, uint64_t *subnets, char error[QUESTION_ERROR_MAX])
{
	return parse_count(text, QUESTION_SUBNETS_MAX, subnets, error);
}

/* With units; a bare 0 is no time at all. */
static int parse_unit(const char *text, const struct unit *units, uint64_t least, uint64_t most, uint64_t *value,
		      const char *expected, char error[QUESTION_ERROR_MAX])
{
	char names[64];

	switch (units_parse(text, units, value)) {
	case UNITS_OK:
		return *value >= least && *value <= most ? 0 : fail(error, "\"%s\": expected %s", text, expected);
	case UNITS_NO_UNIT:
		units_names(units, names, sizeof(names));
		return fail(error, "\"%s\": a unit is missing, use %s", text, names);
	case UNITS_UNKNOWN:
		units_names(units, names, sizeof(names));
		return fail(error, "\"%s\": unknown unit, use %s", text, names);
	case UNITS_TOO_FINE:
		return fail(error, "\"%s\": finer than the smallest unit", text);
	case UNITS_MALFORMED:
	case UNITS_TOO_LARGE:
		break;
	}
	return fail(error, "\"%s\": expected %s", text, expected);
}

int question_parse_wan(const char *text, uint64_t *bps, char error[QUESTION_ERROR_MAX])
{
	return parse_unit(text, units_rate, RATE_MIN_BPS, RATE_MAX_BPS, bps, "a rate from 1kbit to 100gbit, as 1.536mbit",
			  error);
}

int question_parse_rtt(const char *text, uint64_t *us, char error[QUESTION_ERROR_MAX])
{
	return parse_unit(text, units_duration, 0, RTT_MAX_US, us, "a round trip from 0ms to 20s, as 30ms", error);
}

int question_parse_window(const char *text, uint64_t *us, char error[QUESTION_ERROR_MAX])
{
	return parse_unit(text, units_duration, 1000000, WINDOW_MAX_US, us, "a time from 1s to 720h, as 8h", error);
}

int question_parse_fan_out(const char *text, uint64_t *fan_out, char error[QUESTION_ERROR_MAX])
{
	return parse_count(text, PFS_FAN_OUT_MAX, fan_out, error);
}

int question_parse_waits(const char *text, uint64_t *percent, char error[QUESTION_ERROR_MAX])
{
	uint64_t ppm;

	if (units_parse(text, units_share, &ppm) != UNITS_OK || ppm % 10000 || ppm < PFS_WAITS_PERCENT_MIN * 10000 ||
	    ppm > 1000000)
		return fail(error, "\"%s\": not whole percents from %d%% to 100%%", text, PFS_WAITS_PERCENT_MIN);
	*percent = ppm / 10000;
	return 0;
}

/* One value would go lost, and without a word. */
static bool is_twice(const char *text, const char *knob, uint64_t value, char error[QUESTION_ERROR_MAX])
{
	if (value != QUESTION_UNSAID)
		fail(error, "\"%s\": %s is said already, each knob once", text, knob);
	return value != QUESTION_UNSAID;
}

int question_parse_what_if(const char *text, struct question_setting *setting, char error[QUESTION_ERROR_MAX])
{
	if (strncmp(text, "fan-out=", 8) == 0)
		return is_twice(text, "fan-out", setting->fan_out, error)
			       ? -EINVAL
			       : question_parse_fan_out(text + 8, &setting->fan_out, error);
	if (strncmp(text, "waits=", 6) == 0)
		return is_twice(text, "waits", setting->waits_percent, error)
			       ? -EINVAL
			       : question_parse_waits(text + 6, &setting->waits_percent, error);
	if (strcmp(text, "forward-early") == 0) {
		if (is_twice(text, "forward-early", setting->forward_early, error))
			return -EINVAL;
		setting->forward_early = 1;
		return 0;
	}
	return fail(error, "\"%s\": use fan-out=1 to fan-out=%d, waits=%d%% to waits=100%%, or forward-early", text, PFS_FAN_OUT_MAX,
		    PFS_WAITS_PERCENT_MIN);
}

void question_as_real(struct question_setting *setting)
{
	setting->fan_out = PFS_CHILDREN_MAX;
	setting->waits_percent = 100;
	setting->forward_early = 0;
}

struct plan_what_if question_what_if(const struct question_setting *setting)
{
	struct plan_what_if what_if = { 0 };

	if (setting->fan_out != QUESTION_UNSAID)
		what_if.fan_out = (uint8_t)setting->fan_out;
	if (setting->waits_percent != QUESTION_UNSAID)
		what_if.waits_percent = (uint8_t)setting->waits_percent;
	what_if.forward_early = setting->forward_early == 1;
	return what_if;
}

int question_parse_reset(const char *text, struct question_reset *reset, char error[QUESTION_ERROR_MAX])
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	bool mass = length == 4 && strncmp(text, "mass", 4) == 0;

	*reset = (struct question_reset){ .said = true, .staggered = !mass };
	if (!mass && !(length == 9 && strncmp(text, "staggered", 9) == 0 && colon))
		return fail(error, "\"%s\": use mass, mass:SPREAD or staggered:WINDOW, as staggered:30m", text);
	if (!colon)
		return 0;
	return parse_unit(colon + 1, units_duration, mass ? 0 : 1, RESET_MAX_US, &reset->time_us,
			  mass ? "a spread from 0s to 24h, as mass:10s" : "a time above 0, at most 24h, as staggered:30m",
			  error);
}

/* ------------------------------------------------------------- models */

static int unknown_model(const char *name, char error[QUESTION_ERROR_MAX])
{
	size_t at = (size_t)snprintf(error, QUESTION_ERROR_MAX, "\"%s\": unknown model, known are", name);

	for (uint32_t i = 0; i < models_known_count && at < QUESTION_ERROR_MAX; i++)
		at += (size_t)snprintf(error + at, QUESTION_ERROR_MAX - at, "%s %s", i ? "," : "", models_known[i].name);
	return -EINVAL;
}

/* NAME or NAME:PERCENT. */
static int parse_share(char *item, struct question *question, char error[QUESTION_ERROR_MAX])
{
	struct question_model *model = &question->models[question->model_count];
	char *colon = strchr(item, ':');
	uint64_t milli = WHOLE_MILLI;
	int32_t known;

	if (colon) {
		*colon = '\0';
		if (units_parse(colon + 1, units_plain_milli, &milli) != UNITS_OK || !milli || milli > WHOLE_MILLI)
			return fail(error, "\"%s\": not a percentage above 0, at most 100", colon + 1);
	}
	known = models_find(models_known, models_known_count, item);
	if (known < 0)
		return unknown_model(item, error);
	for (uint32_t i = 0; i < question->model_count; i++)
		if (strcmp(question->models[i].name, models_known[known].name) == 0)
			return fail(error, "\"%s\": named twice", item);
	snprintf(model->name, sizeof(model->name), "%s", models_known[known].name);
	model->percent_milli = (uint32_t)milli;
	question->model_count++;
	return 0;
}

int question_parse_models(const char *text, struct question *question, char error[QUESTION_ERROR_MAX])
{
	char *copy = strdup(text), *rest = copy, *item;
	uint64_t sum = 0;
	int r = copy ? 0 : fail(error, "no memory");

	question->model_count = 0;
	while (r == 0 && (item = strsep(&rest, ","))) {
		r = question->model_count < QUESTION_MODELS_MAX
			    ? parse_share(item, question, error)
			    : fail(error, "\"%s\": more than %d models", text, QUESTION_MODELS_MAX);
		if (r == 0)
			sum += question->models[question->model_count - 1].percent_milli;
	}
	free(copy);
	if (r == 0 && sum != WHOLE_MILLI)
		r = fail(error, "\"%s\": adds up to %g %%, expected 100 %%", text, (double)sum / 1000);
	return r;
}

void question_counts(const struct question *question, uint64_t phones, uint64_t counts[QUESTION_MODELS_MAX])
{
	uint64_t remainders[QUESTION_MODELS_MAX], left = phones;

	for (uint32_t i = 0; i < question->model_count; i++) {
		uint64_t share = phones * question->models[i].percent_milli;
		counts[i] = share / WHOLE_MILLI;
		remainders[i] = share % WHOLE_MILLI + 1; /* 0 has had its turn */
		left -= counts[i];
	}
	for (; left; left--) {
		uint32_t most = 0;
		for (uint32_t i = 1; i < question->model_count; i++)
			if (remainders[i] > remainders[most])
				most = i;
		counts[most]++;
		remainders[most] = 0;
	}
}

/* ------------------------------------------------------------ scenarios */


/* What all sites have in common, both ways: else the question leaves it unsaid. */
static void take_links(struct question *question, const struct plan *plan)
{
	const struct link_config *first = &plan->sites[0].down;
	bool rates_alike = true, trips_alike = true;

	question->limited = true;
	for (uint32_t i = 0; i < plan->site_count; i++) {
		const struct link_config *down = &plan->sites[i].down, *up = &plan->sites[i].up;
		rates_alike = rates_alike && down->rate_bps == first->rate_bps && up->rate_bps == first->rate_bps;
		trips_alike = trips_alike && down->delay_us == first->delay_us && up->delay_us == first->delay_us;
		question->limited = question->limited && down->rate_bps && up->rate_bps;
	}
	if (rates_alike && question->limited)
		question->setting.wan_bps = first->rate_bps;
	if (trips_alike)
		question->setting.rtt_us = 2 * (uint64_t)first->delay_us;
}

/* Sets by name have content by the seed alone; a folder's is whatever is in it. */
static uint64_t identify_folders(const struct plan *plan)
{
	uint64_t identity = 0;

	for (uint32_t i = 0; i < plan->firmware_count; i++)
		for (uint32_t k = 0; plan->firmware[i].folder && k < plan->firmware[i].file_count; k++)
			identity = XXH3_64bits_withSeed(&plan->firmware[i].files[k], sizeof(struct pfs_file), identity + 1);
	return identity;
}

int question_take_scenario(struct question *question, const char *path, struct scenario_error *error)
{
	struct plan *plan;
	int r = scenario_load(path, NULL, &plan, error);

	if (r < 0)
		return r;
	/* As the plan has it: without comments, with the folders' real paths. */
	question->text = strdup(plan->text);
	question->path = strdup(path);
	question->seed = plan->seed;
	question->own_scale_ppm = plan->scale_ppm;
	question->setting.phones = plan->phone_count;
	question->setting.subnets = plan->subnet_count;
	if (plan->what_if.fan_out)
		question->setting.fan_out = plan->what_if.fan_out;
	if (plan->what_if.waits_percent)
		question->setting.waits_percent = plan->what_if.waits_percent;
	if (plan->what_if.forward_early)
		question->setting.forward_early = 1;
	question->folders = identify_folders(plan);
	take_links(question, plan);
	plan_free(plan);
	if (!question->text || !question->path) {
		snprintf(error->line, sizeof(error->line), "%s: out of memory", path);
		return -ENOMEM;
	}
	return 0;
}
