/* Codecs whose libraries unpack in steps, so that a block of few bytes that stands for many ends at
 * the limit: deflate (zlib), zstandard, bzip2, xz (liblzma). See compress.h. */
#include "schema/avro/compress.h"

#include "core/library.h"

#include <limits.h>

/* --- deflate: RFC 1951, without zlib's own head ----------------------------------------------- */

#ifdef MQ_WITH_zlib

#include <zlib.h>

static struct {
	__typeof__(inflateInit2_) *inflateInit2_;
	__typeof__(inflate) *inflate;
	__typeof__(inflateEnd) *inflateEnd;
	__typeof__(deflateInit2_) *deflateInit2_;
	__typeof__(deflate) *deflate;
	__typeof__(deflateBound) *deflateBound;
	__typeof__(deflateEnd) *deflateEnd;
} zlib;

static const struct mq_symbol zlib_symbols[] = {
    {.name = "inflateInit2_", .place = &zlib.inflateInit2_},
    {.name = "inflate", .place = &zlib.inflate},
    {.name = "inflateEnd", .place = &zlib.inflateEnd},
    {.name = "deflateInit2_", .place = &zlib.deflateInit2_},
    {.name = "deflate", .place = &zlib.deflate},
    {.name = "deflateBound", .place = &zlib.deflateBound},
    {.name = "deflateEnd", .place = &zlib.deflateEnd},
};

static struct mq_library zlib_library = {
    .file = "libz.so.1",
    .purpose = "the codec deflate",
    .install = "zlib (the package zlib1g on Debian and Ubuntu)",
    MQ_SYMBOLS(zlib_symbols),
};

static int deflate_load(struct mq_err *err)
{
	return mq_library_load(&zlib_library, err);
}

/* zlib counts in unsigned int; blocks are no longer than that. */
static int deflate_unpack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	z_stream stream = {.next_in = (Bytef *)in.data, .avail_in = (uInt)in.len};
	int result = Z_OK;

	if (zlib.inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, (int)sizeof stream) != Z_OK)
		return mq_fail_memory(err);
	while (result == Z_OK) {
		if (av_unpack_room(out, err) < 0) {
			result = Z_MEM_ERROR;
			break;
		}
		size_t room = out->cap - out->len < UINT_MAX ? out->cap - out->len : UINT_MAX;
		stream.next_out = (Bytef *)out->data + out->len;
		stream.avail_out = (uInt)room;
		result = zlib.inflate(&stream, Z_NO_FLUSH);
		out->len += room - stream.avail_out;
	}
	zlib.inflateEnd(&stream);
	/* Apache's library for Python leaves bytes of zlib's checksum behind it. */
	return result == Z_STREAM_END && stream.avail_in < 4 ? 0 : av_unpack_fail("deflate", err);
}

static int deflate_pack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	z_stream stream = {.next_in = (Bytef *)in.data, .avail_in = (uInt)in.len};
	int result = Z_MEM_ERROR;

	if (zlib.deflateInit2_(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
	                       Z_DEFAULT_STRATEGY, ZLIB_VERSION, (int)sizeof stream) != Z_OK)
		return mq_fail_memory(err);
	size_t room = zlib.deflateBound(&stream, (uLong)in.len);
	if (mq_buf_reserve(out, room, err) == 0) {
		stream.next_out = (Bytef *)out->data + out->len;
		stream.avail_out = (uInt)room;
		result = zlib.deflate(&stream, Z_FINISH);
		out->len += room - stream.avail_out;
	}
	zlib.deflateEnd(&stream);
	return result == Z_STREAM_END ? 0
	                              : mq_fail(err, MQ_INTERNAL, "deflate cannot pack a block");
}

const struct av_codec av_codec_deflate = {
    .name = "deflate", .load = deflate_load, .unpack = deflate_unpack, .pack = deflate_pack};

#else

const struct av_codec av_codec_deflate = {.name = "deflate", .missing = "zlib"};

#endif

/* --- zstandard: RFC 8878, one frame or several ------------------------------------------------ */

#ifdef MQ_WITH_zstd

#include <zstd.h>

static struct {
	__typeof__(ZSTD_createDCtx) *createDCtx;
	__typeof__(ZSTD_freeDCtx) *freeDCtx;
	__typeof__(ZSTD_decompressStream) *decompressStream;
	__typeof__(ZSTD_compress) *compress;
	__typeof__(ZSTD_compressBound) *compressBound;
	__typeof__(ZSTD_isError) *isError;
} zstd;

