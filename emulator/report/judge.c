/*
 * What a run must hold. Beside the expectations that a scenario carries there
 * is what goes without saying: no phone is left without its firmware, a phone
 * that says it has it did receive that many bytes from the kernel, and the
 * logs are whole.
 */
#include <string.h>

#include "emulator/report/report_internal.h"

static void check(struct report *report, const char *name, bool traditional, bool expected,
		  enum report_relation relation, uint64_t limit, uint64_t value)
{
	if (report->check_count == REPORT_CHECKS_MAX)
		return;
	struct report_check *to = &report->checks[report->check_count++];
	*to = (struct report_check){ .name = name,
				     .traditional = traditional,
				     .expected = expected,
				     .relation = relation,
				     .limit = limit,
				     .value = value };
	switch (relation) {
	case REPORT_AT_MOST:
		to->holds = value <= limit;
		break;
	case REPORT_AT_LEAST:
		to->holds = value >= limit;
		break;
	case REPORT_EXACTLY:
		to->holds = value == limit;
		break;
	}
}

static void expect(struct report *report, const char *name, enum report_relation relation, uint64_t limit,
		   uint64_t value)
{
	if (limit != PLAN_UNSET)
		check(report, name, false, true, relation, limit, value);
}

static void judge_trace(struct report *report, const struct plan_expect_trace *wanted, uint64_t count)
{
	if (wanted->min == wanted->max) {
		expect(report, wanted->name, REPORT_EXACTLY, wanted->min, count);
		return;
	}
	expect(report, wanted->name, REPORT_AT_LEAST, wanted->min, count);
	expect(report, wanted->name, REPORT_AT_MOST, wanted->max, count);
}

/* Of all that fit the one that holds least is told. */
static void judge_figure(struct report *report, const struct plan_expect_hierarchy *wanted,
			 const char *name, enum report_relation relation, uint64_t limit,
			 uint64_t (*figure)(const struct run_hierarchy *))
{
	const struct run_result *result = report->pfs.result;
	uint64_t value = limit;
	bool met = false;

	if (limit == PLAN_UNSET)
		return;
	for (uint32_t i = 0; i < result->hierarchy_count; i++) {
		const struct run_hierarchy *hierarchy = &result->hierarchies[i];
		if ((wanted->site >= 0 && hierarchy->site != (uint32_t)wanted->site) ||
		    (wanted->subnet >= 0 && hierarchy->subnet != (uint32_t)wanted->subnet) ||
		    (wanted->model >= 0 && hierarchy->model != (uint32_t)wanted->model) ||
		    (wanted->file >= 0 && hierarchy->file != wanted->file))
			continue;
		met = true;
		if (relation == REPORT_EXACTLY ? figure(hierarchy) != limit : figure(hierarchy) > value)
			value = figure(hierarchy);
	}
	expect(report, name, relation, limit, met ? value : PLAN_UNSET);
}

static uint64_t root_of(const struct run_hierarchy *hierarchy)
{
	return hierarchy->root < 0 ? PLAN_UNSET : (uint64_t)hierarchy->root;
}

static uint64_t roots_of(const struct run_hierarchy *hierarchy)
{
	return hierarchy->roots_confirmed;
}

static uint64_t copies_of(const struct run_hierarchy *hierarchy)
{
	return hierarchy->wan_copies;
}

static uint64_t members_of(const struct run_hierarchy *hierarchy)
{
	return hierarchy->members;
}

static uint64_t depth_of(const struct run_hierarchy *hierarchy)
{
	return hierarchy->depth;
}

static void judge_hierarchies(struct report *report, const struct plan_expect_hierarchy *wanted)
{
	uint32_t first = report->check_count;

	judge_figure(report, wanted, wanted->names[0], REPORT_EXACTLY, wanted->root, root_of);
	if (report->check_count > first)
		report->checks[first].phone = true;
	judge_figure(report, wanted, wanted->names[1], REPORT_EXACTLY, wanted->roots_confirmed, roots_of);
	judge_figure(report, wanted, wanted->names[2], REPORT_EXACTLY, wanted->wan_copies, copies_of);
	judge_figure(report, wanted, wanted->names[3], REPORT_EXACTLY, wanted->members, members_of);
	judge_figure(report, wanted, wanted->names[4], REPORT_AT_MOST, wanted->depth_max, depth_of);
}

