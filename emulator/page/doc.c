/* See doc.h. */
#include "emulator/page/doc.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const mark_classes[] = {
	[DOC_PLAIN] = "", [DOC_GOOD] = "good", [DOC_BAD] = "bad", [DOC_UNSURE] = "unsure", [DOC_SOFT] = "soft",
};

/* A control character would drive a terminal. */
static void put_plain(const char *text, FILE *stream)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		fputc(*c < 0x20 || *c == 0x7f ? ' ' : *c, stream);
}

/* What Markdown would take for markup, and GitHub for HTML. */
static void put_markdown(const char *text, FILE *stream)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '<' || *c == '>')
			fputs(*c == '<' ? "&lt;" : "&gt;", stream);
		else if (strchr("\\`*_[]|#~", *c))
			fprintf(stream, "\\%c", *c);
		else
			fputc(*c < 0x20 || *c == 0x7f ? ' ' : *c, stream);
	}
}

static void put(struct doc *doc, const char *text)
{
	switch (doc->format) {
	case PAGE_TEXT:
		put_plain(text, doc->stream);
		break;
	case PAGE_MARKDOWN:
		put_markdown(text, doc->stream);
		break;
	case PAGE_HTML:
		plot_escape(text, doc->stream);
		break;
	}
}

static char *formatted(struct doc *doc, const char *format, va_list arguments)
{
	char *text = NULL;

	if (vasprintf(&text, format, arguments) >= 0)
		return text;
	doc->failed = true;
	return NULL;
}

void doc_heading(struct doc *doc, int level, const char *id, const char *text)
{
	switch (doc->format) {
	case PAGE_TEXT:
		fputs("\n", doc->stream);
		put(doc, text);
		fputs("\n", doc->stream);
		for (size_t i = 0; i < strlen(text); i++)
			fputc(level <= 2 ? '=' : '-', doc->stream);
		fputs("\n", doc->stream);
		break;
	case PAGE_MARKDOWN:
		fprintf(doc->stream, "\n%.*s ", level, "######");
		put(doc, text);
		fputs("\n\n", doc->stream);
		break;
	case PAGE_HTML:
		fprintf(doc->stream, "<h%d id=\"%s\">", level, id);
		put(doc, text);
		fprintf(doc->stream, "</h%d>\n", level);
		break;
	}
}

void doc_paragraph(struct doc *doc, enum doc_mark mark, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = formatted(doc, format, arguments);
	va_end(arguments);
	if (!text)
		return;
	if (doc->format == PAGE_HTML)
		fprintf(doc->stream, mark ? "<p class=\"%s\">" : "<p>", mark_classes[mark]);
	put(doc, text);
	fputs(doc->format == PAGE_HTML ? "</p>\n" : doc->format == PAGE_MARKDOWN ? "\n\n" : "\n", doc->stream);
	free(text);
}

void doc_gap(struct doc *doc)
{
	if (doc->format == PAGE_TEXT)
		fputs("\n", doc->stream);
}

void doc_list_begin(struct doc *doc)
{
	if (doc->format == PAGE_HTML)
		fputs("<ul>\n", doc->stream);
}

void doc_item(struct doc *doc, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = formatted(doc, format, arguments);
	va_end(arguments);
	if (!text)
		return;
	fputs(doc->format == PAGE_HTML ? "<li>" : "- ", doc->stream);
	put(doc, text);
	fputs(doc->format == PAGE_HTML ? "</li>\n" : "\n", doc->stream);
	free(text);
}

void doc_list_end(struct doc *doc)
{
	fputs(doc->format == PAGE_HTML ? "</ul>\n" : "\n", doc->stream);
}

/* ---- tables ---- */

void doc_table_begin(struct doc *doc, const char *caption, const struct doc_column *columns, size_t count)
{
	doc->caption = caption;
	doc->columns = columns;
	doc->column_count = count;
	doc->cell_count = 0;
}

void doc_cell(struct doc *doc, enum doc_mark mark, const char *format, ...)
{
	va_list arguments;

	if (doc->cell_count == doc->cell_room) {
		size_t room = doc->cell_room ? 2 * doc->cell_room : 64;
		struct doc_cell *larger = realloc(doc->cells, room * sizeof(*larger));

		if (!larger) {
			doc->failed = true;
			return;
		}
		doc->cells = larger;
		doc->cell_room = room;
	}
	va_start(arguments, format);
	char *text = formatted(doc, format, arguments);
	va_end(arguments);
	if (text)
		doc->cells[doc->cell_count++] = (struct doc_cell){ .text = text, .mark = mark };
}

/* In letters, as a terminal shows them. */
static size_t letters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static void put_padded(struct doc *doc, const char *text, size_t width, bool right, bool last)
{
	size_t blank = width - letters(text);

	for (size_t i = 0; right && i < blank; i++)
		fputc(' ', doc->stream);
	put(doc, text);
	for (size_t i = 0; !right && !last && i < blank; i++)
		fputc(' ', doc->stream);
}

