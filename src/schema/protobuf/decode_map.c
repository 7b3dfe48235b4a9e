/* Maps out of bytes, sorted by key and each key once: see data.h. */
#include "schema/protobuf/data.h"

#include "format/text.h"

#include <stdlib.h>

/* One of a map's entries. */
struct entry {
	struct mq_bytes text; /* the key, when it is a string */
	uint64_t number;      /* else; signed ones moved so that they sort */
	size_t record;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;
	int order = (first->number > second->number) - (first->number < second->number);

	if (first->text.data && second->text.data) {
		size_t len =
		    first->text.len < second->text.len ? first->text.len : second->text.len;
		order = memcmp(first->text.data, second->text.data, len);
		if (order == 0)
			order = (first->text.len > second->text.len) -
			        (first->text.len < second->text.len);
	}
	return order ? order : (first->record > second->record) - (first->record < second->record);
}

/* A number such that the keys of a map sort as they should. */
static uint64_t sortable(const struct pb_field *key, uint64_t value)
{
	switch ((enum pb_type)key->type) {
	case PB_INT32:
	case PB_SFIXED32:
		return (uint64_t)(int64_t)(int32_t)(uint32_t)value ^ UINT64_C(1) << 63;
	case PB_SINT32:
		value = (uint32_t)value;
		value = (uint64_t)(int64_t)(int32_t)(uint32_t)(value >> 1 ^ (0 - (value & 1)));
		return value ^ UINT64_C(1) << 63;
	case PB_SINT64:
		return (value >> 1 ^ (0 - (value & 1))) ^ UINT64_C(1) << 63;
	case PB_INT64:
	case PB_SFIXED64:
		return value ^ UINT64_C(1) << 63;
	case PB_UINT32:
	case PB_FIXED32:
		return (uint32_t)value;
	case PB_BOOL:
		return value != 0;
	default:
		return value;
	}
}

static int put_entry(struct pb_decoder *d, const struct pb_field *field, size_t record)
{
	const struct pb_message *type = field->message;
	const struct pb_record nothing = {.bytes = mq_bytes_of("", 0)};
	struct pb_record key = nothing;
	struct pb_place place = {.up = d->place, .index = -1};
	size_t from, to, len = d->buf->len;
	bool checking = d->checking;
	int result;

	/* What is wrong with it was told when its key was looked for. */
	d->checking = false;
	int64_t begin = pb_load(d, type, record, record + 1);
	d->checking = checking;
	if (begin < 0)
		return -1;
	pb_find(d, type, (size_t)begin, 1, &from, &to);
	if (to > from)
		key = d->records[to - 1];
	if (pb_put_scalar(d, &type->fields[0], &key) < 0)
		return -1;
	/* Keys are strings in JSON: the text of others gets quotes. */
	if (d->buf->data[len] != '"') {
		if (mq_room(d->buf, 2, d->err) < 0)
			return -1;
		memmove(d->buf->data + len + 1, d->buf->data + len, d->buf->len - len);
		d->buf->data[len] = '"';
		d->buf->len++;
		mq_put_char(d->buf, '"');
	}
	place.key_at = len;
	place.key_len = d->buf->len - len;
	if (mq_buf_append(d->buf, ":", 1, d->err) < 0)
		return -1;
	d->place = &place;
	pb_find(d, type, (size_t)begin, 2, &from, &to);
	if (type->fields[1].message)
		result = pb_put_message(d, type->fields[1].message, from, to);
	else
		result =
		    pb_put_scalar(d, &type->fields[1], to > from ? &d->records[to - 1] : &nothing);
	d->place = place.up;
	d->n = (size_t)begin;
	return result;
}

int pb_put_map(struct pb_decoder *d, const struct pb_field *field, size_t from, size_t to)
{
	const struct pb_field *key = &field->message->fields[0];
	struct pb_place place = {.up = d->place, .field = field, .index = -1};
	struct entry *entries = calloc(to - from, sizeof *entries);
	size_t n = 0, first, last;
	int result = -1;

	if (!entries)
		return mq_fail_memory(d->err);
	/* cppcheck-suppress autoVariables ; taken back at the end */
	d->place = &place;
	for (size_t i = from; i < to; i++) {
		place.index = (int64_t)(i - from);
		int64_t begin = pb_load(d, field->message, i, i + 1);
		if (begin < 0)
			goto out;
		struct entry *entry = &entries[n++];
		entry->record = i;
		entry->text = key->type == PB_STRING ? mq_bytes_of("", 0) : MQ_ABSENT;
		entry->number = sortable(key, 0);
		pb_find(d, field->message, (size_t)begin, 1, &first, &last);
		if (last > first && key->type == PB_STRING)
			entry->text = d->records[last - 1].bytes;
		else if (last > first)
			entry->number = sortable(key, d->records[last - 1].value);
		d->n = (size_t)begin;
	}
	place.index = -1;
	qsort(entries, n, sizeof *entries, compare_entries);
	result = mq_buf_append(d->buf, "{", 1, d->err);
	for (size_t i = 0, written = 0; i < n && result == 0; i++) {
		bool again = i + 1 < n && entries[i].number == entries[i + 1].number &&
		             mq_bytes_equal(entries[i].text, entries[i + 1].text);
		if (again)
			continue;
		if (written++ > 0)
			result = mq_buf_append(d->buf, ",", 1, d->err);
		if (result == 0)
			result = put_entry(d, field, entries[i].record);
	}
	if (result == 0)
		result = mq_buf_append(d->buf, "}", 1, d->err);
out:
	d->place = place.up;
	free(entries);
	return result;
}
