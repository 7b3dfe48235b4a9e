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
	             p->exchange.data || p->expiry_ms >= 0 || p->priority >= 0 ||
	             p->delivery_count >= 0 || p->redelivered >= 0);
}

int mq_carry_append(const struct mq_properties *properties, struct mq_buf *buf, struct mq_err *err)
{
	size_t at = buf->len;

	/* The members begin with a comma, which becomes the brace. */
	if (mq_envelope_append_properties(properties, buf, err) < 0)
		return -1;
	if (buf->len == at && mq_buf_append_char(buf, '{', err) < 0)
		return -1;
	buf->data[at] = '{';
	return mq_buf_append_char(buf, '}', err);
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

const struct mq_properties *mq_carrier_read(struct mq_carrier *carrier, struct mq_bytes value)
{
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_err err = MQ_ERR_INIT;

	if (value.len == 0)
		return NULL;
	/* The reader unescapes in place, so it works on a copy. */
	char *copy = mq_arena_take(&carrier->arena, value.len, &err);
	if (!copy)
		return NULL;
	memcpy(copy, value.data, value.len);
	if (mq_json_message(copy, value.len, &carrier->arena, &message, &err) < 0)
		return NULL;
	return mq_carry_wanted(message.properties) ? message.properties : NULL;
}
