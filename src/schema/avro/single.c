/* Single-object encoding: see single.h. */
#include "schema/avro/single.h"

#include "mqtk/digest.h"

int av_single_fingerprint(struct mq_schema *schema, uint64_t *ret, struct mq_err *err)
{
	struct mq_buf text;

	mq_buf_init(&text, SIZE_MAX);
	int result = mq_schema_canonical(schema, &text, err);
	if (result == 0)
		*ret = mq_digest_crc64_avro(mq_bytes_of(text.data, text.len));
	mq_buf_release(&text);
	return result;
}

int av_single_head(uint64_t fingerprint, struct mq_buf *buf, struct mq_err *err)
{
	unsigned char head[AV_SINGLE_HEAD] = {0xc3, 0x01};

	for (size_t i = 2; i < sizeof head; i++, fingerprint >>= 8)
		head[i] = (unsigned char)fingerprint;
	return mq_buf_append(buf, head, sizeof head, err);
}

bool av_single_split(struct mq_bytes payload, uint64_t *ret_fingerprint, struct mq_bytes *ret_datum)
{
	uint64_t fingerprint = 0;

	if (payload.len < AV_SINGLE_HEAD || memcmp(payload.data, "\xc3\x01", 2) != 0)
		return false;
	for (size_t i = AV_SINGLE_HEAD; i-- > 2;)
		fingerprint = fingerprint << 8 | (unsigned char)payload.data[i];
	*ret_fingerprint = fingerprint;
	*ret_datum = mq_bytes_of(payload.data + AV_SINGLE_HEAD, payload.len - AV_SINGLE_HEAD);
	return true;
}
