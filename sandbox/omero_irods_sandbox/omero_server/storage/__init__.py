"""The bytes behind OriginalFiles and Pixels: where they are, their checksums, reading and writing them."""
