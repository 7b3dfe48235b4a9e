/*
 * Streams over AMQP 0-9-1: reading from an offset, a time, the last N; following.
 *
 * A stream hands out whole chunks, so what it sends may begin before what was asked for: that is
 * dropped here. Acknowledgements are only credit, nothing is taken. The end of a stream is not told
 * anywhere: it is found by a consumer of our own that reads the last chunk, before the real one.
 */
#include "backend/rabbitmq/manage.h"
#include "backend/rabbitmq/reader.h"

enum {
	PREFETCH = 2000,
	PROBE_MS = 150,       /* silence after which a chunk has been read whole */
	PROBE_EMPTY_MS = 600, /* silence that means that nothing is there */
	FIRST_CHUNK = 4096,   /* messages that may stand before the moment asked for */
};

#define PLACE_TAG "mqtk.probe"
#define FRESH_TAG "mqtk.probe.fresh"

/* --- finding an offset ----------------------------------------------------------------------- */

struct probe {
	struct mq_rabbit_content content;
	struct mq_rabbit_memory memory;
	int64_t first, last; /* offsets that were seen; -1: none */
	int64_t from;        /* messages before that offset do not count, */
	int64_t since;       /* nor do those of before that moment; 0: all do */
	int64_t first_ts;    /* of the first that was seen, or MQ_NO_TIME */
	int64_t fresh;       /* the first one that was written meanwhile; -1: none */
	uint64_t tag;
	int64_t slowness_ms; /* how long the broker takes to answer */
};

static int probe_frame(void *ctx, const struct mq_rabbit_frame *frame, struct mq_err *err)
{
	struct probe *probe = ctx;

	if (probe->content.state == MQ_CONTENT_NONE &&
	    (frame->type != AMQP_FRAME_METHOD || frame->method != AMQP_BASIC_DELIVER_METHOD))
		return 0;
	int whole = mq_rabbit_content_feed(&probe->content, frame, &probe->memory.pool, err);
	if (whole <= 0)
		return whole;
	const amqp_basic_deliver_t *deliver = probe->content.decoded;
	struct mq_rabbit_arrival arrival = {.properties = probe->content.properties,
	                                    .body = probe->content.body,
	                                    .size = probe->content.size};
	struct mq_message message;
	if (mq_rabbit_decode(&probe->memory, &arrival, &message, err) < 0)
		return -1;
	probe->tag = deliver->delivery_tag;
	if (message.offset != MQ_NO_OFFSET && deliver->consumer_tag.len == sizeof FRESH_TAG - 1) {
		probe->fresh = probe->fresh < 0 ? message.offset : probe->fresh;
	} else if (message.offset != MQ_NO_OFFSET && message.offset >= probe->from &&
	           (message.ts_ms == MQ_NO_TIME || message.ts_ms >= probe->since)) {
		if (probe->first < 0) {
			probe->first = message.offset;
			probe->first_ts = message.ts_ms;
		}
		probe->last = message.offset;
	}
	mq_rabbit_memory_clear(&probe->memory);
	return 0;
}

/* Reads what comes until it is silent for a while. only_first: until the first message. */
static int probe_read(struct mq_rabbit_wire *wire, struct probe *probe, bool only_first,
                      struct mq_err *err)
{
	int64_t heard = mq_now_monotonic_ms();
	uint64_t acked = 0;

	for (;;) {
		struct mq_rabbit_frame frame;
		int got;
		while ((got = mq_rabbit_wire_next(wire, &frame, err)) > 0)
			if (probe_frame(probe, &frame, err) < 0)
				return -1;
		if (got < 0)
			return -1;
		if ((only_first && probe->first >= 0) || probe->fresh >= 0)
			return 0;
		int64_t now = mq_now_monotonic_ms();
		int64_t silence = probe->last < 0 ? PROBE_EMPTY_MS : PROBE_MS;
		int64_t left = heard + silence + 3 * probe->slowness_ms - now;
		if (left <= 0)
			return 0;
		if (probe->tag > acked + PREFETCH / 2) {
			amqp_basic_ack_t ack = {.delivery_tag = probe->tag, .multiple = 1};
			if (mq_rabbit_put_method(wire, 1, AMQP_BASIC_ACK_METHOD, &ack, err) < 0)
				return -1;
			acked = probe->tag;
		}
		got = mq_rabbit_wire_wait(wire, (int)left, err);
		if (got < 0)
			return -1;
		if (got > 0)
			heard = mq_now_monotonic_ms();
		if (mq_cancel_signal(wire->env->cancel))
			return mq_fail(err, MQ_CANCELLED, "stopped by a signal");
	}
}

