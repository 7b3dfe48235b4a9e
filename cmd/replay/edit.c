/* What a copy carries: see edit.h. */
#include "cmd/replay/edit.h"

#include "cmd/record_headers.h"

#include <stdlib.h>

/* Of a partition and an offset, with what stands between, and of the count. */
#define NUMBERS_TEXT 96
/* A count that says more is this one: it must not become small again. */
#define COUNT_MAX INT64_C(999999999999999999)

int edit_init(struct edit *edit, const struct replay_values *values, bool provenance,
              struct mq_err *err)
{
	*edit = (struct edit){.values = values, .provenance = provenance};
	edit->plain = !provenance && values->headers.n == 0 && values->removed.n == 0;
	edit->added = record_headers_parse(&values->headers, err);
	return edit->added ? 0 : -1;
}

void edit_release(struct edit *edit)
{
	free(edit->added);
	free(edit->headers);
	free(edit->properties);
	free(edit->text);
	*edit = (struct edit){0};
}

static bool is_named(const struct mq_header *header, const char *name)
{
	size_t len = strlen(name);

	return header->name.len == len && memcmp(header->name.data, name, len) == 0;
}

int64_t edit_count(const struct mq_message *message)
{
	int64_t count = 0;

	for (size_t i = 0; i < message->n_headers; i++) {
		const struct mq_header *header = &message->headers[i];
		int64_t mine = 0;
		if (header->value.len == 0 || !is_named(header, EDIT_COUNT_HEADER))
			continue;
		for (size_t d = 0; d < header->value.len && mine >= 0; d++) {
			char c = header->value.data[d];
			if (c < '0' || c > '9')
				mine = -1;
			else
				mine = mine > COUNT_MAX / 10 ? COUNT_MAX : mine * 10 + (c - '0');
		}
		count = mine > count ? mine : count;
	}
	return count;
}

/* --- room ------------------------------------------------------------------------------------ */

/* Room for `want` elements of that size: what is there, or more in its place. Nothing of the old is
 * kept. NULL with err set. */
static void *make_room(void *old, size_t *cap, size_t want, size_t size, struct mq_err *err)
{
	if (old && want <= *cap)
		return old;
	free(old);
	*cap = want + want / 2 + 1;
	void *room = malloc(*cap * size);
	if (!room)
		mq_fail_memory(err);
	return room;
}

int edit_begin(struct edit *edit, const struct mq_message *messages, size_t n, struct mq_err *err)
{
	size_t headers = 0, text = 0;

	edit->n_headers = edit->n_properties = edit->n_text = 0;
	if (edit->plain)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct mq_message *m = &messages[i];
		size_t mine = m->n_headers + edit->values->headers.n + 2;
		headers += mine;
		if (edit->provenance)
			text += m->stream.len + m->id.len + NUMBERS_TEXT;
		if (m->properties && m->properties->header_types.data)
			text += mine;
	}
	edit->headers =
	    make_room(edit->headers, &edit->cap_headers, headers, sizeof *edit->headers, err);
	edit->properties =
	    make_room(edit->properties, &edit->cap_properties, n, sizeof *edit->properties, err);
	edit->text = make_room(edit->text, &edit->cap_text, text, 1, err);
	return edit->headers && edit->properties && edit->text ? 0 : -1;
}

/* --- text ------------------------------------------------------------------------------------ */

static void put(struct edit *edit, const char *data, size_t len)
{
	if (len > 0)
		memcpy(edit->text + edit->n_text, data, len);
	edit->n_text += len;
}

static void put_number(struct edit *edit, int64_t number)
{
	char digits[24];
	size_t n = sizeof digits;
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do
		digits[--n] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (number < 0)
		digits[--n] = '-';
	put(edit, digits + n, sizeof digits - n);
}

/* orders[2]@1234, orders@1700000000000-0; a queue's name alone. */
static struct mq_bytes source_text(struct edit *edit, const struct mq_message *message)
{
	size_t at = edit->n_text;

	put(edit, message->stream.data, message->stream.len);
	if (message->partition != MQ_NO_PARTITION) {
		put(edit, "[", 1);
		put_number(edit, message->partition);
		put(edit, "]", 1);
	}
	if (message->id.data) {
		put(edit, "@", 1);
		put(edit, message->id.data, message->id.len);
	} else if (message->offset != MQ_NO_OFFSET) {
		put(edit, "@", 1);
		put_number(edit, message->offset);
	}
	return mq_bytes_of(edit->text + at, edit->n_text - at);
}

static struct mq_bytes count_text(struct edit *edit, const struct mq_message *message)
{
	int64_t count = edit_count(message);
	size_t at = edit->n_text;

	put_number(edit, count < COUNT_MAX ? count + 1 : count);
	return mq_bytes_of(edit->text + at, edit->n_text - at);
}

/* --- headers --------------------------------------------------------------------------------- */

static bool is_removed(const struct edit *edit, const struct mq_header *header)
{
	const struct mq_option_list *removed = &edit->values->removed;

	if (edit->provenance &&
	    (is_named(header, EDIT_SOURCE_HEADER) || is_named(header, EDIT_COUNT_HEADER)))
		return true; /* ours follow */
	for (size_t i = 0; i < removed->n; i++)
		if (is_named(header, removed->items[i]))
			return true;
	return false;
}

/* Where headers have types there is a letter for each; those that we add are text. */
static void keep_types(struct edit *edit, const struct mq_message *message, struct mq_message *copy)
{
	const struct mq_properties *properties = message->properties;
	size_t at = edit->n_text;

	if (!properties || !properties->header_types.data)
		return;
	for (size_t i = 0; i < message->n_headers; i++)
		if (!is_removed(edit, &message->headers[i]))
			put(edit,
			    i < properties->header_types.len ? properties->header_types.data + i
			                                     : "S",
			    1);
	while (edit->n_text - at < copy->n_headers)
		put(edit, "S", 1);
	struct mq_properties *mine = &edit->properties[edit->n_properties++];
	*mine = *properties;
	mine->header_types = mq_bytes_of(edit->text + at, edit->n_text - at);
	copy->properties = mine;
}

static void edit_headers(struct edit *edit, const struct mq_message *message,
                         struct mq_message *copy)
{
	struct mq_header *headers = edit->headers + edit->n_headers;
	size_t n = 0;

	for (size_t i = 0; i < message->n_headers; i++)
		if (!is_removed(edit, &message->headers[i]))
			headers[n++] = message->headers[i];
	for (size_t i = 0; i < edit->values->headers.n; i++)
		headers[n++] = edit->added[i];
	if (edit->provenance) {
		headers[n++] = (struct mq_header){.name = mq_bytes_str(EDIT_SOURCE_HEADER),
		                                  .value = source_text(edit, message)};
		headers[n++] = (struct mq_header){.name = mq_bytes_str(EDIT_COUNT_HEADER),
		                                  .value = count_text(edit, message)};
	}
	edit->n_headers += n;
	copy->headers = n ? headers : NULL;
	copy->n_headers = n;
	keep_types(edit, message, copy);
}

void edit_copy(struct edit *edit, const struct mq_message *message, struct mq_message *ret_copy)
{
	*ret_copy = *message;
	if (edit->values->key)
		ret_copy->key = mq_bytes_str(edit->values->key);
	if (edit->values->timestamps == REPLAY_NOW)
		ret_copy->ts_ms = MQ_NO_TIME;
	if (!edit->plain)
		edit_headers(edit, message, ret_copy);
}
