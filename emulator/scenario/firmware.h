/*
 * Firmware: the sets known by name, with content made from the seed, and a
 * folder of the user's own. Either way the content is held once, by the plan.
 */
#ifndef FLEET_FIRMWARE_H
#define FLEET_FIRMWARE_H

#include <stddef.h>
#include <stdint.h>

#include "emulator/plan/plan.h"

#define FIRMWARE_FOLDER_PREFIX "folder:" /* what a folder begins with where a set's name may stand */

/* Index of the set of that name, or -1. */
int32_t firmware_find(const char *name);

/* Name of a set by index; NULL past the end. */
const char *firmware_name(uint32_t index);

/*
 * Makes a known set: components shrunk to scale_ppm parts a million (never to
 * nothing), the index whole. Returns 0 or -ENOMEM.
 */
int firmware_make(uint32_t index, uint64_t seed, uint32_t scale_ppm, struct plan_firmware *firmware);

/*
 * Reads a set from a folder, or from the .loads file that path names. Returns 0
 * (firmware->notes says what was not as written), -ENOMEM, or -EINVAL with why
 * filled with a sentence for the user.
 */
int firmware_read_folder(const char *path, struct plan_firmware *firmware, char *why, size_t why_size);

#endif
