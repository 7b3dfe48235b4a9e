/*
 * Reports: JSON objects, CSV and Prometheus' text for machines and tables for people, built in a
 * buffer.
 *
 * All remember the first failure: the calls need no checks of their own, only the last one does.
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
/* With three decimals at most; null when negative or no number: rates are unknown then. */
void mq_json_rate(struct mq_json *json, const char *name, double rate);
void mq_json_bool(struct mq_json *json, const char *name, bool value);
/* text is JSON itself; NULL: null. */
void mq_json_raw(struct mq_json *json, const char *name, const char *text);
/* Ends the line. Returns 0, or -1 when anything failed on the way (err says why). */
int mq_json_end(struct mq_json *json);

/* A rate as the formats here write it: 12.5, 3, 0.125. */
#define MQ_RATE_TEXT 48
void mq_rate_format(double rate, char *ret);

/* --- CSV, RFC 4180 --------------------------------------------------------------------------- */

/* Fields of a record one after the other; unknown ones are empty, and a text that is empty is "".
 * Records end in CR LF. */
struct mq_csv {
	struct mq_buf *buf;
	struct mq_err *err;
	bool begun; /* the record has a field */
	bool failed;
};

void mq_csv_init(struct mq_csv *csv, struct mq_buf *buf, struct mq_err *err);
void mq_csv_text(struct mq_csv *csv, const char *text); /* NULL: unknown */
void mq_csv_known(struct mq_csv *csv, int64_t number, int64_t unknown);
void mq_csv_rate(struct mq_csv *csv, double rate);
/* Ends the record. Returns 0, or -1 when anything failed on the way. */
int mq_csv_end(struct mq_csv *csv);

/* --- Prometheus, text exposition format 0.0.4 ------------------------------------------------ */

/* Metric after metric, and of each its samples: labels one by one, then the value. What is no
 * UTF-8 in a label is written as \xHH. The caller sees to it that no two samples of a metric have
 * the same labels. */
struct mq_prometheus {
	struct mq_buf *buf;
	struct mq_err *err;
	const char *name; /* of the metric */
	bool labelled;    /* the sample has a label already */
	bool failed;
};

void mq_prometheus_init(struct mq_prometheus *prom, struct mq_buf *buf, struct mq_err *err);
/* type: gauge, counter …. name is borrowed until the next metric. */
void mq_prometheus_metric(struct mq_prometheus *prom, const char *name, const char *type,
                          const char *help);
void mq_prometheus_begin(struct mq_prometheus *prom);
void mq_prometheus_label(struct mq_prometheus *prom, const char *name, const char *value);
/* With three decimals at most. */
void mq_prometheus_value(struct mq_prometheus *prom, double value);
/* Returns 0, or -1 when anything failed on the way. */
int mq_prometheus_end(struct mq_prometheus *prom);

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

/* Appends as much of one line as has room in so many columns of a terminal. Colours (ESC … m) have
 * no width and are never cut. */
int mq_line_clip(const char *text, size_t len, size_t columns, struct mq_buf *buf,
                 struct mq_err *err);

#endif
