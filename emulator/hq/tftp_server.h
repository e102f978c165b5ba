/*
 * The TFTP server of headquarters, without I/O: RFC 1350 with the options of
 * RFC 2347, 2348 (blksize), 2349 (tsize, timeout). Both worlds run it. It has
 * a serving limit, as the call manager's has: a request past it is rejected
 * with an ERROR and counted. A duplicate request from the same address and
 * port is one transfer. A duplicate ACK never makes it send again (RFC 1123
 * section 4.2.3.1).
 *
 * Every transfer answers from a port that is not 69 (a TID, RFC 1350 section 4).
 * The server says which transfer an output belongs to; from which port that one
 * answers the adapter chooses among its sockets, and the virtual-time world
 * gives it a number.
 */
#ifndef FLEET_TFTP_SERVER_H
#define FLEET_TFTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tftp_file {
	const char *name;       /* as requested, without a leading slash */
	const uint8_t *content; /* held by the caller */
	uint64_t size;
};

/* The longest wait before a retransmission, unless the first one is longer. */
#define TFTP_TIMEOUT_MAX_US UINT64_C(16000000)

struct tftp_server_config {
	uint32_t serving_max;    /* transfers at once; 0: every request is rejected */
	uint32_t retries_max;    /* retransmissions of one packet before a transfer is given up */
	uint64_t timeout_us;     /* before the first retransmission; doubles up to timeout_max_us */
	uint64_t timeout_max_us;
	uint16_t blksize_max;    /* largest block granted, at least 8; 0: 65464. No option: 512 */
};

/* Text of the ERROR 0 with which a request past serving_max is rejected. */
#define TFTP_BUSY_TEXT "server busy, serving limit reached"
/* Text of the ERROR 0 after tftp_server_cancel(). */
#define TFTP_NO_PORT_TEXT "server busy, no port left"

/*
 * What was counted:
 *   requests     packets to port 69 that are a well-formed RRQ or WRQ
 *   duplicates   of these, requests of a transfer that is being served
 *   started      transfers begun; completed, given_up (no answer within all
 *                retransmissions) and aborted (ERROR from the client, cancelled,
 *                or its port used for another file) are how they ended
 *   rejected     requests past the serving limit
 *   not_found    requests for a file that is not served
 *   refused      WRQ, or a mode other than octet
 *   blocks, payload_bytes  DATA sent for the first time
 *   retransmits  packets sent again (DATA, OACK), on time-out or for a duplicate request
 *   duplicate_acks  ACKs of an earlier block; ignored
 *   malformed    packets that RFC 1350 and 2347 do not allow where they came
 *   serving, serving_peak  transfers now and at most
 *   strangers    packets to a transfer's port from another than its client (ERROR 5)
 */

struct tftp_server_counters {
	uint64_t requests, duplicates, started, completed, rejected, not_found, refused, given_up, aborted;
	uint64_t blocks, payload_bytes, retransmits, duplicate_acks, malformed;
	uint64_t serving, serving_peak;
	uint64_t strangers;
};

#define TFTP_HEADER_MAX 520
#define TFTP_SERVING_MAX 1000000 /* largest serving_max */
#define TFTP_REQUEST_MAX 512 /* RFC 2347: a request's largest size */

/*
 * One packet to send, or the end of a transfer. DATA is a 4-byte header in
 * `header` and `payload_length` bytes at `payload` (they stay valid as long as
 * the file's content); any other packet stands whole in `header`.
 */
struct tftp_output {
	uint32_t transfer;       /* slot below serving_max, or TFTP_NO_TRANSFER: answer from port 69 */
	uint32_t address;        /* to whom, host byte order */
	uint16_t port;
	uint8_t send;            /* 1: there is a packet */
	uint8_t ended;           /* 1: after this packet the transfer's port is closed */
	uint8_t retransmit;      /* 1: the packet was sent before */
	uint8_t started;         /* 1: first packet of a transfer: it gets a port of its own, also where its
				    slot has one already (the client used its port for another file) */
	uint32_t header_length;
	uint32_t payload_length;
	const uint8_t *payload;
	uint32_t file;           /* index in files, or UINT32_MAX */
	uint64_t offset;         /* of the payload in the file */
	uint8_t header[TFTP_HEADER_MAX];
};
#define TFTP_NO_TRANSFER UINT32_MAX

