/*
 * A message becomes the frames of basic.publish.
 *
 * Everything that AMQP has a place for stands there, so that other programs see it; what it cannot
 * hold travels in the reserved header (mqtk/carry.h). decode.c is the way back.
 */
#include "backend/rabbitmq/rabbitmq.h"
#include "backend/rabbitmq/reserved.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAME_OVERHEAD 8
#define HEADER_FIXED 12
#define CARRY_LIMIT ((size_t)4 << 20)

static amqp_bytes_t lend(struct mq_bytes bytes)
{
	return (amqp_bytes_t){bytes.len, (void *)(uintptr_t)bytes.data};
}

static void put_number(char *to, uint64_t number, size_t len)
{
	for (size_t i = len; i-- > 0; number >>= 8)
		to[i] = (char)(number & 0xff);
}

/* --- properties ------------------------------------------------------------------------------ */

/* Into AMQP's field when it fits, else into what is carried. */
static void place_short(struct mq_bytes value, amqp_flags_t flag, amqp_bytes_t *native,
                        amqp_flags_t *flags, struct mq_bytes *carried)
{
	if (mq_rabbit_short_native(value)) {
		*native = lend(value);
		*flags |= flag;
	} else {
		*carried = value;
	}
}

/* The properties that are left to be carried stand in rest. */
static void place_properties(const struct mq_rabbit_encoder *encoder, const struct mq_properties *p,
                             amqp_basic_properties_t *to, struct mq_properties *rest,
                             char expiry[static 24])
{
	place_short(p->message_id, AMQP_BASIC_MESSAGE_ID_FLAG, &to->message_id, &to->_flags,
	            &rest->message_id);
	place_short(p->correlation_id, AMQP_BASIC_CORRELATION_ID_FLAG, &to->correlation_id,
	            &to->_flags, &rest->correlation_id);
	place_short(p->content_type, AMQP_BASIC_CONTENT_TYPE_FLAG, &to->content_type, &to->_flags,
	            &rest->content_type);
	place_short(p->reply_to, AMQP_BASIC_REPLY_TO_FLAG, &to->reply_to, &to->_flags,
	            &rest->reply_to);
	place_short(p->type, AMQP_BASIC_TYPE_FLAG, &to->type, &to->_flags, &rest->type);
	place_short(p->app_id, AMQP_BASIC_APP_ID_FLAG, &to->app_id, &to->_flags, &rest->app_id);
	/* The broker refuses any other user than the one of the connection. */
	if (p->user_id.data && mq_bytes_equal(p->user_id, mq_bytes_str(encoder->conn->user)))
		place_short(p->user_id, AMQP_BASIC_USER_ID_FLAG, &to->user_id, &to->_flags,
		            &rest->user_id);
	else
		rest->user_id = p->user_id;
	place_short(p->content_encoding, AMQP_BASIC_CONTENT_ENCODING_FLAG, &to->content_encoding,
	            &to->_flags, &rest->content_encoding);
	rest->exchange = p->exchange;
	rest->delivery_count = p->delivery_count;
	rest->redelivered = p->redelivered;
	if (p->expiry_ms >= 0 && p->expiry_ms <= MQ_RABBIT_EXPIRY_MAX) {
		int n = snprintf(expiry, 24, "%" PRId64, p->expiry_ms);
		to->expiration = (amqp_bytes_t){(size_t)n, expiry};
		to->_flags |= AMQP_BASIC_EXPIRATION_FLAG;
	} else {
		rest->expiry_ms = p->expiry_ms;
	}
	if (p->priority >= 0 && p->priority <= UINT8_MAX) {
		to->priority = (uint8_t)p->priority;
		to->_flags |= AMQP_BASIC_PRIORITY_FLAG;
	} else {
		rest->priority = p->priority;
	}
}

/* --- headers --------------------------------------------------------------------------------- */

static int compare_names(struct mq_bytes a, struct mq_bytes b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.data, b.data, len) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The letter of a header's type: text unless it is said otherwise for all of them. */
static char type_of(const struct mq_message *message, size_t i)
{
	const struct mq_properties *p = message->properties;

	return p && p->header_types.data && p->header_types.len == message->n_headers
	           ? p->header_types.data[i]
	           : 'S';
}

