"""What all SQL engines share: the tables, and each statement written once."""
