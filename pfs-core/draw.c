/*
 * Draws and hashes. A draw is a hash of (seed, phone, purpose, attempt): there
 * is no generator whose state could differ between two worlds, and a draw more
 * in one place changes none in another phone.
 */
#include "pfs-core/core.h"

/* Finaliser of a 64-bit mixer: every input bit flips each output bit with probability one half. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return x;
}

uint64_t pfs_draw(uint64_t seed, uint32_t phone, uint32_t purpose, uint64_t attempt)
{
	uint64_t x = mix(seed + UINT64_C(0x9e3779b97f4a7c15));

	x = mix(x ^ ((uint64_t)phone << 32 | purpose));
	return mix(x ^ mix(attempt + UINT64_C(0x9e3779b97f4a7c15)));
}

/* The counter includes the boot: a phone that restarts does not repeat itself. */
uint64_t core_draw(struct pfs_phone *phone, uint32_t purpose)
{
	uint64_t attempt = phone->config.boot << 32 | phone->draws++;

	return pfs_draw(phone->config.seed, phone->config.phone, purpose, attempt);
}

uint64_t core_draw_below(struct pfs_phone *phone, uint32_t purpose, uint64_t bound)
{
	uint64_t draw = core_draw(phone, purpose) >> 32;

	/* 32 bits of draw times the bound, scaled down: bounds here are below 2^32. */
	return draw * bound >> 32;
}

/* FNV-1a, for identifiers that people see; nothing relies on its strength. */
uint32_t core_hash32(const void *bytes, size_t length, uint32_t basis)
{
	const uint8_t *byte = bytes;
	uint32_t hash = basis ? basis : UINT32_C(2166136261);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ byte[i]) * UINT32_C(16777619);
	return hash;
}

/*
 * How many times a share (of 2^32) must be halved to come from one, times
 * octave_us, at most PFS_OCTAVES: -log2(share / 2^32), linear within an
 * octave. Delays cut this way keep the gap between the first and the second of n
 * independent of n, which is what keeps broadcasts from growing with the fleet.
 */
uint64_t core_octaves(uint32_t share, uint64_t octave_us)
{
	uint32_t zeros, fraction;
	uint64_t octaves_us;

	if (share == 0)
		return PFS_OCTAVES * octave_us;
	zeros = (uint32_t)__builtin_clz(share);
	/* 1.fraction in [1, 2): log2 is close to fraction itself. */
	fraction = zeros == 31 ? 0 : share << (zeros + 1);
	octaves_us = (zeros + 1) * octave_us - ((octave_us * fraction) >> 32);
	if (octaves_us > PFS_OCTAVES * octave_us)
		octaves_us = PFS_OCTAVES * octave_us;
	return octaves_us;
}
