/*
 * The journal's reader, and the replay behind it, on damaged journals: whatever a
 * file holds, it is refused with a line or replayed, never read out of bounds,
 * never leaked, and never brings the core to one of its assertions. Half of the
 * rounds set every checksum right again, so that the damage gets past them.
 *
 * Deterministic: a round is its number. Arguments: the first round and how many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/journal/journal_tools.h"
#include "tests/sim/sim_fleet.h"

#define SIZE_MAX_BYTES (4u << 20)
#define SECOND UINT64_C(1000000)

static uint64_t draw(uint64_t round, uint64_t number)
{
	return pfs_draw(0x6a6f75726e616cu, (uint32_t)round, (uint32_t)(round >> 32), number);
}

/* A few phones, one of which boots twice; both kinds of run, frames, claims, a loss. */
static size_t make_original(uint8_t *bytes)
{
	struct plan_fault fault = sim_fleet_fault(PLAN_FAULT_CRASH, PLAN_ROLE_PARENT, PLAN_PHASE_SERVING, 0);
	char path[] = "/tmp/pfs-journal-fuzz-XXXXXX";
	struct sim_fleet_spec spec = { .phones = 4,
				       .seed = 2,
				       .sizes = { 0, 40000 },
				       .journal = path,
				       .faults = &fault,
				       .fault_count = 1 };
	struct sim_fleet fleet;
	size_t size = 0;
	FILE *file;

	fault.duration_us = 3 * SECOND;
	close(mkstemp(path));
	unlink(path);
	sim_fleet_run(&spec, &fleet);
	sim_fleet_done(&fleet);
	file = fopen(path, "rbe");
	if (file) {
		size = fread(bytes, 1, SIZE_MAX_BYTES, file);
		fclose(file);
	}
	unlink(path);
	return size;
}

static size_t damage(uint8_t *bytes, size_t size, uint64_t round)
{
	uint64_t count = 1 + draw(round, 0) % 4;

	for (uint64_t i = 0; i < count && size > 1; i++) {
		size_t at = draw(round, 10 * i + 1) % size, from = draw(round, 10 * i + 2) % size;
		size_t length = 1 + draw(round, 10 * i + 3) % 60;

		switch (draw(round, 10 * i + 4) % 8) {
		case 0:
			size = at;
			break;
		case 1: /* a piece from elsewhere */
			if (at + length <= size && from + length <= size)
				memmove(bytes + at, bytes + from, length);
			break;
		case 2:
			if (at + length <= size)
				memset(bytes + at, draw(round, 10 * i + 5) % 2 ? 0xff : 0, length);
			break;
		case 3: /* taken out */
			if (at + length < size) {
				memmove(bytes + at, bytes + at + length, size - at - length);
				size -= length;
			}
			break;
		default:
			bytes[at] = (uint8_t)draw(round, 10 * i + 5);
		}
	}
	return size;
}

enum { REFUSED, BAD, DIFFERS, SAME, WITHOUT_A_LINE, ENDS };

static int look(const char *path)
{
	struct replay_options plain = { 0 };
	struct journal_reader *reader;
	struct journal_error error;
	int end = SAME;

	if (journal_open(path, false, &reader, &error) < 0)
		return !reader && error.line[0] && !strchr(error.line, '\n') ? REFUSED : WITHOUT_A_LINE;
	for (uint32_t i = 0; i < journal_info(reader)->phone_count; i++) {
		struct replay_result result;

		error.line[0] = '\0';
		if (replay_phone(reader, i, &plain, &result, &error) < 0)
			end = error.line[0] && !strchr(error.line, '\n') ? BAD : WITHOUT_A_LINE;
		else if (result.differs && end == SAME)
			end = result.difference.expected[0] && result.difference.seen[0] ? DIFFERS
											 : WITHOUT_A_LINE;
	}
	journal_reader_free(reader);
	return end;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 0,
		 rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000;
	uint8_t *original = malloc(SIZE_MAX_BYTES), *bytes = malloc(SIZE_MAX_BYTES);
	int file = memfd_create("journal", MFD_CLOEXEC);
	uint64_t ends[ENDS] = { 0 };
	char path[64];
	size_t whole;

	if (!original || !bytes || file < 0 || (whole = make_original(original)) == 0)
		return 2;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	printf("1..1\n");
	for (uint64_t round = first; round < first + rounds; round++) {
		memcpy(bytes, original, whole);
		size_t size = damage(bytes, whole, round);
		if (round % 2)
			journal_mend(bytes, size);
		if (ftruncate(file, 0) || pwrite(file, bytes, size, 0) != (ssize_t)size)
			return 2;
		int end = look(path);
		ends[end]++;
		if (end == WITHOUT_A_LINE) {
			printf("not ok 1 - round %llu: refused without a line\n", (unsigned long long)round);
			return 1;
		}
	}
	/* All ways are gone, else the damage is not of the right kind. */
	bool all = rounds < 5000 || (ends[REFUSED] > rounds / 4 && ends[BAD] > rounds / 50 &&
				     ends[DIFFERS] > rounds / 50 && ends[SAME] > 0);
	printf("%s 1 - %llu refused at once, %llu in a record, %llu differ, %llu the same\n",
	       all ? "ok" : "not ok", (unsigned long long)ends[REFUSED], (unsigned long long)ends[BAD],
	       (unsigned long long)ends[DIFFERS], (unsigned long long)ends[SAME]);
	close(file);
	free(original);
	free(bytes);
	return all ? 0 : 1;
}
