/*
 * The table for people: PFS beside traditional and, where the run was scaled
 * or sped, the same at full size in virtual time. One line a figure, then
 * whatever went wrong, by name, then the verdict.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "emulator/report/report.h"

#define LABEL_WIDTH 26
#define CELL_WIDTH 14
#define LOSERS_SHOWN 10
#define FAULTS_SHOWN 10

static struct report_text cell_duration(const struct run_result *r)
{
	return report_duration(r->duration_us);
}

static struct report_text cell_p50(const struct run_result *r)
{
	return report_duration(r->completion_p50_us);
}

static struct report_text cell_p99(const struct run_result *r)
{
	return report_duration(r->completion_p99_us);
}

static struct report_text cell_wan_down(const struct run_result *r)
{
	return report_bytes(r->wan_bytes_down);
}

static struct report_text cell_wan_up(const struct run_result *r)
{
	return report_bytes(r->wan_bytes_up);
}

static struct report_text cell_wan_busy(const struct run_result *r)
{
	struct report_text out;

	snprintf(out.text, sizeof(out.text), "%.1f %%", 100 * r->wan_busy_fraction);
	return out;
}

static struct report_text cell_transfers(const struct run_result *r)
{
	return report_count(r->tftp_transfers);
}

static struct report_text cell_retransmits(const struct run_result *r)
{
	return report_count(r->tftp_retransmits + r->client_retransmits);
}

static struct report_text cell_rejected(const struct run_result *r)
{
	return report_count(r->tftp_rejected);
}

static struct report_text cell_peer_bytes(const struct run_result *r)
{
	return report_bytes(r->peer_bytes);
}

static struct report_text cell_broadcasts(const struct run_result *r)
{
	return report_count(r->peer_broadcasts);
}

static struct report_text cell_hierarchies(const struct run_result *r)
{
	uint64_t formed = 0;

	for (uint32_t i = 0; i < r->hierarchy_count; i++)
		formed += r->hierarchies[i].root >= 0;
	return report_count(formed);
}

static struct report_text cell_depth(const struct run_result *r)
{
	uint64_t depth = 0;

	for (uint32_t i = 0; i < r->hierarchy_count; i++)
		if (r->hierarchies[i].depth > depth)
			depth = r->hierarchies[i].depth;
	return report_count(depth);
}

static uint64_t directs(const struct run_result *r)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < PFS_DIRECT_REASONS; i++)
		count += r->direct_by_reason[i];
	return count;
}

static struct report_text cell_direct(const struct run_result *r)
{
	return report_count(directs(r));
}

static struct report_text cell_upgraded(const struct run_result *r)
{
	struct report_text out;

	snprintf(out.text, sizeof(out.text), "%" PRIu32 " of %" PRIu32, r->upgraded, r->phones);
	return out;
}

static struct report_text cell_failed(const struct run_result *r)
{
	return report_count(r->failed);
}

/* pfs_only: means nothing in a traditional run. */
static const struct row {
	const char *label;
	struct report_text (*cell)(const struct run_result *result);
	size_t ratio_of; /* offset of a uint64_t that is compared, or 0 */
	bool pfs_only;
} rows[] = {
	{ "phones upgraded", cell_upgraded, 0, false },
	{ "phones failed", cell_failed, 0, false },
	{ "time to the last phone", cell_duration, offsetof(struct run_result, duration_us), false },
	{ "  median phone", cell_p50, offsetof(struct run_result, completion_p50_us), false },
	{ "  99th percentile", cell_p99, offsetof(struct run_result, completion_p99_us), false },
	{ "WAN bytes down", cell_wan_down, offsetof(struct run_result, wan_bytes_down), false },
	{ "WAN bytes up", cell_wan_up, offsetof(struct run_result, wan_bytes_up), false },
	{ "WAN busy", cell_wan_busy, 0, false },
	{ "TFTP transfers", cell_transfers, offsetof(struct run_result, tftp_transfers), false },
	{ "  retransmissions", cell_retransmits, 0, false },
	{ "  rejected by the server", cell_rejected, 0, false },
	{ "  direct, not as root", cell_direct, 0, true },
	{ "bytes from peers", cell_peer_bytes, 0, true },
	{ "broadcasts", cell_broadcasts, 0, true },
	{ "hierarchies", cell_hierarchies, 0, true },
	{ "  deepest, levels", cell_depth, 0, true },
};

