"""Copying a registry's rows to another database."""
