/* Names of dead-letter streams, and names that only look like them. */
#include "cmd/dlq/dead_names.c" /* NOLINT(bugprone-suspicious-include): it has no library to be in */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *name, *origin; /* "": none */
} names[] = {
    {"orders.DLT", "orders"},
    {"orders-dlt", "orders"},
    {"orders.dlq", "orders"},
    {"orders_dlq", "orders"},
    {"shop.orders-v2-dlq", "shop.orders-v2"},
    {"orders.dead", "orders"},
    {"orders.error", "orders"},
    {"orders_error", "orders"},
    {"orders.parking-lot", "orders"},
    {"orders.parkinglot", "orders"},
    {"orders.dead-letter", "orders"},
    {"orders-dead-letter-queue", "orders"},
    {"OrdersDeadLetterQueue", "Orders"},
    {"ordersDLQ", "orders"},
    {"orders/dlq", "orders"},
    {"dlq-my-connector", "my-connector"},
    {"dlq.group", "group"},
    {"dlx", ""},
    {"error", ""},
    {"DeadLetters", ""},
    {"dlq", ""},
    {"orders.dlq.archive", ""},
};
static const char *const others[] = {"orders",      "",           "...",        "deadline",
                                     "dead.orders", "error.logs", "errors-5xx", "terror",
                                     "undead",      "orders.lot", "parking",    "dlqueue",
                                     "letter",      "-",          "ordersdlq"};

static void says_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct mq_bytes origin;
		if (!dead_name(names[i].name, &origin))
			fail_msg("%s is none", names[i].name);
		if (!mq_bytes_equal(origin, mq_bytes_str(names[i].origin)) &&
		    (origin.len || names[i].origin[0]))
			fail_msg("%s: %.*s", names[i].name, (int)origin.len, origin.data);
	}
}

static void others_are_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		struct mq_bytes origin;
		if (dead_name(others[i], &origin))
			fail_msg("%s is one", others[i]);
		assert_null(origin.data);
	}
}

/* No more words are looked at than there is room for. */
static void long_names_end(void **state)
{
	char name[4096];
	struct mq_bytes origin;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof name; i += 2)
		memcpy(name + i, "a.", 2);
	name[sizeof name - 1] = '\0';
	assert_false(dead_name(name, &origin));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says_so),
	    cmocka_unit_test(others_are_none),
	    cmocka_unit_test(long_names_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
