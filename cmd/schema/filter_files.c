/* Messages out of files and standard input: see filter.h. */
#include "cmd/schema/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum {
	WAIT_MS = 250,
	PIPE_BYTES = 1 << 20, /* asked of the kernel for a pipe: fewer wake-ups at full speed */
};

struct reading_file {
	struct filter *filter;
	struct mq_input *input;
	enum mq_input_kind kind;
	const char *name;
};

static bool stopped(const struct filter *filter)
{
	return mq_cancel_signal(filter->invocation->env->cancel) != 0;
}

/* Waits until something can be read. False when a signal came. */
static bool wait_for_input(struct filter *filter, int fd)
{
	for (;;) {
		struct pollfd fds[2] = {
		    {.fd = fd, .events = POLLIN},
		    {.fd = mq_cancel_fd(filter->invocation->env->cancel), .events = POLLIN},
		};
		int n = poll(fds, 2, filter->rejecting ? WAIT_MS : -1);
		if (stopped(filter))
			return false;
		if (n == 0)
			rejects_poll(&filter->rejects);
		else if (n > 0 ? fds[0].revents != 0 : errno != EINTR)
			return true; /* read() will say what is wrong */
	}
}

/* What is wrong with a record that is none, without the place, which is told apart. */
static const char *bare_words(const struct reading_file *file, const char *message)
{
	char prefix[512];
	int len = snprintf(prefix, sizeof prefix, "%s line %" PRId64 ": ", file->name,
	                   mq_input_line(file->input));

	if (len > 0 && (size_t)len < sizeof prefix && strncmp(message, prefix, (size_t)len) == 0)
		message += len;
	return message;
}

/* Takes all records that were read. */
static int take_records(struct reading_file *file, struct mq_err *err)
{
	struct mq_message message;
	struct filtered item = {.place = {.file = file->name, .message = &message}};

	while (!filter_is_full(file->filter)) {
		struct mq_err bad = MQ_ERR_INIT;
		int got = mq_input_next(file->input, &message, &bad);
		if (got == 0)
			return 0;
		if (got < 0 && bad.code != MQ_DATA)
			return mq_fail(err, bad.code, "%s", bad.message);
		item.place.line = file->kind == MQ_INPUT_WHOLE ? 0 : mq_input_line(file->input);
		item.raw = mq_input_raw(file->input);
		item.bare = mq_input_is_bare(file->input);
		if (got < 0)
			message = (struct mq_message)MQ_MESSAGE_INIT;
		if (got < 0 && item.raw.data) /* it is put aside as it stands */
			message.payload = item.raw;
		int done = got > 0 ? filter_take(file->filter, &item, err)
		                   : filter_refuse(file->filter, &item,
		                                   item.raw.data ? "envelope" : "limit",
		                                   bare_words(file, bad.message), err);
		if (done < 0)
			return -1;
	}
	return 0;
}

/* Returns 0, or -1 when nothing more can be done. */
static int judge_descriptor(struct reading_file *file, int fd, struct mq_err *err)
{
	struct filter *filter = file->filter;
	struct mq_err why = MQ_ERR_INIT;

	for (int more = 1; more > 0 && !filter_is_full(filter);) {
		if (!wait_for_input(filter, fd)) {
			filter->unfinished |= mq_input_rest(file->input).len > 0;
			return 0;
		}
		more = mq_input_read(file->input, &why);
		if (more < 0) {
			filter->unreadable++;
			mq_log(filter->invocation->env, MQ_LEVEL_WARN, "%s", why.message);
			/* What was cut short by it is no record. */
			return filter_flush(filter, err);
		}
		if (take_records(file, err) < 0 || filter_flush(filter, err) < 0)
			return -1;
	}
	return 0;
}

static int judge_file(struct filter *filter, const struct mq_input_spec *spec, const char *path,
                      struct mq_err *err)
{
	bool standard = strcmp(path, "-") == 0;
	struct reading_file file = {
	    .filter = filter, .kind = spec->kind, .name = standard ? "standard input" : path};
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int result = -1;

	if (fd < 0) {
		struct mq_err why = MQ_ERR_INIT;
		mq_fail_errno(&why, MQ_IO, errno, "cannot read %s", path);
		mq_log(filter->invocation->env, MQ_LEVEL_WARN, "%s", why.message);
		filter->unreadable++;
		return 0;
	}
	if (filter->rejecting && rejects_is_file(&filter->rejects, fd)) {
		mq_fail(err, MQ_USAGE, "%s is read, and --reject-to would write to it", path);
		goto out;
	}
#ifdef F_SETPIPE_SZ
	fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES); /* no pipe, or not allowed: no harm */
#endif
	if (filter->containers) {
		result = filter_container(filter, fd, file.name, err);
		goto out;
	}
	if (mq_input_new(spec, fd, file.name, &file.input, err) < 0)
		goto out;
	result = judge_descriptor(&file, fd, err);
	mq_input_free(file.input);
out:
	if (!standard)
		close(fd);
	return result;
}

int filter_files(struct filter *filter, const struct mq_input_spec *spec, const char *const *paths,
                 size_t n, struct mq_err *err)
{
	static const char *const standard[] = {"-"};

	if (n == 0) {
		paths = standard;
		n = 1;
	}
	for (size_t i = 0; i < n && !stopped(filter) && !filter_is_full(filter); i++)
		if (judge_file(filter, spec, paths[i], err) < 0)
			return -1;
	return 0;
}
