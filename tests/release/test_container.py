"""The image: its recipe is sound, the files that run it are valid, and its instructions do what they should.

No container engine runs here. The instructions are carried out in a chroot: each stage sees this machine's Debian with
this Python as `/usr/local`, and what it writes goes to a layer of its own, as in an image.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "packaging/container/Dockerfile"
PAGE = ROOT / "docs/operate/container.md"
KUBERNETES = "1.34"


def instructions(file: Path) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, continued lines joined."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [
        (word, " ".join(rest.split()))
        for word, _, rest in (one.partition(" ") for one in text.splitlines())
        if word
    ]


def block(name: str) -> str:
    """Return the file of a name that the page shows."""
    found = re.search(rf"```yaml\n# {re.escape(name)}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is in the development environment only")
    done = subprocess.run([hadolint, RECIPE], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_image_is_built_by_the_uv_that_the_lock_is_written_by() -> None:
    pinned = re.search(r"uv==([\d.]+)", (ROOT / "just").read_text())
    assert pinned is not None
    assert ("ARG", f"UV_VERSION={pinned[1]}") in instructions(RECIPE)


def test_the_image_is_not_root_and_holds_no_secret() -> None:
    last = [word for word, _ in instructions(RECIPE)].index("USER")
    assert instructions(RECIPE)[last] == ("USER", "10001:10001")
    said = " ".join(rest for word, rest in instructions(RECIPE) if word in {"ARG", "ENV"})
    assert not re.search("password|secret|token|key|REGISTRY_URL", said, re.IGNORECASE)


def test_the_compose_file_is_valid(tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    (tmp_path / "compose.yaml").write_text(block("compose.yaml"))
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*words, tmp_path / "compose.yaml"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_kubernetes_file_is_valid() -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    documents = list(yaml.safe_load_all(block("landfast.yaml")))
    assert [one["kind"] for one in documents] == ["Deployment", "Service", "CronJob"]
    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**documents[0], "spec": {}}, KUBERNETES, strict=True)


def commands() -> Iterator[list[str]]:
    """Yield the command lines that the two files give to the image."""
    for service in yaml.safe_load(block("compose.yaml"))["services"].values():
        if service["image"] == "landfast" and "command" in service:
            yield service["command"]
    for document in yaml.safe_load_all(block("landfast.yaml")):
        for found in re.finditer(r'"args": (\[[^\]]*\])', json.dumps(document)):
            yield json.loads(found[1])


def test_the_commands_of_the_files_are_commands_of_landfast() -> None:
    from click.testing import CliRunner
    from landfast.cli import main

    found = list(commands())
    assert len(found) == 4
    for words in found:
        done = CliRunner().invoke(main, [*words, "--help"])
        assert done.exit_code == 0, done.output


# The instructions, carried out


class Stage:
    """What one stage of the Dockerfile has become: the layer that it writes, and its settings."""

    def __init__(self, folder: Path, arguments: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LD_LIBRARY_PATH": "/usr/local/lib",  # a Python of pyenv looks for its library where it was built
            **arguments,
        }
        self.workdir = "/"
        self.user = "0:0"
        for name in ("upper", "work", "usr-upper", "usr-work", "root"):
            (folder / name).mkdir(parents=True)

    def command(self, words: list[str], *, read_only: bool = False) -> list[str]:
        """Return a command that runs another in this stage, with its layers, user and settings."""
        base = sys.base_prefix
        layers = {
            name: shlex.quote(os.fspath(self.folder / name)) for name in os.listdir(self.folder)
        }
        root, user, group = layers["root"], *self.user.split(":")
        mounts = [
            f"mount -t overlay overlay -o lowerdir=/,upperdir={layers['upper']},workdir={layers['work']} {root}",
            f"mount -t overlay overlay -o lowerdir={base}:/usr/local,"
            f"upperdir={layers['usr-upper']},workdir={layers['usr-work']} {root}/usr/local",
            f"mount -t proc proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
        ]
        if read_only:
            # The volume is a folder of the machine, as a container's volume is.
            mounts += [
                f"mkdir -p {layers['work']}/../volume",
                f"chown 10001:10001 {layers['work']}/../volume",
                f"mount --bind {layers['work']}/../volume {root}/var/lib/landfast",
                f"mount -o remount,ro {root}/usr/local",
                f"mount -o remount,ro {root}",
            ]
        inside = f"cd {shlex.quote(self.workdir)} && exec {shlex.join(words)}"
        drop = f"setpriv --reuid={user} --regid={group} --clear-groups --inh-caps=-all --bounding-set=-all"
        drop = drop if user != "0" else ""
        mounts.append(f"exec chroot {root} {drop} /bin/sh -c {shlex.quote(inside)}")
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(mounts)]

    def run(self, words: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(words, **options),
            check=False,
            capture_output=True,
            text=True,
            env={**reach(), **self.environment},
        )

    def path(self, name: str) -> Path:
        """Return where a file of the stage's layer is on this machine."""
        return self.folder / "upper" / name.lstrip("/")


def reach() -> dict[str, str]:
    """Return what this machine's environment says of how package registries are reached."""
    return {
        name: value
        for name, value in os.environ.items()
        if re.match(
            r"(PIP|UV)_\w*(INDEX|LINKS|CERT|HOST|TLS)|SSL_|REQUESTS_CA|\w+_proxy",
            name,
            re.IGNORECASE,
        )
    }