static amqp_field_value_t at_text(const char *text)
{
	return (amqp_field_value_t){.kind = AMQP_FIELD_KIND_UTF8,
	                            .value = {.bytes = mq_rabbit_bytes(text)}};
}

/* The offsets at a place: over the connection's own wire, whose channel is then closed. */
static int probe_at(struct mq_rabbit_conn *conn, const char *queue, const amqp_field_value_t *place,
                    bool only_first, struct probe *probe, struct mq_err *err)
{
	struct mq_rabbit_wire *wire = mq_rabbit_admin(conn, err);
	amqp_basic_qos_t qos = {.prefetch_count = only_first ? 1 : PREFETCH};
	amqp_table_entry_t argument = {.key = mq_rabbit_bytes("x-stream-offset"), .value = *place};
	amqp_basic_consume_t consume = {.queue = mq_rabbit_bytes(queue),
	                                .consumer_tag = mq_rabbit_bytes(PLACE_TAG),
	                                .arguments = {1, &argument}};
	amqp_table_entry_t from_now = {.key = mq_rabbit_bytes("x-stream-offset"),
	                               .value = at_text("next")};
	amqp_basic_consume_t fresh = {.queue = mq_rabbit_bytes(queue),
	                              .consumer_tag = mq_rabbit_bytes(FRESH_TAG),
	                              .arguments = {1, &from_now}};
	int64_t begun = mq_now_monotonic_ms();
	int result = -1;

	*probe = (struct probe){.first = -1,
	                        .last = -1,
	                        .fresh = -1,
	                        .from = probe->from,
	                        .since = probe->since,
	                        .first_ts = MQ_NO_TIME};
	if (!wire)
		return -1;
	mq_rabbit_memory_init(&probe->memory);
	wire->on_frame = probe_frame;
	wire->ctx = probe;
	/* Where somebody writes all the time the last chunk has no end: then it lies before what
	 * comes from now on. */
	if (mq_rabbit_rpc(wire, AMQP_BASIC_QOS_METHOD, &qos, AMQP_BASIC_QOS_OK_METHOD, queue,
	                  err) &&
	    (only_first || mq_rabbit_rpc(wire, AMQP_BASIC_CONSUME_METHOD, &fresh,
	                                 AMQP_BASIC_CONSUME_OK_METHOD, queue, err)) &&
	    mq_rabbit_rpc(wire, AMQP_BASIC_CONSUME_METHOD, &consume, AMQP_BASIC_CONSUME_OK_METHOD,
	                  queue, err)) {
		probe->slowness_ms = mq_now_monotonic_ms() - begun;
		result = probe_read(wire, probe, only_first, err);
	}
	struct mq_err ignored = MQ_ERR_INIT;
	wire->on_frame = NULL;
	if (!wire->dead)
		mq_rabbit_channel_close(wire, &ignored);
	mq_rabbit_memory_release(&probe->memory);
	return result;
}

static amqp_field_value_t at_offset(int64_t offset)
{
	return (amqp_field_value_t){.kind = AMQP_FIELD_KIND_I64, .value = {.i64 = offset}};
}

static amqp_field_value_t at_time(int64_t ms)
{
	return (amqp_field_value_t){.kind = AMQP_FIELD_KIND_TIMESTAMP,
	                            .value = {.u64 = ms > 0 ? (uint64_t)ms / 1000 : 0}};
}

int mq_rabbit_looks_like_stream(struct mq_rabbit_reader *reader, const char *queue,
                                struct mq_err *err)
{
	amqp_field_value_t first = at_text("first");
	struct probe probe = {0};
	struct mq_err why = MQ_ERR_INIT;

