/* What the files of the plot share. Nobody else includes this. */
#ifndef FLEET_REPORT_PLOT_INTERNAL_H
#define FLEET_REPORT_PLOT_INTERNAL_H

#include "emulator/report/plot.h"

#define PLOT_TICKS_MAX 24

struct plot_tick {
	double at;       /* in the axis' base unit */
	char label[32];
};

/* An axis worked out: its ends, its ticks and what they are labelled in. */
struct plot_scale {
	bool logarithmic;
	double low, high;    /* base unit; low < high */
	const char *unit;    /* "" none */
	size_t tick_count;
	struct plot_tick ticks[PLOT_TICKS_MAX];
};

/* low and high: of all that is to be seen; low <= high. */
void plot_scale_make(const struct plot_axis *axis, double low, double high, struct plot_scale *scale);

/* Where a value stands between the ends, 0 to 1. */
double plot_scale_place(const struct plot_scale *scale, double value);

/* mantissa x 10^exponent with thousands apart, as "12,000" or "0.05". */
void plot_decimal(int64_t mantissa, int exponent, char *text, size_t size);

#endif
