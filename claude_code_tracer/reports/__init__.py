"""Reports on usage. Pure: rows in, JSON documents and sheets of text out."""
