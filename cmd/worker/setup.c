/*
 * The two ends of a worker: the streams that are read, and where dead letters and replies go, each
 * with its settings. What is written to is opened first: nothing is taken when it is not there.
 */
#include "cmd/two_brokers.h"
#include "cmd/worker/engine.h"
#include "cmd/worker/outcome.h"
#include "cmd/worker/reply.h"

#include <stdlib.h>

static int split_settings(struct worker *worker, struct mq_err *err)
{
	const struct worker_options *options = worker->options;
	const struct mq_settings *given = &worker->invocation->settings;

	for (size_t i = 0; i < given->n && !options->dead_letter && !options->reply; i++)
		if (strncmp(given->items[i].name, "dst.", 4) == 0)
			return mq_fail(err, MQ_USAGE,
			               "-X %s is for the target of --dead-letter or --reply, and "
			               "there is none",
			               given->items[i].name);
	return two_brokers_split(given, &worker->source_invocation.settings,
	                         &worker->target_settings, err);
}

/* To each message's own stream, on its own broker: a sender for each address that is read. */
static int resolve_replies(struct worker *worker, struct mq_err *err)
{
	const char *to = worker->options->reply;
	bool own = to && !*to;

	worker->n_replies = !to ? 0 : own ? worker->sources.n_targets : 1;
	worker->replies = calloc(worker->n_replies + 1, sizeof *worker->replies);
	if (!worker->replies)
		return mq_fail_memory(err);
	for (size_t i = 0; i < worker->n_replies; i++) {
		struct sender *reply = &worker->replies[i];
		*reply = (struct sender){
		    .worker = worker, .what = "reply", .delivered = reply_delivered};
		if (sender_resolve(reply, own ? worker->invocation->operands.items[i] : to,
		                   &worker->target_settings, own, err) < 0)
			return -1;
		reply->by_name = !reply->target.stream;
	}
	return 0;
}

/* Those that are needed: several addresses of one broker share the first one's. */
static int connect_replies(struct worker *worker, struct mq_err *err)
{
	if (worker->n_replies > 0 && *worker->options->reply)
		return sender_connect(&worker->replies[0], err);
	for (size_t i = 0; i < worker->sources.n && worker->n_replies > 0; i++)
		if (sender_connect(worker_reply(worker, i), err) < 0)
			return -1;
	return 0;
}

struct sender *worker_reply(const struct worker *worker, size_t reader)
{
	const struct sources *sources = &worker->sources;

	if (*worker->options->reply)
		return &worker->replies[0];
	return &worker->replies[sources->items[reader].target - sources->targets];
}

static int resolve_dead(struct worker *worker, struct mq_err *err)
{
	if (!worker->options->dead_letter)
		return 0;
	worker->dead =
	    (struct sender){.worker = worker, .what = "dead letter", .delivered = outcome_buried};
	return sender_resolve(&worker->dead, worker->options->dead_letter, &worker->target_settings,
	                      false, err);
}

/* A setting without a prefix that only one side knows is not given to the other. */
static void sort_settings(struct worker *worker, struct sender *sender)
{
	for (size_t i = 0; i < worker->sources.n_targets && sender->resolved; i++) {
		struct mq_target *source = &worker->sources.targets[i];
		two_brokers_drop_foreign(source, sender->target.backend,
		                         &worker->source_invocation.settings);
		two_brokers_drop_foreign(&sender->target, source->backend,
		                         &worker->target_settings);
	}
}

/* The addresses of the brokers, for dead letters: now, as a new file is there only now. */
static int name_brokers(struct worker *worker, struct mq_err *err)
{
	worker->brokers = calloc(worker->sources.n + 1, sizeof *worker->brokers);
	if (!worker->brokers)
		return mq_fail_memory(err);
	for (size_t i = 0; i < worker->sources.n; i++) {
		worker->brokers[i] = mq_target_broker(worker->sources.items[i].target, err);
		if (!worker->brokers[i])
			return -1;
	}
	return 0;
}

/* A setting can name another place: a database of Redis. */
static bool same_settings(const struct mq_settings *a, const struct mq_settings *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; i < a->n && same; i++)
		same = strcmp(a->items[i].name, b->items[i].name) == 0 &&
		       strcmp(a->items[i].value, b->items[i].value) == 0;
	return same;
}

