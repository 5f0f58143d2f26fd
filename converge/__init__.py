"""converge: YAML says which NICs each guest should have; a pod's network namespace is made so, again and again."""

__version__ = "0.1.0"
