/* Dead letters on their way: see moving.h. */
#include "cmd/dlq/moving.h"

#include "cmd/commands.h"
#include "cmd/dlq/tally.h"
#include "cmd/replay/edit.h"

#include "mqtk/address.h"
#include "mqtk/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define GROUP "mqtk-dlq"
enum { SHOWN = 8 };

/* A run over the letters: the preview, or the real one. */
struct run {
	struct moving *moving;
	struct chooser chooser;
	struct mq_dead_reader *reader;
	bool preview;
	/* The preview's. */
	struct tally reasons, origins;
	int64_t seen, meant, homeless, guarded;
	int64_t oldest_ms, newest_ms;
	/* Memory of the copies of one run of messages. */
	struct block {
		struct block *next;
	} * blocks;
};

/* --- the policy ------------------------------------------------------------------------------- */

static bool has_home(const struct run *run, const struct mq_dead *dead)
{
	return run->moving->target || dead->origin_stream.len > 0;
}

static int note_letter(struct run *run, const struct mq_message *message,
                       const struct mq_dead *dead, struct mq_err *err)
{
	int64_t when = dead->died_ms != MQ_NO_TIME ? dead->died_ms : message->ts_ms;

	if (when != MQ_NO_TIME && (run->oldest_ms == MQ_NO_TIME || when < run->oldest_ms))
		run->oldest_ms = when;
	if (when != MQ_NO_TIME && (run->newest_ms == MQ_NO_TIME || when > run->newest_ms))
		run->newest_ms = when;
	return tally_add(&run->reasons, dead->reason, err) < 0 ||
	               tally_add(&run->origins, dead->origin_stream, err) < 0
	           ? -1
	           : 0;
}

static int choose(void *ctx, const struct mq_message *message, struct mq_err *err)
{
	struct run *run = ctx;
	struct mq_dead dead;

	mq_dead_read(run->reader, message, &dead);
	run->seen++;
	int wanted = chooser_wants(&run->chooser, message, &dead, err);
	if (wanted <= 0)
		return wanted;
	if (!has_home(run, &dead)) {
		run->homeless++;
		return 0;
	}
	/* The engine counts and leaves them; here they would only be promised. */
	if (run->preview && run->moving->max_replays >= 0 &&
	    edit_count(message) >= run->moving->max_replays) {
		run->guarded++;
		return 1;
	}
	run->meant++;
	return run->preview && note_letter(run, message, &dead, err) < 0 ? -1 : 1;
}

static void begin(void *ctx)
{
	struct run *run = ctx;

	while (run->blocks) {
		struct block *next = run->blocks->next;
		free(run->blocks);
		run->blocks = next;
	}
}

static void *take(struct run *run, size_t size, struct mq_err *err)
{
	struct block *block = malloc(sizeof *block + size);

	if (!block) {
		mq_fail_memory(err);
		return NULL;
	}
	block->next = run->blocks;
	run->blocks = block;
	return block + 1;
}

/* Without what tells of the death, and of the stay here. */
static int strip(struct run *run, struct mq_message *copy, struct mq_err *err)
{
	const struct mq_properties *old = copy->properties;
	struct mq_header *headers = take(run, copy->n_headers * sizeof *headers, err);
	struct mq_properties *properties = take(run, sizeof *properties, err);
	bool typed = false;
	size_t n = 0;

	if (!headers || !properties)
		return -1;
	char *types = take(run, copy->n_headers + 1, err);
	if (!types)
		return -1;
	for (size_t i = 0; i < copy->n_headers; i++) {
		if (mq_dead_is_header(copy->headers[i].name))
			continue;
		types[n] = old && i < old->header_types.len ? old->header_types.data[i] : 'S';
		typed = typed || types[n] != 'S';
		headers[n++] = copy->headers[i];
	}
	copy->headers = n ? headers : NULL;
	copy->n_headers = n;
	if (!old)
		return 0;
	*properties = *old;
	properties->exchange = MQ_ABSENT;
	properties->delivery_count = properties->redelivered = -1;
	properties->header_types = typed ? mq_bytes_of(types, n) : MQ_ABSENT;
	copy->properties = properties;
	return 0;
}

