/* Dead letters: see letter.h. */
#include "cmd/letter.h"

#include "mqtk/dead.h"
#include "mqtk/env.h"

#include <inttypes.h>
#include <stdlib.h>

/* Headers that are ours, at most. */
enum { OURS = 13 };

static void add(struct letter *letter, const char *name, struct mq_bytes value)
{
	if (value.data)
		letter->headers[letter->n++] =
		    (struct mq_header){.name = mq_bytes_str(name), .value = value};
}

static void add_number(struct letter *letter, const char *name, int64_t number)
{
	size_t at = letter->text.len;

	if (mq_buf_printf(&letter->text, NULL, "%" PRId64, number) == 0)
		add(letter, name, mq_bytes_of(letter->text.data + at, letter->text.len - at));
}

/* Headers are text to most who read them: what is no UTF-8 becomes U+FFFD. Of what a program of
 * --exec-lines answers only the beginning is kept: brokers limit headers, and the text must not
 * move any more. */
static void add_error(struct letter *letter, struct mq_bytes error)
{
	size_t at = letter->text.len;

	if (error.len > LETTER_ERROR_MAX) {
		error.len = LETTER_ERROR_MAX;
		while (error.len > 0 && ((unsigned char)error.data[error.len] & 0xc0) == 0x80)
			error.len--;
	}
	for (size_t i = 0; i < error.len;) {
		size_t n = 1;
		while (n < 4 && i + n < error.len && !mq_utf8_valid(mq_bytes_of(error.data + i, n)))
			n++;
		bool valid = mq_utf8_valid(mq_bytes_of(error.data + i, n));
		if (mq_buf_append(&letter->text, valid ? error.data + i : "\xef\xbf\xbd",
		                  valid ? n : 3, NULL) < 0)
			break;
		i += valid ? n : 1;
	}
	if (letter->text.len > at)
		add(letter, MQ_DEAD_ERROR,
		    mq_bytes_of(letter->text.data + at, letter->text.len - at));
}

static bool is_ours(struct mq_bytes name)
{
	return name.len > 4 && memcmp(name.data, "dlq-", 4) == 0 && mq_dead_is_header(name);
}

/* Where the message was. */
static void add_origin(struct letter *letter, const struct mq_message *m, const char *broker)
{
	const struct mq_properties *p = m->properties;

	add(letter, MQ_DEAD_BROKER, mq_bytes_str(broker));
	add(letter, MQ_DEAD_STREAM, m->stream);
	if (m->partition != MQ_NO_PARTITION)
		add_number(letter, MQ_DEAD_PARTITION, m->partition);
	if (m->offset != MQ_NO_OFFSET)
		add_number(letter, MQ_DEAD_OFFSET, m->offset);
	add(letter, MQ_DEAD_ID, m->id);
	if (p && p->exchange.data) {
		add(letter, MQ_DEAD_EXCHANGE, p->exchange);
		if (mq_utf8_valid(m->key))
			add(letter, MQ_DEAD_KEY, m->key);
	}
}

/* The message as it was, and behind its headers why it is here. */
static int write_headers(struct letter *letter, const struct mq_message *m,
                         const struct letter_why *why, struct mq_err *err)
{
	const struct mq_properties *p = m->properties;

	mq_buf_init(&letter->text, 1 << 16);
	letter->headers = calloc(m->n_headers + OURS, sizeof *letter->headers);
	if (!letter->headers ||
	    mq_buf_reserve(&letter->text, (size_t)LETTER_ERROR_MAX * 3 + 200, err))
		return mq_fail_memory(err);
	mq_buf_init(&letter->types, 1 << 20);
	for (size_t i = 0; i < m->n_headers; i++) {
		bool typed = p && i < p->header_types.len;
		if (is_ours(m->headers[i].name)) /* of an earlier death */
			continue;
		letter->headers[letter->n++] = m->headers[i];
		if (mq_buf_append_char(&letter->types, typed ? p->header_types.data[i] : 'S', err) <
		    0)
			return -1;
	}
	if (why->broker)
		add_origin(letter, m, why->broker);
	add(letter, MQ_DEAD_GROUP, mq_bytes_str(why->group));
	add(letter, MQ_DEAD_REASON, mq_bytes_str(why->reason));
	add(letter, MQ_DEAD_EXIT, mq_bytes_str(why->status));
	if (why->attempts >= 0)
		add_number(letter, MQ_DEAD_ATTEMPTS, why->attempts);
	add_number(letter, MQ_DEAD_TIME, mq_now_ms());
	add_error(letter, why->error);
	while (letter->types.len < letter->n)
		if (mq_buf_append_char(&letter->types, 'S', err) < 0)
			return -1;
	return 0;
}

int letter_write(struct letter *letter, const struct mq_message *message,
                 const struct letter_why *why, struct mq_err *err)
{
	struct mq_message *dead = &letter->message;

	*letter = (struct letter){.message = *message};
	if (write_headers(letter, message, why, err) < 0)
		return -1;
	dead->stream = dead->id = MQ_ABSENT;
	dead->offset = MQ_NO_OFFSET;
	dead->partition = MQ_NO_PARTITION;
	dead->owner = NULL;
	dead->headers = letter->headers;
	dead->n_headers = letter->n;
	if (!dead->properties)
		return 0;
	letter->properties = *dead->properties;
	/* It waits for somebody to look at it, however long that takes; and whoever buries it is
	 * not who sent it. */
	letter->properties.expiry_ms = -1;
	letter->properties.user_id = MQ_ABSENT;
	if (dead->properties->header_types.data)
		letter->properties.header_types =
		    mq_bytes_of(letter->types.data, letter->types.len);
	dead->properties = &letter->properties;
	return 0;
}

void letter_release(struct letter *letter)
{
	free(letter->headers);
	mq_buf_release(&letter->text);
	mq_buf_release(&letter->types);
}
