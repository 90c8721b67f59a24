"""What is put into the registry's own store for a version: files of a draft, copies of recorded objects."""
