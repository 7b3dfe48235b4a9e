/* Headers added to records: see record_headers.h. */
#include "cmd/record_headers.h"

#include <stdlib.h>

enum {
	ROOM = 16384, /* for how many headers room is made at once */
	TIMES = 4,    /* how often those of one record may be put there */
};

bool record_headers_full(const struct record_headers *room, const struct mq_message *message,
                         size_t n)
{
	return room->n > 0 && room->n + TIMES * (message->n_headers + n) > room->cap;
}

/* Room for n headers behind those that are there. */
static struct mq_header *make_room(struct record_headers *room, size_t n, struct mq_err *err)
{
	if (n > room->cap - room->n) { /* nothing that counts is in it */
		size_t cap = TIMES * n < ROOM ? ROOM : TIMES * n;
		struct mq_header *items = calloc(cap, sizeof *items);
		if (!items) {
			mq_fail_memory(err);
			return NULL;
		}
		free(room->items);
		*room = (struct record_headers){.items = items, .cap = cap};
	}
	return room->items + room->n;
}

int record_headers_merge(struct record_headers *room, struct mq_message *message,
                         const struct mq_header *more, size_t n, struct mq_err *err)
{
	size_t all = message->n_headers + n;

	if (n == 0)
		return 0;
	if (message->n_headers == 0) {
		message->headers = more;
		message->n_headers = n;
		return 0;
	}
	struct mq_header *mine = make_room(room, all, err);
	if (!mine)
		return -1;
	memcpy(mine, message->headers, message->n_headers * sizeof *mine);
	memcpy(mine + message->n_headers, more, n * sizeof *mine);
	room->n += all;
	message->headers = mine;
	message->n_headers = all;
	return 0;
}

int record_headers_drop(struct record_headers *room, struct mq_message *message, const char *name,
                        struct mq_err *err)
{
	struct mq_bytes unwanted = mq_bytes_str(name);
	size_t i = 0, n = 0;

	while (i < message->n_headers && !mq_bytes_equal(message->headers[i].name, unwanted))
		i++;
	if (i == message->n_headers)
		return 0;
	struct mq_header *mine = make_room(room, message->n_headers, err);
	if (!mine)
		return -1;
	for (i = 0; i < message->n_headers; i++)
		if (!mq_bytes_equal(message->headers[i].name, unwanted))
			mine[n++] = message->headers[i];
	room->n += n;
	message->headers = mine;
	message->n_headers = n;
	return 0;
}

void record_headers_clear(struct record_headers *room)
{
	room->n = 0;
}

void record_headers_release(struct record_headers *room)
{
	free(room->items);
	*room = (struct record_headers){0};
}

static void prefer(struct mq_bytes *mine, struct mq_bytes given)
{
	if (given.data)
		*mine = given;
}

void record_properties_merge(const struct mq_properties *given, struct mq_message *message,
                             struct mq_properties *room)
{
	if (!message->properties) {
		message->properties = given;
		return;
	}
	*room = *message->properties;
	prefer(&room->message_id, given->message_id);
	prefer(&room->correlation_id, given->correlation_id);
	prefer(&room->content_type, given->content_type);
	prefer(&room->reply_to, given->reply_to);
	if (given->expiry_ms >= 0)
		room->expiry_ms = given->expiry_ms;
	if (given->priority >= 0)
		room->priority = given->priority;
	message->properties = room;
}

struct mq_header *record_headers_parse(const struct mq_option_list *list, struct mq_err *err)
{
	struct mq_header *headers = calloc(list->n + 1, sizeof *headers);

	if (!headers) {
		mq_fail_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < list->n; i++) {
		const char *text = list->items[i];
		size_t len = strcspn(text, "=");
		headers[i].name = mq_bytes_of(text, len);
		headers[i].value = mq_bytes_str(text[len] == '=' ? text + len + 1 : NULL);
		if (len == 0) {
			mq_fail(err, MQ_USAGE, "-H: '%s' has no name, expected NAME[=VALUE]", text);
			free(headers);
			return NULL;
		}
	}
	return headers;
}
