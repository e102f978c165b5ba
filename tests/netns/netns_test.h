/* What every test that makes namespaces needs. */
#ifndef TESTS_NETNS_NETNS_TEST_H
#define TESTS_NETNS_NETNS_TEST_H

#include <stdbool.h>
#include <stdint.h>

/* False after the TAP line that skips the program by name: namespaces are not allowed here. */
bool netns_test_allowed(void);

/* Whether an ordinary user may make them. */
bool netns_test_user_namespaces(void);

/* After a change of user: /proc/self belongs to the new one. */
void netns_test_dumpable(void);

/* Raises the limit of descriptors; negative errno where the hard limit is below. */
int netns_test_descriptors(uint32_t wanted);

#endif
