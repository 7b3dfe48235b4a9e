/*
 * Answers of a schema registry: each reader takes or refuses whatever there is, and what was read
 * of a schema is whole.
 */
#include "schema/registry/answers.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static int take_text(void *ctx, const char *text)
{
	*(size_t *)ctx += strlen(text);
	return 0;
}

static int take_number(void *ctx, int32_t number)
{
	must(number >= 0);
	*(size_t *)ctx += 1;
	return 0;
}

static void check_schema(const struct mq_registered *got)
{
	must(got->text.data && got->type && strlen(got->type) > 0);
	must(got->id >= -1 && got->version >= -1);
	must(!got->subject || strlen(got->subject) < 2000);
	for (size_t i = 0; i < got->n_references; i++)
		must(got->references[i].name && got->references[i].subject &&
		     (got->references[i].version >= 0 ||
		      got->references[i].version == MQ_REFERENCE_LATEST));
}

/* Readers write to what they read, so each gets its own copy. */
static void copy(struct mq_buf *buf, const uint8_t *data, size_t size)
{
	mq_buf_init(buf, SIZE_MAX);
	must(mq_buf_append(buf, data, size, NULL) == 0);
}

static void read_schema(const uint8_t *data, size_t size)
{
	struct mq_registered got;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	copy(&buf, data, size);
	int result = mq_registry_read_schema(&buf, &got, &err);
	must((result == 0) == (err.code == MQ_OK));
	mq_buf_release(&buf);
	if (result == 0)
		check_schema(&got);
	mq_registered_release(&got);
}

static void read_others(const uint8_t *data, size_t size, unsigned which)
{
	struct mq_registry_refusal refusal;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf, level;
	size_t seen = 0;
	int32_t id = 0;
	int result = 0;

	copy(&buf, data, size);
	mq_buf_init(&level, SIZE_MAX);
	switch (which) {
	case 0:
		mq_registry_read_refusal(&buf, &refusal);
		must(memchr(refusal.message, '\0', sizeof refusal.message));
		must(!strchr(refusal.message, '\n'));
		break;
	case 1:
		result = mq_registry_read_id(&buf, &id, &err);
		must(id >= 0);
		break;
	case 2:
		result = mq_registry_read_names(&buf, take_text, &seen, &err);
		break;
	case 3:
		result = mq_registry_read_numbers(&buf, take_number, &seen, &err);
		break;
	case 4:
		result = mq_registry_read_compatible(&buf, take_text, &seen, &err);
		break;
	default:
		result = mq_registry_read_level(&buf, &level, &err);
	}
	must((result >= 0) == (err.code == MQ_OK));
	mq_buf_release(&level);
	mq_buf_release(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_schema(data, size);
	for (unsigned which = 0; which < 6; which++)
		read_others(data, size, which);
	return 0;
}
