/*
 * Checks the lines of a file by a JSON Schema, on one core: check_orders SCHEMA FILE
 *
 * The file is read into memory first. Prints how many were valid, and at what rate they were parsed
 * and checked.
 */
#include "mqtk/schema.h"
#include "tests/bench/orders.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema *schema = NULL;
	unsigned long n = 0, valid = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: check_orders SCHEMA FILE\n");
		return 2;
	}
	struct mq_schema_spec spec = {
	    .kind = MQ_SCHEMA_JSON, .name = argv[1], .text = slurp(argv[1])};
	struct mq_bytes rest = slurp(argv[2]);
	if (mq_schema_new(&spec, &schema, &err) < 0) {
		fprintf(stderr, "check_orders: %s\n", err.message);
		return (int)err.code;
	}
	double begin = seconds();
	while (rest.len > 0) {
		const char *end = memchr(rest.data, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.data) : rest.len;
		valid += mq_schema_check_data(schema, mq_bytes_of(rest.data, len), NULL, NULL,
		                              &err) == 1;
		n++;
		rest.data += len + (end != NULL);
		rest.len -= len + (end != NULL);
	}
	double took = seconds() - begin;
	printf("%lu of %lu valid, %.0f/s\n", valid, n, (double)n / took);
	mq_schema_free(schema);
	return 0;
}
