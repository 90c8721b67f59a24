"""Pages: one module for what stands on a page, each a function from a query to a view."""
