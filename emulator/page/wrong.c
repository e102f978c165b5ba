/*
 * What went wrong and why: phones without firmware, hierarchies with more than
 * their share of roots or copies, incidents by kind and reason, faults that
 * the scenario made. Where nothing did it says so.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/page/view.h"

#define PHONES_TEXT_MAX 20
#define PHONES_HTML_MAX 200
#define TREES_MAX 20
#define KINDS_MAX 64    /* of incidents that are told one by one */
#define KIND_TEXT_MAX 5 /* of each */
#define KIND_HTML_MAX 50

static size_t shown_of(const struct view *view, size_t count)
{
	size_t most = view->doc.format == PAGE_HTML ? PHONES_HTML_MAX : PHONES_TEXT_MAX;

	return count < most ? count : most;
}

static void tell_more(struct view *view, uint64_t total, size_t shown)
{
	if (total > shown)
		doc_paragraph(&view->doc, DOC_SOFT, "and %s more.", report_count(total - shown).text);
}

static bool tell_failures(struct view *view, const struct page_run *run)
{
	static const struct doc_column columns[] = { { "Phone", false }, { "Model", false }, { "At", false }, { "Why", false } };
	char caption[120];
	uint64_t total = run->failed + run->gone;

	if (!total)
		return false;
	doc_paragraph(&view->doc, DOC_BAD, "%s of %s phones %s no new firmware after the %s run:", report_count(total).text,
		      report_count(run->phones).text, total == 1 ? "has" : "have", page_mode_name(run));
	doc_list_begin(&view->doc);
	for (size_t i = 0; i < run->failure_reason_count; i++)
		doc_item(&view->doc, "%s: %s", report_count(run->failures_by[i].count).text, page_why(run->failures_by[i].name));
	doc_list_end(&view->doc);
	snprintf(caption, sizeof(caption), "Phones without the new firmware, %s run", page_mode_name(run));
	size_t shown = shown_of(view, run->failure_count);
	if (!shown)
		return true;
	doc_table_begin(&view->doc, caption, columns, 4);
	for (size_t i = 0; i < shown; i++) {
		doc_cell(&view->doc, DOC_PLAIN, "%s", run->failures[i].phone);
		doc_cell(&view->doc, DOC_PLAIN, "%s", run->failures[i].model);
		doc_cell(&view->doc, DOC_PLAIN, "%s", run->failures[i].file ? run->failures[i].file : "-");
		doc_cell(&view->doc, DOC_PLAIN, "%s", page_why(run->failures[i].reason));
	}
	doc_table_end(&view->doc);
	tell_more(view, total, shown);
	return true;
}

/* More than one root, more than one copy, or none where there were phones to share. */
static bool is_troubled(const struct page_hierarchy *hierarchy)
{
	return hierarchy->roots > 1 || hierarchy->copies > 1 || !hierarchy->root;
}

static bool tell_hierarchies(struct view *view, const struct page_run *run)
{
	static const struct doc_column columns[] = { { "Site", false },	  { "Subnet", false }, { "Model", false },
						     { "File", false },	  { "Roots", true },   { "WAN copies", true },
						     { "Members", true } };
	size_t troubled = 0, shown = 0;

	for (size_t i = 0; i < run->hierarchy_count; i++)
		troubled += is_troubled(&run->hierarchies[i]);
	if (!troubled)
		return false;
	doc_table_begin(&view->doc, "Hierarchies without a root, or with more than one root or copy", columns, 7);
	for (size_t i = 0; i < run->hierarchy_count && shown < TREES_MAX; i++) {
		const struct page_hierarchy *hierarchy = &run->hierarchies[i];

		if (!is_troubled(hierarchy))
			continue;
		doc_cell(&view->doc, DOC_PLAIN, "%s", hierarchy->site);
		doc_cell(&view->doc, DOC_PLAIN, "%s", hierarchy->subnet);
		doc_cell(&view->doc, DOC_PLAIN, "%s", hierarchy->model);
		doc_cell(&view->doc, DOC_PLAIN, "%s", hierarchy->file ? hierarchy->file : "-");
		doc_cell(&view->doc, hierarchy->roots == 1 ? DOC_PLAIN : DOC_UNSURE, "%s", report_count(hierarchy->roots).text);
		doc_cell(&view->doc, hierarchy->copies == 1 ? DOC_PLAIN : DOC_UNSURE, "%s", report_count(hierarchy->copies).text);
		doc_cell(&view->doc, DOC_PLAIN, "%s", report_count(hierarchy->members).text);
		shown++;
	}
	doc_table_end(&view->doc);
	tell_more(view, troubled, shown);
	return true;
}

/* ---- incidents ---- */

static bool same(const char *kind, const char *reason, const struct page_incident *incident)
{
	return strcmp(kind, incident->kind) == 0 &&
	       strcmp(reason ? reason : "", incident->reason ? incident->reason : "") == 0;
}

static const struct page_incident *first_of(const struct page_run *run, const struct page_incident_count *of)
{
	for (size_t i = 0; i < run->incident_count; i++)
		if (same(of->kind, of->reason, &run->incidents[i]))
			return &run->incidents[i];
	return NULL;
}

