"""What the pages read: digits, checkpoints, payloads; all of it cached."""
