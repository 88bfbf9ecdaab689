"""From an Ice request to a Python method."""
