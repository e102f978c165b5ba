/*
 * Reads summary.json. What a report cannot do without must be there and be
 * what it is to be; what an older program did not write yet may be missing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/page/folder.h"
#include "emulator/report/report.h"

void *page_room(struct reader *reader, size_t count, size_t size)
{
	void *room = calloc(count + 1, size);

	if (!room && !reader->status) {
		reader->status = -ENOMEM;
		snprintf(reader->error->line, sizeof(reader->error->line), "%.400s: no memory for it", reader->path);
	}
	return room;
}

static struct page_reason *take_reasons(const struct at *object, const char *name, size_t *count)
{
	struct at at = read_member(object, name);
	struct page_reason *reasons;
	const cJSON *item;
	size_t i = 0;

	*count = 0;
	if (!at.json)
		return NULL;
	if (!cJSON_IsObject(at.json)) {
		read_fail(&at, -EINVAL, "expected an object");
		return NULL;
	}
	reasons = page_room(at.reader, (size_t)cJSON_GetArraySize(at.json), sizeof(*reasons));
	if (!reasons)
		return NULL;
	cJSON_ArrayForEach(item, at.json) {
		reasons[i].name = item->string;
		reasons[i++].count = read_count(&at, item->string);
	}
	*count = i;
	return reasons;
}

static void take_hierarchies(const struct at *run, struct page_run *to)
{
	struct at array;
	const cJSON *item = read_array(run, "hierarchies", &array, &to->hierarchy_count);

	to->hierarchies = page_room(run->reader, to->hierarchy_count, sizeof(*to->hierarchies));
	for (size_t i = 0; item && to->hierarchies; item = item->next, i++) {
		struct at at = read_item(&array, item, i);

		to->hierarchies[i] = (struct page_hierarchy){
			.site = read_string(&at, "site"),
			.subnet = read_string(&at, "subnet"),
			.model = read_string(&at, "model"),
			.file = read_string_or(&at, "file", NULL),
			.root = read_string_or(&at, "root", NULL),
			.members = read_count(&at, "members"),
			.depth = read_count(&at, "depth"),
			.roots = read_count(&at, "roots_confirmed"),
			.copies = read_count(&at, "wan_copies"),
			.broadcasts = read_count_or(&at, "broadcasts", 0),
			.confirmed_s = read_number_or(&at, "confirmed_s", PAGE_NEVER),
			.transfer_s = read_number_or(&at, "transfer_s", PAGE_NEVER),
			.last_s = read_number_or(&at, "last_member_s", PAGE_NEVER),
		};
	}
	to->hierarchies_total = read_count_or(run, "hierarchies_total", to->hierarchy_count);
}

static void take_failures(const struct at *run, struct page_run *to)
{
	struct at array;
	const cJSON *item = read_array(run, "failures", &array, &to->failure_count);

	to->failures = page_room(run->reader, to->failure_count, sizeof(*to->failures));
	for (size_t i = 0; item && to->failures; item = item->next, i++) {
		struct at at = read_item(&array, item, i);

		to->failures[i] = (struct page_failure){ .phone = read_string(&at, "phone"),
							 .model = read_string(&at, "model"),
							 .file = read_string_or(&at, "file", NULL),
							 .reason = read_string(&at, "reason") };
	}
	item = read_array(run, "faults", &array, &to->fault_count);
	to->faults = page_room(run->reader, to->fault_count, sizeof(*to->faults));
	for (size_t i = 0; item && to->faults; item = item->next, i++) {
		struct at at = read_item(&array, item, i);

		to->faults[i] = (struct page_fault){ .at_s = read_number_or(&at, "at_s", PAGE_NEVER),
						     .what = read_string(&at, "what") };
	}
	to->faults_total = read_count_or(run, "faults_total", to->fault_count);
}

static void take_traffic(const struct at *run, struct page_run *to)
{
	struct at wan = read_member(run, "wan"), tftp = read_member(run, "tftp"), peer = read_member(run, "peer");

	to->bytes_down = read_count(&wan, "bytes_down");
	to->bytes_up = read_count(&wan, "bytes_up");
	to->frames_lost = read_count_or(&wan, "frames_lost", 0);
	to->queue_drops = read_count_or(&wan, "queue_drops", 0);
	to->busy = read_number_or(&wan, "busy_fraction", 0);
	to->transfers = read_count(&tftp, "transfers");
	to->transfers_pfs = read_count(&tftp, "transfers_pfs");
	to->rejected = read_count(&tftp, "rejected");
	to->retransmits = read_count(&tftp, "retransmits");
	to->client_retransmits = read_count_or(&tftp, "client_retransmits", 0);
	to->errors = read_count_or(&tftp, "errors", 0);
	to->directs_total = read_count_or(&tftp, "direct_total", 0);
	to->direct_by = take_reasons(&tftp, "direct_by_reason", &to->direct_count);
	to->peer_transfers = read_count(&peer, "transfers");
	to->peer_bytes = read_count(&peer, "bytes");
	to->broadcasts = read_count(&peer, "broadcasts");
	to->redirects = read_count_or(&peer, "redirects", 0);
	to->refusals = read_count_or(&peer, "refusals", 0);
	to->elections_again = read_count_or(&peer, "elections_again", 0);
	to->damaged = read_count_or(&peer, "damaged", 0);
}

static void take_run(const struct at *at, struct page_run runs[PAGE_MODES])
{
	const char *mode = read_string(at, "mode");
	bool traditional = strcmp(mode, "traditional") == 0;
	struct page_run *to = &runs[traditional ? PAGE_TRADITIONAL : PAGE_PFS];
	struct at named = read_member(at, "mode"), completion = read_member(at, "completion_s");

	if (!at->reader->status && !traditional && strcmp(mode, "pfs") != 0)
		read_fail(&named, -EINVAL, "expected \"pfs\" or \"traditional\"");
	else if (to->there)
		read_fail(&named, -EINVAL, "is there twice");
	if (at->reader->status)
		return;
	to->there = true;
	to->traditional = traditional;
	to->interrupted = read_bool_or(at, "interrupted", false);
	to->phones = read_count(at, "phones");
	to->upgraded = read_count(at, "upgraded");
	to->failed = read_count(at, "failed");
	to->unfinished = read_count_or(at, "unfinished", 0);
	to->gone = read_count_or(at, "gone", 0);
	to->ineligible = read_count_or(at, "ineligible", 0);
	to->ineligible_by = take_reasons(at, "ineligible_by_reason", &to->ineligible_count);
	to->duration_s = read_number_or(at, "duration_s", PAGE_NEVER);
	to->p50_s = read_number_or(&completion, "p50", PAGE_NEVER);
	to->p90_s = read_number_or(&completion, "p90", PAGE_NEVER);
	to->p99_s = read_number_or(&completion, "p99", PAGE_NEVER);
	to->max_s = read_number_or(&completion, "max", PAGE_NEVER);
	to->failures_by = take_reasons(at, "failures_by_reason", &to->failure_reason_count);
	take_traffic(at, to);
	take_hierarchies(at, to);
	take_failures(at, to);
}

static size_t take_runs(const struct at *object, struct page_run runs[PAGE_MODES])
{
	struct at array;
	size_t count;
	const cJSON *item = read_array(object, "runs", &array, &count);

	for (size_t i = 0; item; item = item->next, i++) {
		struct at at = read_item(&array, item, i);

		take_run(&at, runs);
	}
	return count;
}

/* Numbers as they stand in the file: a limit of 26000000 is not to become 2.6e+07. */
static char *value_text(const struct at *at)
{
	char *text = NULL;

	if (!at->json || cJSON_IsNull(at->json))
		text = strdup("-");
	else if (cJSON_IsString(at->json))
		text = strdup(at->json->valuestring);
	else
		text = cJSON_PrintUnformatted(at->json);
	if (!text)
		at->reader->status = -ENOMEM;
	return text;
}

