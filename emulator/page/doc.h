/*
 * One way to write headings, paragraphs, lists and tables as text, Markdown or
 * HTML. Whoever tells something says it once.
 */
#ifndef FLEET_PAGE_DOC_H
#define FLEET_PAGE_DOC_H

#include "emulator/page/page.h"
#include "emulator/report/plot.h"

#define DOC_COLUMNS_MAX 16

/* What a cell or a line means; shown by a word that stands there anyway, and in HTML by its look too. */
enum doc_mark { DOC_PLAIN, DOC_GOOD, DOC_BAD, DOC_UNSURE, DOC_SOFT };

struct doc_column {
	const char *name;
	bool number;                /* to the right */
};

struct doc_cell {
	char *text;
	enum doc_mark mark;
};

struct doc {
	FILE *stream;
	enum page_format format;
	bool failed;                /* memory */
	/* the table under way */
	const char *caption;
	const struct doc_column *columns;
	size_t column_count, cell_count, cell_room;
	struct doc_cell *cells;
};

void doc_heading(struct doc *doc, int level, const char *id, const char *text);

__attribute__((format(printf, 3, 4))) void doc_paragraph(struct doc *doc, enum doc_mark mark, const char *format,
							 ...);

/* An empty line, where a terminal needs one to tell things apart. */
void doc_gap(struct doc *doc);

void doc_list_begin(struct doc *doc);
__attribute__((format(printf, 2, 3))) void doc_item(struct doc *doc, const char *format, ...);
void doc_list_end(struct doc *doc);

/* `columns` must live until the end. Cells come row by row; the first of a row is its heading. */
void doc_table_begin(struct doc *doc, const char *caption, const struct doc_column *columns, size_t count);
__attribute__((format(printf, 3, 4))) void doc_cell(struct doc *doc, enum doc_mark mark, const char *format, ...);
void doc_table_end(struct doc *doc);

/* Text as it stands, line by line. */
void doc_verbatim(struct doc *doc, const char *text);

/* In HTML only: what follows is folded away under a line until doc_fold_end(). */
void doc_fold_begin(struct doc *doc, const char *summary);
void doc_fold_end(struct doc *doc);

#endif
