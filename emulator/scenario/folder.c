/*
 * A firmware set from a folder of the user's own. It is copied into memory, not
 * mapped: a file that is cut short while a fleet upgrades must not take the
 * process down with it. Vendors' sets spell names with other capitals than the
 * files have; the phone asks for the name as the index writes it, so the name
 * stays and the file is looked for without regard to capitals, which is noted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "emulator/scenario/firmware.h"
#include "emulator/scenario/loads.h"

#define SET_BYTES_MAX (UINT64_C(1) << 30)

struct reader {
	DIR *folder;
	char index[256];          /* the .loads as the folder spells it */
	struct loads loads;
	int descriptors[PFS_FILES_MAX];
	char *why;
	size_t why_size;
	struct plan_firmware *firmware;
};

static int __attribute__((format(printf, 2, 3))) fail(struct reader *reader, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reader->why, reader->why_size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static bool is_loads(const char *name)
{
	size_t length = strlen(name);

	return length > 6 && strcasecmp(name + length - 6, ".loads") == 0;
}

/* Opens the folder that path is, or that holds the .loads which path is. */
static int open_folder(struct reader *reader, const char *path)
{
	struct dirent *entry;
	char copy[4200];

	reader->folder = opendir(path);
	if (!reader->folder && errno == ENOTDIR && is_loads(path) && strlen(path) < sizeof(copy)) {
		strcpy(copy, path);
		snprintf(reader->index, sizeof(reader->index), "%s", basename(copy));
		strcpy(copy, path);
		reader->folder = opendir(dirname(copy));
	}
	if (!reader->folder)
		return fail(reader, "the folder cannot be opened: %s", strerror(errno));
	while (!reader->index[0] && (entry = readdir(reader->folder))) {
		if (!is_loads(entry->d_name))
			continue;
		strcpy(reader->index, entry->d_name);
		while ((entry = readdir(reader->folder))) {
			if (is_loads(entry->d_name))
				return fail(reader, "the folder holds %s and %s, name one: folder:PATH/%s",
					    reader->index, entry->d_name, reader->index);
		}
		break;
	}
	if (!reader->index[0])
		return fail(reader, "the folder holds no .loads file");
	const char *fault = loads_name_fault(reader->index, strlen(reader->index));
	if (fault)
		return fail(reader, "the index \"%.60s\" %s", reader->index, fault);
	return 0;
}

static int open_regular(struct reader *reader, uint32_t file, const char *name)
{
	struct stat status;
	/* Not blocking: a FIFO would wait for its writer before it could be refused. */
	int descriptor = openat(dirfd(reader->folder), name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (descriptor < 0)
		return -errno;
	reader->descriptors[file] = descriptor;
	if (fstat(descriptor, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return fail(reader, "\"%s\" is not a regular file", name);
	reader->firmware->files[file].size = (uint64_t)status.st_size;
	reader->firmware->total_bytes += (uint64_t)status.st_size;
	if (reader->firmware->total_bytes > SET_BYTES_MAX)
		return fail(reader, "the set is larger than 1 GiB");
	return 0;
}

/* Finds the one file whose name differs in capitals only. */
static int open_other_capitals(struct reader *reader, uint32_t file, const char *name)
{
	char found[256] = "";
	struct dirent *entry;

	rewinddir(reader->folder);
	while ((entry = readdir(reader->folder))) {
		if (strcasecmp(entry->d_name, name) != 0)
			continue;
		if (found[0])
			return fail(reader, "\"%s\" could be %s or %s", name, found, entry->d_name);
		strcpy(found, entry->d_name);
	}
	if (!found[0])
		return fail(reader, "%s names \"%s\", which the folder does not hold", reader->index, name);
	struct plan_firmware *firmware = reader->firmware;
	size_t used = strlen(firmware->notes);
	snprintf(firmware->notes + used, sizeof(firmware->notes) - used, "%s%s is read from %s",
		 used ? "; " : "", name, found);
	return open_regular(reader, file, found);
}

static int open_file(struct reader *reader, uint32_t file, const char *name)
{
	int r;

	strcpy(reader->firmware->files[file].name, name); /* checked by loads_name_fault() */
	r = open_regular(reader, file, name);
	if (r == -ENOENT)
		r = open_other_capitals(reader, file, name);
	if (r < 0 && r != -EINVAL)
		return fail(reader, "\"%s\" cannot be read: %s", name, strerror(-r));
	return r;
}

static int read_file(struct reader *reader, uint32_t file, uint8_t *at)
{
	struct pfs_file *to = &reader->firmware->files[file];

	for (uint64_t have = 0; have < to->size;) {
		ssize_t got = pread(reader->descriptors[file], at + have, to->size - have, (off_t)have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(reader, "\"%s\" cannot be read: %s", to->name, strerror(errno));
		if (!got)
			return fail(reader, "\"%s\" became shorter while it was read", to->name);
		have += (uint64_t)got;
	}
	return 0;
}

/* The index alone first: it says what else there is. */
static int read_index(struct reader *reader)
{
	int r = open_file(reader, 0, reader->index);
	uint64_t size = reader->firmware->files[0].size;
	uint8_t *data;
	char what[200];

	if (r < 0)
		return r;
	if (size > 65536)
		return fail(reader, "%s is larger than 64 KiB, this is no index", reader->index);
	data = malloc(size ? size : 1);
	if (!data)
		return -ENOMEM;
	r = read_file(reader, 0, data);
	if (r == 0 && loads_parse(reader->index, data, size, &reader->loads, what, sizeof(what)) < 0)
		r = fail(reader, "%s: %s", reader->index, what);
	free(data);
	return r;
}

static int read_set(struct reader *reader, const char *path)
{
	struct plan_firmware *firmware = reader->firmware;
	int r = open_folder(reader, path);

	if (r == 0)
		r = read_index(reader);
	for (uint32_t i = 0; r == 0 && i < reader->loads.count; i++)
		r = open_file(reader, i + 1, reader->loads.names[i]);
	if (r < 0)
		return r;
	firmware->file_count = reader->loads.count + 1;
	snprintf(firmware->name, sizeof(firmware->name), "%.*s", (int)(strlen(reader->index) - 6), reader->index);
	firmware->memory = malloc(firmware->total_bytes ? firmware->total_bytes : 1);
	firmware->folder = strdup(path);
	if (!firmware->memory || !firmware->folder)
		return -ENOMEM;
	uint8_t *at = firmware->memory;
	for (uint32_t i = 0; i < firmware->file_count; i++) {
		r = read_file(reader, i, at);
		if (r < 0)
			return r;
		firmware->content[i] = at;
		firmware->files[i].digest = XXH3_64bits(at, firmware->files[i].size);
		at += firmware->files[i].size;
	}
	return 0;
}

int firmware_read_folder(const char *path, struct plan_firmware *firmware, char *why, size_t why_size)
{
	struct reader reader = {.why = why, .why_size = why_size, .firmware = firmware};
	int r;

	memset(firmware, 0, sizeof(*firmware));
	for (uint32_t i = 0; i < PFS_FILES_MAX; i++)
		reader.descriptors[i] = -1;
	r = read_set(&reader, path);
	for (uint32_t i = 0; i < PFS_FILES_MAX; i++) {
		if (reader.descriptors[i] >= 0)
			close(reader.descriptors[i]);
	}
	if (reader.folder)
		closedir(reader.folder);
	if (r < 0) {
		free(firmware->memory);
		free(firmware->folder);
		memset(firmware, 0, sizeof(*firmware));
	}
	return r;
}
