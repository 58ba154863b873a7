"""The sections of the Compare page, what they share, and what they measure."""
