/* Choosing messages by key and content: see select.h. */
#include "cmd/select.h"

#include <stdio.h>

const struct mq_option select_rows[] = {
    {.name = "key",
     .type = MQ_OPT_STRING,
     .arg = "KEY",
     .help = "messages with exactly this key",
     .field = offsetof(struct select_options, key)},
    {.name = "grep",
     .type = MQ_OPT_STRING,
     .arg = "REGEX",
     .help = "messages whose payload matches this expression (PCRE2), as bytes",
     .more = "It may match anywhere; (?i) at its beginning ignores case. A message without payload "
             "does not match.",
     .field = offsetof(struct select_options, grep)},
    {0}};

int selector_init(struct selector *selector, const struct select_options *options,
                  struct mq_err *err)
{
	*selector = (struct selector){.key = mq_bytes_str(options->key),
	                              .any = !options->key && !options->grep};
	return options->grep ? mq_pattern_new(options->grep, &selector->pattern, err) : 0;
}

void selector_release(struct selector *selector)
{
	mq_pattern_free(selector->pattern);
	selector->pattern = NULL;
}

int selector_matches(const struct selector *selector, const struct mq_message *message,
                     struct mq_err *err)
{
	struct mq_err why = MQ_ERR_INIT;

	if (selector->key.data && !mq_bytes_equal(selector->key, message->key))
		return 0;
	if (!selector->pattern)
		return 1;
	int got = mq_pattern_matches(selector->pattern, message->payload, &why);
	if (got >= 0)
		return got;
	if (message->id.data)
		mq_fail(err, why.code, "%.*s %.*s: %s", (int)message->stream.len,
		        message->stream.data, (int)message->id.len, message->id.data, why.message);
	else
		mq_fail(err, why.code, "%.*s[%d] %lld: %s", (int)message->stream.len,
		        message->stream.data, (int)message->partition, (long long)message->offset,
		        why.message);
	return mq_hint(err, "%s", why.hint);
}
