/*
 * One phone, stepped by hand. Events go in, every action that comes out is kept
 * with its time, and after each step the phone's invariants are checked, its
 * actions are held against the interface's promises, and a copy of the phone made just before
 * the step must come out of the same event byte for byte the same.
 *
 * Time stands still but for rig_advance(), which gives the phone each of its
 * deadlines and delivers what a small TFTP server has answered.
 */
#ifndef TESTS_UNIT_PHONE_HARNESS_H
#define TESTS_UNIT_PHONE_HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "pfs-core/pfs.h"
#include "pfs-core/timers.h"
#include "pfs-core/wire.h"

#define RIG_ADDRESS 0x0a010064u /* 10.1.0.100 */
#define RIG_MASK 0xffffff00u
#define RIG_SERVER 0x0a000001u
#define RIG_SERVER_PORT 40000   /* the server's TID; the next transfer's is one more */
#define RIG_STRENGTH 0x31d4d43du /* the reference log's */
#define RIG_ACTIONS 16384
#define RIG_REPLIES 16

/* Addresses of other phones: 10.1.0.n. */
#define PEER(n) (0x0a010000u + (n))

/* How the in-test server behaves; zero is a server that is not there. */
struct rig_server {
	bool answers;
	uint64_t rtt_us;
	uint16_t error;          /* to each request, where error_sent */
	bool error_sent;
	uint32_t error_block;    /* ERROR `error` in place of this block; 0 never */
	uint32_t requests_dropped; /* this many requests meet silence */
	uint32_t data_dropped;   /* this many DATA packets are lost */
	bool options;            /* confirms blksize, tsize and timeout; else leaves them out */
	bool rejects_options;    /* ERROR 8 to a request that has some */
	uint32_t duplicates;     /* each DATA packet comes this often more; repeated ACKs are ignored then */
	bool virtual_payload;    /* only the header is readable */
	int64_t size_off;        /* its file is this much longer than the manifest's */
	/* what it saw */
	uint32_t requests, acks, errors, last_error, data, last_ack;
};

struct rig_action {
	uint64_t at_us;
	struct pfs_action action;
};

struct rig_reply {
	uint64_t at_us;
	uint16_t port;
	uint32_t length, available;
	uint8_t bytes[1500];
};

struct rig {
	struct pfs_config config;
	struct pfs_phone phone;
	uint64_t now_us;
	uint32_t count, mark; /* actions so far; searches begin at the mark */
	struct rig_action *actions;
	struct pfs_actions step; /* of the last step */
	uint32_t steps;

	bool verify_holds; /* VERIFY is left for rig_verified() to answer */
	uint32_t verify_bad; /* this many verifications find damage */
	bool sent_holds;   /* SENT is left for rig_sent() */
	bool opens;        /* how OPEN is answered */
	uint8_t verifying; /* VERIFY to be answered, or PFS_NO_FILE */
	bool port_open, tftp_open;
	uint64_t taken[PFS_FILES_MAX]; /* bytes stored of each file, in order */
	uint32_t live[PFS_CONNS_MAX];  /* the connection in each slot, as the caller knows it */
	uint8_t shut[PFS_CONNS_MAX];
	uint32_t owed_sent[PFS_CONNS_MAX];

	struct rig_server server;
	uint16_t tid;
	uint32_t tftp_file;
	uint32_t blksize;
	uint32_t reply_count;
	struct rig_reply replies[RIG_REPLIES];
};

/* A phone at RIG_ADDRESS, a CP-7961G with a 652-byte index and a component of 2000 bytes, enabled. */
void rig_init(struct rig *rig);
/* After changing rig->config: prepares the phone anew. */
void rig_again(struct rig *rig);
void rig_deinit(struct rig *rig);

/* START, and OPENED where the phone asks for it. */
void rig_start(struct rig *rig);
uint32_t rig_step(struct rig *rig, struct pfs_event event);
void rig_advance(struct rig *rig, uint64_t by_us);
void rig_advance_to(struct rig *rig, uint64_t at_us);
/* Until the phone is in that state; at most by_us. */
void rig_until(struct rig *rig, enum pfs_state state, uint64_t by_us);
/* Searches begin here. */
void rig_mark(struct rig *rig);

/* Actions since the mark. */
uint32_t rig_count(const struct rig *rig, enum pfs_action_kind kind);
uint32_t rig_traces(const struct rig *rig, enum pfs_trace_kind kind);
const struct rig_action *rig_find(const struct rig *rig, enum pfs_action_kind kind, uint32_t nth);
/* The nth trace of that kind since the mark; fails the test where there is none. */
const struct pfs_trace *rig_trace(const struct rig *rig, enum pfs_trace_kind kind, uint32_t nth);
uint64_t rig_trace_at(const struct rig *rig, enum pfs_trace_kind kind, uint32_t nth);

/* A claim by another phone for a file of ours, well-formed: change what the test is about, then hear it. */
struct wire_claim rig_claim(const struct rig *rig, uint32_t sender, uint32_t strength, uint8_t file);
struct wire_claim rig_answer(const struct rig *rig, uint32_t sender, uint8_t phase, uint32_t strength, uint8_t file);
void rig_hear(struct rig *rig, uint32_t address, const struct wire_claim *claim);
void rig_hear_bytes(struct rig *rig, uint32_t address, const uint8_t *bytes, uint32_t length);
/* The last broadcast since the mark; fails where there is none. */
struct wire_claim rig_said(const struct rig *rig);

/* Connections. */
uint32_t rig_accept(struct rig *rig, uint32_t address);
void rig_frame(struct rig *rig, uint32_t conn, const struct wire_frame *frame);
void rig_bytes(struct rig *rig, uint32_t conn, const uint8_t *bytes, uint32_t length, uint32_t available);
void rig_conn_event(struct rig *rig, enum pfs_event_kind kind, uint32_t conn);
/* The connection of the last CONNECT since the mark, and where it goes. */
uint32_t rig_dialled(const struct rig *rig, uint32_t *address);
/* Whether a frame of that type went out on conn since the mark; the last one. */
bool rig_frame_sent(const struct rig *rig, uint32_t conn, enum wire_type type, struct wire_frame *frame);
struct wire_frame rig_join(const struct rig *rig, uint8_t file, uint32_t xid);
struct wire_frame rig_tree(enum wire_type type, uint8_t phase, uint32_t root, uint32_t xid, uint32_t levels,
			   const uint32_t *path);
/* DATA with its payload, as a parent sends it: the file from `offset` on. */
void rig_data(struct rig *rig, uint32_t conn, uint64_t offset, uint64_t length);
void rig_sent(struct rig *rig, uint32_t conn);
void rig_verified(struct rig *rig, bool good);

/* Follows that leader and joins it as its child; the root's tree is xid. Returns the connection. */
uint32_t rig_member(struct rig *rig, uint32_t root, uint32_t xid);
/* A child joins: the connection. */
uint32_t rig_child(struct rig *rig, uint32_t address, uint8_t file, uint32_t xid);

#endif
