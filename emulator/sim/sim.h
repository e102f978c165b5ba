/*
 * Inside the virtual-time world (world.c says what it is). One struct sim_world
 * holds a run; the files divide the work: host.c steps phones and carries out
 * what they ask, tcp.c is the streams between them (with conn.c and stream.c
 * behind tcp.h), wan.c the datagrams to and from the server, lan.c the
 * switches, upset.c the faults, world.c the loop. Times are microseconds of the scenario's clock,
 * addresses and ports host byte order.
 */
#ifndef FLEET_SIM_SIM_H
#define FLEET_SIM_SIM_H

#include <stdatomic.h>

#include "emulator/fault/fault.h"
#include "emulator/hq/tftp_server.h"
#include "emulator/sim/flow.h"
#include "emulator/sim/queue.h"
#include "emulator/world.h"

#define SIM_NONE UINT32_MAX
#define SIM_LISTEN_BACKLOG 4096            /* connections that wait to be accepted */
#define SIM_SEND_BUFFER_BYTES (256 * 1024) /* of a TCP socket: SENT once the rest of a range fits */
#define SIM_CHUNK_BYTES (64 * 1024)        /* bulk data is delivered in such pieces, or a second's worth */
#define SIM_SEGMENT_BYTES 1448             /* TCP payload of a full frame, with time stamps */
#define SIM_SEGMENT_FRAME_BYTES 1538       /* the same on the wire, preamble and gap included */
#define SIM_FRAME_EXTRA_BYTES 38           /* what Ethernet adds to an IP packet, preamble and gap included */
#define SIM_UDP_BYTES 28                   /* IP and UDP header */
#define SIM_TCP_BYTES 52                   /* IP and TCP header with time stamps */
#define SIM_PORT_UNLIMITED_BPS UINT64_C(100000000000)
#define SIM_GIVE_UP_US UINT64_C(15000000) /* a stream without an answer to its retransmissions */
#define SIM_SYN_TRIES 7                   /* SYNs at 0, 1, 3, 7, ... s; then LOST */
#define SIM_SETTLE_US UINT64_C(600000000) /* after every phone has ended, for what is still under way */
#define SIM_SPIN_MAX 100000               /* time-outs of one phone without time passing: it is stuck */

/* a, b, c of the queue's entries. Connection events carry its serial number in c, phone events its boot. */
enum sim_kind {
	SIM_EV_START,     /* a phone */
	SIM_EV_OPENED,    /* a phone */
	SIM_EV_VERIFIED,  /* a phone; b file, and 256 where good */
	SIM_EV_SENT,      /* a end */
	SIM_EV_ACCEPT,    /* a phone: it has a free slot and somebody waits */
	SIM_EV_TIMEOUT,   /* a phone */
	SIM_EV_BROADCAST, /* a packet: on the switch */
	SIM_EV_HEARD,     /* a packet, b phone: a copy of a broadcast that a disturbed switch held back */
	SIM_EV_HOSTILE,   /* a phone: what has taken its place speaks again */
	SIM_EV_PORT,      /* a phone: its port may forward from now on */
	SIM_EV_SYN,       /* a connection, b number of the try from 0: at the callee */
	SIM_EV_SYN_RETRY, /* a connection, b number of the try: leaves the caller */
	SIM_EV_SYN_ACK,   /* a connection, b number of the try: at the caller */
	SIM_EV_ACK,       /* a connection: at the callee */
	SIM_EV_RESET,     /* a end: RST arrives there */
	SIM_EV_FLOW,      /* a pipe, b epoch: it has carried what was waited for */
	SIM_EV_DELIVER,   /* a pipe, b bytes arrived in all, top bit FIN */
	SIM_EV_GIVE_UP,   /* a pipe, b stall it is about */
	SIM_EV_ROUTER,    /* a packet: from a phone, at the site's router */
	SIM_EV_SERVER,    /* a packet: at headquarters */
	SIM_EV_DOWN,      /* a packet: from the server, at the phone */
	SIM_EV_SERVER_TIMER,
	SIM_EV_FAULT
};

/* A UDP datagram under way. */
struct sim_packet {
	uint32_t next_free;
	uint32_t phone; /* who sent it, or who is to get it */
	uint32_t boot;  /* of the sender */
	uint16_t phone_port, server_port;
	uint32_t length;    /* UDP payload */
	uint32_t available; /* of it in data; the rest is file content */
	uint32_t file;      /* server's file number, or SIM_NONE */
	bool unreachable;   /* ICMP port unreachable instead of a datagram */
	bool log;           /* a console line for the log server, or what comes back for it */
	uint64_t offset;    /* of the content in the file */
	uint8_t data[520];
};