/* True when the broker keeps these headers as they are: it sorts them by name, forgets duplicates,
 * and some queues know few types of values. */
static bool headers_survive(const struct mq_message *message)
{
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct mq_header *header = &message->headers[i];
		if (!mq_rabbit_header_native(header->name) || !header->value.data ||
		    !mq_utf8_valid(header->value) || !strchr("SIlt", type_of(message, i)) ||
		    (i > 0 && compare_names(message->headers[i - 1].name, header->name) >= 0))
			return false;
	}
	return true;
}

static bool seen_before(const struct mq_message *message, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (mq_bytes_equal(message->headers[k].name, message->headers[i].name))
			return true;
	return false;
}

/* True when AMQP's own headers say all of it but for their order. */
static bool headers_stand(const struct mq_message *message)
{
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct mq_header *header = &message->headers[i];
		char letter = type_of(message, i);
		if (!mq_rabbit_header_native(header->name) || seen_before(message, i) ||
		    (header->value.data && strchr("SFA", letter) && !mq_utf8_valid(header->value)))
			return false;
	}
	return true;
}

/* The headers as AMQP's, the first of each name, with room for one more. */
static int project_headers(struct mq_rabbit_encoder *encoder, const struct mq_message *message,
                           bool sorted, amqp_table_t *ret, struct mq_err *err)
{
	if (message->n_headers + 1 > encoder->cap) {
		size_t cap = (message->n_headers + 1) * 2;
		amqp_table_entry_t *more = realloc(encoder->entries, cap * sizeof *more);
		if (!more)
			return mq_fail_memory(err);
		encoder->entries = more;
		encoder->cap = cap;
	}
	if (!encoder->pool.pagesize)
		init_amqp_pool(&encoder->pool, 4096);
	recycle_amqp_pool(&encoder->pool);
	ret->entries = encoder->entries;
	ret->num_entries = 0;
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct mq_header *header = &message->headers[i];
		if (!mq_rabbit_header_native(header->name) || (!sorted && seen_before(message, i)))
			continue;
		amqp_table_entry_t *entry = &ret->entries[ret->num_entries++];
		entry->key = lend(header->name);
		char letter = type_of(message, i);
		if (letter != 'S' && mq_rabbit_field_read(header->value, letter,
		                                          mq_rabbit_header_broker(header->name),
		                                          &encoder->pool, &entry->value))
			continue;
		entry->value.kind =
		    header->value.data ? AMQP_FIELD_KIND_UTF8 : AMQP_FIELD_KIND_VOID;
		entry->value.value.bytes = lend(header->value);
	}
	return 0;
}

/* --- frames ---------------------------------------------------------------------------------- */

/* The broker returns a mandatory message for a direct reply-to as unroutable, also
 * when it has just delivered it. So whether somebody was still there is not known of those. */
static bool is_direct_reply(const char *exchange, struct mq_bytes routing_key)
{
	static const char prefix[] = "amq.rabbitmq.reply-to.";

	return !exchange[0] && routing_key.len >= sizeof prefix - 1 &&
	       memcmp(routing_key.data, prefix, sizeof prefix - 1) == 0;
}

static int put_publish(const struct mq_rabbit_encoder *encoder, const char *exchange,
                       struct mq_bytes routing_key, struct mq_buf *buf, struct mq_err *err)
{
	amqp_basic_publish_t publish = {.exchange = mq_rabbit_bytes(exchange),
	                                .routing_key = lend(routing_key),
	                                .mandatory = !is_direct_reply(exchange, routing_key)};
	size_t room = 600; /* two short strings and what is fixed */

	(void)encoder;
	if (mq_buf_reserve(buf, room + FRAME_OVERHEAD + 4, err) < 0)
		return -1;
	char *frame = buf->data + buf->len;
	int n = amqp_encode_method(AMQP_BASIC_PUBLISH_METHOD, &publish,
	                           (amqp_bytes_t){room, frame + 11});
	if (n < 0)
		return mq_fail(err, MQ_INTERNAL, "a message cannot be encoded: %s",
		               amqp_error_string2(n));
	frame[0] = AMQP_FRAME_METHOD;
	put_number(frame + 1, 1, 2);
	put_number(frame + 3, (uint64_t)n + 4, 4);
	put_number(frame + 7, AMQP_BASIC_PUBLISH_METHOD, 4);
	frame[11 + n] = (char)AMQP_FRAME_END;
	buf->len += (size_t)n + 12;
	return 0;
}