static struct mq_bytes keep(struct run *run, struct mq_bytes bytes, struct mq_err *err)
{
	char *mine = take(run, bytes.len + 1, err);

	if (!mine)
		return MQ_ABSENT;
	memcpy(mine, bytes.data, bytes.len);
	return mq_bytes_of(mine, bytes.len);
}

/* The key that the message had before it died: who buries it may give it another one. The name of a
 * queue that it was sent to directly was none. */
static int restore_key(struct run *run, const struct mq_dead *dead, struct mq_message *copy,
                       struct mq_err *err)
{
	if (!dead->origin_exchange.data)
		return 0;
	if (dead->origin_exchange.len == 0) {
		if (mq_bytes_equal(copy->key, dead->origin_stream))
			copy->key = MQ_ABSENT;
		return 0;
	}
	if (dead->origin_key.data)
		copy->key = keep(run, dead->origin_key, err);
	return dead->origin_key.data && !copy->key.data ? -1 : 0;
}

static int rewrite(void *ctx, const struct mq_message *message, struct mq_message *copy,
                   struct mq_err *err)
{
	struct run *run = ctx;
	struct mq_dead dead;

	mq_dead_read(run->reader, message, &dead);
	if (run->moving->strip &&
	    (strip(run, copy, err) < 0 || restore_key(run, &dead, copy, err) < 0))
		return -1;
	if (run->moving->target)
		return 0;
	copy->partition = dead.origin_partition;
	copy->stream = keep(run, dead.origin_stream, err);
	return copy->stream.data ? 0 : -1;
}

/* --- where to --------------------------------------------------------------------------------- */

/* The broker of an address: everything but its last segment, with its settings. */
static int broker_of(const char *address, struct mq_buf *ret, struct mq_err *err)
{
	const char *query = strchr(address, '?');
	size_t len = query ? (size_t)(query - address) : strlen(address);

	while (len > 0 && address[len - 1] != '/')
		len--;
	if (mq_buf_append(ret, address, len, err) < 0 ||
	    (query && mq_buf_append_str(ret, query, err) < 0))
		return -1;
	return mq_buf_append_char(ret, '\0', err);
}

/* How letters leave: taken out of a queue, or passed by a group. */
static int choose_way(const struct moving *moving, bool any, bool preview,
                      struct replay_values *values, struct mq_err *err)
{
	const struct pending_options *pending = moving->pending;
	struct mq_target target;

	if (pending && pending->max_deliveries > 0) {
		values->held_group = pending->group;
		values->held_deliveries = pending->max_deliveries;
		values->held_idle_ms = pending->idle_ms;
		values->ack = values->choosy = !moving->stay;
		return 0;
	}
	if (moving->stay)
		return 0;
	if (mq_target_resolve(moving->source, moving->invocation->config,
	                      &moving->invocation->settings, &target, err) < 0)
		return -1;
	unsigned caps = target.backend->caps;
	mq_target_release(&target);
	if (caps & MQ_CAP_CLAIM && pending && pending->group)
		return pending_check(pending, false, err);
	if (caps & MQ_CAP_ACK) {
		values->ack = true;
		values->choosy = true; /* what is left out, or refused, stays in its place */
	} else if (any && !moving->resume) {
		values->group = pending && pending->group ? pending->group : GROUP;
	} else if (!moving->resume && preview) {
		mq_log(moving->invocation->env, MQ_LEVEL_NOTE,
		       "the letters stay where they are, and nothing remembers which were chosen: "
		       "--resume FILE does");
	}
	return 0;
}

/* What a journal knows the run by. Moments are left out: -1h is another one in the next run. */
static int describe(const struct moving *moving, struct mq_buf *ret, struct mq_err *err)
{
	const struct choose_options *choose = moving->choose;
	const struct {
		const char *name, *value;
	} parts[] = {
	    {"reason", choose->reason},  {"origin", choose->origin},    {"ids", choose->ids},
	    {"key", choose->select.key}, {"grep", choose->select.grep}, {"to", moving->target},
	};

	if (mq_buf_append_str(ret, moving->verb, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i].value &&
		    mq_buf_printf(ret, err, " %s=%s", parts[i].name, parts[i].value) < 0)
			return -1;
	return mq_buf_append_char(ret, '\0', err);
}

