/*
 * Axes: which round numbers to put where, and what to call them. All labels
 * are made of a whole number and a power of ten, never of a double.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/report/plot_internal.h"

#define TICKS_WANTED 5
#define FINE_TIMES 12 /* steps of a logarithmic axis of times; with more it has fewer ticks */

struct multiple {
	double divisor;
	const char *unit;
	double from; /* the largest value of the axis is at least this */
};

static const struct multiple seconds[] = {
	{ 86400, "d", 3 * 86400.0 }, { 3600, "h", 3 * 3600.0 }, { 60, "min", 180 },
	{ 1, "s", 1 },               { 1e-3, "ms", 0 },
};
static const struct multiple bytes[] = {
	{ 1e12, "TB", 1e12 }, { 1e9, "GB", 1e9 }, { 1e6, "MB", 1e6 }, { 1e3, "kB", 1e3 }, { 1, "B", 0 },
};
static const struct multiple bits[] = {
	{ 1e9, "Gbit/s", 1e9 }, { 1e6, "Mbit/s", 1e6 }, { 1e3, "kbit/s", 1e3 }, { 1, "bit/s", 0 },
};
static const struct multiple fraction[] = { { 0.01, "%", 0 } };
static const struct multiple number[] = { { 1, "", 0 } };

static const struct multiple *multiple_of(enum plot_unit unit, double largest)
{
	const struct multiple *from = number;

	switch (unit) {
	case PLOT_SECONDS:
		from = seconds;
		break;
	case PLOT_BYTES:
		from = bytes;
		break;
	case PLOT_BITS_PER_SECOND:
		from = bits;
		break;
	case PLOT_FRACTION:
		from = fraction;
		break;
	case PLOT_NUMBER:
		break;
	}
	while (from->from > largest)
		from++;
	return from;
}

void plot_decimal(int64_t mantissa, int exponent, char *text, size_t size)
{
	char digits[64], grouped[96];
	size_t length, at = 0, whole;
	bool negative = mantissa < 0;
	uint64_t magnitude = negative ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;

	if (!magnitude) {
		snprintf(text, size, "0");
		return;
	}
	/* What ends in zeros behind the point is said without them. */
	while (exponent < 0 && magnitude % 10 == 0) {
		magnitude /= 10;
		exponent++;
	}
	length = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, magnitude);
	for (; exponent > 0 && length < 40; exponent--)
		digits[length++] = '0';
	/* At least one digit before the point. */
	while (exponent < 0 && length <= (size_t)-exponent && length < 40) {
		memmove(digits + 1, digits, length++);
		digits[0] = '0';
	}
	whole = exponent < 0 ? length - (size_t)-exponent : length;
	if (negative)
		grouped[at++] = '-';
	for (size_t i = 0; i < length; i++) {
		if (i == whole)
			grouped[at++] = '.';
		else if (i && i < whole && (whole - i) % 3 == 0)
			grouped[at++] = ',';
		grouped[at++] = digits[i];
	}
	grouped[at] = '\0';
	snprintf(text, size, "%s", grouped);
}

void plot_value(enum plot_unit unit, double value, char *text, size_t size)
{
	const struct multiple *multiple = multiple_of(unit, fabs(value));
	double shown = value / multiple->divisor;
	int exponent = shown != 0 ? (int)floor(log10(fabs(shown))) - 3 : 0;
	char digits[64];

	plot_decimal(llround(shown / pow(10, exponent)), exponent, digits, sizeof(digits));
	snprintf(text, size, "%s%s%s", digits, *multiple->unit ? " " : "", multiple->unit);
}

static void add_tick(struct plot_scale *scale, double at, const char *label)
{
	struct plot_tick *tick;

	if (scale->tick_count == PLOT_TICKS_MAX)
		return;
	tick = &scale->ticks[scale->tick_count++];
	tick->at = at;
	snprintf(tick->label, sizeof(tick->label), "%s", label);
}

