/*
 * The answer for people: the first two lines say whether it fits, by PFS and in
 * the traditional way, and what is left; below stand the figures that say why,
 * each simulated one beside its bound.
 */
#include "emulator/capacity/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "emulator/capacity/explain.h"
#include "emulator/report/report.h"

#define LABEL_WIDTH 22
#define COLUMN_WIDTH 22

struct show_text show_rate(uint64_t bps)
{
	static const char *const units[] = { "b/s", "kb/s", "Mb/s", "Gb/s" };
	struct show_text out;
	double value = (double)bps;
	int unit = 0;

	while (value >= 1000 && unit < 3) {
		value /= 1000;
		unit++;
	}
	snprintf(out.text, sizeof(out.text), "%.4g %s", value, units[unit]);
	return out;
}

/* In the unit of the question's rates. */
static struct show_text rate_text(const struct question *question, uint64_t rate)
{
	struct show_text out;

	if (question->setting.wan_bps != QUESTION_UNSAID)
		return show_rate(rate);
	snprintf(out.text, sizeof(out.text), "%.3g x its rates", (double)rate / 1e6);
	return out;
}

struct show_text show_trip(uint64_t us)
{
	struct show_text out;

	if (us < 1000000)
		snprintf(out.text, sizeof(out.text), "%.4g ms", (double)us / 1e3);
	else
		snprintf(out.text, sizeof(out.text), "%.3g s", (double)us / 1e6);
	return out;
}

struct show_text show_reset(const struct question_reset *reset)
{
	struct show_text out;

	if (reset->staggered)
		snprintf(out.text, sizeof(out.text), "staggered over %s", report_duration(reset->time_us).text);
	else if (reset->time_us)
		snprintf(out.text, sizeof(out.text), "mass, within %s", report_duration(reset->time_us).text);
	else
		snprintf(out.text, sizeof(out.text), "mass, at once");
	return out;
}

/* ----------------------------------------------------------- the first lines */

static void put_question(const struct question *question, FILE *stream)
{
	const struct question_setting *setting = &question->setting;
	struct plan_what_if what_if = question_what_if(setting);
	uint64_t counts[QUESTION_MODELS_MAX];
	char text[PLAN_WHAT_IF_MAX];

	if (plan_is_what_if(&what_if))
		fprintf(stream, "%s: by PFS not what the phones do.\n", plan_what_if_text(&what_if, text));
	if (question->path)
		fprintf(stream, "%s: ", question->path);
	fprintf(stream, "%s phone%s", report_count(setting->phones).text, setting->phones == 1 ? "" : "s");
	if (question->model_count)
		question_counts(question, setting->phones, counts);
	for (uint32_t i = 0; i < question->model_count; i++)
		fprintf(stream, "%s%s %s%s", i ? ", " : " (", report_count(counts[i]).text, question->models[i].name,
			i + 1 == question->model_count ? ")" : "");
	fprintf(stream, " in %s subnet%s", report_count(setting->subnets).text, setting->subnets == 1 ? "" : "s");
	if (setting->wan_bps != QUESTION_UNSAID)
		fprintf(stream, ", WAN %s", show_rate(setting->wan_bps).text);
	if (setting->rtt_us != QUESTION_UNSAID)
		fprintf(stream, ", round trip %s", show_trip(setting->rtt_us).text);
	if (setting->reset.said)
		fprintf(stream, ", reset: %s", show_reset(&setting->reset).text);
	if (question->path && question->own_scale_ppm != 1000000)
		fprintf(stream, "\nfirmware at its full size: the scenario's own scale, %.3g %%, is not taken",
			(double)question->own_scale_ppm / 1e4);
	fprintf(stream, "\nwindow %s\n\n", report_duration(question->window_us).text);
}

