"""Links that restore what is seen."""
