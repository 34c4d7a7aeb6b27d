"""Dataset files and photographs on a disk, turned into a `Scene`; one module a file layout."""