	if (probe_at(reader->conn, queue, &first, true, &probe, &why) == 0)
		return probe.first >= 0;
	/* From 4.0 on queues refuse to be read from an offset; before, they ignore it. */
	if (strstr(why.message, "x-stream-offset"))
		return 0;
	*err = why;
	return -1;
}

/* The offset behind the last message. */
static int find_end(struct mq_rabbit_conn *conn, const char *queue, int64_t *ret_end,
                    struct mq_err *err)
{
	amqp_field_value_t last = at_text("last");
	struct probe probe = {0};

	/* Its depth is no help: of a stream a passive declare tells 0 or what was seconds ago. */
	if (probe_at(conn, queue, &last, false, &probe, err) < 0)
		return -1;
	*ret_end = probe.fresh >= 0 ? probe.fresh : probe.last + 1;
	return 0;
}

int mq_rabbit_stream_span(struct mq_rabbit_conn *conn, const char *stream,
                          struct mq_rabbit_span *ret_span, struct mq_err *err)
{
	amqp_field_value_t first = at_text("first");
	struct probe probe = {0};

	*ret_span = (struct mq_rabbit_span){-1, -1};
	if (find_end(conn, stream, &ret_span->end, err) < 0)
		return -1;
	if (ret_span->end > 0 && probe_at(conn, stream, &first, true, &probe, err) < 0)
		return -1;
	ret_span->begin = probe.first > 0 ? probe.first : 0;
	return 0;
}

int mq_rabbit_stream_time(struct mq_rabbit_conn *conn, const char *stream, int64_t offset,
                          int64_t *ret_ms, struct mq_err *err)
{
	amqp_field_value_t place = at_offset(offset);
	struct probe probe = {.from = offset};

	if (probe_at(conn, stream, &place, true, &probe, err) < 0)
		return -1;
	*ret_ms = probe.first_ts;
	return 0;
}

/* --- locating -------------------------------------------------------------------------------- */

static int locate_one(struct mq_rabbit_conn *conn, const struct mq_rabbit_span *span,
                      struct mq_locate *request, struct mq_err *err)
{
	const struct mq_pos *pos = &request->pos;
	amqp_field_value_t place = at_time(pos->number);
	struct probe probe = {.since = pos->number};

	switch (pos->kind) {
	case MQ_POS_END:
		request->offset = span->end;
		return 0;
	case MQ_POS_OFFSET:
		request->offset = pos->number;
		return 0;
	case MQ_POS_LAST:
		request->offset =
		    span->end - span->begin > pos->number ? span->end - pos->number : span->begin;
		return 0;
	case MQ_POS_TIME:
		if (probe_at(conn, request->stream, &place, true, &probe, err) < 0)
			return -1;
		/* What was written since the end was looked at lies behind it. */
		request->offset =
		    probe.first >= 0 && probe.first < span->end ? probe.first : span->end;
		request->ts_ms = request->offset < span->end ? probe.first_ts : MQ_NO_TIME;
		return 0;
	default:
		request->offset = span->begin;
		return 0;
	}
}

/* Only streams have positions. */
static int check_stream(struct mq_rabbit_conn *conn, const char *stream, struct mq_err *err)
{
	struct mq_rabbit_wire *wire = mq_rabbit_admin(conn, err);
	struct mq_rabbit_depth ignored;
	struct mq_rabbit_facts facts;

	if (!wire || mq_rabbit_depth(wire, stream, &ignored, err) < 0 ||
	    mq_rabbit_queue_facts(conn, stream, &facts, err) < 0)
		return -1;
	enum mq_rabbit_type type = facts.type;
	mq_rabbit_facts_release(&facts);
	if (type == MQ_RABBIT_TYPE_UNKNOWN)
		type = mq_rabbit_type_by_amqp(conn, stream);
	if (type == MQ_RABBIT_STREAM)
		return 0;
	if (type == MQ_RABBIT_TYPE_UNKNOWN) {
		mq_fail(err, MQ_USAGE,
		        "whether '%s' is a stream, which has positions, is not known", stream);
		return mq_hint(err, "-X management=URL tells the type");
	}
	mq_fail(err, MQ_USAGE, "'%s' is a queue, which has no positions to look up", stream);
	return mq_hint(err,
	               "only RabbitMQ's streams have; mqtk consume looks at what is in a queue");
}

