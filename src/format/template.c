/*
 * Templates (-f): compiled to a list of steps, then run per message. The tokens themselves are
 * in token.c.
 */
#include "format/template.h"
#include "format/escape.h"
#include "format/text.h"
#include "mqtk/position.h"

#include <stdlib.h>
#include <time.h>

struct step {
	const struct mq_token_row *row; /* NULL: text */
	enum mq_token_form form;
	size_t text, text_len; /* in mq_template.text: a literal or a header's name */
};

struct mq_template {
	struct step *steps;
	size_t n;
	struct mq_buf text;
	unsigned needs;
};

static int add_step(struct mq_template *template, struct step step, struct mq_err *err)
{
	if (!step.row && step.text_len == 0)
		return 0;
	/* Grows by doubling: whenever n is a power of two, the array is full. */
	if ((template->n & (template->n - 1)) == 0) {
		size_t cap = template->n ? template->n * 2 : 1;
		struct step *steps = realloc(template->steps, cap * sizeof *steps);
		if (!steps)
			return mq_fail_memory(err);
		template->steps = steps;
	}
	template->steps[template->n++] = step;
	if (step.row)
		template->needs |= step.row->need;
	return 0;
}

static int compile(struct mq_template *template, const char *text, bool kcat, struct mq_err *err)
{
	size_t at = 0;

	while (text[at] != '\0') {
		size_t len = strcspn(text + at, "%");
		size_t start = template->text.len;

		struct mq_err why = MQ_ERR_INIT;
		if (mq_unescape_part(text, at, len, kcat, &template->text, &why) < 0) {
			mq_fail(err, why.code, "template %s", why.message);
			return why.hint[0] ? mq_hint(err, "%s", why.hint) : -1;
		}
		if (add_step(template,
		             (struct step){NULL, MQ_FORM_PLAIN, start, template->text.len - start},
		             err) < 0)
			return -1;
		at += len;
		if (text[at] == '\0')
			break;

		struct step step = {.text = template->text.len};
		struct mq_bytes name = MQ_ABSENT;
		step.row = mq_token_find(text, at, &len, &step.form, &name, err);
		if (!step.row)
			return -1;
		if (step.row->kind == MQ_TOKEN_LITERAL) {
			step.row = NULL;
			name = mq_bytes_of("%", 1);
		}
		if (name.data && mq_buf_append(&template->text, name.data, name.len, err) < 0)
			return -1;
		step.text_len = name.len;
		if (step.form == MQ_FORM_LOCAL)
			tzset(); /* localtime_r does not have to */
		if (add_step(template, step, err) < 0)
			return -1;
		at += len;
	}
	return 0;
}

int mq_template_new(const char *text, bool kcat, struct mq_template **ret_template,
                    struct mq_err *err)
{
	struct mq_template *template = calloc(1, sizeof *template);

	if (!template)
		return mq_fail_memory(err);
	mq_buf_init(&template->text, 16 << 20);
	/* The reserve makes text.data a pointer even when there are only tokens. */
	if (mq_buf_reserve(&template->text, 1, err) < 0 || compile(template, text, kcat, err) < 0) {
		mq_template_free(template);
		return -1;
	}
	*ret_template = template;
	return 0;
}

void mq_template_free(struct mq_template *template)
{
	if (!template)
		return;
	free(template->steps);
	mq_buf_release(&template->text);
	free(template);
}

unsigned mq_template_needs(const struct mq_template *template)
{
	return template->needs;
}

/* Nothing, or NULL with -Z. */
static int append_absent(const struct mq_format *format, struct mq_buf *buf, struct mq_err *err)
{
	return format->null_text ? mq_buf_append(buf, "NULL", 4, err) : 0;
}

static int append_number(int64_t number, struct mq_buf *buf, struct mq_err *err)
{
	if (mq_room(buf, MQ_I64_TEXT, err) < 0)
		return -1;
	mq_put_i64(buf, number);
	return 0;
}

/* A number that may be unknown. */
static int append_known(const struct mq_format *format, bool known, int64_t number,
                        enum mq_token_form form, struct mq_buf *buf, struct mq_err *err)
{
	if (!known && form != MQ_FORM_NUMBER)
		return append_absent(format, buf, err);
	return append_number(known ? number : -1, buf, err);
}

