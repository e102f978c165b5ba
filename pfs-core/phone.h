/*
 * The state of one phone, laid out so that it can be copied, hashed and
 * compared: no pointer, no padding. Only pfs-core looks inside; everybody else
 * goes through pfs.h, and may rely on the struct's size and on the config.
 */
#ifndef PFS_CORE_PHONE_H
#define PFS_CORE_PHONE_H

struct pfs_phone {
	struct pfs_config config;
	uint64_t room[200];
};

#endif
