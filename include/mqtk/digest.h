/*
 * Fingerprints of texts: what names a schema, not what keeps a secret.
 *
 * Avro's specification ("Schema Fingerprints") recommends these three, of a schema's Parsing
 * Canonical Form (mq_schema_canonical); mqtk uses them for the other kinds' normal forms too. MD5
 * (RFC 1321) is broken as a protection, and a system in FIPS mode may not have it.
 */
#ifndef MQTK_DIGEST_H
#define MQTK_DIGEST_H

#include "mqtk/bytes.h"
#include "mqtk/error.h"

enum {
	MQ_MD5_SIZE = 16,
	MQ_SHA256_SIZE = 32,
	MQ_DIGEST_HEX = 2 * MQ_SHA256_SIZE + 1, /* room for any of them in hexadecimal, with NUL */
};

/* CRC-64-AVRO: Avro's own 64-bit Rabin fingerprint. Its name in hexadecimal is the number, the
 * highest digit first ("%016" PRIx64); a single-object encoding has it in little-endian. */
uint64_t mq_digest_crc64_avro(struct mq_bytes bytes);

/* RFC 1321 and FIPS 180-4, by OpenSSL. -1 where it is not allowed to: MQ_IO. */
int mq_digest_md5(struct mq_bytes bytes, unsigned char ret[static MQ_MD5_SIZE], struct mq_err *err);
int mq_digest_sha256(struct mq_bytes bytes, unsigned char ret[static MQ_SHA256_SIZE],
                     struct mq_err *err);

/* Writes n bytes as 2 * n lower-case digits and a NUL. */
void mq_digest_hex(const unsigned char *digest, size_t n, char *ret);

#endif
