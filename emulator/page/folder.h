/* What a run's folder holds, as numbers: the files of this folder share it. Nobody else includes this. */
#ifndef FLEET_PAGE_FOLDER_H
#define FLEET_PAGE_FOLDER_H

#include "emulator/page/read.h"
#include "emulator/report/plot.h"

#define PAGE_FILES_MAX 8

/* Strings belong to the JSON that the folder keeps. Times are seconds, -1 where there is none. */
#define PAGE_NEVER (-1.0)

struct page_reason {
	const char *name;
	uint64_t count;
};

struct page_hierarchy {
	const char *site, *subnet, *model, *file, *root; /* file and root may be NULL */
	uint64_t members, depth, roots, copies, broadcasts;
	double confirmed_s, transfer_s, last_s;
};

struct page_failure {
	const char *phone, *model, *file, *reason; /* file may be NULL */
};

struct page_fault {
	double at_s;
	const char *what;
};

/* Bytes over time: slots of one width. */
struct page_meter {
	double slot_s, from_s;
	size_t count;
	double *down, *up;
};

/* Of a site or of a model. */
struct page_tally {
	uint64_t phones, ineligible, upgraded, failed, unfinished, gone;
	double last_s;
	uint64_t bytes_down, bytes_up, frames_lost, queue_drops; /* sites alone */
	double busy;
	struct page_meter wan;                                   /* count 0: none */
};

#define PAGE_FROM_SERVER (-1)
#define PAGE_FROM_NOBODY (-2)

struct page_copy {
	uint32_t phone, file;
	int32_t from;
	uint32_t level, tries;
	double begun_s, done_s;
	const char *direct; /* why it went to the server; NULL: as root, or it takes no part */
};

struct page_incident {
	double at_s;
	uint32_t phone;
	int32_t file, peer;         /* file -1: of none */
	const char *kind, *reason;  /* reason may be NULL */
};

/* Of all incidents, kept one by one or not. */
struct page_incident_count {
	const char *kind, *reason; /* reason may be NULL */
	uint64_t count;
};

struct page_run {
	bool there, traditional, interrupted;
	uint64_t phones, upgraded, failed, unfinished, gone, ineligible;
	double duration_s, p50_s, p90_s, p99_s, max_s;
	uint64_t bytes_down, bytes_up, frames_lost, queue_drops;
	double busy;
	uint64_t transfers, transfers_pfs, rejected, retransmits, client_retransmits, errors, directs_total;
	uint64_t peer_transfers, peer_bytes, broadcasts, redirects, refusals, elections_again, damaged;
	size_t ineligible_count, direct_count, failure_reason_count;
	struct page_reason *ineligible_by, *direct_by, *failures_by;
	size_t hierarchy_count, failure_count, fault_count;
	uint64_t hierarchies_total, faults_total;
	struct page_hierarchy *hierarchies;
	struct page_failure *failures;
	struct page_fault *faults;

	/* of detail.json */
	bool detailed;
	size_t completion_count;
	struct plot_point *completion; /* seconds since the first reset, phones done */
	struct page_meter wan;
	size_t site_count, model_count;
	struct page_tally *sites, *models;
	size_t copy_count;
	struct page_copy *copies;
	bool has_incidents;
	uint64_t incidents_total;
	size_t incident_count;
	struct page_incident *incidents;
	size_t incident_kind_count;
	struct page_incident_count *incident_counts;
};

enum page_mode { PAGE_PFS, PAGE_TRADITIONAL, PAGE_MODES };

struct page_gate {
	const char *name, *kind, *relation, *verdict; /* kind and relation may be NULL */
	char *limit, *value;                          /* as text */
};

struct page_site {
	const char *name;
	uint64_t rate_down_bps, rate_up_bps, delay_us; /* there and back */
};

struct page_phone {
	const char *name, *part;
	uint32_t subnet, model, firmware;
};

struct page_subnet {
	const char *name;
	uint32_t site;
};

struct page_firmware {
	const char *name;
	size_t file_count;
	const char *files[PAGE_FILES_MAX];
};

struct page_fidelity {
	const char *mode, *verdict, *reasons;
	uint64_t timer_lag_p99_us, timer_smallest_us, relay_late_p99_us, relay_corrections, drops, arp_frames,
		tcp_retransmits, events;
	double cpu_busy, steal;
};

struct page_folder {
	char *path;
	struct reader summary, detail, scenario; /* json NULL: not there */
	const char *name, *engine, *server, *verdict;
	const char *what_if;                     /* "what-if: fan-out 4"; empty: what the phones do */
	char seed[24];
	double speed, scale;
	bool interrupted;
	struct page_run runs[PAGE_MODES], full[PAGE_MODES]; /* full: the same at full size, in virtual time */
	bool has_full;
	size_t gate_count;
	struct page_gate *gates;
	struct page_fidelity fidelity;           /* of all runs */
	size_t fidelity_count;
	struct page_fidelity *fidelities;        /* one a run */
	/* host and setup, as far as they are told */
	const char *started_at, *kernel, *machine, *cpu_model, *program, *scenario_path;
	uint64_t cores, memory_bytes;
	uint64_t workers, descriptors_peak, rss_bytes, kernel_bytes;
	double up_s, down_s;

	/* of detail.json: the fleet */
	uint64_t sites_total;
	size_t site_count, model_count, subnet_count, phone_count, firmware_count;
	struct page_site *sites;
	const char **models;
	struct page_subnet *subnets;
	struct page_phone *phones;
	struct page_firmware *firmware;
};

/* detail.c: what detail.json adds to a folder whose summary is read. Returns 0 or a negative errno with a line. */
int page_load_detail(struct page_folder *folder, struct page_error *error);
void page_free_detail(struct page_folder *folder);

/* Zeroed room for an array of a file; what a file cannot ask for is refused with -ENOMEM in the reader. */
void *page_room(struct reader *reader, size_t count, size_t size);

#endif
