/*
 * The internet checksum (RFC 1071) over a changed packet. A damaged component
 * has to reach the phone's TFTP client: without this the phone's kernel would
 * drop the packet, and nothing would be found but a loss.
 */
#include "emulator/netns/checksum.h"

#include <netinet/in.h>
#include <stddef.h>

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint64_t sum(const uint8_t *at, uint32_t length)
{
	uint64_t total = 0;

	for (; length > 1; at += 2, length -= 2)
		total += get16(at);
	return length ? total + ((uint32_t)at[0] << 8) : total;
}

static uint32_t fold(uint64_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return ~(uint32_t)total & 0xffff;
}

/* The pseudo header of RFC 768 and RFC 9293, and what follows it. */
static uint32_t transport(const uint8_t *ip, const uint8_t *at, uint32_t length)
{
	return fold(sum(ip + 12, 8) + ip[9] + length + sum(at, length));
}

void checksum_mend(uint8_t *ip, uint32_t length)
{
	uint32_t header, total;

	if (length < 20 || ip[0] >> 4 != 4)
		return;
	header = (ip[0] & 15u) * 4;
	total = get16(ip + 2);
	if (header < 20 || total < header || total > length)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, fold(sum(ip, header)));
	if (get16(ip + 6) & 0x3fff) /* a fragment: more to come, or an offset */
		return;
	if (ip[9] == IPPROTO_UDP && total - header >= 8 && get16(ip + header + 6)) {
		uint32_t made;

		put16(ip + header + 6, 0);
		made = transport(ip, ip + header, total - header);
		put16(ip + header + 6, made ? made : 0xffff);
	} else if (ip[9] == IPPROTO_TCP && total - header >= 20) {
		put16(ip + header + 16, 0);
		put16(ip + header + 16, transport(ip, ip + header, total - header));
	}
}