/* What to do about a letter that its target refuses: it is the first one in the next run again. */
static const char *advice(const struct replay_values *values, bool home)
{
	if (values->group)
		return home
		           ? "it stays, and so does what is behind it: --to ADDR puts letters "
		             "elsewhere, 'mqtk group skip' moves the group past one"
		           : "it stays, and so does what is behind it: 'mqtk group skip' moves the "
		             "group past it, and keeps it in a file";
	return home ? "it stays where it is: --to ADDR puts letters elsewhere, --origin and --ids "
	              "leave it out"
	            : "it stays where it is: --ids and --reason leave it out";
}

/* --- preview ---------------------------------------------------------------------------------- */

static void table_rows(struct mq_table *table, const char *what, const struct tally *tally)
{
	int64_t rest = tally->others;

	for (size_t i = 0; i < tally->n; i++) {
		if (i >= SHOWN) {
			rest += tally->rows[i].n;
			continue;
		}
		mq_table_text(table, i == 0 ? what : "");
		mq_table_printf(table, "%" PRId64, tally->rows[i].n);
		tally_show(table, &tally->rows[i]);
	}
	if (rest > 0) {
		mq_table_text(table, "");
		mq_table_printf(table, "%" PRId64, rest);
		mq_table_text(table, "(others)");
	}
}

static int say_preview(struct run *run, struct mq_err *err)
{
	static const char *const headings[] = {"BY", ">LETTERS", "NAME", NULL};
	char oldest[MQ_TIME_TEXT], newest[MQ_TIME_TEXT];
	struct mq_table table;
	struct mq_buf buf;

	tally_sort(&run->reasons);
	tally_sort(&run->origins);
	mq_buf_init(&buf, 1 << 24);
	mq_table_init(&table, headings, err);
	table_rows(&table, "reason", &run->reasons);
	table_rows(&table, "origin", &run->origins);
	int result = mq_table_print(&table, run->moving->invocation->color_err, &buf);
	if (result == 0)
		fwrite(buf.data, 1, buf.len, stderr);
	mq_table_release(&table);
	mq_buf_release(&buf);
	if (run->oldest_ms != MQ_NO_TIME) {
		mq_time_format_iso(run->oldest_ms, oldest);
		mq_time_format_iso(run->newest_ms, newest);
		fprintf(stderr, "from %s to %s\n", oldest, newest);
	}
	return result;
}

/* --- runs ------------------------------------------------------------------------------------- */

static int run_init(struct run *run, struct moving *moving, bool preview, struct mq_err *err)
{
	*run = (struct run){
	    .moving = moving, .preview = preview, .oldest_ms = MQ_NO_TIME, .newest_ms = MQ_NO_TIME};
	return chooser_init(&run->chooser, moving->choose, err) < 0 ||
	               mq_dead_reader_new(&run->reader, err) < 0
	           ? -1
	           : 0;
}

static void run_release(struct run *run)
{
	begin(run);
	tally_release(&run->reasons);
	tally_release(&run->origins);
	mq_dead_reader_free(run->reader);
	chooser_release(&run->chooser);
}

/* One pass over the letters with the engine of replay. */
static int pass(struct run *run, struct replay_counts *ret, struct mq_err *err)
{
	struct moving *moving = run->moving;
	struct mq_invocation invocation = *moving->invocation;
	const char *operands[2] = {moving->source, moving->target};
	struct replay_values values = {
	    .common = *moving->invocation->common,
	    .count = moving->count,
	    .chosen = true,
	    .pace = {.rate = moving->rate, .max_gap_ms = -1},
	    .max_replays = moving->max_replays,
	    .force = moving->force,
	    .dry_run = run->preview,
	    .json = moving->json && !run->preview,
	    .resume = run->preview ? NULL : moving->resume,
	    .compression = -1,
	    .no_provenance = moving->plain,
	    .append = moving->append,
	    .placement = {.placing = moving->target ? REPLAY_PLACE_AUTO : REPLAY_PLACE_THERE},
	};
	struct replay_policy policy = {
	    .ctx = run, .choose = choose, .begin = begin, .rewrite = rewrite, .noun = moving->verb};
	struct mq_buf broker, described;
	int code = MQ_USAGE;

	mq_buf_init(&broker, 1 << 16);
	mq_buf_init(&described, 1 << 20);
	if (!moving->target) {
		if (broker_of(moving->source, &broker, err) < 0)
			goto out;
		operands[1] = broker.data;
	}
	if (choose_way(moving, run->chooser.any, run->preview, &values, err) < 0)
		goto out;
	if (describe(moving, &described, err) < 0)
		goto out;
	policy.described = described.data;
	policy.refused = advice(&values, !moving->target);
	policy.partly = values.choosy;
	invocation.operands = (struct mq_operands){.items = operands, .n = 2};
	code = running_run(&invocation, &values, &policy, ret, err);
	/* There is no --create here. */
	if (err->code == MQ_NOT_FOUND && strstr(err->hint, "--create"))
		snprintf(err->hint, sizeof err->hint, "'mqtk create' makes it");
out:
	mq_buf_release(&broker);
	mq_buf_release(&described);
	return code;
}

