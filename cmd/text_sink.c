/* Messages as text on a descriptor: see text_sink.h. */
#include "cmd/text_sink.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* A buffer this full is written before more is taken. */
enum { FULL = 256 * 1024 };
/* A buffer that one large message has made larger than this is given back. */
enum { KEPT = 4 * 1024 * 1024 };

void text_sink_init(struct text_sink *sink, const struct mq_env *env, const struct printer *printer)
{
	*sink = (struct text_sink){.env = env, .printer = printer};
	mq_output_init(&sink->out, STDOUT_FILENO, "standard output");
}

void text_sink_release(struct text_sink *sink)
{
	mq_output_release(&sink->out);
	free(sink->ends);
	sink->ends = NULL;
}

/* A stream keeps its colour from one run to the next: it comes from the name. */
static int append_prefix(const struct text_sink *sink, struct mq_bytes stream, struct mq_buf *buf,
                         struct mq_err *err)
{
	static const int colors[] = {36, 33, 32, 35, 34, 31};
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < stream.len; i++)
		hash = (hash ^ (unsigned char)stream.data[i]) * 16777619U;
	if (sink->color)
		return mq_buf_printf(buf, err, "\033[%dm%.*s\033[0m | ",
		                     colors[hash % (sizeof colors / sizeof colors[0])],
		                     (int)stream.len, stream.data);
	return mq_buf_printf(buf, err, "%.*s | ", (int)stream.len, stream.data);
}

int text_sink_render(struct text_sink *sink, const struct mq_message *message, struct mq_buf *buf,
                     struct mq_err *err)
{
	const struct printer *printer = sink->printer;
	size_t before = buf->len;

	if (sink->prefix && append_prefix(sink, message->stream, buf, err) < 0)
		return -1;
	if (mq_format_append(printer->format, message, buf, err) == 0)
		return 1;
	if (err->code == MQ_DATA && printer->on_error == ON_ERROR_RAW) {
		mq_err_clear(err);
		return mq_format_append(printer->fallback, message, buf, err) < 0 ? -1 : 1;
	}
	buf->len = before;
	if (err->code != MQ_DATA || printer->on_error != ON_ERROR_SKIP)
		return -1;
	sink->skipped++;
	mq_log(sink->env, MQ_LEVEL_NOTE, "skipped %.*s[%d]@%lld: %s", (int)message->stream.len,
	       message->stream.data, message->partition, (long long)message->offset, err->message);
	mq_err_clear(err);
	return 0;
}

static int remember_end(struct text_sink *sink, struct mq_err *err)
{
	if (sink->n_ends == sink->cap_ends) {
		size_t cap = sink->cap_ends ? sink->cap_ends * 2 : 4096;
		size_t *ends = realloc(sink->ends, cap * sizeof *ends);
		if (!ends)
			return mq_fail_memory(err);
		sink->ends = ends;
		sink->cap_ends = cap;
	}
	sink->ends[sink->n_ends++] = sink->out.buf.len;
	return 0;
}

static int64_t accept_messages(void *ctx, const struct mq_message *messages, size_t n,
                               struct mq_err *err)
{
	struct text_sink *sink = ctx;
	size_t full = sink->printer->unbuffered ? 1 : FULL;

	for (size_t i = 0; i < n; i++) {
		struct mq_err mine = MQ_ERR_INIT;
		if (text_sink_render(sink, &messages[i], &sink->out.buf, &mine) < 0 ||
		    remember_end(sink, &mine) < 0) {
			/* The ones before are good: they go out first, then this one fails again.
			 */
			if (i > 0)
				return (int64_t)i;
			*err = mine;
			return -1;
		}
		if (sink->out.buf.len >= full)
			return (int64_t)i + 1;
	}
	return (int64_t)n;
}

static int flush_messages(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	struct text_sink *sink = ctx;
	size_t written = 0;
	int result = mq_output_flush(&sink->out, sink->env, &written, err);

	*ret_lost = 0;
	if (result < 0)
		while (*ret_lost < sink->n_ends &&
		       sink->ends[sink->n_ends - 1 - *ret_lost] > written)
			(*ret_lost)++;
	sink->printed += (int64_t)(sink->n_ends - *ret_lost);
	sink->n_ends = 0;
	if (sink->out.buf.len == 0 && sink->out.buf.cap > KEPT)
		mq_buf_release(&sink->out.buf);
	return result;
}

static bool reader_is_gone(void *ctx)
{
	struct text_sink *sink = ctx;
	struct pollfd fd = {.fd = sink->out.fd, .events = 0};

	return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLERR | POLLNVAL)) != 0;
}

struct mq_sink text_sink_operations(struct text_sink *sink)
{
	return (struct mq_sink){.accept = accept_messages,
	                        .flush = flush_messages,
	                        .gone = reader_is_gone,
	                        .ctx = sink};
}