static int append_schema_id(const struct mq_format *format, int32_t id, enum mq_token_form form,
                            struct mq_buf *buf, struct mq_err *err)
{
	return append_known(format, id >= 0, id, form, buf, err);
}

static int append_hex(struct mq_bytes bytes, struct mq_buf *buf, struct mq_err *err)
{
	static const char digits[] = "0123456789abcdef";

	if (bytes.len > SIZE_MAX / 2)
		return mq_fail(err, MQ_DATA, "%zu bytes are too many for hex", bytes.len);
	if (mq_room(buf, bytes.len * 2, err) < 0)
		return -1;
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.data[i];
		mq_put_char(buf, digits[c >> 4]);
		mq_put_char(buf, digits[c & 15]);
	}
	return 0;
}

static int append_bytes(const struct mq_format *format, struct mq_bytes bytes,
                        enum mq_token_form form, const char *pack, struct mq_buf *buf,
                        struct mq_err *err)
{
	switch (form) {
	case MQ_FORM_LEN:
		return append_number(bytes.data ? (int64_t)bytes.len : -1, buf, err);
	case MQ_FORM_LEN_BE32: {
		uint32_t len = bytes.data ? (uint32_t)bytes.len : UINT32_MAX;
		char out[4] = {(char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len};
		return mq_buf_append(buf, out, sizeof out, err);
	}
	case MQ_FORM_JSON:
		return mq_json_append_bytes(buf, bytes, err);
	case MQ_FORM_BASE64:
		return bytes.data ? mq_base64_append(buf, bytes, err)
		                  : append_absent(format, buf, err);
	case MQ_FORM_HEX:
		return bytes.data ? append_hex(bytes, buf, err) : append_absent(format, buf, err);
	default:
		return mq_format_append_field(format, bytes, pack, buf, err);
	}
}

/* 2026-11-01T11:00:00.123+01:00 in the zone of the process; the bare number when the calendar of
 * the system does not reach that far. */
static int append_local_time(int64_t ts_ms, struct mq_buf *buf, struct mq_err *err)
{
	int64_t ms = ts_ms % 1000;
	time_t seconds = (time_t)(ts_ms / 1000 - (ms < 0));
	struct tm tm;

	if (ms < 0)
		ms += 1000;
	if (!localtime_r(&seconds, &tm))
		return append_number(ts_ms, buf, err);
	long zone = labs(tm.tm_gmtoff) / 60;
	return mq_buf_printf(buf, err, "%04lld-%02d-%02dT%02d:%02d:%02d.%03d%c%02ld:%02ld",
	                     (long long)tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	                     tm.tm_min, tm.tm_sec, (int)ms, tm.tm_gmtoff < 0 ? '-' : '+', zone / 60,
	                     zone % 60);
}

static int append_time(const struct mq_format *format, int64_t ts_ms, enum mq_token_form form,
                       struct mq_buf *buf, struct mq_err *err)
{
	char text[MQ_TIME_TEXT];

	if (ts_ms == MQ_NO_TIME || form == MQ_FORM_PLAIN || form == MQ_FORM_NUMBER)
		return append_known(format, ts_ms != MQ_NO_TIME, ts_ms, form, buf, err);
	switch (form) {
	case MQ_FORM_ISO:
		mq_time_format_iso(ts_ms, text);
		return mq_buf_append_str(buf, text, err);
	case MQ_FORM_LOCAL:
		return append_local_time(ts_ms, buf, err);
	default: /* whole seconds, towards the past */
		return append_number(ts_ms / 1000 - (ts_ms % 1000 < 0), buf, err);
	}
}

static int append_headers(const struct mq_message *message, struct mq_buf *buf, struct mq_err *err)
{
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct mq_header *header = &message->headers[i];
		struct mq_bytes value = header->value.data ? header->value : mq_bytes_str("NULL");
		if (mq_room(buf, header->name.len + value.len + 2, err) < 0)
			return -1;
		if (i > 0)
			mq_put_char(buf, ',');
		if (header->name.len > 0)
			mq_put(buf, header->name.data, header->name.len);
		mq_put_char(buf, '=');
		mq_put(buf, value.data, value.len);
	}
	return 0;
}