/* What comes from where it is put would come again and again. */
static int check_circle(const struct worker *worker, const struct sender *sender,
                        const char *option, struct mq_err *err)
{
	const char *stream = sender->resolved ? sender->target.stream : NULL;
	char *broker = stream ? mq_target_broker(&sender->target, err) : NULL;
	int result = stream && !broker ? -1 : 0;

	for (size_t i = 0; broker && i < worker->sources.n_targets && result == 0; i++) {
		const struct mq_target *source = &worker->sources.targets[i];
		if (!source->stream || strcmp(source->stream, stream) != 0 ||
		    !same_settings(&source->settings, &sender->target.settings))
			continue;
		char *other = mq_target_broker(source, err);
		if (!other)
			result = -1;
		else if (strcmp(other, broker) == 0)
			result = mq_fail(err, MQ_USAGE, "%s: %s is where the messages come from",
			                 option, sender->target.shown);
		free(other);
	}
	free(broker);
	return result;
}

static int check_circles(const struct worker *worker, struct mq_err *err)
{
	if (check_circle(worker, &worker->dead, "--dead-letter", err) < 0)
		return -1;
	for (size_t i = 0; i < worker->n_replies; i++)
		if (check_circle(worker, &worker->replies[i], "--reply", err) < 0)
			return -1;
	return 0;
}

/* Queues are read by others at the same time, so there is no order to keep. */
static enum jobs_order order_of(const struct worker *worker)
{
	if (worker->options->order >= 0)
		return (enum jobs_order)worker->options->order;
	for (size_t i = 0; i < worker->sources.n; i++)
		if (!(worker->sources.items[i].conn->caps & MQ_CAP_REMOVE_ONE))
			return JOBS_BY_KEY;
	return JOBS_FREE;
}

static bool any_lends(const struct sources *sources)
{
	for (size_t i = 0; i < sources->n; i++)
		if (sources->items[i].conn->caps & MQ_CAP_PREFETCH)
			return true;
	return false;
}

/* What is read, when all are connected. */
static int open_readers(struct worker *worker, const struct mq_read_spec *spec, struct mq_err *err)
{
	struct mq_read_spec bounded = *spec;

	bounded.window = (int)worker_window(worker, true);
	worker->window = worker_window(worker, any_lends(&worker->sources));
	return sources_read(&worker->sources, &bounded, err);
}

int worker_open(struct worker *worker, const struct mq_read_spec *spec, struct mq_err *err)
{
	const struct mq_operands *operands = &worker->invocation->operands;

	worker->source_invocation = *worker->invocation;
	mq_settings_init(&worker->source_invocation.settings);
	mq_settings_init(&worker->target_settings);
	if (split_settings(worker, err) < 0 ||
	    sources_resolve(&worker->sources, &worker->source_invocation, operands->items,
	                    operands->n, err) < 0)
		return -1;
	if (resolve_dead(worker, err) < 0 || resolve_replies(worker, err) < 0)
		return -1;
	sort_settings(worker, &worker->dead);
	for (size_t i = 0; i < worker->n_replies; i++)
		sort_settings(worker, &worker->replies[i]);
	if (worker->dead.resolved && sender_connect(&worker->dead, err) < 0)
		return -1;
	if (sources_connect(&worker->sources, &worker->source_invocation, err) < 0 ||
	    connect_replies(worker, err) < 0 || open_readers(worker, spec, err) < 0 ||
	    name_brokers(worker, err) < 0 || check_circles(worker, err) < 0)
		return -1;
	worker->order = order_of(worker);
	return 0;
}

void worker_close(struct worker *worker)
{
	for (size_t i = 0; worker->brokers && i < worker->sources.n; i++)
		free(worker->brokers[i]);
	free(worker->brokers);
	sender_close(&worker->dead);
	for (size_t i = 0; i < worker->n_replies; i++)
		sender_close(&worker->replies[i]);
	free(worker->replies);
	sources_close(&worker->sources);
	mq_settings_release(&worker->source_invocation.settings);
	mq_settings_release(&worker->target_settings);
}