static void judge_pfs(struct report *report)
{
	const struct run_result *result = report->pfs.result;
	const struct plan_expect *limits = &report->plan->expect;
	uint64_t copies = 0, roots = 0, direct = 0;

	for (uint32_t i = 0; i < result->hierarchy_count; i++) {
		if (result->hierarchies[i].wan_copies > copies)
			copies = result->hierarchies[i].wan_copies;
		if (result->hierarchies[i].roots_confirmed > roots)
			roots = result->hierarchies[i].roots_confirmed;
	}
	for (uint32_t i = 0; i < PFS_DIRECT_REASONS; i++)
		direct += result->direct_by_reason[i];
	expect(report, "upgraded_min", REPORT_AT_LEAST, limits->upgraded_min, result->upgraded);
	expect(report, "direct_max", REPORT_AT_MOST, limits->direct_max, direct);
	expect(report, "wan_copies_max", REPORT_AT_MOST, limits->wan_copies_max, copies);
	expect(report, "roots_confirmed_max", REPORT_AT_MOST, limits->roots_confirmed_max, roots);
	expect(report, "transfers_pfs", REPORT_EXACTLY, limits->transfers_pfs, result->tftp_transfers_pfs);
	expect(report, "refused_other_subnet_min", REPORT_AT_LEAST, limits->refused_other_subnet_min,
	       result->dropped[PFS_DROP_SUBNET]);
	for (uint32_t i = 0; i < limits->trace_count; i++)
		judge_trace(report, &limits->traces[i], result->traced[i]);
	for (uint32_t i = 0; i < limits->hierarchy_count; i++)
		judge_hierarchies(report, &limits->hierarchies[i]);
}

static void judge_run(struct report *report, const struct report_run *run, bool traditional)
{
	uint64_t failed_max = report->plan->expect.failed_max;
	bool expected = failed_max != PLAN_UNSET;

	check(report, "failed_max", traditional, expected, REPORT_AT_MOST, expected ? failed_max : 0,
	      run->result->failed);
	/* In virtual time an invariant says the second, at once; there is no kernel to say the first. */
	if (strcmp(report->engine, "netns") == 0) {
		check(report, "kernel_bytes_short", traditional, false, REPORT_AT_MOST, 0,
		      run->world->rx_short);
		check(report, "installed_damaged", traditional, false, REPORT_AT_MOST, 0,
		      run->world->installed_damaged);
	}
	/* Where a fault found no target the run has shown nothing about it. */
	if (!run->result->interrupted)
		check(report, "faults_not_struck", traditional, false, REPORT_AT_MOST, 0,
		      run->world->faults_not_struck);
	check(report, "console_log_errors", traditional, false, REPORT_AT_MOST, 0,
	      run->result->disk_error ? 1 : 0);
	report->interrupted |= run->result->interrupted;
}

static bool is_broken(const struct report_run *run)
{
	return run->result && *run->world->violation.invariant;
}

void report_judge(struct report *report)
{
	bool holds = true, trusted = true;

	report->check_count = 0;
	report->interrupted = false;
	if (report->pfs.result) {
		judge_run(report, &report->pfs, false);
		judge_pfs(report);
		trusted &= !report->pfs.world->inconclusive;
	}
	if (report->traditional.result) {
		judge_run(report, &report->traditional, true);
		trusted &= !report->traditional.world->inconclusive;
	}
	for (uint32_t i = 0; i < report->check_count; i++)
		holds &= report->checks[i].holds;
	holds &= report_judge_gates(report);
	/* Nothing that was counted until then is good, nor that a figure beside it is. */
	if (is_broken(&report->pfs) || is_broken(&report->traditional) ||
	    (report->side && (is_broken(&report->side->pfs) || is_broken(&report->side->traditional))))
		report->verdict = REPORT_FAIL;
	else if (!trusted || report->interrupted)
		report->verdict = REPORT_INCONCLUSIVE;
	else
		report->verdict = holds ? REPORT_PASS : REPORT_FAIL;
}

bool report_is_reduced(const struct report *report)
{
	/* In virtual time speed changes nothing. */
	return report->plan->scale_ppm < 1000000 ||
	       (report->plan->speed_milli > 1000 && strcmp(report->engine, "netns") == 0);
}

const char *report_verdict_name(enum report_verdict verdict)
{
	switch (verdict) {
	case REPORT_PASS:
		return "pass";
	case REPORT_FAIL:
		return "fail";
	case REPORT_INCONCLUSIVE:
		break;
	}
	return "inconclusive";
}
