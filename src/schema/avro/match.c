/* What of one schema is what of another: names, fields, symbols. See resolve.h. */
#include "schema/avro/resolve.h"

#include <stdlib.h>

static struct mq_bytes short_name(struct mq_bytes name)
{
	const char *dot = memrchr(name.data, '.', name.len);

	return dot ? mq_bytes_of(dot + 1, name.len - (size_t)(dot + 1 - name.data)) : name;
}

/* The first alias, or 0; the next ones are behind it, up to *ret_end. */
static uint32_t first_alias(const struct av_schema *schema, uint32_t value, uint32_t *ret_end)
{
	uint32_t list = js_member(&schema->doc, value, "aliases");

	if (!list || schema->doc.values[list].type != JS_ARRAY)
		return 0;
	*ret_end = schema->doc.values[list].at.end;
	return list + 1 < *ret_end ? list + 1 : 0;
}

/* An alias without a namespace is within its type's own. */
static bool is_alias(struct mq_bytes alias, struct mq_bytes of, struct mq_bytes name)
{
	size_t space = of.len - short_name(of).len;

	if (memchr(alias.data, '.', alias.len))
		return mq_bytes_equal(alias, name);
	return name.len == space + alias.len && memcmp(name.data, of.data, space) == 0 &&
	       memcmp(name.data + space, alias.data, alias.len) == 0;
}

bool av_names_match(const struct av_schema *reader, const struct av_node *r,
                    const struct av_node *w)
{
	uint32_t end = 0;

	if (mq_bytes_equal(short_name(r->name), short_name(w->name)))
		return true;
	for (uint32_t i = first_alias(reader, r->value, &end); i && i < end;
	     i = js_next(&reader->doc, i))
		if (reader->doc.values[i].type == JS_STRING &&
		    is_alias(js_text(&reader->doc, i), r->name, w->name))
			return true;
	return false;
}

int av_match_fields(const struct av_schema *reader, const struct av_node *r,
                    const struct av_schema *writer, const struct av_node *w, int32_t *ret,
                    struct mq_err *err)
{
	struct av_names written = {0};
	int added = 1;

	for (uint32_t i = 0; i < w->n && added >= 0; i++) {
		added = av_names_add(&written, writer->fields[w->first + i].name, i, err);
		ret[i] = -1;
	}
	for (uint32_t i = 0; i < r->n && added >= 0; i++) {
		const struct av_field *field = &reader->fields[r->first + i];
		int64_t found = av_names_find(&written, field->name);
		uint32_t end = 0;
		for (uint32_t k = first_alias(reader, field->value, &end);
		     found < 0 && k && k < end; k = js_next(&reader->doc, k))
			if (reader->doc.values[k].type == JS_STRING)
				found = av_names_find(&written, js_text(&reader->doc, k));
		if (found >= 0 && ret[found] < 0)
			ret[found] = (int32_t)i;
	}
	av_names_release(&written);
	return added < 0 ? -1 : 0;
}

int av_match_symbols(const struct av_schema *reader, const struct av_node *r,
                     const struct av_schema *writer, const struct av_node *w, int32_t *ret,
                     struct mq_err *err)
{
	struct av_names known = {0};
	int added = 1;

	for (uint32_t i = 0; i < r->n && added >= 0; i++)
		added = av_names_add(&known, reader->symbols[r->first + i], i, err);
	for (uint32_t i = 0; i < w->n && added >= 0; i++) {
		int64_t found = av_names_find(&known, writer->symbols[w->first + i]);
		ret[i] = found < 0 ? (int32_t)r->otherwise - 1 : (int32_t)found;
	}
	av_names_release(&known);
	return added < 0 ? -1 : 0;
}
