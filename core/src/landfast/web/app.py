"""The application: routes to page functions, each as HTML and as JSON, and errors as pages."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from landfast.errors import InvalidInput, LandfastError, NotFound
from landfast.metrics import CONTENT_TYPE, metrics_text
from landfast.model.names import ArtifactName
from landfast.redaction import redact, visible
from landfast.web import raw, render
from landfast.web.error_page import error_view
from landfast.web.mask import masked
from landfast.web.pages.changes import changes
from landfast.web.pages.collection import collection, project
from landfast.web.pages.diff import diff
from landfast.web.pages.file import file
from landfast.web.pages.files import files
from landfast.web.pages.health import health, health_action
from landfast.web.pages.home import home
from landfast.web.pages.lineage import lineage
from landfast.web.pages.object import object_page
from landfast.web.pages.runs import run, runs
from landfast.web.pages.verify import verify, verify_action
from landfast.web.query import Query
from landfast.web.security import Guard, check_form, page_policy
from landfast.web.view import PageFunction, Site, View

logger = logging.getLogger(__name__)

_OF = "/{entity}/{project}/{collection}"
# A path, and what answers it. Everything of our own that is not in the links of integrations lies below `/-/`.
_SHOWN: Mapping[str, PageFunction] = {
    "/": home,
    "/runs": runs,
    "/-/run/{run}": run,
    "/-/changes": changes,
    "/-/object": object_page,
    "/-/health": health,
    "/{entity}/{project}": project,
    _OF: collection,
    f"{_OF}/files": files,
    f"{_OF}/file": file,
    f"{_OF}/diff": diff,
    f"{_OF}/lineage": lineage,
    f"{_OF}/verify": verify,
}
# Where a path ends in a name, `_twin` finds out whether that ends in `.json`.
_TWINS = {
    "/index.json" if path == "/" else f"{path}.json": function
    for path, function in _SHOWN.items()
    if not path.endswith("}")
}
PAGES: Mapping[str, PageFunction] = {**_TWINS, **_SHOWN}

# What a form of a page asks for by POST, with the page's token. The reply is a page too.
ACTIONS: Mapping[str, PageFunction] = {
    "/-/health": health_action,
    f"{_OF}/verify": verify_action,
}
_MAX_FORM = 64 * 1024


def create_app(site: Site) -> Starlette:
    """Make the ASGI application of a site.

    Args:
        site: What is served, and how.
    """
    static = StaticFiles(directory=str(resources.files("landfast.web") / "static"))
    routes: list[BaseRoute] = [Mount("/-/static", static, name="static")]
    routes += [Route(path, _action(site, act), methods=["POST"]) for path, act in ACTIONS.items()]
    routes.append(Route("/-/metrics", _metrics(site)))
    routes += [Route(path, _endpoint(site, path, function)) for path, function in PAGES.items()]
    routes.append(Route(f"{_OF}/raw", _bytes(site)))
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=site.hosts, root_path=site.root_path)],
        exception_handlers={HTTPException: _http_error(site)},
    )


def _endpoint(site: Site, path: str, function: PageFunction) -> Any:
    async def answer(request: Request) -> Response:
        return await run_in_threadpool(respond, site, path, function, request)

    return answer


def _bytes(site: Site) -> Any:
    async def answer(request: Request) -> Response:
        try:
            await run_in_threadpool(site.client.registry.overview.refresh)
            return await raw.answer(site, request)
        except Exception as error:  # noqa: BLE001 - said by the page
            return await run_in_threadpool(refuse, site, error, request, is_json=False)

    return answer


def _metrics(site: Site) -> Any:
    async def answer(request: Request) -> Response:
        return await run_in_threadpool(_numbers, site, request)

    return answer


def _numbers(site: Site, request: Request) -> Response:
    try:
        site.client.registry.overview.refresh()
        return Response(metrics_text(site.client.registry), media_type=CONTENT_TYPE)
    except Exception as error:  # noqa: BLE001 - said by the page
        return refuse(site, error, request, is_json=False)


def _action(site: Site, function: PageFunction) -> Any:
    async def answer(request: Request) -> Response:
        form = await _form(request)
        return await run_in_threadpool(_act, site, function, request, form)

    return answer


async def _form(request: Request) -> dict[str, str]:
    """Read the fields of a form; of what is larger than any form of ours, none."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_FORM:
            return {}
    pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, errors="replace")
    return dict(pairs)


