"""Upkeep: garbage collection, checks of a registry, and a doctor for places."""
