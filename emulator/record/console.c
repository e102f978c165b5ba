/*
 * The console log, in the form that the vendor's phones print it. One excerpt
 * is public, a lone CP-7961G that becomes root (docs/protocol.md, "The root's
 * console log"); the lines marked "printed" below are its own, word for word.
 * All others are chosen: the same style for what the excerpt does not show.
 *
 *	LEVEL HH:MM:SS.micros DLoad: text
 *
 * LEVEL is DBG, INF, NOT, WRN or ERR: syslog's severities 7 to 3. Lines of one
 * trace record share a time. A line is one of PFS (F14's pfs=0-1) unless it
 * tells of the phone's life or of its own TFTP and files.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "emulator/record/record.h"

#define LINE_MAX_BYTES 256

enum severity { ERR = 3, WRN = 4, NOT = 5, INF = 6, DBG = 7 };

struct printer {
	const struct pfs_config *config;
	uint64_t clock_us;
	console_emit_fn emit;
	void *context;
	bool pfs;
};

struct dotted {
	char text[INET_ADDRSTRLEN];
};

static struct dotted dot(uint32_t address)
{
	struct dotted dotted;
	struct in_addr in = { .s_addr = htonl(address) };

	inet_ntop(AF_INET, &in, dotted.text, sizeof(dotted.text));
	return dotted;
}

static const char *known(const char *name)
{
	return name ? name : "unknown";
}

static const char *file_name(const struct pfs_config *config, uint8_t file)
{
	return file < config->file_count && file < PFS_FILES_MAX ? config->files[file].name : "(none)";
}

__attribute__((format(printf, 3, 4))) static void say(const struct printer *to, enum severity severity,
						      const char *format, ...)
{
	static const char levels[8][4] = { "EMG", "ALR", "CRT", "ERR", "WRN", "NOT", "INF", "DBG" };
	uint64_t second = to->clock_us / 1000000;
	char line[LINE_MAX_BYTES];
	va_list arguments;

	int head = snprintf(line, sizeof(line), "%s %02u:%02u:%02u.%06u DLoad: ", levels[severity],
			    (unsigned)(second / 3600 % 24), (unsigned)(second / 60 % 60),
			    (unsigned)(second % 60), (unsigned)(to->clock_us % 1000000));
	va_start(arguments, format);
	vsnprintf(line + head, sizeof(line) - (size_t)head, format, arguments);
	va_end(arguments);
	to->emit(to->context, severity, to->pfs, line);
}

/* What the excerpt calls hier= after a time-out; all but the claim's are chosen. */
static const char *timeout_name(uint32_t state)
{
	switch (state) {
	case PFS_ST_CLAIMING:
		return "ClaimRoot(tent)"; /* printed */
	case PFS_ST_OPENING:
		return "OpenPort";
	case PFS_ST_HELD_UP:
		return "HeldUp";
	case PFS_ST_FOLLOWING:
		return "FollowRoot";
	case PFS_ST_JOINING:
		return "JoinParent";
	case PFS_ST_MEMBER:
		return "Member";
	case PFS_ST_RECEIVING:
		return "Receive";
	case PFS_ST_ORPHANED:
		return "Orphan";
	case PFS_ST_TFTP:
		return "TftpXfr";
	case PFS_ST_TFTP_WAITING:
		return "TftpWait";
	case PFS_ST_VERIFYING:
		return "Verify";
	case PFS_ST_LINGERING:
		return "Linger";
	default:
		return "Idle";
	}
}

/*
 * The excerpt has no doTimeout lines at the end of listening (22.664 to
 * 23.162) nor before "Root sending TFTP XfrCmd".
 */
static void say_timeout(const struct printer *to, const struct pfs_trace *trace)
{
	if (trace->a == PFS_ST_LISTENING || trace->a == PFS_ST_ROOT_WAITING)
		return;
	say(to, NOT, "^.idl_timeout.c-doTimeout");                                   /* printed */
	say(to, DBG, "Timeout XID%08X hier=%s", trace->xid, timeout_name(trace->a)); /* printed */
}

