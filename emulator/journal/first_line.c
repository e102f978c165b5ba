/*
 * A journal's first line, which is JSON, and its texts. The file is anybody's and what
 * it says of itself is shown on a terminal: control characters are refused, what
 * is no UTF-8 is shown as \xNN.
 */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "emulator/journal/reader.h"
#include "emulator/plan/printable.h"

bool journal_is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static bool get_text(const cJSON *line, const char *name, char *text, size_t size)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(line, name);

	return cJSON_IsString(member) && journal_is_clean(member->valuestring) &&
	       printable(member->valuestring, text, size);
}

static bool get_number(const cJSON *line, const char *name, double *number)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(line, name);

	*number = cJSON_IsNumber(member) ? member->valuedouble : -1;
	return *number >= 0 && *number < 9007199254740992.0; /* whole numbers are exact below 2^53 */
}

/* How the two cores' trace kinds correspond: by name. */
static bool get_kinds(const cJSON *line, struct journal_info *info)
{
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(line, "trace"), *name;
	uint8_t number = 0;

	memset(info->kinds, 0xff, sizeof(info->kinds));
	if (!cJSON_IsArray(names) || cJSON_GetArraySize(names) > JOURNAL_TRACE_BIT)
		return false;
	cJSON_ArrayForEach(name, names)
	{
		if (!cJSON_IsString(name) || !journal_is_clean(name->valuestring) ||
		    !printable(name->valuestring, info->kind_names[number],
				       sizeof(info->kind_names[number])))
			return false;
		for (int kind = 0; kind < PFS_TR_KINDS; kind++)
			if (strcmp(pfs_trace_name((enum pfs_trace_kind)kind), name->valuestring) == 0)
				info->kinds[kind] = number;
		number++;
	}
	return true;
}

int journal_take_line(const struct journal_reader *reader, struct journal_info *info, const char *text,
		      struct journal_error *error)
{
	cJSON *line = cJSON_Parse(text);
	char format[64];
	double origin_s;
	int result = 0;

	if (!line || !get_text(line, "format", format, sizeof(format)))
		result = journal_refuse(reader, 0, error,
					"is no journal: its first line was expected to be a JSON object with "
					"\"format\": \"%s\"",
					JOURNAL_FORMAT);
	else if (strcmp(format, JOURNAL_FORMAT) != 0)
		result = journal_refuse(reader, 0, error, "format \"%s\"; this program reads \"%s\"", format,
					JOURNAL_FORMAT);
	else if (!get_text(line, "scenario", info->scenario, sizeof(info->scenario)) ||
		 !get_text(line, "engine", info->engine, sizeof(info->engine)) ||
		 !get_text(line, "mode", info->mode, sizeof(info->mode)) ||
		 !get_text(line, "seed", info->seed, sizeof(info->seed)) ||
		 !get_number(line, "speed", &info->speed) || !get_number(line, "scale", &info->scale) ||
		 !get_number(line, "origin_s", &origin_s) || !get_kinds(line, info))
		result = journal_refuse(
			reader, 0, error,
			"the first line was expected to have scenario, engine, mode, seed, speed, scale, "
			"origin_s and trace, as docs/journal.md has them");
	else
		info->origin_s = (uint64_t)origin_s;
	cJSON_Delete(line);
	return result;
}
