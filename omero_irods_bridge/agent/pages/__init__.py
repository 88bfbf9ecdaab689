"""The web page of the agent: made on the server, whole without a script."""
