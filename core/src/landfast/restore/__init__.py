"""Restore: bring recorded objects back from the archives of their stores."""
