/*
 * The plan: a scenario worked out down to every phone's address. It is made
 * once, is pure data and is not changed by a run; both worlds and the report
 * read it. Times are microseconds of the scenario's clock, addresses and
 * ports host byte order, rates bits a second.
 */
#ifndef FLEET_PLAN_H
#define FLEET_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "emulator/link/link.h"
#include "emulator/plan/figures.h"
#include "pfs-core/pfs.h"

#define PLAN_NAME_MAX 48        /* names of sites, subnets, scenarios, with NUL */
#define PLAN_SWITCH_PORTS_MAX 500 /* of a switch that is one bridge; the kernel takes 1023 */
/*
 * Of one bridge of a larger switch. A broadcast waits in the kernel as one packet
 * a port, bridge by bridge and both ways along the chain, and 1,000 may wait
 * (net.core.netdev_max_backlog): so there is room for a second one.
 */
#define PLAN_BRIDGE_PORTS 400

/* Phones on each bridge of a switch of so many. */
static inline uint32_t plan_bridge_ports(uint64_t phones)
{
	return phones <= PLAN_SWITCH_PORTS_MAX ? PLAN_SWITCH_PORTS_MAX : PLAN_BRIDGE_PORTS;
}
#define PLAN_PHONES_MAX 4000000 /* 24 bits of the MAC address number the phone */
#define PLAN_DRAW_RESET 0x72657374 /* purpose of the draw that spreads the resets ("rest") */
#define PLAN_DRAW_STRUCK 0x73747275 /* of those that say whom a share strikes ("stru"), when and for how long */
#define PLAN_DRAW_STRUCK_AT 0x73747261
#define PLAN_DRAW_STRUCK_FOR 0x73747266
#define PLAN_FAULTS_MAX 10000 /* each phone of a share is one */

/* A model of phone (F9). */
struct plan_model {
	char name[PFS_MODEL_MAX];       /* "CP-7961G" */
	char firmware[PLAN_NAME_MAX];   /* name of its firmware set */
	uint64_t port_bps;              /* LAN port: 100 Mb/s; -GE 1 Gb/s */
	bool shares;                    /* false: 7940, 7960 */
};

/* A set of files as they are served, already scaled. */
struct plan_firmware {
	char name[PLAN_NAME_MAX];       /* "SCCP41.9-4-2SR3-1" */
	uint32_t file_count;
	struct pfs_file files[PFS_FILES_MAX];
	const uint8_t *content[PFS_FILES_MAX]; /* files[i].size bytes, held by the plan, read only */
	uint64_t total_bytes;
	uint8_t *memory;                /* what content points into: once for the whole fleet */
	char *folder;                   /* the user's own folder it was read from; NULL: a set by name */
	char notes[256];                /* what was not as the index writes it, "; " between; for people */
};

/* A common phone profile (F10), named so that groups of phones can refer to it. */
struct plan_profile {
	char name[PLAN_NAME_MAX];
	uint8_t setting;                /* enum pfs_setting */
};

struct plan_site {
	char name[PLAN_NAME_MAX];
	struct link_config down;        /* headquarters to site */
	struct link_config up;          /* site to headquarters */
	uint32_t wan_router;            /* the router's address on the WAN */
	uint32_t wan_hq;                /* headquarters' address on the WAN */
	uint32_t wan_netmask;
	uint32_t first_subnet, subnet_count;
};

/* One broadcast domain; more than one subnet may stand on it. */
struct plan_switch {
	uint32_t site;
	uint32_t ports;                 /* phones on it */
	bool real_arp;                  /* lan.arp "real": the switch does not answer for phones */
};

struct plan_subnet {
	char name[PLAN_NAME_MAX];
	uint32_t site;
	uint32_t lan_switch;            /* index in switches */
	uint32_t network, netmask;
	uint32_t router;                /* the router's address in it */
	bool limited_broadcast;         /* phones send to 255.255.255.255; else to the directed address */
	uint32_t lan_delay_us;          /* one way between two phones, virtual time only */
	uint32_t first_phone, phone_count;
};

