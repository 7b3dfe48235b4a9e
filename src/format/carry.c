/* Properties in a header: see mqtk/carry.h. */
#include "mqtk/carry.h"
#include "format/arena.h"
#include "format/format.h"
#include "format/json_message.h"

#include <stdlib.h>

struct mq_carrier {
	struct mq_arena arena;
};

bool mq_carry_wanted(const struct mq_properties *p)
{
	return p && (p->message_id.data || p->correlation_id.data || p->content_type.data ||
	             p->reply_to.data || p->type.data || p->app_id.data || p->user_id.data ||
	             p->exchange.data || p->content_encoding.data || p->header_types.data ||
	             p->expiry_ms >= 0 || p->priority >= 0 || p->delivery_count >= 0 ||
	             p->redelivered >= 0);
}

/* `,"name":` and bytes. */
static int append_member(struct mq_buf *buf, const char *name, struct mq_bytes bytes,
                         struct mq_err *err)
{
	if (mq_buf_append_str(buf, name, err) < 0)
		return -1;
	return mq_json_append_bytes(buf, bytes, err);
}

static int append_time(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err)
{
	if (message->ts_ms == MQ_NO_TIME)
		return 0;
	return mq_buf_printf(buf, err, ",\"ts\":%lld", (long long)message->ts_ms);
}

int mq_carry_append_message(const struct mq_message *message, unsigned members, struct mq_buf *buf,
                            struct mq_err *err)
{
	size_t at = buf->len;

	/* The members begin with a comma, which becomes the brace. */
	if (((members & MQ_CARRY_TIME) && append_time(message, buf, err) < 0) ||
	    ((members & MQ_CARRY_KEY) && append_member(buf, ",\"key\":", message->key, err) < 0) ||
	    ((members & MQ_CARRY_HEADERS) && (mq_buf_append_str(buf, ",\"headers\":", err) < 0 ||
	                                      mq_envelope_append_headers(message, buf, err) < 0)) ||
	    ((members & MQ_CARRY_PAYLOAD) &&
	     append_member(buf, ",\"payload\":", message->payload, err) < 0) ||
	    ((members & MQ_CARRY_PROPERTIES) && message->properties &&
	     mq_envelope_append_properties(message->properties, buf, err) < 0))
		return -1;
	if (buf->len == at && mq_buf_append_char(buf, '{', err) < 0)
		return -1;
	buf->data[at] = '{';
	return mq_buf_append_char(buf, '}', err);
}

int mq_carry_append(const struct mq_properties *properties, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_message message = MQ_MESSAGE_INIT;

	message.properties = properties;
	return mq_carry_append_message(&message, MQ_CARRY_PROPERTIES, buf, err);
}

int mq_carrier_new(struct mq_carrier **ret_carrier, struct mq_err *err)
{
	*ret_carrier = calloc(1, sizeof **ret_carrier);
	return *ret_carrier ? 0 : mq_fail_memory(err);
}

void mq_carrier_free(struct mq_carrier *carrier)
{
	if (!carrier)
		return;
	mq_arena_release(&carrier->arena);
	free(carrier);
}

void mq_carrier_clear(struct mq_carrier *carrier)
{
	mq_arena_clear(&carrier->arena);
}

unsigned mq_carrier_read_message(struct mq_carrier *carrier, struct mq_bytes value,
                                 struct mq_message *ret_message)
{
	struct mq_err err = MQ_ERR_INIT;
	unsigned members;

	if (value.len == 0)
		return 0;
	/* The reader unescapes in place, so it works on a copy. */
	char *copy = mq_arena_take(&carrier->arena, value.len, &err);
	if (!copy)
		return 0;
	memcpy(copy, value.data, value.len);
	if (mq_json_message_part(copy, value.len, &carrier->arena, ret_message, &members, &err) < 0)
		return 0;
	if ((members & MQ_CARRY_PROPERTIES) && !mq_carry_wanted(ret_message->properties))
		members &= ~(unsigned)MQ_CARRY_PROPERTIES;
	return members;
}

const struct mq_properties *mq_carrier_read(struct mq_carrier *carrier, struct mq_bytes value)
{
	struct mq_message message;

	return mq_carrier_read_message(carrier, value, &message) & MQ_CARRY_PROPERTIES
	           ? message.properties
	           : NULL;
}
