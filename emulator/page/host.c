/* Gates, how far the measurement can be trusted, the host, the scenario. */
#include <string.h>

#include "emulator/page/view.h"

static enum doc_mark mark_of(const char *verdict)
{
	return strcmp(verdict, "pass") == 0   ? DOC_GOOD
	       : strcmp(verdict, "fail") == 0 ? DOC_BAD
					      : DOC_SOFT;
}

static const char *relation_of(const struct page_gate *gate)
{
	if (!gate->relation)
		return "";
	return strcmp(gate->relation, "max") == 0   ? "at most "
	       : strcmp(gate->relation, "min") == 0 ? "at least "
						    : "exactly ";
}

/* By name, the n-th of that name: an expectation may be there with a floor and a ceiling. */
static const struct page_gate *same_gate(const struct page_folder *folder, const struct page_gate *wanted, size_t nth)
{
	for (size_t i = 0; i < folder->gate_count; i++)
		if (strcmp(folder->gates[i].name, wanted->name) == 0 && nth-- == 0)
			return &folder->gates[i];
	return NULL;
}

static size_t nth_of(const struct page_folder *folder, size_t index)
{
	size_t nth = 0;

	for (size_t i = 0; i < index; i++)
		nth += strcmp(folder->gates[i].name, folder->gates[index].name) == 0;
	return nth;
}

static void tell_gate(struct view *view, const struct page_gate *a, const struct page_gate *b)
{
	const struct page_gate *gate = a ? a : b;
	const struct page_gate *both[] = { a, b };

	doc_cell(&view->doc, DOC_PLAIN, "%s", gate->name);
	doc_cell(&view->doc, DOC_PLAIN, "%s%s", relation_of(gate), gate->limit);
	for (size_t i = 0; i < view->count; i++) {
		doc_cell(&view->doc, DOC_PLAIN, "%s", both[i] ? both[i]->value : "-");
		doc_cell(&view->doc, both[i] ? mark_of(both[i]->verdict) : DOC_SOFT, "%s", both[i] ? both[i]->verdict : "-");
	}
}

void page_tell_gates(struct view *view)
{
	static const struct doc_column one[] = { { "Gate", false }, { "Limit", true }, { "Value", true }, { "Verdict", false } };
	static const struct doc_column two[] = { { "Gate", false },    { "Limit", true },   { "A", true },
						 { "A verdict", false }, { "B", true },	     { "B verdict", false } };
	const struct page_folder *a = view->folders[0], *b = view->folders[1];

	if (!a->gate_count && !(b && b->gate_count))
		return;
	doc_heading(&view->doc, 2, "gates", "Gates and expectations");
	doc_table_begin(&view->doc, "What the run must hold", b ? two : one, b ? 6 : 4);
	for (size_t i = 0; i < a->gate_count; i++)
		tell_gate(view, &a->gates[i], b ? same_gate(b, &a->gates[i], nth_of(a, i)) : NULL);
	for (size_t i = 0; b && i < b->gate_count; i++)
		if (!same_gate(a, &b->gates[i], nth_of(b, i)))
			tell_gate(view, NULL, &b->gates[i]);
	doc_table_end(&view->doc);
}

static void tell_fidelity(struct view *view, const struct page_folder *folder, const char *label)
{
	static const struct doc_column columns[] = {
		{ "Run", false },	 { "Verdict", false },	    { "Timer lag p99", true },	{ "of at most", true },
		{ "Relay late p99", true }, { "Packets dropped", true }, { "Sent twice by TCP", true }, { "Cores busy", true },
		{ "Steal", true }
	};
	char caption[120];

	if (strcmp(folder->engine, "netns") != 0) {
		doc_paragraph(&view->doc, DOC_PLAIN, "%s%sVirtual time: nothing is measured, so nothing can be late. %s events.",
			      label, *label ? ": " : "", report_count(folder->fidelity.events).text);
		return;
	}
	snprintf(caption, sizeof(caption), "%s%sHow far the measurement can be trusted", label, *label ? ": " : "");
	doc_table_begin(&view->doc, caption, columns, 9);
	for (size_t i = 0; i < folder->fidelity_count; i++) {
		const struct page_fidelity *of = &folder->fidelities[i];

		doc_cell(&view->doc, DOC_PLAIN, "%s", of->mode);
		doc_cell(&view->doc, strcmp(of->verdict, "pass") == 0 ? DOC_GOOD : DOC_UNSURE, "%s", of->verdict);
		doc_cell(&view->doc, DOC_PLAIN, "%.1f ms", (double)of->timer_lag_p99_us / 1e3);
		doc_cell(&view->doc, DOC_PLAIN, "%.1f ms", (double)of->timer_smallest_us / 20e3);
		doc_cell(&view->doc, DOC_PLAIN, "%.2f ms", (double)of->relay_late_p99_us / 1e3);
		doc_cell(&view->doc, DOC_PLAIN, "%s", report_count(of->drops).text);
		doc_cell(&view->doc, DOC_PLAIN, "%s", report_count(of->tcp_retransmits).text);
		doc_cell(&view->doc, DOC_PLAIN, "%.2f", of->cpu_busy);
		doc_cell(&view->doc, DOC_PLAIN, "%.1f %%", 100 * of->steal);
	}
	doc_table_end(&view->doc);
}

