/*
 * A small plan made by hand, for tests that feed a record with a synthetic
 * trace: one site, one subnet, three CP-7961G and one CP-7941G that take part,
 * one CP-7960G that does not; a set of two files.
 */
#ifndef TESTS_UNIT_RECORD_FIXTURE_H
#define TESTS_UNIT_RECORD_FIXTURE_H

#include "emulator/plan/plan.h"

enum { FIXTURE_INDEX, FIXTURE_JAR, FIXTURE_FILES };
enum { FIXTURE_ROOT, FIXTURE_CHILD, FIXTURE_LEAF, FIXTURE_OTHER_MODEL, FIXTURE_OLD, FIXTURE_PHONES };

#define FIXTURE_INDEX_BYTES 652u
#define FIXTURE_JAR_BYTES 100000u

struct record_fixture {
	struct plan plan;
	struct plan_model models[3];
	struct plan_firmware firmware[1];
	struct plan_site sites[1];
	struct plan_switch switches[1];
	struct plan_subnet subnets[1];
	struct plan_phone phones[FIXTURE_PHONES];
};

void record_fixture_init(struct record_fixture *fixture);

#endif
