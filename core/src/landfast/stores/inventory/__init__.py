"""Inventories: what a provider has listed of a bucket already, read as rows of a listing."""