int mq_rabbit_locate(struct mq_conn *base, struct mq_locate *requests, size_t n, struct mq_err *err)
{
	struct mq_rabbit_conn *conn = (struct mq_rabbit_conn *)base;
	struct mq_rabbit_span span = {-1, -1};

	for (size_t i = 0; i < n; i++) {
		struct mq_locate *request = &requests[i];
		const struct mq_locate *before = i > 0 ? &requests[i - 1] : NULL;
		bool same = before && strcmp(before->stream, request->stream) == 0;
		request->offset = MQ_NO_OFFSET;
		request->id[0] = '\0';
		request->ts_ms = MQ_NO_TIME;
		request->err = (struct mq_err)MQ_ERR_INIT;
		/* Requests for one stream follow each other: its ends are looked up once. */
		if (same && before->err.code)
			request->err = before->err;
		else if ((same || (check_stream(conn, request->stream, &request->err) == 0 &&
		                   mq_rabbit_stream_span(conn, request->stream, &span,
		                                         &request->err) == 0)))
			locate_one(conn, &span, request, &request->err);
		if (request->err.code == MQ_CANCELLED || request->err.code == MQ_UNREACHABLE) {
			*err = request->err;
			return -1;
		}
	}
	return 0;
}

/* --- positions ------------------------------------------------------------------------------- */

static int place_stop(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                      struct mq_err *err)
{
	const struct mq_pos *to = &source->to;
	amqp_field_value_t place;
	struct probe probe = {0};

	if (reader->stop_at_end || to->kind == MQ_POS_END)
		source->stop = source->end;
	switch (to->kind) {
	case MQ_POS_BEGINNING:
		source->stop = 0;
		break;
	case MQ_POS_OFFSET:
		if (source->stop < 0 || to->number < source->stop)
			source->stop = to->number;
		break;
	case MQ_POS_LAST:
		source->stop = source->end > to->number ? source->end - to->number : 0;
		break;
	case MQ_POS_TIME:
		if (to->number > mq_now_ms()) {
			source->until = to->number;
			break;
		}
		/* The first chunk at or behind the moment; none: all there is lies before it. */
		place = at_time(to->number + 999);
		if (probe_at(reader->conn, source->queue, &place, true, &probe, err) < 0)
			return -1;
		source->stop =
		    probe.first >= 0 && probe.first < source->end ? probe.first : source->end;
		break;
	default:
		break;
	}
	return 0;
}

static int place_start(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                       struct mq_err *err)
{
	const struct mq_pos *from = &source->from;
	amqp_field_value_t place;
	struct probe probe = {0};

	switch (from->kind) {
	case MQ_POS_OFFSET:
		source->next = from->number;
		break;
	case MQ_POS_LAST:
		source->next = source->end > from->number ? source->end - from->number : 0;
		break;
	case MQ_POS_END:
		source->next = source->end;
		break;
	case MQ_POS_TIME:
		place = at_time(from->number);
		if (probe_at(reader->conn, source->queue, &place, true, &probe, err) < 0)
			return -1;
		source->since = from->number;
		source->skip = FIRST_CHUNK;
		if (probe.first < 0) /* nothing is that new */
			source->next = source->end;
		break;
	default:
		break;
	}
	return 0;
}

static int prepare(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	reader->ends = true;
	for (size_t i = 0; i < reader->n_sources; i++) {
		struct mq_rabbit_source *source = &reader->sources[i];
		reader->ends = reader->ends && source->to.kind != MQ_POS_UNSET;
		if (find_end(reader->conn, source->queue, &source->end, err) < 0 ||
		    place_stop(reader, source, err) < 0 || place_start(reader, source, err) < 0)
			return -1;
		int64_t next = source->next > 0 ? source->next : 0;
		source->caught = next >= source->end;
		source->done = source->stop >= 0 && next >= source->stop;
		if (source->from.kind == MQ_POS_OFFSET && next > source->end)
			mq_log(reader->conn->base.env, MQ_LEVEL_WARN,
			       "stream '%s' ends at offset %lld; %lld is not there yet",
			       source->queue, (long long)source->end, (long long)next);
	}
	return 0;
}

