/*
 * What the interoperation tests share: a network of the test's own, a folder of
 * its own, programs run as children, and files whose content is known.
 *
 * Each test of Check is a process; interop_enter() puts it into a namespace
 * whose only interface is its own loopback, so port 69 is free there and
 * nothing on the host is touched.
 */
#ifndef TESTS_INTEROP_H
#define TESTS_INTEROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "emulator/hq/tftp_server.h"

/*
 * A second address of the loopback: in.tftpd takes no numeric address where a host
 * has none but 127.0.0.1 (it resolves with AI_ADDRCONFIG).
 */
#define INTEROP_ADDRESS 0x0a090901
#define INTEROP_ADDRESS_TEXT "10.9.9.1"

/* One past 65,535 blocks of 512 bytes: the number on the wire wraps. */
#define INTEROP_WRAP_BYTES (65537u * 512 + 77)

enum { INTEROP_0, INTEROP_511, INTEROP_512, INTEROP_513, INTEROP_WRAP, INTEROP_FILES };
extern struct tftp_file interop_files[INTEROP_FILES];

/*
 * In main, before Check: where the program (in PATH, or a path) or namespaces
 * are missing, prints a TAP plan that skips all, with the reason, and exits.
 */
void interop_need(const char *program);

/* The same where we are not root: user namespaces will not do for what is named. */
void interop_need_root(const char *what);

/* In each test: a network namespace (as an ordinary user, in a user namespace), its loopback up. */
void interop_enter(void);

/* The largest packet that the loopback takes from now on, in bytes. */
void interop_mtu(int bytes);

/* Makes the files' content and a folder; in each test. The folder goes with interop_leave(). */
void interop_begin(void);
void interop_leave(void);

/* A path in that folder; a static buffer, good until the next call but three. */
const char *interop_path(const char *name);

/* True where the file in the folder has exactly these bytes; one that does not exist has none. */
bool interop_same(const char *name, const struct tftp_file *file);

/* Starts a program (looked up in PATH), its output going to the folder's "output"; returns its pid. */
pid_t interop_spawn(const char *const *arguments);

/* The exit status of a child that was waited for; -1 where a signal ended it. */
int interop_status(int wait_status);

/* A descriptor of this process's network namespace. */
int interop_netns(void);

#endif
