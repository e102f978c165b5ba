/*
 * Reading an object by its table of fields. Strict: what the table does not
 * name is an error, and each error says what would have been right, worked out
 * from the same table row that the value is checked with.
 */
#include "emulator/scenario/fields.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/units.h"

#define INTEGER_EXACT_MAX 9007199254740992.0 /* 2^53: past it a double skips integers */
#define SEED_MAX 18446744073709551615.0

/* How values of a unit type are written; NULL units: not such a type. */
struct unit_type {
	const struct unit *units;
	const char *what;
};

static const struct unit_type unit_types[] = {
	[FIELD_DURATION] = {units_duration, "a duration in quotes, such as \"250ms\", \"10s\" or \"2h\""},
	[FIELD_RATE] = {units_rate, "a rate in quotes, such as \"1.536mbit\", or \"unlimited\""},
	[FIELD_SIZE] = {units_size, "a size in quotes, such as \"96kB\""},
	[FIELD_SHARE] = {units_share, "a share in quotes, such as \"0.5%\""},
	[FIELD_LIST] = {NULL, NULL},
};

static int read_value(struct document *document, const struct field *field, const cJSON *node, void *at);

static int check_range(struct document *document, const struct field *field, const cJSON *node,
		       uint64_t value, const struct unit *units)
{
	char low[32], high[32];

	if ((!field->min && !field->max) || (value >= field->min && value <= field->max))
		return 0;
	if (units) {
		units_format(field->min, units, low, sizeof(low));
		units_format(field->max, units, high, sizeof(high));
	} else {
		snprintf(low, sizeof(low), "%llu", (unsigned long long)field->min);
		snprintf(high, sizeof(high), "%llu", (unsigned long long)field->max);
	}
	return document_fail(document, node, "out of range, use %s to %s", low, high);
}

static int read_text(struct document *document, const struct field *field, const cJSON *node, const char **text)
{
	if (!cJSON_IsString(node))
		return document_fail(document, node, "must be a string");
	size_t length = strlen(node->valuestring);
	if (length < field->min || (field->max && length > field->max))
		return document_fail(document, node, "must be a string of %llu to %llu characters",
				     (unsigned long long)field->min, (unsigned long long)field->max);
	for (const char *c = node->valuestring; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return document_fail(document, node, "must be a string without control characters");
	}
	*text = node->valuestring;
	return 0;
}

static int read_texts(struct document *document, const struct field *field, const cJSON *node,
		      struct field_texts *texts)
{
	static const struct field item = {.type = FIELD_TEXT, .min = 1, .max = 63};
	const cJSON *child;
	uint32_t count = 0;

	if (!cJSON_IsArray(node))
		return document_fail(document, node, "must be a list of strings, [ \"...\" ]");
	uint32_t size = (uint32_t)cJSON_GetArraySize(node);
	if (size < field->min)
		return document_fail(document, node, "must not be empty");
	texts->items = document_alloc(document, size, sizeof(*texts->items));
	if (!texts->items)
		return document_fail_memory(document);
	cJSON_ArrayForEach(child, node) {
		int r = read_text(document, &item, child, &texts->items[count++]);
		if (r < 0)
			return r;
	}
	texts->count = count;
	return 0;
}

static int read_units(struct document *document, const struct field *field, const cJSON *node, uint64_t *value)
{
	const struct unit_type *type = &unit_types[field->type];
	char names[64], smallest[32];

	if (!cJSON_IsString(node))
		return document_fail(document, node, "must be %s", type->what);
	units_names(type->units, names, sizeof(names));
	units_format(1, type->units, smallest, sizeof(smallest));
	if (field->type == FIELD_RATE && strcmp(node->valuestring, "unlimited") == 0) {
		*value = 0;
		return 0;
	}
	switch (units_parse(node->valuestring, type->units, value)) {
	case UNITS_OK:
		return check_range(document, field, node, *value, type->units);
	case UNITS_MALFORMED:
		return document_fail(document, node, "must be %s", type->what);
	case UNITS_NO_UNIT:
		return document_fail(document, node, "lacks its unit, use %s", names);
	case UNITS_UNKNOWN:
		return document_fail(document, node, "unknown unit, use %s", names);
	case UNITS_TOO_FINE:
		return document_fail(document, node, "too fine, the smallest step is %s", smallest);
	case UNITS_TOO_LARGE:
		return document_fail(document, node, "too large");
	}
	return -EINVAL;
}

static int read_count(struct document *document, const struct field *field, const cJSON *node, uint64_t *value)
{
	double number = node->valuedouble;

	if (!cJSON_IsNumber(node) || !(number >= 0) || number > INTEGER_EXACT_MAX || number != floor(number))
		return document_fail(document, node, "must be a whole number, %llu to %llu",
				     (unsigned long long)field->min, (unsigned long long)field->max);
	*value = (uint64_t)number;
	return check_range(document, field, node, *value, NULL);
}

