/*
 * What a reader without a group was too late for: entries of its range that were removed before
 * they came. XINFO STREAM tells how many entries a stream ever lost; what of it we had received is
 * no loss. (Redis keeps no numbers of entries, and of those that XTRIM removed not even an id.)
 */
#include "backend/redis/reader.h"

static int64_t removed_of(const struct mq_rd_extent *extent)
{
	return extent->added < extent->length ? 0 : extent->added - extent->length;
}

static void say(const struct mq_rd_reader *r, const struct mq_rd_cursor *cursor, const char *what,
                const char *from, struct mq_rd_id first)
{
	char on[MQ_RD_ID_TEXT];

	mq_rd_id_print(first, on);
	mq_log(mq_rd_env_of(r), MQ_LEVEL_WARN, "%s: %s: %s from %s on; reading goes on with %s",
	       r->conn->shown, cursor->name, what, from,
	       mq_rd_id_compare(first, MQ_RD_ID_MAX) == 0 ? "what comes" : on);
}

void mq_rd_gap_open(struct mq_rd_reader *r, struct mq_rd_cursor *cursor, const struct mq_pos *from,
                    const struct mq_rd_extent *extent)
{
	bool deleted = mq_rd_id_compare(extent->deleted, cursor->next) >= 0;

	cursor->counted = mq_rd_id_compare(cursor->next, extent->first) <= 0;
	cursor->removed = removed_of(extent);
	/* What was never given was never removed: the end of a stream that was emptied. */
	if (from->kind != MQ_POS_ID || mq_rd_id_compare(cursor->next, MQ_RD_ID_MIN) == 0 ||
	    mq_rd_id_compare(cursor->next, extent->last) > 0 ||
	    mq_rd_id_compare(cursor->next, extent->first) >= 0 ||
	    (!deleted && cursor->removed == 0))
		return;
	say(r, cursor, deleted ? "entries were removed" : "entries may have been removed",
	    from->text, extent->first);
	r->base.missed++;
}

void mq_rd_gap_look(struct mq_rd_reader *r, struct mq_rd_cursor *cursor,
                    const struct mq_rd_extent *extent)
{
	char from[MQ_RD_ID_TEXT], what[80];
	int64_t removed = removed_of(extent);

	/* Servers before 7.0 do not count. */
	if (extent->added < 0 || mq_rd_id_compare(extent->first, cursor->next) <= 0)
		return;
	/* All that we had received is gone as well. What stood before our beginning may be, too. */
	int64_t lost = removed - cursor->removed - cursor->received;
	if (lost > 0) {
		mq_rd_id_print(cursor->next, from);
		if (cursor->counted)
			snprintf(what, sizeof what, "%lld entr%s removed before they could be read",
			         (long long)lost, lost == 1 ? "y was" : "ies were");
		else
			snprintf(what, sizeof what, "entries may have been removed");
		say(r, cursor, what, from, extent->first);
		r->base.missed += cursor->counted ? lost : 1;
	}
	/* From here on it is as if reading began at the first entry that is left. */
	cursor->counted = true;
	cursor->removed = removed;
	cursor->received = 0;
}
