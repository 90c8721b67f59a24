"""Manifest files: Parquet blobs of sorted entries, written and read as streams."""
