/* Opening what is read: see sources.h. */
#include "cmd/sources.h"
#include "cmd/opening.h"

#include <stdlib.h>
#include <string.h>

static int resolve(struct sources *sources, const struct mq_invocation *invocation,
                   const char *const *addresses, size_t n, struct mq_err *err)
{
	sources->targets = calloc(n, sizeof *sources->targets);
	sources->items = calloc(n, sizeof *sources->items);
	sources->brokers = calloc(n, sizeof *sources->brokers);
	sources->readers = calloc(n, sizeof *sources->readers);
	if (!sources->targets || !sources->items || !sources->brokers || !sources->readers)
		return mq_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct mq_target *target = &sources->targets[i];
		if (mq_target_resolve(addresses[i], invocation->config, &invocation->settings,
		                      target, err) < 0)
			return -1;
		sources->n_targets++;
		if (opening_check_stream(target, NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* Puts each target's stream, if it names one, to the broker it belongs to. */
static int gather(struct sources *sources, struct mq_err *err)
{
	for (size_t i = 0; i < sources->n_targets; i++) {
		const struct mq_target *target = &sources->targets[i];
		struct source *source = NULL;
		for (size_t k = 0; k < sources->n && !source; k++)
			if (mq_target_same_broker(sources->items[k].target, target))
				source = &sources->items[k];
		if (!source) {
			source = &sources->items[sources->n++];
			source->target = target;
		}
		sources->brokers[i] = source;
		if (!target->stream)
			continue;
		const char **name =
		    mq_info_grow(&source->streams, &source->n_streams, sizeof *name, err);
		if (!name)
			return -1;
		*name = target->stream;
	}
	return 0;
}

static int make_label(struct sources *sources, struct mq_err *err)
{
	struct mq_buf buf;
	int result = 0;

	mq_buf_init(&buf, 1 << 20);
	for (size_t i = 0; i < sources->n_targets && result == 0; i++) {
		const struct mq_target *target = &sources->targets[i];
		result = mq_buf_printf(&buf, err, "%s%s", i ? ", " : "",
		                       target->stream ? target->stream : target->shown);
		sources->many_streams |= i > 0 || (target->stream && target->stream[0] == '^');
	}
	sources->label = buf.data; /* handed over; printf left a NUL behind the text */
	return result;
}

int sources_resolve(struct sources *sources, const struct mq_invocation *invocation,
                    const char *const *addresses, size_t n, struct mq_err *err)
{
	*sources = (struct sources){0};
	if (n == 0) {
		mq_fail(err, MQ_USAGE, "no address given");
		return mq_hint(err, "mqtk %s --help shows examples", invocation->command->name);
	}
	if (resolve(sources, invocation, addresses, n, err) == 0)
		return 0;
	sources_close(sources);
	return -1;
}

int sources_connect(struct sources *sources, const struct mq_invocation *invocation,
                    struct mq_err *err)
{
	if (gather(sources, err) < 0 || make_label(sources, err) < 0)
		goto fail;
	for (size_t i = 0; i < sources->n; i++)
		if (mq_open(sources->items[i].target, invocation->env, &sources->items[i].conn,
		            err) < 0)
			goto fail;
	for (size_t i = 0; i < sources->n_targets; i++)
		if (opening_check_stream(&sources->targets[i], sources->brokers[i]->conn, err) < 0)
			goto fail;
	return 0;
fail:
	sources_close(sources);
	return -1;
}

int sources_read(struct sources *sources, const struct mq_read_spec *spec, struct mq_err *err)
{
	for (size_t i = 0; i < sources->n; i++) {
		struct source *source = &sources->items[i];
		struct mq_read_spec mine = *spec;
		mine.streams = source->streams;
		mine.n_streams = source->n_streams;
		if (mq_reader_open(source->conn, &mine, &sources->readers[i], err) < 0) {
			sources_close(sources);
			return -1;
		}
	}
	return 0;
}

int sources_open(struct sources *sources, const struct mq_invocation *invocation,
                 const char *const *addresses, size_t n, const struct mq_read_spec *spec,
                 struct mq_err *err)
{
	if (sources_resolve(sources, invocation, addresses, n, err) < 0 ||
	    sources_connect(sources, invocation, err) < 0)
		return -1;
	return sources_read(sources, spec, err);
}

void sources_close(struct sources *sources)
{
	for (size_t i = 0; i < sources->n; i++) {
		mq_reader_close(sources->readers[i]);
		mq_close(sources->items[i].conn);
		free(sources->items[i].streams);
	}
	for (size_t i = 0; i < sources->n_targets; i++)
		mq_target_release(&sources->targets[i]);
	free(sources->targets);
	free(sources->items);
	free(sources->brokers);
	free(sources->readers);
	free(sources->label);
	*sources = (struct sources){0};
}

int64_t sources_expected(const struct sources *sources)
{
	int64_t total = 0;

	for (size_t i = 0; i < sources->n; i++) {
		if (sources->readers[i]->expected < 0)
			return -1;
		total += sources->readers[i]->expected;
	}
	return total;
}

bool sources_can_take(const struct sources *sources)
{
	for (size_t i = 0; i < sources->n; i++)
		if (sources->items[i].conn->caps & MQ_CAP_ACK)
			return true;
	return false;
}
