"""Secrets are planted wherever a user has them, everything is run that can fail, and then all is searched."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import secrets
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import landfast
import pytest
from kit.forks import command
from kit.servers.faults import Status
from kit.servers.ftp import ftp
from kit.servers.process import free_port
from landfast import Artifact, Client, LandfastError, Reference
from landfast.clouds.retry import RetryPolicy
from landfast.manifests.reader import ManifestFile
from landfast.registry.opener import init_registry
from sqlalchemy import create_engine, inspect, text

MARK = "pLaNtEdByThEtEsT"


class Plants:
    """Random strings by what they stand for; nothing else in the world looks like them."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        return self.known.setdefault(name, MARK + secrets.token_hex(8))

    def found_in(self, data: bytes) -> list[str]:
        # What all have in common is looked for first: there may be gigabytes of log.
        marked = any(form in data for form in forms(MARK))
        suspects = {k: v for k, v in self.known.items() if marked or not v.startswith(MARK)}
        return [name for name, plant in suspects.items() if any(f in data for f in forms(plant))]


def forms(plant: str) -> Iterator[bytes]:
    """How a text can appear: as it is, in UTF-16, and inside Base64 at any of the three alignments."""
    yield plant.encode()
    yield plant.encode("utf-16-le")
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + plant.encode())[4:-4]


