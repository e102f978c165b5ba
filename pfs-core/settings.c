/*
 * Whether a phone takes part: the setting's three places (F10), and the
 * firmware it runs now (CSCsh20977: PFS came with 8.3(1)).
 */
#include "pfs-core/core.h"

enum pfs_setting pfs_setting_resolve(enum pfs_setting phone, enum pfs_setting profile,
				     enum pfs_setting enterprise, enum pfs_origin *origin)
{
	if (phone != PFS_SETTING_UNSET) {
		*origin = PFS_ORIGIN_PHONE;
		return phone;
	}
	if (profile != PFS_SETTING_UNSET) {
		*origin = PFS_ORIGIN_PROFILE;
		return profile;
	}
	if (enterprise != PFS_SETTING_UNSET) {
		*origin = PFS_ORIGIN_ENTERPRISE;
		return enterprise;
	}
	*origin = PFS_ORIGIN_DEFAULT;
	return PFS_SETTING_DISABLED;
}

/* Up to five digits; the number must be there. */
static const char *number(const char *text, uint64_t *value)
{
	const char *start = text;

	*value = 0;
	while (*text >= '0' && *text <= '9' && text - start < 5)
		*value = *value * 10 + (uint64_t)(*text++ - '0');
	return text == start || *value > UINT16_MAX ? NULL : text;
}

/*
 * MAJOR.MINOR(MAINTENANCE)[SR[n][letter][-m]]: what follows the maintenance
 * number orders service releases. A bare SR counts as SR1; a letter, as in
 * 8.0(4)SR3A, and "-m" order rebuilds of it.
 */
int pfs_version_parse(const char *text, uint64_t *version)
{
	uint64_t major, minor, maintenance, release = 0, letter = 0, rebuild = 0;

	text = number(text, &major);
	if (!text || *text++ != '.')
		return -EINVAL;
	text = number(text, &minor);
	if (!text || *text++ != '(')
		return -EINVAL;
	text = number(text, &maintenance);
	if (!text || *text++ != ')')
		return -EINVAL;
	if (text[0] == 'S' && text[1] == 'R') {
		text += 2;
		release = 1;
		if (*text && (*text < 'A' || *text > 'Z') && !(text = number(text, &release)))
			return -EINVAL;
		if (*text >= 'A' && *text <= 'Z')
			letter = (uint64_t)(*text++ - 'A' + 1);
		if (*text == '-' && !(text = number(text + 1, &rebuild)))
			return -EINVAL;
	}
	if (*text || major > 255 || minor > 255 || release > 4095 || rebuild > 127)
		return -EINVAL;
	*version = major << 48 | minor << 40 | maintenance << 24 | release << 12 | letter << 7 | rebuild;
	return 0;
}

bool pfs_version_shares(uint64_t version)
{
	return version >= (UINT64_C(8) << 48 | UINT64_C(3) << 40 | UINT64_C(1) << 24);
}
