/* Commands, and replies in an arena: see reply.h. Both generations of hiredis (0.14 and 1.x) build
 * them here. */
#include "backend/redis/reply.h"

#include <stdalign.h>
#include <stdlib.h>

enum {
	BLOCK_BYTES = 256 * 1024,
	BLOCKS_KEPT = 16,
};
/* What one reply may hold: the largest value that a server takes by itself, twice. */
#define REPLY_LIMIT ((size_t)1 << 30)

/* --- memory ---------------------------------------------------------------------------------- */

struct mq_rd_block {
	struct mq_rd_block *next;
	size_t used;
	alignas(max_align_t) char data[];
};

static void *take_large(struct mq_rd_arena *arena, size_t size)
{
	struct mq_rd_block *block = malloc(sizeof *block + size);

	if (!block)
		return NULL;
	block->next = arena->large;
	arena->large = block;
	return block->data;
}

void *mq_rd_arena_take(struct mq_rd_arena *arena, size_t size)
{
	size_t rounded = (size + 15) & ~(size_t)15;

	if (size > REPLY_LIMIT || arena->total > REPLY_LIMIT)
		return NULL;
	arena->total += rounded;
	if (rounded > BLOCK_BYTES / 4)
		return take_large(arena, rounded);
	if (!arena->at || BLOCK_BYTES - arena->at->used < rounded) {
		struct mq_rd_block *next = arena->at ? arena->at->next : arena->first;
		if (!next) {
			next = malloc(sizeof *next + BLOCK_BYTES);
			if (!next)
				return NULL;
			next->next = NULL;
			if (arena->at)
				arena->at->next = next;
			else
				arena->first = next;
		}
		next->used = 0;
		arena->at = next;
	}
	void *given = arena->at->data + arena->at->used;
	arena->at->used += rounded;
	return given;
}

static void free_blocks(struct mq_rd_block *block)
{
	while (block) {
		struct mq_rd_block *next = block->next;
		free(block);
		block = next;
	}
}

void mq_rd_arena_clear(struct mq_rd_arena *arena)
{
	free_blocks(arena->large);
	arena->large = NULL;
	arena->at = NULL;
	arena->total = 0;
	struct mq_rd_block *block = arena->first;
	for (int i = 1; block && i < BLOCKS_KEPT; i++)
		block = block->next;
	if (block) {
		free_blocks(block->next);
		block->next = NULL;
	}
}

void mq_rd_arena_release(struct mq_rd_arena *arena)
{
	free_blocks(arena->large);
	free_blocks(arena->first);
	*arena = (struct mq_rd_arena){0};
}

/* --- replies --------------------------------------------------------------------------------- */

const struct mq_rd_reply *mq_rd_reply_at(const struct mq_rd_reply *array, size_t i)
{
	const struct mq_rd_reply *element =
	    array && array->type == REDIS_REPLY_ARRAY ? array->first : NULL;

	while (element && i-- > 0)
		element = element->next;
	return element;
}

const struct mq_rd_reply *mq_rd_reply_member(const struct mq_rd_reply *array, const char *name)
{
	const struct mq_rd_reply *at = mq_rd_reply_at(array, 0);

	for (; at && at->next; at = at->next->next)
		if (mq_bytes_equal(at->text, mq_bytes_str(name)))
			return at->next;
	return NULL;
}

int64_t mq_rd_reply_number(const struct mq_rd_reply *reply, int64_t missing)
{
	if (!reply)
		return missing;
	if (reply->type == REDIS_REPLY_INTEGER)
		return reply->integer;
	if ((reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS) ||
	    !reply->text.data || !*reply->text.data)
		return missing;
	char *end;
	long long value = strtoll(reply->text.data, &end, 10);
	return *end ? missing : value;
}

bool mq_rd_reply_is_error(const struct mq_rd_reply *reply, const char *word)
{
	size_t len = strlen(word);

	return reply && reply->type == REDIS_REPLY_ERROR && reply->text.len >= len &&
	       memcmp(reply->text.data, word, len) == 0 &&
	       (reply->text.len == len || reply->text.data[len] == ' ');
}

const char *mq_rd_reply_text(const struct mq_rd_reply *reply)
{
	return reply && reply->text.data ? reply->text.data : "";
}

/* --- commands -------------------------------------------------------------------------------- */

size_t mq_rd_digits(uint64_t number, char *ret)
{
	char reversed[20];
	size_t n = 0;

	do
		reversed[n++] = (char)('0' + number % 10);
	while (number /= 10);
	for (size_t i = 0; i < n; i++)
		ret[i] = reversed[n - 1 - i];
	return n;
}

/* A length behind its mark: *3 or $12. */
static char *put_length(char *at, char mark, size_t length)
{
	*at++ = mark;
	at += mq_rd_digits(length, at);
	*at++ = '\r';
	*at++ = '\n';
	return at;
}

enum { LENGTH = 25, END = 2 };

int mq_rd_count_append(struct mq_buf *buf, size_t argc, struct mq_err *err)
{
	if (mq_buf_reserve(buf, LENGTH, err) < 0)
		return -1;
	buf->len = (size_t)(put_length(buf->data + buf->len, '*', argc) - buf->data);
	return 0;
}

int mq_rd_words_append(struct mq_buf *buf, size_t argc, const char *const *argv, const size_t *lens,
                       struct mq_err *err)
{
	size_t need = 0;

