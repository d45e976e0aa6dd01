"""Facts about the world that all business areas share."""
