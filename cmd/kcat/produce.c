/* kcat -P: records to the producing engine. */
#include "cmd/kcat/kcat.h"
#include "cmd/producing.h"
#include "cmd/record_headers.h"

#include <stdlib.h>
#include <string.h>

/* True when the user's properties are what an idempotent producer cannot have. */
static bool idempotence_refused(const struct mq_settings *settings)
{
	static const char *const acks[] = {"acks", "request.required.acks"};
	static const char *const retries[] = {"retries", "message.send.max.retries"};
	const char *value;

	for (size_t i = 0; i < 2; i++) {
		value = mq_settings_get(settings, acks[i]);
		if (value && strcmp(value, "all") != 0 && strcmp(value, "-1") != 0)
			return true;
		value = mq_settings_get(settings, retries[i]);
		if (value && strcmp(value, "0") == 0)
			return true;
	}
	return false;
}

/* Where kcat differs from mqtk's own produce, as long as no property says otherwise. */
static int add_defaults(struct kcat *kcat, struct mq_err *err)
{
	const char *const defaults[][2] = {
	    /* Keys go where kcat puts them. */
	    {"partitioner", "consistent_random"},
	    /* A missing topic is for the broker to make or to refuse. */
	    {"allow.auto.create.topics", "true"},
	    /* Brokers may be away for the library's own five minutes: -m is for the first
	     * contact. A transaction has a time-out of its own. */
	    {"message.timeout.ms", kcat->transactional ? NULL : "300000"},
	    /* kcat is not idempotent: properties that go with that are taken as they are. */
	    {"enable.idempotence",
	     idempotence_refused(&kcat->invocation->settings) ? "false" : NULL},
	};
	struct mq_settings *settings = &kcat->invocation->settings;

	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
		if (defaults[i][1] && !mq_settings_get(settings, defaults[i][0]) &&
		    mq_settings_add(settings, defaults[i][0], defaults[i][1], "kcat", err) < 0)
			return -1;
	return 0;
}

int kcat_produce(struct kcat *kcat, struct mq_err *err)
{
	static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};
	const struct kcat_values *values = kcat->values;
	bool records = kcat->operands.n == 0 || values->lines || values->json;
	struct mq_header *headers = record_headers_parse(&values->headers, err);
	char *address = kcat_address(kcat, kcat->topic, err);
	struct producing_counts counts = {0};
	struct mq_format_spec tee = {.kind = values->json ? MQ_FORMAT_JSON : MQ_FORMAT_RAW,
	                             .delimiter = mq_bytes_str(""),
	                             .key_delimiter = kcat->key_delimiter_bytes};
	int code = MQ_INTERNAL;

	if (!headers || !address || add_defaults(kcat, err) < 0)
		goto out;
	struct producing job = {
	    .invocation = kcat->invocation,
	    .address = address,
	    .input = {.kind = values->json ? MQ_INPUT_JSON : MQ_INPUT_DELIMITED,
	              .delimiter = kcat->delimiter_bytes,
	              .key_delimiter = kcat->key_delimiter_bytes,
	              .empty_is_null = values->null && kcat->key_delimiter_bytes.data},
	    .files_are = records ? PRODUCING_FILE_OF_RECORDS : PRODUCING_FILE_IS_MESSAGE,
	    .files = kcat->operands.items,
	    .n_files = kcat->operands.n,
	    .key = mq_bytes_str(values->key),
	    .headers = headers,
	    .n_headers = values->headers.n,
	    .ts_ms = MQ_NO_TIME,
	    .partition = (int32_t)values->partition,
	    .compression = values->codec >= 0 ? codecs[values->codec] : NULL,
	    .transactional = kcat->transactional,
	    .tee = values->tee && records,
	    .tee_as = &tee,
	    .count = values->count > 0 ? values->count : 0,
	    .skip_empty = true,
	    .counts = &counts,
	};
	code = producing_run(&job, err);
	/* As kcat, a signal that lost nothing is a good end. */
	if (code == MQ_CANCELLED && counts.read == counts.confirmed && !counts.unfinished)
		code = MQ_OK;
out:
	free(headers);
	free(address);
	return code;
}
