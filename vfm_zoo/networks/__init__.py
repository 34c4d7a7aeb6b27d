"""Networks that no library carries, written from their papers. Imports torch; nothing outside a loader imports it."""