static void put_gone(const struct capacity_outcome *outcome, FILE *stream)
{
	const char *between = "";

	fprintf(stream, "; %s of %s phones %s gone for good (fault: ", report_count(outcome->gone).text,
		report_count(outcome->phones).text, outcome->gone == 1 ? "is" : "are");
	for (int kind = 0; kind < PLAN_FAULT_KINDS; kind++)
		if (outcome->gone_kinds >> kind & 1) {
			fprintf(stream, "%s%s", between, plan_fault_name((enum plan_fault_kind)kind));
			between = ", ";
		}
	fputc(')', stream);
}

static void put_verdict(const struct answer *answer, const struct answer_mode *mode, const char *name, FILE *stream)
{
	const struct capacity_outcome *outcome = answer_percentile(mode, 95);
	uint64_t window_us = answer->question->window_us;

	fprintf(stream, "%-13s", name);
	if (mode->violating) {
		fprintf(stream, "BROKEN            an invariant of the protocol does not hold: %s\n", mode->violation);
		return;
	}
	fputs(mode->fit == ANSWER_FITS	     ? "FITS              "
	      : mode->fit == ANSWER_FITS_NOT ? "DOES NOT FIT      "
					     : "NOT SURE          ",
	      stream);
	if (outcome->failed)
		fprintf(stream, "%s of %s phones are not upgraded", report_count(outcome->failed).text,
			report_count(outcome->phones).text);
	else if (outcome->duration_us <= window_us)
		fprintf(stream, "%s, %s to spare", report_duration(outcome->duration_us).text,
			report_duration(window_us - outcome->duration_us).text);
	else
		fprintf(stream, "%s, %s too long", report_duration(outcome->duration_us).text,
			report_duration(outcome->duration_us - window_us).text);
	if (outcome->gone)
		put_gone(outcome, stream);
	if (mode->fit == ANSWER_UNSURE)
		fprintf(stream, "; fits with %u of %u seeds", mode->fitting, mode->seeds);
	fputc('\n', stream);
}

/* ----------------------------------------------------------------- the table */

static void put_row(FILE *stream, const char *label, const char *pfs, const char *traditional)
{
	fprintf(stream, "%-*s%*s%*s\n", LABEL_WIDTH, label, COLUMN_WIDTH, pfs, COLUMN_WIDTH, traditional);
}

static const char *duration_of(const struct capacity_outcome *outcome, struct report_text *text)
{
	*text = report_duration(outcome->failed ? PFS_TIME_NEVER : outcome->duration_us);
	return text->text;
}

static void put_durations(const struct answer *answer, uint32_t percent, const char *label, FILE *stream)
{
	struct report_text a, b;

	put_row(stream, label, duration_of(answer_percentile(&answer->pfs, percent), &a),
		duration_of(answer_percentile(&answer->traditional, percent), &b));
}

static struct show_text rate_cell(const struct question *question, const struct answer_point *point)
{
	struct show_text out = { "-" };

	if (point->how == ANSWER_NEVER)
		snprintf(out.text, sizeof(out.text), "none is enough");
	else if (point->how == ANSWER_ALWAYS)
		snprintf(out.text, sizeof(out.text), "any from %.40s", rate_text(question, point->holds).text);
	else if (point->how == ANSWER_BY_ARITHMETIC)
		snprintf(out.text, sizeof(out.text), "about %.40s *", rate_text(question, point->holds).text);
	else if (point->between)
		snprintf(out.text, sizeof(out.text), "about %.40s", rate_text(question, point->between).text);
	else if (point->how == ANSWER_SIMULATED)
		out = rate_text(question, point->holds);
	return out;
}

/* Where the point lies between two rates that are wide apart: the one above, which was simulated. */
static struct show_text holds_cell(const struct question *question, const struct answer_point *point)
{
	struct show_text out = { "-" };

	if (point->how == ANSWER_SIMULATED)
		out = rate_text(question, point->holds);
	return out;
}

static struct show_text fails_cell(const struct question *question, const struct answer_point *point)
{
	struct show_text out = { "-" };

	if (point->how == ANSWER_SIMULATED && point->fails)
		out = rate_text(question, point->fails);
	return out;
}

