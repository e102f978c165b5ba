/* One row a site and one a model: where the time and the bytes went. The slowest come first. */
#include <stdlib.h>
#include <string.h>

#include "emulator/page/view.h"

#define ROWS_TEXT_MAX 30    /* in text and Markdown */
#define ROWS_OPEN_MAX 40    /* a longer table is folded away in HTML */

static struct page_tally *tallies_of(const struct page_run *run, bool models, size_t i)
{
	return models ? &run->models[i] : &run->sites[i];
}

static size_t groups_of(const struct page_folder *folder, bool models)
{
	return models ? folder->model_count : folder->site_count;
}

static const char *group_name(const struct page_folder *folder, bool models, size_t i)
{
	return models ? folder->models[i] : folder->sites[i].name;
}

/* The run of that mode with tallies, or NULL. */
static const struct page_run *run_of(const struct page_folder *folder, int mode)
{
	const struct page_run *run = page_best(folder, (enum page_mode)mode);

	return run->there && run->detailed ? run : NULL;
}

struct ranked {
	size_t index;
	double last_s;
	const char *name;
};

static int slowest_first(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->last_s != b->last_s)
		return a->last_s > b->last_s ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

/* The group of that name in another folder, or -1. */
static int64_t find(const struct page_folder *folder, bool models, const char *name)
{
	for (size_t i = 0; i < groups_of(folder, models); i++)
		if (strcmp(group_name(folder, models, i), name) == 0)
			return (int64_t)i;
	return -1;
}

struct column {
	char name[48];
	const struct page_folder *folder;
	const struct page_run *run, *over; /* over: a ratio */
	void (*tell)(struct doc *doc, const struct page_tally *tally);
	double (*value)(const struct page_tally *tally);
};

static double last_of(const struct page_tally *tally)
{
	return tally->last_s;
}

static double bytes_of(const struct page_tally *tally)
{
	return (double)tally->bytes_down;
}

static void tell_done(struct doc *doc, const struct page_tally *tally)
{
	doc_cell(doc, tally->upgraded < tally->phones ? DOC_BAD : DOC_PLAIN, "%s of %s",
		 report_count(tally->upgraded).text, report_count(tally->phones).text);
}

static void tell_last(struct doc *doc, const struct page_tally *tally)
{
	doc_cell(doc, DOC_PLAIN, "%s", page_duration(tally->last_s).text);
}

static void tell_bytes(struct doc *doc, const struct page_tally *tally)
{
	doc_cell(doc, DOC_PLAIN, "%s", report_bytes(tally->bytes_down).text);
}

static void tell_busy(struct doc *doc, const struct page_tally *tally)
{
	doc_cell(doc, DOC_PLAIN, "%s", page_percent(tally->busy).text);
}

static void tell_lost(struct doc *doc, const struct page_tally *tally)
{
	uint64_t lost = tally->frames_lost + tally->queue_drops;

	doc_cell(doc, DOC_PLAIN, "%s", report_count(lost).text);
}

static void tell_no_part(struct doc *doc, const struct page_tally *tally)
{
	doc_cell(doc, DOC_PLAIN, "%s", report_count(tally->ineligible).text);
}

struct columns {
	struct column list[DOC_COLUMNS_MAX];
	size_t count;
};

static void add(struct columns *to, const char *prefix, const char *name, const struct page_folder *folder, int mode,
		void (*tell)(struct doc *, const struct page_tally *))
{
	const struct page_run *run = run_of(folder, mode);

	if (!run || to->count == DOC_COLUMNS_MAX - 3)
		return;
	struct column *column = &to->list[to->count++];
	*column = (struct column){ .folder = folder, .run = run, .tell = tell };
	snprintf(column->name, sizeof(column->name), "%s%s%s", prefix, *prefix ? ": " : "", name);
}

static void add_ratio(struct columns *to, const char *name, const struct page_folder *folder, int mode,
		      double (*value)(const struct page_tally *))
{
	const struct page_run *run = run_of(folder, mode);

	if (!run || to->count == DOC_COLUMNS_MAX - 3)
		return;
	struct column *column = &to->list[to->count++];
	*column = (struct column){ .folder = folder, .run = run, .value = value };
	snprintf(column->name, sizeof(column->name), "%s", name);
}

static void lay_out_one(struct columns *to, const struct page_folder *folder, bool models)
{
	add(to, "", "upgraded", folder, run_of(folder, PAGE_PFS) ? PAGE_PFS : PAGE_TRADITIONAL, tell_done);
	if (models)
		add(to, "", "take no part", folder, PAGE_PFS, tell_no_part);
	add(to, "", "PFS, last phone", folder, PAGE_PFS, tell_last);
	add(to, "", "trad., last phone", folder, PAGE_TRADITIONAL, tell_last);
	if (models)
		return;
	add(to, "", "PFS, WAN down", folder, PAGE_PFS, tell_bytes);
	add(to, "", "trad., WAN down", folder, PAGE_TRADITIONAL, tell_bytes);
	add(to, "", "PFS, WAN busy", folder, PAGE_PFS, tell_busy);
	add(to, "", "PFS, frames lost", folder, PAGE_PFS, tell_lost);
}

