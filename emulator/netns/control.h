/*
 * The way into a running fleet: a socket named "control" in the run's folder.
 * Who asks for a phone, by name or address, gets descriptors of its namespaces;
 * what runs in there is then none of the fleet's business. "headquarters" is a
 * name too.
 */
#ifndef FLEET_NETNS_CONTROL_H
#define FLEET_NETNS_CONTROL_H

#include <ev.h>

#include "emulator/netns/fabric.h"

struct control;

/*
 * Begins to answer, on the fleet's loop, for a fabric that lives longer than
 * this. Returns 0 or a negative errno; then nobody can look in, and the fleet
 * runs as well.
 */
int control_open(struct control **control, struct ev_loop *loop, const char *run_dir, struct fabric *fabric);

/* Removes the socket. NULL is allowed. */
void control_close(struct control *control);

/* Namespaces of a phone; the caller closes them. And which phones there are, where it is none of them. */
struct control_namespaces {
	int net, user;
	char phones[80];
};

/*
 * Asks the fleet that runs in a folder. Returns 0; -ENOENT: it has no such
 * phone (or it is not up yet); -ENOTCONN: no fleet runs in that folder; -EACCES:
 * it is another user's.
 */
int control_ask(const char *run_dir, const char *phone, struct control_namespaces *namespaces);

/* 0 where a fleet runs in that folder. */
int control_probe(const char *run_dir);

#endif
