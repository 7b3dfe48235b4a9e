/* The environment of programs: see environment.h. */
#include "cmd/worker/environment.h"

#include "mqtk/format.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

/* One string of an environment has a limit (Linux: 128 KiB), and all together have one. */
#define VALUE_MAX ((size_t)64 * 1024)
#define TEXT_MAX ((size_t)512 * 1024)
#define NAME_MAX_OURS 200
enum { HEADERS_MAX = 256 }; /* that have a variable of their own */

static const char *const names[] = {
    "STREAM",           "PARTITION",   "OFFSET",         "ID",
    "TIMESTAMP",        "KEY",         "GROUP",          "ATTEMPT",
    "HEADERS",          "MESSAGE_ID",  "CORRELATION_ID", "CONTENT_TYPE",
    "CONTENT_ENCODING", "REPLY_TO",    "TYPE",           "APP_ID",
    "USER_ID",          "EXCHANGE",    "EXPIRY_MS",      "PRIORITY",
    "DELIVERY_COUNT",   "REDELIVERED", "LEFT_OUT",       NULL};

/* True for what tells of a message: of another one, when we are a program of a worker ourselves. */
static bool tells_of_message(const char *entry)
{
	if (strncmp(entry, "MQTK_", 5) != 0)
		return false;
	entry += 5;
	if (strncmp(entry, "HEADER_", 7) == 0)
		return true;
	for (size_t i = 0; names[i]; i++) {
		size_t len = strlen(names[i]);
		if (strncmp(entry, names[i], len) == 0 && entry[len] == '=')
			return true;
	}
	return false;
}

int environment_init(struct environment *environment, const char *group, struct mq_err *err)
{
	size_t n = 0;

	*environment = (struct environment){.group = group};
	mq_buf_init(&environment->text, TEXT_MAX);
	while (environ && environ[n])
		n++;
	environment->base = calloc(n + 1, sizeof(char *));
	if (!environment->base)
		return mq_fail_memory(err);
	for (size_t i = 0; i < n; i++)
		if (!tells_of_message(environ[i]))
			environment->base[environment->n_base++] = environ[i];
	return 0;
}

void environment_release(struct environment *environment)
{
	free(environment->base);
	free(environment->all);
	mq_buf_release(&environment->text);
	*environment = (struct environment){0};
}

/* --- values ----------------------------------------------------------------------------------- */

struct writing {
	struct mq_buf *text;
	size_t n;
	struct mq_buf *left_out; /* names */
};

static void leave_out(struct writing *w, const char *name)
{
	if (w->left_out->len > 0)
		mq_buf_append_char(w->left_out, ' ', NULL);
	mq_buf_append_str(w->left_out, name, NULL); /* too many names: the first ones */
}

static void put(struct writing *w, const char *name, struct mq_bytes value)
{
	size_t before = w->text->len;

	if (!value.data)
		return;
	if (value.len > VALUE_MAX || (value.len > 0 && memchr(value.data, 0, value.len))) {
		leave_out(w, name);
		return;
	}
	if (mq_buf_append_str(w->text, "MQTK_", NULL) < 0 ||
	    mq_buf_append_str(w->text, name, NULL) < 0 ||
	    mq_buf_append_char(w->text, '=', NULL) < 0 ||
	    mq_buf_append(w->text, value.data, value.len, NULL) < 0 ||
	    mq_buf_append_char(w->text, '\0', NULL) < 0) {
		w->text->len = before;
		leave_out(w, name);
		return;
	}
	w->n++;
}

static void put_number(struct writing *w, const char *name, int64_t number)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%" PRId64, number);

	put(w, name, mq_bytes_of(text, (size_t)len));
}

/* HEADER_NAME, in letters that a shell takes. Returns its length; 0: MQTK_HEADERS has it alone. */
static size_t header_name(struct mq_bytes name, char ret[static NAME_MAX_OURS])
{
	size_t at = strlen("HEADER_");

	memcpy(ret, "HEADER_", at);
	if (name.len == 0 || name.len >= NAME_MAX_OURS - at)
		return 0;
	for (size_t k = 0; k < name.len; k++) {
		unsigned char c = (unsigned char)name.data[k];
		ret[at++] = c < 0x80 && isalnum(c) ? (char)toupper(c) : '_';
	}
	ret[at] = '\0';
	return at;
}