struct plan_phone {
	char name[20];                  /* "SEP" and the MAC address, 12 hex digits */
	uint8_t mac[6];
	uint16_t model;
	uint16_t firmware;              /* index in the plan's firmware: the model's, or the group's own */
	uint32_t site, subnet;
	uint32_t address;
	uint64_t reset_us;              /* when it is reset */
	uint32_t strength;              /* of its claims, 31 bits; 0: drawn */
	uint64_t port_bps;              /* 0: not limited */
	uint8_t part;                   /* enum pfs_part in a PFS run */
	uint8_t setting;                /* enum pfs_setting in effect (F10) */
	uint8_t origin;                 /* enum pfs_origin */
	uint8_t own;                    /* enum pfs_setting on the phone's own page */
	int16_t profile;                /* index in the plan's profiles, -1 none */
	char running[24];               /* firmware it runs now, "8.5(2)" */
};

/*
 * What real phones do not do (docs/protocol.md, "What-if"). 0: what they do; a
 * run that says anything else is marked as a what-if wherever it shows.
 */
struct plan_what_if {
	uint8_t fan_out;                /* children a hierarchy, 1 to PFS_FAN_OUT_MAX */
	uint8_t waits_percent;          /* of each wait of an election, PFS_WAITS_PERCENT_MIN to 100 */
	bool forward_early;             /* a file is forwarded as it comes, but for its end */
};

enum plan_server_kind { PLAN_SERVER_EMBEDDED, PLAN_SERVER_IN_TFTPD, PLAN_SERVER_DNSMASQ };

#define PLAN_SERVER_SOCKETS 2 /* that the embedded server's transfers share */

struct plan_server {
	enum plan_server_kind kind;
	uint32_t address;               /* at headquarters */
	uint32_t serving_max;           /* sessions at once, 500 */
	uint64_t timeout_us;            /* before the first retransmission */
	uint32_t retries_max;
};

/* F14. The phones send their console log there, by UDP. */
struct plan_log_server {
	bool enabled;
	uint32_t address;
	uint16_t port;
	uint8_t base_min, base_max;     /* levels sent, 0 to 7 */
	uint8_t pfs_min, pfs_max;       /* 0 to 1; 0-0: no PFS lines */
	char text[96];                  /* as written: address:port@@base=0-7;pfs=0-1 */
	bool here;                      /* the address is headquarters' own: a collector listens; plan_finish() */
};

enum plan_fault_kind {
	PLAN_FAULT_KILL,        /* power loss: link down first, no FIN or RST is ever seen */
	PLAN_FAULT_UNPLUG,      /* link down; the core runs on */
	PLAN_FAULT_CRASH,       /* process reset; peers see RST; core starts anew */
	PLAN_FAULT_WAN_CUT,
	PLAN_FAULT_WAN_DEGRADE, /* other link configs while it lasts */
	PLAN_FAULT_WAN_FLAP,    /* down and up in turn */
	PLAN_FAULT_SERVER_STOP,
	PLAN_FAULT_DAMAGE_TFTP, /* one byte of a file flips on its way to the phone, once */
	PLAN_FAULT_DAMAGE_TCP,  /* the same from a parent to a child */
	/* from here on in virtual time only: plan_fault_virtual_only() */
	PLAN_FAULT_LAN_DISTURB, /* datagrams on a switch are lost, doubled, overtaken, late */
	PLAN_FAULT_LAN_SPLIT,   /* a switch falls apart into groups */
	PLAN_FAULT_SLOW_PORTS,  /* its ports forward only some time after their link comes up */
	PLAN_FAULT_SERVER_BUSY, /* each new request is rejected; what runs goes on */
	PLAN_FAULT_SERVER_SILENT, /* hears nothing and says nothing; what runs is not forgotten */
	PLAN_FAULT_SERVER_SIZE, /* a file is served with another length */
	PLAN_FAULT_TCP_RESET,   /* the connection to the parent, once */
	PLAN_FAULT_TCP_HALF_OPEN, /* one direction of it vanishes */
	PLAN_FAULT_SLOW_STORAGE,
	PLAN_FAULT_CLOCK_DRIFT,
	PLAN_FAULT_HOSTILE_ROOT, /* a hostile host in the phone's place: the strongest root, serves rubbish */
	PLAN_FAULT_HOSTILE_FLOOD, /* another one: floods claims */
	PLAN_FAULT_HOSTILE_GARBAGE, /* and one that speaks garbage on port 4051 */
	PLAN_FAULT_HOSTILE_LIAR, /* one that takes part and lies about trees */
	PLAN_FAULT_LAN_LOSE,    /* certain broadcasts of one phone, or of all, are lost to one, or to all */
	PLAN_FAULT_KINDS
};

