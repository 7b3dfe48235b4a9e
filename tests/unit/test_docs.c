/* Help, man pages and completions made from a table of commands that is made for this test. */
#include "mqtk/backend.h"
#include "mqtk/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT ((size_t)1 << 20)

struct values {
	struct mq_common common;
	const char *format;
	int codec;
	bool json;
	int64_t secret;
};

static const char *const codecs[] = {"none", "gzip", NULL};
static const struct mq_option rows[] = {
    {.name = "format",
     .letter = 'f',
     .type = MQ_OPT_STRING,
     .arg = "TEXT",
     .field = offsetof(struct values, format),
     .excludes = "json",
     .complete = MQ_COMPLETE_FILE,
     .help = "print by a template, it's [like] '%s\\n' in words that are so many that they need "
             "a second line and perhaps even a third one to be read by people",
     .more = "A longer text.\n\n.TH is no macro here, \\fB is no font."},
    {.name = "compression",
     .type = MQ_OPT_CHOICE,
     .arg = "CODEC",
     .choices = codecs,
     .field = offsetof(struct values, codec),
     .help = "how to compress"},
    {.name = "json",
     .letter = 'J',
     .type = MQ_OPT_FLAG,
     .field = offsetof(struct values, json),
     .help = "JSON lines"},
    {.name = "a-name-so-long-that-it-stands-alone",
     .type = MQ_OPT_INT,
     .arg = "N",
     .field = offsetof(struct values, secret),
     .help = "on the next line"},
    {.name = "hidden-one",
     .type = MQ_OPT_INT,
     .arg = "N",
     .hidden = true,
     .field = offsetof(struct values, secret),
     .help = "not in the short help"},
    {0},
};
static const struct mq_option_set sets[] = {{"Printing", rows, 0}, {0}};
static const struct mq_example examples[] = {{"mqtk print -f '%s\\n' a/b", "print a/b"}, {0}};

static int run(struct mq_invocation *inv, struct mq_err *err)
{
	(void)inv;
	(void)err;
	return 0;
}

static const struct mq_command cmd_print = {
    .name = "print",
    .summary = "print what is there",
    .operands = "ADDR… [FILE]",
    .about = "First paragraph.\n\n  kept   as it   is\n\nSecond paragraph…",
    .examples = examples,
    .sets = sets,
    .values_size = sizeof(struct values),
    .operand_complete = MQ_COMPLETE_ADDRESS,
    .run = run,
};
static const struct mq_command cmd_dlq_ls = {.name = "dlq ls",
                                             .summary = "list dead letters",
                                             .values_size = sizeof(struct mq_common),
                                             .run = run};
static const struct mq_command cmd_dlq_show = {.name = "dlq show",
                                               .summary = "show dead letters",
                                               .values_size = sizeof(struct mq_common),
                                               .run = run};
static const struct mq_command cmd_raw = {.name = "raw",
                                          .summary = "parses for itself",
                                          .values_size = sizeof(struct mq_common),
                                          .raw_arguments = true,
                                          .run = run};
static const struct mq_command *const commands[] = {&cmd_print, &cmd_dlq_ls, &cmd_dlq_show,
                                                    &cmd_raw, NULL};

/* --- helpers --------------------------------------------------------------------------------- */

static struct mq_buf buf;
static struct mq_err err;

static int setup(void **state)
{
	(void)state;
	mq_buf_init(&buf, LIMIT);
	mq_err_clear(&err);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mq_buf_release(&buf);
	return 0;
}

/* The text made so far, as a string. */
static const char *text(void)
{
	assert_string_equal(err.message, "");
	assert_int_equal(mq_buf_append_char(&buf, '\0', &err), 0);
	buf.len--;
	return buf.data;
}

#define HAS(what) assert_non_null(strstr(text(), what))
#define HAS_NOT(what) assert_null(strstr(text(), what))

/* No line is wider than 80 columns or ends in a space. */
static void assert_fits(const char *lines)
{
	size_t width = 0;

	for (const char *c = lines; *c; c++) {
		if (*c == '\n') {
			if (width > 80 || (c > lines && c[-1] == ' '))
				fail_msg("bad line before: %.60s", c);
			width = 0;
		} else {
			width += ((unsigned char)*c & 0xc0) != 0x80;
		}
	}
	assert_int_equal(width, 0); /* ends with a newline */
}

