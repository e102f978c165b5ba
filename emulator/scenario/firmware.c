/*
 * The sets that are known by name.
 *
 * Sizes are those of public provisioning repositories and stand in
 * docs/scenario.md; the name of each .loads is the vendor's. Component names
 * other than the .loads are built in the vendor's pattern and may differ from
 * the real ones in their build number. Of P0030801SR02 (7940, 7960) the sizes
 * too are chosen. Content is not the vendor's: it is noise drawn from the seed
 * and the file's name, so that it does not compress and no two files or runs
 * with different seeds can be mistaken for each other.
 */
#include "emulator/scenario/firmware.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "emulator/scenario/loads.h"

#define COMPONENTS_MAX 5

struct known_set {
	const char *name, *index;
	uint32_t index_bytes;
	struct {
		const char *name;
		uint32_t bytes;
	} components[COMPONENTS_MAX]; /* in the order of the index: jar cnu apps dsp cvm */
};

static const struct known_set known[] = {
	{"SCCP11.9-4-2SR3-1", "SCCP11.9-4-2SR3-1S.loads", 672,
	 {{"jar11sccp.9-4-2ES26.sbn", 1618309}, {"cnu11.9-4-2ES26.sbn", 559713},
	  {"apps11.9-4-2ES26.sbn", 3157531}, {"dsp11.9-4-2ES26.sbn", 364895},
	  {"cvm11sccp.9-4-2ES26.sbn", 2227521}}},
	{"SCCP31.9-2-1", "SCCP31.9-2-1S.loads", 657,
	 {{"jar31sccp.9-2-1TH1-13.sbn", 1617571}, {"cnu31.9-2-1TH1-13.sbn", 553975},
	  {"apps31.9-2-1TH1-13.sbn", 3150897}, {"dsp31.9-2-1TH1-13.sbn", 356907},
	  {"cvm31sccp.9-2-1TH1-13.sbn", 2209268}}},
	{"SCCP41.9-4-2SR3-1", "SCCP41.9-4-2SR3-1S.loads", 652,
	 {{"jar41sccp.9-4-2ES26.sbn", 1630052}, {"cnu41.9-4-2ES26.sbn", 556833},
	  {"apps41.9-4-2ES26.sbn", 3157527}, {"dsp41.9-4-2ES26.sbn", 562693},
	  {"cvm41sccp.9-4-2ES26.sbn", 2219477}}},
	{"SCCP70.9-4-2SR3-1", "SCCP70.9-4-2SR3-1S.loads", 652,
	 {{"jar70sccp.9-4-2ES26.sbn", 1830557}, {"cnu70.9-4-2ES26.sbn", 557249},
	  {"apps70.9-4-2ES26.sbn", 3157527}, {"dsp70.9-4-2ES26.sbn", 562693},
	  {"cvm70sccp.9-4-2ES26.sbn", 2222958}}},
	{"SCCP41.9-4-2SR1-1", "SCCP41.9-4-2SR1-1S.loads", 646,
	 {{"jar41sccp.9-4-2ES9.sbn", 1630052}, {"cnu41.9-4-2ES9.sbn", 557154},
	  {"apps41.9-4-2ES9.sbn", 3156347}, {"dsp41.9-4-2ES9.sbn", 562005},
	  {"cvm41sccp.9-4-2ES9.sbn", 2217256}}},
	{"SCCP70.8-3-3", "SCCP70.8-3-3S.loads", 638,
	 {{"Jar70sccp.8-3-2-27.sbn", 538527}, {"cnu70.8-3-2-27.sbn", 547706},
	  {"apps70.8-3-2-27.sbn", 2494499}, {"dsp70.8-3-2-27.sbn", 530601},
	  {"cvm70sccp.8-3-2-27.sbn", 2456051}}},
	{"SCCP11.8-3-3SR2", "SCCP11.8-3-3SR2S.loads", 662,
	 {{"Jar11sccp.8-3-2ES4.sbn", 307192}, {"cnu11.8-3-2ES4.sbn", 551014},
	  {"apps11.8-3-2ES4.sbn", 2496963}, {"dsp11.8-3-2ES4.sbn", 326315},
	  {"cvm11sccp.8-3-2ES4.sbn", 2387852}}},
	{"P0030801SR02", "P0030801SR02.loads", 461,
	 {{"P0030801SR02.bin", 130000}, {"P0030801SR02.sbn", 130400}, {"P0030801SR02.sb2", 790000}}},
};
#define KNOWN_COUNT (sizeof(known) / sizeof(*known))

int32_t firmware_find(const char *name)
{
	for (uint32_t i = 0; i < KNOWN_COUNT; i++) {
		if (strcmp(known[i].name, name) == 0)
			return (int32_t)i;
	}
	return -1;
}

const char *firmware_name(uint32_t index)
{
	return index < KNOWN_COUNT ? known[index].name : NULL;
}

static uint64_t scaled(uint64_t bytes, uint32_t scale_ppm)
{
	uint64_t less = bytes * scale_ppm / 1000000;

	return less || !bytes ? less : 1;
}

static void set_file(struct plan_firmware *firmware, uint32_t file, const char *name, uint64_t size)
{
	assert(strlen(name) < PFS_NAME_MAX);
	strncpy(firmware->files[file].name, name, PFS_NAME_MAX - 1);
	firmware->files[file].size = size;
	firmware->total_bytes += size;
}

int firmware_make(uint32_t index, uint64_t seed, uint32_t scale_ppm, struct plan_firmware *firmware)
{
	assert(index < KNOWN_COUNT && scale_ppm >= 1 && scale_ppm <= 1000000);
	const struct known_set *set = &known[index];
	const char *names[COMPONENTS_MAX];
	uint32_t count = 0;

	memset(firmware, 0, sizeof(*firmware));
	strncpy(firmware->name, set->name, sizeof(firmware->name) - 1);
	set_file(firmware, 0, set->index, set->index_bytes);
	for (; count < COMPONENTS_MAX && set->components[count].name; count++) {
		names[count] = set->components[count].name;
		set_file(firmware, count + 1, names[count], scaled(set->components[count].bytes, scale_ppm));
	}
	firmware->file_count = count + 1;
	firmware->memory = malloc(firmware->total_bytes);
	if (!firmware->memory)
		return -ENOMEM;
	uint8_t *at = firmware->memory;
	for (uint32_t i = 0; i < firmware->file_count; i++) {
		struct pfs_file *file = &firmware->files[i];
		uint64_t key = XXH3_64bits_withSeed(file->name, strlen(file->name), seed);
		if (i) {
			loads_fill(key, at, file->size);
		} else {
			int r = loads_compose(file->name, names, count, key, at, file->size);
			assert(r == 0); /* every index of the table has room for its names */
			(void)r;
		}
		firmware->content[i] = at;
		file->digest = XXH3_64bits(at, file->size);
		at += file->size;
	}
	return 0;
}
