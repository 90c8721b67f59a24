"""Files of a web server, which keeps no versions."""

from __future__ import annotations

from conformance.case import FAILS, HOLDS_OR_FAILS, case
from conformance.outcomes import Outcome, Result
from conformance.promises import CHANGED, COMPLETE, HONEST, KEPT, SECRET, UNCHANGED
from conformance.trial import REGISTRY_BUCKET, Trial

POINTERS = {"datachain": "its pages do not list HTTP among its sources"}
VALIDATORS = {**POINTERS, "wandb": "its pages mention only ETag and length"}
FRESH = {
    "landfast": 'it trusts a strong ETag; `checksum="sha256"` reads the bytes',
    "wandb": "its digest is the ETag",
    "dvc": "it compares the ETag",
}
FILE = {"a.csv": "recorded"}


@case("A file with an ETag is overwritten", HONEST, right=HOLDS_OR_FAILS, without=POINTERS)
def etag_changes(trial: Trial) -> Result:
    version = trial.log(trial.web.put("/a.csv", b"recorded"), single=True)
    trial.web.change("/a.csv", body=b"written later")
    return trial.gives_back(version, FILE)


@case(
    "A file without ETag or time is overwritten with as many bytes",
    HONEST,
    right=HOLDS_OR_FAILS,
    without=VALIDATORS,
    reports=("https://github.com/treeverse/dvc/issues/5560",),
)
def no_etag(trial: Trial) -> Result:
    version = trial.log(trial.web.put("/a.csv", b"recorded", etag=None), single=True)
    trial.web.change("/a.csv", body=b"replaced")
    return trial.gives_back(version, FILE)


@case("A file with a weak ETag is overwritten", HONEST, right=HOLDS_OR_FAILS, without=POINTERS)
def weak_etag(trial: Trial) -> Result:
    version = trial.log(trial.web.put("/a.csv", b"recorded", etag="weak"), single=True)
    trial.web.change("/a.csv", body=b"replaced")
    return trial.gives_back(version, FILE)


@case("The ETag stays, and the bytes change", HONEST, right=HOLDS_OR_FAILS, without=VALIDATORS)
def etag_stays(trial: Trial) -> Result:
    version = trial.log(trial.web.put("/a.csv", b"recorded", etag='"same"'), single=True)
    trial.web.change("/a.csv", body=b"written later, and longer")
    return trial.gives_back(version, FILE)


@case("A file is reached by a redirect", KEPT, without=POINTERS)
def redirect(trial: Trial) -> Result:
    trial.web.put("/store/42", b"recorded")
    version = trial.log(trial.web.put("/a.csv", location="/store/42"), single=True)
    return trial.gives_back(version, FILE)


@case("The server refuses HEAD", COMPLETE, right=HOLDS_OR_FAILS, without=POINTERS)
def no_head(trial: Trial) -> Result:
    version = trial.log(trial.web.put("/a.csv", b"recorded", head=405), single=True)
    return trial.gives_back(version, FILE)


@case("There is no such file", COMPLETE, right=FAILS, without=POINTERS)
def not_there(trial: Trial) -> Result:
    version = trial.log(f"{trial.web.url}/missing.csv", single=True)
    return Result(
        Outcome.SILENT_LOSS,
        f"recorded all the same: {', '.join(trial.paths(version)) or 'nothing'}",
    )


@case(
    "An error page comes with 200 in place of the file",
    HONEST,
    right=HOLDS_OR_FAILS,
    without=VALIDATORS,
)
def error_page_later(trial: Trial) -> Result:
    version = trial.log(trial.web.put("/a.csv", b"recorded", etag=None), single=True)
    trial.web.change("/a.csv", body=b"<html>down for maintenance</html>")
    return trial.gives_back(version, FILE)


@case("Nothing changed, and the ETag is another in each reply", UNCHANGED, without=FRESH)
def fresh_etag(trial: Trial) -> Result:
    uri = trial.web.put("/a.csv", b"recorded", etag="fresh")
    home = trial.home()
    if trial.log(uri, single=True, home=home) == trial.log(uri, single=True, home=home):
        return Result(Outcome.HOLDS, "one version")
    return Result(Outcome.DOES_NOT_HOLD, "a second version of the same bytes")


@case("The file changed, and it is logged again", CHANGED, without=POINTERS)
def web_changed(trial: Trial) -> Result:
    uri, home = trial.web.put("/a.csv", b"recorded"), trial.home()
    first = trial.log(uri, single=True, home=home)
    trial.web.change("/a.csv", body=b"written later")
    if trial.log(uri, single=True, home=home) != first:
        return Result(Outcome.HOLDS, "a new version")
    return Result(Outcome.DOES_NOT_HOLD, "no new version")


SIGNATURE = "51gnatureThatNobodyMayKeep"


@case("A signed address: its signature is a secret", SECRET)
def signed_address(trial: Trial) -> Result:
    asked = {"X-Amz-Signature": SIGNATURE}
    uri = trial.web.put("/a.csv", b"recorded", query=asked)
    trial.log(f"{uri}?X-Amz-Signature={SIGNATURE}", single=True)
    return _kept(trial, SIGNATURE)


@case("A password in an address", SECRET, right=HOLDS_OR_FAILS)
def password_in_address(trial: Trial) -> Result:
    uri = trial.web.put("/a.csv", b"recorded")
    trial.log(uri.replace("http://", f"http://reader:{SIGNATURE}@"), single=True)
    return _kept(trial, SIGNATURE)


def _kept(trial: Trial, secret: str) -> Result:
    """Look for a secret in what is on record."""
    bodies = [p.read_bytes() for p in (trial.folder / "records").rglob("*") if p.is_file()]
    for item in trial.s3.client.list_objects_v2(Bucket=REGISTRY_BUCKET).get("Contents", []):
        reply = trial.s3.client.get_object(Bucket=REGISTRY_BUCKET, Key=item["Key"])
        bodies.append(reply["Body"].read())
    if any(secret.encode() in body for body in bodies):
        return Result(Outcome.DOES_NOT_HOLD, "it is stored with the record, in plain text")
    return Result(Outcome.HOLDS, "it is nowhere in what is on record")