static void say_claim(const struct printer *to, const struct pfs_trace *trace)
{
	say(to, NOT, "^.idl_protocol.c-sendBroadcastOffer"); /* printed */
	if (trace->a == 0)                                   /* printed, with its trailing space */
		say(to, INF, "XID%08X TxBdcst ClaimRoot(tent): map=%08x strength=%08x ", trace->xid, trace->b,
		    (uint32_t)trace->c);
	else
		say(to, INF, "XID%08X TxBdcst Ad %u: ClaimRoot(tent)", trace->xid, trace->a); /* printed */
}

static const char *refusal_name(uint32_t refusal)
{
	static const char *const names[PFS_REFUSALS] = {
		[PFS_REFUSE_BUSY] = "busy",
		[PFS_REFUSE_STRANGER] = "stranger",
		[PFS_REFUSE_CYCLE] = "cycle",
		[PFS_REFUSE_DEEP] = "deep",
	};

	return known(refusal < PFS_REFUSALS ? names[refusal] : NULL);
}

/* What the server said, or what was heard instead of it. */
const char *console_tftp_error(uint32_t code)
{
	static const char *const names[] = {
		"not defined", "file not found",    "access violation",
		"disk full",   "illegal operation", "unknown transfer",
		"file exists", "no such user",      "option refused", /* RFC 1350, RFC 2347 */
	};

	if (code < sizeof(names) / sizeof(names[0]))
		return names[code];
	switch (code) {
	case 256:
		return "silence";
	case 257:
		return "port unreachable";
	case 258:
		return "wrong size";
	default:
		return "unknown";
	}
}

/* A log of what no phone does must not pass for a phone's. */
static void say_what_if(const struct printer *to)
{
	const struct pfs_config *config = to->config;

	if (config->fan_out || config->waits_percent || config->forward_early)
		say(to, NOT, "What-if, not what phones do: fan-out=%u waits=%u%%%s",
		    config->fan_out ? config->fan_out : PFS_CHILDREN_MAX,
		    config->waits_percent ? config->waits_percent : 100,
		    config->forward_early ? " forward-early" : "");
}

static void say_life(const struct printer *to, const struct pfs_trace *trace)
{
	const char *file = file_name(to->config, trace->file);

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
		say(to, NOT, "Started model=%s boot=%" PRIu64 " PFS=%s set by %s", to->config->model,
		    trace->c, known(pfs_part_name((enum pfs_part)trace->a)),
		    known(pfs_origin_name((enum pfs_origin)trace->b)));
		say_what_if(to);
		break;
	case PFS_TR_UPGRADED:
		say(to, NOT, "Upgraded: %u files held and verified", to->config->file_count);
		break;
	case PFS_TR_FAILED:
		say(to, ERR, "Upgrade failed at /dnld/%s: %s", file,
		    known(pfs_failure_name((enum pfs_failure)trace->a)));
		break;
	case PFS_TR_REBOOTED:
		say(to, NOT, "Rebooting with the new firmware");
		break;
	case PFS_TR_TFTP_BEGUN:
		if (trace->b != PFS_DIRECT_NONE)
			say(to, WRN, "TFTP get /dnld/%s from %s attempt %u, direct: %s", file,
			    dot(to->config->tftp_server).text, trace->a,
			    known(pfs_direct_name((enum pfs_direct)trace->b)));
		else
			say(to, INF, "TFTP get /dnld/%s from %s attempt %u%s", file,
			    dot(to->config->tftp_server).text, trace->a, trace->c == 1 ? ", as root" : "");
		break;
	case PFS_TR_TFTP_OPTIONS:
		if (trace->c)
			say(to, DBG, "TFTP options /dnld/%s blksize=%u tsize=%" PRIu64, file, trace->a,
			    trace->c);
		else
			say(to, DBG, "TFTP options /dnld/%s blksize=%u", file, trace->a);
		break;
	case PFS_TR_TFTP_RETRANSMIT:
		if (trace->b)
			say(to, INF, "TFTP retransmit of the request for /dnld/%s", file);
		else
			say(to, INF, "TFTP retransmit of ACK %u for /dnld/%s", trace->a, file);
		break;
	case PFS_TR_TFTP_ERROR:
		say(to, WRN, "TFTP of /dnld/%s ended: %s", file, console_tftp_error(trace->a));
		break;
	case PFS_TR_TFTP_DONE:
		say(to, INF, "TFTP done /dnld/%s %" PRIu64 " bytes", file, trace->c);
		break;
	case PFS_TR_VERIFIED:
		if (trace->a == 1)
			say(to, INF, "Verified /dnld/%s from %s: good", file, dot(trace->address).text);
		else
			say(to, ERR, "Verified /dnld/%s from %s: damaged, discarded", file,
			    dot(trace->address).text);
		break;
	default:
		break;
	}
}

