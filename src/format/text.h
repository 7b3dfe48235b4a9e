/*
 * Small pieces that every writer of src/format uses on its hot path: room in a buffer, literals,
 * whole numbers. No formats of their own live here.
 */
#ifndef FORMAT_TEXT_H
#define FORMAT_TEXT_H

#include "mqtk/bytes.h"

/* The longest text of an int64_t. */
#define MQ_I64_TEXT 20

/* As mq_buf_reserve, without a call in the common case. */
static inline int mq_room(struct mq_buf *buf, size_t more, struct mq_err *err)
{
	return more <= buf->cap - buf->len ? 0 : mq_buf_reserve(buf, more, err);
}

/* Appends bytes for which there is room. */
static inline void mq_put(struct mq_buf *buf, const void *data, size_t len)
{
	if (len > 0) /* an empty buffer has no memory */
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

/* The same for a string literal; the compiler makes plain stores of it. */
#define mq_put_lit(buf, text) mq_put(buf, "" text, sizeof(text) - 1)

static inline void mq_put_char(struct mq_buf *buf, char c)
{
	buf->data[buf->len++] = c;
}

/* Appends a decimal number; there is room for MQ_I64_TEXT bytes. */
void mq_put_i64(struct mq_buf *buf, int64_t value);

#endif
