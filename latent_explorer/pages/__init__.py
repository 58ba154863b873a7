"""The app's pages, a folder each."""
