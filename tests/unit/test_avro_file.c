/* Avro's container files: every codec there and back, and damage at every byte. */
#include "mqtk/avro_file.h"
#include "tests/unit/avro.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const unsigned char marker[MQ_AVRO_SYNC] = "0123456789abcde";
static const char *const codecs[] = {"null", "deflate", "snappy", "zstandard", "bzip2", "xz"};

enum {
	MANY = 1000,
};

static int new_file(void)
{
	int fd = memfd_create("avro", 0);

	assert_true(fd >= 0);
	return fd;
}

static bool have(const char *codec)
{
	struct mq_err err = MQ_ERR_INIT;

	if (mq_avro_codec_check(codec, &err) == 0)
		return true;
	assert_int_equal(err.code, MQ_USAGE);
	assert_true(*err.hint);
	return false;
}

/* So many strings, of 0 to 199 letters. */
static void write_strings(int fd, const char *codec, int n, size_t block_size)
{
	struct mq_avro_write_spec spec = {.fd = fd,
	                                  .name = "it",
	                                  .codec = codec,
	                                  .schema = mq_bytes_str("\"string\""),
	                                  .block_size = block_size,
	                                  .sync = marker};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_avro_writer *writer;
	char datum[256];

	assert_int_equal(mq_avro_writer_new(&spec, &writer, &err), 0);
	for (int i = 0; i < n; i++) {
		size_t len = (size_t)(i % 200), head = len < 64 ? 1 : 2;
		datum[0] = (char)(len << 1 | (head == 2 ? 0x80 : 0));
		datum[1] = (char)(len >> 6);
		memset(datum + head, 'a' + i % 26, len);
		assert_int_equal(
		    mq_avro_writer_append(writer, mq_bytes_of(datum, head + len), &err), 0);
	}
	assert_int_equal(mq_avro_writer_flush(writer, &err), 0);
	mq_avro_writer_free(writer);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

/* How many data there are before the end or the damage; *err is the damage. */
static int count(int fd, size_t max_block, struct mq_err *err)
{
	struct mq_avro_read_spec spec = {.fd = fd, .name = "it", .max_block = max_block};
	struct mq_avro_reader *reader;
	struct mq_bytes datum;
	struct mq_buf buf;
	int n = 0, result;

	*err = (struct mq_err)MQ_ERR_INIT;
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	if (mq_avro_reader_new(&spec, &reader, err) < 0)
		return -1;
	mq_buf_init(&buf, 64 << 20);
	while ((result = mq_avro_reader_next(reader, &datum, err)) == 1) {
		mq_buf_clear(&buf);
		if (mq_schema_decode(mq_avro_reader_schema(reader), NULL, datum, 0, &buf, err) < 0)
			break;
		n++;
	}
	assert_true(!datum.data || result == 1);
	/* And so it stays. */
	if (result < 0) {
		struct mq_err again = MQ_ERR_INIT;
		assert_int_equal(mq_avro_reader_next(reader, &datum, &again), -1);
		assert_string_equal(again.message, err->message);
	}
	mq_buf_release(&buf);
	mq_avro_reader_free(reader);
	return n;
}

static void test_codecs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
		struct mq_err err;
		if (!have(codecs[i]))
			continue;
		int fd = new_file();
		write_strings(fd, codecs[i], MANY, 1000);
		struct mq_avro_read_spec spec = {.fd = fd, .name = "it"};
		struct mq_avro_reader *reader;
		assert_int_equal(mq_avro_reader_new(&spec, &reader, &err), 0);
		assert_string_equal(mq_avro_reader_codec(reader), codecs[i]);
		assert_memory_equal(mq_avro_reader_schema_text(reader).data, "\"string\"", 8);
		for (int k = 0; k < MANY; k++) {
			struct mq_bytes datum;
			assert_int_equal(mq_avro_reader_next(reader, &datum, &err), 1);
			size_t len = (size_t)(k % 200), head = len < 64 ? 1 : 2;
			assert_int_equal(datum.len, head + len);
			assert_true(len == 0 || datum.data[datum.len - 1] == 'a' + k % 26);
		}
		struct mq_bytes datum;
		assert_int_equal(mq_avro_reader_next(reader, &datum, &err), 0);
		mq_avro_reader_free(reader);
		close(fd);
	}
}

