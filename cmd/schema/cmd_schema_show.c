/* mqtk schema show: what a schema is: its normal form, its fingerprints, its types. */
#include "cmd/commands.h"
#include "cmd/schema/opening.h"

#include "mqtk/digest.h"
#include "mqtk/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct show_values {
	struct mq_common common;
	struct schema_options schema;
	bool canonical;
	bool json;
};

static const struct show_values defaults = {.common = MQ_COMMON_INIT};

#define FIELD(name) offsetof(struct show_values, name)

static const struct mq_option rows[] = {{.name = "canonical",
                                         .type = MQ_OPT_FLAG,
                                         .help = "print only the normal form",
                                         .field = FIELD(canonical),
                                         .excludes = "json"},
                                        {.name = "json",
                                         .letter = 'J',
                                         .type = MQ_OPT_FLAG,
                                         .help = "print one JSON object",
                                         .field = FIELD(json)},
                                        {0}};

static const struct mq_option_set sets[] = {
    {"Showing", rows, 0}, {"Schema", schema_rows, FIELD(schema)}, {0}};

static const struct mq_example examples[] = {
    {"mqtk schema show order.avsc", "its name, normal form and fingerprints"},
    {"mqtk schema show -J registry:orders-value | jq -r .fingerprints.sha256",
     "what names it elsewhere"},
    {"diff <(mqtk schema show --canonical a.json) <(mqtk schema show --canonical b.json)",
     "do two schemas differ in more than their layout?"},
    {0}};

struct showing {
	const struct schema_opened *opened;
	struct mq_buf canonical; /* with NUL */
	char crc64[MQ_DIGEST_HEX];
	char md5[MQ_DIGEST_HEX], sha256[MQ_DIGEST_HEX]; /* empty: this system forbids it */
};

static void fingerprint(struct showing *showing)
{
	struct mq_bytes form = mq_bytes_of(showing->canonical.data, showing->canonical.len - 1);
	unsigned char md5[MQ_MD5_SIZE], sha256[MQ_SHA256_SIZE];
	struct mq_err none = MQ_ERR_INIT;

	snprintf(showing->crc64, sizeof showing->crc64, "%016" PRIx64, mq_digest_crc64_avro(form));
	if (mq_digest_md5(form, md5, &none) == 0)
		mq_digest_hex(md5, sizeof md5, showing->md5);
	if (mq_digest_sha256(form, sha256, &none) == 0)
		mq_digest_hex(sha256, sizeof sha256, showing->sha256);
}

static void json_registered(struct mq_json *json, const struct mq_registered *registered)
{
	mq_json_known(json, "id", registered->id, -1);
	mq_json_text(json, "subject", registered->subject);
	mq_json_known(json, "version", registered->version, -1);
	mq_json_open(json, "references", '[');
	for (size_t i = 0; i < registered->n_references; i++) {
		mq_json_open(json, NULL, '{');
		mq_json_text(json, "name", registered->references[i].name);
		mq_json_text(json, "subject", registered->references[i].subject);
		mq_json_int(json, "version", registered->references[i].version);
		mq_json_close(json, '}');
	}
	mq_json_close(json, ']');
}

/* Protobuf: calls for each message, those within others behind them. False: failed. */
typedef bool each_message_fn(void *ctx, const char *name);

enum { NESTED_MAX = 32 };

static bool walk_messages(struct mq_schema *schema, int32_t *indexes, size_t depth,
                          each_message_fn *each, void *ctx)
{
	struct mq_err none = MQ_ERR_INIT;

	if (depth == NESTED_MAX)
		return true;
	for (indexes[depth] = 0; indexes[depth] < INT32_MAX; indexes[depth]++) {
		if (mq_schema_use_indexes(schema, indexes, depth + 1, &none) < 0)
			return true;
		if (!each(ctx, mq_schema_type_name(schema)) ||
		    !walk_messages(schema, indexes, depth + 1, each, ctx))
			return false;
	}
	return true;
}

/* Which message is in use stays so. */
static int each_message(struct mq_schema *schema, each_message_fn *each, void *ctx,
                        struct mq_err *err)
{
	int32_t used[NESTED_MAX], indexes[NESTED_MAX];
	size_t n = mq_schema_indexes(schema, used, NESTED_MAX);
	bool ok = walk_messages(schema, indexes, 0, each, ctx);

	if (n > 0 && n <= NESTED_MAX && mq_schema_use_indexes(schema, used, n, err) < 0)
		return -1;
	return ok ? 0 : -1;
}

static bool json_message(void *ctx, const char *name)
{
	mq_json_text(ctx, NULL, name);
	return true;
}

static int json_messages(struct mq_json *json, struct mq_schema *schema, struct mq_err *err)
{
	mq_json_open(json, "messages", '[');
	int result = each_message(schema, json_message, json, err);
	mq_json_close(json, ']');
	return result;
}

struct listing {
	struct mq_buf *buf;
	struct mq_err *err;
};

static bool text_message(void *ctx, const char *name)
{
	struct listing *listing = ctx;

	return mq_buf_printf(listing->buf, listing->err, "message  %s\n", name) == 0;
}

