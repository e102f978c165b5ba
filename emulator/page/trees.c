/*
 * The trees as they were, in letters: who was root, who fed whom, when, and
 * who went to the server and why. HTML draws the same out of the same file
 * when they are opened (page.js).
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/page/view.h"

#define TABLE_TEXT_MAX 40
#define SOME_TREES 3
#define SOME_LINES 60   /* of one tree */
#define DEPTH_MAX 64    /* of one line's indentation */
#define NONE UINT32_MAX

/* The copies of one file in one family: a tree, or several where there was more than one copy. */
struct tree {
	const struct page_folder *folder;
	const struct page_copy **copies; /* of it, in the order of their end */
	size_t count;
	bool troubled;
	uint32_t depth;
};

/* Room for walking a tree: one a phone, made once. */
struct walk {
	uint32_t *first_child, *next_sibling, *copy_of; /* indices of the tree's copies */
	bool *told;
	size_t lines_left;
};

static const struct page_folder *sorting; /* qsort has no context; reports are written by one thread */

static int compare_keys(const struct page_copy *a, const struct page_copy *b)
{
	const struct page_phone *p = &sorting->phones[a->phone], *q = &sorting->phones[b->phone];

	if (p->subnet != q->subnet)
		return p->subnet < q->subnet ? -1 : 1;
	if (p->model != q->model)
		return p->model < q->model ? -1 : 1;
	if (p->firmware != q->firmware)
		return p->firmware < q->firmware ? -1 : 1;
	return (a->file > b->file) - (a->file < b->file);
}

static double end_of(const struct page_copy *copy)
{
	return copy->done_s < 0 ? 1e12 : copy->done_s;
}

static int compare_copies(const void *left, const void *right)
{
	const struct page_copy *a = *(const struct page_copy *const *)left, *b = *(const struct page_copy *const *)right;
	int key = compare_keys(a, b);

	if (key)
		return key;
	if (end_of(a) != end_of(b))
		return end_of(a) < end_of(b) ? -1 : 1;
	return (a->phone > b->phone) - (a->phone < b->phone);
}

static bool takes_part(const struct page_folder *folder, const struct page_copy *copy)
{
	return strcmp(folder->phones[copy->phone].part, "yes") == 0;
}

static void look_at(struct tree *tree)
{
	size_t from_server = 0;

	tree->depth = 0;
	for (size_t i = 0; i < tree->count; i++) {
		const struct page_copy *copy = tree->copies[i];

		from_server += copy->from == PAGE_FROM_SERVER;
		tree->troubled |= copy->tries > 1 || copy->direct || copy->done_s < 0;
		tree->depth = copy->level > tree->depth ? copy->level : tree->depth;
	}
	tree->troubled |= from_server > 1;
}

/* All copies of phones that take part, cut into trees. *sorted and *trees are to be freed. */
static size_t cut(const struct page_folder *folder, const struct page_run *run, const struct page_copy ***sorted,
		  struct tree **trees)
{
	size_t copies = 0, count = 0;

	*sorted = calloc(run->copy_count + 1, sizeof(**sorted));
	*trees = calloc(run->copy_count + 1, sizeof(**trees));
	if (!*sorted || !*trees)
		return 0;
	for (size_t i = 0; i < run->copy_count; i++)
		if (takes_part(folder, &run->copies[i]))
			(*sorted)[copies++] = &run->copies[i];
	sorting = folder;
	qsort(*sorted, copies, sizeof(**sorted), compare_copies);
	for (size_t i = 0; i < copies; i++) {
		if (!i || compare_keys((*sorted)[i - 1], (*sorted)[i]))
			(*trees)[count++] = (struct tree){ .folder = folder, .copies = *sorted + i };
		(*trees)[count - 1].count++;
	}
	for (size_t i = 0; i < count; i++)
		look_at(&(*trees)[i]);
	return count;
}

/* ---- one tree ---- */

static void put_line(struct view *view, const struct tree *tree, const struct page_copy *copy, const char *before,
		     const char *branch)
{
	FILE *stream = view->doc.stream;
	char tries[48] = "";

	if (copy->tries > 1)
		snprintf(tries, sizeof(tries), ", source number %u", copy->tries);
	fprintf(stream, "    %s%s%s", before, branch, page_phone_name(tree->folder, copy->phone));
	if (copy->from == PAGE_FROM_SERVER && !copy->direct)
		fputs(" (root, from the server)", stream);
	else if (copy->direct)
		fprintf(stream, " (from the server: %s)", page_why(copy->direct));
	if (copy->done_s < 0)
		fprintf(stream, " began at %s and never had it%s\n", page_moment(copy->begun_s).text, tries);
	else
		fprintf(stream, " %s%s\n", page_moment(copy->done_s).text, tries);
}

