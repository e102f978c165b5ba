/*
 * The plots of a sweep (sweep_show.h). A mode of every value of the second axis
 * is a line: PFS drawn through, traditional dashed, each value in one colour.
 * Lines that would lie on each other are one, which names them all: what a
 * reader does not see he takes for missing.
 */
#include "emulator/capacity/sweep_show.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/capacity/show.h"
#include "emulator/report/plot.h"

#define LINES_MAX (PLOT_SERIES_MAX / 2) /* each in both modes */
#define ALIKE 0.01                      /* a share of the value: about a line's width on a logarithmic axis */
#define WIDTH 560                       /* what is drawn wider is too small to read on a telephone */
#define HEIGHT 460

/* Which axes are drawn how: numbers in sweep->axes, or UINT32_MAX. */
struct layout {
	uint32_t x, line;
	uint32_t at[SWEEP_KINDS]; /* the value of each axis that this plot is of */
};

static bool is_number(const struct sweep_axis *axis)
{
	return axis->kind != SWEEP_RESET && axis->count > 1;
}

/* The number of the point with these values of the axes. */
static uint32_t point_at(const struct sweep *sweep, const struct layout *layout)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < sweep->axis_count; i++)
		number = number * sweep->axes[i].count + layout->at[i];
	return number;
}

static bool is_logarithmic(const struct sweep_axis *axis)
{
	uint64_t least = UINT64_MAX, most = 0;

	for (uint32_t i = 0; i < axis->count; i++) {
		least = axis->values[i] < least ? axis->values[i] : least;
		most = axis->values[i] > most ? axis->values[i] : most;
	}
	return least > 0 && most / least >= 8;
}

static bool is_knob(enum sweep_kind kind)
{
	return kind == SWEEP_FAN_OUT || kind == SWEEP_WAITS;
}

static const char *knob_name(enum sweep_kind kind)
{
	return kind == SWEEP_FAN_OUT ? "fan-out " : "waits ";
}

static bool is_of_tree(const struct sweep *sweep, const struct layout *layout)
{
	return layout->line != UINT32_MAX && is_knob(sweep->axes[layout->line].kind);
}

struct line_set {
	struct plot_series series[PLOT_SERIES_MAX];
	char names[PLOT_SERIES_MAX][96];
	struct plot_point points[PLOT_SERIES_MAX][SWEEP_VALUES_MAX];
	size_t count;
};

static int by_x(const void *left, const void *right)
{
	const struct plot_point *a = left, *b = right;

	return (a->x > b->x) - (a->x < b->x);
}

/* One line: a mode of one value of the second axis. Points at which phones were left behind are left out. */
static void add_line(const struct sweep *sweep, struct layout *layout, struct line_set *set, bool traditional, bool bytes,
		     uint32_t colour)
{
	const struct sweep_axis *x = &sweep->axes[layout->x];
	struct plot_series *series = &set->series[set->count];
	struct plot_point *points = set->points[set->count];
	char value[64] = "";
	size_t count = 0;

	for (layout->at[layout->x] = 0; layout->at[layout->x] < x->count; layout->at[layout->x]++) {
		const struct sweep_point *point = &sweep->points[point_at(sweep, layout)];
		const struct capacity_outcome *outcome =
			answer_percentile(traditional ? &point->traditional : &point->pfs, 50);
		if (outcome->failed || !outcome->duration_us)
			continue;
		points[count++] = (struct plot_point){ .x = sweep_value(&point->setting, x->kind),
						       .y = bytes ? (double)outcome->wan_bytes_down
								  : (double)outcome->duration_us / 1e6 };
	}
	layout->at[layout->x] = 0;
	qsort(points, count, sizeof(*points), by_x);
	if (layout->line != UINT32_MAX && !(traditional && is_of_tree(sweep, layout)))
		sweep_value_text(&sweep->points[point_at(sweep, layout)].setting, sweep->axes[layout->line].kind, value,
				 sizeof(value));
	snprintf(set->names[set->count], sizeof(set->names[0]), "%s%s%s%s", traditional ? "traditional" : "PFS",
		 *value ? ", " : "", is_of_tree(sweep, layout) && *value ? knob_name(sweep->axes[layout->line].kind) : "", value);
	*series = (struct plot_series){ .name = set->names[set->count],
					.style = PLOT_LINE,
					.points = points,
					.count = count,
					.colour = (uint8_t)(colour % 8 + 1),
					.dashed = traditional };
	set->count++;
}

/* True where nobody could see two lines. */
static bool are_alike(const struct plot_series *a, const struct plot_series *b)
{
	bool alike = a->dashed == b->dashed && a->count == b->count && a->count;

	for (size_t i = 0; alike && i < a->count; i++)
		alike = a->points[i].x == b->points[i].x &&
			fabs(a->points[i].y - b->points[i].y) <= ALIKE * a->points[i].y;
	return alike;
}

