/*
 * The fault engine that both worlds use: watches the trace, finds the target of
 * each of the scenario's faults by role and phase, and says what to do when. It
 * decides; the world carries out. Deterministic: targets depend on the trace
 * and the plan alone.
 */
#ifndef FLEET_FAULT_H
#define FLEET_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/plan/plan.h"

struct fault_order {
	enum plan_fault_kind kind;
	bool end;      /* the fault's return: link up, power on, server up, WAN as before */
	int64_t phone; /* target, or -1 */
	int64_t site;  /* WAN and LAN faults: the site, or -1 for all */
	int64_t lan_switch; /* LAN faults: the switch, or -1 for all of the site */
	int32_t file;  /* the file concerned; -1 for links and for a server as a whole */
	const struct plan_fault *fault;
};

struct fault_engine;

/* Faults of this mode only. Returns NULL where memory lacks. */
struct fault_engine *fault_engine_new(const struct plan *plan, bool traditional);
void fault_engine_free(struct fault_engine *engine);

/* Every trace record of every phone goes in here too. O(1) where no fault waits for it. */
void fault_engine_trace(struct fault_engine *engine, uint32_t phone, uint64_t now_us,
			const struct pfs_trace *trace);

/* A phone has entered a state (enum pfs_state), at a file or PFS_NO_FILE; after the traces of the same step. */
void fault_engine_state(struct fault_engine *engine, uint32_t phone, uint8_t state, uint8_t file,
			uint64_t now_us);

/* A phone holds `have` bytes of a file now, from the server or a parent; for phases in percent. */
void fault_engine_progress(struct fault_engine *engine, uint32_t phone, uint8_t file, uint64_t have,
			   uint64_t now_us);

/* When the next timed order falls due, or UINT64_MAX. */
uint64_t fault_engine_deadline(const struct fault_engine *engine);

/* Takes the next order that is due at now_us; false: none. */
bool fault_engine_next(struct fault_engine *engine, uint64_t now_us, struct fault_order *order);

/* Faults of this mode that have found no target so far: one that never struck tested nothing. */
uint32_t fault_engine_unfired(const struct fault_engine *engine);

/* One line for people: "root SEP... killed at 12.3 s in tftp of jar41...". Returns what snprintf would. */
int fault_describe(const struct plan *plan, const struct fault_order *order, char *text, size_t size);

#endif
