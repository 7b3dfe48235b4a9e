/*
 * Judges many instances by many JSON Schemas, for tests that compare: schema_judge <LINES
 *
 * A line begins with a letter: 'S', a draft, a tab and a schema; 'I' and an instance for the schema
 * before it. Prints a line for each: of a schema "ok" or "bad" and why, of an instance 1, 0 or,
 * when it could not be worked out or the schema is bad, '-' and why.
 */
#include "mqtk/schema.h"
#include "schema/json/dialect.h"

#include <stdio.h>
#include <stdlib.h>

static int told(void *ctx, const struct mq_violation *violation)
{
	unsigned *n = ctx;

	++*n;
	return violation->error == NULL;
}

/* "2019-09\tSCHEMA" */
static struct mq_schema *open_line(char *line, size_t len)
{
	char *tab = memchr(line, '\t', len);
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema = NULL;

	if (!tab)
		exit(2);
	*tab = '\0';
	struct mq_schema_spec spec = {
	    .kind = MQ_SCHEMA_JSON,
	    .text = mq_bytes_of(tab + 1, len - (size_t)(tab + 1 - line)),
	    /* The drafts stand in one order in both. */
	    .draft = (enum mq_schema_draft)js_draft_named(line),
	};
	if (mq_schema_new(&spec, &schema, &err) < 0)
		printf("bad %s\n", err.message);
	else
		puts("ok");
	return schema;
}

static void judge(struct mq_schema *schema, struct mq_bytes instance)
{
	struct mq_err err = MQ_ERR_INIT;
	unsigned n = 0;

	if (!schema) {
		puts("- a bad schema");
		return;
	}
	int valid = mq_schema_check_data(schema, instance, NULL, NULL, &err);
	int again = mq_schema_check_data(schema, instance, told, &n, &err);
	if (valid < 0 || again < 0)
		printf("- %s\n", err.message);
	else if (valid != again || valid != (n == 0))
		puts("- the passes differ");
	else
		printf("%d\n", valid);
}

int main(void)
{
	struct mq_schema *schema = NULL;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	/* Who asks waits for the answers. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((len = getline(&line, &cap, stdin)) > 1) {
		len -= line[len - 1] == '\n';
		if (*line == 'S') {
			mq_schema_free(schema);
			schema = open_line(line + 1, (size_t)len - 1);
		} else {
			judge(schema, mq_bytes_of(line + 1, (size_t)len - 1));
		}
	}
	mq_schema_free(schema);
	free(line);
	return 0;
}
