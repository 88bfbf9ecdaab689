"""The planes of Pixels, wherever they are kept."""
