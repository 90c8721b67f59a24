"""What happens while a system looks, or on the way from the server."""

from __future__ import annotations

import io

from boto3.s3.transfer import TransferConfig
from kit.servers.exchange import Request, Response
from kit.servers.faults import Body, Status, Truncate

from conformance.case import FAILS, HOLDS_OR_FAILS, case
from conformance.outcomes import Outcome, Result
from conformance.promises import CHECKED, COMPLETE, HONEST, KEPT, UNCHANGED
from conformance.systems import Refused
from conformance.trial import BUCKET, Trial

FILES = {"a.txt": "recorded a", "deep/b.txt": "recorded b"}
LISTS = ("list-objects-v1", "list-objects-v2", "list-versions")


@case("An object is replaced each time the system has listed or asked about it", KEPT)
def replaced_meanwhile(trial: Trial) -> Result:
    trial.puts(FILES)
    written = ["recorded a"]

    def replace(request: Request, response: Response) -> None:
        looked = request.kind == "head" and request.path.endswith("a.txt")
        if (looked or (request.kind in LISTS and b"a.txt" in response.body)) and len(written) < 9:
            written.append(f"written while it was looked at, {'longer ' * len(written)}")
            trial.put("data/a.txt", written[-1])

    trial.front.after = replace
    version = trial.log()
    trial.front.after = None
    try:
        got = trial.download(version)
    except Refused as error:
        return trial.refused("download", error)
    if got.get("a.txt") in written and got.get("deep/b.txt") == FILES["deep/b.txt"]:
        return Result(Outcome.HOLDS, "the version has the bytes of one moment, and gives them back")
    return Result(Outcome.WRONG_BYTES, "download gives bytes that never were there")


@case(
    "Two versions of an object are recorded, and a third content is written",
    KEPT,
)
def two_versions_of_one(trial: Trial) -> Result:
    trial.puts(FILES)
    first = trial.log()
    trial.put("data/a.txt", "second")
    second = trial.log()
    trial.put("data/a.txt", "third")
    later = trial.gives_back(second, {**FILES, "a.txt": "second"})
    return later if later.outcome is not Outcome.HOLDS else trial.gives_back(first, FILES)


@case(
    "A page of the list comes as 200 with an error in its body, once",
    COMPLETE,
    right=HOLDS_OR_FAILS,
)
def error_in_a_page(trial: Trial) -> Result:
    trial.puts(FILES)
    error = (
        b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>again</Message></Error>"
    )
    trial.front.inject(Body(body=error), when=_lists_data, at=1)
    return trial.gives_back(trial.log(), FILES)


@case("A page of the list is cut off, once", COMPLETE, right=HOLDS_OR_FAILS)
def page_cut_off(trial: Trial) -> Result:
    trial.puts(FILES)
    trial.front.inject(Truncate(keep=200), when=_lists_data, at=1)
    return trial.gives_back(trial.log(), FILES)


@case("The list is refused with 503, once", COMPLETE, right=HOLDS_OR_FAILS)
def list_refused(trial: Trial) -> Result:
    trial.puts(FILES)
    trial.front.inject(Status(status=503), when=_lists_data, at=1)
    return trial.gives_back(trial.log(), FILES)


@case("The body of an object is cut off, once", HONEST, right=HOLDS_OR_FAILS)
def body_cut_off(trial: Trial) -> Result:
    files = {"a.txt": "a line of many\n" * 20_000}
    trial.puts(files)
    version = trial.log()
    trial.front.inject(Truncate(keep=100_000), when=_reads_a, at=1)
    return trial.gives_back(version, files)


@case("As many other bytes come on the way", CHECKED, right=FAILS)
def altered_on_the_way(trial: Trial) -> Result:
    trial.puts(FILES)
    version = trial.log()
    trial.front.inject(Body(body=b"altered it"), when=_reads_a)
    return trial.gives_back(version, FILES)


@case("An error page comes with 200 in place of an object", HONEST, right=FAILS)
def error_page(trial: Trial) -> Result:
    trial.puts(FILES)
    version = trial.log()
    trial.front.inject(
        Body(body=b"<html>down for maintenance, come back later</html>"), when=_reads_a
    )
    return trial.gives_back(version, FILES)


@case(
    "The same bytes are uploaded in several parts: another ETag",
    UNCHANGED,
    without={
        "landfast": 'an ETag of several parts is opaque to it; `checksum="sha256"` compares content',
        "wandb": "its digest of an object is the ETag",
        "dvc": "it keeps the ETag",
    },
)
def other_parts(trial: Trial) -> Result:
    body = "a line of many\n" * 400_000
    trial.put("data/a.txt", body)
    first = trial.log()
    _put_in_parts(trial, body)
    again = trial.log()
    if first == again:
        return Result(Outcome.HOLDS, "one version")
    return Result(Outcome.DOES_NOT_HOLD, "a second version of the same bytes")


@case("An object that was uploaded in several parts is recorded, and overwritten", KEPT)
def parts_kept(trial: Trial) -> Result:
    body = "a line of many\n" * 400_000
    _put_in_parts(trial, body)
    version = trial.log()
    trial.put("data/a.txt", "written later")
    return trial.gives_back(version, {"a.txt": body})


def _put_in_parts(trial: Trial, body: str) -> None:
    size = 5 << 20
    parts = TransferConfig(multipart_threshold=size, multipart_chunksize=size, use_threads=False)
    trial.s3.client.upload_fileobj(io.BytesIO(body.encode()), BUCKET, "data/a.txt", Config=parts)


def _lists_data(request: Request) -> bool:
    """Tell whether a request lists the recorded prefix, with more than a look at one key."""
    return request.kind in LISTS and request.query.get("max-keys") != "1" and "lake" in request.path


def _reads_a(request: Request) -> bool:
    return request.kind == "get-object" and request.path.endswith("data/a.txt")
