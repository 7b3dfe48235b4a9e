/*
 * Bytes into JSON: see data.h. What a message holds is collected first and written then, because
 * on the wire fields stand in any order, the last of several counts, and parts of one message may
 * stand apart.
 */
#include "schema/protobuf/data.h"

#include "format/text.h"
#include "mqtk/format.h"

#include <stdio.h>
#include <stdlib.h>

void pb_decoder_init(struct pb_decoder *d)
{
	*d = (struct pb_decoder){0};
	mq_buf_init(&d->path, 64 * 1024);
	mq_buf_init(&d->words, 4 * 1024);
}

void pb_decoder_release(struct pb_decoder *d)
{
	free(d->records);
	free(d->marks);
	mq_buf_release(&d->path);
	mq_buf_release(&d->words);
}

/* --- what is wrong ---------------------------------------------------------------------------- */

static void write_path(const struct pb_decoder *d, struct mq_buf *buf, const struct pb_place *place)
{
	if (!place)
		return;
	write_path(d, buf, place->up);
	if (place->field && (buf->len == 0 || mq_buf_append(buf, ".", 1, NULL) == 0))
		mq_buf_append(buf, place->field->name.data, place->field->name.len, NULL);
	if (place->key_len > 0)
		mq_buf_printf(buf, NULL, "[%.*s]", (int)place->key_len,
		              d->buf->data + place->key_at);
	else if (place->index >= 0)
		mq_buf_printf(buf, NULL, "[%lld]", (long long)place->index);
}

int pb_problem(struct pb_decoder *d, const char *rule, const unsigned char *at, const char *fmt,
               ...)
{
	va_list args;
	char words[300];

	va_start(args, fmt);
	vsnprintf(words, sizeof words, fmt, args);
	va_end(args);
	mq_buf_clear(&d->path);
	write_path(d, &d->path, d->place);
	if (mq_buf_append(&d->path, "", 1, d->err) < 0)
		return -1;
	mq_buf_clear(&d->words);
	if (at && mq_buf_printf(&d->words, d->err, "%s, at byte %zu", words,
	                        (size_t)(at - (const unsigned char *)d->payload.data) + 1) < 0)
		return -1;
	if (!at && mq_buf_append_str(&d->words, words, d->err) < 0)
		return -1;
	if (mq_buf_append(&d->words, "", 1, d->err) < 0)
		return -1;
	if (!d->checking)
		return mq_fail(d->err, MQ_DATA, "%s%s%s", d->path.data, *d->path.data ? ": " : "",
		               d->words.data);
	struct mq_violation violation = {
	    .pointer = d->path.data, .keyword = rule, .error = d->words.data};
	d->invalid = true;
	d->stop = (d->tell && d->tell(d->ctx, &violation)) || strcmp(rule, "data") == 0;
	return d->stop ? -1 : 0;
}

/* --- collecting ------------------------------------------------------------------------------- */

static int add_record(struct pb_decoder *d, const struct pb_record *record)
{
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 256;
		struct pb_record *more = realloc(d->records, cap * sizeof *more);
		if (!more)
			return mq_fail_memory(d->err);
		d->records = more;
		d->cap = cap;
	}
	d->records[d->n++] = *record;
	return 0;
}

static const char *wire_name(uint8_t wire)
{
	static const char *const names[] = {"a varint", "8 bytes",       "bytes with a length",
	                                    "a group",  "a group's end", "4 bytes"};
	return names[wire];
}

/* Bytes with which nothing can be done. */
static int broken(struct pb_decoder *d, const unsigned char *at, const char *words)
{
	pb_problem(d, "data", at, "%s", words);
	return -1;
}

static int mismatch(struct pb_decoder *d, const struct pb_field *field, uint8_t wire,
                    const unsigned char *at)
{
	struct pb_place place = {.up = d->place, .field = field, .index = -1};

	d->place = &place;
	pb_problem(d, "data", at, "%s where the schema has %s", wire_name(wire),
	           pb_type_name(field->type));
	d->place = place.up;
	return -1;
}

/* Reads one of a message's parts. */
static int scan(struct pb_decoder *d, const struct pb_message *type, struct mq_bytes bytes,
                uint32_t *order)
{
	struct pb_input in = {(const unsigned char *)bytes.data,
	                      (const unsigned char *)bytes.data + bytes.len};
	struct pb_piece piece;

	while (in.p < in.end) {
		const unsigned char *at = in.p;
		const char *wrong = pb_take(&in, &piece);
		if (wrong)
			return broken(d, at, wrong);
		const struct pb_field *field = pb_field_numbered(type, piece.number);
		if (!field) {
			if (d->checking &&
			    pb_problem(d, "unknown", at, "%.*s has no field %u",
			               (int)type->name.len, type->name.data, piece.number) < 0)
				return -1;
			continue;
		}
		bool packed =
		    piece.wire == PB_LEN && field->repeated &&
		    (field->wire == PB_VARINT || field->wire == PB_I64 || field->wire == PB_I32);
		if (piece.wire != field->wire && !packed)
			return mismatch(d, field, piece.wire, at);
		struct pb_record record = {.bytes = piece.bytes,
		                           .value = piece.value,
		                           .at = at,
		                           .field = (uint32_t)(field - type->fields),
		                           .order = (*order)++,
		                           .wire = piece.wire};
		if (add_record(d, &record) < 0)
			return -1;
	}
	return 0;
}

