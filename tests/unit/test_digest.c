/* Fingerprints: the vectors of RFC 1321, FIPS 180-4 and Avro's specification, every length around
 * a block against a text hashed with other tools. */
#include "mqtk/digest.h"
#include "schema/avro/single.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void md5_is(struct mq_bytes text, const char *want)
{
	unsigned char digest[MQ_MD5_SIZE];
	char hex[MQ_DIGEST_HEX];

	assert_int_equal(mq_digest_md5(text, digest, NULL), 0);
	mq_digest_hex(digest, sizeof digest, hex);
	assert_string_equal(hex, want);
}

static void sha256_is(struct mq_bytes text, const char *want)
{
	unsigned char digest[MQ_SHA256_SIZE];
	char hex[MQ_DIGEST_HEX];

	assert_int_equal(mq_digest_sha256(text, digest, NULL), 0);
	mq_digest_hex(digest, sizeof digest, hex);
	assert_string_equal(hex, want);
}

static void test_vectors(void **state)
{
	(void)state;
	md5_is(mq_bytes_str(""), "d41d8cd98f00b204e9800998ecf8427e");
	md5_is(MQ_ABSENT, "d41d8cd98f00b204e9800998ecf8427e");
	md5_is(mq_bytes_str("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
	md5_is(mq_bytes_str("1234567890123456789012345678901234567890"
	                    "1234567890123456789012345678901234567890"),
	       "57edf4a22be3c955ac49da2e2107b67a");
	sha256_is(mq_bytes_str(""),
	          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_is(mq_bytes_str("abc"),
	          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_is(mq_bytes_str("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* The digests of the texts of 0 to 200 letters 'a', each hex digest hashed into one. */
static void test_lengths(void **state)
{
	char letters[200], all[200 * MQ_DIGEST_HEX];
	size_t len = 0;

	(void)state;
	memset(letters, 'a', sizeof letters);
	for (size_t n = 0; n < sizeof letters; n++) {
		unsigned char digest[MQ_SHA256_SIZE];
		assert_int_equal(mq_digest_sha256(mq_bytes_of(letters, n), digest, NULL), 0);
		mq_digest_hex(digest, MQ_SHA256_SIZE, all + len);
		len += 2 * MQ_SHA256_SIZE;
	}
	sha256_is(mq_bytes_of(all, len),
	          "019f2b9f1af27a53a1f046da7e98af2c179f431e4b5bebb000e74040917a4123");
	len = 0;
	for (size_t n = 0; n < sizeof letters; n++) {
		unsigned char digest[MQ_MD5_SIZE];
		assert_int_equal(mq_digest_md5(mq_bytes_of(letters, n), digest, NULL), 0);
		mq_digest_hex(digest, MQ_MD5_SIZE, all + len);
		len += 2 * MQ_MD5_SIZE;
	}
	md5_is(mq_bytes_of(all, len), "49f6cc3eb4491fe05535571716f39a67");
}

static void test_avro(void **state)
{
	uint64_t fingerprint;
	struct mq_bytes datum;
	struct mq_buf buf;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	/* Apache Avro, share/test/data/schema-tests.txt: 7195948357588979594. */
	assert_int_equal(mq_digest_crc64_avro(mq_bytes_str("\"null\"")), 7195948357588979594);
	mq_buf_init(&buf, 100);
	assert_int_equal(av_single_head(0x0102030405060708, &buf, &err), 0);
	assert_int_equal(buf.len, AV_SINGLE_HEAD);
	assert_memory_equal(buf.data, "\xc3\x01\x08\x07\x06\x05\x04\x03\x02\x01", AV_SINGLE_HEAD);
	assert_int_equal(mq_buf_append(&buf, "xy", 2, &err), 0);
	assert_true(av_single_split(mq_bytes_of(buf.data, buf.len), &fingerprint, &datum));
	assert_int_equal(fingerprint, 0x0102030405060708);
	assert_int_equal(datum.len, 2);
	assert_memory_equal(datum.data, "xy", 2);
	assert_true(av_single_split(mq_bytes_of(buf.data, AV_SINGLE_HEAD), &fingerprint, &datum));
	assert_int_equal(datum.len, 0);
	assert_false(
	    av_single_split(mq_bytes_of(buf.data, AV_SINGLE_HEAD - 1), &fingerprint, &datum));
	assert_false(av_single_split(mq_bytes_of(buf.data + 1, 11), &fingerprint, &datum));
	assert_false(av_single_split(MQ_ABSENT, &fingerprint, &datum));
	mq_buf_release(&buf);
}

static void test_schema(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_schema_spec spec = {.kind = MQ_SCHEMA_AVRO,
	                              .text = mq_bytes_str("{\"type\":\"null\"}")};
	struct mq_schema *schema;
	uint64_t fingerprint;

	(void)state;
	assert_int_equal(mq_schema_new(&spec, &schema, &err), 0);
	assert_int_equal(av_single_fingerprint(schema, &fingerprint, &err), 0);
	assert_int_equal(fingerprint, 7195948357588979594);
	mq_schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_avro),
	    cmocka_unit_test(test_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
