"""Generated schemas and instances of JSON Schema, judged by mqtk and by Python's jsonschema.

schema_differ.py JUDGE PAIRS SEED (with jsonschema and jsonschema_rs in PYTHONPATH): prints the seed,
each pair that is judged differently, and the counts; the exit status is 1 when one of them has no
explanation below. JUDGE is the program tests/lib/schema_judge.

What is not generated, because jsonschema cannot be right about it: numbers that a double does not
hold (its floats are doubles), regular expressions that Python and ECMA-262 read differently, formats
(it checks few of them), annotations of content.
"""
import json
import random
import subprocess
import sys

import jsonschema
import jsonschema_rs

RUST = {"2019-09": "Draft201909Validator", "2020-12": "Draft202012Validator"}
DRAFTS = {
    "4": jsonschema.Draft4Validator,
    "6": jsonschema.Draft6Validator,
    "7": jsonschema.Draft7Validator,
    "2019-09": jsonschema.Draft201909Validator,
    "2020-12": jsonschema.Draft202012Validator,
}
ORDER = list(DRAFTS)
NAMES = ["a", "b", "c", "ab", "\u00e9", ""]
STRINGS = ["", "a", "b", "ab", "abc", "a1", "12", "\u00e9", "\u00e9\u00e8", "\U0001f600", "A b"]
NUMBERS = [0, 1, 2, 3, -1, 10, 100, 1.0, 2.0, 0.5, 1.5, -0.0, 1e2, 2.5e-1, 12345678901234567890,
           12345678901234567891, 1e15, -3]
PATTERNS = ["^a", "b$", "^[a-c]+$", "[0-9]", "^.{2}$", "^(a|b)", "\u00e9", "^$", "a.c", "^[^a]*$", "^[0-9a-z]+$"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]