static int compare_records(const void *a, const void *b)
{
	const struct pb_record *first = a, *second = b;

	if (first->field != second->field)
		return first->field < second->field ? -1 : 1;
	return first->order < second->order ? -1 : first->order > second->order;
}

/* Of a oneof only the member that was set last is there. */
static int settle_oneofs(struct pb_decoder *d, const struct pb_message *type, size_t begin)
{
	if (type->n_oneofs > d->cap_marks) {
		free(d->marks);
		d->cap_marks = 0;
		d->marks = calloc(type->n_oneofs, sizeof *d->marks);
		if (!d->marks)
			return mq_fail_memory(d->err);
		d->cap_marks = type->n_oneofs;
	}
	/* From the last to the first: who is met first has won, and what it was before another
	 * member took its place is gone too. */
	memset(d->marks, 0, type->n_oneofs * sizeof *d->marks);
	size_t to = d->n;
	for (size_t i = d->n; i-- > begin;) {
		const struct pb_record *r = &d->records[i];
		int32_t oneof = type->fields[r->field].oneof;
		uint32_t mark = r->field + 1;
		bool gone = false;
		if (oneof >= 0 && d->marks[oneof] == 0)
			d->marks[oneof] = mark;
		else if (oneof >= 0 && d->marks[oneof] != mark)
			d->marks[oneof] = UINT32_MAX, gone = true;
		if (!gone)
			d->records[--to] = *r;
	}
	memmove(d->records + begin, d->records + to, (d->n - to) * sizeof *d->records);
	d->n -= to - begin;
	return 0;
}

static int check_required(struct pb_decoder *d, const struct pb_message *type, size_t begin)
{
	size_t i = begin;

	for (uint32_t f = 0; f < type->n; f++) {
		while (i < d->n && d->records[i].field < f)
			i++;
		if (!type->fields[f].required || (i < d->n && d->records[i].field == f))
			continue;
		if (pb_problem(d, "required", NULL, "the required field %.*s of %.*s is missing",
		               (int)type->fields[f].name.len, type->fields[f].name.data,
		               (int)type->name.len, type->name.data) < 0)
			return -1;
	}
	return 0;
}

int64_t pb_load(struct pb_decoder *d, const struct pb_message *type, size_t from, size_t to)
{
	size_t begin = d->n;
	uint32_t order = 0;
	bool sorted = true, oneofs = false;

	for (size_t i = from; i < to; i++)
		if (scan(d, type, d->records[i].bytes, &order) < 0)
			return -1;
	for (size_t i = begin; i + 1 < d->n; i++)
		sorted = sorted && d->records[i].field <= d->records[i + 1].field;
	for (size_t i = begin, seen = 0; type->n_oneofs > 0 && i < d->n; i++)
		oneofs = oneofs || (type->fields[d->records[i].field].oneof >= 0 && seen++ > 0);
	if (oneofs && settle_oneofs(d, type, begin) < 0)
		return -1;
	if (!sorted)
		qsort(d->records + begin, d->n - begin, sizeof *d->records, compare_records);
	if (type->n_required > 0 && check_required(d, type, begin) < 0)
		return -1;
	return (int64_t)begin;
}

void pb_find(const struct pb_decoder *d, const struct pb_message *type, size_t begin,
             uint32_t number, size_t *ret_from, size_t *ret_to)
{
	size_t i = begin;

	while (i < d->n && type->fields[d->records[i].field].number < number)
		i++;
	*ret_from = i;
	while (i < d->n && type->fields[d->records[i].field].number == number)
		i++;
	*ret_to = i;
}

/* --- fields ----------------------------------------------------------------------------------- */

/* Without presence 0 and "" on the wire mean what not being there means. */
static bool is_zero(const struct pb_field *field, const struct pb_record *r)
{
	if (field->wire == PB_LEN)
		return r->bytes.len == 0;
	if (field->type == PB_INT32 || field->type == PB_UINT32 || field->type == PB_SINT32 ||
	    field->type == PB_ENUM)
		return (uint32_t)r->value == 0;
	return r->value == 0;
}

static int put_value(struct pb_decoder *d, const struct pb_field *field, size_t from, size_t to)
{
	if (field->message)
		return pb_put_message(d, field->message, from, to);
	return pb_put_scalar(d, field, &d->records[to - 1]);
}

static int put_packed(struct pb_decoder *d, const struct pb_field *field, struct mq_bytes bytes,
                      struct pb_place *place)
{
	struct pb_input in = {(const unsigned char *)bytes.data,
	                      (const unsigned char *)bytes.data + bytes.len};
	struct pb_record r = {.wire = field->wire};
	size_t width = field->wire == PB_I64 ? 8 : 4;

