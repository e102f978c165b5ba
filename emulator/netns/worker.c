/* Making and ending a worker; worker.h says what it is. */
#include "emulator/netns/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "emulator/netns/host.h"

/* Runs once nothing else is pending: descriptors are free again, so listeners go on. */
static void on_descriptor_freed(struct ev_loop *loop, ev_idle *watcher, int events)
{
	struct worker *worker = (struct worker *)watcher->data;
	struct host *host = worker->starved;

	(void)events;
	ev_idle_stop(loop, watcher);
	worker->starved = NULL;
	while (host) {
		struct host *next = host->starved_next;

		host->starved_next = NULL;
		host->starved = false;
		host_settle(host);
		host = next;
	}
}

static void prepare_messages(struct worker *worker)
{
	int i;

	for (i = 0; i < WORKER_DATAGRAMS; i++) {
		worker->vectors[i].iov_base = worker->datagrams + (size_t)i * WORKER_DATAGRAM_BYTES;
		worker->vectors[i].iov_len = WORKER_DATAGRAM_BYTES;
		worker->messages[i].msg_hdr.msg_name = &worker->senders[i];
		worker->messages[i].msg_hdr.msg_namelen = sizeof(worker->senders[i]);
		worker->messages[i].msg_hdr.msg_iov = &worker->vectors[i];
		worker->messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static struct worker_letter *take_letters(struct worker *worker, bool *ending)
{
	struct worker_letter *letters;

	pthread_mutex_lock(&worker->mail_lock);
	letters = worker->letters;
	worker->letters = NULL;
	worker->letters_end = &worker->letters;
	*ending = worker->ending;
	pthread_mutex_unlock(&worker->mail_lock);
	return letters;
}

static void on_mail(struct ev_loop *loop, ev_async *watcher, int events)
{
	struct worker *worker = (struct worker *)watcher->data;
	bool ending;
	struct worker_letter *letter = take_letters(worker, &ending);

	(void)events;
	while (letter) {
		struct worker_letter *next = letter->next;

		worker->order_came(worker->run, worker, &letter->order);
		free(letter);
		letter = next;
	}
	if (ending)
		ev_break(loop, EVBREAK_ALL);
}

int worker_post(struct worker *worker, const struct fault_order *order)
{
	struct worker_letter *letter = order ? malloc(sizeof(*letter)) : NULL;

	if (order && !letter)
		return -ENOMEM;
	if (letter) {
		letter->next = NULL;
		letter->order = *order;
		pthread_mutex_lock(&worker->mail_lock);
		*worker->letters_end = letter;
		worker->letters_end = &letter->next;
		pthread_mutex_unlock(&worker->mail_lock);
	}
	ev_async_send(worker->loop, &worker->mail);
	return 0;
}

void worker_end(struct worker *worker)
{
	pthread_mutex_lock(&worker->mail_lock);
	worker->ending = true;
	pthread_mutex_unlock(&worker->mail_lock);
	ev_async_send(worker->loop, &worker->mail);
}

bool worker_is_ending(struct worker *worker)
{
	bool ending;

	pthread_mutex_lock(&worker->mail_lock);
	ending = worker->ending;
	pthread_mutex_unlock(&worker->mail_lock);
	return ending;
}

/* The kernel gives the lowest free number: so what is below a bound leaves the rest of the table alone. */
static void bound_descriptors(struct worker *worker)
{
	struct rlimit limit;
	int all = INT_MAX;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < INT_MAX)
		all = (int)limit.rlim_cur;
	worker->connections_below = all - PLAN_DESCRIPTORS_KEPT;
	worker->transfers_below = all - PLAN_DESCRIPTORS_KEPT_SERVER;
}

bool worker_has_room(int any, int below)
{
	int next = fcntl(any, F_DUPFD_CLOEXEC, 0);

	if (next >= 0)
		close(next);
	return next >= 0 && next < below;
}

int worker_init(struct worker *worker, const struct plan *plan, uint32_t timers)
{
	worker->plan = plan;
	pthread_mutex_init(&worker->mail_lock, NULL);
	worker->letters_end = &worker->letters;
	bound_descriptors(worker);
	worker->clock.speed_milli = plan->speed_milli ? plan->speed_milli : 1000;
	worker->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	worker->read_buffer = malloc(WORKER_READ_BYTES);
	worker->datagrams = malloc((size_t)WORKER_DATAGRAMS * WORKER_DATAGRAM_BYTES);
	if (!worker->loop || !worker->read_buffer || !worker->datagrams)
		return -ENOMEM;
	prepare_messages(worker);
	ev_idle_init(&worker->descriptor_freed, on_descriptor_freed);
	worker->descriptor_freed.data = worker;
	ev_async_init(&worker->mail, on_mail);
	worker->mail.data = worker;
	ev_async_start(worker->loop, &worker->mail);
	crowd_init(&worker->crowd);
	return timers_init(&worker->timers, worker->loop, &worker->clock, plan->phone_count + timers + 1 /* crowd */);
}

void worker_deinit(struct worker *worker)
{
	bool ending;

	if (!worker->plan)
		return;
	timers_deinit(&worker->timers);
	crowd_deinit(&worker->crowd);
	for (struct worker_letter *letter = take_letters(worker, &ending), *next; letter; letter = next) {
		next = letter->next;
		free(letter);
	}
	pthread_mutex_destroy(&worker->mail_lock);
	if (worker->loop) {
		ev_async_stop(worker->loop, &worker->mail);
		ev_idle_stop(worker->loop, &worker->descriptor_freed);
		ev_loop_destroy(worker->loop);
	}
	free(worker->read_buffer);
	free(worker->datagrams);
}

void worker_descriptor_opened(struct worker *worker)
{
	if (++worker->descriptors > worker->descriptors_peak)
		worker->descriptors_peak = worker->descriptors;
}

void worker_descriptor_closed(struct worker *worker)
{
	assert(worker->descriptors > 0);
	worker->descriptors--;
	if (worker->starved)
		ev_idle_start(worker->loop, &worker->descriptor_freed);
}

void worker_carry_wan(struct worker *worker)
{
	if (worker->number == 0)
		fabric_wan_catch_up(worker->fabric);
}

void worker_catch_up(struct worker *worker)
{
	worker_carry_wan(worker);
	timers_catch_up(&worker->timers);
}

void worker_answer(struct worker *worker, const struct worker_answer *answer)
{
	assert(worker->answer_count < WORKER_ANSWERS_MAX);
	worker->answers[(worker->answer_first + worker->answer_count++) % WORKER_ANSWERS_MAX] = *answer;
}
