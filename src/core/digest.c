/* CRC-64-AVRO, MD5, SHA-256: see mqtk/digest.h. */
#include "mqtk/digest.h"

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

/* --- blocks of 64 bytes ----------------------------------------------------------------------- */

#define BLOCK 64

typedef void block_fn(uint32_t *state, const unsigned char *block);

static uint32_t left(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static uint32_t right(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

/* Both end in a bit 1, bits 0 and the number of bits: the two differ in the order of its bytes. */
static void run(struct mq_bytes bytes, uint32_t *state, block_fn *block, bool big)
{
	const unsigned char *p = (const unsigned char *)bytes.data;
	unsigned char last[2 * BLOCK] = {0};
	uint64_t bits = (uint64_t)bytes.len * 8;
	size_t rest = bytes.len;

	for (; rest >= BLOCK; rest -= BLOCK, p += BLOCK)
		block(state, p);
	if (rest > 0)
		memcpy(last, p, rest);
	last[rest] = 0x80;
	size_t end = rest + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
	for (size_t i = 0; i < 8; i++)
		last[end - 8 + i] = (unsigned char)(bits >> (big ? 56 - 8 * i : 8 * i));
	for (size_t at = 0; at < end; at += BLOCK)
		block(state, last + at);
}

/* --- MD5 -------------------------------------------------------------------------------------- */

static void md5_block(uint32_t *state, const unsigned char *block)
{
	/* floor(2^32 * abs(sin(i + 1))) */
	static const uint32_t sines[64] = {
	    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
	    0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
	    0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
	    0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
	    0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
	    0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
	    0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
	    0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
	    0xeb86d391};
	static const unsigned char turns[4][4] = {
	    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], words[16];

	for (int i = 0; i < 16; i++, block += 4)
		words[i] = (uint32_t)block[0] | (uint32_t)block[1] << 8 | (uint32_t)block[2] << 16 |
		           (uint32_t)block[3] << 24;
	for (unsigned i = 0; i < 64; i++) {
		uint32_t mixed, was = d;
		unsigned which;
		if (i < 16)
			mixed = (b & c) | (~b & d), which = i;
		else if (i < 32)
			mixed = (d & b) | (~d & c), which = 5 * i + 1;
		else if (i < 48)
			mixed = b ^ c ^ d, which = 3 * i + 5;
		else
			mixed = c ^ (b | ~d), which = 7 * i;
		mixed += a + sines[i] + words[which % 16];
		d = c;
		c = b;
		b += left(mixed, turns[i / 16][i % 4]);
		a = was;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

void mq_digest_md5(struct mq_bytes bytes, unsigned char ret[static MQ_MD5_SIZE])
{
	uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

	run(bytes, state, md5_block, false);
	for (size_t i = 0; i < MQ_MD5_SIZE; i++)
		ret[i] = (unsigned char)(state[i / 4] >> 8 * (i % 4));
}

/* --- SHA-256 ---------------------------------------------------------------------------------- */

static void sha256_block(uint32_t *state, const unsigned char *block)
{
	/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
	static const uint32_t roots[64] = {
	    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	    0xc67178f2};
	uint32_t words[64], s[8];

	for (int i = 0; i < 16; i++, block += 4)
		words[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
		           (uint32_t)block[2] << 8 | (uint32_t)block[3];
	for (int i = 16; i < 64; i++) {
		uint32_t x = words[i - 15], y = words[i - 2];
		words[i] = words[i - 16] + (right(x, 7) ^ right(x, 18) ^ x >> 3) + words[i - 7] +
		           (right(y, 17) ^ right(y, 19) ^ y >> 10);
	}
	memcpy(s, state, sizeof s);
	for (int i = 0; i < 64; i++) {
		uint32_t e = s[4], a = s[0];
		uint32_t one = s[7] + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) +
		               ((e & s[5]) ^ (~e & s[6])) + roots[i] + words[i];
		uint32_t two = (right(a, 2) ^ right(a, 13) ^ right(a, 22)) +
		               ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof *s);
		s[4] += one;
		s[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

void mq_digest_sha256(struct mq_bytes bytes, unsigned char ret[static MQ_SHA256_SIZE])
{
	uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	run(bytes, state, sha256_block, true);
	for (size_t i = 0; i < MQ_SHA256_SIZE; i++)
		ret[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
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
