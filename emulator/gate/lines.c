/* What was judged, line by line. See gate.h. */
#include <stdlib.h>
#include <string.h>

#include "emulator/gate/gate.h"

const char *gate_outcome_name(enum gate_outcome outcome)
{
	static const char *const names[] = { "pass", "fail", "inconclusive", "skipped" };

	return names[outcome];
}

const char *gate_kind_name(enum gate_kind kind)
{
	static const char *const names[] = { "scenario", "baseline", "against" };

	return names[kind];
}

static void free_line(struct gate_line *line)
{
	free(line->name);
	free(line->limit);
	free(line->value);
	free(line->note);
}

void gate_add(struct gate_result *result, enum gate_kind kind, enum gate_outcome outcome, const char *name,
	      const char *limit, const char *value, const char *note)
{
	struct gate_line line = { .kind = kind,
				  .outcome = outcome,
				  .name = strdup(name),
				  .limit = strdup(limit),
				  .value = strdup(value),
				  .note = note ? strdup(note) : NULL };

	if (result->count == result->room) {
		uint32_t room = result->room ? 2 * result->room : 64;
		void *grown = reallocarray(result->lines, room, sizeof(*result->lines));

		if (grown) {
			result->lines = grown;
			result->room = room;
		}
	}
	if (result->count == result->room || !line.name || !line.limit || !line.value || (note && !line.note)) {
		result->memory_short = true;
		free_line(&line);
		return;
	}
	result->lines[result->count++] = line;
}

void gate_conclude(struct gate_result *result)
{
	result->outcome = result->why[0] ? GATE_INCONCLUSIVE : GATE_PASS;
	for (uint32_t i = 0; i < result->count; i++) {
		if (result->lines[i].outcome == GATE_INCONCLUSIVE && result->outcome == GATE_PASS)
			result->outcome = GATE_INCONCLUSIVE;
		if (result->lines[i].outcome == GATE_FAIL)
			result->outcome = GATE_FAIL;
	}
	if (result->memory_short) {
		result->outcome = GATE_INCONCLUSIVE;
		snprintf(result->why, sizeof(result->why), "out of memory: lines are missing");
	}
}

void gate_free(struct gate_result *result)
{
	for (uint32_t i = 0; i < result->count; i++)
		free_line(&result->lines[i]);
	free(result->lines);
	result->lines = NULL;
	result->count = result->room = 0;
}
