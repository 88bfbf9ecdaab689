"""The borders to the two worlds: each translates foreign words and errors into the project's own."""
