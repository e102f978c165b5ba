/*
 * The record of one run of one mode. Everything that the phones did enters as
 * typed trace (DESIGN: a run explains itself); the counters, the hierarchies,
 * the console logs and the summary are renderings of it. Both worlds write
 * it from the thread that runs the fleet; readers see it through fleet_view
 * (RCU) while it runs and through run_result when it has ended.
 */
#ifndef FLEET_RECORD_H
#define FLEET_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "emulator/hq/tftp_server.h"
#include "emulator/link/link.h"
#include "emulator/plan/plan.h"
#include "pfs-core/pfs.h"

struct record;

/*
 * out_dir: the run's folder, in which console/ is made with one log a phone; or
 * NULL: no logs. origin_s: wall-clock second that scenario time 0 is shown as
 * in the logs. Returns NULL and sets errno on failure.
 */
struct record *record_new(const struct plan *plan, bool traditional, const char *out_dir, int64_t origin_s);
/*
 * Keeps who got each file from whom, and what went wrong (run_copy,
 * run_incident): 32 bytes a phone and file. To be called before the first trace.
 * Returns 0 or -ENOMEM. The records of its slices, made after that, keep it too.
 */
int record_keep_copies(struct record *record);
/*
 * The record of a slice (plan_slice()) of a record's plan: its phones count
 * from 0, its logs go where the whole's go. May be used by another thread than
 * the whole; must be freed before it. NULL and errno on failure.
 */
struct record *record_part(const struct record *whole, const struct plan *slice);
void record_free(struct record *record);

/*
 * One trace record of a phone. now_us never decreases. Logs go to
 * OUT_DIR/console/PHONE.log in a PFS run, to OUT_DIR/console-traditional/ in a
 * traditional one.
 */
void record_trace(struct record *record, uint32_t phone, uint64_t now_us, const struct pfs_trace *trace);

/* A phone entered a state (enum pfs_state), at a file or PFS_NO_FILE. */
void record_state(struct record *record, uint32_t phone, uint64_t now_us, uint8_t state, uint8_t file);

/*
 * Called for each rendered console line of a phone with its severity (0 to 7,
 * syslog's) and whether it is one of PFS; for the log server of F14.
 */
typedef void (*record_line_fn)(void *context, uint32_t phone, int severity, bool pfs, const char *line);
void record_set_line_sink(struct record *record, record_line_fn sink, void *context);

/* Payload bytes that a phone took from a peer (peer.bytes) or the server, damaged or not. */
void record_peer_bytes(struct record *record, uint32_t phone, uint64_t bytes);
void record_tftp_bytes(struct record *record, uint32_t phone, uint64_t bytes);

/* A fault was carried out; kept in the summary. Text is copied. */
void record_fault(struct record *record, uint64_t now_us, const char *text);

/* Counters of the WAN of a site (accumulated by the links) and of the server; at the end and for each view. */
void record_wan(struct record *record, uint32_t site, const struct link *down, const struct link *up);
void record_server(struct record *record, const struct tftp_server_counters *counters);

/*
 * 0, or the errno of the first disk error of the console logs: the run's
 * results stand, but its logs are not whole. Said once on stderr when it happens.
 */
int record_disk_error(const struct record *record);

/* True where every phone that is to end has ended (upgraded or failed); killed for good counts as ended. */
bool record_all_ended(const struct record *record);
/* The phone will never come back (killed without return). */
void record_phone_gone(struct record *record, uint32_t phone);

/*
 * Takes over what the record of a slice (plan_slice()) of this record's plan
 * has come to. Slices may be joined in any order, once each, before
 * record_finish() of either; the part may be freed then.
 */
void record_join(struct record *record, struct record *part);

/* After that: how many transfers the server had under way at most, for all parts together. */
void record_serving_peak(struct record *record, uint64_t serving_peak);
/* True where console logs are written. */
bool record_has_logs(const struct record *record);

/*
 * To be called now and then by who runs the fleet: console lines that have
 * waited too long are written. A view published does it too.
 */
void record_tick(struct record *record);
/* Nothing is to come for a while: what waits is written, and its memory given back. */
void record_rest(struct record *record);

/* It is at least now_us: what record_now() says. */
void record_passes(struct record *record, uint64_t now_us);

/* ---- while it runs ---- */

/* How far a fleet is, or a part of one. */
struct record_progress {
	uint32_t upgraded, failed;
	uint64_t bytes_held, wan_bytes_down;
};

