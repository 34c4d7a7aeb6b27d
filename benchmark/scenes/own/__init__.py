"""A folder of one's own photographs made into a dataset: poses, a choice of views, and a sheet to look at."""
