"""Vision models that can be probed: what is known of each, and how to load it. Knows nothing of the benchmark."""