/* A run of a stream: frame bytes, or a range of a file. */
struct sim_item {
	uint64_t end;    /* stream position past it */
	uint64_t offset; /* in the file of its first byte */
	uint8_t payload; /* 1: a range of `file`; 0: frame bytes */
	uint8_t file;
	uint8_t sent; /* SENT was given, or is not needed */
};

/* One direction of a connection: number 2 * connection + end that sends. */
struct sim_pipe {
	uint64_t written, transmitted, arrived, consumed; /* stream positions */
	uint64_t announced; /* of what is transmitted: its arrival is in the queue or past */
	uint64_t last_arrival_us;
	uint32_t epoch; /* of the FLOW event that counts */
	uint32_t stall; /* of the GIVE_UP event that counts */
	bool flowing, dirty, stalled;
	bool vanishes; /* half open: nothing sent into it arrives */
	bool fin, fin_sent, fin_arrived, eof_given;
	uint8_t *bytes; /* owned: frame bytes not consumed, from byte_first on */
	uint32_t byte_first, byte_count, byte_size;
	struct sim_item *items; /* owned: runs not consumed whole */
	uint32_t item_first, item_count, item_size;
};

enum sim_end_state {
	SIM_END_NONE,
	SIM_END_CONNECTING,
	SIM_END_QUEUED, /* in the listen queue */
	SIM_END_OPEN,
	SIM_END_CLOSED, /* the phone has no such connection any more */
	SIM_END_DEAD    /* its phone lost power: no word of it is ever heard */
};

/* One end of a connection: number 2 * connection + 0 for the caller's, 1 for the callee's. */
struct sim_end {
	uint32_t phone, handle;
	uint32_t next, previous; /* ends of the same phone */
	uint32_t queue_next, queue_previous;
	enum sim_end_state state;
	bool listed;
};

struct sim_conn {
	uint32_t serial; /* another one each time the place is used */
	uint32_t next_free;
	bool established; /* the caller has heard the callee */
	struct sim_end ends[2];
	struct sim_pipe pipes[2];
};

struct sim_stored {
	uint64_t bytes;
	bool damaged; /* holds a byte that is not the manifest's */
	bool verified;
};

#define SIM_DAMAGE_NONE (-2) /* else a file, or -1 for any */

/* A phone's own clock: it showed shown_us when the world's stood at since_us, and drifts from there. */
struct sim_clock {
	uint64_t since_us, shown_us;
	int32_t drift_ppm;
};

struct sim_phone {
	struct pfs_phone core;
	const struct plan_firmware *firmware;
	struct sim_stored stored[PFS_FILES_MAX];
	uint64_t timer_us; /* its TIMEOUT entry that counts */
	uint64_t port_bps, port_free_us;
	uint32_t boot;
	uint32_t lan_delay_us;
	uint32_t lan_switch, lan_port; /* lan_port: from 0 in the order of the phones on it */
	uint64_t link_up_us;           /* its cable's last coming in, or power on */
	struct sim_clock clock;
	bool hostile;                /* not itself: kind says what, and its trace is nobody's */
	enum plan_fault_kind enmity; /* PLAN_FAULT_HOSTILE_... */
	bool dials_below;            /* one of its children */
	uint32_t told_xid;           /* the last tree that it told its children of */
	uint64_t spoken;             /* times that it has */
	uint64_t storage_bps; /* 0: no time at all */
	uint32_t tftp_sockets; /* opened so far */
	bool log_silent;       /* the log server was unreachable: nothing more until the next start */
	uint16_t tftp_port;    /* 0: none open */
	bool powered, plugged, running, port_open, accept_due;
	bool over; /* rebooted or failed: nothing more is waited for */
	int32_t damage_tftp, damage_tcp;
	uint32_t spin; /* time-outs since time last passed */
	uint64_t spin_us;
	uint32_t first_end; /* its connections */
	uint32_t queue_first, queue_last, queue_count;
	uint32_t slots[PFS_CONNS_MAX]; /* end of a handle's slot, or SIM_NONE */
};

/* What a fault makes of a switch; zero: a good one. */
struct sim_switch {
	const struct plan_disturbance *disturbance; /* or NULL */
	uint64_t luck;                              /* draws made for it */
	uint32_t groups;                            /* 0: whole */
	bool router_apart;
	uint32_t heard_length; /* the last broadcast of a phone that is itself, for those that are not */
	uint8_t heard[PFS_ACTION_BYTES];
	uint64_t hold_us, hold_since_us; /* a port whose link came up since then forwards so much later */
};

