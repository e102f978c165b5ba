/*
 * What readers see of a running fleet, without a lock and without making the
 * fleet's loop wait: an immutable view is published with rcu_xchg_pointer, and
 * the one before it is handed to liburcu's reclaimer (call_rcu), which frees it
 * after all registered readers have passed a quiescent state.
 */
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "emulator/record/record_internal.h"

/* The sanitizer cannot see what liburcu orders: whoever reads a view reads what was written before it was published. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define TELL_WRITTEN(address) __tsan_release(address)
#define TELL_READ(address) __tsan_acquire(address)
#else
#define TELL_WRITTEN(address) ((void)(address))
#define TELL_READ(address) ((void)(address))
#endif

struct published {
	struct fleet_view view; /* first: readers hold a pointer to it */
	struct rcu_head head;
};

static void free_published(struct published *published)
{
	free(published->view.snapshots);
	free(published);
}

static void reclaim(struct rcu_head *head)
{
	free_published(caa_container_of(head, struct published, head));
}

void record_progress(const struct record *record, struct record_progress *progress)
{
	*progress = (struct record_progress){ .upgraded = record->upgraded,
					      .failed = record->failed,
					      .bytes_held = record->bytes_held,
					      .wan_bytes_down = record_wan_bytes_down(record) };
}

/*
 * Linear in the bytes that are still wanted. PFS hands files on by whole
 * copies, so it runs late at first; below 2 % there is nothing to go by.
 */
static uint64_t estimate_left_us(const struct record *record, uint64_t now_us)
{
	uint64_t held = record->bytes_held < record->bytes_wanted ? record->bytes_held : record->bytes_wanted;

	if (record->first_reset_us == PFS_TIME_NEVER || held == 0 || held < record->bytes_wanted / 50)
		return UINT64_MAX;
	double elapsed_us = (double)(now_us - record->first_reset_us);
	return (uint64_t)(elapsed_us * (double)(record->bytes_wanted - held) / (double)held);
}

static void measure_wan(struct record *record, uint64_t now_us, struct fleet_view *view)
{
	if (now_us > record->view_us) {
		double bits = 8.0 * (double)(view->wan_bytes_down - record->view_wan_bytes);

		record->view_wan_bps = (uint64_t)(bits * 1e6 / (double)(now_us - record->view_us));
		record->view_us = now_us;
		record->view_wan_bytes = view->wan_bytes_down;
	}
	view->wan_down_bps = record->view_wan_bps;
}

/* NULL where memory lacks. */
static struct published *make_view(struct record *record, const char *phase, uint64_t now_us,
				   const struct record_progress *progress)
{
	struct published *published = calloc(1, sizeof(*published));

	record_passes(record, now_us);
	record_tick(record);
	if (!published)
		return NULL;
	published->view = (struct fleet_view){ .phase = phase,
					       .now_us = now_us,
					       .phones = record->plan->phone_count,
					       .upgraded = progress->upgraded,
					       .failed = progress->failed,
					       .wan_bytes_down = progress->wan_bytes_down,
					       .bytes_wanted = record->bytes_wanted,
					       .bytes_held = progress->bytes_held < record->bytes_wanted
								     ? progress->bytes_held
								     : record->bytes_wanted,
					       .left_us = UINT64_MAX };
	return published;
}

static void publish(struct record *record, struct published *published)
{
	struct fleet_view *old;

	TELL_WRITTEN(&record->view);
	old = rcu_xchg_pointer(&record->view, &published->view);

	if (!old)
		return;
	/* call_rcu wants an on-line caller; a loop that polls must be off-line again afterwards. */
	bool was_online = rcu_read_ongoing();
	if (!was_online)
		rcu_thread_online();
	call_rcu(&caa_container_of(old, struct published, view)->head, reclaim);
	if (!was_online)
		rcu_thread_offline();
	record->reclaimed = true;
}

void record_publish(struct record *record, const char *phase, uint64_t now_us,
		    const struct pfs_snapshot *snapshots)
{
	struct record_progress progress;

	record_progress(record, &progress);
	struct published *published = make_view(record, phase, now_us, &progress);
	if (!published)
		return;
	struct fleet_view *view = &published->view;
	view->left_us = estimate_left_us(record, now_us);
	measure_wan(record, now_us, view);
	if (snapshots) {
		size_t size = (size_t)view->phones * sizeof(*snapshots);

		view->snapshots = malloc(size + 1);
		if (view->snapshots) {
			memcpy(view->snapshots, snapshots, size);
			view->snapshot_count = view->phones;
		}
	}
	publish(record, published);
}

/* Its parts are at different times: there is no rate, and no time left, that means anything. */
void record_publish_progress(struct record *record, const char *phase, uint64_t now_us,
			     const struct record_progress *progress)
{
	struct published *published = make_view(record, phase, now_us, progress);

	if (!published)
		return;
	published->view.apart = true;
	publish(record, published);
}

const struct fleet_view *record_view(struct record *record)
{
	const struct fleet_view *view = rcu_dereference(record->view);

	TELL_READ(&record->view);
	return view;
}

void record_view_free(struct record *record)
{
	struct fleet_view *old = rcu_xchg_pointer(&record->view, NULL);

	if (old) {
		synchronize_rcu();
		free_published(caa_container_of(old, struct published, view));
	}
	if (record->reclaimed)
		rcu_barrier();
	record->reclaimed = false;
}
