"""From records to tables and pages. Reads `benchmark.records` and nothing else; needs no torch."""