@dataclass
class Search:
    """Everything that was left behind, by where it was found."""

    plants: Plants
    leaks: list[str] = field(default_factory=list)
    looked_at: int = 0

    def look(self, where: str, data: str | bytes) -> None:
        raw = data.encode(errors="surrogateescape") if isinstance(data, str) else data
        self.looked_at += len(raw)
        self.leaks += [f"{name} in {where}" for name in self.plants.found_in(raw)]

    def look_below(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            self.look(f"name {path.name}", str(path.relative_to(folder)))
            if path.is_file() and not path.is_symlink():
                self.look(f"file {path}", path.read_bytes())

    def look_at_rows(self, url: str) -> None:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as connection:
            tables = inspect(engine).get_table_names()
            assert {"versions", "runs", "observations", "pin_sets"} & set(tables)
            for table in tables:
                for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                    self.look(f"table {table}", repr(tuple(row)))
        engine.dispose()

    def look_at_error(self, error: BaseException) -> None:
        """The traceback, and every error in the chain, hidden ones too."""
        name = f"{type(error).__name__} of {error!s:.60}"
        self.look(f"traceback of {name}", "".join(traceback.format_exception(error)))
        waiting, seen = [error], []
        while waiting:
            one = waiting.pop()
            seen.append(one)
            self.look(
                f"{name}: {type(one).__name__}", f"{one!r} {one} {getattr(one, '__dict__', '')}"
            )
            chained = (one.__cause__, one.__context__)
            waiting += [other for other in chained if other is not None and other not in seen]
        if isinstance(error, LandfastError):
            self.look(f"pickle of {name}", pickle.dumps(error))


QUERIES = {
    "aws4": "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={a}%2F20260501%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20260501T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
    "&X-Amz-Security-Token={b}&X-Amz-Signature={c}",
    "aws2": "AWSAccessKeyId={a}&Expires=1777777777&Signature={c}&x-amz-security-token={b}",
    "gcs4": "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential={a}&X-Goog-Date=20260501T000000Z"
    "&X-Goog-Expires=60&X-Goog-SignedHeaders=host&X-Goog-Signature={c}",
    "gcs2": "GoogleAccessId={a}&Expires=1777777777&Signature={c}",
    "azure": "sv=2024-08-04&st=2026-05-01T00%3A00%3A00Z&se=2026-05-02T00%3A00%3A00Z&sr=b&sp=r"
    "&skoid={a}&sig={c}%2B%3D",
    "plain": "part=1&token={c}",
}


def signed(plants: Plants, kind: str, url: str) -> str:
    values = {part: plants[f"{kind} {part}"] for part in "abc" if f"{{{part}}}" in QUERIES[kind]}
    return f"{url}?{QUERIES[kind].format(**values)}"


@dataclass
class Scene:
    """A client full of secrets, and what its actions brought about."""

    url: str
    folder: Path
    plants: Plants
    s3: Any
    script: Any
    ftp: Any
    environment: dict[str, str]
    errors: list[BaseException] = field(default_factory=list)
    things: list[Any] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    def keep(self, thing: Any) -> Any:
        self.things.append(thing)
        return thing

    def fail(self, action: Callable[..., Any], *words: Any, **more: Any) -> None:
        with pytest.raises(LandfastError) as caught:
            action(*words, **more)
        self.errors.append(caught.value)

    def cli(self, *words: str, fails: bool = False) -> None:
        done = command(words, self.environment, self.folder, prepare=wait_little)
        assert (done.returncode != 0) is fails, (words, done.stdout, done.stderr)
        self.printed.append(done.stdout + done.stderr)

    def behind_signature(self, kind: str, path: str) -> str:
        """Serve a page only to who has the whole query; return the URL that has it."""
        url = signed(self.plants, kind, self.script.url + path)
        self.script.put(path, kind.encode(), query=dict(parse_qsl(urlsplit(url).query)))
        return url

    def with_login(self, url: str) -> str:
        return url.replace("://", f"://someone:{self.plants['userinfo']}@", 1)


@pytest.fixture
def plants(monkeypatch: pytest.MonkeyPatch) -> Plants:
    planted = Plants()
    planted.known["key id"] = "AKIA" + secrets.token_hex(8).upper()
    # So that it is put back.
    monkeypatch.setattr(RetryPolicy, "wait_s", RetryPolicy.wait_s)
    wait_little()
    return planted


def wait_little() -> None:
    """Try again soon, here or in a process of the command line."""
    RetryPolicy.wait_s = lambda *_: 0.01  # type: ignore[method-assign]


@pytest.fixture(params=["sqlite", "postgresql"])
def secret_url(request: pytest.FixtureRequest, plants: Plants, tmp_path: Path) -> str:
    """A registry; PostgreSQL really asks for the password, which is in the URL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.db'}"
    plain: str = request.getfixturevalue("postgres_url")
    made: str = request.getfixturevalue("with_password")(
        plain, plants["postgresql password"], "SUPERUSER"
    )
    return made


@pytest.fixture
def scene(
    secret_url: str,
    plants: Plants,
    s3_proxy: Any,
    http_script: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    machine: Callable[..., Any],
) -> Iterator[Scene]:
    init_registry(secret_url, store_url=str(tmp_path / "store"))
    here = machine("here")
    environment = {
        **here.environment,
        **s3_proxy.environment(),
        "AWS_ACCESS_KEY_ID": plants["key id"],
        "AWS_SECRET_ACCESS_KEY": plants["secret key"],
        "AWS_SESSION_TOKEN": plants["session token"],
        "LANDFAST_REGISTRY_URL": secret_url,
        "LANDFAST_CACHE_DIR": str(tmp_path / "cache"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with ftp() as server:
        plants.known["ftp password"] = server.password
        yield Scene(
            url=secret_url,
            folder=here.work,
            plants=plants,
            s3=s3_proxy,
            script=http_script,
            ftp=server,
            environment=environment,
        )


@pytest.mark.parametrize("around", [b"%s", b"\0" * 9 + b"%s" + b"x" * 9])
def test_the_search_finds_what_is_planted(plants: Plants, around: bytes) -> None:
    for name in ("some key", "key id"):
        plant = plants[name].encode()
        login = b"someone:" + plant
        encoded = [base64.b64encode(login[cut:]) for cut in range(3)]
        for data in (plant, plants[name].encode("utf-16-le"), *encoded):
            assert plants.found_in(around.replace(b"%s", data)) == [name]
    assert plants.found_in(around) == []


def test_no_secret_is_left_anywhere(
    scene: Scene, tmp_path: Path, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("botocore").setLevel(logging.DEBUG)
    options = {"ftp://": {"username": scene.ftp.username, "password": scene.ftp.password}}
    client = scene.keep(Client(project="secret", options=options, note=scene.printed.append))
    buckets(scene, client)
    signed_urls(scene, client)
    other_stores(scene, client)
    runs_and_names(scene)
    google_key(scene, request.getfixturevalue("tmp_path_factory").mktemp("google"))
    databases(scene)
    command_line(scene)

    search = Search(scene.plants)
    if scene.url.startswith("sqlite"):
        assert (tmp_path / "registry.db-wal").exists()
    else:
        server = request.getfixturevalue("postgres_server")
        search.look_below(Path(server.socket_folder) / "pg_wal")
    search.look_below(tmp_path)
    search.look_at_rows(scene.url)
    manifests = [path for path in (tmp_path / "store").rglob("*") if is_manifest(path)]
    assert len(manifests) > 10
    for path in manifests:
        search.look(f"manifest {path.name}", repr(list(ManifestFile(path).entries())))
    search.look("log", caplog.text)
    for record in caplog.records:
        search.look(f"log record of {record.name}", repr(record.__dict__))
    for printed in scene.printed:
        search.look(f"output {printed[:60]!r}", printed)
    for error in scene.errors:
        search.look_at_error(error)
    for thing in scene.things:
        search.look(f"repr of {type(thing).__name__}", f"{thing!r} {thing}")
        search.look(f"pickle of {type(thing).__name__}", pickle.dumps(thing))
    client.close()
    leaks = "\n".join(sorted(set(search.leaks)))
    assert not leaks, leaks
    assert len(scene.errors) > 20
    assert search.looked_at > 100_000


def is_manifest(path: Path) -> bool:
    return path.is_file() and path.read_bytes()[:4] == b"PAR1"


def buckets(scene: Scene, client: Client) -> None:
    bucket = scene.s3.direct.bucket()
    for key in ("d/one", "d/two"):
        scene.s3.direct.put(bucket, key, key.encode())
    place = f"s3://{bucket}/d/"
    version = scene.keep(client.log("data", place, metadata={"step": 1}))
    scene.keep(client.download(version, scene.folder / "data"))
    scene.keep(client.verify(version))
    scene.keep(client.diff(version, version))
    plan = scene.keep(client.plan(place))
    scene.keep(plan.shards[0])
    scene.keep(client.scan_shard(plan.shards[0]))
    # Without what is in the cache already.
    settings = landfast.load_settings(project="secret", cache_dir=str(scene.folder / "cache"))
    empty = scene.keep(Client(settings=settings))
    scene.fail(client.log, "data", f"s3://{bucket}/nothing/")
    scene.fail(client.log, "data", f"s3://no-such-bucket-{secrets.token_hex(4)}/d/")
    for status in (403, 404, 500, 503):
        scene.s3.proxy.inject(Status(status=status))
        scene.fail(client.log, "data", place)
        scene.fail(empty.download, version, scene.folder / f"got-{status}")
        scene.s3.proxy.rules.clear()
    endpoint = scene.with_login(scene.s3.url)
    for refused in (endpoint, f"http://127.0.0.1:{free_port()}", "http://no-such-host.invalid"):
        reference = Reference(place, options={"endpoint": refused})
        try:
            scene.keep(client.log("endpoint", reference))
        except LandfastError as error:
            scene.errors.append(error)
    scene.s3.direct.put(bucket, "d/one", b"changed")
    scene.fail(empty.download, version, scene.folder / "changed", paths=["one"])


def signed_urls(scene: Scene, client: Client) -> None:
    for kind in QUERIES:
        url = scene.behind_signature(kind, f"/{kind}/x.bin")
        version = scene.keep(client.log(f"signed-{kind}", url))
        assert scene.plants[f"{kind} c"] in scene.script.requests[-1].target
        assert scene.plants[f"{kind} c"] not in str(version.uris())
        scene.fail(client.download, version, scene.folder / kind)
        scene.printed.append(repr(Reference(url, options={"token": scene.plants["option"]})))
        plan = scene.keep(client.plan(url))
        scene.keep(plan.shards[0])
        scene.keep(client.scan_shard(plan.shards[0]))
        scene.things.append(client.verify(version))
        for status in (401, 403, 404, 500):
            bad = scene.script.put(f"/{kind}/{status}", b"", statuses=(status,) * 9)
            scene.fail(client.log, f"failed-{kind}", signed(scene.plants, kind, bad))
        scene.fail(client.get, url)
        scene.fail(client.log, url, url)
        scene.fail(client.log, "unknown", f"nosuch{url}")
    inside = scene.with_login(scene.script.put("/inside", b"x"))
    scene.keep(client.log("inside", inside))
    scene.fail(client.log, "refused", scene.with_login(f"http://127.0.0.1:{free_port()}/x"))
    scene.fail(client.log, "nowhere", scene.with_login("http://no-such-host.invalid/x"))
    scene.fail(client.log, "tls", scene.with_login(scene.script.url.replace("http:", "https:")))
    scene.fail(client.log, "both", inside, options={"wrong-option": scene.plants["wrong option"]})


def other_stores(scene: Scene, client: Client) -> None:
    (scene.ftp.folder / "file").write_text("by ftp")
    version = scene.keep(client.log("by-ftp", f"{scene.ftp.url}/"))
    scene.keep(client.download(version, scene.folder / "ftp"))
    url = scene.ftp.url.replace("://", f"://{scene.ftp.username}:{scene.ftp.password}@")
    scene.keep(client.log("by-ftp-url", f"{url}/"))
    wrong = {"username": "reader", "password": scene.plants["wrong ftp password"]}
    scene.fail(Client().log, "by-ftp-wrong", Reference(f"{scene.ftp.url}/", options=wrong))
    token = {"token": scene.plants["fsspec token"], "account_key": scene.plants["account key"]}
    scene.fail(client.log, "memory", Reference("memory://nothing/x", options=token))
    scene.fail(client.log, "azure", Reference("az://container/x", options=token))


def google_key(scene: Scene, folder: Path) -> None:
    """A service account whose key cannot be read, and one whose key is no key at all."""
    plant = scene.plants["google private key"]
    place = folder / "account.json"
    for key in (f"-----BEGIN PRIVATE KEY-----\n{plant}\n-----END PRIVATE KEY-----\n", plant):
        account = {"type": "service_account", "client_email": "a@b.iam", "private_key": key}
        account |= {"token_uri": f"{scene.script.url}/token", "project_id": "p"}
        place.write_text(json.dumps(account))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(place))
            scene.fail(Client(project="secret").log, "google", "gs://bucket/x/")


def runs_and_names(scene: Scene) -> None:
    link = scene.with_login(f"https://example.org/run?api_key={scene.plants['link key']}")
    with landfast.init(project="secret", link=link, config={"lr": 1}) as run:
        scene.keep(run.client)
        scene.keep(run.record)
        scene.printed += [repr(run), str(run.link)]
        draft = Artifact("model", "model")
        scene.printed.append(repr(draft))
        with draft.new_file("weights") as weights:
            weights.write("w")
        scene.keep(run.log_artifact(draft))
    scene.keep(run.client.run(run.id))
    scene.printed += [
        repr(landfast.load_settings()),
        repr(run.client.registry),
        repr(run.client.context.blobs),
    ]
    scene.printed += [
        repr(run.client.context.stores),
        repr(run.client.context.cache),
        repr(run.client.registry_info),
    ]


def databases(scene: Scene) -> None:
    plant = scene.plants["wrong database password"]
    odd = quote("/?#@:") + scene.plants["odd password"]
    address = "127.0.0.1:1"
    if scene.url.startswith("postgresql"):
        address = scene.url.rpartition("@")[2].partition("/")[0]
        role = scene.url.partition("//")[2].partition(":")[0]
        for url in (
            f"postgresql://{role}:{plant}@{address}/postgres",
            f"postgresql://{role}:{odd}@{address}/postgres",
            f"postgresql://{role}:{scene.plants['postgresql password']}@{address}/nowhere",
            f"postgresql://{role}@{address}/postgres?password={plant}",
        ):
            scene.fail(Client(url).get, "data")
    for url in (
        f"postgresql://ann:{plant}@127.0.0.1:{free_port()}/x",
        f"postgresql://ann:{plant}@no-such-host.invalid/x",
        f"postgresql://ann:{plant}@127.0.0.1:port/x",
        f"postgresql://ann:{plant}/?#@127.0.0.1:{free_port()}/x",
        f"mysql://ann:{plant}@127.0.0.1/x",
        f"sqlite:///x.db?password={plant}",
        f"https://ann:{plant}@registry.example.org",
    ):
        client = scene.keep(Client(url))
        scene.fail(client.get, "data")
    store = f"s3://{scene.plants['key id']}:{plant}@bucket/store"
    scene.fail(init_registry, scene.url, store)
    scene.fail(Client(store_url=store).get, "data")


def command_line(scene: Scene) -> None:
    good = scene.behind_signature("aws4", "/cli")
    bad = signed(scene.plants, "azure", scene.script.put("/cli-bad", b"", statuses=(403,) * 90))
    nowhere = scene.with_login(f"http://127.0.0.1:{free_port()}/x")
    lines = f"snapshots:\n  - name: s\n    uri: {good!r}\n"
    (scene.folder / "snapshots.yaml").write_text(lines)
    scene.cli("put", good, "--name", "cli/x", "--json")
    for debug in ([], ["--debug"]):
        scene.cli("put", bad, "--name", "cli/x", *debug, fails=True)
        scene.cli("get", "cli/x", *debug, fails=True)
        scene.cli("put", nowhere, "--name", "cli/x", *debug, fails=True)
        scene.cli(
            "ls",
            "--registry",
            f"postgresql://a:{scene.plants['cli']}@127.0.0.1:1/x",
            *debug,
            fails=True,
        )
    for words in (["show", "cli/x"], ["history", "cli/x"], ["registry", "info"], ["run", "ls"]):
        scene.cli(*words, "--json")
        scene.cli(*words)
    scene.cli("doctor", bad, fails=True)
    (config,) = landfast.load_snapshots(scene.folder / "snapshots.yaml")
    scene.printed.append(repr(config))
    scene.keep(Client(project="secret").snapshot(config))
    (scene.folder / "snapshots.yaml").unlink()
    (scene.folder / "landfast.toml").write_text(
        f'[options."ftp://"]\npassword = "{scene.plants["toml password"]}"\nbroken\n'
    )
    scene.cli("ls", fails=True)
    (scene.folder / "landfast.toml").unlink()
