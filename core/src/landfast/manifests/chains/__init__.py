"""Chains: a full manifest file and the deltas on it."""