/* The log's line for two children; a what-if has as many places as its fan-out. */
static void say_node(const struct printer *to, const struct pfs_trace *trace)
{
	uint32_t places = to->config->fan_out ? to->config->fan_out : PFS_CHILDREN_MAX;
	char text[PFS_FAN_OUT_MAX * sizeof("fd[0]=-1 ")];
	size_t length = 0;

	for (uint32_t i = 0; i < places && i < PFS_FAN_OUT_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "fd[%u]=-1 ", i % 10);
	say(to, NOT, "|parent=-1><%sFULL=%u", text, trace->a == 0 ? 1u : 0u); /* printed */
}

static void say_election(const struct printer *to, const struct pfs_trace *trace)
{
	const char *file = file_name(to->config, trace->file);

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_LISTENING:
		say(to, DBG, "+++ fd=%d Listening on peer TCP port %u", (int32_t)trace->a,
		    PFS_PORT);                             /* printed */
		say(to, NOT, "^.idl_child.c-openUDPPort"); /* printed */
		break;
	case PFS_TR_PORT_CLOSED:
		if (trace->a)
			say(to, ERR, "Peer port %u could not be opened", PFS_PORT);
		else
			say(to, DBG, "Peer port %u closed", PFS_PORT);
		break;
	case PFS_TR_FILE_BEGUN:
		say_node(to, trace);
		break;
	case PFS_TR_CLAIM:
		say_claim(to, trace);
		break;
	case PFS_TR_TIMEOUT:
		say_timeout(to, trace);
		break;
	case PFS_TR_CONFIRMED:
		say(to, NOT, "UT:Confirmed root bumping strength"); /* printed */
		say(to, NOT, "@@@HROOT:XID%08X H=%08x m=%s ROOT=%s /dnld/%s", trace->xid, trace->a,
		    to->config->model, dot(to->config->address).text, file); /* printed */
		break;
	case PFS_TR_ANSWER:
		say(to, INF, "XID%08X TxBdcst ConfirmedRoot: map=%08x strength=%08x", trace->xid, trace->a,
		    (uint32_t)trace->c);
		break;
	case PFS_TR_YIELDED:
		say(to, NOT, "XID%08X yields to %s XID%08X strength=%08x", trace->xid,
		    dot(trace->address).text, trace->a, (uint32_t)trace->c);
		break;
	case PFS_TR_ROOT_GAVE_UP:
		say(to, NOT, "XID%08X Root gives up /dnld/%s to %s", trace->xid, file,
		    dot(trace->address).text);
		break;
	case PFS_TR_XFRCMD:
		say(to, INF, "XID%08X Root sending TFTP XfrCmd on ROOT_WAITING TO", trace->xid); /* printed */
		break;
	case PFS_TR_XFRCMD_HEARD:
		say(to, INF, "XID%08X XfrCmd from root %s for /dnld/%s", trace->xid, dot(trace->address).text,
		    file);
		break;
	case PFS_TR_ELECTION_AGAIN:
		say(to, NOT, "Election again for /dnld/%s round=%u after %s", file, trace->a,
		    known(pfs_loss_name((enum pfs_loss)trace->b)));
		break;
	default:
		break;
	}
}

