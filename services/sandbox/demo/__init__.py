"""The demonstration: ``rollcall demo``."""