class Maker:
    def __init__(self, rng, draft):
        self.rng, self.draft, self.level = rng, draft, ORDER.index(draft)

    def scalar(self):
        r = self.rng
        return r.choice([lambda: None, lambda: r.random() < 0.5, lambda: r.choice(NUMBERS),
                         lambda: r.choice(NUMBERS), lambda: r.choice(STRINGS)])()

    def value(self, depth):
        r = self.rng
        kind = r.random()
        if depth == 0 or kind < 0.35:
            return self.scalar()
        if kind < 0.65:
            return [self.value(depth - 1) for _ in range(r.randint(0, 4))]
        return {r.choice(NAMES): self.value(depth - 1) for _ in range(r.randint(0, 4))}

    def like(self, schema, depth):
        """An instance that has some chance to be valid."""
        r = self.rng
        if depth == 0 or not isinstance(schema, dict) or r.random() < 0.15:
            return self.value(min(depth, 2))
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return r.choice(schema["enum"])
        branches = [b for k in ("allOf", "anyOf", "oneOf") for b in schema.get(k, [])]
        branches += [schema[k] for k in ("if", "then", "else") if k in schema]
        if branches and r.random() < 0.5:
            return self.like(r.choice(branches), depth - 1)
        types = schema.get("type", TYPES)
        kind = r.choice(types if isinstance(types, list) else [types])
        if "type" not in schema:
            if {"properties", "required", "patternProperties", "additionalProperties"} & set(schema):
                kind = "object"
            elif {"items", "prefixItems", "contains"} & set(schema):
                kind = "array"
        if kind == "object":
            out = {}
            for name in set(schema.get("required", [])) if isinstance(schema.get("required"), list) else []:
                out[name] = self.value(1)
            for name, sub in schema.get("properties", {}).items():
                if r.random() < 0.7:
                    out[name] = self.like(sub, depth - 1)
            for _ in range(r.randint(0, 2)):
                extra = schema.get("additionalProperties", schema.get("unevaluatedProperties", True))
                out[r.choice(NAMES)] = self.like(extra, depth - 1)
            items = list(out.items())
            r.shuffle(items)
            return dict(items)
        if kind == "array":
            items, out = schema.get("items", True), []
            prefix = schema.get("prefixItems", items if isinstance(items, list) else [])
            out = [self.like(s, depth - 1) for s in prefix[: r.randint(0, 4)]]
            rest = items if not isinstance(items, list) else schema.get("additionalItems", True)
            out += [self.like(r.choice([rest, schema.get("contains", rest)]), depth - 1)
                    for _ in range(r.randint(0, 3))]
            return out
        return {"null": lambda: None, "boolean": lambda: r.random() < 0.5,
                "integer": lambda: r.choice([n for n in NUMBERS if n == int(n)]),
                "number": lambda: r.choice(NUMBERS), "string": lambda: r.choice(STRINGS)}[kind]()

    def schema(self, depth, refs):
        r, level = self.rng, self.level
        if level >= 1 and r.random() < 0.08:
            return r.random() < 0.6
        out = {}
        if r.random() < 0.12 and refs:
            out["$ref"] = r.choice(refs)
            if r.random() < 0.6:
                return out
        for _ in range(r.randint(1, 3)):
            self.keyword(out, depth, refs)
        # jsonschema breaks down at it where items is a boolean.
        if not isinstance(out.get("items"), list):
            out.pop("additionalItems", None)
        items = list(out.items())
        r.shuffle(items)
        return dict(items)

    def keyword(self, out, depth, refs):
        r, level = self.rng, self.level
        plain = ["type", "type", "enum", "range", "length", "pattern", "count", "size", "unique",
                 "required", "multiple"]
        nested = ["properties", "properties", "patternProperties", "additionalProperties", "items",
                  "items", "allOf", "anyOf", "oneOf", "not", "dependencies"]
        if level >= 1:
            plain.append("const")
            nested += ["contains", "propertyNames"]
        if level >= 2:
            nested += ["if", "if"]
        if level >= 3:
            nested += ["dependentSchemas", "dependentRequired", "unevaluatedProperties",
                       "unevaluatedItems", "again"]
        word = r.choice(plain if depth == 0 else plain + nested + nested)
        # Below these the same value is looked at: no reference back to the root.
        same = [ref for ref in refs if ref.startswith("#/")]
        sub = lambda refs_=None: self.schema(depth - 1, same if refs_ is None else refs_)
        below = same + ["#"]
        if word == "type":
            out["type"] = r.choice(TYPES) if r.random() < 0.7 else r.sample(TYPES, r.randint(1, 3))
        elif word == "enum":
            values = []
            for _ in range(r.choice([1, 2, 3, 12])):
                value = self.value(2)
                if not any(jsonschema._utils.equal(value, other) for other in values):
                    values.append(value)
            out["enum"] = values
        elif word == "const":
            out["const"] = self.value(2)
        elif word == "range":
            out[r.choice(["minimum", "maximum"])] = r.choice(NUMBERS)
            if level == 0 and r.random() < 0.4:
                for name, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
                    if limit in out:
                        out[name] = r.random() < 0.7
            elif level > 0 and r.random() < 0.4:
                out[r.choice(["exclusiveMinimum", "exclusiveMaximum"])] = r.choice(NUMBERS)
        elif word == "multiple":
            out["multipleOf"] = r.choice([1, 2, 3, 0.5, 0.25, 1.5, 10, 2.0])
        elif word == "length":
            out[r.choice(["minLength", "maxLength"])] = r.choice([0, 1, 2, 3])
        elif word == "pattern":
            out["pattern"] = r.choice(PATTERNS)
        elif word == "count":
            out[r.choice(["minItems", "maxItems"])] = r.choice([0, 1, 2, 3])
        elif word == "size":
            out[r.choice(["minProperties", "maxProperties"])] = r.choice([0, 1, 2, 3])
        elif word == "unique":
            out["uniqueItems"] = r.random() < 0.8
        elif word == "required":
            out["required"] = r.sample(NAMES, r.randint(1, 3))
        elif word == "properties":
            out["properties"] = {r.choice(NAMES): sub(below) for _ in range(r.randint(1, 6))}
        elif word == "patternProperties":
            out["patternProperties"] = {r.choice(PATTERNS): sub(below) for _ in range(r.randint(1, 2))}
        elif word == "additionalProperties":
            out["additionalProperties"] = sub(below) if r.random() < 0.6 else False
        elif word == "items":
            self.items(out, sub, below)
        elif word in ("allOf", "anyOf", "oneOf"):
            out[word] = [sub() for _ in range(r.randint(1, 3))]
        elif word == "not":
            out["not"] = sub()
        elif word == "if":
            out["if"] = sub()
            for name in ("then", "else"):
                if r.random() < 0.7:
                    out[name] = sub()
        elif word == "contains":
            out["contains"] = sub(below)
            if level >= 3 and r.random() < 0.5:
                out[r.choice(["minContains", "maxContains"])] = r.choice([0, 1, 2])
        elif word == "propertyNames":
            out["propertyNames"] = sub(same)
        elif word == "dependencies" and level < 3:
            out["dependencies"] = {r.choice(NAMES): sub() if r.random() < 0.5
                                   else r.sample(NAMES, r.randint(1, 2)) for _ in range(r.randint(1, 2))}
        elif word == "dependentRequired":
            out["dependentRequired"] = {r.choice(NAMES): r.sample(NAMES, r.randint(0, 2)) for _ in range(2)}
        elif word == "dependentSchemas":
            out["dependentSchemas"] = {r.choice(NAMES): sub() for _ in range(r.randint(1, 2))}
        elif word in ("unevaluatedProperties", "unevaluatedItems"):
            out[word] = sub(below) if r.random() < 0.3 else False
        elif word == "again":
            again = {"$recursiveRef": "#"} if self.draft == "2019-09" else {"$dynamicRef": "#top"}
            if r.random() < 0.5:
                out.setdefault("properties", {})[r.choice(NAMES)] = again
            elif "prefixItems" not in out:
                out["items"] = again

    def items(self, out, sub, below):
        r = self.rng
        many = [sub(below) for _ in range(r.randint(1, 3))]
        if r.random() < 0.5:
            out["items"] = sub(below)
        elif self.draft == "2020-12":
            out["prefixItems"] = many
            if r.random() < 0.5:
                out["items"] = sub(below)
        else:
            out["items"] = many
            if r.random() < 0.6:
                out["additionalItems"] = sub(below) if r.random() < 0.6 else False

    def root(self):
        r, level = self.rng, self.level
        word = "$defs" if level >= 3 else "definitions"
        defs, refs = {}, []
        for name in r.sample(["p", "q", "r", "x/y"], r.randint(0, 3)):
            defs[name] = self.schema(1, list(refs))
            refs.append("#/%s/%s" % (word, name.replace("/", "~1")))
        out = self.schema(3, refs)
        if not isinstance(out, dict):
            return out
        if defs:
            out[word] = defs
        if self.draft == "2019-09":
            out["$recursiveAnchor"] = True
        if self.draft == "2020-12":
            out["$dynamicAnchor"] = "top"
        return out

    def spoil(self, out):
        """Most of what this makes is refused by the meta-schema."""
        r = self.rng
        name, value = r.choice([
            ("type", "strin"), ("type", 7), ("required", "a"), ("required", ["a", "a"]), ("enum", {}),
            ("minLength", -1), ("maxItems", 1.5), ("maxItems", 2.0), ("properties", []),
            ("uniqueItems", 1), ("multipleOf", 0), ("multipleOf", -1), ("allOf", []),
            ("not", 3), ("items", "x"), ("pattern", 1), ("$ref", 5), ("required", []),
            ("dependencies", {"a": 1}), ("definitions", {"z": {"type": "x"}}), ("type", []),
            ("exclusiveMaximum", True), ("exclusiveMaximum", 3), ("minimum", "1"), ("title", 1),
            ("additionalProperties", None), ("oneOf", {}), ("maxProperties", "2")])
        out[name] = value
        # What the meta-schema of draft 4 says nothing of, jsonschema finds only on its way there.
        if self.level == 0 and name == "$ref":
            out["type"] = 7


