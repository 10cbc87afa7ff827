"""From the spool to the destinations: the only part that waits."""
