"""PostgreSQL as the store: one database into which any number of hosts drain."""
