/*
 * A thin layer over libnl: requests are gathered and go to the kernel in one
 * send, and only the last of them asks to be acknowledged. The kernel works on
 * a batch in order, inside that send, and reports each failure by itself, so
 * a phone costs two system calls and not two for each of its dozen requests.
 */
#ifndef FLEET_NETNS_NL_H
#define FLEET_NETNS_NL_H

#include <netlink/addr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NL_BATCH_BYTES 32768
#define NL_BATCH_REQUESTS 128

struct netlink {
	struct nl_sock *sock;   /* NULL: not open */
	int error;              /* sticky until the next flush; 0 or negative errno */
	uint32_t first, last;   /* sequence numbers of the batch */
	uint32_t requests;
	size_t used, last_at;
	const char *what[NL_BATCH_REQUESTS]; /* what each request is for, static text */
	uint8_t *buffer;
};

/* A route socket in the network namespace that the calling thread is in. Returns 0 or a negative errno. */
int netlink_open(struct netlink *nl);

/* Allowed on a zeroed object, and twice. */
void netlink_close(struct netlink *nl);

/*
 * Adds a request to the batch and releases it; NULL counts as out of memory.
 * `what` is kept. Errors stick: they come back from netlink_flush. A full batch is
 * flushed.
 */
void netlink_add(struct netlink *nl, struct nl_msg *msg, const char *what);

/* The same for what libnl-route's build functions return. */
void netlink_add_built(struct netlink *nl, int built, struct nl_msg *msg, const char *what);

/*
 * Sends what was gathered and waits for the kernel's answers. Returns 0 or the
 * first error, after a line on stderr that names `subject` and the request;
 * subject NULL: without that line. The batch is empty afterwards.
 */
int netlink_flush(struct netlink *nl, const char *subject);

/* negative errno of a libnl error code */
int netlink_errno(int error);

/* An IPv4 address of libnl's; host byte order. The caller puts it. NULL: out of memory. */
struct nl_addr *netlink_ip(uint32_t address, int prefix);
struct nl_addr *netlink_mac(const uint8_t mac[6]);

/* Length of a netmask. */
int netlink_prefix(uint32_t netmask);

/* A request that libnl-route has no object for: an ifinfomsg with room for attributes. */
struct nl_msg *netlink_link_message(int type, int flags, uint8_t family, int index, unsigned int up_flags,
			       unsigned int change);

#endif
