/*
 * Build tool: writes man/ and completions/ below the folder it is given, from the tables that are
 * linked into the program. It refuses tables with mistakes the compiler cannot see.
 */
#include "mqtk/help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *folder;

static int write_file(const char *path, const struct mq_buf *buf, struct mq_err *err)
{
	char full[4096];

	snprintf(full, sizeof full, "%s/%s", folder, path);
	FILE *file = fopen(full, "w");
	if (!file)
		return mq_fail_errno(err, MQ_IO, errno, "cannot open %s", full);
	size_t n = fwrite(buf->data, 1, buf->len, file);
	if (fclose(file) != 0 || n != buf->len)
		return mq_fail_errno(err, MQ_IO, errno, "cannot write %s", full);
	return 0;
}

static int make_folder(const char *name, struct mq_err *err)
{
	char full[4096];

	snprintf(full, sizeof full, "%s/%s", folder, name);
	if (mkdir(full, 0777) < 0 && errno != EEXIST)
		return mq_fail_errno(err, MQ_IO, errno, "cannot make %s", full);
	return 0;
}

static int write_table(const char *path,
                       int (*make)(const struct mq_command *const *, struct mq_buf *,
                                   struct mq_err *),
                       struct mq_buf *buf, struct mq_err *err)
{
	mq_buf_clear(buf);
	if (make(mq_commands, buf, err) < 0)
		return -1;
	return write_file(path, buf, err);
}

static int write_command(const struct mq_command *command, struct mq_buf *buf, struct mq_err *err)
{
	char path[200];

	mq_buf_clear(buf);
	if (mq_command_check(command, err) < 0 || mq_man_command(command, buf, err) < 0)
		return -1;
	snprintf(path, sizeof path, "man/mqtk-%s.1", command->name);
	for (char *c = path; *c; c++)
		*c = *c == ' ' ? '-' : *c;
	return write_file(path, buf, err);
}

static int write_all(struct mq_buf *buf, struct mq_err *err)
{
	if (make_folder("man", err) < 0 || make_folder("completions", err) < 0 ||
	    write_table("man/mqtk.1", mq_man_overview, buf, err) < 0 ||
	    write_table("completions/mqtk.bash", mq_complete_bash, buf, err) < 0 ||
	    write_table("completions/_mqtk", mq_complete_zsh, buf, err) < 0 ||
	    write_table("completions/mqtk.fish", mq_complete_fish, buf, err) < 0)
		return -1;
	for (size_t i = 0; mq_commands[i]; i++)
		if (write_command(mq_commands[i], buf, err) < 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_buf buf;

	if (argc != 2) {
		fprintf(stderr, "usage: mqtk-docs FOLDER\n");
		return MQ_USAGE;
	}
	folder = argv[1];
	mq_buf_init(&buf, (size_t)1 << 24);
	if (write_all(&buf, &err) < 0)
		fprintf(stderr, "mqtk-docs: %s\n", err.message);
	mq_buf_release(&buf);
	return (int)err.code;
}