/* Of what the record was told so far; only from the thread that writes it. */
void record_progress(const struct record *record, struct record_progress *progress);

/* What a progress view shows. Immutable once published. */
struct fleet_view {
	const char *phase;          /* "bringing up", "upgrading", "ending" */
	uint64_t now_us;            /* scenario time */
	bool apart;                 /* its sites are run apart: now_us is the latest of their times, no rate is known */
	uint32_t phones, upgraded, failed;
	uint64_t wan_bytes_down;    /* of all sites */
	uint64_t wan_down_bps;      /* over the last view's interval, scenario time */
	uint64_t bytes_wanted;      /* sum over phones of their set's size */
	uint64_t bytes_held;        /* verified and partial */
	uint64_t left_us;           /* estimate until the last phone, scenario time; UINT64_MAX unknown */
	uint32_t snapshot_count;
	struct pfs_snapshot *snapshots; /* one a phone, freed with the view */
};

/*
 * Publishes a view; only from the thread that runs the fleet, and not before
 * the process may have threads (the second view makes liburcu's reclaimer). That
 * thread may be registered with QSBR, on-line or off-line, or not at all. The view
 * takes its contents from the record and from `snapshots` (copied, one a phone; may
 * be NULL). The old one is freed after a grace period; nothing here waits.
 * Where memory lacks, readers keep the view they have.
 */
void record_publish(struct record *record, const char *phase, uint64_t now_us, const struct pfs_snapshot *snapshots);

/* The same for a fleet whose parts have records of their own: progress is their sum. */
void record_publish_progress(struct record *record, const char *phase, uint64_t now_us,
			     const struct record_progress *progress);

/*
 * The newest view, or NULL before the first. Only inside a read-side section of
 * a thread registered with liburcu's QSBR; valid until its next quiescent state.
 */
const struct fleet_view *record_view(struct record *record);

/* ---- when it has ended ---- */

struct run_direct {
	uint32_t phone;
	uint8_t file, reason;
	uint64_t at_us;             /* when it was begun, of the scenario's clock */
};

/* A phone without the new firmware at the end. */
enum run_end_reason { RUN_END_FAILED, RUN_END_UNFINISHED, RUN_END_GONE };
struct run_loser {
	uint32_t phone;
	uint8_t end;                /* enum run_end_reason */
	uint8_t failure;            /* RUN_END_FAILED: enum pfs_failure */
	uint8_t file;               /* the file it was at, or PFS_NO_FILE */
};

struct run_hierarchy {
	uint32_t site, subnet, model;
	uint8_t file;
	int64_t root;               /* phone that confirmed first, -1 none */
	uint32_t members;           /* phones that got the file here, the root included */
	uint32_t depth;             /* deepest level at which a phone completed it; root 1 */
	uint32_t roots_confirmed;
	/*
	 * Downloads of it begun at the server by phones of this hierarchy that
	 * take part; one that ended in an error before its first byte (a busy
	 * server's rejection) is no copy.
	 */
	uint32_t wan_copies;
	uint64_t broadcasts;
	uint64_t confirmed_us;      /* first confirmation, since the first reset; PFS_TIME_NEVER unknown */
	uint64_t transfer_us;       /* the root's download took so long; PFS_TIME_NEVER unknown */
	uint64_t last_member_us;    /* last member held it, since the first reset; PFS_TIME_NEVER none */
	uint64_t began_us;          /* its first phone came to this file, since the first reset; so too */
	uint64_t asked_us;          /* the root first asked the server, since the first reset; so too */
};

/* Where a phone has a file from, or had it from last. */
#define RUN_FROM_SERVER (-1)
#define RUN_FROM_NOBODY (-2)    /* it never began; of an incident's peer: nobody's address in the fleet */

struct run_copy {
	uint64_t begun_us, done_us; /* of the scenario's clock; PFS_TIME_NEVER: it did not come to that */
	int64_t from;               /* a phone, RUN_FROM_SERVER or RUN_FROM_NOBODY */
	uint8_t level;              /* in the tree; the root 1; 0: outside of it */
	uint8_t direct;             /* enum pfs_direct: why it went to the server without being root */
	uint8_t tries;              /* sources it began with */
};

/* Something that an upgrade in which nothing goes wrong does not have. */
#define RUN_INCIDENTS_MAX 2000  /* the earliest are kept */
struct run_incident {
	uint64_t at_us;             /* of the scenario's clock */
	int64_t peer;               /* a phone, RUN_FROM_SERVER or RUN_FROM_NOBODY */
	uint32_t phone;
	uint16_t kind;              /* enum pfs_trace_kind */
	uint8_t file;               /* or PFS_NO_FILE */
	int32_t reason;             /* PFS_TR_TFTP_ERROR: its a; else as plan_trace_reason() */
	uint32_t order;             /* among those of one phone */
};

