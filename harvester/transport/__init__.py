"""The polite transport: every byte to and from an archive goes through here."""
