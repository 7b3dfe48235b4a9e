/* kcat -C and -G: topics to the consuming engine. */
#include "cmd/consuming.h"
#include "cmd/kcat/kcat.h"

#include <stdlib.h>
#include <string.h>

/* -s: [key=|value=]PACK or avro; without a field both are meant. */
static void read_serdes(const struct kcat_values *values, struct mq_format_spec *spec,
                        struct decoding_choices *choices)
{
	const struct decoding_choice avro = {.wanted = true, .kind = MQ_SCHEMA_AVRO};

	for (size_t i = 0; i < values->serdes.n; i++) {
		const char *text = values->serdes.items[i];
		bool key = strncmp(text, "key=", 4) == 0, value = strncmp(text, "value=", 6) == 0;
		const char *what = text + (key ? 4 : value ? 6 : 0);
		bool is_avro = strcmp(what, "avro") == 0;
		if (!value) {
			choices->key = is_avro ? avro : (struct decoding_choice){0};
			spec->pack_key = is_avro ? NULL : what;
		}
		if (!key) {
			choices->value = is_avro ? avro : (struct decoding_choice){0};
			spec->pack_payload = is_avro ? NULL : what;
		}
	}
}

/* With -E a message that cannot be decoded is passed over; as JSON it stands there with the reason,
 * as in kcat. */
static enum on_error choose_policy(const struct kcat_values *values,
                                   const struct decoding_choices *choices)
{
	if (!values->go_on)
		return ON_ERROR_FAIL;
	return values->json && (choices->key.wanted || choices->value.wanted) ? ON_ERROR_RAW
	                                                                      : ON_ERROR_SKIP;
}

static int make_printer(const struct kcat *kcat, struct printer *printer, struct mq_err *err)
{
	const struct kcat_values *values = kcat->values;
	struct mq_format_spec spec = {
	    .kind = values->json            ? MQ_FORMAT_KCAT_JSON
	            : values->template_text ? MQ_FORMAT_TEMPLATE
	                                    : MQ_FORMAT_RAW,
	    .template_text = values->template_text,
	    .delimiter = kcat->delimiter_bytes,
	    .key_delimiter = kcat->key_delimiter_bytes,
	    .null_text = values->null,
	    .kcat = true,
	};

	struct decoding_options decoding = {.schema = {.registry = values->registry}};
	struct decoding_choices choices = {0};

	read_serdes(values, &spec, &choices);
	if (printer_init_spec(printer, &spec, choose_policy(values, &choices), err) < 0 ||
	    decoder_init(&printer->decoder, kcat->invocation, &decoding, &choices, err) < 0)
		return -1;
	printer->unbuffered = values->unbuffered;
	if (!decoder_wanted(&printer->decoder) || printer->decoder.registry)
		return 0;
	mq_fail(err, MQ_USAGE, "-s avro needs a schema registry");
	return mq_hint(err, "-r URL names it");
}

/* The topics as addresses. Owned, as the array is; NULL with err set on failure. */
static char **make_addresses(const struct kcat *kcat, size_t *ret_n, struct mq_err *err)
{
	bool operands = kcat->mode == KCAT_GROUP && kcat->operands.n > 0;
	size_t n = operands ? kcat->operands.n : 1;
	char **addresses = calloc(n, sizeof *addresses);

	*ret_n = 0;
	if (!addresses) {
		mq_fail_memory(err);
		return NULL;
	}
	for (; *ret_n < n; (*ret_n)++) {
		const char *topic = operands ? kcat->operands.items[*ret_n] : kcat->topic;
		addresses[*ret_n] = kcat_address(kcat, topic, err);
		if (!addresses[*ret_n])
			break;
	}
	return addresses;
}

static int note_end(void *ctx, struct mq_err *err)
{
	const struct kcat *kcat = ctx;

	(void)err;
	if (!kcat->values->end)
		mq_log(kcat->invocation->env, MQ_LEVEL_NOTE, "reached the end, waiting for more");
	return 0;
}

/* Where to begin: kcat's -C at the beginning, its -G at the end where the group has no position. */
static struct mq_pos choose_start(const struct kcat *kcat)
{
	struct mq_pos from = kcat->values->range.from;

	if (from.kind == MQ_POS_STORED)
		from.kind = MQ_POS_UNSET;
	if (from.kind == MQ_POS_UNSET && kcat->mode == KCAT_GROUP)
		from = kcat->reset;
	if (from.kind == MQ_POS_UNSET)
		from.kind = kcat->mode == KCAT_GROUP ? MQ_POS_END : MQ_POS_BEGINNING;
	return from;
}

int kcat_consume(struct kcat *kcat, struct mq_err *err)
{
	const struct kcat_values *values = kcat->values;
	bool group = kcat->mode == KCAT_GROUP;
	int32_t partition = (int32_t)values->partition;
	int64_t limit = values->count > 0 ? values->count : -1;
	struct printer printer = {0};
	struct sources sources;
	struct text_sink sink;
	size_t n = 0;
	int code = MQ_INTERNAL;
	char **addresses = make_addresses(kcat, &n, err);

	if (err->code != MQ_OK || make_printer(kcat, &printer, err) < 0)
		goto out;
	struct mq_read_spec spec = {
	    .partitions = &partition,
	    .n_partitions = partition >= 0 && !group ? 1 : 0,
	    .from = choose_start(kcat),
	    .from_always = group && values->range.from.kind != MQ_POS_UNSET &&
	                   values->range.from.kind != MQ_POS_STORED,
	    .to = values->range.to,
	    .group = values->group,
	    .need = printer_needs(&printer),
	    .limit = limit,
	    .stop_at_end = values->end,
	};
	if (sources_open(&sources, kcat->invocation, (const char *const *)addresses, n, &spec,
	                 err) < 0)
		goto out;
	text_sink_init(&sink, kcat->invocation->env, &printer);
	struct mq_pump pump = {
	    .sink = text_sink_operations(&sink),
	    .settle = group && kcat->commit,
	    .stop_at_end = values->end,
	    .limit = limit,
	    .idle_timeout_ms = -1,
	    .commit_every_ms = kcat->commit_interval_ms,
	    .caught_up = note_end,
	    .ctx = kcat,
	};
	struct consuming_sink account = consuming_text(&sink);
	code = consuming_run(kcat->invocation, &sources, &account, &pump, err);
	/* As kcat: what was printed was printed, and committed. */
	if (code == MQ_CANCELLED && err->code == MQ_OK)
		code = MQ_OK;
	text_sink_release(&sink);
	sources_close(&sources);
out:
	printer_release(&printer);
	for (size_t i = 0; addresses && i < n; i++)
		free(addresses[i]);
	free(addresses);
	return code;
}
