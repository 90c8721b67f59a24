"""`landfast://` as a filesystem of fsspec."""
