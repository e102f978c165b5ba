/* See cache.h. A file: a line that says what it is, the figures, and a checksum of all before it. */
#include "emulator/capacity/cache.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define FORMAT "pfs-fleet/capacity/1"
#define ENTRY_BYTES_MAX 8192

/* ------------------------------------------------------- which program */

struct build_id {
	char *text;
};

/* The first object that is told of is the program itself. */
static int find_build_id(struct dl_phdr_info *object, size_t size, void *context)
{
	struct build_id *found = context;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];
		const char *at = (const char *)(object->dlpi_addr + header->p_vaddr), *end = at + header->p_memsz;
		while (header->p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) <= end) {
			const ElfW(Nhdr) *note = (const void *)at;
			const unsigned char *id = (const unsigned char *)(at + sizeof(*note) + ((note->n_namesz + 3) & ~3u));
			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
			    memcmp(at + sizeof(*note), "GNU", 4) == 0) {
				for (uint32_t k = 0; k < note->n_descsz && 2 * k + 2 < CACHE_ENGINE_MAX; k++)
					sprintf(found->text + 2 * k, "%02x", id[k]);
				return 1;
			}
			at = (const char *)id + ((note->n_descsz + 3) & ~3u);
		}
	}
	return 1;
}

void cache_engine(char engine[CACHE_ENGINE_MAX])
{
	struct build_id found = { engine };

	engine[0] = '\0';
	dl_iterate_phdr(find_build_id, &found);
}

/* ----------------------------------------------------------- the folder */

int cache_open(struct cache *cache, const char *engine)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int length;

	*cache = (struct cache){ 0 };
	if (base && *base == '/')
		length = snprintf(cache->folder, sizeof(cache->folder), "%s/pfs-fleet/%s", base, engine);
	else if (home && *home == '/')
		length = snprintf(cache->folder, sizeof(cache->folder), "%s/.cache/pfs-fleet/%s", home, engine);
	else
		return -ENOENT;
	if (!*engine || length >= (int)sizeof(cache->folder) - 64) {
		cache->folder[0] = '\0';
		return -ENOENT;
	}
	snprintf(cache->engine, sizeof(cache->engine), "%s", engine);
	return 0;
}

struct cache_key cache_key(const struct cache *cache, const char *text, bool traditional, uint64_t identity)
{
	struct cache_key key;
	char head[128];
	XXH3_state_t *state = XXH3_createState();
	XXH128_hash_t hash = { 0 };

	snprintf(head, sizeof(head), FORMAT " %s %d %016" PRIx64 "\n", cache->engine, traditional, identity);
	if (state && XXH3_128bits_reset(state) == XXH_OK && XXH3_128bits_update(state, head, strlen(head)) == XXH_OK &&
	    XXH3_128bits_update(state, text, strlen(text)) == XXH_OK)
		hash = XXH3_128bits_digest(state);
	XXH3_freeState(state);
	snprintf(key.name, sizeof(key.name), "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
	return key;
}

/* FOLDER/ab/cdef..: no folder grows too large. */
static void put_path(const struct cache *cache, const struct cache_key *key, char path[CACHE_PATH_MAX])
{
	snprintf(path, CACHE_PATH_MAX, "%.*s/%.2s/%s", CACHE_PATH_MAX - 64, cache->folder, key->name, key->name + 2);
}

static int make_parents(const char *path)
{
	char part[CACHE_PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* ------------------------------------------------------------ one result */

/* Where the last line begins, or NULL. */
static char *last_line(char *text, size_t length)
{
	char *line;

	if (length < 2 || text[length - 1] != '\n')
		return NULL;
	line = memrchr(text, '\n', length - 1);
	return line ? line + 1 : NULL;
}

static bool believe(char *text, size_t length, const struct cache_key *key, struct capacity_outcome *outcome)
{
	char wanted[64], *sum = last_line(text, length), *figures = strchr(text, '\n');

	if (!sum || !figures || figures >= sum || memchr(text, '\0', length))
		return false;
	snprintf(wanted, sizeof(wanted), "sum %016" PRIx64 "\n", (uint64_t)XXH3_64bits(text, (size_t)(sum - text)));
	if (strcmp(sum, wanted) != 0)
		return false;
	*sum = '\0';
	*figures = '\0';
	snprintf(wanted, sizeof(wanted), FORMAT " %s", key->name);
	return strcmp(text, wanted) == 0 && outcome_read(figures + 1, outcome) == 0;
}

bool cache_load(const struct cache *cache, const struct cache_key *key, struct capacity_outcome *outcome)
{
	char path[CACHE_PATH_MAX], text[ENTRY_BYTES_MAX];
	FILE *file;
	size_t length;

	if (!*cache->folder)
		return false;
	put_path(cache, key, path);
	file = fopen(path, "re");
	if (!file)
		return false;
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return believe(text, length, key, outcome);
}

/* The file whole, under another name. Returns 0 or a negative errno. */
static int write_part(const char *part, int descriptor, const char *text)
{
	FILE *file = fdopen(descriptor, "w");
	int error = 0;

	if (!file) {
		error = -errno;
		close(descriptor);
		return error;
	}
	if (fputs(text, file) < 0)
		error = -errno;
	if (fclose(file) != 0 && !error)
		error = -errno;
	if (error)
		unlink(part);
	return error;
}

int cache_store(const struct cache *cache, const struct cache_key *key, const struct capacity_outcome *outcome)
{
	char path[CACHE_PATH_MAX], part[CACHE_PATH_MAX + 16], *figures, *body = NULL, *text = NULL;
	int descriptor, error = -ENOMEM;

	if (!*cache->folder)
		return 0;
	put_path(cache, key, path);
	figures = outcome_write(outcome);
	if (!figures || asprintf(&body, FORMAT " %s\n%s", key->name, figures) < 0 ||
	    asprintf(&text, "%ssum %016" PRIx64 "\n", body, (uint64_t)XXH3_64bits(body, strlen(body))) < 0)
		goto out;
	error = make_parents(path);
	if (error)
		goto out;
	snprintf(part, sizeof(part), "%s.XXXXXX", path);
	descriptor = mkostemp(part, O_CLOEXEC);
	error = descriptor < 0 ? -errno : write_part(part, descriptor, text);
	if (!error && rename(part, path) < 0) {
		error = -errno;
		unlink(part);
	}
out:
	free(figures);
	free(body);
	free(text);
	return error;
}