struct tftp_server; /* allocated: one for a world, not one a phone */

/*
 * Firmware sets may share files: a name may come twice where the content is the
 * same. Returns the index of the first file whose name an earlier one has with
 * other content, or file_count where there is none.
 */
size_t tftp_files_clash(const struct tftp_file *files, size_t file_count);

/*
 * files are copied (names too), content is not. Returns NULL and sets errno:
 * ENOMEM, EINVAL for a configuration outside its ranges, EEXIST where
 * tftp_files_clash().
 */
struct tftp_server *tftp_server_new(const struct tftp_server_config *config, const struct tftp_file *files,
				    size_t file_count);
void tftp_server_free(struct tftp_server *server);

/*
 * A packet to port 69. Always one output (maybe with send == 0).
 *
 * Served is octet only: netascii would change a file's length and with it tsize
 * and every offset, and firmware is not text; it is refused with ERROR 0. A
 * name is looked up without its leading slashes, letter by letter; one with
 * ".." in it is not found. Unknown options are left out of the OACK, and so are
 * known ones whose value the RFC does not allow, except that a blksize above
 * the largest is answered with the largest (RFC 2347, 2348). An option without
 * a value is answered with ERROR 8.
 */
void tftp_server_request(struct tftp_server *server, uint64_t now_us, uint32_t address, uint16_t port,
			 const uint8_t *data, size_t length, struct tftp_output *output);

/*
 * A packet to a transfer's own port. The sender is checked against the
 * transfer's TID (ERROR 5). A transfer that is not being served: no output.
 */
void tftp_server_packet(struct tftp_server *server, uint64_t now_us, uint32_t transfer, uint32_t address,
			uint16_t port, const uint8_t *data, size_t length, struct tftp_output *output);

/* The transfer of the client with that TID, or TFTP_NO_TRANSFER: for worlds in which transfers share ports. */
uint32_t tftp_server_find(const struct tftp_server *server, uint32_t address, uint16_t port);

/*
 * A packet to a transfer's port from somebody who has no transfer there: ERROR 5,
 * which is to go out from that port (output->transfer is TFTP_NO_TRANSFER).
 */
void tftp_server_stranger(struct tftp_server *server, uint32_t address, uint16_t port, const uint8_t *data,
			  size_t length, struct tftp_output *output);

/* The next retransmission is due then; UINT64_MAX: none. O(log n) for each transfer since that was put off. */
uint64_t tftp_server_deadline(struct tftp_server *server);

/* Not after the next retransmission, and asked in O(1): for whoever waits for something earlier anyway. */
uint64_t tftp_server_deadline_bound(const struct tftp_server *server);

/*
 * The transfer whose retransmission is due first, or TFTP_NO_TRANSFER. A world
 * that has real sockets reads that transfer's before it calls
 * tftp_server_expire(): input goes before time-outs.
 */
uint32_t tftp_server_first_due(struct tftp_server *server);

/* One thing that is due at now_us; false where nothing is: call until then. */
bool tftp_server_expire(struct tftp_server *server, uint64_t now_us, struct tftp_output *output);

/*
 * The world could not give a transfer its port: it ends, counted as aborted,
 * with an ERROR 0 from port 69 (output->transfer is TFTP_NO_TRANSFER).
 */
void tftp_server_cancel(struct tftp_server *server, uint32_t transfer, struct tftp_output *output);

/* The server stops: all transfers are forgotten without a word (a crash). */
void tftp_server_reset(struct tftp_server *server);

/*
 * Faults. busy: each new request is rejected as past the limit is; what runs
 * goes on. served: from the next request on a file has another length; what lies
 * past its true end has no payload pointer of its own, so only a world that
 * looks at identity and not at bytes may make a file longer.
 */
void tftp_server_busy(struct tftp_server *server, bool busy);
void tftp_server_serve_size(struct tftp_server *server, uint32_t file, uint64_t size);

/* As configured: every output's transfer is below it, or TFTP_NO_TRANSFER. */
uint32_t tftp_server_serving_max(const struct tftp_server *server);

const struct tftp_server_counters *tftp_server_counters(const struct tftp_server *server);

#endif
