/* Checksums of a packet that was changed on its way. */
#ifndef FLEET_NETNS_CHECKSUM_H
#define FLEET_NETNS_CHECKSUM_H

#include <stdint.h>

/*
 * Mends the IPv4 header checksum, and the UDP or TCP checksum of a packet that
 * is no fragment and whole. A UDP checksum of zero (none) stays zero.
 */
void checksum_mend(uint8_t *ip, uint32_t length);

#endif
