/*
 * A schema and what it refers to, put together: see av_schema_parse in schema.h.
 *
 * A named type has to stand before its use, so the texts are parsed in a row, as the items of one
 * JSON array: every value of every text then has one number in one document. What is missing is
 * loaded, put in front, and all of it parsed again.
 */
#include "schema/avro/schema.h"

#include <stdlib.h>

enum {
	TEXTS_MAX = 1000,
	TEXT_LIMIT = 64 << 20,
};

struct source {
	char *name; /* what it was loaded for, or NULL */
	struct mq_buf text;
};

struct sources {
	struct source list[TEXTS_MAX];
	size_t n;
	unsigned moves;
};

static void release(struct sources *sources)
{
	for (size_t i = 0; i < sources->n; i++) {
		free(sources->list[i].name);
		mq_buf_release(&sources->list[i].text);
	}
	free(sources);
}

/* The texts are joined, so each has to be whole by itself. */
static int check_json(struct mq_bytes text, const char *what, struct mq_err *err)
{
	struct js_problem problem = {0};
	struct js_doc doc;
	struct mq_buf copy;
	int parsed = -1;

	js_doc_init(&doc);
	mq_buf_init(&copy, TEXT_LIMIT);
	if (mq_buf_reserve(&copy, text.len + 1, err) == 0 &&
	    mq_buf_append(&copy, text.data, text.len, err) == 0)
		parsed = js_parse(&doc, copy.data, copy.len, &problem, err);
	if (parsed == 0)
		mq_fail(err, MQ_DATA, "no Avro schema%s, it is no JSON: %s at byte %zu", what,
		        problem.words, problem.offset + 1);
	js_doc_release(&doc);
	mq_buf_release(&copy);
	return parsed == 1 ? 0 : -1;
}

/* Puts a place for a text at the front, or at the end. */
static struct source *add(struct sources *sources, bool front, struct mq_err *err)
{
	size_t place = front ? 0 : sources->n;

	if (sources->n == TEXTS_MAX)
		return mq_fail(err, MQ_DATA, "an Avro schema refers to more than %d others",
		               TEXTS_MAX - 1),
		       NULL;
	memmove(sources->list + place + 1, sources->list + place,
	        (sources->n - place) * sizeof *sources->list);
	sources->n++;
	sources->list[place] = (struct source){0};
	mq_buf_init(&sources->list[place].text, TEXT_LIMIT);
	return &sources->list[place];
}

static int add_text(struct sources *sources, struct mq_bytes text, const char *what,
                    struct mq_err *err)
{
	/* Two references may lead to the same third. */
	for (size_t i = 0; i < sources->n; i++)
		if (mq_bytes_equal(
		        mq_bytes_of(sources->list[i].text.data, sources->list[i].text.len), text))
			return 0;
	struct source *source = add(sources, false, err);
	return !source || check_json(text, what, err) < 0
	           ? -1
	           : mq_buf_append(&source->text, text.data, text.len, err);
}

static int join(const struct sources *sources, struct av_schema *schema, struct mq_err *err)
{
	struct mq_buf all;

	mq_buf_init(&all, TEXT_LIMIT);
	for (size_t i = 0; i < sources->n; i++)
		if (mq_buf_append(&all, i ? "," : "[", 1, err) < 0 ||
		    mq_buf_append(&all, sources->list[i].text.data, sources->list[i].text.len,
		                  err) < 0)
			goto fail;
	if (mq_buf_append(&all, "]", 1, err) < 0)
		goto fail;
	*schema = (struct av_schema){.text = all.data, .text_len = all.len};
	js_doc_init(&schema->doc);
	return 0;
fail:
	mq_buf_release(&all);
	return -1;
}

/* Brings the text of a name to the front. 1; 0: there is none; -1. */
static int bring(struct sources *sources, struct mq_bytes name, const struct mq_schema_spec *spec,
                 struct mq_err *err)
{
	/* One that stands too late only moves; in a circle they would do so for ever. */
	for (size_t i = 0; i < sources->n; i++) {
		struct source found = sources->list[i];
		if (!found.name || !mq_bytes_equal(mq_bytes_str(found.name), name))
			continue;
		if (sources->moves++ == 10 * TEXTS_MAX)
			return mq_fail(err, MQ_DATA,
			               "Avro schemas refer to one another in a "
			               "circle, or do not have the type they are "
			               "named for: %.*s",
			               (int)name.len, name.data);
		memmove(sources->list + 1, sources->list, i * sizeof *sources->list);
		sources->list[0] = found;
		return 1;
	}
	struct source *source = add(sources, true, err);
	if (!source || !(source->name = strndup(name.data, name.len)))
		return source ? mq_fail_memory(err) : -1;
	int loaded = spec->load(spec->load_ctx, source->name, &source->text, err);
	if (loaded == 1)
		return check_json(mq_bytes_of(source->text.data, source->text.len),
		                  " in what it refers to", err) < 0
		           ? -1
		           : 1;
	free(source->name);
	mq_buf_release(&source->text);
	memmove(sources->list, sources->list + 1, --sources->n * sizeof *sources->list);
	return loaded;
}

/* As av_schema_parse_all, and 0 also means that what was unknown is here now. */
static int parse_once(struct sources *sources, struct av_schema *schema,
                      const struct mq_schema_spec *spec, struct mq_err *err)
{
	struct mq_err failure = MQ_ERR_INIT;
	struct mq_bytes unknown[2];
	int brought = 0;

	if (join(sources, schema, err) < 0)
		return -1;
	int parsed = av_schema_parse_all(schema, unknown, &failure);
	if (parsed == 1)
		return 1;
	for (int i = 0; parsed == 0 && spec->load && i < 2 && brought == 0; i++)
		if (i == 0 || !mq_bytes_equal(unknown[0], unknown[1]))
			brought = bring(sources, unknown[i], spec, err);
	av_schema_release(schema);
	if (brought != 0)
		return brought < 0 ? -1 : 0;
	if (err)
		*err = failure;
	return -1;
}

int av_schema_parse(struct av_schema *schema, const struct mq_schema_spec *spec, struct mq_err *err)
{
	struct sources *sources = calloc(1, sizeof *sources);
	int parsed = 0;

	if (!sources)
		return mq_fail_memory(err);
	*schema = (struct av_schema){0};
	for (size_t i = 0; i < spec->n_references && parsed == 0; i++)
		parsed = add_text(sources, spec->references[i], " in what it refers to", err);
	if (parsed == 0) {
		struct source *own = add(sources, false, err);
		parsed = !own || check_json(spec->text, "", err) < 0
		             ? -1
		             : mq_buf_append(&own->text, spec->text.data, spec->text.len, err);
	}
	while (parsed == 0)
		parsed = parse_once(sources, schema, spec, err);
	release(sources);
	return parsed == 1 ? 0 : -1;
}