static const struct mq_command *find(size_t n, const char *const *words, size_t *ret_used)
{
	mq_err_clear(&err);
	return mq_command_find(commands, n, words, ret_used, &err);
}

#define FIND(used, ...)                                                                            \
	find(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                          \
	     (const char *const[]){__VA_ARGS__}, used)

/* --- tests ----------------------------------------------------------------------------------- */

static void test_find(void **state)
{
	size_t used;

	(void)state;
	assert_ptr_equal(FIND(&used, "print", "x"), &cmd_print);
	assert_int_equal(used, 1);
	assert_ptr_equal(FIND(&used, "dlq", "show", "x"), &cmd_dlq_show);
	assert_int_equal(used, 2);
	assert_null(FIND(&used, "dlq"));
	assert_string_equal(err.message, "'dlq' needs one of: ls, show");
	assert_null(FIND(&used, "dlq", "-J"));
	assert_string_equal(err.message, "'dlq' needs one of: ls, show");
	assert_null(FIND(&used, "dlq", "shwo"));
	assert_string_equal(err.message, "unknown command 'dlq shwo', expected one of: ls, show");
	assert_null(FIND(&used, "pritn"));
	assert_string_equal(err.message, "unknown command 'pritn'; did you mean 'print'?");
	assert_int_equal(err.code, MQ_USAGE);
	assert_null(FIND(&used, "xyzzy"));
	assert_string_equal(err.message, "unknown command 'xyzzy'");
	assert_string_equal(err.hint, "mqtk help lists the commands");
	assert_true(mq_command_is_family(commands, "dlq"));
	assert_false(mq_command_is_family(commands, "print"));
	assert_false(mq_command_is_family(commands, "dl"));
}

static void test_help_of_a_command(void **state)
{
	(void)state;
	assert_int_equal(mq_help_command(&cmd_print, &buf, &err), 0);
	assert_fits(text());
	HAS("Usage: mqtk print [OPTION…] ADDR… [FILE]\n");
	HAS("\n  kept   as it   is\n");
	HAS("\nPrinting:\n  -f, --format TEXT ");
	HAS("\n      --compression CODEC  how to compress\n");
	HAS("\n      --a-name-so-long-that-it-stands-alone N\n        ");
	HAS("\nExamples:\n  mqtk print -f '%s\\n' a/b\n      print a/b\n");
	HAS("  -X NAME=VALUE ");
	HAS_NOT("hidden-one");
	HAS_NOT("A longer text");
}

static void test_help_of_everything(void **state)
{
	(void)state;
	assert_int_equal(mq_help_overview(commands, &buf, &err), 0);
	assert_fits(text());
	HAS("  print      print what is there\n");
	HAS("  dlq show   show dead letters\n");
	for (size_t i = 0; mq_backends[i]; i++) {
		HAS(mq_backends[i]->title);
		if (mq_backends[i]->missing)
			HAS("built without");
	}
	for (const struct mq_topic *topic = mq_topics; topic->name; topic++)
		HAS(topic->title);
}

static int about(const char *word)
{
	mq_buf_clear(&buf);
	mq_err_clear(&err);
	return mq_help_about(commands, 1, &word, &buf, &err);
}

