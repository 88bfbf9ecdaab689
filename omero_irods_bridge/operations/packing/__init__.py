"""How pack carries out its plan: files and metadata go where nobody sees them before they are sealed."""
