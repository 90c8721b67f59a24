"""The story: snapshot, train, change, diff, trace, verify, and download what was recorded."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import landfast
from landfast.demo import data
from landfast.demo.bucket import BUCKET, exported, require_server, upload, versioned_bucket
from landfast.demo.narrator import Narrator

End: TypeAlias = "Callable[[Narrator], None] | None"


def run_demo(root: str | None = None, *, as_json: bool = False, end: End = None) -> None:
    """Run the demo in a folder of its own, new or empty; None makes a temporary one, which is kept.

    `as_json` prints the claims as one JSON value instead of the story; `end` is called while the S3 server runs.

    Raises:
        Conflict: If the folder is not empty.
        MissingExtra: If the extra `demo` is not installed.
    """
    require_server()  # not in the middle of the story
    folder = _work_folder(root)
    here = {
        "LANDFAST_REGISTRY_URL": f"sqlite:///{folder / 'registry.db'}",
        "LANDFAST_CACHE_DIR": str(folder / "cache"),
        "LANDFAST_ARTIFACT_DIR": str(folder / "artifacts"),
        "LANDFAST_PROJECT": "demo",
    }
    with exported(here):
        tell = Narrator(as_json=as_json)
        _on_a_folder(tell, folder)
        with versioned_bucket() as (s3, variables), exported(variables):
            _on_a_bucket(tell, folder, s3)
            tell.end({**here, **variables} if end else here, str(folder), is_serving=bool(end))
            if end is not None:
                end(tell)


def ending(*, serve: bool, ui: bool, port: int, opens: bool) -> End:
    """Return what happens at the end: pages in a browser, or just the S3 server, until interrupted."""
    if ui:
        return lambda tell: _show(tell, port=port, opens=opens)
    return _wait_for_interrupt if serve else None


def _on_a_folder(tell: Narrator, folder: Path) -> None:
    digits = folder / "digits"
    data.write_digits(digits)
    tell.step("Snapshot a folder")
    client = landfast.Client()
    v0 = client.log("digits", digits)
    tell.by_hand("put", "--reference", str(digits), "--name", "digits")
    tell.claim(
        f"{v0.name}: {v0.file_count} files, {v0.size:,} bytes, digest {v0.digest[:16]}...",
        *("show", "digits:v0"),
        files=v0.file_count,
        bytes=v0.size,
        digest=v0.digest,
    )
    _train(tell, folder)
    _change(tell, client, digits)


def _train(tell: Narrator, folder: Path) -> None:
    tell.step("Train on exactly that, and log the model")
    with landfast.init(project="demo", job_type="train") as run:
        dataset = run.use_artifact("digits:latest", type="dataset")
        model = landfast.Artifact("classifier", type="model")
        weights = folder / "weights.npz"
        accuracy = data.train(Path(dataset.download()), weights)
        model.metadata["accuracy"] = round(accuracy, 3)
        model.add_file(weights)
        logged = run.log_artifact(model, aliases=["candidate"])
    tell.say(f"   trained on {dataset.name}: {accuracy:.1%} of held-out digits are right")
    tell.by_hand("get", "digits:latest")
    tell.by_hand(
        "put", str(weights), "--name", "classifier", "--type", "model", "--alias", "candidate"
    )
    tell.claim(
        f"{logged.name} is {'candidate'!r}, a copy in the registry's store",
        *("show", "classifier:candidate"),
        version="v0",
        digest=logged.digest,
        metadata={"accuracy": round(accuracy, 3)},
    )


def _change(tell: Narrator, client: landfast.Client, digits: Path) -> None:
    tell.step("Change one file and snapshot again")
    data.drop_last_row(digits / "7.csv")
    v1 = client.log("digits", digits)
    tell.by_hand("put", "--reference", str(digits), "--name", "digits")
    tell.claim(f"{v1.name} appeared", "show", "digits:latest", version="v1", digest=v1.digest)

    tell.step("Snapshot again: nothing changed, so there is no new version")
    same = client.log("digits", digits)
    looks = len(client.history("digits"))
    tell.say(
        f"   still {same.name}: created {same.created}, changed {same.changed}; {looks} looks were recorded"
    )
    tell.claim("two versions, three looks", "history", "digits", __len__=looks)

    tell.step("What changed?")
    changed = client.diff("digits:v0", "digits:v1").counts
    tell.claim(
        ", ".join(f"{count} {kind}" for kind, count in changed.items() if count),
        *("diff", "digits:v0", "digits:v1"),
        counts={str(kind): count for kind, count in changed.items()},
    )

    tell.step("Which data made the model?")
    lineage = client.lineage("classifier:candidate")
    upstream = [str(name) for name in lineage.upstream]
    tell.claim(
        f"{lineage.root} was made from {', '.join(upstream)}",
        *("lineage", "classifier:candidate"),
        upstream=upstream,
        root=str(lineage.root),
    )

    tell.step("Are the recorded bytes still there?")
    report = client.verify("digits:v0")
    tell.say("   a folder keeps nothing that is overwritten, and verify says so:")
    tell.claim(
        f"digits:v0: {report.summary}",
        *("verify", "digits:v0"),
        counts={str(verdict): count for verdict, count in report.counts.items() if count},
    )


def _on_a_bucket(tell: Narrator, folder: Path, s3: Any) -> None:
    digits, uri = folder / "digits", f"s3://{BUCKET}/digits/"
    tell.step("The same on S3: a bucket that keeps what is overwritten")
    upload(s3, digits, "digits/")
    client = landfast.Client()
    v0 = client.log("digits-s3", uri)
    tell.by_hand("put", uri, "--name", "digits-s3")
    recorded = (digits / "3.csv").read_bytes()
    s3.put_object(Bucket=BUCKET, Key="digits/3.csv", Body=b"overwritten by somebody\n")
    v1 = client.log("digits-s3", uri)
    tell.say(f"   {v0.name} was logged, 3.csv was overwritten, {v1.name} was logged")
    report = client.verify("digits-s3:v0")
    tell.claim(
        f"digits-s3:v0: {report.summary}",
        *("verify", "digits-s3:v0"),
        counts={str(verdict): count for verdict, count in report.counts.items() if count},
    )

    tell.step("Download what v0 recorded")
    target = folder / "v0-again"
    downloaded = client.download("digits-s3:v0", target)
    assert (target / "3.csv").read_bytes() == recorded
    tell.by_hand("get", "digits-s3:v0", "--root", str(target))
    tell.claim(
        f"{downloaded.files} files; 3.csv is what it was before it was overwritten, byte for byte",
        *("get", "digits-s3:v0", "--root", str(target), "--no-use"),
        files=downloaded.files,
        bytes=downloaded.bytes,
    )


def _work_folder(root: str | None) -> Path:
    if root is None:
        return Path(tempfile.mkdtemp(prefix="landfast-demo-"))
    folder = Path(root).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise landfast.Conflict(
            f"{folder} is not empty", subject=str(folder), hint="Give a new folder with --root."
        )
    return folder


def _show(tell: Narrator, *, port: int, opens: bool) -> None:
    from landfast.web.server import Address, serve

    tell.say("")
    serve(landfast.Client(), Address(port=port), say=tell.say, opens=opens)


def _wait_for_interrupt(tell: Narrator) -> None:
    import threading

    tell.say("\nThe S3 server is running; Ctrl-C stops it.")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
