/* CSV records: see mqtk/report.h. */
#include "mqtk/report.h"

#include <inttypes.h>

void mq_csv_init(struct mq_csv *csv, struct mq_buf *buf, struct mq_err *err)
{
	*csv = (struct mq_csv){.buf = buf, .err = err};
}

static void note(struct mq_csv *csv, int result)
{
	if (result < 0)
		csv->failed = true;
}

static void begin_field(struct mq_csv *csv)
{
	if (csv->begun)
		note(csv, mq_buf_append_char(csv->buf, ',', csv->err));
	csv->begun = true;
}

void mq_csv_text(struct mq_csv *csv, const char *text)
{
	begin_field(csv);
	if (!text)
		return;
	if (*text && !strpbrk(text, ",\"\r\n")) {
		note(csv, mq_buf_append_str(csv->buf, text, csv->err));
		return;
	}
	note(csv, mq_buf_append_char(csv->buf, '"', csv->err));
	for (; *text; text++) {
		if (*text == '"')
			note(csv, mq_buf_append_char(csv->buf, '"', csv->err));
		note(csv, mq_buf_append_char(csv->buf, *text, csv->err));
	}
	note(csv, mq_buf_append_char(csv->buf, '"', csv->err));
}

void mq_csv_known(struct mq_csv *csv, int64_t number, int64_t unknown)
{
	begin_field(csv);
	if (number != unknown)
		note(csv, mq_buf_printf(csv->buf, csv->err, "%" PRId64, number));
}

void mq_csv_rate(struct mq_csv *csv, double rate)
{
	char text[MQ_RATE_TEXT];

	if (!(rate >= 0)) {
		mq_csv_text(csv, NULL);
		return;
	}
	mq_rate_format(rate, text);
	mq_csv_text(csv, text);
}

int mq_csv_end(struct mq_csv *csv)
{
	note(csv, mq_buf_append_str(csv->buf, "\r\n", csv->err));
	csv->begun = false;
	return csv->failed ? -1 : 0;
}
