"""Where groups of Redis stand, by Redis itself.

figures_redis.py make HOST:PORT PREFIX SEED
    makes streams PREFIX-0 … with groups, members, and what was deleted and trimmed
figures_redis.py compare HOST:PORT[,HOST:PORT…] ASKED STREAM… < lines of mqtk lag -J
    ASKED: the moment (ms) before the lines were asked for
    each figure of each line against XINFO, XPENDING and a count of the entries themselves; says
    what differs (exit 1), else how many places there were
With several hosts it is a cluster.
"""
import json
import random
import sys
import time

import redis


def connect(hosts):
    first = hosts.split(",")[0].rsplit(":", 1)
    if "," in hosts:
        from redis.cluster import RedisCluster
        return RedisCluster(host=first[0], port=int(first[1]), decode_responses=True)
    return redis.Redis(host=first[0], port=int(first[1]), decode_responses=True)


def make(r, prefix, seed):
    rng = random.Random(seed)
    for s in range(6):
        name, last = f"{prefix}-{s}", 0
        base = int(time.time() * 1000) - 100000

        def add(n):
            nonlocal last
            for _ in range(n):
                last += rng.randint(1, 20)
                r.xadd(name, {"payload": "x"}, id=f"{base + last}-{rng.randint(0, 3)}")

        add(rng.randint(1, 60))
        ids = [i for i, _ in r.xrange(name)]
        for g in range(4):
            how = rng.choice(["0", "$", rng.choice(ids)])
            r.xgroup_create(name, f"g{g}", id=how)
        for _ in range(rng.randint(2, 10)):
            act = rng.randrange(5)
            group, member = f"g{rng.randrange(4)}", f"m{rng.randrange(3)}"
            if act <= 1:
                got = r.xreadgroup(group, member, {name: ">"}, count=rng.randint(1, 9))
                for _, entries in got:
                    done = [i for i, _ in entries if rng.random() < 0.6]
                    if done:
                        r.xack(name, group, *done)
            elif act == 2:
                add(rng.randint(1, 15))
            elif act == 3:
                there = [i for i, _ in r.xrange(name)]
                if there:
                    r.xdel(name, *rng.sample(there, min(2, len(there))))
            else:
                r.xtrim(name, maxlen=rng.randint(0, 40), approximate=False)


def first_behind(r, stream, last):
    """All entries behind an id."""
    ms, seq = last.split("-")
    return r.xrange(stream, min=f"{ms}-{int(seq) + 1}")


def compare(r, asked, streams, lines):
    wrong, told = [], 0
    rows = {(row["group"], row["stream"]): row for row in map(json.loads, lines)}
    expected = set()
    for stream in streams:
        info = r.xinfo_stream(stream)
        for group in r.xinfo_groups(stream):
            name = group["name"]
            expected.add((name, stream))
            row = rows.get((name, stream))
            if row is None:
                continue

            def same(what, mine, theirs):
                if mine != theirs:
                    wrong.append(f"{name} {stream}: {what}: {mine}, but {theirs}")

            behind = first_behind(r, stream, group["last-delivered-id"])
            pending = r.xpending_range(stream, name, "-", "+", 100000)
            idle = max((p["time_since_delivered"] for p in pending), default=None)
            same("committed", row["committed"], group["last-delivered-id"])
            same("end", row["end"], info["last-generated-id"])
            same("lag", row["lag"], len(behind))
            # What XINFO tells beside trimmed entries is wrong in 7.0.
            trimmed = info.get("entries-added", 0) != info["length"]
            if not trimmed and group.get("lag") is not None:
                same("lag by XINFO", row["lag"], group["lag"])
                told += 1
            same("pending", row["pending"], group["pending"])
            same("pending by XPENDING", row["pending"], len(pending))
            if idle is None:
                same("idle", row["oldest_idle_ms"], None)
            elif not idle - (time.time() * 1000 - asked) <= row["oldest_idle_ms"] <= idle:
                wrong.append(f"{name} {stream}: idle {row['oldest_idle_ms']}, but {idle}")
            if behind:
                first = int(behind[0][0].split("-")[0])
                if not asked - first <= row["age_ms"] <= time.time() * 1000 - first:
                    wrong.append(f"{name} {stream}: age {row['age_ms']} of {first}")
            else:
                same("age", row["age_ms"], 0)
    if expected != set(rows):
        wrong.append(f"places {sorted(rows)}, but {sorted(expected)}")
    print("\n".join(wrong) if wrong else f"{len(expected)} places, {told} with a lag of XINFO")
    return 1 if wrong else 0


def main():
    r = connect(sys.argv[2])
    if sys.argv[1] == "make":
        make(r, sys.argv[3], int(sys.argv[4]))
        return 0
    return compare(r, float(sys.argv[3]), sys.argv[4:], sys.stdin)


sys.exit(main())
