"""What people who look at a measurement say it shows."""
