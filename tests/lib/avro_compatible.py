"""Whether mqtk and Apache's library for Python (package avro) agree on what reads what: random
pairs of schemas, with renamed types and fields, aliases, defaults, recursion.

avro_compatible.py TOOL SEED N   TOOL is avro_cases of the tests' programs. Prints the seed, how many
                                 pairs there were and how many can be read; what differs is printed
                                 too, and the exit status is 1 then
"""
import json
import random
import sys

import avro.compatibility
import avro.schema

from avro_peer import PRIMITIVE, Maker, Tool


class Evolver:
    """Changes that keep a schema readable, and others."""

    def __init__(self, rng):
        self.rng = rng
        self.maker = Maker(rng)

    def chance(self, share):
        return self.rng.random() < share

    def schema(self):
        schema = self.maker.schema(3)
        while not isinstance(schema, dict) or schema["type"] != "record":
            schema = self.maker.schema(3)
        schema["fields"] = [f for f in schema["fields"] if f["name"] != "next"]
        if self.chance(0.5):
            schema["fields"].append({"name": "next", "type": ["null", schema["name"]]})
        return schema

    def default(self):
        return self.rng.choice([("string", "d"), ("int", -7), (["null", "int"], None),
                                ({"type": "array", "items": "long"}, []), ("boolean", True)])

    def changed_name(self, schema, new):
        """Another name, a namespace, an alias."""
        name, _, space = new["name"].rpartition(".")[::-1]
        full = (schema.get("namespace", "") or space)
        full = full + "." + name if full else name
        kind = self.rng.random()
        if kind < 0.05:
            new["name"] = "n.x." + name + "x"
            new.pop("namespace", None)
            if self.chance(0.5):
                new["aliases"] = [full]
        elif kind < 0.1:
            new["name"] = "other." + name
            new.pop("namespace", None)

    def record(self, schema, renamed):
        new = dict(schema)
        fields = []
        for field in schema["fields"]:
            if self.chance(0.06):
                continue
            made = {**field, "type": self.changed(field["type"], renamed)}
            if self.chance(0.06):
                made["name"] = field["name"] + "x"
                if self.chance(0.6):
                    made["aliases"] = [field["name"]]
            fields.append(made)
        if self.chance(0.2):
            kind, text = self.default()
            fields.append({"name": "new", "type": kind, "default": text})
        if self.chance(0.03):
            fields.append({"name": "needed", "type": "int"})
        self.rng.shuffle(fields)
        new["fields"] = fields
        return new

    def changed(self, schema, renamed):
        if isinstance(schema, list):
            branches = [self.changed(b, renamed) for b in schema if self.chance(0.96)]
            if self.chance(0.15) and "double" not in branches:
                branches.append("double")
            kept, seen = [], set()
            for branch in branches or ["null"]:
                if isinstance(branch, list):
                    continue
                key = branch if isinstance(branch, str) else branch.get("name", branch["type"])
                if key in seen:
                    continue
                seen.add(key)
                kept.append(branch)
            return kept
        if isinstance(schema, str):
            if schema not in PRIMITIVE:
                return renamed.get(schema, schema)
            if self.chance(0.1):
                return self.rng.choice(PRIMITIVE)
            return ["null", schema] if schema != "null" and self.chance(0.05) else schema
        new = dict(schema)
        kind = schema["type"]
        if kind == "array":
            new["items"] = self.changed(schema["items"], renamed)
            return new
        if kind == "map":
            new["values"] = self.changed(schema["values"], renamed)
            return new
        self.changed_name(schema, new)
        if "namespace" not in new:
            renamed[schema["name"]] = new["name"]
        if kind == "enum":
            new["symbols"] = [s for s in schema["symbols"] if self.chance(0.9)] or ["X"]
            if self.chance(0.3):
                new["default"] = new["symbols"][0]
        elif kind == "fixed":
            new["size"] += self.chance(0.05)
        else:
            new = self.record(new, renamed)
        return new


def apart(schema):
    """Names and namespaces apart: the library compares whole names where they are together."""
    if isinstance(schema, list):
        return [apart(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: apart(value) if key in ("type", "items", "values", "fields") else value
            for key, value in schema.items()}
    if "." in made.get("name", "") and "namespace" not in made:
        made["namespace"], _, made["name"] = made["name"].rpartition(".")
    return made


def main():
    tool, seed, count = Tool(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    evolver = Evolver(random.Random(seed))
    pairs = able = wrong = refused = 0
    while pairs < count:
        writer = evolver.schema()
        reader = evolver.changed(writer, {})
        texts = json.dumps(apart(reader)), json.dumps(apart(writer))
        try:
            parsed = [avro.schema.parse(text) for text in texts]
        except Exception:  # the change made it no schema
            refused += 1
            if refused > 10 * count:
                sys.exit("too few of the schemas are any")
            continue
        pairs += 1
        checker = avro.compatibility.ReaderWriterCompatibilityChecker()
        theirs = checker.get_compatibility(*parsed).compatibility
        theirs = theirs is avro.compatibility.SchemaCompatibilityType.compatible
        ok, ours = tool.ask("reads", *texts)
        able += theirs
        if not ok or (ours == "1") != theirs:
            wrong += 1
            print("DIFFERS: avro says", theirs, "mqtk", ok, ours, *texts, sep="\t")
    print("seed %d: %d pairs, %d can be read, %d differ" % (seed, pairs, able, wrong))
    sys.exit(1 if wrong else 0)


main()