/* What a kind of fault befalls. */
enum plan_scope { PLAN_SCOPE_PHONE, PLAN_SCOPE_WAN, PLAN_SCOPE_SERVER, PLAN_SCOPE_LAN };

/* PLAN_FAULT_LAN_DISTURB: of each datagram, drawn for each phone that is to hear it. */
struct plan_disturbance {
	uint32_t loss_ppm, duplicate_ppm, reorder_ppm;
	uint64_t delay_us;              /* of each */
	uint64_t hold_us;               /* a reordered or doubled one comes up to so much later */
};

enum plan_role { PLAN_ROLE_ANY, PLAN_ROLE_ROOT, PLAN_ROLE_PARENT, PLAN_ROLE_LEAF, PLAN_ROLE_PHONE };

/* When the target is at this point with that file. */
enum plan_phase {
	PLAN_PHASE_TIME,        /* at at_us */
	PLAN_PHASE_CLAIMING,    /* first claim broadcast */
	PLAN_PHASE_ROOT_WAITING,/* confirmed */
	PLAN_PHASE_TFTP,        /* at_percent of the file downloaded by the root */
	PLAN_PHASE_RECEIVING,   /* at_percent of the file received from a parent */
	PLAN_PHASE_SERVING,     /* begins to forward to a child */
	PLAN_PHASE_STATE,       /* enters the state plan_fault.state */
	PLAN_PHASE_EVENT,       /* traces the event plan_fault.event */
	PLAN_PHASES
};

/* PLAN_FAULT_LAN_LOSE: which broadcasts. */
enum plan_message { PLAN_MESSAGE_ANY, PLAN_MESSAGE_CLAIM, PLAN_MESSAGE_ANSWER };
struct plan_lost {
	enum plan_message message;
	int32_t from, to;               /* phones; -1: whoever sends, all that are to hear it */
	uint64_t skip, count;           /* of those that fit: so many come through, then so many are lost */
};

struct plan_fault {
	enum plan_fault_kind kind;
	enum plan_phase phase;
	enum plan_role role;
	uint64_t at_us;                 /* PLAN_PHASE_TIME: from the first reset */
	uint32_t at_percent;            /* 0 to 99 */
	int32_t site, subnet;           /* -1: any */
	int32_t model;                  /* -1: any */
	int32_t phone;                  /* PLAN_ROLE_PHONE */
	int32_t file;                   /* index in the set; -1: any */
	uint64_t duration_us;           /* until its return; PFS_TIME_NEVER: none */
	struct link_config down, up;    /* PLAN_FAULT_WAN_DEGRADE */
	uint32_t flap_us;               /* PLAN_FAULT_WAN_FLAP: down for so long, then up for as long */
	struct plan_disturbance lan;    /* PLAN_FAULT_LAN_DISTURB */
	uint32_t groups;                /* PLAN_FAULT_LAN_SPLIT: phone i of the switch is in group i modulo this */
	bool router_apart;              /* PLAN_FAULT_LAN_SPLIT: only group 0 reaches the router; else all do */
	uint64_t hold_us;               /* PLAN_FAULT_SLOW_PORTS: from link-up */
	uint32_t served_ppm;            /* PLAN_FAULT_SERVER_SIZE: of the file's true length */
	bool upwards;                   /* PLAN_FAULT_TCP_HALF_OPEN: what the child sends; else what it is sent */
	uint64_t rate_bps;              /* PLAN_FAULT_SLOW_STORAGE: of writing and of verifying */
	int32_t drift_ppm;              /* PLAN_FAULT_CLOCK_DRIFT: above 0 the phone's clock runs fast */
	uint8_t state;                  /* PLAN_PHASE_STATE: enum pfs_state */
	uint8_t event;                  /* PLAN_PHASE_EVENT: enum pfs_trace_kind */
	uint32_t nth;                   /* strikes when the point is reached for the nth time, from 1 */
	uint64_t after_us;              /* and so much later */
	int32_t by;                     /* the phone that reaches the point for the target; -1: the target */
	struct plan_lost lost;          /* PLAN_FAULT_LAN_LOSE */
	bool traditional_too;           /* also in the traditional run */
	uint32_t entry;                 /* the scenario's fault that it comes from, by its place there */
	bool drawn;                     /* one of several out of that one: the phone is drawn from a share */
};

