/* The table of codecs; null and snappy. Those that are streams are compress_stream.c. */
#include "schema/avro/compress.h"

#include "mqtk/avro_file.h"

static int pass(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	return mq_buf_append(out, in.data, in.len, err);
}

static const struct av_codec null_codec = {.name = "null", .unpack = pass, .pack = pass};

static const struct av_codec *const codecs[] = {&null_codec,      &av_codec_deflate,
                                                &av_codec_snappy, &av_codec_zstandard,
                                                &av_codec_bzip2,  &av_codec_xz};

const char *mq_avro_codecs(void)
{
	return "null, deflate, snappy, zstandard, bzip2, xz";
}

const struct av_codec *av_codec_named(struct mq_bytes name)
{
	for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
		if (mq_bytes_equal(mq_bytes_str(codecs[i]->name), name))
			return codecs[i];
	return NULL;
}

int av_codec_load(const struct av_codec *codec, struct mq_err *err)
{
	if (codec->missing) {
		mq_fail(err, MQ_USAGE, "this mqtk was built without %s, which the codec %s needs",
		        codec->missing, codec->name);
		return mq_hint(err, "'scripts/deps.sh build' installs it; then build again");
	}
	return codec->load ? codec->load(err) : 0;
}

int mq_avro_codec_check(const char *name, struct mq_err *err)
{
	const struct av_codec *codec = av_codec_named(mq_bytes_str(name));

	if (codec)
		return av_codec_load(codec, err);
	mq_fail(err, MQ_USAGE, "there is no Avro codec '%s'", name);
	return mq_hint(err, "the codecs are %s", mq_avro_codecs());
}

int av_unpack_room(struct mq_buf *out, struct mq_err *err)
{
	size_t more = out->len < 32768 ? 65536 : out->len;

	if (out->len >= out->limit)
		return mq_fail(err, MQ_DATA, "unpacked, a block has more than %zu bytes",
		               out->limit);
	if (more > out->limit - out->len)
		more = out->limit - out->len;
	return mq_buf_reserve(out, more, err);
}

int av_unpack_fail(const char *codec, struct mq_err *err)
{
	return mq_fail(err, MQ_DATA, "it is not packed by %s, or damaged", codec);
}

/* --- snappy ----------------------------------------------------------------------------------- */

#ifdef MQ_WITH_snappy

#include "core/library.h"

#include <snappy-c.h>

static struct {
	__typeof__(snappy_compress) *compress;
	__typeof__(snappy_uncompress) *uncompress;
	__typeof__(snappy_max_compressed_length) *max_compressed_length;
	__typeof__(snappy_uncompressed_length) *uncompressed_length;
} snappy;

static const struct mq_symbol snappy_symbols[] = {
    MQ_SYMBOL(snappy, snappy_, compress),
    MQ_SYMBOL(snappy, snappy_, uncompress),
    MQ_SYMBOL(snappy, snappy_, max_compressed_length),
    MQ_SYMBOL(snappy, snappy_, uncompressed_length),
};

static struct mq_library snappy_library = {
    .file = "libsnappy.so.1",
    .purpose = "the codec snappy",
    .install = "Snappy (the package libsnappy1v5 on Debian and Ubuntu)",
    MQ_SYMBOLS(snappy_symbols),
};

static int snappy_load(struct mq_err *err)
{
	return mq_library_load(&snappy_library, err);
}

/* CRC-32 (IEEE 802.3) of the unpacked bytes, in big-endian, stands behind those of snappy. */
static uint32_t crc32_of(struct mq_bytes bytes)
{
	static const uint32_t half[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
	                                  0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
	                                  0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
	                                  0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= (unsigned char)bytes.data[i];
		crc = crc >> 4 ^ half[crc & 15];
		crc = crc >> 4 ^ half[crc & 15];
	}
	return ~crc;
}

static int snappy_unpack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	size_t len;
	uint32_t crc = 0;

	if (in.len < 4 || snappy.uncompressed_length(in.data, in.len - 4, &len) != SNAPPY_OK)
		return av_unpack_fail("snappy", err);
	/* Its shortest element stands for 64 bytes, and takes 3; so a length that is not there is
	 * not believed. */
	if (len / 32 > in.len)
		return av_unpack_fail("snappy", err);
	if (len > out->limit - out->len)
		return mq_fail(err, MQ_DATA, "unpacked, a block has more than %zu bytes",
		               out->limit);
	if (mq_buf_reserve(out, len + 1, err) < 0)
		return -1;
	char *begin = out->data + out->len;
	if (snappy.uncompress(in.data, in.len - 4, begin, &len) != SNAPPY_OK)
		return av_unpack_fail("snappy", err);
	for (size_t i = in.len - 4; i < in.len; i++)
		crc = crc << 8 | (unsigned char)in.data[i];
	if (crc32_of(mq_bytes_of(begin, len)) != crc)
		return mq_fail(err, MQ_DATA, "its CRC-32 is another one: it is damaged");
	out->len += len;
	return 0;
}

static int snappy_pack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	size_t len = snappy.max_compressed_length(in.len);
	uint32_t crc = crc32_of(in);

	if (mq_buf_reserve(out, len + 4, err) < 0)
		return -1;
	if (snappy.compress(in.data, in.len, out->data + out->len, &len) != SNAPPY_OK)
		return mq_fail(err, MQ_INTERNAL, "snappy cannot pack a block");
	out->len += len;
	for (int shift = 24; shift >= 0; shift -= 8)
		out->data[out->len++] = (char)(crc >> shift);
	return 0;
}

const struct av_codec av_codec_snappy = {
    .name = "snappy", .load = snappy_load, .unpack = snappy_unpack, .pack = snappy_pack};

#else

const struct av_codec av_codec_snappy = {.name = "snappy", .missing = "Snappy"};

#endif
