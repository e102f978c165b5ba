/* See folder.h. */
#include "emulator/commands/folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A scenario's name may hold anything; a path may not. */
static void put_default(char path[FOLDER_PATH_MAX], const char *scenario_name, time_t now)
{
	struct tm utc;
	char stamp[32] = "run";
	size_t at;

	if (gmtime_r(&now, &utc))
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	at = (size_t)snprintf(path, FOLDER_PATH_MAX, "results/runs/%s-", stamp);
	for (const char *c = scenario_name; *c && at < FOLDER_PATH_MAX - 32; c++)
		path[at++] = isalnum((unsigned char)*c) || strchr("._-", *c) ? *c : '-';
	snprintf(path + at, FOLDER_PATH_MAX - at, "-%ld", (long)getpid());
}

static int make_parents(const char *path)
{
	char part[FOLDER_PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0777) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(part, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

int folder_ensure(const char *path)
{
	if (strlen(path) >= FOLDER_PATH_MAX)
		return -ENAMETOOLONG;
	return *path ? make_parents(path) : -ENOENT;
}

static int is_empty(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	int result = 0;

	if (!directory)
		return -errno;
	while (result == 0 && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = -ENOTEMPTY;
	closedir(directory);
	return result;
}

int folder_make(const char *wanted, const char *scenario_name, time_t now, char path[FOLDER_PATH_MAX])
{
	int error = 0;

	if (!wanted)
		put_default(path, scenario_name, now);
	else if ((size_t)snprintf(path, FOLDER_PATH_MAX, "%s", wanted) >= FOLDER_PATH_MAX)
		error = -ENAMETOOLONG;
	else if (!*wanted)
		error = -ENOENT;
	if (!error)
		error = make_parents(path);
	if (!error)
		error = is_empty(path);
	if (error == -ENOTEMPTY)
		fprintf(stderr, "pfs-fleet: %s: is not empty; name a new folder, or none\n", path);
	else if (error)
		fprintf(stderr, "pfs-fleet: cannot make the run's folder %s: %s\n", wanted ? wanted : path,
			strerror(-error));
	return error;
}

int folder_write(const char *path, const char *name, const char *text)
{
	char whole[FOLDER_PATH_MAX + NAME_MAX + 8], part[FOLDER_PATH_MAX + NAME_MAX + 16];
	int error = 0;

	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	snprintf(part, sizeof(part), "%s.part", whole);
	FILE *file = fopen(part, "we");
	if (!file) {
		error = -errno;
	} else {
		bool written = fputs(text, file) >= 0;

		if (!written)
			error = -errno;
		if (fclose(file) != 0 && !error)
			error = -errno;
		if (!error && rename(part, whole) < 0)
			error = -errno;
		if (error)
			unlink(part);
	}
	if (error)
		fprintf(stderr, "pfs-fleet: cannot write %s: %s\n", whole, strerror(-error));
	return error;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	remove(path);
	return 0;
}

void folder_remove(const char *path, const char *name)
{
	char whole[FOLDER_PATH_MAX + NAME_MAX + 8];

	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	nftw(whole, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void folder_abandon(const char *path)
{
	static const char *const folders[] = { "/console", "/console-traditional", "" };
	char part[FOLDER_PATH_MAX + 32];

	snprintf(part, sizeof(part), "%s/scenario.json", path);
	unlink(part);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(part, sizeof(part), "%s%s", path, folders[i]);
		rmdir(part);
	}
}