static void take_gates(const struct at *root, struct page_folder *to)
{
	struct at array;
	const cJSON *item = read_array(root, "gates", &array, &to->gate_count);

	to->gates = page_room(root->reader, to->gate_count, sizeof(*to->gates));
	for (size_t i = 0; item && to->gates; item = item->next, i++) {
		struct at at = read_item(&array, item, i);
		struct at written = read_member(&at, "written"), limit = read_member(&at, "limit");
		struct at value = read_member(&at, "value");

		to->gates[i] = (struct page_gate){ .name = read_string(&at, "name"),
						   .kind = read_string_or(&at, "kind", NULL),
						   .relation = read_string_or(&at, "relation", NULL),
						   .verdict = read_string(&at, "verdict"),
						   .limit = value_text(written.json ? &written : &limit),
						   .value = value_text(&value) };
	}
}

static struct page_fidelity fidelity_of(const struct at *at)
{
	return (struct page_fidelity){
		.mode = read_string_or(at, "mode", ""),
		.verdict = read_string(at, "verdict"),
		.reasons = read_string_or(at, "reasons", ""),
		.timer_lag_p99_us = read_count_or(at, "timer_lag_p99_us", 0),
		.timer_smallest_us = read_count_or(at, "timer_smallest_us", 0),
		.relay_late_p99_us = read_count_or(at, "relay_late_p99_us", 0),
		.relay_corrections = read_count_or(at, "relay_corrections", 0),
		.drops = read_count_or(at, "drops", 0),
		.arp_frames = read_count_or(at, "arp_frames", 0),
		.tcp_retransmits = read_count_or(at, "tcp_retransmits", 0),
		.events = read_count_or(at, "events", 0),
		.cpu_busy = read_number_or(at, "cpu_busy", 0),
		.steal = read_number_or(at, "steal", 0),
	};
}

