"""Blob stores: where manifests and managed files lie, each named by the sha256 of its bytes."""
