/* Avro's container files: whatever is in them, reading ends, and says why. */
#include "mqtk/avro_file.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mq_avro_read_spec spec = {
	    .fd = memfd_create("fuzz", 0), .name = "it", .max_block = 1 << 20};
	struct mq_avro_reader *reader;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_bytes datum;
	struct mq_buf json;
	int result = 1;

	must(spec.fd >= 0 && write(spec.fd, data, size) == (ssize_t)size);
	must(lseek(spec.fd, 0, SEEK_SET) == 0);
	if (mq_avro_reader_new(&spec, &reader, &err) < 0) {
		must(err.code == MQ_DATA || err.code == MQ_USAGE);
		close(spec.fd);
		return 0;
	}
	mq_buf_init(&json, 1 << 24);
	/* A million empty data are as many as there can be in a block. */
	for (int n = 0; n < 10000 && result == 1; n++) {
		struct mq_err bad = MQ_ERR_INIT;
		result = mq_avro_reader_next(reader, &datum, &err);
		must((result < 0) == (err.code == MQ_DATA) &&
		     (result == 1) == (datum.data != NULL));
		mq_buf_clear(&json);
		if (result == 1 && mq_schema_decode(mq_avro_reader_schema(reader), NULL, datum, 0,
		                                    &json, &bad) < 0)
			must(bad.code == MQ_DATA);
	}
	mq_buf_release(&json);
	mq_avro_reader_free(reader);
	close(spec.fd);
	return 0;
}
