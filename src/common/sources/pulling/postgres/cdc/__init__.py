"""Change data capture: what a database's log says of tables, from a snapshot on, each change landed once."""
