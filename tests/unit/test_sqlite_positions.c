/* Groups of the local store from outside: where they stand, and moving them, also under readers
 * that go on. */
#include "sqlite_store.h"

/* A stream of 2 partitions with 10 messages each, times 1000, 1001, … over both. */
static void make(struct store *s, const char *stream)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_stream_spec spec = {.stream = stream, NO_LIMITS};
	struct tally tally = {0};

	spec.partitions = 2;
	ok(mq_create(s->conn, &spec, &err), &err);
	struct mq_writer *writer = writer_of(s, stream, false, &tally);
	for (int i = 0; i < 20; i++) {
		struct mq_message message = MQ_MESSAGE_INIT;
		message.partition = i % 2;
		message.ts_ms = 1000 + i;
		put(writer, &message, 1);
	}
	mq_writer_close(writer);
}

static struct mq_group_list look(struct store *s, const char *group, const char *stream)
{
	struct mq_err err = MQ_ERR_INIT;
	struct mq_group_list list;
	struct mq_group_query query = {.groups = &group,
	                               .n_groups = group != NULL,
	                               .streams = &stream,
	                               .n_streams = stream != NULL,
	                               .want = MQ_GROUP_MEMBERS | MQ_GROUP_AGES};

	ok(mq_groups(s->conn, &query, &list, &err), &err);
	return list;
}

static int set(struct store *s, const char *group, const char *stream, int64_t p0, int64_t p1,
               bool create, bool force, struct mq_err *err)
{
	struct mq_group_move moves[] = {{.stream = stream, .partition = 0, .offset = p0},
	                                {.stream = stream, .partition = 1, .offset = p1}};
	struct mq_group_set what = {
	    .group = group, .moves = moves, .n = 2, .create = create, .force = force};

	mq_err_clear(err);
	return mq_group_set(s->conn, &what, err);
}

static void test_tells_where_groups_stand(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	store_init(&s);
	make(&s, "t");
	make(&s, "u");
	assert_int_equal(set(&s, "g", "t", 3, 10, true, false, &err), 0);
	struct mq_group_list list = look(&s, NULL, NULL);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.items[0].name, "g");
	assert_string_equal(list.items[0].state, "empty");
	assert_int_equal(list.items[0].member_count, 0);
	assert_int_equal(list.items[0].n_places, 2); /* only where it stands */
	const struct mq_place *place = list.items[0].places;
	assert_int_equal(place[0].committed, 3);
	assert_int_equal(place[0].end, 10);
	assert_int_equal(place[0].lag, 7);
	assert_int_equal(place[0].unread_ts_ms, 1006);
	assert_int_equal(place[1].lag, 0);
	assert_int_equal(place[1].unread_ts_ms, MQ_NO_TIME);
	mq_group_list_release(&list);
	/* both named: every partition, and no commit is no number */
	list = look(&s, "g", "u");
	assert_int_equal(list.items[0].n_places, 2);
	assert_int_equal(list.items[0].places[0].committed, -1);
	assert_int_equal(list.items[0].places[0].lag, -1);
	assert_int_equal(list.items[0].places[0].end, 10);
	mq_group_list_release(&list);
	list = look(&s, NULL, "u");
	assert_int_equal(list.n, 0);
	mq_group_list_release(&list);
	list = look(&s, "none", NULL);
	assert_int_equal(list.items[0].err.code, MQ_NOT_FOUND);
	mq_group_list_release(&list);
	/* a member that lives */
	struct mq_reader *reader = reader_of(&s, "u", "g", UNSET, UNSET);
	list = look(&s, "g", NULL);
	assert_int_equal(list.items[0].member_count, 1);
	assert_int_equal(list.items[0].n_members, 1);
	assert_int_equal(list.items[0].n_places, 4);
	assert_null(list.items[0].places[0].member);
	assert_string_equal(list.items[0].places[2].member, list.items[0].members[0].name);
	mq_group_list_release(&list);
	mq_reader_close(reader);
	store_release(&s);
}

/* What retention took is not waited for, and the next that exists is the oldest unread. */
static void test_retention_below_a_position(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;
	struct mq_trim_spec spec = {.stream = "t", .kind = MQ_TRIM_MAX_LENGTH, .value = 8};
	int64_t removed;

	(void)state;
	store_init(&s);
	make(&s, "t");
	assert_int_equal(set(&s, "g", "t", 0, 8, true, false, &err), 0);
	ok(mq_trim(s.conn, &spec, &removed, &err), &err);
	struct mq_group_list list = look(&s, "g", "t");
	assert_int_equal(list.items[0].places[0].committed, 0);
	assert_int_equal(list.items[0].places[0].begin, 6);
	assert_int_equal(list.items[0].places[0].lag, 4);
	assert_int_equal(list.items[0].places[0].unread_ts_ms, 1012);
	assert_int_equal(list.items[0].places[1].lag, 2);
	mq_group_list_release(&list);
	store_release(&s);
}

