/*
 * The parts of summary.json that depend on the host, the wall clock or the
 * folder: host, fidelity, setup. Everything else is the scenario's own and
 * comes out the same wherever a seed is run in virtual time.
 */
#include <cjson/cJSON.h>
#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "emulator/report/report_internal.h"

static void add_cpu_model(cJSON *host)
{
	FILE *info = fopen("/proc/cpuinfo", "re");
	char line[512];

	while (info && fgets(line, sizeof(line), info)) {
		char *value = strchr(line, ':');

		/* "model name" on x86, "Model" or nothing elsewhere */
		if (!value || (strncmp(line, "model name", 10) != 0 && strncmp(line, "Model", 5) != 0))
			continue;
		value += strspn(value, ": \t");
		value[strcspn(value, "\n")] = '\0';
		cJSON_AddStringToObject(host, "cpu_model", value);
		fclose(info);
		return;
	}
	if (info)
		fclose(info);
	cJSON_AddNullToObject(host, "cpu_model");
}

cJSON *report_host_json(const struct report *report)
{
	cJSON *host = cJSON_CreateObject();
	struct utsname names;
	char text[64];
	struct tm utc;

	cJSON_AddStringToObject(host, "program", FLEET_VERSION);
	if (uname(&names) == 0) {
		cJSON_AddStringToObject(host, "kernel", names.release);
		cJSON_AddStringToObject(host, "machine", names.machine);
	}
	json_u64(host, "cores", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	json_u64(host, "memory_bytes", (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
	add_cpu_model(host);
	cJSON *libraries = cJSON_AddObjectToObject(host, "libraries");
	snprintf(text, sizeof(text), "%d.%d", ev_version_major(), ev_version_minor());
	cJSON_AddStringToObject(libraries, "libev", text);
	cJSON_AddStringToObject(libraries, "liburcu", FLEET_URCU_VERSION);
	cJSON_AddStringToObject(libraries, "cJSON", cJSON_Version());
	cJSON_AddStringToObject(libraries, "libnl", FLEET_NL_VERSION);
	cJSON_AddStringToObject(libraries, "xxHash", FLEET_XXHASH_VERSION);
	if (gmtime_r(&report->started_at, &utc) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc))
		cJSON_AddStringToObject(host, "started_at", text);
	cJSON_AddBoolToObject(host, "root", geteuid() == 0);
	if (report->out_dir)
		cJSON_AddStringToObject(host, "out", report->out_dir);
	cJSON_AddStringToObject(host, "scenario_path", report->plan->path ? report->plan->path : "");
	return host;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void add_fidelity(cJSON *object, const struct world_report *world)
{
	cJSON_AddStringToObject(object, "verdict", world->inconclusive ? "inconclusive" : "pass");
	json_u64(object, "timer_lag_p50_us", world->timer_lag_p50_us);
	json_u64(object, "timer_lag_p99_us", world->timer_lag_p99_us);
	json_u64(object, "timer_lag_max_us", world->timer_lag_max_us);
	json_u64(object, "start_late_max_us", world->start_late_max_us);
	json_u64(object, "timer_smallest_us", world->timer_smallest_us);
	json_u64(object, "relay_late_p50_us", world->relay_late_p50_us);
	json_u64(object, "relay_late_p99_us", world->relay_late_p99_us);
	json_u64(object, "relay_late_max_us", world->relay_late_max_us);
	json_u64(object, "relay_corrections", world->relay_corrections);
	json_u64(object, "drops", world->drops);
	json_u64(object, "arp_frames", world->arp_frames);
	json_u64(object, "tcp_retransmits", world->tcp_retransmits);
	json_ratio(object, "limits_used", world->limits_used_percent / 100.0);
	json_ratio(object, "cpu_busy", world->cpu_busy);
	json_ratio(object, "steal", world->steal);
	json_u64(object, "rx_bytes_min", world->rx_bytes_min);
	json_u64(object, "rx_short", world->rx_short);
	json_u64(object, "installed_damaged", world->installed_damaged);
	json_u64(object, "events", world->events);
	cJSON_AddStringToObject(object, "reasons", world->reasons);
	if (world->speed_held_milli)
		cJSON_AddNumberToObject(object, "speed_held", world->speed_held_milli / 1000.0);
	if (world->speed_not_held_milli)
		cJSON_AddNumberToObject(object, "speed_not_held", world->speed_not_held_milli / 1000.0);
}

/* The worse of two runs in every field. */
static struct world_report worse(const struct world_report *a, const struct world_report *b)
{
	struct world_report w = *a;

	w.inconclusive |= b->inconclusive;
	if (b->reasons[0]) {
		size_t used = strlen(w.reasons);

		snprintf(w.reasons + used, sizeof(w.reasons) - used, "%s%s", used ? "; " : "", b->reasons);
	}
	if (b->speed_held_milli && (!w.speed_held_milli || b->speed_held_milli < w.speed_held_milli))
		w.speed_held_milli = b->speed_held_milli;
	if (b->speed_not_held_milli)
		w.speed_not_held_milli = b->speed_not_held_milli;
	w.timer_lag_p50_us = larger(a->timer_lag_p50_us, b->timer_lag_p50_us);
	w.timer_lag_p99_us = larger(a->timer_lag_p99_us, b->timer_lag_p99_us);
	w.timer_lag_max_us = larger(a->timer_lag_max_us, b->timer_lag_max_us);
	w.start_late_max_us = larger(a->start_late_max_us, b->start_late_max_us);
	w.relay_late_p50_us = larger(a->relay_late_p50_us, b->relay_late_p50_us);
	w.relay_late_p99_us = larger(a->relay_late_p99_us, b->relay_late_p99_us);
	w.relay_late_max_us = larger(a->relay_late_max_us, b->relay_late_max_us);
	if (b->timer_smallest_us && (!w.timer_smallest_us || b->timer_smallest_us < w.timer_smallest_us))
		w.timer_smallest_us = b->timer_smallest_us;
	if (b->rx_bytes_min && (!w.rx_bytes_min || b->rx_bytes_min < w.rx_bytes_min))
		w.rx_bytes_min = b->rx_bytes_min;
	if (b->limits_used_percent > w.limits_used_percent)
		w.limits_used_percent = b->limits_used_percent;
	w.relay_corrections += b->relay_corrections;
	w.drops += b->drops;
	w.arp_frames += b->arp_frames;
	w.tcp_retransmits += b->tcp_retransmits;
	w.cpu_busy = a->cpu_busy > b->cpu_busy ? a->cpu_busy : b->cpu_busy;
	w.steal = a->steal > b->steal ? a->steal : b->steal;
	w.rx_short += b->rx_short;
	w.installed_damaged += b->installed_damaged;
	w.events += b->events;
	w.up_s = a->up_s > b->up_s ? a->up_s : b->up_s;
	w.down_s = a->down_s > b->down_s ? a->down_s : b->down_s;
	w.rss_bytes = larger(a->rss_bytes, b->rss_bytes);
	w.kernel_bytes = larger(a->kernel_bytes, b->kernel_bytes);
	w.workers = a->workers > b->workers ? a->workers : b->workers;
	w.descriptors_peak = larger(a->descriptors_peak, b->descriptors_peak);
	w.descriptors_table_peak = larger(a->descriptors_table_peak, b->descriptors_table_peak);
	return w;
}

static struct world_report of_all_runs(const struct report *report)
{
	static const struct world_report none;
	const struct world_report *pfs = report->pfs.result ? report->pfs.world : NULL;
	const struct world_report *traditional =
		report->traditional.result ? report->traditional.world : NULL;

	if (pfs && traditional)
		return worse(pfs, traditional);
	return pfs ? *pfs : traditional ? *traditional : none;
}

cJSON *report_fidelity_json(const struct report *report)
{
	cJSON *fidelity = cJSON_CreateObject();
	struct world_report all = of_all_runs(report);

	add_fidelity(fidelity, &all);
	cJSON *runs = cJSON_AddArrayToObject(fidelity, "runs");
	for (int traditional = 0; traditional < 2; traditional++) {
		const struct report_run *run = traditional ? &report->traditional : &report->pfs;

		if (!run->result)
			continue;
		cJSON *object = cJSON_CreateObject();
		cJSON_AddStringToObject(object, "mode", traditional ? "traditional" : "pfs");
		add_fidelity(object, run->world);
		cJSON_AddItemToArray(runs, object);
	}
	return fidelity;
}

cJSON *report_setup_json(const struct report *report)
{
	cJSON *setup = cJSON_CreateObject();
	struct world_report all = of_all_runs(report);

	json_u64(setup, "phones", report->plan->phone_count);
	json_real_seconds(setup, "up_s", all.up_s);
	json_real_seconds(setup, "down_s", all.down_s);
	json_u64(setup, "rss_bytes", all.rss_bytes);
	json_u64(setup, "kernel_bytes", all.kernel_bytes);
	json_u64(setup, "workers", all.workers);
	json_u64(setup, "descriptors_peak", all.descriptors_peak);
	json_u64(setup, "descriptors_table_peak", all.descriptors_table_peak);
	return setup;
}
