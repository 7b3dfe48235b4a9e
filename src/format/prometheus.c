/* Prometheus' text exposition format: see mqtk/report.h. */
#include "mqtk/report.h"

void mq_prometheus_init(struct mq_prometheus *prom, struct mq_buf *buf, struct mq_err *err)
{
	*prom = (struct mq_prometheus){.buf = buf, .err = err};
}

static void note(struct mq_prometheus *prom, int result)
{
	if (result < 0)
		prom->failed = true;
}

/* The length of the UTF-8 sequence at text, or 0 when there is none. */
static size_t sequence(const char *text)
{
	size_t left = strnlen(text, 4);

	for (size_t n = 1; n <= left; n++)
		if (mq_utf8_valid(mq_bytes_of(text, n)))
			return n;
	return 0;
}

/* Backslashes and line feeds are escaped everywhere, double quotes in labels. */
static void append_escaped(struct mq_prometheus *prom, const char *text, bool label)
{
	while (*text) {
		size_t n = sequence(text);
		if (*text == '\n')
			note(prom, mq_buf_append_str(prom->buf, "\\n", prom->err));
		else if (*text == '\\' || (label && *text == '"'))
			note(prom, mq_buf_printf(prom->buf, prom->err, "\\%c", *text));
		else if (n == 0)
			note(prom, mq_buf_printf(prom->buf, prom->err, "\\\\x%02x",
			                         (unsigned)(unsigned char)*text));
		else
			note(prom, mq_buf_append(prom->buf, text, n, prom->err));
		text += n ? n : 1;
	}
}

void mq_prometheus_metric(struct mq_prometheus *prom, const char *name, const char *type,
                          const char *help)
{
	prom->name = name;
	note(prom, mq_buf_printf(prom->buf, prom->err, "# HELP %s ", name));
	append_escaped(prom, help, false);
	note(prom, mq_buf_printf(prom->buf, prom->err, "\n# TYPE %s %s\n", name, type));
}

void mq_prometheus_begin(struct mq_prometheus *prom)
{
	note(prom, mq_buf_append_str(prom->buf, prom->name, prom->err));
	prom->labelled = false;
}

void mq_prometheus_label(struct mq_prometheus *prom, const char *name, const char *value)
{
	note(prom,
	     mq_buf_printf(prom->buf, prom->err, "%c%s=\"", prom->labelled ? ',' : '{', name));
	append_escaped(prom, value, true);
	note(prom, mq_buf_append_char(prom->buf, '"', prom->err));
	prom->labelled = true;
}

void mq_prometheus_value(struct mq_prometheus *prom, double value)
{
	char text[MQ_RATE_TEXT];

	mq_rate_format(value, text);
	note(prom, mq_buf_printf(prom->buf, prom->err, "%s %s\n", prom->labelled ? "}" : "", text));
}

int mq_prometheus_end(struct mq_prometheus *prom)
{
	return prom->failed ? -1 : 0;
}
