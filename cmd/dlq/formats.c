/* --format: see formats.h. */
#include "cmd/dlq/formats.h"

static const char *const formats[] = {"table", "json", "csv", "prometheus", NULL};

const struct mq_option format_rows[] = {
    {.name = "format",
     .type = MQ_OPT_CHOICE,
     .arg = "FORMAT",
     .choices = formats,
     .help = "how the report is written: table, json, csv or prometheus",
     .more = "CSV is that of RFC 4180, with a heading; Prometheus' is its text format 0.0.4, in "
             "which unknown numbers are left out.",
     .field = offsetof(struct format_options, format)},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "JSON lines; the same as --format json",
     .excludes = "format",
     .field = offsetof(struct format_options, json)},
    {0}};

enum dlq_format format_of(const struct format_options *options)
{
	return options->json ? DLQ_JSON : (enum dlq_format)options->format;
}
