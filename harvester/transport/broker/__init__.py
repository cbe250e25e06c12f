"""One limit for the harvests of several machines: a server that all of them ask.

The server lends places in the accounts of its own machine (`transport.account`), so
that its answers follow the same rules, and harvests of that machine are counted too. A
lease ends by time. Without the server nothing is sent.
"""
