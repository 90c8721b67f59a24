"""The registry: versions, aliases, runs, edges, observations and the change feed."""