static int read_seed(struct document *document, const cJSON *node, uint64_t *value)
{
	static const char expected[] = "must be a whole number, 0 to 9007199254740991, or in quotes, "
				       "to 18446744073709551614";
	double number = node->valuedouble;

	if (cJSON_IsString(node)) {
		char *end;
		errno = 0;
		*value = strtoull(node->valuestring, &end, 10);
		if (node->valuestring[0] >= '0' && node->valuestring[0] <= '9' && !*end && !errno &&
		    *value != FIELD_ABSENT)
			return 0;
		return document_fail(document, node, "%s", expected);
	}
	if (!cJSON_IsNumber(node) || !(number >= 0) || number != floor(number) || number > SEED_MAX)
		return document_fail(document, node, "%s", expected);
	/* 2^53 itself too: 2^53 + 1 was made the same number by the time we see it. */
	if (number >= INTEGER_EXACT_MAX)
		return document_fail(document, node, "too large to be kept as a number, write the seed in quotes, "
						     "to 18446744073709551614");
	*value = (uint64_t)number;
	return 0;
}

static int read_speed(struct document *document, const struct field *field, const cJSON *node, uint64_t *value)
{
	double milli = node->valuedouble * 1000;

	if (!cJSON_IsNumber(node))
		return document_fail(document, node, "must be a number, such as 2 or 0.5");
	/* 0.001 times 1000 is not quite 1 in a double. */
	if (!(milli >= 0) || milli > INTEGER_EXACT_MAX / 1000 || fabs(milli - rint(milli)) > 1e-6)
		return document_fail(document, node, "must be a number of thousandths, such as 2 or 0.5");
	*value = (uint64_t)rint(milli);
	return check_range(document, field, node, *value, units_plain_milli);
}

static int read_scale(struct document *document, const cJSON *node, uint64_t *value)
{
	static const char expected[] = "must be a fraction in quotes, such as \"1/30\", or \"1\"";
	uint32_t ppm;

	if (!cJSON_IsString(node))
		return document_fail(document, node, "%s", expected);
	int r = units_parse_fraction(node->valuestring, &ppm);
	if (r == -ERANGE)
		return document_fail(document, node, "must be above 0 and at most 1, such as \"1/30\"");
	if (r < 0)
		return document_fail(document, node, "%s", expected);
	*value = ppm;
	return 0;
}

static int read_address(struct document *document, const cJSON *node, uint64_t *value)
{
	uint32_t address;

	if (!cJSON_IsString(node) || units_parse_address(node->valuestring, &address) < 0)
		return document_fail(document, node, "must be an IPv4 address in quotes, such as \"10.255.255.1\"");
	*value = address;
	return 0;
}

static int read_network(struct document *document, const struct field *field, const cJSON *node, uint64_t *value)
{
	uint32_t network, prefix;
	int r = cJSON_IsString(node) ? units_parse_network(node->valuestring, &network, &prefix) : -EINVAL;

	if (r == -ERANGE)
		return document_fail(document, node, "has host bits set, give the address of the network itself");
	if (r < 0)
		return document_fail(document, node, "must be an IPv4 network in quotes, such as \"10.1.1.0/24\"");
	if (prefix < field->min || prefix > field->max)
		return document_fail(document, node, "prefix length out of range, use /%llu to /%llu",
				     (unsigned long long)field->min, (unsigned long long)field->max);
	*value = (uint64_t)network << 8 | prefix;
	return 0;
}

static int read_choice(struct document *document, const struct field *field, const cJSON *node, uint64_t *value)
{
	char words[640] = "";
	size_t at = 0;

	for (uint64_t i = 0; field->choices[i]; i++) {
		if (cJSON_IsString(node) && strcmp(node->valuestring, field->choices[i]) == 0) {
			*value = i;
			return 0;
		}
		const char *between = !i ? "" : field->choices[i + 1] ? ", " : " or ";
		at += (size_t)snprintf(words + at, sizeof(words) - at, "%s\"%s\"", between, field->choices[i]);
		assert(at < sizeof(words));
	}
	return document_fail(document, node, "must be %s", words);
}

/* FIELD_LIST, and FIELD_MEMBERS, which differ in how they are written alone. */
static int read_list(struct document *document, const struct field *field, const cJSON *node,
		     struct field_list *list)
{
	const cJSON *child;
	uint32_t size, i = 0;

