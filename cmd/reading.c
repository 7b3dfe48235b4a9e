/* The rows and meaning of the options of all that reads: see reading.h. */
#include "cmd/reading.h"

#include <stdlib.h>
#include <string.h>

/* --from and -o: a position; kcat's s@ and e@ (ms since the epoch) name a beginning and an end. */
static int parse_from(void *field, const char *value, struct mq_err *err)
{
	struct reading_range *range = field;
	struct mq_pos *pos = &range->from;

	if (value[0] == 's' && value[1] == '@') {
		value += 1;
	} else if (value[0] == 'e' && value[1] == '@') {
		value += 1;
		pos = &range->to;
	}
	return mq_pos_parse(value, mq_now_ms(), pos, err);
}

static int parse_to(void *field, const char *value, struct mq_err *err)
{
	struct reading_range *range = field;

	if (mq_pos_parse(value, mq_now_ms(), &range->to, err) < 0)
		return -1;
	if (range->to.kind == MQ_POS_STORED)
		return mq_fail(err, MQ_USAGE, "an end cannot be 'stored'");
	return 0;
}

static int add_partition(struct reading_partitions *list, int64_t partition, struct mq_err *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i] == partition)
			return 0;
	int32_t *item = mq_info_grow(&list->items, &list->n, sizeof *item, err);
	if (!item)
		return -1;
	*item = (int32_t)partition;
	return 0;
}

int reading_parse_partitions(void *field, const char *value, struct mq_err *err)
{
	struct reading_partitions *list = field;
	const char *at = value;

	for (;;) {
		char part[32];
		size_t len = strcspn(at, ",");
		if (len == 0 || len >= sizeof part)
			return mq_fail(err, MQ_USAGE, "'%s' is no list of partitions like 0,2,5-7",
			               value);
		memcpy(part, at, len);
		part[len] = '\0';
		char *dash = strchr(part + 1, '-');
		int64_t first, last;
		if (dash)
			*dash = '\0';
		if (mq_int_parse(part, 0, 1000000, &first, err) < 0)
			return -1;
		last = first;
		if (dash && mq_int_parse(dash + 1, first, first + 100000, &last, err) < 0)
			return -1;
		for (int64_t p = first; p <= last; p++)
			if (add_partition(list, p, err) < 0)
				return -1;
		at += len;
		if (*at == '\0')
			return 0;
		at++;
	}
}

const struct mq_option reading_rows[] = {
    {.name = "from",
     .letter = 'o',
     .type = MQ_OPT_CUSTOM,
     .arg = "POS",
     .help = "where to begin: beginning, end, stored, N, ID, -N, @TIME, -48h, 2026-11-01T10:00Z",
     .more = "N is an offset, ID an id where positions are ids, -N the last N of each partition, "
             "-DURATION that long ago. A moment "
             "written as a number needs an @: @1700000000 (seconds) or @1700000000000 (ms). With a "
             "group it is used only where the group has no position yet. kcat's s@MS and e@MS are "
             "understood as well.",
     .field = offsetof(struct reading, range),
     .custom = parse_from},
    {.name = "to",
     .type = MQ_OPT_CUSTOM,
     .arg = "POS",
     .help = "where to end, exclusive; the forms of --from",
     .more = "At a moment, every partition ends at its first message at or after it. --to end is "
             "the end as it was when the command started.",
     .field = offsetof(struct reading, range),
     .custom = parse_to},
    {.name = "end",
     .letter = 'e',
     .type = MQ_OPT_FLAG,
     .help = "exit at the end, as it was when the command started",
     .field = offsetof(struct reading, end)},
    {.name = "count",
     .letter = 'c',
     .type = MQ_OPT_INT,
     .arg = "N",
     .help = "exit after N messages",
     .min = 1,
     .max = INT64_MAX,
     .field = offsetof(struct reading, count)},
    {.name = "partition",
     .letter = 'p',
     .type = MQ_OPT_CUSTOM,
     .arg = "N[,N…]",
     .help = "only these partitions; also 5-7; repeatable",
     .field = offsetof(struct reading, partitions),
     .custom = reading_parse_partitions},
    {.name = "idle-timeout",
     .type = MQ_OPT_DURATION,
     .arg = "DUR",
     .help = "exit after so long without a message",
     .max = INT32_MAX,
     .field = offsetof(struct reading, idle_timeout)},
    {0}};

