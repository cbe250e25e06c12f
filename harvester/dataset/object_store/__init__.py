"""Object stores: their addresses, how they are opened, what is put and read there.

Only this folder knows the library that speaks to them. It imports nothing of the rest
of the package but plain facts.
"""
