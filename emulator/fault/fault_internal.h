/*
 * What fault.c (the engine, its orders and what the trace says of each phone) and
 * target.c (whom a fault hits) share. Nobody else includes this.
 */
#ifndef FLEET_FAULT_INTERNAL_H
#define FLEET_FAULT_INTERNAL_H

#include "emulator/fault/fault.h"

enum stage {
	STAGE_WAITING, /* for its time or phase */
	STAGE_ARMED,   /* the moment has come, a target is still to be found */
	STAGE_FIRED
};

/* What a phone is for one file. */
struct part {
	uint32_t parent; /* address it receives from, 0 none */
	uint8_t children;
	bool root, member; /* member: has a parent */
	bool begun;        /* RECEIVING: first DATA seen */
	bool downloads;    /* from the server */
};

struct watch {
	const struct plan_fault *fault;
	enum stage stage;
	uint64_t at_us; /* PLAN_PHASE_TIME */
	uint32_t met;   /* how often its point was reached */
	int64_t near;   /* ARMED by a download: in this phone's subnet and model; -1 anywhere */
	int32_t file;   /* ARMED: the file concerned, -1 any */
};

struct due {
	uint64_t at_us;
	uint64_t number; /* in the order in which they were queued */
	struct fault_order order;
};

struct fault_engine {
	const struct plan *plan;
	bool traditional;
	uint32_t watch_count, unfired;
	uint32_t percent_waiting; /* unfired ones that look at progress */
	uint32_t points_waiting;  /* and at states and events */
	struct watch *watches;
	struct part *parts; /* phone_count times PFS_FILES_MAX */
	uint8_t *at;        /* file that each phone is at */
	bool *out;          /* put out of action by a fault */
	uint32_t due_count, due_size;
	struct due *due; /* a handful: searched in full */
	uint64_t orders;
};

static inline struct part *fault_part(struct fault_engine *engine, uint32_t phone, uint8_t file)
{
	return &engine->parts[(size_t)phone * PFS_FILES_MAX + file];
}

static inline bool fault_hits_phone(enum plan_fault_kind kind)
{
	return plan_fault_scope(kind) == PLAN_SCOPE_PHONE;
}

/* fault.c. phone: the target, or for a link or a server whoever reached the phase; -1: it was a time. */
void fault_fire(struct fault_engine *engine, struct watch *watch, int64_t phone, int32_t file, uint64_t now_us);

/* target.c: each fires whatever has found its target. */

/* ARMED: takes one of the phones that have the role now, if any. */
void fault_search(struct fault_engine *engine, struct watch *watch, uint64_t now_us);
/* A phone is at a point with a file: the watches of that phase fire if it is the target. */
void fault_reached(struct fault_engine *engine, enum plan_phase phase, uint32_t phone, uint8_t file,
		   uint64_t now_us);
/* `phone` downloads from the server and has so much. */
void fault_downloaded(struct fault_engine *engine, uint32_t phone, uint8_t file, uint64_t have, uint64_t now_us);
/* `phone` receives from its parent and has so much; its parent serves so much. */
void fault_received(struct fault_engine *engine, uint32_t phone, uint8_t file, uint64_t have, uint64_t now_us);
/* A phone enters a state or traces an event. */
void fault_point(struct fault_engine *engine, enum plan_phase phase, uint8_t which, uint32_t phone, uint8_t file,
		 uint64_t now_us);
/* A phone's part changed: whoever is ARMED may have found its target. */
void fault_changed(struct fault_engine *engine, uint32_t phone, uint64_t now_us);

#endif