static const struct mq_symbol zstd_symbols[] = {
    MQ_SYMBOL(zstd, ZSTD_, createDCtx),       MQ_SYMBOL(zstd, ZSTD_, freeDCtx),
    MQ_SYMBOL(zstd, ZSTD_, decompressStream), MQ_SYMBOL(zstd, ZSTD_, compress),
    MQ_SYMBOL(zstd, ZSTD_, compressBound),    MQ_SYMBOL(zstd, ZSTD_, isError),
};

static struct mq_library zstd_library = {
    .file = "libzstd.so.1",
    .purpose = "the codec zstandard",
    .install = "Zstandard (the package libzstd1 on Debian and Ubuntu)",
    MQ_SYMBOLS(zstd_symbols),
};

enum {
	ZSTD_LEVEL = 3, /* its default */
};

static int zstd_load(struct mq_err *err)
{
	return mq_library_load(&zstd_library, err);
}

static int zstd_unpack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	ZSTD_inBuffer from = {.src = in.data, .size = in.len};
	ZSTD_DCtx *context = zstd.createDCtx();
	bool failed = false;
	size_t more = 0;

	if (!context)
		return mq_fail_memory(err);
	/* more: 0 where a frame ends. */
	while (!failed && (from.pos < from.size || more > 0)) {
		size_t pos = from.pos, len = out->len;
		if (av_unpack_room(out, err) < 0) {
			failed = true;
			break;
		}
		ZSTD_outBuffer to = {.dst = out->data + out->len, .size = out->cap - out->len};
		more = zstd.decompressStream(context, &to, &from);
		out->len += to.pos;
		failed = zstd.isError(more) || (from.pos == pos && out->len == len);
	}
	zstd.freeDCtx(context);
	return failed || in.len == 0 ? av_unpack_fail("zstandard", err) : 0;
}

static int zstd_pack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	size_t room = zstd.compressBound(in.len);

	if (mq_buf_reserve(out, room, err) < 0)
		return -1;
	size_t len = zstd.compress(out->data + out->len, room, in.data, in.len, ZSTD_LEVEL);
	if (zstd.isError(len))
		return mq_fail(err, MQ_INTERNAL, "zstandard cannot pack a block");
	out->len += len;
	return 0;
}

const struct av_codec av_codec_zstandard = {
    .name = "zstandard", .load = zstd_load, .unpack = zstd_unpack, .pack = zstd_pack};

#else

const struct av_codec av_codec_zstandard = {.name = "zstandard", .missing = "Zstandard"};

#endif

/* --- bzip2 ------------------------------------------------------------------------------------ */

#ifdef MQ_WITH_bzip2

#include <bzlib.h>

static struct {
	__typeof__(BZ2_bzDecompressInit) *DecompressInit;
	__typeof__(BZ2_bzDecompress) *Decompress;
	__typeof__(BZ2_bzDecompressEnd) *DecompressEnd;
	__typeof__(BZ2_bzBuffToBuffCompress) *BuffToBuffCompress;
} bzip2;

static const struct mq_symbol bzip2_symbols[] = {
    MQ_SYMBOL(bzip2, BZ2_bz, DecompressInit),
    MQ_SYMBOL(bzip2, BZ2_bz, Decompress),
    MQ_SYMBOL(bzip2, BZ2_bz, DecompressEnd),
    MQ_SYMBOL(bzip2, BZ2_bz, BuffToBuffCompress),
};

static struct mq_library bzip2_library = {
    .file = "libbz2.so.1.0",
    .purpose = "the codec bzip2",
    .install = "bzip2 (the package libbz2-1.0 on Debian and Ubuntu)",
    MQ_SYMBOLS(bzip2_symbols),
};

static int bzip2_load(struct mq_err *err)
{
	return mq_library_load(&bzip2_library, err);
}

static int bzip2_unpack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	bz_stream stream = {.next_in = (char *)in.data, .avail_in = (unsigned)in.len};
	int result = BZ_OK;

	if (bzip2.DecompressInit(&stream, 0, 0) != BZ_OK)
		return mq_fail_memory(err);
	while (result == BZ_OK) {
		if (av_unpack_room(out, err) < 0) {
			result = BZ_MEM_ERROR;
			break;
		}
		size_t room = out->cap - out->len < UINT_MAX ? out->cap - out->len : UINT_MAX;
		stream.next_out = out->data + out->len;
		stream.avail_out = (unsigned)room;
		result = bzip2.Decompress(&stream);
		out->len += room - stream.avail_out;
		/* It says nothing of an end that comes too soon. */
		if (result == BZ_OK && stream.avail_in == 0 && stream.avail_out > 0)
			result = BZ_UNEXPECTED_EOF;
	}
	bzip2.DecompressEnd(&stream);
	return result == BZ_STREAM_END && stream.avail_in == 0 ? 0 : av_unpack_fail("bzip2", err);
}