/* Expectations a scenario carries; PLAN_UNSET where it says nothing. */
#define PLAN_UNSET UINT64_MAX
#define PLAN_CHECK_NAME_MAX 96
#define PLAN_HIERARCHY_FIGURES 5
#define PLAN_EXPECT_TRACES_MAX 100
#define PLAN_EXPECT_HIERARCHIES_MAX 20

/* How often the phones trace an event or enter a state, in the PFS run. -1 and PLAN_UNSET: any. */
struct plan_expect_trace {
	char name[PLAN_CHECK_NAME_MAX]; /* for people: "trace[2] yielded by SEP..." */
	uint8_t event;                  /* enum pfs_trace_kind; PFS_TR_KINDS: it is a state */
	uint8_t state;                  /* enum pfs_state */
	int32_t phone, file;
	int64_t peer;                   /* the address that the record names */
	int32_t reason;                 /* as plan_trace_reason() */
	uint64_t from_us, until_us;     /* from the first reset; until: not included */
	uint64_t min, max;
};

/* What each hierarchy that fits must have come to. */
struct plan_expect_hierarchy {
	char names[PLAN_HIERARCHY_FIGURES][32]; /* of root and those below, in order: "hierarchies[0].root" */
	int32_t site, subnet, model, file;
	uint64_t root;                  /* phone that confirmed first; PLAN_UNSET: not judged, so below */
	uint64_t roots_confirmed, wan_copies, members, depth_max;
};

struct plan_expect {
	uint64_t upgraded_min;          /* of PFS run */
	uint64_t failed_max;
	uint64_t direct_max;
	uint64_t wan_copies_max;        /* of any one hierarchy */
	uint64_t roots_confirmed_max;   /* of any one hierarchy */
	uint64_t transfers_pfs;         /* exactly */
	uint64_t refused_other_subnet_min; /* claims of the other subnet on a shared switch, counted */
	uint32_t trace_count, hierarchy_count;
	struct plan_expect_trace *traces;
	struct plan_expect_hierarchy *hierarchies;
};

enum plan_relation { PLAN_RELATION_MAX, PLAN_RELATION_MIN, PLAN_RELATION_EQUAL };

/* A limit of one figure of the summary. */
struct plan_gate {
	char field[FIGURE_PATH_MAX];    /* as written: "pfs.wan.bytes_down" */
	char written[PLAN_NAME_MAX];    /* the limit as written: "26MB" */
	struct figure_place place;
	enum plan_relation relation;
	double limit;                   /* in the figure's unit in the summary; of a flag 0 or 1; not of a text */
};

/*
 * The last places of a table of descriptors that phones' connections do not take, so that a full one comes to an end:
 * whoever holds them waits for a root, and a root for a TFTP socket here and one at the server. Of these the last are
 * not the phones' at all.
 */
#define PLAN_DESCRIPTORS_KEPT 48
#define PLAN_DESCRIPTORS_KEPT_SERVER 16

/* What the host must give. */
struct plan_needs {
	uint64_t namespaces;            /* phones, a router a site, switches, headquarters */
	uint64_t bridges, ports_max;    /* ports_max: phones on the fullest bridge */
	uint64_t links, neighbours;     /* links: veth pairs; neighbours: permanent ones, which no limit counts */
	uint64_t neighbours_counted;    /* learned by real ARP (lan.arp), which the host's limit counts */
	uint64_t crowd_max;             /* phones on the fullest switch */
	uint64_t descriptors_phone_worst, descriptors_phone_typical; /* of one phone, averaged over a hierarchy */
	uint64_t descriptors_fixed;     /* besides the phones */
	uint64_t memory_bytes, memory_phone_bytes; /* in all, and of it for each phone */
	uint64_t virtual_bytes;         /* memory of a run in virtual time, all sites at once */
};