/* The reasons of one kind of incident: its own, with those of TFTP that are not the server's (256 up) after it. */
#define RUN_REASONS_MAX 24

struct run_times {
	uint64_t reset_us;          /* its first start; PFS_TIME_NEVER: never */
	uint64_t done_us;           /* upgraded or failed; PFS_TIME_NEVER: neither */
};

struct run_result {
	bool traditional, interrupted;
	/*
	 * phones = upgraded + failed + gone. failed: gave up for a recorded reason,
	 * or unfinished when the run ended; gone: killed without return.
	 * ineligible: phones that cannot take part in PFS, in either mode.
	 */
	uint32_t phones, upgraded, failed, ineligible, gone, unfinished;
	uint32_t ineligible_by_part[PFS_PART_MODE + 1];
	uint64_t duration_us;       /* first reset to last phone done */
	uint64_t wan_bytes_down, wan_bytes_up, wan_frames_lost, wan_queue_drops;
	double wan_busy_fraction;   /* of the busiest site's down direction, over duration */
	struct tftp_server_counters server;
	uint64_t tftp_transfers, tftp_transfers_pfs, tftp_completed, tftp_rejected, tftp_blocks, tftp_retransmits;
	uint64_t client_retransmits;
	uint64_t tftp_errors;       /* downloads that ended in an error, as the phones saw it */
	uint64_t peer_transfers, peer_bytes, peer_broadcasts;
	uint64_t damaged;           /* verifications that failed */
	uint64_t redirects, refusals, elections_again;
	uint64_t trace_records;     /* of which the console logs are renderings */
	uint64_t dropped[PFS_DROPS];
	uint64_t failures[PFS_FAIL_REASONS];
	uint32_t direct_count;
	struct run_direct *directs;
	uint64_t direct_by_reason[PFS_DIRECT_REASONS];
	uint32_t hierarchy_count;
	struct run_hierarchy *hierarchies;
	uint64_t completion_p50_us, completion_p90_us, completion_p99_us, completion_max_us; /* from each phone's own reset */
	uint32_t fault_count;
	struct run_fault { uint64_t at_us; char text[160]; } *faults;
	uint32_t loser_count;       /* failed + gone, in the order of the phones */
	struct run_loser *losers;
	int disk_error;             /* as record_disk_error() */
	uint8_t *phone_upgraded;    /* one a phone */
	uint64_t first_reset_us;    /* of the scenario's clock; PFS_TIME_NEVER: no phone was */
	struct run_times *times;    /* one a phone; NULL: no memory */
	const struct link *wan;     /* two a site, down and up: for their counters and meters */
	/* where record_keep_copies() was called; else NULL and 0 */
	uint32_t copy_stride;
	struct run_copy *copies;    /* copy_stride a phone */
	uint64_t incidents_total;
	uint64_t incident_counts[PFS_TR_KINDS][RUN_REASONS_MAX]; /* by run_reason_slot(): of all, kept or not */
	uint32_t incident_count;
	struct run_incident *incidents; /* by time, then phone */
	uint64_t *traced;           /* one an item of the plan's expect.traces */
};

/* Where incident_counts has a reason, and which reason a slot is; the last one is for whatever has none. */
uint32_t run_reason_slot(int32_t reason);
int32_t run_slot_reason(uint32_t slot);

/* The latest time that the record was told of: of a trace, a fault or a view. */
uint64_t record_now(const struct record *record);

/*
 * Works the result out; owned by the record, valid until record_free. now_us:
 * when the run ended (or record_now()). May be called again.
 */
const struct run_result *record_finish(struct record *record, uint64_t now_us, bool interrupted);

/*
 * Renders one trace record as console lines in the vendor's form, in order,
 * through emit. The one renderer that every phone uses. `phone_name`, file
 * names and addresses come from the config; clock_us is microseconds since
 * midnight of the log's day.
 */
typedef void (*console_emit_fn)(void *context, int severity, bool pfs, const char *line);
const char *console_tftp_error(uint32_t code); /* what a PFS_TR_TFTP_ERROR says; never NULL */
void console_render(const struct pfs_config *config, uint64_t clock_us, const struct pfs_trace *trace,
		    console_emit_fn emit, void *context);

#endif