/* What a line is of: its name behind the mode. */
static const char *value_in(const struct line_set *set, size_t line)
{
	const char *comma = strchr(set->names[line], ',');

	return comma ? comma + 2 : "";
}

/*
 * A line that is drawn for others too: "PFS, 384 kb/s to 10 Mb/s" where they follow
 * it; else each is named (one may be a what-if), unless they are too many.
 */
static void name_for_all(struct line_set *set, size_t line, const size_t *others, size_t count)
{
	char names[4 * sizeof(set->names[0])];
	size_t length = strlen(set->names[line]), between = 0, last = others[count - 1];

	for (size_t i = line + 1; i < last; i++)
		between += set->series[i].dashed == set->series[line].dashed;
	memcpy(names, set->names[line], length + 1);
	if (between == count - 1) {
		snprintf(names + length, sizeof(names) - length, " to %s", value_in(set, last));
	} else {
		size_t at = length;
		for (size_t i = 0; i < count && at < sizeof(names); i++)
			at += (size_t)snprintf(names + at, sizeof(names) - at, " and %s", value_in(set, others[i]));
		if (at >= sizeof(set->names[0]))
			snprintf(names + length, sizeof(names) - length, " and %zu more", count);
	}
	snprintf(set->names[line], sizeof(set->names[0]), "%.*s", (int)sizeof(set->names[0]) - 1, names);
}

static void merge_alike(struct line_set *set)
{
	size_t kept = 0, others[PLOT_SERIES_MAX];

	for (size_t i = 0; i < set->count; i++) {
		size_t count = 0;
		if (!set->series[i].name)
			continue; /* drawn by another */
		for (size_t k = i + 1; k < set->count; k++)
			if (set->series[k].name && are_alike(&set->series[i], &set->series[k]))
				others[count++] = k;
		if (count)
			name_for_all(set, i, others, count);
		for (size_t k = 0; k < count; k++)
			set->series[others[k]].name = NULL;
	}
	for (size_t i = 0; i < set->count; i++)
		if (set->series[i].name)
			set->series[kept++] = set->series[i];
	set->count = kept;
}

static void add_lines(const struct sweep *sweep, struct layout *layout, struct line_set *set, bool bytes)
{
	uint32_t lines = layout->line == UINT32_MAX ? 1 : sweep->axes[layout->line].count;

	set->count = 0;
	for (uint32_t i = 0; i < lines && i < LINES_MAX; i++) {
		if (layout->line != UINT32_MAX)
			layout->at[layout->line] = i;
		add_line(sweep, layout, set, false, bytes, i);
		/* In the traditional way there is no tree: one line for all what-ifs. */
		if (i == 0 || !is_of_tree(sweep, layout))
			add_line(sweep, layout, set, true, bytes, i);
	}
	if (layout->line != UINT32_MAX)
		layout->at[layout->line] = 0;
	merge_alike(set);
}

static enum plot_unit unit_of(enum sweep_kind kind)
{
	return kind == SWEEP_WAN ? PLOT_BITS_PER_SECOND : kind == SWEEP_RTT ? PLOT_SECONDS : PLOT_NUMBER;
}

static const char *label_of(enum sweep_kind kind)
{
	return kind == SWEEP_WAN	? "WAN rate"
	       : kind == SWEEP_RTT	? "round trip"
	       : kind == SWEEP_FAN_OUT ? "fan-out (what-if but for 2)"
	       : kind == SWEEP_WAITS	? "waits, percent (what-if but for 100)"
					: sweep_axis_name(kind);
}

/* How many values of the axis before this one read alike, for they are rounded: two files are not to be one. */
static uint32_t alike_before(const struct sweep *sweep, const struct layout *layout, uint32_t axis)
{
	struct layout other = *layout;
	char text[64], earlier[64];
	uint32_t count = 0;

	sweep_value_text(&sweep->points[point_at(sweep, layout)].setting, sweep->axes[axis].kind, text, sizeof(text));
	for (other.at[axis] = 0; other.at[axis] < layout->at[axis]; other.at[axis]++) {
		sweep_value_text(&sweep->points[point_at(sweep, &other)].setting, sweep->axes[axis].kind, earlier, sizeof(earlier));
		count += strcmp(text, earlier) == 0;
	}
	return count;
}

/* What the other axes stand at, for the title and the file's name. */
static void describe(const struct sweep *sweep, const struct layout *layout, char *title, char *name, size_t size)
{
	const struct question_setting *setting = &sweep->points[point_at(sweep, layout)].setting;
	size_t title_length = strlen(title), name_length = strlen(name);
	char text[64];

	for (uint32_t i = 0; i < sweep->axis_count; i++) {
		if (i == layout->x || i == layout->line)
			continue;
		sweep_value_text(setting, sweep->axes[i].kind, text, sizeof(text));
		title_length += (size_t)snprintf(title + title_length, size - title_length, ", %s %s",
						 is_knob(sweep->axes[i].kind) ? sweep_axis_name(sweep->axes[i].kind) : label_of(sweep->axes[i].kind),
						 text);
		for (char *from = text, *to = text; (*to = *from == ':' ? '-' : *from); from++)
			to += isalnum((unsigned char)*to) || *to == '.' || *to == '-';
		name_length += (size_t)snprintf(name + name_length, size - name_length, "-%s-%s",
						sweep_axis_name(sweep->axes[i].kind), text);
		uint32_t alike = alike_before(sweep, layout, i);
		if (alike)
			name_length += (size_t)snprintf(name + name_length, size - name_length, "-%u", alike + 1);
	}
	snprintf(name + name_length, size - name_length, ".svg");
}

