"""Incidents: reports on censorship that people write and the project publishes, called findings on web pages."""
