/*
 * The journal's way to the disk: bytes that the run's thread hands over in
 * large pieces, and a thread that writes them. The two meet only in a queue
 * that neither waits on for the other.
 */
#ifndef FLEET_JOURNAL_DISK_H
#define FLEET_JOURNAL_DISK_H

#include <stddef.h>
#include <stdint.h>

struct journal_disk;

/* Makes the file, which must not be there. Returns 0 or a negative errno. */
int journal_disk_open(const char *path, struct journal_disk **disk);

/*
 * From now on a thread writes, which is made with the first piece. Until then
 * the caller does: the netns world enters its user namespace first, which a
 * process with threads may not.
 */
void journal_disk_begin(struct journal_disk *disk);

/*
 * Appends one block; copied. Returns 0, or -ENOMEM: then nothing was
 * appended.
 */
int journal_disk_put(struct journal_disk *disk, const void *header, size_t header_size, const void *payload,
		     size_t payload_size);

/* What was put until now goes on its way, however little it is. */
void journal_disk_flush(struct journal_disk *disk);

/* 0, or the errno of the first failed write: whatever was put after what is in the file is dropped. */
int journal_disk_error(const struct journal_disk *disk);

/*
 * Waits until everything is written, and says what is in the file: whole
 * blocks, whatever failed. From then on the caller writes alone, see below.
 */
void journal_disk_drain(struct journal_disk *disk, uint64_t *bytes, uint32_t *blocks);

/* After a drain: writes at once, at the end of what is whole. Returns 0 or a negative errno. */
int journal_disk_append(struct journal_disk *disk, const void *bytes, size_t size);

void journal_disk_close(struct journal_disk *disk);

#endif