/* PLAN_FAULT_LAN_LOSE: one for each fault of the plan. */
struct sim_loser {
	uint64_t met; /* broadcasts that fit, so far */
	bool on, hits; /* hits: the one that is being heard */
};

struct sim_site {
	struct link down, up;
};

/* Where the data of the event being stepped come from, for TAKE. */
struct sim_source {
	const struct sim_packet *packet;
	struct sim_pipe *pipe;                /* its items from item_first on */
	const struct plan_firmware *firmware; /* of the sender */
	bool rubbish;                         /* the sender serves what is no firmware */
	uint32_t sender;                      /* the phone at the other end of the pipe */
};

struct sim_counters {
	uint64_t late_tftp;          /* to a TFTP port that the phone had closed */
	uint64_t server_unreachable; /* to a transfer's port that the server had closed */
	uint64_t vanished;           /* under way from or to a phone without power or cable */
	uint64_t lan_lost, lan_doubled, lan_held; /* datagrams on a disturbed switch */
};

/*
 * What a world that is only one site of a fleet has to do with the others:
 * they share the server's limit of transfers at once. sites.c fills it in.
 */
struct sim_bond {
	bool gated; /* sim_world_go() stops before each request to the server, until somebody says go on */
	uint32_t fleet_phones;
	_Atomic uint64_t clock_us;        /* everything that happens earlier has happened, and was reported */
	const _Atomic uint64_t *alarm_us; /* woken() is due when the clock has passed it */
	void (*woken)(void *context);
	/* So many more transfers are served, or with a minus fewer; by_timer: as the server's timer says. */
	void (*served)(void *context, uint64_t now_us, bool by_timer, int32_t more);
	void (*progress)(void *context); /* every few milliseconds of real time */
	void *context;
};

struct sim_world {
	const struct world_options *options;
	const struct plan *plan;
	struct record *record;
	struct world_report *report;
	uint64_t now_us;
	struct sim_queue queue;
	struct sim_phone *phones;
	struct sim_site *sites;
	uint32_t *switch_first; /* of each switch in switch_subnets; one more at the end */
	uint32_t *switch_subnets;
	struct sim_switch *switches;
	struct sim_loser *losers; /* beside the plan's faults */
	uint32_t loser_count;     /* of them on */
	struct sim_source source;
	struct pfs_actions *actions;
	/* streams */
	struct sim_conn **conn_chunks;
	uint32_t conn_chunk_count, conn_count, conn_free, serial;
	struct flow_net flows;
	uint32_t dirty[PFS_ACTIONS_MAX];
	uint32_t dirty_count;
	/* datagrams */
	struct sim_packet **packet_chunks;
	uint32_t packet_chunk_count, packet_count, packet_free;
	/* server */
	struct tftp_server *server;
	bool server_up, server_silent;
	uint64_t server_timer_us;
	const struct pfs_file **server_files;
	uint32_t server_file_count;
	uint32_t *port_transfers; /* 65536: transfer that answers from a port */
	uint16_t *transfer_ports; /* 0: none */
	uint32_t *transfer_phones;
	uint16_t next_port;
	struct tftp_output output; /* what the server has just said */
	uint64_t lines_us;         /* the last console line for the log server has left its LAN then */
	uint32_t server_slots;     /* transfers that it can serve at once */
	struct sim_bond *bond;     /* NULL: a world of its own */
	bool full;                 /* bonded: the next request finds the server full */
	uint64_t serving_told;     /* bonded: transfers served, as the bond was told */
	struct sim_event held;     /* the request before which it stopped */
	bool holding;
	bool begun;
	uint64_t turns, published_ns;
	/* faults */
	struct fault_engine *faults;
	uint64_t fault_timer_us;
	/* the end */
	uint32_t fleet_phones; /* of the whole fleet, of which this may be one site */
	uint32_t over_count;
	bool all_ended;
	uint64_t ended_us;
	struct sim_counters counters;
	struct sim_watch *watch; /* invariants.c; NULL in a traditional run */
	int error; /* negative errno: the run stops */
};

/* ---- world.c ---- */

/*
 * A world is made, runs on until it has ended or, where its bond is gated,
 * stands before a request to the server (then held.at_us says when), and is
 * taken down. sim_world_end() fills in the rest of the report and returns what
 * sim_world_run() would. NULL where memory lacks.
 */