class Image:
    """A Dockerfile carried out, instruction by instruction."""

    def __init__(self, context: Path, folder: Path) -> None:
        self.context, self.folder = context, folder
        self.stages: dict[str, Stage] = {}
        self.told: dict[str, str] = {}
        self.defaults: dict[str, str] = {}
        for word, rest in instructions(context / "Dockerfile"):
            getattr(self, f"do_{word.lower()}")(rest)

    def do_arg(self, rest: str) -> None:
        name, _, value = rest.partition("=")
        target = self.stage.environment if self.stages else self.defaults
        target[name] = value

    def do_from(self, rest: str) -> None:
        assert rest.split(maxsplit=1)[0] == "${BASE}"
        name = rest.partition(" AS ")[2] or "last"
        self.stage = self.stages[name] = Stage(self.folder / name, {})

    def do_env(self, rest: str) -> None:
        for one in shlex.split(rest):
            name, _, value = one.partition("=")
            if name == "UV_NO_CACHE":
                continue  # here it would fetch again what this machine has
            self.stage.environment[name] = value.replace("$PATH", self.stage.environment["PATH"])

    def do_workdir(self, rest: str) -> None:
        self.stage.workdir = rest
        self.stage.path(rest).mkdir(parents=True, exist_ok=True)

    def do_user(self, rest: str) -> None:
        self.stage.user = rest

    def do_copy(self, rest: str) -> None:
        words = rest.split()
        if words[0].startswith("--from="):
            source = self.stages[words[0].removeprefix("--from=")].path(words[1])
            shutil.copytree(source, self.stage.path(words[2]), symlinks=True)
            return
        target = self.stage.path(os.path.join(self.stage.workdir, words[-1]))
        files = [file for pattern in words[:-1] for file in self.context.glob(pattern)]
        assert files
        for file in files:
            shutil.copy(file, target)

    def do_run(self, rest: str) -> None:
        done = self.stage.run(["/bin/sh", "-c", rest])
        assert done.returncode == 0, f"RUN {rest}\n{done.stdout}{done.stderr}"

    def keep(self, word: str, rest: str) -> None:
        self.told[word] = rest

    def do_label(self, rest: str) -> None:
        self.keep("label", rest)

    def do_volume(self, rest: str) -> None:
        assert json.loads(rest) == [self.stage.workdir]

    def do_expose(self, rest: str) -> None:
        self.keep("port", rest)

    def do_healthcheck(self, rest: str) -> None:
        self.keep("healthcheck", rest.partition("CMD ")[2])

    def do_entrypoint(self, rest: str) -> None:
        self.keep("entrypoint", rest)

    def do_cmd(self, rest: str) -> None:
        self.keep("cmd", rest)

    def words(self, name: str) -> list[str]:
        """Return a command that the image names."""
        found = json.loads(self.told[name])
        assert isinstance(found, list)
        return found


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """What `docker build` is given."""
    if not (ROOT / ".venv").exists():
        pytest.skip("needs the development environment in .venv")
    subprocess.run([ROOT / "scripts/build", ROOT, tmp_path / "dist"], check=True)
    subprocess.run(
        [ROOT / "scripts/container-context", tmp_path / "dist", tmp_path / "context"],
        check=True,
        cwd=ROOT,
    )
    return tmp_path / "context"


@pytest.mark.system
def test_the_instructions_make_a_server_that_is_healthy_and_writes_only_to_its_volume(
    context: Path, tmp_path: Path
) -> None:
    probe = Stage(tmp_path / "probe", {})
    if os.geteuid() != 0 or probe.run(["true"]).returncode != 0:
        pytest.skip("needs the right to mount")
    with socket.socket() as taken:
        if taken.connect_ex(("127.0.0.1", 4747)) == 0:
            pytest.skip("port 4747 of this machine is taken")

    image = Image(context, tmp_path / "image")
    last = image.stages["last"]
    assert image.told["port"] == "4747"
    last.environment["LANDFAST_REGISTRY_URL"] = "sqlite:////var/lib/landfast/registry.db"
    landfast = image.words("entrypoint")

    def worker(*words: str) -> subprocess.CompletedProcess[str]:
        return last.run([*landfast, *words], read_only=True)

    put = worker("put", "/etc/debian_version", "--name", "vision/photos")
    assert put.returncode == 0, put.stderr
    verified = worker("verify", "vision/photos")
    assert "1 intact" in verified.stdout, verified.stderr
    refused = last.run(["touch", "/opt/landfast/file"], read_only=True)
    assert "Read-only file system" in refused.stderr
    who = last.run(
        ["python", "-c", "import os; print(os.getuid(), os.getgroups())"], read_only=True
    )
    assert who.stdout.strip() == "10001 []"

    # On this machine's own address, where the image listens on all of a container's.
    words = [{"0.0.0.0": "127.0.0.1"}.get(word, word) for word in image.words("cmd")]
    command = last.command([*landfast, *words], read_only=True)
    with subprocess.Popen(
        command, env=last.environment, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None
            said = json.loads(server.stderr.readline())
            assert "at http://127.0.0.1:4747/" in said["message"]
            assert health(image, last) == 0
        finally:
            server.terminate()
    assert last.run(image.words("healthcheck"), read_only=True).returncode != 0


def health(image: Image, stage: Stage) -> int:
    """Ask as the engine does, until the server is well or its start period has passed."""
    deadline = time.monotonic() + 60
    while True:
        done = stage.run(image.words("healthcheck"), read_only=True)
        if done.returncode == 0 or time.monotonic() > deadline:
            return done.returncode
        time.sleep(0.5)
