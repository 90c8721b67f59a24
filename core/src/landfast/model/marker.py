"""The marker: the folder that a download leaves in its target, to tell what the target holds."""

MARKER = ".landfast"