static void put_table(const struct answer *answer, FILE *stream)
{
	const struct capacity_outcome *pfs = answer_percentile(&answer->pfs, 50),
				      *traditional = answer_percentile(&answer->traditional, 50);
	const struct question *question = answer->question;
	struct show_text a, b;

	put_row(stream, "", "PFS", "traditional");
	snprintf(a.text, sizeof(a.text), "%u", answer->pfs.seeds);
	snprintf(b.text, sizeof(b.text), "%u", answer->traditional.seeds);
	put_durations(answer, 50, "time, p50 of seeds", stream);
	put_durations(answer, 95, "time, p95", stream);
	put_row(stream, "  bound", report_duration(pfs->bound.total_us).text, report_duration(traditional->bound.total_us).text);
	put_row(stream, "  seeds", a.text, b.text);
	put_row(stream, "WAN bytes down", report_bytes(pfs->wan_bytes_down).text, report_bytes(traditional->wan_bytes_down).text);
	put_row(stream, "  bound", report_bytes(pfs->bound.bytes_down).text, report_bytes(traditional->bound.bytes_down).text);
	put_row(stream, "WAN bytes up", report_bytes(pfs->wan_bytes_up).text, report_bytes(traditional->wan_bytes_up).text);
	if (answer->pfs.rate.how != ANSWER_NOT_ASKED) {
		a = rate_cell(question, &answer->pfs.rate);
		b = rate_cell(question, &answer->traditional.rate);
		put_row(stream, "smallest WAN that fits", a.text, b.text);
		if (answer->pfs.rate.between || answer->traditional.rate.between) {
			a = holds_cell(question, &answer->pfs.rate);
			b = holds_cell(question, &answer->traditional.rate);
			put_row(stream, "  fits at", a.text, b.text);
		}
		a = fails_cell(question, &answer->pfs.rate);
		b = fails_cell(question, &answer->traditional.rate);
		put_row(stream, "  does not fit at", a.text, b.text);
	}
	if (answer->pfs.rate.phones)
		fprintf(stream, "  PFS: found with %s phones in the same hierarchies; --thorough confirms it with all\n",
			report_count(answer->pfs.rate.phones).text);
	if (answer->pfs.rate.how == ANSWER_BY_ARITHMETIC || answer->traditional.rate.how == ANSWER_BY_ARITHMETIC)
		fputs("  * by the bound and how far the run was from it; --thorough simulates it\n", stream);
}

static void put_bound(const struct answer_mode *mode, const char *name, FILE *stream)
{
	const struct capacity_outcome *outcome = answer_percentile(mode, 50);
	char made[200], gap[400];

	explain_bound(&outcome->bound, made, sizeof(made));
	explain_gap(outcome, mode->traditional, gap, sizeof(gap));
	fprintf(stream, "%-13sbound: %s", name, made);
	if (outcome->failed)
		fprintf(stream, "; not all phones are upgraded\n");
	else if (!*gap)
		fprintf(stream, "; the run is within 2 %% of it\n");
	else
		fprintf(stream, "\n             the run took %.0f %% longer: %s\n",
			100 * ((double)outcome->duration_us / (double)outcome->bound.total_us - 1), gap);
}

/* ------------------------------------------------------------- where it pays */

static void put_phones(const struct answer *answer, FILE *stream)
{
	const struct answer_point *point = &answer->phones;

	switch (point->how) {
	case ANSWER_NOT_ASKED:
		return;
	case ANSWER_NEVER:
		fprintf(stream, "It saves no time with any number of phones up to %s.\n", report_count(point->fails).text);
		return;
	case ANSWER_ALWAYS:
		fprintf(stream, "It saves time with any number of phones.\n");
		return;
	case ANSWER_BY_ARITHMETIC:
		if (!point->holds) {
			fprintf(stream, "It saves no time with any number of phones up to %s (by the bound, not simulated).\n",
				report_count(point->fails).text);
			return;
		}
		fprintf(stream, "It saves time from about %s phones on (by the bound, not simulated).\n",
			report_count(point->holds).text);
		return;
	case ANSWER_SIMULATED:
		fprintf(stream,
			"It saves time from %s phones on; with %s and fewer it saves bytes, not time, and nothing where\n"
			"no two phones share a hierarchy.\n",
			report_count(point->holds).text, report_count(point->fails).text);
	}
}