static void test_moves_and_refuses(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;

	(void)state;
	store_init(&s);
	make(&s, "t");
	assert_int_equal(set(&s, "g", "t", 1, 1, false, false, &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	assert_int_equal(set(&s, "g", "t", 1, 1, true, false, &err), 0);
	assert_int_equal(set(&s, "g", "t", 1, 1, true, false, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	assert_int_equal(set(&s, "g", "none", 1, 1, false, false, &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	/* the one that cannot is named, the other is moved */
	struct mq_group_move moves[] = {{.stream = "t", .partition = 1, .offset = 5},
	                                {.stream = "t", .partition = 2, .offset = 5}};
	struct mq_group_set what = {.group = "g", .moves = moves, .n = 2};
	mq_err_clear(&err);
	assert_int_equal(mq_group_set(s.conn, &what, &err), -1);
	assert_int_equal(err.code, MQ_PARTIAL);
	assert_int_equal(moves[0].err.code, MQ_OK);
	assert_int_equal(moves[1].err.code, MQ_NOT_FOUND);
	struct mq_group_list list = look(&s, "g", "t");
	assert_int_equal(list.items[0].places[1].committed, 5);
	mq_group_list_release(&list);
	struct mq_reader *reader = reader_of(&s, "t", "g", UNSET, UNSET);
	assert_int_equal(set(&s, "g", "t", 1, 1, false, false, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	struct mq_group_removal removal = {.group = "g"};
	mq_err_clear(&err);
	assert_int_equal(mq_group_remove(s.conn, &removal, &err), -1);
	assert_int_equal(err.code, MQ_USAGE);
	mq_reader_close(reader);
	mq_err_clear(&err);
	ok(mq_group_remove(s.conn, &removal, &err), &err);
	list = look(&s, NULL, NULL);
	assert_int_equal(list.n, 0);
	mq_group_list_release(&list);
	assert_int_equal(mq_group_remove(s.conn, &removal, &err), -1);
	assert_int_equal(err.code, MQ_NOT_FOUND);
	store_release(&s);
}

/* A reader holds a batch while its group is moved: what it commits for it does not count, and it
 * goes on from the new position. */
static void test_moved_under_a_reader(void **state)
{
	struct store s;
	struct mq_err err = MQ_ERR_INIT;
	bool seen[2][10] = {{false}};

	(void)state;
	store_init(&s);
	make(&s, "t");
	struct mq_reader *reader = reader_of(&s, "t", "g", UNSET, UNSET);
	struct mq_batch batch = get(reader, 100, 0);
	assert_int_equal(batch.n, 20);
	ok(mq_settle(reader, batch.messages, 5, &err), &err);
	ok(mq_commit(reader, true, &err), &err);
	assert_int_equal(set(&s, "g", "t", 2, 7, false, true, &err), 0);
	ok(mq_settle(reader, batch.messages + 5, 15, &err), &err);
	ok(mq_commit(reader, true, &err), &err);
	mq_release(reader, &batch);
	struct mq_group_list list = look(&s, "g", "t");
	assert_int_equal(list.items[0].places[0].committed, 2);
	assert_int_equal(list.items[0].places[1].committed, 7);
	mq_group_list_release(&list);
	batch = get(reader, 100, 5000);
	assert_int_equal(batch.n, 11);
	for (size_t i = 0; i < batch.n; i++)
		seen[batch.messages[i].partition][batch.messages[i].offset] = true;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(seen[0][i], i >= 2);
		assert_int_equal(seen[1][i], i >= 7);
	}
	ok(mq_settle(reader, batch.messages, batch.n, &err), &err);
	mq_release(reader, &batch);
	mq_reader_close(reader);
	list = look(&s, "g", "t");
	assert_int_equal(list.items[0].places[0].lag, 0);
	assert_int_equal(list.items[0].places[1].lag, 0);
	mq_group_list_release(&list);
	store_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tells_where_groups_stand),
	    cmocka_unit_test(test_retention_below_a_position),
	    cmocka_unit_test(test_moves_and_refuses),
	    cmocka_unit_test(test_moved_under_a_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
