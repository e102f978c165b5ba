/* Figures as people read them. Decimal units, as WAN rates are sold. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "emulator/report/report.h"

struct report_text report_bytes(uint64_t bytes)
{
	static const char units[][4] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	struct report_text out;
	double value = (double)bytes;
	size_t unit = 0;

	/* 999.95 would be shown as 1000.0 */
	while (value >= 999.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(out.text, sizeof(out.text), "%" PRIu64 " B", bytes);
	else
		snprintf(out.text, sizeof(out.text), value < 9.995 ? "%.2f %s" : "%.1f %s", value,
			 units[unit]);
	return out;
}

struct report_text report_duration(uint64_t time_us)
{
	struct report_text out;
	uint64_t tenths = (time_us + 50000) / 100000, seconds = (time_us + 500000) / 1000000;

	if (time_us == PFS_TIME_NEVER)
		snprintf(out.text, sizeof(out.text), "-");
	else if (tenths < 600)
		snprintf(out.text, sizeof(out.text), "%" PRIu64 ".%" PRIu64 " s", tenths / 10, tenths % 10);
	else if (seconds < 3600)
		snprintf(out.text, sizeof(out.text), "%" PRIu64 ":%02" PRIu64 " min", seconds / 60,
			 seconds % 60);
	else
		snprintf(out.text, sizeof(out.text), "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " h",
			 seconds / 3600, seconds / 60 % 60, seconds % 60);
	return out;
}

struct report_text report_count(uint64_t count)
{
	struct report_text out;
	char digits[24];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, count), at = 0;

	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			out.text[at++] = ',';
		out.text[at++] = digits[i];
	}
	out.text[at] = '\0';
	return out;
}
