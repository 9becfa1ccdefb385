"""What a plugin's or a driver's author tests with: contract classes, samples, and ears for the log. Shipped, and never imported in service."""