static void print_ratio(const struct report *report, size_t offset, FILE *stream)
{
	uint64_t pfs, traditional;

	memcpy(&pfs, (const char *)report->pfs.result + offset, sizeof(pfs));
	memcpy(&traditional, (const char *)report->traditional.result + offset, sizeof(traditional));
	if (offset && pfs != PFS_TIME_NEVER && traditional != PFS_TIME_NEVER && traditional)
		fprintf(stream, "%8.3f", (double)pfs / (double)traditional);
	else
		fprintf(stream, "%8s", "");
}

static void print_row(const struct report *report, size_t row, FILE *stream)
{
	const struct report_run *runs[] = { &report->pfs, &report->traditional,
					    report->side ? &report->side->pfs : NULL,
					    report->side ? &report->side->traditional : NULL };

	fprintf(stream, "%-*s", LABEL_WIDTH, rows[row].label);
	for (size_t i = 0; i < 4; i++) {
		if (i == 2 && report->pfs.result && report->traditional.result) {
			print_ratio(report, rows[row].ratio_of, stream);
		}
		if (i == 2 && report->side)
			fprintf(stream, "  |");
		if (!runs[i] || !runs[i]->result)
			continue;
		bool empty = rows[row].pfs_only && runs[i]->result->traditional;
		fprintf(stream, "%*s", CELL_WIDTH, empty ? "-" : rows[row].cell(runs[i]->result).text);
	}
	fputc('\n', stream);
}

static void print_head(const struct report *report, FILE *stream)
{
	fprintf(stream, "%-*s", LABEL_WIDTH, "");
	if (report->pfs.result)
		fprintf(stream, "%*s", CELL_WIDTH, "PFS");
	if (report->traditional.result)
		fprintf(stream, "%*s", CELL_WIDTH, "traditional");
	if (report->pfs.result && report->traditional.result)
		fprintf(stream, "%8s", "ratio");
	if (report->side) {
		fprintf(stream, "  |");
		if (report->side->pfs.result)
			fprintf(stream, "%*s", CELL_WIDTH, "full: PFS");
		if (report->side->traditional.result)
			fprintf(stream, "%*s", CELL_WIDTH, "full: trad.");
	}
	fputc('\n', stream);
}

static void print_first_lines(const struct report *report, FILE *stream)
{
	const struct plan *plan = report->plan;
	char what_if[PLAN_WHAT_IF_MAX];

	if (plan_is_what_if(&plan->what_if))
		fprintf(stream, "%s: not what the phones do.\n", plan_what_if_text(&plan->what_if, what_if));
	if (report_is_reduced(report)) {
		fprintf(stream, "Not at full size:");
		if (plan->scale_ppm < 1000000)
			fprintf(stream, " firmware at %.4g %% of its bytes", plan->scale_ppm / 1e4);
		if (plan->speed_milli != 1000 && strcmp(report->engine, "netns") == 0)
			fprintf(stream, "%s the clock at %g times real time",
				plan->scale_ppm < 1000000 ? "," : "", plan->speed_milli / 1e3);
		fprintf(stream, report->side ? "; on the right the full size, in virtual time.\n" : ".\n");
	}
	fprintf(stream, "%s: %s phones, %s site%s, %s subnet%s; engine %s, seed %" PRIu64 "\n\n", plan->name,
		report_count(plan->phone_count).text, report_count(plan->site_count).text,
		plan->site_count == 1 ? "" : "s", report_count(plan->subnet_count).text,
		plan->subnet_count == 1 ? "" : "s", report->engine, plan->seed);
}

/* A real server's clock is the host's, and not all of its limits are ours to set. */
static void print_server(const struct report *report, FILE *stream)
{
	const struct plan *plan = report->plan;

	if (plan->server.kind == PLAN_SERVER_EMBEDDED)
		return;
	if (strcmp(report->engine, "netns") != 0) {
		fprintf(stream, "The server is the embedded one: %s has no virtual time.\n\n",
			plan_server_name(plan->server.kind));
		return;
	}
	fprintf(stream, "The server is %s%s%s.\n\n", plan_server_name(plan->server.kind),
		plan->server.kind == PLAN_SERVER_IN_TFTPD ? ", which has no serving limit" : "",
		plan->speed_milli == 1000
			? ""
			: "; its time-outs are real ones, the clock is not: do not trust its times");
}

