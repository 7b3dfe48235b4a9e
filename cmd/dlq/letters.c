/* Looking at dead letters: see letters.h. */
#include "cmd/dlq/letters.h"

#include "mqtk/pump.h"

struct look {
	struct letters *letters;
	struct chooser chooser;
	struct mq_dead_reader *reader;
	bool enough;
};

static int64_t accept_letters(void *ctx, const struct mq_message *messages, size_t n,
                              struct mq_err *err)
{
	struct look *look = ctx;
	struct letters *letters = look->letters;

	for (size_t i = 0; i < n; i++) {
		struct mq_dead dead;
		mq_dead_read(look->reader, &messages[i], &dead);
		letters->seen++;
		int wanted = chooser_wants(&look->chooser, &messages[i], &dead, err);
		if (wanted < 0)
			return -1;
		if (wanted == 0)
			continue;
		if (letters->each(letters->ctx, &messages[i], &dead, err) < 0)
			return -1;
		if (++letters->meant == letters->count) {
			look->enough = true;
			return mq_fail(err, MQ_CANCELLED, "enough");
		}
	}
	return (int64_t)n;
}

static int flush_letters(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	(void)ctx, (void)err;
	*ret_lost = 0;
	return 0;
}

static int run(struct look *look, struct mq_err *err)
{
	struct letters *letters = look->letters;
	const struct mq_invocation *invocation = letters->invocation;
	struct mq_read_spec spec = {
	    .force = letters->force,
	    .need = MQ_NEED_TIME | MQ_NEED_HEADERS | MQ_NEED_PROPERTIES,
	    .limit = look->chooser.any ? letters->count : -1,
	    .stop_at_end = true,
	};
	struct sources sources;

	if (letters->last > 0)
		spec.from = (struct mq_pos){.kind = MQ_POS_LAST, .number = letters->last};
	if (pending_check(letters->pending, false, err) < 0)
		return (int)err->code;
	pending_fill(letters->pending, &spec);
	if (sources_open(&sources, invocation, invocation->operands.items, invocation->operands.n,
	                 &spec, err) < 0)
		return (int)err->code;
	struct mq_pump pump = {
	    .env = invocation->env,
	    .readers = sources.readers,
	    .n_readers = sources.n,
	    .sink = {.accept = accept_letters, .flush = flush_letters, .ctx = look},
	    .stop_at_end = true,
	    .limit = spec.limit,
	    .idle_timeout_ms = -1,
	};
	enum mq_pump_end end = mq_pump_run(&pump, err);
	sources_close(&sources);
	if (look->enough || letters->gone)
		mq_err_clear(err);
	return end == MQ_PUMP_CANCELLED ? MQ_CANCELLED : (int)err->code;
}

int letters_look(struct letters *letters, struct mq_err *err)
{
	struct look look = {.letters = letters};
	int code = MQ_USAGE;

	letters->seen = letters->meant = 0;
	if (chooser_init(&look.chooser, letters->choose, err) == 0 &&
	    mq_dead_reader_new(&look.reader, err) == 0)
		code = run(&look, err);
	mq_dead_reader_free(look.reader);
	chooser_release(&look.chooser);
	return err->code ? (int)err->code : code;
}
