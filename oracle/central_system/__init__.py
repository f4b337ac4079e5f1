"""The central system: charge points connect here by WebSocket and speak OCPP-J.

`server` holds the connections, `intake` stores every frame with what it changes
before it is answered, `ocpp16` knows what the messages of OCPP 1.6 mean.
"""
