/*
 * One replay from its command line to its report: see running.h. The order matters: the sources'
 * ends are known before anything is written, an earlier transaction of the same name is ended
 * before the group's positions are read, and the journal knows the plan before the first message is
 * sent.
 */
#include "cmd/replay/running.h"

#include "cmd/replay/copying.h"
#include "cmd/replay/dry.h"
#include "cmd/replay/sides.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Messages of one fetch: more where each is followed by a wait for the target's answers, fewer
 * where a pace holds them back. */
enum { BATCH_SETTLED = 16384, BATCH_PACED = 2048, BATCH_SLOW = 4 };
/* A source that gives nothing for so many --timeouts, although its end is not reached, is gone. */
enum { IDLE_TIMES = 6 };

struct running {
	struct mq_invocation *invocation;
	const struct replay_values *values;
	const struct replay_policy *policy; /* or NULL */
	struct sides sides;
	struct target target;
	struct plan plan;
	struct journal journal;
	struct copying copying;
	struct progress progress;
	struct mq_buf options;     /* what the journal knows a replay by */
	struct mq_buf transaction; /* the name of --exactly-once's */
	struct mq_pump pump;
	struct mq_sink copies;  /* the sink of the copying */
	int64_t missed_earlier; /* by runs before this one */
	int64_t started_ms;
};

static bool is_partly(const struct running *r)
{
	return r->policy && r->policy->partly;
}

static const char *target_operand(const struct running *r)
{
	return r->invocation->operands.items[r->invocation->operands.n - 1];
}

/* --- the journal ----------------------------------------------------------------------------- */

/* The options that decide what is copied and what the copies look like, in one spelling. */
static int describe_options(struct running *r, struct mq_err *err)
{
	const struct replay_values *v = r->values;
	struct mq_buf *buf = &r->options;
	int result =
	    mq_buf_printf(buf, err,
	                  "from=%s to=%s count=%" PRId64 " timestamps=%d place=%s key=%s "
	                  "provenance=%d max-replays=%" PRId64,
	                  v->from.text ? v->from.text : "", v->to.text ? v->to.text : "", v->count,
	                  v->timestamps, v->placement.text ? v->placement.text : "",
	                  v->key ? v->key : "", !v->no_provenance, v->max_replays);

	if (r->policy && result == 0)
		result = mq_buf_printf(buf, err, " %s", r->policy->described);
	for (size_t i = 0; i < v->partitions.n && result == 0; i++)
		result = mq_buf_printf(buf, err, " p=%d", (int)v->partitions.items[i]);
	for (size_t i = 0; i < v->headers.n && result == 0; i++)
		result = mq_buf_printf(buf, err, " header=%s", v->headers.items[i]);
	for (size_t i = 0; i < v->removed.n && result == 0; i++)
		result = mq_buf_printf(buf, err, " remove=%s", v->removed.items[i]);
	/* It stands in a line of JSON, and is compared with what comes back from there. */
	bool text = mq_utf8_valid(mq_bytes_of(buf->data, buf->len));
	for (size_t i = 0; i < buf->len && !text; i++)
		if ((unsigned char)buf->data[i] >= 0x80)
			buf->data[i] = (char)('a' + (unsigned char)buf->data[i] % 26);
	return result;
}

/* A journal needs positions of all that is read. */
static int check_resumable(const struct running *r, struct mq_err *err)
{
	for (size_t i = 0; i < r->plan.n_sources; i++)
		if (!r->plan.exact[i]) {
			mq_fail(err, MQ_USAGE, "--resume: %s has no positions to go on from",
			        r->sides.sources.items[i].target->shown);
			return mq_hint(err, "%s",
			               r->policy
			                   ? r->policy->no_positions
			                   : "--ack moves the messages of a queue: what was copied "
			                     "is gone from it");
		}
	for (size_t i = 0; i < r->sides.n_paths; i++)
		if (strcmp(r->sides.paths[i], "-") == 0)
			return mq_fail(err, MQ_USAGE,
			               "--resume: standard input cannot be read again");
	return 0;
}

