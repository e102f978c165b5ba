/*
 * Plots: the same plot is the same bytes whatever the locale, what cannot be
 * drawn is refused with a reason and leaves nothing behind, and what stands in
 * the picture is what was put into it: round ticks, every series, escaped text.
 */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/report/plot.h"
#include "emulator/report/plot_internal.h"
#include "tests/tap.h"

static char error[PLOT_ERROR_MAX];
static char *drawn;

static void tear_down(void)
{
	free(drawn);
	drawn = NULL;
}

static int draw(const struct plot *plot)
{
	size_t size;
	FILE *stream;
	int result;

	free(drawn);
	drawn = NULL;
	stream = open_memstream(&drawn, &size);
	ck_assert_ptr_nonnull(stream);
	result = plot_write(plot, stream, error);
	ck_assert_int_eq(fclose(stream), 0);
	return result;
}

static bool holds(const char *text)
{
	return strstr(drawn, text) != NULL;
}

static size_t count(const char *text)
{
	size_t found = 0;

	for (const char *at = drawn; (at = strstr(at, text)); at += strlen(text))
		found++;
	return found;
}

static const struct plot_point few[] = { { 0, 10 }, { 60, 20 }, { 120, 15 } };
static const struct plot_point one[] = { { 42, 7 } };

static struct plot_series series_of(const struct plot_point *points, size_t count, enum plot_style style)
{
	return (struct plot_series){ .name = "a", .style = style, .points = points, .count = count };
}

static struct plot plot_of(const struct plot_series *series, size_t count)
{
	return (struct plot){ .title = "T", .series = series, .series_count = count };
}

START_TEST(an_empty_plot_says_so)
{
	struct plot_series series = series_of(NULL, 0, PLOT_LINE);
	struct plot plot = plot_of(&series, 1);

	ck_assert_int_eq(draw(&plot), 0);
	ck_assert(holds("no data"));
	plot.empty = "nothing was sent";
	plot.series_count = 0;
	ck_assert_int_eq(draw(&plot), 0);
	ck_assert(holds("nothing was sent") && !holds("no data"));
}
END_TEST

START_TEST(one_point_stands_inside)
{
	for (int style = PLOT_LINE; style <= PLOT_SCATTER; style++)
		for (int kind = 0; kind < 4; kind++) {
			struct plot_series series = series_of(one, 1, (enum plot_style)style);
			struct plot plot = plot_of(&series, 1);

			plot.x.logarithmic = plot.y.logarithmic = kind == 1;
			plot.x.tight = plot.y.tight = kind == 2;
			plot.x.from_zero = plot.y.from_zero = kind == 3;
			ck_assert_int_eq(draw(&plot), 0);
			ck_assert(!holds("nan") && !holds("inf") && !holds("no data"));
			ck_assert(holds("data-points=\"1\""));
		}
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
	static const double bad[] = { NAN, INFINITY, -INFINITY, 2e15 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (int y = 0; y < 2; y++) {
			struct plot_point points[2] = { { 1, 1 }, { 2, 2 } };
			struct plot_series series = series_of(points, 2, PLOT_LINE);
			struct plot plot = plot_of(&series, 1);

			*(y ? &points[1].y : &points[1].x) = bad[i];
			ck_assert_int_eq(draw(&plot), -EINVAL);
			ck_assert_ptr_nonnull(strstr(error, y ? "series \"a\": point 1: y" : "series \"a\": point 1: x"));
			ck_assert_str_eq(drawn, "");

			struct plot_rule rule = { .vertical = !y, .at = bad[i] };
			points[1] = (struct plot_point){ 2, 2 };
			plot.rules = &rule;
			plot.rule_count = 1;
			ck_assert_int_eq(draw(&plot), -EINVAL);
			ck_assert_str_eq(drawn, "");
		}
}
END_TEST

START_TEST(what_has_no_logarithm_is_refused)
{
	static const struct plot_point points[] = { { 1, 0 } };
	struct plot_series series = series_of(points, 1, PLOT_SCATTER);
	struct plot plot = plot_of(&series, 1);

	ck_assert_int_eq(draw(&plot), 0);
	plot.y.logarithmic = true;
	ck_assert_int_eq(draw(&plot), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "not above 0"));
}
END_TEST

