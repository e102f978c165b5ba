/*
 * See explain.h. Where bytes are the bound's term, the gap comes apart exactly:
 * the WAN was busy for the bytes that crossed it (those sent again among them),
 * and it stood idle for the rest. Where round trips are, what a transfer waits
 * for besides its own is said, by the counters that grow with it.
 */
#include "emulator/capacity/explain.h"

#include <stdarg.h>
#include <stdio.h>

#include "emulator/report/report.h"

#define NEAR_PERCENT 2
#define SMALL_PERCENT 5 /* what may be put down to what no counter has */

__attribute__((format(printf, 4, 5))) static void append(char *text, size_t size, size_t *length, const char *format,
							 ...)
{
	va_list arguments;
	int more;

	va_start(arguments, format);
	more = vsnprintf(text + *length, size - *length, format, arguments);
	va_end(arguments);
	*length = more > 0 && (size_t)more < size - *length ? *length + (size_t)more : size - 1;
}

static const char *term_name(const struct capacity_bound *bound)
{
	static const char *const names[] = { "bytes over the rate", "round trips", "turns at the server", "its files over the LAN" };

	return bound->term < BOUND_TERMS ? names[bound->term] : "";
}

const char *explain_bound(const struct capacity_bound *bound, char *text, size_t size)
{
	uint64_t term_us = bound->total_us - bound->waits_us - bound->tree_us - bound->reset_us;
	size_t length = 0;

	text[0] = '\0';
	append(text, size, &length, "%s %s", term_name(bound), report_duration(term_us).text);
	if (bound->waits_us)
		append(text, size, &length, ", waits %s", report_duration(bound->waits_us).text);
	if (bound->tree_us)
		append(text, size, &length, ", tree %s", report_duration(bound->tree_us).text);
	if (bound->reset_us)
		append(text, size, &length, ", until its reset %s", report_duration(bound->reset_us).text);
	return text;
}

/* Of the WAN's time, where its bytes are the bound. */
static void explain_link(const struct capacity_outcome *outcome, bool traditional, char *text, size_t size, size_t *length)
{
	const struct capacity_bound *bound = &outcome->bound;
	__extension__ unsigned __int128 busy = (unsigned __int128)outcome->duration_us * outcome->wan_busy_ppm / 1000000;
	uint64_t busy_us = (uint64_t)busy, idle_us = outcome->duration_us - busy_us;
	uint64_t known_us = bound->waits_us + bound->tree_us + bound->reset_us;

	if (busy_us > bound->bytes_us + bound->bytes_us / 200)
		append(text, size, length, "%ssent again %s", *length ? ", " : "",
		       report_duration(busy_us - bound->bytes_us).text);
	if (idle_us > known_us + bound->total_us / 200)
		append(text, size, length, "%sWAN idle %s%s", *length ? ", " : "", report_duration(idle_us - known_us).text,
		       traditional ? "" : " more, while roots stand for election and wait");
}

static void explain_trips(const struct capacity_outcome *outcome, char *text, size_t size, size_t *length)
{
	const struct capacity_bound *bound = &outcome->bound;

	if (bound->term != BOUND_LAN && bound->sessions > 1 && bound->bytes_us * 2 > bound->trips_us)
		append(text, size, length, "%s%llu transfers wait for each other on the WAN, which their bytes alone fill for %s",
		       *length ? ", " : "", (unsigned long long)bound->sessions, report_duration(bound->bytes_us).text);
	if (outcome->retransmits)
		append(text, size, length, "%s%s blocks sent again, each after a time-out", *length ? ", " : "",
		       report_count(outcome->retransmits).text);
}

/* By PFS, where nothing went wrong: what the files of the phones that were last took longer than the bound has it. */
static void explain_files(const struct capacity_outcome *outcome, char *text, size_t size, size_t *length)
{
	const struct capacity_bound *bound = &outcome->bound;

	if (outcome->elections_us > bound->waits_us + bound->total_us / 200)
		append(text, size, length, "%selections %s longer than the strongest phone there could be would need",
		       *length ? ", " : "", report_duration(outcome->elections_us - bound->waits_us).text);
	if (outcome->downloads_us > bound->trips_us + bound->total_us / 200)
		append(text, size, length, "%sthe roots' downloads %s longer than round trips of the WAN alone", *length ? ", " : "",
		       report_duration(outcome->downloads_us - bound->trips_us).text);
}

const char *explain_gap(const struct capacity_outcome *outcome, bool traditional, char *text, size_t size)
{
	const struct capacity_bound *bound = &outcome->bound;
	size_t length = 0;

	text[0] = '\0';
	if (outcome->failed || outcome->duration_us <= bound->total_us + bound->total_us * NEAR_PERCENT / 100)
		return text;
	if (outcome->rejected)
		append(text, size, &length, "%s requests rejected at the server's limit, each to wait 5 to 15 s",
		       report_count(outcome->rejected).text);
	if (bound->term == BOUND_BYTES)
		explain_link(outcome, traditional, text, size, &length);
	else
		explain_trips(outcome, text, size, &length);
	if (outcome->directs)
		append(text, size, &length, "%s%s downloads past a hierarchy's root", length ? ", " : "",
		       report_count(outcome->directs).text);
	if (outcome->wan_copies > 1)
		append(text, size, &length, "%sa file fetched %s times for one hierarchy", length ? ", " : "",
		       report_count(outcome->wan_copies).text);
	if (!length)
		explain_files(outcome, text, size, &length);
	/* What is left: small things that no counter has, as joins, listening longer than the least, verdicts. */
	if (!length && outcome->duration_us > bound->total_us + bound->total_us * SMALL_PERCENT / 100)
		append(text, size, &length, "%s not accounted for", report_duration(outcome->duration_us - bound->total_us).text);
	else if (!length)
		append(text, size, &length, "listening, joining and verdicts, which differ from phone to phone");
	return text;
}
