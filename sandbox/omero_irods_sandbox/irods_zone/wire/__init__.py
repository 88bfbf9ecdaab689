"""The iRODS wire: frames, packed structures in XML, and the byte stream that follows them."""