START_TEST(a_step_that_goes_back_is_refused)
{
	static const struct plot_point points[] = { { 2, 1 }, { 1, 2 } };
	struct plot_series series = series_of(points, 2, PLOT_STEP);
	struct plot plot = plot_of(&series, 1);

	ck_assert_int_eq(draw(&plot), -EINVAL);
	series.style = PLOT_LINE;
	ck_assert_int_eq(draw(&plot), 0);
}
END_TEST

START_TEST(what_would_break_the_page_is_refused)
{
	struct plot_series series[PLOT_SERIES_MAX + 1] = { 0 };
	struct plot plot = plot_of(series, PLOT_SERIES_MAX + 1);

	ck_assert_int_eq(draw(&plot), -EINVAL);
	plot.series_count = PLOT_SERIES_MAX;
	ck_assert_int_eq(draw(&plot), 0);
	plot.id = "a\"b";
	ck_assert_int_eq(draw(&plot), -EINVAL);
	plot.id = "a-b_1";
	plot.title = "";
	ck_assert_int_eq(draw(&plot), -EINVAL);
	plot.title = "T";
	plot.width = 100;
	ck_assert_int_eq(draw(&plot), -EINVAL);
	plot.width = 0;
	series[3].colour = 9;
	ck_assert_int_eq(draw(&plot), -EINVAL);
}
END_TEST

START_TEST(the_same_plot_is_the_same_bytes)
{
	struct plot_series series = series_of(few, 3, PLOT_LINE);
	struct plot plot = plot_of(&series, 1);
	char *before;

	plot.x.unit = PLOT_SECONDS;
	plot.y.unit = PLOT_FRACTION;
	ck_assert_int_eq(draw(&plot), 0);
	before = strdup(drawn);
	/* One with a comma for a decimal point, where the host has any. */
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		setlocale(LC_ALL, "C.UTF-8");
	ck_assert_int_eq(draw(&plot), 0);
	setlocale(LC_ALL, "C");
	ck_assert_str_eq(drawn, before);
	free(before);
}
END_TEST

START_TEST(text_stands_for_itself)
{
	struct plot_series series = series_of(few, 3, PLOT_SCATTER);
	struct plot plot = plot_of(&series, 1);
	struct plot_rule rule = { .vertical = true, .at = 1, .label = "<r>" };

	plot.title = "<script>alert(1)</script> & \"'";
	plot.description = "</desc><b>";
	plot.x.label = "<x>";
	plot.y.label = "<y>";
	plot.rules = &rule;
	plot.rule_count = 1;
	series.name = "\"/><s> \x01\xff\xc3\xa9\xe2\x82";
	ck_assert_int_eq(draw(&plot), 0);
	ck_assert(!holds("<script>") && !holds("<b>") && !holds("<x>") && !holds("<y>") && !holds("<s>") &&
		  !holds("<r>"));
	ck_assert(holds("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;&#39;"));
	/* control characters and what is no UTF-8 are replaced, what is stays */
	ck_assert(holds("\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\""));
}
END_TEST

