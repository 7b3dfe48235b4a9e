/*
 * The JSON parser: it agrees with the reader of envelopes on what is JSON, and what it writes is
 * the value that it read, in the normal form too.
 */
#include "format/json_read.h"
#include "schema/json/canonical.h"
#include "schema/json/number.h"
#include "tests/fuzz/fuzz.h"

/* Whether the text is one JSON value for the other reader, which keeps what stands twice. */
static bool other_takes(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct mq_json_reader reader;
	struct mq_bytes value;

	must(text);
	memcpy(text, data, size);
	mq_json_reader_init(&reader, text, size);
	bool takes = mq_json_take_any(&reader, &value);
	if (takes) {
		mq_json_skip_space(&reader);
		takes = reader.p == reader.end;
	}
	free(text);
	return takes;
}

/* Writes the value in one of two ways, reads that again, and compares. */
static void write_and_read(const struct js_doc *doc, bool canonical)
{
	struct mq_buf out, again;
	struct js_doc copy;
	struct js_problem problem;
	struct mq_err err = MQ_ERR_INIT;

	mq_buf_init(&out, SIZE_MAX);
	mq_buf_init(&again, SIZE_MAX);
	js_doc_init(&copy);
	must((canonical ? js_canonical(doc, 0, &out, &err) : js_write(doc, 0, 0, &out, &err)) == 0);
	char *text = malloc(out.len);
	must(text);
	memcpy(text, out.data, out.len);
	must(js_parse(&copy, text, out.len, &problem, &err) == 1);
	must(js_equal(doc, 0, &copy, 0));
	must(js_value_hash(doc, 0) == js_value_hash(&copy, 0));
	must((canonical ? js_canonical(&copy, 0, &again, &err)
	                : js_write(&copy, 0, 0, &again, &err)) == 0);
	must(again.len == out.len && memcmp(again.data, out.data, out.len) == 0);
	js_doc_release(&copy);
	mq_buf_release(&out);
	mq_buf_release(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct js_doc doc;
	struct js_problem problem;
	struct mq_err err = MQ_ERR_INIT;
	char *text = malloc(size + 1);

	must(text);
	memcpy(text, data, size);
	js_doc_init(&doc);
	int parsed = js_parse(&doc, text, size, &problem, &err);
	must(parsed >= 0);
	/* Behind a key that stands twice nothing was looked at. */
	must(problem.duplicate > 0 || (parsed == 1) == other_takes(data, size));
	if (parsed == 1) {
		write_and_read(&doc, false);
		write_and_read(&doc, true);
	} else {
		must(problem.words && problem.offset <= size);
	}
	js_doc_release(&doc);
	free(text);
	return 0;
}
