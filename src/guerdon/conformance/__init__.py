"""Whether an endpoint does what providers are asked to do, seen from the sender's side."""