START_TEST(axes_have_round_ticks_in_a_unit_that_fits)
{
	static const struct {
		struct plot_axis axis;
		double low, high;
		const char *unit, *ticks;
	} cases[] = {
		{ { .unit = PLOT_SECONDS }, 0, 5400, "min", "0 20 40 60 80 100" },
		{ { .unit = PLOT_SECONDS, .tight = true }, 0, 5400, "min", "0 20 40 60 80" },
		{ { .unit = PLOT_SECONDS }, 0, 86400, "h", "0 5 10 15 20 25" },
		{ { .unit = PLOT_SECONDS }, 0, 0.03, "ms", "0 10 20 30" },
		{ { .unit = PLOT_BYTES }, 0, 1.04e9, "GB", "0 0.5 1 1.5" },
		{ { .unit = PLOT_BITS_PER_SECOND }, 0, 1536000, "Mbit/s", "0 0.5 1 1.5 2" },
		{ { .unit = PLOT_FRACTION }, 0, 1, "%", "0 20 40 60 80 100" },
		{ { 0 }, 0, 4000, "", "0 1,000 2,000 3,000 4,000" },
		{ { 0 }, 97, 103, "", "96 98 100 102 104" },
		{ { .from_zero = true }, 97, 103, "", "0 50 100 150" },
		{ { 0 }, -3, 3, "", "-4 -2 0 2 4" },
		{ { 0 }, 5, 5, "", "2 3 4 5 6 7 8" },
		{ { .from_zero = true }, 0, 0, "", "0 0.2 0.4 0.6 0.8 1" },
		{ { 0 }, 1e15, 1e15, "", "400,000,000,000,000 600,000,000,000,000 800,000,000,000,000 "
					  "1,000,000,000,000,000 1,200,000,000,000,000 1,400,000,000,000,000 "
					  "1,600,000,000,000,000" },
		{ { .logarithmic = true }, 1, 100, "", "1 2 5 10 20 50 100" },
		{ { .logarithmic = true, .unit = PLOT_BITS_PER_SECOND }, 64000, 10e6, "bit/s",
		  "50k 100k 200k 500k 1M 2M 5M 10M" },
		{ { .logarithmic = true }, 1, 1e6, "", "1 10 100 1k 10k 100k 1M" },
		{ { .logarithmic = true, .unit = PLOT_SECONDS }, 0.015, 0.15, "ms", "10 20 50 100 200" },
		{ { .logarithmic = true }, 7, 7, "", "2 5 10 20" },
		/* times that go past a minute: each tick in the unit that people would use */
		{ { .logarithmic = true, .unit = PLOT_SECONDS }, 2, 50, "s", "2 5 10 20 50" },
		{ { .logarithmic = true, .unit = PLOT_SECONDS }, 45, 70, "", "20 s 1 min 2 min" },
		{ { .logarithmic = true, .unit = PLOT_SECONDS }, 60, 60, "", "20 s 1 min 2 min" },
		{ { .logarithmic = true, .unit = PLOT_SECONDS }, 170, 54000, "",
		  "2 min 5 min 10 min 20 min 1 h 2 h 5 h 10 h 1 d" },
		{ { .logarithmic = true, .unit = PLOT_SECONDS }, 3, 2592000, "",
		  "10 s 1 min 10 min 1 h 10 h 1 d 10 d" },
		{ { .logarithmic = true, .unit = PLOT_SECONDS }, 8640000, 8640000, "", "50 d 100 d" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plot_scale scale;
		char ticks[1024] = "";

		plot_scale_make(&cases[i].axis, cases[i].low, cases[i].high, &scale);
		for (size_t j = 0; j < scale.tick_count; j++) {
			double place = plot_scale_place(&scale, scale.ticks[j].at);

			strcat(ticks, j ? " " : "");
			strcat(ticks, scale.ticks[j].label);
			ck_assert_msg(place > -1e-6 && place < 1 + 1e-6, "case %zu: a tick outside", i);
		}
		ck_assert_msg(strcmp(ticks, cases[i].ticks) == 0, "case %zu: %s", i, ticks);
		ck_assert_str_eq(scale.unit, cases[i].unit);
		ck_assert(scale.low <= cases[i].low && scale.high >= cases[i].high && scale.low < scale.high);
	}
}
END_TEST

START_TEST(values_are_said_in_four_digits)
{
	static const struct {
		enum plot_unit unit;
		double value;
		const char *says;
	} cases[] = {
		{ PLOT_NUMBER, 0, "0" },          { PLOT_NUMBER, 1234567, "1,235,000" },
		{ PLOT_NUMBER, -0.012345, "-0.01235" }, { PLOT_BYTES, 2999385, "2.999 MB" },
		{ PLOT_SECONDS, 5400, "90 min" }, { PLOT_FRACTION, 0.0918, "9.18 %" },
		{ PLOT_BITS_PER_SECOND, 1536000, "1.536 Mbit/s" }, { PLOT_NUMBER, 1e-12, "0.000000000001" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];

		plot_value(cases[i].unit, cases[i].value, text, sizeof(text));
		ck_assert_str_eq(text, cases[i].says);
	}
}
END_TEST

/* A million points are no larger a picture than some thousand, and the peak among them is there. */
START_TEST(crowded_points_keep_their_outermost)
{
	const size_t size = 1000000;
	struct plot_point *points = malloc(size * sizeof(*points));
	struct plot_series series = series_of(points, size, PLOT_STEP);
	struct plot plot = plot_of(&series, 1);
	char top[32];

	for (size_t i = 0; i < size; i++)
		points[i] = (struct plot_point){ (double)i, i == 500000 ? 100 : 50 + (double)(i % 3) };
	for (int style = PLOT_LINE; style <= PLOT_STEP; style++) {
		series.style = (enum plot_style)style;
		plot.y.from_zero = true;
		ck_assert_int_eq(draw(&plot), 0);
		ck_assert_uint_lt(strlen(drawn), 400000);
		/* 100 is the top of the axis: 30 + 18 + 18 + 8 */
		snprintf(top, sizeof(top), style == PLOT_STEP ? "V74" : " 74L");
		ck_assert_uint_eq(count(top), 1);
	}
	free(points);
}
END_TEST

START_TEST(a_step_holds_until_the_next)
{
	struct plot_series series = series_of(few, 3, PLOT_STEP);
	struct plot plot = plot_of(&series, 1);

	plot.x.tight = plot.y.tight = true;
	ck_assert_int_eq(draw(&plot), 0);
	/* 34 to 462 wide, 74 to 276 high: 10 is at the bottom, 20 at the top, 15 half-way */
	ck_assert(holds("d=\"M34 276H248V74H462V175\""));
}
END_TEST

START_TEST(rules_widen_the_axes)
{
	struct plot_series series = series_of(few, 3, PLOT_LINE);
	struct plot_rule rules[] = { { .at = 200, .label = "limit" }, { .vertical = true, .at = 500 } };
	struct plot plot = plot_of(&series, 1);

	plot.rules = rules;
	plot.rule_count = 2;
	ck_assert_int_eq(draw(&plot), 0);
	ck_assert(holds(">200</text>") && holds(">500</text>") && holds(">limit</text>"));
	ck_assert_uint_eq(count("class=\"rule\""), 2);
}
END_TEST

START_TEST(a_long_legend_leaves_room_for_the_plot)
{
	struct plot_series series[PLOT_SERIES_MAX];
	struct plot plot = plot_of(series, PLOT_SERIES_MAX);

	for (size_t i = 0; i < PLOT_SERIES_MAX; i++) {
		series[i] = series_of(few, 3, PLOT_LINE);
		series[i].name = "a name that takes half of the width";
	}
	ck_assert_int_eq(draw(&plot), 0);
	ck_assert_uint_eq(count("class=\"series\""), PLOT_SERIES_MAX);
	ck_assert(holds("viewBox=\"0 0 480 508\""));
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	struct plot_series series = series_of(few, 3, PLOT_LINE);
	struct plot plot = plot_of(&series, 1);
	FILE *full = fopen("/dev/full", "we");

	ck_assert_ptr_nonnull(full);
	setvbuf(full, NULL, _IONBF, 0);
	ck_assert_int_eq(plot_write(&plot, full, error), -EIO);
	fclose(full);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plot");
	TCase *tests = tcase_create("plot");

	tcase_add_checked_fixture(tests, NULL, tear_down);
	tcase_add_test(tests, an_empty_plot_says_so);
	tcase_add_test(tests, one_point_stands_inside);
	tcase_add_test(tests, what_is_no_number_is_refused);
	tcase_add_test(tests, what_has_no_logarithm_is_refused);
	tcase_add_test(tests, a_step_that_goes_back_is_refused);
	tcase_add_test(tests, what_would_break_the_page_is_refused);
	tcase_add_test(tests, the_same_plot_is_the_same_bytes);
	tcase_add_test(tests, text_stands_for_itself);
	tcase_add_test(tests, axes_have_round_ticks_in_a_unit_that_fits);
	tcase_add_test(tests, values_are_said_in_four_digits);
	tcase_add_test(tests, crowded_points_keep_their_outermost);
	tcase_add_test(tests, a_step_holds_until_the_next);
	tcase_add_test(tests, rules_widen_the_axes);
	tcase_add_test(tests, a_long_legend_leaves_room_for_the_plot);
	tcase_add_test(tests, a_full_disk_is_told);
	suite_add_tcase(suite, tests);
	return tap_run(suite);
}
