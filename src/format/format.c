/*
 * The compiled format: choice of kind, delimiters, and the raw kind itself. The other kinds live
 * in template.c, envelope.c and kcat_json.c. See mqtk/format.h.
 */
#include "format/format.h"
#include "format/text.h"

#include <stdlib.h>

static int copy_bytes(struct mq_bytes bytes, struct mq_bytes *ret, struct mq_err *err)
{
	if (!bytes.data)
		return 0;
	char *copy = malloc(bytes.len + 1);
	if (!copy)
		return mq_fail_memory(err);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	*ret = mq_bytes_of(copy, bytes.len);
	return 0;
}

static int copy_pack(const char *what, const char *pack, char **ret, struct mq_err *err)
{
	if (!pack)
		return 0;
	if (mq_pack_check(what, pack, err) < 0)
		return -1;
	*ret = strdup(pack);
	return *ret ? 0 : mq_fail_memory(err);
}

static unsigned needs_of(const struct mq_format *format)
{
	switch (format->kind) {
	case MQ_FORMAT_RAW:
		break;
	case MQ_FORMAT_TEMPLATE:
		return mq_template_needs(format->template);
	case MQ_FORMAT_JSON:
		return MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES;
	case MQ_FORMAT_KCAT_JSON:
		return MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_BROKER;
	}
	return 0;
}

int mq_format_new(const struct mq_format_spec *spec, struct mq_format **ret_format,
                  struct mq_err *err)
{
	struct mq_format *format = calloc(1, sizeof *format);
	int r = -1;

	if (!format)
		return mq_fail_memory(err);
	format->kind = spec->kind;
	format->null_text = spec->null_text;
	format->kcat = spec->kcat;
	if (spec->kind == MQ_FORMAT_JSON && (spec->pack_key || spec->pack_payload)) {
		mq_fail(err, MQ_USAGE,
		        "a pack prints text and cannot be combined with JSON output");
		goto out;
	}
	/* kcat -J takes a delimiter as well. */
	if (copy_bytes(spec->kind == MQ_FORMAT_KCAT_JSON && !spec->delimiter.data
	                   ? mq_bytes_str("\n")
	                   : spec->delimiter,
	               &format->delimiter, err) < 0 ||
	    copy_bytes(spec->key_delimiter, &format->key_delimiter, err) < 0 ||
	    copy_pack("key", spec->pack_key, &format->pack_key, err) < 0 ||
	    copy_pack("payload", spec->pack_payload, &format->pack_payload, err) < 0)
		goto out;
	if (spec->kind == MQ_FORMAT_TEMPLATE &&
	    mq_template_new(spec->template_text, spec->kcat, &format->template, err) < 0)
		goto out;
	format->needs = needs_of(format);
	*ret_format = format;
	format = NULL;
	r = 0;
out:
	mq_format_free(format);
	return r;
}

void mq_format_free(struct mq_format *format)
{
	if (!format)
		return;
	free((char *)format->delimiter.data);
	free((char *)format->key_delimiter.data);
	free(format->pack_key);
	free(format->pack_payload);
	mq_template_free(format->template);
	free(format);
}

unsigned mq_format_needs(const struct mq_format *format)
{
	return format->needs;
}

int mq_format_append_field(const struct mq_format *format, struct mq_bytes bytes, const char *pack,
                           struct mq_buf *buf, struct mq_err *err)
{
	if (!bytes.data || (format->kcat && bytes.len == 0))
		return format->null_text ? mq_buf_append(buf, "NULL", 4, err) : 0;
	if (pack)
		return mq_pack_append(pack, bytes, buf, err);
	if (mq_room(buf, bytes.len, err) < 0)
		return -1;
	mq_put(buf, bytes.data, bytes.len);
	return 0;
}

static int append_raw(const struct mq_format *format, const struct mq_message *message,
                      struct mq_buf *buf, struct mq_err *err)
{
	if (format->key_delimiter.data) {
		if (mq_format_append_field(format, mq_shown_key(message), format->pack_key, buf,
		                           err) < 0 ||
		    mq_room(buf, format->key_delimiter.len, err) < 0)
			return -1;
		mq_put(buf, format->key_delimiter.data, format->key_delimiter.len);
	}
	if (mq_format_append_field(format, mq_shown_payload(message), format->pack_payload, buf,
	                           err) < 0 ||
	    mq_room(buf, format->delimiter.len, err) < 0)
		return -1;
	if (format->delimiter.len == 1)
		mq_put_char(buf, format->delimiter.data[0]);
	else if (format->delimiter.len > 0)
		mq_put(buf, format->delimiter.data, format->delimiter.len);
	return 0;
}

int mq_format_append(const struct mq_format *format, const struct mq_message *message,
                     struct mq_buf *buf, struct mq_err *err)
{
	size_t before = buf->len;
	int r = -1;

	switch (format->kind) {
	case MQ_FORMAT_RAW:
		r = append_raw(format, message, buf, err);
		break;
	case MQ_FORMAT_TEMPLATE:
		r = mq_template_append(format, message, buf, err);
		break;
	case MQ_FORMAT_JSON:
		r = mq_envelope_append(message, buf, err);
		if (r == 0)
			r = mq_buf_append(buf, "\n", 1, err);
		break;
	case MQ_FORMAT_KCAT_JSON:
		r = mq_kcat_json_append(message, buf, err);
		if (r == 0)
			r = mq_buf_append(buf, format->delimiter.data, format->delimiter.len, err);
		break;
	}
	if (r < 0)
		buf->len = before;
	return r;
}
