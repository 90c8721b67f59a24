"""Stores: read-only windows on places where objects lie."""
