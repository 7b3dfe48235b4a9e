/* What a replay says: see report.h. */
#include "cmd/replay/report.h"

#include "cmd/commands.h"

#include "mqtk/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { SHOW_MS = 200 };

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* --- the end --------------------------------------------------------------------------------- */

static void say_rest(const struct report *r, struct mq_buf *buf)
{
	const struct replay_counts *c = &r->counts;

	if (r->settled >= 0 && r->settled < c->confirmed)
		mq_buf_printf(buf, NULL, ", %" PRId64 " %snot taken out", c->confirmed - r->settled,
		              r->takes ? "kept, but " : "of them ");
	if (c->failed)
		mq_buf_printf(buf, NULL, ", %" PRId64 " failed", c->failed);
	if (c->unsent)
		mq_buf_printf(buf, NULL, ", %" PRId64 " not sent", c->unsent);
	if (c->guarded)
		mq_buf_printf(buf, NULL, ", %" PRId64 " left out (--max-replays)", c->guarded);
	if (r->missed)
		mq_buf_printf(buf, NULL, ", %" PRId64 " gone before they could be read", r->missed);
	if (r->bad)
		mq_buf_printf(buf, NULL, ", %" PRId64 " line%s", r->bad,
		              r->bad == 1 ? " that is no message" : "s that are no messages");
	if (r->earlier)
		mq_buf_printf(buf, NULL, "; %" PRId64 " by earlier runs", r->earlier);
}

void report_say(const struct report *r, const struct mq_env *env)
{
	char size[MQ_SIZE_TEXT], took[MQ_DURATION_TEXT];
	bool whole = r->end == REPLAY_END || r->end == REPLAY_COUNT;
	int64_t count = r->takes && r->settled >= 0 ? r->settled : r->counts.confirmed;
	struct mq_buf buf;

	mq_buf_init(&buf, 4096);
	size[0] = '\0'; /* of a part it is not known */
	if (count == r->counts.confirmed)
		mq_size_format(r->counts.bytes, size);
	mq_duration_format(r->duration_ms, took);
	say_rest(r, &buf);
	mq_log(env, whole ? MQ_LEVEL_NOTE : MQ_LEVEL_WARN,
	       "%s%" PRId64 " message%s%s%s%s %s from %s%s%s in %s%s",
	       r->end == REPLAY_SIGNAL ? "stopped by a signal: " : "", count, plural(count),
	       size[0] ? " (" : "", size, size[0] ? ")" : "", r->done, r->from,
	       r->towards ? r->towards : " to ", r->towards ? "" : r->to, took,
	       buf.data ? buf.data : "");
	mq_buf_release(&buf);
}

int report_json(const struct report *r, struct mq_err *err)
{
	static const char *const ends[] = {"end", "count", "signal", "failed", "nothing"};
	struct mq_json json;
	struct mq_buf buf;

	mq_buf_init(&buf, 1 << 16);
	mq_json_init(&json, &buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "from", r->from);
	mq_json_text(&json, "to", r->to);
	mq_json_int(&json, "read", r->counts.read);
	mq_json_int(&json, "copied", r->counts.confirmed);
	mq_json_known(&json, "settled", r->settled, -1);
	mq_json_int(&json, "failed", r->counts.failed);
	mq_json_int(&json, "unsent", r->counts.unsent);
	mq_json_int(&json, "left_out", r->counts.guarded);
	mq_json_int(&json, "missed", r->missed);
	mq_json_int(&json, "bad_lines", r->bad);
	mq_json_int(&json, "bytes", r->counts.bytes);
	mq_json_int(&json, "earlier", r->earlier);
	mq_json_int(&json, "duration_ms", r->duration_ms);
	mq_json_text(&json, "ended", ends[r->end]);
	mq_json_close(&json, '}');
	int result = mq_json_end(&json) < 0 || mq_print(&buf, err) != 0 ? -1 : 0;
	mq_buf_release(&buf);
	return result;
}

/* --- --dry-run ------------------------------------------------------------------------------- */

static int print_dry_json(const struct dry_run *d, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_json json;
	char seconds[40];

	snprintf(seconds, sizeof seconds, "%.3f", d->expected_ms / 1000.0);
	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_int(&json, "messages", d->messages);
	mq_json_int(&json, "bytes", d->bytes);
	mq_json_known(&json, "first_ts", d->first_ts, MQ_NO_TIME);
	mq_json_known(&json, "last_ts", d->last_ts, MQ_NO_TIME);
	mq_json_raw(&json, "expected_s", d->expected_ms >= 0 ? seconds : NULL);
	mq_json_int(&json, "left_out", d->guarded);
	mq_json_int(&json, "missed", d->missed);
	mq_json_int(&json, "bad_lines", d->bad);
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

static void print_dry_words(const struct dry_run *d, const char *from, const char *to,
                            struct mq_buf *buf)
{
	char size[MQ_SIZE_TEXT], first[MQ_TIME_TEXT], last[MQ_TIME_TEXT], took[MQ_DURATION_TEXT];

	mq_size_format(d->bytes, size);
	mq_buf_printf(buf, NULL, "would copy %" PRId64 " message%s (%s) from %s to %s\n",
	              d->messages, plural(d->messages), size, from, to);
	if (d->first_ts != MQ_NO_TIME) {
		mq_time_format_iso(d->first_ts, first);
		mq_time_format_iso(d->last_ts, last);
		mq_buf_printf(buf, NULL, "from %s to %s\n", first, last);
	}
	if (d->expected_ms >= 0) {
		mq_duration_format((int64_t)ceil(d->expected_ms), took);
		mq_buf_printf(buf, NULL, "in about %s\n", took);
	}
	if (d->guarded)
		mq_buf_printf(buf, NULL, "%" PRId64 " would be left out (--max-replays)\n",
		              d->guarded);
}

int dry_run_print(const struct dry_run *d, const char *from, const char *to, bool json,
                  struct mq_err *err)
{
	struct mq_buf buf;
	int result = 0;

	mq_buf_init(&buf, 1 << 16);
	if (json)
		result = print_dry_json(d, &buf, err);
	else
		print_dry_words(d, from, to, &buf);
	if (result == 0 && mq_print(&buf, err) != 0)
		result = -1;
	mq_buf_release(&buf);
	return result;
}

/* --- progress -------------------------------------------------------------------------------- */

void progress_show(void *ctx, int64_t count)
{
	struct progress *p = ctx;
	int64_t now = mq_now_monotonic_ms(), elapsed = now - p->started_ms;
	char left[MQ_DURATION_TEXT];

	if (!p->wanted || now - p->shown_ms < SHOW_MS || elapsed <= 0)
		return;
	p->shown_ms = now;
	p->shown = true;
	double rate = (double)count * 1000.0 / (double)elapsed;
	if (p->expected <= 0) {
		fprintf(stderr, "\r\033[K%" PRId64 " messages, %.0f/s", count, rate);
		return;
	}
	int64_t rest = p->expected > count ? p->expected - count : 0;
	mq_duration_format(rate > 0 ? (int64_t)((double)rest * 1000.0 / rate) : 0, left);
	fprintf(stderr, "\r\033[K%" PRId64 " of %" PRId64 " messages (%d %%), %.0f/s, %s left",
	        count, p->expected, rest == 0 ? 100 : (int)(count * 100 / p->expected), rate,
	        rate > 0 ? left : "?");
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
