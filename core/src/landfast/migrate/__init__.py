"""Migrate: what other tools recorded, read from their own files as versions to log; none of them is needed for that."""
