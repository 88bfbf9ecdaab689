"""HQL: read into a tree, translated to SQL. What is not understood is refused, never guessed."""
