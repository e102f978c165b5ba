/*
 * One path through the search, kept: which of the things that could have happened did,
 * one after the other. A scenario cannot say it (it says what the network is
 * like, not which packet overtakes which), so a counterexample of the search
 * is kept as such a file, and gone along again as a regression.
 */
#ifndef FLEET_SEARCH_PATH_H
#define FLEET_SEARCH_PATH_H

#include <stdio.h>

#include "emulator/search/search.h"

#define SEARCH_PATH_FORMAT "pfs-fleet/path/1"
#define SEARCH_PATH_EVENTS_MAX 10000
#define SEARCH_PATH_BYTES_MAX (4u << 20)

struct search_path_event {
	struct search_event event;
	char what[64]; /* as search_show_text() has it: "P0 -> P1 ClaimRoot" */
};

struct search_path {
	uint32_t phones, files, drops, kills;
	uint32_t order; /* from 1 */
	bool planted;
	char broken[128]; /* the invariant that broke at its end; "": none */
	uint32_t count;
	struct search_path_event *events;
};

/* Of a result that is BROKEN. 0 or -ENOMEM; search_path_deinit() is due after 0. */
int search_path_of(const struct search_options *options, const struct search_result *result,
		   struct search_path *path);
void search_path_deinit(struct search_path *path);

/* What the search would be run with. */
struct search_options search_path_options(const struct search_path *path);

/* path_file.c. The document, JSON, to be freed; NULL where memory lacks. */
char *search_path_text(const struct search_path *path);
/*
 * Reads one. 0, -ENOMEM, or -EINVAL with what is wrong in `error` (file, place,
 * value, what was expected). search_path_deinit() is due after 0.
 */
int search_path_load(const char *file, struct search_path *path, char *error, size_t error_size);

struct search_replayed {
	const char *broken; /* static text; NULL: everything held */
	uint32_t at;        /* broken: after how many events */
	uint32_t followed;  /* events of the path that happened */
	uint32_t skipped;   /* that could not happen any more */
	uint32_t added;     /* that happened besides: in place of others, and after the end until nothing could */
};

/*
 * Goes along a path with this core, and prints each event and what it brought
 * about. The invariants are held after each, as the search does. Where the core is
 * another one than the path was found with, some event may not be possible any more: it is
 * left out, and said to be; where time cannot pass as in the file, what has to happen first does. What can still
 * happen after the last does, the first that is enabled each time, without further losses and kills: so that
 * a path is a regression of whatever came after its end too. 0, -ENOMEM or -EOVERFLOW
 * (search_run()).
 */
int search_path_replay(const struct search_path *path, FILE *stream, struct search_replayed *replayed);

#endif
