"""The demonstration: a story in numbered steps, told on embedded servers and real microscope images."""
