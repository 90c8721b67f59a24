"""Scan: turn a reference into a sorted manifest: plan, scan each shard, merge."""