static void tell_host(struct view *view, const struct page_folder *folder, const char *label)
{
	const char *space = *label ? ": " : "";

	doc_list_begin(&view->doc);
	doc_item(&view->doc, "%s%sfolder %s, scenario %s, seed %s, engine %s, server %s", label, space, folder->path, folder->name,
		 folder->seed, folder->engine, folder->server);
	doc_item(&view->doc, "%s%sbegun %s, pfs-fleet %s, Linux %s on %s", label, space, folder->started_at, folder->program,
		 folder->kernel, folder->machine);
	doc_item(&view->doc, "%s%s%s core%s%s%s, memory %s", label, space, report_count(folder->cores).text,
		 folder->cores == 1 ? "" : "s", *folder->cpu_model ? " of " : "", folder->cpu_model,
		 report_bytes(folder->memory_bytes).text);
	if (folder->workers)
		doc_item(&view->doc, "%s%sthe fleet was up in %.2f s and down in %.2f s; %s descriptors at once; memory %s, of it %s "
				     "the kernel's",
			 label, space, folder->up_s, folder->down_s, report_count(folder->descriptors_peak).text,
			 report_bytes(folder->rss_bytes + folder->kernel_bytes).text, report_bytes(folder->kernel_bytes).text);
	doc_list_end(&view->doc);
}

static void tell_differences(struct view *view)
{
	const struct page_folder *a = view->folders[0], *b = view->folders[1];
	const struct page_run *of_a = a->runs[0].there ? &a->runs[0] : &a->runs[1];
	const struct page_run *of_b = b->runs[0].there ? &b->runs[0] : &b->runs[1];
	char scale[2][48], speed[2][48];
	bool any = false;

	for (int i = 0; i < 2; i++) {
		snprintf(scale[i], sizeof(scale[i]), "%.6g", view->folders[i]->scale);
		snprintf(speed[i], sizeof(speed[i]), "%.6g", view->folders[i]->speed);
	}
	struct report_text phones[] = { report_count(of_a->phones), report_count(of_b->phones) };
	const struct {
		const char *what, *a, *b;
	} facts[] = {
		{ "scenario", a->name, b->name }, { "engine", a->engine, b->engine },	  { "server", a->server, b->server },
		{ "seed", a->seed, b->seed },	  { "phones", phones[0].text, phones[1].text }, { "scale", scale[0], scale[1] },
		{ "speed", speed[0], speed[1] },  { "program", a->program, b->program },  { "kernel", a->kernel, b->kernel },
		{ "processor", a->cpu_model, b->cpu_model }, { "what-if", a->what_if, b->what_if },
	};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		if (strcmp(facts[i].a, facts[i].b) == 0)
			continue;
		if (!any) {
			doc_paragraph(&view->doc, DOC_UNSURE, "The two runs differ in:");
			doc_list_begin(&view->doc);
		}
		any = true;
		doc_item(&view->doc, "%s: A %s, B %s", facts[i].what, facts[i].a, facts[i].b);
	}
	if (any)
		doc_list_end(&view->doc);
	if (a->scenario.text && b->scenario.text && strcmp(a->scenario.text, b->scenario.text) != 0)
		doc_paragraph(&view->doc, DOC_UNSURE, "Their scenarios are not the same text.");
}

void page_tell_host(struct view *view)
{
	doc_heading(&view->doc, 2, "host", "Trust, host, scenario");
	if (view->count > 1)
		tell_differences(view);
	for (size_t i = 0; i < view->count; i++) {
		tell_fidelity(view, view->folders[i], view->labels[i]);
		tell_host(view, view->folders[i], view->labels[i]);
	}
	for (size_t i = 0; i < view->count; i++) {
		const struct page_folder *folder = view->folders[i];
		char fold[80];

		if (!folder->scenario.text)
			continue;
		snprintf(fold, sizeof(fold), "%s%sThe scenario as it was run", view->labels[i], *view->labels[i] ? ": " : "");
		doc_fold_begin(&view->doc, fold);
		if (view->doc.format != PAGE_HTML) {
			doc_gap(&view->doc);
			doc_paragraph(&view->doc, DOC_PLAIN, "%s:", fold);
		}
		doc_verbatim(&view->doc, folder->scenario.text);
		doc_fold_end(&view->doc);
	}
}