/* The plan: the journal's, or a new one. Returns 1 when the journal says that all is done. */
static int make_plan(struct running *r, struct journal_subject *subject, struct mq_err *err)
{
	if (r->values->resume) {
		if (describe_options(r, err) < 0)
			return -1;
		*subject =
		    (struct journal_subject){.sources = r->sides.shown,
		                             .n_sources = r->sides.n_addresses + r->sides.n_paths,
		                             .target = target_shown(&r->target),
		                             .options = r->options.data};
		if (journal_open(&r->journal, r->values->resume, subject, &r->plan, err) < 0)
			return -1;
		if (r->journal.finished)
			return 1;
	}
	if (r->journal.resumed) {
		if (!replay_plan_can_be(&r->plan, r->sides.sources.n, r->sides.n_paths)) {
			mq_fail(err, MQ_DATA, "--resume: %s is damaged: what it says cannot be",
			        r->values->resume);
			return mq_hint(err, "another journal begins anew");
		}
		return replay_plan_resumed(&r->plan, &r->sides.sources, err);
	}
	if (replay_plan_make(&r->plan, &r->sides.sources, r->values, err) < 0)
		return -1;
	for (size_t i = 0; i < r->sides.n_paths; i++)
		if (!replay_plan_add(&r->plan, r->plan.n_sources + i, NULL, MQ_NO_PARTITION, err))
			return -1;
	return r->values->resume ? check_resumable(r, err) : 0;
}

/* --dry-run of a group: its positions can be looked up only where ranges can be read. */
static int check_planned(const struct running *r, struct mq_err *err)
{
	for (size_t i = 0; i < r->plan.n_sources; i++)
		if (!r->plan.exact[i])
			return mq_fail(err, MQ_USAGE,
			               "--dry-run: where the group stands in %s is known only to "
			               "its members",
			               r->sides.sources.items[i].target->shown);
	return 0;
}

/* What an operand stands for. Standard input and output count only where they are files: a terminal
 * or /dev/null may well be both. */
static bool look_up(const char *path, int standard, struct stat *ret)
{
	if (strcmp(path, "-") == 0)
		return fstat(standard, ret) == 0 && S_ISREG(ret->st_mode);
	return stat(path, ret) == 0;
}

/* A file that is added to while it is read has no end. */
static int check_files(const struct running *r, struct mq_err *err)
{
	struct stat target, source;

	if (!r->target.path || !look_up(r->target.path, STDOUT_FILENO, &target))
		return 0;
	for (size_t i = 0; i < r->sides.n_paths; i++)
		if (look_up(r->sides.paths[i], STDIN_FILENO, &source) &&
		    source.st_dev == target.st_dev && source.st_ino == target.st_ino)
			return mq_fail(err, MQ_USAGE, "%s is a source and the target",
			               strcmp(r->target.path, "-") == 0 ? r->sides.paths[i]
			                                                : r->target.path);
	return 0;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat left, right;

	return strcmp(a, b) == 0 ||
	       (stat(a, &left) == 0 && stat(b, &right) == 0 && S_ISREG(left.st_mode) &&
	        left.st_dev == right.st_dev && left.st_ino == right.st_ino);
}

/* A file of messages is no place for the journal, nor a source for what fails. None need be there.
 */
static int check_own_files(const struct running *r, struct mq_err *err)
{
	const char *const names[] = {"--resume", "--failed-to"};
	const char *const files[] = {r->values->resume, r->values->failed_to};

	for (size_t i = 0; i < 2; i++) {
		bool same = files[i] && r->target.path && is_same_file(files[i], r->target.path);
		for (size_t s = 0; files[i] && s < r->sides.n_paths; s++)
			same = same || is_same_file(files[i], r->sides.paths[s]);
		if (same)
			return mq_fail(err, MQ_USAGE, "%s: %s is a source or the target as well",
			               names[i], files[i]);
	}
	if (files[0] && files[1] && is_same_file(files[0], files[1]))
		return mq_fail(err, MQ_USAGE, "--resume and --failed-to are the same file %s",
		               files[0]);
	return 0;
}

/* --- opening --------------------------------------------------------------------------------- */

