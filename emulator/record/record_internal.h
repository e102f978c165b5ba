/*
 * What the files of this folder share: the record as it grows while a run goes
 * on. Nobody else includes this.
 */
#ifndef FLEET_RECORD_INTERNAL_H
#define FLEET_RECORD_INTERNAL_H

#include "emulator/record/record.h"

#define RECORD_NO_HIERARCHY UINT32_MAX

/* What the trace of one phone has said so far. */
struct record_phone {
	uint64_t reset_us;       /* its first start; PFS_TIME_NEVER: not yet */
	uint64_t done_us;        /* upgraded or failed */
	uint64_t tftp_begun_us;
	uint64_t tftp_taken;     /* payload bytes since the download began */
	uint64_t held_bytes;     /* of files verified */
	uint64_t partial_bytes;  /* of the file being received */
	uint64_t boot;           /* starts but the first */
	uint32_t blksize;        /* of the download under way */
	uint8_t held;            /* bit a file: verified since the last start */
	uint8_t counted;         /* bit a file: counted as a hierarchy's member */
	uint8_t tftp_file;       /* file of the download under way, or PFS_NO_FILE */
	uint8_t tftp_as_root;
	uint8_t level;           /* in the hierarchy of level_file; root 1, 0 none */
	uint8_t level_file;
	uint8_t file;            /* the file it is at, or PFS_NO_FILE */
	uint8_t failure;         /* enum pfs_failure */
	uint8_t failed_file;
	bool upgraded, failed, gone;
};

/* Console logs: lines wait in memory, files are never held open. */
struct console_log;
struct console_log *console_log_new(const struct plan *plan, const char *out_dir, bool traditional);
void console_log_line(struct console_log *log, uint32_t phone, const char *line);
/* The log of a slice of the plan, in the same folder; goes before the whole's. */
struct console_log *console_log_part(struct console_log *whole, const struct plan *slice);
/* To be called now and then: writes out some of what has waited too long. */
void console_log_tick(struct console_log *log);
/* Writes out what waits, and gives the memory back. Returns 0 or the errno of the first disk error so far. */
int console_log_flush(struct console_log *log);
int console_log_error(const struct console_log *log);
void console_log_free(struct console_log *log);

struct record {
	const struct plan *plan;
	bool traditional;
	int64_t origin_s;
	uint64_t last_us;

	struct record_phone *phones;
	uint32_t upgraded, failed, gone;  /* ended; the three do not overlap */

	/* of (subnet, model, file): the first of its group, plus the file's index */
	uint32_t *first_hierarchy;
	struct run_hierarchy *hierarchies; /* times are absolute until the run is finished */
	uint32_t hierarchy_count;

	struct link *wan;                 /* two a site: down, up */
	struct tftp_server_counters server;
	uint64_t first_reset_us;
	uint64_t bytes_wanted, bytes_held;

	/* counters that are handed over as they are, and lists that grow */
	struct run_result result;
	uint64_t client_blocks;
	uint32_t direct_room, fault_room, incident_room;
	bool memory_short;                /* a list could not grow: said once */

	struct console_log *log;
	record_line_fn line_sink;
	void *line_context;

	struct fleet_view *view;          /* RCU: readers dereference it */
	uint64_t view_us, view_wan_bytes, view_wan_bps;
	bool reclaimed;                   /* call_rcu was used */
};

/* account.c: into the figures. */
void record_account(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace);

/* expected.c: for the expectations of the scenario that count events. */
void record_count_expected(struct record *record, uint32_t phone, uint64_t now_us,
			   const struct pfs_trace *trace);

/*
 * The (subnet, model, firmware set) of a phone, an index of first_hierarchy
 * before the files. Phones of one model that are upgraded to different sets
 * want different files, so the set is part of it.
 */
size_t record_group(const struct plan *plan, uint32_t phone);

/* The hierarchy that a phone's trace of a file belongs to, or NULL. */
struct run_hierarchy *record_hierarchy_of(const struct record *record, uint32_t phone, uint8_t file);

/* copies.c: for records that keep them; after the counters have taken the trace in. */
void record_note_copies(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace);
void record_join_copies(struct record *record, const struct record *part);
void record_finish_copies(struct record *record);

/* Room for one more entry of a list that doubles; false, said once, where memory lacks. */
bool record_grow(struct record *record, void **list, uint32_t count, uint32_t *room, size_t size);

/* WAN bytes of all sites, headquarters to site. */
uint64_t record_wan_bytes_down(const struct record *record);

/* Unpublishes and frees the view, and waits for all that were replaced. */
void record_view_free(struct record *record);

#endif
