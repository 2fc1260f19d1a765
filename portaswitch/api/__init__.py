"""HTTP: metrics and health now; the JSON API later."""
