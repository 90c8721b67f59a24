"""What is asked of a store for recorded objects: plans of it, and what became of it."""