struct plan {
	char name[PLAN_NAME_MAX];
	char *path;                     /* of the scenario file */
	char *text;                     /* the scenario as run, JSON */
	uint64_t seed;
	uint32_t speed_milli;           /* 1000 is real time; world time = real time * speed */
	uint32_t scale_ppm;             /* 1,000,000 is whole firmware */
	uint64_t time_limit_us;         /* of the scenario's clock: no run lasts longer */
	uint16_t tftp_blksize;
	uint8_t tftp_tsize, tftp_timeout_s;
	struct plan_what_if what_if;
	struct plan_server server;
	struct plan_log_server log_server;
	struct plan_expect expect;
	uint32_t gate_count;
	struct plan_gate *gates;
	struct plan_needs needs;
	uint8_t enterprise;             /* enum pfs_setting of the enterprise configuration (F10) */
	uint64_t reset_window_us;       /* the scenario's pattern: no phone is reset later by it */
	uint32_t own_resets;            /* phones that are reset at a time of their group's own */
	bool staggered;                 /* resets evenly over the window; else drawn from it */
	uint32_t model_count, firmware_count, site_count, switch_count, subnet_count, phone_count, fault_count;
	uint32_t first_phone, first_site; /* of a slice: its first ones' numbers in the fleet; else 0 */
	struct plan_model *models;
	struct plan_firmware *firmware;
	uint32_t profile_count;
	struct plan_profile *profiles;
	uint8_t *shares;                /* subnet_count times model_count: 1 where plan_shares() */
	struct plan_site *sites;
	struct plan_switch *switches;
	struct plan_subnet *subnets;
	struct plan_phone *phones;
	struct plan_fault *faults;
};

/* The firmware set that a phone is upgraded to. */
const struct plan_firmware *plan_phone_firmware(const struct plan *plan, uint32_t phone);

/*
 * The core's configuration of a phone, for its boot-th start. traditional:
 * every phone takes the traditional way.
 */
void plan_phone_config(const struct plan *plan, uint32_t phone, bool traditional, uint64_t boot,
		       struct pfs_config *config);

/* ---- what_if.c ---- */

#define PLAN_WHAT_IF_MAX 96

/* Children that a phone takes for one file. */
uint32_t plan_fan_out(const struct plan *plan);

/* How long a wait of an election lasts. */
uint64_t plan_wait_us(const struct plan *plan, uint64_t wait_us);

/* True where a knob is turned. */
bool plan_is_what_if(const struct plan_what_if *what_if);

/* "what-if: fan-out 4", or an empty text where the phones do as real ones. Returns text. */
const char *plan_what_if_text(const struct plan_what_if *what_if, char text[PLAN_WHAT_IF_MAX]);

/* The phone at that address in that subnet, or -1. O(1). */
int64_t plan_phone_at(const struct plan *plan, uint32_t subnet, uint32_t address);

/* True where (subnet, model) may form hierarchies: at least one phone there takes part. */
bool plan_shares(const struct plan *plan, uint32_t subnet, uint32_t model);

/*
 * Hierarchies that a fault-free PFS run makes: one for each (subnet, model,
 * firmware) with a phone that takes part, times its files (F5, F6, F7, F15).
 */
uint64_t plan_hierarchies(const struct plan *plan);

/*
 * File bytes that cross the WAN in a fault-free run: a copy for each phone
 * (F1), or one for each hierarchy and each phone that takes no part (F2).
 */
uint64_t plan_wan_payload(const struct plan *plan, bool traditional);

/*
 * How many phones of a fault-free run may be at the server at once: each that
 * takes no part (traditional: each), and one root a (subnet, model, firmware).
 * Where memory lacks: all.
 */
uint64_t plan_downloaders(const struct plan *plan, bool traditional);

/* True where a phone sends a console line of that severity (0 to 7) to the log server. */
bool plan_log_sends(const struct plan_log_server *server, int severity, bool pfs);

/* ---- slice.c ---- */

