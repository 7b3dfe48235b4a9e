/* Reading container files: see mqtk/avro_file.h. */
#include "mqtk/avro_file.h"

#include "schema/avro/compress.h"
#include "schema/avro/data.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PIECE = 64 << 10, /* bytes of one read, unless a block needs more */
	HEAD_MAX = 64 << 20,
	KEYS_MAX = 10000,
};

struct mq_avro_reader {
	int fd;
	char *name;
	const struct mq_cancel *cancel;
	size_t max_block;

	struct mq_buf in; /* what was read and is not done with */
	size_t at;        /* of it is done with */
	uint64_t before;  /* bytes of the file before it */

	struct mq_buf text; /* the schema's */
	struct mq_schema *schema;
	const struct av_codec *codec;
	unsigned char sync[MQ_AVRO_SYNC];

	struct mq_buf unpacked;
	struct av_input block; /* what is left of the block's data */
	uint64_t block_at;     /* where it begins in the file */
	uint64_t data_at;      /* where its data does */
	size_t packed;         /* bytes of its data in the file */
	int64_t count, left;   /* data that it says it has, that were not given out yet */
	bool in_block;
	bool cut; /* the file ends within the block */

	struct av_problem problem;
	struct mq_err failure; /* the first one: it is told again and again */
};

static uint64_t place(const struct mq_avro_reader *reader)
{
	return reader->before + reader->at;
}