static void lay_out_two(struct columns *to, struct view *view, bool models)
{
	const struct page_folder *a = view->folders[0], *b = view->folders[1];

	add(to, "A", "upgraded", a, PAGE_PFS, tell_done);
	add(to, "B", "upgraded", b, PAGE_PFS, tell_done);
	add(to, "A", "PFS, last", a, PAGE_PFS, tell_last);
	add(to, "B", "PFS, last", b, PAGE_PFS, tell_last);
	if (run_of(a, PAGE_PFS))
		add_ratio(to, "B/A", b, PAGE_PFS, last_of);
	add(to, "A", "trad., last", a, PAGE_TRADITIONAL, tell_last);
	add(to, "B", "trad., last", b, PAGE_TRADITIONAL, tell_last);
	if (models)
		return;
	add(to, "A", "PFS, WAN down", a, PAGE_PFS, tell_bytes);
	add(to, "B", "PFS, WAN down", b, PAGE_PFS, tell_bytes);
	if (run_of(a, PAGE_PFS))
		add_ratio(to, "B/A", b, PAGE_PFS, bytes_of);
}

static void tell_row(struct view *view, const struct columns *columns, bool models, const char *name)
{
	const struct page_folder *a = view->folders[0];

	for (size_t i = 0; i < columns->count; i++) {
		const struct column *column = &columns->list[i];
		int64_t at = find(column->folder, models, name), base = find(a, models, name);

		if (at < 0)
			doc_cell(&view->doc, DOC_SOFT, "-");
		else if (column->tell)
			column->tell(&view->doc, tallies_of(column->run, models, (size_t)at));
		else if (base < 0)
			doc_cell(&view->doc, DOC_SOFT, "-");
		else
			doc_cell(&view->doc, DOC_PLAIN, "%s",
				 page_ratio(column->value(tallies_of(column->run, models, (size_t)at)),
					    column->value(tallies_of(run_of(a, PAGE_PFS), models, (size_t)base)))
					 .text);
	}
}

/* Of folder `of` those that have phones; of the second those that the first has not. */
static size_t rank(struct view *view, size_t of, bool models, struct ranked *to)
{
	const struct page_folder *folder = view->folders[of];
	const struct page_run *run = run_of(folder, PAGE_PFS) ? run_of(folder, PAGE_PFS) : run_of(folder, PAGE_TRADITIONAL);
	size_t count = 0;

	for (size_t i = 0; run && i < groups_of(folder, models); i++) {
		const struct page_tally *tally = tallies_of(run, models, i);
		const char *name = group_name(folder, models, i);

		if (!tally->phones || (of && find(view->folders[0], models, name) >= 0))
			continue;
		to[count++] = (struct ranked){ i, tally->last_s < 0 ? 1e12 : tally->last_s, name };
	}
	qsort(to, count, sizeof(*to), slowest_first);
	return count;
}

static void tell_groups(struct view *view, bool models)
{
	struct doc *doc = &view->doc;
	struct columns columns = { .count = 0 };
	struct doc_column heads[DOC_COLUMNS_MAX] = { { models ? "Model" : "Site", false } };
	size_t room = 0, count = 0, shown;
	char caption[160], fold[80];

	for (size_t i = 0; i < view->count; i++)
		room += groups_of(view->folders[i], models);
	struct ranked *ranked = calloc(room + 1, sizeof(*ranked));
	if (!ranked) {
		doc->failed = true;
		return;
	}
	for (size_t i = 0; i < view->count; i++)
		count += rank(view, i, models, ranked + count);
	if (view->count == 1)
		lay_out_one(&columns, view->folders[0], models);
	else
		lay_out_two(&columns, view, models);
	shown = doc->format != PAGE_HTML && count > ROWS_TEXT_MAX ? ROWS_TEXT_MAX : count;
	if (!count || !columns.count)
		goto out;

	doc_heading(doc, 2, models ? "models" : "sites", models ? "Models" : "Sites");
	for (size_t i = 0; i < columns.count; i++)
		heads[i + 1] = (struct doc_column){ columns.list[i].name, true };
	size_t width = columns.count + 1;
	if (!models && view->count == 1) {
		heads[width++] = (struct doc_column){ "WAN rate", true };
		heads[width++] = (struct doc_column){ "round trip", true };
	}
	snprintf(caption, sizeof(caption), "By %s, the slowest first%s", models ? "model" : "site",
		 page_best_note(view->folders[0]));
	snprintf(fold, sizeof(fold), "%s %s", report_count(count).text, models ? "models" : "sites");
	if (count > ROWS_OPEN_MAX)
		doc_fold_begin(doc, fold);
	doc_table_begin(doc, caption, heads, width);
	for (size_t i = 0; i < shown; i++) {
		doc_cell(doc, DOC_PLAIN, "%s", ranked[i].name);
		tell_row(view, &columns, models, ranked[i].name);
		if (!models && view->count == 1) {
			const struct page_site *site = &view->folders[0]->sites[ranked[i].index];

			doc_cell(doc, DOC_PLAIN, "%s", page_rate(site->rate_down_bps).text);
			doc_cell(doc, DOC_PLAIN, "%g ms", (double)site->delay_us / 1e3);
		}
	}
	doc_table_end(doc);
	if (count > ROWS_OPEN_MAX)
		doc_fold_end(doc);
	if (shown < count)
		doc_paragraph(doc, DOC_SOFT, "and %s more.", report_count(count - shown).text);
	if (!models && view->folders[0]->sites_total > view->folders[0]->site_count)
		doc_paragraph(doc, DOC_SOFT, "Of %s sites the first %s are told of one by one.",
			      report_count(view->folders[0]->sites_total).text,
			      report_count(view->folders[0]->site_count).text);
out:
	free(ranked);
}

void page_tell_sites(struct view *view)
{
	tell_groups(view, false);
}

void page_tell_models(struct view *view)
{
	tell_groups(view, true);
}
