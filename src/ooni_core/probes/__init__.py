"""What probes are told: configuration, inputs, helpers, and where they seem to be."""
