/*
 * A case as a sequence diagram, out of its trace: who said what to whom, when.
 * Two renderings of one list: Mermaid, for a page, and plain text, for a
 * terminal. What repeats without news (a claim's Ads, retransmissions) is
 * left out; a long case is cut to its end, where the invariant breaks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/races/races.h"

#define LINES_MAX 400  /* a diagram that nobody reads explains nothing */
#define EVERYBODY (-1) /* to: a broadcast */
#define SERVER (-2)
#define NOTE (-3) /* to: the phone says it to itself; from NOTE: of no phone */

struct line {
	uint64_t at_us;
	int64_t from, to;
	char text[176];
};

struct sequence {
	struct line *lines;
	uint32_t count, size;
	uint32_t phones;
	char (*names)[20];
	bool failed;
};

static struct line *add(struct sequence *sequence, uint64_t at_us, int64_t from, int64_t to)
{
	if (sequence->count == sequence->size) {
		uint32_t size = sequence->size ? sequence->size * 2 : 256;
		struct line *lines = realloc(sequence->lines, size * sizeof(*lines));
		if (!lines) {
			sequence->failed = true;
			return NULL;
		}
		sequence->lines = lines;
		sequence->size = size;
	}
	struct line *line = &sequence->lines[sequence->count++];
	*line = (struct line){ .at_us = at_us, .from = from, .to = to };
	return line;
}

__attribute__((format(printf, 5, 6))) static void say(struct sequence *sequence, uint64_t at_us, int64_t from,
						      int64_t to, const char *format, ...)
{
	struct line *line = add(sequence, at_us, from, to);
	va_list arguments;

	if (!line)
		return;
	va_start(arguments, format);
	vsnprintf(line->text, sizeof(line->text), format, arguments);
	va_end(arguments);
}

static bool learn_names(struct sequence *sequence, const struct plan *plan)
{
	if (sequence->names)
		return true;
	sequence->names = calloc((size_t)plan->phone_count + 1, sizeof(*sequence->names));
	sequence->failed |= !sequence->names;
	for (uint32_t i = 0; sequence->names && i < plan->phone_count; i++)
		memcpy(sequence->names[i], plan->phones[i].name, sizeof(*sequence->names));
	sequence->phones = plan->phone_count;
	return sequence->names != NULL;
}

static const char *loss(uint32_t number)
{
	const char *name = pfs_loss_name((enum pfs_loss)number);

	return name ? name : "?";
}