static int print_json(const struct showing *showing, struct mq_buf *buf, struct mq_err *err)
{
	const struct schema_opened *opened = showing->opened;
	struct mq_json json;

	mq_json_init(&json, buf, err);
	mq_json_open(&json, NULL, '{');
	mq_json_text(&json, "source", opened->name);
	mq_json_text(&json, "type", mq_schema_kind_name(mq_schema_kind(opened->schema)));
	mq_json_text(&json, "name", mq_schema_type_name(opened->schema));
	if (opened->registered)
		json_registered(&json, opened->registered);
	if (mq_schema_traits(opened->schema) & MQ_SCHEMA_MESSAGES &&
	    json_messages(&json, opened->schema, err) < 0)
		return -1;
	mq_json_text(&json, "canonical", showing->canonical.data);
	mq_json_open(&json, "fingerprints", '{');
	mq_json_text(&json, "crc64", showing->crc64);
	mq_json_text(&json, "md5", showing->md5[0] ? showing->md5 : NULL);
	mq_json_text(&json, "sha256", showing->sha256[0] ? showing->sha256 : NULL);
	mq_json_close(&json, '}');
	mq_json_close(&json, '}');
	return mq_json_end(&json);
}

/* What comes from outside must not drive the terminal; lines stay lines. */
static void tame_lines(char *text, size_t len)
{
	for (size_t i = 0, begin = 0; i <= len; i++)
		if (i == len || text[i] == '\n' || text[i] == '\t') {
			mq_tame(text + begin, i - begin);
			begin = i + 1;
		}
}

static int print_text(const struct showing *showing, struct mq_buf *buf, struct mq_err *err)
{
	const struct schema_opened *opened = showing->opened;
	const struct mq_registered *registered = opened->registered;
	const char *name = mq_schema_type_name(opened->schema);
	static const char forbidden[] = "- (not allowed by this system's OpenSSL)";

	mq_buf_printf(buf, err, "source   %s\ntype     %s\n", opened->name,
	              mq_schema_kind_name(mq_schema_kind(opened->schema)));
	if (name)
		mq_buf_printf(buf, err, "name     %s\n", name);
	if (registered && registered->id >= 0)
		mq_buf_printf(buf, err, "id       %" PRId32 "\n", registered->id);
	if (registered && registered->subject)
		mq_buf_printf(buf, err, "subject  %s\n", registered->subject);
	if (registered && registered->version >= 0)
		mq_buf_printf(buf, err, "version  %" PRId32 "\n", registered->version);
	for (size_t i = 0; registered && i < registered->n_references; i++)
		mq_buf_printf(buf, err, "needs    %s: %s version %" PRId32 "\n",
		              registered->references[i].name, registered->references[i].subject,
		              registered->references[i].version);
	if (mq_schema_traits(opened->schema) & MQ_SCHEMA_MESSAGES &&
	    each_message(opened->schema, text_message, &(struct listing){buf, err}, err) < 0)
		return -1;
	mq_buf_printf(buf, err, "crc64    %s\nmd5      %s\nsha256   %s\n\n", showing->crc64,
	              showing->md5[0] ? showing->md5 : forbidden,
	              showing->sha256[0] ? showing->sha256 : forbidden);
	return mq_buf_printf(buf, err, "%s\n", showing->canonical.data);
}

static int show(const struct mq_invocation *invocation, struct showing *showing, struct mq_err *err)
{
	const struct show_values *values = invocation->values;
	struct mq_buf buf;
	int result = -1;

	mq_buf_init(&buf, (size_t)1 << 30);
	if (mq_schema_canonical(showing->opened->schema, &showing->canonical, err) < 0 ||
	    mq_buf_append_char(&showing->canonical, '\0', err) < 0)
		goto out;
	fingerprint(showing);
	if (values->canonical)
		mq_buf_printf(&buf, err, "%s\n", showing->canonical.data);
	else if ((values->json ? print_json(showing, &buf, err) : print_text(showing, &buf, err)) <
	         0)
		goto out;
	if (!values->json && !values->canonical)
		tame_lines(buf.data, buf.len);
	if (err->code == MQ_OK)
		result = mq_print(&buf, err) == 0 ? 0 : -1;
out:
	mq_buf_release(&buf);
	return result;
}

static int run(struct mq_invocation *invocation, struct mq_err *err)
{
	const struct show_values *values = invocation->values;
	struct schema_opened opened = {0};
	struct showing showing = {.opened = &opened};

	if (invocation->operands.n != 1) {
		mq_fail(err, MQ_USAGE, "one schema is expected: a file, registry:SUBJECT or id:N");
		return MQ_USAGE;
	}
	mq_buf_init(&showing.canonical, (size_t)1 << 29);
	if (schema_open(invocation, &values->schema, invocation->operands.items[0], &opened, err) ==
	    0)
		show(invocation, &showing, err);
	mq_buf_release(&showing.canonical);
	schema_close(&opened);
	return (int)err->code;
}

const struct mq_command mq_cmd_schema_show = {
    .name = "schema show",
    .summary = "a schema's type, normal form and fingerprints",
    .operands = "SOURCE",
    .about = "Shows what a schema is: its type, the full name of its type (Avro) or message "
             "(Protobuf, with all messages there are), its normal form, and that form's "
             "fingerprints: CRC-64-AVRO, MD5 and "
             "SHA-256. The normal form is Avro's Parsing Canonical Form; a JSON Schema with sorted "
             "members and without white space; a Protobuf definition in its own language, sorted. "
             "Two schemas with the same fingerprint are the same but for their layout (Avro: for "
             "all that does not matter to the bytes).",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct show_values),
    .defaults = &defaults,
    .operand_complete = MQ_COMPLETE_FILE,
    .run = run,
};
