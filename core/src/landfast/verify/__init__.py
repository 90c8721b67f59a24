"""Verify: say of every entry what its store holds now."""
