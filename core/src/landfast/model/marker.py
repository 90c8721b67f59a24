"""The marker: the folder that a download leaves in its target, to tell what the target holds."""

MARKER = ".landfast"
_SKIPPED = "marker of a download"


def of_marker(path: str) -> str:
    """Say why a path is no entry if a download's marker is there; ``""`` if it may be one.

    Example:
        >>> of_marker("runs/1/.landfast/identity.json"), of_marker(".landfast.toml")
        ('marker of a download', '')
    """
    if MARKER not in path:
        return ""
    *folders, _ = path.split("/")
    return _SKIPPED if MARKER in folders or path == MARKER else ""
