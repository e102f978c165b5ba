/*
 * The loader's tables, scenarios/schema.json and docs/scenario.md say the same:
 * each field of each table stands in both with the same default and the same
 * words, and neither has a field that no table has.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "emulator/scenario/fields.h"
#include "emulator/scenario/tables.h"
#include "tests/tap.h"

static char *read_all(const char *path)
{
	FILE *file = fopen(path, "re");
	static char text[1 << 20];

	ck_assert_msg(file != NULL, "%s cannot be opened", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static const cJSON *schema_object(const cJSON *schema, const struct field_table *table)
{
	const cJSON *defs = cJSON_GetObjectItemCaseSensitive(schema, "$defs");

	return table == &scenario_table ? schema : cJSON_GetObjectItemCaseSensitive(defs, table->name);
}

static bool listed(const cJSON *strings, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, strings) {
		if (strcmp(item->valuestring, text) == 0)
			return true;
	}
	return false;
}

static void compare_default(const struct field_table *table, const struct field *field, const cJSON *property)
{
	const cJSON *is = cJSON_GetObjectItemCaseSensitive(property, "default");
	cJSON *expected = field->fallback ? cJSON_Parse(field->fallback) : NULL;

	ck_assert_msg(!expected == !is, "%s.%s: default in one only", table->name, field->name);
	ck_assert_msg(!is || cJSON_Compare(is, expected, true), "%s.%s: defaults differ", table->name, field->name);
	cJSON_Delete(expected);
}

static void compare_range(const struct field_table *table, const struct field *field, const cJSON *property)
{
	static const struct {
		enum field_type type;
		const char *low, *high;
	} ranges[] = {
		{FIELD_COUNT, "minimum", "maximum"},
		{FIELD_LIST, "minItems", "maxItems"},
		{FIELD_TEXT, "minLength", "maxLength"},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (ranges[i].type != field->type)
			continue;
		const cJSON *low = cJSON_GetObjectItemCaseSensitive(property, ranges[i].low);
		const cJSON *high = cJSON_GetObjectItemCaseSensitive(property, ranges[i].high);
		if (strcmp(field->name, "phone") == 0)
			continue; /* its pattern gives the length */
		ck_assert_msg((low ? low->valuedouble : 0) == (double)field->min, "%s.%s: %s", table->name,
			      field->name, ranges[i].low);
		ck_assert_msg((high ? high->valuedouble : 0) == (double)field->max, "%s.%s: %s", table->name,
			      field->name, ranges[i].high);
	}
}

static void compare_words(const struct field_table *table, const struct field *field, const cJSON *property)
{
	const cJSON *words = cJSON_GetObjectItemCaseSensitive(property, "enum");
	int count = 0;

	if (field->type != FIELD_CHOICE)
		return;
	for (; field->choices[count]; count++)
		ck_assert_msg(listed(words, field->choices[count]), "%s.%s: \"%s\" is not in the schema", table->name,
			      field->name, field->choices[count]);
	ck_assert_msg(cJSON_GetArraySize(words) == count, "%s.%s: the schema has more words", table->name,
		      field->name);
}

START_TEST(schema_has_what_the_tables_have)
{
	const struct field_table *table = scenario_tables((size_t)_i);
	cJSON *schema = cJSON_Parse(read_all(SOURCE_ROOT "/scenarios/schema.json"));
	const cJSON *object = schema_object(schema, table), *property;
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(object, "properties");
	const cJSON *required = cJSON_GetObjectItemCaseSensitive(object, "required");
	int count = 0;

	ck_assert_msg(properties != NULL, "%s is not in the schema", table->name);
	ck_assert_msg(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(object, "additionalProperties")),
		      "%s: the schema takes fields that it does not name", table->name);
	for (const struct field *field = table->fields; field->name; field++, count++) {
		property = cJSON_GetObjectItemCaseSensitive(properties, field->name);
		ck_assert_msg(property != NULL, "%s.%s is not in the schema", table->name, field->name);
		ck_assert_msg(cJSON_GetObjectItemCaseSensitive(property, "description") != NULL,
			      "%s.%s has no description", table->name, field->name);
		ck_assert_msg(listed(required, field->name) == field->required, "%s.%s: required in one only",
			      table->name, field->name);
		compare_default(table, field, property);
		compare_range(table, field, property);
		compare_words(table, field, property);
	}
	ck_assert_msg(cJSON_GetArraySize(properties) == count, "%s: the schema has other fields too", table->name);
	cJSON_Delete(schema);
}
END_TEST

/* The row of a field, "| `name` | range | default | meaning |", in the section of its table. */
START_TEST(documentation_has_what_the_tables_have)
{
	const struct field_table *table = scenario_tables((size_t)_i);
	char *text = read_all(SOURCE_ROOT "/docs/scenario.md"), heading[64], row[256];

	snprintf(heading, sizeof(heading), "\n### %s\n", table->name);
	char *section = strstr(text, heading);
	ck_assert_msg(section != NULL, "%s has no heading", table->name);
	section += strlen(heading);
	char *end = strstr(section, "\n#"), *table_end = strstr(section, "|\n\n");
	ck_assert(end && table_end && table_end < end);
	table_end[1] = '\0';
	int rows = 0, fields = 0;
	for (char *at = section; (at = strstr(at, "\n| `")); at++)
		rows++;
	for (const struct field *field = table->fields; field->name; field++, fields++) {
		snprintf(row, sizeof(row), "\n| `%s` | ", field->name);
		char *line = strstr(section, row);
		ck_assert_msg(line != NULL, "%s.%s is not documented", table->name, field->name);
		char *feed = strchr(line + 1, '\n');
		size_t length = feed ? (size_t)(feed - line) : strlen(line);
		if (field->fallback)
			snprintf(row, sizeof(row), " | `%s` | ", field->fallback);
		else
			snprintf(row, sizeof(row), field->required ? " | required | " : " |  | ");
		ck_assert_msg(memmem(line, length, row, strlen(row)) != NULL, "%s.%s: default is not %s", table->name,
			      field->name, row);
	}
	ck_assert_msg(rows == fields, "%s: %d fields, %d documented", table->name, fields, rows);
}
END_TEST

START_TEST(schema_has_no_other_tables)
{
	cJSON *schema = cJSON_Parse(read_all(SOURCE_ROOT "/scenarios/schema.json"));
	size_t count = 0;

	while (scenario_tables(count))
		count++;
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(schema, "$defs")) + 1, (int)count);
	cJSON_Delete(schema);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scenario-tables");
	TCase *tcase = tcase_create("tables");
	int count = 0;

	while (scenario_tables((size_t)count))
		count++;
	tcase_add_loop_test(tcase, schema_has_what_the_tables_have, 0, count);
	tcase_add_loop_test(tcase, documentation_has_what_the_tables_have, 0, count);
	tcase_add_test(tcase, schema_has_no_other_tables);
	suite_add_tcase(suite, tcase);
	return tap_run(suite);
}
