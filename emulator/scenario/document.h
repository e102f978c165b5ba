/*
 * A scenario's text as a document: comments taken out, parsed, and able to say
 * where a value stands when something is wrong with it.
 */
#ifndef FLEET_DOCUMENT_H
#define FLEET_DOCUMENT_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "emulator/scenario/scenario.h"

struct document_chunk;

struct document {
	const char *path;              /* shown in errors; borrowed */
	cJSON *root;
	struct document_chunk *chunks; /* memory that lives as long as the document */
	struct scenario_error *error;  /* where failures are written; borrowed */
};

/* Parses text. Returns 0, or -EINVAL or -ENOMEM with the error filled. Release with document_close(), always. */
int document_open(struct document *document, const char *path, const char *text, size_t length,
		  struct scenario_error *error);
void document_close(struct document *document);

/* Zeroed memory that document_close() releases, or NULL. */
void *document_alloc(struct document *document, size_t count, size_t size);

/*
 * Writes the error for a value of the document, or for the document as a whole
 * where node is NULL: "file: path: value: expected". Always returns -EINVAL.
 */
int document_fail(struct document *document, const cJSON *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a member that an object lacks: "file: path.name: missing: expected". */
int document_fail_missing(struct document *document, const cJSON *object, const char *name,
			  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Out of memory; always returns -ENOMEM. */
int document_fail_memory(struct document *document);

/* Member of an object by its exact name; the object itself where it has none, so that a failure still has a place. */
const cJSON *document_member(const cJSON *object, const char *name);

#endif
