"""The pages that are made from the contracts and from what a run did."""
