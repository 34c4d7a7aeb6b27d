"""Getting a dataset's files onto this machine: downloaded, unpacked, checked."""
