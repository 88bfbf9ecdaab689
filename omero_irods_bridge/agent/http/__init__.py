"""The agent over HTTP: hand in jobs and ask after them, under ``/api/v1``."""
