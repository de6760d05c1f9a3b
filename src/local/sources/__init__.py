"""A source looked at before it is run: what its files hold, and a first declaration of files that have none."""
