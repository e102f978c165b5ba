/* What the files of this folder share. Nobody else includes this. */
#ifndef FLEET_REPORT_INTERNAL_H
#define FLEET_REPORT_INTERNAL_H

#include "emulator/report/json.h"
#include "emulator/report/report.h"

cJSON *report_host_json(const struct report *report);
cJSON *report_fidelity_json(const struct report *report);
cJSON *report_setup_json(const struct report *report);
cJSON *report_run_json(const struct plan *plan, const struct run_result *result);

#endif
