"""Web: pages of artifacts, versions, files and lineage, read from the registry; the extra `web`.

A page is a function from a request to a `View`: the name of a template and a dict that JSON can hold. The page
shows that dict and nothing else, and its `.json` twin is that dict.
"""
