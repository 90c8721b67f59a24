"""SwiftPages: turns moto's lists of versions into those of OpenStack Swift 2.30 and its kin.

Swift's `s3api` looks up a field of the wrong name, so `NextVersionIdMarker` always is ``null``; who asks for
what follows ``null`` gets an empty page that claims to be the last. `NextKeyMarker` is written as it is, also
where keys are asked for in percent-encoding. Versions and delete markers stand in one order.
"""

import re
from dataclasses import replace
from urllib.parse import quote
from xml.etree import ElementTree as ET

from kit.servers.exchange import Request, Response

_SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_EMPTY = (
    f'<ListVersionsResult xmlns="{_SPACE}"><EncodingType>url</EncodingType>'
    "<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListVersionsResult>"
).encode()


class SwiftPages:
    """A fault of the proxy, for requests of the kind `list-versions`."""

    def early(self, request: Request) -> Response | None:
        """Answer that nothing follows the version ``null``."""
        if request.query.get("version-id-marker") != "null":
            return None
        return _xml(Response(status=200, headers={}, body=b""), _EMPTY)

    def late(self, request: Request, response: Response) -> Response:
        """Write the page as Swift does."""
        if response.status != 200:
            return response
        text = re.sub(rb' xmlns="[^"]*"', b"", response.body)
        page = ET.fromstring(text)
        last = page.find("NextVersionIdMarker")
        rows = _put_in_order(page, None if last is None else last.text)
        marker = page.find("NextKeyMarker")
        if last is not None and marker is not None:
            last.text, marker.text = "null", rows[-1].findtext("Key")
        if "encoding-type" in request.query:
            for row in rows:
                _child(row, "Key").text = quote(row.findtext("Key") or "")
            _child(page, "EncodingType").text = "url"
        page.set("xmlns", _SPACE)
        return _xml(response, ET.tostring(page))


def _put_in_order(page: ET.Element, last: str | None) -> list[ET.Element]:
    """Put versions and delete markers in one order, the row that the page ended with last."""
    rows = [item for item in page if item.tag in {"Version", "DeleteMarker"}]
    rows.sort(key=lambda row: row.findtext("LastModified") or "", reverse=True)
    rows.sort(key=lambda row: row.findtext("IsLatest") != "true")
    rows.sort(key=lambda row: row.findtext("VersionId") == last)
    rows.sort(key=lambda row: row.findtext("Key") or "")
    for row in rows:
        page.remove(row)
    page.extend(rows)
    return rows


def _child(parent: ET.Element, name: str) -> ET.Element:
    found = parent.find(name)
    return ET.SubElement(parent, name) if found is None else found


def _xml(response: Response, body: bytes) -> Response:
    headers = {k: v for k, v in response.headers.items() if k != "transfer-encoding"}
    told = {"content-type": "application/xml", "content-length": str(len(body))}
    return replace(response, headers=headers | told, body=body)
