/*
 * What arrived becomes a message: the way back of encode.c.
 *
 * What the reserved header carries counts only while AMQP's own fields do not say otherwise:
 * somebody may have changed or forwarded the message since.
 */
#include "backend/rabbitmq/rabbitmq.h"
#include "backend/rabbitmq/reserved.h"

#include <stdlib.h>

void mq_rabbit_memory_init(struct mq_rabbit_memory *memory)
{
	init_amqp_pool(&memory->pool, 64 * 1024);
}

void mq_rabbit_memory_clear(struct mq_rabbit_memory *memory)
{
	recycle_amqp_pool(&memory->pool);
	if (memory->carrier)
		mq_carrier_clear(memory->carrier);
}

void mq_rabbit_memory_release(struct mq_rabbit_memory *memory)
{
	empty_amqp_pool(&memory->pool);
	mq_carrier_free(memory->carrier);
}

static struct mq_bytes borrow(amqp_bytes_t bytes)
{
	return mq_bytes_of(bytes.bytes ? bytes.bytes : "", bytes.len);
}

/* What of a message is being put together. */
struct state {
	struct mq_rabbit_memory *memory;
	const struct mq_rabbit_arrival *arrival;
	struct mq_message *message;
	struct mq_message carried;
	char *types;      /* a letter for each header of message */
	unsigned members; /* enum mq_carry_member: what is in carried */
	struct mq_properties properties;
	bool has_properties;
	bool died; /* it was dead-lettered */
	int64_t stream_offset;
};

/* --- headers --------------------------------------------------------------------------------- */

static bool whole_number(const amqp_field_value_t *value, int64_t *ret)
{
	switch (value->kind) {
	case AMQP_FIELD_KIND_I64:
		*ret = value->value.i64;
		return true;
	case AMQP_FIELD_KIND_U64:
		*ret = (int64_t)value->value.u64;
		return true;
	case AMQP_FIELD_KIND_I32:
		*ret = value->value.i32;
		return true;
	case AMQP_FIELD_KIND_U32:
		*ret = value->value.u32;
		return true;
	case AMQP_FIELD_KIND_I16:
		*ret = value->value.i16;
		return true;
	case AMQP_FIELD_KIND_U16:
		*ret = value->value.u16;
		return true;
	case AMQP_FIELD_KIND_I8:
		*ret = (int)value->value.i8;
		return true;
	case AMQP_FIELD_KIND_U8:
		*ret = value->value.u8;
		return true;
	default:
		return false;
	}
}

static bool read_carried(struct state *s, struct mq_bytes value)
{
	struct mq_err ignored = MQ_ERR_INIT;

	if (!s->memory->carrier && mq_carrier_new(&s->memory->carrier, &ignored) < 0)
		return false;
	s->members = mq_carrier_read_message(s->memory->carrier, value, &s->carried);
	return s->members != 0;
}

/* True for what the broker says of the delivery by a header: it becomes a field. */
static bool take_special(struct state *s, struct mq_bytes name, const amqp_field_value_t *value)
{
	int64_t number;

	if (mq_rabbit_is(name, MQ_CARRY_HEADER) && value->kind == AMQP_FIELD_KIND_UTF8 &&
	    !s->members)
		return read_carried(s, borrow(value->value.bytes));
	if (name.len < 2 || name.data[0] != 'x' || name.data[1] != '-')
		return false;
	if (mq_rabbit_is(name, "x-delivery-count") && whole_number(value, &number)) {
		s->properties.delivery_count = number;
		s->has_properties = true;
		return true;
	}
	if (mq_rabbit_is(name, "x-stream-offset") && whole_number(value, &number)) {
		s->stream_offset = number;
		return true;
	}
	s->died = s->died || mq_rabbit_is(name, "x-death");
	return false;
}

static int read_headers(struct state *s, struct mq_err *err)
{
	const amqp_table_t *table = &s->arrival->properties->headers;
	struct mq_message *message = s->message;

	if (!(s->arrival->properties->_flags & AMQP_BASIC_HEADERS_FLAG) || table->num_entries == 0)
		return 0;
	struct mq_header *headers =
	    amqp_pool_alloc(&s->memory->pool, (size_t)table->num_entries * sizeof *headers);
	s->types = amqp_pool_alloc(&s->memory->pool, (size_t)table->num_entries + 1);
	if (!headers || !s->types)
		return mq_fail_memory(err);
	for (int i = 0; i < table->num_entries; i++) {
		const amqp_table_entry_t *entry = &table->entries[i];
		struct mq_bytes name = borrow(entry->key);
		if (take_special(s, name, &entry->value))
			continue;
		struct mq_bytes value = mq_rabbit_field_text(&entry->value, &s->memory->pool, err);
		if (!value.data && entry->value.kind != AMQP_FIELD_KIND_VOID)
			return -1;
		s->types[message->n_headers] = (char)entry->value.kind;
		headers[message->n_headers++] = (struct mq_header){name, value};
	}
	if (message->n_headers)
		message->headers = headers;
	return 0;
}

