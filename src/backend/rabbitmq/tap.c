/*
 * Tapping: a queue of our own, bound as asked for, gets copies of what goes through an exchange.
 * Nobody else's queue is touched, and nothing is taken from anybody.
 *
 * The queue is exclusive, so it ends with the connection, and keeps only the newest messages while
 * we are slow. What went through before, and while a lost connection is made again, is not seen.
 */
#include "backend/rabbitmq/manage.h"
#include "backend/rabbitmq/reader.h"

#include <stdlib.h>

enum { PREFETCH = 1000 };

/* --- what is tapped -------------------------------------------------------------------------- */

/* A direct exchange has no key for everything. What an exchange is, is told by the words in which
 * the broker refuses to make it anew as something else; it is there, so nothing is made. */
static bool is_direct(struct mq_rabbit_reader *reader, const char *exchange)
{
	struct mq_err ignored = MQ_ERR_INIT;
	struct mq_rabbit_wire *wire = mq_rabbit_admin(reader->conn, &ignored);
	amqp_exchange_declare_t declare = {
	    .exchange = mq_rabbit_bytes(exchange), .type = mq_rabbit_bytes("fanout"), .durable = 1};

	return wire &&
	       !mq_rabbit_rpc(wire, AMQP_EXCHANGE_DECLARE_METHOD, &declare,
	                      AMQP_EXCHANGE_DECLARE_OK_METHOD, exchange, &ignored) &&
	       strstr(wire->closed_text, "current is 'direct'");
}

static int check_exchange(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	const struct mq_rabbit_conn *conn = reader->conn;

	if (!conn->exchange[0]) {
		mq_fail(err, MQ_USAGE,
		        "the default exchange cannot be tapped: nothing can be "
		        "bound to it");
		return mq_hint(err, "look at the queue itself: mqtk consume %sQUEUE", conn->shown);
	}
	if (mq_rabbit_exchange_check(reader->wire, conn->exchange, err) < 0)
		return -1;
	if (conn->n_bindings == 0 && conn->n_match == 0 && is_direct(reader, conn->exchange)) {
		mq_fail(err, MQ_USAGE,
		        "exchange '%s' is a direct one: it has no key that stands "
		        "for everything",
		        conn->exchange);
		return mq_hint(err, "add -X binding=KEY for each key that is wanted");
	}
	return 0;
}

static int check_positions(const struct mq_rabbit_reader *reader, struct mq_err *err)
{
	const struct mq_pos *from = &reader->from;

	if (from->kind != MQ_POS_OFFSET && from->kind != MQ_POS_TIME &&
	    reader->to.kind != MQ_POS_OFFSET && reader->to.kind != MQ_POS_TIME)
		return 0;
	mq_fail(err, MQ_USAGE, "an exchange keeps nothing: a tap shows what comes from now on");
	return mq_hint(err, "leave out --from and --to");
}

/* What feeds the queues that are watched: the reader's one source gets copies of it. */
static int check_watched(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	for (size_t i = 0; i < reader->n_sources; i++) {
		const char *queue = reader->sources[i].queue;
		struct mq_rabbit_facts facts;
		if (mq_rabbit_queue_facts(reader->conn, queue, &facts, err) < 0)
			return -1;
		size_t n = facts.n_bindings;
		bool known = facts.bindings_known;
		if (!known)
			mq_fail(err, MQ_USAGE,
			        "queue '%s' cannot be watched: what feeds it is only told by the "
			        "management API (%s)",
			        queue, facts.why_unknown);
		mq_rabbit_facts_release(&facts);
		if (!known)
			return mq_hint(err, "-X management=URL names it; -X exchange=NAME -X "
			                    "binding=KEY taps an exchange without it");
		if (n > 0)
			continue;
		mq_fail(err, MQ_USAGE,
		        "queue '%s' cannot be watched without taking from it: it is fed only by "
		        "its own name, through the default exchange",
		        queue);
		return mq_hint(err, "'mqtk consume' looks at what is in it, --ack takes; a queue "
		                    "of type stream, or one bound to an exchange, can be followed");
	}
	return 0;
}

