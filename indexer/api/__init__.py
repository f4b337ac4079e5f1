"""The read API: the tables as JSON over HTTP. `chargecoin.indexer_models` says in what words."""
