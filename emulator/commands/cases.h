/*
 * Where `races` puts what it finds, and the line that shows it again. The folder is made
 * and tried before the work begins: after an hour of search is no time to
 * learn that nothing can be written.
 */
#ifndef FLEET_COMMANDS_CASES_H
#define FLEET_COMMANDS_CASES_H

#include <stdio.h>

#include "emulator/commands/folder.h"

#define CASES_OUT_DEFAULT "./results/races"

struct cases {
	char path[FOLDER_PATH_MAX]; /* absolute */
	size_t there;               /* octets of it that were there before */
};

/* Makes the folder, with its parents, and tries to write there. 0, or a negative errno with a line on stderr. */
int cases_open(struct cases *cases, const char *out_dir);

/* Takes back what cases_open() made, where nothing was put into it. */
void cases_close(const struct cases *cases);

/* One word for a shell: as it is where that is safe, else in quotes. */
void cases_quote(FILE *stream, const char *word);

/* The same of a file's name, made absolute: the line is to hold in another folder too. */
void cases_quote_path(FILE *stream, const char *path);

#endif
