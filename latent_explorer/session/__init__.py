"""What the session remembers for all pages."""