static void end_text_table(struct doc *doc)
{
	size_t widths[DOC_COLUMNS_MAX], count = doc->column_count;

	for (size_t i = 0; i < count; i++)
		widths[i] = letters(doc->columns[i].name);
	for (size_t i = 0; i < doc->cell_count; i++)
		if (letters(doc->cells[i].text) > widths[i % count])
			widths[i % count] = letters(doc->cells[i].text);
	fputs("\n", doc->stream);
	put(doc, doc->caption);
	fputs("\n", doc->stream);
	for (size_t i = 0; i < count + doc->cell_count; i++) {
		size_t column = i % count;
		const char *text = i < count ? doc->columns[column].name : doc->cells[i - count].text;

		fputs("  ", doc->stream);
		put_padded(doc, text, widths[column], doc->columns[column].number, column + 1 == count);
		if (column + 1 == count)
			fputs("\n", doc->stream);
	}
}

static void end_markdown_table(struct doc *doc)
{
	size_t count = doc->column_count;

	fputs("\n**", doc->stream);
	put(doc, doc->caption);
	fputs("**\n\n", doc->stream);
	for (size_t i = 0; i < count + doc->cell_count; i++) {
		fputs("| ", doc->stream);
		put(doc, i < count ? doc->columns[i].name : doc->cells[i - count].text);
		fputs(i % count + 1 == count ? " |\n" : " ", doc->stream);
		for (size_t j = 0; i + 1 == count && j < count; j++)
			fprintf(doc->stream, "| %s %s", doc->columns[j].number ? "---:" : "---", j + 1 == count ? "|\n" : "");
	}
	fputs("\n", doc->stream);
}

static void end_html_table(struct doc *doc)
{
	size_t count = doc->column_count;

	/* Wider than a telephone it scrolls by itself, by keyboard too. */
	fputs("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"", doc->stream);
	put(doc, doc->caption);
	fputs("\"><table>\n<caption>", doc->stream);
	put(doc, doc->caption);
	fputs("</caption>\n<thead><tr>", doc->stream);
	for (size_t i = 0; i < count; i++) {
		fprintf(doc->stream, "<th scope=\"col\"%s>", doc->columns[i].number ? " class=\"n\"" : "");
		put(doc, doc->columns[i].name);
		fputs("</th>", doc->stream);
	}
	fputs("</tr></thead>\n<tbody>\n", doc->stream);
	for (size_t i = 0; i < doc->cell_count; i++) {
		const struct doc_cell *cell = &doc->cells[i];
		size_t column = i % count;
		const char *tag = column ? "td" : "th", *class = mark_classes[cell->mark];
		bool number = doc->columns[column].number;

		fprintf(doc->stream, "%s<%s%s", column ? "" : "<tr>", tag, column ? "" : " scope=\"row\"");
		if (number || *class)
			fprintf(doc->stream, " class=\"%s%s%s\"", number ? "n" : "", number && *class ? " " : "", class);
		fputc('>', doc->stream);
		put(doc, cell->text);
		fprintf(doc->stream, "</%s>%s", tag, column + 1 == count ? "</tr>\n" : "");
	}
	fputs("</tbody></table></div>\n", doc->stream);
}

void doc_table_end(struct doc *doc)
{
	switch (doc->format) {
	case PAGE_TEXT:
		end_text_table(doc);
		break;
	case PAGE_MARKDOWN:
		end_markdown_table(doc);
		break;
	case PAGE_HTML:
		end_html_table(doc);
		break;
	}
	for (size_t i = 0; i < doc->cell_count; i++)
		free(doc->cells[i].text);
	free(doc->cells);
	doc->cells = NULL;
	doc->cell_count = doc->cell_room = 0;
}

void doc_verbatim(struct doc *doc, const char *text)
{
	if (doc->format == PAGE_HTML) {
		fputs("<pre tabindex=\"0\">", doc->stream);
		plot_escape(text, doc->stream);
		fputs("</pre>\n", doc->stream);
		return;
	}
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n");

		/* Indented by four it is code in Markdown as well, whatever stands in it. */
		fputs("    ", doc->stream);
		for (size_t i = 0; i < length; i++)
			fputc((unsigned char)line[i] < 0x20 && line[i] != '\t' ? ' ' : line[i], doc->stream);
		fputs("\n", doc->stream);
		line += length + (line[length] == '\n');
	}
	if (doc->format == PAGE_MARKDOWN)
		fputs("\n", doc->stream);
}

void doc_fold_begin(struct doc *doc, const char *summary)
{
	if (doc->format != PAGE_HTML)
		return;
	fputs("<details><summary>", doc->stream);
	put(doc, summary);
	fputs("</summary>\n", doc->stream);
}

void doc_fold_end(struct doc *doc)
{
	if (doc->format == PAGE_HTML)
		fputs("</details>\n", doc->stream);
}
