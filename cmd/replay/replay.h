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
};

enum replay_timestamps { REPLAY_ORIGINAL, REPLAY_NOW };

/* What became of the messages. */
struct replay_counts {
	int64_t read;      /* taken from the sources */
	int64_t confirmed; /* stored, as the target said */
	int64_t failed;    /* the target refused them, or did not answer */
	int64_t unsent;    /* read, but something came first */
	int64_t guarded;   /* left out by --max-replays */
	int64_t bytes;     /* of keys and payloads of what was confirmed */
};

/* How the run ended, for the report. */
enum replay_end { REPLAY_END, REPLAY_COUNT, REPLAY_SIGNAL, REPLAY_FAILED, REPLAY_NOTHING };

#endif
