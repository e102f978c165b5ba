/*
 * What a scenario may say: the structs that the JSON is read into and the
 * tables that describe them. Values are checked one by one here; whether they
 * fit together is for build.c.
 *
 * Numbers are uint64_t in the unit of their field type (fields.h), FIELD_ABSENT
 * where neither the scenario nor a default gives one.
 */
#ifndef FLEET_TABLES_H
#define FLEET_TABLES_H

#include "emulator/scenario/fields.h"

/* One direction of a WAN link, where it differs from the other. */
struct spec_direction {
	const cJSON *node;
	uint64_t rate, delay, jitter, loss, queue;
};

struct spec_wan {
	const cJSON *node;
	uint64_t rate, rtt, delay, jitter, loss, queue;
	struct spec_direction down, up;
};

struct spec_group {
	const cJSON *node;
	const char *model, *profile, *running, *firmware;
	uint64_t count, pfs, strength, reset;
};

struct spec_subnet {
	const cJSON *node;
	const char *name, *lan_switch;
	uint64_t network, broadcast;
	struct field_list phones;
};

struct spec_site {
	const cJSON *node;
	const char *name;
	struct spec_wan wan;
	struct field_list subnets;
};

struct spec_lan {
	const cJSON *node;
	uint64_t port_rate, delay, arp;
};

struct spec_enterprise {
	const cJSON *node;
	uint64_t pfs;
};

struct spec_profile {
	const cJSON *node;
	const char *name;
	uint64_t pfs;
};

struct spec_bulk {
	const cJSON *node;
	const char *site, *subnet, *model, *profile;
	uint64_t pfs;
};

struct spec_server {
	const cJSON *node;
	uint64_t kind, address, serving_limit, timeout, retries;
};

struct spec_tftp {
	const cJSON *node;
	uint64_t blksize, tsize, timeout;
};

struct spec_firmware {
	const cJSON *node;
	struct field_texts models;
	const char *set;
};

struct spec_model {
	const cJSON *node;
	const char *name, *firmware;
	uint64_t port_rate, pfs;
};

struct spec_reset {
	const cJSON *node;
	uint64_t pattern, spread, window;
};

struct spec_what_if {
	const cJSON *node;
	uint64_t fan_out, waits, forward_early;
};

struct spec_expect {
	const cJSON *node;
	uint64_t upgraded_min, failed_max, direct_max, wan_copies_max, roots_confirmed_max, transfers_pfs,
		refused_other_subnet_min;
	struct field_list trace, hierarchies;
};

struct spec_expect_trace {
	const cJSON *node;
	const char *phone, *peer, *reason;
	uint64_t event, state, file, from, until, count, min, max;
};

struct spec_expect_hierarchy {
	const cJSON *node;
	const char *site, *subnet, *model, *root;
	uint64_t file, roots_confirmed, wan_copies, members, depth_max;
};

/* Limits of one figure of the summary, which its node names. */
struct spec_gate {
	const cJSON *node;
	const cJSON *max, *min, *equal;
};

/* What a LAN does to datagrams. */
struct spec_disturbance {
	const cJSON *node;
	uint64_t loss, duplicate, reorder, delay, hold;
};

struct spec_fault {
	const cJSON *node;
	uint64_t kind, phase, at, percent, role, file, duration, traditional;
	uint64_t period, groups, router, hold, served, direction, rate, fast, slow;
	struct spec_disturbance lan;
	uint64_t state, event, nth, after, message, skip, count;
	uint64_t share, window, duration_max;
	const char *site, *subnet, *model, *phone, *by, *from, *to;
	struct spec_wan wan;
};

struct spec_scenario {
	const cJSON *node;
	const char *schema, *name, *description, *log_server;
	uint64_t seed, speed, scale, time_limit;
	struct spec_lan lan;
	struct spec_enterprise enterprise;
	struct spec_server server;
	struct spec_tftp tftp;
	struct spec_reset reset;
	struct spec_what_if what_if;
	struct spec_expect expect;
	struct field_list sites, profiles, bulk, firmware, models, gates, faults;
};

/* Indices of the choices. Setting words are in the order of enum pfs_setting. */
enum { SPEC_PORT_MODEL, SPEC_PORT_UNLIMITED };
enum { SPEC_ARP_SWITCH, SPEC_ARP_REAL };
enum { SPEC_BROADCAST_DIRECTED, SPEC_BROADCAST_LIMITED };
enum { SPEC_ROUTER_EVERYWHERE, SPEC_ROUTER_FIRST };
enum { SPEC_DIRECTION_DOWN, SPEC_DIRECTION_UP };
enum { SPEC_RESET_MASS, SPEC_RESET_STAGGERED };
/* The first six name the files of a set by what they hold, the rest by number. */
#define SPEC_FILES_NAMED 6

#define SPEC_SITES_MAX 4096
#define SPEC_SUBNETS_MAX 4096 /* of a site */
#define SPEC_QUEUE_DEFAULT "96kB" /* 64 packets of 1,500 bytes */

/* The whole scenario's table. */
extern const struct field_table scenario_table;

/* Every table by number from 0, NULL past the end: for the test that holds schema and documentation against them. */
const struct field_table *scenario_tables(size_t number);

#endif
