"""Tell lineage to whoever speaks OpenLineage: runs with the versions that they used and logged."""
