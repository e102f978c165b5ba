/* What a plan worked out, for people (a table) and for programs (JSON, CSV). */
#ifndef FLEET_CAPACITY_SHOW_H
#define FLEET_CAPACITY_SHOW_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "emulator/capacity/answer.h"

#define SHOW_SCHEMA "pfs-fleet/plan/1"

/* Figures as people read them, besides those of report.h. */
struct show_text {
	char text[64];
};
struct show_text show_rate(uint64_t bps);  /* "1.536 Mb/s" */
struct show_text show_trip(uint64_t us);   /* "30 ms" */
struct show_text show_reset(const struct question_reset *reset);

/* The answer as text. Returns 0, or -1 where the stream has failed. */
int show_answer(const struct answer *answer, FILE *stream);

/* The same as JSON, and its parts; the caller's. */
cJSON *show_answer_json(const struct answer *answer);
cJSON *show_question_json(const struct question *question);
cJSON *show_setting_json(const struct question_setting *setting);
cJSON *show_outcome_json(const struct capacity_outcome *outcome, bool traditional);

/* Prints and deletes it: text that ends in a line feed, to be freed. NULL where memory lacks. */
char *show_json(cJSON *json);

#endif