static void tap(void *context, const struct plan *plan, uint32_t phone, uint64_t now_us,
		const struct pfs_trace *trace)
{
	struct sequence *sequence = context;
	uint32_t subnet = plan->phones[phone].subnet;
	int64_t peer = trace->address ? plan_phone_at(plan, subnet, trace->address) : NOTE, self = phone;
	unsigned file = trace->file;

	if (!learn_names(sequence, plan))
		return;
	if (peer < 0)
		peer = NOTE;
	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
		say(sequence, now_us, self, NOTE, "starts, boot %" PRIu64, trace->c);
		break;
	case PFS_TR_CLAIM:
		if (trace->a == 0)
			say(sequence, now_us, self, EVERYBODY, "CLAIM file %u, strength %08" PRIx64, file,
			    trace->c);
		break;
	case PFS_TR_YIELDED:
		say(sequence, now_us, self, NOTE, "yields: file %u", file);
		break;
	case PFS_TR_CONFIRMED:
		say(sequence, now_us, self, NOTE, "confirmed root of file %u", file);
		break;
	case PFS_TR_ROOT_GAVE_UP:
		say(sequence, now_us, self, NOTE, "gives up as root of file %u", file);
		break;
	case PFS_TR_ANSWER:
		say(sequence, now_us, self, EVERYBODY, "ANSWER file %u", file);
		break;
	case PFS_TR_XFRCMD:
		say(sequence, now_us, self, NOTE, "ROOT_WAITING over, XFRCMD file %u", file);
		break;
	case PFS_TR_JOINING:
		say(sequence, now_us, self, peer, "JOIN file %u", file);
		break;
	case PFS_TR_JOINED:
		say(sequence, now_us, peer, self, "ACCEPT file %u, level %u", file, trace->a);
		break;
	case PFS_TR_REDIRECTED:
		say(sequence, now_us, self, peer, "REDIRECT file %u", file);
		break;
	case PFS_TR_REFUSED:
		say(sequence, now_us, self, peer, "REFUSE file %u, reason %u", file, trace->a);
		break;
	case PFS_TR_CHILD_DONE:
		say(sequence, now_us, peer, self, "%s file %u", trace->a ? "DONE" : "BAD", file);
		break;
	case PFS_TR_CHILD_LOST:
		say(sequence, now_us, self, NOTE, "loses a child of file %u: %s", file, loss(trace->a));
		break;
	case PFS_TR_PARENT_LOST:
		say(sequence, now_us, self, NOTE, "loses its parent of file %u: %s", file, loss(trace->a));
		break;
	case PFS_TR_ELECTION_AGAIN:
		say(sequence, now_us, self, NOTE, "election again for file %u, round %u: %s", file, trace->a,
		    loss(trace->b));
		break;
	case PFS_TR_BLAMED:
		say(sequence, now_us, self, NOTE, "avoids %s: %s",
		    peer >= 0 ? plan->phones[peer].name : "a stranger", loss(trace->a));
		break;
	case PFS_TR_TFTP_BEGUN:
		say(sequence, now_us, self, SERVER, "RRQ file %u, attempt %u", file, trace->a);
		break;
	case PFS_TR_TFTP_ERROR:
		say(sequence, now_us, self, NOTE, "TFTP of file %u breaks off: %u", file, trace->a);
		break;
	case PFS_TR_TFTP_DONE:
		say(sequence, now_us, SERVER, self, "DATA file %u, whole", file);
		break;
	case PFS_TR_PEER_BEGUN:
		say(sequence, now_us, peer, self, "DATA file %u begins", file);
		break;
	case PFS_TR_PEER_DONE:
		say(sequence, now_us, peer, self, "DATA file %u, whole", file);
		break;
	case PFS_TR_VERIFIED:
		say(sequence, now_us, self, NOTE, "file %u is %s", file, trace->a ? "good" : "damaged");
		break;
	case PFS_TR_FAILURE_PASSED:
		say(sequence, now_us, self, NOTE, "hears that file %u failed: %s", file,
		    pfs_failure_name((enum pfs_failure)trace->a));
		break;
	case PFS_TR_UPGRADED:
		say(sequence, now_us, self, NOTE, "upgraded");
		break;
	case PFS_TR_REBOOTED:
		say(sequence, now_us, self, NOTE, "reboots, serves no more");
		break;
	case PFS_TR_FAILED:
		say(sequence, now_us, self, NOTE, "fails: file %u, %s", file,
		    pfs_failure_name((enum pfs_failure)trace->a));
		break;
	default:
		break;
	}
}

static void fault_seen(void *context, uint64_t at_us, const char *text)
{
	say(context, at_us, NOTE, NOTE, "%s", text);
}

/* By time; faults are told last and belong after what they followed. Stable: insertion. */
static void put_in_order(struct sequence *sequence)
{
	for (uint32_t i = 1; i < sequence->count; i++) {
		struct line line = sequence->lines[i];
		uint32_t k = i;
		for (; k > 0 && sequence->lines[k - 1].at_us > line.at_us; k--)
			sequence->lines[k] = sequence->lines[k - 1];
		sequence->lines[k] = line;
	}
}

/* The last six digits of the MAC address tell the phones of a fleet apart. */
static const char *short_name(const struct sequence *sequence, int64_t who)
{
	if (who == SERVER)
		return "server";
	if (who == EVERYBODY)
		return "all";
	return who >= 0 && who < sequence->phones ? sequence->names[who] + 9 : "?";
}