struct sim_world *sim_world_new(const struct world_options *options, struct sim_bond *bond,
				struct world_report *report);
enum sim_pause { SIM_ENDED, SIM_AT_GATE };
enum sim_pause sim_world_go(struct sim_world *world);
int sim_world_end(struct sim_world *world);
/* Hands the counters of links and server to the record. */
void sim_world_count(struct sim_world *world);

/* ---- sites.c ---- */

/* As sim_world_run(), each site a world of its own; sim_world_parts() says whether that may be. */
int sim_sites_run(const struct world_options *options, struct world_report *report);

/* A promise was broken: the report says which, when and who; the run stops with -EPROTO. */
void sim_broken(struct sim_world *world, uint32_t phone, const char *what);
void sim_broken_by(struct sim_world *world, uint32_t phone, uint32_t other, const char *what);
/* Memory lacked: stops the run. */
void sim_no_memory(struct sim_world *world);

/* ---- host.c ---- */

/* With that what-if: the range has come, and is not the end of the file. */
bool sim_may_leave_early(const struct sim_world *world, uint32_t number, const struct pfs_action *action);

/* Gives a running phone an event (now_us is filled in) and carries out what it asks. Returns what it
 * consumed. */
uint32_t sim_step(struct sim_world *world, uint32_t phone, struct pfs_event *event);
/* (Re)starts a phone's core: the START event is queued. */
void sim_boot(struct sim_world *world, uint32_t phone);
void sim_host_event(struct sim_world *world, const struct sim_event *event);
/* True where a phone hears what is on the wire. */
static inline bool sim_on_wire(const struct sim_phone *phone)
{
	return phone->powered && phone->plugged;
}
/* The phone's clock from now on. */
void sim_clock_drift(struct sim_world *world, uint32_t phone, int32_t drift_ppm);
/* How long its storage needs for that many bytes. */
uint64_t sim_storage_us(const struct sim_phone *phone, uint64_t bytes);
/* When a frame of that many IP bytes, offered now, has left the phone's port. */
uint64_t sim_port_send(struct sim_world *world, struct sim_phone *phone, uint32_t ip_bytes);

/* Puts a datagram on the phone's LAN. */
void sim_broadcast(struct sim_world *world, uint32_t phone, const uint8_t *bytes, uint32_t length);

/* ---- hostile.c ---- */

/* A hostile host has taken the phone's place; its core has ended. */
void sim_hostile_begin(struct sim_world *world, uint32_t phone, enum plan_fault_kind enmity);
/* It speaks. */
void sim_hostile_event(struct sim_world *world, const struct sim_event *event);

/* ---- liar.c ---- */

/* PLAN_FAULT_HOSTILE_LIAR: what the phone is about to do becomes what it does instead. */
/* True where every JOIN that it sends to that phone means another hierarchy. */
bool sim_liar_lies_to(const struct sim_world *world, uint32_t phone, uint32_t other);
void sim_liar_act(struct sim_world *world, uint32_t phone, struct pfs_action *action);

/* ---- lan.c ---- */

int sim_lan_init(struct sim_world *world); /* 0 or -ENOMEM */
void sim_lan_deinit(struct sim_world *world);
/* True where its port passes frames. */
bool sim_lan_forwards(const struct sim_world *world, const struct sim_phone *phone);
/* True where frames get from one to the other; both on one switch. */
bool sim_lan_joins(const struct sim_world *world, const struct sim_phone *a, const struct sim_phone *b);
bool sim_lan_reaches_router(const struct sim_world *world, const struct sim_phone *phone);
/* A datagram of or for a phone crosses its switch: an entry for each copy that comes through, which is none
 * where it is lost. The packet is freed or moves on. b: of the entry. */
void sim_lan_cross(struct sim_world *world, uint32_t lan_switch, uint64_t at_us, enum sim_kind kind,
		   uint32_t packet, uint64_t b);
/* The phone's link has just come up. */
void sim_lan_link_up(struct sim_world *world, uint32_t phone);
/* A fault, or its end, on one switch. */
void sim_lan_order(struct sim_world *world, const struct fault_order *order, uint32_t lan_switch);
void sim_lan_event(struct sim_world *world, const struct sim_event *event);

/* ---- wan.c ---- */

