"""Files as records: what is listed, how bytes become records, and a look at the first of them."""