/* --exactly-once holds within one cluster: its transactions carry positions of that cluster. */
static int check_same_cluster(struct running *r, struct mq_err *err)
{
	struct mq_broker_info mine, theirs;
	int result = -1;

	if (r->target.path || !(r->target.conn->caps & MQ_CAP_SEND_POSITIONS)) {
		mq_fail(err, MQ_USAGE, "--exactly-once: %s cannot carry positions in a transaction",
		        target_shown(&r->target));
		return mq_hint(err, "--resume FILE remembers what was copied");
	}
	if (r->sides.n_addresses != 1 || r->sides.n_paths > 0)
		return mq_fail(err, MQ_USAGE, "--exactly-once copies from one address");
	if (mq_describe_broker(r->target.conn, &theirs, err) < 0)
		return -1;
	if (mq_describe_broker(r->sides.sources.items[0].conn, &mine, err) == 0) {
		if (mine.name && theirs.name && strcmp(mine.name, theirs.name) == 0) {
			result = 0;
		} else {
			mq_fail(err, MQ_USAGE,
			        "--exactly-once: source and target are different clusters");
			mq_hint(err, "--resume FILE remembers what was copied");
		}
		mq_broker_info_release(&mine);
	}
	mq_broker_info_release(&theirs);
	return result;
}

static int open_target(struct running *r, struct mq_err *err)
{
	struct target_spec spec = {
	    .resume = r->journal.resumed, .delivered = copying_delivered, .ctx = &r->copying};

	if (target_dial(&r->target, err) < 0)
		return -1;
	if (r->values->exactly_once) {
		if (check_same_cluster(r, err) < 0 ||
		    mq_buf_printf(&r->transaction, err, "mqtk-replay-%s", r->values->group) < 0)
			return -1;
		spec.transaction = r->transaction.data;
	}
	spec.partitions = r->plan.n > 0 && r->plan.parts[0].stream ? r->plan.parts[0].partitions
	                  : r->sides.n_addresses > 0               ? r->sides.partitions_of[0]
	                                                           : -1;
	if (target_open(&r->target, &spec, &r->plan, err) < 0)
		return -1;
	return r->values->exactly_once
	           ? replay_plan_from_group(&r->plan, &r->sides.sources, r->values, err)
	           : 0;
}

static bool any_by_file(const struct running *r)
{
	return r->target.path || r->sides.n_paths > 0;
}

/* --- copying --------------------------------------------------------------------------------- */

static void expect(struct running *r)
{
	int64_t count = r->values->count, left = count - r->journal.done;

	r->progress.expected = sides_expected(&r->sides, &r->plan);
	if (count >= 0 && (r->progress.expected < 0 || left < r->progress.expected))
		r->progress.expected = left;
}

static void tick(void *ctx, int64_t count)
{
	struct running *r = ctx;

	(void)count;
	progress_show(&r->progress, r->copying.counts.confirmed + r->copying.uncommitted);
}

/* How many messages may come: what is left of --count, and those that come again because where
 * positions are ids reading goes on with the last one. */
static int64_t limit_of(const struct running *r)
{
	int64_t limit = r->values->count;

	if (limit < 0 || r->policy)
		return -1; /* what is chosen counts */
	limit = limit > r->journal.done ? limit - r->journal.done : 0;
	for (size_t i = 0; i < r->plan.n && limit > 0; i++)
		limit += r->plan.parts[i].last_id[0] != '\0';
	return limit;
}