int sim_wan_init(struct sim_world *world);
void sim_wan_deinit(struct sim_world *world);
/* A fresh packet's number, or SIM_NONE (then the run has been stopped). */
uint32_t sim_packet_new(struct sim_world *world);
void sim_packet_free(struct sim_world *world, uint32_t packet);
struct sim_packet *sim_packet(const struct sim_world *world, uint32_t packet);
void sim_tftp_send(struct sim_world *world, uint32_t phone, const struct pfs_action *action);
void sim_wan_event(struct sim_world *world, const struct sim_event *event);
void sim_server_stop(struct sim_world *world);
/* True where the event is a packet to the server's port 69. */
bool sim_is_request(const struct sim_world *world, const struct sim_event *event);
/* A file of the sets, or with -1 each, is served with that share of its length. */
void sim_server_size(struct sim_world *world, int32_t file, uint32_t served_ppm);

/* ---- log.c ---- */

void sim_log_init(struct sim_world *world);
void sim_log_deinit(struct sim_world *world);
/* True where somebody at headquarters takes console lines now. */
bool sim_log_listens(const struct sim_world *world);

/* ---- tcp.c: actions of a phone ---- */

int sim_tcp_init(struct sim_world *world); /* 0 or -ENOMEM */
void sim_tcp_deinit(struct sim_world *world);

void sim_tcp_connect(struct sim_world *world, uint32_t phone, const struct pfs_action *action);
void sim_tcp_send(struct sim_world *world, uint32_t phone, const struct pfs_action *action);
void sim_tcp_shutdown(struct sim_world *world, uint32_t phone, const struct pfs_action *action);
void sim_tcp_drop(struct sim_world *world, uint32_t phone, const struct pfs_action *action);
/* After a step's actions: what was written goes on its way. */
void sim_tcp_flush(struct sim_world *world);
void sim_tcp_event(struct sim_world *world, const struct sim_event *event);
/* PFS_ACT_CLOSE: what waits to be accepted is reset. */
void sim_tcp_close_port(struct sim_world *world, uint32_t phone);

/* ---- tcp.c: what happens to a phone ---- */

enum sim_upset { SIM_POWER_LOST, SIM_CRASHED, SIM_UNPLUGGED, SIM_BACK };
/* The connection to its parent, where there is one: reset, or one direction vanishes or is back. */
void sim_tcp_cut_parent(struct sim_world *world, uint32_t phone, const struct fault_order *order);
void sim_tcp_upset(struct sim_world *world, uint32_t phone, enum sim_upset upset);

/* ---- pipe.c: the bytes of one direction ---- */

/* Frame bytes, or a range of a file (bytes NULL), at the end of the stream. Returns 0 or -ENOMEM. */
int sim_pipe_write(struct sim_pipe *pipe, const uint8_t *bytes, uint64_t length, uint8_t file,
		   uint64_t offset);
/* What waits for the reader up to the end of the first range of a file: fills data, length, available. */
void sim_pipe_peek(const struct sim_pipe *pipe, struct pfs_event *event);
/* The reader has taken so much. */
void sim_pipe_consume(struct sim_pipe *pipe, uint64_t length);
/* The file range that stands `skip` bytes past what is consumed. False where frame bytes stand there. */
bool sim_pipe_at(const struct sim_pipe *pipe, uint64_t skip, uint8_t *file, uint64_t *offset,
		 uint64_t *length);
/* Next position at which something is to be said about a pipe that flows at so many bits a second. */
uint64_t sim_pipe_target(const struct sim_pipe *pipe, uint64_t rate_bps);
void sim_pipe_deinit(struct sim_pipe *pipe);

/* ---- invariants.c: what must always hold in a PFS run; nothing is done where watch is NULL ---- */

int sim_watch_init(struct sim_world *world); /* 0 or -ENOMEM */
void sim_watch_deinit(struct sim_world *world);
void sim_watch_trace(struct sim_world *world, uint32_t phone, const struct pfs_trace *trace);
/* Before the phone is stepped with it. */
void sim_watch_event(struct sim_world *world, uint32_t phone, const struct pfs_event *event);
/* Before the world carries it out. */
void sim_watch_action(struct sim_world *world, uint32_t phone, const struct pfs_action *action);
/* Content of its file came from that phone. */
void sim_watch_taken(struct sim_world *world, uint32_t phone, uint32_t sender, uint8_t file);
/* After a step and all its actions, and after a fault that touched the phone. */
void sim_watch_phone(struct sim_world *world, uint32_t phone);
void sim_watch_fault(struct sim_world *world, const struct fault_order *order);
/* Nothing is left to happen, or the time is over. */
void sim_watch_end(struct sim_world *world);

/* ---- upset.c ---- */

/* Carries out the orders that are due. */
void sim_faults(struct sim_world *world);

#endif
