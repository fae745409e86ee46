"""The console's lists at ten million transactions: a data set, and every budget measured on it."""
