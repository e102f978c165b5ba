/* What the files of this folder share. Nobody else includes this. */
#ifndef FLEET_REPORT_INTERNAL_H
#define FLEET_REPORT_INTERNAL_H

#include <cjson/cJSON.h>

#include "emulator/report/report.h"

/* Numbers with the digits that they deserve, and 64 bits without loss. */
void json_u64(cJSON *object, const char *name, uint64_t value);
void json_seconds(cJSON *object, const char *name, uint64_t time_us); /* 6 decimals; null for never */
void json_ratio(cJSON *object, const char *name, double value);       /* 4 decimals; null where not finite */
void json_real_seconds(cJSON *object, const char *name, double value); /* 3 decimals */

cJSON *report_host_json(const struct report *report);
cJSON *report_fidelity_json(const struct report *report);
cJSON *report_setup_json(const struct report *report);
cJSON *report_run_json(const struct plan *plan, const struct run_result *result);

#endif
