"""Track a folder of a bucket with DVC, in a Git repository: BUCKET STEP, in the working folder.

`mnist` is imported by version id; `kept` and `one.txt` are pushed to a remote that knows versions, `plain` to one
that names files by their MD5.
"""

import os
import subprocess
import sys
from pathlib import Path

bucket, step = sys.argv[1], int(sys.argv[2])
endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
os.environ |= {
    **{
        f"GIT_{who}_{what}": "peer" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    },
    **{f"GIT_{who}_DATE": f"2026-05-0{step + 1}T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
    "DVC_SITE_CACHE_DIR": os.path.abspath("site"),
    "DVC_NO_ANALYTICS": "1",
}


def run(*command: str) -> None:
    """Run a command of DVC or Git."""
    program = [sys.executable, "-m", "dvc"] if command[0] == "dvc" else ["git"]
    subprocess.run([*program, *command[1:]], check=True, stdout=subprocess.DEVNULL)


def remote(name: str, place: str, *settings: tuple[str, str]) -> None:
    """Name a remote."""
    run("dvc", "remote", "add", name, place)
    for key, value in settings:
        run("dvc", "remote", "modify", name, key, value)
    run("dvc", "remote", "modify", "--local", name, "endpointurl", endpoint)


if step == 0:
    run("git", "init", "-q", "-b", "main")
    run("dvc", "init", "-q")
    remote("versions", f"s3://{bucket}/dvc-versions", ("version_aware", "true"))
    remote("store", f"s3://{bucket}/dvc-store")
    run("dvc", "remote", "default", "store")
    remote("source", f"s3://{bucket}")
    run(
        "dvc",
        "import-url",
        "-q",
        "--version-aware",
        "--no-download",
        "remote://source/mnist",
        "mnist",
    )
else:
    run("dvc", "update", "-q", "--no-download", "mnist.dvc")
for folder in ("kept", "plain"):
    Path(folder).mkdir(exist_ok=True)
    Path(folder, "a.txt").write_text(f"{folder} a {step % 2}\n", encoding="utf-8")
    Path(folder, "b.txt").write_text(f"{folder} b\n", encoding="utf-8")
Path("one.txt").write_text(f"one {step % 2}\n", encoding="utf-8")
run("dvc", "add", "-q", "kept", "plain", "one.txt")
run("dvc", "push", "-q", "-r", "versions", "kept.dvc", "one.txt.dvc")
run("dvc", "push", "-q", "-r", "store", "plain.dvc")
run("git", "add", "-A", ".dvc/config", "*.dvc")
run("git", "commit", "-q", "-m", f"step {step}")
with Path("history.txt").open("w", encoding="utf-8") as file:
    subprocess.run(["git", "fast-export", "--all"], check=True, stdout=file)
