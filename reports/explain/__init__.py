"""Why networks predicted what they did: one page that needs no network and no script."""
