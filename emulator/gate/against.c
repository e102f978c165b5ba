/*
 * This build beside another one, pair by pair. Both ran the same scenario with
 * the same seed on the same host, one right after the other: what the draws and
 * the host did to both is in neither difference, and what is left is the
 * builds'. Of each figure the differences of all pairs are looked at together.
 *
 * A tree of phones whose root is another one in the two runs of a pair has met
 * other phones, at other times: between two that begin to listen within some
 * milliseconds the kernel decides. Such a pair says nothing about that hierarchy
 * and is left out of its figures. In virtual time the seed decides, and another
 * root is a fail.
 *
 * What is judged of a hierarchy is each of its waits for itself, and its ends: a
 * wait that is 5 % longer is less than 1 % of the whole upgrade.
 */
#include <math.h>
#include <string.h>

#include "emulator/gate/gate.h"

#define PAIRS_ALIKE_MIN 5 /* fewer with the same root say nothing */

static bool is_measured(const struct gate_figure *figure)
{
	static const char *const of_hierarchies[] = { "confirmed_s", "transfer_s", "last_member_s", "election_s",
						      "waiting_s" };
	const char *name = strrchr(figure->path, '.') + 1;

	if (figure->hierarchy < 0)
		return figure->kind == FIGURE_BYTES ? figure->change == FIGURE_DRAWN
						    : figure->change == FIGURE_TIMED && figure->kind == FIGURE_SECONDS;
	for (size_t i = 0; i < sizeof(of_hierarchies) / sizeof(*of_hierarchies); i++)
		if (strcmp(name, of_hierarchies[i]) == 0)
			return true;
	return false;
}

/*
 * What both builds have to come to alike. In virtual time chance is the seed's, so a count or a root that differs is
 * the builds' doing; a build that tells more of what happens than another has not changed it (trace_records).
 */
static bool is_exact(const struct gate_figure *figure, bool sim)
{
	if (figure->change == FIGURE_FIXED)
		return figure->kind != FIGURE_TEXT;
	return sim && figure->change == FIGURE_DRAWN && (figure->kind == FIGURE_COUNT || figure->kind == FIGURE_TEXT) &&
	       strcmp(strrchr(figure->path, '.') + 1, "trace_records") != 0;
}

static const char *text_of(const struct gate_figures *figures, const char *mode, int32_t hierarchy, const char *name)
{
	char path[FIGURE_PATH_MAX];

	snprintf(path, sizeof(path), "%s.hierarchies[%d].%s", mode, hierarchy, name);
	const struct gate_figure *figure = gate_figures_find(figures, path);
	return figure && figure->has_value ? figure->text : "";
}

/* The path, and of a hierarchy whose it is. */
static void name_line(const struct gate_figures *figures, const struct gate_figure *figure, char *name, size_t size)
{
	if (figure->hierarchy < 0)
		snprintf(name, size, "%s", figure->path);
	else
		snprintf(name, size, "%s of %s/%s/%s", figure->path, text_of(figures, "pfs", figure->hierarchy, "subnet"),
			 text_of(figures, "pfs", figure->hierarchy, "model"),
			 text_of(figures, "pfs", figure->hierarchy, "file"));
}

static bool same_root(const struct gate_figures *a, const struct gate_figures *b, int32_t hierarchy)
{
	return strcmp(text_of(a, "pfs", hierarchy, "root"), text_of(b, "pfs", hierarchy, "root")) == 0;
}

static void judge_exact(const struct gate_figure *figure, const struct gate_figures *a, const struct gate_figures *b,
			uint32_t pairs, const char *name, struct gate_result *result)
{
	char limit[120];

	for (uint32_t i = 0; i < pairs; i++) {
		const struct gate_figure *from = gate_figures_find(&a[i], figure->path);
		const struct gate_figure *to = gate_figures_find(&b[i], figure->path);

		if (!from)
			return; /* the other build does not know it yet */
		snprintf(limit, sizeof(limit), "exactly %s", from->text);
		if (to && strcmp(from->text, to->text) == 0 && i + 1 < pairs)
			continue;
		bool same = to && strcmp(from->text, to->text) == 0;
		gate_add(result, GATE_KIND_AGAINST, same ? GATE_PASS : GATE_FAIL, name, limit,
			 to ? to->text : "is not there", NULL);
		return;
	}
}

