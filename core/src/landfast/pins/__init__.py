"""Pins: which recorded place may serve which bytes."""