/* What no phone does says so in each plot's title; an axis of it says so itself. */
static void mark(const struct sweep *sweep, char *title, size_t size)
{
	struct plan_what_if what_if = sweep_what_if(sweep);
	size_t length = strlen(title);
	char text[PLAN_WHAT_IF_MAX];

	if (plan_is_what_if(&what_if))
		snprintf(title + length, size - length, ", %s", plan_what_if_text(&what_if, text));
}

static int draw(const struct sweep *sweep, struct layout *layout, struct line_set *set, bool bytes, sweep_put_fn put,
		void *context)
{
	char title[400], name[400], label[64], value[64], window_label[64], error[PLOT_ERROR_MAX], *svg = NULL;
	const struct sweep_axis *x = &sweep->axes[layout->x];
	size_t size;
	FILE *stream = open_memstream(&svg, &size);
	int r;

	if (!stream)
		return -ENOMEM;
	snprintf(title, sizeof(title), "%s", bytes ? "Bytes down the WAN" : "Time to the last phone");
	snprintf(name, sizeof(name), "%s", bytes ? "bytes" : "time");
	describe(sweep, layout, title, name, sizeof(title));
	mark(sweep, title, sizeof(title));
	add_lines(sweep, layout, set, bytes);
	snprintf(label, sizeof(label), "%s, median of %u seed%s", bytes ? "bytes" : "time", sweep->seeds,
		 sweep->seeds == 1 ? "" : "s");
	plot_value(PLOT_SECONDS, (double)sweep->question->window_us / 1e6, value, sizeof(value));
	snprintf(window_label, sizeof(window_label), "window %.40s", value);
	const struct plot_rule window = { .at = (double)sweep->question->window_us / 1e6, .label = window_label };
	const struct plot plot = {
		.title = title,
		.description = "PFS drawn through, traditional dashed; lines that would lie on each other are one.",
		.x = { .label = label_of(x->kind), .unit = unit_of(x->kind), .logarithmic = is_logarithmic(x) },
		.y = { .label = label, .unit = bytes ? PLOT_BYTES : PLOT_SECONDS, .logarithmic = true },
		.series = set->series,
		.series_count = set->count,
		.rules = &window,
		.rule_count = !bytes && sweep->question->window_us ? 1 : 0,
		.width = WIDTH,
		.height = HEIGHT,
		.standalone = true,
	};
	r = plot_write(&plot, stream, error);
	if (fclose(stream) != 0 && r == 0)
		r = -ENOMEM;
	if (r == 0)
		r = put(context, name, svg);
	else if (r == -EINVAL)
		fprintf(stderr, "pfs-fleet: %s cannot be drawn: %s\n", name, error);
	free(svg);
	return r;
}

/* The next combination of the axes that are neither; false after the last. */
static bool step(const struct sweep *sweep, struct layout *layout)
{
	for (uint32_t i = sweep->axis_count; i-- > 0;) {
		if (i == layout->x || i == layout->line)
			continue;
		if (++layout->at[i] < sweep->axes[i].count)
			return true;
		layout->at[i] = 0;
	}
	return false;
}

int sweep_plots(const struct sweep *sweep, sweep_put_fn put, void *context, uint32_t *left)
{
	struct layout layout = { .x = UINT32_MAX, .line = UINT32_MAX };
	struct line_set *set;
	uint32_t drawn = 0;
	int r = 0;

	*left = 0;
	for (uint32_t i = 0; i < sweep->axis_count && layout.x == UINT32_MAX; i++)
		if (is_number(&sweep->axes[i]))
			layout.x = i;
	for (uint32_t i = 0; i < sweep->axis_count && layout.line == UINT32_MAX; i++)
		if (i != layout.x && sweep->axes[i].count > 1 && sweep->axes[i].count <= LINES_MAX)
			layout.line = i;
	if (layout.x == UINT32_MAX)
		return 0;
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	do {
		for (int bytes = 0; r == 0 && bytes < 2; bytes++) {
			if (drawn == SWEEP_PLOTS_MAX)
				++*left;
			else
				r = draw(sweep, &layout, set, bytes, put, context);
			drawn += drawn < SWEEP_PLOTS_MAX;
		}
	} while (r == 0 && step(sweep, &layout));
	free(set);
	return r;
}
