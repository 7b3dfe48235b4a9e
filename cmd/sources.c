/* Opening what is read: see sources.h. */
#include "cmd/sources.h"

#include <stdlib.h>
#include <string.h>

static int resolve(struct sources *sources, const struct mq_invocation *invocation,
                   const char *const *addresses, size_t n, struct mq_err *err)
{
	sources->targets = calloc(n, sizeof *sources->targets);
	sources->items = calloc(n, sizeof *sources->items);
	sources->readers = calloc(n, sizeof *sources->readers);
	if (!sources->targets || !sources->items || !sources->readers)
		return mq_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct mq_target *target = &sources->targets[i];
		if (mq_target_resolve(addresses[i], invocation->config, &invocation->settings,
		                      target, err) < 0)
			return -1;
		sources->n_targets++;
		if (!target->stream) {
			mq_fail(err, MQ_USAGE, "%s names a broker but no stream", target->shown);
			return mq_hint(err,
			               "name a stream behind it, as in %s%sorders; mqtk ls "
			               "%s lists them",
			               target->shown,
			               target->shown[strlen(target->shown) - 1] == '/' ? "" : "/",
			               target->shown);
		}
	}
	return 0;
}

/* Puts each target's stream to the broker it belongs to. */
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
	for (size_t i = 0; i < sources->n_targets && result == 0; i++)
		result =
		    mq_buf_printf(&buf, err, "%s%s", i ? ", " : "", sources->targets[i].stream);
	sources->many_streams = sources->n_targets > 1 || sources->targets[0].stream[0] == '^';
	sources->label = buf.data; /* handed over; printf left a NUL behind the text */
	return result;
}

int sources_open(struct sources *sources, const struct mq_invocation *invocation,
                 const char *const *addresses, size_t n, const struct mq_read_spec *spec,
                 struct mq_err *err)
{
	*sources = (struct sources){0};
	if (n == 0) {
		mq_fail(err, MQ_USAGE, "no address given");
		return mq_hint(err, "mqtk %s --help shows examples", invocation->command->name);
	}
	if (resolve(sources, invocation, addresses, n, err) < 0 || gather(sources, err) < 0 ||
	    make_label(sources, err) < 0)
		goto fail;
	for (size_t i = 0; i < sources->n; i++) {
		struct source *source = &sources->items[i];
		struct mq_read_spec mine = *spec;
		mine.streams = source->streams;
		mine.n_streams = source->n_streams;
		if (mq_open(source->target, invocation->env, &source->conn, err) < 0 ||
		    mq_reader_open(source->conn, &mine, &sources->readers[i], err) < 0)
			goto fail;
	}
	return 0;
fail:
	sources_close(sources);
	return -1;
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
