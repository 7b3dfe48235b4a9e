/* Messages out of a file of -J lines: see file.h. */
#include "cmd/replay/file_store.h"

#include "mqtk/input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* So many lines that are no messages are said one by one. */
enum { SAID = 5 };

struct file_reader {
	struct mq_reader base;
	struct mq_conn conn;
	const struct replay_values *values;
	struct mq_input *input;
	const char *path; /* borrowed */
	int fd;
	int64_t skip;
	int64_t bad;
	struct mq_message *messages;
	size_t room;
	bool ended;
};

static struct file_reader *reader_of(struct mq_reader *reader)
{
	return (struct file_reader *)reader;
}

static int check_pos(const struct replay_pos *pos, const char *option, const char *path,
                     struct mq_err *err)
{
	switch (pos->pos.kind) {
	case MQ_POS_UNSET:
	case MQ_POS_BEGINNING:
	case MQ_POS_END:
	case MQ_POS_TIME:
	case MQ_POS_OFFSET:
		return 0;
	case MQ_POS_LAST:
	case MQ_POS_ID:
	case MQ_POS_STORED:
		break;
	}
	mq_fail(err, MQ_USAGE, "%s %s: the lines of %s are chosen by moments and offsets", option,
	        pos->text, path);
	return mq_hint(err, "tail -n N FILE gives the last N lines");
}

int file_reader_open(const struct file_read_spec *spec, const struct mq_env *env,
                     struct mq_reader **ret_reader, struct mq_err *err)
{
	const struct mq_input_spec input = {.kind = MQ_INPUT_JSON, .keep_stream = true};
	bool standard = strcmp(spec->path, "-") == 0;

	*ret_reader = NULL;
	if (check_pos(&spec->values->from, "--from", spec->path, err) < 0 ||
	    check_pos(&spec->values->to, "--to", spec->path, err) < 0)
		return -1;
	struct file_reader *r = calloc(1, sizeof *r);
	if (!r)
		return mq_fail_memory(err);
	r->conn = (struct mq_conn){.backend = &file_backend, .env = env};
	r->base = (struct mq_reader){.conn = &r->conn, .expected = -1};
	r->values = spec->values;
	r->path = spec->path;
	r->skip = spec->skip;
	r->fd = standard ? STDIN_FILENO : open(spec->path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0) {
		mq_fail_errno(err, MQ_IO, errno, "cannot read %s", spec->path);
		goto fail;
	}
	if (mq_input_new(&input, r->fd, standard ? "standard input" : spec->path, &r->input, err) <
	    0)
		goto fail;
	*ret_reader = &r->base;
	return 0;
fail:
	file_reader_close(&r->base);
	return -1;
}

void file_reader_close(struct mq_reader *reader)
{
	struct file_reader *r = reader_of(reader);

	if (!r)
		return;
	mq_input_free(r->input);
	if (r->fd > STDERR_FILENO)
		close(r->fd);
	free(r->messages);
	free(r);
}

int64_t file_line(const struct mq_message *message)
{
	return (int64_t)(intptr_t)message->owner;
}

int64_t file_bad_lines(const struct mq_reader *reader)
{
	return reader->conn->backend == &file_backend ? ((const struct file_reader *)reader)->bad
	                                              : 0;
}

int file_reader_fd(struct mq_reader *reader)
{
	return reader_of(reader)->fd;
}

/* --- which lines ----------------------------------------------------------------------------- */

static bool is_before(const struct mq_message *message, const struct mq_pos *pos)
{
	if (pos->kind == MQ_POS_TIME)
		return message->ts_ms < pos->number;
	return pos->kind == MQ_POS_OFFSET && message->offset < pos->number;
}

static bool is_wanted(const struct file_reader *r, const struct mq_message *message)
{
	const struct replay_values *values = r->values;
	const struct mq_pos *to = &values->to.pos;
	bool wanted = values->partitions.n == 0;

	if (values->from.pos.kind == MQ_POS_END || is_before(message, &values->from.pos))
		return false;
	if ((to->kind == MQ_POS_TIME || to->kind == MQ_POS_OFFSET) && !is_before(message, to))
		return false;
	for (size_t i = 0; i < values->partitions.n && !wanted; i++)
		wanted = values->partitions.items[i] == message->partition;
	return wanted;
}

/* --- reading --------------------------------------------------------------------------------- */

static int make_room(struct file_reader *r, size_t max, struct mq_err *err)
{
	if (max <= r->room)
		return 0;
	free(r->messages);
	r->room = 0;
	r->messages = malloc(max * sizeof *r->messages);
	if (!r->messages)
		return mq_fail_memory(err);
	r->room = max;
	return 0;
}

static void note_bad(struct file_reader *r, const struct mq_err *err)
{
	if (r->bad++ < SAID)
		mq_log(r->conn.env, MQ_LEVEL_WARN, "%s", err->message);
}

/* The messages that were read already. Returns how many, or -1. */
static int64_t take(struct file_reader *r, size_t max, struct mq_err *err)
{
	size_t n = 0;

	while (n < max) {
		struct mq_err bad = MQ_ERR_INIT;
		struct mq_message *message = &r->messages[n];
		int got = mq_input_next(r->input, message, &bad);
		int64_t line = mq_input_line(r->input);
		if (got == 0)
			break;
		if (got < 0 && bad.code != MQ_DATA) {
			*err = bad;
			return -1;
		}
		if (line <= r->skip)
			continue;
		if (got < 0) {
			note_bad(r, &bad);
			continue;
		}
		message->owner = (void *)(intptr_t)line;
		if (is_wanted(r, message))
			n++;
	}
	return (int64_t)n;
}

int file_fetch(struct mq_reader *reader, size_t max, int timeout_ms, struct mq_batch *ret_batch,
               struct mq_err *err)
{
	struct file_reader *r = reader_of(reader);

	if (make_room(r, max, err) < 0)
		return -1;
	int64_t n = take(r, max, err);
	if (n == 0 && !r->ended) {
		/* A file is always readable, a pipe when something came. */
		if (!mq_cancel_wait(r->conn.env->cancel, r->fd, POLLIN, timeout_ms))
			return 0;
		int more = mq_input_read(r->input, err);
		if (more < 0)
			return -1;
		r->ended = more == 0;
		n = take(r, max, err);
	}
	if (n < 0)
		return -1;
	/* The last line may come out behind the end. */
	bool over = r->ended && n == 0;
	if (over && mq_input_line(r->input) < r->skip) {
		mq_fail(err, MQ_DATA, "%s has %" PRId64 " lines, but %" PRId64 " were read before",
		        r->path, mq_input_line(r->input), r->skip);
		return mq_hint(err, "it was cut short or is another file; another journal begins "
		                    "anew");
	}
	*ret_batch = (struct mq_batch){
	    .messages = r->messages, .n = (size_t)n, .caught_up = over, .ended = over};
	return 0;
}

void file_release(struct mq_reader *reader, struct mq_batch *batch)
{
	(void)reader;
	*batch = (struct mq_batch){0};
}
