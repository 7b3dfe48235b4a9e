/* One option's value: read by its type and written to its field. Private to src/opt. */
#ifndef MQ_OPT_VALUE_H
#define MQ_OPT_VALUE_H

#include "mqtk/env.h"
#include "mqtk/option.h"

#define MQ_LABEL_SIZE 64

/* "--name" or "-n": as it was typed when the row has both. */
void mq_option_label(const struct mq_option *row, bool long_form, char ret[MQ_LABEL_SIZE]);

/* Writes the field, or fails with MQ_USAGE that begins with label. value is NULL only for rows
 * that take none. */
int mq_value_set(const struct mq_option *row, const char *label, void *field, const char *value,
                 int64_t now_ms, struct mq_err *err);

#endif
