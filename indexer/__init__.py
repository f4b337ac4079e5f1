"""Chain in, tables out: what the contracts logged, row by row, and what follows from it.

    rpc → decode → rollups → store          follow drives them, one transaction a step
                     feed → store           what oracles say of connectors now, kept apart
    read_model ← tables → verify            what pages read; what checks the tables

The dashboard reads through `indexer.read_model` and nothing else.
"""
