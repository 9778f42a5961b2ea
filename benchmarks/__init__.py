"""Figures beside a peer's or a limit's, in one run. Never in tests."""
