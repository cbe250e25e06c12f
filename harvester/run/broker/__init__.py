"""The command ``harvester broker``; its server is in `harvester.transport.broker`."""
