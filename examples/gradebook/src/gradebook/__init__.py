"""The grades of a class, and what a teacher wants to know of them."""
