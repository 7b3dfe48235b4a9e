/*
 * Records out of a descriptor: the buffer, delimiters and limits. What stands in a JSON line is
 * json_message.c's business.
 *
 * Records are lent straight from the buffer, which moves only in mq_input_read. Where the search
 * for a delimiter stopped is remembered, so that a long record in many small reads is looked at
 * once.
 */
#include "mqtk/input.h"
#include "format/json_message.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)1 << 20)
#define LEAST_READ ((size_t)256 << 10)
#define KEPT_SIZE ((size_t)4 << 20) /* a larger buffer is given back when it is empty */
#define DEFAULT_LIMIT ((size_t)1 << 30)

struct mq_input {
	enum mq_input_kind kind;
	struct mq_bytes delimiter;     /* owned */
	struct mq_bytes key_delimiter; /* owned */
	bool empty_is_null;
	bool keep_stream;
	bool keep_raw;
	size_t limit;
	int fd;
	char *name;

	char *data;
	size_t cap;
	size_t start; /* first byte that belongs to no record yet */
	size_t scan;  /* no delimiter begins in [start, scan) */
	size_t end;
	bool eof;
	bool done;     /* WHOLE: the record was given */
	bool skipping; /* behind a record over the limit, up to its end */
	int64_t line;
	struct mq_bytes raw; /* of the last record */
	struct mq_buf copy;  /* where raw points to for JSON, which is read in its place */
	bool bare;
	struct mq_arena arena;
	struct mq_err what; /* clear between two calls; here, as clearing it for each line costs */
};

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

int mq_input_new(const struct mq_input_spec *spec, int fd, const char *name,
                 struct mq_input **ret_input, struct mq_err *err)
{
	bool delimited = spec->kind == MQ_INPUT_DELIMITED;
	struct mq_input *input = calloc(1, sizeof *input);
	int r = -1;

	if (!input)
		return mq_fail_memory(err);
	if (delimited && spec->delimiter.len == 0) {
		mq_fail(err, MQ_USAGE, "the delimiter of records is empty");
		mq_hint(err, "give at least one byte, such as \\n or \\0");
		goto out;
	}
	if (delimited && spec->key_delimiter.data && spec->key_delimiter.len == 0) {
		mq_fail(err, MQ_USAGE, "the delimiter of keys is empty");
		goto out;
	}
	input->kind = spec->kind;
	input->empty_is_null = spec->empty_is_null;
	input->keep_stream = spec->keep_stream;
	input->keep_raw = spec->keep_raw;
	mq_buf_init(&input->copy, SIZE_MAX);
	input->limit = spec->limit ? spec->limit : DEFAULT_LIMIT;
	input->fd = fd;
	input->name = strdup(name);
	if (!input->name) {
		mq_fail_memory(err);
		goto out;
	}
	if (copy_bytes(delimited ? spec->delimiter : mq_bytes_str("\n"), &input->delimiter, err) <
	        0 ||
	    copy_bytes(delimited ? spec->key_delimiter : MQ_ABSENT, &input->key_delimiter, err) < 0)
		goto out;
	*ret_input = input;
	input = NULL;
	r = 0;
out:
	mq_input_free(input);
	return r;
}

void mq_input_free(struct mq_input *input)
{
	if (!input)
		return;
	free((char *)input->delimiter.data);
	free((char *)input->key_delimiter.data);
	free(input->name);
	free(input->data);
	mq_arena_release(&input->arena);
	mq_buf_release(&input->copy);
	free(input);
}

/* Moves what is left to the front and makes room for a read. */
static int make_room(struct mq_input *input, struct mq_err *err)
{
	if (input->start > 0) {
		memmove(input->data, input->data + input->start, input->end - input->start);
		input->end -= input->start;
		input->scan -= input->start;
		input->start = 0;
	}
	if (input->end == 0 && input->cap > KEPT_SIZE) {
		free(input->data);
		input->data = NULL;
		input->cap = 0;
	}
	if (input->data && input->cap - input->end >= LEAST_READ)
		return 0;
	size_t cap = input->cap ? input->cap * 2 : BUFFER_SIZE;
	char *data = realloc(input->data, cap);
	if (!data)
		return mq_fail_memory(err);
	input->data = data;
	input->cap = cap;
	return 0;
}

int mq_input_read(struct mq_input *input, struct mq_err *err)
{
	if (input->eof)
		return 0;
	mq_arena_clear(&input->arena);
	if (make_room(input, err) < 0)
		return -1;
	ssize_t n = read(input->fd, input->data + input->end, input->cap - input->end);
	if (n < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
			return 1;
		return mq_fail_errno(err, MQ_IO, errno, "cannot read %s", input->name);
	}
	input->end += (size_t)n;
	input->eof = n == 0;
	return n > 0;
}

/* The first `what` in data[from, end), or NULL. */
static char *find(char *data, size_t from, size_t end, struct mq_bytes what)
{
	size_t len = end - from;

	if (len == 0) /* nothing was read yet: there is no buffer either */
		return NULL;
	if (what.len == 1)
		return memchr(data + from, what.data[0], len);
	return memmem(data + from, len, what.data, what.len);
}

static int refuse_long(struct mq_input *input, struct mq_err *err)
{
	mq_fail(err, MQ_DATA, "%s: record %lld is over the limit of %zu bytes", input->name,
	        (long long)input->line, input->limit);
	return -1;
}

