/* What the server of the search serves, and its patience: as the plan's server has it by default. */
#ifndef FLEET_SEARCH_SERVER_H
#define FLEET_SEARCH_SERVER_H

#include <stdint.h>

#include "pfs-core/pfs.h"

#define SEARCH_SERVER_TIMEOUT_US UINT64_C(2000000)
#define SEARCH_SERVER_TIMEOUT_MAX_US UINT64_C(16000000)
#define SEARCH_SERVER_RETRIES 12

uint64_t search_file_size(uint32_t file);
void search_file_name(uint32_t file, char name[PFS_NAME_MAX]);

#endif
