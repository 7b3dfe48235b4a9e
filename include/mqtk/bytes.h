/*
 * Bytes that somebody else owns, and a buffer that owns its bytes.
 *
 * A NULL pointer means absent (a null key, a tombstone); a length of 0 with a pointer means empty.
 * The two are never confused. Message data is never assumed to end in NUL.
 */
#ifndef MQTK_BYTES_H
#define MQTK_BYTES_H

#include "mqtk/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mq_bytes {
	const char *data; /* NULL: absent */
	size_t len;
};

#define MQ_ABSENT ((struct mq_bytes){NULL, 0})

static inline struct mq_bytes mq_bytes_of(const void *data, size_t len)
{
	return (struct mq_bytes){(const char *)data, len};
}

/* The bytes of a C string, without its NUL; absent for NULL. */
static inline struct mq_bytes mq_bytes_str(const char *text)
{
	return (struct mq_bytes){text, text ? strlen(text) : 0};
}

/* True when both are absent, or both present with the same bytes. */
bool mq_bytes_equal(struct mq_bytes a, struct mq_bytes b);

/* True when the bytes are valid UTF-8 (RFC 3629: no surrogates, no overlong forms, at most
 * U+10FFFF). Empty is valid. */
bool mq_utf8_valid(struct mq_bytes bytes);

/* Makes text safe for a terminal in its place: each byte of a control character (U+0080 to U+009F,
 * which are some, too) becomes '?'. */
void mq_tame(char *text, size_t len);

/*
 * A growing buffer. Every buffer declares its limit; growing past it fails with MQ_DATA and
 * leaves the contents as they were. init/release; clear keeps the memory for reuse.
 */
struct mq_buf {
	char *data; /* NULL until something is appended */
	size_t len;
	size_t cap;
	size_t limit; /* bytes */
};

void mq_buf_init(struct mq_buf *buf, size_t limit);
void mq_buf_release(struct mq_buf *buf);
void mq_buf_clear(struct mq_buf *buf);

/* Makes room for `more` bytes behind len, without changing len. */
int mq_buf_reserve(struct mq_buf *buf, size_t more, struct mq_err *err);
int mq_buf_append(struct mq_buf *buf, const void *data, size_t len, struct mq_err *err);
int mq_buf_append_str(struct mq_buf *buf, const char *text, struct mq_err *err);
int mq_buf_append_char(struct mq_buf *buf, char c, struct mq_err *err);
int mq_buf_printf(struct mq_buf *buf, struct mq_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Drops the first n bytes, moving the rest to the front. */
void mq_buf_consume(struct mq_buf *buf, size_t n);

#endif
