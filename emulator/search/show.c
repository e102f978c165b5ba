/*
 * A counterexample for people: the path is gone through once more, and each
 * event is printed with what it made the phones do and why. The text has
 * everything; the diagram leaves out what only passes time.
 */
#include "emulator/search/state.h"

#include <stdlib.h>
#include <string.h>

static const char *who(int32_t phone, char name[8])
{
	if (phone == -1)
		return strcpy(name, "HQ");
	snprintf(name, 8, "P%d", phone & 7);
	return name;
}

const char *search_what_text(int32_t from, int32_t to, const char *label, bool lost,
			     char text[SEARCH_WHAT_MAX])
{
	char a[8], b[8];

	if (to == -2 || from == to)
		snprintf(text, SEARCH_WHAT_MAX, "%s %s", who(from, a), label);
	else
		snprintf(text, SEARCH_WHAT_MAX, "%s -> %s %s%s", who(from, a), who(to, b), label,
			 lost ? " LOST" : "");
	return text;
}

static void show_arrow(struct search_watcher *watcher, int32_t from, int32_t to, const char *label, bool lost)
{
	struct search_show *show = (struct search_show *)watcher;
	unsigned long long s = show->now_us / 1000000, ms = show->now_us / 1000 % 1000;
	char a[8], b[8], text[SEARCH_WHAT_MAX];

	who(from, a);
	who(to, b);
	if (show->mermaid && (to == -2 || from == to))
		fprintf(show->stream, "    Note over %s: %llu.%03llu %s\n", a, s, ms, label);
	else if (show->mermaid)
		fprintf(show->stream, "    %s%s%s: %llu.%03llu %s%s\n", a, lost ? "-x" : "->>", b, s, ms,
			label, lost ? " (lost)" : "");
	else
		fprintf(show->stream, "%4llu.%03llu  %s\n", s, ms,
			search_what_text(from, to, label, lost, text));
}

static void show_trace(struct search_watcher *watcher, uint32_t phone, const struct pfs_trace *trace)
{
	struct search_show *show = (struct search_show *)watcher;
	char name[8], other[8] = "";
	uint32_t peer = trace->address - SEARCH_ADDRESS;

	who((int32_t)phone, name);
	if (trace->address)
		who(peer < SEARCH_PHONES_MAX ? (int32_t)peer : -1, other);
	if (show->mermaid)
		return;
	fprintf(show->stream, "              %s %s%s%s a=%u b=%u c=%llu\n", name,
		pfs_trace_name((enum pfs_trace_kind)trace->kind), *other ? " " : "", other, trace->a,
		trace->b, (unsigned long long)trace->c);
}

void search_show_init(struct search_show *show, FILE *stream, bool mermaid)
{
	*show = (struct search_show){ { show_trace, show_arrow }, stream, 0, mermaid };
}

void search_show_step(struct search_show *show, struct search_step *step, const struct search_event *event)
{
	step->watcher = &show->watcher;
	if (event->kind == KIND_ADVANCE)
		show->now_us += search_advance_us(step->state);
	search_apply(step, event);
}

void search_show_end(const struct search_show *show, const struct search_state *state)
{
	for (uint32_t i = 0; !show->mermaid && i < state->phones; i++)
		fprintf(show->stream, "  in the end: P%u %s%s\n", i,
			state->hosts[i].alive ? pfs_state_name((enum pfs_state)state->cores[i].state)
					      : "killed",
			state->hosts[i].alive && state->cores[i].upgraded ? ", upgraded" : "");
}

static void show_path(const struct search_options *options, const struct search_result *result,
		      struct search_show *show)
{
	struct search_state *state = calloc(1, sizeof(*state));
	struct search_step step = { .state = state };

	if (!state)
		return;
	search_state_init(&step, options, result->order);
	for (uint32_t i = 0; i < result->path_length; i++)
		search_show_step(show, &step, &result->path[i]);
	search_show_end(show, state);
	free(state);
}

void search_show_strengths(const struct search_state *state, FILE *stream)
{
	fprintf(stream, "strengths:");
	for (uint32_t i = 0; i < state->phones; i++)
		fprintf(stream, " P%u=%u", i, state->cores[i].config.strength & 7);
	fprintf(stream, "\n");
}

static void strengths(const struct search_options *options, const struct search_result *result, FILE *stream,
		      const char *before)
{
	struct search_state *state = calloc(1, sizeof(*state));
	struct search_step step = { .state = state };

	if (!state)
		return;
	search_state_init(&step, options, result->order);
	fputs(before, stream);
	search_show_strengths(state, stream);
	free(state);
}

void search_show_text(const struct search_options *options, const struct search_result *result, FILE *stream)
{
	struct search_show show;

	search_show_init(&show, stream, false);
	fprintf(stream, "does not hold: %s\n", result->broken);
	strengths(options, result, stream, "");
	show_path(options, result, &show);
}

void search_show_mermaid(const struct search_options *options, const struct search_result *result,
			 FILE *stream)
{
	struct search_show show;

	search_show_init(&show, stream, true);
	fprintf(stream, "sequenceDiagram\n");
	strengths(options, result, stream, "    %% ");
	for (uint32_t i = 0; i < options->phones; i++)
		fprintf(stream, "    participant P%u\n", i);
	fprintf(stream, "    participant HQ\n");
	show_path(options, result, &show);
	fprintf(stream, "    Note over P0,HQ: does not hold: %s\n", result->broken);
}
