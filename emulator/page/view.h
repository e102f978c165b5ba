/* What the files that tell a run share. Nobody else includes this. */
#ifndef FLEET_PAGE_VIEW_H
#define FLEET_PAGE_VIEW_H

#include "emulator/page/doc.h"
#include "emulator/page/folder.h"
#include "emulator/report/report.h"

struct view {
	struct doc doc;
	struct page_folder *folders[2]; /* [1] NULL: one run alone */
	size_t count;
	enum page_trees trees;
	const char *labels[2];          /* "", or "A" and "B" */
};

/* ---- words.c: what a report says to people; "" and "-" for what is not there ---- */

struct report_text page_duration(double seconds);
struct report_text page_moment(double seconds); /* finer: phones of a tree are milliseconds apart */
struct report_text page_rate(uint64_t bits_per_second);
struct report_text page_percent(double fraction);
struct report_text page_ratio(double one, double other); /* "-" where there is none */

/* The last part of a folder's path. */
const char *page_short_path(const char *path);
const char *page_mode_name(const struct page_run *run);
const char *page_why(const char *reason);                /* of a failure, a loss, a part: as a person would say it */
const char *page_happened(const char *kind);             /* of incidents of a kind */
const char *page_did(const char *kind);                  /* of one: what the phone did */
/* Whom a file came from: a name, "the server", "somebody else". */
const char *page_source(const struct page_folder *folder, int32_t from);
const char *page_phone_name(const struct page_folder *folder, uint32_t phone);
const char *page_file_name(const struct page_folder *folder, uint32_t phone, int32_t file); /* NULL where it has none */

/* The run that people ask about: at full size where that was worked out, else as it was measured. */
const struct page_run *page_best(const struct page_folder *folder, enum page_mode mode);
bool page_is_reduced(const struct page_folder *folder);
/* ", at full size in virtual time" or "": for captions of what page_best() gives. */
const char *page_best_note(const struct page_folder *folder);

/* ", what-if: fan-out 4", with two runs ", A what-if: fan-out 4", or "": for the title of a plot. */
struct page_note {
	char text[240];
};
struct page_note page_what_if_note(const struct view *view);

/* ---- the sections, in the order in which they are told ---- */

void page_tell_verdict(struct view *view);   /* figures.c */
void page_tell_figures(struct view *view);
void page_tell_server(struct view *view);
void page_tell_curves(struct view *view);    /* curves.c */
void page_tell_wrong(struct view *view);     /* wrong.c */
void page_tell_sites(struct view *view);     /* groups.c */
void page_tell_models(struct view *view);
void page_tell_trees(struct view *view);     /* trees.c: text and Markdown */
void page_tell_gates(struct view *view);     /* host.c */
void page_tell_host(struct view *view);

/* html.c: the three figures as tiles, and what stands around the sections. */
void page_html_begin(struct view *view);
void page_html_trees(struct view *view, size_t folder);
void page_html_end(struct view *view);

#endif
