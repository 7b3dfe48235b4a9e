/* Lag: rows from made-up lists, rates, states over windows, sums, order, limits. */
#include "mqtk/lag.h"
#include "mqtk/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct mq_err err;

/* A list of one group that reads "orders"; its partitions come with place(). */
static struct mq_group_info *group_in(struct mq_group_list *list, const char *name, int64_t members)
{
	struct mq_group_info *group = mq_group_list_add(list, name, &err);

	assert_non_null(group);
	group->member_count = members;
	return group;
}

static struct mq_place *place(struct mq_group_info *group, int32_t partition, int64_t committed,
                              int64_t end)
{
	struct mq_place *p = mq_group_add_place(group, "orders", partition, &err);

	assert_non_null(p);
	p->committed = committed;
	p->end = end;
	p->lag = committed < 0 ? -1 : end - committed;
	return p;
}

static void add(struct mq_lag_table *table, struct mq_group_list *list, int64_t at_ms)
{
	mq_group_list_sort(list);
	assert_int_equal(mq_lag_table_add(table, list, 1000000, at_ms, &err), 0);
	mq_group_list_release(list);
}

/* One look at one partition. */
static void look(struct mq_lag_table *table, int64_t members, int64_t committed, int64_t end,
                 int64_t at_ms)
{
	struct mq_group_list list = {0};

	place(group_in(&list, "g", members), 0, committed, end);
	add(table, &list, at_ms);
}

static void look_id(struct mq_lag_table *table, const char *committed, const char *end, int64_t lag,
                    int64_t at_ms)
{
	struct mq_group_list list = {0};
	struct mq_place *p = place(group_in(&list, "g", 1), MQ_NO_PARTITION, -1, -1);

	p->committed_id = committed ? strdup(committed) : NULL;
	p->end_id = end ? strdup(end) : NULL;
	p->lag = lag;
	add(table, &list, at_ms);
}

static void look_counted(struct mq_lag_table *table, const char *committed, const char *end,
                         int64_t lag, int64_t added, int64_t at_ms)
{
	struct mq_group_list list = {0};
	struct mq_place *p = place(group_in(&list, "g", 1), MQ_NO_PARTITION, -1, -1);

	p->committed_id = strdup(committed);
	p->end_id = strdup(end);
	p->lag = lag;
	p->added = added;
	add(table, &list, at_ms);
}

static void look_queue(struct mq_lag_table *table, int64_t lag, int64_t consumers, double in,
                       double out, int64_t at_ms)
{
	struct mq_group_list list = {0};
	struct mq_place *p = place(group_in(&list, NULL, -1), MQ_NO_PARTITION, -1, -1);

	p->lag = p->ready = lag;
	p->consumers = consumers;
	p->rate_in = in;
	p->rate_out = out;
	add(table, &list, at_ms);
}

#define assert_state(table, wanted)                                                                \
	assert_string_equal(mq_lag_state_name((table).rows[0].state), wanted)
#define assert_near(a, b) assert_true((a) - (b) < 0.001 && (b) - (a) < 0.001)