/* The smallest of 1, 2, 5 times a power of ten that is at least `raw`. */
static void round_step(double raw, int64_t *mantissa, int *exponent)
{
	static const int64_t round[] = { 1, 2, 5, 10 };

	*exponent = (int)floor(log10(raw));
	for (size_t i = 0; i < sizeof(round) / sizeof(round[0]); i++) {
		*mantissa = round[i];
		if ((double)round[i] * pow(10, *exponent) >= raw * (1 - 1e-9))
			break;
	}
}

static void make_linear(const struct plot_axis *axis, double low, double high, struct plot_scale *scale)
{
	const struct multiple *multiple;
	int64_t mantissa, first, last;
	char label[32];
	double step;
	int exponent;

	if (axis->from_zero) {
		low = fmin(low, 0);
		high = fmax(high, 0);
	}
	/* One value, or as good as one: it stands in the middle of something. */
	if (high - low <= 1e-9 * fmax(fabs(low), fabs(high))) {
		double room = high != 0 ? fabs(high) / 2 : 1;

		low -= low >= 0 && axis->from_zero ? 0 : room;
		high += room;
	}
	multiple = multiple_of(axis->unit, fmax(fabs(low), fabs(high)));
	scale->unit = multiple->unit;
	low /= multiple->divisor;
	high /= multiple->divisor;
	round_step((high - low) / TICKS_WANTED, &mantissa, &exponent);
	step = (double)mantissa * pow(10, exponent);
	/* What stands on a tick but for a rounding error stands on it. */
	first = axis->tight ? (int64_t)ceil(low / step - 1e-6) : (int64_t)floor(low / step + 1e-6);
	last = axis->tight ? (int64_t)floor(high / step + 1e-6) : (int64_t)ceil(high / step - 1e-6);
	for (int64_t k = first; k <= last; k++) {
		plot_decimal(k * mantissa, exponent, label, sizeof(label));
		add_tick(scale, (double)k * step * multiple->divisor, label);
	}
	scale->low = (axis->tight ? low : (double)first * step) * multiple->divisor;
	scale->high = (axis->tight ? high : (double)last * step) * multiple->divisor;
}

/* 20,000 on a logarithmic axis is 20k, which leaves room for its neighbours. */
static void short_label(int64_t mantissa, int exponent, bool prefixed, char *text, size_t size)
{
	static const char prefixes[] = { 'k', 'M', 'G', 'T', 'P' };

	if (!prefixed || exponent < 3) {
		plot_decimal(mantissa, exponent, text, size);
		return;
	}
	size_t prefix = (size_t)exponent / 3 - 1 < sizeof(prefixes) ? (size_t)exponent / 3 - 1 : sizeof(prefixes) - 1;
	plot_decimal(mantissa, exponent - 3 * ((int)prefix + 1), text, size);
	size_t length = strlen(text);
	snprintf(text + length, size - length, "%c", prefixes[prefix]);
}

/* The largest unit of which there is a whole one. */
static const struct multiple *multiple_of_time(double time_s)
{
	const struct multiple *multiple = seconds;

	while (multiple->divisor > time_s)
		multiple++;
	return multiple;
}

/*
 * From seconds to days one unit for all is a riddle (28,800 s, 0.03 h), so each
 * tick has the one that people would use. False where the values are all of one
 * kind, or beyond the table.
 */
