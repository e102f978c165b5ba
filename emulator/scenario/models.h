/*
 * The models of phone that the emulation knows by itself (F9), and how a
 * scenario may name them.
 */
#ifndef FLEET_MODELS_H
#define FLEET_MODELS_H

#include <stdint.h>

#include "emulator/plan/plan.h"

/* The built-in models and their number. */
extern const struct plan_model models_known[];
extern const uint32_t models_known_count;

/* True where both name one model, in full or short. */
bool models_same(const char *a, const char *b);

/*
 * Index of the model that `text` names, in full ("CP-7961G-GE") or short
 * ("7961G-GE", "7961-GE"; "7971" where only a -GE model has that number), or -1.
 */
int32_t models_find(const struct plan_model *models, uint32_t count, const char *text);

#endif