static void take_host(const struct at *root, struct page_folder *to)
{
	struct at host = read_member(root, "host"), setup = read_member(root, "setup");
	struct at fidelity = read_member(root, "fidelity"), array;
	const cJSON *item;

	to->started_at = read_string_or(&host, "started_at", "");
	to->kernel = read_string_or(&host, "kernel", "");
	to->machine = read_string_or(&host, "machine", "");
	to->cpu_model = read_string_or(&host, "cpu_model", "");
	to->program = read_string_or(&host, "program", "");
	to->scenario_path = read_string_or(&host, "scenario_path", "");
	to->cores = read_count_or(&host, "cores", 0);
	to->memory_bytes = read_count_or(&host, "memory_bytes", 0);
	to->workers = read_count_or(&setup, "workers", 0);
	to->descriptors_peak = read_count_or(&setup, "descriptors_peak", 0);
	to->rss_bytes = read_count_or(&setup, "rss_bytes", 0);
	to->kernel_bytes = read_count_or(&setup, "kernel_bytes", 0);
	to->up_s = read_number_or(&setup, "up_s", 0);
	to->down_s = read_number_or(&setup, "down_s", 0);
	to->fidelity = fidelity_of(&fidelity);
	item = read_array(&fidelity, "runs", &array, &to->fidelity_count);
	to->fidelities = page_room(root->reader, to->fidelity_count, sizeof(*to->fidelities));
	for (size_t i = 0; item && to->fidelities; item = item->next, i++) {
		struct at at = read_item(&array, item, i);

		to->fidelities[i] = fidelity_of(&at);
	}
}

/* All 64 bits of it: a double would round them. An unescaped quote stands nowhere else before it. */
static void take_seed(struct page_folder *to)
{
	const char *at = strstr(to->summary.text, "\"seed\":");
	size_t length;

	snprintf(to->seed, sizeof(to->seed), "-");
	if (!at)
		return;
	at += strlen("\"seed\":");
	at += strspn(at, " \t");
	length = strspn(at, "0123456789");
	if (length && length < sizeof(to->seed))
		snprintf(to->seed, sizeof(to->seed), "%.*s", (int)length, at);
}

static void check_schema(const struct at *root)
{
	struct at schema = read_member(root, "schema");
	const char *text = read_string(root, "schema"), *known = REPORT_SCHEMA;
	size_t stem = strlen(known) - 1;

	if (root->reader->status || strcmp(text, known) == 0)
		return;
	if (strncmp(text, known, stem) == 0 && strspn(text + stem, "0123456789") == strlen(text + stem))
		read_fail(&schema, -ENOTSUP, "is of a newer program: this one reads \"" REPORT_SCHEMA "\"");
	else
		read_fail(&schema, -EINVAL, "is no summary of a run: expected \"" REPORT_SCHEMA "\"");
}

