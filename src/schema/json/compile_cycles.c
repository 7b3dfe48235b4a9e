/* Schemas that ask themselves for the same value, and so would never end. */
#include "schema/json/compile.h"

#include <stdlib.h>

enum colour {
	UNSEEN,
	OPEN, /* it is on the path */
	DONE,
};

struct step {
	uint32_t node, check, branch; /* what is looked at next */
};

/* The n-th node that a check asks for the same value; JS_NO_NODE: there are no more. */
static uint32_t asked(const struct js_program *program, const struct js_check *check, uint32_t n)
{
	const uint32_t branches[] = {check->u.branches.condition, check->u.branches.then,
	                             check->u.branches.otherwise};

	switch ((enum js_op)check->op) {
	case JS_OP_REF:
	case JS_OP_NOT:
		return n == 0 ? check->u.node : JS_NO_NODE;
	case JS_OP_DEPENDENT_SCHEMA:
		return n == 0 ? check->u.dependent.node : JS_NO_NODE;
	case JS_OP_ALL_OF:
	case JS_OP_ANY_OF:
	case JS_OP_ONE_OF:
		return n < check->u.run.n ? program->list[check->u.run.first + n] : JS_NO_NODE;
	case JS_OP_IF:
		/* One that is not there is one that is done. */
		return n >= 3                      ? JS_NO_NODE
		       : branches[n] == JS_NO_NODE ? check->u.branches.condition
		                                   : branches[n];
	default:
		return JS_NO_NODE;
	}
}

static int refuse(const struct js_program *program, const struct step *step, struct mq_err *err)
{
	const struct js_node *node = &program->nodes[step->node];
	/* Only its place is asked for. */
	struct js_compiling on = {
	    .program = (struct js_program *)program, .document = node->document, .err = err};

	return js_compile_fail(&on, program->checks[node->first + step->check].value,
	                       "the schema asks itself for the same value, without end");
}

/* Goes down from a node, with a path of its own instead of recursion: schemas may be deep. */
static int search(const struct js_program *program, uint32_t from, uint8_t *colours,
                  struct step *path, struct mq_err *err)
{
	size_t depth = 1;

	path[0] = (struct step){from, 0, 0};
	colours[from] = OPEN;
	while (depth > 0) {
		struct step *top = &path[depth - 1];
		const struct js_node *node = &program->nodes[top->node];

		if (top->check == node->n) {
			colours[top->node] = DONE;
			depth--;
			continue;
		}
		uint32_t next =
		    asked(program, &program->checks[node->first + top->check], top->branch);
		if (next == JS_NO_NODE) {
			top->check++;
			top->branch = 0;
			continue;
		}
		if (colours[next] == OPEN)
			return refuse(program, top, err);
		top->branch++;
		if (colours[next] == UNSEEN) {
			colours[next] = OPEN;
			path[depth++] = (struct step){next, 0, 0};
		}
	}
	return 0;
}

int js_compile_no_cycles(const struct js_program *program, struct mq_err *err)
{
	uint8_t *colours = calloc(program->n_nodes, sizeof *colours);
	/* A path has each node once. */
	struct step *path = malloc(program->n_nodes * sizeof *path);
	int result = 0;

	if (!colours || !path)
		result = mq_fail_memory(err);
	for (uint32_t i = 0; i < program->n_nodes && result == 0; i++)
		if (colours[i] == UNSEEN)
			result = search(program, i, colours, path, err);
	free(colours);
	free(path);
	return result;
}
