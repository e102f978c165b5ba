/*
 * A real TFTP server from Debian's packages at headquarters instead of the
 * embedded one: in.tftpd (tftpd-hpa) or dnsmasq (dnsmasq-base). Root only.
 */
#ifndef FLEET_REAL_SERVER_H
#define FLEET_REAL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/hq/tftp_server.h"

enum real_server_kind { REAL_SERVER_IN_TFTPD, REAL_SERVER_DNSMASQ };

struct real_server_config {
	enum real_server_kind kind;
	int netns;                     /* descriptor of headquarters' namespace; the caller's */
	uint32_t address;              /* there, host byte order; it must be up */
	uint32_t serving_max;          /* dnsmasq only, see real_server_limits_serving(); at least 1 */
	uint64_t timeout_us;           /* real time; in.tftpd only: 10 ms to 64 s; 0: its own default */
	uint16_t blksize_max;          /* 0: no bound of ours; below 512: the option is refused */
	uint32_t receive_buffer_bytes; /* of port 69; 0: 8 MiB */
	uint32_t ready_timeout_ms;     /* 0: 5,000 */
	const char *folder;            /* of the run; the server's directory and log are made in it */
	const struct tftp_file *files; /* names without "/"; content is written into that directory */
	size_t file_count;
};

struct real_server;

/*
 * Writes the files, starts the server and waits until it answers a request.
 * Returns 0, or a negative errno after one line on stderr that says what to do:
 * -EPERM (not root), -ENOENT (package missing), -EINVAL (a file's name), -EEXIST (tftp_files_clash()),
 * -ETIMEDOUT (no answer), -ECHILD (it ended at once), or what the kernel said.
 *
 * Call it early and from a thread that lives until real_server_stop(): the
 * server's init begins as a copy of this process and keeps what it copied, and
 * it is killed when the thread ends that called.
 */
int real_server_start(const struct real_server_config *config, struct real_server **server);

/* Kills the server and all its children, waits for them, removes its directory. NULL is allowed. */
void real_server_stop(struct real_server *server);

/* Readable when the server has ended: for a watcher. Valid until real_server_stop(). */
int real_server_pidfd(const struct real_server *server);

/* What port 69's receive buffer is, as the kernel counts it; 0: it could not be enlarged. */
uint32_t real_server_receive_buffer(const struct real_server *server);

/*
 * Whether that server can be given a serving limit. dnsmasq can (--tftp-max),
 * but it rejects nothing: at its limit it leaves requests in its socket until a
 * transfer ends. in.tftpd cannot: it has no such option and begins a process for
 * each request.
 */
bool real_server_limits_serving(enum real_server_kind kind);

/* True for root where the servers' unprivileged user exists too: not inside a user namespace that lacks it. */
bool real_server_allowed(void);

/* "in.tftpd" or "dnsmasq"; and the package it is in. */
const char *real_server_name(enum real_server_kind kind);
const char *real_server_package(enum real_server_kind kind);

/* True where its program is installed. */
bool real_server_installed(enum real_server_kind kind);

#endif
