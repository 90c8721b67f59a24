"""URLs with secrets: nothing secret is recorded, and two URLs never become one without a word."""

from pathlib import Path

import landfast
import pytest
from landfast import Artifact, Client, Reference
from landfast.errors import AccessDenied, Conflict, InvalidInput

SECRET = "Zk3vQ8secretsecretsecretA9=="
PLAIN = {"plain_parameters": "key"}


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(f"sqlite:///{tmp_path}/r.db")


def recorded_under(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "spelled",
    [
        f"a.csv?code={SECRET}",
        f"a.csv?sas_token={SECRET}",
        f"a.csv?sasToken={SECRET}&part=1",
        f"a.csv;jsessionid={SECRET}",
        f"a.csv;JSESSIONID={SECRET}?part=1",
        f"a.csv?hdnts=exp=1~acl=/*~hmac={SECRET}",
        f"a.csv?hdnea={SECRET}",
        f"a.csv?verify=1484063787-{SECRET}",
        f"a.csv?temp_url_sig={SECRET}&temp_url_expires=1",
        f"a.csv?x-oss-signature={SECRET}",
        f"a.csv?q-ak=x&q-signature={SECRET}",
        f"a.csv?auth_key={SECRET}",
        f"a.csv?subscription-key={SECRET}",
        f"a.csv?job_token={SECRET}",
        f"a.csv?md5={SECRET}&expires=1456761770",
        f"a.csv?part=1;token={SECRET}",
        f"a.csv?part=1?token={SECRET}",
        f"a.csv?%63ode={SECRET}",
    ],
)
def test_mend_20_what_authorises_is_not_recorded(
    http_script, client: Client, tmp_path: Path, spelled: str
) -> None:
    http_script.put(f"/{spelled.partition('?')[0]}", b"x")
    version = client.log("d", f"{http_script.url}/{spelled}")
    assert [entry.path for entry in version.entries()] == ["a.csv"]
    assert SECRET not in str([version.to_dict(), version.uris()])
    assert version.sources[0].stripped
    assert SECRET.encode() not in recorded_under(tmp_path)


@pytest.mark.parametrize("name", ["key", "token", "code", "verify", "sign"])
def test_mend_20_two_urls_never_become_one_in_silence(
    http_script, client: Client, name: str
) -> None:
    http_script.put("/get", b"x")
    draft = Artifact("d", type="dataset", client=client)
    draft.add_reference(f"{http_script.url}/get?{name}=north", name="a")
    with pytest.raises(Conflict, match=f"differ only in {name}.*plain_parameters") as caught:
        draft.add_reference(f"{http_script.url}/get?{name}=south", name="b")
    assert "south" not in str(caught.value)
    draft.add_reference(f"{http_script.url}/get?{name}=north", name="c")


def test_mend_20_a_name_that_is_no_secret_is_said_to_be_none(
    http_script, client: Client, tmp_path: Path
) -> None:
    draft = Artifact("d", type="dataset", client=client)
    for name in ("north", "south"):
        http_script.put("/get", name.encode(), etag=f'"{name}"', query={"key": name})
        draft.add_reference(f"{http_script.url}/get?key={name}", name=name, options=PLAIN)
    version = draft.save()
    urls = [f"{http_script.url}/get?key={name}" for name in ("north", "south")]
    assert [entry.uri for entry in version.entries()] == urls
    assert version.sources[0].stripped == ()
    [match] = client.lineage_of_object(urls[1]).matches
    assert match.entry.path == "south"
    with version.open("south") as stream:
        assert stream.read() == b"south"


def test_mend_20_the_option_may_be_set_for_all_urls_of_a_host(http_script, tmp_path: Path) -> None:
    http_script.put("/get", b"x")
    options = {f"{http_script.url}/": {"plain_parameters": ["key", "code"]}}
    client = Client(f"sqlite:///{tmp_path}/r.db", options=options)
    url = f"{http_script.url}/get?key=north&code=7a"
    version = client.log("d", url)
    assert [entry.uri for entry in version.entries()] == [url]


def test_mend_20_what_can_only_be_a_secret_is_not_plain(http_script, client: Client) -> None:
    with pytest.raises(InvalidInput, match="plain_parameters= cannot name sig"):
        client.log(
            "d", Reference(f"{http_script.url}/a?sig=x", options={"plain_parameters": "sig"})
        )


def test_mend_20_a_signer_gets_the_url_as_it_is_recorded(http_script, client: Client) -> None:
    http_script.put("/get", b"x")
    seen = []
    options = {**PLAIN, "signer": lambda url: seen.append(url) or url}
    url = f"{http_script.url}/get?key=north"
    client.log("d", Reference(f"{url}&sig=s", options=options))
    assert set(seen) == {url}


@pytest.mark.parametrize("value", ["7", "2026", "a.csv", "data/part-01.parquet", "x%2Fy.tar.gz"])
def test_mend_20_short_numbers_and_names_of_files_are_plain(
    http_script, client: Client, value: str
) -> None:
    http_script.put("/get", b"x")
    version = client.log("d", f"{http_script.url}/get?key={value}&code={value}")
    assert [entry.uri for entry in version.entries()] == [
        f"{http_script.url}/get?key={value}&code={value}"
    ]


def test_mend_20_what_is_left_out_is_told(http_script, client: Client, capsys) -> None:
    http_script.put("/get", b"x")
    told: list[str] = []
    client.context.note = told.append
    client.log("d", f"{http_script.url}/get?key=north&part=1")
    assert any("recorded without key" in note and "plain_parameters" in note for note in told)
    assert "north" not in " ".join(told)


def test_mend_20_versions_recorded_before_resolve_compare_and_download(
    http_script, client: Client, tmp_path: Path
) -> None:
    # As it was before `code` was known to be a secret: the URL as it is.
    http_script.put("/a.csv", b"recorded", query={"code": SECRET})
    url = f"{http_script.url}/a.csv?code={SECRET}"
    old = client.log("d", Reference(url, options={"plain_parameters": "code"}))
    assert old.verify().ok
    assert client.lineage_of_object(url).matches
    assert client.log("d", Reference(url, options={"plain_parameters": "code"})).index == 0
    new = client.log("d", url)
    assert (new.index, client.log("d", url).index) == (1, 1)
    assert SECRET not in str(new.uris())
    folder = Path(old.download(tmp_path / "out"))
    assert (folder / "a.csv").read_bytes() == b"recorded"
    assert {m.version.index for m in client.lineage_of_object(url).matches} == {0, 1}
    with pytest.raises(AccessDenied, match=r"\(code\) were not recorded"):
        new.download(tmp_path / "new")


def test_mend_20_messages_hide_them_too() -> None:
    text = (
        f"GET https://h/a;jsessionid={SECRET}?code={SECRET}&verify={SECRET}&hdnts={SECRET} failed"
    )
    assert SECRET not in str(landfast.NotFound(text))
