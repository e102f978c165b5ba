/*
 * A state of the whole fleet: phones, connections, packets under way, the
 * server's transfers. Plain, no pointer; lists are kept sorted, unused room is
 * zero, so that two states that mean the same have the same bytes. Time
 * stays within one second: as another passes, everything else moves instead.
 */
#ifndef FLEET_SEARCH_STATE_H
#define FLEET_SEARCH_STATE_H

#include "emulator/search/search.h"
#include "pfs-core/pfs.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

/* Later than any time that a phone looks back; whole seconds. */
#define SEARCH_NOW_US UINT64_C(1000000000000)
#define SEARCH_GIVE_UP_US UINT64_C(15000000) /* the kernel's patience with an end that does not answer */
#define SEARCH_FLIGHTS 32
#define SEARCH_CONNS 12
#define SEARCH_ELEMENTS 6
#define SEARCH_TRANSFERS 8
#define SEARCH_CLIENT_PORT 50000
#define SEARCH_SERVER_PORT 40000
#define SEARCH_ADDRESS UINT32_C(0x0a010002) /* of the first phone */
#define SEARCH_SERVER_ADDRESS UINT32_C(0x0afe0001)

enum flight_kind { FLIGHT_BROADCAST = 1, FLIGHT_TO_SERVER, FLIGHT_FROM_SERVER, FLIGHT_VERIFIED };

struct search_flight {
	uint64_t latest_us;
	uint8_t kind;
	uint8_t phone;   /* sender of a broadcast or a request, else the receiver */
	uint8_t to_mask; /* BROADCAST: phones that it has yet to reach; else 1 */
	uint8_t file;    /* VERIFIED */
	uint16_t port;   /* TO_SERVER: the client's; FROM_SERVER: the server's */
	uint16_t to_port;
	uint8_t ok; /* VERIFIED */
	uint8_t reserved[3];
	uint16_t length;
	uint16_t available;
	uint8_t bytes[128];
};

enum element_kind { ELEMENT_FRAME = 1, ELEMENT_FIN, ELEMENT_RST };

/* A frame under way, or the stream's end; payload counts and is not there. */
struct search_element {
	uint64_t latest_us;
	uint32_t length;
	uint8_t kind;
	uint8_t available;
	uint8_t bytes[66];
};

enum end_state { END_NONE, END_CONNECTING, END_QUEUED, END_OPEN, END_CLOSED, END_DEAD };

struct search_end {
	uint64_t give_up_us; /* PFS_TIME_NEVER: nobody waits */
	uint32_t handle;
	uint8_t phone;
	uint8_t state;  /* enum end_state */
	uint8_t queued; /* place in the listen queue, from 1 */
	uint8_t fin;    /* sent */
	uint8_t fin_heard;
	uint8_t out_count;
	uint8_t reserved[6];
	struct search_element out[SEARCH_ELEMENTS]; /* from this end to the other */
};

enum conn_phase { PHASE_SYN = 1, PHASE_SYN_ACK, PHASE_REFUSED, PHASE_LOST, PHASE_ESTABLISHED };

struct search_conn {
	uint64_t latest_us; /* of the handshake's packet */
	uint8_t phase;      /* enum conn_phase */
	uint8_t reserved[7];
	struct search_end ends[2]; /* the caller's first */
};

/* One transfer of the server. */
struct search_transfer {
	uint64_t deadline_us;
	uint64_t wait_us;
	uint8_t used, phone, file, retries;
	uint16_t port; /* the client's */
	uint8_t block, block_last;
};

struct search_phone {
	uint32_t stored[SEARCH_FILES_MAX]; /* bytes */
	uint16_t tftp_port;                /* 0: no socket */
	uint8_t alive;
	uint8_t verified; /* bit a file */
	uint8_t reserved[4];
};

struct search_state {
	uint64_t now_us; /* SEARCH_NOW_US and what passed of its second */
	uint8_t order, phones, files, drops_left, kills_left, conn_count, flight_count, drops_used;
	uint8_t confirmed[SEARCH_FILES_MAX]; /* roots of each file, so far */
	uint8_t copies[SEARCH_FILES_MAX];    /* downloads begun, so far */
	uint8_t kills_used;
	uint8_t planted; /* search_options.planted */
	uint8_t reserved[2];
	struct search_transfer transfers[SEARCH_TRANSFERS];
	struct search_phone hosts[SEARCH_PHONES_MAX];
	struct search_flight flights[SEARCH_FLIGHTS];
	struct search_conn conns[SEARCH_CONNS];
	struct pfs_phone cores[SEARCH_PHONES_MAX];
};

#pragma GCC diagnostic pop

/* Who wants to see what happens: a line of text, and an arrow or a note of the diagram. */
struct search_watcher {
	void (*trace)(struct search_watcher *watcher, uint32_t phone, const struct pfs_trace *trace);
	void (*arrow)(struct search_watcher *watcher, int32_t from, int32_t to, const char *label, bool lost);
};

#define SEARCH_WHAT_MAX 64