static void make_pump(struct running *r)
{
	const struct replay_values *v = r->values;
	bool settle = !v->exactly_once && (v->group != NULL || v->ack);
	bool here = settle && is_partly(r); /* by the sink itself */
	bool paced = v->pace.rate > 0 || v->pace.speed > 0;
	int64_t idle = (int64_t)r->invocation->env->timeout_ms * IDLE_TIMES;

	r->pump = (struct mq_pump){
	    .env = r->invocation->env,
	    .readers = r->sides.readers,
	    .n_readers = r->sides.n_readers,
	    .settle = settle && !here,
	    /* What is rewritten slowly or held back by a pace does not wait for its settling. */
	    .lazy = !settle || (here && !paced && !r->policy->slow),
	    .batch = settle ? BATCH_SETTLED : 0,
	    .stop_at_end = true,
	    .limit = limit_of(r),
	    /* A member waits for as long as others hold its partitions. */
	    .idle_timeout_ms = v->group && settle ? -1 : idle,
	    .commit_every_ms = 0,
	    .progress = tick,
	    .progress_ctx = r,
	};
	/* A quarter of a second's worth, so that settling keeps up. */
	if (paced)
		r->pump.batch = BATCH_PACED;
	if (v->pace.rate > 0 && v->pace.rate < 4.0 * BATCH_PACED)
		r->pump.batch = (size_t)(v->pace.rate / 4) + 1;
	/* What was rewritten goes out, and connections are served, between two batches. */
	if (r->policy && r->policy->slow)
		r->pump.batch = BATCH_SLOW;
}

/* broken: before the writer was closed, which may find that answers never came. */
static enum replay_end end_of(enum mq_pump_end end, bool broken, const struct copying *c,
                              const struct mq_env *env)
{
	if (!broken && mq_cancel_signal(env->cancel) && end != MQ_PUMP_ENDED)
		return REPLAY_SIGNAL;
	if (broken || c->broken)
		return REPLAY_FAILED;
	if (c->enough)
		return REPLAY_COUNT;
	switch (end) {
	case MQ_PUMP_ENDED:
		return REPLAY_END;
	case MQ_PUMP_LIMIT:
		return REPLAY_COUNT;
	case MQ_PUMP_CANCELLED:
	case MQ_PUMP_IDLE:
	case MQ_PUMP_SINK_GONE:
	case MQ_PUMP_FAILED:
		break;
	}
	return REPLAY_FAILED;
}

/* The exit code and the words for it. The pump's own failure, if it was no consequence of the
 * target's, comes first. */
static int conclude(const struct running *r, const struct report *report, struct mq_err *err)
{
	const struct copying *c = &r->copying;

	if (report->end == REPLAY_SIGNAL || report->end == REPLAY_COUNT)
		mq_err_clear(err);
	if (report->end == REPLAY_SIGNAL)
		return MQ_CANCELLED;
	if (c->gone) {
		mq_err_clear(err);
		return MQ_OK;
	}
	if (c->broken) {
		enum mq_code code = MQ_PARTIAL;
		if (c->kept_back || (r->target.path && c->why.code == MQ_IO))
			code = c->why.code;
		mq_err_clear(err);
		mq_fail(err, code, "%s ended early: %s", r->policy ? r->policy->noun : "the replay",
		        c->why.message);
		if (c->refused && r->values->exactly_once)
			mq_hint(err, "'mqtk group skip' moves the group past a message, and keeps "
			             "it in a file");
		else if (c->refused && r->policy)
			mq_hint(err, "%s", r->policy->refused);
		else if (c->refused)
			mq_hint(err, "--failed-to FILE keeps what the target refuses, and goes on");
		else if (c->why.hint[0])
			mq_hint(err, "%s", c->why.hint);
	}
	if (err->code == MQ_OK && c->counts.failed > 0) {
		mq_fail(err, MQ_PARTIAL, "%" PRId64 " of %" PRId64 " messages failed",
		        c->counts.failed, c->counts.read);
		if (r->policy)
			mq_hint(err, "%s", r->policy->refused);
		else
			mq_hint(err, "they are in %s: mqtk produce -J sends them again",
			        r->values->failed_to);
	}
	if (report->missed > 0)
		mq_fail(err, MQ_PARTIAL,
		        "%" PRId64 " message%s of the range were gone before they could be read",
		        report->missed, report->missed == 1 ? "" : "s");
	if (report->bad > 0)
		mq_fail(err, MQ_DATA, "%" PRId64 " line%s; the others were %s", report->bad,
		        report->bad == 1 ? " is no message" : "s are no messages", report->done);
	return (int)err->code;
}