static int put_header(const struct mq_rabbit_encoder *encoder, amqp_basic_properties_t *properties,
                      size_t body, size_t guess, struct mq_buf *buf, struct mq_err *err)
{
	size_t max = encoder->frame_max - FRAME_OVERHEAD - HEADER_FIXED;
	size_t room = guess < max ? guess : max;

	if (mq_buf_reserve(buf, room + HEADER_FIXED + FRAME_OVERHEAD, err) < 0)
		return -1;
	char *frame = buf->data + buf->len;
	int n = amqp_encode_properties(AMQP_BASIC_CLASS, properties,
	                               (amqp_bytes_t){room, frame + 7 + HEADER_FIXED});
	if (n < 0) {
		mq_fail(err, MQ_DATA,
		        "its headers and properties do not fit one frame of %zu bytes",
		        encoder->frame_max);
		return mq_hint(err, "-X frame-max=BYTES asks for more, if the broker allows it");
	}
	frame[0] = AMQP_FRAME_HEADER;
	put_number(frame + 1, 1, 2);
	put_number(frame + 3, (uint64_t)n + HEADER_FIXED, 4);
	put_number(frame + 7, AMQP_BASIC_CLASS, 2);
	put_number(frame + 9, 0, 2);
	put_number(frame + 11, body, 8);
	frame[7 + HEADER_FIXED + n] = (char)AMQP_FRAME_END;
	buf->len += (size_t)n + HEADER_FIXED + FRAME_OVERHEAD;
	return 0;
}

static int put_body(const struct mq_rabbit_encoder *encoder, struct mq_bytes body,
                    struct mq_buf *buf, struct mq_err *err)
{
	size_t max = encoder->frame_max - FRAME_OVERHEAD;

	if (mq_buf_reserve(buf, body.len + (body.len / max + 1) * FRAME_OVERHEAD, err) < 0)
		return -1;
	for (size_t at = 0; at < body.len;) {
		size_t len = body.len - at < max ? body.len - at : max;
		char *frame = buf->data + buf->len;
		frame[0] = AMQP_FRAME_BODY;
		put_number(frame + 1, 1, 2);
		put_number(frame + 3, len, 4);
		memcpy(frame + 7, body.data + at, len);
		frame[7 + len] = (char)AMQP_FRAME_END;
		buf->len += len + FRAME_OVERHEAD;
		at += len;
	}
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Enough for what amqp_encode_properties will write; whatever tables need, as far as one frame
 * goes. */
static size_t value_size(const amqp_field_value_t *value)
{
	switch (value->kind) {
	case AMQP_FIELD_KIND_UTF8:
	case AMQP_FIELD_KIND_BYTES:
		return 8 + value->value.bytes.len;
	case AMQP_FIELD_KIND_TABLE:
	case AMQP_FIELD_KIND_ARRAY:
		return INT32_MAX;
	default:
		return 16;
	}
}

static size_t properties_size(const amqp_basic_properties_t *properties)
{
	size_t size = 256 + properties->content_type.len + properties->correlation_id.len +
	              properties->reply_to.len + properties->message_id.len + properties->type.len +
	              properties->user_id.len + properties->app_id.len +
	              properties->content_encoding.len;

	for (int i = 0; i < properties->headers.num_entries; i++)
		size += properties->headers.entries[i].key.len +
		        value_size(&properties->headers.entries[i].value);
	return size;
}

/* The members that AMQP has no place for. */
static unsigned carried_members(const struct mq_message *message, bool direct,
                                struct mq_bytes routing_key, struct mq_properties *rest)
{
	unsigned members = 0;

