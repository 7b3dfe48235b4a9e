/*
 * Reading a journal back: see journal.h. What stands in it was written by us, but the file may be
 * anybody's: everything is checked.
 */
#include "cmd/replay/journal_lines.h"

#include "format/json_read.h"
#include "mqtk/report.h"

#include <stdio.h>
#include <stdlib.h>

struct lines {
	struct mq_json_reader json;
	struct journal *journal;
	struct plan *plan;
	const struct journal_subject *subject;
	const char *differs; /* what of the subject is another */
	size_t n_sources;
	bool header; /* the first line, which has the plan */
	bool ours;
};

int journal_foreign(const char *path, struct mq_err *err)
{
	mq_fail(err, MQ_USAGE, "--resume: %s is no journal of a replay", path);
	return mq_hint(err, "a file that does not exist yet is made; nothing is overwritten");
}

/* --- values ---------------------------------------------------------------------------------- */

/* Text or null. */
static bool take_text(struct lines *l, struct mq_bytes *ret)
{
	*ret = MQ_ABSENT;
	if (mq_json_peek(&l->json) == 'n')
		return mq_json_take_word(&l->json, "null");
	return mq_json_peek(&l->json) == '"' && mq_json_take_string(&l->json, ret);
}

/* A number or null (-1). */
static bool take_number(struct lines *l, int64_t *ret)
{
	*ret = -1;
	if (mq_json_peek(&l->json) == 'n')
		return mq_json_take_word(&l->json, "null");
	return mq_json_take_integer(&l->json, ret);
}

static bool copy_id(struct mq_bytes text, char *ret)
{
	if (text.len >= PLAN_ID)
		return false;
	snprintf(ret, PLAN_ID, "%.*s", (int)text.len, text.len ? text.data : "");
	return true;
}

typedef bool (*take_member)(struct lines *l, struct mq_bytes name, void *ctx);
typedef bool (*take_element)(struct lines *l, void *ctx);

static bool take_object(struct lines *l, take_member take, void *ctx)
{
	struct mq_bytes name;

	if (!mq_json_expect(&l->json, '{', "an object is expected"))
		return false;
	for (;;) {
		if (mq_json_peek(&l->json) != '"' || !mq_json_take_string(&l->json, &name) ||
		    !mq_json_expect(&l->json, ':', "':' is expected") || !take(l, name, ctx))
			return false;
		if (mq_json_peek(&l->json) != ',')
			return mq_json_expect(&l->json, '}', "'}' is expected");
		l->json.p++;
	}
}

static bool take_array(struct lines *l, take_element take, void *ctx)
{
	if (!mq_json_expect(&l->json, '[', "an array is expected"))
		return false;
	if (mq_json_peek(&l->json) == ']') {
		l->json.p++;
		return true;
	}
	for (;;) {
		if (!take(l, ctx))
			return false;
		if (mq_json_peek(&l->json) != ',')
			return mq_json_expect(&l->json, ']', "']' is expected");
		l->json.p++;
	}
}

static bool is(struct mq_bytes name, const char *text)
{
	return mq_bytes_equal(name, mq_bytes_str(text));
}

/* Whether the text is what journal_begin wrote for this name: a file's need not be UTF-8, and then
 * it stands there with other characters in it. */
static bool is_written(struct mq_bytes text, const char *name)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_json_reader reader;
	struct mq_json json;
	struct mq_bytes written;
	struct mq_buf buf;
	bool same = is(text, name);

	if (same)
		return true;
	mq_buf_init(&buf, 1 << 20);
	mq_json_init(&json, &buf, &err);
	mq_json_open(&json, NULL, '[');
	mq_json_text(&json, NULL, name);
	mq_json_close(&json, ']');
	if (mq_json_end(&json) == 0) {
		mq_json_reader_init(&reader, buf.data, buf.len);
		same = mq_json_expect(&reader, '[', "an array is expected") &&
		       mq_json_take_string(&reader, &written) && mq_bytes_equal(text, written);
	}
	mq_buf_release(&buf);
	return same;
}

/* --- the first line -------------------------------------------------------------------------- */

static bool take_source(struct lines *l, void *ctx)
{
	const struct journal_subject *subject = l->subject;
	struct mq_bytes text;

	(void)ctx;
	if (!take_text(l, &text))
		return false;
	if (l->n_sources >= subject->n_sources || !is_written(text, subject->sources[l->n_sources]))
		l->differs = "sources";
	l->n_sources++;
	return true;
}

