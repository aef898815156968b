"""A model file as a tree of objects: read, looked through, added to, written. One file a format."""
