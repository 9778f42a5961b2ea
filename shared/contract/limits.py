"""Bounds that a message or Unitu's document sets, wherever they are looked at. Pure."""

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # of one record: the topics take no larger one, and no client sends one
UNITU_YEARS = range(8)  # "nullable number with possible values (null, 0-7)"