/* Someone who sees all of a path and writes it down. */
struct search_show {
	struct search_watcher watcher;
	FILE *stream;
	uint64_t now_us; /* since the reset */
	bool mermaid;    /* else text */
};

/* A transition being made. */
struct search_step {
	struct search_state *state;
	struct search_watcher *watcher; /* or NULL */
	const char *broken;             /* first invariant that did not hold, or NULL */
	int error;                      /* -EOVERFLOW */
	uint8_t variant;                /* of draws: 0 least, 1 middle, 2 greatest */
	uint8_t touched;                /* phones whose core, or whose time, is another than before */
	bool drew;                      /* the phone drew: there are other variants */
	bool address_decided;           /* between phones of different strength: see orders.c */
};
#define SEARCH_VARIANTS 3

enum search_kind {
	KIND_FLIGHT = 1, /* index, target phone */
	KIND_LOSS,       /* the same, but it is lost */
	KIND_HANDSHAKE,  /* index: connection */
	KIND_ELEMENT,    /* index: connection, target: the end that sent it */
	KIND_TIMER,      /* index: phone */
	KIND_SERVER,     /* index: transfer */
	KIND_GIVE_UP,    /* index: connection, target: end */
	KIND_KILL,       /* index: phone */
	KIND_ADVANCE
};
/* A delivery and a loss of each flight to each other phone; of each connection a handshake, and of each end a
 * frame and giving up; the timers; the time; a kill of each phone. */
#define SEARCH_EVENTS_MAX                                                                                    \
	(SEARCH_FLIGHTS * (SEARCH_PHONES_MAX - 1) * 2 + SEARCH_CONNS * 5 + SEARCH_PHONES_MAX +               \
	 SEARCH_TRANSFERS + 1 + SEARCH_PHONES_MAX)

/* events.c: what may happen next, in a fixed order; and making it happen. */
uint32_t search_events(const struct search_state *state, struct search_event *events);
void search_apply(struct search_step *step, const struct search_event *event);
/* Microseconds that KIND_ADVANCE lets pass. */
uint64_t search_advance_us(const struct search_state *state);
void search_state_init(struct search_step *step, const struct search_options *options, uint32_t order);

/* phone.c */
void search_phone_step(struct search_step *step, uint32_t number, struct pfs_event *event);
uint32_t search_phone_of(const struct search_state *state, uint32_t address);
struct search_flight *search_flight_new(struct search_step *step, enum flight_kind kind, uint32_t phone);

/* tcp.c */
void search_connect(struct search_step *step, uint32_t phone, const struct pfs_action *action);
void search_send(struct search_step *step, uint32_t phone, const struct pfs_action *action);
void search_shutdown(struct search_step *step, uint32_t phone, uint32_t handle);
void search_drop(struct search_step *step, uint32_t phone, uint32_t handle);
void search_close_port(struct search_step *step, uint32_t phone);
bool search_accept(struct search_step *step, uint32_t phone);
void search_handshake(struct search_step *step, uint32_t number);
void search_deliver(struct search_step *step, uint32_t number, uint32_t from);
void search_give_up(struct search_step *step, uint32_t number, uint32_t end);
void search_power_off(struct search_step *step, uint32_t phone);
void search_sweep(struct search_state *state);

/* server.c: answers by adding flights */
void search_server_packet(struct search_step *step, uint32_t phone, uint16_t port, uint16_t to_port,
			  const uint8_t *bytes, uint32_t length);
void search_server_timer(struct search_step *step, uint32_t transfer);

/* orders.c */
bool search_ranks(uint32_t phones, uint32_t order, uint32_t rank[SEARCH_PHONES_MAX]);
uint32_t search_order_class(uint32_t phones, uint32_t order); /* the first order that is like this one */
bool search_address_decides(const struct search_state *state, const struct search_flight *flight,
			    uint32_t phone);

/* draws.c: a seed with which a phone's draw number `attempt` comes out as the variant says */
uint64_t search_seed(uint64_t attempt, uint8_t variant);

/* normalise.c */
void search_normalise(struct search_state *state, uint32_t phone);
void search_sort(struct search_state *state);
void search_pass(struct search_state *state, uint64_t by_us);
uint32_t search_pack(const struct search_state *state, uint8_t *bytes); /* all but the cores */
uint32_t search_pack_core(const struct search_state *state, uint32_t phone, uint8_t *bytes);
void search_copy(struct search_state *to, const struct search_state *from);

/* show.c */
void search_show_init(struct search_show *show, FILE *stream, bool mermaid);
void search_show_step(struct search_show *show, struct search_step *step, const struct search_event *event);
void search_show_end(const struct search_show *show, const struct search_state *state);
void search_show_strengths(const struct search_state *state, FILE *stream);
/* "P0 -> P1 ClaimRoot", as the text has it; returns text. */
const char *search_what_text(int32_t from, int32_t to, const char *label, bool lost,
			     char text[SEARCH_WHAT_MAX]);

/* check.c: NULL, or the invariant that does not hold; of phones that were not touched it did before */
const char *search_check(const struct search_state *state, uint8_t touched);
const char *search_check_end(const struct search_state *state);

#endif
