/* The init of a real server's PID namespace; only real_server.c uses it. */
#ifndef FLEET_REAL_SERVER_INIT_H
#define FLEET_REAL_SERVER_INIT_H

#include <stdint.h>

enum real_server_stage {
	REAL_SERVER_READY,
	REAL_SERVER_MOUNT,
	REAL_SERVER_NETNS,
	REAL_SERVER_EXEC,
	REAL_SERVER_PROBE,
	REAL_SERVER_SILENT,
	REAL_SERVER_ENDED
};

/* One message of the init to its maker. */
struct real_server_report {
	int32_t stage;           /* enum real_server_stage */
	int32_t error;           /* positive errno */
	uint32_t receive_buffer; /* REAL_SERVER_READY: bytes, 0 unknown */
};

struct real_server_init {
	const char *path;        /* of the program */
	char *const *arguments;  /* NULL-terminated */
	int control;             /* the init's end of a socket pair */
	int netns, log;          /* descriptors */
	uint32_t address;        /* host byte order */
	uint32_t receive_buffer_bytes;
	uint32_t ready_timeout_ms;
	uint64_t descriptors;    /* limit that the server gets */
};

/* Runs in the child of clone(). System calls only. */
_Noreturn void real_server_init_run(const struct real_server_init *init);

#endif
