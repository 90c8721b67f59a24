"""Decorators: `@task.landfast`."""