def _act(site: Site, function: PageFunction, request: Request, form: dict[str, str]) -> Response:
    is_json = form.get("format") == "json"
    try:
        check_form(site.token, form, request.headers)
        site.client.registry.overview.refresh()
        view = function(site, Query(form | request.path_params, origin=_origin(request)))
        return reply(site, view, request, is_json=is_json)
    except Exception as error:  # noqa: BLE001 - said by the page
        return refuse(site, error, request, is_json=is_json)


def respond(site: Site, path: str, function: PageFunction, request: Request) -> Response:
    """Answer a request with what a page function returns or raises, in the form that is asked for.

    Args:
        site: What is served.
        path: Of the route, as `PAGES` has it.
        function: The page's.
        request: What is asked for.
    """
    given = dict(request.query_params) | request.path_params
    is_json = given.pop("format", "") == "json" or path in _TWINS
    try:
        site.client.registry.overview.refresh()
        if path.endswith("}"):
            given, is_json = _twin(site, given, request.path_params, is_json=is_json)
        view = function(site, Query(given, origin=_origin(request)))
        return reply(site, view, request, is_json=is_json)
    except Exception as error:  # noqa: BLE001 - said by the page
        return refuse(site, error, request, is_json=is_json)


def refuse(site: Site, error: Exception, request: Request, *, is_json: bool) -> Response:
    """Answer with the page of an error; of one that nobody foresaw, the log says a line."""
    if not isinstance(error, LandfastError):
        logger.error("%s %s: %s", request.method, visible(request.url.path), redact(repr(error)))
        error = LandfastError(
            "an unexpected error occurred on this page",
            hint="The log of `landfast ui` has the details.",
        )
    return reply(site, error_view(error), request, is_json=is_json)


def _origin(request: Request) -> str:
    """Return where the browser has the pages from; the name is one that `Guard` let through."""
    return f"{request.url.scheme}://{request.url.netloc}"


def _twin(
    site: Site, given: dict[str, str], path: Mapping[str, str], *, is_json: bool
) -> tuple[dict[str, str], bool]:
    """Take ``.json`` from the end of the path, unless a collection is called so."""
    last = next((name for name in ("view", "run", "collection", "project") if name in path), None)
    if last is None or not given[last].endswith(".json"):
        return given, is_json
    if last == "collection" and _is_there(site, given):
        return given, is_json
    return given | {last: given[last].removesuffix(".json")}, True


def _is_there(site: Site, given: dict[str, str]) -> bool:
    try:
        name = ArtifactName(
            entity=given["entity"], project=given["project"], collection=given["collection"]
        )
        return site.client.registry.collection_type(name) is not None
    except InvalidInput:
        return False


def reply(site: Site, view: View, request: Request, *, is_json: bool) -> Response:
    """Write a view in the form that is asked for, secrets in free text masked in both."""
    view = replace(view, data=masked(view.data))
    if is_json:
        body = json.dumps(view.data, ensure_ascii=True, indent=2)
        return Response(body, status_code=view.status, media_type="application/json")
    headers = {"content-security-policy": page_policy(view.origins)}
    if view.signed:
        headers["cache-control"] = "no-store"
    return Response(
        render.page(site, view, twin=_twin_of(site, request)),
        status_code=view.status,
        media_type="text/html",
        headers=headers,
    )


def _twin_of(site: Site, request: Request) -> str:
    query = [*request.query_params.multi_items(), ("format", "json")]
    return f"{site.root_path}{request.url.path}?{urlencode(query)}"


def _http_error(site: Site) -> Any:
    async def answer(request: Request, error: HTTPException) -> Response:
        problem = "there is no such page" if error.status_code == 404 else str(error.detail)
        view = replace(error_view(NotFound(problem)), status=error.status_code)
        return reply(site, view, request, is_json=request.url.path.endswith(".json"))

    return answer
