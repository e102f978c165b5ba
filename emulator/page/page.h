/*
 * A run told to people, after the fact: what its folder holds (summary.json,
 * detail.json, scenario.json) as text, Markdown or one HTML file, alone or
 * beside a second run. It reads files and nothing else: no plan, no record, so
 * a folder can be told on any machine, long after.
 *
 * What comes first is what was asked first: the verdict, three figures, the
 * curves, what went wrong and why, and then the tables.
 */
#ifndef FLEET_PAGE_H
#define FLEET_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum page_format { PAGE_TEXT, PAGE_MARKDOWN, PAGE_HTML };

/* Which trees text and Markdown draw; HTML has all of them, drawn when they are opened. */
enum page_trees { PAGE_TREES_NONE, PAGE_TREES_SOME, PAGE_TREES_ALL };

struct page_error {
	char line[600]; /* file, JSON path, value, what was expected */
};

struct page_folder;

/*
 * Reads and checks a run's folder. Returns 0 and *folder, to be freed; or a
 * negative errno with a line: -EINVAL what is not a run's or is damaged,
 * -ENOTSUP a newer schema than this program knows, else what reading it said.
 * A folder without detail.json (of an older program) is told without curves
 * and trees.
 */
int page_open(const char *path, struct page_folder **folder, struct page_error *error);
void page_close(struct page_folder *folder);

struct page_options {
	enum page_format format;
	enum page_trees trees;
};

/*
 * Tells one run, or two side by side (folders[1] NULL: one). Returns 0, -EIO
 * where the stream failed, -ENOMEM.
 */
int page_write(struct page_folder *const folders[2], const struct page_options *options, FILE *stream);

#endif
