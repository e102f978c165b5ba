/*
 * What stands around the sections in HTML: one file with everything in it,
 * which its own policy (CSP) keeps from fetching anything. The script draws the
 * trees when they are opened and finds a phone; all else is there without it.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/page/view.h"

extern const char page_style[], page_script[]; /* page.css and page.js, made by the build */

static const char *verdict_class(const char *verdict)
{
	return strcmp(verdict, "pass") == 0 ? "good" : strcmp(verdict, "fail") == 0 ? "bad" : "unsure";
}

static void put(struct view *view, const char *text)
{
	plot_escape(text, view->doc.stream);
}

/* ---- the three figures ---- */

enum tile { TILE_TIME, TILE_BYTES, TILE_PHONES, TILES };

static struct report_text tile_value(enum tile tile, const struct page_run *run)
{
	struct report_text out;

	switch (tile) {
	case TILE_TIME:
		return page_duration(run->duration_s);
	case TILE_BYTES:
		return report_bytes(run->bytes_down);
	default:
		snprintf(out.text, sizeof(out.text), "%.17s of %.17s", report_count(run->upgraded).text,
			 report_count(run->phones).text);
		return out;
	}
}

static struct report_text tile_ratio(enum tile tile, const struct page_run *pfs, const struct page_run *traditional)
{
	struct report_text none = { "" };

	if (!pfs->there || !traditional->there || tile == TILE_PHONES)
		return none;
	if (tile == TILE_TIME && pfs->duration_s > 0 && traditional->duration_s > 0)
		return page_percent(pfs->duration_s / traditional->duration_s);
	if (tile == TILE_BYTES && traditional->bytes_down)
		return page_percent((double)pfs->bytes_down / (double)traditional->bytes_down);
	return none;
}

static void tell_tile(struct view *view, const struct page_folder *folder, const char *label, enum tile tile)
{
	static const char *const names[] = { "Time to the last phone", "WAN bytes down", "Phones upgraded" };
	const struct page_run *pfs = page_best(folder, PAGE_PFS), *traditional = page_best(folder, PAGE_TRADITIONAL);
	const struct page_run *first = pfs->there ? pfs : traditional;
	struct report_text ratio = tile_ratio(tile, pfs, traditional);
	FILE *stream = view->doc.stream;
	bool bad = tile == TILE_PHONES && first->upgraded < first->phones;

	fprintf(stream, "<div class=\"tile\"><p class=\"name\">%s%s%s</p><p class=\"big%s\">", label, *label ? ": " : "", names[tile],
		bad ? " bad" : "");
	put(view, tile_value(tile, first).text);
	fprintf(stream, "</p><p>%s", first->traditional ? "traditional" : "PFS");
	if (pfs->there && traditional->there) {
		fputs("; traditional ", stream);
		put(view, tile_value(tile, traditional).text);
	}
	if (*ratio.text)
		fprintf(stream, " (%s)", ratio.text);
	fputs("</p>", stream);
	if (folder->has_full) {
		const struct page_run *as_it_was = &folder->runs[first->traditional];

		fputs("<p class=\"soft\">at full size in virtual time; in the run itself ", stream);
		put(view, tile_value(tile, as_it_was).text);
		fputs("</p>", stream);
	}
	fputs("</div>\n", stream);
}

static void tell_tiles(struct view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		fputs("<div class=\"tiles\">\n", view->doc.stream);
		for (int tile = 0; tile < TILES; tile++)
			tell_tile(view, view->folders[i], view->labels[i], (enum tile)tile);
		fputs("</div>\n", view->doc.stream);
	}
}

/* ---- head and foot ---- */

