"""What the pages mount: Python's side of each, and in assets/ the browser's."""
