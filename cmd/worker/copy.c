/* Copies of messages: see copy.h. */
#include "cmd/worker/copy.h"

#include <stdlib.h>

/* The texts of properties, by their places in the struct. */
static const size_t texts[] = {
    offsetof(struct mq_properties, message_id),
    offsetof(struct mq_properties, correlation_id),
    offsetof(struct mq_properties, content_type),
    offsetof(struct mq_properties, reply_to),
    offsetof(struct mq_properties, type),
    offsetof(struct mq_properties, app_id),
    offsetof(struct mq_properties, user_id),
    offsetof(struct mq_properties, exchange),
    offsetof(struct mq_properties, content_encoding),
    offsetof(struct mq_properties, header_types),
};
#define N_TEXTS (sizeof texts / sizeof *texts)

static const struct mq_bytes *text_at(const struct mq_properties *properties, size_t i)
{
	return (const struct mq_bytes *)(const void *)((const char *)properties + texts[i]);
}

static size_t size_of(const struct mq_message *m)
{
	size_t size = sizeof(struct job) + m->n_headers * sizeof(struct mq_header) + m->stream.len +
	              m->id.len + 1 + m->key.len + m->payload.len;

	for (size_t i = 0; i < m->n_headers; i++)
		size += m->headers[i].name.len + m->headers[i].value.len;
	if (m->properties) {
		size += sizeof *m->properties;
		for (size_t i = 0; i < N_TEXTS; i++)
			size += text_at(m->properties, i)->len;
	}
	return size;
}

static struct mq_bytes put(char **at, struct mq_bytes bytes)
{
	struct mq_bytes mine = {bytes.data ? *at : NULL, bytes.len};

	if (bytes.data && bytes.len > 0)
		memcpy(*at, bytes.data, bytes.len);
	*at += bytes.len;
	return mine;
}

struct job *copy_message(const struct mq_message *message, struct mq_err *err)
{
	size_t size = size_of(message);
	struct job *job = malloc(size);

	if (!job) {
		mq_fail_memory(err);
		return NULL;
	}
	*job = (struct job){.message = *message, .bytes = size};
	struct mq_message *m = &job->message;
	/* What has to be aligned comes first, bytes behind it. */
	struct mq_properties *properties = (struct mq_properties *)(void *)(job + 1);
	struct mq_header *headers =
	    (struct mq_header *)(void *)(properties + (message->properties ? 1 : 0));
	char *at = (char *)(headers + message->n_headers);

	m->stream = put(&at, message->stream);
	m->id = put(&at, message->id);
	*at++ = '\0';
	m->key = put(&at, message->key);
	m->payload = put(&at, message->payload);
	for (size_t i = 0; i < message->n_headers; i++) {
		headers[i].name = put(&at, message->headers[i].name);
		headers[i].value = put(&at, message->headers[i].value);
	}
	m->headers = message->n_headers ? headers : NULL;
	if (message->properties) {
		*properties = *message->properties;
		for (size_t i = 0; i < N_TEXTS; i++)
			*(struct mq_bytes *)(void *)((char *)properties + texts[i]) =
			    put(&at, *text_at(message->properties, i));
		m->properties = properties;
	}
	return job;
}