/* No delimiter up to the end of the buffer. Returns as take_record. */
static int take_unfinished(struct mq_input *input, struct mq_bytes *ret, struct mq_err *err)
{
	size_t keep = input->delimiter.len - 1; /* may be the beginning of one */
	size_t size = input->end - input->start;

	input->scan = size > keep && !input->eof ? input->end - keep : input->start;
	if (input->eof)
		input->scan = input->end;
	if (input->skipping) {
		input->start = input->scan;
		input->skipping = !input->eof;
		return 0;
	}
	if (size > input->limit && size - input->limit > (input->eof ? 0 : keep)) {
		input->line++;
		input->skipping = !input->eof;
		input->start = input->scan;
		return refuse_long(input, err);
	}
	if (!input->eof || size == 0)
		return 0;
	*ret = mq_bytes_of(input->data + input->start, size);
	input->start = input->end;
	input->line++;
	input->bare = true;
	return 1;
}

/* The next record without its delimiter: 1, 0 when there is none yet, -1 over the limit. */
static int take_record(struct mq_input *input, struct mq_bytes *ret, struct mq_err *err)
{
	for (;;) {
		char *hit = find(input->data, input->scan, input->end, input->delimiter);
		if (!hit)
			return take_unfinished(input, ret, err);
		char *record = input->data + input->start;
		*ret = mq_bytes_of(record, (size_t)(hit - record));
		input->start = (size_t)(hit - input->data) + input->delimiter.len;
		input->scan = input->start;
		if (input->skipping) {
			input->skipping = false;
			continue;
		}
		input->line++;
		if (ret->len > input->limit)
			return refuse_long(input, err);
		return 1;
	}
}

static int next_whole(struct mq_input *input, struct mq_message *ret_message, struct mq_err *err)
{
	size_t size = input->end - input->start;

	if (input->done || size > input->limit) {
		/* Over the limit: said once, and the rest is read over. */
		input->start = input->scan = input->end;
		if (input->done)
			return 0;
		input->done = true;
		input->line = 1;
		return refuse_long(input, err);
	}
	if (!input->eof)
		return 0;
	input->done = true;
	input->line = 1;
	/* Nothing at all is an empty record, not an absent one. */
	ret_message->payload = mq_bytes_of(input->data ? input->data + input->start : "", size);
	input->raw = ret_message->payload;
	input->bare = true;
	input->start = input->scan = input->end;
	return 1;
}

static void split_key(const struct mq_input *input, struct mq_bytes record,
                      struct mq_message *ret_message)
{
	struct mq_bytes delimiter = input->key_delimiter;
	char *hit = delimiter.data ? find((char *)record.data, 0, record.len, delimiter) : NULL;

	ret_message->payload = record;
	if (!hit)
		return;
	size_t key = (size_t)(hit - record.data);
	ret_message->key = mq_bytes_of(record.data, key);
	ret_message->payload = mq_bytes_of(hit + delimiter.len, record.len - key - delimiter.len);
	if (input->empty_is_null && ret_message->key.len == 0)
		ret_message->key = MQ_ABSENT;
	if (input->empty_is_null && ret_message->payload.len == 0)
		ret_message->payload = MQ_ABSENT;
}

static bool is_blank(struct mq_bytes line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
			return false;
	return true;
}

static int read_json(struct mq_input *input, struct mq_bytes line, struct mq_message *ret_message,
                     struct mq_err *err)
{
	struct mq_err *what = &input->what;

	if (input->keep_raw) {
		mq_buf_clear(&input->copy);
		if (mq_buf_append(&input->copy, line.data, line.len, err) < 0)
			return -1;
		input->raw = mq_bytes_of(input->copy.data, line.len);
	}
	if (mq_json_message((char *)line.data, line.len, &input->arena, ret_message, what) == 0) {
		if (!input->keep_stream)
			ret_message->stream = MQ_ABSENT;
		return 1;
	}
	mq_fail(err, what->code, "%s line %lld: %s", input->name, (long long)input->line,
	        what->message);
	if (what->hint[0])
		mq_hint(err, "%s", what->hint);
	mq_err_clear(what);
	return -1;
}

int mq_input_next(struct mq_input *input, struct mq_message *ret_message, struct mq_err *err)
{
	struct mq_bytes record;
	int r;

	*ret_message = (struct mq_message)MQ_MESSAGE_INIT;
	input->raw = MQ_ABSENT;
	if (input->kind == MQ_INPUT_WHOLE)
		return next_whole(input, ret_message, err);
	while ((r = take_record(input, &record, err)) > 0) {
		if (input->kind == MQ_INPUT_JSON) {
			if (!is_blank(record))
				return read_json(input, record, ret_message, err);
		} else if (record.len > 0) {
			input->raw = record;
			split_key(input, record, ret_message);
			return 1;
		}
	}
	return r;
}

int64_t mq_input_line(const struct mq_input *input)
{
	return input->line;
}

struct mq_bytes mq_input_raw(const struct mq_input *input)
{
	return input->raw;
}

bool mq_input_is_bare(const struct mq_input *input)
{
	return input->bare;
}

struct mq_bytes mq_input_rest(const struct mq_input *input)
{
	if (input->skipping || input->end == input->start)
		return mq_bytes_of("", 0);
	return mq_bytes_of(input->data + input->start, input->end - input->start);
}
