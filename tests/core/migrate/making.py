"""What the real tools wrote: made in their own environments, kept in `recorded/`, and put back for a test.

`scripts/peer-fixtures` makes it anew.  Objects have the same version ids each time, as moto's are drawn from a seed;
what a tool wrote into the bucket itself has other ids, which are replaced in its text files.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import struct
import subprocess
import sys
import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from kit.servers.s3 import S3Server

from tests.docs.pages import ROOT, blocks

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
ENVIRONMENTS = ROOT / ".venvs" / "peers"
BUCKET = "peer-data"
OBJECTS = "objects.json"
# Script -> its environment.
SCRIPTS = {
    "wandb": ("wandb_log", "wandb"),
    "dagster-wandb": ("dagster_wandb_log", "dagster-wandb"),
    "quilt": ("quilt_push", "quilt3"),
    "dvc": ("dvc_track", "dvc"),
    "datachain": ("datachain_save", "datachain"),
}
# The content of the third is that of the first.
FIRST = {"labels.csv": "0,1\n", "train/0.png": "zero", "train/1.png": "one", "a b%20+ü.txt": "odd"}
STEPS: tuple[Mapping[str, str | None], ...] = (
    FIRST,
    {"labels.csv": "0,1,2\n", "train/2.png": "two"},
    {"labels.csv": "0,1\n", "train/2.png": None},
)
_TEXTS = {".dvc", ".json", ".local", ".txt", ""}


def take_step(server: S3Server, step: int, bucket: str = BUCKET) -> None:
    """Write and delete the objects of a step; version ids are always the same."""
    if step == 0:
        server.client.create_bucket(Bucket=bucket)
        server.set_versioning(bucket, "Enabled")
    _seed(server, step)
    for name, body in STEPS[step].items():
        if body is None:
            server.client.delete_object(Bucket=bucket, Key=f"mnist/{name}")
        else:
            server.put(bucket, f"mnist/{name}", body.encode())


def make(peer: str, server: S3Server, folder: Path) -> None:
    """Let the real tool record each step, in a folder."""
    folder.mkdir(parents=True)
    for step in range(len(STEPS)):
        take_step(server, step)
        run_peer(peer, server, folder, step)


def run_peer(peer: str, server: S3Server, folder: Path, step: int) -> None:
    """Run the script of a tool in its own environment."""
    script, environment = SCRIPTS[peer]
    home = folder.parent / f"home-{peer}"
    home.mkdir(exist_ok=True)
    python = ENVIRONMENTS / environment / "bin" / "python"
    extra = [str(exporter(folder.parent))] if peer == "wandb" else []
    done = subprocess.run(
        [python, HERE / "peers" / f"{script}.py", BUCKET, str(step), *extra],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **server.environment()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{script} failed:\n{done.stdout}\n{done.stderr}")


def exporter(folder: Path) -> Path:
    """Write the exporter that the page shows to a file."""
    page = ROOT / "docs" / "coming-from-wandb.md"
    (text,) = (b.text for b in blocks(page) if b.file_name == "export_wandb.py")
    path = folder / "export_wandb.py"
    path.write_text(text, encoding="utf-8")
    return path


def record(server: S3Server, folder: Path) -> None:
    """Note what a tool wrote into the bucket beside the objects of the steps."""
    pages = server.client.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    rows = [row for page in pages for row in page.get("Versions", ())]
    rows.sort(key=lambda row: row["LastModified"])
    written = []
    for row in rows:
        if not row["Key"].startswith("mnist/"):
            where = {"Bucket": BUCKET, "Key": row["Key"], "VersionId": row["VersionId"]}
            body = server.client.get_object(**where)["Body"].read()
            written.append([row["Key"], row["VersionId"], base64.b64encode(body).decode()])
    (folder / OBJECTS).write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


def restore(peer: str, server: S3Server, target: Path) -> Path:
    """Put back what a tool recorded: the objects of all steps and its own, and a copy of its files."""
    for step in range(len(STEPS)):
        take_step(server, step)
    words = {"http://s3.recorded.example": server.url}
    objects = json.loads((RECORDED / peer / OBJECTS).read_text(encoding="utf-8"))
    for key, version_id, body in objects:
        words[version_id] = str(server.put(BUCKET, key, _replaced(base64.b64decode(body), words)))
    return copy(peer, target, words)


def copy(peer: str, target: Path, words: Mapping[str, str] = MappingProxyType({})) -> Path:
    """Copy the files that a tool recorded, some words in them replaced; no object is put back."""
    shutil.copytree(RECORDED / peer, target)
    (target / OBJECTS).unlink()
    for file in _text_files(target):
        file.write_bytes(_replaced(file.read_bytes(), words))
    if (history := target / "history.txt").exists():
        subprocess.run(["git", "init", "-q", "-b", "main", target], check=True)
        with history.open() as file:
            subprocess.run(["git", "-C", target, "fast-import", "--quiet"], stdin=file, check=True)
        subprocess.run(["git", "-C", target, "reset", "-q"], check=True)
        history.unlink()
    return target


def _replaced(body: bytes, words: Mapping[str, str]) -> bytes:
    for old, new in words.items():
        body = body.replace(old.encode(), new.encode())
    return body


def _text_files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file() and file.suffix in _TEXTS)


def _seed(server: S3Server, step: int) -> None:
    url = f"{server.url}/moto-api/seed?a={1000 + step}"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=30) as reply:
        reply.read()


def main(peers: list[str]) -> None:
    """Make what is recorded of some tools anew."""
    from kit.servers.moto import moto

    for peer in peers or list(SCRIPTS):
        folder = RECORDED.parent / ".making" / peer
        shutil.rmtree(folder.parent, ignore_errors=True)
        with moto() as server:
            make(peer, server, folder)
            keep(peer, folder)
            record(server, RECORDED / peer)
            for file in _text_files(RECORDED / peer):
                file.write_bytes(
                    file.read_bytes().replace(server.url.encode(), b"http://s3.recorded.example")
                )
        shutil.rmtree(folder.parent)


# What is worth keeping of what a tool leaves.
_KEPT = {
    "wandb": ("wandb/offline-run-*/run-*.wandb", "exported/**/*.json"),
    "dagster-wandb": ("dagster/**/offline-run-*/run-*.wandb",),
    "quilt": ("data/**/.quilt/**/*",),
    "dvc": ("history.txt", "*.dvc", ".dvc/config*", ".dvc/cache/**/*.dir"),
    "datachain": ("root/.datachain/db",),
}


def keep(peer: str, folder: Path) -> None:
    """Copy what is to be recorded."""
    target = RECORDED / peer
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for pattern in _KEPT[peer]:
        for file in folder.glob(pattern):
            if file.is_file():
                place = target / file.relative_to(folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(without_our_paths(file.read_bytes(), file.suffix))


def without_our_paths(data: bytes, suffix: str) -> bytes:
    """Replace where this checkout lies by as many letters, so that lengths in binary files stay right."""
    ours = str(ROOT).encode()
    found = data.replace(ours, (b"/home/someone/" + b"x" * len(ours))[: len(ours)])
    return _sealed(bytearray(found)) if suffix == ".wandb" else found


def _sealed(log: bytearray) -> bytes:
    """Write the checksums of a log in the form of LevelDB anew."""
    at = 7
    while at + 7 <= len(log):
        left = 32_768 - at % 32_768
        length, kind = struct.unpack_from("<HB", log, at + 4)
        if left < 7 or not kind:
            at += left
            continue
        data = log[at + 7 : at + 7 + length]
        struct.pack_into("<I", log, at, zlib.crc32(data, zlib.crc32(bytes([kind]))))
        at += 7 + length
    return bytes(log)


if __name__ == "__main__":
    main(sys.argv[1:])
