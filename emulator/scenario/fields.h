/*
 * The engine behind the strict loader: an object of the scenario is described
 * by a table of fields, and one function reads any object by its table. The
 * tables (tables.c) are the only list of what a scenario may say; a test holds
 * scenarios/schema.json and docs/scenario.md against them.
 */
#ifndef FLEET_FIELDS_H
#define FLEET_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/scenario/document.h"

/* A number that is not there and has no default. */
#define FIELD_ABSENT UINT64_MAX

enum field_type {
	/* stored as const char *, borrowed from the document; NULL: absent */
	FIELD_TEXT,
	/* stored as struct field_texts */
	FIELD_TEXTS,
	/* all these stored as uint64_t; FIELD_ABSENT: absent */
	FIELD_FLAG,     /* true, false */
	FIELD_COUNT,    /* integer */
	FIELD_SEED,     /* integer, or a decimal string from 2^53 on */
	FIELD_SPEED,    /* a number, to thousandths */
	FIELD_SCALE,    /* "1/30", to parts a million */
	FIELD_DURATION, /* "250ms", to microseconds */
	FIELD_RATE,     /* "1.536mbit" or "unlimited" (0), to bits a second */
	FIELD_SIZE,     /* "64kB", to bytes */
	FIELD_SHARE,    /* "0.5%", to parts a million */
	FIELD_ADDRESS,  /* "10.255.255.1", host byte order */
	FIELD_NETWORK,  /* "10.1.1.0/24": network << 8 | prefix length */
	FIELD_CHOICE,   /* one of some words: its index */
	/* stored as const cJSON *, borrowed; NULL: absent. Whoever knows what it has to be looks at it. */
	FIELD_VALUE,
	/* stored as the table's struct, in place */
	FIELD_OBJECT,
	/* stored as struct field_list of the table's structs */
	FIELD_LIST,
	/* the same from an object whose members have names of their own; the name is the node's `string` */
	FIELD_MEMBERS
};

struct field_texts {
	const char **items;
	uint32_t count;
};

struct field_list {
	void *items;
	uint32_t count;
};

struct field_table;

struct field {
	const char *name;
	enum field_type type;
	size_t offset;                   /* in the table's struct */
	uint64_t min, max;               /* of a number as stored, a text's bytes, a list's items; 0, 0: any */
	const char *fallback;            /* the default, as JSON; NULL: none */
	bool required;
	const char *const *choices;      /* FIELD_CHOICE: words, NULL ends them */
	const struct field_table *table; /* FIELD_OBJECT, FIELD_LIST, FIELD_MEMBERS */
};

/*
 * Every struct that a table describes begins with `const cJSON *node`: where it
 * stands in the document, NULL where the scenario does not have it.
 */
struct field_table {
	const char *name;                /* as in the schema's $defs and the documentation's headings */
	size_t size;                     /* of the struct */
	const struct field *fields;      /* ends with a NULL name */
	const char *shorthand;           /* field that a bare string in the object's place stands for; NULL: none */
};

/* Reads an object into target (zeroed, of table->size). Returns 0, -EINVAL, -ENOMEM with the error filled. */
int fields_read(struct document *document, const struct field_table *table, const cJSON *node, void *target);

#endif
