# Written by tools/write_sync.py from the async client. Change the source, not this file.
