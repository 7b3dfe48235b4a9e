/* Message indexes before a payload: what is taken is written and taken again. */
#include "schema/protobuf/indexes.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mq_bytes payload = mq_bytes_of(data ? (const char *)data : "", size), again;
	int32_t indexes[MQ_PROTO_MAX_INDEXES], copy[MQ_PROTO_MAX_INDEXES];
	size_t n, n_copy;
	struct mq_buf buf;
	struct mq_err err = MQ_ERR_INIT;

	if (mq_proto_take_indexes(&payload, indexes, MQ_PROTO_MAX_INDEXES, &n, &err) < 0) {
		must(err.code == MQ_DATA && payload.len == size);
		return 0;
	}
	must(n >= 1 && n <= MQ_PROTO_MAX_INDEXES && payload.len < size);
	mq_buf_init(&buf, SIZE_MAX);
	must(mq_proto_put_indexes(indexes, n, &buf, &err) == 0);
	must(buf.len <= size - payload.len);
	again = mq_bytes_of(buf.data, buf.len);
	must(mq_proto_take_indexes(&again, copy, MQ_PROTO_MAX_INDEXES, &n_copy, &err) == 0);
	must(again.len == 0 && n == n_copy && memcmp(indexes, copy, n * sizeof *copy) == 0);
	mq_buf_release(&buf);
	return 0;
}
