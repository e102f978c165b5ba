/*
 * Plots as SVG: lines, steps and points over linear or logarithmic axes. One
 * plot is one <svg> element that stands alone in a file or inside a page.
 *
 * It is drawn for people on any screen: colours that the colour-blind can tell
 * apart, and a dash or a mark of its own for each series besides, since a
 * printer has no colours; light and dark by the reader's own setting. The same
 * plot is the same bytes everywhere: coordinates are rounded to tenths of a
 * pixel and every number is printed from integers, so no locale has a say.
 */
#ifndef FLEET_REPORT_PLOT_H
#define FLEET_REPORT_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PLOT_SERIES_MAX 16
#define PLOT_RULES_MAX 16
#define PLOT_VALUE_MAX 1e15
#define PLOT_ERROR_MAX 160

/* What an axis counts. Its values are given in the base unit; the axis picks k, M, min, h for itself. */
enum plot_unit {
	PLOT_NUMBER,
	PLOT_SECONDS,
	PLOT_BYTES,
	PLOT_BITS_PER_SECOND,
	PLOT_FRACTION /* 0.25 is shown as 25 %; above 1 is allowed */
};

struct plot_axis {
	const char *label; /* without the unit: it is added */
	enum plot_unit unit;
	bool logarithmic;  /* then every value must be above 0 */
	bool from_zero;    /* linear only: 0 is on the axis, whatever the values are */
	bool tight;        /* linear only: ends at the outermost values, not at the next round ones */
};

enum plot_style {
	PLOT_LINE,    /* straight between the points; marks as well where there are at most 40 points */
	PLOT_STEP,    /* holds each y until the next x */
	PLOT_SCATTER  /* marks alone */
};

struct plot_point {
	double x, y;
};

struct plot_series {
	const char *name;   /* in the legend; NULL or "": not in it */
	enum plot_style style;
	const struct plot_point *points;
	size_t count;       /* 0: in the legend alone */
	uint8_t colour;     /* 1 to 8; 0: by its place among the series */
	bool dashed, filled; /* filled: down to the bottom of the plot, not for PLOT_SCATTER */
};

/* A line across the whole plot: a limit, a moment. It widens the axis so that it is seen. */
struct plot_rule {
	bool vertical;      /* at x; else at y */
	double at;
	const char *label;  /* beside it; NULL none */
};

struct plot {
	const char *title;        /* above it, and its accessible name; must not be empty */
	const char *description;  /* its accessible description: what is to be seen; NULL none */
	const char *id;           /* letters, digits, - and _: unique in the page; NULL: "plot" */
	const char *empty;        /* shown where there is no point at all; NULL: "no data" */
	struct plot_axis x, y;
	const struct plot_series *series;
	size_t series_count;      /* at most PLOT_SERIES_MAX */
	const struct plot_rule *rules;
	size_t rule_count;        /* at most PLOT_RULES_MAX */
	uint32_t width, height;   /* of the drawing, 240 to 4000; 0: 480 by 320 */
	bool standalone;          /* a file of its own: with an XML declaration */
};

/*
 * Writes the plot. Returns 0; -EINVAL where it cannot be drawn (a value that is
 * not finite or beyond PLOT_VALUE_MAX, one of 0 or less on a logarithmic axis,
 * x that goes back in a PLOT_STEP, too many series, a bad id), with one line in `error`
 * that names the series and the point; -EIO where the stream has failed.
 * Nothing is written where it returns -EINVAL. Several points on one tenth of
 * a pixel are drawn as their first, lowest, highest and last, so a curve of a
 * million points is a few thousand.
 */
int plot_write(const struct plot *plot, FILE *stream, char error[PLOT_ERROR_MAX]);

/* A value in four digits at most, with a unit that fits: "1.234 MB", "90 min". */
void plot_value(enum plot_unit unit, double value, char *text, size_t size);

/* Writes text so that it stands for itself in XML and HTML; bytes that XML forbids become U+FFFD. */
void plot_escape(const char *text, FILE *stream);

#endif
