/* See cases.h. */
#include "emulator/commands/cases.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of an absolute path: how much of it there is. */
static size_t length_there(const char *path)
{
	char part[FOLDER_PATH_MAX];
	size_t length = strlen(path);
	struct stat status;

	memcpy(part, path, length + 1);
	while (length > 1 && stat(part, &status) < 0) {
		while (length > 1 && part[length - 1] == '/')
			length--;
		while (length > 1 && part[length - 1] != '/')
			length--;
		part[length] = '\0';
	}
	return length;
}

/* Not realpath(): the folder is not there yet. */
static int make_absolute(char path[FOLDER_PATH_MAX], const char *out_dir)
{
	char here[FOLDER_PATH_MAX];
	int length;

	if (*out_dir == '/')
		length = snprintf(path, FOLDER_PATH_MAX, "%s", out_dir);
	else if (!getcwd(here, sizeof(here)))
		return -errno;
	else
		length = snprintf(path, FOLDER_PATH_MAX, "%s/%s", here,
				  strncmp(out_dir, "./", 2) ? out_dir : out_dir + 2);
	return length < FOLDER_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int try_to_write(const char *path)
{
	char name[FOLDER_PATH_MAX + 16];

	snprintf(name, sizeof(name), "%s/.try-XXXXXX", path);
	int fd = mkstemp(name);
	if (fd < 0)
		return -errno;
	close(fd);
	unlink(name);
	return 0;
}

int cases_open(struct cases *cases, const char *out_dir)
{
	int error = *out_dir ? make_absolute(cases->path, out_dir) : -ENOENT;

	cases->there = 0;
	if (!error) {
		cases->there = length_there(cases->path);
		error = folder_ensure(cases->path);
	}
	if (!error)
		error = try_to_write(cases->path);
	if (!error)
		return 0;
	fprintf(stderr, "pfs-fleet: --out: \"%s\": cannot write there: %s\n", out_dir, strerror(-error));
	if (cases->there)
		cases_close(cases);
	return error;
}

void cases_close(const struct cases *cases)
{
	char part[FOLDER_PATH_MAX];
	size_t length = strlen(cases->path);

	memcpy(part, cases->path, length + 1);
	while (length > cases->there && rmdir(part) == 0) {
		while (length > 1 && part[length - 1] == '/')
			length--;
		while (length > 1 && part[length - 1] != '/')
			length--;
		while (length > 1 && part[length - 1] == '/')
			length--;
		part[length] = '\0';
	}
}

void cases_quote(FILE *stream, const char *word)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";

	if (*word && word[strspn(word, safe)] == '\0') {
		fputs(word, stream);
		return;
	}
	fputc('\'', stream);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[]){ *word, '\0' }, stream);
	fputc('\'', stream);
}

void cases_quote_path(FILE *stream, const char *path)
{
	char *whole = realpath(path, NULL);

	cases_quote(stream, whole ? whole : path);
	free(whole);
}