void page_html_begin(struct view *view)
{
	FILE *stream = view->doc.stream;
	static const char *const sections[][2] = {
		{ "curves", "Over time" }, { "wrong", "What went wrong" }, { "figures", "Figures" }, { "sites", "Sites" },
		{ "models", "Models" },	  { "trees", "Trees" },	     { "gates", "Gates" },	     { "host", "Host" },
	};

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
	      "script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
	      stream);
	put(view, view->folders[0]->name);
	if (view->count > 1 && strcmp(view->folders[0]->name, view->folders[1]->name) != 0) {
		fputs(" and ", stream);
		put(view, view->folders[1]->name);
	}
	fprintf(stream, ": %s%s%s</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n<h1>", view->folders[0]->verdict,
		view->count > 1 ? " and " : "", view->count > 1 ? view->folders[1]->verdict : "", page_style);
	for (size_t i = 0; i < view->count; i++) {
		const struct page_folder *folder = view->folders[i];

		fprintf(stream, "%s%s%s", i ? "<br>" : "", view->labels[i], *view->labels[i] ? ": " : "");
		put(view, folder->name);
		fprintf(stream, " <span class=\"badge %s\">%s</span>", verdict_class(folder->verdict), folder->verdict);
	}
	fputs("</h1>\n", stream);
	for (size_t i = 0; i < view->count; i++) {
		const struct page_folder *folder = view->folders[i];
		const struct page_run *run = folder->runs[0].there ? &folder->runs[0] : &folder->runs[1];

		fprintf(stream, "<p class=\"soft\">%s%s%s phones", view->labels[i], *view->labels[i] ? ": " : "",
			report_count(run->phones).text);
		if (folder->site_count)
			fprintf(stream, ", %s site%s", report_count(folder->sites_total).text, folder->sites_total == 1 ? "" : "s");
		fputs(strcmp(folder->engine, "netns") == 0 ? ", on a real kernel" : ", in virtual time", stream);
		fprintf(stream, ", seed %s, ", folder->seed);
		put(view, folder->started_at);
		fputs("</p>\n", stream);
	}
	fputs("</header>\n<nav aria-label=\"Sections\">", stream);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		fprintf(stream, "%s<a href=\"#%s\">%s</a>", i ? " " : "", sections[i][0], sections[i][1]);
	fputs("</nav>\n<main>\n", stream);
	tell_tiles(view);
}

/*
 * The file's JSON as it is. "<" stands in its strings alone, where an escape
 * says the same, and so nothing in it can end the element.
 */
static void put_json(struct view *view, const char *text)
{
	FILE *stream = view->doc.stream;

	for (size_t length; *text; text += length) {
		length = strcspn(text, "<");
		fwrite(text, 1, length, stream);
		if (text[length] == '<') {
			fputs("\\u003c", stream);
			length++;
		}
	}
}

void page_html_trees(struct view *view, size_t index)
{
	const struct page_folder *folder = view->folders[index];
	const struct page_run *run = &folder->runs[PAGE_PFS];
	FILE *stream = view->doc.stream;
	const char suffix = index ? 'b' : 'a';

	if (!folder->detail.json) {
		doc_paragraph(&view->doc, DOC_SOFT, "Who fed whom was not kept: the run left no detail.json.");
		return;
	}
	if (!run->copy_count) {
		doc_paragraph(&view->doc, DOC_SOFT, "Who fed whom was not kept: of a fleet of more than 10,000 phones there are "
						    "totals alone, or no phone had begun.");
		return;
	}
	fprintf(stream,
		"<noscript><p>The trees are drawn by a script, and this reader runs none; "
		"<code>pfs-fleet report --trees all</code> draws them as text.</p></noscript>\n"
		"<div class=\"find\" data-detail=\"detail-%c\" hidden>"
		"<label for=\"find-%c\">Find a phone, by its name or a part of it</label> "
		"<input id=\"find-%c\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\">"
		"<div class=\"found\" role=\"status\" aria-live=\"polite\"></div></div>\n",
		suffix, suffix, suffix);
	for (size_t site = 0; site < folder->site_count; site++) {
		const struct page_tally *tally = &run->sites[site];

		if (!tally->phones)
			continue;
		fprintf(stream, "<details class=\"site\" data-detail=\"detail-%c\" data-site=\"%zu\"%s><summary>", suffix, site,
			folder->site_count == 1 && run->phones <= 500 ? " open" : "");
		put(view, folder->sites[site].name);
		fprintf(stream, ": %s phones, the last at %s%s</summary></details>\n", report_count(tally->phones).text,
			page_duration(tally->last_s).text, tally->upgraded < tally->phones ? ", not all" : "");
	}
	fprintf(stream, "<script type=\"application/json\" id=\"detail-%c\">", suffix);
	put_json(view, folder->detail.text);
	fputs("</script>\n", stream);
}

void page_html_end(struct view *view)
{
	FILE *stream = view->doc.stream;

	fputs("</main>\n<footer><p class=\"soft\">Figures are those of an emulation, not a promise about a network.", stream);
	fprintf(stream, " Told by pfs-fleet " FLEET_VERSION ".</p></footer>\n<script>\n%s</script>\n</body>\n</html>\n", page_script);
}
