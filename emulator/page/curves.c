/*
 * Phones done and WAN use over time. In HTML they are drawn; in text and
 * Markdown there is a table of tenths and a line of blocks.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/page/view.h"

#define FAULTS_SHOWN 6
#define BLOCKS 60 /* of a line of them */

struct curve {
	char name[48];
	const struct page_folder *folder;
	const struct page_run *run;
	uint8_t colour;
	bool dashed;
};

/* Of both folders: those at full size, or those that were measured. */
static size_t curves_of(const struct view *view, bool full, struct curve curves[4])
{
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++)
		for (int mode = 0; mode < PAGE_MODES; mode++) {
			const struct page_folder *folder = view->folders[i];
			const struct page_run *run = full ? &folder->full[mode] : &folder->runs[mode];

			if (!run->there || !run->detailed)
				continue;
			curves[count] = (struct curve){ .folder = folder,
							.run = run,
							.colour = (uint8_t)(1 + mode + 2 * i),
							.dashed = mode == PAGE_TRADITIONAL };
			snprintf(curves[count].name, sizeof(curves[count].name), "%s%s%s", view->labels[i],
				 *view->labels[i] ? ": " : "", page_mode_name(run));
			count++;
		}
	return count;
}

static double end_of(const struct curve *curves, size_t count)
{
	double end_s = 0;

	for (size_t i = 0; i < count; i++)
		end_s = fmax(end_s, curves[i].run->duration_s);
	return end_s;
}

/* From 0 phones at the first reset to what there were when the longest run ended. */
static struct plot_point *completion_points(const struct page_run *run, double end_s, size_t *count)
{
	struct plot_point *points = malloc((run->completion_count + 2) * sizeof(*points));

	if (!points)
		return NULL;
	points[0] = (struct plot_point){ 0, 0 };
	for (size_t i = 0; i < run->completion_count; i++)
		points[i + 1] = run->completion[i];
	*count = run->completion_count + 1;
	double last = points[*count - 1].y;
	points[*count] = (struct plot_point){ fmax(end_s, points[*count - 1].x), last };
	(*count)++;
	return points;
}

static struct plot_point *meter_points(const struct page_meter *meter, double end_s, size_t *count)
{
	struct plot_point *points = malloc((meter->count + 2) * sizeof(*points));

	*count = 0;
	if (!points)
		return NULL;
	for (size_t i = 0; i < meter->count; i++) {
		double from_s = meter->from_s + (double)i * meter->slot_s;

		points[(*count)++] = (struct plot_point){ fmax(from_s, 0), 8 * meter->down[i] / meter->slot_s };
	}
	double stop_s = meter->from_s + (double)meter->count * meter->slot_s;
	if (meter->count) {
		points[(*count)++] = (struct plot_point){ fmax(stop_s, 0), 0 };
		if (end_s > stop_s)
			points[(*count)++] = (struct plot_point){ end_s, 0 };
	}
	return points;
}

static size_t add_fault_rules(const struct page_run *run, struct plot_rule *rules, size_t count)
{
	for (size_t i = 0; i < run->fault_count && i < FAULTS_SHOWN; i++)
		if (run->faults[i].at_s >= 0)
			rules[count++] = (struct plot_rule){ .vertical = true,
							     .at = run->faults[i].at_s,
							     .label = i ? NULL : "faults" };
	return count;
}

static void draw(struct view *view, struct plot *plot, struct plot_series *series, size_t count)
{
	char error[PLOT_ERROR_MAX];

	plot->series = series;
	plot->series_count = count;
	fputs("<figure>\n", view->doc.stream);
	/* What was read was checked, so only memory or the stream can have failed. */
	if (plot_write(plot, view->doc.stream, error) < 0 && *error)
		doc_paragraph(&view->doc, DOC_BAD, "%s", error);
	fputs("</figure>\n", view->doc.stream);
}

/* Takes the points; frees them. */
static void draw_all(struct view *view, struct plot *plot, const struct curve *curves, size_t count,
		     struct plot_point *points[4], const size_t sizes[4])
{
	struct plot_series series[4];

	for (size_t i = 0; i < count; i++) {
		view->doc.failed |= !points[i];
		series[i] = (struct plot_series){ .name = curves[i].name,
						  .style = PLOT_STEP,
						  .points = points[i],
						  .count = points[i] ? sizes[i] : 0,
						  .colour = curves[i].colour,
						  .dashed = curves[i].dashed,
						  .filled = !curves[i].dashed && view->count == 1 };
	}
	draw(view, plot, series, count);
	for (size_t i = 0; i < count; i++)
		free(points[i]);
}

