/* The table of kinds, and what holds for all of them: see mqtk/schema.h. */
#include "mqtk/schema.h"
#include "schema/avro/schema.h"
#include "schema/kind.h"

#include <strings.h>

#ifndef MQ_WITH_protobuf
const struct mq_schema_ops mq_schema_protobuf = {
    .name = "protobuf",
    .in_registry = "PROTOBUF",
    .missing = "this mqtk was built without libprotobuf ('scripts/deps.sh build' installs it; then "
               "build again)",
};
#endif

static const struct mq_schema_ops *const kinds[] = {
    [MQ_SCHEMA_JSON] = &mq_schema_json,
    [MQ_SCHEMA_AVRO] = &mq_schema_avro,
    [MQ_SCHEMA_PROTOBUF] = &mq_schema_protobuf,
};

const char *mq_schema_kind_name(enum mq_schema_kind kind)
{
	return kind < MQ_SCHEMA_UNKNOWN ? kinds[kind]->name : "unknown";
}

enum mq_schema_kind mq_schema_kind_named(const char *name)
{
	for (unsigned kind = 0; kind < MQ_SCHEMA_UNKNOWN; kind++)
		if (strcmp(name, kinds[kind]->name) == 0 ||
		    strcmp(name, kinds[kind]->in_registry) == 0)
			return (enum mq_schema_kind)kind;
	return MQ_SCHEMA_UNKNOWN;
}

const char *mq_schema_missing(enum mq_schema_kind kind)
{
	return kinds[kind]->missing;
}

static bool ends_in(const char *name, const char *ending)
{
	size_t len = strlen(name), more = strlen(ending);

	return len >= more && strcasecmp(name + len - more, ending) == 0;
}

/* By the name's ending, else by what the text begins with and has in it. */
enum mq_schema_kind mq_schema_guess(const struct mq_schema_spec *spec)
{
	const char *name = spec->name ? spec->name : "";
	struct mq_bytes text = spec->text;