static void put_trip(const struct answer *answer, FILE *stream)
{
	const struct answer_point *point = &answer->trip;

	switch (point->how) {
	case ANSWER_NOT_ASKED:
		return;
	case ANSWER_NEVER:
		fprintf(stream, "With this fleet it saves time at every round trip up to %s.\n", show_trip(point->fails).text);
		return;
	case ANSWER_ALWAYS:
		fprintf(stream, "With this fleet it saves time at no round trip.\n");
		return;
	case ANSWER_BY_ARITHMETIC:
		if (!point->holds) {
			fprintf(stream,
				"With this fleet it saves time at every round trip up to %s (by the bound, not simulated).\n",
				show_trip(point->fails).text);
			return;
		}
		fprintf(stream, "With this fleet it saves time at round trips below about %s (by the bound, not simulated).\n",
			show_trip(point->holds).text);
		return;
	case ANSWER_SIMULATED:
		fprintf(stream, "With this fleet it saves time at round trips up to %s; from %s on it saves %s.\n",
			show_trip(point->fails).text, show_trip(point->holds).text,
			answer->saves_bytes ? "bytes, not time" : "none");
	}
}

static void put_pays(const struct answer *answer, FILE *stream)
{
	const struct capacity_outcome *pfs = answer_percentile(&answer->pfs, 50),
				      *traditional = answer_percentile(&answer->traditional, 50);
	const struct capacity_bound *bound = &traditional->bound;

	if (answer->saves_time && traditional->failed) /* a time without them says nothing */
		fprintf(stream, "By PFS %s of %s phones are upgraded, in the traditional way %s.\n",
			report_count(pfs->upgraded).text, report_count(pfs->phones).text,
			report_count(traditional->upgraded).text);
	else if (answer->saves_time)
		fprintf(stream, "PFS takes %.3g %% of the time and %.3g %% of the WAN's bytes.\n",
			100 * (double)pfs->duration_us / (double)traditional->duration_us,
			100 * (double)pfs->wan_bytes_down / (double)traditional->wan_bytes_down);
	else if (answer->saves_bytes)
		fprintf(stream, "PFS SAVES BYTES HERE, NOT TIME: it takes %.3g %% of the WAN's bytes and %s longer.\n",
			100 * (double)pfs->wan_bytes_down / (double)traditional->wan_bytes_down,
			pfs->failed ? "does not end; it would be" :
				      report_duration(pfs->duration_us - traditional->duration_us).text);
	else
		fprintf(stream, "PFS saves neither bytes nor time here.\n");
	if (bound->fill_milli)
		fprintf(stream, "Round trip x rate: %.3g transfers at once fill this WAN; %s phone%s for it.\n",
			(double)bound->fill_milli / 1000, report_count(bound->sessions).text,
			bound->sessions == 1 ? " asks" : "s ask");
	put_phones(answer, stream);
	put_trip(answer, stream);
}

int show_answer(const struct answer *answer, FILE *stream)
{
	put_question(answer->question, stream);
	put_verdict(answer, &answer->pfs, "PFS", stream);
	put_verdict(answer, &answer->traditional, "traditional", stream);
	fputc('\n', stream);
	put_table(answer, stream);
	fputc('\n', stream);
	put_bound(&answer->pfs, "PFS", stream);
	put_bound(&answer->traditional, "traditional", stream);
	fputc('\n', stream);
	put_pays(answer, stream);
	return fflush(stream) == 0 && !ferror(stream) ? 0 : -1;
}
