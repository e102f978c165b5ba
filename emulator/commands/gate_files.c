/* See gate_files.h. */
#include "emulator/commands/gate_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/commands/folder.h"

static int write_text(const char *folder, const char *name, char *text)
{
	int error;

	if (!text) {
		fprintf(stderr, "pfs-fleet: no memory for %s/%s\n", folder, name);
		return -ENOMEM;
	}
	error = folder_write(folder, name, text);
	free(text);
	return error;
}

/* Other steps of the job write there too: append, in one write. */
int gate_files_append(const struct gate_result *result)
{
	const char *path = getenv("GITHUB_STEP_SUMMARY");
	int error = 0;

	if (!path || !*path)
		return 0;
	char *text = gate_markdown(result);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (!text || fd < 0) {
		error = text ? -errno : -ENOMEM;
	} else {
		size_t length = strlen(text);
		ssize_t written = write(fd, text, length);

		if (written != (ssize_t)length)
			error = written < 0 ? -errno : -ENOSPC;
	}
	if (fd >= 0 && close(fd) < 0 && !error)
		error = -errno;
	free(text);
	if (error)
		fprintf(stderr, "pfs-fleet: cannot write %s (GITHUB_STEP_SUMMARY): %s\n", path, strerror(-error));
	return error;
}

int gate_files_write(const char *folder, const struct gate_result *result)
{
	int json = write_text(folder, "gate.json", gate_json(result));
	int markdown = write_text(folder, "gate.md", gate_markdown(result));
	int junit = write_text(folder, "junit.xml", gate_junit(result));

	return json ? json : markdown ? markdown : junit;
}

void gate_files_abandon(const char *folder)
{
	folder_remove(folder, "gate.json");
	folder_remove(folder, "gate.md");
	folder_remove(folder, "junit.xml");
}
