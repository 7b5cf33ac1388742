"""A report's way: opened, filed, reviewed, returned, amended, chased, and what it is when it does not come."""
