"""The figures DESIGN asks for: one module a figure, its last line one JSON object."""
