"""What a project's source code sends, read without running it."""