static int prepare(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	if (check_positions(reader, err) < 0)
		return -1;
	if (reader->conn->exchange) {
		if (check_exchange(reader, err) < 0 || !mq_rabbit_add_source(reader, NULL, err))
			return -1;
	} else if (check_watched(reader, err) < 0) {
		return -1;
	}
	reader->base.expected = 0;
	for (size_t i = 0; i < reader->n_sources; i++) {
		reader->sources[i].caught = true;
		reader->sources[i].done = reader->stop_at_end;
	}
	if (reader->watch && reader->from.kind == MQ_POS_LAST && reader->from.number > 0)
		mq_log(
		    reader->conn->base.env, MQ_LEVEL_VERBOSE,
		    "what was there before cannot be seen without taking it: showing what comes");
	return 0;
}

/* --- our queue ------------------------------------------------------------------------------- */

static int bind_keys(struct mq_rabbit_reader *reader, const char *queue, struct mq_err *err)
{
	const struct mq_rabbit_conn *conn = reader->conn;
	struct mq_binding_spec binding = {
	    .exchange = conn->exchange, .key = "", .match = conn->match, .n_match = conn->n_match};

	for (size_t i = 0; i < conn->n_bindings; i++) {
		binding.key = conn->bindings[i];
		if (mq_rabbit_bind(reader->wire, queue, &binding, err) < 0)
			return -1;
	}
	if (conn->n_bindings > 0)
		return 0;
	/* Everything: for a topic exchange; a fanout has no keys, and without arguments a headers
	 * exchange gives all. */
	binding.key = conn->n_match ? "" : "#";
	return mq_rabbit_bind(reader->wire, queue, &binding, err);
}

/* The same bindings as the watched queue has, arguments and all. */
static int bind_like(struct mq_rabbit_reader *reader, const char *like, const char *queue,
                     struct mq_err *err)
{
	struct mq_rabbit_facts facts;
	int result = 0;

	if (mq_rabbit_queue_facts(reader->conn, like, &facts, err) < 0)
		return -1;
	for (size_t i = 0; i < facts.n_bindings && result == 0; i++)
		result = mq_rabbit_bind_like(reader->wire, queue, &facts.bindings[i], err);
	mq_rabbit_facts_release(&facts);
	return result;
}

static int begin(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                 struct mq_err *err)
{
	amqp_table_entry_t arguments[] = {
	    {.key = mq_rabbit_bytes("x-max-length"),
	     .value = {.kind = AMQP_FIELD_KIND_I64, .value = {.i64 = reader->conn->tap_length}}},
	    {.key = mq_rabbit_bytes("x-overflow"),
	     .value = {.kind = AMQP_FIELD_KIND_UTF8,
	               .value = {.bytes = mq_rabbit_bytes("drop-head")}}},
	    {.key = mq_rabbit_bytes("x-queue-type"),
	     .value = {.kind = AMQP_FIELD_KIND_UTF8,
	               .value = {.bytes = mq_rabbit_bytes("classic")}}},
	};
	amqp_queue_declare_t declare = {.queue = mq_rabbit_bytes(""),
	                                .exclusive = 1,
	                                .auto_delete = 1,
	                                .arguments = {3, arguments}};
	const amqp_queue_declare_ok_t *answer =
	    mq_rabbit_rpc(reader->wire, AMQP_QUEUE_DECLARE_METHOD, &declare,
	                  AMQP_QUEUE_DECLARE_OK_METHOD, reader->conn->shown, err);

	if (!answer)
		return -1;
	char *name = strndup(answer->queue.bytes, answer->queue.len);
	if (!name)
		return mq_fail_memory(err);
	free(source->tapped);
	source->tapped = name;
	if ((reader->conn->exchange ? bind_keys(reader, name, err)
	                            : bind_like(reader, source->queue, name, err)) < 0)
		return -1;
	return mq_rabbit_consume(reader, source, reader->prefetch > 0 ? reader->prefetch : PREFETCH,
	                         false, true, NULL, err);
}

static int accept(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                  struct mq_message *message, uint64_t tag, struct mq_err *err)
{
	(void)reader;
	(void)message;
	(void)tag;
	(void)err;
	source->uncredited++;
	return !source->done;
}

/* It is our own queue: what was handed out is done with. */
static int released(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	return mq_rabbit_credit(reader, reader->prefetch > 0 ? reader->prefetch : PREFETCH, err);
}

const struct mq_rabbit_way mq_rabbit_tap = {
    .prepare = prepare,
    .begin = begin,
    .accept = accept,
    .released = released,
    .resumes = true,
};
