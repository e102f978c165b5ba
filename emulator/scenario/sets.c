/*
 * Models and the firmware set that each is upgraded to: by the table of models
 * (F9), by the scenario, or by a group of phones for itself. A set is made when
 * the first phone takes it and held once, however many models and groups do.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/scenario/build.h"
#include "emulator/scenario/firmware.h"
#include "emulator/scenario/models.h"

#define FOLDERS_MAX 64

static int check_set_name(struct build *build, const cJSON *node, const char *text)
{
	char names[400] = "";
	size_t at = 0;

	if (strncmp(text, FIRMWARE_FOLDER_PREFIX, strlen(FIRMWARE_FOLDER_PREFIX)) == 0) {
		if (!text[strlen(FIRMWARE_FOLDER_PREFIX)])
			return document_fail(build->document, node, "lacks the folder, as folder:PATH");
		if (build->plan->scale_ppm != 1000000)
			return document_fail(build->document, node,
					     "files of a folder are served whole, leave scale out or \"1\"");
		return 0;
	}
	if (firmware_find(text) >= 0)
		return 0;
	for (uint32_t i = 0; firmware_name(i); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s, ", firmware_name(i));
	return document_fail(build->document, node, "unknown firmware, use %sor folder:PATH", names);
}

static int add_model(struct build *build, const struct spec_model *spec)
{
	struct plan *plan = build->plan;
	struct plan_model *model = &plan->models[plan->model_count];
	char name[PLAN_NAME_MAX];
	int r = build_name(build, spec->node, "name", spec->name, name);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < plan->model_count; i++) {
		if (models_same(plan->models[i].name, name))
			return document_fail(build->document, document_member(spec->node, "name"),
					     "this model is known already, as %s", plan->models[i].name);
	}
	const cJSON *node = document_member(spec->node, "firmware");
	r = check_set_name(build, node, spec->firmware);
	if (r < 0)
		return r;
	memcpy(model->name, name, sizeof(model->name)); /* the field's range keeps it shorter */
	model->port_bps = spec->port_rate;
	model->shares = spec->pfs;
	build->models[plan->model_count++] = (struct build_model){spec->firmware, node, -1};
	return 0;
}

static int choose_firmware(struct build *build, const struct spec_firmware *spec, bool *chosen)
{
	const cJSON *list = document_member(spec->node, "models"), *set = document_member(spec->node, "set");
	int r = check_set_name(build, set, spec->set);

	for (uint32_t i = 0; r == 0 && i < spec->models.count; i++) {
		const cJSON *node = cJSON_GetArrayItem(list, (int)i);
		int32_t model = -1;
		r = build_find_model(build, node, spec->models.items[i], &model);
		if (r == 0 && chosen[model])
			r = document_fail(build->document, node, "firmware has this model twice");
		if (r < 0)
			break;
		chosen[model] = true;
		build->models[model] = (struct build_model){spec->set, set, -1};
	}
	return r;
}

/* Every set by name, and a folder for each row that may name one. */
static int make_room(struct build *build)
{
	uint32_t sets = 0;

	while (firmware_name(sets))
		sets++;
	build->firmware_room = sets + FOLDERS_MAX;
	build->plan->firmware = calloc(build->firmware_room, sizeof(*build->plan->firmware));
	build->firmware_written =
		document_alloc(build->document, build->firmware_room, sizeof(*build->firmware_written));
	return build->plan->firmware && build->firmware_written ? 0 : document_fail_memory(build->document);
}

int build_models(struct build *build)
{
	const struct spec_scenario *spec = build->spec;
	const struct spec_model *models = spec->models.items;
	const struct spec_firmware *firmware = spec->firmware.items;
	struct plan *plan = build->plan;
	uint32_t count = models_known_count + spec->models.count;
	bool *chosen = document_alloc(build->document, count, sizeof(*chosen));

	plan->models = calloc(count, sizeof(*plan->models));
	build->models = document_alloc(build->document, count, sizeof(*build->models));
	if (!plan->models || !build->models || !chosen)
		return document_fail_memory(build->document);
	for (; plan->model_count < models_known_count; plan->model_count++) {
		const struct plan_model *known = &models_known[plan->model_count];
		plan->models[plan->model_count] = *known;
		build->models[plan->model_count] = (struct build_model){known->firmware, NULL, -1};
	}
	for (uint32_t i = 0; i < spec->models.count; i++) {
		int r = add_model(build, &models[i]);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < spec->firmware.count; i++) {
		int r = choose_firmware(build, &firmware[i], chosen);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < plan->model_count; i++) {
		/* A folder's name is known when it is read; until then what is written stands here. */
		memset(plan->models[i].firmware, 0, PLAN_NAME_MAX);
		strncpy(plan->models[i].firmware, build->models[i].firmware, PLAN_NAME_MAX - 1);
	}
	return make_room(build);
}

