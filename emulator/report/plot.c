/*
 * Draws a plot. Everything is checked and laid out before the first byte, so a
 * plot that cannot be drawn leaves nothing behind.
 */
#include "emulator/report/plot.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "emulator/report/plot_internal.h"

#define WIDTH 480u
#define HEIGHT 320u
#define LINE 18          /* of text */
#define LETTER 7         /* a letter is about so wide: browsers differ, so it is on the wide side */
#define COLOURS 8
#define MARKS 8          /* as many as colours: a colour has its own */
#define MARKED_MAX 40    /* a line of more points than this has no marks */
#define POINTED_MAX 400  /* marks of more points than this do not say their values */

/* Where things go, in pixels. */
struct frame {
	int left, right, top, bottom; /* of the plotted area */
	int width, height;
};

/* In tenths of a pixel. */
struct place {
	int64_t x, y;
};

struct drawing {
	const struct plot *plot;
	FILE *stream;
	struct plot_scale x, y;
	struct frame frame;
	size_t points; /* of all series */
};

/* Bytes of the UTF-8 character that begins here; 0: none does. Never looks behind the terminator. */
static size_t character(const unsigned char *c)
{
	size_t length = *c < 0x80 ? 1 : *c >= 0xc2 && *c < 0xe0 ? 2 : (*c & 0xf0) == 0xe0 ? 3 : *c >= 0xf0 && *c < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than it need be, a surrogate, or past the last. */
	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) || (*c == 0xf0 && c[1] < 0x90) ||
	    (*c == 0xf4 && c[1] > 0x8f))
		return 0;
	return length;
}

