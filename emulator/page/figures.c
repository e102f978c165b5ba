/* The verdict in a few sentences, and every figure of both modes side by side. */
#include <math.h>
#include <string.h>

#include "emulator/page/view.h"

/* ---- the verdict ---- */

static void tell_outcome(struct view *view, const struct page_folder *folder, const char *label)
{
	const struct page_run *pfs = page_best(folder, PAGE_PFS), *traditional = page_best(folder, PAGE_TRADITIONAL);
	const char *space = *label ? ": " : "";

	for (int mode = 0; mode < PAGE_MODES; mode++) {
		const struct page_run *run = page_best(folder, (enum page_mode)mode);

		if (run->there)
			doc_paragraph(&view->doc, DOC_PLAIN, "%s%s%s %s of %s phones in %s, with %s down the WAN%s.", label, space,
				      run->traditional ? "The traditional way upgrades" : "PFS upgrades",
				      report_count(run->upgraded).text, report_count(run->phones).text,
				      page_duration(run->duration_s).text, report_bytes(run->bytes_down).text,
				      page_best_note(folder));
	}
	if (!pfs->there || !traditional->there || pfs->duration_s <= 0 || traditional->duration_s <= 0)
		return;
	if (pfs->upgraded != traditional->upgraded) {
		bool more = pfs->upgraded > traditional->upgraded;

		doc_paragraph(&view->doc, DOC_PLAIN, "%s%s%s upgrades %s phones more, so the two times are not compared.", label, space,
			      more ? "PFS" : "The traditional way",
			      report_count(more ? pfs->upgraded - traditional->upgraded : traditional->upgraded - pfs->upgraded).text);
		return;
	}
	double time = pfs->duration_s / traditional->duration_s;
	double bytes = traditional->bytes_down ? (double)pfs->bytes_down / (double)traditional->bytes_down : 1;
	if (time < 0.95)
		doc_paragraph(&view->doc, DOC_PLAIN, "%s%sPFS takes %s of the time and %s of the bytes.", label, space,
			      page_percent(time).text, page_percent(bytes).text);
	else
		doc_paragraph(&view->doc, DOC_PLAIN, "%s%sHere PFS saves %s, not time: it takes %s of the traditional time "
						     "and %s of the bytes.",
			      label, space, bytes < 0.95 ? "bytes" : "neither bytes", page_percent(time).text,
			      page_percent(bytes).text);
}

/* Before any figure: none of them is a real phone's. */
static void tell_what_if(struct view *view, const struct page_folder *folder, const char *label)
{
	if (*folder->what_if)
		doc_paragraph(&view->doc, DOC_UNSURE, "%s%s%s: not what the phones do.", label, *label ? ": " : "",
			      folder->what_if);
}

static void tell_reduced(struct view *view, const struct page_folder *folder, const char *label)
{
	char scale[64] = "", speed[64] = "";

	if (!page_is_reduced(folder))
		return;
	if (folder->scale < 1)
		snprintf(scale, sizeof(scale), "firmware at %.4g %% of its bytes", 100 * folder->scale);
	if (folder->speed > 1 && strcmp(folder->engine, "netns") == 0)
		snprintf(speed, sizeof(speed), "%sthe clock at %g times real time", *scale ? ", " : "", folder->speed);
	doc_paragraph(&view->doc, DOC_SOFT, "%s%sThe run itself was not at full size: %s%s.%s", label,
		      *label ? ": " : "", scale, speed,
		      folder->has_full ? " Beside it stands the full size, worked out in virtual time." : "");
}

static void tell_why(struct view *view, const struct page_folder *folder)
{
	if (strcmp(folder->verdict, "pass") == 0)
		return;
	doc_list_begin(&view->doc);
	for (size_t i = 0; i < folder->gate_count; i++) {
		const struct page_gate *gate = &folder->gates[i];

		if (strcmp(gate->verdict, "fail") == 0)
			doc_item(&view->doc, "%s is %s; the limit is%s%s %s", gate->name, gate->value,
				 gate->relation ? " " : "", gate->relation ? gate->relation : "", gate->limit);
	}
	if (folder->interrupted)
		doc_item(&view->doc, "It was interrupted: these results are partial");
	if (*folder->fidelity.reasons)
		doc_item(&view->doc, "The measurement cannot be trusted: %s", folder->fidelity.reasons);
	doc_list_end(&view->doc);
}

void page_tell_verdict(struct view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct page_folder *folder = view->folders[i];
		const char *label = view->labels[i];

		/* In HTML it stands in the heading. */
		if (view->doc.format != PAGE_HTML)
			doc_paragraph(&view->doc, DOC_PLAIN, "%s%sVerdict: %s", label, *label ? ": " : "", folder->verdict);
		tell_what_if(view, folder, label);
		tell_why(view, folder);
		tell_outcome(view, folder, label);
		tell_reduced(view, folder, label);
	}
}