int build_find_model(struct build *build, const cJSON *node, const char *text, int32_t *model)
{
	char names[400] = "";
	size_t at = 0;

	*model = models_find(build->plan->models, build->plan->model_count, text);
	if (*model >= 0)
		return 0;
	for (uint32_t i = 0; i < build->plan->model_count && at < sizeof(names); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "",
				       build->plan->models[i].name);
	return document_fail(build->document, node, "unknown model, known are %s", names);
}

/* One server serves all sets: a name may stand for one content only. */
static int check_clash(struct build *build, const cJSON *node, const struct plan_firmware *fresh)
{
	for (uint32_t i = 0; i < build->plan->firmware_count; i++) {
		const struct plan_firmware *other = &build->plan->firmware[i];
		for (uint32_t a = 0; a < fresh->file_count; a++) {
			for (uint32_t b = 0; b < other->file_count; b++) {
				const struct pfs_file *x = &fresh->files[a], *y = &other->files[b];
				if (strcmp(x->name, y->name) == 0 && (x->size != y->size || x->digest != y->digest))
					return document_fail(build->document, node,
							     "%s is another file in %s, and one server serves both",
							     x->name, other->folder ? other->folder : other->name);
			}
		}
	}
	return 0;
}

int build_folder_path(const struct plan *plan, const char *text, char *path, size_t size)
{
	const char *folder = text + strlen(FIRMWARE_FOLDER_PREFIX), *slash = strrchr(plan->path, '/');
	int length = *folder == '/' || !slash
			     ? snprintf(path, size, "%s", folder)
			     : snprintf(path, size, "%.*s/%s", (int)(slash - plan->path), plan->path, folder);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

static int make_firmware(struct build *build, const cJSON *node, const char *text, struct plan_firmware *firmware)
{
	const struct plan *plan = build->plan;
	char why[256], path[PATH_MAX];
	int32_t set = firmware_find(text);

	if (set >= 0)
		return firmware_make((uint32_t)set, plan->seed, plan->scale_ppm, firmware) < 0
			       ? document_fail_memory(build->document) : 0;
	if (build_folder_path(plan, text, path, sizeof(path)) < 0)
		return document_fail(build->document, node, "the path is too long");
	int r = firmware_read_folder(path, firmware, why, sizeof(why));
	if (r == -ENOMEM)
		return document_fail_memory(build->document);
	return r < 0 ? document_fail(build->document, node, "%s", why) : 0;
}

static int find_firmware(struct build *build, const cJSON *node, const char *text, int32_t *index)
{
	struct plan *plan = build->plan;
	int r = check_set_name(build, node, text);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < plan->firmware_count; i++) {
		if (strcmp(build->firmware_written[i], text) == 0) {
			*index = (int32_t)i;
			return 0;
		}
	}
	if (plan->firmware_count == build->firmware_room)
		return document_fail(build->document, node, "more than %u firmware sets", build->firmware_room);
	struct plan_firmware fresh;
	r = make_firmware(build, node, text, &fresh);
	if (r < 0)
		return r;
	r = check_clash(build, node, &fresh);
	/* The plan owns it from here on, good or not. */
	*index = (int32_t)plan->firmware_count++;
	plan->firmware[*index] = fresh;
	build->firmware_written[*index] = text;
	return r;
}

int build_group_firmware(struct build *build, const struct spec_group *group, int32_t model, int32_t *index)
{
	struct build_model *known = &build->models[model];

	if (group->firmware)
		return find_firmware(build, document_member(group->node, "firmware"), group->firmware, index);
	if (known->index < 0) {
		int r = find_firmware(build, known->node ? known->node : group->node, known->firmware,
					    &known->index);
		if (r < 0)
			return r;
		memcpy(build->plan->models[model].firmware, build->plan->firmware[known->index].name, PLAN_NAME_MAX);
	}
	*index = known->index;
	return 0;
}
