"""The pages, one module an area; each hands a `Page` to the renderer."""
