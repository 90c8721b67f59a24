"""Consumers: who follows the change feed and the stream of run events, and how far each has come."""
