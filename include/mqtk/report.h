/*
 * Reports: JSON objects for machines and tables for people, built in a buffer.
 *
 * Both remember the first failure: the calls need no checks of their own, only the last one does.
 */
#ifndef MQTK_REPORT_H
#define MQTK_REPORT_H

#include "mqtk/bytes.h"

#include <stdint.h>

/* --- JSON, RFC 8259 -------------------------------------------------------------------------- */

/* Commas and nesting are seen to; at most 31 levels. */
struct mq_json {
	struct mq_buf *buf;
	struct mq_err *err;
	uint32_t filled; /* bit n: level n has an element already */
	unsigned level;
	bool failed;
};

void mq_json_init(struct mq_json *json, struct mq_buf *buf, struct mq_err *err);

/* name is the member's name inside an object, and NULL inside an array or at the top. */
void mq_json_open(struct mq_json *json, const char *name, char bracket);     /* '{' or '[' */
void mq_json_close(struct mq_json *json, char bracket);                      /* '}' or ']' */
void mq_json_text(struct mq_json *json, const char *name, const char *text); /* NULL: null */
void mq_json_int(struct mq_json *json, const char *name, int64_t number);
/* As mq_json_int, but null when number equals unknown. */
void mq_json_known(struct mq_json *json, const char *name, int64_t number, int64_t unknown);
void mq_json_bool(struct mq_json *json, const char *name, bool value);
/* text is JSON itself; NULL: null. */
void mq_json_raw(struct mq_json *json, const char *name, const char *text);
/* Ends the line. Returns 0, or -1 when anything failed on the way (err says why). */
int mq_json_end(struct mq_json *json);

/* --- tables ---------------------------------------------------------------------------------- */

/* Cells are collected row by row and aligned when the table is printed. A heading that begins with
 * '>' is a column of numbers, aligned to the right. Control characters in cells and
 * what is no UTF-8 become '?'; widths are what a terminal shows. */
struct mq_table {
	size_t columns;
	char **cells; /* owned; the headings first */
	size_t n_cells, cap_cells;
	struct mq_err *err;
	bool failed;
};

/* headings is ended by NULL. */
void mq_table_init(struct mq_table *table, const char *const *headings, struct mq_err *err);
void mq_table_release(struct mq_table *table);

void mq_table_text(struct mq_table *table, const char *text); /* NULL: - */
void mq_table_printf(struct mq_table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A number, or - when it equals unknown. */
void mq_table_known(struct mq_table *table, int64_t number, int64_t unknown);
/* Appends the aligned table, headings in capitals as they were given. bold: headings stand out on a
 * terminal. Returns 0, or -1 when anything failed on the way. */
int mq_table_print(struct mq_table *table, bool bold, struct mq_buf *buf);

#endif
