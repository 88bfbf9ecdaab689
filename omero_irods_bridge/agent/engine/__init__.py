"""What a worker does: lets jobs begin within the limits, and runs them so that a kill loses nothing."""
