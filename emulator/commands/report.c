/*
 * pfs-fleet report: tells a run from its folder, or two side by side. It reads
 * what a run left behind and nothing else, so it works where no fleet can be
 * made.
 */
#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "emulator/commands/commands.h"
#include "emulator/commands/output.h"
#include "emulator/page/page.h"

struct options {
	const char *folders[2];
	const char *out;
	struct page_options page;
	bool format_said, force;
};

enum { OPT_TREES = 256, OPT_FORCE };

static const struct argp_option option_table[] = {
	{ "format", 'f', "FORMAT", 0, "text (default), markdown or html; without it, as the name after -o ends", 0 },
	{ "output", 'o', "FILE", 0, "Write there, whole or not at all (default: the standard output)", 0 },
	{ "force", OPT_FORCE, NULL, 0, "Replace FILE where it is there already", 0 },
	{ "trees", OPT_TREES, "WHICH", 0, "Trees drawn in text and Markdown: none, some (default) or all", 0 },
	{ 0 }
};

static int choose(const char *text, const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, names[i]) == 0)
			return (int)i;
	return -1;
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), of_end = strlen(end);

	return length >= of_end && strcmp(text + length - of_end, end) == 0;
}

static void finish_options(struct options *options, struct argp_state *state)
{
	if (!options->folders[0])
		argp_error(state, "which RUN_FOLDER?");
	if (options->out && !*options->out)
		argp_error(state, "-o: \"\": is no file");
	if (options->format_said || !options->out)
		return;
	if (ends_in(options->out, ".html") || ends_in(options->out, ".htm"))
		options->page.format = PAGE_HTML;
	else if (ends_in(options->out, ".md"))
		options->page.format = PAGE_MARKDOWN;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	static const char *const formats[] = { "text", "markdown", "html" };
	static const char *const trees[] = { "none", "some", "all" };
	struct options *options = state->input;
	int chosen;

	switch (key) {
	case 'f':
		chosen = choose(argument, formats, 3);
		if (chosen < 0)
			argp_error(state, "--format: \"%s\": use text, markdown or html", argument);
		options->page.format = (enum page_format)chosen;
		options->format_said = true;
		return 0;
	case 'o':
		options->out = argument;
		return 0;
	case OPT_FORCE:
		options->force = true;
		return 0;
	case OPT_TREES:
		chosen = choose(argument, trees, 3);
		if (chosen < 0)
			argp_error(state, "--trees: \"%s\": use none, some or all", argument);
		options->page.trees = (enum page_trees)chosen;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "one run, or two side by side: \"%s\" is one too many", argument);
		options->folders[state->arg_num] = argument;
		return 0;
	case ARGP_KEY_END:
		finish_options(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp parser = {
	option_table,
	parse_option,
	"RUN_FOLDER [RUN_FOLDER]",
	"Tells a run from the folder that it left, or two side by side, as text, Markdown or one HTML file.\v"
	"Exit status: 0 told, whatever the run's verdict; 2 usage, or no run in the folder; "
	"4 the file could not be written.",
	NULL,
	NULL,
	NULL
};

struct content {
	const struct options *options;
	struct page_folder *const *folders;
};

static int put_page(const void *context, FILE *stream)
{
	const struct content *content = context;

	return page_write(content->folders, &content->options->page, stream);
}

static int write_file(const struct options *options, struct page_folder *const folders[2])
{
	const struct content content = { options, folders };
	int error = output_write(options->out, options->force, put_page, &content);

	if (error == -EEXIST) {
		fprintf(stderr, "pfs-fleet: %s: is there already; --force replaces it\n", options->out);
		return FLEET_EXIT_USAGE;
	}
	if (error)
		fprintf(stderr, "pfs-fleet: cannot write %s: %s\n", options->out, strerror(-error));
	return error ? FLEET_EXIT_HOST : FLEET_EXIT_GOOD;
}

int command_report(int argc, char **argv)
{
	struct options options = { .page = { .format = PAGE_TEXT, .trees = PAGE_TREES_SOME } };
	struct page_folder *folders[2] = { NULL, NULL };
	int status = FLEET_EXIT_GOOD;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	for (int i = 0; i < 2 && options.folders[i] && status == FLEET_EXIT_GOOD; i++) {
		struct page_error error;
		int result = page_open(options.folders[i], &folders[i], &error);

		if (result < 0) {
			fprintf(stderr, "%s\n", error.line);
			status = result == -ENOMEM || result == -EIO ? FLEET_EXIT_HOST : FLEET_EXIT_USAGE;
		}
	}
	if (status == FLEET_EXIT_GOOD && options.out) {
		status = write_file(&options, folders);
	} else if (status == FLEET_EXIT_GOOD) {
		/* What could not be handed over is said at exit, by main.c. */
		if (page_write(folders, &options.page, stdout) == -ENOMEM) {
			fprintf(stderr, "pfs-fleet: no memory for the report\n");
			status = FLEET_EXIT_HOST;
		}
	}
	page_close(folders[0]);
	page_close(folders[1]);
	return status;
}
