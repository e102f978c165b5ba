/*
 * The lines as text, Markdown, JUnit and JSON. A CI shows one of them: each has
 * every limit and every value in it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/gate/gate.h"

/* A text that grows in memory; NULL where memory lacks. */
struct page {
	char *text;
	size_t size;
	FILE *stream;
};

static bool page_open(struct page *page)
{
	page->text = NULL;
	page->stream = open_memstream(&page->text, &page->size);
	return page->stream != NULL;
}

static char *page_close(struct page *page)
{
	bool good = !ferror(page->stream);

	if (fclose(page->stream) == 0 && good)
		return page->text;
	free(page->text);
	return NULL;
}

static uint32_t count_outcome(const struct gate_result *result, enum gate_outcome outcome)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < result->count; i++)
		count += result->lines[i].outcome == outcome;
	return count;
}

static void print_conclusion(const struct gate_result *result, FILE *stream)
{
	fprintf(stream, "%s: %s, engine %s, seed %" PRIu64 ", %u run%s", gate_outcome_name(result->outcome),
		result->scenario, result->engine, result->seed, result->runs, result->runs == 1 ? "" : "s");
	if (result->runs_untrusted)
		fprintf(stream, " and %u that could not be trusted", result->runs_untrusted);
	fprintf(stream, "; %u of %u lines pass", count_outcome(result, GATE_PASS), result->count);
	if (count_outcome(result, GATE_SKIPPED))
		fprintf(stream, ", %u skipped", count_outcome(result, GATE_SKIPPED));
}

int gate_print(const struct gate_result *result, uint32_t passed_max, FILE *stream)
{
	uint32_t shown[3] = { 0 }, left = 0;

	for (uint32_t i = 0; i < result->count; i++) {
		const struct gate_line *line = &result->lines[i];

		if (line->outcome == GATE_PASS && !line->note && shown[line->kind]++ >= passed_max) {
			left++;
			continue;
		}
		fprintf(stream, "%-12s  %s: %s, limit %s%s%s%s\n", gate_outcome_name(line->outcome), line->name,
			line->value, line->limit, line->note ? " (" : "", line->note ? line->note : "",
			line->note ? ")" : "");
	}
	if (left)
		fprintf(stream, "              and %u more that pass; gate.json has them all\n", left);
	if (result->why[0])
		fprintf(stream, "%s\n", result->why);
	print_conclusion(result, stream);
	fputc('\n', stream);
	return fflush(stream) == 0 && !ferror(stream) ? 0 : -EIO;
}

/* ------------------------------------------------------------- JSON */

static void add_number(cJSON *object, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	cJSON_AddRawToObject(object, name, text);
}

char *gate_json(const struct gate_result *result)
{
	cJSON *root = cJSON_CreateObject();
	char text[32], *printed, *whole = NULL;

	cJSON_AddStringToObject(root, "schema", "pfs-fleet/gate/1");
	cJSON_AddStringToObject(root, "scenario", result->scenario);
	cJSON_AddStringToObject(root, "engine", result->engine);
	add_number(root, "seed", result->seed);
	add_number(root, "runs", result->runs);
	add_number(root, "runs_untrusted", result->runs_untrusted);
	snprintf(text, sizeof(text), "%.3f", result->took_s);
	cJSON_AddRawToObject(root, "took_s", text);
	cJSON_AddStringToObject(root, "outcome", gate_outcome_name(result->outcome));
	cJSON_AddStringToObject(root, "why", result->why);
	cJSON *lines = cJSON_AddArrayToObject(root, "lines");
	for (uint32_t i = 0; i < result->count; i++) {
		const struct gate_line *from = &result->lines[i];
		cJSON *line = cJSON_CreateObject();

		cJSON_AddStringToObject(line, "kind", gate_kind_name(from->kind));
		cJSON_AddStringToObject(line, "name", from->name);
		cJSON_AddStringToObject(line, "limit", from->limit);
		cJSON_AddStringToObject(line, "value", from->value);
		cJSON_AddStringToObject(line, "outcome", gate_outcome_name(from->outcome));
		if (from->note)
			cJSON_AddStringToObject(line, "note", from->note);
		cJSON_AddItemToArray(lines, line);
	}
	printed = cJSON_Print(root);
	cJSON_Delete(root);
	if (printed && asprintf(&whole, "%s\n", printed) < 0)
		whole = NULL;
	cJSON_free(printed);
	return whole;
}

/* ------------------------------------------------------------- Markdown */

/* In a cell of a table: no bar, no line feed, nothing that is markup. */
static void put_cell(FILE *stream, const char *text)
{
	for (; *text; text++) {
		if (strchr("|\\`*_<>[]#~", *text))
			fputc('\\', stream);
		fputc((unsigned char)*text < 0x20 ? ' ' : *text, stream);
	}
}

#define MARKDOWN_PASSED_MAX 200 /* a step summary ends at 1 MiB */

static void put_row(FILE *stream, const struct gate_line *line)
{
	static const char *const marks[] = { "pass", "**FAIL**", "inconclusive", "skipped" };

	fprintf(stream, "| %s | ", marks[line->outcome]);
	put_cell(stream, line->name);
	fputs(" | ", stream);
	put_cell(stream, line->value);
	fputs(" | ", stream);
	put_cell(stream, line->limit);
	fputs(" | ", stream);
	put_cell(stream, line->note ? line->note : "");
	fputs(" |\n", stream);
}