static bool make_times(double low, double high, struct plot_scale *scale)
{
	static const double times[] = { 1,    2,    5,     10,    20,	 60,	 120,	 300,	  600,	   1200,    3600,
					7200, 18000, 36000, 86400, 172800, 432000, 864000, 1728000, 4320000, 8640000 };
	static const double coarse[] = { 1, 10, 60, 600, 3600, 36000, 86400, 864000, 8640000 };
	const size_t fine_count = sizeof(times) / sizeof(times[0]), coarse_count = sizeof(coarse) / sizeof(coarse[0]);
	size_t first = 0, last = fine_count - 1;

	if (high < 60 || low < times[0] || high > times[last])
		return false;
	while (first + 1 < fine_count && times[first + 1] <= low * (1 + 1e-9))
		first++;
	while (last && times[last - 1] >= high * (1 - 1e-9))
		last--;
	if (first == last) {
		/* One value alone stands between its neighbours. */
		first -= first > 0;
		last += last + 1 < fine_count;
	}
	scale->unit = "";
	scale->low = times[first];
	scale->high = times[last];
	bool fine = last - first <= FINE_TIMES;
	const double *at = fine ? &times[first] : coarse, *end = fine ? &times[last + 1] : coarse + coarse_count;
	for (; at < end; at++) {
		char label[32];
		if (*at < scale->low || *at > scale->high)
			continue;
		const struct multiple *multiple = multiple_of_time(*at);
		plot_decimal(llround(*at / multiple->divisor), 0, label, sizeof(label));
		size_t length = strlen(label);
		snprintf(label + length, sizeof(label) - length, " %s", multiple->unit);
		add_tick(scale, *at, label);
	}
	return true;
}

static void make_logarithmic(const struct plot_axis *axis, double low, double high, struct plot_scale *scale)
{
	static const int64_t round[] = { 1, 2, 5 };
	/* Short times have no thousands: there is one unit for the whole axis. */
	bool time = axis->unit == PLOT_SECONDS;
	double divisor = axis->unit == PLOT_FRACTION ? 0.01 : time && high < 1 ? 1e-3 : 1;
	char label[32];

	if (time && make_times(low, high, scale))
		return;
	switch (axis->unit) {
	case PLOT_SECONDS:
		scale->unit = divisor < 1 ? "ms" : "s";
		break;
	case PLOT_BYTES:
		scale->unit = "B";
		break;
	case PLOT_BITS_PER_SECOND:
		scale->unit = "bit/s";
		break;
	case PLOT_FRACTION:
		scale->unit = "%";
		break;
	case PLOT_NUMBER:
		scale->unit = "";
		break;
	}
	low /= divisor;
	high /= divisor;
	if (high <= low * (1 + 1e-9)) {
		low /= 2;
		high *= 2;
	}
	int first = (int)floor(log10(low) + 1e-9), last = (int)ceil(log10(high) - 1e-9);
	bool fine = last - first <= 3;
	int every = (last - first + 7) / 8;
	scale->low = pow(10, first);
	scale->high = pow(10, last);
	if (fine)
		for (size_t i = 0; i < 3; i++) {
			double from = (double)round[i] * pow(10, first), to = (double)round[2 - i] * pow(10, last - 1);

			if (from <= low * (1 + 1e-9))
				scale->low = from;
			if (to >= high * (1 - 1e-9))
				scale->high = to;
		}
	for (int exponent = first; exponent <= last; exponent += fine ? 1 : every)
		for (size_t i = 0; i < (fine ? 3u : 1u); i++) {
			double at = (double)round[i] * pow(10, exponent);

			if (at < scale->low * (1 - 1e-9) || at > scale->high * (1 + 1e-9))
				continue;
			short_label(round[i], exponent, !time && axis->unit != PLOT_FRACTION, label, sizeof(label));
			add_tick(scale, at * divisor, label);
		}
	scale->low *= divisor;
	scale->high *= divisor;
}

void plot_scale_make(const struct plot_axis *axis, double low, double high, struct plot_scale *scale)
{
	*scale = (struct plot_scale){ .logarithmic = axis->logarithmic };
	if (axis->logarithmic)
		make_logarithmic(axis, low, high, scale);
	else
		make_linear(axis, low, high, scale);
}

double plot_scale_place(const struct plot_scale *scale, double value)
{
	if (scale->logarithmic)
		return log(value / scale->low) / log(scale->high / scale->low);
	return (value - scale->low) / (scale->high - scale->low);
}