static void draw_completion(struct view *view, const struct curve *curves, size_t count, bool full)
{
	struct plot_rule rules[PLOT_RULES_MAX];
	struct plot_point *points[4];
	size_t sizes[4] = { 0 }, rule_count = 0;
	char description[160], all[48], title[320];
	double end_s = end_of(curves, count);

	for (size_t i = 0; i < count; i++)
		points[i] = completion_points(curves[i].run, end_s, &sizes[i]);
	snprintf(all, sizeof(all), "%s phones", report_count(curves[0].run->phones).text);
	rules[rule_count++] = (struct plot_rule){ .at = (double)curves[0].run->phones, .label = all };
	if (count && !full && view->count == 1)
		rule_count = add_fault_rules(curves[0].run, rules, rule_count);
	snprintf(title, sizeof(title), "Phones upgraded%s%s", full ? ", at full size" : "", page_what_if_note(view).text);
	snprintf(description, sizeof(description), "How many phones had their new firmware, by the time since the first reset.");
	struct plot plot = { .title = title,
			     .description = description,
			     .id = full ? "plot-completion-full" : "plot-completion",
			     .x = { .label = "time since the first reset", .unit = PLOT_SECONDS, .tight = true },
			     .y = { .label = "phones", .from_zero = true },
			     .rules = rules,
			     .rule_count = rule_count };
	draw_all(view, &plot, curves, count, points, sizes);
}

static void draw_wan(struct view *view, const struct curve *curves, size_t count, bool full)
{
	const struct page_folder *folder = view->folders[0];
	struct plot_rule rule = { .label = "rate of the link" };
	struct plot_point *points[4];
	size_t sizes[4] = { 0 };
	char title[320];
	double end_s = end_of(curves, count);
	bool limited = folder->sites_total == 1 && folder->site_count == 1 && folder->sites[0].rate_down_bps;

	for (size_t i = 0; i < count; i++)
		points[i] = meter_points(&curves[i].run->wan, end_s, &sizes[i]);
	if (limited)
		rule.at = (double)folder->sites[0].rate_down_bps;
	snprintf(title, sizeof(title), "WAN use, headquarters to site%s%s%s", folder->sites_total > 1 ? "s" : "",
		 full ? ", at full size" : "", page_what_if_note(view).text);
	struct plot plot = { .title = title,
			     .description = "Bits a second that the WAN carried towards the phones, of all sites together, "
					    "by the time since the first reset.",
			     .id = full ? "plot-wan-full" : "plot-wan",
			     .x = { .label = "time since the first reset", .unit = PLOT_SECONDS, .tight = true },
			     .y = { .label = "WAN", .unit = PLOT_BITS_PER_SECOND, .from_zero = true },
			     .rules = &rule,
			     .rule_count = limited };
	draw_all(view, &plot, curves, count, points, sizes);
}

/* Of many sites the one whose link was busiest in the first run. */
static void draw_busiest(struct view *view, const struct curve *curves, size_t count, bool full)
{
	const struct page_folder *folder = view->folders[0];
	struct plot_point *points[4];
	size_t sizes[4] = { 0 }, busiest = 0;
	struct plot_rule rule = { .label = "rate of the link" };
	char title[400];

	if (view->count > 1 || folder->site_count < 2 || !curves[0].run->sites[0].wan.count)
		return;
	for (size_t i = 1; i < folder->site_count; i++)
		if (curves[0].run->sites[i].busy > curves[0].run->sites[busiest].busy)
			busiest = i;
	for (size_t i = 0; i < count; i++)
		points[i] = meter_points(&curves[i].run->sites[busiest].wan, end_of(curves, count), &sizes[i]);
	rule.at = (double)folder->sites[busiest].rate_down_bps;
	snprintf(title, sizeof(title), "WAN use of %s, the busiest%s%s", folder->sites[busiest].name,
		 full ? ", at full size" : "", page_what_if_note(view).text);
	struct plot plot = { .title = title,
			     .description = "Bits a second that this site's link carried towards the phones.",
			     .id = full ? "plot-busiest-full" : "plot-busiest",
			     .x = { .label = "time since the first reset", .unit = PLOT_SECONDS, .tight = true },
			     .y = { .label = "WAN", .unit = PLOT_BITS_PER_SECOND, .from_zero = true },
			     .rules = &rule,
			     .rule_count = rule.at > 0 };
	draw_all(view, &plot, curves, count, points, sizes);
}

/* ---- in letters ---- */

/* When so many phones were done; PAGE_NEVER: they never were. */
static double time_of(const struct page_run *run, double phones)
{
	for (size_t i = 0; i < run->completion_count; i++)
		if (run->completion[i].y >= phones)
			return run->completion[i].x;
	return PAGE_NEVER;
}

