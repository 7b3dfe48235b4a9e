/*
 * Which messages are meant, by what is in them: --key and --grep. All that are given have to hold.
 */
#ifndef MQ_CMD_SELECT_H
#define MQ_CMD_SELECT_H

#include "mqtk/command.h"
#include "mqtk/message.h"
#include "mqtk/pattern.h"

struct select_options {
	const char *key;
	const char *grep;
};
extern const struct mq_option select_rows[];

struct selector {
	struct mq_bytes key;        /* absent: any */
	struct mq_pattern *pattern; /* NULL: any */
	bool any;                   /* nothing was chosen: every message is meant */
};

int selector_init(struct selector *selector, const struct select_options *options,
                  struct mq_err *err);
void selector_release(struct selector *selector);

/* 1, 0 or -1 (MQ_DATA: the expression is too much work for this message, which is named). */
int selector_matches(const struct selector *selector, const struct mq_message *message,
                     struct mq_err *err);

#endif