/* ---- the figures ---- */

enum kind { COUNT, BYTES, SECONDS, FRACTION };

static double of_upgraded(const struct page_run *run)
{
	return (double)run->upgraded;
}

static double of_without(const struct page_run *run)
{
	return (double)(run->failed + run->gone);
}

static double of_duration(const struct page_run *run)
{
	return run->duration_s;
}

static double of_p50(const struct page_run *run)
{
	return run->p50_s;
}

static double of_p90(const struct page_run *run)
{
	return run->p90_s;
}

static double of_p99(const struct page_run *run)
{
	return run->p99_s;
}

static double of_down(const struct page_run *run)
{
	return (double)run->bytes_down;
}

static double of_up(const struct page_run *run)
{
	return (double)run->bytes_up;
}

static double of_busy(const struct page_run *run)
{
	return run->busy;
}

static double of_transfers(const struct page_run *run)
{
	return (double)run->transfers;
}

static double of_retransmits(const struct page_run *run)
{
	return (double)(run->retransmits + run->client_retransmits);
}

static double of_rejected(const struct page_run *run)
{
	return (double)run->rejected;
}

static double of_direct(const struct page_run *run)
{
	return (double)run->directs_total;
}

static double of_peer_bytes(const struct page_run *run)
{
	return (double)run->peer_bytes;
}

static double of_broadcasts(const struct page_run *run)
{
	return (double)run->broadcasts;
}

/* Those that came about; of a list that is cut, those that are in it. */
static double of_hierarchies(const struct page_run *run)
{
	size_t formed = 0;

	for (size_t i = 0; i < run->hierarchy_count; i++)
		formed += run->hierarchies[i].root != NULL;
	return run->hierarchies_total > run->hierarchy_count ? (double)run->hierarchies_total : (double)formed;
}

static double of_depth(const struct page_run *run)
{
	uint64_t depth = 0;

	for (size_t i = 0; i < run->hierarchy_count; i++)
		depth = run->hierarchies[i].depth > depth ? run->hierarchies[i].depth : depth;
	return (double)depth;
}

static const struct row {
	const char *label;
	double (*value)(const struct page_run *run);
	enum kind kind;
	bool pfs_only, compared;
} rows[] = {
	{ "Phones upgraded", of_upgraded, COUNT, false, false },
	{ "Phones without the new firmware", of_without, COUNT, false, false },
	{ "Time to the last phone", of_duration, SECONDS, false, true },
	{ "Median phone", of_p50, SECONDS, false, true },
	{ "90th percentile", of_p90, SECONDS, false, true },
	{ "99th percentile", of_p99, SECONDS, false, true },
	{ "WAN bytes down", of_down, BYTES, false, true },
	{ "WAN bytes up", of_up, BYTES, false, true },
	{ "WAN busy, busiest site", of_busy, FRACTION, false, false },
	{ "TFTP transfers", of_transfers, COUNT, false, true },
	{ "TFTP retransmissions", of_retransmits, COUNT, false, false },
	{ "Rejected by the server", of_rejected, COUNT, false, false },
	{ "Direct downloads, not as root", of_direct, COUNT, true, false },
	{ "Bytes from peers", of_peer_bytes, BYTES, true, false },
	{ "Broadcasts", of_broadcasts, COUNT, true, false },
	{ "Hierarchies", of_hierarchies, COUNT, true, false },
	{ "Deepest, levels", of_depth, COUNT, true, false },
};

static struct report_text value_text(enum kind kind, double value)
{
	switch (kind) {
	case BYTES:
		return report_bytes((uint64_t)value);
	case SECONDS:
		return page_duration(value);
	case FRACTION:
		return page_percent(value);
	case COUNT:
		break;
	}
	return report_count((uint64_t)value);
}

/* A column is a run, or one run over another. */
struct figure_column {
	const char *name;
	const struct page_run *run, *over;
};

static void tell_table(struct view *view, const char *caption, const struct figure_column *columns, size_t count)
{
	struct doc_column heads[DOC_COLUMNS_MAX] = { { "", false } };

	for (size_t i = 0; i < count; i++)
		heads[i + 1] = (struct doc_column){ columns[i].name, true };
	doc_table_begin(&view->doc, caption, heads, count + 1);
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		doc_cell(&view->doc, DOC_PLAIN, "%s", rows[row].label);
		for (size_t i = 0; i < count; i++) {
			const struct page_run *run = columns[i].run, *over = columns[i].over;
			double value = rows[row].value(run);
			bool bad = !over && rows[row].value == of_without && value > 0;

			if (rows[row].pfs_only && (run->traditional || (over && over->traditional)))
				doc_cell(&view->doc, DOC_SOFT, "-");
			else if (over)
				doc_cell(&view->doc, DOC_PLAIN, "%s",
					 rows[row].compared || over->traditional == run->traditional
						 ? page_ratio(value, rows[row].value(over)).text
						 : "");
			else
				doc_cell(&view->doc, bad ? DOC_BAD : DOC_PLAIN, "%s", value_text(rows[row].kind, value).text);
		}
	}
	doc_table_end(&view->doc);
}