	for (size_t i = 0; i < argc; i++)
		need += LENGTH + (lens ? lens[i] : strlen(argv[i])) + END;
	if (mq_buf_reserve(buf, need, err) < 0)
		return -1;
	char *at = buf->data + buf->len;
	for (size_t i = 0; i < argc; i++) {
		size_t len = lens ? lens[i] : strlen(argv[i]);
		at = put_length(at, '$', len);
		memcpy(at, argv[i], len);
		at += len;
		*at++ = '\r';
		*at++ = '\n';
	}
	buf->len = (size_t)(at - buf->data);
	return 0;
}

int mq_rd_command_append(struct mq_buf *buf, size_t argc, const char *const *argv,
                         const size_t *lens, struct mq_err *err)
{
	size_t before = buf->len;

	if (mq_rd_count_append(buf, argc, err) == 0 &&
	    mq_rd_words_append(buf, argc, argv, lens, err) == 0)
		return 0;
	buf->len = before;
	return -1;
}

/* --- what hiredis calls ---------------------------------------------------------------------- */

static struct mq_rd_reply *make(const redisReadTask *task, int type)
{
	struct mq_rd_codec *codec = task->privdata;
	struct mq_rd_reply *reply = mq_rd_arena_take(codec->arena, sizeof *reply);

	if (!reply)
		return NULL;
	*reply = (struct mq_rd_reply){.type = type};
	if (task->parent) {
		struct mq_rd_reply *array = task->parent->obj;
		if (array->last)
			array->last->next = reply;
		else
			array->first = reply;
		array->last = reply;
		array->n++;
	}
	return reply;
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
	struct mq_rd_codec *codec = task->privdata;
	char *copy = mq_rd_arena_take(codec->arena, len + 1);
	struct mq_rd_reply *reply = copy ? make(task, task->type) : NULL;

	if (!reply)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	reply->text = mq_bytes_of(copy, len);
	return reply;
}

#if HIREDIS_MAJOR >= 1
static void *make_array(const redisReadTask *task, size_t elements)
#else
static void *make_array(const redisReadTask *task, int elements)
#endif
{
	(void)elements; /* what the server claims; they are counted as they come */
	return make(task, REDIS_REPLY_ARRAY);
}

static void *make_integer(const redisReadTask *task, long long value)
{
	struct mq_rd_reply *reply = make(task, REDIS_REPLY_INTEGER);

	if (reply)
		reply->integer = value;
	return reply;
}

static void *make_nil(const redisReadTask *task)
{
	return make(task, REDIS_REPLY_NIL);
}

#if HIREDIS_MAJOR >= 1
/* Of RESP3, which we never ask for. */
static void *make_double(const redisReadTask *task, double value, char *text, size_t len)
{
	(void)value;
	return make_string(task, text, len);
}

static void *make_bool(const redisReadTask *task, int value)
{
	return make_integer(task, value);
}
#endif

static void free_nothing(void *object)
{
	(void)object; /* the arena's */
}

static redisReplyObjectFunctions functions = {
    .createString = make_string,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
#if HIREDIS_MAJOR >= 1
    .createDouble = make_double,
    .createBool = make_bool,
#endif
    .freeObject = free_nothing,
};

/* --- the codec ------------------------------------------------------------------------------- */

int mq_rd_codec_init(struct mq_rd_codec *codec, struct mq_err *err)
{
	*codec = (struct mq_rd_codec){.reader = redisReaderCreateWithFunctions(&functions)};
	if (!codec->reader)
		return mq_fail_memory(err);
	codec->reader->privdata = codec;
	/* Its buffer is kept while it is empty: else each feed allocates it anew. */
	codec->reader->maxbuf = (size_t)1 << 20;
#if HIREDIS_MAJOR >= 1
	codec->reader->maxelements = 0; /* no array is allocated by its claimed length */
#endif
	return 0;
}

void mq_rd_codec_release(struct mq_rd_codec *codec)
{
	if (codec->reader)
		redisReaderFree(codec->reader);
	*codec = (struct mq_rd_codec){0};
}

static int fail_reader(struct mq_rd_codec *codec, struct mq_err *err)
{
	codec->too_large = codec->reader->err == REDIS_ERR_OOM;
	if (codec->too_large)
		return mq_fail(err, MQ_DATA,
		               "a reply of the server does not fit into memory (%zu MiB are "
		               "allowed)",
		               REPLY_LIMIT >> 20);
	return mq_fail(err, MQ_DATA, "what the server sends is not Redis' protocol: %s",
	               codec->reader->errstr);
}

int mq_rd_codec_feed(struct mq_rd_codec *codec, const char *data, size_t len, struct mq_err *err)
{
	redisReader *reader = codec->reader;

	if (reader->len - reader->pos > REPLY_LIMIT)
		return mq_fail(err, MQ_DATA, "a reply of the server is longer than %zu MiB",
		               REPLY_LIMIT >> 20);
	return redisReaderFeed(reader, data, len) == REDIS_OK ? 0 : fail_reader(codec, err);
}

int mq_rd_codec_next(struct mq_rd_codec *codec, struct mq_rd_arena *arena,
                     struct mq_rd_reply **ret_reply, struct mq_err *err)
{
	void *reply = NULL;

	if (!codec->inside)
		codec->arena = arena;
	if (redisReaderGetReply(codec->reader, &reply) != REDIS_OK)
		return fail_reader(codec, err);
	codec->inside = !reply;
	*ret_reply = reply;
	return reply ? 1 : 0;
}
