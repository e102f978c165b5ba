/* Where the verdict of `pfs-fleet gate` goes: files in its folder, and the summary page of GitHub Actions. */
#ifndef FLEET_COMMANDS_GATE_FILES_H
#define FLEET_COMMANDS_GATE_FILES_H

#include "emulator/gate/gate.h"

/*
 * Writes gate.json, gate.md and junit.xml into the folder, each whole or not at
 * all. Returns 0, or a negative errno with one line on stderr for each that could
 * not be written.
 */
int gate_files_write(const char *folder, const struct gate_result *result);
/* Removes them again. */
void gate_files_abandon(const char *folder);

/* Appends the Markdown to the file that GITHUB_STEP_SUMMARY names, where it names one; as above. */
int gate_files_append(const struct gate_result *result);

#endif
