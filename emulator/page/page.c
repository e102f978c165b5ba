/* The order in which a run is told. */
#include "emulator/page/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/page/view.h"

static void tell_title(struct view *view)
{
	char title[200] = "";

	for (size_t i = 0; i < view->count; i++) {
		size_t at = strlen(title);

		snprintf(title + at, sizeof(title) - at, "%s%s%s%.60s", i ? ", " : "", view->labels[i],
			 *view->labels[i] ? ": " : "", view->folders[i]->name);
	}
	doc_heading(&view->doc, 1, "top", title);
}

int page_write(struct page_folder *const folders[2], const struct page_options *options, FILE *stream)
{
	struct view view = { .doc = { .stream = stream, .format = options->format },
			     .folders = { folders[0], folders[1] },
			     .count = folders[1] ? 2 : 1,
			     .trees = options->trees,
			     .labels = { folders[1] ? "A" : "", "B" } };
	bool html = options->format == PAGE_HTML;

	if (html)
		page_html_begin(&view);
	else
		tell_title(&view);
	page_tell_verdict(&view);
	page_tell_curves(&view);
	page_tell_wrong(&view);
	page_tell_figures(&view);
	page_tell_sites(&view);
	page_tell_models(&view);
	page_tell_server(&view);
	page_tell_trees(&view);
	page_tell_gates(&view);
	page_tell_host(&view);
	if (html)
		page_html_end(&view);
	if (view.doc.failed)
		return -ENOMEM;
	return fflush(stream) != 0 || ferror(stream) ? -EIO : 0;
}