static int damaged(const struct mq_avro_reader *reader, struct mq_err *err, uint64_t at,
                   const char *words)
{
	return mq_fail(err, MQ_DATA, "%s: byte %" PRIu64 ": %s", reader->name, at + 1, words);
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* One read. 1; 0 at the end; -1. */
static int read_more(struct mq_avro_reader *reader, size_t want, struct mq_err *err)
{
	struct mq_buf *in = &reader->in;
	ssize_t n;

	if (reader->at > 0) {
		mq_buf_consume(in, reader->at);
		reader->before += reader->at;
		reader->at = 0;
	}
	/* Never much more than what came already: a length that is no more than a claim takes no
	 * memory. */
	if (want > in->len + PIECE)
		want = in->len + PIECE;
	if (mq_buf_reserve(in, want < PIECE ? PIECE : want, err) < 0)
		return -1;
	do {
		if (!mq_cancel_wait(reader->cancel, reader->fd, POLLIN, -1))
			return mq_fail(err, MQ_CANCELLED, "ended by a signal");
		n = read(reader->fd, in->data + in->len, in->cap - in->len);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot read %s", reader->name);
	in->len += (size_t)n;
	return n > 0;
}

/* n bytes that are not done with. 1; 0: the file has fewer; -1. */
static int need(struct mq_avro_reader *reader, size_t n, struct mq_err *err)
{
	int more = 1;

	while (more == 1 && reader->in.len - reader->at < n)
		more = read_more(reader, n - (reader->in.len - reader->at), err);
	return more;
}

static int take(struct mq_avro_reader *reader, size_t n, struct mq_bytes *ret, const char *of,
                struct mq_err *err)
{
	int there = need(reader, n, err);

	if (there == 0)
		return damaged(reader, err, reader->before + reader->in.len, of);
	if (there < 0)
		return -1;
	*ret = mq_bytes_of(reader->in.data + reader->at, n);
	reader->at += n;
	return 0;
}

static int take_long(struct mq_avro_reader *reader, int64_t *ret, const char *of,
                     struct mq_err *err)
{
	size_t n = 0;

	/* At most ten bytes. */
	do {
		int there = need(reader, ++n, err);
		if (there == 0)
			return damaged(reader, err, reader->before + reader->in.len, of);
		if (there < 0)
			return -1;
	} while ((unsigned char)reader->in.data[reader->at + n - 1] >= 0x80 && n < 10);
	const unsigned char *begin = (const unsigned char *)reader->in.data + reader->at;
	struct av_input input = {
	    .begin = begin, .p = begin, .end = begin + n, .problem = &reader->problem};
	if (av_take_long(&input, ret) < 0)
		return damaged(reader, err, place(reader), reader->problem.words);
	reader->at += n;
	return 0;
}

/* --- the head --------------------------------------------------------------------------------- */

#define HEAD_ENDS "it ends within the head of an Avro file"

static int take_sized(struct mq_avro_reader *reader, struct mq_bytes *ret, struct mq_err *err)
{
	uint64_t at = place(reader);
	int64_t len;

	if (take_long(reader, &len, HEAD_ENDS, err) < 0)
		return -1;
	if (len < 0 || len > HEAD_MAX)
		return damaged(reader, err, at, "the head of an Avro file has no such length");
	return take(reader, (size_t)len, ret, HEAD_ENDS, err);
}

static int take_pair(struct mq_avro_reader *reader, struct mq_err *err)
{
	struct mq_bytes value;
	char key[16] = "";

	if (take_sized(reader, &value, err) < 0)
		return -1;
	/* The next one may move it. */
	if (value.len < sizeof key)
		memcpy(key, value.data, value.len);
	if (take_sized(reader, &value, err) < 0)
		return -1;
	if (strcmp(key, "avro.schema") == 0) {
		mq_buf_clear(&reader->text);
		return mq_buf_append(&reader->text, value.data, value.len, err);
	}
	if (strcmp(key, "avro.codec") != 0 || value.len == 0)
		return 0;
	reader->codec = av_codec_named(value);
	if (reader->codec)
		return av_codec_load(reader->codec, err);
	/* Nobody wrote this on a command line: the file is what is wrong. */
	mq_fail(err, MQ_DATA, "%s: there is no Avro codec '%.*s'", reader->name, (int)value.len,
	        value.data);
	return mq_hint(err, "the codecs are %s", mq_avro_codecs());
}

static int take_head(struct mq_avro_reader *reader, struct mq_err *err)
{
	struct mq_bytes bytes;
	int64_t count, size, pairs = 0;

	if (need(reader, 4, err) < 0)
		return -1;
	if (reader->in.len < 4 || memcmp(reader->in.data, "Obj\x01", 4) != 0)
		return mq_fail(err, MQ_DATA,
		               "%s is no Avro file: it does not begin with 'Obj' and "
		               "a byte 1",
		               reader->name);
	reader->at = 4;
	do {
		uint64_t at = place(reader);
		if (take_long(reader, &count, HEAD_ENDS, err) < 0)
			return -1;
		if (count < 0 && count >= -KEYS_MAX) {
			count = -count;
			if (take_long(reader, &size, HEAD_ENDS, err) < 0)
				return -1;
		}
		pairs += count;
		if (count < 0 || count > KEYS_MAX || pairs > KEYS_MAX)
			return damaged(reader, err, at, "the head has more than 10,000 entries");
		for (int64_t i = 0; i < count; i++)
			if (take_pair(reader, err) < 0)
				return -1;
	} while (count > 0);
	if (take(reader, MQ_AVRO_SYNC, &bytes, HEAD_ENDS, err) < 0)
		return -1;
	memcpy(reader->sync, bytes.data, bytes.len);
	return 0;
}

static int open_schema(struct mq_avro_reader *reader, struct mq_err *err)
{
	struct mq_err failure = MQ_ERR_INIT;
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_AVRO,
	                              .name = reader->name,
	                              .text = mq_bytes_of(reader->text.data, reader->text.len)};

	if (!reader->text.data)
		return mq_fail(err, MQ_DATA, "%s has no schema in its head (avro.schema)",
		               reader->name);
	if (mq_schema_new(&spec, &reader->schema, &failure) == 0)
		return 0;
	return mq_fail(err, failure.code, "%s: %s", reader->name, failure.message);
}

int mq_avro_reader_new(const struct mq_avro_read_spec *spec, struct mq_avro_reader **ret_reader,
                       struct mq_err *err)
{
	struct mq_avro_reader *reader = calloc(1, sizeof *reader);

	*ret_reader = NULL;
	if (!reader || !(reader->name = strdup(spec->name))) {
		free(reader);
		return mq_fail_memory(err);
	}
	reader->fd = spec->fd;
	reader->cancel = spec->cancel;
	reader->max_block = spec->max_block ? spec->max_block : MQ_AVRO_BLOCK_MAX;
	reader->codec = av_codec_named(mq_bytes_str("null"));
	mq_buf_init(&reader->in, SIZE_MAX);
	mq_buf_init(&reader->text, HEAD_MAX);
	mq_buf_init(&reader->unpacked, reader->max_block);
	if (take_head(reader, err) < 0 || open_schema(reader, err) < 0) {
		mq_avro_reader_free(reader);
		return -1;
	}
	*ret_reader = reader;
	return 0;
}

void mq_avro_reader_free(struct mq_avro_reader *reader)
{
	if (!reader)
		return;
	mq_schema_free(reader->schema);
	mq_buf_release(&reader->in);
	mq_buf_release(&reader->text);
	mq_buf_release(&reader->unpacked);
	free(reader->name);
	free(reader);
}

struct mq_schema *mq_avro_reader_schema(struct mq_avro_reader *reader)
{
	return reader->schema;
}

struct mq_bytes mq_avro_reader_schema_text(const struct mq_avro_reader *reader)
{
	return mq_bytes_of(reader->text.data, reader->text.len);
}

const char *mq_avro_reader_codec(const struct mq_avro_reader *reader)
{
	return reader->codec->name;
}

/* --- blocks ----------------------------------------------------------------------------------- */

#define BLOCK_ENDS "it ends within a block of an Avro file"

static int unpack(struct mq_avro_reader *reader, struct mq_bytes packed, struct mq_err *err)
{
	struct mq_err failure = MQ_ERR_INIT;

	mq_buf_clear(&reader->unpacked);
	if (reader->codec->unpack(packed, &reader->unpacked, &failure) == 0)
		return 0;
	return mq_fail(err, failure.code, "%s: the block at byte %" PRIu64 ": %s", reader->name,
	               reader->block_at + 1, failure.message);
}

/* 1; 0 when the file ends here; -1. */
static int begin_block(struct mq_avro_reader *reader, struct mq_err *err)
{
	int64_t size;
	int there = need(reader, 1, err);

	if (there < 1)
		return there;
	reader->block_at = place(reader);
	if (take_long(reader, &reader->count, BLOCK_ENDS, err) < 0)
		return -1;
	uint64_t size_at = place(reader);
	if (take_long(reader, &size, BLOCK_ENDS, err) < 0)
		return -1;
	if (reader->count < 0)
		return damaged(reader, err, reader->block_at, "a block has no such count of data");
	if (size < 0)
		return damaged(reader, err, size_at, "a block has no such size");
	if ((uint64_t)size > reader->max_block)
		return mq_fail(err, MQ_DATA,
		               "%s: byte %" PRIu64 ": a block of %" PRId64
		               " bytes, where %zu are the most",
		               reader->name, size_at + 1, size, reader->max_block);
	reader->data_at = place(reader);
	reader->packed = (size_t)size;
	there = need(reader, reader->packed, err);
	if (there < 0)
		return -1;
	bool plain = reader->codec->load == NULL;
	/* Of a block that is cut, what is whole is given out, if it can be seen. */
	if (there == 0 && !plain)
		return damaged(reader, err, reader->before + reader->in.len, BLOCK_ENDS);
	reader->cut = there == 0;
	size_t len = reader->cut ? reader->in.len - reader->at : reader->packed;
	struct mq_bytes data = mq_bytes_of(reader->in.data + reader->at, len);
	if (!plain) {
		if (unpack(reader, data, err) < 0)
			return -1;
		data = mq_bytes_of(reader->unpacked.data ? reader->unpacked.data : "",
		                   reader->unpacked.len);
	}
	const unsigned char *begin = (const unsigned char *)data.data;
	reader->block = (struct av_input){
	    .begin = begin, .p = begin, .end = begin + data.len, .problem = &reader->problem};
	reader->left = reader->count;
	reader->in_block = true;
	return 1;
}

/* What has to be behind its data. */
static int end_block(struct mq_avro_reader *reader, struct mq_err *err)
{
	struct mq_bytes sync;

	if (reader->block.p < reader->block.end)
		return mq_fail(err, MQ_DATA,
		               "%s: the block at byte %" PRIu64 " says that it has %" PRId64
		               " data, but has more",
		               reader->name, reader->block_at + 1, reader->count);
	if (reader->cut)
		return damaged(reader, err, reader->before + reader->in.len, BLOCK_ENDS);
	reader->in_block = false;
	reader->at += reader->packed;
	uint64_t at = place(reader);
	if (take(reader, MQ_AVRO_SYNC, &sync, BLOCK_ENDS, err) < 0)
		return -1;
	if (memcmp(sync.data, reader->sync, MQ_AVRO_SYNC) != 0)
		return damaged(reader, err, at,
		               "the sync marker is not that of this Avro file: it is damaged here, "
		               "or before");
	return 0;
}

static int next_datum(struct mq_avro_reader *reader, struct mq_bytes *ret_datum, struct mq_err *err)
{
	const struct av_schema *schema = av_schema_of(reader->schema);
	bool is_free = schema->nodes[schema->root].free;
	const unsigned char *begin = reader->block.p;

	if (begin == reader->block.end && !is_free) {
		if (reader->cut)
			return damaged(reader, err, reader->before + reader->in.len, BLOCK_ENDS);
		return mq_fail(err, MQ_DATA,
		               "%s: the block at byte %" PRIu64 " says that it has %" PRId64
		               " data, but has only %" PRId64,
		               reader->name, reader->block_at + 1, reader->count,
		               reader->count - reader->left);
	}
	/* Data that take no bytes are counted together, others each for itself. */
	if (!is_free)
		reader->block.free = 0;
	else if (av_count_free(&reader->block, 1) < 0)
		return damaged(reader, err, reader->block_at, reader->problem.words);
	if (av_skip(schema, schema->root, &reader->block) < 0) {
		if (reader->cut && reader->block.p == reader->block.end)
			return damaged(reader, err, reader->before + reader->in.len, BLOCK_ENDS);
		return mq_fail(err, MQ_DATA,
		               "%s: the block at byte %" PRIu64 ", datum %" PRId64 ": %s%s%s",
		               reader->name, reader->block_at + 1, reader->count - reader->left + 1,
		               reader->problem.path, reader->problem.path[0] ? ": " : "",
		               reader->problem.words);
	}
	reader->left--;
	*ret_datum = mq_bytes_of(begin, (size_t)(reader->block.p - begin));
	return 1;
}

static int next(struct mq_avro_reader *reader, struct mq_bytes *ret_datum, struct mq_err *err)
{
	while (!reader->in_block || reader->left == 0) {
		if (reader->in_block && end_block(reader, err) < 0)
			return -1;
		int began = begin_block(reader, err);
		if (began < 1)
			return began;
	}
	return next_datum(reader, ret_datum, err);
}

int mq_avro_reader_next(struct mq_avro_reader *reader, struct mq_bytes *ret_datum,
                        struct mq_err *err)
{
	int result = -1;

	*ret_datum = MQ_ABSENT;
	if (!reader->failure.code)
		result = next(reader, ret_datum, &reader->failure);
	if (result < 0 && err && !err->code)
		*err = reader->failure;
	return result;
}
