/* Readings and limits of fidelity.h. */
#include "emulator/netns/fidelity.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "emulator/netns/clock.h"
#include "pfs-core/timers.h"

/* A field of /proc/meminfo or /proc/self/status, kilobytes to bytes; 0 where it is not there. */
static uint64_t proc_bytes(const char *path, const char *const *names, int count)
{
	FILE *file = fopen(path, "re");
	uint64_t sum = 0, kilobytes;
	char line[256];
	int i;

	while (file && fgets(line, sizeof(line), file)) {
		for (i = 0; i < count; i++) {
			size_t length = strlen(names[i]);

			if (!strncmp(line, names[i], length) && line[length] == ':' &&
			    sscanf(line + length + 1, "%" SCNu64, &kilobytes) == 1)
				sum += kilobytes * 1024;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

static void read_stat(struct fidelity_reading *reading)
{
	uint64_t ticks[8] = {0};
	FILE *file = fopen("/proc/stat", "re");
	int i;

	/* user nice system idle iowait irq softirq steal; what follows is part of user */
	if (file && fscanf(file, "cpu %" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64
				 "%" SCNu64, &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5],
			   &ticks[6], &ticks[7]) == 8) {
		reading->steal_ticks = ticks[7];
		reading->all_ticks = 0;
		for (i = 0; i < 8; i++)
			reading->all_ticks += ticks[i];
	}
	if (file)
		fclose(file);
}

void fidelity_read(struct fidelity_reading *reading)
{
	static const char *const kernel[] = {"Slab", "KernelStack", "PageTables", "Percpu"};
	struct rusage usage = {0};

	memset(reading, 0, sizeof(*reading));
	getrusage(RUSAGE_SELF, &usage);
	reading->own_cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
			      (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	read_stat(reading);
	reading->kernel_bytes = proc_bytes("/proc/meminfo", kernel, 4);
	reading->real_ns = clock_real_ns();
}

void fidelity_compare(const struct fidelity_reading *from, const struct fidelity_reading *to,
		      struct world_report *report)
{
	double real_us = (double)(to->real_ns - from->real_ns) / 1000;
	uint64_t ticks = to->all_ticks - from->all_ticks;

	report->cpu_busy = real_us > 0 ? (double)(to->own_cpu_us - from->own_cpu_us) / real_us : 0;
	report->steal = ticks ? (double)(to->steal_ticks - from->steal_ticks) / (double)ticks : 0;
}

uint64_t fidelity_rss_bytes(void)
{
	static const char *const rss[] = {"VmHWM"};

	return proc_bytes("/proc/self/status", rss, 1);
}

uint64_t fidelity_descriptors(void)
{
	DIR *dir = opendir("/proc/thread-self/fd"); /* a worker has a table of its own */
	uint64_t count = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 3; /* ".", ".." and the directory itself */
}

void fidelity_doubt(struct world_report *report, const char *format, ...)
{
	size_t used = strlen(report->reasons);
	va_list arguments;

	report->inconclusive = true;
	if (used && used + 3 < sizeof(report->reasons)) {
		memcpy(report->reasons + used, "; ", 3);
		used += 2;
	}
	va_start(arguments, format);
	vsnprintf(report->reasons + used, sizeof(report->reasons) - used, format, arguments);
	va_end(arguments);
}

/*
 * What the host is late by in real time it is late by at any speed, or less
 * where it has less to do; in the scenario's time that is in proportion to the
 * speed. What was dropped or sent again has no such measure: half the speed is
 * offered. Rounded down to two digits.
 */
static uint32_t speed_held(uint32_t speed_milli, uint64_t lag_us, uint64_t lag_limit_us, uint64_t late_us,
			   uint64_t late_limit_us, bool lost)
{
	uint64_t held = speed_milli, unit = 1;

	if (lag_us > lag_limit_us)
		held = speed_milli * lag_limit_us / lag_us;
	if (late_limit_us && late_us > late_limit_us && speed_milli * late_limit_us / late_us < held)
		held = speed_milli * late_limit_us / late_us;
	if (lost && held > speed_milli / 2)
		held = speed_milli / 2;
	while (held / unit >= 100)
		unit *= 10;
	return (uint32_t)(held / unit * unit);
}

static uint32_t percent_of(uint64_t value, uint64_t limit)
{
	uint64_t percent = limit ? (value * 100 + limit - 1) / limit : 0;

	return percent < UINT32_MAX ? (uint32_t)percent : UINT32_MAX;
}

void fidelity_judge(const struct plan *plan, bool traditional, bool faults, struct world_report *report)
{
	uint64_t round_trip = report->relay_round_trip_us, lag_limit;
	bool resent = report->tcp_retransmits && !faults;

	report->timer_smallest_us = traditional ? PFS_TFTP_RTO_MIN_US : plan_wait_us(plan, PFS_CLAIM_INTERVAL_US);
	lag_limit = report->timer_smallest_us / 20;
	report->limits_used_percent = percent_of(report->timer_lag_p99_us, lag_limit);
	if (percent_of(report->relay_late_p99_us * 100, round_trip) > report->limits_used_percent)
		report->limits_used_percent = percent_of(report->relay_late_p99_us * 100, round_trip);
	if (report->timer_lag_p99_us > lag_limit)
		fidelity_doubt(report, "timer lag p99 %" PRIu64 " us passes 5 %% of %" PRIu64 " us", report->timer_lag_p99_us,
		      report->timer_smallest_us);
	if (round_trip && report->relay_late_p99_us * 100 > round_trip)
		fidelity_doubt(report, "relay lateness p99 %" PRIu64 " us passes 1 %% of %" PRIu64 " us",
		      report->relay_late_p99_us, round_trip);
	if (report->drops)
		fidelity_doubt(report, "%" PRIu64 " packets dropped that the scenario did not drop", report->drops);
	if (resent)
		fidelity_doubt(report, "TCP retransmitted %" PRIu64 " segments in a run without faults", report->tcp_retransmits);
	if (report->inconclusive)
		report->speed_held_milli = speed_held(plan->speed_milli, report->timer_lag_p99_us, lag_limit,
						      report->relay_late_p99_us, round_trip / 100,
						      report->drops || resent);
}
