/* Values of a JSON file, checked as they are taken: an error names the file, the path and the value. */
#ifndef FLEET_PAGE_READ_H
#define FLEET_PAGE_READ_H

#include <cjson/cJSON.h>

#include "emulator/page/page.h"

/* One file. Errors stick: the first is kept, what is taken after it is zero. */
struct reader {
	char *path;              /* of the file */
	char *text;              /* kept: numbers of 64 bits are read from it */
	cJSON *json;
	struct page_error *error;
	int status;              /* 0, or the first error */
};

/* Where a value stands. json NULL: it is not there. */
struct at {
	struct reader *reader;
	const cJSON *json;
	char path[120];
};

/* Reads FOLDER/NAME. -ENOENT where it is not there, with nothing in the error. */
int read_open(const char *folder, const char *name, struct reader *reader, struct page_error *error);
void read_close(struct reader *reader);

/* Puts an error down: "FILE: PATH: VALUE: what". Only the first one stays. */
void read_fail(const struct at *at, int status, const char *what);

struct at read_root(struct reader *reader);
struct at read_member(const struct at *at, const char *name);
struct at read_item(const struct at *array, const cJSON *item, size_t index);

/*
 * Each puts an error down where the value is not what it is to be. Those that
 * end in _or take what stands in for a value that is not there or null.
 */
uint64_t read_count(const struct at *object, const char *name);
uint64_t read_count_or(const struct at *object, const char *name, uint64_t none);
double read_number_or(const struct at *object, const char *name, double none); /* seconds, fractions: 0 or more */
const char *read_string(const struct at *object, const char *name);
const char *read_string_or(const struct at *object, const char *name, const char *none);
bool read_bool_or(const struct at *object, const char *name, bool none);
/* An array: items, or NULL where there are none. */
const cJSON *read_array(const struct at *object, const char *name, struct at *array, size_t *count);

/* Row items of an array of arrays, without a path of their own. Fail with the row's. */
double read_cell(const struct at *row, int column, double least, double most, double none);
const char *read_cell_string(const struct at *row, int column); /* NULL: null, or not there */

#endif
