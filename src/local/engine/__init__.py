"""The local engine: Java, Spark's jars, the Spark Connect server, its keeper, and sessions on it."""