	if (direct ? message->key.data != NULL : message->key.data && routing_key.len == 0)
		members |= MQ_CARRY_KEY;
	if (!headers_survive(message)) {
		members |= MQ_CARRY_HEADERS;
		if (message->properties)
			rest->header_types = message->properties->header_types;
	}
	if (message->ts_ms != MQ_NO_TIME && (message->ts_ms < 0 || message->ts_ms % 1000 != 0))
		members |= MQ_CARRY_TIME;
	if (!message->payload.data)
		members |= MQ_CARRY_PAYLOAD;
	if (mq_carry_wanted(rest))
		members |= MQ_CARRY_PROPERTIES;
	return members;
}

static int add_carried(struct mq_rabbit_encoder *encoder, const struct mq_message *message,
                       unsigned members, const struct mq_properties *rest, amqp_table_t *headers,
                       struct mq_err *err)
{
	struct mq_message carried = *message;

	if (encoder->carried.limit == 0)
		mq_buf_init(&encoder->carried, CARRY_LIMIT);
	mq_buf_clear(&encoder->carried);
	carried.properties = rest;
	if (mq_carry_append_message(&carried, members, &encoder->carried, err) < 0)
		return -1;
	amqp_table_entry_t *entry = &headers->entries[headers->num_entries++];
	entry->key = mq_rabbit_bytes(MQ_CARRY_HEADER);
	entry->value.kind = AMQP_FIELD_KIND_UTF8;
	entry->value.value.bytes = (amqp_bytes_t){encoder->carried.len, encoder->carried.data};
	return 0;
}

/* The frame of properties, with headers and what is carried. */
static int put_headers(struct mq_rabbit_encoder *encoder, const struct mq_message *message,
                       unsigned members, const struct mq_properties *rest,
                       amqp_basic_properties_t *properties, struct mq_buf *buf, struct mq_err *err)
{
	if (message->n_headers > 0 || members) {
		if (project_headers(encoder, message, !(members & MQ_CARRY_HEADERS),
		                    &properties->headers, err) < 0 ||
		    (members &&
		     add_carried(encoder, message, members, rest, &properties->headers, err) < 0))
			return -1;
		properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
	}
	return put_header(encoder, properties, message->payload.len, properties_size(properties),
	                  buf, err);
}

int mq_rabbit_encode(struct mq_rabbit_encoder *encoder, const struct mq_message *message,
                     const char *exchange, struct mq_bytes routing_key, struct mq_buf *buf,
                     struct mq_err *err)
{
	amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG};
	struct mq_properties rest = MQ_PROPERTIES_INIT;
	char expiry[24];
	size_t begin = buf->len;

	if (routing_key.len > MQ_RABBIT_SHORT_MAX) {
		mq_fail(err, MQ_DATA, "%s of %zu bytes is too long; a routing key has at most %d",
		        exchange[0] ? "its key" : "a queue's name", routing_key.len,
		        MQ_RABBIT_SHORT_MAX);
		return -1;
	}
	properties.delivery_mode =
	    encoder->conn->persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT;
	if (message->properties)
		place_properties(encoder, message->properties, &properties, &rest, expiry);
	if (message->ts_ms != MQ_NO_TIME && message->ts_ms >= 0) {
		properties.timestamp = (uint64_t)message->ts_ms / 1000;
		properties._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
	}
	unsigned members = carried_members(message, !exchange[0], routing_key, &rest);
	if (put_publish(encoder, exchange, routing_key, buf, err) < 0)
		goto fail;
	int put = put_headers(encoder, message, members, &rest, &properties, buf, err);
	if (put < 0 && err->code == MQ_DATA && (members & MQ_CARRY_HEADERS) &&
	    headers_stand(message)) {
		/* Twice they are too large; once, without their order, they may fit. */
		mq_err_clear(err);
		members &= ~(unsigned)MQ_CARRY_HEADERS;
		rest.header_types = MQ_ABSENT;
		if (!mq_carry_wanted(&rest))
			members &= ~(unsigned)MQ_CARRY_PROPERTIES;
		put = put_headers(encoder, message, members, &rest, &properties, buf, err);
	}
	if (put < 0 || put_body(encoder, message->payload, buf, err) < 0)
		goto fail;
	return 0;
fail:
	buf->len = begin;
	return -1;
}

void mq_rabbit_encoder_release(struct mq_rabbit_encoder *encoder)
{
	mq_buf_release(&encoder->carried);
	free(encoder->entries);
	if (encoder->pool.pagesize)
		empty_amqp_pool(&encoder->pool);
}
