/* The messages that are worked on: a random crowd of workers, and what must hold whatever they do.
 */
#include "cmd/worker/copy.c" /* NOLINT(bugprone-suspicious-include): they have no library */
#include "cmd/worker/jobs.c" /* NOLINT(bugprone-suspicious-include): to be in */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { MESSAGES = 5000, PARTITIONS = 5, KEYS = 40, WORKERS = 7 };

static int64_t settled_to[PARTITIONS]; /* offsets below are settled */
static bool settled[PARTITIONS][MESSAGES], finished[PARTITIONS][MESSAGES];
static bool in_order;

static int fake_settle(struct mq_reader *reader, const struct mq_message *messages, size_t n,
                       struct mq_err *err)
{
	(void)reader, (void)err;
	for (size_t i = 0; i < n; i++) {
		int32_t p = messages[i].partition;
		int64_t offset = messages[i].offset;
		if (in_order)
			assert_true(offset == settled_to[p]);
		assert_true(finished[p][offset]);
		assert_false(settled[p][offset]);
		settled[p][offset] = true;
		settled_to[p] = offset + 1;
	}
	return 0;
}

static const struct mq_backend fake = {
    .name = "fake", .caps = MQ_CAP_GROUPS, .settle = fake_settle};

static const char *key_text(const struct mq_message *message)
{
	static char text[16];

	snprintf(text, sizeof text, "%.*s", (int)message->key.len, message->key.data);
	return text;
}

static unsigned pick(unsigned n)
{
	return (unsigned)rand() % n;
}

static struct jobs *new_jobs(const struct jobs_spec *spec)
{
	struct mq_err err = MQ_ERR_INIT;
	struct jobs *jobs = NULL;

	if (jobs_new(spec, &jobs, &err) < 0)
		abort();
	return jobs;
}

static void crowd(enum jobs_order order, unsigned caps)
{
	struct mq_conn conn = {.backend = &fake, .caps = MQ_CAP_GROUPS | caps};
	struct mq_reader reader = {.conn = &conn};
	struct mq_reader *readers[] = {&reader};
	struct jobs_spec spec = {.order = order, .readers = readers, .n_readers = 1};
	struct mq_err err = MQ_ERR_INIT;
	struct job *working[WORKERS] = {NULL};
	int64_t next[PARTITIONS] = {0}, last[PARTITIONS][KEYS + 1], done = 0, now = 0;
	struct jobs *jobs = NULL;
	int added = 0;

	in_order = caps == 0;
	memset(settled, 0, sizeof settled);
	memset(finished, 0, sizeof finished);
	memset(settled_to, 0, sizeof settled_to);
	memset(last, 0xff, sizeof last);
	jobs = new_jobs(&spec);
	while (added < MESSAGES || jobs_open(jobs) > 0) {
		now += pick(3);
		if (added < MESSAGES && jobs_count(jobs) < 100 && pick(2)) {
			char key[16], value[32];
			struct mq_message m = MQ_MESSAGE_INIT;
			unsigned k = pick(KEYS + 1);
			m.partition = (int32_t)(k % PARTITIONS); /* a key has its partition */
			m.offset = next[m.partition]++;
			m.stream = mq_bytes_str("t");
			snprintf(key, sizeof key, "%u", k);
			snprintf(value, sizeof value, "%lld", (long long)m.offset);
			if (k < KEYS)
				m.key = mq_bytes_str(key);
			m.payload = mq_bytes_str(value);
			assert_int_equal(jobs_add(jobs, 0, &m, &err), 0);
			added++;
			memset(key, 'x', sizeof key); /* it was a copy */
		}
		unsigned w = pick(WORKERS);
		if (!working[w]) {
			struct job *job = jobs_begin(jobs, now);
			if (!job)
				continue;
			assert_true(job->due_ms <= now);
			for (unsigned other = 0; other < WORKERS && order != JOBS_FREE; other++) {
				const struct job *o = working[other];
				if (!o)
					continue;
				if (order == JOBS_BY_PARTITION)
					assert_false(o->message.partition ==
					             job->message.partition);
				else if (job->message.key.data)
					assert_false(
					    mq_bytes_equal(o->message.key, job->message.key));
			}
			working[w] = job;
			continue;
		}
		struct job *job = working[w];
		int32_t p = job->message.partition;
		unsigned k = KEYS;
		if (job->message.key.data)
			k = (unsigned)strtoul(key_text(&job->message), NULL, 10);
		working[w] = NULL;
		if (pick(5) == 0) {
			jobs_again(jobs, job, now + pick(50));
			continue;
		}
		if (pick(9) == 0) {
			jobs_undo(jobs, job);
			continue;
		}
		if (order == JOBS_BY_PARTITION || (order == JOBS_BY_KEY && k < KEYS)) {
			assert_true(job->message.offset > last[p][k]);
			last[p][k] = job->message.offset;
		}
		assert_false(finished[p][job->message.offset]);
		finished[p][job->message.offset] = true;
		assert_int_equal(jobs_done(jobs, job, &done, &err), 0);
	}
	assert_int_equal(done, MESSAGES);
	assert_int_equal(jobs_count(jobs), 0);
	assert_int_equal(jobs_bytes(jobs), 0);
	assert_true(jobs_due(jobs) == INT64_MAX);
	jobs_free(jobs);
}

