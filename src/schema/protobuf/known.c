/* The well-known types with a JSON form of their own, out of bytes: see data.h. */
#include "schema/protobuf/data.h"

#include "mqtk/format.h"

#include <math.h>

/* The last record of a field, or an empty one. */
static struct pb_record last_of(const struct pb_decoder *d, const struct pb_message *type,
                                size_t begin, uint32_t number)
{
	struct pb_record none = {.bytes = mq_bytes_of("", 0)};
	size_t from, to;

	pb_find(d, type, begin, number, &from, &to);
	return to > from ? d->records[to - 1] : none;
}

static int put_literal(struct pb_decoder *d, const char *text)
{
	return mq_buf_append_str(d->buf, text, d->err);
}

static int put_moment(struct pb_decoder *d, const struct pb_message *type, size_t begin)
{
	struct pb_record seconds = last_of(d, type, begin, 1), nanos = last_of(d, type, begin, 2);
	int64_t s = (int64_t)seconds.value, n = (int32_t)(uint32_t)nanos.value;
	bool stamp = type->known == PB_TIMESTAMP;
	char text[80];

	if (!(stamp ? pb_timestamp_text : pb_duration_text)(s, n, text)) {
		if (pb_problem(d, "range", seconds.at ? seconds.at : nanos.at,
		               "%lld s and %lld ns are no %s", (long long)s, (long long)n,
		               stamp ? "time from year 1 to 9999" : "duration") < 0)
			return -1;
		return put_literal(d, "null");
	}
	return mq_buf_printf(d->buf, d->err, "\"%s\"", text);
}

/* order_lines.unit_price as orderLines.unitPrice. */
static int put_mask(struct pb_decoder *d, const struct pb_message *type, size_t begin)
{
	struct mq_buf text;
	size_t from, to;
	int result = -1;

	mq_buf_init(&text, SIZE_MAX);
	pb_find(d, type, begin, 1, &from, &to);
	for (size_t i = from; i < to; i++) {
		struct mq_bytes path = d->records[i].bytes;
		if ((i > from && mq_buf_append(&text, ",", 1, d->err) < 0) ||
		    mq_buf_reserve(&text, path.len + 1, d->err) < 0)
			goto out;
		for (size_t k = 0; k < path.len; k++) {
			char c = path.data[k];
			bool up = c == '_' && k + 1 < path.len && path.data[k + 1] >= 'a' &&
			          path.data[k + 1] <= 'z';
			bool good = up || (c != '_' && !(c >= 'A' && c <= 'Z'));
			if (!good && pb_problem(d, "range", d->records[i].at,
			                        "a path that has no form in lowerCamelCase") < 0)
				goto out;
			text.data[text.len++] = up ? (char)(path.data[++k] - 'a' + 'A') : c;
		}
	}
	struct mq_bytes all = text.data ? mq_bytes_of(text.data, text.len) : mq_bytes_of("", 0);
	if (!mq_utf8_valid(all)) {
		result = pb_problem(d, "utf-8", d->records[from].at, "a string that is no UTF-8");
		if (result == 0)
			result = put_literal(d, "\"\"");
	} else {
		result = mq_json_append_bytes(d->buf, all, d->err);
	}
out:
	mq_buf_release(&text);
	return result;
}

static int put_any(struct pb_decoder *d, const struct pb_message *type, size_t begin)
{
	struct mq_bytes url = last_of(d, type, begin, 1).bytes, name = url;
	size_t from, to;

	pb_find(d, type, begin, 2, &from, &to);
	if (to > from)
		from = to - 1;
	if (url.len == 0 && (to == from || d->records[from].bytes.len == 0))
		return put_literal(d, "{}");
	if (!mq_utf8_valid(url))
		return pb_problem(d, "data", (const unsigned char *)url.data,
		                  "a type's name that is no UTF-8");
	const char *slash = memrchr(name.data, '/', name.len);
	if (slash)
		name = mq_bytes_of(slash + 1, (size_t)(name.data + name.len - slash - 1));
	const struct pb_message *inner = pb_message_named(d->model, name);
	if (put_literal(d, "{\"@type\":") < 0 || mq_json_append_bytes(d->buf, url, d->err) < 0)
		return -1;
	if (!inner) {
		struct mq_bytes bytes = to > from ? d->records[from].bytes : mq_bytes_of("", 0);
		if (d->checking &&
		    pb_problem(d, "unknown", (const unsigned char *)url.data,
		               "the schema has no type %.*s", (int)name.len, name.data) < 0)
			return -1;
		if (put_literal(d, ",\"value\":\"") < 0 ||
		    mq_base64_append(d->buf, bytes, d->err) < 0)
			return -1;
		return put_literal(d, "\"}");
	}
	if (inner->known != PB_ORDINARY) {
		if (put_literal(d, ",\"value\":") < 0 || pb_put_message(d, inner, from, to) < 0)
			return -1;
		return put_literal(d, "}");
	}
	if (d->depth++ > PB_DEPTH)
		return pb_problem(d, "data", NULL, "messages that nest too deep");
	size_t n = d->n;
	int64_t loaded = pb_load(d, inner, from, to);
	if (loaded < 0 || pb_put_fields(d, inner, (size_t)loaded, false) < 0)
		return -1;
	d->n = n;
	d->depth--;
	return put_literal(d, "}");
}

static int put_json_value(struct pb_decoder *d, const struct pb_message *type, size_t begin)
{
	if (begin == d->n)
		return put_literal(d, "null");
	size_t last = d->n - 1;
	const struct pb_field *field = &type->fields[d->records[last].field];
	if (field->message) {
		size_t from, to;
		pb_find(d, type, begin, field->number, &from, &to);
		return pb_put_message(d, field->message, from, to);
	}
	if (field->type == PB_DOUBLE) {
		double number;
		memcpy(&number, &d->records[last].value, sizeof number);
		if (!isfinite(number)) {
			int result = pb_problem(d, "range", d->records[last].at,
			                        "a number that JSON does not have");
			return result < 0 ? -1 : put_literal(d, "null");
		}
	}
	return pb_put_scalar(d, field, &d->records[last]);
}

int pb_put_known(struct pb_decoder *d, const struct pb_message *type, size_t from, size_t to)
{
	int64_t loaded = pb_load(d, type, from, to);
	struct pb_record scalar;

	if (loaded < 0)
		return -1;
	size_t begin = (size_t)loaded;
	switch ((enum pb_known)type->known) {
	case PB_ANY:
		return put_any(d, type, begin);
	case PB_TIMESTAMP:
	case PB_DURATION:
		return put_moment(d, type, begin);
	case PB_FIELD_MASK:
		return put_mask(d, type, begin);
	case PB_STRUCT:
		return pb_put_map(d, &type->fields[0], begin, d->n);
	case PB_LIST:
		return pb_put_repeated(d, &type->fields[0], begin, d->n);
	case PB_VALUE:
		return put_json_value(d, type, begin);
	default:
		scalar = last_of(d, type, begin, 1);
		return pb_put_scalar(d, &type->fields[0], &scalar);
	}
}