void plot_escape(const char *text, FILE *stream)
{
	const unsigned char *c = (const unsigned char *)text;

	while (*c) {
		size_t length = character(c);
		bool forbidden = !length || (*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f;

		if (forbidden)
			fputs("\xef\xbf\xbd", stream);
		else if (*c == '<')
			fputs("&lt;", stream);
		else if (*c == '>')
			fputs("&gt;", stream);
		else if (*c == '&')
			fputs("&amp;", stream);
		else if (*c == '"')
			fputs("&quot;", stream);
		else if (*c == '\'')
			fputs("&#39;", stream);
		else
			fwrite(c, 1, length, stream);
		c += forbidden ? 1 : length;
	}
}

/* ---- what can be drawn ---- */

static const char *name_of(const struct plot_series *series)
{
	return series->name && *series->name ? series->name : "(without a name)";
}

static const char *why_not(const struct plot_axis *axis, double value)
{
	if (!isfinite(value))
		return "is not a finite number";
	if (fabs(value) > PLOT_VALUE_MAX)
		return "is beyond 1e15";
	if (axis->logarithmic && value <= 0)
		return "is not above 0, and the axis is logarithmic";
	return NULL;
}

static int check_series(const struct plot *plot, size_t index, char *error)
{
	const struct plot_series *series = &plot->series[index];

	if (series->colour > COLOURS) {
		snprintf(error, PLOT_ERROR_MAX, "series \"%.60s\": there is no such colour", name_of(series));
		return -EINVAL;
	}
	for (size_t i = 0; i < series->count; i++) {
		const struct plot_point *point = &series->points[i];
		const char *x = why_not(&plot->x, point->x), *y = why_not(&plot->y, point->y);

		if (!x && !y && series->style == PLOT_STEP && i && point->x < series->points[i - 1].x)
			x = "goes back";
		if (x || y) {
			snprintf(error, PLOT_ERROR_MAX, "series \"%.60s\": point %zu: %s %s", name_of(series), i,
				 x ? "x" : "y", x ? x : y);
			return -EINVAL;
		}
	}
	return 0;
}

static bool good_id(const char *id)
{
	return !id || (*id && strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(id));
}

static int check(const struct plot *plot, char *error)
{
	const char *wrong = NULL;

	if (!plot->title || !*plot->title)
		wrong = "it has no title";
	else if (!good_id(plot->id))
		wrong = "its id is not of letters, digits, - and _";
	else if (plot->series_count > PLOT_SERIES_MAX || plot->rule_count > PLOT_RULES_MAX)
		wrong = "too many series or rules";
	else if ((plot->width && (plot->width < 240 || plot->width > 4000)) ||
		 (plot->height && (plot->height < 240 || plot->height > 4000)))
		wrong = "its width or height is not from 240 to 4000";
	for (size_t i = 0; i < plot->rule_count && !wrong; i++)
		wrong = why_not(plot->rules[i].vertical ? &plot->x : &plot->y, plot->rules[i].at);
	if (wrong) {
		snprintf(error, PLOT_ERROR_MAX, "plot \"%.60s\": %s", plot->title ? plot->title : "", wrong);
		return -EINVAL;
	}
	for (size_t i = 0; i < plot->series_count; i++)
		if (check_series(plot, i, error) < 0)
			return -EINVAL;
	return 0;
}

/* ---- layout ---- */

static void widen(double value, double *low, double *high)
{
	*low = fmin(*low, value);
	*high = fmax(*high, value);
}

static void make_scales(struct drawing *drawing)
{
	const struct plot *plot = drawing->plot;
	double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;

	for (size_t i = 0; i < plot->series_count; i++)
		for (size_t j = 0; j < plot->series[i].count; j++) {
			widen(plot->series[i].points[j].x, &x_low, &x_high);
			widen(plot->series[i].points[j].y, &y_low, &y_high);
			drawing->points++;
		}
	for (size_t i = 0; i < plot->rule_count; i++) {
		if (plot->rules[i].vertical)
			widen(plot->rules[i].at, &x_low, &x_high);
		else
			widen(plot->rules[i].at, &y_low, &y_high);
	}
	if (x_low > x_high)
		x_low = x_high = 1;
	if (y_low > y_high)
		y_low = y_high = 1;
	plot_scale_make(&plot->x, x_low, x_high, &drawing->x);
	plot_scale_make(&plot->y, y_low, y_high, &drawing->y);
}

/* In letters: bytes that begin one. */
static int letters(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static bool in_legend(const struct plot_series *series)
{
	return series->name && *series->name;
}

/* Where each entry of the legend stands; row -1: not in it. Returns the rows. */
static int lay_out_legend(const struct plot *plot, int width, int rows[], int xs[])
{
	int x = 12, row = 0, entries = 0;

	for (size_t i = 0; i < plot->series_count; i++) {
		const struct plot_series *series = &plot->series[i];

		rows[i] = -1;
		if (!in_legend(series))
			continue;
		int wide = 34 + LETTER * letters(series->name) + 12;
		if (x > 12 && x + wide > width) {
			x = 12;
			row++;
		}
		rows[i] = row;
		xs[i] = x;
		x += wide;
		entries++;
	}
	return entries ? row + 1 : 0;
}

static void lay_out(struct drawing *drawing)
{
	const struct plot *plot = drawing->plot;
	int rows[PLOT_SERIES_MAX], xs[PLOT_SERIES_MAX], widest = 0;
	struct frame *frame = &drawing->frame;

	frame->width = (int)(plot->width ? plot->width : WIDTH);
	frame->height = (int)(plot->height ? plot->height : HEIGHT);
	for (size_t i = 0; i < drawing->y.tick_count; i++) {
		int wide = letters(drawing->y.ticks[i].label);

		widest = wide > widest ? wide : widest;
	}
	frame->left = 20 + LETTER * widest;
	frame->right = frame->width - 18;
	frame->top = 30 + LINE * lay_out_legend(plot, frame->width, rows, xs) + LINE + 8;
	frame->bottom = frame->height - 2 * LINE - 8;
	/* A legend of many rows takes height of its own rather than the plot's. */
	if (frame->bottom < frame->top + 120) {
		frame->height += frame->top + 120 - frame->bottom;
		frame->bottom = frame->top + 120;
	}
}

static struct place place_of(const struct drawing *drawing, double x, double y)
{
	const struct frame *frame = &drawing->frame;

	return (struct place){
		.x = llround(10 * (frame->left + plot_scale_place(&drawing->x, x) * (frame->right - frame->left))),
		.y = llround(10 * (frame->bottom - plot_scale_place(&drawing->y, y) * (frame->bottom - frame->top))),
	};
}

/* ---- drawing ---- */

static void put_tenths(FILE *stream, int64_t tenths)
{
	if (tenths < 0) {
		fputc('-', stream);
		tenths = -tenths;
	}
	fprintf(stream, "%lld", (long long)(tenths / 10));
	if (tenths % 10)
		fprintf(stream, ".%d", (int)(tenths % 10));
}

static void put_place(FILE *stream, const char *before, struct place place)
{
	fputs(before, stream);
	put_tenths(stream, place.x);
	fputc(' ', stream);
	put_tenths(stream, place.y);
}

/*
 * The plot's own colours, under its own class, so that they stay out of a page
 * that it is put into. A paper is white, whatever the screen is.
 */
static const char style[] =
	"<style>"
	".fleet-plot{--paper:#fff;--ink:#1c2128;--soft:#57606a;--grid:#d8dee4;"
	"--c1:#0a62b0;--c2:#b34700;--c3:#00734f;--c4:#8a3d8f;--c5:#7a5c00;--c6:#a3164c;--c7:#4a5560;--c8:#006d77;"
	"background:var(--paper);color:var(--ink);font:13px system-ui,sans-serif;max-width:100%;height:auto}"
	"@media screen and (prefers-color-scheme:dark){.fleet-plot{--paper:#15191f;--ink:#e6e9ee;--soft:#a9b2bd;"
	"--grid:#333b46;--c1:#6cb4ff;--c2:#ffa657;--c3:#4fd1a5;--c4:#dd9ee6;--c5:#e3c14f;--c6:#ff8fb1;--c7:#b9c2cc;"
	"--c8:#56d4dd}}"
	".fleet-plot text{fill:var(--ink)}.fleet-plot .soft{fill:var(--soft)}"
	/* Words over lines: a rim of paper around each letter. */
	".fleet-plot .over{fill:var(--soft);paint-order:stroke;stroke:var(--paper);stroke-width:4px;"
	"stroke-linejoin:round}"
	".fleet-plot .head{font-weight:600;font-size:14px}"
	".fleet-plot .grid{stroke:var(--grid);fill:none}.fleet-plot .axis{stroke:var(--soft);fill:none}"
	".fleet-plot .rule{stroke:var(--ink);stroke-dasharray:2 3;fill:none}"
	".fleet-plot .l{fill:none;stroke-width:2;stroke-linejoin:round}.fleet-plot .d{stroke-dasharray:6 4}"
	".fleet-plot .a{stroke:none;fill-opacity:.16}.fleet-plot .m{stroke:var(--paper);stroke-width:1}"
	"</style>\n";

static unsigned colour_of(const struct plot_series *series, size_t index)
{
	return series->colour ? series->colour : (unsigned)(index % COLOURS) + 1;
}

static void draw_mark(FILE *stream, unsigned colour, struct place at, const char *says)
{
	static const char *const shapes[MARKS] = {
		"m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z", /* disc */
		"m-3.5 -3.5h7v7h-7z",                             /* square */
		"m0 -4.5l4.5 8h-9z",                              /* triangle */
		"m0 -5l4.5 5l-4.5 5l-4.5 -5z",                    /* diamond */
		"m0 4.5l4.5 -8h-9z",                              /* triangle on its head */
		"m-1.5 -4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",         /* cross */
		"m-5 -2h10v4h-10z",                               /* bar */
		"m-2 -5h4v10h-4z",                                /* post */
	};

	fputs("<path class=\"m\" d=\"", stream);
	put_place(stream, "M", at);
	fprintf(stream, "%s\" fill=\"var(--c%u)\"", shapes[(colour - 1) % MARKS], colour);
	if (says) {
		fputs("><title>", stream);
		plot_escape(says, stream);
		fputs("</title></path>\n", stream);
	} else {
		fputs("/>\n", stream);
	}
}

static void draw_text(FILE *stream, int x, int y, const char *class, const char *anchor, const char *text)
{
	fprintf(stream, "<text x=\"%d\" y=\"%d\"", x, y);
	if (class)
		fprintf(stream, " class=\"%s\"", class);
	if (anchor)
		fprintf(stream, " text-anchor=\"%s\"", anchor);
	fputc('>', stream);
	plot_escape(text, stream);
	fputs("</text>\n", stream);
}

static void axis_title(const struct plot_axis *axis, const struct plot_scale *scale, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s%s", axis->label ? axis->label : "", *scale->unit ? " (" : "", scale->unit,
		 *scale->unit ? ")" : "");
}

static void draw_axes(const struct drawing *drawing)
{
	const struct frame *frame = &drawing->frame;
	FILE *stream = drawing->stream;
	char title[200];
	int last = -1000;

	for (size_t i = 0; i < drawing->y.tick_count; i++) {
		int64_t y = place_of(drawing, drawing->x.low, drawing->y.ticks[i].at).y;

		fprintf(stream, "<path class=\"grid\" d=\"M%d ", frame->left);
		put_tenths(stream, y);
		fprintf(stream, "H%d\"/>\n", frame->right);
		draw_text(stream, frame->left - 6, (int)(y / 10) + 4, "soft", "end", drawing->y.ticks[i].label);
	}
	for (size_t i = 0; i < drawing->x.tick_count; i++) {
		int x = (int)(place_of(drawing, drawing->x.ticks[i].at, drawing->y.low).x / 10);
		int half = LETTER * letters(drawing->x.ticks[i].label) / 2;

		fprintf(stream, "<path class=\"axis\" d=\"M%d %dv5\"/>\n", x, frame->bottom);
		/* One that would touch its neighbour has no label. */
		if (x - half <= last + 4)
			continue;
		draw_text(stream, x, frame->bottom + LINE, "soft", "middle", drawing->x.ticks[i].label);
		last = x + half;
	}
	fprintf(stream, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", frame->left, frame->top, frame->bottom,
		frame->right);
	axis_title(&drawing->plot->y, &drawing->y, title, sizeof(title));
	draw_text(stream, 12, frame->top - 10, "soft", NULL, title);
	axis_title(&drawing->plot->x, &drawing->x, title, sizeof(title));
	draw_text(stream, frame->right, frame->bottom + 2 * LINE, "soft", "end", title);
}

/* The points of a line as they are drawn: of those on one tenth of a pixel the first, outermost and last. */
struct pen {
	FILE *stream;
	bool step, begun;
	struct place at;            /* where the pen is */
	struct place last;          /* of the column, not drawn yet */
	int64_t lowest, highest;
	size_t pending, drawn;
};

static void pen_to(struct pen *pen, struct place to)
{
	if (!pen->begun) {
		put_place(pen->stream, "M", to);
	} else if (pen->step) {
		if (to.x != pen->at.x) {
			fputc('H', pen->stream);
			put_tenths(pen->stream, to.x);
		}
		if (to.y != pen->at.y) {
			fputc('V', pen->stream);
			put_tenths(pen->stream, to.y);
		}
	} else if (to.x != pen->at.x || to.y != pen->at.y) {
		put_place(pen->stream, "L", to);
	}
	pen->begun = true;
	pen->at = to;
	pen->drawn++;
}

static void pen_flush(struct pen *pen)
{
	if (pen->pending) {
		if (pen->lowest < pen->at.y && pen->lowest < pen->last.y)
			pen_to(pen, (struct place){ pen->last.x, pen->lowest });
		if (pen->highest > pen->at.y && pen->highest > pen->last.y)
			pen_to(pen, (struct place){ pen->last.x, pen->highest });
		pen_to(pen, pen->last);
	}
	pen->pending = 0;
}

static void pen_point(struct pen *pen, struct place to)
{
	if (pen->begun && to.x == pen->at.x) {
		pen->lowest = !pen->pending || to.y < pen->lowest ? to.y : pen->lowest;
		pen->highest = !pen->pending || to.y > pen->highest ? to.y : pen->highest;
		pen->last = to;
		pen->pending++;
		return;
	}
	pen_flush(pen);
	pen_to(pen, to);
}

static void draw_path(const struct drawing *drawing, const struct plot_series *series, bool closed)
{
	struct pen pen = { .stream = drawing->stream, .step = series->style == PLOT_STEP };
	const struct plot_point *points = series->points;

	for (size_t i = 0; i < series->count; i++)
		pen_point(&pen, place_of(drawing, points[i].x, points[i].y));
	pen_flush(&pen);
	if (!closed)
		return;
	fprintf(drawing->stream, "V%dH", drawing->frame.bottom);
	put_tenths(drawing->stream, place_of(drawing, points[0].x, points[0].y).x);
	fputc('z', drawing->stream);
}

static void draw_marks(const struct drawing *drawing, const struct plot_series *series, size_t index)
{
	const struct plot *plot = drawing->plot;
	char x[64], y[64], says[256];

	for (size_t i = 0; i < series->count; i++) {
		const struct plot_point *point = &series->points[i];

		plot_value(plot->x.unit, point->x, x, sizeof(x));
		plot_value(plot->y.unit, point->y, y, sizeof(y));
		snprintf(says, sizeof(says), "%.80s%s%s, %s", in_legend(series) ? series->name : "",
			 in_legend(series) ? ": " : "", x, y);
		draw_mark(drawing->stream, colour_of(series, index), place_of(drawing, point->x, point->y),
			  series->count <= POINTED_MAX ? says : NULL);
	}
}

static void draw_series(const struct drawing *drawing, size_t index)
{
	const struct plot_series *series = &drawing->plot->series[index];
	unsigned colour = colour_of(series, index);
	FILE *stream = drawing->stream;

	/* For whoever checks what is drawn: how many points it was given. */
	fprintf(stream, "<g class=\"series\" data-points=\"%zu\" data-name=\"", series->count);
	plot_escape(series->name ? series->name : "", stream);
	fputs("\">\n", stream);
	if (series->count && series->style != PLOT_SCATTER) {
		if (series->filled) {
			fputs("<path class=\"a\" d=\"", stream);
			draw_path(drawing, series, true);
			fprintf(stream, "\" fill=\"var(--c%u)\"/>\n", colour);
		}
		fprintf(stream, "<path class=\"l%s\" d=\"", series->dashed ? " d" : "");
		draw_path(drawing, series, false);
		fprintf(stream, "\" stroke=\"var(--c%u)\"/>\n", colour);
	}
	if (series->style == PLOT_SCATTER || (series->style == PLOT_LINE && series->count <= MARKED_MAX))
		draw_marks(drawing, series, index);
	fputs("</g>\n", stream);
}

static void draw_legend(const struct drawing *drawing)
{
	const struct plot *plot = drawing->plot;
	int rows[PLOT_SERIES_MAX], xs[PLOT_SERIES_MAX];

	lay_out_legend(plot, drawing->frame.width, rows, xs);
	for (size_t i = 0; i < plot->series_count; i++) {
		const struct plot_series *series = &plot->series[i];
		int y = 36 + LINE * rows[i];

		if (rows[i] < 0)
			continue;
		if (series->style != PLOT_SCATTER)
			fprintf(drawing->stream, "<path class=\"l%s\" d=\"M%d %dh24\" stroke=\"var(--c%u)\"/>\n",
				series->dashed ? " d" : "", xs[i], y, colour_of(series, i));
		if (series->style != PLOT_STEP && (series->style == PLOT_SCATTER || series->count <= MARKED_MAX))
			draw_mark(drawing->stream, colour_of(series, i),
				  (struct place){ 10 * (xs[i] + 12), 10 * y }, NULL);
		draw_text(drawing->stream, xs[i] + 30, y + 4, NULL, NULL, series->name);
	}
}

static void draw_rule(const struct drawing *drawing, const struct plot_rule *rule)
{
	const struct frame *frame = &drawing->frame;
	FILE *stream = drawing->stream;
	struct place at = rule->vertical ? place_of(drawing, rule->at, drawing->y.low)
					 : place_of(drawing, drawing->x.low, rule->at);

	fputs("<path class=\"rule\" d=\"M", stream);
	put_tenths(stream, at.x);
	fputc(' ', stream);
	put_tenths(stream, at.y);
	fprintf(stream, "%c%d\"/>\n", rule->vertical ? 'V' : 'H', rule->vertical ? frame->top : frame->right);
	if (!rule->label || !*rule->label)
		return;
	if (rule->vertical) {
		/* On the side that has room. */
		bool left = at.x / 10 > (frame->left + frame->right) / 2;

		draw_text(stream, (int)(at.x / 10) + (left ? -4 : 4), frame->top + 12, "over", left ? "end" : "start",
			  rule->label);
	} else {
		bool below = at.y / 10 < frame->top + 14;

		draw_text(stream, frame->right - 4, (int)(at.y / 10) + (below ? 14 : -5), "over", "end", rule->label);
	}
}

static void draw(const struct drawing *drawing)
{
	const struct plot *plot = drawing->plot;
	const struct frame *frame = &drawing->frame;
	const char *id = plot->id ? plot->id : "plot";
	FILE *stream = drawing->stream;

	if (plot->standalone)
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", stream);
	fprintf(stream,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"fleet-plot\" id=\"%s\" role=\"img\" "
		"viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" aria-labelledby=\"%s-title%s%s%s\">\n",
		id, frame->width, frame->height, frame->width, frame->height, id, plot->description ? " " : "",
		plot->description ? id : "", plot->description ? "-desc" : "");
	fprintf(stream, "<title id=\"%s-title\">", id);
	plot_escape(plot->title, stream);
	fputs("</title>\n", stream);
	if (plot->description) {
		fprintf(stream, "<desc id=\"%s-desc\">", id);
		plot_escape(plot->description, stream);
		fputs("</desc>\n", stream);
	}
	fputs(style, stream);
	fprintf(stream, "<rect width=\"%d\" height=\"%d\" fill=\"var(--paper)\"/>\n", frame->width, frame->height);
	draw_text(stream, 12, 20, "head", NULL, plot->title);
	draw_legend(drawing);
	draw_axes(drawing);
	for (size_t i = 0; i < plot->series_count; i++)
		draw_series(drawing, i);
	for (size_t i = 0; i < plot->rule_count; i++)
		draw_rule(drawing, &plot->rules[i]);
	if (!drawing->points)
		draw_text(stream, (frame->left + frame->right) / 2, (frame->top + frame->bottom) / 2, "soft", "middle",
			  plot->empty ? plot->empty : "no data");
	fputs("</svg>\n", stream);
}

int plot_write(const struct plot *plot, FILE *stream, char error[PLOT_ERROR_MAX])
{
	struct drawing drawing = { .plot = plot, .stream = stream };

	error[0] = '\0';
	if (check(plot, error) < 0)
		return -EINVAL;
	make_scales(&drawing);
	lay_out(&drawing);
	draw(&drawing);
	return ferror(stream) ? -EIO : 0;
}
