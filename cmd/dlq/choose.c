/* Choosing dead letters: see choose.h. */
#include "cmd/dlq/choose.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define IDS_MAX ((size_t)256 << 20)

/* A moment: everything that --from understands as one. */
static int parse_moment(void *field, const char *value, struct mq_err *err)
{
	struct mq_pos *pos = field;
	struct mq_err ignored = MQ_ERR_INIT; /* it would name positions that are no moments */

	if (mq_pos_parse(value, mq_now_ms(), pos, &ignored) < 0 || pos->kind != MQ_POS_TIME)
		return mq_fail(err, MQ_USAGE,
		               "'%s' is no moment such as -2h, 2026-11-01T10:00Z or @EPOCH", value);
	return 0;
}

const struct mq_option choose_rows[] = {
    {.name = "reason",
     .type = MQ_OPT_STRING,
     .arg = "WORD",
     .help = "letters with exactly this reason: rejected, expired, exit …",
     .field = offsetof(struct choose_options, reason)},
    {.name = "origin",
     .type = MQ_OPT_STRING,
     .arg = "STREAM",
     .help = "letters that came from this stream; '': that do not say where they came from",
     .field = offsetof(struct choose_options, origin)},
    {.name = "since",
     .type = MQ_OPT_CUSTOM,
     .arg = "TIME",
     .help = "letters that died then or later; where that is unknown, that are from then",
     .custom = parse_moment,
     .field = offsetof(struct choose_options, since)},
    {.name = "until",
     .type = MQ_OPT_CUSTOM,
     .arg = "TIME",
     .help = "letters that died before",
     .custom = parse_moment,
     .field = offsetof(struct choose_options, until)},
    {.name = "ids",
     .type = MQ_OPT_STRING,
     .arg = "FILE",
     .help =
         "letters that are named in FILE, a line each: an id, PARTITION:OFFSET, an offset, or a "
         "message id",
     .complete = MQ_COMPLETE_FILE,
     .field = offsetof(struct choose_options, ids)},
    {0}};

static int compare_lines(const void *a, const void *b)
{
	const struct mq_bytes *x = a, *y = b;
	size_t least = x->len < y->len ? x->len : y->len;
	int order = least ? memcmp(x->data, y->data, least) : 0;

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static int read_file(struct chooser *chooser, const char *path, struct mq_err *err)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "cannot read %s", path);
	do {
		if (mq_buf_reserve(&chooser->ids, 65536, err) < 0)
			goto out;
		n = read(fd, chooser->ids.data + chooser->ids.len, 65536);
		if (n > 0)
			chooser->ids.len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		mq_fail_errno(err, MQ_IO, errno, "cannot read %s", path);
out:
	if (fd != STDIN_FILENO)
		close(fd);
	return n < 0 ? -1 : 0;
}

static int read_ids(struct chooser *chooser, const char *path, struct mq_err *err)
{
	size_t most = 1, at = 0;

	if (read_file(chooser, path, err) < 0)
		return -1;
	/* What some editors put in front of UTF-8 is no part of the first id. */
	if (chooser->ids.len >= 3 && memcmp(chooser->ids.data, "\xef\xbb\xbf", 3) == 0)
		at = 3;
	for (size_t i = 0; i < chooser->ids.len; i++)
		most += chooser->ids.data[i] == '\n';
	chooser->lines = calloc(most, sizeof *chooser->lines);
	if (!chooser->lines)
		return mq_fail_memory(err);
	while (at < chooser->ids.len) {
		const char *line = chooser->ids.data + at;
		const char *end = memchr(line, '\n', chooser->ids.len - at);
		size_t len = end ? (size_t)(end - line) : chooser->ids.len - at;
		at += len + 1;
		if (len > 0 && line[len - 1] == '\r')
			len--;
		if (len > 0)
			chooser->lines[chooser->n_lines++] = mq_bytes_of(line, len);
	}
	if (chooser->n_lines == 0)
		return mq_fail(err, MQ_USAGE, "--ids: there is no id in %s", path);
	qsort(chooser->lines, chooser->n_lines, sizeof *chooser->lines, compare_lines);
	return 0;
}

int chooser_init(struct chooser *chooser, const struct choose_options *options, struct mq_err *err)
{
	*chooser = (struct chooser){.options = options};
	mq_buf_init(&chooser->ids, IDS_MAX);
	if (selector_init(&chooser->selector, &options->select, err) < 0)
		return -1;
	chooser->any = chooser->selector.any && !options->reason && !options->origin &&
	               !options->ids && options->since.kind == MQ_POS_UNSET &&
	               options->until.kind == MQ_POS_UNSET;
	return options->ids ? read_ids(chooser, options->ids, err) : 0;
}

void chooser_release(struct chooser *chooser)
{
	selector_release(&chooser->selector);
	mq_buf_release(&chooser->ids);
	free(chooser->lines);
	chooser->lines = NULL;
}

uint64_t chooser_sum(const struct chooser *chooser)
{
	uint64_t sum = 0xcbf29ce484222325u;

	for (size_t i = 0; i < chooser->n_lines; i++) {
		struct mq_bytes line = chooser->lines[i];
		for (size_t k = 0; k <= line.len; k++) /* FNV-1a, with an end for each */
			sum = (sum ^ (k < line.len ? (unsigned char)line.data[k] : '\n')) *
			      0x100000001b3u;
	}
	return sum;
}

static bool is_listed(const struct chooser *chooser, struct mq_bytes id)
{
	return id.len > 0 &&
	       bsearch(&id, chooser->lines, chooser->n_lines, sizeof id, compare_lines) != NULL;
}

static bool is_named(const struct chooser *chooser, const struct mq_message *message)
{
	char text[48];

	if (is_listed(chooser, message->id) ||
	    (message->properties && is_listed(chooser, message->properties->message_id)))
		return true;
	if (message->offset == MQ_NO_OFFSET)
		return false;
	snprintf(text, sizeof text, "%" PRId64, message->offset);
	if (is_listed(chooser, mq_bytes_str(text)))
		return true;
	snprintf(text, sizeof text, "%d:%" PRId64, (int)message->partition, message->offset);
	return is_listed(chooser, mq_bytes_str(text));
}

int chooser_wants(const struct chooser *chooser, const struct mq_message *message,
                  const struct mq_dead *dead, struct mq_err *err)
{
	const struct choose_options *options = chooser->options;
	int64_t when = dead->died_ms != MQ_NO_TIME ? dead->died_ms : message->ts_ms;

	if (chooser->any)
		return 1;
	if (options->reason && !mq_bytes_equal(dead->reason, mq_bytes_str(options->reason)))
		return 0;
	/* '' is: none is told, and an absent one is not equal to an empty one. */
	if (options->origin && *options->origin &&
	    !mq_bytes_equal(dead->origin_stream, mq_bytes_str(options->origin)))
		return 0;
	if (options->origin && !*options->origin && dead->origin_stream.len > 0)
		return 0;
	/* Of a letter whose time nobody knows it cannot be said that it is old or young. */
	if (options->since.kind == MQ_POS_TIME &&
	    (when == MQ_NO_TIME || when < options->since.number))
		return 0;
	if (options->until.kind == MQ_POS_TIME &&
	    (when == MQ_NO_TIME || when >= options->until.number))
		return 0;
	if (options->ids && !is_named(chooser, message))
		return 0;
	return selector_matches(&chooser->selector, message, err);
}
