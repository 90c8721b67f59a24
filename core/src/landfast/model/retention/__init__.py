"""Retention: what a bucket does to its objects by itself, and what that means for a version."""