	while (in.p < in.end) {
		r.at = in.p;
		if (field->wire == PB_VARINT) {
			if (!pb_take_varint(&in, &r.value))
				return broken(d, r.at, "a number that is cut or too long");
		} else if ((size_t)(in.end - in.p) < width) {
			return broken(d, r.at, "a number that is cut");
		} else {
			r.value = 0;
			for (size_t i = width; i-- > 0;)
				r.value = r.value << 8 | in.p[i];
			in.p += width;
		}
		if ((++place->index > 0 && mq_buf_append(d->buf, ",", 1, d->err) < 0) ||
		    pb_put_scalar(d, field, &r) < 0)
			return -1;
	}
	return 0;
}

int pb_put_repeated(struct pb_decoder *d, const struct pb_field *field, size_t from, size_t to)
{
	struct pb_place place = {.up = d->place, .field = field, .index = -1};
	int result = mq_buf_append(d->buf, "[", 1, d->err);

	/* cppcheck-suppress autoVariables ; taken back at the end */
	d->place = &place;
	for (size_t i = from; i < to && result == 0; i++) {
		if (d->records[i].wire != field->wire) {
			result = put_packed(d, field, d->records[i].bytes, &place);
			continue;
		}
		if (++place.index > 0)
			result = mq_buf_append(d->buf, ",", 1, d->err);
		if (result == 0)
			result = put_value(d, field, i, i + 1);
	}
	d->place = place.up;
	return result < 0 ? -1 : mq_buf_append(d->buf, "]", 1, d->err);
}

/* Packed, and nothing in it: a list of no items is not there. */
static bool nothing_packed(const struct pb_decoder *d, const struct pb_field *field, size_t from,
                           size_t to)
{
	if (!field->repeated || field->wire == PB_LEN || field->wire == PB_SGROUP)
		return false;
	for (size_t i = from; i < to; i++)
		if (d->records[i].wire != PB_LEN || d->records[i].bytes.len > 0)
			return false;
	return true;
}

static int put_field(struct pb_decoder *d, const struct pb_field *field, size_t from, size_t to)
{
	struct pb_place place = {.up = d->place, .field = field, .index = -1};

	if (field->map)
		return pb_put_map(d, field, from, to);
	if (field->repeated)
		return pb_put_repeated(d, field, from, to);
	d->place = &place;
	int result = put_value(d, field, from, to);
	d->place = place.up;
	return result;
}

int pb_put_fields(struct pb_decoder *d, const struct pb_message *type, size_t begin, bool first)
{
	size_t end = d->n;

	for (size_t from = begin, to = begin; from < end; from = to) {
		const struct pb_field *field = &type->fields[d->records[from].field];
		while (to < end && d->records[to].field == d->records[from].field)
			to++;
		if (!field->repeated && !field->presence && is_zero(field, &d->records[to - 1]))
			continue;
		if (nothing_packed(d, field, from, to))
			continue;
		if (mq_room(d->buf, field->key.len + 1, d->err) < 0)
			return -1;
		if (!first)
			mq_put_char(d->buf, ',');
		first = false;
		mq_put(d->buf, field->key.data, field->key.len);
		if (put_field(d, field, from, to) < 0)
			return -1;
	}
	return 0;
}

int pb_put_message(struct pb_decoder *d, const struct pb_message *type, size_t from, size_t to)
{
	size_t n = d->n;
	int result = -1;

	if (d->depth++ > PB_DEPTH)
		return broken(d, NULL, "messages that nest too deep");
	if (type->known != PB_ORDINARY) {
		result = pb_put_known(d, type, from, to);
	} else {
		int64_t begin = pb_load(d, type, from, to);
		if (begin >= 0 && mq_buf_append(d->buf, "{", 1, d->err) == 0 &&
		    pb_put_fields(d, type, (size_t)begin, true) == 0)
			result = mq_buf_append(d->buf, "}", 1, d->err);
	}
	d->n = n;
	d->depth--;
	return result;
}

static int run(struct pb_decoder *d, const struct pb_model *model, const struct pb_message *type,
               struct mq_bytes payload, struct mq_buf *buf, struct mq_err *err)
{
	struct pb_record whole = {.bytes = payload, .at = (const unsigned char *)payload.data};

	d->model = model;
	d->buf = buf;
	d->err = err;
	d->payload = payload;
	d->place = NULL;
	d->depth = 0;
	d->n = 0;
	d->invalid = d->stop = false;
	if (add_record(d, &whole) < 0)
		return -1;
	return pb_put_message(d, type, 0, 1);
}

int pb_decode(struct pb_decoder *d, const struct pb_model *model, const struct pb_message *type,
              struct mq_bytes payload, struct mq_buf *buf, struct mq_err *err)
{
	d->checking = false;
	return run(d, model, type, payload, buf, err);
}

int pb_check(struct pb_decoder *d, const struct pb_model *model, const struct pb_message *type,
             struct mq_bytes payload, mq_violation_fn *tell, void *ctx, struct mq_buf *scratch,
             struct mq_err *err)
{
	d->checking = true;
	d->tell = tell;
	d->ctx = ctx;
	mq_buf_clear(scratch);
	int result = run(d, model, type, payload, scratch, err);
	if (result < 0 && !d->invalid)
		return -1;
	return !d->invalid;
}
