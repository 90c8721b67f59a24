"""Publish: make versions of manifests and managed files, and keep what they need in the store."""
