/* What reader.c, cursor.c and group.c share: a reader, its streams and their partitions. */
#ifndef MQ_SQLITE_READER_H
#define MQ_SQLITE_READER_H

#include "backend/sqlite/sqlite.h"

#include <regex.h>

/* One partition that the reader was asked for. Lives as long as its source. */
struct mq_sq_cursor {
	struct mq_sq_source *source;
	int32_t partition;
	bool held;         /* ours to read: always without a group */
	bool taking;       /* taken by the transaction that is open */
	bool leaving;      /* no longer read; given back when all that was lent is settled */
	bool ended;        /* reached `to` */
	int64_t next;      /* to be lent next */
	int64_t snapshot;  /* the end when the reader was opened */
	int64_t stop;      /* `to` as an offset, INT64_MAX: none */
	int64_t committed; /* what the store knows of the group; next when it was taken */
	int64_t settled;   /* what commit will write; >= committed */
};

/* One stream. Once removed from the store it stays in the list, gone, so that borrowed messages
 * keep their names. */
struct mq_sq_source {
	struct mq_sq_stream stream;
	size_t name_len;
	sqlite3_stmt *rows;
	struct mq_sq_cursor *cursors;
	size_t n_cursors;
	bool by_pattern;
	bool gone;
};

struct mq_sq_reader {
	struct mq_reader base;
	struct mq_sq sq;
	struct mq_sq_watch watch;

	/* what was asked for */
	char **names;
	size_t n_names;
	regex_t *patterns; /* of those names that begin with '^', in their order */
	size_t n_patterns;
	int32_t *partitions;
	size_t n_partitions;
	struct mq_range *ranges; /* in place of partitions, from and to; names are ours */
	size_t n_ranges;
	struct mq_pos from;
	bool from_always; /* group: until the first partitions are taken */
	struct mq_pos to;
	int64_t to_ts; /* INT64_MAX: none */
	unsigned need;
	bool stop_at_end;

	/* where it is */
	struct mq_sq_source **sources;
	size_t n_sources;
	size_t turn; /* the source that is read first next time */
	int64_t schema;
	bool opened;
	bool caught_up;
	bool ended;

	/* the batch that is lent */
	struct mq_message *messages;
	size_t n_messages;
	size_t room_messages;
	char *arena;
	size_t arena_len;
	size_t arena_cap;

	/* the group */
	char *group;
	char *member_name;
	int64_t member;     /* 0: not joined */
	int64_t generation; /* of the group when we last looked at who has what */
	int64_t checked_ms; /* when we last looked whether the others live; monotonic */
	int64_t beat_ms;    /* when we last said that we do */
};

/* --- cursor.c -------------------------------------------------------------------------------- */

/* Adds the streams that were asked for and are not there yet; marks those that are gone. Inside a
 * transaction. *ret_changed: something is new or gone. */
int mq_sq_sources_update(struct mq_sq_reader *r, bool *ret_changed, struct mq_err *err);
void mq_sq_sources_free(struct mq_sq_reader *r);

/* --- group.c --------------------------------------------------------------------------------- */

int mq_sq_group_join(struct mq_sq_reader *r, struct mq_err *err);
/* Takes and gives back partitions as the group's members come and go. Called before each look;
 * cheap when nothing changed. */
int mq_sq_group_tend(struct mq_sq_reader *r, struct mq_err *err);
/* Asks for another look at who has what: our streams changed. */
void mq_sq_group_stale(struct mq_sq_reader *r);
int mq_sq_group_commit(struct mq_sq_reader *r, struct mq_err *err);
/* Commits, and leaves everything to the others. */
int mq_sq_group_leave(struct mq_sq_reader *r, struct mq_err *err);
/* The group's position: 1, 0 (none) or -1. */
int mq_sq_group_position(struct mq_sq_reader *r, const struct mq_sq_cursor *cursor,
                         int64_t *ret_next, struct mq_err *err);

#endif
