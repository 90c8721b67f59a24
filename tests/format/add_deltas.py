"""Add golden deltas to `deltas/`, written from docs/format.md with plain pyarrow; what is there is never touched.

A full file and the deltas on it, each version with the digests of all its rows; and deltas that break a rule.
"""

import hashlib
import json
import runpy
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
PLAIN = runpy.run_path(str(HERE / "add_parquet.py"))
GOLDEN = PLAIN["GOLDEN"]
PLACE = {"base_row": pa.int64(), "in_base": pa.bool_()}
CHANGES = PLAIN["ROWS"] | PLACE | {"change": pa.string()}
FOLDER_CHANGES = PLAIN["FOLDERS"] | PLACE


def row_of(path, number):
    token = hashlib.md5(str(number).encode()).hexdigest()
    return GOLDEN["s3"](path, number, token, f"v{number}")


def every_state():
    """Yield the rows of versions, each made of the one before."""
    rows = {f"d{n // 20:02}/f{n % 20:02}": n for n in range(100)}
    state = {path: row_of(path, n) for path, n in rows.items()}
    state["top"] = row_of("top", 7)
    yield state
    state = dict(state)
    state["d00/f00"] = row_of("d00/f00", 1000)
    state["d00/f01"] = state["d00/f01"] | {"version_id": "another"}
    state["d00/f02"] = state["d00/f02"] | {"modified_at": "2026-06-01T00:00:00.000000Z"}
    for n in range(20):
        del state[f"d03/f{n:02}"]
    state["d02x/new"] = row_of("d02x/new", 5)
    state["a"] = row_of("a", 6)
    yield state
    state = dict(state)
    state["d03/f05"] = row_of("d03/f05", 65)
    state["zz/behind"] = row_of("zz/behind", 8)
    del state["a"], state["top"]
    yield state
    yield {}


def vectors():
    return [
        GOLDEN["vector"](f"delta {n}" if n else "full", list(state.values()))
        for n, state in enumerate(every_state())
    ]


def kind(was, now):
    if was is None or now is None:
        return "added" if was is None else "removed"
    if GOLDEN["identity"](was) != GOLDEN["identity"](now):
        return "modified"
    pins = ("uri", "version_id", "etag")
    return "repinned" if [was.get(n) for n in pins] != [now.get(n) for n in pins] else "touched"


def places(path, base):
    """Count the paths of the full file that are before a path, and tell whether it is one of them."""
    key = path.encode()
    return {"base_row": sum(each.encode() < key for each in base), "in_base": path in base}


def changes(old, new, base):
    olds, news = ({row["path"]: row for row in rows} for rows in (old, new))
    for path in sorted(olds.keys() | news.keys(), key=str.encode):
        was, now = olds.get(path), news.get(path)
        if was != now:
            found = PLAIN["with_times"](now or was)
            yield found | places(path, base) | {"change": kind(was, now)}


def folder_changes(old, new, base):
    def by_path(rows):
        return {row["path"]: row for row in PLAIN["rollup"](rows)}

    olds, news, bases = (by_path(rows) for rows in (old, new, base))
    for path in sorted(olds.keys() | news.keys(), key=lambda p: (p.count("/"), p.encode())):
        was, now = olds.get(path), news.get(path)
        if was != now:
            depth = path.count("/")
            level = [each for each in bases if each.count("/") == depth]
            row = now or {"depth": depth, "path": path, "count": 0, "size": 0}
            yield row | places(path, level)


def delta(vector, old, base, chain, change=lambda rows: rows, keys=None):
    """Return the bytes of a delta that makes a version of the rows before."""
    rows = change(list(changes(old["rows"], vector["rows"], [r["path"] for r in base["rows"]])))
    part = pa.BufferOutputStream()
    totals = list(folder_changes(old["rows"], vector["rows"], base["rows"]))
    with pq.ParquetWriter(part, PLAIN["table"]([], FOLDER_CHANGES).schema) as writer:
        for depth in sorted({row["depth"] for row in totals}):
            level = [row for row in totals if row["depth"] == depth]
            writer.write_table(PLAIN["table"](level, FOLDER_CHANGES))
    sink = pa.BufferOutputStream()
    writer = pq.ParquetWriter(sink, PLAIN["table"]([], CHANGES).schema)
    for start in range(0, len(rows), 9):
        writer.write_table(PLAIN["table"](rows[start : start + 9], CHANGES))
    data = part.getvalue()
    footer = PLAIN["footer"](vector, sink.tell(), data.size)
    footer |= {"landfast.format": "2.0", "landfast.base": " ".join(chain)} | (keys or {})
    sink.write(data)
    writer.add_key_value_metadata({key: text for key, text in footer.items() if text is not None})
    writer.close()
    return sink.getvalue().to_pybytes()


def one(number, **values):
    return lambda rows: [
        row | values if n == number % len(rows) else row for n, row in enumerate(rows)
    ]


# What a verifier refuses: where it meets that, a change of rows, keys of the footer.
BROKEN = {
    "a base in capitals": ("footer", None, {"landfast.base": "A" * 64}),
    "no base": ("footer", None, {"landfast.base": None}),
    "another major version": ("footer", None, {"landfast.format": "3.0"}),
    "an unknown change": ("row", one(0, change="moved"), {}),
    "a place that goes back": ("row", one(3, base_row=0), {}),
    "a place behind the end": ("row", one(-1, base_row=500), {}),
    "in_base of a path that is not there": ("row", one(0, in_base=True), {}),
    "a place of another path": ("row", one(1, base_row=1), {}),
    "a digest of other rows": ("summary", None, {"landfast.content_digest": "lf1:" + "0" * 64}),
}


def main():
    target, index_file = HERE / "deltas", HERE / "golden_deltas.json"
    index = json.loads(index_file.read_text()) if index_file.exists() else {}
    target.mkdir(exist_ok=True)

    def store(data):
        sha256 = hashlib.sha256(data).hexdigest()
        (target / f"{sha256}.parquet").write_bytes(data)
        return sha256

    if not index:
        full, *rest = vectors()
        PLAIN["write_plainly"](full, target / "full")
        data = (target / "full").read_bytes()
        (target / "full").unlink()
        chain, old = [store(data)], full
        index = {"versions": {full["name"]: list(chain)}, "refused": {}}
        for vector in rest:
            chain.append(store(delta(vector, old, full, chain)))
            index["versions"][vector["name"]] = list(chain)
            old = vector
        first = rest[0]
        for name, (where, change, keys) in BROKEN.items():
            data = delta(first, full, full, chain[:1], change or (lambda rows: rows), keys)
            index["refused"][name] = {"where": where, "sha256": store(data)}
        index_file.write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
