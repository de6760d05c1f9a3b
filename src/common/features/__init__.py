"""The model's inputs, by one function that training, streaming and benchmarks share."""