static void walk_down(struct view *view, const struct tree *tree, struct walk *walk, uint32_t index, char *before,
		      size_t depth, const char *branch, const char *below)
{
	size_t length = strlen(before);
	uint32_t child;

	walk->told[index] = true;
	if (!walk->lines_left)
		return;
	walk->lines_left--;
	put_line(view, tree, tree->copies[index], before, branch);
	if (depth < DEPTH_MAX)
		strcat(before, below);
	child = walk->first_child[tree->copies[index]->phone];
	for (; child != NONE; child = walk->next_sibling[tree->copies[child]->phone]) {
		bool last = walk->next_sibling[tree->copies[child]->phone] == NONE;

		if (!walk->told[child])
			walk_down(view, tree, walk, child, before, depth + 1, last ? "`- " : "|- ", last ? "   " : "|  ");
	}
	before[length] = '\0';
}

static void link_up(const struct tree *tree, struct walk *walk)
{
	for (size_t i = 0; i < tree->count; i++) {
		uint32_t phone = tree->copies[i]->phone;

		walk->first_child[phone] = walk->next_sibling[phone] = NONE;
		walk->copy_of[phone] = (uint32_t)i;
		walk->told[i] = false;
	}
	/* From the last, so that the first to have it stands first. */
	for (size_t i = tree->count; i-- > 0;) {
		const struct page_copy *copy = tree->copies[i];

		if (copy->from < 0 || walk->copy_of[copy->from] == NONE)
			continue;
		walk->next_sibling[copy->phone] = walk->first_child[copy->from];
		walk->first_child[copy->from] = (uint32_t)i;
	}
}

static void unlink_all(const struct tree *tree, struct walk *walk)
{
	for (size_t i = 0; i < tree->count; i++)
		walk->copy_of[tree->copies[i]->phone] = NONE;
}

static void tell_tree(struct view *view, const struct tree *tree, struct walk *walk, bool whole)
{
	const struct page_folder *folder = tree->folder;
	const struct page_phone *phone = &folder->phones[tree->copies[0]->phone];
	const struct page_subnet *subnet = &folder->subnets[phone->subnet];
	const char *file = page_file_name(folder, tree->copies[0]->phone, (int32_t)tree->copies[0]->file);
	char before[3 * DEPTH_MAX + 8] = "";

	walk->lines_left = whole ? SIZE_MAX : SOME_LINES;
	doc_gap(&view->doc);
	doc_paragraph(&view->doc, DOC_PLAIN, "%s, %s, %s, %s: %s phones, %u levels",
		      subnet->site < folder->site_count ? folder->sites[subnet->site].name : "-", subnet->name,
		      folder->models[phone->model], file ? file : "-", report_count(tree->count).text, tree->depth);
	link_up(tree, walk);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < tree->count; i++) {
			int32_t from = tree->copies[i]->from;
			bool top = from < 0 || walk->copy_of[from] == NONE;

			/* In a file that somebody wrote there may be rings: they are told after all that hangs together. */
			if (!walk->told[i] && (top || pass))
				walk_down(view, tree, walk, (uint32_t)i, before, 0, "", "");
		}
	unlink_all(tree, walk);
	if (!walk->lines_left)
		fputs("    ... (--trees all draws the rest)\n", view->doc.stream);
	if (view->doc.format == PAGE_MARKDOWN)
		fputs("\n", view->doc.stream);
}

static bool walk_make(struct walk *walk, size_t phones)
{
	walk->first_child = malloc((phones + 1) * sizeof(uint32_t));
	walk->next_sibling = malloc((phones + 1) * sizeof(uint32_t));
	walk->copy_of = malloc((phones + 1) * sizeof(uint32_t));
	walk->told = calloc(phones + 1, sizeof(bool));
	if (walk->copy_of)
		memset(walk->copy_of, 0xff, (phones + 1) * sizeof(uint32_t));
	return walk->first_child && walk->next_sibling && walk->copy_of && walk->told;
}

static void walk_free(struct walk *walk)
{
	free(walk->first_child);
	free(walk->next_sibling);
	free(walk->copy_of);
	free(walk->told);
}

/* Of some: those in which something went wrong, else the largest. */
static const struct tree *next_of_some(const struct tree *trees, size_t count, const bool *told)
{
	const struct tree *best = NULL;

	for (size_t i = 0; i < count; i++) {
		if (told[i])
			continue;
		if (!best || (trees[i].troubled && !best->troubled) ||
		    (trees[i].troubled == best->troubled && trees[i].count > best->count))
			best = &trees[i];
	}
	return best;
}

