/*
 * Network namespaces as descriptors: made, entered and left by the calling
 * thread, never given a name (DESIGN point 10).
 */
#ifndef FLEET_NETNS_NAMESPACE_H
#define FLEET_NETNS_NAMESPACE_H

#include <stdbool.h>
#include <stdint.h>

/* Where a process keeps its namespaces' way back. Zeroed: not entered. */
struct namespace_home {
	int net;             /* the network namespace that threads go back to; -1 none */
	bool ipv6_by_link;   /* /proc/sys cannot be written here: IPv6 is kept quiet link by link */
	int proc;            /* namespace_no_loss_probes()'s; -1 none */
	uint32_t proc_uses;  /* namespaces that have been set up by way of it */
};

/*
 * Finds out whether network namespaces can be made, and enters a user
 * namespace where that is what it takes (only with a single thread). Returns 0,
 * or -EPERM and other negative errnos after one line on stderr that says what
 * to do. A process that is in such a user namespace stays there; so does one
 * that cannot go back to a network that its user namespace does not own.
 */
int namespace_home_open(struct namespace_home *home);
void namespace_home_close(struct namespace_home *home);

/*
 * Makes a network namespace and leaves the calling thread in it. Returns its
 * descriptor, or a negative errno; then the thread is where it was.
 */
int namespace_new(const struct namespace_home *home);

/* Switches IPv6 off in the namespace that the thread is in, before it has a link; not for namespaces by the thousand. */
void namespace_no_ipv6(struct namespace_home *home);

/*
 * Takes the bridges of the namespace that the thread is in out of the packet filter, where the kernel asks it for
 * each port that a frame goes to (br_netfilter, the default once that module is loaded): there are no rules, and a
 * broadcast to a thousand ports pays for it a thousand times. What the kernel refuses stays as it is, slower.
 */
void namespace_no_bridge_filter(void);

/*
 * Switches TCP's tail loss probes off in the namespace that the thread is in; for namespaces by the thousand.
 * Returns 0 or a negative errno: this host does not let them be switched off, and they stay on.
 * namespace_proc_close() gives back what it keeps from one to the next.
 */
int namespace_no_loss_probes(struct namespace_home *home);
void namespace_proc_close(struct namespace_home *home);

/*
 * A descriptor of the network namespace that a socket is in. Returns it or a
 * negative errno.
 */
int namespace_of(int socket);

/* One line on stderr: what could not have a namespace (namespace_new()), why, and what to do. */
void namespace_complain(const char *subject, int error);

/* Puts the calling thread into a namespace. Returns 0 or a negative errno. */
int namespace_enter(int descriptor);

/* Puts the calling thread back; that cannot fail without our having broken something. */
void namespace_leave(const struct namespace_home *home);

#endif
