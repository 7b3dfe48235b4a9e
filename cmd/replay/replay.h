/*
 * What the files of replay share: the command line's meaning, and the counts.
 *
 * The way of a message: a reader (or a file, file.c) lends it to the pump, the pump hands it to the
 * copying sink (copying.c), which gives it its pace (pace.c), edits it (edit.c), and sends it to
 * the target (target.c). What of each partition is to be copied stands in the plan (plan.c), and
 * how far that is in the journal (journal.c).
 */
#ifndef MQ_CMD_REPLAY_H
#define MQ_CMD_REPLAY_H

#include "cmd/reading.h"
#include "cmd/schema/judging.h"

#include "mqtk/broker.h"
#include "mqtk/command.h"

/* A position as it was written and as it was read. */
struct replay_pos {
	const char *text; /* NULL: not given */
	struct mq_pos pos;
};

/* --to-partition. */
enum replay_placing {
	REPLAY_PLACE_AUTO, /* kept when both have as many, else by key */
	REPLAY_PLACE_KEEP,
	REPLAY_PLACE_THERE, /* kept where the target has it, else by key */
	REPLAY_PLACE_HASH,
	REPLAY_PLACE_ONE, /* to */
	REPLAY_PLACE_MAP, /* those that are listed; the others as AUTO */
};

struct replay_placement {
	enum replay_placing placing;
	const char *text;
	int32_t to;
	struct replay_move {
		int32_t from, to;
	} * moves; /* owned */
	size_t n_moves;
};

struct replay_pace {
	double rate;        /* messages per second; 0: none */
	double speed;       /* times the original; 0: none */
	int64_t max_gap_ms; /* longest pause; -1: none */
};

struct replay_values {
	struct mq_common common;
	struct replay_pos from, to;
	struct reading_partitions partitions;
	int64_t count;
	const char *group;
	bool ack;
	bool choosy; /* a policy is partly: with ack what is not chosen stays in its place */
	bool chosen; /* by a policy: count is of what it chooses */
	/* What this group's members hold is read in place of the streams, as mq_read_spec says. */
	const char *held_group;
	int64_t held_deliveries, held_idle_ms;
	bool force;
	bool exactly_once;
	const char *resume;
	const char *failed_to;
	struct replay_pace pace;
	int timestamps; /* enum replay_timestamps */
	struct replay_placement placement;
	const char *key;
	struct mq_option_list headers, removed;
	bool no_provenance;
	int64_t max_replays; /* -1: no limit */
	bool create, append;
	bool dry_run, json;
	int compression;
	struct schema_options schema;
	struct judge *judge; /* by it; what is invalid is as if the target had refused it */
};

enum replay_timestamps { REPLAY_ORIGINAL, REPLAY_NOW };

/* What another command makes of a replay: which messages are copied, and what the copies are. */
struct replay_policy {
	void *ctx;
	/* 1: it is copied; 0: it stays where it is; -1: the run ends with err. */
	int (*choose)(void *ctx, const struct mq_message *message, struct mq_err *err);
	/* Before a number of messages is rewritten: what was lent before is not needed any more. */
	void (*begin)(void *ctx);
	/* Called right after choose. Changes the copy: its stream, where each goes to one of its
	 * own; headers, payload. What it points to stays valid until the next begin. 1: the message
	 * stays where it is after all; -1: it cannot be sent, as if refused. */
	int (*rewrite)(void *ctx, const struct mq_message *message, struct mq_message *copy,
	               struct mq_err *err);
	/* Some messages may stay: what is done with is settled one by one. */
	bool partly;
	bool drops;               /* partly: what counts is what was settled, not the copies */
	const char *described;    /* what a journal knows it by: a word, and what is chosen */
	const char *noun;         /* for words: "the replay" */
	const char *done;         /* the same: "copied" */
	const char *towards;      /* the same, in place of " to TARGET"; NULL: that */
	bool slow;                /* rewriting takes long: only a few are lent at once */
	const char *no_positions; /* a hint: --resume from a queue */
	const char *refused;      /* a hint: what to do about a message that the target refuses */
};

/* What became of the messages. */
struct replay_counts {
	int64_t read;      /* taken from the sources */
	int64_t confirmed; /* stored, as the target said */
	int64_t failed;    /* the target refused them, or did not answer */
	int64_t unsent;    /* read, but something came first */
	int64_t guarded;   /* left out by --max-replays */
	int64_t left;      /* not chosen: they stay where they are */
	int64_t bytes;     /* of keys and payloads of what was confirmed */
};

/* How the run ended, for the report. */
enum replay_end { REPLAY_END, REPLAY_COUNT, REPLAY_SIGNAL, REPLAY_FAILED, REPLAY_NOTHING };

#endif
