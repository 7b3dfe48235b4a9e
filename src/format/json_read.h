/*
 * A small strict JSON reader (RFC 8259) for input that nobody vouches for. One pass over memory
 * that may be written to: strings are unescaped where they stand, so nothing is allocated. What the
 * values mean is json_message.c's business.
 */
#ifndef FORMAT_JSON_READ_H
#define FORMAT_JSON_READ_H

#include "mqtk/bytes.h"

/* Deeper nesting than this is refused. */
#define MQ_JSON_DEPTH 512

struct mq_json_reader {
	char *base;
	char *p;             /* next byte */
	char *end;           /* one behind the last */
	const char *problem; /* what is wrong at p, or NULL */
};

void mq_json_reader_init(struct mq_json_reader *reader, char *text, size_t len);

/* All return false with problem set when the text is not so; p then stands at the place. */

char mq_json_skip_space(struct mq_json_reader *reader);
/* The next byte that is no white space, not taken; 0 at the end (a NUL byte too: it is no JSON). */
static inline char mq_json_peek(struct mq_json_reader *reader)
{
	return reader->p < reader->end && (unsigned char)*reader->p > ' '
	           ? *reader->p
	           : mq_json_skip_space(reader);
}
/* Takes white space and then exactly this byte. */
bool mq_json_expect(struct mq_json_reader *reader, char c, const char *problem);
/* Takes a string; p is at its quote. UTF-8 is checked, escapes are resolved in place; a lone
 * surrogate is refused. */
bool mq_json_take_string(struct mq_json_reader *reader, struct mq_bytes *ret);
/* Takes a number that is a whole number within int64_t, exactly; fractions and exponents are
 * refused. */
bool mq_json_take_integer(struct mq_json_reader *reader, int64_t *ret);
/* Takes true, false or null, whatever text says; p is at its first letter. */
bool mq_json_take_word(struct mq_json_reader *reader, const char *text);
/* Takes any value and checks it, leaving its bytes as they are. ret is its exact text. */
bool mq_json_take_any(struct mq_json_reader *reader, struct mq_bytes *ret);

#endif