static size_t add_modes(struct figure_column *columns, size_t count, const struct page_run runs[PAGE_MODES],
			const char *const names[3])
{
	for (int mode = 0; mode < PAGE_MODES; mode++)
		if (runs[mode].there)
			columns[count++] = (struct figure_column){ names[mode], &runs[mode], NULL };
	if (names[2] && runs[0].there && runs[1].there)
		columns[count++] = (struct figure_column){ names[2], &runs[0], &runs[1] };
	return count;
}

static size_t add_pair(struct figure_column *columns, size_t count, const struct page_run a[PAGE_MODES],
		       const struct page_run b[PAGE_MODES])
{
	static const char *const a_names[] = { "A: PFS", "A: traditional", NULL };
	static const char *const b_names[] = { "B: PFS", "B: traditional", NULL };
	static const char *const over[] = { "PFS, B/A", "trad., B/A" };

	count = add_modes(columns, count, a, a_names);
	count = add_modes(columns, count, b, b_names);
	for (int mode = 0; mode < PAGE_MODES; mode++)
		if (a[mode].there && b[mode].there)
			columns[count++] = (struct figure_column){ over[mode], &b[mode], &a[mode] };
	return count;
}

void page_tell_figures(struct view *view)
{
	static const char *const measured[] = { "PFS", "traditional", "ratio" };
	static const char *const full[] = { "full: PFS", "full: traditional", "ratio" };
	struct page_folder *a = view->folders[0], *b = view->folders[1];
	struct figure_column columns[DOC_COLUMNS_MAX];
	size_t count = 0;

	doc_heading(&view->doc, 2, "figures", "Figures");
	if (b) {
		count = add_pair(columns, 0, a->runs, b->runs);
		tell_table(view, "Both runs as they were", columns, count);
		if (a->has_full && b->has_full) {
			count = add_pair(columns, 0, a->full, b->full);
			tell_table(view, "Both at full size, in virtual time", columns, count);
		}
		return;
	}
	count = add_modes(columns, count, a->runs, measured);
	if (a->has_full)
		count = add_modes(columns, count, a->full, full);
	tell_table(view, a->has_full ? "The run, and the full size in virtual time" : "Both modes", columns, count);
}

/* ---- who went to the server ---- */

static void tell_server_of(struct view *view, const struct page_folder *folder, const char *label)
{
	static const struct doc_column columns[] = { { "Who", false }, { "Downloads begun", true } };
	const struct page_run *run = &folder->runs[PAGE_PFS];
	char caption[120];

	if (!run->there)
		return;
	snprintf(caption, sizeof(caption), "%s%sWho went to the server in the PFS run, and why", label,
		 *label ? ": " : "");
	doc_table_begin(&view->doc, caption, columns, 2);
	uint64_t as_root = run->transfers_pfs >= run->directs_total ? run->transfers_pfs - run->directs_total : 0;
	doc_cell(&view->doc, DOC_PLAIN, "roots, for their hierarchies");
	doc_cell(&view->doc, DOC_PLAIN, "%s", report_count(as_root).text);
	for (size_t i = 0; i < run->direct_count; i++) {
		doc_cell(&view->doc, DOC_PLAIN, "phones that take part: %s", page_why(run->direct_by[i].name));
		doc_cell(&view->doc, DOC_UNSURE, "%s", report_count(run->direct_by[i].count).text);
	}
	doc_cell(&view->doc, DOC_PLAIN, "phones that take no part");
	doc_cell(&view->doc, DOC_PLAIN, "%s", report_count(run->transfers - run->transfers_pfs).text);
	doc_table_end(&view->doc);
	if (!run->ineligible_count)
		return;
	doc_list_begin(&view->doc);
	for (size_t i = 0; i < run->ineligible_count; i++)
		doc_item(&view->doc, "%s phone%s take%s no part: %s", report_count(run->ineligible_by[i].count).text,
			 run->ineligible_by[i].count == 1 ? "" : "s", run->ineligible_by[i].count == 1 ? "s" : "",
			 page_why(run->ineligible_by[i].name));
	doc_list_end(&view->doc);
}

void page_tell_server(struct view *view)
{
	bool any = false;

	for (size_t i = 0; i < view->count; i++)
		any |= view->folders[i]->runs[PAGE_PFS].there;
	if (!any)
		return;
	doc_heading(&view->doc, 2, "server", "At the server");
	for (size_t i = 0; i < view->count; i++)
		tell_server_of(view, view->folders[i], view->labels[i]);
}
