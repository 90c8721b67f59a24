"""The database of a registry: its URL, its engine, its file, its faults."""