static void take_summary(struct page_folder *to)
{
	struct at root = read_root(&to->summary);

	check_schema(&root);
	if (to->summary.status)
		return;
	struct at full = read_member(&root, "full_size"), verdict = read_member(&root, "verdict"), runs = read_member(&root, "runs"),
		  what_if = read_member(&root, "what_if");
	to->name = read_string(&root, "scenario");
	to->engine = read_string(&root, "engine");
	to->server = read_string_or(&root, "server", "embedded");
	to->verdict = read_string(&root, "verdict");
	to->interrupted = read_bool_or(&root, "interrupted", false);
	to->speed = read_number_or(&root, "speed", 1);
	to->scale = read_number_or(&root, "scale", 1);
	to->what_if = what_if.json ? read_string(&what_if, "text") : "";
	take_seed(to);
	if (!to->summary.status && strcmp(to->verdict, "pass") != 0 && strcmp(to->verdict, "fail") != 0 &&
	    strcmp(to->verdict, "inconclusive") != 0)
		read_fail(&verdict, -EINVAL, "expected pass, fail or inconclusive");
	if (!take_runs(&root, to->runs))
		read_fail(&runs, -EINVAL, "expected one run or two");
	if (full.json) {
		to->has_full = true;
		take_runs(&full, to->full);
	}
	take_gates(&root, to);
	take_host(&root, to);
}

static bool exists(const char *path, const char *name)
{
	char *whole = NULL;
	FILE *file = NULL;

	if (asprintf(&whole, "%s%s%s", path, *name ? "/" : "", name) < 0)
		return false;
	file = fopen(whole, "re");
	free(whole);
	if (file)
		fclose(file);
	return file != NULL;
}

static void say_no_run(const char *path, struct page_error *error)
{
	const char *what = "is no folder of a run: there is no summary.json in it";

	if (!exists(path, ""))
		what = "there is no such folder";
	else if (exists(path, "gate.json"))
		what = "is the folder of a gate: the runs are in it, run-1 or pair-1-this and so on";
	else if (exists(path, "scenario.json"))
		what = "the run in it was ended before it wrote a summary.json";
	snprintf(error->line, sizeof(error->line), "%.400s: %s", path, what);
}

int page_open(const char *path, struct page_folder **folder, struct page_error *error)
{
	struct page_folder *opened = calloc(1, sizeof(*opened));
	int status;

	*folder = NULL;
	if (opened)
		opened->path = strdup(path);
	if (!opened || !opened->path) {
		free(opened);
		snprintf(error->line, sizeof(error->line), "%.400s: no memory for it", path);
		return -ENOMEM;
	}
	status = read_open(path, "summary.json", &opened->summary, error);
	if (status == -ENOENT) {
		say_no_run(path, error);
		status = -EINVAL;
	}
	if (!status) {
		take_summary(opened);
		status = opened->summary.status;
	}
	if (!status) {
		status = page_load_detail(opened, error);
		if (status == -ENOENT)
			status = 0;
	}
	if (!status) {
		status = read_open(path, "scenario.json", &opened->scenario, error);
		if (status == -ENOENT)
			status = 0;
	}
	if (status) {
		page_close(opened);
		return status;
	}
	*folder = opened;
	return 0;
}

static void free_run(struct page_run *run)
{
	free(run->ineligible_by);
	free(run->direct_by);
	free(run->failures_by);
	free(run->hierarchies);
	free(run->failures);
	free(run->faults);
}

void page_close(struct page_folder *folder)
{
	if (!folder)
		return;
	for (int i = 0; i < PAGE_MODES; i++) {
		free_run(&folder->runs[i]);
		free_run(&folder->full[i]);
	}
	for (size_t i = 0; folder->gates && i < folder->gate_count; i++) {
		free(folder->gates[i].limit);
		free(folder->gates[i].value);
	}
	free(folder->gates);
	free(folder->fidelities);
	page_free_detail(folder);
	read_close(&folder->summary);
	read_close(&folder->detail);
	read_close(&folder->scenario);
	free(folder->path);
	free(folder);
}