	if (ends_in(name, ".avsc"))
		return MQ_SCHEMA_AVRO;
	if (ends_in(name, ".proto") || ends_in(name, ".desc") || ends_in(name, ".pb") ||
	    ends_in(name, ".protoset"))
		return MQ_SCHEMA_PROTOBUF;
	/* Whose parser then says that it should not be there. */
	if (text.len > 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text.data += 3, text.len -= 3;
	while (text.len > 0 && memchr(" \t\r\n", text.data[0], 4))
		text.data++, text.len--;
	if (text.len == 0)
		return MQ_SCHEMA_UNKNOWN;
	if (text.data[0] == '[' || text.data[0] == '"')
		return MQ_SCHEMA_AVRO;
	if (text.data[0] != '{')
		return ends_in(name, ".json") || text.data[0] == 't' || text.data[0] == 'f'
		           ? MQ_SCHEMA_JSON
		           : MQ_SCHEMA_PROTOBUF;
	return av_looks_like_schema(text) ? MQ_SCHEMA_AVRO : MQ_SCHEMA_JSON;
}

int mq_schema_new(const struct mq_schema_spec *spec, struct mq_schema **ret, struct mq_err *err)
{
	enum mq_schema_kind kind =
	    spec->kind == MQ_SCHEMA_UNKNOWN ? mq_schema_guess(spec) : spec->kind;
	const char *name = spec->name ? spec->name : "the schema";

	*ret = NULL;
	if (kind == MQ_SCHEMA_UNKNOWN) {
		mq_fail(err, MQ_DATA, "%s is empty", name);
		return mq_hint(err, "a schema is JSON Schema, Avro or Protobuf; --type says which");
	}
	if (spec->text.len >= 4 && memcmp(spec->text.data, "Obj\1", 4) == 0) {
		mq_fail(err, MQ_DATA, "%s is an Avro container file, and no schema", name);
		return mq_hint(err, "'mqtk schema decode' prints its values, by the schema in it");
	}
	if (kinds[kind]->missing)
		return mq_fail(err, MQ_USAGE, "%s: %s", name, kinds[kind]->missing);
	if (kinds[kind]->open(spec, ret, err) < 0)
		return -1;
	(*ret)->ops = kinds[kind];
	return 0;
}

void mq_schema_free(struct mq_schema *schema)
{
	if (schema)
		schema->ops->release(schema);
}

enum mq_schema_kind mq_schema_kind(const struct mq_schema *schema)
{
	return mq_schema_kind_named(schema->ops->name);
}

unsigned mq_schema_traits(const struct mq_schema *schema)
{
	return schema->ops->traits;
}

const char *mq_schema_type_name(const struct mq_schema *schema)
{
	return schema->ops->type_name ? schema->ops->type_name(schema) : NULL;
}

static int absent(mq_violation_fn *tell, void *ctx)
{
	struct mq_violation violation = {
	    .pointer = "", .keyword = "null", .error = "there is no payload at all"};

	if (tell)
		tell(ctx, &violation);
	return 0;
}

int mq_schema_check_data(struct mq_schema *schema, struct mq_bytes payload, mq_violation_fn *tell,
                         void *ctx, struct mq_err *err)
{
	if (!payload.data)
		return absent(tell, ctx);
	return schema->ops->check_data(schema, payload, tell, ctx, err);
}

int mq_schema_check_json(struct mq_schema *schema, struct mq_bytes text, mq_violation_fn *tell,
                         void *ctx, struct mq_err *err)
{
	if (!text.data)
		return absent(tell, ctx);
	return (schema->ops->check_json ? schema->ops->check_json
	                                : schema->ops->check_data)(schema, text, tell, ctx, err);
}

int mq_schema_decode(struct mq_schema *schema, struct mq_schema *reader, struct mq_bytes payload,
                     unsigned form, struct mq_buf *buf, struct mq_err *err)
{
	size_t len = buf->len;

	if (!payload.data)
		return mq_fail(err, MQ_DATA, "there is no payload at all");
	if (reader && !(schema->ops->traits & MQ_SCHEMA_RESOLVES))
		return mq_fail(err, MQ_USAGE, "%s has no reader's schema: that is a notion of avro",
		               schema->ops->name);
	if (reader && reader->ops != schema->ops)
		return mq_fail(err, MQ_USAGE,
		               "the reader's schema is %s, and the data was written with %s",
		               reader->ops->name, schema->ops->name);
	if (schema->ops->decode(schema, reader, payload, form, buf, err) == 0)
		return 0;
	buf->len = len;
	return -1;
}

int mq_schema_encode(struct mq_schema *schema, struct mq_bytes text, struct mq_buf *buf,
                     struct mq_err *err)
{
	size_t len = buf->len;

	if (!text.data)
		return mq_fail(err, MQ_DATA, "there is no text at all");
	if (schema->ops->encode(schema, text, buf, err) == 0)
		return 0;
	buf->len = len;
	return -1;
}

int mq_schema_use_message(struct mq_schema *schema, const char *name, struct mq_err *err)
{
	if (schema->ops->use_message)
		return schema->ops->use_message(schema, name, err);
	return mq_fail(err, MQ_USAGE, "a schema of %s has one type: '%s' cannot be chosen",
	               schema->ops->name, name);
}

int mq_schema_use_indexes(struct mq_schema *schema, const int32_t *indexes, size_t n,
                          struct mq_err *err)
{
	if (schema->ops->use_indexes)
		return schema->ops->use_indexes(schema, indexes, n, err);
	return mq_fail(err, MQ_DATA, "a schema of %s has no message indexes", schema->ops->name);
}

size_t mq_schema_indexes(const struct mq_schema *schema, int32_t *ret, size_t max)
{
	return schema->ops->indexes ? schema->ops->indexes(schema, ret, max) : 0;
}

int mq_schema_can_read(struct mq_schema *reader, struct mq_schema *writer, mq_conflict_fn *tell,
                       void *ctx, struct mq_err *err)
{
	if (reader->ops == writer->ops)
		return reader->ops->can_read(reader, writer, tell, ctx, err);
	struct mq_conflict conflict = {
	    .rule = "TYPE_MISMATCH", .path = "/", .error = "the schemas are of different kinds"};
	if (tell)
		tell(ctx, &conflict);
	return 0;
}

int mq_schema_canonical(struct mq_schema *schema, struct mq_buf *buf, struct mq_err *err)
{
	return schema->ops->canonical(schema, buf, err);
}
