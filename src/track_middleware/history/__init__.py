"""What is done to events already kept."""