def has(value, what):
    """Whether what is true of a value, or of one within it."""
    if what(value):
        return True
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return any(has(v, what) for v in below)


def explained(draft, schema, instance, verdict):
    """Why jsonschema may judge this pair differently, or None."""
    words = set()
    has(schema, lambda v: isinstance(v, dict) and words.update(v))
    if (has(schema, lambda v: isinstance(v, dict) and isinstance(v.get("multipleOf"), float))
            and has(instance, lambda v: isinstance(v, int) and abs(v) > 2**53)):
        return "it divides as doubles, which hold 53 bits, when multipleOf has a point"
    if draft == "2019-09" and words >= {"unevaluatedItems", "contains"}:
        return "contains has no annotation in 2019-09 (9.3.1.4), so it evaluates nothing; there it does"
    if words & {"unevaluatedProperties", "unevaluatedItems"}:
        # It collects by keyword what was evaluated: the names within the schema of
        # additionalProperties count and others do not, dependentSchemas that fail count … Where it
        # differs, the Rust implementation decides.
        rust = getattr(jsonschema_rs, RUST[draft])(json.dumps(schema))
        if str(int(rust.is_valid(instance))) == verdict:
            return "it approximates unevaluated*; the Rust implementation agrees with mqtk"
    return None


def main():
    judge, pairs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)
    print("seed %d" % seed, flush=True)
    child = subprocess.Popen([judge], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             encoding="utf-8", bufsize=1 << 16)
    counts = dict.fromkeys(("pairs", "valid", "schemas", "bad", "explained", "unexplained"), 0)

    def different(draft, schema, *what):
        reason = explained(draft, schema, what[0], what[2])
        counts["explained" if reason else "unexplained"] += 1
        if not reason:
            print("DIFFERENT draft %s %s" % (draft, json.dumps(schema)), *what, sep=" | ", flush=True)

    while counts["pairs"] < pairs and counts["unexplained"] < 50:
        draft = rng.choice(ORDER)
        maker, cls = Maker(rng, draft), DRAFTS[draft]
        schema = maker.root()
        instances = [maker.like(schema, 4) for _ in range(10)]
        if isinstance(schema, dict) and rng.random() < 0.04:
            maker.spoil(schema)
        child.stdin.write("S%s\t%s\n" % (draft, json.dumps(schema)))
        for instance in instances:
            child.stdin.write("I%s\n" % json.dumps(instance, ensure_ascii=rng.random() < 0.5))
        child.stdin.flush()
        mine = [child.stdout.readline().rstrip("\n") for _ in range(1 + len(instances))]
        counts["schemas"] += 1
        try:
            cls.check_schema(schema)
            good = True
        except jsonschema.SchemaError:
            good = False
        if (mine[0] == "ok") != good:
            different(draft, schema, None, "as a schema", mine[0], good)
        if mine[0] != "ok" or not good:
            counts["bad"] += 1
            continue
        validator = cls(schema)
        for instance, verdict in zip(instances, mine[1:]):
            try:
                valid = validator.is_valid(instance)
            except TypeError as error:  # where unevaluatedItems meets items: true
                valid = error
            counts["pairs"] += 1
            counts["valid"] += verdict == "1"
            if verdict != ("1" if valid is True else "0" if valid is False else None):
                different(draft, schema, instance, json.dumps(instance), verdict, valid)
    child.stdin.close()
    print(", ".join("%d %s" % (n, what) for what, n in counts.items()))
    return child.wait() != 0 or counts["unexplained"] > 0


if __name__ == "__main__":
    sys.exit(main())
