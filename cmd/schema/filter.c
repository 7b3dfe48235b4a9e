/* One message at a time: see filter.h. */
#include "cmd/schema/filter.h"

enum { FULL = 256 * 1024 };

static int flush_passed(struct filter *filter, struct mq_err *err)
{
	return filter->out.buf.len > 0
	           ? mq_output_flush(&filter->out, filter->invocation->env, NULL, err)
	           : 0;
}

static int pass(struct filter *filter, const struct filtered *item, struct mq_err *err)
{
	struct mq_buf *buf = &filter->out.buf;
	struct mq_bytes ending = filter->ending;

	if (filter->owes_ending && mq_buf_append(buf, ending.data, ending.len, err) < 0)
		return -1;
	filter->owes_ending = !filter->glued && item->bare;
	if (mq_buf_append(buf, item->raw.data ? item->raw.data : "", item->raw.len, err) < 0)
		return -1;
	if (!filter->glued && !item->bare && mq_buf_append(buf, ending.data, ending.len, err) < 0)
		return -1;
	return buf->len >= FULL ? flush_passed(filter, err) : 0;
}

/* Puts an invalid message where it is wanted, with the first error as the reason. */
static int reject(struct filter *filter, const struct filtered *item, struct mq_err *err)
{
	struct mq_buf *words = &filter->findings.scratch;

	if (!item->place.message->stream.data && !item->raw.data) {
		mq_buf_clear(words);
		place_append(&item->place, words, NULL);
		return mq_fail(err, MQ_DATA, "%.*s: is too large to be put aside", (int)words->len,
		               words->data);
	}
	mq_buf_clear(words);
	if (item->place.file &&
	    (place_append(&item->place, words, err) < 0 || mq_buf_append_str(words, ": ", err) < 0))
		return -1;
	if (judge_append_words(filter->judge, &filter->judge->errors[0], words, err) < 0)
		return -1;
	return rejects_add(&filter->rejects, item->raw, item->place.message, item->broker,
	                   mq_bytes_of(words->data, words->len), err);
}

static int refuse(struct filter *filter, const struct filtered *item, struct mq_err *err)
{
	filter->findings.invalid++;
	if (findings_add(&filter->findings, &item->place, filter->judge, err) < 0)
		return -1;
	return filter->rejecting ? reject(filter, item, err) : 0;
}

int filter_take(struct filter *filter, const struct filtered *item, struct mq_err *err)
{
	const struct mq_message *message = item->place.message;
	int valid = item->writer ? judge_written(filter->judge, item->writer, message->payload, err)
	                         : judge_message(filter->judge, message, err);

	if (valid < 0)
		return -1;
	if (valid == 0)
		return refuse(filter, item, err);
	filter->findings.valid++;
	return filter->pass ? pass(filter, item, err) : 0;
}

int filter_refuse(struct filter *filter, const struct filtered *item, const char *keyword,
                  const char *why, struct mq_err *err)
{
	if (judge_refuse(filter->judge, keyword, why, err) < 0)
		return -1;
	return refuse(filter, item, err);
}

int filter_flush(struct filter *filter, struct mq_err *err)
{
	if (filter->rejecting && rejects_flush(&filter->rejects, err) < 0)
		return -1;
	if (flush_passed(filter, err) < 0)
		return -1;
	return findings_flush(&filter->findings, filter->invocation->env, err);
}

void filter_save(struct filter *filter)
{
	struct mq_err ignored = MQ_ERR_INIT;

	if (filter->rejecting && filter->rejects.failure.code == MQ_OK)
		rejects_flush(&filter->rejects, &ignored);
	mq_err_clear(&ignored);
	flush_passed(filter, &ignored);
	mq_err_clear(&ignored);
	findings_flush(&filter->findings, filter->invocation->env, &ignored);
}

bool filter_is_full(const struct filter *filter)
{
	return filter->limit >= 0 &&
	       filter->findings.valid + filter->findings.invalid >= filter->limit;
}
