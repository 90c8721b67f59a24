"""View and Site: what a page function answers, and what it answers from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from landfast.client import Client
from landfast.web.query import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is served, and how.

    Args:
        client: Reads the registry; never asked to write.
        root_path: What stands before every path where a proxy serves the site below its own root, such
            as ``/user/ana/proxy/4747``; ``""`` for none.
        hosts: Names that requests may call the server by, without port; any other is refused.
        previews: ``presigned`` lets the browser fetch previews from the bucket where it can, ``proxy`` always
            through this server, ``none`` shows none.
        token: What a form has to send along, so that no other site can ask for work.
    """

    client: Client
    root_path: str = ""
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "[::1]"})
    previews: str = "presigned"
    token: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The answer of a page.

    Args:
        template: What shows the data.
        data: What JSON can hold: all that the template is given, and all that the JSON twin says.
        title: Of the page.
        status: Of the reply.
        origins: Servers that the page may load pictures and sound from, beside its own.
        signed: Addresses that hold a signature, by name: the page has them, its twin and every log have not.
    """

    template: str
    data: dict[str, Any]
    title: str = ""
    status: int = 200
    origins: tuple[str, ...] = ()
    signed: dict[str, str] = field(repr=False, default_factory=dict)


PageFunction: TypeAlias = Callable[[Site, Query], View]