static void tell_one(struct view *view, const struct page_folder *folder, const struct page_incident *incident)
{
	const char *file = page_file_name(folder, incident->phone, incident->file);
	bool peer = incident->peer != PAGE_FROM_NOBODY;

	doc_item(&view->doc, "%s %s %s%s%s%s%s%s%s", page_moment(incident->at_s).text,
		 page_phone_name(folder, incident->phone), page_did(incident->kind), file ? ", " : "", file ? file : "",
		 peer ? ", " : "", peer ? page_source(folder, incident->peer) : "", incident->reason ? ": " : "",
		 page_why(incident->reason));
}

/* In order of time; of each kind and reason so many, lest one that is frequent hides the others. */
static void tell_one_by_one(struct view *view, const struct page_folder *folder, const struct page_run *run)
{
	uint32_t most = view->doc.format == PAGE_HTML ? KIND_HTML_MAX : KIND_TEXT_MAX, told[KINDS_MAX] = { 0 };
	char fold[120];

	snprintf(fold, sizeof(fold), "The first of each, in order, %s run", page_mode_name(run));
	doc_fold_begin(&view->doc, fold);
	if (view->doc.format != PAGE_HTML) {
		doc_gap(&view->doc);
		doc_paragraph(&view->doc, DOC_PLAIN, "%s:", fold);
	}
	doc_list_begin(&view->doc);
	for (size_t i = 0; i < run->incident_count; i++)
		for (size_t kind = 0; kind < run->incident_kind_count && kind < KINDS_MAX; kind++)
			if (same(run->incident_counts[kind].kind, run->incident_counts[kind].reason, &run->incidents[i]) &&
			    told[kind]++ < most)
				tell_one(view, folder, &run->incidents[i]);
	doc_list_end(&view->doc);
	doc_fold_end(&view->doc);
}

static bool tell_incidents(struct view *view, const struct page_folder *folder, const struct page_run *run)
{
	static const struct doc_column columns[] = {
		{ "What happened", false }, { "Why", false }, { "Times", true }, { "First at", true }, { "To", false }
	};
	char caption[120];

	if (!run->incident_kind_count)
		return false;
	snprintf(caption, sizeof(caption), "Incidents of the %s run, by what happened and why", page_mode_name(run));
	doc_table_begin(&view->doc, caption, columns, 5);
	for (size_t i = 0; i < run->incident_kind_count; i++) {
		const struct page_incident_count *of = &run->incident_counts[i];
		const struct page_incident *first = first_of(run, of);

		doc_cell(&view->doc, DOC_PLAIN, "%s", page_happened(of->kind));
		doc_cell(&view->doc, DOC_PLAIN, "%s", of->reason ? page_why(of->reason) : "-");
		doc_cell(&view->doc, DOC_PLAIN, "%s", report_count(of->count).text);
		doc_cell(&view->doc, DOC_PLAIN, "%s", first ? page_duration(first->at_s).text : "-");
		doc_cell(&view->doc, DOC_PLAIN, "%s", first ? page_phone_name(folder, first->phone) : "-");
	}
	doc_table_end(&view->doc);
	tell_one_by_one(view, folder, run);
	return true;
}

static bool tell_counts(struct view *view, const struct page_run *run)
{
	const struct {
		uint64_t count;
		const char *what, *one;
	} counts[] = {
		{ run->frames_lost, "packets were lost on the WAN", "packet was lost on the WAN" },
		{ run->queue_drops, "packets found the WAN's queue full", "packet found the WAN's queue full" },
		{ run->rejected, "requests were rejected by the server, which was at its limit",
		  "request was rejected by the server, which was at its limit" },
		{ run->damaged, "files arrived damaged", "file arrived damaged" },
		{ run->elections_again, "elections were held again", "election was held again" },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (!counts[i].count)
			continue;
		if (!any)
			doc_list_begin(&view->doc);
		any = true;
		doc_item(&view->doc, "In the %s run %s %s", page_mode_name(run), report_count(counts[i].count).text,
			 counts[i].count == 1 ? counts[i].one : counts[i].what);
	}
	if (any)
		doc_list_end(&view->doc);
	return any;
}

static bool tell_faults(struct view *view, const struct page_run *run)
{
	if (!run->fault_count)
		return false;
	doc_paragraph(&view->doc, DOC_PLAIN, "The scenario's faults in the %s run:", page_mode_name(run));
	size_t shown = shown_of(view, run->fault_count);
	doc_list_begin(&view->doc);
	for (size_t i = 0; i < shown; i++)
		doc_item(&view->doc, "%s %s", page_duration(run->faults[i].at_s).text, run->faults[i].what);
	doc_list_end(&view->doc);
	tell_more(view, run->faults_total, shown);
	return true;
}

void page_tell_wrong(struct view *view)
{
	doc_heading(&view->doc, 2, "wrong", "What went wrong, and why");
	for (size_t i = 0; i < view->count; i++) {
		const struct page_folder *folder = view->folders[i];
		const char *label = view->labels[i];
		bool any = false;

		if (*label)
			doc_heading(&view->doc, 3, i ? "wrong-b" : "wrong-a", i ? "Run B" : "Run A");
		for (int mode = 0; mode < PAGE_MODES; mode++) {
			const struct page_run *run = &folder->runs[mode];

			if (!run->there)
				continue;
			any |= tell_failures(view, run);
			any |= tell_faults(view, run);
			any |= tell_counts(view, run);
			any |= tell_hierarchies(view, run);
			any |= tell_incidents(view, folder, run);
		}
		if (!any)
			doc_paragraph(&view->doc, DOC_GOOD, "Nothing: every phone has its firmware, no file was fetched twice, "
							    "nobody lost a parent, nothing was lost on the way.");
	}
}