static void print_losers(const struct report *report, const struct run_result *result, FILE *stream)
{
	const struct plan *plan = report->plan;

	if (!result || !result->loser_count)
		return;
	fprintf(stream, "\nWithout new firmware in the %s run:\n",
		result->traditional ? "traditional" : "PFS");
	for (uint32_t i = 0; i < PFS_FAIL_REASONS; i++)
		if (result->failures[i])
			fprintf(stream, "  %10s  %s\n", report_count(result->failures[i]).text,
				pfs_failure_name((enum pfs_failure)i));
	if (result->unfinished)
		fprintf(stream, "  %10s  unfinished when the run ended\n",
			report_count(result->unfinished).text);
	if (result->gone)
		fprintf(stream, "  %10s  taken out for good by a fault: killed, crashed or made hostile\n", report_count(result->gone).text);
	for (uint32_t i = 0; i < result->loser_count && i < LOSERS_SHOWN; i++) {
		const struct run_loser *loser = &result->losers[i];
		const struct plan_firmware *firmware = plan_phone_firmware(plan, loser->phone);

		fprintf(stream, "  %s %s%s%s\n", plan->phones[loser->phone].name,
			plan->models[plan->phones[loser->phone].model].name,
			loser->file < firmware->file_count ? ", at " : "",
			loser->file < firmware->file_count ? firmware->files[loser->file].name : "");
	}
	if (result->loser_count > LOSERS_SHOWN)
		fprintf(stream, "  and %s more\n", report_count(result->loser_count - LOSERS_SHOWN).text);
}

static void print_directs(const struct run_result *result, FILE *stream)
{
	if (!result || !directs(result))
		return;
	fprintf(stream, "\nDownloads from the server by PFS phones that were not root:\n");
	for (uint32_t i = 0; i < PFS_DIRECT_REASONS; i++)
		if (result->direct_by_reason[i])
			fprintf(stream, "  %10s  %s\n", report_count(result->direct_by_reason[i]).text,
				pfs_direct_name((enum pfs_direct)i));
}

static void print_faults(const struct run_result *result, FILE *stream)
{
	if (!result || !result->fault_count)
		return;
	fprintf(stream, "\nFaults in the %s run:\n", result->traditional ? "traditional" : "PFS");
	for (uint32_t i = 0; i < result->fault_count && i < FAULTS_SHOWN; i++)
		fprintf(stream, "  %10s  %s\n", report_duration(result->faults[i].at_us).text,
			result->faults[i].text);
	if (result->fault_count > FAULTS_SHOWN)
		fprintf(stream, "  and %s more\n", report_count(result->fault_count - FAULTS_SHOWN).text);
}

static void print_fidelity(const struct report_run *run, FILE *stream)
{
	if (!run->result || !run->world->inconclusive)
		return;
	fprintf(stream, "The %s run cannot be trusted: %s\n", run->result->traditional ? "traditional" : "PFS",
		run->world->reasons);
	if (run->world->speed_not_held_milli)
		fprintf(stream, "  This host holds it at --speed %g, and not at %g: it was tried\n",
			run->world->speed_held_milli / 1000.0, run->world->speed_not_held_milli / 1000.0);
	else if (run->world->speed_held_milli)
		fprintf(stream, "  By these figures this host holds it at --speed %g; --find-speed tries what it holds\n",
			run->world->speed_held_milli / 1000.0);
}

/* What the run was on this host. Virtual time has no such thing. */
static void print_host(const struct report_run *run, FILE *stream)
{
	const struct world_report *world = run->world;

	if (!run->result || !world->workers)
		return;
	fprintf(stream,
		"\nThe host, %s run: up in %.2f s, down in %.2f s; %" PRIu32 " worker%s, %s descriptors at once, "
		"%s in the fullest table\n",
		run->result->traditional ? "traditional" : "PFS", world->up_s, world->down_s, world->workers,
		world->workers == 1 ? "" : "s", report_count(world->descriptors_peak).text,
		report_count(world->descriptors_table_peak).text);
	fprintf(stream, "  memory %s, of it %s the kernel's; ARP frames %s, packets dropped %s, sent twice by TCP %s\n",
		report_bytes(world->rss_bytes + world->kernel_bytes).text, report_bytes(world->kernel_bytes).text,
		report_count(world->arp_frames).text, report_count(world->drops).text,
		report_count(world->tcp_retransmits).text);
}