const struct mq_option printing_rows[] = {
    {.name = "template",
     .letter = 'f',
     .type = MQ_OPT_STRING,
     .arg = "TEMPLATE",
     .help = "print each message by a template, such as '%p %o %k %s\\n'",
     .more = "The tokens are listed by mqtk help formats. Nothing is added: end the template in "
             "\\n.",
     .field = offsetof(struct printing, template_text),
     .excludes = "json delimiter key-delimiter"},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .help = "print each message as one JSON line, without loss; produce -J reads it",
     .field = offsetof(struct printing, json),
     .excludes = "delimiter key-delimiter null"},
    {.name = "delimiter",
     .letter = 'D',
     .type = MQ_OPT_STRING,
     .arg = "BYTES",
     .help = "what ends each message (\\n); escapes as in C, such as \\x00",
     .field = offsetof(struct printing, delimiter)},
    {.name = "key-delimiter",
     .letter = 'K',
     .type = MQ_OPT_STRING,
     .arg = "BYTES",
     .help = "print the key and BYTES before each payload",
     .field = offsetof(struct printing, key_delimiter)},
    {.name = "null",
     .letter = 'Z',
     .type = MQ_OPT_FLAG,
     .help = "print NULL for an absent key or payload",
     .field = offsetof(struct printing, null_text)},
    {.name = "unbuffered",
     .letter = 'u',
     .type = MQ_OPT_FLAG,
     .help = "write each message by itself",
     .field = offsetof(struct printing, unbuffered)},
    {0}};

void reading_release(struct reading *reading)
{
	free(reading->partitions.items);
	reading->partitions = (struct reading_partitions){0};
}

int printer_init_spec(struct printer *printer, const struct mq_format_spec *spec,
                      enum on_error on_error, struct mq_err *err)
{
	*printer = (struct printer){.on_error = on_error};
	if (mq_format_new(spec, &printer->format, err) < 0)
		return -1;
	if (on_error != ON_ERROR_RAW)
		return 0;
	struct mq_format_spec plain = *spec;
	plain.pack_key = plain.pack_payload = NULL;
	return mq_format_new(&plain, &printer->fallback, err);
}

int option_bytes(const char *option, const char *text, struct mq_buf *buf, struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	if (mq_unescape(text, false, buf, &why) == 0)
		return 0;
	mq_fail(err, why.code, "%s: %s", option, why.message);
	return why.hint[0] ? mq_hint(err, "%s", why.hint) : -1;
}

int printer_init(struct printer *printer, const struct mq_invocation *invocation,
                 const struct printing *options, struct mq_err *err)
{
	struct decoding_choices choices;
	struct mq_buf delimiter, key_delimiter;
	struct mq_format_spec spec = {
	    .kind = options->json            ? MQ_FORMAT_JSON
	            : options->template_text ? MQ_FORMAT_TEMPLATE
	                                     : MQ_FORMAT_RAW,
	    .template_text = options->template_text,
	    .null_text = options->null_text,
	};
	int result = -1;

	*printer = (struct printer){0};
	mq_buf_init(&delimiter, 1 << 16);
	mq_buf_init(&key_delimiter, 1 << 16);
	if (option_bytes("-D", options->delimiter ? options->delimiter : "\n", &delimiter, err) < 0)
		goto out;
	spec.delimiter = mq_bytes_of(delimiter.data ? delimiter.data : "", delimiter.len);
	if (options->key_delimiter) {
		if (option_bytes("-K", options->key_delimiter, &key_delimiter, err) < 0)
			goto out;
		spec.key_delimiter =
		    mq_bytes_of(key_delimiter.data ? key_delimiter.data : "", key_delimiter.len);
	}
	if (decoding_choose("--decode", &options->decoding.decode, &options->decoding.framing,
	                    &spec, &choices, err) < 0 ||
	    printer_init_spec(printer, &spec,
	                      options->decoding.on_error < 0
	                          ? ON_ERROR_FAIL
	                          : (enum on_error)options->decoding.on_error,
	                      err) < 0)
		goto out;
	printer->envelopes = options->json;
	printer->unbuffered = options->unbuffered;
	result = decoder_init(&printer->decoder, invocation, &options->decoding, &choices, err);
out:
	mq_buf_release(&delimiter);
	mq_buf_release(&key_delimiter);
	return result;
}

unsigned printer_needs(const struct printer *printer)
{
	return mq_format_needs(printer->format) | decoder_needs(&printer->decoder);
}

void printer_release(struct printer *printer)
{
	decoder_release(&printer->decoder);
	mq_format_free(printer->format);
	mq_format_free(printer->fallback);
	*printer = (struct printer){0};
}
