/*
 * What kind of queue it is decides how it can be read: a stream is followed, a queue is taken from
 * or looked at, and where a look could make the broker drop messages it is refused.
 *
 * The management API tells (facts.c). Without it AMQP tells the type all the same, by the words in
 * which the broker refuses to make the queue anew as something that there is none of.
 */
#include "backend/rabbitmq/manage.h"
#include "backend/rabbitmq/reader.h"

enum { LIMIT_LOW = 5 }; /* deliveries: a few looks would use them up */

/* No queue can be made by this, even if it went away since: there is no such type. */
enum mq_rabbit_type mq_rabbit_type_by_amqp(struct mq_rabbit_conn *conn, const char *queue)
{
	struct mq_err refusal = MQ_ERR_INIT;
	struct mq_rabbit_wire *wire = mq_rabbit_admin(conn, &refusal);
	amqp_table_entry_t argument = {
	    .key = mq_rabbit_bytes("x-queue-type"),
	    .value = {.kind = AMQP_FIELD_KIND_UTF8,
	              .value = {.bytes = mq_rabbit_bytes("mqtk-asks-for-the-type")}}};
	amqp_queue_declare_t declare = {
	    .queue = mq_rabbit_bytes(queue), .durable = 1, .arguments = {1, &argument}};

	if (!wire || mq_rabbit_rpc(wire, AMQP_QUEUE_DECLARE_METHOD, &declare,
	                           AMQP_QUEUE_DECLARE_OK_METHOD, queue, &refusal))
		return MQ_RABBIT_TYPE_UNKNOWN;
	/* Of several arguments that differ it names one, which may be another. */
	if (wire->closed_code != AMQP_PRECONDITION_FAILED ||
	    !strstr(wire->closed_text, "inequivalent arg 'x-queue-type'"))
		return MQ_RABBIT_TYPE_UNKNOWN;
	if (strstr(wire->closed_text, "current is 'stream'"))
		return MQ_RABBIT_STREAM;
	if (strstr(wire->closed_text, "current is 'quorum'"))
		return MQ_RABBIT_QUORUM;
	return MQ_RABBIT_CLASSIC;
}

/* --- looking --------------------------------------------------------------------------------- */

/* From 4.3 on what is given back by a nack does not count. */
static bool look_counts(const struct mq_rabbit_wire *wire, enum mq_rabbit_type type)
{
	return type != MQ_RABBIT_CLASSIC &&
	       !(wire->version_major > 4 || (wire->version_major == 4 && wire->version_minor >= 3));
}

static int check_look(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                      const struct mq_rabbit_facts *facts, enum mq_rabbit_type type,
                      struct mq_err *err)
{
	int64_t limit = facts->delivery_limit;

	if (reader->force || !look_counts(reader->wire, type))
		return 0;
	if (reader->uncounted)
		return mq_fail(err, MQ_USAGE, "looking at '%s' counts as a delivery",
		               source->queue);
	if (type == MQ_RABBIT_TYPE_UNKNOWN ||
	    (type == MQ_RABBIT_QUORUM && limit == MQ_RABBIT_UNKNOWN &&
	     reader->wire->version_major == 3)) {
		mq_log(reader->conn->base.env, MQ_LEVEL_NOTE,
		       "looking at '%s' counts as a delivery of its messages; whether it has a "
		       "delivery limit is not known (%s)",
		       source->queue,
		       facts->why_unknown[0] ? facts->why_unknown : "the broker does not tell");
		return 0;
	}
	if (limit == MQ_RABBIT_UNKNOWN) {
		mq_fail(err, MQ_USAGE,
		        "looking at quorum queue '%s' counts as a delivery, and its delivery limit "
		        "is not known: the broker could drop messages",
		        source->queue);
		return mq_hint(err, "-X management=URL tells the limit; --force looks all the "
		                    "same; 'consume --ack' takes");
	}
	if (limit >= 0 && limit < LIMIT_LOW) {
		mq_fail(err, MQ_USAGE,
		        "looking at quorum queue '%s' counts as a delivery, and after %lld of them "
		        "the broker drops a message",
		        source->queue, (long long)limit);
		return mq_hint(err, "--force looks all the same; 'consume --ack' takes");
	}
	/* No further than to half of what a message may bear: see look.c. */
	source->bear = limit >= 0 ? limit / 2 : -1;
	return 0;
}