static const struct mq_header *find(const struct mq_message *in, struct mq_bytes name)
{
	for (size_t i = 0; i < in->n_headers; i++)
		if (mq_bytes_equal(in->headers[i].name, name))
			return &in->headers[i];
	return NULL;
}

/* The letter of a carried header's type. */
static char carried_type(const struct state *s, size_t i)
{
	const struct mq_properties *p =
	    s->members & MQ_CARRY_PROPERTIES ? s->carried.properties : NULL;

	if (p && p->header_types.data && p->header_types.len == s->carried.n_headers)
		return p->header_types.data[i];
	return s->carried.headers[i].value.data ? 'S' : 'V';
}

/* True for types that change on the way: brokers sort tables, add to lists (x-death), and leave
 * them out of streams. */
static bool is_loose(char type)
{
	return type == 'F' || type == 'A' || type == 'x';
}

/* True while the strings are what the carried list was written as. Headers that brokers add (x-…)
 * are counted in *ret_added. */
static bool headers_agree(const struct state *s, size_t *ret_added)
{
	const struct mq_message *carried = &s->carried, *native = s->message;

	*ret_added = 0;
	for (size_t i = 0; i < native->n_headers; i++) {
		const struct mq_header *header = &native->headers[i];
		const struct mq_header *mine = find(carried, header->name);
		if (!mine && mq_rabbit_header_broker(header->name))
			++*ret_added;
		else if (!mine || (!is_loose(carried_type(s, (size_t)(mine - carried->headers))) &&
		                   !mq_bytes_equal(mine->value, header->value)))
			return false;
	}
	for (size_t i = 0; i < carried->n_headers; i++) {
		const struct mq_header *header = &carried->headers[i];
		if (mq_rabbit_header_native(header->name) && header->value.data &&
		    !is_loose(carried_type(s, i)) && !find(native, header->name))
			return false;
	}
	return true;
}

/* The exact list, and behind it what brokers added since. */
static int take_carried_headers(struct state *s, struct mq_err *err)
{
	struct mq_message *message = s->message;
	size_t added;

	if (!(s->members & MQ_CARRY_HEADERS) || !headers_agree(s, &added))
		return 0;
	size_t n = s->carried.n_headers + added;
	struct mq_header *headers = amqp_pool_alloc(&s->memory->pool, (n + 1) * sizeof *headers);
	char *types = amqp_pool_alloc(&s->memory->pool, n + 1);
	if (!headers || !types)
		return mq_fail_memory(err);
	n = s->carried.n_headers;
	for (size_t i = 0; i < n; i++) {
		headers[i] = s->carried.headers[i];
		types[i] = carried_type(s, i);
		const struct mq_header *native =
		    is_loose(types[i]) ? find(message, headers[i].name) : NULL;
		if (native)
			headers[i].value = native->value;
	}
	for (size_t i = 0; i < message->n_headers && added > 0; i++)
		if (!find(&s->carried, message->headers[i].name)) {
			types[n] = s->types[i];
			headers[n++] = message->headers[i];
			added--;
		}
	message->headers = n ? headers : NULL;
	message->n_headers = n;
	s->types = types;
	return 0;
}

/* Said when any of them is not text; that a null is none goes without saying. */
static void tell_types(struct state *s)
{
	const struct mq_message *message = s->message;

	for (size_t i = 0; s->types && i < message->n_headers; i++)
		if (s->types[i] != 'S' && s->types[i] != 'V') {
			s->properties.header_types = mq_bytes_of(s->types, message->n_headers);
			s->has_properties = true;
			return;
		}
}

/* --- properties ------------------------------------------------------------------------------ */

static void take_short(struct state *s, amqp_flags_t flag, amqp_bytes_t native,
                       struct mq_bytes carried, struct mq_bytes *to)
{
	if (s->arrival->properties->_flags & flag)
		*to = borrow(native);
	else
		*to = carried;
	s->has_properties = s->has_properties || to->data;
}

/* Digits only; anything else that a program may have put there is none. */
static int64_t read_expiry(amqp_bytes_t text)
{
	const char *digits = text.bytes;
	int64_t value = 0;

	if (text.len == 0 || text.len > 18)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		value = value * 10 + (digits[i] - '0');
	}
	return value;
}

