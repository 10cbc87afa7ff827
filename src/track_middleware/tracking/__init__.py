"""From a request to its events. No I/O happens here: clock, ids and the sink come in."""
