"""The rates: one result a file."""
