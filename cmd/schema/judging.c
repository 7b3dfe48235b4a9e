/* A judge with all that it needs: see judging.h. */
#include "cmd/schema/judging.h"

#include "cmd/schema/registries.h"

/* What finds the schemas that payloads name: the client that the schema came from, or another one,
 * which must be there when it is all that there is. */
static int find_registry(struct judging *judging, const struct mq_invocation *invocation,
                         const struct schema_options *options, struct mq_err *err)
{
	int found = registries_open(invocation, options->registry, &judging->registry, err);

	if (found != 0 || options->source)
		return found < 0 ? -1 : 0;
	mq_fail(err, MQ_USAGE, "no schema is given");
	return mq_hint(err, "--schema names one; --registry URL finds those that payloads name");
}

static int open_codec(struct judging *judging, const struct mq_invocation *invocation,
                      const struct judging_spec *spec, struct mq_err *err)
{
	const struct schema_opened *opened = &judging->opened;
	bool named = !spec->options->source || opened->registered;
	struct mq_codec_spec codec = {
	    .kind = MQ_SCHEMA_UNKNOWN,
	    .framing = spec->framing >= 0     ? (enum mq_framing)spec->framing
	               : named && !spec->text ? MQ_FRAMING_AUTO
	                                      : MQ_FRAMING_NONE,
	    .id = opened->registered ? opened->registered->id : -1,
	    .registry = opened->registry,
	};

	if (codec.framing == MQ_FRAMING_NONE)
		return 0;
	if (spec->text)
		return mq_fail(err, MQ_USAGE, "--framing is for bytes, and text has none");
	/* A JSON Schema judges what others wrote; it need not have written it. */
	if (opened->schema && mq_schema_kind(opened->schema) != MQ_SCHEMA_JSON)
		codec.schema = opened->schema;
	if (!codec.registry) {
		if (find_registry(judging, invocation, spec->options, err) < 0)
			return -1;
		codec.registry = judging->registry;
	}
	return mq_codec_new(&codec, false, &judging->judge.codec, err);
}

int judging_open(struct judging *judging, const struct mq_invocation *invocation,
                 const struct judging_spec *spec, struct mq_err *err)
{
	const char *source = spec->options->source;

	*judging = (struct judging){0};
	if ((source || ((spec->text || spec->framing == MQ_FRAMING_NONE) && !spec->brought)) &&
	    schema_open(invocation, spec->options, source, &judging->opened, err) < 0)
		return -1;
	if (judge_init(&judging->judge, judging->opened.schema, spec->text, spec->most, err) < 0)
		return -1;
	judging->judge.allow_null = spec->allow_null;
	judging->judge.unframe = spec->unframe;
	return spec->brought ? 0 : open_codec(judging, invocation, spec, err);
}

void judging_close(struct judging *judging)
{
	mq_codec_free(judging->judge.codec);
	judge_release(&judging->judge);
	schema_close(&judging->opened);
	mq_registry_free(judging->registry);
	*judging = (struct judging){0};
}
