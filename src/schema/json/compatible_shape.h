/*
 * A schema as compatibility sees it: what kind of values it speaks of, apart for each kind, with
 * references followed and combinations in one form. Shapes are made when they are first asked for
 * and known by number; 0 is the shape that allows everything.
 */
#ifndef SCHEMA_JSON_COMPATIBLE_SHAPE_H
#define SCHEMA_JSON_COMPATIBLE_SHAPE_H

#include "schema/json/library.h"

enum shape_type {
	SHAPE_PLACE, /* not looked at yet */
	SHAPE_SAME,  /* as its only child */
	SHAPE_EMPTY, /* allows everything */
	SHAPE_FALSE, /* allows nothing */
	SHAPE_STRING,
	SHAPE_NUMBER,
	SHAPE_BOOLEAN,
	SHAPE_NULL,
	SHAPE_ARRAY,
	SHAPE_OBJECT,
	SHAPE_ENUM, /* value: the array of enum, or the value of const */
	SHAPE_NOT,
	SHAPE_CONDITION, /* children: if, then, else */
	SHAPE_ALL,       /* children: at least two, as of the following */
	SHAPE_ANY,
	SHAPE_ONE,
};

struct shape {
	uint8_t type;  /* enum shape_type */
	uint8_t side;  /* number of the library */
	bool required; /* values of other types are not valid (STRING … OBJECT) */
	bool integer;  /* NUMBER */
	bool constant; /* ENUM: by const */
	bool
	    applies_more; /* OBJECT, ARRAY: other keywords beside it may look into its values too */
	uint32_t document, value;
	uint32_t first, n; /* children */
};

struct shapes {
	struct js_library *library[2];
	struct shape *items;
	size_t n, cap;
	uint32_t *children;
	size_t n_children, cap_children;
	uint32_t *table; /* places: number of the shape + 1 */
	size_t cap_table, n_table;
	struct mq_err *err;
	bool broken; /* err is set */
};

int shapes_init(struct shapes *shapes, struct js_library *first, struct js_library *second,
                struct mq_err *err);
void shapes_release(struct shapes *shapes);

/* The shape of the schema at a place. */
uint32_t shape_at(struct shapes *shapes, unsigned side, uint32_t document, uint32_t value);
/* What it really is: never PLACE nor SAME. */
uint32_t shape_resolve(struct shapes *shapes, uint32_t i);
/* Child k of a shape, resolved. */
uint32_t shape_child(struct shapes *shapes, uint32_t i, uint32_t k);

const struct js_doc *shape_doc(const struct shapes *shapes, const struct shape *shape);
/* A keyword's value where the shape stands; 0: it has none, or the draft knows none. */
uint32_t shape_keyword(const struct shapes *shapes, const struct shape *shape, const char *name);
/* The resolved schema that a keyword holds; false: there is none. */
bool shape_under(struct shapes *shapes, const struct shape *shape, const char *name, uint32_t *ret);

#endif
