"""What runs at the mall: MQTT in, positions and visits, a store, events, the HTTP interface."""
