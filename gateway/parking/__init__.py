"""The car park: passages of cars become stays, cars now, free spaces and a forecast. No I/O and no clock.

Tickets and vouchers are elsewhere (`gateway.store.desk`): people ask for them, so they have a table.
"""