static void write_mermaid(const struct sequence *sequence, uint32_t first, FILE *stream)
{
	fputs("sequenceDiagram\n", stream);
	for (uint32_t i = 0; i < sequence->phones; i++)
		fprintf(stream, "    participant p%u as %s\n", i, sequence->names[i]);
	fputs("    participant server as TFTP server\n", stream);
	if (first)
		fprintf(stream, "    Note over p0: %u earlier lines left out\n", first);
	for (uint32_t i = first; i < sequence->count; i++) {
		const struct line *line = &sequence->lines[i];
		char time[32];
		snprintf(time, sizeof(time), "%" PRIu64 ".%06" PRIu64 " s", line->at_us / 1000000,
			 line->at_us % 1000000);
		if (line->to == NOTE && line->from < 0)
			fprintf(stream, "    Note over p0,server: %s %s\n", time, line->text);
		else if (line->to == NOTE || line->to == EVERYBODY || line->from == NOTE)
			fprintf(stream, "    Note over p%" PRId64 ": %s %s%s\n",
				line->from < 0 ? line->to : line->from, time,
				line->to == EVERYBODY ? "broadcasts " : "", line->text);
		else if (line->to == SERVER)
			fprintf(stream, "    p%" PRId64 "->>server: %s %s\n", line->from, time, line->text);
		else if (line->from == SERVER)
			fprintf(stream, "    server->>p%" PRId64 ": %s %s\n", line->to, time, line->text);
		else
			fprintf(stream, "    p%" PRId64 "->>p%" PRId64 ": %s %s\n", line->from, line->to,
				time, line->text);
	}
}

static void write_text(const struct sequence *sequence, uint32_t first, FILE *stream)
{
	if (first)
		fprintf(stream, "(%u earlier lines left out)\n", first);
	for (uint32_t i = first; i < sequence->count; i++) {
		const struct line *line = &sequence->lines[i];
		fprintf(stream, "%8" PRIu64 ".%06" PRIu64 "  ", line->at_us / 1000000, line->at_us % 1000000);
		if (line->to == NOTE && line->from < 0)
			fprintf(stream, "*** %s\n", line->text);
		else if (line->to == NOTE)
			fprintf(stream, "%s            %s\n", short_name(sequence, line->from), line->text);
		else
			fprintf(stream, "%s -> %-6s  %s\n", short_name(sequence, line->from),
				short_name(sequence, line->to), line->text);
	}
}

static int render(const struct sequence *sequence, void (*write)(const struct sequence *, uint32_t, FILE *),
		  char **text)
{
	uint32_t first = sequence->count > LINES_MAX ? sequence->count - LINES_MAX : 0;
	size_t size;
	FILE *stream = open_memstream(text, &size);

	if (!stream)
		return -errno;
	write(sequence, first, stream);
	if (fclose(stream) == 0)
		return 0;
	free(*text);
	*text = NULL;
	return -ENOMEM;
}

int race_diagram(const char *scenario, enum world_sabotage sabotage, char **mermaid, char **text)
{
	struct sequence sequence = { 0 };
	struct race_listener listener = { tap, fault_seen, &sequence };
	struct race_outcome outcome;
	int r = race_run(scenario, sabotage, &listener, false, &outcome);

	*mermaid = *text = NULL;
	if (r == 0 && *outcome.broken)
		say(&sequence, outcome.at_us, NOTE, NOTE, "BROKEN: %s (%s%s%s)", outcome.broken,
		    outcome.phone, *outcome.other ? ", " : "", outcome.other);
	if (r == 0 && sequence.failed)
		r = -ENOMEM;
	if (r == 0) {
		put_in_order(&sequence);
		r = render(&sequence, write_mermaid, mermaid);
	}
	if (r == 0)
		r = render(&sequence, write_text, text);
	if (r < 0) {
		free(*mermaid);
		*mermaid = NULL;
	}
	free(sequence.lines);
	free(sequence.names);
	return r;
}