	if (field->type == FIELD_LIST && !cJSON_IsArray(node))
		return document_fail(document, node, "must be a list, [ { ... } ]");
	if (field->type == FIELD_MEMBERS && !cJSON_IsObject(node))
		return document_fail(document, node, "must be an object of objects, { \"...\": { ... } }");
	size = (uint32_t)cJSON_GetArraySize(node);
	if (size < field->min)
		return document_fail(document, node, "must not be empty");
	if (field->max && size > field->max)
		return document_fail(document, node, "has %u items, at most %llu are taken", size,
				     (unsigned long long)field->max);
	list->items = document_alloc(document, size ? size : 1, field->table->size);
	if (!list->items)
		return document_fail_memory(document);
	cJSON_ArrayForEach(child, node) {
		int r = fields_read(document, field->table, child,
				    (char *)list->items + field->table->size * i++);
		if (r < 0)
			return r;
	}
	list->count = size;
	return 0;
}

static int read_value(struct document *document, const struct field *field, const cJSON *node, void *at)
{
	uint64_t *number = at;

	switch (field->type) {
	case FIELD_TEXT:
		return read_text(document, field, node, at);
	case FIELD_TEXTS:
		return read_texts(document, field, node, at);
	case FIELD_FLAG:
		if (!cJSON_IsBool(node))
			return document_fail(document, node, "must be true or false");
		*number = cJSON_IsTrue(node);
		return 0;
	case FIELD_COUNT:
		return read_count(document, field, node, number);
	case FIELD_SEED:
		return read_seed(document, node, number);
	case FIELD_SPEED:
		return read_speed(document, field, node, number);
	case FIELD_SCALE:
		return read_scale(document, node, number);
	case FIELD_DURATION:
	case FIELD_RATE:
	case FIELD_SIZE:
	case FIELD_SHARE:
		return read_units(document, field, node, number);
	case FIELD_ADDRESS:
		return read_address(document, node, number);
	case FIELD_NETWORK:
		return read_network(document, field, node, number);
	case FIELD_CHOICE:
		return read_choice(document, field, node, number);
	case FIELD_OBJECT:
		return fields_read(document, field->table, node, at);
	case FIELD_VALUE:
		*(const cJSON **)at = node;
		return 0;
	case FIELD_LIST:
	case FIELD_MEMBERS:
		return read_list(document, field, node, at);
	}
	return -EINVAL;
}

/* What a field holds that the scenario does not give. */
static int apply_fallback(struct document *document, const struct field *field, void *at)
{
	if (field->type == FIELD_OBJECT)
		return fields_read(document, field->table, NULL, at);
	if (field->type == FIELD_TEXT || field->type == FIELD_TEXTS || field->type == FIELD_VALUE ||
	    field->type == FIELD_LIST || field->type == FIELD_MEMBERS) {
		assert(!field->fallback);
		return 0;
	}
	if (!field->fallback) {
		*(uint64_t *)at = FIELD_ABSENT;
		return 0;
	}
	cJSON *node = cJSON_Parse(field->fallback);
	if (!node)
		return document_fail_memory(document);
	int r = read_value(document, field, node, at);
	assert(r == 0);
	cJSON_Delete(node);
	return r;
}

static int fail_unknown(struct document *document, const struct field_table *table, const cJSON *node)
{
	char known[512] = "";
	size_t at = 0;

	for (const struct field *field = table->fields; field->name; field++) {
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", at ? ", " : "", field->name);
		assert(at < sizeof(known));
	}
	return document_fail(document, node, "unknown field, known here: %s", known);
}

static const struct field *find_field(const struct field_table *table, const char *name)
{
	for (const struct field *field = table->fields; field->name; field++) {
		if (strcmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}

int fields_read(struct document *document, const struct field_table *table, const cJSON *node, void *target)
{
	int r;

	*(const cJSON **)target = node;
	if (node && cJSON_IsString(node) && table->shorthand) {
		const struct field *field = find_field(table, table->shorthand);
		for (const struct field *other = table->fields; other->name; other++) {
			char *at = (char *)target + other->offset;
			r = other == field ? read_value(document, field, node, at)
					   : apply_fallback(document, other, at);
			if (r < 0)
				return r;
		}
		return 0;
	}
	if (node && !cJSON_IsObject(node))
		return document_fail(document, node, "must be an object, { ... }");
	for (const cJSON *child = node ? node->child : NULL; child; child = child->next) {
		if (!find_field(table, child->string))
			return fail_unknown(document, table, child);
	}
	for (const struct field *field = table->fields; field->name; field++) {
		const cJSON *child = node ? cJSON_GetObjectItemCaseSensitive(node, field->name) : NULL;
		char *at = (char *)target + field->offset;
		if (!child && field->required && node)
			return document_fail_missing(document, node, field->name, "required here");
		r = child ? read_value(document, field, child, at) : apply_fallback(document, field, at);
		if (r < 0)
			return r;
	}
	return 0;
}
