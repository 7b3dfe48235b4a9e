/*
 * Regular expressions by PCRE2: over the bytes of messages (--grep), and over text (schemas).
 *
 * The bytes are matched as they are, anywhere in them: no encoding is assumed, '.' stands for one
 * byte but a newline, and (?i), (?s) and the like stand at the beginning of the expression. How
 * much work one match may be is limited, so that no message can hold the program up.
 */
#ifndef MQTK_PATTERN_H
#define MQTK_PATTERN_H

#include "mqtk/bytes.h"

struct mq_pattern;

/* MQ_USAGE when text is no regular expression (the place is named) or the library is missing. */
int mq_pattern_new(const char *text, struct mq_pattern **ret_pattern, struct mq_err *err);
/* As mq_pattern_new, for text that is known to be UTF-8 and comes from a file (MQ_DATA when it is
 * no regular expression): '.' is a character, '$' the very end, an unset group matches nothing, []
 * no character. What text was made from is shown in the message: the place in it only when it is
 * the same. */
int mq_pattern_new_text(struct mq_bytes text, struct mq_bytes origin,
                        struct mq_pattern **ret_pattern, struct mq_err *err);
void mq_pattern_free(struct mq_pattern *pattern);

/* 1: it matches; 0: it does not, as nothing does that is absent; -1: the limits were reached
 * (MQ_DATA). */
int mq_pattern_matches(const struct mq_pattern *pattern, struct mq_bytes bytes, struct mq_err *err);

#endif