/* --- the way --------------------------------------------------------------------------------- */

static int begin(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                 struct mq_err *err)
{
	amqp_field_value_t place = at_text("first");

	source->uncredited = 0;
	if (source->next >= 0)
		place = at_offset(source->next);
	else if (source->since != MQ_NO_TIME)
		place = at_time(source->since);
	return mq_rabbit_consume(reader, source, reader->prefetch > 0 ? reader->prefetch : PREFETCH,
	                         false, false, &place, err);
}

/* Messages before the wanted ones, in the chunk that holds the first of those. */
static bool too_early(struct mq_rabbit_source *source, const struct mq_message *message)
{
	if (source->next >= 0)
		return message->offset < source->next;
	if (source->since == MQ_NO_TIME || source->skip == 0)
		return false;
	if (message->ts_ms != MQ_NO_TIME && message->ts_ms < source->since) {
		source->skip--;
		return true;
	}
	source->skip = 0;
	return false;
}

/* An offset is missing where a reader's own was stored, or where the beginning of the stream was
 * removed meanwhile: the first offset that there is tells which. */
static int count_gap(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                     int64_t offset, struct mq_err *err)
{
	amqp_field_value_t first = at_text("first");
	struct probe probe = {0};

	if (source->next < 0 || offset <= source->next ||
	    !(source->from.kind == MQ_POS_OFFSET || source->came || source->caught))
		return 0;
	if (probe_at(reader->conn, source->queue, &first, true, &probe, err) < 0)
		return -1;
	int64_t gone = probe.first < offset ? probe.first : offset;
	if (gone <= source->next)
		return 0;
	mq_log(reader->conn->base.env, MQ_LEVEL_WARN,
	       "stream '%s': offsets %lld to %lld are gone; going on at %lld", source->queue,
	       (long long)source->next, (long long)gone - 1, (long long)offset);
	if (source->stop >= 0 && gone > source->stop)
		gone = source->stop;
	reader->base.missed += gone - source->next;
	return 0;
}

static int accept(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                  struct mq_message *message, uint64_t tag, struct mq_err *err)
{
	(void)tag;
	source->uncredited++;
	if (message->offset == MQ_NO_OFFSET)
		return mq_fail(err, MQ_UNREACHABLE, "stream '%s': a message came without an offset",
		               source->queue);
	if (source->done || too_early(source, message))
		return 0;
	if (count_gap(reader, source, message->offset, err) < 0)
		return -1;
	if (source->stop >= 0 && message->offset >= source->stop) {
		source->done = source->caught = true;
		return 0;
	}
	source->next = message->offset + 1;
	source->came = true;
	source->caught = source->caught || source->next >= source->end;
	source->done = source->stop >= 0 && source->next >= source->stop;
	return 1;
}

static int idle(struct mq_rabbit_reader *reader, struct mq_rabbit_source *source,
                struct mq_err *err)
{
	(void)reader;
	(void)err;
	if (source->until != MQ_NO_TIME && mq_now_ms() >= source->until)
		source->done = source->caught = true;
	return 0;
}

/* Credit for what was handed out. Each queue's by itself: the deliveries of several come over one
 * channel, and a credit for all would be one for those that still wait here too. */
static int released(struct mq_rabbit_reader *reader, struct mq_err *err)
{
	return mq_rabbit_credit(reader, reader->prefetch > 0 ? reader->prefetch : PREFETCH, err);
}

const struct mq_rabbit_way mq_rabbit_follow = {
    .prepare = prepare,
    .begin = begin,
    .accept = accept,
    .idle = idle,
    .released = released,
    .finish = mq_rabbit_give_back,
    .resumes = true,
};
