/*
 * The wire format: broadcasts of the election (UDP) and frames of a hierarchy
 * (TCP), both on port 4051. The vendor's layout is not public: this one is
 * chosen, and docs/protocol.md describes it octet by octet. Big endian.
 */
#ifndef PFS_CORE_WIRE_H
#define PFS_CORE_WIRE_H

#include "pfs-core/pfs.h"

#define WIRE_MAGIC 0x5046u /* "PF" */
#define WIRE_VERSION 1
#define WIRE_FRAME_HEADER 8
#define WIRE_DATA_HEADER 16 /* frame header and offset */

enum wire_type {
	/* UDP */
	WIRE_CLAIM = 1,   /* ClaimRoot(tent) */
	WIRE_ANSWER = 2,  /* a confirmed root or a holder speaks */
	/* TCP, child to parent */
	WIRE_JOIN = 16,
	WIRE_BEAT = 17,
	WIRE_DONE = 18,
	WIRE_BAD = 19,
	/* TCP, parent to child */
	WIRE_ACCEPT = 32,
	WIRE_ALIVE = 33,
	WIRE_XFRCMD = 34,
	WIRE_REDIRECT = 35,
	WIRE_REFUSE = 36,
	WIRE_FAIL = 37,
	WIRE_DATA = 38
};

/* Where a root is with its file, as told down the tree and in answers. */
enum tree_phase { TREE_NONE, TREE_WAITING, TREE_TFTP, TREE_RETRYING, TREE_ORPHANED, TREE_HOLDING, TREE_PHASES };

/* A broadcast. */
struct wire_claim {
	uint8_t type;          /* WIRE_CLAIM or WIRE_ANSWER */
	uint8_t ad;            /* 0 first broadcast, 1 to 4 */
	uint8_t phase;         /* WIRE_ANSWER: enum tree_phase of the sender */
	uint8_t reserved;
	uint32_t xid, key, map, strength, sender, avoid, remaining_ms;
	uint64_t digest;
	char model[PFS_MODEL_MAX];
	char name[PFS_NAME_MAX];
};

/* A frame; which fields count depends on its type. */
struct wire_frame {
	uint8_t type;
	uint8_t phase, level, tried;    /* ACCEPT, ALIVE, XFRCMD; FAIL: tried */
	uint8_t reason;                 /* REFUSE: enum pfs_refusal; FAIL: enum pfs_failure */
	uint8_t path_count;
	uint16_t reserved;
	uint32_t key, xid, weight, avoid, lost; /* JOIN; BEAT: weight */
	uint32_t root, server, progress_kb;     /* ACCEPT, ALIVE, XFRCMD; REFUSE: root, xid */
	uint32_t target;                /* REDIRECT */
	uint32_t retry_ms;              /* REFUSE */
	uint64_t digest;                /* JOIN */
	uint64_t offset, length;        /* DATA: of the payload */
	uint32_t path[PFS_LEVELS_MAX];
};

/* Composes into bytes; returns the length. Never fails: sizes are bounded. */
uint32_t pfs_wire_claim_write(const struct wire_claim *claim, uint8_t bytes[PFS_ACTION_BYTES]);

/* 0, or the reason to refuse it plus one. */
int pfs_wire_claim_read(const uint8_t *bytes, uint32_t length, struct wire_claim *claim);

/* Composes a frame; for DATA only its header of WIRE_DATA_HEADER bytes. */
uint32_t pfs_wire_frame_write(const struct wire_frame *frame, uint8_t bytes[PFS_ACTION_BYTES]);

/*
 * How many leading bytes must be there before the frame can be read, once
 * `have` are: the header first, then the whole frame, or for DATA its header.
 * Returns 0 and sets *need, or a reason plus one where the header is not ours
 * or the frame longer than `room`.
 */
int pfs_wire_frame_need(const uint8_t *bytes, uint32_t have, uint32_t room, uint32_t *need);

/* Reads a frame whose needed bytes are there. 0, or a reason plus one. */
int pfs_wire_frame_read(const uint8_t *bytes, uint32_t have, struct wire_frame *frame);

#endif