/* --- the choice ------------------------------------------------------------------------------ */

/* What is looked at is put back. */
static bool is_look(const struct mq_rabbit_reader *reader)
{
	return reader->way == &mq_rabbit_look || reader->way == &mq_rabbit_pick;
}

static int check_kinds(const struct mq_rabbit_reader *reader, size_t streams, bool ack, bool choosy,
                       struct mq_err *err)
{
	if (streams > 0 && ack) {
		mq_fail(err, MQ_USAGE,
		        "'%s' is a stream, which keeps its messages: there is nothing to take",
		        reader->sources[0].queue);
		if (choosy)
			return mq_hint(err, "requeue and move go on by --resume FILE; what is old "
			                    "goes by the stream's own limits");
		return mq_hint(err, "leave out --ack; --from OFFSET goes on where reading ended. "
		                    "'mqtk replay' copies into a queue, for --exec");
	}
	if (reader->ranges && streams < reader->n_sources) {
		mq_fail(err, MQ_USAGE, "'%s' is a queue: it has no positions to read from or to",
		        reader->sources[0].queue);
		return mq_hint(err, "only streams can be read by ranges");
	}
	if (streams > 0 && streams < reader->n_sources) {
		mq_fail(err, MQ_USAGE, "streams and queues cannot be read together");
		return mq_hint(err, "use a command for each");
	}
	return 0;
}

int mq_rabbit_choose(struct mq_rabbit_reader *reader, bool ack, bool choosy, struct mq_err *err)
{
	size_t streams = 0;

	reader->way = ack && choosy   ? &mq_rabbit_pick
	              : ack           ? &mq_rabbit_take
	              : reader->watch ? &mq_rabbit_tap
	                              : &mq_rabbit_look;
	if (reader->conn->exchange) {
		if (ack) {
			mq_fail(err, MQ_USAGE,
			        "an exchange holds no messages: there is nothing to "
			        "take");
			return mq_hint(err, "leave out --ack to see what goes through it");
		}
		reader->way = &mq_rabbit_tap;
		return 0;
	}
	for (size_t i = 0; i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		struct mq_rabbit_depth depth;
		struct mq_rabbit_facts facts;
		/* The broker's own words when it is missing or may not be read. */
		if (mq_rabbit_depth(reader->wire, source->queue, &depth, err) < 0 ||
		    mq_rabbit_queue_facts(reader->conn, source->queue, &facts, err) < 0)
			return -1;
		enum mq_rabbit_type type = facts.type;
		if (type == MQ_RABBIT_TYPE_UNKNOWN)
			type = mq_rabbit_type_by_amqp(reader->conn, source->queue);
		int stream = type == MQ_RABBIT_TYPE_UNKNOWN
		                 ? mq_rabbit_looks_like_stream(reader, source->queue, err)
		                 : 0;
		if (stream > 0)
			type = MQ_RABBIT_STREAM;
		streams += type == MQ_RABBIT_STREAM;
		source->rotates = type != MQ_RABBIT_CLASSIC;
		int result = stream < 0 ? -1
		             : type == MQ_RABBIT_STREAM || !is_look(reader)
		                 ? 0
		                 : check_look(reader, source, &facts, type, err);
		mq_rabbit_facts_release(&facts);
		if (result < 0)
			return -1;
	}
	if (check_kinds(reader, streams, ack, choosy, err) < 0)
		return -1;
	if (streams > 0)
		reader->way = &mq_rabbit_follow;
	return 0;
}