static bool take_part_member(struct lines *l, struct mq_bytes name, void *ctx)
{
	struct plan_part *part = ctx;
	struct mq_bytes text, ignored;
	int64_t number;

	if (is(name, "stream")) {
		if (!take_text(l, &text))
			return false;
		free(part->stream);
		part->stream = text.data ? strndup(text.data, text.len) : NULL;
		return !text.data || part->stream;
	}
	if (is(name, "from_id") || is(name, "to_id")) {
		part->by_id = true;
		return take_text(l, &text) &&
		       copy_id(text, is(name, "to_id") ? part->to_id : part->from_id);
	}
	if (is(name, "source") || is(name, "partition") || is(name, "partitions")) {
		if (!take_number(l, &number) || number > INT32_MAX)
			return false;
		if (is(name, "source"))
			part->source = (size_t)number;
		else if (is(name, "partition"))
			part->partition = (int32_t)number;
		else
			part->partitions = (int32_t)number;
		return true;
	}
	if (is(name, "from"))
		return take_number(l, &part->from);
	if (is(name, "to"))
		return take_number(l, &part->to);
	return mq_json_take_any(&l->json, &ignored);
}

static bool take_part(struct lines *l, void *ctx)
{
	struct mq_err *err = ctx;
	struct plan_part *part = replay_plan_add(l->plan, 0, NULL, MQ_NO_PARTITION, err);

	if (!part || !take_object(l, take_part_member, part))
		return false;
	part->next = part->from;
	return true;
}

/* --- the others ------------------------------------------------------------------------------ */

/* [part, position] */
static bool take_place(struct lines *l, void *ctx)
{
	struct plan_part *part;
	struct mq_bytes text;
	int64_t index;

	(void)ctx;
	if (!mq_json_expect(&l->json, '[', "an array is expected") || !take_number(l, &index) ||
	    index < 0 || (size_t)index >= l->plan->n ||
	    !mq_json_expect(&l->json, ',', "',' is expected"))
		return false;
	part = &l->plan->parts[index];
	if (part->by_id) {
		if (!take_text(l, &text) || !copy_id(text, part->last_id))
			return false;
	} else if (!take_number(l, &part->next)) {
		return false;
	}
	return mq_json_expect(&l->json, ']', "']' is expected");
}

static bool take_line_member(struct lines *l, struct mq_bytes name, void *ctx)
{
	struct mq_bytes text;
	int64_t version;

	if (is(name, "mqtk_replay")) {
		l->ours = l->header && take_number(l, &version) && version == 1;
		return l->ours;
	}
	if (l->header && !l->ours)
		return false;
	if (is(name, "sources"))
		return take_array(l, take_source, NULL);
	if (is(name, "target") || is(name, "options")) {
		bool target = is(name, "target");
		if (!take_text(l, &text))
			return false;
		if (!is_written(text, target ? l->subject->target : l->subject->options))
			l->differs = target ? "target" : "options";
		return true;
	}
	if (is(name, "parts"))
		return l->header && take_array(l, take_part, ctx);
	if (is(name, "at"))
		return take_array(l, take_place, NULL);
	if (is(name, "done"))
		return take_number(l, &l->journal->done) && l->journal->done >= 0 &&
		       l->journal->done < INT64_MAX / 2;
	if (is(name, "missed"))
		return take_number(l, &l->journal->missed) && l->journal->missed >= 0 &&
		       l->journal->missed < INT64_MAX / 2;
	if (is(name, "finished")) {
		l->journal->finished = true;
		return mq_json_take_word(&l->json, "true");
	}
	return mq_json_take_any(&l->json, &text);
}

int journal_read(struct journal *journal, struct mq_buf *buf, const struct journal_subject *subject,
                 struct plan *plan, struct mq_err *err)
{
	struct lines l = {.journal = journal, .plan = plan, .subject = subject, .header = true};
	char *at = buf->data, *end = buf->data + buf->len;

	for (size_t line = 1; at < end; line++) {
		char *next = memchr(at, '\n', (size_t)(end - at));
		mq_json_reader_init(&l.json, at, (size_t)(next - at));
		bool good = take_object(&l, take_line_member, err);
		if (err->code != MQ_OK)
			return -1;
		if (l.header && (!good || !l.ours))
			return journal_foreign(journal->path, err);
		if (!good)
			return mq_fail(err, MQ_DATA, "--resume: line %zu of %s is damaged", line,
			               journal->path);
		if (l.header && l.n_sources != subject->n_sources)
			l.differs = "sources";
		if (l.header && l.differs) {
			mq_fail(err, MQ_USAGE,
			        "--resume: %s is the journal of another replay: it has other %s",
			        journal->path, l.differs);
			return mq_hint(
			    err, "its first line says which; another file begins another one");
		}
		l.header = false;
		at = next + 1;
	}
	return 0;
}
