"""The console: the operator's pages under our own prefix, on every face alike."""
