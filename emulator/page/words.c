/* The words of a report. Codes that the program uses are said as a person would. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "emulator/page/view.h"

struct word {
	const char *code, *says; /* a code that is not here says itself */
};

static const struct word reasons[] = {
	/* why a phone failed */
	{ "server-not-found", "the server has no such file" },
	{ "server-denied", "the server refused the file" },
	{ "server-silent", "the server did not answer" },
	{ "server-busy", "the server was busy for too long" },
	{ "unfinished", "not done when the run ended" },
	{ "gone", "taken out for good by a fault" },
	/* why it went to the server without being root */
	{ "port-closed", "its peer port could not be opened" },
	{ "peers-exhausted", "election after election brought no file" },
	/* why it takes no part */
	{ "disabled", "peer firmware sharing is disabled" },
	{ "model", "its model cannot share" },
	{ "old-firmware", "its firmware is too old to share" },
	{ "traditional", "it is upgraded in the traditional way" },
	/* why a peer was given up */
	{ "reset", "the connection was reset or could not be made" },
	{ "closed", "the connection was closed without a word" },
	{ "silent", "nothing was heard from it any more" },
	{ "stalled", "it made no progress" },
	{ "damaged", "what it sent was damaged" },
	{ "protocol", "it broke the protocol" },
	{ "refused", "it would not have the phone" },
	{ "cycle", "the phone would have been its own ancestor" },
	{ "failed", "its root could not get the file" },
	{ "bad", "the digest was not the manifest's" },

	/* what a server says, or does not */
	{ "not defined", "ERROR 0: the server was at its limit, or would not say why" },
	{ "silence", "the server did not answer" },
	{ "port unreachable", "nobody listened at the server" },
	{ "wrong size", "the file had another length than it should" },
};

/* An incident among others of its kind, and what one phone did. */
static const struct word kinds[] = {
	{ "started", "A phone started again" },
	{ "port-closed", "The peer port could not be opened" },
	{ "verified", "A file arrived damaged" },
	{ "confirmed", "Another phone became root of a hierarchy that had one" },
	{ "tftp-begun", "A phone went to the server without being root" },
	{ "failed", "A phone gave up" },
	{ "root-gave-up", "A root gave way to a stronger one" },
	{ "election-again", "An election was held again" },
	{ "parent-lost", "A phone lost its parent" },
	{ "child-lost", "A parent lost a child" },
	{ "tftp-error", "A download from the server ended in an error" },
};
static const struct word deeds[] = {
	{ "started", "started again" },
	{ "port-closed", "could not open its peer port" },
	{ "verified", "got a damaged file" },
	{ "confirmed", "became root of a hierarchy that had one" },
	{ "tftp-begun", "went to the server without being root" },
	{ "failed", "gave up" },
	{ "root-gave-up", "gave way to a stronger root" },
	{ "election-again", "held an election again" },
	{ "parent-lost", "lost its parent" },
	{ "child-lost", "lost a child" },
	{ "tftp-error", "had a download end in an error" },
};

static const char *say(const struct word *words, size_t count, const char *code)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i].code, code) == 0)
			return words[i].says;
	return code;
}

const char *page_why(const char *reason)
{
	return reason ? say(reasons, sizeof(reasons) / sizeof(reasons[0]), reason) : "";
}

const char *page_happened(const char *kind)
{
	return say(kinds, sizeof(kinds) / sizeof(kinds[0]), kind);
}

const char *page_did(const char *kind)
{
	return say(deeds, sizeof(deeds) / sizeof(deeds[0]), kind);
}

struct report_text page_duration(double seconds)
{
	return report_duration(seconds < 0 ? PFS_TIME_NEVER : (uint64_t)llround(seconds * 1e6));
}

struct report_text page_moment(double seconds)
{
	struct report_text out = { "-" };
	uint64_t ms = seconds < 0 ? 0 : (uint64_t)llround(seconds * 1e3);

	if (seconds < 0)
		return out;
	if (ms < 60000)
		snprintf(out.text, sizeof(out.text), "%" PRIu64 ".%03" PRIu64 " s", ms / 1000, ms % 1000);
	else if (ms < 3600000)
		snprintf(out.text, sizeof(out.text), "%" PRIu64 ":%02" PRIu64 ".%03" PRIu64 " min", ms / 60000,
			 ms / 1000 % 60, ms % 1000);
	else
		return page_duration(seconds);
	return out;
}

struct report_text page_rate(uint64_t bits_per_second)
{
	struct report_text out;

	if (bits_per_second)
		plot_value(PLOT_BITS_PER_SECOND, (double)bits_per_second, out.text, sizeof(out.text));
	else
		snprintf(out.text, sizeof(out.text), "not limited");
	return out;
}

struct report_text page_percent(double fraction)
{
	struct report_text out;

	snprintf(out.text, sizeof(out.text), "%.1f %%", 100 * fraction);
	return out;
}

struct report_text page_ratio(double one, double other)
{
	struct report_text out = { "-" };

	if (one >= 0 && other > 0)
		snprintf(out.text, sizeof(out.text), "%.3f", one / other);
	return out;
}

const char *page_short_path(const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length && path[length - 1] != '/')
		length--;
	return path[length] ? path + length : path;
}

const char *page_mode_name(const struct page_run *run)
{
	return run->traditional ? "traditional" : "PFS";
}

const char *page_phone_name(const struct page_folder *folder, uint32_t phone)
{
	return folder->phones[phone].name;
}

const char *page_source(const struct page_folder *folder, int32_t from)
{
	if (from == PAGE_FROM_SERVER)
		return "the server";
	return from < 0 ? "a stranger" : page_phone_name(folder, (uint32_t)from);
}

const char *page_file_name(const struct page_folder *folder, uint32_t phone, int32_t file)
{
	const struct page_firmware *firmware = &folder->firmware[folder->phones[phone].firmware];

	return file < 0 || (size_t)file >= firmware->file_count ? NULL : firmware->files[file];
}

const struct page_run *page_best(const struct page_folder *folder, enum page_mode mode)
{
	return folder->has_full && folder->full[mode].there ? &folder->full[mode] : &folder->runs[mode];
}

bool page_is_reduced(const struct page_folder *folder)
{
	return folder->scale < 1 || (folder->speed > 1 && strcmp(folder->engine, "netns") == 0);
}

const char *page_best_note(const struct page_folder *folder)
{
	return folder->has_full ? ", at full size in virtual time" : "";
}

struct page_note page_what_if_note(const struct view *view)
{
	struct page_note out = { "" };
	size_t length = 0;

	for (size_t i = 0; i < view->count && length < sizeof(out.text); i++)
		if (*view->folders[i]->what_if)
			length += (size_t)snprintf(out.text + length, sizeof(out.text) - length, ", %s%s%s", view->labels[i],
						   *view->labels[i] ? " " : "", view->folders[i]->what_if);
	return out;
}
