"""Retention: say when a recorded object version can expire or go to an archive, by the rules of its bucket."""
