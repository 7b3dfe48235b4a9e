/* Messages as samples: see samples.h. */
#include "cmd/schema/samples.h"

#include "cmd/sources.h"
#include "mqtk/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static bool is_over(const struct samples *samples)
{
	return samples->n == samples->limit ||
	       mq_cancel_signal(samples->invocation->env->cancel) != 0;
}

static int take(struct samples *samples, const char *where, const struct mq_message *message,
                struct mq_err *err)
{
	samples->n++;
	return samples->take(samples->ctx, where, message, err);
}

/* --- files ------------------------------------------------------------------------------------ */

static int take_records(struct samples *samples, struct mq_input *input, const char *name,
                        bool whole, struct mq_err *err)
{
	struct mq_message message;
	char where[4200];
	int got = 1;

	while (!is_over(samples) && (got = mq_input_next(input, &message, err)) > 0) {
		if (whole)
			snprintf(where, sizeof where, "%s", name);
		else
			snprintf(where, sizeof where, "%s line %" PRId64, name,
			         mq_input_line(input));
		if (take(samples, where, &message, err) < 0)
			return -1;
	}
	return got < 0 ? -1 : 0;
}

static int read_file(struct samples *samples, struct mq_input *input, int fd, const char *name,
                     bool whole, struct mq_err *err)
{
	const struct mq_cancel *cancel = samples->invocation->env->cancel;
	int more = 1;

	while (more > 0 && !is_over(samples)) {
		struct pollfd fds[2] = {
		    {.fd = fd, .events = POLLIN},
		    {.fd = mq_cancel_fd(cancel), .events = POLLIN},
		};
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return mq_fail_errno(err, MQ_IO, errno, "cannot wait for %s", name);
		if (!fds[0].revents)
			continue;
		more = mq_input_read(input, err);
		if (more < 0 || take_records(samples, input, name, whole, err) < 0)
			return -1;
	}
	return 0;
}

int samples_of_files(struct samples *samples, const struct mq_input_spec *spec, struct mq_err *err)
{
	static const char *const standard[] = {"-"};
	const struct mq_operands *operands = &samples->invocation->operands;
	const char *const *paths = operands->n ? operands->items : standard;

	for (size_t i = 0; i < (operands->n ? operands->n : 1) && !is_over(samples); i++) {
		bool is_standard = strcmp(paths[i], "-") == 0;
		const char *name = is_standard ? "standard input" : paths[i];
		int fd = is_standard ? STDIN_FILENO : open(paths[i], O_RDONLY | O_CLOEXEC);
		struct mq_input *input = NULL;
		if (fd < 0)
			return mq_fail_errno(err, MQ_IO, errno, "cannot read %s", name);
		int result = mq_input_new(spec, fd, name, &input, err);
		if (result == 0)
			result =
			    read_file(samples, input, fd, name, spec->kind == MQ_INPUT_WHOLE, err);
		mq_input_free(input);
		if (!is_standard)
			close(fd);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* --- streams ---------------------------------------------------------------------------------- */

static int64_t accept_messages(void *ctx, const struct mq_message *messages, size_t n,
                               struct mq_err *err)
{
	struct samples *samples = ctx;

	for (size_t i = 0; i < n; i++) {
		const struct mq_message *message = &messages[i];
		char where[600];
		if (message->id.data)
			snprintf(where, sizeof where, "%.*s id %.*s", (int)message->stream.len,
			         message->stream.data, (int)message->id.len, message->id.data);
		else
			snprintf(where, sizeof where, "%.*s partition %" PRId32 " offset %" PRId64,
			         (int)message->stream.len, message->stream.data, message->partition,
			         message->offset);
		if (take(samples, where, message, err) < 0)
			return -1;
	}
	return (int64_t)n;
}

static int flush_nothing(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	(void)ctx, (void)err;
	*ret_lost = 0;
	return 0;
}

int samples_of_streams(struct samples *samples, const struct reading *reading, struct mq_err *err)
{
	struct mq_invocation *invocation = samples->invocation;
	struct mq_read_spec spec = {
	    .partitions = reading->partitions.items,
	    .n_partitions = reading->partitions.n,
	    .from = reading->range.from,
	    .to = reading->range.to,
	    .limit = samples->limit,
	    .stop_at_end = true,
	};
	struct sources sources = {0};
	enum mq_pump_end end = MQ_PUMP_FAILED;

	if (sources_open(&sources, invocation, invocation->operands.items, invocation->operands.n,
	                 &spec, err) == 0) {
		struct mq_pump pump = {
		    .env = invocation->env,
		    .readers = sources.readers,
		    .n_readers = sources.n,
		    .sink = {.accept = accept_messages, .flush = flush_nothing, .ctx = samples},
		    .stop_at_end = true,
		    .limit = spec.limit,
		    .idle_timeout_ms = reading->idle_timeout,
		};
		end = mq_pump_run(&pump, err);
	}
	sources_close(&sources);
	return end == MQ_PUMP_FAILED ? -1 : 0;
}
