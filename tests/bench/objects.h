/*
 * For benches: what stands in a network namespace, counted by asking the kernel
 * (netlink dumps), so that two programs can be held to have made the same.
 */
#ifndef BENCH_OBJECTS_H
#define BENCH_OBJECTS_H

#include <stdint.h>
#include <stdio.h>

struct bench_objects {
	uint32_t namespaces;
	uint32_t links, links_up, bridges;  /* lo among the links */
	uint32_t answering;                 /* bridge ports that answer ARP (proxy_arp_wifi) */
	uint32_t token_buckets;
	uint32_t addresses, addresses_ipv6; /* IPv6: but ::1 */
	uint32_t routes;                    /* IPv4, of the main table */
	uint32_t routes_quickack;           /* those of them with the metric */
	uint32_t neighbours;                /* IPv4, permanent */
	uint32_t stations;                  /* static entries of bridges' address tables */
	uint32_t udp, listeners, packet;    /* sockets */
	uint32_t no_loss_probes;            /* namespaces with tcp_early_retrans 0 */
};

/* Adds what stands in a namespace. holder: its descriptor, or a socket in it; the thread comes back. Exits 4 on errors. */
void bench_count(struct bench_objects *objects, int holder);

/* One member of a JSON object: "objects": {...}, without a comma before or after. */
void bench_print_objects(FILE *file, const struct bench_objects *objects);

#endif
