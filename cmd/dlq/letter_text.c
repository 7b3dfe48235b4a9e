/* Dead letters as text: see letter_text.h. */
#include "cmd/dlq/letter_text.h"

#include "mqtk/position.h"

#include <inttypes.h>

enum { PAYLOAD_SHOWN = 200, LINE_SHOWN = 160 };

/* --- JSON ------------------------------------------------------------------------------------- */

struct writing {
	struct mq_buf *buf;
	struct mq_err *err;
	bool failed;
};

static void put(struct writing *w, const char *text)
{
	w->failed = w->failed || mq_buf_append_str(w->buf, text, w->err) < 0;
}

static void put_bytes(struct writing *w, const char *name, struct mq_bytes value)
{
	put(w, name);
	w->failed = w->failed || mq_json_append_bytes(w->buf, value, w->err) < 0;
}

static void put_number(struct writing *w, const char *name, int64_t number, int64_t unknown)
{
	put(w, name);
	if (number == unknown)
		put(w, "null");
	else
		w->failed = w->failed || mq_buf_printf(w->buf, w->err, "%" PRId64, number) < 0;
}

int letter_json(const struct mq_format *envelope, const struct mq_message *message,
                const struct mq_dead *dead, struct mq_buf *buf, struct mq_err *err)
{
	struct writing w = {.buf = buf, .err = err};

	put_bytes(&w, "{\"origin_stream\":", dead->origin_stream);
	put_number(&w, ",\"origin_partition\":", dead->origin_partition, MQ_NO_PARTITION);
	put_number(&w, ",\"origin_offset\":", dead->origin_offset, MQ_NO_OFFSET);
	if (dead->origin_id.data)
		put_bytes(&w, ",\"origin_id\":", dead->origin_id);
	put_bytes(&w, ",\"origin_exchange\":", dead->origin_exchange);
	put_bytes(&w, ",\"origin_key\":", dead->origin_key);
	if (dead->origin_broker.data)
		put_bytes(&w, ",\"origin_broker\":", dead->origin_broker);
	if (dead->group.data)
		put_bytes(&w, ",\"group\":", dead->group);
	if (dead->member.data)
		put_bytes(&w, ",\"member\":", dead->member);
	put_bytes(&w, ",\"reason\":", dead->reason);
	put_bytes(&w, ",\"exception\":", dead->exception);
	put_bytes(&w, ",\"error\":", dead->error);
	put_number(&w, ",\"attempts\":", dead->attempts, -1);
	put_number(&w, ",\"died_ts\":", dead->died_ms, MQ_NO_TIME);
	put(&w, ",\"dialect\":\"");
	put(&w, mq_dead_dialect_name(dead->dialect));
	put(&w, "\",\"message\":");
	if (w.failed || mq_format_append(envelope, message, buf, err) < 0)
		return -1;
	if (buf->len > 0 && buf->data[buf->len - 1] == '\n')
		buf->len--;
	put(&w, "}\n");
	return w.failed ? -1 : 0;
}

/* --- for people ------------------------------------------------------------------------------- */

