/* The codecs of container files: a block's bytes, packed and unpacked. */
#ifndef SCHEMA_AVRO_COMPRESS_H
#define SCHEMA_AVRO_COMPRESS_H

#include "mqtk/bytes.h"

struct av_codec {
	const char *name;
	/* NULL, or why it is not built in, with what to install. */
	const char *missing;
	/* Loads the library: MQ_USAGE when it is not here. NULL: it needs none. */
	int (*load)(struct mq_err *err);
	/* Append to out, whose limit is the block's. MQ_DATA: bytes are none of this codec, or
	 * there are more than the limit. */
	int (*unpack)(struct mq_bytes in, struct mq_buf *out, struct mq_err *err);
	int (*pack)(struct mq_bytes in, struct mq_buf *out, struct mq_err *err);
};

/* NULL: there is none of that name. */
const struct av_codec *av_codec_named(struct mq_bytes name);
/* MQ_USAGE when it cannot be used here. */
int av_codec_load(const struct av_codec *codec, struct mq_err *err);

/* --- for the files of this folder ------------------------------------------------------------- */

/* Room for more unpacked bytes, growing with what came. MQ_DATA at the limit. */
int av_unpack_room(struct mq_buf *out, struct mq_err *err);
int av_unpack_fail(const char *codec, struct mq_err *err);

extern const struct av_codec av_codec_deflate, av_codec_snappy, av_codec_zstandard, av_codec_bzip2,
    av_codec_xz;

#endif
