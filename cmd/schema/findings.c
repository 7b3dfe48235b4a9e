/* What is said of invalid messages: see findings.h. */
#include "cmd/schema/findings.h"

#include "mqtk/format.h"
#include "mqtk/report.h"

#include <inttypes.h>

void findings_init(struct findings *findings, enum findings_form form, bool summary, int fd)
{
	*findings = (struct findings){.form = form, .summary = summary};
	mq_output_init(&findings->out, fd, fd == 1 ? "standard output" : "standard error");
	mq_buf_init(&findings->scratch, (size_t)1 << 30);
}

void findings_release(struct findings *findings)
{
	mq_output_release(&findings->out);
	mq_buf_release(&findings->scratch);
	tally_release(&findings->rules);
}

/* --- where ------------------------------------------------------------------------------------ */

int place_append(const struct place *place, struct mq_buf *buf, struct mq_err *err)
{
	const struct mq_message *m = place->message;

	if (place->file && place->line > 0)
		return mq_buf_printf(buf, err, "%s:%" PRId64, place->file, place->line);
	if (place->file)
		return mq_buf_append_str(buf, place->file, err);
	if (mq_buf_append(buf, m->stream.data ? m->stream.data : "", m->stream.len, err) < 0)
		return -1;
	if (m->partition != MQ_NO_PARTITION &&
	    mq_buf_printf(buf, err, "[%" PRId32 "]", m->partition) < 0)
		return -1;
	if (m->id.data)
		return mq_buf_printf(buf, err, "@%.*s", (int)m->id.len, m->id.data);
	return m->offset != MQ_NO_OFFSET ? mq_buf_printf(buf, err, "@%" PRId64, m->offset) : 0;
}

/* --- one message ------------------------------------------------------------------------------ */

static int append_text(struct findings *findings, const struct place *place,
                       const struct judge *judge, const struct judge_error *error,
                       struct mq_err *err)
{
	struct mq_buf *buf = &findings->out.buf;
	size_t begin = buf->len;

	if (place_append(place, buf, err) < 0)
		return -1;
	/* Names of files and streams are as hostile as anything. */
	mq_tame(buf->data + begin, buf->len - begin);
	if (mq_buf_append_str(buf, ": ", err) < 0 || judge_append_words(judge, error, buf, err) < 0)
		return -1;
	bool last = error == &judge->errors[judge->n - 1];
	return mq_buf_append_str(buf, last && judge->more ? " (and more)\n" : "\n", err);
}

/* A member whose value is bytes, as in the envelope. */
static void json_bytes(struct findings *findings, struct mq_json *json, const char *name,
                       struct mq_bytes bytes)
{
	mq_buf_clear(&findings->scratch);
	if (mq_json_append_bytes(&findings->scratch, bytes, json->err) < 0 ||
	    mq_buf_append_char(&findings->scratch, '\0', json->err) < 0)
		json->failed = true;
	else
		mq_json_raw(json, name, findings->scratch.data);
}

static int append_json(struct findings *findings, const struct place *place,
                       const struct judge *judge, const struct judge_error *error,
                       struct mq_err *err)
{
	const struct mq_message *m = place->message;
	struct mq_json json;

	mq_json_init(&json, &findings->out.buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "file", place->file);
	mq_json_known(&json, "line", place->line, 0);
	json_bytes(findings, &json, "stream", m->stream);
	mq_json_known(&json, "partition", m->partition, MQ_NO_PARTITION);
	mq_json_known(&json, "offset", m->offset, MQ_NO_OFFSET);
	if (m->id.data)
		json_bytes(findings, &json, "id", m->id);
	judge_append_members(judge, error, &json);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

/* The rule and where it was broken, with * for places in arrays. */
static int count(struct findings *findings, const char *keyword, const char *pointer,
                 struct mq_err *err)
{
	struct mq_buf *buf = &findings->scratch;

