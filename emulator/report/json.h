/* Numbers in JSON, with the digits that they deserve: whatever writes a report writes them so. */
#ifndef FLEET_REPORT_JSON_H
#define FLEET_REPORT_JSON_H

#include <cjson/cJSON.h>
#include <stdint.h>

void json_u64(cJSON *object, const char *name, uint64_t value);        /* 64 bits without loss */
void json_figure(cJSON *object, const char *name, uint64_t value); /* null for PLAN_UNSET: it is not there */
void json_seconds(cJSON *object, const char *name, uint64_t time_us);  /* 6 decimals; null for PFS_TIME_NEVER */
void json_ratio(cJSON *object, const char *name, double value);        /* 4 decimals; null where not finite */
void json_real_seconds(cJSON *object, const char *name, double value); /* 3 decimals */

#endif
