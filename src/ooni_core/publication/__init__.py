"""Publishing what was accepted, unaltered and exactly once."""
