"""Hooks: the registry behind an Airflow connection."""
