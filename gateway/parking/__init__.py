"""The car park: passages of cars become stays, cars now, free spaces and a forecast. No I/O and no clock.

Tickets and vouchers (`gateway.parking.desk`) are the exception: people ask for them, so they have a table.
"""
