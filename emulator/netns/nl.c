/*
 * Batches of netlink requests over libnl; see nl.h. libnl's own senders wait
 * for one acknowledgement each, so the gathering and the reading of answers are
 * done here, on libnl's socket and with its message functions.
 */
#include "emulator/netns/nl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int netlink_errno(int error)
{
	switch (error < 0 ? -error : error) {
	case NLE_SUCCESS:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_OPNOTSUPP:
	case NLE_PROTO_MISMATCH:
	case NLE_AF_NOSUPPORT:
		return -EOPNOTSUPP;
	case NLE_BUSY:
		return -EBUSY;
	case NLE_RANGE:
		return -ERANGE;
	default:
		return -EINVAL;
	}
}

int netlink_open(struct netlink *nl)
{
	int one = 1, error;

	memset(nl, 0, sizeof(*nl));
	nl->buffer = malloc(NL_BATCH_BYTES);
	nl->sock = nl_socket_alloc();
	if (!nl->buffer || !nl->sock) {
		netlink_close(nl);
		return -ENOMEM;
	}
	/* The kernel chooses the port: libnl's own numbers run out at 1,024 sockets a process. */
	nl_socket_set_local_port(nl->sock, 0);
	/* libnl does not see the answers to batches, and would miss their numbers */
	nl_socket_disable_seq_check(nl->sock);
	error = nl_connect(nl->sock, NETLINK_ROUTE);
	if (error < 0) {
		error = errno ? -errno : netlink_errno(error);
		netlink_close(nl);
		return error;
	}
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->sock)
		nl_socket_free(nl->sock);
	free(nl->buffer);
	memset(nl, 0, sizeof(*nl));
}

void netlink_add(struct netlink *nl, struct nl_msg *msg, const char *what)
{
	struct nlmsghdr *header;
	size_t length;

	if (!msg) {
		nl->error = nl->error ? nl->error : -ENOMEM;
		return;
	}
	header = nlmsg_hdr(msg);
	length = NLMSG_ALIGN(header->nlmsg_len);
	if (length > NL_BATCH_BYTES) {
		nl->error = nl->error ? nl->error : -EMSGSIZE;
		nlmsg_free(msg);
		return;
	}
	if (nl->used + length > NL_BATCH_BYTES || nl->requests == NL_BATCH_REQUESTS) {
		int error = netlink_flush(nl, "fabric");

		nl->error = error;
	}
	header->nlmsg_seq = nl_socket_use_seq(nl->sock);
	header->nlmsg_flags |= NLM_F_REQUEST;
	header->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	header->nlmsg_pid = 0;
	if (!nl->requests)
		nl->first = header->nlmsg_seq;
	nl->last = header->nlmsg_seq;
	nl->last_at = nl->used;
	nl->what[nl->requests++] = what;
	memset(nl->buffer + nl->used, 0, length);
	memcpy(nl->buffer + nl->used, header, header->nlmsg_len);
	nl->used += length;
	nlmsg_free(msg);
}

void netlink_add_built(struct netlink *nl, int built, struct nl_msg *msg, const char *what)
{
	if (built < 0) {
		nl->error = nl->error ? nl->error : netlink_errno(built);
		return;
	}
	netlink_add(nl, msg, what);
}

/* The kernel's own words about a failure, or an empty text. */
static const char *extended(const struct nlmsghdr *header)
{
	const struct nlmsgerr *answer = nlmsg_data(header);
	size_t skip = sizeof(*answer);
	const struct nlattr *text;

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return "";
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(answer->msg.nlmsg_len - NLMSG_HDRLEN);
	text = nlmsg_find_attr((struct nlmsghdr *)header, (int)skip, NLMSGERR_ATTR_MSG);
	return text ? nla_get_string((struct nlattr *)text) : "";
}

static void complain(const struct netlink *nl, const struct nlmsghdr *header, const char *subject, int error)
{
	uint32_t number = header->nlmsg_seq - nl->first;
	const char *text = extended(header);

	fprintf(stderr, "%s: %s: %s%s%s\n", subject, number < nl->requests ? nl->what[number] : "request",
		strerror(-error), *text ? ": " : "", text);
}

/* Reads answers until that of the batch's last request. */
static int answers(struct netlink *nl, const char *subject)
{
	uint8_t buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	int first_error = 0;

	for (;;) {
		ssize_t got = recv(nl_socket_get_fd(nl->sock), buffer, sizeof(buffer), 0);
		struct nlmsghdr *header = (struct nlmsghdr *)buffer;
		int left = (int)got;

		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
			const struct nlmsgerr *answer = nlmsg_data(header);

			if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_seq - nl->first >= nl->requests)
				continue;
			if (answer->error && !first_error) {
				first_error = answer->error;
				if (subject)
					complain(nl, header, subject, first_error);
			}
			if (header->nlmsg_seq == nl->last)
				return first_error;
		}
	}
}

int netlink_flush(struct netlink *nl, const char *subject)
{
	int error = nl->error;

	if (!error && nl->requests) {
		struct nlmsghdr *last = (struct nlmsghdr *)(nl->buffer + nl->last_at);
		ssize_t sent;

		last->nlmsg_flags |= NLM_F_ACK;
		do
			sent = send(nl_socket_get_fd(nl->sock), nl->buffer, nl->used, 0);
		while (sent < 0 && errno == EINTR);
		error = sent < 0 ? -errno : answers(nl, subject);
	} else if (error && subject) {
		fprintf(stderr, "%s: a netlink request could not be made: %s\n", subject, strerror(-error));
	}
	nl->error = 0;
	nl->requests = 0;
	nl->used = 0;
	return error;
}

struct nl_addr *netlink_ip(uint32_t address, int prefix)
{
	uint32_t wire = htonl(address);
	struct nl_addr *addr = nl_addr_build(AF_INET, &wire, sizeof(wire));

	if (addr)
		nl_addr_set_prefixlen(addr, prefix);
	return addr;
}

struct nl_addr *netlink_mac(const uint8_t mac[6])
{
	return nl_addr_build(AF_LLC, mac, 6);
}

int netlink_prefix(uint32_t netmask)
{
	return __builtin_popcount(netmask);
}

struct nl_msg *netlink_link_message(int type, int flags, uint8_t family, int index, unsigned int up_flags,
			       unsigned int change)
{
	struct ifinfomsg info = {
		.ifi_family = family, .ifi_index = index, .ifi_flags = up_flags, .ifi_change = change};
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}