static void tell_tenths(struct view *view, const struct curve *curves, size_t count, const char *note)
{
	static const int tenths[] = { 10, 25, 50, 75, 90, 95, 100 };
	struct doc_column columns[5] = { { "of the phones", true } };
	char caption[120];

	for (size_t i = 0; i < count; i++)
		columns[i + 1] = (struct doc_column){ curves[i].name, true };
	snprintf(caption, sizeof(caption), "When how many had their new firmware, since the first reset%s", note);
	doc_table_begin(&view->doc, caption, columns, count + 1);
	for (size_t i = 0; i < sizeof(tenths) / sizeof(tenths[0]); i++) {
		doc_cell(&view->doc, DOC_PLAIN, "%d %%", tenths[i]);
		for (size_t j = 0; j < count; j++) {
			double wanted = ceil((double)curves[j].run->phones * tenths[i] / 100);

			doc_cell(&view->doc, DOC_PLAIN, "%s", page_duration(time_of(curves[j].run, wanted)).text);
		}
	}
	doc_table_end(&view->doc);
}

/* A slot of a meter may lie in two blocks: its bytes are shared out. */
static void share_out(const struct page_meter *meter, double end_s, double blocks[BLOCKS])
{
	for (size_t i = 0; i < meter->count; i++) {
		double from = fmax(meter->from_s + (double)i * meter->slot_s, 0) / end_s * BLOCKS;
		double to = fmin((meter->from_s + (double)(i + 1) * meter->slot_s) / end_s * BLOCKS, BLOCKS);

		for (int block = (int)from; block < BLOCKS && block < to; block++) {
			double part = fmin(to, block + 1) - fmax(from, block);

			if (part > 0 && to > from)
				blocks[block] += meter->down[i] * part / (to - from);
		}
	}
}

static void tell_blocks(struct view *view, const struct curve *curves, size_t count, const char *note)
{
	static const char *const heights[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	double end_s = end_of(curves, count), peak = 0, blocks[4][BLOCKS] = { { 0 } };
	char lines[4 * (BLOCKS * 4 + 80)] = "", top[64];

	if (end_s <= 0)
		return;
	for (size_t i = 0; i < count; i++) {
		share_out(&curves[i].run->wan, end_s, blocks[i]);
		for (int j = 0; j < BLOCKS; j++)
			peak = fmax(peak, blocks[i][j]);
	}
	if (peak <= 0)
		return;
	for (size_t i = 0; i < count; i++) {
		size_t at = strlen(lines);

		at += (size_t)snprintf(lines + at, sizeof(lines) - at, "%-16.16s ", curves[i].name);
		for (int j = 0; j < BLOCKS; j++)
			at += (size_t)snprintf(lines + at, sizeof(lines) - at, "%s", heights[(int)ceil(8 * blocks[i][j] / peak)]);
		snprintf(lines + at, sizeof(lines) - at, "\n");
	}
	plot_value(PLOT_BITS_PER_SECOND, 8 * peak / (end_s / BLOCKS), top, sizeof(top));
	doc_gap(&view->doc);
	doc_paragraph(&view->doc, DOC_PLAIN, "WAN use, headquarters to site, over %s%s; the highest block is %s:",
		      page_duration(end_s).text, note, top);
	doc_verbatim(&view->doc, lines);
}

static void tell_curves(struct view *view, bool full, const char *note)
{
	struct curve curves[4];
	size_t count = curves_of(view, full, curves);

	if (!count)
		return;
	if (view->doc.format != PAGE_HTML) {
		tell_tenths(view, curves, count, note);
		tell_blocks(view, curves, count, note);
		return;
	}
	fputs("<div class=\"plots\">\n", view->doc.stream);
	draw_completion(view, curves, count, full);
	draw_wan(view, curves, count, full);
	draw_busiest(view, curves, count, full);
	fputs("</div>\n", view->doc.stream);
}

void page_tell_curves(struct view *view)
{
	bool any = false, full = true;

	for (size_t i = 0; i < view->count; i++) {
		any |= view->folders[i]->detail.json != NULL;
		full &= view->folders[i]->has_full;
	}
	doc_heading(&view->doc, 2, "curves", "Over time");
	if (!any) {
		doc_paragraph(&view->doc, DOC_SOFT, "The run left no detail.json: it was made by an older program, so there are no curves "
						    "and no trees.");
		return;
	}
	if (full)
		tell_curves(view, true, ", at full size");
	if (full && view->doc.format == PAGE_HTML)
		doc_fold_begin(&view->doc, view->count > 1 ? "The same of the runs as they were, not at full size"
							   : "The same of the run as it was, not at full size");
	tell_curves(view, false, full ? ", of the run as it was" : "");
	if (full)
		doc_fold_end(&view->doc);
}