static struct mq_bytes last_header(const struct mq_message *message, struct mq_bytes name)
{
	for (size_t i = message->n_headers; i > 0; i--)
		if (mq_bytes_equal(message->headers[i - 1].name, name))
			return message->headers[i - 1].value;
	return MQ_ABSENT;
}

/* The struct mq_bytes at that offset of a message or of its properties. */
static struct mq_bytes bytes_at(const void *base, size_t where)
{
	struct mq_bytes bytes;

	memcpy(&bytes, (const char *)base + where, sizeof bytes);
	return bytes;
}

static int run_step(const struct mq_format *format, const struct step *step,
                    const struct mq_message *m, struct mq_buf *buf, struct mq_err *err)
{
	static const struct mq_properties none = MQ_PROPERTIES_INIT;
	const struct mq_properties *p = m->properties ? m->properties : &none;
	const char *text = format->template->text.data + step->text;
	enum mq_token_form form = step->form;

	switch (step->row ? step->row->kind : MQ_TOKEN_LITERAL) {
	case MQ_TOKEN_LITERAL:
		return mq_buf_append(buf, text, step->text_len, err);
	case MQ_TOKEN_KEY:
		return append_bytes(format, mq_shown_key(m), form, format->pack_key, buf, err);
	case MQ_TOKEN_PAYLOAD:
		return append_bytes(format, mq_shown_payload(m), form, format->pack_payload, buf,
		                    err);
	case MQ_TOKEN_BYTES:
		return append_bytes(format, bytes_at(m, step->row->where), form, NULL, buf, err);
	case MQ_TOKEN_PROP_BYTES:
		return append_bytes(format, bytes_at(p, step->row->where), form, NULL, buf, err);
	case MQ_TOKEN_PARTITION:
		return append_known(format, m->partition != MQ_NO_PARTITION, m->partition, form,
		                    buf, err);
	case MQ_TOKEN_POSITION:
		if (m->id.data)
			return mq_buf_append(buf, m->id.data, m->id.len, err);
		/* fall through */
	case MQ_TOKEN_OFFSET:
		return append_known(format, m->offset != MQ_NO_OFFSET, m->offset, form, buf, err);
	case MQ_TOKEN_TIME:
		return append_time(format, m->ts_ms, form, buf, err);
	case MQ_TOKEN_TS_TYPE:
		if (m->ts_type == MQ_TS_UNKNOWN)
			return append_absent(format, buf, err);
		return mq_buf_append_str(buf, m->ts_type == MQ_TS_CREATE ? "create" : "append",
		                         err);
	case MQ_TOKEN_HEADERS:
		return form == MQ_FORM_JSON ? mq_envelope_append_headers(m, buf, err)
		                            : append_headers(m, buf, err);
	case MQ_TOKEN_HEADER:
		return append_bytes(format, last_header(m, mq_bytes_of(text, step->text_len)), form,
		                    NULL, buf, err);
	case MQ_TOKEN_EXPIRY:
		return append_known(format, p->expiry_ms >= 0, p->expiry_ms, form, buf, err);
	case MQ_TOKEN_PRIORITY:
		return append_known(format, p->priority >= 0, p->priority, form, buf, err);
	case MQ_TOKEN_DELIVERY_COUNT:
		return append_known(format, p->delivery_count >= 0, p->delivery_count, form, buf,
		                    err);
	case MQ_TOKEN_REDELIVERED:
		if (p->redelivered < 0)
			return append_absent(format, buf, err);
		return mq_buf_append_str(buf, p->redelivered ? "true" : "false", err);
	case MQ_TOKEN_SCHEMA_ID:
		return append_schema_id(format, m->decoded ? m->decoded->payload_schema_id : -1,
		                        form, buf, err);
	case MQ_TOKEN_KEY_SCHEMA_ID:
		return append_schema_id(format, m->decoded ? m->decoded->key_schema_id : -1, form,
		                        buf, err);
	case MQ_TOKEN_JSON:
		return mq_envelope_append(m, buf, err);
	}
	return 0;
}

int mq_template_append(const struct mq_format *format, const struct mq_message *message,
                       struct mq_buf *buf, struct mq_err *err)
{
	for (size_t i = 0; i < format->template->n; i++)
		if (run_step(format, &format->template->steps[i], message, buf, err) < 0)
			return -1;
	return 0;
}
