"""Tables in, pages, exports and an API out. Holds no key and sends no transaction."""