static int preview(struct moving *moving, struct mq_err *err)
{
	struct run run;
	int code = MQ_USAGE;

	if (run_init(&run, moving, true, err) == 0)
		code = pass(&run, NULL, err);
	moving->meant = run.meant;
	if (moving->count >= 0 && moving->meant > moving->count)
		moving->meant = moving->count;
	moving->homeless = run.homeless;
	moving->guarded = run.guarded;
	if (code == 0 && run.meant > 0 && say_preview(&run, err) < 0)
		code = (int)err->code;
	run_release(&run);
	return code;
}

/* 1: go on; 0: not; -1: err. */
static int ask(const struct moving *moving, struct mq_err *err)
{
	struct mq_buf what;
	int result = -1;

	mq_buf_init(&what, 1 << 16);
	if (mq_buf_printf(&what, err, "%s %" PRId64 " letter%s of %s%s%s", moving->verb,
	                  moving->meant, moving->meant == 1 ? "" : "s", moving->source,
	                  moving->target ? " to " : ", each to where it came from",
	                  moving->target ? moving->target : "") == 0)
		result = consent_ask(moving->consent, moving->invocation->env, what.data, err);
	mq_buf_release(&what);
	return result;
}

int moving_run(struct moving *moving, struct mq_err *err)
{
	struct run run;
	int code;

	if (moving->pending && pending_check(moving->pending, !moving->stay, err) < 0)
		return MQ_USAGE;
	if (moving->resume && moving->count >= 0) {
		mq_fail(err, MQ_USAGE,
		        "--resume and --count: a journal knows how far the letters "
		        "were read, and not how many were chosen");
		mq_hint(err, "leave out one of them");
		return MQ_USAGE;
	}
	code = preview(moving, err);
	if (code != 0)
		return code;
	if (moving->homeless > 0)
		mq_log(
		    moving->invocation->env, MQ_LEVEL_WARN,
		    "%" PRId64
		    " letter%s not say where %s came from and stay%s: --origin '' --to ADDR takes "
		    "%s elsewhere",
		    moving->homeless, moving->homeless == 1 ? " does" : "s do",
		    moving->homeless == 1 ? "it" : "they", moving->homeless == 1 ? "s" : "",
		    moving->homeless == 1 ? "it" : "them");
	if (moving->meant == 0 && moving->guarded > 0) {
		mq_log(moving->invocation->env, MQ_LEVEL_NOTE,
		       "nothing to do: %" PRId64
		       " letter%s put back --max-replays times already and stay%s",
		       moving->guarded, moving->guarded == 1 ? " was" : "s were",
		       moving->guarded == 1 ? "s" : "");
		return moving->homeless > 0 ? MQ_PARTIAL : MQ_OK;
	}
	if (moving->meant == 0) {
		mq_log(moving->invocation->env, MQ_LEVEL_NOTE, "there are no such letters");
		return moving->homeless > 0 ? MQ_PARTIAL : MQ_OK;
	}
	int asked = ask(moving, err);
	if (asked <= 0)
		return asked < 0 ? (int)err->code : MQ_OK;
	if (run_init(&run, moving, false, err) == 0)
		code = pass(&run, NULL, err);
	else
		code = MQ_USAGE;
	run_release(&run);
	return code == 0 && moving->homeless > 0 ? MQ_PARTIAL : code;
}
