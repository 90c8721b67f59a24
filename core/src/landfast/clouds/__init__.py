"""Clients, options and errors of providers, for the stores and the blob stores alike."""