/* One line of it, cut where it is long; what would drive a terminal becomes '?'. */
static void put_line(struct writing *w, struct mq_bytes text, size_t most)
{
	size_t len = text.data ? text.len : 0;
	bool cut = false;

	if (!text.data)
		return;
	for (size_t i = 0; i < len; i++)
		if (text.data[i] == '\n') {
			cut = i + 1 < len;
			len = i;
		}
	if (len > most) {
		len = most;
		while (len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
			len--;
		cut = true;
	}
	bool plain = mq_utf8_valid(mq_bytes_of(text.data, len));
	for (size_t i = 0; i < len && !w->failed; i++) {
		unsigned char c = (unsigned char)text.data[i];
		/* U+0080 to U+009F are controls, too. */
		bool drives = c == 0xc2 && i + 1 < len && (unsigned char)text.data[i + 1] < 0xa0;
		char shown = c == '\t'                                                  ? ' '
		             : c < 0x20 || c == 0x7f || drives || (c >= 0x80 && !plain) ? '?'
		                                                                        : (char)c;
		w->failed = mq_buf_append_char(w->buf, shown, w->err) < 0;
		i += plain && drives;
	}
	if (cut)
		put(w, " …");
}

static void put_place(struct writing *w, struct mq_bytes stream, int32_t partition, int64_t offset,
                      struct mq_bytes id)
{
	put_line(w, stream.data ? stream : mq_bytes_str("?"), LINE_SHOWN);
	if (partition != MQ_NO_PARTITION)
		w->failed = w->failed || mq_buf_printf(w->buf, w->err, "[%d]", (int)partition) < 0;
	if (id.data) {
		put(w, "@");
		put_line(w, id, LINE_SHOWN);
	} else if (offset != MQ_NO_OFFSET) {
		w->failed = w->failed || mq_buf_printf(w->buf, w->err, "@%" PRId64, offset) < 0;
	}
}

static void put_named(struct writing *w, const char *name, struct mq_bytes value, size_t most)
{
	if (!value.data)
		return;
	put(w, "  ");
	put(w, name);
	put_line(w, value, most);
	put(w, "\n");
}

/* All of its lines, each on one of its own; most as above, SIZE_MAX: nothing is cut. */
static void put_block(struct writing *w, const char *name, struct mq_bytes text, size_t most)
{
	const char *end = text.data ? memchr(text.data, '\n', text.len) : NULL;

	if (!end || most != SIZE_MAX || (size_t)(end - text.data) + 1 == text.len) {
		put_named(w, name, text, most);
		return;
	}
	put(w, "  ");
	put(w, name);
	put(w, name[0] ? "\n" : "");
	for (bool first = !name[0]; text.len > 0; first = false) {
		end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;
		size_t shown = len > 0 && text.data[len - 1] == '\r' ? len - 1 : len;
		put(w, first ? "" : "    ");
		put_line(w, mq_bytes_of(text.data, shown), SIZE_MAX);
		put(w, "\n");
		len += end != NULL;
		text = mq_bytes_of(text.data + len, text.len - len);
	}
}

static void put_why(struct writing *w, const struct mq_message *message, const struct mq_dead *dead)
{
	char time[MQ_TIME_TEXT];

	put(w, "  ");
	put_line(w, dead->reason.data ? dead->reason : mq_bytes_str("no reason told"), LINE_SHOWN);
	if (dead->attempts >= 0)
		w->failed =
		    w->failed || mq_buf_printf(w->buf, w->err, ", %" PRId64 " attempt%s",
		                               dead->attempts, dead->attempts == 1 ? "" : "s") < 0;
	/* Most frameworks do not say when; the message's own time is the next best. */
	int64_t when_ms = dead->died_ms != MQ_NO_TIME ? dead->died_ms : message->ts_ms;
	if (when_ms != MQ_NO_TIME) {
		mq_time_format_iso(when_ms, time);
		put(w, dead->died_ms != MQ_NO_TIME ? ", " : ", message from ");
		put(w, time);
	}
	w->failed = w->failed || mq_buf_printf(w->buf, w->err, " (%s)\n",
	                                       mq_dead_dialect_name(dead->dialect)) < 0;
}

static void put_headers(struct writing *w, const struct mq_message *message,
                        const struct mq_dead *dead)
{
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct mq_header *header = &message->headers[i];
		if (dead->dialect != MQ_DEAD_UNKNOWN && mq_dead_is_header(header->name))
			continue;
		put(w, "  header ");
		put_line(w, header->name, LINE_SHOWN);
		put(w, header->value.data ? ": " : " (null)");
		put_line(w, header->value, LINE_SHOWN);
		put(w, "\n");
	}
}

int letter_lines(const struct mq_message *message, const struct mq_dead *dead, bool whole,
                 bool bold, struct mq_buf *buf, struct mq_err *err)
{
	struct writing w = {.buf = buf, .err = err};
	size_t most = whole ? SIZE_MAX : PAYLOAD_SHOWN;

	put(&w, bold ? "\033[1m" : "");
	put_place(&w, message->stream, message->partition, message->offset, message->id);
	if (dead->origin_stream.data || dead->origin_exchange.data) {
		put(&w, " from ");
		put_place(&w,
		          dead->origin_stream.data ? dead->origin_stream : dead->origin_exchange,
		          dead->origin_partition, dead->origin_offset, dead->origin_id);
	}
	put(&w, bold ? "\033[0m\n" : "\n");
	put_why(&w, message, dead);
	put_named(&w, "", dead->exception, most);
	put_block(&w, "", dead->error, most);
	if (whole)
		put_block(&w, "", dead->stacktrace, most);
	put_named(&w, "group ", dead->group, most);
	put_named(&w, "member ", dead->member, most);
	put_headers(&w, message, dead);
	put_named(&w, "key ", message->key, most);
	if (message->payload.data)
		put_block(&w, "payload ", mq_shown_payload(message), most);
	else
		put(&w, "  no payload\n");
	return w.failed ? -1 : 0;
}