char *gate_markdown(const struct gate_result *result)
{
	struct page page;
	uint32_t passed = 0;

	if (!page_open(&page))
		return NULL;
	fputs("### pfs-fleet gate: ", page.stream);
	put_cell(page.stream, result->scenario);
	fputs("\n\n", page.stream);
	print_conclusion(result, page.stream);
	fputs(".\n", page.stream);
	if (result->why[0]) {
		fputc('\n', page.stream);
		put_cell(page.stream, result->why);
		fputc('\n', page.stream);
	}
	fputs("\n| outcome | figure | value | limit | |\n| --- | --- | --- | --- | --- |\n", page.stream);
	/* What does not pass comes first. */
	for (uint32_t i = 0; i < result->count; i++)
		if (result->lines[i].outcome != GATE_PASS)
			put_row(page.stream, &result->lines[i]);
	for (uint32_t i = 0; i < result->count; i++)
		if (result->lines[i].outcome == GATE_PASS && passed++ < MARKDOWN_PASSED_MAX)
			put_row(page.stream, &result->lines[i]);
	if (passed > MARKDOWN_PASSED_MAX)
		fprintf(page.stream, "\nand %u more that pass.\n", passed - MARKDOWN_PASSED_MAX);
	fputc('\n', page.stream);
	return page_close(&page);
}

/* ------------------------------------------------------------- JUnit */

/* XML 1.0 has no place for control characters, escaped or not. */
static void put_xml(FILE *stream, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", stream);
			break;
		case '<':
			fputs("&lt;", stream);
			break;
		case '>':
			fputs("&gt;", stream);
			break;
		case '"':
			fputs("&quot;", stream);
			break;
		default:
			fputc((unsigned char)*text < 0x20 ? ' ' : *text, stream);
		}
	}
}

static void put_attribute(FILE *stream, const char *name, const char *text)
{
	fprintf(stream, " %s=\"", name);
	put_xml(stream, text);
	fputc('"', stream);
}

/* Readers of JUnit know good, failed, error and skipped: inconclusive is an error, since it is no pass. */
static void put_case(FILE *stream, const struct gate_result *result, const struct gate_line *line)
{
	char class_name[PLAN_NAME_MAX + 32], *message;

	snprintf(class_name, sizeof(class_name), "%s.%s", result->scenario, gate_kind_name(line->kind));
	fputs("    <testcase", stream);
	put_attribute(stream, "classname", class_name);
	put_attribute(stream, "name", line->name);
	fputs(" time=\"0\">", stream);
	if (asprintf(&message, "%s: %s, limit %s%s%s", line->name, line->value, line->limit, line->note ? "; " : "",
		     line->note ? line->note : "") < 0)
		message = NULL;
	const char *said = message ? message : line->name;
	if (line->outcome == GATE_FAIL || line->outcome == GATE_INCONCLUSIVE) {
		const char *tag = line->outcome == GATE_FAIL ? "failure" : "error";

		fprintf(stream, "<%s", tag);
		put_attribute(stream, "type", gate_outcome_name(line->outcome));
		put_attribute(stream, "message", said);
		fputc('>', stream);
		put_xml(stream, said);
		fprintf(stream, "</%s>", tag);
	} else if (line->outcome == GATE_SKIPPED) {
		fputs("<skipped", stream);
		put_attribute(stream, "message", said);
		fputs("/>", stream);
	} else {
		fputs("<system-out>", stream);
		put_xml(stream, said);
		fputs("</system-out>", stream);
	}
	fputs("</testcase>\n", stream);
	free(message);
}

char *gate_junit(const struct gate_result *result)
{
	/* The run as a whole is a case too: it can be inconclusive without a line that is. */
	struct gate_line whole = { .kind = GATE_KIND_SCENARIO,
				   .outcome = result->why[0] ? result->outcome : GATE_PASS,
				   .name = (char *)"runs",
				   .limit = (char *)"trusted",
				   .value = (char *)(result->why[0] ? result->why : "trusted") };
	uint32_t errors = count_outcome(result, GATE_INCONCLUSIVE) + (whole.outcome == GATE_INCONCLUSIVE);
	uint32_t failures = count_outcome(result, GATE_FAIL) + (whole.outcome == GATE_FAIL);
	char counts[128];
	struct page page;

	if (!page_open(&page))
		return NULL;
	snprintf(counts, sizeof(counts), " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.3f\"",
		 result->count + 1, failures, errors, count_outcome(result, GATE_SKIPPED), result->took_s);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"pfs-fleet gate\">\n  <testsuite",
	      page.stream);
	put_attribute(page.stream, "name", result->scenario);
	fprintf(page.stream, "%s>\n", counts);
	put_case(page.stream, result, &whole);
	for (uint32_t i = 0; i < result->count; i++)
		put_case(page.stream, result, &result->lines[i]);
	fputs("  </testsuite>\n</testsuites>\n", page.stream);
	return page_close(&page);
}
