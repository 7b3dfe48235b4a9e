/* Counting by names: see tally.h. */
#include "cmd/tally.h"

#include <stdlib.h>

enum { SHOWN = 100 }; /* bytes of a name, in tables */

static size_t hash(struct mq_bytes name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.data[i]) * 0x100000001b3u; /* FNV-1a */
	return (size_t)(h ^ h >> 32);
}

/* Where the name stands in the index, or the free place for it. */
static size_t place_of(const struct tally *tally, struct mq_bytes name)
{
	size_t at = hash(name) & (tally->slots - 1);

	for (; tally->index[at]; at = (at + 1) & (tally->slots - 1)) {
		const struct tally_row *row = &tally->rows[tally->index[at] - 1];
		if (mq_bytes_equal(mq_bytes_of(row->name, row->len), name))
			break;
	}
	return at;
}

static int grow(struct tally *tally, struct mq_err *err)
{
	size_t cap = tally->cap ? tally->cap * 2 : 64, slots = cap * 2;
	struct tally_row *rows = realloc(tally->rows, cap * sizeof *rows);
	uint32_t *index = rows ? calloc(slots, sizeof *index) : NULL;

	if (rows)
		tally->rows = rows;
	if (!index)
		return mq_fail_memory(err);
	free(tally->index);
	tally->index = index;
	tally->cap = cap;
	tally->slots = slots;
	for (size_t i = 0; i < tally->n; i++) {
		struct mq_bytes name = mq_bytes_of(tally->rows[i].name, tally->rows[i].len);
		index[place_of(tally, name)] = (uint32_t)i + 1;
	}
	return 0;
}

static bool is_text(struct mq_bytes name)
{
	return !name.data ||
	       (mq_utf8_valid(name) && (name.len == 0 || !memchr(name.data, '\0', name.len)));
}

/* What is no text is spelled out before it is counted, so that names are the same in each report
 * when they are the same here. */
static int add_spelled(struct tally *tally, struct mq_bytes name, struct mq_err *err)
{
	struct mq_buf buf;
	int result = 0;

	mq_buf_init(&buf, SIZE_MAX);
	for (size_t i = 0; i < name.len && result == 0; i++) {
		unsigned char c = (unsigned char)name.data[i];
		result = c > 0 && c < 0x80 ? mq_buf_append_char(&buf, (char)c, err)
		                           : mq_buf_printf(&buf, err, "\\x%02x", (unsigned)c);
	}
	if (result == 0)
		result = tally_add(tally, mq_bytes_of(buf.data, buf.len), err);
	mq_buf_release(&buf);
	return result;
}

int tally_add(struct tally *tally, struct mq_bytes name, struct mq_err *err)
{
	if (!is_text(name))
		return add_spelled(tally, name, err);
	if (tally->n == tally->cap && grow(tally, err) < 0)
		return -1;
	size_t at = place_of(tally, name);
	if (tally->index[at]) {
		tally->rows[tally->index[at] - 1].n++;
		return 0;
	}
	if (tally->n == TALLY_MOST) {
		tally->others++;
		return 0;
	}
	struct tally_row row = {.len = name.len, .n = 1};
	if (name.data) {
		row.name = malloc(name.len + 1);
		if (!row.name)
			return mq_fail_memory(err);
		if (name.len > 0)
			memcpy(row.name, name.data, name.len);
		row.name[name.len] = '\0';
	}
	tally->rows[tally->n++] = row;
	tally->index[at] = (uint32_t)tally->n;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct tally_row *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	if (!x->name || !y->name)
		return (x->name == NULL) - (y->name == NULL);
	return strcmp(x->name, y->name);
}

void tally_sort(struct tally *tally)
{
	free(tally->index);
	tally->index = NULL;
	if (tally->n > 0)
		qsort(tally->rows, tally->n, sizeof *tally->rows, compare);
}

void tally_show(struct mq_table *table, const struct tally_row *row)
{
	int most = SHOWN;

	if (!row->name || row->len <= SHOWN) {
		mq_table_text(table, row->name);
		return;
	}
	while (most > 0 && ((unsigned char)row->name[most] & 0xc0) == 0x80)
		most--;
	mq_table_printf(table, "%.*s…", most, row->name);
}

void tally_json(struct mq_json *json, const char *name, const struct tally *tally)
{
	mq_json_open(json, name, '[');
	for (size_t i = 0; i < tally->n; i++) {
		mq_json_open(json, NULL, '{');
		mq_json_text(json, "name", tally->rows[i].name);
		mq_json_int(json, "count", tally->rows[i].n);
		mq_json_close(json, '}');
	}
	mq_json_close(json, ']');
}

void tally_release(struct tally *tally)
{
	for (size_t i = 0; i < tally->n; i++)
		free(tally->rows[i].name);
	free(tally->rows);
	free(tally->index);
	*tally = (struct tally){0};
}