static void read_properties(struct state *s)
{
	static const struct mq_properties none = MQ_PROPERTIES_INIT;
	const amqp_basic_properties_t *p = s->arrival->properties;
	const struct mq_properties *carried =
	    s->members & MQ_CARRY_PROPERTIES && s->carried.properties ? s->carried.properties
	                                                              : &none;
	struct mq_properties *to = &s->properties;

	take_short(s, AMQP_BASIC_MESSAGE_ID_FLAG, p->message_id, carried->message_id,
	           &to->message_id);
	take_short(s, AMQP_BASIC_CORRELATION_ID_FLAG, p->correlation_id, carried->correlation_id,
	           &to->correlation_id);
	take_short(s, AMQP_BASIC_CONTENT_TYPE_FLAG, p->content_type, carried->content_type,
	           &to->content_type);
	take_short(s, AMQP_BASIC_REPLY_TO_FLAG, p->reply_to, carried->reply_to, &to->reply_to);
	take_short(s, AMQP_BASIC_TYPE_FLAG, p->type, carried->type, &to->type);
	take_short(s, AMQP_BASIC_APP_ID_FLAG, p->app_id, carried->app_id, &to->app_id);
	take_short(s, AMQP_BASIC_USER_ID_FLAG, p->user_id, carried->user_id, &to->user_id);
	take_short(s, AMQP_BASIC_CONTENT_ENCODING_FLAG, p->content_encoding,
	           carried->content_encoding, &to->content_encoding);
	to->exchange = s->arrival->exchange.len ? s->arrival->exchange : carried->exchange;
	to->expiry_ms = p->_flags & AMQP_BASIC_EXPIRATION_FLAG ? read_expiry(p->expiration)
	                                                       : carried->expiry_ms;
	to->priority = p->_flags & AMQP_BASIC_PRIORITY_FLAG ? (int)p->priority : carried->priority;
	if (to->delivery_count < 0)
		to->delivery_count = carried->delivery_count;
	/* Said only of those that were: it is a fact about this delivery, and a message that goes
	 * on to another broker would carry it. */
	to->redelivered = s->arrival->redelivered ? 1 : carried->redelivered;
	s->has_properties = s->has_properties || to->exchange.data || to->expiry_ms >= 0 ||
	                    to->priority >= 0 || to->delivery_count >= 0 || to->redelivered >= 0;
}

/* --- the rest -------------------------------------------------------------------------------- */

static void read_time(struct state *s)
{
	const amqp_basic_properties_t *p = s->arrival->properties;
	struct mq_message *message = s->message;
	bool native = p->_flags & AMQP_BASIC_TIMESTAMP_FLAG;
	int64_t carried = s->members & MQ_CARRY_TIME ? s->carried.ts_ms : MQ_NO_TIME;

	if (native && p->timestamp <= INT64_MAX / 1000)
		message->ts_ms = (int64_t)p->timestamp * 1000;
	if (carried != MQ_NO_TIME &&
	    (native ? carried >= 0 && carried / 1000 == (int64_t)p->timestamp : carried < 0))
		message->ts_ms = carried;
	if (message->ts_ms != MQ_NO_TIME)
		message->ts_type = MQ_TS_CREATE;
}

/* Through the default exchange the routing key is the queue's name, and after its death a message
 * may have any: the key is then what was carried. */
static void read_key(struct state *s)
{
	const struct mq_rabbit_arrival *arrival = s->arrival;
	bool carried = s->members & MQ_CARRY_KEY;

	if (carried && (arrival->exchange.len == 0 || arrival->routing_key.len == 0 || s->died))
		s->message->key = s->carried.key;
	else if (arrival->exchange.len > 0 && arrival->routing_key.len > 0)
		s->message->key = arrival->routing_key;
}

int mq_rabbit_decode(struct mq_rabbit_memory *memory, const struct mq_rabbit_arrival *arrival,
                     struct mq_message *ret_message, struct mq_err *err)
{
	struct state s = {.memory = memory,
	                  .arrival = arrival,
	                  .message = ret_message,
	                  .properties = MQ_PROPERTIES_INIT,
	                  .stream_offset = MQ_NO_OFFSET};

	*ret_message = (struct mq_message)MQ_MESSAGE_INIT;
	if (read_headers(&s, err) < 0 || take_carried_headers(&s, err) < 0)
		return -1;
	tell_types(&s);
	read_properties(&s);
	read_time(&s);
	read_key(&s);
	ret_message->payload = mq_bytes_of(arrival->body, arrival->size);
	if (arrival->size == 0 && (s.members & MQ_CARRY_PAYLOAD) && !s.carried.payload.data)
		ret_message->payload = MQ_ABSENT;
	ret_message->offset = s.stream_offset;
	if (!s.has_properties)
		return 0;
	struct mq_properties *properties = amqp_pool_alloc(&memory->pool, sizeof *properties);
	if (!properties)
		return mq_fail_memory(err);
	*properties = s.properties;
	ret_message->properties = properties;
	return 0;
}
