/* CRC-64-AVRO, MD5, SHA-256: see mqtk/digest.h. */
#include "mqtk/digest.h"

#include <openssl/evp.h>

/* --- CRC-64-AVRO ------------------------------------------------------------------------------ */

#define EMPTY 0xc15d213aa4d7a795u

uint64_t mq_digest_crc64_avro(struct mq_bytes bytes)
{
	uint64_t fingerprint = EMPTY;

	for (size_t i = 0; i < bytes.len; i++) {
		fingerprint ^= (unsigned char)bytes.data[i];
		for (int bit = 0; bit < 8; bit++)
			fingerprint = fingerprint >> 1 ^ (EMPTY & (0 - (fingerprint & 1)));
	}
	return fingerprint;
}

/* --- OpenSSL's -------------------------------------------------------------------------------- */

static int digest(const char *name, struct mq_bytes bytes, unsigned char *ret, struct mq_err *err)
{
	if (EVP_Q_digest(NULL, name, NULL, bytes.data, bytes.len, ret, NULL) != 1)
		return mq_fail(err, MQ_IO, "OpenSSL has no %s here", name);
	return 0;
}

int mq_digest_md5(struct mq_bytes bytes, unsigned char ret[static MQ_MD5_SIZE], struct mq_err *err)
{
	return digest("MD5", bytes, ret, err);
}

int mq_digest_sha256(struct mq_bytes bytes, unsigned char ret[static MQ_SHA256_SIZE],
                     struct mq_err *err)
{
	return digest("SHA256", bytes, ret, err);
}

void mq_digest_hex(const unsigned char *digest, size_t n, char *ret)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*ret++ = hex[digest[i] >> 4];
		*ret++ = hex[digest[i] & 15];
	}
	*ret = '\0';
}