static void test_help_about(void **state)
{
	static const char *const two[] = {"dlq", "ls"};
	static const char *const wrong[] = {"dlq", "xx"};
	static const char *const many[] = {"print", "raw"};

	(void)state;
	assert_int_equal(about("print"), 0);
	HAS("Usage: mqtk print");
	assert_int_equal(about("dlq"), 0);
	HAS("  dlq ls ");
	HAS_NOT("print what");
	assert_int_equal(about("raw"), 0);
	HAS("Usage: mqtk raw\n");
	HAS_NOT("--timeout");
	assert_int_equal(about("backends"), 0);
	assert_fits(text());
	for (size_t i = 0; mq_backends[i]; i++) {
		assert_int_equal(about(mq_backends[i]->name), 0);
		assert_fits(text());
		HAS(mq_backends[i]->title);
		HAS(mq_backends[i]->schemes[0]);
		for (const struct mq_setting *s = mq_backends[i]->settings; s && s->name; s++)
			HAS(s->name);
	}
	for (const struct mq_topic *topic = mq_topics; topic->name; topic++) {
		assert_int_equal(about(topic->name), 0);
		assert_fits(text());
	}
	mq_buf_clear(&buf);
	assert_int_equal(mq_help_about(commands, 2, two, &buf, &err), 0);
	HAS("Usage: mqtk dlq ls");
	assert_int_equal(mq_help_about(commands, 2, wrong, &buf, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	mq_err_clear(&err);
	assert_int_equal(mq_help_about(commands, 2, many, &buf, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_int_equal(about("pront"), -1);
	assert_string_equal(err.message, "no help on 'pront'; did you mean 'print'?");
	assert_int_equal(about("exit-code"), -1);
	assert_string_equal(err.message, "no help on 'exit-code'; did you mean 'exit-codes'?");
	assert_int_equal(about("xyzzy"), -1);
	assert_int_equal(err.code, MQ_USAGE);
}

static void test_exit_codes_are_those_of_the_contract(void **state)
{
	static const int codes[] = {MQ_OK,          MQ_NEGATIVE, MQ_USAGE,    MQ_PARTIAL,
	                            MQ_UNREACHABLE, MQ_DENIED,   MQ_IO,       MQ_DATA,
	                            MQ_NOT_FOUND,   MQ_INTERNAL, MQ_CANCELLED};
	char line[16];

	(void)state;
	assert_int_equal(about("exit-codes"), 0);
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		snprintf(line, sizeof line, "  %d%s ", codes[i],
		         codes[i] == MQ_CANCELLED ? "+n" : "");
		HAS(line);
	}
}

/* Every line is text or a request that the pages are meant to use. */
static void assert_requests(const char *page)
{
	static const char *const known[] = {".Dd ", ".Dt ", ".Os",  ".Sh ", ".Ss ", ".Nm",
	                                    ".Nd ", ".Cm ", ".Op ", ".Ar ", ".Bl ", ".It ",
	                                    ".El",  ".Pp",  ".Bd ", ".Ed",  ".Sy ", ".\\\""};
	const char *line = page;
	do {
		bool found = false;
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			found |= strncmp(line, known[i], strlen(known[i])) == 0;
		if ((*line == '.' && !found) || *line == '\'')
			fail_msg("bad request: %.40s", line);
		line = strchr(line, '\n');
		line += line ? 1 : 0;
	} while (line);
	for (const char *c = page; *c; c++)
		assert_true((unsigned char)*c < 0x80);
}

static void test_man(void **state)
{
	(void)state;
	assert_int_equal(mq_man_command(&cmd_print, &buf, &err), 0);
	assert_requests(text());
	HAS(".Dt MQTK-PRINT 1\n");
	HAS(".It Fl f , Fl \\-format Ar \"\\&TEXT\"\n");
	HAS(".It Fl \\-hidden\\-one");
	HAS("\\&.TH is no macro here, \\efB is no font.");
	HAS("One of none,\ngzip.\n");
	HAS("Second paragraph\\[u2026]");
	HAS(".Bd -literal -offset indent\nkept   as it   is\n.Ed\n");
	mq_buf_clear(&buf);
	assert_int_equal(mq_man_command(&cmd_dlq_ls, &buf, &err), 0);
	HAS(".Dt MQTK-DLQ-LS 1\n");
	HAS(".Nm mqtk-dlq-ls\n");
	mq_buf_clear(&buf);
	assert_int_equal(mq_man_overview(commands, &buf, &err), 0);
	assert_requests(text());
	HAS(".Sh EXIT STATUS\n");
	HAS(".It Cm \"\\&dlq show\"\n");
}

static void test_completions(void **state)
{
	(void)state;
	assert_int_equal(mq_complete_bash(commands, &buf, &err), 0);
	HAS("_mqtk_reply 'print dlq raw --help --version'");
	HAS("\t\t-f|--format) _mqtk_files; return ;;\n");
	HAS("\t\t--compression) _mqtk_reply 'none gzip '; return ;;\n");
	HAS("if ((COMP_CWORD == 2)); then _mqtk_reply 'ls show '; return; fi");
	HAS("\t'dlq ls')\n");
	HAS(" local/ ");
	mq_buf_clear(&buf);
	assert_int_equal(mq_complete_zsh(commands, &buf, &err), 0);
	HAS("_mqtk_dlq_ls() {");
	HAS("'(-f --format -J --json)--format=[print by a template, it'\\''s \\[like\\]");
	HAS("--compression=[how to compress]:CODEC:(none gzip)'");
	HAS("'*-v[");
	HAS("'dlq:several commands'");
	mq_buf_clear(&buf);
	assert_int_equal(mq_complete_fish(commands, &buf, &err), 0);
	HAS("complete -c mqtk -n '__mqtk_using \"print\"' -l compression -x -a 'none gzip' -d 'how "
	    "to compress'\n");
	HAS("complete -c mqtk -n '__mqtk_only dlq' -a ls -d 'list dead letters'\n");
	HAS("-s f -l format -r -F -d 'print by a template, it\\'s [like] \\'%s\\\\n\\' in");
}

/* What was made is never cut short silently. */
static void test_too_small_a_buffer_is_an_error(void **state)
{
	static int (*const makers[])(const struct mq_command *const *, struct mq_buf *,
	                             struct mq_err *) = {
	    mq_help_short,    mq_help_overview, mq_man_overview,
	    mq_complete_bash, mq_complete_zsh,  mq_complete_fish,
	};

	(void)state;
	for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
		for (size_t limit = 0; limit < 200; limit += 7) {
			mq_buf_release(&buf);
			mq_buf_init(&buf, limit);
			mq_err_clear(&err);
			assert_int_equal(makers[i](commands, &buf, &err), -1);
			assert_int_equal(err.code, MQ_DATA);
		}
	mq_err_clear(&err);
}

static int check(const struct mq_option *bad)
{
	const struct mq_option_set bad_sets[] = {{"Bad", bad, 0}, {0}};
	struct mq_command command = cmd_print;

	command.sets = bad_sets;
	mq_err_clear(&err);
	return mq_command_check(&command, &err);
}

static void test_check(void **state)
{
	(void)state;
	assert_int_equal(mq_command_check(&cmd_print, &err), 0);
	const struct mq_option twice[] = {{.name = "quiet", .type = MQ_OPT_FLAG, .help = "quiet"},
	                                  {0}};
	assert_int_equal(check(twice), -1);
	const struct mq_option letter[] = {{.letter = 'q', .type = MQ_OPT_FLAG, .help = "q"}, {0}};
	assert_int_equal(check(letter), -1);
	const struct mq_option excludes[] = {
	    {.name = "a", .type = MQ_OPT_FLAG, .help = "a", .excludes = "quiet nothing"}, {0}};
	assert_int_equal(check(excludes), -1);
	assert_non_null(strstr(err.message, "'nothing'"));
	const struct mq_option stop[] = {{.name = "a", .type = MQ_OPT_FLAG, .help = "a."}, {0}};
	assert_int_equal(check(stop), -1);
	const struct mq_option no_arg[] = {{.name = "a", .type = MQ_OPT_INT, .help = "a"}, {0}};
	assert_int_equal(check(no_arg), -1);
	const struct mq_option no_choices[] = {
	    {.name = "a", .type = MQ_OPT_CHOICE, .arg = "A", .help = "a"}, {0}};
	assert_int_equal(check(no_choices), -1);
	mq_err_clear(&err);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_find),
	    TEST(test_help_of_a_command),
	    TEST(test_help_of_everything),
	    TEST(test_help_about),
	    TEST(test_exit_codes_are_those_of_the_contract),
	    TEST(test_man),
	    TEST(test_completions),
	    TEST(test_too_small_a_buffer_is_an_error),
	    TEST(test_check),
	};

	return cmocka_run_group_tests_name("docs", tests, NULL, NULL);
}
