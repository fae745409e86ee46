"""How fast this machine accepts and settles, beside pgbench on the same PostgreSQL."""