/* Each with its limit and its value, also those that hold: that is what one looks for in a log of last week. */
static void print_gates(const struct report *report, FILE *stream)
{
	if (report->gate_count)
		fprintf(stream, "%sGates:\n", report->check_count ? "" : "\n");
	for (uint32_t i = 0; i < report->gate_count; i++) {
		const struct report_gate *gate = &report->gates[i];

		fprintf(stream, "  %-8s%s: %s, limit %s %s\n", report_gate_verdict_name(gate->verdict),
			gate->gate->field,
			gate->verdict == REPORT_GATE_SKIPPED ? "not run"
			: gate->has_value		     ? gate->value
							     : "none",
			report_relation_name(gate->gate->relation), gate->gate->written);
	}
}

/* "12", a phone's name, or "none". */
static const char *check_figure(const struct plan *plan, const struct report_check *check, uint64_t value,
				char text[24])
{
	if (value == PLAN_UNSET)
		return "none";
	if (check->phone && value < plan->phone_count)
		return plan->phones[value].name;
	snprintf(text, 24, "%" PRIu64, value);
	return text;
}

static void print_check(const struct plan *plan, const struct report_check *check, FILE *stream)
{
	static const char *const relations[] = { "at most", "at least", "exactly" };
	char value[24], limit[24];

	fprintf(stream, "Does not hold, %s run: %s: %s, expected %s %s\n", check->traditional ? "traditional" : "PFS",
		check->name, check_figure(plan, check, check->value, value), relations[check->relation],
		check_figure(plan, check, check->limit, limit));
}

static void print_violation(const struct plan *plan, const struct report_run *run, const char *size, FILE *stream)
{
	const struct world_violation *violation = run->result ? &run->world->violation : NULL;

	if (!violation || !*violation->invariant)
		return;
	fprintf(stream, "Broken, %s%s run: %s (%s", size, run->result->traditional ? "traditional" : "PFS",
		violation->invariant, plan->phones[violation->phone].name);
	if (violation->other != violation->phone && violation->other < plan->phone_count)
		fprintf(stream, " and %s", plan->phones[violation->other].name);
	fprintf(stream, ", at %" PRIu64 ".%06" PRIu64 " s); it ended the run there\n",
		violation->at_us / 1000000, violation->at_us % 1000000);
}

static void print_verdict(const struct report *report, FILE *stream)
{
	fputc('\n', stream);
	print_violation(report->plan, &report->pfs, "", stream);
	print_violation(report->plan, &report->traditional, "", stream);
	if (report->side) {
		print_violation(report->side->plan, &report->side->pfs, "full-size ", stream);
		print_violation(report->side->plan, &report->side->traditional, "full-size ", stream);
	}
	for (uint32_t i = 0; i < report->check_count; i++)
		/* Partial results hold next to nothing; that they are partial is said below. */
		if (!report->checks[i].holds && !report->interrupted)
			print_check(report->plan, &report->checks[i], stream);
	print_gates(report, stream);
	print_fidelity(&report->pfs, stream);
	print_fidelity(&report->traditional, stream);
	if (report->interrupted)
		fprintf(stream, "Interrupted: these results are partial.\n");
	fprintf(stream, "verdict: %s\n", report_verdict_name(report->verdict));
}

int report_table(const struct report *report, FILE *stream)
{
	print_first_lines(report, stream);
	print_server(report, stream);
	print_head(report, stream);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!rows[i].pfs_only || report->pfs.result)
			print_row(report, i, stream);
	print_losers(report, report->pfs.result, stream);
	print_losers(report, report->traditional.result, stream);
	print_directs(report->pfs.result, stream);
	print_faults(report->pfs.result, stream);
	print_faults(report->traditional.result, stream);
	print_host(&report->pfs, stream);
	print_host(&report->traditional, stream);
	print_verdict(report, stream);
	return fflush(stream) == 0 && !ferror(stream) ? 0 : -EIO;
}
