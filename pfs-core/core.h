/*
 * What the files of pfs-core share among themselves. Every function takes the
 * phone and the list of actions to add to; the time is phone->now_us.
 */
#ifndef PFS_CORE_CORE_H
#define PFS_CORE_CORE_H

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "pfs-core/pfs.h"
#include "pfs-core/timers.h"
#include "pfs-core/wire.h"

/*
 * Room that one frame, one time-out or one verdict may need at most. Input is
 * only consumed while that much is left, and the fuzzer holds it.
 */
#define ACTIONS_RESERVE 24
_Static_assert(PFS_ACTIONS_MAX >= 2 * ACTIONS_RESERVE, "a step has room for two things");

enum conn_role {
	CONN_FREE,
	CONN_PENDING, /* accepted, has not said JOIN */
	CONN_CHILD,
	CONN_DIALLING,
	CONN_JOINING, /* JOIN sent */
	CONN_PARENT,
	CONN_CLOSING  /* FIN sent; reads to the end and forgets */
};

enum tftp_phase { TFTP_IDLE, TFTP_REQUESTED, TFTP_TRANSFER };

enum rejoin_stage { REJOIN_NONE, REJOIN_GRANDPARENT, REJOIN_ROOT };

/* Draw purposes. */
enum { DRAW_STRENGTH = 1, DRAW_XID, DRAW_JOIN, DRAW_ORPHAN, DRAW_ANSWER, DRAW_TFTP, DRAW_LAST };

/* draw.c */
uint32_t core_hash32(const void *bytes, size_t length, uint32_t basis);
uint64_t core_draw(struct pfs_phone *phone, uint32_t purpose);                   /* the next one */
uint64_t core_draw_below(struct pfs_phone *phone, uint32_t purpose, uint64_t bound); /* 0 to bound - 1 */
uint64_t core_octaves(uint32_t share, uint64_t octave_us); /* halvings of share/2^32, in time */

/* actions.c */
struct pfs_action *core_act(struct pfs_actions *actions, enum pfs_action_kind kind);
struct pfs_trace *core_trace(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_trace_kind kind);
void core_drop_input(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_drop drop, uint32_t address);

/* phone.c */
void core_state_set(struct pfs_phone *phone, enum pfs_state state, uint64_t timer_us);
void core_file_held(struct pfs_phone *phone, struct pfs_actions *actions);
void core_file_failed(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_failure failure);
bool core_holds(const struct pfs_phone *phone, uint8_t file);
bool core_is_root(const struct pfs_phone *phone);
uint8_t core_file_find(const struct pfs_phone *phone, uint64_t digest, const char *name);
uint32_t core_file_key(const struct pfs_phone *phone, uint8_t file);
bool core_blamed(const struct pfs_phone *phone, uint32_t address);
void core_blame(struct pfs_phone *phone, struct pfs_actions *actions, uint32_t address, enum pfs_loss loss, uint64_t for_us);

/* election.c */
uint64_t core_wait(const struct pfs_phone *phone, uint64_t wait_us); /* of an election: pfs_wait_us() */
void core_election_listen(struct pfs_phone *phone);
void core_election_timer(struct pfs_phone *phone, struct pfs_actions *actions);
void core_election_again(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_loss loss, uint64_t wait_us);
void core_election_heard(struct pfs_phone *phone, struct pfs_actions *actions, const struct pfs_event *event);
void core_election_answer(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file);

/* conn.c */
struct pfs_conn *core_conn_find(struct pfs_phone *phone, uint32_t conn);
uint32_t core_conn_handle(const struct pfs_phone *phone, const struct pfs_conn *conn);
struct pfs_conn *core_conn_new(struct pfs_phone *phone, struct pfs_actions *actions, enum conn_role role, uint32_t address);
void core_conn_send(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, const struct wire_frame *frame);
void core_conn_finish(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn);
void core_conn_drop(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn);
void core_conn_free(struct pfs_phone *phone, struct pfs_conn *conn);
uint32_t core_conn_bytes(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn,
		    const struct pfs_event *event);
void core_conn_gone(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, enum pfs_loss loss);
void core_conn_timer(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn);
uint64_t core_conn_deadline(const struct pfs_conn *conn);

/* children.c */
void core_child_join(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, const struct wire_frame *frame);
void core_child_frame(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, const struct wire_frame *frame);
void core_child_lost(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, enum pfs_loss loss, bool close);
void core_child_sent(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn);
void core_child_beat(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn);
void core_children_serve(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file);
void core_children_early(struct pfs_phone *phone, struct pfs_actions *actions); /* more of the current file has come */
uint64_t core_forwardable(const struct pfs_phone *phone, uint8_t file);         /* leading bytes that may be sent on */
void core_received_forget(struct pfs_phone *phone); /* the current file begins anew: so it does for the children */
void core_children_tell(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file, enum wire_type type);
void core_children_fail(struct pfs_phone *phone, struct pfs_actions *actions, uint8_t file, enum pfs_failure failure);
uint32_t core_children_count(const struct pfs_phone *phone, uint8_t file);
uint32_t core_children_weight(const struct pfs_phone *phone, uint8_t file);

/* parent.c */
void core_parent_dial(struct pfs_phone *phone, struct pfs_actions *actions, uint32_t address, uint32_t xid);
void core_parent_connected(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn);
void core_parent_frame(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, const struct wire_frame *frame);
bool core_parent_data(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, uint64_t offset, uint64_t length);
void core_parent_payload(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, uint32_t skip, uint32_t length);
void core_parent_lost(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn, enum pfs_loss loss, bool close);
void core_parent_dial_failed(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_loss loss);
void core_parent_verified(struct pfs_phone *phone, struct pfs_actions *actions, bool good);
void core_parent_beat(struct pfs_phone *phone, struct pfs_actions *actions, struct pfs_conn *conn);
void core_parent_stalled(struct pfs_phone *phone, struct pfs_actions *actions);

/* tftp.c */
void core_tftp_begin(struct pfs_phone *phone, struct pfs_actions *actions, enum pfs_direct direct);
void core_tftp_stop(struct pfs_phone *phone, struct pfs_actions *actions);
void core_tftp_timer(struct pfs_phone *phone, struct pfs_actions *actions);
void core_tftp_heard(struct pfs_phone *phone, struct pfs_actions *actions, const struct pfs_event *event);
void core_tftp_refused(struct pfs_phone *phone, struct pfs_actions *actions);
void core_tftp_verified(struct pfs_phone *phone, struct pfs_actions *actions, bool good);

#endif
