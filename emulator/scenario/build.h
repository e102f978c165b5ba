/*
 * From what a scenario says to the plan: whether the parts fit together, and
 * everything worked out that they imply. Inside of the scenario part only.
 */
#ifndef FLEET_BUILD_H
#define FLEET_BUILD_H

#include "emulator/plan/plan.h"
#include "emulator/scenario/tables.h"

/* What is known of a model while the plan is made; stands beside plan->models. */
struct build_model {
	const char *firmware;      /* set or folder, as written */
	const cJSON *node;         /* where that is written; NULL: built in */
	int32_t index;             /* in plan->firmware, -1: not made yet */
};

struct build {
	struct document *document;
	const struct spec_scenario *spec;
	struct plan *plan;
	struct build_model *models;
	const char **switch_names; /* beside plan->switches */
	const char **firmware_written; /* beside plan->firmware: as written */
	uint32_t firmware_room;
};

/* Each returns 0, -EINVAL or -ENOMEM with the document's error filled. They are called in this order. */
int build_models(struct build *build);
int build_profiles(struct build *build);
int build_sites(struct build *build);    /* sites, subnets, switches */
int build_phones(struct build *build);
int build_bulk(struct build *build);
int build_settings(struct build *build); /* F10, and who takes part */
int build_headquarters(struct build *build); /* server, TFTP client, log server */
int build_resets(struct build *build);
int build_what_if(struct build *build);  /* after the settings: a chain has no more phones than levels */
int build_faults(struct build *build);
int build_expect(struct build *build);
int build_gates(struct build *build);

/* fault_measures.c: how strong a fault is, by the fields that its kind has. */
int build_fault_measure(struct build *build, const struct spec_fault *spec, struct plan_fault *fault);
/* True where it befalls a phone's connection to its parent. */
bool build_fault_hits_connection(const struct plan_fault *fault);

/* fault_draw.c: adds it to the plan, once or for each phone of a share, with what is drawn from the seed. */
int build_fault_add(struct build *build, const struct spec_fault *spec, const struct plan_fault *fault);

/* Parts that several of them need. */
int build_name(struct build *build, const cJSON *node, const char *field, const char *name, char *to);
int build_find_model(struct build *build, const cJSON *node, const char *text, int32_t *model);
/* The set of a group's phones: its own or its model's; made where nobody took it before. */
int build_group_firmware(struct build *build, const struct spec_group *group, int32_t model, int32_t *index);
int build_find_profile(struct build *build, const cJSON *node, const char *text, int16_t *profile);
/* The path that "folder:PATH" means, which is beside the scenario where it is relative. Returns 0 or -ENAMETOOLONG. */
int build_folder_path(const struct plan *plan, const char *text, char *path, size_t size);
/* The phone of that name; text NULL: -1. */
int build_find_phone(struct build *build, const cJSON *node, const char *field, const char *text, int32_t *phone);
/* Resolve "site" and "subnet" of an object; texts may be NULL, which leaves -1. */
int build_find_place(struct build *build, const cJSON *node, const char *site_text, const char *subnet_text,
		     int32_t *site, int32_t *subnet);
/* One direction of a link from what the wan object says, over what `link` holds already (given: all its fields). */
int build_links(struct build *build, const struct spec_wan *wan, bool given, struct link_config *down,
		struct link_config *up);

#endif