/* Pairs that can be compared in a figure; those left out for another root are counted. */
static uint32_t differences(const struct gate_figure *figure, const struct gate_figures *a,
			    const struct gate_figures *b, uint32_t pairs, double *difference, double *from,
			    double *to, uint32_t *other_root)
{
	uint32_t n = 0;

	*other_root = 0;
	for (uint32_t i = 0; i < pairs && n < GATE_SAMPLES_MAX; i++) {
		const struct gate_figure *x = gate_figures_find(&a[i], figure->path);
		const struct gate_figure *y = gate_figures_find(&b[i], figure->path);

		if (!x || !y || !x->has_value || !y->has_value)
			continue;
		if (figure->hierarchy >= 0 && !same_root(&a[i], &b[i], figure->hierarchy)) {
			++*other_root;
			continue;
		}
		from[n] = x->number;
		to[n] = y->number;
		difference[n++] = y->number - x->number;
	}
	return n;
}

/* False: too few pairs to say anything. */
static bool judge_measured(const struct gate_figure *figure, const struct gate_figures *a,
			   const struct gate_figures *b, uint32_t pairs, uint32_t needed, double effect,
			   double resolution_s, const char *name, struct gate_result *result)
{
	double difference[GATE_SAMPLES_MAX], from[GATE_SAMPLES_MAX], to[GATE_SAMPLES_MAX];
	char limit[160], value[200], text[4][60], note[100];
	uint32_t other_root, n = differences(figure, a, b, pairs, difference, from, to, &other_root);

	if (n < needed) {
		/* A figure that one build alone has, or that never has a value, is nothing to compare. */
		if (other_root) {
			snprintf(note, sizeof(note), "another root in %u of %u pairs", other_root, pairs);
			gate_add(result, GATE_KIND_AGAINST, GATE_SKIPPED, name, "compared with the same root",
				 "not compared", note);
		}
		return false;
	}
	struct gate_interval change = gate_bootstrap(difference, n), was = gate_bootstrap(from, n);
	double matters = effect * fabs(was.middle), noise = fmax(gate_noise(from, n), gate_noise(to, n));
	if (figure->kind == FIGURE_SECONDS && matters < resolution_s)
		matters = resolution_s;
	gate_value_text(figure->kind, matters, text[0], sizeof(text[0]));
	gate_value_text(figure->kind, was.middle, text[1], sizeof(text[1]));
	snprintf(limit, sizeof(limit), "%s more than %s", text[0], text[1]);
	gate_value_text(figure->kind, change.middle, text[0], sizeof(text[0]));
	gate_value_text(figure->kind, change.low, text[1], sizeof(text[1]));
	gate_value_text(figure->kind, change.high, text[2], sizeof(text[2]));
	snprintf(value, sizeof(value), "%s%s [%s to %s]", change.middle > 0 ? "+" : "", text[0], text[1], text[2]);
	gate_add(result, GATE_KIND_AGAINST, gate_judge_change(&change, matters, noise), name, limit, value,
		 change.high < -matters ? "better" : NULL);
	return true;
}

void gate_against_judge(const struct gate_figures *a, const struct gate_figures *b, uint32_t pairs, uint32_t wanted,
			bool sim, double effect, double resolution_s, struct gate_result *result)
{
	char name[FIGURE_PATH_MAX + 3 * 90];
	uint32_t of_hierarchies = 0, compared = 0, needed = sim ? 1 : wanted < PAIRS_ALIKE_MIN ? wanted : PAIRS_ALIKE_MIN;

	for (uint32_t i = 0; pairs && i < b[0].count; i++) {
		const struct gate_figure *figure = &b[0].items[i];

		name_line(&b[0], figure, name, sizeof(name));
		if (is_measured(figure)) {
			bool told = judge_measured(figure, a, b, pairs, needed, effect, resolution_s, name, result);

			of_hierarchies += figure->hierarchy >= 0;
			compared += told && figure->hierarchy >= 0;
		} else if (is_exact(figure, sim)) {
			judge_exact(figure, a, b, pairs, name, result);
		}
	}
	/* Elections are a small part of the totals: where none was compared, all that passes says nothing of them. */
	if (of_hierarchies && !compared)
		gate_add(result, GATE_KIND_AGAINST, GATE_INCONCLUSIVE, "hierarchies", "one at least with the same root in enough pairs",
			 "none", NULL);
}
