/* The preview: see preview.h. */
#include "cmd/dlq/preview.h"

#include "cmd/commands.h"

#include "mqtk/position.h"
#include "mqtk/report.h"

#include <inttypes.h>
#include <stdio.h>

enum { SHOWN = 8 };

int preview_add(struct preview *p, const struct mq_message *message, const struct mq_dead *dead,
                struct mq_err *err)
{
	int64_t when = dead->died_ms != MQ_NO_TIME ? dead->died_ms : message->ts_ms;

	p->meant++;
	if (when != MQ_NO_TIME && (p->oldest_ms == MQ_NO_TIME || when < p->oldest_ms))
		p->oldest_ms = when;
	if (when != MQ_NO_TIME && (p->newest_ms == MQ_NO_TIME || when > p->newest_ms))
		p->newest_ms = when;
	return tally_add(&p->reasons, dead->reason, err) < 0 ||
	               tally_add(&p->origins, dead->origin_stream, err) < 0
	           ? -1
	           : 0;
}

void preview_release(struct preview *p)
{
	tally_release(&p->reasons);
	tally_release(&p->origins);
}

/* --- for people ------------------------------------------------------------------------------- */

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

int preview_say(struct preview *p, bool bold, struct mq_err *err)
{
	static const char *const headings[] = {"BY", ">LETTERS", "NAME", NULL};
	char oldest[MQ_TIME_TEXT], newest[MQ_TIME_TEXT];
	struct mq_table table;
	struct mq_buf buf;

	tally_sort(&p->reasons);
	tally_sort(&p->origins);
	mq_buf_init(&buf, 1 << 24);
	mq_table_init(&table, headings, err);
	table_rows(&table, "reason", &p->reasons);
	table_rows(&table, "origin", &p->origins);
	int result = mq_table_print(&table, bold, &buf);
	if (result == 0)
		fwrite(buf.data, 1, buf.len, stderr);
	mq_table_release(&table);
	mq_buf_release(&buf);
	if (p->oldest_ms != MQ_NO_TIME) {
		mq_time_format_iso(p->oldest_ms, oldest);
		mq_time_format_iso(p->newest_ms, newest);
		fprintf(stderr, "from %s to %s\n", oldest, newest);
	}
	return result;
}

/* --- JSON ------------------------------------------------------------------------------------- */

int preview_json(struct preview *p, const char *verb, const char *from, const char *to,
                 struct mq_err *err)
{
	struct mq_json json;
	struct mq_buf buf;

	tally_sort(&p->reasons);
	tally_sort(&p->origins);
	mq_buf_init(&buf, 1 << 28);
	mq_json_init(&json, &buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "would", verb);
	mq_json_text(&json, "from", from);
	mq_json_text(&json, "to", to);
	mq_json_int(&json, "letters", p->meant);
	mq_json_known(&json, "oldest_ts", p->oldest_ms, MQ_NO_TIME);
	mq_json_known(&json, "newest_ts", p->newest_ms, MQ_NO_TIME);
	tally_json(&json, "reasons", &p->reasons);
	tally_json(&json, "origins", &p->origins);
	mq_json_int(&json, "homeless", p->homeless);
	mq_json_int(&json, "foreign", p->foreign);
	mq_json_int(&json, "left_out", p->guarded);
	mq_json_close(&json, '}');
	int result = mq_json_end(&json) < 0 || mq_print(&buf, err) != 0 ? -1 : 0;
	mq_buf_release(&buf);
	return result;
}
