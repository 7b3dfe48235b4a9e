/* Laying out text for a terminal of 80 columns. Private to src/opt. */
#ifndef MQ_OPT_TEXT_H
#define MQ_OPT_TEXT_H

#include "mqtk/bytes.h"

#define MQ_COLUMNS 80

/* Columns that UTF-8 text takes, counting a character as one. */
size_t mq_text_width(const char *text);

/* n spaces. */
int mq_text_pad(struct mq_buf *buf, size_t n, struct mq_err *err);

/* Appends words up to 80 columns a line. The first begins at column `at` (what stands before it is
 * already in buf), further lines at column indent. Ends with a newline. */
int mq_text_wrap(struct mq_buf *buf, const char *text, size_t at, size_t indent,
                 struct mq_err *err);

/* Paragraphs separated by blank lines, each wrapped; indented lines are kept as they are. */
int mq_text_paragraphs(struct mq_buf *buf, const char *text, size_t indent, struct mq_err *err);

/* A term and its explanation at column `column`, on the next line when the term is too long. */
int mq_text_entry(struct mq_buf *buf, const char *term, const char *text, size_t column,
                  struct mq_err *err);

/* The line of texts that begins at text: its length, without the newline. */
static inline size_t mq_line_length(const char *text)
{
	return strcspn(text, "\n");
}

#endif
