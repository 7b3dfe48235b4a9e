/* What the tests of the local store share: a folder of their own, and reading and writing in one
 * line. Every helper fails the test when the store does. */
#ifndef TEST_SQLITE_STORE_H
#define TEST_SQLITE_STORE_H

#include "mqtk/broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "backend/table.h"

#define NO_LIMITS                                                                                  \
	.partitions = -1, .replicas = -1, .retention_ms = -1, .max_bytes = -1, .max_length = -1,   \
	.ttl_ms = -1, .delivery_limit = -1

struct store {
	char folder[256];
	char path[300];
	char scheme[8], authority[1];
	struct mq_cancel cancel;
	struct mq_env env;
	struct mq_target target;
	struct mq_conn *conn;
	char last_log[1000];
	int warnings;
};

struct tally {
	int64_t good, bad;
	int64_t last_offset;
	int32_t last_partition;
	enum mq_code code; /* of the last that failed */
	char why[600];
};

static inline void ok(int64_t result, const struct mq_err *err)
{
	if (result < 0)
		fail_msg("%d: %s", (int)err->code, err->message);
}

static inline void keep_log(void *ctx, enum mq_level level, const char *text)
{
	struct store *s = ctx;

	snprintf(s->last_log, sizeof s->last_log, "%s", text);
	s->warnings += level == MQ_LEVEL_WARN;
}

static inline void store_connect(struct store *s)
{
	struct mq_err err = MQ_ERR_INIT;

	snprintf(s->scheme, sizeof s->scheme, "sqlite");
	s->env = (struct mq_env){.cancel = &s->cancel,
	                         .timeout_ms = 5000,
	                         .level = MQ_LEVEL_VERBOSE,
	                         .log = keep_log,
	                         .log_ctx = s};
	s->target = (struct mq_target){.backend = &mq_backend_sqlite,
	                               .scheme = s->scheme,
	                               .authority = s->authority,
	                               .path = s->path,
	                               .shown = s->path};
	ok(mq_open(&s->target, &s->env, &s->conn, &err), &err);
}

static inline void store_init(struct store *s)
{
	struct mq_err err = MQ_ERR_INIT;

	memset(s, 0, sizeof *s);
	const char *folder = getenv("TMPDIR");
	snprintf(s->folder, sizeof s->folder, "%s/mqtk-store-XXXXXX", folder ? folder : "/tmp");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof s->path, "%s/s.db", s->folder);
	ok(mq_cancel_init(&s->cancel, &err), &err);
	store_connect(s);
}

static inline int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static inline void store_release(struct store *s)
{
	mq_close(s->conn);
	mq_cancel_release(&s->cancel);
	nftw(s->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void count_delivery(void *ctx, const struct mq_delivery *delivery)
{
	struct tally *tally = ctx;

	if (delivery->err) {
		tally->bad++;
		tally->code = delivery->err->code;
		snprintf(tally->why, sizeof tally->why, "%s", delivery->err->message);
		assert_non_null(delivery->message);
		return;
	}
	tally->good++;
	tally->last_offset = delivery->offset;
	tally->last_partition = delivery->partition;
}

static inline struct mq_writer *writer_of(struct store *s, const char *stream, bool transactional,
                                          struct tally *tally)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_writer *writer = NULL;
	struct mq_write_spec spec = {.stream = stream,
	                             .transactional = transactional,
	                             .delivered = count_delivery,
	                             .ctx = tally};

	ok(mq_writer_open(s->conn, &spec, &writer, &err), &err);
	return writer;
}

static inline void put(struct mq_writer *writer, const struct mq_message *messages, size_t n)
{
	struct mq_err err = MQ_ERR_INIT;

	ok(mq_write(writer, messages, n, &err), &err);
}

/* n messages with the payloads 0, 1, … and these times (NULL: now), in batches of `batch`. */
static inline void put_numbers(struct store *s, const char *stream, int n, const int64_t *times,
                               int batch)
{
	struct tally tally = {0};
	struct mq_writer *writer = writer_of(s, stream, false, &tally);
	struct mq_message *messages = calloc((size_t)batch, sizeof *messages);
	char(*texts)[16] = calloc((size_t)batch, sizeof *texts);

	for (int i = 0; i < n;) {
		int k = 0;
		for (; k < batch && i < n; k++, i++) {
			snprintf(texts[k], sizeof texts[k], "%d", i);
			messages[k] = (struct mq_message)MQ_MESSAGE_INIT;
			messages[k].payload = mq_bytes_str(texts[k]);
			if (times)
				messages[k].ts_ms = times[i];
		}
		put(writer, messages, (size_t)k);
	}
	assert_int_equal(tally.good, n);
	mq_writer_close(writer);
	free(messages);
	free(texts);
}

static inline struct mq_reader *reader_of(struct store *s, const char *stream, const char *group,
                                          struct mq_pos from, struct mq_pos to)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_reader *reader = NULL;
	struct mq_read_spec spec = {.streams = &stream,
	                            .n_streams = 1,
	                            .from = from,
	                            .to = to,
	                            .group = group,
	                            .limit = -1,
	                            .need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES};

	ok(mq_reader_open(s->conn, &spec, &reader, &err), &err);
	return reader;
}

static inline struct mq_batch get(struct mq_reader *reader, size_t max, int timeout_ms)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_batch batch = {0};

	ok(mq_fetch(reader, max, timeout_ms, &batch, &err), &err);
	return batch;
}

/* Fetches until caught up; settles all with a group. How many; *first and *last are offsets. */
static inline int64_t drain(struct mq_reader *reader, bool settle, int64_t *first, int64_t *last)
{
	struct mq_err err = MQ_ERR_INIT;
	int64_t n = 0;
	bool over = false;

	while (!over) {
		struct mq_batch batch = get(reader, 700, 3000);
		for (size_t i = 0; i < batch.n; i++) {
			if (n++ == 0 && first)
				*first = batch.messages[i].offset;
			if (last)
				*last = batch.messages[i].offset;
		}
		if (settle)
			ok(mq_settle(reader, batch.messages, batch.n, &err), &err);
		over = batch.caught_up || batch.ended;
		if (!over && batch.n == 0)
			fail_msg("neither messages nor the end after 3 s");
		mq_release(reader, &batch);
	}
	if (settle)
		ok(mq_commit(reader, true, &err), &err);
	return n;
}

static inline struct mq_pos pos(enum mq_pos_kind kind, int64_t number)
{
	return (struct mq_pos){.kind = kind, .number = number};
}

#define UNSET pos(MQ_POS_UNSET, 0)

/* The seed of a random test: $MQTK_TEST_SEED, or the clock. Printed, so that it can be repeated. */
static inline unsigned seed_of(const char *test)
{
	const char *given = getenv("MQTK_TEST_SEED");
	unsigned seed =
	    given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL) ^ (unsigned)getpid();

	fprintf(stderr, "%s: MQTK_TEST_SEED=%u\n", test, seed);
	return seed;
}

#endif