static int bzip2_pack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	/* Its manual: 1 % and 600 bytes more at most. */
	unsigned room = (unsigned)(in.len + in.len / 100 + 601);

	if (mq_buf_reserve(out, room, err) < 0)
		return -1;
	if (bzip2.BuffToBuffCompress(out->data + out->len, &room, (char *)in.data, (unsigned)in.len,
	                             9, 0, 0) != BZ_OK)
		return mq_fail(err, MQ_INTERNAL, "bzip2 cannot pack a block");
	out->len += room;
	return 0;
}

const struct av_codec av_codec_bzip2 = {
    .name = "bzip2", .load = bzip2_load, .unpack = bzip2_unpack, .pack = bzip2_pack};

#else

const struct av_codec av_codec_bzip2 = {.name = "bzip2", .missing = "libbz2"};

#endif

/* --- xz --------------------------------------------------------------------------------------- */

#ifdef MQ_WITH_lzma

#include <lzma.h>

static struct {
	__typeof__(lzma_stream_decoder) *stream_decoder;
	__typeof__(lzma_code) *code;
	__typeof__(lzma_end) *end;
	__typeof__(lzma_easy_buffer_encode) *easy_buffer_encode;
	__typeof__(lzma_stream_buffer_bound) *stream_buffer_bound;
} lzma;

static const struct mq_symbol lzma_symbols[] = {
    MQ_SYMBOL(lzma, lzma_, stream_decoder),
    MQ_SYMBOL(lzma, lzma_, code),
    MQ_SYMBOL(lzma, lzma_, end),
    MQ_SYMBOL(lzma, lzma_, easy_buffer_encode),
    MQ_SYMBOL(lzma, lzma_, stream_buffer_bound),
};

static struct mq_library lzma_library = {
    .file = "liblzma.so.5",
    .purpose = "the codec xz",
    .install = "liblzma (the package liblzma5 on Debian and Ubuntu)",
    MQ_SYMBOLS(lzma_symbols),
};

enum {
	XZ_LEVEL = 6,          /* its default */
	XZ_MEMORY = 256 << 20, /* what unpacking may take: as much as its level 9 does, and more */
};

static int xz_load(struct mq_err *err)
{
	return mq_library_load(&lzma_library, err);
}

static int xz_unpack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret result = LZMA_OK;

	if (lzma.stream_decoder(&stream, XZ_MEMORY, LZMA_CONCATENATED) != LZMA_OK)
		return mq_fail_memory(err);
	stream.next_in = (const uint8_t *)in.data;
	stream.avail_in = in.len;
	while (result == LZMA_OK) {
		if (av_unpack_room(out, err) < 0) {
			result = LZMA_MEM_ERROR;
			break;
		}
		size_t room = out->cap - out->len;
		stream.next_out = (uint8_t *)out->data + out->len;
		stream.avail_out = room;
		result = lzma.code(&stream, LZMA_FINISH);
		out->len += room - stream.avail_out;
	}
	lzma.end(&stream);
	return result == LZMA_STREAM_END ? 0 : av_unpack_fail("xz", err);
}

static int xz_pack(struct mq_bytes in, struct mq_buf *out, struct mq_err *err)
{
	size_t room = lzma.stream_buffer_bound(in.len), len = 0;

	if (mq_buf_reserve(out, room, err) < 0)
		return -1;
	if (lzma.easy_buffer_encode(XZ_LEVEL, LZMA_CHECK_CRC64, NULL, (const uint8_t *)in.data,
	                            in.len, (uint8_t *)out->data + out->len, &len, room) != LZMA_OK)
		return mq_fail(err, MQ_INTERNAL, "xz cannot pack a block");
	out->len += len;
	return 0;
}

const struct av_codec av_codec_xz = {
    .name = "xz", .load = xz_load, .unpack = xz_unpack, .pack = xz_pack};

#else

const struct av_codec av_codec_xz = {.name = "xz", .missing = "liblzma"};

#endif
