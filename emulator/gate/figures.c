/* A summary as a flat list of figures, by the table of plan/figures.h. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/gate/gate.h"
#include "emulator/report/report.h"

/* Adds the figures of one list that stand in `node`; those that it lacks (another build's) are left out. */
static int add_list(struct gate_figures *figures, uint32_t *room, const cJSON *node, const struct plan_figure *list,
		    const char *prefix, int32_t hierarchy)
{
	for (; list->name; list++) {
		const cJSON *at = node;
		char part[FIGURE_PATH_MAX];
		const char *name = list->name;

		while (at && *name) {
			size_t length = strcspn(name, ".");

			snprintf(part, sizeof(part), "%.*s", (int)length, name);
			at = cJSON_GetObjectItemCaseSensitive(at, part);
			name += length + (name[length] == '.');
		}
		if (!at)
			continue;
		if (figures->count == *room) {
			uint32_t larger = *room ? 2 * *room : 256;
			void *grown = reallocarray(figures->items, larger, sizeof(*figures->items));

			if (!grown)
				return -ENOMEM;
			figures->items = grown;
			*room = larger;
		}
		struct gate_figure *to = &figures->items[figures->count++];
		*to = (struct gate_figure){ .kind = list->kind, .change = list->change, .hierarchy = hierarchy };
		snprintf(to->path, sizeof(to->path), "%s%s", prefix, list->name);
		to->has_value = true;
		if (cJSON_IsNumber(at)) {
			to->number = at->valuedouble;
			snprintf(to->text, sizeof(to->text), "%.15g", at->valuedouble);
		} else if (cJSON_IsString(at)) {
			snprintf(to->text, sizeof(to->text), "%s", at->valuestring);
		} else if (cJSON_IsBool(at)) {
			to->number = cJSON_IsTrue(at);
			snprintf(to->text, sizeof(to->text), "%s", cJSON_IsTrue(at) ? "true" : "false");
		} else {
			to->has_value = false;
			strcpy(to->text, "none");
		}
	}
	return 0;
}

static int add_run(struct gate_figures *figures, uint32_t *room, const cJSON *run)
{
	const char *mode = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(run, "mode"));
	const cJSON *hierarchy;
	char prefix[64];
	int32_t number = 0;

	if (!mode)
		return 0;
	snprintf(prefix, sizeof(prefix), "%.20s.", mode);
	int r = add_list(figures, room, run, figures_run, prefix, -1);
	cJSON_ArrayForEach(hierarchy, cJSON_GetObjectItemCaseSensitive(run, "hierarchies")) {
		snprintf(prefix, sizeof(prefix), "%.20s.hierarchies[%d].", mode, number);
		if (r == 0)
			r = add_list(figures, room, hierarchy, figures_hierarchy, prefix, number);
		number++;
	}
	return r;
}

int gate_figures_read(const cJSON *summary, struct gate_figures *figures)
{
	const cJSON *run;
	uint32_t room = 0;
	int r = 0;

	*figures = (struct gate_figures){ 0 };
	cJSON_ArrayForEach(run, cJSON_GetObjectItemCaseSensitive(summary, "runs"))
		r = r == 0 ? add_run(figures, &room, run) : r;
	if (r == 0)
		r = add_list(figures, &room, cJSON_GetObjectItemCaseSensitive(summary, "comparison"),
			     figures_comparison, "comparison.", -1);
	return r;
}

const struct gate_figure *gate_figures_find(const struct gate_figures *figures, const char *path)
{
	for (uint32_t i = 0; i < figures->count; i++)
		if (strcmp(figures->items[i].path, path) == 0)
			return &figures->items[i];
	return NULL;
}

void gate_figures_free(struct gate_figures *figures)
{
	free(figures->items);
	*figures = (struct gate_figures){ 0 };
}

void gate_value_text(enum figure_kind kind, double number, char *text, size_t size)
{
	const char *sign = number < 0 ? "-" : "";
	double length = fabs(number);

	switch (kind) {
	case FIGURE_BYTES:
		snprintf(text, size, "%s%s", sign, report_bytes((uint64_t)(length + 0.5)).text);
		return;
	case FIGURE_SECONDS:
		/* To the millisecond where it is short: what a gate tells apart is. */
		if (length < 100)
			snprintf(text, size, "%s%.3f s", sign, length);
		else
			snprintf(text, size, "%s%s", sign, report_duration((uint64_t)(length * 1e6 + 0.5)).text);
		return;
	case FIGURE_MICROSECONDS:
		snprintf(text, size, "%.0f us", number);
		return;
	case FIGURE_RATIO:
		snprintf(text, size, "%.4g", number);
		return;
	default:
		snprintf(text, size, "%.15g", number);
	}
}
