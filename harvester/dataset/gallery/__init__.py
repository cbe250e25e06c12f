"""The gallery: a first look at a data set."""
