"""The agent: runs jobs for people who have walked away."""