/* True where each site's subnets, switches and phones stand in one run, and every site has phones. */
bool plan_can_slice(const struct plan *whole);

/*
 * One site as a plan of its own, without faults: numbers of subnets, switches
 * and phones count from 0. Models, firmware and texts are the whole plan's,
 * which must outlive it. plan_can_slice() must hold. NULL where memory lacks.
 */
struct plan *plan_slice(const struct plan *whole, uint32_t site);
/* Instead of plan_free(); NULL is allowed. */
void plan_slice_free(struct plan *slice);

/*
 * What must be done once when everything else stands in the plan: fills
 * `shares` and `needs`. Returns 0 or -ENOMEM.
 */
int plan_finish(struct plan *plan);

#define PLAN_WORKERS_MAX 16
/* Of each worker in every table, since they are made before the tables part: epoll, its wake-up, a timer, softnet_stat. */
#define PLAN_WORKER_DESCRIPTORS 4

/*
 * Deals the switches out to `workers` workers (1 to PLAN_WORKERS_MAX): fills one
 * number a switch. Returns 0 or -ENOMEM.
 */
int plan_deal(const struct plan *plan, bool traditional, uint32_t workers, uint32_t *worker_of_switch);

/*
 * What the fullest descriptor table needs with that many workers, each with a
 * table of its own, where a phone needs `each` (needs.descriptors_phone_...), by
 * PFS; in the traditional way a phone needs so much less that no deal needs more.
 * 0 or -ENOMEM.
 */
int plan_descriptors(const struct plan *plan, uint32_t workers, uint64_t each, uint64_t *fullest);

/*
 * How many workers: `wanted` (1 to PLAN_WORKERS_MAX), but no more than plan_workers_most(); or the
 * fewest above that whose tables fit the limit, or the most below. 0: no number of them does. Returns 0 or -ENOMEM.
 */
int plan_workers(const struct plan *plan, uint64_t table_limit, uint64_t each, uint32_t wanted, uint32_t *workers);

/*
 * How many workers are worth it with so many processors, unless somebody has said how many. To wake a thread on
 * another processor takes longer than to serve a few phones, so a small fleet has one, and only where every block
 * passes the WAN are the phones of a single switch apart from it.
 */
uint32_t plan_workers_wanted(const struct plan *plan, bool traditional, uint32_t processors);

/* One for each switch, since one is not divided, and one for the WAN: more would have nothing to do. */
uint32_t plan_workers_most(const struct plan *plan);

/*
 * How many phones on each switch (those with fewer keep them) would fit the limit: with `workers`, or with as many as
 * it takes (0). 0 phones: none would. Returns 0 or -ENOMEM.
 */
int plan_phones_fit(const struct plan *plan, uint64_t table_limit, uint64_t each, uint32_t workers, uint64_t *phones);

/* One line for the writer of a scenario: what a fault does, on whom and when. Returns what snprintf would. */
int plan_fault_describe(const struct plan *plan, const struct plan_fault *fault, char *text, size_t size);

/* Names as a scenario writes them; never NULL for a value of the enum. */
const char *plan_server_name(enum plan_server_kind kind);
const char *plan_fault_name(enum plan_fault_kind kind);
enum plan_scope plan_fault_scope(enum plan_fault_kind kind);
/* True where it happens at once and has no duration. */
bool plan_fault_once(enum plan_fault_kind kind);
/* True where another host takes the phone's place. */
bool plan_fault_hostile(enum plan_fault_kind kind);
/* True where the netns world cannot carry it out. */
bool plan_fault_virtual_only(enum plan_fault_kind kind);
const char *plan_role_name(enum plan_role role);
const char *plan_phase_name(enum plan_phase phase);

/* ---- reasons.c ---- */

/* The reason that a trace record gives, a number of its kind's own, or -1 where its kind has none. */
int32_t plan_trace_reason(const struct pfs_trace *trace);
/* Its name, as the core's with _ for -; NULL past the last one of that kind. */
const char *plan_reason_name(enum pfs_trace_kind kind, int32_t reason, char *text, size_t size);

/* Releases everything; NULL is allowed. */
void plan_free(struct plan *plan);

#endif
