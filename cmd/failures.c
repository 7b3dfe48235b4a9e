/* The account of what was not confirmed: see failures.h. */
#include "cmd/failures.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* So many failures are said one by one; the rest only in the sum. */
enum { SAID = 5 };

/* A full disk, or a kill, left a line without an end: what is added must not become a part of it.
 */
static int end_last_line(struct failures *failures, struct mq_err *err)
{
	struct stat st;
	char last = '\n';
	int result = 0;

	if (fstat(failures->out.fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	int fd = open(failures->path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n') {
		mq_log(failures->env, MQ_LEVEL_WARN,
		       "--failed-to: the last line of %s was not finished; it stays as it is",
		       failures->path);
		result = mq_buf_append_char(&failures->out.buf, '\n', err);
	}
	if (fd >= 0)
		close(fd);
	return result;
}

int failures_open(struct failures *failures, const char *path, const char *stream,
                  const struct mq_env *env, struct mq_err *err)
{
	*failures = (struct failures){.env = env, .path = path, .stream = stream};
	if (!path)
		return 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return mq_fail_errno(err, MQ_IO, errno, "--failed-to: cannot write %s", path);
	mq_output_init(&failures->out, fd, path);
	struct mq_format_spec spec = {.kind = MQ_FORMAT_JSON};
	if (end_last_line(failures, err) < 0)
		return -1;
	return mq_format_new(&spec, &failures->format, err);
}

void failures_release(struct failures *failures)
{
	if (failures->path && failures->out.name) {
		close(failures->out.fd);
		mq_output_release(&failures->out);
	}
	mq_format_free(failures->format);
	failures->format = NULL;
}

/* Said once: what fails from here on is not kept. What was written before stays. */
static void give_up_keeping(struct failures *failures, const struct mq_err *err)
{
	failures->incomplete = true;
	mq_buf_clear(&failures->out.buf);
	mq_log(failures->env, MQ_LEVEL_WARN, "--failed-to: %s", err->message);
}

static void keep(struct failures *failures, const struct mq_message *message)
{
	struct mq_message copy = *message;
	struct mq_err err = MQ_ERR_INIT;

	if (!failures->format || failures->incomplete)
		return;
	if (!copy.stream.data)
		copy.stream = mq_bytes_str(failures->stream);
	if (mq_format_append(failures->format, &copy, &failures->out.buf, &err) < 0)
		give_up_keeping(failures, &err);
	else if (failures->out.buf.len > 64 * 1024)
		failures_flush(failures);
}

void failures_add(struct failures *failures, const struct mq_message *message,
                  const struct mq_err *why, uint64_t record, bool maybe_stored)
{
	failures->records++;
	if (maybe_stored)
		failures->maybe_stored++;
	if (why->code == MQ_DENIED)
		failures->denied++;
	if (failures->records == 1)
		failures->first = *why;
	if (failures->records <= SAID && why->code != MQ_CANCELLED)
		mq_log(failures->env, MQ_LEVEL_WARN, "record %llu failed: %s%s",
		       (unsigned long long)record, why->message,
		       maybe_stored ? " (the broker may have stored it)" : "");
	if (message)
		keep(failures, message);
}

void failures_add_unfinished(struct failures *failures, struct mq_bytes rest, bool json)
{
	struct mq_message message = MQ_MESSAGE_INIT;
	struct mq_err err = MQ_ERR_INIT;

	mq_log(failures->env, MQ_LEVEL_WARN, "an unfinished record of %zu bytes was not sent%s%s",
	       rest.len, failures->path ? "; it is kept in " : "",
	       failures->path ? failures->path : "");
	if (!failures->format || failures->incomplete)
		return;
	if (!json) {
		message.payload = rest;
		keep(failures, &message);
	} else if (mq_buf_append(&failures->out.buf, rest.data, rest.len, &err) < 0 ||
	           mq_buf_append_char(&failures->out.buf, '\n', &err) < 0) {
		give_up_keeping(failures, &err);
	}
}

void failures_note_bad(struct failures *failures, const struct mq_err *err)
{
	if (failures->bad++ == 0)
		failures->first_bad = *err;
	if (failures->bad <= SAID)
		mq_log(failures->env, MQ_LEVEL_WARN, "%s", err->message);
}

void failures_note_io(struct failures *failures, const struct mq_err *err)
{
	if (failures->io++ == 0)
		failures->first_io = err->code;
	mq_log(failures->env, MQ_LEVEL_WARN, "%s", err->message);
}

void failures_note_tee(struct failures *failures, const struct mq_err *err)
{
	failures->tee = true;
	mq_log(failures->env, MQ_LEVEL_WARN, "--tee: %s", err->message);
}

void failures_flush(struct failures *failures)
{
	struct mq_err err = MQ_ERR_INIT;

	if (failures->format && !failures->incomplete && failures->out.buf.len > 0 &&
	    mq_output_flush(&failures->out, NULL, NULL, &err) < 0)
		give_up_keeping(failures, &err);
}

int64_t failures_count(const struct failures *failures)
{
	return failures->records;
}

bool failures_clean(const struct failures *failures)
{
	return failures->records == 0 && failures->bad == 0 && failures->io == 0 && !failures->tee;
}

/* The reasons were said when they came up; the verdict does not repeat them. */
int failures_conclude(const struct failures *failures, int64_t total, struct mq_err *err)
{
	if (failures->records > 0) {
		enum mq_code code = failures->denied == failures->records ? MQ_DENIED : MQ_PARTIAL;
		mq_fail(err, code, "%lld of %lld records failed", (long long)failures->records,
		        (long long)total);
		if (failures->incomplete)
			return mq_hint(err, "not all of them could be kept in %s", failures->path);
		if (failures->path)
			return mq_hint(err,
			               "the failed records are in %s: mqtk produce -J sends "
			               "them again",
			               failures->path);
		if (failures->first.hint[0])
			return mq_hint(err, "%s", failures->first.hint);
		return mq_hint(err,
		               "--failed-to FILE keeps failed records, ready to be sent again");
	}
	if (failures->bad > 0) {
		mq_fail(err, MQ_DATA, "%lld input line%s %s", (long long)failures->bad,
		        failures->bad == 1 ? "" : "s",
		        failures->all_or_nothing ? "could not be used, nothing was stored"
		                                 : "skipped, the others were sent");
		return failures->first_bad.hint[0] ? mq_hint(err, "%s", failures->first_bad.hint)
		                                   : -1;
	}
	if (failures->io > 0)
		return mq_fail(err, failures->first_io == MQ_INTERNAL ? MQ_INTERNAL : MQ_IO,
		               "%lld input%s could not be read to the end, %s",
		               (long long)failures->io, failures->io == 1 ? "" : "s",
		               failures->all_or_nothing ? "nothing was stored"
		                                        : "all that was read was sent");
	if (failures->tee)
		return mq_fail(err, MQ_IO,
		               failures->all_or_nothing
		                   ? "not all records could be printed, nothing was stored"
		                   : "all records were sent, but not all of them printed");
	if (failures->incomplete)
		return mq_fail(err, MQ_IO, "%s could not be written", failures->path);
	return 0;
}
