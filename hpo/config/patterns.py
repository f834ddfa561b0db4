"""What words of the YAML files look like, as regular expressions."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
"""Safe in file names, URLs and the database."""

URL_PATTERN = r"^[a-z][a-z0-9]*(\+[a-z0-9_]+)?://.*$"
"""SQLAlchemy's database URLs."""

FUNCTION_PATTERN = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
"""``module:callable``."""

DIGEST_PATTERN = r"^[0-9a-f]{64}$"
"""SHA-256."""

FACTOR_PATTERN = "^[A-Za-z_][A-Za-z0-9_]*$"
"""Of a factor: a field of the recipe, a number of a CNN, or an argument of a Python function."""