static void fill_report(const struct running *r, enum replay_end end, struct report *report)
{
	*report =
	    (struct report){.from = r->sides.label,
	                    .to = target_shown(&r->target),
	                    .counts = r->copying.counts,
	                    .settled = copying_settled(&r->copying),
	                    .takes = r->policy && r->policy->drops,
	                    .missed = r->missed_earlier + sides_missed(&r->sides) + r->plan.gone,
	                    .bad = sides_bad_lines(&r->sides),
	                    .earlier = r->journal.done,
	                    .duration_ms = mq_now_monotonic_ms() - r->started_ms,
	                    .done = r->policy ? r->policy->done : "copied",
	                    .towards = r->policy ? r->policy->towards : NULL,
	                    .end = end};
}

/* What is gone is in the journal no later than what was copied behind it. */
static int64_t accept_copies(void *ctx, const struct mq_message *messages, size_t n,
                             struct mq_err *err)
{
	struct running *r = ctx;

	r->journal.missed = r->missed_earlier + sides_missed(&r->sides);
	return r->copies.accept(r->copies.ctx, messages, n, err);
}

static int flush_copies(void *ctx, size_t *ret_lost, struct mq_err *err)
{
	struct running *r = ctx;

	return r->copies.flush(r->copies.ctx, ret_lost, err);
}

static int copy(struct running *r, struct mq_err *err)
{
	struct copying *c = &r->copying;
	const struct mq_env *env = r->invocation->env;
	struct report report;

	c->partitions_of = r->sides.partitions_of;
	if (copying_init(c, !r->values->no_provenance && !any_by_file(r), err) < 0)
		return (int)err->code;
	make_pump(r);
	r->copies = copying_sink(c);
	r->pump.sink = (struct mq_sink){.accept = accept_copies, .flush = flush_copies, .ctx = r};
	r->missed_earlier = r->journal.missed;
	c->pump = &r->pump;
	enum mq_pump_end end = mq_pump_run(&r->pump, err);
	bool broken = c->broken;
	copying_finish(c);
	for (size_t i = 0; c->settles && i < r->sides.n_readers; i++)
		if (mq_commit(r->sides.readers[i], true, err) < 0)
			end = MQ_PUMP_FAILED;
	if (end == MQ_PUMP_IDLE && !c->broken)
		mq_fail(err, MQ_UNREACHABLE,
		        "%s: nothing came for %lld ms, and the end is not reached", r->sides.label,
		        (long long)r->pump.idle_timeout_ms);
	progress_clear(&r->progress);
	fill_report(r, end_of(end, broken, c, env), &report);
	r->journal.missed = report.missed;
	bool whole = report.end == REPLAY_END || report.end == REPLAY_COUNT;
	if (whole && r->journal.path &&
	    journal_finish(&r->journal, r->journal.done + copying_done(c), err) < 0)
		report.end = REPLAY_FAILED;
	int code = conclude(r, &report, err);
	if (!c->gone)
		report_say(&report, env);
	if (code == MQ_OK && report.end == REPLAY_END && r->values->group)
		sides_say_held(&r->sides, r->values->group, env);
	if (r->values->json && report_json(&report, err) < 0 && code == 0)
		code = MQ_IO;
	return code;
}

static int say_nothing_to_do(struct running *r, struct mq_err *err)
{
	struct report report;

	if (r->policy) /* what was passed by counts there, too */
		mq_log(r->invocation->env, MQ_LEVEL_NOTE,
		       "nothing to do: %s says that %s came to its end, with %" PRId64
		       " letter%s read",
		       r->values->resume, r->policy->noun, r->journal.done,
		       r->journal.done == 1 ? "" : "s");
	else
		mq_log(r->invocation->env, MQ_LEVEL_NOTE,
		       "nothing to do: %s says that all %" PRId64 " messages were copied",
		       r->values->resume, r->journal.done);
	r->missed_earlier = r->journal.missed;
	fill_report(r, REPLAY_NOTHING, &report);
	if (r->values->json && report_json(&report, err) < 0)
		return MQ_IO;
	return conclude(r, &report, err);
}