	mq_buf_clear(buf);
	if (mq_buf_printf(buf, err, "%s\t", keyword) < 0)
		return -1;
	while (*pointer) {
		size_t len = 1 + strcspn(pointer + 1, "/");
		size_t digits = strspn(pointer + 1, "0123456789");
		bool index = *pointer == '/' && digits > 0 && digits + 1 == len;
		if (mq_buf_append(buf, index ? "/*" : pointer, index ? 2 : len, err) < 0)
			return -1;
		pointer += len;
	}
	return tally_add(&findings->rules, mq_bytes_of(buf->data, buf->len), err);
}

int findings_add(struct findings *findings, const struct place *place, const struct judge *judge,
                 struct mq_err *err)
{
	for (size_t i = 0; i < judge->n; i++) {
		const struct judge_error *error = &judge->errors[i];
		int result = findings->summary ? count(findings, judge_text(judge, error->keyword),
		                                       judge_text(judge, error->pointer), err)
		             : findings->form == FINDINGS_JSON
		                 ? append_json(findings, place, judge, error, err)
		                 : append_text(findings, place, judge, error, err);
		if (result < 0)
			return -1;
	}
	return 0;
}

int findings_flush(struct findings *findings, const struct mq_env *env, struct mq_err *err)
{
	return findings->out.buf.len > 0 ? mq_output_flush(&findings->out, env, NULL, err) : 0;
}

/* --- the summary ------------------------------------------------------------------------------ */

/* The two parts of a rule's name. */
static const char *pointer_of(char *name)
{
	char *tab = strchr(name, '\t');

	*tab = '\0';
	return tab + 1;
}

static int summary_json(struct findings *findings, struct mq_err *err)
{
	struct mq_json json;

	mq_json_init(&json, &findings->out.buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_int(&json, "messages", findings->valid + findings->invalid);
	mq_json_int(&json, "valid", findings->valid);
	mq_json_int(&json, "invalid", findings->invalid);
	mq_json_open(&json, "errors", '[');
	for (size_t i = 0; i < findings->rules.n; i++) {
		const struct tally_row *row = &findings->rules.rows[i];
		const char *pointer = pointer_of(row->name);
		mq_json_open(&json, NULL, '{');
		mq_json_text(&json, "keyword", row->name);
		mq_json_text(&json, "pointer", pointer);
		mq_json_int(&json, "count", row->n);
		mq_json_close(&json, '}');
	}
	mq_json_close(&json, ']');
	mq_json_int(&json, "others", findings->rules.others);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

static int summary_table(struct findings *findings, bool bold, struct mq_err *err)
{
	static const char *const headings[] = {">COUNT", "RULE", "WHERE", NULL};
	struct mq_buf *buf = &findings->out.buf;
	struct mq_table table;
	int result = 0;

	if (findings->rules.n > 0) {
		mq_table_init(&table, headings, err);
		for (size_t i = 0; i < findings->rules.n; i++) {
			const struct tally_row *row = &findings->rules.rows[i];
			const char *pointer = pointer_of(row->name);
			mq_table_printf(&table, "%" PRId64, row->n);
			mq_table_text(&table, row->name);
			mq_table_text(&table, *pointer ? pointer : NULL);
		}
		if (findings->rules.others > 0) {
			mq_table_printf(&table, "%" PRId64, findings->rules.others);
			mq_table_text(&table, "others");
			mq_table_text(&table, NULL);
		}
		result = mq_table_print(&table, bold, buf);
		mq_table_release(&table);
	}
	if (result < 0)
		return -1;
	return mq_buf_printf(buf, err, "%" PRId64 " valid, %" PRId64 " invalid\n", findings->valid,
	                     findings->invalid);
}

int findings_end(struct findings *findings, const struct mq_env *env, bool bold, struct mq_err *err)
{
	if (findings->summary) {
		tally_sort(&findings->rules);
		if ((findings->form == FINDINGS_JSON ? summary_json(findings, err)
		                                     : summary_table(findings, bold, err)) < 0)
			return -1;
	}
	return findings_flush(findings, env, err);
}