/* Of several that get one name the last counts. */
static void put_each_header(struct writing *w, const struct mq_message *message)
{
	size_t n = 0, most = message->n_headers < HEADERS_MAX ? message->n_headers : HEADERS_MAX;
	char(*put_names)[NAME_MAX_OURS] = calloc(most, sizeof *put_names);

	for (size_t i = message->n_headers; i > 0 && put_names; i--) {
		const struct mq_header *header = &message->headers[i - 1];
		size_t known = 0;
		if (header_name(header->name, put_names[n]) == 0)
			continue;
		while (known < n && strcmp(put_names[known], put_names[n]) != 0)
			known++;
		if (known < n)
			continue;
		put(w, put_names[n], header->value);
		if (++n == HEADERS_MAX && i > 1)
			leave_out(w, "HEADER_");
		if (n == most)
			break;
	}
	free(put_names);
}

/* [["name","value"],…], as the envelope has it. */
static void put_headers(struct writing *w, const struct mq_message *message)
{
	struct mq_buf json;
	int result;

	if (message->n_headers == 0)
		return;
	mq_buf_init(&json, VALUE_MAX);
	result = mq_buf_append_char(&json, '[', NULL);
	for (size_t i = 0; i < message->n_headers && result == 0; i++) {
		const struct mq_header *header = &message->headers[i];
		result = mq_buf_append_str(&json, i ? ",[" : "[", NULL);
		if (result == 0)
			result = mq_json_append_bytes(&json, header->name, NULL);
		if (result == 0)
			result = mq_buf_append_char(&json, ',', NULL);
		if (result == 0)
			result = mq_json_append_bytes(&json, header->value, NULL);
		if (result == 0)
			result = mq_buf_append_char(&json, ']', NULL);
	}
	if (result == 0)
		result = mq_buf_append_char(&json, ']', NULL);
	if (result == 0)
		put(w, "HEADERS", mq_bytes_of(json.data, json.len));
	else
		leave_out(w, "HEADERS");
	mq_buf_release(&json);
	put_each_header(w, message);
}

static void put_properties(struct writing *w, const struct mq_properties *p)
{
	if (!p)
		return;
	put(w, "MESSAGE_ID", p->message_id);
	put(w, "CORRELATION_ID", p->correlation_id);
	put(w, "CONTENT_TYPE", p->content_type);
	put(w, "CONTENT_ENCODING", p->content_encoding);
	put(w, "REPLY_TO", p->reply_to);
	put(w, "TYPE", p->type);
	put(w, "APP_ID", p->app_id);
	put(w, "USER_ID", p->user_id);
	put(w, "EXCHANGE", p->exchange);
	if (p->expiry_ms >= 0)
		put_number(w, "EXPIRY_MS", p->expiry_ms);
	if (p->priority >= 0)
		put_number(w, "PRIORITY", p->priority);
	if (p->delivery_count >= 0)
		put_number(w, "DELIVERY_COUNT", p->delivery_count);
	if (p->redelivered >= 0)
		put_number(w, "REDELIVERED", p->redelivered);
}

static void put_message(struct writing *w, const struct mq_message *message, int attempt)
{
	put(w, "STREAM", message->stream);
	if (message->partition != MQ_NO_PARTITION)
		put_number(w, "PARTITION", message->partition);
	if (message->offset != MQ_NO_OFFSET)
		put_number(w, "OFFSET", message->offset);
	put(w, "ID", message->id);
	if (message->ts_ms != MQ_NO_TIME)
		put_number(w, "TIMESTAMP", message->ts_ms);
	put(w, "KEY", message->key);
	put_number(w, "ATTEMPT", attempt);
	put_headers(w, message);
	put_properties(w, message->properties);
}

/* --- all of it -------------------------------------------------------------------------------- */

char *const *environment_of(struct environment *environment, const struct mq_message *message,
                            int attempt, struct mq_err *err)
{
	struct mq_buf left_out;
	struct writing w = {.text = &environment->text, .left_out = &left_out};

	mq_buf_init(&left_out, 4096);
	mq_buf_clear(&environment->text);
	if (environment->group)
		put(&w, "GROUP", mq_bytes_str(environment->group));
	if (message)
		put_message(&w, message, attempt);
	if (left_out.len > 0)
		put(&w, "LEFT_OUT", mq_bytes_of(left_out.data, left_out.len));
	mq_buf_release(&left_out);
	size_t all = environment->n_base + w.n;
	if (all + 1 > environment->cap) {
		char **grown = realloc(environment->all, (all + 32) * sizeof(char *));
		if (!grown) {
			mq_fail_memory(err);
			return NULL;
		}
		environment->all = grown;
		environment->cap = all + 32;
	}
	memcpy(environment->all, environment->base, environment->n_base * sizeof(char *));
	char *at = environment->text.data;
	for (size_t i = environment->n_base; i < all; i++) {
		environment->all[i] = at;
		at += strlen(at) + 1;
	}
	environment->all[all] = NULL;
	return environment->all;
}