static void say_hierarchy(const struct printer *to, const struct pfs_trace *trace)
{
	const char *file = file_name(to->config, trace->file);
	struct dotted peer = dot(trace->address);

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_JOINING:
		say(to, INF, "Joining %s for /dnld/%s redirects=%u", peer.text, file, trace->a);
		break;
	case PFS_TR_JOINED:
		say(to, NOT, "Joined parent=%s level=%u ROOT=%s XID%08X /dnld/%s", peer.text, trace->a,
		    dot(trace->b).text, (uint32_t)trace->c, file);
		break;
	case PFS_TR_CHILD:
		say(to, NOT, "Child %s takes fd[%u] weight=%" PRIu64 " /dnld/%s", peer.text, trace->a,
		    trace->c, file);
		break;
	case PFS_TR_REDIRECTED:
		say(to, INF, "FULL=1 %s sent to %s for /dnld/%s", peer.text, dot(trace->b).text, file);
		break;
	case PFS_TR_REFUSED:
		say(to, INF, "Refused %s for /dnld/%s: %s", peer.text, file, refusal_name(trace->a));
		break;
	case PFS_TR_CHILD_DONE:
		if (trace->a == 1)
			say(to, INF, "Child %s has /dnld/%s", peer.text, file);
		else
			say(to, WRN, "Child %s found /dnld/%s damaged", peer.text, file);
		break;
	case PFS_TR_CHILD_LOST:
		say(to, WRN, "Child %s lost for /dnld/%s: %s", peer.text, file,
		    known(pfs_loss_name((enum pfs_loss)trace->a)));
		break;
	case PFS_TR_PARENT_LOST:
		say(to, WRN, "Parent %s lost for /dnld/%s: %s", peer.text, file,
		    known(pfs_loss_name((enum pfs_loss)trace->a)));
		break;
	case PFS_TR_BLAMED:
		say(to, WRN, "Avoiding %s: %s", peer.text, known(pfs_loss_name((enum pfs_loss)trace->a)));
		break;
	case PFS_TR_PEER_BEGUN:
		say(to, INF, "Receiving /dnld/%s from parent %s", file, peer.text);
		break;
	case PFS_TR_PEER_DONE:
		say(to, INF, "Received /dnld/%s from parent %s %" PRIu64 " bytes", file, peer.text, trace->c);
		break;
	case PFS_TR_FAILURE_PASSED:
		say(to, WRN, "Parent says no /dnld/%s: %s, roots tried=%u", file,
		    known(pfs_failure_name((enum pfs_failure)trace->a)), trace->b);
		break;
	case PFS_TR_DROPPED:
		say(to, DBG, "Dropped input from %s: %s", peer.text,
		    known(pfs_drop_name((enum pfs_drop)trace->a)));
		break;
	default:
		break;
	}
}

void console_render(const struct pfs_config *config, uint64_t clock_us, const struct pfs_trace *trace,
		    console_emit_fn emit, void *context)
{
	struct printer to = { .config = config,
			      .clock_us = clock_us % (86400ull * 1000000),
			      .emit = emit,
			      .context = context };

	switch ((enum pfs_trace_kind)trace->kind) {
	case PFS_TR_STARTED:
	case PFS_TR_UPGRADED:
	case PFS_TR_FAILED:
	case PFS_TR_REBOOTED:
	case PFS_TR_TFTP_BEGUN:
	case PFS_TR_TFTP_OPTIONS:
	case PFS_TR_TFTP_RETRANSMIT:
	case PFS_TR_TFTP_ERROR:
	case PFS_TR_TFTP_DONE:
	case PFS_TR_VERIFIED:
		to.pfs = false;
		say_life(&to, trace);
		break;
	case PFS_TR_LISTENING:
	case PFS_TR_PORT_CLOSED:
	case PFS_TR_FILE_BEGUN:
	case PFS_TR_CLAIM:
	case PFS_TR_TIMEOUT:
	case PFS_TR_CONFIRMED:
	case PFS_TR_ANSWER:
	case PFS_TR_YIELDED:
	case PFS_TR_ROOT_GAVE_UP:
	case PFS_TR_XFRCMD:
	case PFS_TR_XFRCMD_HEARD:
	case PFS_TR_ELECTION_AGAIN:
		to.pfs = true;
		say_election(&to, trace);
		break;
	case PFS_TR_JOINING:
	case PFS_TR_JOINED:
	case PFS_TR_CHILD:
	case PFS_TR_REDIRECTED:
	case PFS_TR_REFUSED:
	case PFS_TR_CHILD_DONE:
	case PFS_TR_CHILD_LOST:
	case PFS_TR_PARENT_LOST:
	case PFS_TR_BLAMED:
	case PFS_TR_PEER_BEGUN:
	case PFS_TR_PEER_DONE:
	case PFS_TR_FAILURE_PASSED:
	case PFS_TR_DROPPED:
		to.pfs = true;
		say_hierarchy(&to, trace);
		break;
	case PFS_TR_KINDS:
		break;
	}
}
