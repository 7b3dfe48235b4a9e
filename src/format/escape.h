/* Escapes of a part of a text, for those who take the text apart first; see mqtk/format.h. */
#ifndef FORMAT_ESCAPE_H
#define FORMAT_ESCAPE_H

#include "mqtk/bytes.h"

/* As mq_unescape, for the len bytes at text + at; errors name positions within text. */
int mq_unescape_part(const char *text, size_t at, size_t len, bool decimal, struct mq_buf *ret_buf,
                     struct mq_err *err);

#endif