static void tell_trees_of(struct view *view, const struct page_folder *folder)
{
	const struct page_copy **sorted;
	struct tree *trees;
	size_t count = cut(folder, &folder->runs[PAGE_PFS], &sorted, &trees);
	size_t wanted = view->trees == PAGE_TREES_ALL ? count : count < SOME_TREES ? count : SOME_TREES;
	bool *told = calloc(count + 1, sizeof(*told));
	struct walk walk = { 0 };

	if (!sorted || !trees || !told || !walk_make(&walk, folder->phone_count)) {
		view->doc.failed = true;
		wanted = 0;
	}
	for (size_t i = 0; i < wanted; i++) {
		const struct tree *tree = view->trees == PAGE_TREES_ALL ? &trees[i] : next_of_some(trees, count, told);

		told[tree - trees] = true;
		tell_tree(view, tree, &walk, view->trees == PAGE_TREES_ALL);
	}
	if (wanted < count && !view->doc.failed) {
		doc_gap(&view->doc);
		doc_paragraph(&view->doc, DOC_SOFT, "These are %s of %s trees; --trees all draws them all, HTML has them all.",
			      report_count(wanted).text, report_count(count).text);
	}
	walk_free(&walk);
	free(told);
	free(sorted);
	free(trees);
}

/* ---- the table of hierarchies ---- */

static void tell_table(struct view *view, const struct page_run *run)
{
	static const struct doc_column columns[] = {
		{ "Root", false },   { "Site", false },  { "Subnet", false },	{ "Model", false },	{ "File", false },
		{ "Members", true }, { "Levels", true }, { "Confirmed", true }, { "Transfer", true }, { "Last member", true }
	};
	size_t most = view->doc.format == PAGE_HTML ? SIZE_MAX : TABLE_TEXT_MAX;
	size_t shown = run->hierarchy_count < most ? run->hierarchy_count : most;

	if (!shown)
		return;
	doc_fold_begin(&view->doc, "All hierarchies in a table");
	doc_table_begin(&view->doc, "Hierarchies: who was root, and when the file had come to all", columns, 10);
	for (size_t i = 0; i < shown; i++) {
		const struct page_hierarchy *of = &run->hierarchies[i];

		doc_cell(&view->doc, DOC_PLAIN, "%s", of->root ? of->root : "none");
		doc_cell(&view->doc, DOC_PLAIN, "%s", of->site);
		doc_cell(&view->doc, DOC_PLAIN, "%s", of->subnet);
		doc_cell(&view->doc, DOC_PLAIN, "%s", of->model);
		doc_cell(&view->doc, DOC_PLAIN, "%s", of->file ? of->file : "-");
		doc_cell(&view->doc, DOC_PLAIN, "%s", report_count(of->members).text);
		doc_cell(&view->doc, DOC_PLAIN, "%s", report_count(of->depth).text);
		doc_cell(&view->doc, DOC_PLAIN, "%s", page_duration(of->confirmed_s).text);
		doc_cell(&view->doc, DOC_PLAIN, "%s", page_duration(of->transfer_s).text);
		doc_cell(&view->doc, DOC_PLAIN, "%s", page_duration(of->last_s).text);
	}
	doc_table_end(&view->doc);
	if (run->hierarchies_total > shown)
		doc_paragraph(&view->doc, DOC_SOFT, "and %s more.", report_count(run->hierarchies_total - shown).text);
	doc_fold_end(&view->doc);
}

void page_tell_trees(struct view *view)
{
	bool any = false;

	for (size_t i = 0; i < view->count; i++)
		any |= view->folders[i]->runs[PAGE_PFS].there;
	if (!any)
		return;
	doc_heading(&view->doc, 2, "trees", "The trees");
	for (size_t i = 0; i < view->count; i++) {
		const struct page_folder *folder = view->folders[i];

		if (!folder->runs[PAGE_PFS].there)
			continue;
		if (*view->labels[i])
			doc_heading(&view->doc, 3, i ? "trees-b" : "trees-a", i ? "Run B" : "Run A");
		if (view->doc.format != PAGE_HTML && view->trees != PAGE_TREES_NONE && folder->runs[PAGE_PFS].copy_count)
			tell_trees_of(view, folder);
		if (view->doc.format == PAGE_HTML)
			page_html_trees(view, i);
		tell_table(view, &folder->runs[PAGE_PFS]);
	}
}