static void test_order_and_settling(void **state)
{
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int order = JOBS_BY_KEY; order <= JOBS_FREE; order++) {
		crowd((enum jobs_order)order, 0);
		crowd((enum jobs_order)order, MQ_CAP_REMOVE_ONE);
	}
}

/* One key that waits holds back neither the others nor, for ever, itself. */
static void test_others_go_on(void **state)
{
	struct mq_conn conn = {.backend = &fake, .caps = MQ_CAP_GROUPS};
	struct mq_reader reader = {.conn = &conn};
	struct mq_reader *readers[] = {&reader};
	struct jobs_spec spec = {.order = JOBS_BY_KEY, .readers = readers, .n_readers = 1};
	struct mq_message m = MQ_MESSAGE_INIT;
	struct mq_err err = MQ_ERR_INIT;
	struct jobs *jobs = NULL;
	int64_t n = 0;

	(void)state;
	memset(settled, 0, sizeof settled);
	memset(settled_to, 0, sizeof settled_to);
	memset(finished, 1, sizeof finished);
	in_order = true;
	jobs = new_jobs(&spec);
	m.stream = mq_bytes_str("t");
	m.partition = 0;
	for (m.offset = 0; m.offset < 4; m.offset++) {
		m.key = mq_bytes_str(m.offset % 2 ? "odd" : "even");
		assert_int_equal(jobs_add(jobs, 0, &m, &err), 0);
	}
	struct job *even = jobs_begin(jobs, 0);
	assert_true(even->message.offset == 0);
	jobs_again(jobs, even, 1000);
	for (int64_t odd = 1; odd < 4; odd += 2) {
		struct job *job = jobs_begin(jobs, 10);
		assert_true(job->message.offset == odd);
		assert_int_equal(jobs_done(jobs, job, &n, &err), 0);
	}
	assert_null(jobs_begin(jobs, 999));
	assert_int_equal(n, 0);
	assert_int_equal(jobs_count(jobs), 4);
	assert_true(jobs_due(jobs) == 1000);
	assert_ptr_equal(jobs_begin(jobs, 1000), even);
	assert_int_equal(even->attempts, 2);
	assert_int_equal(jobs_done(jobs, even, &n, &err), 0);
	assert_int_equal(n, 2);
	jobs_free(jobs); /* with one left that was never begun */
}

/* What was begun and given back comes in the order in which it was, when the last is given back
 * first; and each reader's messages are settled as its broker does it. */
static void test_given_back_and_readers(void **state)
{
	struct mq_conn one = {.backend = &fake, .caps = MQ_CAP_GROUPS};
	struct mq_conn other = {.backend = &fake, .caps = MQ_CAP_GROUPS | MQ_CAP_REMOVE_ONE};
	struct mq_reader first = {.conn = &one}, second = {.conn = &other};
	struct mq_reader *readers[] = {&first, &second};
	struct jobs_spec spec = {.order = JOBS_FREE, .readers = readers, .n_readers = 2};
	struct mq_message m = MQ_MESSAGE_INIT;
	struct mq_err err = MQ_ERR_INIT;
	struct jobs *jobs = NULL;
	struct job *begun[4];
	int64_t done = 0;

	(void)state;
	memset(settled, 0, sizeof settled);
	memset(settled_to, 0, sizeof settled_to);
	in_order = false;
	jobs = new_jobs(&spec);
	for (int i = 0; i < 4; i++) {
		m.partition = i / 2;
		m.offset = i % 2;
		assert_int_equal(jobs_add(jobs, (size_t)i / 2, &m, &err), 0);
		finished[i / 2][i % 2] = true;
	}
	for (int i = 0; i < 4; i++)
		begun[i] = jobs_begin(jobs, 0);
	assert_null(jobs_begin(jobs, 0));
	for (int i = 3; i >= 0; i--)
		jobs_undo(jobs, begun[i]);
	for (int i = 0; i < 4; i++) {
		struct job *job = jobs_begin(jobs, 0);
		assert_ptr_equal(job, begun[i]);
		assert_int_equal(job->attempts, 1);
	}
	jobs_done(jobs, begun[1], &done, &err); /* waits for the one before it */
	assert_int_equal(done, 0);
	jobs_done(jobs, begun[3], &done, &err); /* stands for itself */
	assert_int_equal(done, 1);
	jobs_done(jobs, begun[0], &done, &err);
	assert_int_equal(done, 3);
	assert_int_equal(jobs_count(jobs), 1);
	jobs_free(jobs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order_and_settling),
	    cmocka_unit_test(test_others_go_on),
	    cmocka_unit_test(test_given_back_and_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
