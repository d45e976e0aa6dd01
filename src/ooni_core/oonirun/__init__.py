"""OONI Run links: lists of nettests that people share, and what they say about them in several languages."""
