/*
 * See disk.h. A write to a file may stand still for as long as the kernel likes
 * (dirty pages, a slow disk): the thread that runs the fleet must not be in
 * it. Memory is bounded by the journal's size limit, since the journal puts no
 * more than that here.
 *
 * Where a write fails the file is cut back to the last whole piece, so that what
 * is in it can be read.
 */
#include "emulator/journal/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <urcu/uatomic.h>
#include <urcu/wfcqueue.h>

#define PIECE_BYTES (256u * 1024)

struct piece {
	struct cds_wfcq_node node;
	uint32_t blocks;
	size_t length, room;
	uint8_t bytes[];
};

struct journal_disk {
	struct cds_wfcq_head head;
	struct cds_wfcq_tail tail;
	sem_t waiting; /* pieces in the queue */
	pthread_t thread;
	bool begun, threaded;
	struct piece *filling;
	struct cds_wfcq_node end; /* queued last: stops the thread */
	int error;                /* written by the thread, read by both */
	/* the thread's alone until it has been joined */
	int file;
	uint64_t good; /* bytes of whole pieces */
	uint32_t blocks;
};

int journal_disk_open(const char *path, struct journal_disk **disk)
{
	struct journal_disk *opened = calloc(1, sizeof(*opened));

	*disk = NULL;
	if (!opened)
		return -ENOMEM;
	opened->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (opened->file < 0) {
		int error = -errno;

		free(opened);
		return error;
	}
	cds_wfcq_init(&opened->head, &opened->tail);
	sem_init(&opened->waiting, 0, 0);
	*disk = opened;
	return 0;
}

static int write_whole(int file, const uint8_t *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(file, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* At the end of what is whole; what was written of it before it failed goes. */
static int append(struct journal_disk *disk, const uint8_t *bytes, size_t length)
{
	int error = write_whole(disk->file, bytes, length);

	if (!error) {
		disk->good += length;
		return 0;
	}
	if (ftruncate(disk->file, (off_t)disk->good) == 0)
		lseek(disk->file, (off_t)disk->good, SEEK_SET);
	return error;
}

static void write_piece(struct journal_disk *disk, struct piece *piece)
{
	if (!disk->error) {
		int error = append(disk, piece->bytes, piece->length);

		if (error)
			uatomic_set(&disk->error, -error);
		else
			disk->blocks += piece->blocks;
	}
	free(piece);
}

static void *write_pieces(void *context)
{
	struct journal_disk *disk = context;

	for (;;) {
		while (sem_wait(&disk->waiting) < 0)
			;
		struct cds_wfcq_node *node = __cds_wfcq_dequeue_blocking(&disk->head, &disk->tail);

		if (node == &disk->end)
			return NULL;
		write_piece(disk, caa_container_of(node, struct piece, node));
	}
}

/* Signals are for the thread that runs the fleet. */
static void start_thread(struct journal_disk *disk)
{
	sigset_t all, before;

	if (disk->threaded || !disk->begun)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	disk->threaded = pthread_create(&disk->thread, NULL, write_pieces, disk) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void journal_disk_begin(struct journal_disk *disk)
{
	disk->begun = true;
}

static void hand_over(struct journal_disk *disk)
{
	struct piece *piece = disk->filling;

	disk->filling = NULL;
	if (!piece)
		return;
	start_thread(disk);
	if (!disk->threaded) {
		write_piece(disk, piece); /* too early, or no thread is to be had: then here */
		return;
	}
	cds_wfcq_enqueue(&disk->head, &disk->tail, &piece->node);
	sem_post(&disk->waiting);
}

void journal_disk_flush(struct journal_disk *disk)
{
	hand_over(disk);
}

static struct piece *piece_with_room(struct journal_disk *disk, size_t size)
{
	size_t room = size > PIECE_BYTES ? size : PIECE_BYTES;

	if (disk->filling && disk->filling->room - disk->filling->length < size)
		hand_over(disk);
	if (disk->filling)
		return disk->filling;
	disk->filling = malloc(sizeof(*disk->filling) + room);
	if (!disk->filling)
		return NULL;
	memset(disk->filling, 0, sizeof(*disk->filling));
	cds_wfcq_node_init(&disk->filling->node);
	disk->filling->room = room;
	return disk->filling;
}

int journal_disk_put(struct journal_disk *disk, const void *header, size_t header_size, const void *payload,
		     size_t payload_size)
{
	struct piece *piece = piece_with_room(disk, header_size + payload_size);

	if (!piece)
		return -ENOMEM;
	memcpy(piece->bytes + piece->length, header, header_size);
	if (payload_size)
		memcpy(piece->bytes + piece->length + header_size, payload, payload_size);
	piece->length += header_size + payload_size;
	piece->blocks++;
	return 0;
}

int journal_disk_error(const struct journal_disk *disk)
{
	return uatomic_read(&disk->error);
}

void journal_disk_drain(struct journal_disk *disk, uint64_t *bytes, uint32_t *blocks)
{
	hand_over(disk);
	if (disk->threaded) {
		cds_wfcq_node_init(&disk->end);
		cds_wfcq_enqueue(&disk->head, &disk->tail, &disk->end);
		sem_post(&disk->waiting);
		pthread_join(disk->thread, NULL);
		disk->threaded = false;
	}
	*bytes = disk->good;
	*blocks = disk->blocks;
}

int journal_disk_append(struct journal_disk *disk, const void *bytes, size_t size)
{
	return append(disk, bytes, size);
}

void journal_disk_close(struct journal_disk *disk)
{
	if (disk->file >= 0)
		close(disk->file);
	sem_destroy(&disk->waiting);
	free(disk);
}