static int replay(struct running *r, struct mq_err *err)
{
	struct journal_subject subject = {0};

	if (sides_connect(&r->sides, &r->target, r->values, target_operand(r), err) < 0)
		return (int)err->code;
	if (check_files(r, err) < 0 || check_own_files(r, err) < 0)
		return MQ_USAGE;
	if (r->values->json && r->target.path && strcmp(r->target.path, "-") == 0) {
		mq_fail(err, MQ_USAGE,
		        "-J: the report and the messages would mix on standard output");
		return MQ_USAGE;
	}
	int planned = make_plan(r, &subject, err);
	if (planned > 0)
		return say_nothing_to_do(r, err);
	if (planned < 0 || sides_learn(&r->sides, &r->plan, err) < 0 || open_target(r, err) < 0 ||
	    journal_begin(&r->journal, &subject, &r->plan, err) < 0 ||
	    sides_read(&r->sides, &r->plan, r->values, r->journal.done, err) < 0)
		return (int)err->code;
	expect(r);
	return copy(r, err);
}

/* Nothing is taken, settled or sent; the target is not contacted. */
static int dry_running(struct running *r, struct mq_err *err)
{
	struct journal_subject unused = {0};
	struct dry_run dry;

	if (sides_connect(&r->sides, &r->target, r->values, target_operand(r), err) < 0 ||
	    make_plan(r, &unused, err) < 0)
		return (int)err->code;
	if (r->values->group && check_planned(r, err) < 0)
		return (int)err->code;
	if (r->values->group &&
	    replay_plan_from_group(&r->plan, &r->sides.sources, r->values, err) < 0)
		return (int)err->code;
	if (sides_read(&r->sides, &r->plan, r->values, 0, err) < 0)
		return (int)err->code;
	expect(r);
	make_pump(r);
	r->pump.settle = false;
	r->pump.lazy = true;
	r->pump.batch = 0;
	r->pump.progress = progress_show;
	r->pump.progress_ctx = &r->progress;
	int result = dry_count(&r->pump, &r->plan, r->values, r->policy, &dry, err);
	progress_clear(&r->progress);
	if (result < 0)
		return (int)err->code;
	dry.missed = sides_missed(&r->sides) + r->plan.gone;
	dry.bad = sides_bad_lines(&r->sides);
	/* Who chose the messages has counted them as well. */
	if (!r->policy &&
	    dry_run_print(&dry, r->sides.label, target_shown(&r->target), r->values->json, err) < 0)
		return MQ_IO;
	return dry.missed > 0 ? MQ_PARTIAL : dry.bad > 0 ? MQ_DATA : MQ_OK;
}

int running_run(struct mq_invocation *invocation, const struct replay_values *values,
                const struct replay_policy *policy, struct replay_counts *ret_counts,
                struct mq_err *err)
{
	struct running r = {.invocation = invocation,
	                    .values = values,
	                    .policy = policy,
	                    .journal = {.fd = -1},
	                    .started_ms = mq_now_monotonic_ms()};
	int code = MQ_USAGE;

	mq_buf_init(&r.options, 1 << 20);
	mq_buf_init(&r.transaction, 1 << 16);
	r.progress =
	    (struct progress){.expected = -1,
	                      .started_ms = r.started_ms,
	                      .wanted = !invocation->common->quiet && isatty(STDERR_FILENO)};
	r.copying = (struct copying){.env = invocation->env,
	                             .values = values,
	                             .plan = &r.plan,
	                             .target = &r.target,
	                             .journal = &r.journal,
	                             .group = values->exactly_once ? values->group : NULL,
	                             .policy = policy,
	                             .settles = is_partly(&r) && (values->group || values->ack),
	                             .progress = tick,
	                             .progress_ctx = &r};
	if (sides_init(&r.sides, invocation, err) == 0)
		code = values->dry_run ? dry_running(&r, err) : replay(&r, err);
	if (ret_counts)
		*ret_counts = r.copying.counts;
	target_release(&r.target);
	copying_release(&r.copying);
	journal_close(&r.journal);
	sides_release(&r.sides);
	replay_plan_release(&r.plan);
	mq_buf_release(&r.options);
	mq_buf_release(&r.transaction);
	return err->code ? (int)err->code : code;
}
