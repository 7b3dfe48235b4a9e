/* Messages as text on a descriptor: see text_sink.h. */
#include "cmd/text_sink.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* A buffer this full is written before more is taken. */
enum { FULL = 256 * 1024 };
/* A buffer that one large message has made larger than this is given back. */
enum { KEPT = 4 * 1024 * 1024 };

void text_sink_init(struct text_sink *sink, const struct mq_env *env, struct printer *printer)
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

/* --on-error skip (placed: err names the message): 0 and err is clean again; -1 when it cannot be
 * skipped. */
static int skip(struct text_sink *sink, const struct mq_message *message, bool placed,
                struct mq_err *err)
{
	if (sink->printer->on_error != ON_ERROR_SKIP)
		return -1;
	sink->skipped++;
	if (placed)
		mq_log(sink->env, MQ_LEVEL_NOTE, "skipped %s", err->message);
	else
		mq_log(sink->env, MQ_LEVEL_NOTE, "skipped %.*s[%d]@%lld: %s",
		       (int)message->stream.len, message->stream.data, message->partition,
		       (long long)message->offset, err->message);
	mq_err_clear(err);
	return 0;
}

/* The message with its decoded parts. 1; by the policy 0, or -1. */
static int decode(struct text_sink *sink, const struct mq_message *message, struct mq_message *ret,
                  struct mq_err *err)
{
	const struct printer *printer = sink->printer;

	if (decoder_apply(&sink->printer->decoder, message, ret, err) == 0)
		return 1;
	if (err->code != MQ_DATA && err->code != MQ_UNREACHABLE)
		return -1;
	if (err->code == MQ_UNREACHABLE && printer->on_error != ON_ERROR_FAIL && !sink->told_away) {
		mq_log(sink->env, MQ_LEVEL_WARN, "%s", err->message);
		sink->told_away = true;
	}
	if (printer->on_error != ON_ERROR_RAW)
		return skip(sink, message, err->code == MQ_DATA, err);
	mq_err_clear(err);
	return 1;
}

static int reject(struct text_sink *sink, const struct mq_message *message, struct mq_err *err)
{
	struct mq_err why = *err;

	mq_log(sink->env, MQ_LEVEL_VERBOSE, "%s", why.message);
	mq_err_clear(err);
	return marking_reject(sink->marking, message, sink->serving ? *sink->serving : 0, &why,
	                      err);
}

/* By --schema: 1, and whether it is valid; by the policy 0, or -1. */
static int judge(struct text_sink *sink, const struct mq_message *message, bool *ret_valid,
                 struct mq_err *err)
{
	enum on_error policy = sink->printer->on_error;

	*ret_valid = true;
	if (!sink->marking || !sink->marking->judges)
		return 1;
	int valid = marking_judge(sink->marking, message, err);
	if (valid != 0)
		return valid;
	if (sink->marking->rejecting)
		return reject(sink, message, err);
	*ret_valid = false;
	if (!sink->marking->marks && policy == ON_ERROR_FAIL)
		return -1;
	if (policy == ON_ERROR_SKIP)
		return skip(sink, message, true, err);
	if (sink->marking->marks)
		mq_log(sink->env, MQ_LEVEL_NOTE, "%s", err->message);
	mq_err_clear(err);
	return 1;
}

/* One message, whose envelope says whether it is valid. */
static int append_message(struct text_sink *sink, const struct mq_message *message, bool valid,
                          struct mq_buf *buf, struct mq_err *err)
{
	const struct printer *printer = sink->printer;

	if (mq_format_append(printer->format, message, buf, err) < 0)
		return -1;
	if (!printer->envelopes || !sink->marking || !sink->marking->marks)
		return 0;
	return marking_append(sink->marking, valid, buf, err);
}

int text_sink_render(struct text_sink *sink, const struct mq_message *message, struct mq_buf *buf,
                     struct mq_err *err)
{
	const struct printer *printer = sink->printer;
	struct mq_message decoded;
	size_t before = buf->len;
	bool valid;

	if (decoder_wanted(&printer->decoder)) {
		int shown = decode(sink, message, &decoded, err);
		if (shown < 0 && err->code == MQ_DATA && sink->marking && sink->marking->rejecting)
			return reject(sink, message, err);
		if (shown <= 0)
			return shown;
		message = &decoded;
	}
	int shown = judge(sink, message, &valid, err);
	if (shown <= 0)
		return shown;
	if (sink->prefix && append_prefix(sink, message->stream, buf, err) < 0)
		return -1;
	if (append_message(sink, message, valid, buf, err) == 0)
		return 1;
	if (err->code == MQ_DATA && printer->on_error == ON_ERROR_RAW) {
		mq_err_clear(err);
		return mq_format_append(printer->fallback, message, buf, err) < 0 ? -1 : 1;
	}
	buf->len = before;
	return err->code == MQ_DATA ? skip(sink, message, false, err) : -1;
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

	*ret_lost = 0;
	if (sink->marking && sink->marking->rejecting &&
	    rejects_flush(&sink->marking->rejects, err) < 0) {
		*ret_lost = sink->n_ends;
		sink->n_ends = 0;
		return -1;
	}
	int result = mq_output_flush(&sink->out, sink->env, &written, err);
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
