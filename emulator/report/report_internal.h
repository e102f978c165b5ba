/* What the files of this folder share. Nobody else includes this. */
#ifndef FLEET_REPORT_INTERNAL_H
#define FLEET_REPORT_INTERNAL_H

#include "emulator/report/json.h"
#include "emulator/report/report.h"

cJSON *report_host_json(const struct report *report);
cJSON *report_fidelity_json(const struct report *report);
cJSON *report_setup_json(const struct report *report);
/* The parts of the summary that have figures in them: what gates are judged by. */
cJSON *report_figures_json(const struct report *report);
/* Judges the scenario's gates; false where one does not hold. */
bool report_judge_gates(struct report *report);
/* The gates array of the summary: the checks and the scenario's gates. */
cJSON *report_gates_json(const struct report *report);
/* What the kernel and the disk say is measured: it is judged, and told in fidelity. */
bool report_check_is_measured(const struct report_check *check);
cJSON *report_run_json(const struct plan *plan, const struct run_result *result);

#endif
