/*
 * What the samples of a row mean: rates, the time to catch up, the state. See mqtk/lag.h.
 */
#include "mqtk/lag.h"

#include <math.h>

static const char *const state_names[] = {"ok", "unknown", "warn", "rewind", "stall", "stop"};

const char *mq_lag_state_name(enum mq_lag_state state)
{
	return state_names[state];
}

static int compare_marks(struct mq_lag_mark a, struct mq_lag_mark b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return (a.low > b.low) - (a.low < b.low);
}

/* The samples to look at. */
struct window {
	const struct mq_lag_sample *first, *last;
	double seconds; /* between them; 0: there is only one */
	bool ids;       /* positions do not count messages */
};

static struct window window_of(const struct mq_lag_row *row, size_t most)
{
	size_t n = most && row->n_samples > most ? most : row->n_samples;
	struct window w = {.last = row->samples + row->n_samples - 1};

	w.first = w.last - (n - 1);
	w.seconds = (double)(w.last->at_ms - w.first->at_ms) / 1000;
	w.ids = row->committed_id || row->end_id;
	return w;
}

/* --- rates ----------------------------------------------------------------------------------- */

/* Offsets per second; what went back is no rate. */
static double offset_rate(struct mq_lag_mark from, struct mq_lag_mark to, double seconds)
{
	if (!from.known || !to.known || seconds <= 0 || compare_marks(to, from) < 0)
		return -1;
	return (double)(to.high - from.high) / seconds;
}

/* What was given to the stream is counted, and what was read is that without what is unread. */
static bool counted_rates(struct mq_lag_row *row, const struct window *w)
{
	if (w->first->added < 0 || w->last->added < w->first->added || w->seconds <= 0)
		return false;
	int64_t in = w->last->added - w->first->added;
	row->rate_in = (double)in / w->seconds;
	if (w->first->lag >= 0 && w->last->lag >= 0 && in >= w->last->lag - w->first->lag)
		row->rate_out = (double)(in - (w->last->lag - w->first->lag)) / w->seconds;
	return row->rate_out >= 0;
}

/* Ids do not count messages, but where one side rests, all that the lag did is the other's. */
static void id_rates(struct mq_lag_row *row, const struct window *w)
{
	bool marks = w->first->committed.known && w->last->committed.known && w->first->end.known &&
	             w->last->end.known;

	if (w->seconds <= 0 || !marks || w->first->lag < 0 || w->last->lag < 0)
		return;
	bool out_rests = compare_marks(w->first->committed, w->last->committed) == 0;
	bool in_rests = compare_marks(w->first->end, w->last->end) == 0;
	double change = (double)(w->last->lag - w->first->lag) / w->seconds;
	if (out_rests)
		row->rate_out = 0;
	if (in_rests)
		row->rate_in = 0;
	if (out_rests && !in_rests && change >= 0)
		row->rate_in = change;
	if (in_rests && !out_rests && change <= 0)
		row->rate_out = -change;
}

static void find_rates(struct mq_lag_row *row, const struct window *w)
{
	row->rate_in = row->rate_out = -1;
	if (w->ids) {
		if (!counted_rates(row, w))
			id_rates(row, w);
	} else {
		row->rate_in = offset_rate(w->first->end, w->last->end, w->seconds);
		row->rate_out = offset_rate(w->first->committed, w->last->committed, w->seconds);
	}
	if (w->last->rate_in >= 0)
		row->rate_in = w->last->rate_in;
	if (w->last->rate_out >= 0)
		row->rate_out = w->last->rate_out;
}

static int64_t whole_seconds(double seconds)
{
	return seconds < 1e15 ? (int64_t)ceil(seconds) : -1;
}

static int64_t find_eta(const struct mq_lag_row *row, const struct window *w)
{
	double faster = -1;

	if (row->lag <= 0)
		return row->lag;
	if (row->rate_in >= 0 && row->rate_out >= 0)
		faster = row->rate_out - row->rate_in;
	else if (w->seconds > 0 && w->first->lag >= 0)
		faster = (double)(w->first->lag - row->lag) / w->seconds;
	return faster > 0 ? whole_seconds((double)row->lag / faster) : -1;
}

/* --- state ----------------------------------------------------------------------------------- */

static bool went_back(const struct window *w)
{
	for (const struct mq_lag_sample *s = w->first; s < w->last; s++)
		if (s[0].committed.known && s[1].committed.known &&
		    compare_marks(s[1].committed, s[0].committed) < 0)
			return true;
	return false;
}

static bool was_read_up(const struct window *w)
{
	for (const struct mq_lag_sample *s = w->first; s <= w->last; s++)
		if (s->lag == 0)
			return true;
	return false;
}

static bool never_less(const struct window *w)
{
	for (const struct mq_lag_sample *s = w->first; s < w->last; s++)
		if (s[0].lag < 0 || s[1].lag < s[0].lag)
			return false;
	return true;
}

/* How it moves: whether it does at all, and if not, for how long and what the stream did. */
struct movement {
	bool known, moves, end_moves;
	int64_t rested_ms;
};

static struct movement movement_of(const struct mq_lag_row *row, const struct window *w)
{
	struct movement m = {.known = w->last->committed.known};
	const struct mq_lag_sample *s = w->last;

	if (!m.known) {
		/* A queue: what the broker says that goes out. */
		m.known = row->rate_out >= 0;
		m.moves = row->rate_out > 0;
		m.end_moves = row->rate_in > 0;
		m.rested_ms = m.moves ? 0 : w->last->at_ms - w->first->at_ms;
		return m;
	}
	while (s > w->first && s[-1].committed.known &&
	       compare_marks(s[-1].committed, w->last->committed) == 0)
		s--;
	m.moves = s > w->first && s[-1].committed.known;
	m.rested_ms = w->last->at_ms - s->at_ms;
	m.end_moves = s->end.known && w->last->end.known && compare_marks(s->end, w->last->end);
	return m;
}

static enum mq_lag_state find_state(const struct mq_lag_row *row, const struct window *w,
                                    int64_t quiet_ms)
{
	if (row->lag <= 0)
		return row->lag == 0 ? MQ_LAG_OK : MQ_LAG_UNKNOWN;
	struct movement m = movement_of(row, w);
	if (row->members == 0 && !m.moves)
		return MQ_LAG_STOP;
	if (w->first == w->last)
		return MQ_LAG_UNKNOWN;
	if (went_back(w))
		return MQ_LAG_REWIND;
	if (was_read_up(w))
		return MQ_LAG_OK;
	if (m.known && m.rested_ms > 0 && m.rested_ms >= quiet_ms)
		return m.end_moves ? MQ_LAG_STOP : MQ_LAG_STALL;
	if (m.known && !m.moves)
		return MQ_LAG_UNKNOWN; /* not long enough to tell */
	return never_less(w) ? MQ_LAG_WARN : MQ_LAG_OK;
}

void mq_lag_row_judge(struct mq_lag_row *row, size_t most, int64_t quiet_ms)
{
	row->state = MQ_LAG_UNKNOWN;
	row->eta_s = -1;
	if (row->gone || !row->n_samples)
		return;
	struct window w = window_of(row, most);
	find_rates(row, &w);
	row->eta_s = find_eta(row, &w);
	row->state = find_state(row, &w, quiet_ms);
}