static void test_one_look(void **state)
{
	static const struct {
		int64_t members, committed, end, lag, eta;
		const char *state;
	} cases[] = {
	    {1, 10, 10, 0, 0, "ok"},       {0, 10, 10, 0, 0, "ok"},
	    {0, 4, 10, 6, -1, "stop"},     {2, 4, 10, 6, -1, "unknown"},
	    {-1, 4, 10, 6, -1, "unknown"}, {0, -1, 10, -1, -1, "unknown"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_lag_table table;
		mq_lag_table_init(&table, 1, 2, 0);
		look(&table, cases[i].members, cases[i].committed, cases[i].end, 0);
		assert_int_equal(table.n, 1);
		assert_int_equal(table.rows[0].lag, cases[i].lag);
		assert_int_equal(table.rows[0].eta_s, cases[i].eta);
		assert_true(table.rows[0].rate_in < 0 && table.rows[0].rate_out < 0);
		assert_int_equal(table.rows[0].members, cases[i].members);
		assert_state(table, cases[i].state);
		mq_lag_table_release(&table);
	}
}

static void test_rates(void **state)
{
	struct mq_lag_table table;

	(void)state;
	mq_lag_table_init(&table, 2, 2, 0);
	look(&table, 1, 100, 200, 5000);
	look(&table, 1, 150, 210, 7000);
	assert_near(table.rows[0].rate_in, 5);
	assert_near(table.rows[0].rate_out, 25);
	assert_int_equal(table.rows[0].eta_s, 3); /* 60 / 20 */
	assert_state(table, "ok");
	/* The window moves: only the last two count. It is slower than what comes. */
	look(&table, 1, 152, 220, 9000);
	assert_near(table.rows[0].rate_in, 5);
	assert_near(table.rows[0].rate_out, 1);
	assert_int_equal(table.rows[0].eta_s, -1);
	assert_state(table, "warn");
	/* The stream was made anew: nothing is known about rates. */
	look(&table, 1, 0, 10, 11000);
	assert_true(table.rows[0].rate_in < 0 && table.rows[0].rate_out < 0);
	assert_state(table, "rewind");
	/* Two looks at the same moment have no rate. */
	look(&table, 1, 5, 10, 11000);
	assert_true(table.rows[0].rate_in < 0 && table.rows[0].rate_out < 0);
	mq_lag_table_release(&table);
}

/* Committed and end of looks two seconds apart, and what they mean in the end. */
static void test_states(void **state)
{
	static const struct {
		const char *expect;
		int64_t members, quiet_ms;
		int64_t looks[6][2]; /* ended by {-2} */
	} cases[] = {
	    {"ok", 1, 0, {{5, 10}, {8, 10}, {-2}}},
	    {"ok", 1, 0, {{5, 10}, {7, 12}, {9, 13}, {-2}}},
	    {"ok", 1, 0, {{10, 10}, {11, 14}, {-2}}},
	    {"warn", 1, 0, {{5, 10}, {7, 12}, {8, 14}, {-2}}},
	    {"warn", 1, 0, {{5, 10}, {7, 12}, {-2}}},
	    {"stall", 1, 0, {{5, 10}, {5, 10}, {-2}}},
	    {"stop", 1, 0, {{5, 10}, {5, 12}, {-2}}},
	    {"stop", 0, 0, {{5, 10}, {5, 10}, {-2}}},
	    {"stop", 0, 60000, {{10, 10}, {10, 12}, {-2}}},
	    {"ok", 0, 0, {{5, 10}, {8, 10}, {-2}}}, /* it reads without being a member */
	    {"rewind", 1, 0, {{10, 10}, {3, 10}, {-2}}},
	    {"rewind", 0, 0, {{10, 10}, {3, 10}, {-2}}},
	    {"rewind", 1, 0, {{9, 10}, {3, 10}, {5, 10}, {-2}}},
	    {"ok", 1, 0, {{9, 10}, {3, 10}, {10, 10}, {-2}}},
	    {"unknown", 1, 0, {{5, 10}, {-1, 12}, {-2}}},
	    /* It has to rest for long enough. */
	    {"unknown", 1, 4000, {{5, 10}, {5, 10}, {-2}}},
	    {"stall", 1, 4000, {{5, 10}, {5, 10}, {5, 10}, {-2}}},
	    {"stop", 1, 4000, {{3, 10}, {5, 10}, {5, 10}, {5, 11}, {-2}}},
	    {"ok", 1, 4000, {{3, 10}, {5, 10}, {5, 10}, {-2}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mq_lag_table table;
		int64_t at_ms = 0;
		mq_lag_table_init(&table, 10, 10, cases[i].quiet_ms);
		for (const int64_t(*l)[2] = cases[i].looks; (*l)[0] != -2; l++)
			look(&table, cases[i].members, (*l)[0], (*l)[1], at_ms += 2000);
		if (strcmp(mq_lag_state_name(table.rows[0].state), cases[i].expect) != 0)
			fail_msg("case %zu: %s, not %s", i, mq_lag_state_name(table.rows[0].state),
			         cases[i].expect);
		mq_lag_table_release(&table);
	}
}

static void test_ids(void **state)
{
	struct mq_lag_table table;

	(void)state;
	mq_lag_table_init(&table, 2, 2, 0);
	look_id(&table, "9-5", "12-0", 4, 0);
	look_id(&table, "10-0", "12-0", 2, 2000); /* as numbers: 9 is before 10 */
	assert_near(table.rows[0].rate_in, 0);
	assert_near(table.rows[0].rate_out, 1);
	assert_int_equal(table.rows[0].eta_s, 2);
	assert_state(table, "ok");
	look_id(&table, "10-0", "13-0", 6, 4000);
	assert_near(table.rows[0].rate_in, 2);
	assert_near(table.rows[0].rate_out, 0);
	assert_int_equal(table.rows[0].eta_s, -1);
	assert_state(table, "stop");
	/* Both move: ids do not count, so only the difference is known. */
	look_id(&table, "11-0", "14-0", 4, 6000);
	assert_true(table.rows[0].rate_in < 0 && table.rows[0].rate_out < 0);
	assert_int_equal(table.rows[0].eta_s, 4);
	look_id(&table, "10-7", "14-0", 5, 8000);
	assert_state(table, "rewind");
	/* What is no id of numbers is not compared. */
	look_id(&table, "x", "y", 5, 10000);
	look_id(&table, "z", "y", 5, 12000);
	assert_true(table.rows[0].rate_in < 0 && table.rows[0].rate_out < 0);
	mq_lag_table_release(&table);
}

/* Where the broker counts what comes, both rates are known although both sides move. */
static void test_counted_ids(void **state)
{
	struct mq_lag_table table;

	(void)state;
	mq_lag_table_init(&table, 2, 2, 0);
	look_counted(&table, "5-0", "9-0", 10, 100, 0);
	look_counted(&table, "6-0", "10-0", 6, 120, 2000);
	assert_near(table.rows[0].rate_in, 10);
	assert_near(table.rows[0].rate_out, 12);
	assert_int_equal(table.rows[0].eta_s, 3);
	assert_state(table, "ok");
	/* The stream was made anew. */
	look_counted(&table, "7-0", "11-0", 6, 3, 4000);
	assert_true(table.rows[0].rate_in < 0 && table.rows[0].rate_out < 0);
	look_counted(&table, "8-0", "12-0", -1, 13, 6000);
	assert_near(table.rows[0].rate_in, 5);
	assert_true(table.rows[0].rate_out < 0);
	mq_lag_table_release(&table);
}

static void test_queues(void **state)
{
	struct mq_lag_table table;

	(void)state;
	mq_lag_table_init(&table, 3, 3, 0);
	look_queue(&table, 5, 0, 0, 0, 0);
	assert_state(table, "stop");
	assert_int_equal(table.rows[0].members, 0);
	look_queue(&table, 5, 1, 0, 0, 2000);
	assert_state(table, "stall");
	look_queue(&table, 6, 1, 1, 0, 4000);
	assert_state(table, "stop");
	look_queue(&table, 6, 1, 1, 3, 6000);
	assert_state(table, "warn");
	assert_near(table.rows[0].rate_in, 1);
	assert_near(table.rows[0].rate_out, 3);
	assert_int_equal(table.rows[0].eta_s, 3);
	look_queue(&table, 4, 1, 1, 3, 8000);
	assert_state(table, "ok");
	look_queue(&table, 0, 0, 0, 0, 10000);
	assert_state(table, "ok");
	mq_lag_table_release(&table);
	/* Without rates there is still the lag. */
	mq_lag_table_init(&table, 3, 3, 0);
	look_queue(&table, 9, 1, -1, -1, 0);
	look_queue(&table, 7, 1, -1, -1, 2000);
	assert_state(table, "ok");
	assert_int_equal(table.rows[0].eta_s, 7);
	look_queue(&table, 7, 1, -1, -1, 4000);
	look_queue(&table, 8, 1, -1, -1, 6000);
	assert_state(table, "warn");
	mq_lag_table_release(&table);
}

/* Only what is ready is known: that much it is at least. */
static void test_half_known_queue(void **state)
{
	struct mq_lag_limits limits = {.max_lag = 49, .max_age_ms = -1};
	struct mq_group_list list = {0};
	struct mq_lag_table table;
	struct mq_lag_sums sums;
	struct mq_buf words;
	struct mq_place *p = place(group_in(&list, NULL, -1), MQ_NO_PARTITION, -1, -1);

	(void)state;
	p->ready = 50;
	mq_buf_init(&words, 10000);
	mq_lag_table_init(&table, 1, 1, 0);
	add(&table, &list, 0);
	assert_int_equal(table.rows[0].lag, -1);
	assert_int_equal(table.rows[0].lag_floor, 50);
	assert_int_equal(mq_lag_sums_make(&table, &sums, &err), 0);
	assert_int_equal(mq_lag_check(&sums.items[0], &limits, &words, &err), MQ_LAG_BROKEN);
	assert_int_equal(mq_buf_append_char(&words, '\0', &err), 0);
	assert_string_equal(words.data, "orders: lag at least 50 > 49\n");
	limits.max_lag = 50;
	assert_int_equal(mq_lag_check(&sums.items[0], &limits, &words, &err), MQ_LAG_NOT_KNOWN);
	mq_lag_sums_release(&sums);
	mq_lag_table_release(&table);
	mq_buf_release(&words);
}

static void test_ages(void **state)
{
	struct mq_group_list list = {0};
	struct mq_lag_table table;
	struct mq_group_info *group = group_in(&list, "g", 1);

	(void)state;
	place(group, 0, 1, 2)->unread_ts_ms = 999000; /* now is 1000000 */
	place(group, 1, 1, 2)->unread_ts_ms = 1000500;
	place(group, 2, 2, 2);
	place(group, 3, 1, 2);
	mq_lag_table_init(&table, 1, 1, 0);
	add(&table, &list, 0);
	assert_int_equal(table.rows[0].age_ms, 1000);
	assert_int_equal(table.rows[1].age_ms, 0); /* from a clock that goes before ours */
	assert_int_equal(table.rows[2].age_ms, 0);
	assert_int_equal(table.rows[3].age_ms, -1);
	mq_lag_table_release(&table);
}

static void test_what_comes_and_goes(void **state)
{
	struct mq_group_list list = {0};
	struct mq_lag_table table;
	struct mq_group_info *group;

	(void)state;
	mq_lag_table_init(&table, 4, 4, 0);
	group = group_in(&list, "g", 1);
	place(group, 0, 1, 2);
	place(group, 1, 1, 2);
	add(&table, &list, 0);
	group = group_in(&list, "g", 1);
	place(group, 2, 1, 9);
	place(group, 1, 2, 2);
	add(&table, &list, 1000);
	assert_int_equal(table.n, 3);
	assert_true(table.rows[0].gone);
	assert_state(table, "unknown");
	assert_int_equal(table.rows[0].lag, -1);
	assert_non_null(table.rows[0].error);
	assert_int_equal(table.rows[1].n_samples, 2);
	assert_int_equal(table.rows[2].n_samples, 1);
	/* It is told once, and what comes back begins anew. */
	group = group_in(&list, "g", 1);
	place(group, 0, 1, 2);
	place(group, 1, 2, 2);
	place(group, 2, 2, 9);
	add(&table, &list, 2000);
	assert_int_equal(table.n, 3);
	assert_false(table.rows[0].gone);
	assert_int_equal(table.rows[0].n_samples, 1);
	assert_int_equal(table.rows[1].n_samples, 3);
	/* Everything is gone, and then nothing is there. */
	add(&table, &list, 3000);
	assert_int_equal(table.n, 3);
	add(&table, &list, 4000);
	assert_int_equal(table.n, 0);
	mq_lag_table_release(&table);
}

static void test_errors(void **state)
{
	struct mq_group_list list = {0};
	struct mq_lag_table table;
	struct mq_group_info *group;

	(void)state;
	mq_lag_table_init(&table, 1, 1, 0);
	group_in(&list, "empty", 0);
	group = group_in(&list, "away", -1);
	mq_fail(&group->err, MQ_UNREACHABLE, "node 2 is down");
	group = group_in(&list, "half", 1);
	mq_fail(&group->err, MQ_UNREACHABLE, "node 3 is down");
	place(group, 0, 1, 2);
	place(group, 1, -1, -1);
	place(group, 2, -1, -1)->error = strdup("no leader");
	place(group, 3, -1, 2);
	add(&table, &list, 0);
	assert_int_equal(table.n, 6);
	assert_string_equal(table.rows[0].group, "away");
	assert_null(table.rows[0].stream);
	assert_string_equal(table.rows[0].error, "node 2 is down");
	assert_false(table.rows[0].idle);
	assert_true(table.rows[1].idle);
	assert_null(table.rows[2].error);
	assert_string_equal(table.rows[3].error, "node 3 is down");
	assert_string_equal(table.rows[4].error, "no leader");
	assert_null(table.rows[5].error);
	mq_lag_table_release(&table);
}

static void test_members_of_a_stream(void **state)
{
	struct mq_group_list list = {0};
	struct mq_lag_table table;
	struct mq_group_info *group = group_in(&list, "g", 3);

	(void)state;
	mq_group_add_member(group, "a", &err)->stream = strdup("orders");
	mq_group_add_member(group, "b", &err)->stream = strdup("orders");
	mq_group_add_member(group, "a", &err)->stream = strdup("other");
	assert_non_null(mq_group_add_place(group, "unread", -1, &err));
	place(group, -1, 1, 2);
	mq_lag_table_init(&table, 1, 1, 0);
	add(&table, &list, 0);
	assert_int_equal(table.rows[0].members, 2);
	assert_true(table.rows[0].own_members);
	assert_int_equal(table.rows[1].members, 0);
	mq_lag_table_release(&table);
}

static void test_sums_and_limits(void **state)
{
	struct mq_group_list list = {0};
	struct mq_lag_table table;
	struct mq_lag_sums sums;
	struct mq_lag_limits limits = {.max_lag = -1, .max_age_ms = -1};
	struct mq_group_info *group;
	struct mq_buf words;

	(void)state;
	mq_buf_init(&words, 10000);
	mq_lag_table_init(&table, 1, 1, 0);
	group = group_in(&list, "billing", 0);
	place(group, 0, 0, 1000)->unread_ts_ms = 400000;
	place(group, 1, 0, 204)->unread_ts_ms = 999000;
	group = group_in(&list, "audit", -1);
	place(group, 0, 999, 1000)->unread_ts_ms = 999000;
	place(group, 1, -1, 204);
	group = group_in(&list, NULL, -1);
	place(group, -1, -1, -1)->lag = 0;
	add(&table, &list, 0);
	assert_int_equal(mq_lag_sums_make(&table, &sums, &err), 0);
	assert_int_equal(sums.n, 3);
	assert_null(sums.items[0].row.group);
	const struct mq_lag_sum *audit = &sums.items[1], *billing = &sums.items[2];
	assert_int_equal(billing->row.lag, 1204);
	assert_int_equal(billing->row.partition, MQ_NO_PARTITION);
	assert_int_equal(billing->row.age_ms, 600000);
	assert_int_equal(billing->row.state, MQ_LAG_STOP);
	assert_int_equal(billing->n, 2);
	assert_int_equal(audit->row.lag, -1);
	assert_int_equal(audit->row.lag_floor, 1);
	assert_int_equal(audit->row.age_ms, -1);
	assert_int_equal(audit->row.age_floor, 1000);
	assert_int_equal(billing->row.lag_floor, -1);
	assert_int_equal(audit->row.state, MQ_LAG_UNKNOWN);

	/* Without limits everything holds. */
	assert_int_equal(mq_lag_check(billing, &limits, &words, &err), MQ_LAG_HOLDS);
	assert_int_equal(mq_lag_check(audit, &limits, &words, &err), MQ_LAG_HOLDS);
	assert_int_equal(words.len, 0);
	limits.max_lag = 1204;
	assert_int_equal(mq_lag_check(billing, &limits, &words, &err), MQ_LAG_HOLDS);
	assert_int_equal(mq_lag_check(audit, &limits, &words, &err), MQ_LAG_NOT_KNOWN);
	limits.max_lag = 0;
	limits.max_age_ms = 300000;
	limits.members = true;
	assert_int_equal(mq_lag_check(&sums.items[0], &limits, &words, &err), MQ_LAG_NOT_KNOWN);
	assert_int_equal(mq_lag_check(billing, &limits, &words, &err), MQ_LAG_BROKEN);
	assert_int_equal(mq_lag_check(audit, &limits, &words, &err), MQ_LAG_BROKEN);
	assert_int_equal(mq_buf_append_char(&words, '\0', &err), 0);
	assert_string_equal(
	    words.data, "group audit on orders: the lag is unknown in 1 of 2 partitions\n"
	                "orders: whether it has members is unknown\n"
	                "group billing on orders: lag 1,204 > 0\n"
	                "group billing on orders: the oldest unread message is 10m00s old > 5m00s\n"
	                "group billing on orders: no members\n"
	                "group audit on orders: lag at least 1 > 0\n"
	                "group audit on orders: the age of the oldest unread message is unknown in "
	                "1 of 2 partitions\n"
	                "group audit on orders: whether it has members is unknown\n");
	limits.allow_unknown = true;
	limits.max_lag = 1;
	mq_buf_clear(&words);
	assert_int_equal(mq_lag_check(audit, &limits, &words, &err), MQ_LAG_HOLDS);
	assert_int_equal(words.len, 0);
	mq_lag_sums_release(&sums);
	mq_lag_table_release(&table);
	mq_buf_release(&words);
}

static void test_order(void **state)
{
	static const char *const expected[] = {"stop big", "ok big", "ok old", "ok big", "a"};
	const struct mq_lag_row rows[] = {
	    {.group = (char *)"ok big", .lag = 90, .age_ms = 1, .rate_out = 9, .state = MQ_LAG_OK},
	    {.group = (char *)"stop big", .lag = 5, .age_ms = 2, .state = MQ_LAG_STOP},
	    {.group = (char *)"stop", .lag = 4, .age_ms = 3, .state = MQ_LAG_STOP},
	    {.group = (char *)"ok old", .lag = 1, .age_ms = 9, .rate_out = -1, .state = MQ_LAG_OK},
	    {.group = (char *)"a", .lag = -1, .age_ms = -1, .state = MQ_LAG_UNKNOWN},
	};

	(void)state;
	for (enum mq_lag_order order = MQ_LAG_BY_WORST; order < MQ_LAG_ORDERS; order++) {
		const struct mq_lag_row *sorted[5];
		for (size_t i = 0; i < 5; i++)
			sorted[i] = &rows[i];
		mq_lag_sort(sorted, 5, order);
		assert_string_equal(sorted[0]->group, expected[order]);
		assert_non_null(mq_lag_order_name(order));
	}
}

static void test_counts(void **state)
{
	static const struct {
		int64_t number;
		const char *text;
	} cases[] = {{0, "0"},
	             {999, "999"},
	             {1000, "1,000"},
	             {123456, "123,456"},
	             {-1234, "-1,234"},
	             {-123, "-123"},
	             {INT64_MAX, "9,223,372,036,854,775,807"},
	             {INT64_MIN, "-9,223,372,036,854,775,808"}};
	char text[MQ_COUNT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		mq_count_format(cases[i].number, text);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_look),
	    cmocka_unit_test(test_rates),
	    cmocka_unit_test(test_states),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_counted_ids),
	    cmocka_unit_test(test_queues),
	    cmocka_unit_test(test_half_known_queue),
	    cmocka_unit_test(test_ages),
	    cmocka_unit_test(test_what_comes_and_goes),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_members_of_a_stream),
	    cmocka_unit_test(test_sums_and_limits),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
