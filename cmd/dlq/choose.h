/*
 * Which dead letters are meant: --reason, --origin, --since, --until, --key, --grep, --ids. All
 * that are given have to hold.
 */
#ifndef MQ_CMD_DLQ_CHOOSE_H
#define MQ_CMD_DLQ_CHOOSE_H

#include "cmd/select.h"

#include "mqtk/dead.h"

struct choose_options {
	struct select_options select;
	const char *reason;
	const char *origin;
	struct mq_pos since, until; /* moments; UNSET: any */
	const char *ids;            /* a file */
};
extern const struct mq_option choose_rows[];

struct chooser {
	const struct choose_options *options;
	struct selector selector;
	struct mq_buf ids; /* sorted lines behind each other, as in the file */
	struct mq_bytes *lines;
	size_t n_lines;
	bool any; /* nothing was chosen: every letter is meant */
};

int chooser_init(struct chooser *chooser, const struct choose_options *options, struct mq_err *err);
/* A sum over the ids of --ids, whatever their order. */
uint64_t chooser_sum(const struct chooser *chooser);
void chooser_release(struct chooser *chooser);

/* 1, 0 or -1 (MQ_DATA: --grep is too much work for this message). */
int chooser_wants(const struct chooser *chooser, const struct mq_message *message,
                  const struct mq_dead *dead, struct mq_err *err);

#endif
