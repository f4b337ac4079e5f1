"""Proposing: pending sessions become a batch, the batch a transaction, the transaction final.

`builder` makes a proposal, `collection` gathers the committee's signatures,
`submitter` brings the batch to the chain, and `proposer` drives them through the
states that the store keeps, so that it goes on after a kill wherever it was.
"""