static void test_empty(void **state)
{
	struct mq_err err = MQ_ERR_INIT;
	int fd = new_file();

	(void)state;
	assert_int_equal(count(fd, 0, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	assert_non_null(strstr(err.message, "it is no Avro file"));
	write_strings(fd, NULL, 0, 0);
	assert_int_equal(count(fd, 0, &err), 0);
	assert_int_equal(err.code, MQ_OK);
	/* What is there is not written over, nor added to. */
	struct mq_avro_write_spec spec = {
	    .fd = fd, .name = "it", .schema = mq_bytes_str("\"int\"")};
	struct mq_avro_writer *writer;
	assert_int_equal(mq_avro_writer_new(&spec, &writer, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_non_null(strstr(err.message, "it has something in it"));
	close(fd);
}

static void test_unknown_codec(void **state)
{
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	assert_int_equal(mq_avro_codec_check("lzw", &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_non_null(strstr(err.hint, "zstandard"));
	/* In a file it is the file that is wrong, not the command. */
	static const char head[] = "Obj\x01\x04\x14"
	                           "avro.codec\x06lzw\x16"
	                           "avro.schema\x0a\"int\"";
	int fd = new_file();
	assert_int_equal(write(fd, head, sizeof head), sizeof head); /* and the map's end */
	assert_int_equal(write(fd, marker, sizeof marker), sizeof marker);
	mq_err_clear(&err);
	assert_int_equal(count(fd, 1000, &err), -1);
	assert_int_equal(err.code, MQ_DATA);
	assert_non_null(strstr(err.message, "no Avro codec 'lzw'"));
	close(fd);
}

/* Cut anywhere, every datum before the cut comes out, and then the damage is told; each changed
 * byte ends well. */
static void damage(const char *codec, int step)
{
	int fd = new_file(), copy = new_file(), last = -1;
	struct mq_err err = MQ_ERR_INIT;
	static char bytes[1 << 16], changed[1 << 16];

	write_strings(fd, codec, 60, 300);
	ssize_t len = read(fd, bytes, sizeof bytes);
	assert_true(len > 0 && len < (ssize_t)sizeof bytes);
	for (ssize_t at = 0; at < len; at += step) {
		assert_int_equal(ftruncate(copy, 0), 0);
		assert_int_equal(pwrite(copy, bytes, (size_t)at, 0), at);
		int n = count(copy, 0, &err);
		assert_true(n >= last);
		last = n;
		/* Where a block ends, or the head, nobody can see a cut. */
		bool whole = at >= MQ_AVRO_SYNC &&
		             memcmp(bytes + at - MQ_AVRO_SYNC, marker, MQ_AVRO_SYNC) == 0;
		assert_int_equal(err.code, whole ? MQ_OK : MQ_DATA);
		memcpy(changed, bytes, (size_t)len);
		changed[at] = (char)(changed[at] ^ (1 << at % 8));
		assert_int_equal(pwrite(copy, changed, (size_t)len, 0), len);
		n = count(copy, 0, &err);
		assert_true(n <= 60);
		assert_true(err.code == MQ_OK || err.code == MQ_DATA || err.code == MQ_USAGE);
	}
	assert_true(last > 40);
	close(fd);
	close(copy);
}

static void test_damage(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
		if (have(codecs[i]))
			damage(codecs[i], i < 2 ? 1 : 7);
}

/* head: the head's bytes behind the schema and codec; hex: the blocks. */
static void is_bad(const char *schema, const char *codec, const char *hex, int n, const char *words)
{
	int fd = new_file();
	struct mq_avro_write_spec spec = {
	    .fd = fd, .name = "it", .codec = codec, .schema = mq_bytes_str(schema), .sync = marker};
	struct mq_err err = MQ_ERR_INIT;
	struct mq_avro_writer *writer;
	char bytes[1000];
	size_t len = bytes_of(hex, bytes, sizeof bytes);

	if (mq_avro_writer_new(&spec, &writer, &err) < 0)
		return;
	assert_int_equal(mq_avro_writer_flush(writer, &err), 0);
	mq_avro_writer_free(writer);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(write(fd, marker, sizeof marker), sizeof marker);
	assert_int_equal(count(fd, 1000, &err), n);
	assert_int_equal(err.code, MQ_DATA);
	if (!strstr(err.message, words))
		fail_msg("%s: %s", hex, err.message);
	close(fd);
}

static void test_lies(void **state)
{
	(void)state;
	is_bad("\"int\"", NULL, "06040204", 2, "says that it has 3 data, but has only 2");
	is_bad("\"int\"", NULL,
	       "020402"
	       "04",
	       1, "says that it has 1 data, but has more");
	is_bad("\"int\"", NULL, "01040204", 0, "no such count");
	is_bad("\"int\"", NULL, "02010204", 0, "no such size");
	is_bad("\"int\"", NULL, "0280808080808080801002", 0, "where 1000 are the most");
	is_bad("\"int\"", NULL, "02040280", 1, "has more");
	is_bad("\"int\"", NULL,
	       "0404"
	       "0280",
	       1, "datum 2: it ends within a number");
	is_bad("\"null\"", NULL,
	       "8080808010"
	       "00",
	       1 << 20, "too many values that take no bytes");
	is_bad("\"int\"", NULL, "ffffffffffffffffffff01", 0, "a number beyond 64 bits");
	is_bad("\"int\"", NULL,
	       "02"
	       "02"
	       "02"
	       "30313233343536373839616263646566",
	       1, "the sync marker is not that of this Avro file");
	is_bad("\"bytes\"", "deflate", "020807ffffff", 0, "it is not packed by deflate");
	is_bad("\"bytes\"", "snappy", "0210ffffffff0f000000", 0, "it is not packed by snappy");
	is_bad("\"bytes\"", "zstandard",
	       "02080000"
	       "0000",
	       0, "it is not packed by zstandard");
	is_bad("\"bytes\"", "bzip2",
	       "02080000"
	       "0000",
	       0, "it is not packed by bzip2");
	is_bad("\"bytes\"", "xz",
	       "02080000"
	       "0000",
	       0, "it is not packed by xz");
}

/* A datum of 4 MiB of zeros packs into a few KiB, and is refused by its unpacked size. */
static void test_bombs(void **state)
{
	size_t len = 4 << 20;
	char *zeros = calloc(1, len + 4);

	(void)state;
	memcpy(zeros, "\x80\x80\x80\x04", 4);
	for (size_t i = 1; i < sizeof codecs / sizeof *codecs; i++) {
		int fd = new_file();
		struct mq_avro_write_spec spec = {.fd = fd,
		                                  .name = "it",
		                                  .codec = codecs[i],
		                                  .schema = mq_bytes_str("\"bytes\"")};
		struct mq_err err = MQ_ERR_INIT;
		struct mq_avro_writer *writer;
		if (!have(codecs[i]))
			continue;
		assert_int_equal(mq_avro_writer_new(&spec, &writer, &err), 0);
		assert_int_equal(mq_avro_writer_append(writer, mq_bytes_of(zeros, len + 4), &err),
		                 0);
		assert_int_equal(mq_avro_writer_flush(writer, &err), 0);
		mq_avro_writer_free(writer);
		assert_true(lseek(fd, 0, SEEK_END) < 1 << 20);
		assert_int_equal(count(fd, 1 << 20, &err), 0);
		assert_int_equal(err.code, MQ_DATA);
		assert_non_null(strstr(err.message, "unpacked, a block has more than 1048576"));
		assert_int_equal(count(fd, 8 << 20, &err), 1);
		assert_int_equal(err.code, MQ_OK);
		close(fd);
	}
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_codecs),        cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_unknown_codec), cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_lies),          cmocka_unit_test(test_bombs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
